//! A database into a file, by the server's own dump tool; SQLite by its own copy in one moment. Every
//! program of the pipe must end well.

use std::path::{Path, PathBuf};

use plan_model::sql::Dialect;
use plan_model::template::shell_word;
use sqlx::ConnectOptions;
use url::Url;

use super::Kind;
use crate::checks::tool::is_there;
use crate::event::Failure;
use crate::world::database::address::{Address, To};
use crate::world::database::snapshot::{self, Scope, Snapshot};
use crate::world::{Around, Broken, Job, error};

pub fn kind(dialect: Dialect) -> Kind {
    match dialect {
        Dialect::PostgreSql => Kind::PostgresDump,
        Dialect::MySql | Dialect::MariaDb => Kind::SqlDump,
        Dialect::Sqlite => Kind::SqliteFile,
    }
}

/// What a dump of a database takes along.
pub struct Wanted<'w> {
    pub at: &'w Address,
    pub packed: &'w str,
    pub except: &'w [String],
    /// What the data are is wanted as well, for a proof.
    pub data: bool,
}

/// Into a file that is not there yet.
pub async fn dump(
    job: &Job,
    around: Around,
    wanted: &Wanted<'_>,
    path: &Path,
) -> Result<Option<Snapshot>, Broken> {
    let scope = Scope { except: wanted.except.to_vec(), ..Scope::default() };
    if wanted.at.dialect == Dialect::Sqlite {
        if !wanted.except.is_empty() {
            let text = "SQLite saves all of a database: nothing can be left out by `except`";
            return Err(error(text).into());
        }
        return sqlite(job, wanted, &scope, path).await;
    }
    let mut session = job.session(wanted.at).await?;
    let mut data = None;
    let mut moment = None;
    if wanted.data {
        data = Some(snapshot::take(&mut session, &scope).await.map_err(Failure::from)?);
        // Its dump sees what this session sees.
        if session.dialect() == Dialect::PostgreSql {
            moment = session.value("select pg_export_snapshot()").await.map_err(Failure::from)?;
        }
    }
    let mut history = false;
    if session.dialect() == Dialect::MariaDb {
        let versioned = "select 1 from information_schema.tables
            where table_schema = database() and table_type = 'SYSTEM VERSIONED' limit 1";
        history = session.value(versioned).await.map_err(Failure::from)?.is_some();
    }
    let result = by_program(job, around, wanted, history, moment.as_deref(), path).await;
    if let Some(before) = data.as_ref().filter(|_| moment.is_none())
        && result.is_ok()
    {
        // Where dump and look are two moments, they are one as long as nobody wrote between them.
        session.roll_back().await;
        let after = snapshot::take(&mut session, &scope).await.map_err(Failure::from)?;
        if after != *before {
            data = None;
        }
    }
    session.close().await;
    result.map(|()| data)
}

/// The name that this machine has for it.
pub fn of_mysql() -> &'static str {
    if is_there(Path::new(""), "mariadb-dump") { "mariadb-dump" } else { "mysqldump" }
}

async fn by_program(
    job: &Job,
    mut around: Around,
    wanted: &Wanted<'_>,
    history: bool,
    moment: Option<&str>,
    path: &Path,
) -> Result<(), Broken> {
    let (tool, mut arguments) = match wanted.at.dialect {
        Dialect::PostgreSql => {
            ("pg_dump", vec!["--format=custom".to_owned(), "--compress=0".to_owned()])
        }
        _ => {
            let dump = of_mysql();
            let wanted = [
                "--single-transaction",
                "--quick",
                "--routines",
                "--triggers",
                "--events",
                "--hex-blob",
                "--skip-lock-tables",
                // They ask for a right over all databases, and are none of the data.
                "--no-tablespaces",
            ];
            (dump, wanted.map(str::to_owned).to_vec())
        }
    };
    if history {
        arguments.push("--dump-history".to_owned());
    }
    if let Some(moment) = moment {
        arguments.push(format!("--snapshot={moment}"));
    }
    for table in wanted.except {
        match wanted.at.dialect {
            // The table stays, its rows are left out.
            Dialect::PostgreSql => arguments.push(format!("--exclude-table-data={table}")),
            _ => {
                let database = wanted.at.database().unwrap_or_default();
                arguments.push(format!("--ignore-table-data={database}.{table}"));
            }
        }
    }
    let (login, env) = login(wanted.at);
    // MariaDB wants its defaults before all others.
    let whole: Vec<String> = login.into_iter().chain(arguments).collect();
    around.env.extend(env);
    let words: Vec<String> = whole.iter().map(|word| shell_word(word)).collect();
    let program = shell_word(&job.world.program.display().to_string());
    let text = format!(
        "umask 077; {tool} {} {} | {program} pack {} > {}",
        words.join(" "),
        shell_word(wanted.at.database().unwrap_or_default()),
        wanted.packed,
        shell_word(&path.display().to_string())
    );
    let arguments = ["bash", "-euo", "pipefail", "-c", &text].map(str::to_owned).to_vec();
    let timeout = around.timeout;
    let ran = job.program(arguments, around, None, false).await?;
    Ok(ran.check_tool(timeout).map_err(|mut failure| {
        failure.text = format!("{tool}: {}", failure.text);
        failure
    })?)
}

/// How a server's own programs find it: what may be seen as arguments, the password as a variable.
pub fn login(at: &Address) -> (Vec<String>, Vec<(String, String)>) {
    let (url, host, port, user, socket) = match &at.to {
        To::File(_) => return Default::default(),
        To::Postgres(to) => {
            (to.to_url_lossy(), to.get_host(), to.get_port(), to.get_username(), to.get_socket())
        }
        To::MySql(to) => {
            (to.to_url_lossy(), to.get_host(), to.get_port(), to.get_username(), to.get_socket())
        }
    };
    let password = url.password().map(decoded);
    let setting = |names: &[&str]| {
        let mut pairs = url.query_pairs();
        let (_, value) = pairs.find(|(key, _)| names.contains(&&**key))?;
        // So sqlx writes a certificate that is a file.
        Some(value.strip_prefix("file: ").unwrap_or(&value).to_owned())
    };
    let mut env = Vec::new();
    let mut arguments = Vec::new();
    let socket = socket.map(|socket| socket.display().to_string());
    if at.dialect == Dialect::PostgreSql {
        let host = socket.unwrap_or_else(|| host.to_owned());
        arguments.extend([format!("--host={host}"), format!("--port={port}")]);
        arguments.extend([format!("--username={user}"), "--no-password".to_owned()]);
        env.extend(password.map(|password| ("PGPASSWORD".to_owned(), password)));
        for (names, variable) in [
            (["sslmode", "ssl-mode"], "PGSSLMODE"),
            (["sslrootcert", "ssl-ca"], "PGSSLROOTCERT"),
            (["sslcert", "ssl-cert"], "PGSSLCERT"),
            (["sslkey", "ssl-key"], "PGSSLKEY"),
        ] {
            env.extend(setting(&names).map(|value| (variable.to_owned(), value)));
        }
    } else {
        match socket {
            Some(socket) => arguments.push(format!("--socket={socket}")),
            None => {
                arguments.extend([format!("--host={host}"), format!("--port={port}")]);
                arguments.push("--protocol=tcp".to_owned());
            }
        }
        arguments.push(format!("--user={user}"));
        // Where it leads is said by the plan alone, not by somebody's settings.
        arguments.insert(0, "--no-defaults".to_owned());
        env.push(("MYSQL_PWD".to_owned(), password.unwrap_or_default()));
        arguments.extend(setting(&["ssl-ca", "sslca"]).map(|file| format!("--ssl-ca={file}")));
    }
    (arguments, env)
}

fn decoded(text: &str) -> String {
    // As sqlx wrote it: every sign that could mean something is a percent and two digits.
    let url = Url::parse(&format!("x:?v={}", text.replace('+', "%2B")));
    let value = url.ok().and_then(|url| url.query_pairs().next().map(|(_, v)| v.into_owned()));
    value.unwrap_or_else(|| text.to_owned())
}

/// What SQLite itself makes, before it is packed.
pub fn copy(partial: &Path) -> PathBuf {
    partial.with_extension("copy")
}

/// The copy is made by SQLite itself, in one moment, with what stands in its log; then it is packed.
async fn sqlite(
    job: &Job,
    wanted: &Wanted<'_>,
    scope: &Scope,
    path: &Path,
) -> Result<Option<Snapshot>, Broken> {
    let copy = copy(path);
    let _ = std::fs::remove_file(&copy);
    let made = copied(job, wanted, scope, &copy).await;
    let result = made.and_then(|data| {
        packed(&copy, wanted.packed, path)?;
        Ok(data)
    });
    let _ = std::fs::remove_file(&copy);
    Ok(result?)
}

async fn copied(
    job: &Job,
    wanted: &Wanted<'_>,
    scope: &Scope,
    copy: &Path,
) -> Result<Option<Snapshot>, Failure> {
    let mut session = job.session(wanted.at).await?;
    let name = session.literal(&copy.display().to_string());
    let result = session.run(&format!("vacuum into {name}")).await;
    session.close().await;
    result?;
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(copy, std::fs::Permissions::from_mode(0o600))
        .map_err(|problem| error(format!("{}: {problem}", copy.display())))?;
    let at = Address { to: To::File(copy.to_owned()), ..wanted.at.clone() };
    let mut session = job.session(&at).await?;
    let looked = match wanted.data {
        true => snapshot::take(&mut session, scope).await.map(Some),
        false => Ok(None),
    };
    session.close().await;
    Ok(looked?)
}

fn packed(copy: &Path, how: &str, path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let wrong = |problem: std::io::Error| error(format!("{}: {problem}", path.display()));
    let mut from = std::fs::File::open(copy).map_err(wrong)?;
    let mut options = std::fs::OpenOptions::new();
    let to = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    super::pack::pack(how, &mut from, &mut to.map_err(wrong)?).map_err(wrong)?;
    Ok(())
}
