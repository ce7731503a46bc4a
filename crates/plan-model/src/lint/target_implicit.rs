//! `target-implicit`: production is never what happens when nothing is said.

use super::{Finding, Level, Lint, Rule};
use crate::scripts::Purpose;

pub const RULE: Rule = Rule {
    code: "target-implicit",
    severity: Level::Error,
    about: "production is not chosen by default",
    why: "Somebody tries a plan without arguments, to see what it does, and it does it to production: \
          the default said so. One guide has the host of production as a constant in its script. Whoever \
          means production says it, with `--env`.",
    bad: "plan: p
inputs:
  app_env: { default: production, about: where it goes }
steps:
  - { step: show, run: \"echo {{ app_env }}\", read_only: true }
",
    good: "plan: p
inputs:
  app_env: { about: where it goes, choices: [staging, production] }
steps:
  - { step: show, run: \"echo {{ app_env }}\", read_only: true }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let inputs = lint.plan.plan.file.inputs.iter().flat_map(|inputs| &inputs.0);
    for (name, input) in inputs {
        let words = ["env", "environment", "stage", "tier"];
        let chooses = name.value.split('_').any(|word| words.contains(&word));
        let Some(default) = input.default.as_ref().filter(|_| chooses) else { continue };
        let Some(text) = default.json.as_str().filter(|text| is_production(text)) else { continue };
        let message = format!("`{}` is {text} when nobody says anything", name.value);
        found.push(
            Finding::new(default.span, message)
                .help("take the default out, and set the value in environments/NAME.yaml")
                .help("then `plan apply PLAN --env NAME` says which one is meant"),
        );
    }
    let scripts = lint.scripts.scripts.iter().filter(|script| script.purpose != Purpose::Check);
    for script in scripts.filter(|script| script.text.contains('$')) {
        for (at, text) in script.text.match_indices(":-").chain(script.text.match_indices(":=")) {
            let value = &script.text[at + text.len()..];
            let end = value.find('}').unwrap_or(0);
            let Some(open) = script.text[..at].rfind("${") else { continue };
            let variable = &script.text[open + 2..at];
            let plain = variable.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let chooses = variable
                .to_ascii_uppercase()
                .split('_')
                .any(|word| matches!(word, "ENV" | "ENVIRONMENT" | "STAGE" | "TIER" | "TARGET"));
            let value = value[..end].trim_matches(['"', '\'']);
            if plain && chooses && is_production(value) {
                let range = open..at + text.len() + end + 1;
                let place = script.place(lint.sources, range);
                let message = format!("${variable} is {value} when nobody says anything");
                let mut finding = Finding::new(place, message)
                    .help(format!("write ${{{variable}:?}}, and set it with `env:` from an input"));
                finding.entry = script.entry;
                found.push(finding);
            }
        }
    }
}

fn is_production(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "prod" | "production" | "prd" | "live")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    #[test]
    fn production_is_said_not_assumed() {
        let plan = |input: &str| {
            format!(
                "plan: p\ninputs: {{ {input} }}\nsteps: [{{ step: look, run: uptime, read_only: true }}]\n"
            )
        };
        check(
            &RULE,
            &plan("deploy_env: { default: prod }"),
            &["prod|`deploy_env` is prod when nobody says anything"],
        );
        check(&RULE, &plan("deploy_env: { default: staging }"), &[]);
        check(&RULE, &plan("branch: { default: production }"), &[]);
    }

    #[test]
    fn defaults_in_scripts_count_too() {
        let plan = |run: &str| {
            format!("plan: p\nsteps:\n  - step: a\n    run: |\n      {run}\n    read_only: true\n")
        };
        check(
            &RULE,
            &plan("./deploy \"${APP_ENV:-production}\""),
            &["${APP_ENV:-production}|$APP_ENV is production when nobody says anything"],
        );
        check(&RULE, &plan("./deploy \"${APP_ENV:-staging}\" \"${X:-live}\" a:-prod"), &[]);
    }
}
