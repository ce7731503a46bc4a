//! Keys of a settings file; every other line stays as it is.

use std::fs;

use plan_model::model::action::files::{SetKeys, SettingsFormat};
use serde_json::Value as Json;

use super::{Going, Rights};
use crate::event::Failure;
use crate::world::error;

pub fn make(going: &mut Going<'_>, change: &SetKeys) -> Result<(), Failure> {
    let path = going.path(&change.file)?;
    let fill = going.fill();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let format = change.format.unwrap_or_else(|| told_by(&name));
    let section = fill.optional(change.section.as_ref())?;
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(problem) => return Err(error(format!("{}: {problem}", path.display()))),
    };
    let mut text =
        String::from_utf8(bytes).map_err(|_| error(format!("{} is no UTF-8", path.display())))?;
    for (key, value) in &change.set.0 {
        let value = match fill.json(&value.json)? {
            Json::String(text) => text,
            Json::Null => String::new(),
            other => other.to_string(),
        };
        if value.contains(['\n', '\r']) || key.value.contains(['\n', '=', '[', '#']) {
            return Err(error(format!(
                "{}: neither key nor value may have a line of its own",
                key.value
            )));
        }
        text = set(&text, format, section.as_deref(), &key.value, &value);
    }
    going.write(&path, &mut text.as_bytes(), Rights::default())
}

fn told_by(name: &str) -> SettingsFormat {
    if name.ends_with(".ini") || name.ends_with(".cfg") {
        SettingsFormat::Ini
    } else if name.ends_with(".conf") {
        SettingsFormat::Conf
    } else {
        SettingsFormat::Env
    }
}

/// The last line that sets a key is the one that counts, and the one that changes. A key that is
/// nowhere gets a line at the end, of its section.
fn set(
    text: &str,
    format: SettingsFormat,
    section: Option<&str>,
    key: &str,
    value: &str,
) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let (mut at, mut end) = (None, None);
    let mut inside = section.is_none();
    for (number, line) in lines.iter().enumerate() {
        let plain = line.trim();
        if format == SettingsFormat::Ini && plain.starts_with('[') {
            let name = plain.trim_start_matches('[').split(']').next().unwrap_or_default().trim();
            inside = section == Some(name);
        }
        if inside {
            if !plain.is_empty() {
                end = Some(number + 1);
            }
            if key_of(plain, format) == Some(key) {
                at = Some(number);
            }
        }
    }
    if let Some(at) = at {
        let ending = if lines[at].ends_with("\r\n") {
            "\r\n"
        } else if lines[at].ends_with('\n') {
            "\n"
        } else {
            ""
        };
        lines[at] = format!("{}{ending}", written(format, Some(lines[at].trim_end()), key, value));
        return lines.concat();
    }
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push('\n');
    }
    let line = format!("{}\n", written(format, None, key, value));
    match (end, section.filter(|_| format == SettingsFormat::Ini)) {
        (Some(end), _) if section.is_some() => lines.insert(end, line),
        (_, Some(name)) => {
            lines.push(format!("{}[{name}]\n", if lines.is_empty() { "" } else { "\n" }));
            lines.push(line);
        }
        // Keys without a section stand before the first one.
        (Some(end), None) if format == SettingsFormat::Ini => lines.insert(end, line),
        (None, None) if format == SettingsFormat::Ini => lines.insert(0, line),
        _ => lines.push(line),
    }
    lines.concat()
}

fn key_of(line: &str, format: SettingsFormat) -> Option<&str> {
    if line.starts_with(['#', ';', '[']) {
        return None;
    }
    match format {
        SettingsFormat::Env => {
            let line = line.strip_prefix("export ").unwrap_or(line);
            Some(line.split_once('=')?.0.trim())
        }
        SettingsFormat::Ini => Some(line.split_once(['=', ':'])?.0.trim()),
        SettingsFormat::Conf => line.split(|c: char| c == '=' || c.is_whitespace()).next(),
    }
    .filter(|key| !key.is_empty())
}

/// As the line that it replaces was written.
fn written(format: SettingsFormat, was: Option<&str>, key: &str, value: &str) -> String {
    let was = was.unwrap_or_default();
    let indent: String = was.chars().take_while(|c| c.is_whitespace()).collect();
    match format {
        SettingsFormat::Env => {
            let export = if was.trim_start().starts_with("export ") { "export " } else { "" };
            format!("{indent}{export}{key}={}", env_value(value))
        }
        SettingsFormat::Ini | SettingsFormat::Conf => {
            let rest = was.trim_start().strip_prefix(key).unwrap_or(" = ");
            let between: String =
                rest.chars().take_while(|c| c.is_whitespace() || matches!(c, '=' | ':')).collect();
            let between = if between.is_empty() { " = " } else { &between };
            let value = match format {
                SettingsFormat::Conf => conf_value(value),
                _ => value.to_owned(),
            };
            format!("{indent}{key}{between}{value}{}", remark(rest))
        }
    }
}

/// What stands behind a value, for whoever reads the file.
fn remark(rest: &str) -> &str {
    let mut is_quoted = false;
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        if c == '\'' {
            is_quoted = !is_quoted;
        }
        if matches!(c, '#' | ';') && !is_quoted && before.is_whitespace() {
            return &rest[rest[..at].trim_end().len()..];
        }
        before = c;
    }
    ""
}

/// Quoted where a reader would cut it or fill something in.
fn env_value(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:@%+,=~?&*!;|()<>[]{}^".contains(c);
    let is_plain = |c: char| is_plain(c) && !" ;|()<>&*?!".contains(c);
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
    format!("\"{}\"", escaped.replace('`', "\\`"))
}

fn conf_value(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    match !value.is_empty() && value.chars().all(is_plain) || value.starts_with('\'') {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_changes_where_it_counts_and_nothing_else_does() {
        let env = |text, key, value| set(text, SettingsFormat::Env, None, key, value);
        assert_eq!(env("# A=0\nA=1\nB=2\n", "A", "3"), "# A=0\nA=3\nB=2\n");
        assert_eq!(env("A=1\nA=2", "A", "3"), "A=1\nA=3");
        assert_eq!(env("A=1", "B", "two words"), "A=1\nB=\"two words\"\n");
        assert_eq!(
            env("export A=1\r\nB=2\r\n", "A", "p$q\"r"),
            "export A=\"p\\$q\\\"r\"\r\nB=2\r\n"
        );
        assert_eq!(env("", "A", ""), "A=\n");
        assert_eq!(env("AB=1\n", "A", "2"), "AB=1\nA=2\n");
    }

    #[test]
    fn a_section_has_keys_of_its_own() {
        let ini = |text, section, key, value| set(text, SettingsFormat::Ini, section, key, value);
        let text = "top = 1\n\n[a]\nkey=1\n; key=2\n\n[b]\nkey = 3\n";
        assert_eq!(ini(text, Some("b"), "key", "4"), text.replace("key = 3", "key = 4"));
        assert_eq!(ini(text, Some("a"), "key", "4"), text.replace("key=1", "key=4"));
        assert_eq!(
            ini(text, Some("a"), "new", "4"),
            text.replace("; key=2\n", "; key=2\nnew = 4\n")
        );
        assert_eq!(ini(text, Some("c"), "new", "4"), format!("{text}\n[c]\nnew = 4\n"));
        assert_eq!(ini("[a]\nkey=1\n", None, "top", "2"), "top = 2\n[a]\nkey=1\n");
    }

    #[test]
    fn a_configuration_keeps_how_it_is_written() {
        let conf = |text, key, value| set(text, SettingsFormat::Conf, None, key, value);
        assert_eq!(conf("port = 5432\t# old\n", "port", "5433"), "port = 5433\t# old\n");
        assert_eq!(conf("#port = 1\n", "port", "5433"), "#port = 1\nport = 5433\n");
        assert_eq!(conf("work_mem 4MB\n", "work_mem", "8MB"), "work_mem 8MB\n");
        assert_eq!(conf("", "log_line_prefix", "%m it's"), "log_line_prefix = '%m it''s'\n");
    }
}
