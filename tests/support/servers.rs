//! Real database servers: started by a test, with a folder of its own, and stopped with it.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::place::{Place, wait_until};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Postgres,
    MariaDb,
    Sqlite,
}

pub const ALL: [Kind; 3] = [Kind::Sqlite, Kind::Postgres, Kind::MariaDb];

/// A server with a database `shop`; or the file of SQLite.
pub struct Server {
    pub kind: Kind,
    folder: PathBuf,
    pub port: u16,
    child: Option<Child>,
}

/// Where the programs of PostgreSQL are: newest first, they are in no path.
fn postgres_programs() -> Option<PathBuf> {
    let mut found: Vec<_> = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().collect();
    found.sort_by_key(|one| one.file_name().to_string_lossy().parse::<u32>().unwrap_or(0));
    let newest = found.pop()?.path().join("bin");
    newest.join("initdb").exists().then_some(newest)
}

fn in_path(program: &str) -> bool {
    let said = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    said.is_ok_and(|output| output.status.success())
}

/// Whether the server can be had; one that is missing fails in CI, and elsewhere says how to get it.
#[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
pub fn has(kind: Kind) -> bool {
    let (is_there, how) = match kind {
        Kind::Postgres => (postgres_programs().is_some(), "apt-get install postgresql"),
        Kind::MariaDb => (in_path("mariadbd"), "apt-get install mariadb-server"),
        Kind::Sqlite => (in_path("sqlite3"), "apt-get install sqlite3"),
    };
    assert!(is_there || std::env::var_os("CI").is_none(), "CI must have {kind:?}: {how}");
    if !is_there {
        let _ = writeln!(std::io::stderr(), "skipped: it needs {kind:?} ({how})");
    }
    is_there
}

/// Servers refuse to run as root: their own user does it then. They end when the test does.
fn as_user(user: &str, program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let (uid, gid) = (format!("--reuid={user}"), format!("--regid={user}"));
    command.args([&uid, &gid, "--init-groups", "--pdeathsig", "KILL"]).arg(program);
    command
}

fn own(folder: &Path, user: &str) {
    if rustix::process::geteuid().is_root() {
        let done = Command::new("chown").args(["-R", user]).arg(folder).status();
        assert!(done.unwrap().success());
    }
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A new data folder costs half a second: it is made once, and copied.
fn template(kind: Kind) -> &'static Path {
    static POSTGRES: OnceLock<PathBuf> = OnceLock::new();
    static MARIADB: OnceLock<PathBuf> = OnceLock::new();
    let (cell, name) = match kind {
        Kind::Postgres => (&POSTGRES, "postgres"),
        _ => (&MARIADB, "mariadb"),
    };
    cell.get_or_init(|| {
        let name = format!("plan-template-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let data = folder.join("data");
        if kind == Kind::Postgres {
            own(&folder, "postgres");
            let initdb = postgres_programs().unwrap().join("initdb");
            let mut command = as_user("postgres", &initdb);
            command.arg("-D").arg(&data);
            run(command.args(["-U", "postgres", "-A", "trust", "--no-sync"]).args([
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ]));
        } else {
            own(&folder, "mysql");
            let mut command = Command::new("mariadb-install-db");
            command.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
            command.args(["--skip-test-db", "--innodb-log-file-size=4M"]);
            if rustix::process::geteuid().is_root() {
                command.arg("--user=mysql");
            }
            run(command.arg(format!("--datadir={}", data.display())));
        }
        folder
    })
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// In a folder of this place.
    pub fn start(place: &Place, kind: Kind) -> Server {
        Server::start_with(place, kind, &[])
    }

    pub fn start_with(place: &Place, kind: Kind, settings: &[&str]) -> Server {
        let folder = place.folder.join("server");
        fs::create_dir_all(&folder).unwrap();
        let mut server = Server { kind, folder, port: free_port(), child: None };
        if kind == Kind::Sqlite {
            server.sql("pragma journal_mode = wal");
            return server;
        }
        let data = server.folder.join("data");
        run(Command::new("cp").arg("-a").arg(template(kind).join("data")).arg(&data));
        own(&server.folder, if kind == Kind::Postgres { "postgres" } else { "mysql" });
        // Between asking for a free port and taking it, somebody else may have taken it.
        while !server.serve(settings) {
            server.port = free_port();
        }
        server.on_server("create database shop");
        server
    }

    /// Whether it runs; its port may be taken.
    fn serve(&mut self, settings: &[&str]) -> bool {
        let log = fs::File::create(self.folder.join("log")).unwrap();
        let (data, port) = (self.folder.join("data"), self.port.to_string());
        let mut command = match self.kind {
            Kind::Postgres => {
                let program = postgres_programs().unwrap().join("postgres");
                let mut command = as_user("postgres", &program);
                command.arg("-D").arg(data).args(["-F", "-p", &port, "-k"]).arg(&self.folder);
                command.args(["-c", "listen_addresses=127.0.0.1"]);
                command
            }
            _ => {
                let mut command = as_user("mysql", Path::new("/usr/sbin/mariadbd"));
                command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
                command.arg(format!("--socket={}", self.socket()));
                // A server that starts clears away what it finds of others in a common one.
                command.arg(format!("--tmpdir={}", self.folder.display()));
                command.args(["--port", &port, "--bind-address=127.0.0.1"]);
                command.arg(format!("--pid-file={}", self.folder.join("pid").display()));
                command
            }
        };
        command.args(settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().unwrap();
        let mut has_ended = false;
        wait_until("the server answers", || {
            has_ended = child.try_wait().unwrap().is_some();
            has_ended || self.try_client(&self.ping()).is_some()
        });
        let said = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(!has_ended || said.contains("in use"), "the server ended: {said}");
        self.child = (!has_ended).then_some(child);
        !has_ended
    }

    fn ping(&self) -> Vec<&'static str> {
        match self.kind {
            Kind::Postgres => vec!["-d", "postgres", "-c", "select 1"],
            _ => vec!["-e", "select 1"],
        }
    }

    pub fn socket(&self) -> String {
        match self.kind {
            Kind::Postgres => self.folder.display().to_string(),
            _ => self.folder.join("socket").display().to_string(),
        }
    }

    /// At once, as a machine that loses its power would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // PostgreSQL's sessions are processes of their own.
            let pids = format!("{} $(pgrep -P {})", child.id(), child.id());
            let kill = format!("kill -9 {pids} 2>/dev/null");
            let _ = Command::new("sh").args(["-c", &kill]).status();
            let _ = child.wait();
        }
    }

    /// As an administrator would, whoever is still in.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let signal = if self.kind == Kind::Postgres { "-INT" } else { "-TERM" };
            run(Command::new("kill").args([signal, &child.id().to_string()]));
            wait_until("the server has ended", || child.try_wait().unwrap().is_some());
        }
    }

    pub fn start_again(&mut self) {
        let _ = fs::remove_file(self.folder.join("data/postmaster.pid"));
        assert!(self.serve(&[]), "its port was taken");
    }

    /// The `connections:` of a plan.
    pub fn connection(&self) -> String {
        let port = self.port;
        match self.kind {
            Kind::Sqlite => "connections: { main: { file: server/shop.db } }".to_owned(),
            Kind::Postgres => format!(
                "connections: {{ main: {{ url: \"postgresql://postgres@127.0.0.1:{port}/shop\" }} }}"
            ),
            Kind::MariaDb => format!(
                "connections: {{ main: {{ server: mariadb, socket: {}, user: root, database: shop }} }}",
                self.socket()
            ),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command;
        match self.kind {
            Kind::Sqlite => {
                command = Command::new("sqlite3");
                command.arg(self.folder.join("shop.db"));
            }
            Kind::Postgres => {
                command = Command::new(postgres_programs().unwrap().join("psql"));
                command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres"]);
                command.args(["-h", &self.socket(), "-p", &self.port.to_string()]);
            }
            Kind::MariaDb => {
                command = Command::new("mariadb");
                command.args([
                    "--no-defaults",
                    "-N",
                    "-B",
                    "--raw",
                    "-u",
                    "root",
                    "-S",
                    &self.socket(),
                ]);
            }
        }
        command.args(arguments).stdin(Stdio::null());
        command
    }

    fn try_client(&self, arguments: &[&str]) -> Option<String> {
        let output = self.command(arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    fn client(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap().trim_end().replace('\t', "|")
    }

    fn on_shop<'a>(&self, sql: &'a str) -> Vec<&'a str> {
        match self.kind {
            Kind::Sqlite => vec![sql],
            Kind::Postgres => vec!["-d", "shop", "-c", sql],
            Kind::MariaDb => vec!["shop", "-e", sql],
        }
    }

    /// By the server's own client.
    pub fn sql(&self, sql: &str) -> String {
        self.client(&self.on_shop(sql))
    }

    /// A whole file, read by the server's own client as its guide has it.
    pub fn load(&self, text: &str) {
        let mut command = self.command(&[]);
        match self.kind {
            Kind::Sqlite => command.arg("-bail"),
            Kind::Postgres => command.args(["-d", "shop"]),
            Kind::MariaDb => command.args(["--default-character-set=utf8mb4", "shop"]),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{complaint}");
    }

    /// The database as the server's own tool writes it, without what differs from dump to dump: its
    /// lines, in an order of their own.
    pub fn dump(&self) -> Vec<String> {
        let mut command = match self.kind {
            Kind::Sqlite => self.command(&[".dump"]),
            Kind::Postgres => {
                let mut command = Command::new(postgres_programs().unwrap().join("pg_dump"));
                command.args(["-h", &self.socket(), "-p", &self.port.to_string()]);
                command.args(["-U", "postgres", "shop"]);
                command
            }
            Kind::MariaDb => {
                let mut command = Command::new("mariadb-dump");
                command.args(["--no-defaults", "-u", "root", "-S", &self.socket()]);
                command.args(["--routines", "--events", "--skip-extended-insert"]);
                command.args(["--hex-blob", "--skip-dump-date", "shop"]);
                command
            }
        };
        let output = command.stdin(Stdio::null()).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{complaint}");
        let differs = ["\\restrict", "\\unrestrict", "DELETE FROM sqlite_sequence"];
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().filter(|line| !differs.iter().any(|one| line.starts_with(one)));
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    }

    /// The same, from beside the database.
    pub fn on_server(&self, sql: &str) -> String {
        match self.kind {
            Kind::Postgres => self.client(&["-d", "postgres", "-c", sql]),
            _ => self.client(&["-e", sql]),
        }
    }

    /// In another database of PostgreSQL.
    pub fn on(&self, database: &str, sql: &str) -> String {
        self.client(&["-d", database, "-c", sql])
    }

    /// Whether the server says no.
    pub fn refuses(&self, sql: &str) -> bool {
        self.try_client(&self.on_shop(sql)).is_none()
    }

    /// Whether psql says that a file went well, as guides call it.
    pub fn psql_file(&self, file: &Path) -> bool {
        let mut command = Command::new(postgres_programs().unwrap().join("psql"));
        command.args(["-h", &self.socket(), "-p", &self.port.to_string(), "-U", "postgres"]);
        command.args(["-d", "shop", "-f"]).arg(file);
        command.stdin(Stdio::null()).output().unwrap().status.success()
    }

    /// The same, in the background.
    pub fn begin(&self, sql: &str) -> Child {
        let mut command = self.command(&self.on_shop(sql));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The names of all tables, in one line.
    pub fn tables(&self) -> String {
        let names = self.sql(match self.kind {
            Kind::Sqlite => "select name from sqlite_schema where type = 'table' and name not like 'sqlite%' order by 1",
            Kind::Postgres => "select tablename from pg_tables where schemaname = 'public' order by 1",
            Kind::MariaDb => "select table_name from information_schema.tables where table_schema = 'shop' order by 1",
        });
        names.replace('\n', " ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Told to end at once, PostgreSQL takes its shared memory along; killed, it leaves it behind.
        if let Some(child) = self.child.as_mut().filter(|_| self.kind == Kind::Postgres) {
            let quit = rustix::process::Signal::QUIT;
            let _ = rustix::process::kill_process(rustix::process::Pid::from_child(child), quit);
            for _ in 0..500 {
                if child.try_wait().is_ok_and(|ended| ended.is_some()) {
                    self.child = None;
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        self.kill();
    }
}
