//! `change-outside-window`: what users would notice happens while they are out.
//!
//! What only adds may be done before: new tables, columns, indexes and rows. Migrations of other
//! engines count as changes, since nobody can tell. Workers and timers may stop at any time.

use super::{Finding, Level, Lint, Rule, ask, code, migrations};
use crate::migration::Version;
use crate::model::action::Action;
use crate::model::action::maintenance::Turn;
use crate::model::action::migrate::Migrate;
use crate::model::action::restore::RestoreMode;
use crate::model::action::sql::Sql;
use crate::model::plan::Step;
use crate::scripts::Purpose;
use crate::shell::facts::{DeedKind, deeds, is_behind};
use crate::source::Span;
use crate::sql::{self, Action as Statement, Change, Dialect, Reading};

pub const RULE: Rule = Rule {
    code: "change-outside-window",
    severity: Level::Error,
    about: "what users would notice happens in a phase with `maintenance: true`, inside a window",
    why: "One guide runs the migrations in its first phase, declared to need no window, and turns \
          maintenance mode on in the fourth: users work on a schema that their application does not know. \
          Only what adds may come before. And a window guards nothing that is not said to lie in it.",
    bad: "plan: p
connections: { main: { file: shop.db } }
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
phases:
  - phase: prepare
    steps:
      - { step: schema, migrate: { database: main, engine: flask }, in: app/ }
  - phase: switch
    maintenance: true
    steps:
      - { step: code, git: { checkout: v2.0.0, in: app/ } }
",
    good: "plan: p
connections: { main: { file: shop.db } }
window: { opens: \"02:00\", lasts: 3h, timezone: UTC }
phases:
  - phase: switch
    maintenance: true
    steps:
      - { step: code, git: { checkout: v2.0.0, in: app/ } }
      - { step: schema, migrate: { database: main, engine: flask }, in: app/ }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = &lint.plan.plan;
    let Some(window) = &plan.window else {
        windowless(lint, found);
        return;
    };
    let outside = |at: usize| !plan.phases[plan.entries[at].phase].maintenance;
    let mut late = Vec::new();
    for (at, entry) in ask::written(lint.plan).filter(|(at, _)| outside(*at)) {
        let Some(step) = entry.step() else { continue };
        if let Some((what, place)) = change(lint, step) {
            let mut finding =
                Finding::new(entry.span, format!("`{}` {what} outside of the window", entry.id))
                    .about(at);
            if let Some(place) = place {
                finding = finding.related(place, "more than an addition");
            }
            late.push(finding);
        }
    }
    for run in code::each(lint).filter(|run| run.purpose() == Purpose::Step) {
        let Some(at) = run.entry().filter(|at| outside(*at)) else { continue };
        let noticed = deeds(run.script())
            .into_iter()
            .find(|deed| matches!(deed.kind, DeedKind::StopsService | DeedKind::UsersOut));
        let Some(deed) = noticed else { continue };
        let place = run.place(lint, &deed.fact.range);
        let message =
            format!("`{}` {} outside of the window", plan.entries[at].id, deed.fact.about);
        late.push(Finding::new(place, message).about(at));
    }
    if plan.maintenance_phases().next().is_none() && !late.is_empty() {
        found.push(
            Finding::new(
                window.opens.span,
                "nothing lies in this window: no phase has `maintenance: true`",
            )
            .related(late[0].diagnostic.span, "users will notice this")
            .help("put the steps that users notice into a phase with `maintenance: true`"),
        );
        return;
    }
    let help = "move it into a phase with `maintenance: true`";
    found.extend(late.into_iter().map(|finding| finding.help(help)));
}

/// Where users live, a phase without them needs a time that they were told of.
fn windowless(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = &lint.plan.plan;
    let Some((at, phase)) = plan.maintenance_phases().next().filter(|_| plan.is_protected()) else {
        return;
    };
    let place = plan.environment.as_ref().map_or("here", |one| one.environment.value.as_str());
    found.push(
        Finding::new(
            phase.span,
            format!("users of {place} are out in `{}`, and no window says when", phase.id),
        )
        .about_phase(at)
        .help("add to the environment: window: { opens: \"02:00\", lasts: 3h, timezone: … }"),
    );
}

/// What a step does that users would notice, with the place that shows it.
fn change(lint: &Lint<'_>, step: &Step) -> Option<(String, Option<Span>)> {
    if step.read_only == Some(true) {
        return None;
    }
    match ask::action(step)? {
        Action::Maintenance(maintenance) if maintenance.turn() == Turn::On => {
            Some(("keeps users out".to_owned(), None))
        }
        Action::Service(service) => {
            let stopped = service.stop.iter().flat_map(|names| names.iter());
            let noticed = stopped.map(|name| &name.value).find(|name| !is_behind(name))?;
            Some((format!("stops {noticed}"), None))
        }
        Action::Restore(restore) if restore.mode != Some(RestoreMode::Scratch) => {
            let database = restore.database.as_ref()?;
            Some((format!("replaces {}", database.value), None))
        }
        Action::Migrate(migrate) => of_migrate(lint, migrate),
        Action::Sql(statements) => of_sql(lint, statements, step),
        _ => None,
    }
}

fn of_migrate(lint: &Lint<'_>, migrate: &Migrate) -> Option<(String, Option<Span>)> {
    let what = format!("changes the schema of {}", migrate.database.value);
    let Some(set) = migrations::set_of(lint, migrate) else {
        return Some((what, None));
    };
    // Which scripts are waiting only the database knows; the newest one is.
    let target: Option<Version> = migrate.to.as_ref().and_then(|to| to.value.parse().ok());
    let newest = set.pending(None, target.as_ref()).last().copied()?;
    let statements = &newest.sql.script.statements;
    let more = statements.iter().find(|statement| !only_adds(statement))?;
    Some((what, Some(newest.sql.span(&more.head))))
}

fn of_sql(lint: &Lint<'_>, statements: &Sql, step: &Step) -> Option<(String, Option<Span>)> {
    let database = ask::statements::connection(statements, &step.surroundings);
    let dialect = ask::statements::dialect_of(lint, statements, &step.surroundings);
    let text = match statements.keys().is_some_and(|keys| keys.file.is_some()) {
        true => &*ask::statements::files(lint, statements).first()?.text,
        false => statements.text()?.value.as_str(),
    };
    let script = sql::read(text, dialect.unwrap_or_else(|| Dialect::likely(text)));
    let changes = script.statements.iter().any(|statement| !only_adds(statement));
    changes.then(|| (format!("changes data of {}", database.unwrap_or("a database")), None))
}

/// What was not understood is given the benefit of the doubt.
fn only_adds(statement: &sql::Statement) -> bool {
    if statement.reading == Reading::Unread || statement.is_setting() {
        return true;
    }
    match &statement.action {
        Statement::AlterTable { alterations, .. } => alterations.iter().all(|one| {
            matches!(
                one.change,
                Change::AddColumn { .. }
                    | Change::AddConstraint { .. }
                    | Change::ValidateConstraint
                    | Change::Other
            )
        }),
        Statement::RenameTables(_)
        | Statement::Drop(_)
        | Statement::Truncate(_)
        | Statement::Update(_)
        | Statement::Delete(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::{check, check_with, example_folder};

    fn plan(step: &str) -> String {
        format!(
            "plan: p\nconnections: {{ main: {{ file: a.db }} }}\nwindow: {{ opens: \"02:00\", lasts: 3h, timezone: UTC }}\nphases:\n  - phase: prepare\n    steps:\n      - {{ step: a, {step} }}\n  - phase: switch\n    maintenance: true\n    steps:\n      - {{ step: look, run: uptime, read_only: true }}\n"
        )
    }

    const ONCE: &str = "irreversible: a test of this rule";

    #[test]
    fn what_only_adds_may_come_before() {
        let adds =
            "sql: { text: \"create table t (a int); insert into t values (1)\", database: main }";
        check(&RULE, &plan(&format!("{adds}, {ONCE}")), &[]);
        let folder = example_folder();
        let migrates = "migrate: { database: main, from: migrations/ }";
        check_with(&RULE, &plan(migrates), &folder, None, &[]);
        let folder =
            folder.with("migrations/V1_2__drop.sql", "alter table orders drop column a;\n");
        let message = "a|`a` changes the schema of main outside of the window";
        check_with(&RULE, &plan(migrates), &folder, None, &[message]);
        check_with(
            &RULE,
            &plan("migrate: { database: main, from: migrations/, to: \"1.1\" }"),
            &folder,
            None,
            &[],
        );
    }

    #[test]
    fn what_users_notice_may_not() {
        for (step, what) in [
            (
                format!("sql: {{ text: \"update t set a = 1\", database: main }}, {ONCE}"),
                "a|`a` changes data of main",
            ),
            ("service: { stop: shop }".to_owned(), "a|`a` stops shop"),
            ("maintenance: on".to_owned(), "a|`a` keeps users out"),
            (
                format!("run: sudo systemctl stop shop, {ONCE}"),
                "systemctl stop shop|`a` stops a service",
            ),
        ] {
            check(&RULE, &plan(&step), &[&format!("{what} outside of the window")]);
        }
        check(&RULE, &plan("service: { stop: shop-worker }"), &[]);
        check(&RULE, &plan("service: { restart: shop }"), &[]);
    }

    #[test]
    fn a_window_without_a_phase_in_it_is_said_once() {
        let plan = plan("maintenance: on").replace("maintenance: true", "maintenance: false");
        check(
            &RULE,
            &plan,
            &["\"02:00\"|nothing lies in this window: no phase has `maintenance: true`"],
        );
        let unbound = plan.replace("window: { opens: \"02:00\", lasts: 3h, timezone: UTC }\n", "");
        check(&RULE, &unbound, &[]);
    }

    #[test]
    fn protected_users_are_not_out_at_any_time() {
        let plan = "plan: p\nphases:\n  - phase: switch\n    maintenance: true\n    steps:\n      - { step: look, run: uptime, read_only: true }\n";
        check(&RULE, plan, &[]);
        let message = "switch|users of prod are out in `switch`, and no window says when";
        check_with(&RULE, plan, &example_folder(), Some("prod"), &[message]);
    }
}
