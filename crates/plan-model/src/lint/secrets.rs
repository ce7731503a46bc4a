//! What rules ask about secrets: where one is written out, and where a secret input is used.
//! Keeps no value; judges nothing.

use std::sync::LazyLock;

use regex::Regex;

use super::code::{holds, telling};
use super::{Lint, ask};
use crate::inputs::{Held, Scope};
use crate::model::action::Action;
use crate::model::action::files::FileChange;
use crate::model::action::http::Http;
use crate::model::action::sql::Sql;
use crate::model::action::wait::Wait;
use crate::model::check::{Check, HttpCheck};
use crate::model::value::{AnyKey, Anything, Entries, Text, Value};
use crate::resolve::{EntryOf, What};
use crate::shell::facts;
use crate::source::{FileId, Span};
use crate::template::{self, has_template};

/// A secret that stands in a file, or the blank that somebody was to fill in.
pub struct Written {
    /// The secret itself and nothing else, so that whoever shows the line can cover it.
    pub span: Span,
    pub entry: Option<usize>,
    /// "the password of connection `main`"
    pub what: String,
    pub is_blank: bool,
}

/// Every secret that is written out in the plan, its environment and the files that it names.
pub fn written<'l>(lint: &'l Lint<'_>) -> &'l [Written] {
    lint.secrets.get_or_init(|| seek(lint))
}

fn seek(lint: &Lint<'_>) -> Vec<Written> {
    let mut seeker = Seeker { lint, found: Vec::new() };
    seeker.inputs();
    for (id, connection) in &lint.plan.plan.connections {
        if let Some(password) = &connection.password {
            let what = || format!("the password of connection `{}`", id.value);
            seeker.secret(None, password.span, &password.value, what);
        }
    }
    if let Some(password) = lint.plan.plan.mail.as_ref().and_then(|mail| mail.password.as_ref()) {
        let what = || "the password of the mail server".to_owned();
        seeker.secret(None, password.span, &password.value, what);
    }
    for check in &lint.plan.plan.requires {
        seeker.check(None, check);
    }
    for check in lint.plan.plan.phases.iter().flat_map(|phase| &phase.watch) {
        seeker.check(None, check);
    }
    for (at, entry) in ask::written(lint.plan) {
        seeker.entry(at, entry);
    }
    seeker.scripts();
    seeker.texts();
    let Seeker { mut found, .. } = seeker;
    let private = |file: FileId| is_for_developers(lint, file);
    found.retain(|one| !private(one.span.file));
    found.sort_by_key(|one| (one.span, one.is_blank));
    found.dedup_by(|next, one| {
        holds(one.span, next.span)
            || next.span.start < one.span.end && next.span.file == one.span.file
    });
    found
}

/// The environment of a developer's own machine: its password guards nothing.
fn is_for_developers(lint: &Lint<'_>, file: FileId) -> bool {
    lint.plan.plan.environment.as_ref().is_some_and(|environment| {
        let id = environment.environment.value.as_str();
        environment.environment.span.file == file
            && environment.protected != Some(true)
            && matches!(id, "dev" | "development" | "developpement" | "local")
    })
}

struct Seeker<'l, 'p> {
    lint: &'l Lint<'p>,
    found: Vec<Written>,
}

impl Seeker<'_, '_> {
    fn secret(
        &mut self,
        entry: Option<usize>,
        span: Span,
        value: &str,
        what: impl FnOnce() -> String,
    ) {
        let is_blank = is_blank(value);
        if is_blank || is_written_out(value) {
            self.found.push(Written { span, entry, what: what(), is_blank });
        }
    }

    fn named(&mut self, entry: Option<usize>, name: &str, value: &Value) {
        let text = match &value.json {
            serde_json::Value::String(text) => text.as_str(),
            serde_json::Value::Number(_) => "a number",
            _ => return,
        };
        if names_secret(name) {
            self.secret(entry, value.span, text, || format!("`{name}`"));
        }
    }

    fn values(&mut self, entry: Option<usize>, values: &Option<Entries<AnyKey, Value>>) {
        for (key, value) in values.iter().flat_map(|entries| &entries.0) {
            self.named(entry, &key.value, value);
        }
    }

    fn inputs(&mut self) {
        let plan = &self.lint.plan.plan;
        let declared = plan.file.inputs.as_ref().map(|all| all.0.as_slice()).unwrap_or_default();
        for (name, input) in declared {
            let Some(default) = &input.default else { continue };
            let text = default.json.as_str().unwrap_or("");
            if input.secret == Some(true) || names_secret(&name.value) {
                self.secret(None, default.span, text, || {
                    format!("the default of input `{}`", name.value)
                });
            }
        }
        let given = plan.environment.iter().filter_map(|environment| environment.inputs.as_ref());
        for (name, value) in given.flat_map(|entries| &entries.0) {
            let secret = declared
                .iter()
                .any(|(known, input)| known.value == name.value && input.secret == Some(true));
            if secret || names_secret(&name.value) {
                let text = value.json.as_str().unwrap_or("");
                self.secret(None, value.span, text, || format!("input `{}`", name.value));
            }
        }
        for input in plan.scopes.iter().skip(1).flat_map(|scope| &scope.inputs) {
            if let Held::Known(json) = &input.held
                && input.origin == "default"
                && names_secret(&input.name)
            {
                let text = json.as_str().unwrap_or("");
                self.secret(None, input.span, text, || {
                    format!("the default of input `{}`", input.name)
                });
            }
        }
    }

    fn entry(&mut self, at: usize, entry: &EntryOf) {
        match &entry.what {
            What::Checkpoint(checkpoint) => {
                checkpoint.checks.iter().for_each(|check| self.check(Some(at), check));
            }
            What::Step(step) => {
                self.values(Some(at), &step.surroundings.env);
                step.actions.iter().for_each(|action| self.action(at, action));
                for back in step.rollback.iter().flat_map(|many| many.iter()) {
                    self.values(Some(at), &back.surroundings.env);
                    back.actions.iter().for_each(|action| self.action(at, action));
                }
                step.probe.iter().for_each(|check| self.check(Some(at), check));
            }
        }
    }

    fn action(&mut self, at: usize, action: Action<'_>) {
        let entry = Some(at);
        match action {
            Action::Http(Http::Full(keys)) => {
                self.request(entry, &keys.headers, &keys.form, &keys.json);
            }
            Action::Sql(Sql::Full(keys)) => self.values(entry, &keys.values),
            Action::Wait(Wait::Full(keys)) => {
                keys.until.iter().for_each(|check| self.check(entry, check));
            }
            Action::Files(changes) => {
                for change in changes.iter() {
                    match change {
                        FileChange::Set(set) => {
                            for (key, value) in &set.set.0 {
                                self.named(entry, &key.value, value);
                            }
                        }
                        FileChange::Template(fill) => self.values(entry, &fill.values),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn check(&mut self, entry: Option<usize>, check: &Check) {
        match check {
            Check::Http(http) => self.http(entry, http),
            Check::Run(run) => self.values(entry, &run.env),
            Check::AnyOf(any) => any.any_of.iter().for_each(|one| self.check(entry, one)),
            _ => {}
        }
    }

    fn http(&mut self, entry: Option<usize>, check: &HttpCheck) {
        self.request(entry, &check.headers, &check.form, &check.json);
        check.then.iter().flatten().for_each(|next| self.http(entry, next));
    }

    fn request(
        &mut self,
        entry: Option<usize>,
        headers: &Option<Entries<AnyKey, Text>>,
        form: &Option<Entries<AnyKey, Value>>,
        json: &Option<Anything>,
    ) {
        for (key, value) in headers.iter().flat_map(|entries| &entries.0) {
            let name = key.value.to_ascii_lowercase();
            let authorizes = matches!(
                name.as_str(),
                "authorization"
                    | "proxy-authorization"
                    | "x-api-key"
                    | "x-auth-token"
                    | "private-token"
            );
            if authorizes || names_secret(&name) {
                // `Bearer abc`: the secret is behind the word. A template is one thing, spaces or not.
                let word = value.value.split_once(' ').filter(|_| !has_template(&value.value));
                let secret = word.map_or(value.value.as_str(), |(_, rest)| rest);
                self.secret(entry, value.span, secret, || format!("the header `{}`", key.value));
            }
        }
        self.values(entry, form);
        let Some(body) = json else { return };
        let mut todo = vec![&body.json];
        while let Some(next) = todo.pop() {
            match next {
                serde_json::Value::Object(map) => {
                    for (key, value) in map {
                        if let Some(text) = value.as_str().filter(|_| names_secret(key)) {
                            let place = body.texts.iter().find(|one| one.value == text);
                            let span = place.map_or(body.span, |one| one.span);
                            self.secret(entry, span, text, || format!("`{key}`"));
                        }
                        todo.push(value);
                    }
                }
                serde_json::Value::Array(list) => todo.extend(list),
                _ => {}
            }
        }
    }

    /// Assignments and arguments; addresses are found in the texts.
    fn scripts(&mut self) {
        for code in telling(self.lint) {
            for secret in facts::secrets(code.script()) {
                if !secret.is_literal || secret.about.contains("URL") {
                    continue;
                }
                let written = code.slice(self.lint, &secret.range);
                let (name, value) = written.split_once('=').unwrap_or(("", written));
                let named = if name.is_empty() {
                    "a password".to_owned()
                } else {
                    format!("`{}`", name.trim_start_matches('-'))
                };
                if !secret.on_command_line && !names_secret(name) {
                    continue;
                }
                let start = secret.range.end - value.len();
                let place = code.place(self.lint, &(start..secret.range.end));
                let what = || format!("{named} in {}", code.name(self.lint));
                self.secret(code.entry(), place, value.trim_matches(['"', '\'']), what);
            }
        }
    }

    /// Shapes that only secrets have, wherever they stand, comments included.
    fn texts(&mut self) {
        let mut seen = Vec::new();
        for (file, source) in self.lint.sources.files() {
            let text = &source.text;
            let with_logins = ["assword '", "ASSWORD '", "dentified", "DENTIFIED"];
            let with_logins = with_logins.iter().any(|word| text.contains(word));
            for shape in std::iter::once(&SHAPES).chain(with_logins.then_some(&STATEMENTS)) {
                for found in shape.captures_iter(&source.text) {
                    let whole = found.get(0).expect("a match has a whole");
                    let password = found.name("password");
                    let place = password.unwrap_or(whole);
                    let what = match password {
                        None if whole.as_str().starts_with("---") => "a private key",
                        None => "a token",
                        Some(_) => "a password",
                    };
                    if whole.as_str().contains("EXAMPLE")
                        || (password.is_some()
                            && is_only_shown(&source.text, whole.start(), whole.as_str()))
                    {
                        continue;
                    }
                    seen.push((Span::new(file, place.start(), place.end()), what, place.as_str()));
                }
            }
        }
        for (span, what, value) in seen {
            let (entry, whose) = owner(self.lint, span);
            let what = match whose {
                Some(id) => format!("{what} in `{id}`"),
                None => what.to_owned(),
            };
            self.found.push(Written { span, entry, what, is_blank: is_blank(value) });
        }
    }
}

static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    let token = [
        r"\bgh[pousr]_[A-Za-z0-9]{36}",
        r"\bgithub_pat_[A-Za-z0-9_]{22}",
        r"\bglpat-[A-Za-z0-9_-]{20}",
        r"\bAKIA[0-9A-Z]{16}\b",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
        r"\bsk_live_[A-Za-z0-9]{20,}",
        r"\bAIza[0-9A-Za-z_-]{35}",
        r"hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----",
    ];
    let no = r#"\s@/{}$<>"'`\\\[\]^|()"#;
    let address = format!("://[^{no}:]*:(?P<password>[^{no}?#]+)@");
    Regex::new(&format!("{}|{address}", token.join("|"))).expect("the shapes are well formed")
});

static STATEMENTS: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i:create|alter) +(?i:user|role)\b[^;\n]{1,200}(?i:identified +by|password) +'(?P<password>[^'{}$<>:]+)'";
    Regex::new(pattern).expect("the statement is well formed")
});

/// A comment, or `user:password@host` in a sentence.
fn is_only_shown(text: &str, at: usize, whole: &str) -> bool {
    let line = &text[text[..at].rfind('\n').map_or(0, |at| at + 1)..at];
    let comment = line.trim_start().starts_with('#')
        || line.contains(" # ")
        || line.trim_start().starts_with("-- ");
    comment || matches!(whole, "://user:password@" | "://user:pass@" | "://user:pw@")
}

/// The entry around a place, or the one that names the file of the place.
fn owner<'l>(lint: &'l Lint<'_>, span: Span) -> (Option<usize>, Option<&'l str>) {
    let sql = lint.files.sql.iter().map(|(named, file)| (*named, file.file));
    let scripts = lint.files.scripts.iter().map(|(named, file)| (*named, file.file));
    let migrations = lint.files.migrations.iter();
    let migrations =
        migrations.flat_map(|(named, files)| files.iter().map(|file| (*named, file.file)));
    let named = sql.chain(scripts).chain(migrations).filter(|(_, file)| *file == span.file);
    let places: Vec<Span> = std::iter::once(span).chain(named.map(|(named, _)| named)).collect();
    let mut around = ask::written(lint.plan).filter(|(_, entry)| {
        let own = match &entry.what {
            What::Step(step) => step.span,
            What::Checkpoint(checkpoint) => checkpoint.span,
        };
        places.iter().any(|place| holds(own, *place))
    });
    around.next().map_or((None, None), |(at, entry)| (Some(at), Some(entry.id.as_str())))
}

/// `DB_PASSWORD`, `api-token`, `mot_de_passe`; not `PASSWORD_FILE`, `token_ttl` or `secretary`.
pub fn names_secret(name: &str) -> bool {
    // Nearly every name is none: look before splitting.
    let bytes = name.as_bytes();
    let may = |parts: &[&[u8]]| {
        bytes.windows(3).any(|window| parts.iter().any(|part| window.eq_ignore_ascii_case(part)))
    };
    if !may(&[b"pas", b"pwd", b"sec", b"tok", b"key"]) {
        return false;
    }
    let lower = name.to_ascii_lowercase();
    let parts: Vec<&str> = lower
        .split(|one: char| !one.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect();
    const ABOUT: [&str; 22] = [
        "file",
        "path",
        "dir",
        "name",
        "id",
        "ttl",
        "length",
        "min",
        "max",
        "count",
        "policy",
        "type",
        "age",
        "timeout",
        "lifetime",
        "expiry",
        "expires",
        "enabled",
        "required",
        "url",
        "hash",
        "algorithm",
    ];
    let Some(last) = parts.last() else { return false };
    if ABOUT.contains(last) {
        return false;
    }
    let pair = |first: &str, second: &str| parts.windows(2).any(|two| two == [first, second]);
    parts.iter().any(|part| {
        part.ends_with("password")
            || part.ends_with("passwd")
            || part.ends_with("passphrase")
            || matches!(*part, "secret" | "token" | "motdepasse" | "apikey")
    }) || (parts.len() > 1 && *last == "pwd")
        || pair("api", "key")
        || pair("private", "key")
        || pair("access", "key")
        || pair("app", "key")
        || pair("de", "passe")
        || lower == "mysql_pwd"
}

fn is_written_out(value: &str) -> bool {
    let value = value.trim();
    const KEPT_ELSEWHERE: [&str; 8] = ["/", "./", "~/", "$", "vault:", "op://", "arn:", "ssm:"];
    !value.is_empty()
        && !has_template(value)
        && !KEPT_ELSEWHERE.iter().any(|start| value.starts_with(start))
        && !matches!(value, "true" | "false" | "yes" | "no" | "none" | "null" | "on" | "off")
}

/// Something that somebody was to replace: `<STRONG_PASSWORD>`, `CHANGEME`, `xxxxxxxx`.
pub fn is_blank(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    let enclosed =
        |open, close| value.len() > 2 && value.starts_with(open) && value.ends_with(close);
    if enclosed('<', '>') || (enclosed('[', ']') && !value.contains(['"', ','])) {
        return true;
    }
    if value.len() >= 3
        && ["x", "X", "*", "."].iter().any(|one| value.trim_matches(|c| one.contains(c)).is_empty())
    {
        return true;
    }
    let plain: String =
        value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    plain.starts_with("changeme")
        || plain.starts_with("replaceme")
        || plain.starts_with("yourpassword")
        || plain.starts_with("yoursecret")
        || plain.starts_with("yourtoken")
        || plain.starts_with("yourapikey")
        || plain.starts_with("votremotdepasse")
        || matches!(
            plain.as_str(),
            "todo"
                | "tbd"
                | "fixme"
                | "àremplir"
                | "aremplir"
                | "àchanger"
                | "achanger"
                | "placeholder"
        )
}

/// The names of the secret inputs of each scope; all empty in most plans.
pub fn inputs(lint: &Lint<'_>) -> Vec<Vec<String>> {
    let secrets = |scope: &Scope| {
        let secret = scope.inputs.iter().filter(|input| input.held == Held::Secret);
        secret.map(|input| input.name.clone()).collect()
    };
    lint.plan.plan.scopes.iter().map(secrets).collect()
}

/// The first secret input that a text uses, and where it is named.
pub fn used<'n>(text: &str, names: &'n [String]) -> Option<(&'n str, std::ops::Range<usize>)> {
    if !has_template(text) || !names.iter().any(|name| text.contains(name.as_str())) {
        return None;
    }
    let scanned = template::scan(text);
    scanned.references.iter().find_map(|reference| {
        let root = reference.path.split('.').next().unwrap_or("");
        let name = names.iter().find(|name| *name == root)?;
        Some((name.as_str(), reference.range.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_secret() {
        for name in [
            "DB_PASSWORD",
            "PGPASSWORD",
            "api-token",
            "mot_de_passe",
            "MYSQL_PWD",
            "APP_KEY",
            "X-Api-Key",
            "secret",
        ] {
            assert!(names_secret(name), "{name}");
        }
        for name in [
            "PASSWORD_FILE",
            "token_ttl",
            "secretary",
            "PWD",
            "KEY",
            "cache_key",
            "AWS_ACCESS_KEY_ID",
            "passage",
            "tokens",
        ] {
            assert!(!names_secret(name), "{name}");
        }
    }

    #[test]
    fn blanks_are_told_from_values() {
        for value in [
            "<STRONG_PASSWORD>",
            "CHANGEME",
            "change-me!",
            "xxxxxxxx",
            "********",
            "your_password",
            "À changer",
        ] {
            assert!(is_blank(value), "{value}");
        }
        for value in ["S3cret", "{{ db_password }}", "xo", "", "[\"a\", \"b\"]"] {
            assert!(!is_blank(value), "{value}");
        }
    }
}
