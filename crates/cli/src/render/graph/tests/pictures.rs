//! The text forms of the pictures, as snapshots.

use super::super::{dot, mermaid, text};
use super::{SHOP, drawing};
use std::fmt::Write;

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn a_plan_in_80_columns() {
    let text = plain(&text::draw(&drawing(SHOP), 80));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_narrow_terminal_loses_words_but_no_step() {
    let text = plain(&text::draw(&drawing(SHOP), 60));
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    assert!(text.contains("convert-orders"), "{text}");
}

#[test]
fn a_plan_for_graphviz() {
    insta::assert_snapshot!(dot::draw(&drawing(SHOP)));
}

#[test]
fn a_plan_for_markdown() {
    insta::assert_snapshot!(mermaid::draw(&drawing(SHOP)));
}

const EVIL: &str = r#"
plan: evil
title: 'A <b>"title"</b> & `more`'
steps:
  - step: one
    title: '1. "quoted" <b>&amp;</b> #hash; \ back --> end'
    run: "true"
    read_only: true
"#;

#[test]
fn words_that_a_format_takes_for_its_own_are_escaped() {
    let drawing = drawing(EVIL);
    let dot = dot::draw(&drawing);
    assert!(dot.contains(r#"label="A <b>\"title\"</b> & `more`""#), "{dot}");
    assert!(dot.contains(r"#hash; \\"), "{dot}");
    let mermaid = mermaid::draw(&drawing);
    assert!(mermaid.contains("1#46; #34;quoted#34; #60;b#62;#38;amp#59;#60;/b#62; #35;hash#59;"));
    assert!(mermaid.contains(r#"title: "A <b>\"title\"</b> & `more`""#), "{mermaid}");
}

#[test]
fn many_lines_at_once_are_named_instead_of_drawn() {
    let mut yaml = "plan: wide\nsteps:\n".to_owned();
    for at in 0..9 {
        let _ = writeln!(yaml, "  - {{ step: a{at}, run: 'true', read_only: true, needs: [] }}");
    }
    for at in 0..9 {
        let _ =
            writeln!(yaml, "  - {{ step: b{at}, run: 'true', read_only: true, needs: [a{at}] }}");
    }
    let text = plain(&text::draw(&drawing(&yaml), 80));
    assert!(text.contains("b3  after a3: true"), "{text}");
}

#[test]
fn what_mermaid_would_refuse_is_drawn_phase_by_phase() {
    let mut yaml = "plan: huge\nphases:\n".to_owned();
    for phase in 0..3 {
        let _ = writeln!(yaml, "  - phase: p{phase}\n    steps:");
        for at in 0..200 {
            let _ =
                writeln!(yaml, "      - {{ step: s{phase}-{at}, run: 'true', read_only: true }}");
        }
    }
    insta::assert_snapshot!(mermaid::draw(&drawing(&yaml)), @r#"
---
title: "huge"
---
flowchart TD
  subgraph p0["p0"]
    n0("<b>p0</b><br/>200 steps"):::phase
  end
  subgraph p1["p1"]
    n1("<b>p1</b><br/>200 steps"):::phase
  end
  subgraph p2["p2"]
    n2("<b>p2</b><br/>200 steps"):::phase
  end
  p0 --> p1
  p1 --> p2
  note["600 entries are too many for a picture: each phase is drawn whole"]
  classDef phase fill:#f6f8fa,stroke:#57606a,color:#24292f
  style p0 fill:#fbfcfd,stroke:#d0d7de,color:#24292f
  style p1 fill:#fbfcfd,stroke:#d0d7de,color:#24292f
  style p2 fill:#fbfcfd,stroke:#d0d7de,color:#24292f
"#);
}
