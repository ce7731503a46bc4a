//! From a connection of the plan to where it leads: a file, or a server with a login. Reaches nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plan_model::model::plan::{Connection, ServerKind, TlsMode};
use plan_model::sql::Dialect;
use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use crate::event::Failure;
use crate::fill::Filler;
use crate::world::error;

/// How long a server may take to let somebody in.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub struct Address {
    /// The connection's id in the plan.
    pub id: String,
    pub dialect: Dialect,
    pub to: To,
    pub patience: Duration,
    /// Whoever reads the log of a step wants to see each statement.
    pub log_sql: bool,
}

#[derive(Debug, Clone)]
pub enum To {
    File(PathBuf),
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
}

/// Where it is and who comes, without the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port, socket, user, database) = match &self.to {
            To::File(path) => return write!(f, "{}", path.display()),
            To::Postgres(to) => (
                to.get_host(),
                to.get_port(),
                to.get_socket(),
                to.get_username(),
                to.get_database(),
            ),
            To::MySql(to) => (
                to.get_host(),
                to.get_port(),
                to.get_socket(),
                to.get_username(),
                to.get_database(),
            ),
        };
        // PostgreSQL takes the login's name where none is given.
        let named = database.or((self.dialect == Dialect::PostgreSql).then_some(user));
        match named {
            Some(database) => write!(f, "database {database} at ")?,
            None => write!(f, "the server at ")?,
        }
        match socket {
            Some(socket) => write!(f, "{}", socket.display())?,
            None if host.starts_with('/') => write!(f, "{host}")?,
            None => write!(f, "{host}:{port}")?,
        }
        write!(f, " as {user}")
    }
}

impl Address {
    /// A named connection, or the first one.
    pub fn of(fill: &Filler<'_>, name: Option<&str>) -> Result<Address, Failure> {
        let connections = &fill.plan.plan.connections;
        let known = match name {
            Some(name) => connections.iter().find(|(id, _)| id.value == name),
            None => connections.first(),
        };
        let (id, connection) = known.ok_or_else(|| error("the plan has no such connection"))?;
        // A part that uses a connection of the plan has other inputs: its texts are the plan's.
        let plan = &fill.plan.plan;
        let declared = id.span.file;
        let is_of_environment = (plan.environment.as_ref())
            .is_some_and(|environment| environment.environment.span.file == declared);
        let is_of_plan = declared == plan.file.plan.span.file || is_of_environment;
        let fill = &Filler { entry: fill.entry.filter(|_| !is_of_plan), ..*fill };
        let id = id.value.clone();
        let about = |failure: Failure| error(format!("connection {id}: {}", failure.text));
        let url = fill.optional(connection.url.as_ref()).map_err(about)?;
        let dialect = dialect(connection, url.as_deref()).ok_or_else(|| {
            error(format!(
                "connection {id}: nothing tells what kind of server it is: say `server: postgresql`, \
                 `mariadb`, `mysql` or `sqlite`"
            ))
        })?;
        let patience = fill.optional_time(connection.timeout.as_ref())?.unwrap_or(CONNECT_PATIENCE);
        let to = match dialect {
            Dialect::Sqlite => To::File(file(connection, url.as_deref(), fill)?),
            Dialect::PostgreSql => {
                To::Postgres(Box::new(postgres(connection, url.as_deref(), fill)?))
            }
            Dialect::MySql | Dialect::MariaDb => {
                To::MySql(Box::new(mysql(connection, url.as_deref(), fill)?))
            }
        };
        let log_sql = fill.flag(connection.log_sql.as_ref(), false)?;
        Ok(Address { id, dialect, to, patience, log_sql })
    }

    /// The file, of SQLite.
    pub fn file(&self) -> Option<&Path> {
        match &self.to {
            To::File(path) => Some(path),
            To::Postgres(_) | To::MySql(_) => None,
        }
    }

    /// Another database of the same server.
    pub fn on(&self, database: &str) -> Address {
        let to = match self.to.clone() {
            To::File(path) => To::File(path),
            To::Postgres(to) => To::Postgres(Box::new(to.database(database))),
            To::MySql(to) => To::MySql(Box::new(to.database(database))),
        };
        Address { to, ..self.clone() }
    }

    /// The name of the database on its server.
    pub fn database(&self) -> Option<&str> {
        match &self.to {
            To::File(_) => None,
            To::Postgres(to) => to.get_database().or(Some(to.get_username())),
            To::MySql(to) => to.get_database(),
        }
    }
}

fn dialect(connection: &Connection, url: Option<&str>) -> Option<Dialect> {
    match connection.server {
        Some(ServerKind::PostgreSql) => return Some(Dialect::PostgreSql),
        Some(ServerKind::MySql) => return Some(Dialect::MySql),
        Some(ServerKind::MariaDb) => return Some(Dialect::MariaDb),
        Some(ServerKind::Sqlite) => return Some(Dialect::Sqlite),
        None if connection.file.is_some() => return Some(Dialect::Sqlite),
        None => {}
    }
    // SQLAlchemy and others write how they connect behind a plus.
    match url?.split([':', '+']).next()? {
        "postgres" | "postgresql" => Some(Dialect::PostgreSql),
        "mysql" => Some(Dialect::MySql),
        "mariadb" => Some(Dialect::MariaDb),
        "sqlite" => Some(Dialect::Sqlite),
        _ => None,
    }
}

fn file(connection: &Connection, url: Option<&str>, fill: &Filler<'_>) -> Result<PathBuf, Failure> {
    if let Some(file) = &connection.file {
        return fill.path(&file.value);
    }
    let url = url.ok_or_else(|| error("a SQLite connection needs `file:`"))?;
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or(path);
    Ok(fill.base.join(path))
}

/// What sqlx itself makes of an address, whatever stands for the scheme.
fn parsed<O: ConnectOptions>(url: &str, scheme: &str) -> Result<O, Failure> {
    let rest = url.split_once(':').map_or(url, |(_, rest)| rest);
    let wrong = || error("the address is no URL such as postgresql://user@host/database");
    // What is wrong with it may hold the password: it is not told.
    let url = Url::parse(&format!("{scheme}:{rest}")).map_err(|_| wrong())?;
    O::from_url(&url).map_err(|_| wrong())
}

fn postgres(
    connection: &Connection,
    url: Option<&str>,
    fill: &Filler<'_>,
) -> Result<PgConnectOptions, Failure> {
    let mut to = match url {
        Some(url) => parsed(url, "postgresql")?,
        None => PgConnectOptions::new(),
    };
    to = to.disable_statement_logging();
    let parts = Parts::of(connection, fill)?;
    if let Some(host) = parts.host.or(parts.socket) {
        to = to.host(&host);
    }
    if let Some(port) = parts.port {
        to = to.port(port);
    }
    if let Some(user) = parts.user {
        to = to.username(&user);
    }
    if let Some(password) = parts.password {
        to = to.password(&password);
    }
    if let Some(database) = parts.database {
        to = to.database(&database);
    }
    let Some(tls) = &connection.tls else { return Ok(to) };
    to = to.ssl_mode(match tls.mode {
        TlsMode::Off => PgSslMode::Disable,
        TlsMode::Prefer => PgSslMode::Prefer,
        TlsMode::Require => PgSslMode::Require,
        TlsMode::VerifyCa => PgSslMode::VerifyCa,
        TlsMode::VerifyFull => PgSslMode::VerifyFull,
    });
    let [ca, cert, key] = [&tls.ca, &tls.cert, &tls.key].map(|text| text.as_ref());
    if let Some(ca) = certificate(ca, fill)? {
        to = to.ssl_root_cert(ca);
    }
    if let (Some(cert), Some(key)) = (certificate(cert, fill)?, certificate(key, fill)?) {
        to = to.ssl_client_cert(cert).ssl_client_key(key);
    }
    Ok(to)
}

fn mysql(
    connection: &Connection,
    url: Option<&str>,
    fill: &Filler<'_>,
) -> Result<MySqlConnectOptions, Failure> {
    let mut to: MySqlConnectOptions = match url {
        Some(url) => parsed(url, "mysql")?,
        None => MySqlConnectOptions::new(),
    };
    // Scripts mean what they mean to the server's own client.
    to = to.disable_statement_logging().pipes_as_concat(false).no_engine_substitution(false);
    to = to.timezone(None);
    let parts = Parts::of(connection, fill)?;
    if let Some(host) = parts.host {
        to = to.host(&host);
    }
    if let Some(port) = parts.port {
        to = to.port(port);
    }
    if let Some(socket) = parts.socket {
        to = to.socket(socket);
    }
    if let Some(user) = parts.user {
        to = to.username(&user);
    }
    if let Some(password) = parts.password {
        to = to.password(&password);
    }
    if let Some(database) = parts.database {
        to = to.database(&database);
    }
    let Some(tls) = &connection.tls else { return Ok(to) };
    to = to.ssl_mode(match tls.mode {
        TlsMode::Off => MySqlSslMode::Disabled,
        TlsMode::Prefer => MySqlSslMode::Preferred,
        TlsMode::Require => MySqlSslMode::Required,
        TlsMode::VerifyCa => MySqlSslMode::VerifyCa,
        TlsMode::VerifyFull => MySqlSslMode::VerifyIdentity,
    });
    let [ca, cert, key] = [&tls.ca, &tls.cert, &tls.key].map(|text| text.as_ref());
    if let Some(ca) = certificate(ca, fill)? {
        to = to.ssl_ca(ca);
    }
    if let (Some(cert), Some(key)) = (certificate(cert, fill)?, certificate(key, fill)?) {
        to = to.ssl_client_cert(cert).ssl_client_key(key);
    }
    Ok(to)
}

/// A file of TLS, which must be there: a missing authority would otherwise be told as a broken server.
fn certificate(
    text: Option<&plan_model::model::value::Text>,
    fill: &Filler<'_>,
) -> Result<Option<PathBuf>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let path = fill.path(&text.value)?;
    std::fs::metadata(&path)
        .map_err(|problem| error(format!("the TLS file {}: {problem}", path.display())))?;
    Ok(Some(path))
}

struct Parts {
    host: Option<String>,
    port: Option<u16>,
    socket: Option<String>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
}

impl Parts {
    fn of(connection: &Connection, fill: &Filler<'_>) -> Result<Parts, Failure> {
        let text = |text: &Option<_>| fill.optional(text.as_ref());
        let port = connection.port.as_ref().map(|port| fill.count(port)).transpose()?;
        let port =
            port.map(|port| u16::try_from(port).map_err(|_| error(format!("no port: {port}"))));
        Ok(Parts {
            host: text(&connection.host)?,
            port: port.transpose()?,
            socket: text(&connection.socket)?,
            user: text(&connection.user)?,
            password: text(&connection.password)?,
            database: text(&connection.database)?,
        })
    }
}
