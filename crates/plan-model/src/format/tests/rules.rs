//! One fact a test: the text as somebody wrote it, and as it should be.

use super::check;
use crate::format::{FormatError, Outcome, format, outcome};

/// For texts that are as they should be.
#[track_caller]
fn stays(text: &str) {
    check(text, text);
}

mod ends_and_blank_lines {
    use super::*;

    #[test]
    fn line_ends_become_line_feeds() {
        check("a: 1\r\nb:\r\n  - x\r\n", "a: 1\nb:\n  - x\n");
        check("a: 1\rb: 2\r", "a: 1\nb: 2\n");
    }

    #[test]
    fn the_byte_order_mark_goes() {
        check("\u{feff}a: 1\n", "a: 1\n");
    }

    #[test]
    fn one_line_end_ends_the_text() {
        check("a: 1", "a: 1\n");
        check("a: 1\n\n\n", "a: 1\n");
    }

    #[test]
    fn nothing_stays_nothing() {
        check("", "");
        check("\n\n  \n", "");
    }

    #[test]
    fn a_text_of_comments_is_a_text() {
        check("\n  # one\n\n\n     # two\n\n", "# one\n\n# two\n");
    }

    #[test]
    fn blank_lines_shrink_to_one() {
        check("\n\na: 1\n\n \n\t\n\nb: 2\n", "a: 1\n\nb: 2\n");
    }

    #[test]
    fn blank_lines_shrink_around_comments_and_inside_brackets() {
        check("a: 1\n\n\n# c\n\n\nb: [x,\n\n\n y]\n", "a: 1\n\n# c\n\nb: [x,\n\n    y]\n");
    }

    #[test]
    fn spaces_at_line_ends_go() {
        check("a: 1  \nb:   \n  - x\t\n# c  \n", "a: 1\nb:\n  - x\n# c\n");
    }
}

mod blocks {
    use super::*;

    #[test]
    fn mappings_step_in_by_two() {
        check("a:\n     b:\n      c: 1\n     d: 2\n", "a:\n  b:\n    c: 1\n  d: 2\n");
    }

    #[test]
    fn the_outermost_block_stands_at_the_edge() {
        check("   a: 1\n   b: 2\n", "a: 1\nb: 2\n");
    }

    #[test]
    fn a_sequence_steps_in_under_its_key() {
        check("steps:\n- a\n- b\nmore: 1\n", "steps:\n  - a\n  - b\nmore: 1\n");
        check("steps:\n      - a\n      - b\n", "steps:\n  - a\n  - b\n");
    }

    #[test]
    fn sequences_at_the_keys_column_nest() {
        check("a:\n- b:\n  - c\n  d: 1\n- e\n", "a:\n  - b:\n      - c\n    d: 1\n  - e\n");
    }

    #[test]
    fn one_space_follows_a_dash() {
        check("-    a\n-\tb\n", "- a\n- b\n");
        check("-   a: 1\n    b: 2\n", "- a: 1\n  b: 2\n");
        check("-   -    a\n    -    b\n", "- - a\n  - b\n");
    }

    #[test]
    fn an_entry_may_start_below_its_dash() {
        check("-\n    a: 1\n    b: 2\n", "-\n  a: 1\n  b: 2\n");
    }

    #[test]
    fn one_space_follows_a_colon_and_none_precedes_it() {
        check("a  :    1\n'b' :\t2\n", "a: 1\n'b': 2\n");
    }

    #[test]
    fn a_value_may_stand_below_its_key() {
        check("a:\n      text\n", "a:\n  text\n");
    }

    #[test]
    fn empty_values_stay_empty() {
        check("a:\nb:   \nc:\n-\n-  \n", "a:\nb:\nc:\n  -\n  -\n");
    }

    #[test]
    fn complex_keys_keep_their_mark() {
        check("?   - a\n    - b\n:   - c\n    - d\n?   e\n", "? - a\n  - b\n: - c\n  - d\n? e\n");
        check("?\n - a\n:\n    b\n", "?\n  - a\n:\n  b\n");
        check("[a,b]  : 1\n", "[a, b]: 1\n");
    }
}

mod brackets {
    use super::*;

    #[test]
    fn one_line_takes_single_spaces() {
        check("a: {b:   1,c: 2  ,   d:   3}\n", "a: { b: 1, c: 2, d: 3 }\n");
        check("a: [ b,c ,   d ]\n", "a: [b, c, d]\n");
        check("- {a: [ 1,{ b: 2}]}\n", "- { a: [1, { b: 2 }] }\n");
    }

    #[test]
    fn empty_ones_hold_nothing() {
        check("a: { }\nb: [  ]\nc: [\n\n]\n", "a: {}\nb: []\nc: []\n");
    }

    #[test]
    fn empty_ones_with_a_comment_hold_it() {
        check("a: [ # none\n]\nb: {\n# none\n}\n", "a: [  # none\n  ]\nb: {\n    # none\n  }\n");
    }

    #[test]
    fn long_lines_are_not_broken() {
        let items = vec!["0123456789"; 20].join(", ");
        stays(&format!("a: [{items}]\n"));
        check(&format!("a: [ {items} ]\n"), &format!("a: [{items}]\n"));
    }

    #[test]
    fn line_breaks_stay_and_items_step_in() {
        check(
            "a: [\n  b,\n c,\n]\nd: {\n e: 1,\n   f:   2\n}\n",
            "a: [\n    b,\n    c,\n  ]\nd: {\n    e: 1,\n    f: 2\n  }\n",
        );
    }

    #[test]
    fn in_a_sequence_the_closing_bracket_stands_below_the_entry() {
        check("x:\n- {\n  a: 1,\n}\n", "x:\n  - {\n      a: 1,\n    }\n");
    }

    #[test]
    fn a_bracket_on_a_line_of_its_own_closes_in_its_column() {
        check("a:\n     [\n b\n]\n", "a:\n  [\n    b\n  ]\n");
        check("{\n      a: 1\n      }\n", "{\n  a: 1\n}\n");
    }

    #[test]
    fn items_behind_the_opening_bracket_align_the_later_ones() {
        check("m: [[1,2],\n  [3,4],\n  ]\n", "m: [[1, 2],\n    [3, 4],\n   ]\n");
        check("m: {a: 1,\n  b: 2}\n", "m: { a: 1,\n     b: 2 }\n");
    }

    #[test]
    fn nested_brackets_step_from_their_line() {
        check(
            "a: {\nb: [\n1,\n2\n], c: {\nd: 3\n}\n}\n",
            "a: {\n    b: [\n      1,\n      2\n    ], c: {\n      d: 3\n    }\n  }\n",
        );
    }

    #[test]
    fn a_value_below_its_key_steps_in() {
        check("a: {\n  b:\n  c,\n  d: e\n}\n", "a: {\n    b:\n      c,\n    d: e\n  }\n");
    }

    #[test]
    fn pairs_and_empty_nodes_survive() {
        check(
            "[a : 1, ? b : 2,\"c\":3 , d: , ? , : e]\n",
            "[a: 1, ? b: 2, \"c\": 3, d: , ? , : e]\n",
        );
    }

    #[test]
    fn trailing_commas_stay() {
        check("a: [b , ]\nc: {d: 1 , }\n", "a: [b,]\nc: { d: 1, }\n");
    }
}

mod comments {
    use super::*;

    #[test]
    fn two_spaces_precede_a_comment() {
        check("a: 1 # x\nbcd:      # y\n  - e    # z\n", "a: 1  # x\nbcd:  # y\n  - e  # z\n");
    }

    #[test]
    fn comments_in_one_column_stay_in_one() {
        stays("a: 1     # x\nbcd: 2   # y\ne: 3     # z\n");
        check("a:   1   # x\nbcd:   2 # y\n", "a: 1     # x\nbcd: 2   # y\n");
    }

    #[test]
    fn a_group_moves_right_when_a_line_gets_longer() {
        check("a:       # x\n- {b: 1} # y\n", "a:            # x\n  - { b: 1 }  # y\n");
    }

    #[test]
    fn a_group_may_have_lines_between() {
        stays("a:        # x\n  - b\n\n  - c\nd: e      # y\n");
    }

    #[test]
    fn snug_comments_far_apart_share_a_column_by_chance() {
        check(
            "a: 1 # x\nb:\n- c  # y\n- d: 1\ne: 1 # z\n",
            "a: 1  # x\nb:\n  - c  # y\n  - d: 1\ne: 1  # z\n",
        );
    }

    #[test]
    fn a_comment_goes_on_below_itself() {
        stays("a: 1    # first\n        # second\nb: 2\n");
        check(
            "a:   1 # one\n       # two\n       # three\n",
            "a: 1   # one\n       # two\n       # three\n",
        );
    }

    #[test]
    fn columns_count_characters() {
        stays("é: 1     # x\nabc: 2   # y\n");
    }

    #[test]
    fn a_comment_stands_with_the_node_below_it() {
        check(
            "a:\n# in a\n      - b\n         # of c\n      - c\n    # of d\nd: 1\n",
            "a:\n  # in a\n  - b\n  # of c\n  - c\n# of d\nd: 1\n",
        );
    }

    #[test]
    fn a_last_entry_that_is_commented_out_stays_with_its_list() {
        check(
            "phases:\n    - steps:\n        - a\n        # - b\n    # - steps:\n\n# end\nx: 1\n",
            "phases:\n  - steps:\n      - a\n      # - b\n  # - steps:\n\n# end\nx: 1\n",
        );
        check("a:\n    - b\n    # - c\n", "a:\n  - b\n  # - c\n");
    }

    #[test]
    fn comments_inside_brackets_stand_with_the_items() {
        check(
            "a: [\n # one\nb, # two\n  # three\n]\n",
            "a: [\n    # one\n    b,  # two\n    # three\n  ]\n",
        );
    }

    #[test]
    fn a_hundred_comments_in_a_row_are_no_reason_to_refuse() {
        let comments = "  # commented out\n".repeat(200);
        check(&format!("a:\n{comments}  - b\n"), &format!("a:\n{comments}  - b\n"));
    }

    #[test]
    fn text_of_a_comment_stays() {
        stays("#!shebang\n#:no space\n#   three\n#\n##\na: 1  #x # y\n");
    }
}

mod scalars {
    use super::*;

    #[test]
    fn quotes_stay() {
        stays("a: 'x'\nb: \"y\"\n'c': \"\\u00e9\"\n\"d\": 'it''s'\n");
    }

    #[test]
    fn text_that_looks_like_layout_stays() {
        stays("a: 'b:   c  # d'\ne: http://x:80/#y\nf: a  -  b\n");
    }

    #[test]
    fn a_block_scalar_moves_as_a_whole() {
        check(
            "a:\n    run: |\n          one\n            two  \n\n          # three\n    b: 1\n",
            "a:\n  run: |\n    one\n      two  \n\n    # three\n  b: 1\n",
        );
        check("- >-\n one\n\n   two\n", "- >-\n  one\n\n    two\n");
    }

    #[test]
    fn blank_lines_inside_a_block_scalar_stay() {
        stays("a: |\n\n\n  x\n\n\n\n  y\nb: 1\n");
    }

    #[test]
    fn blank_lines_behind_a_block_scalar_shrink_unless_kept() {
        check("a: |\n  x\n\n\n\nb: >-\n  y\n\n\n\n", "a: |\n  x\n\nb: >-\n  y\n");
        stays("a: |+\n  x\n\n\n\nb: 1\n");
        stays("a: |+\n  x\n\n\n");
    }

    #[test]
    fn an_indentation_indicator_becomes_two() {
        check("a: |4-\n      x\n    y\n", "a: |2-\n    x\n  y\n");
        check("- - >+1\n     x\n\n", "- - >+2\n      x\n\n");
    }

    #[test]
    fn spaces_that_are_a_block_scalars_text_stay() {
        check("a: |1\n   \n b\n", "a: |2\n    \n  b\n");
        check("- a: |\n     b\n        \n  c: 1\n", "- a: |\n    b\n       \n  c: 1\n");
    }

    #[test]
    fn an_empty_block_scalar_is_one_line() {
        check("a: |\n\n\nb: >-\nc: |+\n\n\nd: 1\n", "a: |\n\nb: >-\nc: |+\n\n\nd: 1\n");
    }

    #[test]
    fn a_block_scalars_first_line_may_have_a_comment() {
        check("a: |-   # why\n    x\n# y\n", "a: |-  # why\n  x\n# y\n");
    }

    #[test]
    fn a_comment_behind_a_block_scalar_is_not_its_text() {
        check("a:\n  - |\n    x\n  # y\n# z\n", "a:\n  - |\n    x\n  # y\n# z\n");
    }

    #[test]
    fn later_lines_of_a_scalar_step_in() {
        check("a: one\n         two\n three\n", "a: one\n  two\n  three\n");
        check("- 'one\n\n\n       two  '\n", "- 'one\n\n\n  two  '\n");
        check("[one\n two, three]\n", "[one\n   two, three]\n");
    }

    #[test]
    fn spaces_at_line_ends_inside_quotes_go_unless_escaped() {
        check("a: \"b  \n  c\\ \t\n  d \\\n  e\"\n", "a: \"b\n  c\\ \n  d \\\n  e\"\n");
    }

    #[test]
    fn later_lines_can_not_end_the_document() {
        check("one\n --- two\n ... three\n", "one\n  --- two\n  ... three\n");
    }
}

mod documents {
    use super::*;

    #[test]
    fn anchors_aliases_and_tags_survive() {
        check(
            "a:   &x   !!str   b\n&k c:  *x\n*x : !t {  }\nd: &m\n    e: 1\nf: !<tag:x,1>  g\n",
            "a: &x !!str b\n&k c: *x\n*x : !t {}\nd: &m\n  e: 1\nf: !<tag:x,1> g\n",
        );
        check(
            "- &a   k: 1\n- &b\n   k: 1\n-  !!seq\n   - x\n",
            "- &a k: 1\n- &b\n  k: 1\n- !!seq\n  - x\n",
        );
        check("a: &x\n- b\nc: [&y d,*y ,!e , f]\n", "a: &x\n  - b\nc: [&y d, *y, !e , f]\n");
    }

    #[test]
    fn an_alias_without_an_anchor_is_not_the_layouts_concern() {
        check("a:   *nothing\n", "a: *nothing\n");
    }

    #[test]
    fn directives_and_markers_survive() {
        check(
            "%YAML 1.2   # dir\n%TAG !e! tag:e,1:\n---   # start\na:   !e!x 1\n...\n# end\n",
            "%YAML 1.2  # dir\n%TAG !e! tag:e,1:\n---  # start\na: !e!x 1\n...\n# end\n",
        );
        check("---    text\n", "--- text\n");
        check("--- |1\n x\n", "--- |2\n  x\n");
    }

    #[test]
    fn a_second_document_is_refused_with_its_place() {
        assert_eq!(format("a: 1\n---\nb: 2\n"), Err(FormatError::SeveralDocuments { at: 5 }));
        assert!(format("---\na: 1\n...\n").is_ok());
    }

    #[test]
    fn what_is_not_yaml_is_refused_with_its_place() {
        for (text, at) in [
            ("a: [1, 2\n", 3),
            ("a:\n\t- b\n", 4),
            ("a: \"\\q\"\n", 3),
            ("\u{feff}a: }\n", 6),
            ("a: 1\r\n  b: 2\r\n", 9),
        ] {
            let error = format(text).unwrap_err();
            assert!(matches!(error, FormatError::Syntax { .. }), "{text:?}: {error:?}");
            assert_eq!(error.at(), at, "{text:?}: {error}");
            assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn text_that_the_layout_would_break_is_kept() {
        // At the edge, the dashes would start a document.
        let text = " --- a: 1\r\n --- b:   2";
        assert!(matches!(outcome(text), Ok(Outcome::Kept(_))));
        assert_eq!(format(text).as_deref(), Ok(" --- a: 1\n --- b:   2\n"));
    }
}

#[test]
fn a_plan_in_good_order_stays() {
    stays(include_str!("tidy-plan.yaml"));
}

#[test]
fn a_plan_in_disorder_is_put_in_order() {
    check(include_str!("untidy-plan.yaml"), include_str!("tidy-plan.yaml"));
}
