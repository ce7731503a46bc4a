//! Templates: which names a text uses and where, whether it is well formed, and filling it in.
//! Knows no plan; a scope of values comes from outside.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior};

use crate::model::read::LeafKind;
use crate::shell;
use crate::sql::{self, Dialect};

/// Steps of the template engine that one text may take: ends endless loops.
const FUEL: u64 = 200_000;
/// The longest code between two braces. The engine calls itself for each sign in front of a value
/// and for each operator: a longer one could overflow the stack.
const LONGEST_CODE: usize = 1_500;
/// The engine also calls itself for each `{% … %}` inside another.
const MOST_BLOCKS: usize = 200;

/// A name that a template uses, such as `steps.save_database.path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'t> {
    pub path: Cow<'t, str>,
    pub range: Range<usize>,
    /// The template says what to do when it is not there (`default`, `is defined`).
    pub optional: bool,
}

#[derive(Debug, Default)]
pub struct Scanned<'t> {
    pub references: Vec<Reference<'t>>,
    /// `| raw`: the value goes in without quoting.
    pub raw: Vec<Range<usize>>,
    pub problem: Option<Problem>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: &'static str,
    pub range: Range<usize>,
    pub message: String,
}

pub fn has_template(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == b'{') {
        let at = from + at;
        if matches!(bytes.get(at + 1), Some(b'{' | b'%')) {
            return true;
        }
        from = at + 1;
    }
    false
}

/// The names in a text, without filling it in.
pub fn scan(text: &str) -> Scanned<'_> {
    if !has_template(text) {
        return Scanned::default();
    }
    scan_plain_names(text).unwrap_or_else(|| scan_fully(text))
}

/// Most templates are nothing but `{{ name }}`: those need no parser.
fn scan_plain_names(text: &str) -> Option<Scanned<'_>> {
    if text.contains("{%") {
        return None;
    }
    let mut scanned = Scanned::default();
    let mut from = 0;
    while let Some(open) = text[from..].find("{{") {
        let start = from + open + 2;
        let end = start + text[start..].find("}}")?;
        let inner = text[start..end].trim_matches(' ');
        if !is_path(inner) {
            return None;
        }
        let at = start + text[start..end].find(inner)?;
        scanned.references.push(Reference {
            path: Cow::Borrowed(inner),
            range: at..at + inner.len(),
            optional: false,
        });
        from = end + 2;
    }
    Some(scanned)
}

fn is_path(text: &str) -> bool {
    const RESERVED: [&str; 9] =
        ["true", "false", "none", "True", "False", "None", "not", "loop", "self"];
    let word = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !part.as_bytes()[0].is_ascii_digit()
    };
    text.split('.').all(word) && (!RESERVED.contains(&text) || text == "self")
}

/// What the engine could not read without overflowing its stack.
fn too_much(code: &str, tags: &[Range<usize>]) -> Option<Problem> {
    let long = tags.iter().find(|tag| tag.len() > LONGEST_CODE).map(|tag| (tag, "too long"));
    let is_block = |tag: &&Range<usize>| code[..tag.start].ends_with("{%");
    let block =
        tags.iter().filter(is_block).nth(MOST_BLOCKS).map(|tag| (tag, "one block too many"));
    let (tag, what) = long.or(block)?;
    Some(Problem {
        code: "template-syntax",
        range: tag.clone(),
        message: format!("{what}: work it out in a script"),
    })
}

fn scan_fully(text: &str) -> Scanned<'_> {
    if let Some(problem) = too_much(text, &tags(text)) {
        return Scanned { problem: Some(problem), ..Scanned::default() };
    }
    let environment = &*ENVIRONMENT;
    match environment.template_from_str(text) {
        Ok(template) => {
            let mut names = template.undeclared_variables(true);
            names.extend(own_names(text));
            located(text, tags(text), names)
        }
        Err(error) => Scanned { problem: Some(syntax_problem(text, &error)), ..Scanned::default() },
    }
}

/// `self` and what is asked of it: to the template engine it is a word of its own, no name.
fn own_names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for tag in tags(text) {
        let code = without_strings(&text[tag]);
        for at in words(&code, "self") {
            let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            let length = code[at..].find(|c| !is_part(c)).unwrap_or(code.len() - at);
            found.push(code[at..at + length].trim_end_matches('.').to_owned());
        }
    }
    found
}

/// The names in a bare expression such as that of `when`.
pub fn scan_expression(text: &str) -> Scanned<'_> {
    let whole = 0..text.len();
    if let Some(problem) = too_much(text, std::slice::from_ref(&whole)) {
        return Scanned { problem: Some(problem), ..Scanned::default() };
    }
    match ENVIRONMENT.compile_expression(text) {
        Ok(expression) => located(
            text,
            std::iter::once(0..text.len()).collect(),
            expression.undeclared_variables(true),
        ),
        Err(error) => Scanned { problem: Some(syntax_problem(text, &error)), ..Scanned::default() },
    }
}

fn syntax_problem(text: &str, error: &minijinja::Error) -> Problem {
    let message = error.detail().map_or_else(|| error.to_string(), str::to_owned);
    let tags = tags(text);
    let range = error.range().filter(|range| text.get(range.clone()).is_some());
    // Letters that are no code: the tag that holds them.
    let odd = || tags.iter().find(|tag| !text[(*tag).clone()].is_ascii()).cloned();
    let problem = |range, message: &str| Problem {
        code: "template-syntax",
        range,
        message: message.to_owned(),
    };
    if message.contains("end of input") {
        return match (
            unclosed(text),
            tags.iter().rev().find(|tag| text[..tag.start].ends_with("{%")),
        ) {
            (Some(open), _) => problem(open..open + 2, "these braces are never closed"),
            (None, Some(block)) => problem(
                block.start - 2..block.end + 2,
                "this block has no end, such as `{% endif %}` or `{% endfor %}`",
            ),
            (None, None) => problem(range.unwrap_or(0..text.len()), "it ends too early"),
        };
    }
    if message == "unexpected end of variable block" {
        let empty = tags.iter().find(|tag| text[(*tag).clone()].trim().is_empty()).cloned();
        let whole = empty.map(|tag| tag.start - 2..tag.end + 2);
        if let Some(whole) = whole {
            return problem(whole, "nothing stands between these braces");
        }
    }
    let message = message
        .replace("end of variable block", "`}}`")
        .replace("end of block", "`%}`")
        .replace("identifier", "word");
    match range {
        Some(range) => problem(range, &message),
        None => problem(
            odd().unwrap_or(0..text.len()),
            "names are made of a to z, 0 to 9 and underscores",
        ),
    }
}

/// Where braces open that nothing closes.
fn unclosed(text: &str) -> Option<usize> {
    let last = tags(text).last().map_or(0, |tag| tag.end + 2);
    let rest = text.get(last..)?;
    rest.find("{{").or_else(|| rest.find("{%")).map(|at| last + at)
}

/// Where template code stands in a text.
fn tags(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find(['{']) {
        let start = from + open;
        let close = match text.as_bytes().get(start + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => {
                from = start + 1;
                continue;
            }
        };
        let Some(length) = text[start..].find(close) else { break };
        found.push(start + 2..start + length);
        from = start + length + 2;
    }
    found
}

fn located<'t>(
    text: &'t str,
    tags: Vec<Range<usize>>,
    names: std::collections::HashSet<String>,
) -> Scanned<'t> {
    let mut scanned = Scanned::default();
    for tag in &tags {
        let code = without_strings(&text[tag.clone()]);
        for (at, test) in tests_of(&code) {
            if scanned.problem.is_none() && !is_test(test) {
                let range = tag.start + at..tag.start + at + test.len();
                let message = format!("there is no test `{test}`");
                scanned.problem = Some(Problem { code: "unknown-test", range, message });
            }
        }
        for (at, filter) in filters(&code) {
            let range = tag.start + at..tag.start + at + filter.len();
            if filter == "raw" {
                scanned.raw.push(range);
            } else if scanned.problem.is_none() && !is_filter(filter) {
                let message = format!("there is no filter `{filter}`");
                scanned.problem = Some(Problem { code: "unknown-filter", range, message });
            }
        }
    }
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    // `a.b` also names `a`: the longest path at a place counts.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    for name in names {
        let mut seen = false;
        for tag in &tags {
            let code = without_strings(&text[tag.clone()]);
            for at in words(&code, &name) {
                seen = true;
                let range = tag.start + at..tag.start + at + name.len();
                let covered =
                    scanned.references.iter().any(|other| other.range.start == range.start);
                if !covered {
                    let rest = code[at + name.len()..].trim_start();
                    let optional = rest.starts_with("is defined")
                        || rest.starts_with("is not defined")
                        || rest
                            .strip_prefix('|')
                            .is_some_and(|rest| rest.trim_start().starts_with("default"));
                    scanned.references.push(Reference {
                        path: Cow::Owned(name.clone()),
                        range,
                        optional,
                    });
                }
            }
        }
        if !seen {
            // Written in a way that hides the name, such as `steps["a"].b`: the whole text is the place.
            let range = tags.first().cloned().unwrap_or(0..text.len());
            scanned.references.push(Reference { path: Cow::Owned(name), range, optional: false });
        }
    }
    scanned.references.sort_by_key(|reference| reference.range.start);
    scanned
}

/// The code with the inside of its strings blanked, at the same byte positions.
fn without_strings(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut quote = None;
    for letter in code.chars() {
        match quote {
            None => {
                if matches!(letter, '"' | '\'') {
                    quote = Some(letter);
                }
                out.push(letter);
            }
            Some(open) if letter == open => {
                quote = None;
                out.push(letter);
            }
            Some(_) => out.extend(std::iter::repeat_n(' ', letter.len_utf8())),
        }
    }
    out
}

fn filters(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (bar, _) in code.match_indices('|') {
        let rest = &code[bar + 1..];
        let start = bar + 1 + (rest.len() - rest.trim_start().len());
        let length = code[start..]
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(code.len() - start);
        if length > 0 {
            found.push((start, &code[start..start + length]));
        }
    }
    found
}

/// The words behind `is` and `is not`.
fn tests_of(code: &str) -> impl Iterator<Item = (usize, &str)> {
    words(code, "is").filter_map(|at| {
        let rest = &code[at + 2..];
        let rest = rest.strip_prefix(' ')?.trim_start();
        let rest = rest.strip_prefix("not ").unwrap_or(rest).trim_start();
        let length =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        (length > 0).then(|| (code.len() - rest.len(), &rest[..length]))
    })
}

fn is_test(name: &str) -> bool {
    let expression = format!("1 is {name}");
    match ENVIRONMENT.compile_expression(&expression).and_then(|expression| expression.eval(())) {
        Ok(_) => true,
        Err(error) => error.kind() != minijinja::ErrorKind::UnknownTest,
    }
}

fn is_filter(name: &str) -> bool {
    let expression = format!("1|{name}");
    match ENVIRONMENT.compile_expression(&expression).and_then(|expression| expression.eval(())) {
        Ok(_) => true,
        Err(error) => error.kind() != minijinja::ErrorKind::UnknownFilter,
    }
}

fn words<'c>(code: &'c str, name: &'c str) -> impl Iterator<Item = usize> + 'c {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.match_indices(name).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back();
        let after = code[*at + name.len()..].chars().next();
        !before.is_some_and(|c| part(c) || c == '.') && !after.is_some_and(part)
    })
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // `${#list[@]}` is shell, not a comment of ours; YAML has comments of its own.
    let syntax = minijinja::syntax::SyntaxConfig::builder()
        .comment_delimiters("{{!", "!}}")
        .keep_trailing_newline(true)
        .build();
    environment.set_syntax(syntax.expect("the delimiters differ from each other"));
    environment.add_filter("raw", |value: Value| Value::from_safe_string(value.to_string()));
    // A template's tongue decides the quoting; the engine calls it escaping, chosen by name.
    environment.set_auto_escape_callback(|name| match name {
        "sql" => AutoEscape::Custom(Cow::Borrowed("sql")),
        "shell" => AutoEscape::Custom(Cow::Borrowed("shell")),
        _ => AutoEscape::None,
    });
    environment.set_formatter(write_value);
    environment
}

fn write_value(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    let tongue = match state.auto_escape() {
        AutoEscape::Custom(tongue) => tongue.to_string(),
        _ => return minijinja::escape_formatter(out, state, value),
    };
    if value.is_safe() {
        return out.write_str(value.as_str().unwrap_or_default()).map_err(minijinja::Error::from);
    }
    if value.is_undefined() {
        return minijinja::escape_formatter(out, state, value);
    }
    let text = match (tongue.as_str(), value.kind()) {
        // How it is quoted depends on what stands around it, which only the whole text tells.
        ("sql", ValueKind::Number | ValueKind::Bool) => {
            sql::values::mark(&value.to_string(), false)
        }
        ("sql", ValueKind::None) => sql::values::mark("null", false),
        ("sql", _) => sql::values::mark(&value.to_string(), true),
        _ => shell_word(&value.to_string()),
    };
    out.write_str(&text).map_err(minijinja::Error::from)
}

/// A value as one word of a shell, whatever is in it.
pub fn shell_word(text: &str) -> String {
    let plain = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'_' | b'-' | b'.' | b'/' | b':' | b'=' | b'@' | b'%' | b'+' | b',')
    };
    if !text.is_empty() && text.bytes().all(plain) && !text.starts_with(['-', '=']) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Fills a text in. Errors carry the engine's words; the caller knows the place.
pub fn render(text: &str, kind: LeafKind, scope: &Value) -> Result<String, String> {
    if !has_template(text) {
        return Ok(text.to_owned());
    }
    if too_much(text, &tags(text)).is_some() {
        return Err("the template is too long".to_owned());
    }
    match kind {
        LeafKind::Shell => render_script(text, scope, &mut |_| None),
        // For whoever only looks: the server's own way is `render_sql`.
        LeafKind::Sql => render_sql(text, Dialect::Sqlite, scope),
        _ => ENVIRONMENT.render_named_str("plain", text, scope).map_err(|error| reason(&error)),
    }
}

/// Fills statements in, each value as this server takes it in its place.
pub fn render_sql(text: &str, dialect: Dialect, scope: &Value) -> Result<String, String> {
    if !has_template(text) {
        return Ok(text.to_owned());
    }
    if too_much(text, &tags(text)).is_some() {
        return Err("the template is too long".to_owned());
    }
    let filled =
        ENVIRONMENT.render_named_str("sql", text, scope).map_err(|error| reason(&error))?;
    sql::values::settle(&filled, dialect)
}

/// Fills a script in. What `hide` gives a variable to is not written into the script: the script
/// names the variable, and whoever runs it sets it.
pub fn render_script(
    text: &str,
    scope: &Value,
    hide: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<String, String> {
    if !has_template(text) {
        return Ok(text.to_owned());
    }
    // Blocks decide which text there is: the quoting can only be seen where there are none.
    if text.contains("{%") {
        let filled =
            ENVIRONMENT.render_named_str("shell", text, scope).map_err(|error| reason(&error))?;
        return match hide(&filled) {
            None => Ok(filled),
            Some(_) => Err("a secret cannot stand in a script with `{% … %}`: hand it over with \
                            `env:`"
                .to_owned()),
        };
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    let script = shell::read(text);
    for tag in tags(text) {
        let whole = tag.start - 2..tag.end + 2;
        out.push_str(&text[done..whole.start]);
        let expression =
            ENVIRONMENT.compile_expression(&text[tag.clone()]).map_err(|error| reason(&error))?;
        let value = expression.eval(scope).map_err(|error| reason(&error))?;
        if value.is_undefined() {
            return Err(format!("`{}` has no value", text[tag].trim()));
        }
        let hole = script.holes.iter().find(|hole| hole.range == whole);
        let plain = value.to_string();
        if let Some(variable) = hide(&plain) {
            let named = hole.and_then(|hole| shell::context::name(&variable, &hole.context));
            out.push_str(
                &named.ok_or("a secret cannot be put into this place: hand it over with `env:`")?,
            );
        } else if value.is_safe() {
            out.push_str(value.as_str().unwrap_or_default());
        } else {
            let quoted = hole.and_then(|hole| match hole.context {
                // A harmless word reads better without quotes, and means the same.
                shell::Context::Bare => Some(shell_word(&plain)),
                _ => shell::quote(&plain, &hole.context),
            });
            out.push_str(
                &quoted.ok_or("a value cannot be put safely into this place of the script")?,
            );
        }
        done = whole.end;
    }
    out.push_str(&text[done..]);
    Ok(out)
}

/// The value of a bare expression; `None` where it uses a name that is not known yet, and says no
/// default for it.
pub fn evaluate(text: &str, scope: &Value) -> Result<Option<Value>, String> {
    if text.len() > LONGEST_CODE {
        return Err("the expression is too long".to_owned());
    }
    let expression = ENVIRONMENT.compile_expression(text).map_err(|error| reason(&error))?;
    let known = |path: &str| {
        let mut value = scope.clone();
        for part in path.split('.') {
            value = value.get_attr(part).unwrap_or(Value::UNDEFINED);
        }
        !value.is_undefined()
    };
    let references = scan_expression(text).references;
    if !references.iter().all(|reference| reference.optional || known(&reference.path)) {
        return Ok(None);
    }
    expression.eval(scope).map(Some).map_err(|error| reason(&error))
}

fn reason(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let scanned = scan(text);
        assert_eq!(scanned.problem, None);
        for reference in &scanned.references {
            assert_eq!(&text[reference.range.clone()], reference.path);
        }
        scanned.references.iter().map(|reference| reference.path.to_string()).collect()
    }

    #[test]
    fn what_a_rollback_asks_of_its_own_step_is_a_name_however_it_is_written() {
        assert_eq!(names("{{ self.exit | default('no {{ self }}') }}"), ["self.exit"]);
        assert_eq!(names("{% if self.a.b %}{{ self.c }}{% endif %}"), ["self.a.b", "self.c"]);
        assert_eq!(names("{{ itself.a | upper }}"), ["itself.a"]);
    }

    #[test]
    fn names_are_found_with_their_places() {
        assert_eq!(names("echo {{ tag }} {{steps.a.b}}"), ["tag", "steps.a.b"]);
        assert_eq!(names("{{ tag | upper }} {{ tag ~ 'tag' }}"), ["tag", "tag"]);
        assert_eq!(names("{% if a.b %}{{ c }}{% endif %}"), ["a.b", "c"]);
        assert_eq!(names("{% for x in list %}{{ x }}{% endfor %}"), ["list"]);
        assert_eq!(names("no template {# here #} ${#a[@]} { } {a}"), Vec::<String>::new());
    }

    #[test]
    fn filters_and_syntax_are_checked() {
        assert_eq!(scan("{{ a | uper }}").problem.unwrap().message, "there is no filter `uper`");
        assert_eq!(scan("{{ a | raw }}").raw.len(), 1);
        let problem = scan("x {{ a b }}").problem.unwrap();
        assert_eq!(problem.code, "template-syntax");
        assert!(scan("{{ a").problem.is_some());
    }

    #[test]
    fn defaults_make_a_name_optional() {
        assert!(scan("{{ a | default('x') }}").references[0].optional);
        assert!(scan_expression("steps.a.b is defined").references[0].optional);
        assert!(!scan_expression("a == 'a'").references[0].optional);
    }

    #[test]
    fn values_are_quoted_for_their_tongue() {
        let scope = minijinja::context! { v => "it's; rm -rf /", n => 3 };
        let fill = |text, kind| render(text, kind, &scope).unwrap();
        assert_eq!(fill("{{ v }} {{ n }}", LeafKind::Plain), "it's; rm -rf / 3");
        assert_eq!(fill("select {{ v }}, {{ n }}", LeafKind::Sql), "select 'it''s; rm -rf /', 3");
        assert_eq!(fill("echo {{ v }} {{ n }}", LeafKind::Shell), r"echo 'it'\''s; rm -rf /' 3");
        assert_eq!(fill("echo {{ v | raw }}", LeafKind::Shell), "echo it's; rm -rf /");
    }

    #[test]
    fn a_hidden_value_is_named_where_it_would_stand() {
        let scope = minijinja::context! { v => "s3cret", n => 3 };
        let fill = |text: &str| {
            let mut hide = |value: &str| value.contains("s3cret").then(|| "HIDDEN".to_owned());
            render_script(text, &scope, &mut hide)
        };
        assert_eq!(fill("login {{ v }} {{ n }}").unwrap(), r#"login "${HIDDEN}" 3"#);
        assert_eq!(fill(r#"login "a {{ v }} b""#).unwrap(), r#"login "a ${HIDDEN} b""#);
        assert_eq!(fill("login 'a {{ v }} b'").unwrap(), r#"login 'a '"${HIDDEN}"' b'"#);
        assert_eq!(fill("cat <<E\n{{ v }}\nE\n").unwrap(), "cat <<E\n${HIDDEN}\nE\n");
        assert!(fill("cat <<'E'\n{{ v }}\nE\n").is_err());
        assert!(fill("{% if n %}login {{ v }}{% endif %}").is_err());
        // The author's word that a value is code does not make a secret public.
        assert_eq!(fill("login {{ v | raw }}").unwrap(), r#"login "${HIDDEN}""#);
    }

    #[test]
    fn endless_templates_end() {
        let scope = minijinja::context! {};
        let text =
            "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}";
        assert!(render(text, LeafKind::Plain, &scope).is_err());
    }
}
