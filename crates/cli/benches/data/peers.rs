//! Others who keep what is applied in the database, where `data-peers.sh` has installed them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::migrations::{COUNT, down, up};
use crate::place::Place;
use crate::servers::{Kind, Server};
use crate::{say, told_in};

pub struct Peer {
    pub name: &'static str,
    folder: PathBuf,
    /// Program and arguments.
    pub up: Vec<String>,
    /// None where only one is taken back in one call.
    pub down: Option<Vec<String>>,
}

impl Peer {
    pub fn command(&self, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(&self.folder).stdin(Stdio::null());
        command.env("PATH", path());
        told_in(&mut command, &self.folder.join("lines"));
        command
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers")
}

/// Where the script has put them, then where the system has them.
fn path() -> String {
    let root = root();
    let old = std::env::var("PATH").unwrap_or_default();
    format!("{0}/node_modules/.bin:{0}/venv/bin:{old}", root.display())
}

fn is_there(program: &str) -> bool {
    std::env::split_paths(&path()).any(|folder| folder.join(program).is_file())
}

pub fn all(place: &Place, server: &Server) -> Vec<Peer> {
    let makers: [(&'static str, Maker); 4] =
        [("dbmate", dbmate), ("alembic", alembic), ("yoyo", yoyo), ("sqitch", sqitch)];
    let mut peers = Vec::new();
    for (name, make) in makers {
        if is_there(name) {
            let (up, down) = make(place, server, name);
            let words = |text: String| text.split(' ').map(str::to_owned).collect();
            let folder = place.folder.join(name);
            peers.push(Peer { name, folder, up: words(up), down: down.map(words) });
        } else {
            say(&format!("{name} is left out: bash crates/cli/benches/data-peers.sh installs it"));
        }
    }
    peers
}

type Maker = fn(&Place, &Server, &str) -> (String, Option<String>);

fn url(place: &Place, server: &Server, sqlite: &str, postgres: &str) -> String {
    match server.kind {
        Kind::Sqlite => format!("{sqlite}{}", place.folder.join("server/shop.db").display()),
        _ => format!("{postgres}://postgres@127.0.0.1:{}/shop", server.port),
    }
}

fn dbmate(place: &Place, server: &Server, folder: &str) -> (String, Option<String>) {
    for n in 1..=COUNT {
        let text = format!("-- migrate:up\n{}\n-- migrate:down\n{}", up(n), down(n));
        place.write(&format!("{folder}/all/20260101{n:06}_step.sql"), &text);
    }
    let mut url = url(place, server, "sqlite:", "postgres");
    if server.kind == Kind::Postgres {
        url += "?sslmode=disable";
    }
    (format!("dbmate --url {url} --migrations-dir all --no-dump-schema up"), None)
}

fn alembic(place: &Place, server: &Server, folder: &str) -> (String, Option<String>) {
    let url = url(place, server, "sqlite:///", "postgresql+psycopg2");
    place.write(&format!("{folder}/alembic.ini"), "[alembic]\nscript_location = all\n");
    place.write(&format!("{folder}/all/script.py.mako"), "");
    place.write(
        &format!("{folder}/all/env.py"),
        &format!(
            "from alembic import context\nfrom sqlalchemy import create_engine\n\
             with create_engine('{url}').connect() as connection:\n    \
             context.configure(connection=connection, transaction_per_migration=True)\n    \
             with context.begin_transaction():\n        context.run_migrations()\n"
        ),
    );
    for n in 1..=COUNT {
        let before = if n == 1 { "None".to_owned() } else { format!("'r{}'", n - 1) };
        let calls = |text: &str| -> String {
            text.lines().map(|line| format!("    op.execute('''{line}''')\n")).collect()
        };
        place.write(
            &format!("{folder}/all/versions/r{n}.py"),
            &format!(
                "from alembic import op\nrevision = 'r{n}'\ndown_revision = {before}\n\
                 def upgrade():\n{}def downgrade():\n{}",
                calls(&up(n)),
                calls(&down(n))
            ),
        );
    }
    ("alembic upgrade head".to_owned(), Some("alembic downgrade base".to_owned()))
}

fn yoyo(place: &Place, server: &Server, folder: &str) -> (String, Option<String>) {
    for n in 1..=COUNT {
        let needs = if n == 1 { String::new() } else { format!("-- depends: s{:03}\n", n - 1) };
        place.write(&format!("{folder}/all/s{n:03}.sql"), &format!("{needs}{}", up(n)));
        place.write(&format!("{folder}/all/s{n:03}.rollback.sql"), &down(n));
    }
    let url = url(place, server, "sqlite:///", "postgresql");
    let call = |verb: &str| format!("yoyo {verb} --batch --no-config-file --database {url} all");
    (call("apply"), Some(call("rollback --all")))
}

fn sqitch(place: &Place, server: &Server, folder: &str) -> (String, Option<String>) {
    let engine = if server.kind == Kind::Sqlite { "sqlite" } else { "pg" };
    place.write(
        &format!("{folder}/sqitch.conf"),
        &format!(
            "[core]\n\tengine = {engine}\n[user]\n\tname = Bench\n\temail = bench@localhost\n"
        ),
    );
    let mut plan = "%syntax-version=1.0.0\n%project=bench\n\n".to_owned();
    for n in 1..=COUNT {
        plan += &format!("s{n} 2026-01-01T00:00:00Z Bench <bench@localhost> # step\n");
        place.write(&format!("{folder}/deploy/s{n}.sql"), &format!("BEGIN;\n{}COMMIT;\n", up(n)));
        place.write(&format!("{folder}/revert/s{n}.sql"), &format!("BEGIN;\n{}COMMIT;\n", down(n)));
    }
    place.write(&format!("{folder}/sqitch.plan"), &plan);
    let url = url(place, server, "db:sqlite:", "db:pg");
    (format!("sqitch deploy --target {url}"), Some(format!("sqitch revert -y --target {url}")))
}
