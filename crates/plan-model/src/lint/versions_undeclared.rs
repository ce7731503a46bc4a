//! `versions-undeclared`: tools whose versions matter are asked for before anything is touched.

use rustc_hash::FxHashSet;

use super::ask::checks;
use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::maintenance::{Maintenance, MaintenanceKind};
use crate::model::action::migrate::Engine;
use crate::model::action::packages::PackageManager;
use crate::model::action::service::Manager;
use crate::model::action::{Action, backup::Backup};
use crate::model::check::Check;
use crate::model::value::ConnectionRef;
use crate::scripts::Purpose;
use crate::shell::facts;
use crate::source::Span;
use crate::sql::Dialect;

pub const RULE: Rule = Rule {
    code: "versions-undeclared",
    severity: Level::Warning,
    about: "tools whose versions matter stand under `requires`",
    why: "pg_dump refuses a server newer than itself, composer 1 does not read the lock file of composer \
          2, and an old PHP fails at the first page: all of it found out in the middle of the window. \
          A line under `requires` is checked by `plan doctor` in daylight.",
    bad: "plan: p
steps:
  - { step: caches, run: php artisan config:cache, rollback: { run: php artisan config:clear } }
",
    good: "plan: p
requires:
  - { tool: php, version: \">=8.1\" }
steps:
  - { step: caches, run: php artisan config:cache, rollback: { run: php artisan config:clear } }
",
    check,
};

/// The tool of whose version a program is a part; `None` where versions rarely matter.
fn tool(program: &str) -> Option<&'static str> {
    Some(match program.rsplit('/').next().unwrap_or(program) {
        "php" | "artisan" | "laravel" => "php",
        "composer" => "composer",
        "node" | "npm" | "npx" | "yarn" | "pnpm" => "node",
        "python" | "python3" | "pip" | "pip3" => "python3",
        "flask" => "flask",
        "alembic" => "alembic",
        "sqitch" => "sqitch",
        "git" => "git",
        "docker" | "docker-compose" | "podman" => "docker",
        "psql" | "pg_dump" | "pg_dumpall" | "pg_restore" | "postgres" | "postgresql" => "pg_dump",
        "mysql" | "mysqldump" | "mariadb" | "mariadb-dump" => "mysql",
        "aws" => "aws",
        "gcloud" => "gcloud",
        "az" => "az",
        "kubectl" | "oc" => "kubectl",
        "helm" => "helm",
        "terraform" => "terraform",
        "ansible" | "ansible-playbook" => "ansible",
        _ => return None,
    })
}

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let mut declared: FxHashSet<&str> = FxHashSet::default();
    let asked = plan.entries().iter().flat_map(checks::asked);
    for check in checks::required(&plan.plan).into_iter().chain(asked) {
        let Check::Tool(check) = check else { continue };
        let call = check.ask.iter().flat_map(|ask| ask.value.split_whitespace());
        declared.extend(call.chain([check.tool.value.as_str()]).filter_map(tool));
    }
    declared.extend(installed(lint));
    let mut used: Vec<(usize, Span, String)> = Vec::new();
    for (at, entry) in ask::written(plan) {
        let tools = ask::actions(entry).filter_map(|action| of_action(lint, action));
        used.extend(tools.map(|tool| (at, entry.span, tool.to_owned())));
    }
    for script in lint.scripts.scripts.iter().filter(|script| script.purpose != Purpose::Check) {
        let Some(at) = script.entry else { continue };
        for one in facts::tools(&script.script) {
            if tool(&one.name).is_some_and(|tool| !declared.contains(tool)) {
                used.push((at, script.place(lint.sources, one.range), one.name));
            }
        }
    }
    let programs = lint.scripts.programs.iter().filter(|one| one.purpose != Purpose::Check);
    for program in programs {
        let Some(at) = program.entry else { continue };
        let first = program.words.first();
        used.extend(first.map(|(name, place)| (at, *place, (*name).to_owned())));
    }
    used.sort_by_key(|(at, place, _)| (*at, *place));
    for (at, place, program) in used {
        // Once for each tool, where it is used first.
        if !tool(&program).is_some_and(|tool| declared.insert(tool)) {
            continue;
        }
        let program = program.rsplit('/').next().unwrap_or(&program);
        let message =
            format!("`{}` needs {program}, and no version of it is asked for", plan.entry(at).id);
        found.push(
            Finding::new(place, message)
                .about(at)
                .help(format!("add under `requires:` {{ tool: {program}, version: \">=…\" }}")),
        );
    }
}

/// What the plan itself installs cannot be asked for before.
fn installed<'p>(lint: &'p Lint<'_>) -> impl Iterator<Item = &'static str> + use<'p> {
    let commands = lint.scripts.scripts.iter().flat_map(|script| &script.script.commands);
    let installs =
        commands.filter(|command| command.words.iter().any(|word| word.text == "install"));
    // `postgresql-14=14.9` is PostgreSQL.
    let words = installs.flat_map(|command| &command.words).filter(|word| word.text != "install");
    words.filter_map(|word| tool(word.text.split(['-', '=']).next()?))
}

/// What `plan` itself calls to carry out an action.
fn of_action(lint: &Lint<'_>, action: Action<'_>) -> Option<&'static str> {
    let client = |id: Option<&ConnectionRef>| match ask::dialect(&lint.plan.plan, &id?.value)? {
        Dialect::PostgreSql => Some("pg_dump"),
        Dialect::MySql | Dialect::MariaDb => Some("mysqldump"),
        _ => None,
    };
    match action {
        Action::Git(_) => Some("git"),
        Action::Packages(packages) => Some(match packages.manager {
            PackageManager::Composer => "composer",
            PackageManager::Pip => "python3",
            PackageManager::Npm => "node",
        }),
        // How the engine is called says more than its name.
        Action::Migrate(migrate) if migrate.call.is_none() => match migrate.engine? {
            Engine::Flask => Some("flask"),
            Engine::Alembic => Some("alembic"),
            Engine::Laravel => Some("php"),
            Engine::Sqitch => Some("sqitch"),
            Engine::Builtin | Engine::Command => None,
        },
        Action::Backup(Backup { database, .. }) => client(database.as_ref()),
        Action::Restore(restore) => client(restore.database.as_ref()),
        Action::Service(service) => (service.manager == Some(Manager::Compose)).then_some("docker"),
        Action::Maintenance(Maintenance::Full(keys)) => {
            (keys.kind == Some(MaintenanceKind::Laravel)).then_some("php")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(requires: &str, steps: &str) -> String {
        format!(
            "plan: p\nrequires: [{requires}]\nconnections: {{ main: {{ server: postgresql, host: localhost }} }}\nsteps:\n{steps}"
        )
    }

    const GIT: &str = "  - { step: code, git: { checkout: v2, in: app } }\n";
    const PHP: &str = "  - { step: a, run: php artisan up; php -v, read_only: true }\n";

    #[test]
    fn each_tool_is_named_once_where_it_is_used_first() {
        let git = "code|`code` needs git, and no version of it is asked for";
        check(&RULE, &plan("", &format!("{GIT}{}", GIT.replace("code", "again"))), &[git]);
        check(&RULE, &plan("", PHP), &["php|`a` needs php, and no version of it is asked for"]);
        let list =
            "  - { step: a, run: [composer, install], irreversible: vendor can be made again }\n";
        check(
            &RULE,
            &plan("", list),
            &["composer|`a` needs composer, and no version of it is asked for"],
        );
    }

    #[test]
    fn what_is_declared_is_enough_by_any_of_its_names() {
        check(&RULE, &plan("{ tool: git }", GIT), &[]);
        check(
            &RULE,
            &plan("{ tool: laravel, ask: php artisan --version, version: \">=10\" }", PHP),
            &[],
        );
        let dump = "  - { step: save, backup: { database: main, to: b/ } }\n";
        check(&RULE, &plan("{ tool: psql, version: \">=14\" }", dump), &[]);
        check(
            &RULE,
            &plan("", dump),
            &["save|`save` needs pg_dump, and no version of it is asked for"],
        );
    }

    #[test]
    fn what_the_plan_installs_cannot_be_asked_for() {
        let steps = "  - step: a\n    run: |\n      sudo apt-get install -y postgresql-14\n      psql --version\n    irreversible: it stays\n";
        check(&RULE, &plan("", steps), &[]);
        let other = steps.replace("postgresql-14", "nginx");
        check(
            &RULE,
            &plan("", &other),
            &["psql|`a` needs psql, and no version of it is asked for"],
        );
    }

    #[test]
    fn programs_elsewhere_and_without_a_version_of_interest_are_left_alone() {
        check(
            &RULE,
            &plan(
                "{ tool: docker }",
                "  - { step: a, run: docker exec web php artisan up, read_only: true }\n",
            ),
            &[],
        );
        check(
            &RULE,
            &plan("", "  - { step: a, run: uptime; curl -s x; tar --version, read_only: true }\n"),
            &[],
        );
    }
}
