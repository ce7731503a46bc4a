//! `migrate` by other tools, each the real one: alembic, flask db, artisan, sqitch, and one that `plan`
//! does not know.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::{Place, wait_until};
use crate::servers::{Kind, Server, has};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Alembic,
    Flask,
    Laravel,
    Sqitch,
    Unknown,
}

const PAIRS: [(Tool, Kind); 7] = [
    (Tool::Alembic, Kind::Sqlite),
    (Tool::Alembic, Kind::Postgres),
    (Tool::Flask, Kind::Sqlite),
    (Tool::Laravel, Kind::Sqlite),
    (Tool::Laravel, Kind::MariaDb),
    (Tool::Sqitch, Kind::Postgres),
    (Tool::Unknown, Kind::Sqlite),
];

/// For what is the same on each server.
const FEW: [(Tool, Kind); 4] = [
    (Tool::Alembic, Kind::Sqlite),
    (Tool::Laravel, Kind::MariaDb),
    (Tool::Sqitch, Kind::Postgres),
    (Tool::Unknown, Kind::Sqlite),
];

fn fetched() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/external/venv/bin")
}

/// Whether the tool is there; one that is missing fails in CI, and elsewhere says how to get it.
#[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
fn is_there(tool: Tool) -> bool {
    let (path, how) = match tool {
        Tool::Alembic => (fetched().join("alembic"), "bash tests/external/install.sh"),
        Tool::Flask => (fetched().join("flask"), "bash tests/external/install.sh"),
        Tool::Laravel => (
            PathBuf::from("/usr/share/php/Illuminate/autoload.php"),
            "apt-get install php-cli php-laravel-framework php-sqlite3 php-mysql",
        ),
        Tool::Sqitch => (
            PathBuf::from("/usr/bin/sqitch"),
            "apt-get install sqitch libdbd-sqlite3-perl libdbd-pg-perl",
        ),
        Tool::Unknown => return true,
    };
    assert!(path.exists() || std::env::var_os("CI").is_none(), "CI must have {tool:?}: {how}");
    if !path.exists() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: it needs {tool:?} ({how})");
    }
    path.exists()
}

/// A project with its migrations, and how its tool is called there.
struct Project {
    place: Place,
    server: Server,
    tool: Tool,
    keys: String,
    call: String,
}

/// The first makes `orders`, the second adds `orders.state`, the third (where wanted) is wrong.
fn project(name: &str, (tool, kind): (Tool, Kind), migrations: usize) -> Project {
    let place = Place::new(&format!("tools-{name}-{tool:?}-{kind:?}"));
    let server = Server::start(&place, kind);
    std::fs::create_dir_all(place.folder.join("app")).unwrap();
    let file = place.folder.join("server/shop.db").display().to_string();
    let (keys, call) = match tool {
        Tool::Alembic | Tool::Flask => python(&place, &server, tool, &file),
        Tool::Laravel => laravel(&place, &server, &file),
        Tool::Sqitch => sqitch(&place, &server, &file),
        Tool::Unknown => {
            let script = format!(
                "#!/bin/bash\nset -eu\nnow=$(cat version 2>/dev/null || echo 0)\ncase $1 in\n\
                 current) echo \"$now\";;\n\
                 up) [ \"$now\" -ge 1 ] || sqlite3 {file} 'create table orders (id integer primary key)'\n\
                   [ \"$2\" -lt 2 ] || sqlite3 {file} 'alter table orders add state text'\n\
                   [ \"$2\" -lt 3 ] || exit 5\n echo \"$2\" > version;;\n\
                 down) [ \"$2\" -ge 2 ] || sqlite3 {file} 'alter table orders drop state'\n\
                   [ \"$2\" -ge 1 ] || sqlite3 {file} 'drop table orders'\n echo \"$2\" > version;;\nesac\n"
            );
            place.write("app/tool", &script);
            let commands = "commands: { up: \"bash tool up {{ target }}\", down: \"bash tool down {{ target }}\", current: bash tool current }";
            (format!("engine: command, to: \"{migrations}\", {commands}"), "bash tool".to_owned())
        }
    };
    let mut project = Project { place, server, tool, keys, call };
    for number in 1..=migrations {
        project.add(number);
    }
    project.write_plan("");
    project
}

fn python(place: &Place, server: &Server, tool: Tool, file: &str) -> (String, String) {
    let url = match server.kind {
        Kind::Postgres => format!("postgresql+psycopg://postgres@127.0.0.1:{}/shop", server.port),
        _ => format!("sqlite:///{file}"),
    };
    let bin = fetched().canonicalize().unwrap();
    let (engine, call) = match tool {
        Tool::Flask => {
            place.write(
                "app/shop.py",
                &format!(
                    "from flask import Flask\nfrom flask_sqlalchemy import SQLAlchemy\n\
                     from flask_migrate import Migrate\napp = Flask(__name__)\n\
                     app.config['SQLALCHEMY_DATABASE_URI'] = '{url}'\nMigrate(app, SQLAlchemy(app))\n"
                ),
            );
            ("flask", format!("{}/flask --app shop db", bin.display()))
        }
        _ => ("alembic", format!("{}/alembic", bin.display())),
    };
    let init = if tool == Tool::Flask { "init" } else { "init migrations" };
    shell(&place.folder.join("app"), &format!("{call} {init}"));
    if tool == Tool::Alembic {
        let ini = place.read("app/alembic.ini");
        let lines = ini.lines().map(|line| match line.starts_with("sqlalchemy.url") {
            true => format!("sqlalchemy.url = {url}\n"),
            false => format!("{line}\n"),
        });
        place.write("app/alembic.ini", &lines.collect::<String>());
    }
    (format!("engine: {engine}, call: {call}"), call)
}

fn laravel(place: &Place, server: &Server, file: &str) -> (String, String) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tools/laravel");
    shell(&from, &format!("cp -r artisan config {}/app/", place.folder.display()));
    for folder in
        ["bootstrap/cache", "storage/framework", "storage/logs", "app", "database/migrations"]
    {
        std::fs::create_dir_all(place.folder.join("app").join(folder)).unwrap();
    }
    let env = match server.kind {
        Kind::Sqlite => format!("DB_KIND=sqlite DB_NAME={file}"),
        _ => format!("DB_KIND=mysql DB_NAME=shop DB_USER=root DB_SOCKET={}", server.socket()),
    };
    let call = format!("env {env} php artisan");
    (format!("engine: laravel, call: {call}"), call)
}

fn sqitch(place: &Place, server: &Server, file: &str) -> (String, String) {
    let (engine, target) = match server.kind {
        Kind::Postgres => ("pg", format!("db:pg://postgres@127.0.0.1:{}/shop", server.port)),
        _ => ("sqlite", format!("db:sqlite:{file}")),
    };
    let call = "env SQITCH_FULLNAME=Ama SQITCH_EMAIL=ama@example.org sqitch".to_owned();
    let app = place.folder.join("app");
    shell(&app, &format!("{call} init shop --engine {engine} --target {target}"));
    (format!("engine: sqitch, call: {call}"), call)
}

#[track_caller]
fn shell(dir: &Path, text: &str) -> String {
    let output = Command::new("bash").args(["-c", text]).current_dir(dir).output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{text}: {said}");
    said
}

const WAIVED: &str = "allow: { migrate-unchecked: the test itself looks afterwards, \
                      backup-before-change: the test makes the data itself, \
                      not-rerunnable: the tool knows what it applied }";

const NAMES: [&str; 3] = ["orders", "state", "wrong"];

impl Project {
    /// The next migration.
    fn add(&mut self, number: usize) {
        let name = NAMES[number - 1];
        let wait = "while os.path.exists('hold'): time.sleep(0.02)";
        match self.tool {
            Tool::Alembic | Tool::Flask => {
                let (up, down) = [
                    (
                        "op.create_table('orders', sa.Column('id', sa.Integer, primary_key=True))",
                        "op.drop_table('orders')",
                    ),
                    (
                        "op.add_column('orders', sa.Column('state', sa.String(20)))",
                        "op.drop_column('orders', 'state')",
                    ),
                    ("op.execute('select * from nowhere')", "pass"),
                ][number - 1];
                let before = match number {
                    1 => "None".to_owned(),
                    _ => format!("'rev{}'", number - 1),
                };
                self.place.write(
                    &format!("app/migrations/versions/rev{number}.py"),
                    &format!(
                        "import os, time\nfrom alembic import op\nimport sqlalchemy as sa\n\
                         revision = 'rev{number}'\ndown_revision = {before}\n\
                         def upgrade():\n    {wait}\n    {up}\ndef downgrade():\n    {down}\n"
                    ),
                );
            }
            Tool::Laravel => {
                let (up, down) = [
                    (
                        "Schema::create('orders', function ($t) { $t->id(); });",
                        "Schema::drop('orders');",
                    ),
                    (
                        "Schema::table('orders', function ($t) { $t->string('state')->nullable(); });",
                        "DB::statement('alter table orders drop column state');",
                    ),
                    ("DB::statement('select * from nowhere');", ""),
                ][number - 1];
                let class = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
                self.place.write(
                    &format!("app/database/migrations/2026_01_0{number}_000000_{name}.php"),
                    &format!(
                        "<?php\nuse Illuminate\\Support\\Facades\\DB;\nuse Illuminate\\Support\\Facades\\Schema;\n\
                         class {class} extends Illuminate\\Database\\Migrations\\Migration {{\n\
                         public function up() {{ while (file_exists('hold')) {{ clearstatcache(); usleep(20000); }} {up} }}\n\
                         public function down() {{ {down} }}\n}}\n"
                    ),
                );
            }
            Tool::Sqitch => {
                let app = self.place.folder.join("app");
                shell(&app, &format!("{} add {name} -n {name}", self.call));
                let (up, down) = [
                    ("create table orders (id integer primary key)", "drop table orders"),
                    ("alter table orders add state varchar(20)", "alter table orders drop state"),
                    ("select * from nowhere", "select 1"),
                ][number - 1];
                self.place.write(&format!("app/deploy/{name}.sql"), &format!("{up};\n"));
                self.place.write(&format!("app/revert/{name}.sql"), &format!("{down};\n"));
                self.place.write(&format!("app/verify/{name}.sql"), "select 1;\n");
            }
            Tool::Unknown => {}
        }
    }

    fn write_plan(&self, behind: &str) {
        let (connection, keys) = (self.server.connection(), &self.keys);
        self.place.write(
            "plan.yaml",
            &format!(
                "plan: p\n{connection}\nstate: {{ databases: [main], except: [sqitch.events] }}\nsteps:\n  \
                 - step: up\n    in: app\n    migrate: {{ database: main, {keys} }}\n    \
                 {WAIVED}\n{behind}"
            ),
        );
    }

    /// By the tool itself, as a person would.
    fn by_hand(&self, to: usize) {
        let name = NAMES[to - 1];
        let arguments = match self.tool {
            Tool::Alembic | Tool::Flask => format!("upgrade rev{to}"),
            Tool::Laravel => {
                format!(
                    "migrate --force --path=database/migrations/2026_01_0{to}_000000_{name}.php"
                )
            }
            Tool::Sqitch => format!("deploy --to-change {name}"),
            Tool::Unknown => format!("up {to}"),
        };
        shell(&self.place.folder.join("app"), &format!("{} {arguments}", self.call));
    }

    /// How much of the migrations the database has.
    fn reached(&self) -> usize {
        if self.server.refuses("select id from orders") {
            return 0;
        }
        1 + usize::from(!self.server.refuses("select state from orders"))
    }
}

const FAILS: &str = "  - checkpoint: never\n    checks: [{ run: \"false\" }]\n";

#[test]
fn each_tool_goes_up_and_back_to_exactly_what_was_there() {
    for pair in PAIRS.into_iter().filter(|(tool, kind)| is_there(*tool) && has(*kind)) {
        let project = project("back", pair, 2);
        project.by_hand(1);
        project.write_plan(FAILS);
        let said = project.place.apply().ends(1).says("rolled back completely");
        assert_eq!(project.reached(), 1, "{pair:?}: {said:?}");
        project.write_plan("");
        project.place.apply().ends(0);
        assert_eq!(project.reached(), 2, "{pair:?}");
        // Once more does nothing, and its way back takes nothing away.
        project.place.apply().ends(0);
        project.place.plan(&["rollback"]).ends(0);
        assert_eq!(project.reached(), 2, "{pair:?}");
        project.place.plan(&["rollback", "p-2"]).ends(0).says("the state is the one before");
        assert_eq!(project.reached(), 1, "{pair:?}");
    }
}

#[test]
fn a_database_that_never_saw_the_tool_is_as_before() {
    for pair in PAIRS.into_iter().filter(|(tool, kind)| is_there(*tool) && has(*kind)) {
        let project = project("fresh", pair, 2);
        project.write_plan(FAILS);
        let ran = project.place.apply();
        // Sqitch keeps tables of its own, which it never takes away.
        match pair {
            (Tool::Sqitch, Kind::Postgres) => ran.ends(3).says("sqitch"),
            _ => ran.ends(1).says("rolled back completely"),
        };
        assert_eq!(project.reached(), 0, "{pair:?}");
    }
}

#[test]
fn a_migration_that_fails_is_told_with_what_the_database_has() {
    for pair in FEW.into_iter().filter(|(tool, kind)| is_there(*tool) && has(*kind)) {
        let project = project("fails", pair, 3);
        let ran = project.place.apply();
        assert!(matches!(ran.code, 1 | 3), "{pair:?}: {ran:?}");
        if pair.0 == Tool::Unknown {
            // It stopped in its middle and wrote down nothing: nobody knows more than it says.
            ran.says("exit status 5").says("the database has 0");
            continue;
        }
        ran.says("the database has");
        assert_eq!(project.reached(), 0, "{pair:?}");
    }
}

#[test]
fn another_number_of_waiting_migrations_runs_nothing() {
    for pair in FEW.into_iter().filter(|(tool, kind)| is_there(*tool) && has(*kind)) {
        let mut project = project("waiting", pair, 2);
        project.keys += ", expect_pending: 1";
        project.write_plan("");
        let ran = project.place.apply();
        assert!(matches!(ran.code, 1 | 3), "{pair:?}: {ran:?}");
        assert_eq!(project.reached(), 0, "{pair:?}");
        if pair.0 == Tool::Unknown {
            ran.says("cannot be told");
            continue;
        }
        ran.says("2 are waiting, not 1");
        project.by_hand(1);
        project.place.apply().ends(0);
        assert_eq!(project.reached(), 2, "{pair:?}");
    }
}

#[test]
fn a_run_that_is_killed_in_a_migration_goes_on_or_back() {
    for pair in [(Tool::Alembic, Kind::Postgres), (Tool::Laravel, Kind::MariaDb)] {
        if !is_there(pair.0) || !has(pair.1) {
            continue;
        }
        for verb in ["resume", "rollback"] {
            let project = project(&format!("killed-{verb}"), pair, 2);
            project.by_hand(1);
            project.place.write("app/hold", "");
            let mut run = project.place.begin();
            project.place.wait_for("up");
            wait_until("the tool is at work", || {
                let logs = project.place.run_folder().join("logs");
                let files = std::fs::read_dir(logs).into_iter().flatten().flatten();
                files.filter(|file| file.file_name().to_string_lossy().ends_with(".sh")).count() > 1
            });
            run.kill().unwrap();
            run.wait().unwrap();
            std::fs::remove_file(project.place.folder.join("app/hold")).unwrap();
            project.place.plan(&[verb]).ends(0);
            assert_eq!(project.reached(), if verb == "resume" { 2 } else { 1 }, "{pair:?}");
        }
    }
}

#[test]
fn what_somebody_migrated_since_is_not_taken_back() {
    for pair in FEW.into_iter().filter(|(tool, kind)| is_there(*tool) && has(*kind)) {
        if pair.0 == Tool::Unknown {
            continue;
        }
        let mut project = project("since", pair, 1);
        project.place.apply().ends(0);
        project.add(2);
        project.by_hand(2);
        project.place.plan(&["rollback"]).ends(3).says("somebody migrated it since");
        assert_eq!(project.reached(), 2, "{pair:?}");
    }
}

/// Killed with its tool in the middle: the way back goes through the tool; and one that still runs is
/// waited for.
#[test]
fn a_tool_that_was_killed_is_taken_back_and_one_that_lives_is_waited_for() {
    if !has(Kind::Sqlite) {
        return;
    }
    for is_killed in [true, false] {
        let place = Place::new(&format!("tools-middle-{is_killed}"));
        place.sqlite("shop.db", "create table t (a)");
        place.write(
            "tool",
            "case $1 in\ncurrent) cat version;;\nup) echo begun >> log; echo 1 > version; sleep 4; \
             echo $2 > version; echo done >> log;;\ndown) echo down $2 >> log; echo $2 > version;;\nesac\n",
        );
        place.write("version", "0\n");
        place.write(
            "plan.yaml",
            &format!(
                "plan: p\nconnections: {{ main: {{ file: shop.db }} }}\nsteps:\n  - step: up\n    migrate: {{ database: main, \
                 engine: command, to: \"2\", commands: {{ up: \"bash tool up {{{{ target }}}}\", \
                 down: \"bash tool down {{{{ target }}}}\", current: bash tool current }} }}\n    {WAIVED}\n"
            ),
        );
        let mut run = place.begin();
        wait_until("the tool is at work", || place.read("log").contains("begun"));
        run.kill().unwrap();
        run.wait().unwrap();
        if is_killed {
            let folder = place.folder.display().to_string();
            shell(
                &place.folder,
                &format!(
                    "for p in $(pgrep -f 'too[l] up|keepe[r] {folder}'); do kill -9 $p; done; true"
                ),
            );
            place.plan(&["rollback"]).ends(0);
            assert_eq!(place.read("version"), "0\n");
            assert!(place.read("log").contains("down 0"), "{}", place.read("log"));
        } else {
            place.plan(&["resume"]).ends(0);
            assert_eq!(place.read("version"), "2\n");
            assert_eq!(place.read("log"), "begun\ndone\n");
        }
    }
}
