//! `contact-placeholder`: a contact is somebody, not a gap in a form.

use super::{Finding, Level, Lint, Rule};
use crate::model::read::{Leaf, Walk};
use crate::shell::facts::placeholders_in;
use crate::template::has_template;

pub const RULE: Rule = Rule {
    code: "contact-placeholder",
    severity: Level::ErrorWhenProtected,
    about: "contacts are real people with real numbers",
    why: "\"DBA: [Nom] - [Contact]\" has stood in one of the guides since it was written. A list that looks \
          complete is worse than none: it is found out at the moment of the call. Names that are still to \
          be given and addresses that belong to nobody are seen before.",
    bad: "plan: p
contacts: [{ role: DBA, name: \"[Nom]\", phone: \"+229 00 00 00 00\" }]
steps:
  - { step: look, run: uptime, read_only: true }
",
    good: "plan: p
contacts: [{ role: DBA, name: A. Hounsou, phone: \"+229 21 30 45 67\" }]
steps:
  - { step: look, run: uptime, read_only: true }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    for contact in &lint.plan.plan.contacts {
        contact.walk(&mut |leaf: Leaf<'_>| {
            if has_template(leaf.text) {
                return;
            }
            if let Some(why) = belongs_to_nobody(leaf.text) {
                found.push(
                    Finding::new(leaf.span, format!("`{}` {why}: nobody can be called at it", leaf.text))
                        .help(format!("write who is {} and how to reach them; an environment may say it in its own `contacts`", contact.role.value)),
                );
            }
        });
    }
}

fn belongs_to_nobody(text: &str) -> Option<&'static str> {
    const UNNAMED: [&str; 10] = [
        "to be named",
        "to be defined",
        "to be filled",
        "à nommer",
        "à définir",
        "a definir",
        "à compléter",
        "tbd",
        "todo",
        "changeme",
    ];
    const NOBODYS: [&str; 6] =
        [".example.com", ".example.org", ".example.net", ".example", ".invalid", ".test"];
    let lower = text.trim().to_lowercase();
    if !placeholders_in(text).is_empty()
        || UNNAMED.iter().any(|word| lower.starts_with(word))
        || (lower.len() >= 3 && lower.chars().all(|c| matches!(c, 'x' | '?' | '.' | '-' | '_')))
    {
        return Some("is still to be filled in");
    }
    let host = lower.rsplit('@').next().unwrap_or("");
    let host = host.split("://").last().unwrap_or("").split(['/', ':']).next().unwrap_or("");
    let is_address = lower.contains('@') || lower.contains("://");
    if is_address && NOBODYS.iter().any(|end| format!(".{host}").ends_with(end)) {
        return Some("is an address for examples");
    }
    let digits: String = lower.chars().filter(char::is_ascii_digit).collect();
    let is_number = digits.len() >= 6 && !lower.chars().any(char::is_alphabetic);
    (is_number && digits.contains("000000")).then_some("is no telephone number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_from_people() {
        for gap in [
            "[Nom]",
            "to be named",
            "To be defined",
            "[Contact]",
            "+229 00 00 00 00",
            "support@example.com",
            "dba@shop.example",
            "https://hooks.example.org/x",
            "xxx",
            "???",
            "À définir",
        ] {
            assert!(belongs_to_nobody(gap).is_some(), "{gap}");
        }
        for real in [
            "me@myexample.com",
            "A. Hounsou",
            "+229 21 30 45 67",
            "0033 1 40 20 50 50",
            "dba@punk-eco.ma",
            "DBA",
            "Tobias Example",
            "https://hooks.punk-eco.ma/contest",
            "Xu",
            "+49 800 100 2000",
            "test@contest.org",
        ] {
            assert!(belongs_to_nobody(real).is_none(), "{real}");
        }
    }
}
