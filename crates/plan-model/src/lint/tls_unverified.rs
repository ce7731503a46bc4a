//! `tls-unverified`: over a network, the database server proves who it is.

use super::ask::known;
use super::{Finding, Level, Lint, Rule, ask};
use crate::model::plan::{Connection, TlsMode};
use crate::resolve::Plan;
use crate::sql::Dialect;

pub const RULE: Rule = Rule {
    code: "tls-unverified",
    severity: Level::ErrorWhenProtected,
    about: "over a network, the server of a connection is verified",
    why: "TLS without a check of the certificate protects from those who listen, not from one who \
          answers instead of the server: passwords and rows go to whoever it is. A staging set up so \
          becomes the pattern for production. verify-full with the authority's file costs two keys.",
    bad: "plan: p
connections:
  main: { server: postgresql, host: db.example.org, database: shop, tls: { mode: require } }
steps:
  - { step: look, run: uptime, read_only: true }
",
    good: "plan: p
connections:
  main: { server: postgresql, host: db.example.org, database: shop, tls: { mode: verify-full, ca: /etc/ssl/db-ca.crt } }
steps:
  - { step: look, run: uptime, read_only: true }
",
    check,
};

fn check(lint: &Lint<'_>, found: &mut Vec<Finding>) {
    let plan = &lint.plan.plan;
    for (id, connection) in &plan.connections {
        let Some(weakness) = weakness(plan, connection) else { continue };
        let place = connection.tls.as_ref().map_or(id.span, |tls| tls.span);
        found.push(
            Finding::new(place, format!("the connection {} {weakness}", id.value))
                .help("write tls: { mode: verify-full, ca: PATH } with the file of the authority")
                .help("most often this belongs into the environment's file"),
        );
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Here,
    Network,
    Unknown,
}

fn weakness(plan: &Plan, connection: &Connection) -> Option<&'static str> {
    let way = way(plan, connection);
    let in_url = connection.url.as_ref().map_or("", |url| url.value.as_str()).to_ascii_lowercase();
    let mode = connection.tls.as_ref().map(|tls| tls.mode);
    match (mode, way) {
        (_, Way::Here) | (Some(TlsMode::VerifyCa | TlsMode::VerifyFull), _) => None,
        // Who asks for TLS means a network.
        (Some(TlsMode::Require | TlsMode::Prefer), _) => {
            Some("takes any server for the right one: its certificate is not checked")
        }
        (Some(TlsMode::Off), Way::Network) => Some("goes over a network without TLS"),
        (None, Way::Network) => {
            let verifies = in_url.contains("verify") || in_url.contains("ca=");
            (!verifies).then_some("goes over a network and does not say that TLS is verified")
        }
        (Some(TlsMode::Off) | None, Way::Unknown) => None,
    }
}

fn way(plan: &Plan, connection: &Connection) -> Way {
    let is_file = ask::dialect_of(connection) == Some(Dialect::Sqlite);
    if is_file || connection.socket.is_some() {
        return Way::Here;
    }
    let scope = &plan.scopes[0];
    let host = match (&connection.host, &connection.url) {
        (Some(host), _) => known::text(scope, &host.value).map(|host| host.into_owned()),
        (None, Some(address)) => {
            let address = known::text(scope, &address.value);
            let parsed = address.and_then(|address| url::Url::parse(&address).ok());
            parsed.and_then(|url| url.host_str().map(str::to_owned))
        }
        (None, None) => None,
    };
    match host.as_deref() {
        None => Way::Unknown,
        Some(host) => {
            let local = host.is_empty() || host == "localhost" || host.starts_with("127.");
            let local = local || matches!(host, "::1" | "[::1]") || host.starts_with('/');
            if local { Way::Here } else { Way::Network }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::testing::check;

    fn plan(keys: &str) -> String {
        format!(
            "plan: p\ninputs: {{ url: {{ secret: true, env: URL }}, db_host: {{ default: db.example.org }} }}\nconnections: {{ main: {{ {keys} }} }}\nsteps: [{{ step: look, run: uptime, read_only: true }}]\n"
        )
    }

    #[test]
    fn a_server_far_away_proves_who_it_is() {
        let silent =
            "main|the connection main goes over a network and does not say that TLS is verified";
        check(&RULE, &plan("server: mysql, host: \"{{ db_host }}\""), &[silent]);
        check(&RULE, &plan("url: \"postgres://shop@db.example.org/shop\""), &[silent]);
        check(
            &RULE,
            &plan("url: \"postgres://shop@db.example.org/shop?sslmode=verify-full\""),
            &[],
        );
        let any = "{ mode: require }|the connection main takes any server for the right one: its certificate is not checked";
        check(&RULE, &plan("url: \"{{ url }}\", tls: { mode: require }"), &[any]);
        check(&RULE, &plan("server: mysql, host: db, tls: { mode: verify-ca }"), &[]);
    }

    #[test]
    fn what_stays_here_or_is_not_known_is_left_alone() {
        for keys in [
            "server: mysql, host: localhost",
            "server: postgresql, socket: /run/postgresql",
            "file: shop.db",
            "url: \"{{ url }}\"",
            "url: \"postgres://127.0.0.1/shop\", tls: { mode: off }",
        ] {
            check(&RULE, &plan(keys), &[]);
        }
    }
}
