//! `plan init`: a commented first plan that validates, with the files that it names.

use std::path::Path;

use crate::args::{Init, Template};
use crate::exit::Exit;
use crate::terminal::Terminal;

struct Starter {
    plan: &'static str,
    /// Files that the plan names, beside it.
    files: &'static [(&'static str, &'static str)],
}

fn starter(template: Template) -> Starter {
    match template {
        Template::Minimal => Starter { plan: include_str!("init/minimal.yaml"), files: &[] },
        Template::Database => Starter {
            plan: include_str!("init/database.yaml"),
            files: &[
                (
                    "migrations/V1_1__add_colour.sql",
                    include_str!("init/migrations/V1_1__add_colour.sql"),
                ),
                (
                    "migrations/rollback/V1_1__rollback.sql",
                    include_str!("init/migrations/rollback/V1_1__rollback.sql"),
                ),
                ("environments/staging.yaml", include_str!("init/environments/staging.yaml")),
                ("environments/prod.yaml", include_str!("init/environments/prod.yaml")),
            ],
        },
        Template::WebApp => Starter {
            plan: include_str!("init/web-app.yaml"),
            files: &[
                ("environments/staging.yaml", include_str!("init/environments/staging.yaml")),
                ("environments/prod.yaml", include_str!("init/environments/prod.yaml")),
            ],
        },
    }
}

pub fn run(args: &Init, terminal: &mut Terminal) -> Exit {
    let starter = starter(args.template);
    let path = Path::new(&args.file);
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut files = vec![(path.to_path_buf(), starter.plan)];
    files.extend(starter.files.iter().map(|(name, text)| (folder.join(name), *text)));
    if let Some((taken, _)) = files.iter().find(|(path, _)| path.exists()) {
        let message = format!("{} is there already: nothing was written", taken.display());
        return super::wrong_call(terminal, &message, "name another file, or remove this one");
    }
    for (path, text) in &files {
        let made = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(path, text));
        if let Err(error) = made {
            return super::wrong_call(
                terminal,
                &format!("cannot write {}: {error}", path.display()),
                "name a folder that you may write",
            );
        }
        terminal.line(&format!("wrote {}", path.display()));
    }
    terminal.tell(&format!("next: plan validate {0}; plan show {0}", args.file));
    Exit::Done
}
