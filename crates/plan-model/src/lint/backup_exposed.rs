//! `backup-exposed`: backups lie where neither a browser nor a clone of the code gets them.

use rustc_hash::FxHashMap;

use super::{Finding, Level, Lint, Rule, ask};
use crate::model::action::Action;
use crate::model::action::files::FileChange;
use crate::source::Span;

pub const RULE: Rule = Rule {
    code: "backup-exposed",
    severity: Level::Error,
    about: "backups lie outside web roots and work trees, closed to others",
    why: "A dump below the web root is one guess of its name away from anybody, and one inside the work \
          tree is one `git add .` away from everybody with the code; a checkout with force removes it. \
          One of the guides keeps its dumps in docs/, beside the pages that it publishes.",
    bad: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: public/backups/ }
",
    good: "plan: p
connections: { main: { file: shop.db } }
steps:
  - step: save
    backup: { database: main, to: /var/backups/shop/ }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = lint.plan;
    let mut backups = Vec::new();
    let mut trees: FxHashMap<String, Span> = FxHashMap::default();
    let mut open: FxHashMap<String, Span> = FxHashMap::default();
    for (at, entry) in ask::written(plan) {
        match entry.step().and_then(ask::action) {
            Some(Action::Backup(backup)) => backups.push((at, &backup.to)),
            Some(Action::Git(git)) => {
                if let Some(dir) = &git.dir {
                    trees.entry(tidy(&dir.value)).or_insert(dir.span);
                }
            }
            Some(Action::Files(files)) => {
                for change in files.iter() {
                    let (path, mode) = match change {
                        FileChange::Make(make) => (&make.make, &make.ownership.mode),
                        FileChange::Mode(set) => (&set.path, &set.ownership.mode),
                        _ => continue,
                    };
                    if let Some(mode) = mode.as_ref().filter(|mode| !mode.value.ends_with('0')) {
                        open.insert(tidy(&path.value), mode.span);
                    }
                }
            }
            _ => {}
        }
    }
    for (at, to) in backups {
        let id = &plan.entry(at).id;
        let path = tidy(&to.value);
        if let Some(root) = web_root(&path) {
            let message = format!("`{id}` puts its backup below {root}, which browsers can read");
            found.push(
                Finding::new(to.span, message)
                    .about(at)
                    .help("choose a folder that no web server serves, such as /var/backups/NAME/"),
            );
        } else if let Some((tree, place)) = above(&path).find_map(|up| trees.get_key_value(up)) {
            let message = format!("`{id}` puts its backup into the work tree {tree}");
            found.push(
                Finding::new(to.span, message)
                    .about(at)
                    .related(*place, "git changes this work tree")
                    .help("choose a folder outside of it, such as /var/backups/NAME/"),
            );
        } else if let Some(place) = open.get(&path) {
            let message = format!("everybody on the machine can read the backups in {path}");
            found.push(
                Finding::new(*place, message)
                    .about(at)
                    .related(to.span, "the backup goes there")
                    .help("write mode \"0700\", or leave it out: `backup:` makes its folder so"),
            );
        }
    }
}

fn tidy(path: &str) -> String {
    path.trim_start_matches("./").trim_end_matches('/').to_owned()
}

fn above(path: &str) -> impl Iterator<Item = &str> {
    let parents = std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(up, _)| up));
    parents.filter(|up| !matches!(*up, "" | "."))
}

/// The part of a path by whose name web servers serve what lies below.
fn web_root(path: &str) -> Option<&str> {
    let roots = ["public", "public_html", "static", "htdocs", "wwwroot", "webroot", "docroot"];
    let known = path.split('/').find(|part| roots.contains(part));
    // `/var/www/shop/` often is the folder above the root, not the root.
    known
        .or_else(|| (path == "www" || path.starts_with("www/")).then_some("www"))
        .or_else(|| path.starts_with("/var/www/html").then_some("/var/www/html"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(to: &str) -> String {
        format!(
            "plan: p\nconnections: {{ main: {{ file: a.db }} }}\nsteps:\n  - {{ step: save, backup: {{ database: main, to: {to} }} }}\n  - {{ step: code, git: {{ checkout: v1, in: app/ }} }}\n"
        )
    }

    #[test]
    fn web_roots_and_work_trees_are_no_place_for_backups() {
        let below = "`save` puts its backup below";
        check(
            &RULE,
            &plan("app/public/b/"),
            &[&format!("app/public/b/|{below} public, which browsers can read")],
        );
        check(
            &RULE,
            &plan("/var/www/html/b"),
            &[&format!("/var/www/html/b|{below} /var/www/html, which browsers can read")],
        );
        check(
            &RULE,
            &plan("app/backups"),
            &["app/backups|`save` puts its backup into the work tree app"],
        );
        for fine in [
            "backups/",
            "/var/backups/shop",
            "/var/www/shop/backups",
            "../backups",
            "public-data/b",
        ] {
            check(&RULE, &plan(fine), &[]);
        }
    }

    #[test]
    fn the_folder_is_closed_to_others() {
        let with = |mode: &str| {
            format!(
                "{}  - {{ step: make, files: {{ make: backups, mode: \"{mode}\" }} }}\n",
                plan("backups/")
            )
        };
        check(
            &RULE,
            &with("0755"),
            &["\"0755\"|everybody on the machine can read the backups in backups"],
        );
        check(&RULE, &with("0750"), &[]);
    }
}
