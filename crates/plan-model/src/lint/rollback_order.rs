//! `rollback-order`: the database goes back while the code that holds its down scripts is there.

use rustc_hash::FxHashMap;

use super::ask::{self, runs::runs};
use super::{Finding, Level, Lint, Rule};
use crate::graph::before::ended_before;
use crate::model::action::Action;
use crate::model::action::files::FileChange;
use crate::model::action::migrate::{Engine, Migrate};
use crate::model::plan::Step;
use crate::scripts::Purpose;
use crate::shell::facts::{DeedKind, deeds};
use crate::source::Span;

pub const RULE: Rule = Rule {
    code: "rollback-order",
    severity: Level::Error,
    about: "the database goes back before the code does",
    why: "Down scripts of Alembic, Flask and Laravel live in the code that brought them. The guide for \
          Docker checks the old tag out first and downgrades then: with the old code Alembic answers \
          \"Can't locate revision\", and the old application runs on the new schema. A rollback is the \
          forward order reversed, so the code must come first and the migration after it.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: schema
    migrate: { database: main, engine: flask, to: 4f2a }
    in: app/
  - step: code
    git: { checkout: v2.0.0, in: app/ }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: code
    git: { checkout: v2.0.0, in: app/ }
  - step: schema
    migrate: { database: main, engine: flask, to: 4f2a }
    in: app/
",
    check,
};

/// Where down scripts are read from.
struct Downs {
    tree: String,
    /// Nobody said where: it is the only work tree that the plan moves, if there is only one.
    unsaid: bool,
}

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let mut scripted = Scripted::default();
    scripted.read(lint, found);
    let plan = lint.plan;
    let mut trees: FxHashMap<String, (usize, usize)> = FxHashMap::default();
    let mut of_entry: Vec<(usize, usize)> = Vec::new();
    for (at, entry) in ask::written(plan) {
        let Some(step) = entry.step() else { continue };
        for tree in moved_trees(step, scripted.moves.contains_key(&at)) {
            let number = trees.len();
            let (number, _) = *trees.entry(tree).or_insert((number, at));
            of_entry.push((at, number));
        }
    }
    if trees.is_empty() {
        return;
    }
    let mut moved: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
    for (at, number) in of_entry {
        moved.entry(at).or_default().push(number);
    }
    let ended = ended_before(plan, |at, marks| {
        for number in moved.get(&at).into_iter().flatten() {
            marks.insert(*number);
        }
    });
    for (at, entry) in ask::written(plan) {
        let Some(step) = entry.step() else { continue };
        let Some(downs) = downs(step, scripted.undoes.contains_key(&at)) else { continue };
        let mut candidates: Vec<(usize, usize)> =
            above(&downs.tree).filter_map(|tree| trees.get(tree).copied()).collect();
        if candidates.is_empty() && downs.unsaid && trees.len() == 1 {
            candidates.extend(trees.values().copied());
        }
        candidates.retain(|(_, switch)| *switch != at);
        let Some((_, switch)) = candidates.first().copied() else { continue };
        if candidates.iter().any(|(number, _)| ended[at].has(*number)) {
            continue;
        }
        let code = plan.entry(switch);
        let message = if plan.is_before(at, switch) {
            format!(
                "on the way back `{}` is undone after the code of `{}` has gone",
                entry.id, code.id
            )
        } else {
            format!(
                "on the way back the code of `{}` may go before `{}` is undone",
                code.id, entry.id
            )
        };
        found.push(
            Finding::new(entry.span, message)
                .about(at)
                .label("its down scripts live in that code")
                .related(code.span, "this brings the code, and takes it away again")
                .help(format!(
                    "put `{}` below `{}`: what starts later is undone first",
                    entry.id, code.id
                )),
        );
    }
}

/// The work trees that a step moves, and moves back when it is undone.
fn moved_trees(step: &Step, by_script: bool) -> Vec<String> {
    let here = || step.surroundings.dir.as_ref().map_or(".".to_owned(), |dir| tidy(&dir.value));
    if by_script {
        return vec![here()];
    }
    let back = |action: &Action<'_>| matches!(action, Action::Git(_) | Action::Files(_));
    let goes_back = step.irreversible.is_none()
        && step.rollback.as_ref().is_none_or(|steps| {
            steps.iter().any(|one| one.actions.iter().any(|action| back(&action)))
        });
    if !goes_back {
        return Vec::new();
    }
    match ask::action(step) {
        Some(Action::Git(git)) if git.checkout.is_some() || git.merge.is_some() => {
            vec![git.dir.as_ref().map_or_else(here, |dir| tidy(&dir.value))]
        }
        Some(Action::Files(files)) => {
            let trees = files.iter().filter_map(|change| match change {
                FileChange::Link(change) => Some(&change.link),
                FileChange::Sync(change) => Some(&change.to),
                FileChange::Unpack(change) => Some(&change.to),
                _ => None,
            });
            trees.map(|path| tidy(&path.value)).collect()
        }
        _ => Vec::new(),
    }
}

fn downs(step: &Step, by_script: bool) -> Option<Downs> {
    let dir = step.surroundings.dir.as_ref().map(|dir| dir.value.as_str());
    if by_script {
        return Some(Downs { tree: tidy(dir.unwrap_or(".")), unsaid: dir.is_none() });
    }
    if step.irreversible.is_some() {
        return None;
    }
    let Some(back) = &step.rollback else {
        return match ask::action(step) {
            Some(Action::Migrate(migrate)) => of_migrate(migrate, dir),
            _ => None,
        };
    };
    back.iter().flat_map(|one| one.actions.iter().map(move |action| (one, action))).find_map(
        |(one, action)| match action {
            Action::Migrate(migrate) => {
                let own = one.surroundings.dir.as_ref().map(|dir| dir.value.as_str());
                of_migrate(migrate, own.or(dir))
            }
            _ => None,
        },
    )
}

fn of_migrate(migrate: &Migrate, dir: Option<&str>) -> Option<Downs> {
    match migrate.engine {
        Some(Engine::Flask | Engine::Alembic | Engine::Laravel) => {
            Some(Downs { tree: tidy(dir.unwrap_or(".")), unsaid: dir.is_none() })
        }
        None | Some(Engine::Builtin) => {
            let folder = migrate.rollbacks.as_ref().or(migrate.from.as_ref())?;
            Some(Downs { tree: tidy(&folder.value), unsaid: false })
        }
        Some(Engine::Sqitch | Engine::Command) => None,
    }
}

/// Entries whose rollback scripts move code or undo migrations.
#[derive(Default)]
struct Scripted {
    moves: FxHashMap<usize, Span>,
    undoes: FxHashMap<usize, Span>,
}

impl Scripted {
    /// Also reports rollback steps of one step that stand in the wrong order.
    fn read(&mut self, lint: &Lint<'_>, found: &mut Vec<Finding>) {
        let mut deeds_of: FxHashMap<usize, Vec<(Span, DeedKind)>> = FxHashMap::default();
        for run in runs(lint).filter(|run| run.purpose == Purpose::Rollback) {
            let Some(at) = run.entry else { continue };
            for deed in deeds(run.script) {
                if matches!(deed.kind, DeedKind::MovesCode | DeedKind::UndoesSchema) {
                    let place = run.place(lint.sources, &deed.fact.range);
                    deeds_of.entry(at).or_default().push((place, deed.kind));
                }
            }
        }
        for (at, entry) in ask::written(lint.plan) {
            let Some(steps) = entry.step().and_then(|step| step.rollback.as_ref()) else {
                continue;
            };
            let mut done = deeds_of.remove(&at).unwrap_or_default();
            for (kind, place) in &done {
                match place {
                    DeedKind::MovesCode => self.moves.insert(at, *kind),
                    _ => self.undoes.insert(at, *kind),
                };
            }
            for one in steps.iter() {
                done.extend(one.actions.iter().filter_map(|action| match action {
                    Action::Git(git) if git.checkout.is_some() => {
                        Some((git.span, DeedKind::MovesCode))
                    }
                    Action::Migrate(migrate) if of_migrate(migrate, None)?.tree == "." => {
                        Some((migrate.span, DeedKind::UndoesSchema))
                    }
                    _ => None,
                }));
            }
            done.sort_by_key(|(place, _)| *place);
            let Some(first) = done.iter().position(|(_, kind)| *kind == DeedKind::MovesCode) else {
                continue;
            };
            let later = done[first..].iter().find(|(_, kind)| *kind == DeedKind::UndoesSchema);
            if let Some((place, _)) = later {
                found.push(
                    Finding::new(
                        *place,
                        format!(
                            "the rollback of `{}` moves the code before it undoes the migration",
                            entry.id
                        ),
                    )
                    .about(at)
                    .label("its down scripts are gone by now")
                    .related(done[first].0, "here the code goes back")
                    .help("undo the migration first, then move the code"),
                );
            }
        }
    }
}

fn tidy(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path.is_empty() { ".".to_owned() } else { path.to_owned() }
}

/// A path and every folder above it.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let parents = std::iter::successors(Some(path), |path| {
        path.rfind('/').map(|at| &path[..at]).filter(|path| !path.is_empty())
    });
    parents.chain((!path.starts_with('/') && path != ".").then_some("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::{check, check_with, example_folder};

    const HEAD: &str = "plan: p\nconnections: { main: { file: shop.db } }\nsteps:\n";
    const CODE: &str = "  - { step: code, git: { checkout: v2, in: app/ } }\n";

    fn migrate(keys: &str) -> String {
        format!("  - {{ step: schema, migrate: {{ database: main, to: \"1.1\", {keys} }} }}\n")
    }

    #[test]
    fn engines_of_the_code_need_it_until_they_are_undone() {
        let schema = migrate("engine: alembic");
        check(&RULE, &format!("{HEAD}{CODE}{schema}"), &[]);
        check(
            &RULE,
            &format!("{HEAD}{schema}{CODE}"),
            &["schema|on the way back `schema` is undone after the code of `code` has gone"],
        );
        let beside = schema.replace("step: schema", "step: schema, needs: []");
        check(
            &RULE,
            &format!("{HEAD}{CODE}{beside}"),
            &["schema|on the way back the code of `code` may go before `schema` is undone"],
        );
    }

    #[test]
    fn scripts_outside_the_work_tree_stay_where_they_are() {
        let with = |folder: &str| {
            let plan =
                format!("{HEAD}{}{}", migrate("from: migrations/"), CODE.replace("app/", folder));
            (plan, example_folder())
        };
        let (plan, folder) = with("app/");
        check_with(&RULE, &plan, &folder, None, &[]);
        let (plan, folder) = with(".");
        let message = "schema|on the way back `schema` is undone after the code of `code` has gone";
        check_with(&RULE, &plan, &folder, None, &[message]);
    }

    #[test]
    fn a_migration_that_is_undone_by_a_restore_needs_no_code() {
        let save = "  - { step: save, backup: { database: main, to: b/ } }\n";
        let schema = migrate("engine: flask").replace(
            "step: schema",
            "step: schema, rollback: { restore: { step: save, database: main } }",
        );
        check(&RULE, &format!("{HEAD}{save}{schema}{CODE}"), &[]);
    }

    #[test]
    fn rollback_steps_have_an_order_too() {
        let plan = |back: &str| {
            format!(
                "{HEAD}  - step: all\n    run: ./deploy\n    rollback:\n      - run: |\n          {back}\n"
            )
        };
        check(
            &RULE,
            &plan("git checkout v1\n          flask db downgrade 4f2a"),
            &[
                "flask db downgrade 4f2a|the rollback of `all` moves the code before it undoes the migration",
            ],
        );
        check(&RULE, &plan("flask db downgrade 4f2a\n          git checkout v1"), &[]);
    }

    #[test]
    fn the_first_of_several_checkouts_is_enough() {
        let again = CODE.replace("step: code", "step: hotfix");
        check(&RULE, &format!("{HEAD}{CODE}{}{again}", migrate("engine: flask")), &[]);
    }
}
