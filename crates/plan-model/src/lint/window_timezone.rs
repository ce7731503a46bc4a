//! `window-timezone`: two o'clock is two o'clock somewhere.

use super::{Finding, Level, Lint, Rule};

pub const RULE: Rule = Rule {
    code: "window-timezone",
    severity: Level::Error,
    about: "a window says in which time zone it is meant",
    why: "\"Monday 04:00\" stood in a provider's settings in UTC and in the guide in local time: the upgrade \
          and the provider's own maintenance met. A plan is run from a laptop in one zone, on servers in \
          another, twice a year with the clocks an hour apart. With the zone written down every clock \
          that is shown means the same.",
    bad: "plan: p
window: { opens: \"02:00\", lasts: 3h }
steps:
  - { step: look, run: uptime, read_only: true }
",
    good: "plan: p
window: { opens: \"02:00\", lasts: 3h, timezone: Africa/Porto-Novo }
steps:
  - { step: look, run: uptime, read_only: true }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    if let Some(window) = lint.plan.plan.window.as_ref().filter(|window| window.timezone.is_none())
    {
        found.push(
            Finding::new(
                window.opens.span,
                format!("the window opens at {}, but in which time zone?", window.opens.value),
            )
            .help(
                "add to the window: timezone: Africa/Porto-Novo, or the zone of your users, or UTC",
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::MemoryFolder;
    use crate::lint::testing::check_with;

    #[test]
    fn the_window_of_an_environment_needs_one_too() {
        let folder = |zone: &str| {
            let text =
                format!("environment: prod\nwindow: {{ opens: \"mon 04:00\", lasts: 1h{zone} }}\n");
            MemoryFolder::default().with("environments/prod.yaml", &text)
        };
        let message = "\"mon 04:00\"|the window opens at mon 04:00, but in which time zone?";
        check_with(&RULE, RULE.good, &folder(""), Some("prod"), &[message]);
        check_with(&RULE, RULE.bad, &folder(", timezone: UTC"), Some("prod"), &[]);
    }
}
