//! Versions that mean something else tomorrow, or that are counted back from today's.

use super::database::task;
use super::{Fact, Line, Script, compose, each_line};

/// Branches, `:latest` images, `git pull`: what is deployed depends on when.
pub fn moving_references(script: &Script<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for line in each_line(script) {
        match line.name() {
            "git" => facts.extend(moving_commit(&line)),
            "docker" | "podman" | "docker-compose" | "kubectl" | "helm" | "crane" | "skopeo" => {
                let latest = line.arguments().iter().filter(|word| word.text.ends_with(":latest"));
                facts.extend(latest.map(|word| Fact::new(&word.range, "is an image that moves")));
                let pulled = line.operands().nth(1).filter(|_| line.operand(0) == "pull");
                let pulled = pulled.filter(|word| {
                    let name = word.text.rsplit('/').next().unwrap_or("");
                    word.is_literal && compose(&line).is_none() && !name.contains([':', '@'])
                });
                facts
                    .extend(pulled.map(|word| Fact::new(&word.range, "is an image without a tag")));
            }
            _ => {}
        }
    }
    facts
}

fn moving_commit(line: &Line<'_, '_>) -> Option<Fact> {
    match line.operand(0) {
        "pull" => Some(line.fact("takes whatever the branch is at that moment")),
        "checkout" | "switch" | "reset" | "merge" | "rebase" => {
            // A branch that is made here moves only with us.
            if line.has('b', "") || line.has('B', "") || line.has('c', "create") {
                return None;
            }
            let word = line.operands().skip(1).find(|word| is_branch(&word.text))?;
            Some(Fact::new(&word.range, "is a branch, which moves"))
        }
        _ => None,
    }
}

/// A name that branches have, and commits and tags have not.
pub fn is_branch(text: &str) -> bool {
    let text = text.strip_prefix("refs/heads/").unwrap_or(text);
    text.starts_with("origin/")
        || text.starts_with("upstream/")
        || matches!(
            text,
            "main"
                | "master"
                | "develop"
                | "dev"
                | "staging"
                | "production"
                | "prod"
                | "trunk"
                | "FETCH_HEAD"
        )
}

/// "The last one", "one back": what that is depends on what was there.
pub fn relative_rollback(script: &Script<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for line in each_line(script) {
        let about = match task(&line) {
            Some(("artisan", "migrate:rollback")) => "undoes the last batch, whatever it was",
            Some(("rails", "db:rollback")) => "undoes the last migration, whatever it was",
            Some(("knex", "migrate:rollback" | "migrate:down")) => "undoes the last migration",
            Some(("sequelize" | "sequelize-cli", "db:migrate:undo")) => "undoes the last migration",
            Some(("alembic", "downgrade")) if goes_back_by_count(&line) => {
                "goes back by a count, not to a revision"
            }
            _ => match (line.name(), line.operand(0)) {
                ("git", "checkout" | "reset" | "switch") if names_earlier_commit(&line) => {
                    "goes back by a count, not to a commit"
                }
                ("helm", "rollback") if line.operands().count() < 3 => {
                    "goes back to the last release"
                }
                ("kubectl", "rollout")
                    if line.operand(1) == "undo" && !line.has('\0', "to-revision") =>
                {
                    "goes back to the last rollout"
                }
                ("ls", _) if line.has('t', "") && line.command.in_pipeline.is_some() => {
                    "takes the newest file, whatever it is"
                }
                _ => continue,
            },
        };
        facts.push(line.fact(about));
    }
    facts
}

fn goes_back_by_count(line: &Line<'_, '_>) -> bool {
    let after = line.arguments().iter().skip_while(|word| word.text != "downgrade").skip(1);
    let is_count = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or("");
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut named = false;
    for word in after {
        if is_count(&word.text) || word.text.contains("@-") {
            return true;
        }
        named |= !word.text.starts_with('-');
    }
    // `flask db downgrade` alone goes one back.
    !named && line.command.redirections.is_empty()
}

fn names_earlier_commit(line: &Line<'_, '_>) -> bool {
    line.arguments().iter().skip(1).any(|word| {
        let text = &*word.text;
        text.starts_with("HEAD~") || text.starts_with("HEAD^") || text.contains("@{") || text == "-"
    })
}

/// Changes in the work tree are lost without a question.
pub fn tree_destroyed(script: &Script<'_>) -> Vec<Fact> {
    let mut facts = Vec::new();
    for line in each_line(script).filter(|line| line.name() == "git") {
        let lost = match line.operand(0) {
            "reset" => line.has('\0', "hard"),
            "checkout" | "switch" => {
                line.has('f', "force") || line.has('\0', "discard-changes") || line.has_word(".")
            }
            // Certain paths are named by somebody who knows what is there.
            "clean" => {
                let whole = line.operands().nth(1).is_none();
                whole && line.has('f', "force") && !line.has('n', "dry-run")
            }
            "restore" => line.has_word("."),
            "stash" => matches!(line.operand(1), "drop" | "clear"),
            _ => false,
        };
        if lost {
            facts.push(line.fact("loses local changes without a question"));
        }
    }
    facts
}
