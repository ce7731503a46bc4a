//! What is read of a script, and what becomes of hostile ones.

use super::*;
use std::time::{Duration, Instant};

fn words(script: &str) -> Vec<Vec<String>> {
    let read = read(script);
    assert_eq!(read.problem, None, "{script}");
    let texts = |command: &Command<'_>| {
        command.words.iter().map(|word| word.text.replace(UNKNOWN, "?")).collect()
    };
    read.commands.iter().map(texts).collect()
}

fn shown(script: &str) -> Vec<String> {
    words(script).iter().map(|words| words.join("|")).collect()
}

#[test]
fn words_lose_their_quotes_and_keep_their_places() {
    let script = "echo 'a b'\"c\"\\ d $x {{ y ~ ' z' }}/e";
    let read = read(script);
    let command = &read.commands[0];
    let places: Vec<&str> = command.words.iter().map(|word| read.slice(&word.range)).collect();
    assert_eq!(places, ["echo", "'a b'\"c\"\\ d", "$x", "{{ y ~ ' z' }}/e"]);
    assert_eq!(command.words[1].literal(), Some("a bc d"));
    assert_eq!(command.words[2].literal(), None);
    assert!(command.words[3].has_hole);
    assert_eq!(read.slice(&command.range), script);
}

#[test]
fn commands_come_in_the_order_of_the_text() {
    assert_eq!(
        shown("a $(b `c \\`d\\``) <(e) | f && { g; } || (h) & if i; then j; fi\nk <<X\n$(l)\nX\nm"),
        ["a|?|?", "b|?", "c|?", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"]
    );
}

#[test]
fn how_a_command_stands_among_others_is_known() {
    let script =
        "set -e; a | b || true; c && d & ! e; if f; then (g); fi; h || { i; exit; }; x=$(j)";
    let read = read(script);
    let find = |name: &str| {
        let mut found = read.commands.iter();
        found.find(|command| command.words.first().is_some_and(|word| word.text == name)).unwrap()
    };
    assert_eq!(find("a").in_pipeline, Some((0, 2)));
    assert_eq!(find("b").in_pipeline, Some((1, 2)));
    assert!(matches!(find("b").guard, Some(Guard::Ignored(ref at)) if read.slice(at) == "true"));
    assert!(find("c").in_condition && find("c").background && find("d").background);
    assert!(!find("d").in_condition);
    assert!(find("e").negated && find("f").in_condition);
    assert_eq!(find("g").nesting, Nesting::Subshell);
    assert!(matches!(find("h").guard, Some(Guard::Handled(_))));
    assert_eq!(find("j").nesting, Nesting::Substitution);
    assert!(find("j").guard.is_none());
}

#[test]
fn assignments_redirections_and_documents_are_apart_from_words() {
    let script = "A=1 B='x y' psql -X 2>/dev/null <<'SQL' > out\nselect 1;\nSQL\nL=(a b)";
    let read = read(script);
    let command = &read.commands[0];
    let values: Vec<_> = command
        .assignments
        .iter()
        .map(|one| (&*one.name, one.value.as_ref().and_then(Word::literal)))
        .collect();
    assert_eq!(values, [("A", Some("1")), ("B", Some("x y"))]);
    let all: Vec<_> = command
        .redirections
        .iter()
        .map(|one| (one.descriptor, one.operator, &*one.target.text))
        .collect();
    assert_eq!(all, [(Some(2), ">", "/dev/null"), (None, "<<", "SQL"), (None, ">", "out")]);
    assert_eq!(read.slice(command.redirections[1].body.as_ref().unwrap()), "select 1;\n");
    assert!(read.commands[1].assignments[0].value.is_none());
}

#[test]
fn a_problem_has_its_place() {
    for (script, place, message) in [
        ("echo 'a", "'", "this `'` is never closed"),
        ("if a; then b", "if", "this `if` is never closed by `fi`"),
        ("a; fi", "fi", "unexpected `fi`"),
        ("a (b)", "(", "unexpected `(`"),
        ("a &&", "", "the script ends in the middle of a command"),
        ("echo ${a", "{", "this `{` is never closed"),
    ] {
        let problem = read(script).problem.unwrap();
        assert_eq!((&script[problem.range], &*problem.message), (place, message), "{script}");
    }
}

#[test]
fn branches_of_a_template_are_read_one_after_another() {
    let script = "a\n{%- if x %}\nb {{ y }}\n{% else %}'\n{% endif %}\nc";
    let read = read(script);
    assert_eq!(read.problem, None);
    assert_eq!(read.slice(&read.commands[1].words[1].range), "{{ y }}");
    assert_eq!(read.holes[0].context, Context::Unknown);
}

#[test]
fn rendered_text_is_only_shell() {
    let text = "echo VALUE {{ x }}";
    let read = read_rendered(text, &[5..10, 3..4, 9..999]);
    assert_eq!(read.holes, [Hole { range: 5..10, context: Context::Bare }]);
    assert_eq!(read.commands[0].words.len(), 5);
}

#[test]
fn hostile_scripts_are_refused_soon_and_without_harm() {
    // A quarter of what is allowed keeps the test short; what grew with the square would show.
    let many = |text: &str| text.repeat(MAX_LENGTH / 4 / text.len());
    let mut scripts: Vec<String> = [
        "{",
        "{ ",
        "(",
        "((",
        "$(",
        "\"$(",
        "`",
        "\\`",
        "${",
        "${x:-",
        "$((",
        "$((1",
        "<(",
        "if ",
        "while ",
        "case x in a) ",
        "f() ",
        "f() {",
        "[[ ( ",
        "[[ ! ",
        "! ",
        "time ",
        "a|",
        "a||",
        "a&&b||",
        "a | ! ",
        "x=(",
        "x[",
        "\"",
        "'",
        "$'",
        "<<E ",
        "a<<E\n",
        "{{",
        "{% ",
        "{#",
        "{{ a }}",
        "a {{ b }} | ",
        "x={{ a }};echo $((x));",
        "$[",
        "#",
        "\\",
        "a;",
        "a\n",
        "coproc ",
        "for ",
        "case a in (",
        "${{{",
        "\u{fffc}",
        "é",
        "(a)",
        "$(a)",
        "`a`",
        "a $((1)) ",
        "function f ",
        "{{ '",
        "cat <<E\n{{ a }}\nE\n",
        "`{{ a }}`",
        "f{{ a }}() { b; };",
        "x=$x ",
        "$x|",
        "\0",
        "\r\n",
        "echo ((",
        "$((a) ",
        "((a);(b)) ",
    ]
    .iter()
    .map(|text| many(text))
    .collect();
    scripts.push(format!("cat <<E\n{}", many("{{ a }}")));
    scripts.push("{".repeat(MAX_LENGTH));
    scripts.push("$(".repeat(10_000));
    scripts.push("a".repeat(MAX_LENGTH + 1));
    for script in scripts {
        let start = Instant::now();
        let read = std::hint::black_box(read(&script));
        drop(read);
        let elapsed = start.elapsed();
        assert!(elapsed < Duration::from_secs(4), "{elapsed:?} {}", &script[..8]);
    }
}

#[test]
fn no_beginning_of_a_script_is_a_panic() {
    for script in include_str!("corpus.txt").split("\n%\n") {
        for end in 0..=script.len() {
            if let Some(text) = script.get(..end) {
                let holes: Vec<Range<usize>> = (0..end).step_by(3).map(|at| at..at + 1).collect();
                read(text);
                read_rendered(text, &holes);
            }
        }
    }
}
