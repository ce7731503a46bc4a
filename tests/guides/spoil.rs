//! A plan in which something fails: a checkpoint that asks for what is not there, or one more behind a step.

const NEVER: &str = "{ file: /spoilt/by/the/test }";

/// A place in the text of a plan where an entry of this kind begins.
struct Entry<'t> {
    name: &'t str,
    line: usize,
    indent: usize,
}

fn entries<'t>(text: &'t str, kind: &str) -> Vec<Entry<'t>> {
    let begins = |(line, whole): (usize, &'t str)| {
        let trimmed = whole.trim_start();
        let rest = trimmed.strip_prefix("- ")?.trim_start_matches("{ ");
        let name = rest.strip_prefix(kind)?.strip_prefix(": ")?;
        let name = name.split([',', ' ', '}']).next()?;
        Some(Entry { name, line, indent: whole.len() - trimmed.len() })
    };
    text.lines().enumerate().filter_map(begins).collect()
}

pub fn checkpoints(text: &str) -> Vec<String> {
    entries(text, "checkpoint").iter().map(|entry| entry.name.to_owned()).collect()
}

/// The checkpoint asks for one thing more, first.
pub fn checkpoint(text: &str, name: &str) -> Option<String> {
    let found = entries(text, "checkpoint").into_iter().find(|entry| entry.name == name)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_checks = |line: &&mut String| line.contains("checks:");
    let checks = lines[found.line..].iter_mut().find(is_checks)?;
    if checks.contains("checks: [") {
        *checks = checks.replacen("checks: [", &format!("checks: [{NEVER}, "), 1);
    } else {
        let indent = checks.len() - checks.trim_start().len();
        *checks += &format!("\n{}- {NEVER}", " ".repeat(indent + 2));
    }
    Some(lines.join("\n") + "\n")
}

/// Behind the step comes a checkpoint that does not hold.
pub fn step(text: &str, name: &str) -> Option<String> {
    let found = entries(text, "step").into_iter().find(|entry| entry.name == name)?;
    let mut lines: Vec<&str> = text.lines().collect();
    let is_inside =
        |line: &&str| line.trim().is_empty() || line.len() - line.trim_start().len() > found.indent;
    let inside = lines[found.line + 1..].iter().take_while(|line| is_inside(line)).count();
    let indent = " ".repeat(found.indent);
    let never = format!("{indent}- {{ checkpoint: spoilt, checks: [{NEVER}] }}");
    lines.insert(found.line + 1 + inside, &never);
    Some(lines.join("\n") + "\n")
}

#[test]
fn what_is_spoilt_is_spoilt_once_and_nothing_else() {
    let plan = "steps:\n  - step: a\n    run: x\n\n  - { step: b, run: y }\n  - checkpoint: c\n    \
                checks:\n      - { file: z }\n  - { checkpoint: d, checks: [{ file: z }] }\n";
    assert_eq!(checkpoints(plan), ["c", "d"]);
    let spoilt = checkpoint(plan, "c").unwrap();
    assert!(
        spoilt.contains(&format!("checks:\n      - {NEVER}\n      - {{ file: z }}")),
        "{spoilt}"
    );
    let spoilt = checkpoint(plan, "d").unwrap();
    assert!(spoilt.contains(&format!("checks: [{NEVER}, {{ file: z }}]")), "{spoilt}");
    for (name, behind) in [("a", "    run: x\n\n"), ("b", "  - { step: b, run: y }\n")] {
        let spoilt = step(plan, name).unwrap();
        assert!(spoilt.contains(&format!("{behind}  - {{ checkpoint: spoilt")), "{spoilt}");
    }
    assert_eq!(step(plan, "e"), None);
}
