//! Keys of a settings file; every other line stays as it is.

use std::fs;
use std::path::Path;

use plan_model::model::action::files::{SetKeys, SettingsFormat};
use serde_json::Value as Json;

use super::{Going, Rights};
use crate::event::Failure;
use crate::fill::Filler;
use crate::world::error;

pub fn make(going: &mut Going<'_>, change: &SetKeys) -> Result<(), Failure> {
    let path = going.path(&change.file)?;
    if path.exists() && !path.is_file() {
        return Err(error(format!("{} is no file", path.display())));
    }
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(problem) => return Err(error(format!("{}: {problem}", path.display()))),
    };
    let text =
        String::from_utf8(bytes).map_err(|_| error(format!("{} is no UTF-8", path.display())))?;
    let steps = steps(&going.fill(), change, &path, &text)?;
    let text = steps.into_iter().next_back().map_or(text, |(.., after)| after);
    going.write(&path, &mut text.as_bytes(), Rights::default())
}

/// Each key with the text before it is set and after.
pub fn steps(
    fill: &Filler<'_>,
    change: &SetKeys,
    path: &Path,
    text: &str,
) -> Result<Vec<(String, String, String)>, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let section = fill.optional(change.section.as_ref())?;
    let format = change.format.unwrap_or_else(|| told_by(&name, section.is_some()));
    if section.is_some() && format != SettingsFormat::Ini {
        return Err(error(format!(
            "`section` is of ini files, and {name} is read as another kind"
        )));
    }
    if section.as_ref().is_some_and(|name| name.contains(['[', ']', '\n'])) {
        return Err(error("a section has neither brackets nor lines"));
    }
    let mut steps = Vec::new();
    let mut text = text.to_owned();
    for (key, value) in &change.set.0 {
        let value = match fill.json(&value.json)? {
            Json::String(text) => text,
            Json::Null => String::new(),
            other => other.to_string(),
        };
        let is_odd = |c: char| c.is_control() || c.is_whitespace() || "=:[]#;\"'".contains(c);
        if key.value.is_empty() || key.value.contains(is_odd) {
            return Err(error(format!("`{}` is no key", key.value.escape_debug())));
        }
        if value.contains(char::is_control) {
            return Err(error(format!("{}: a value has no line of its own", key.value)));
        }
        let after = set(&text, format, section.as_deref(), &key.value, &value)
            .map_err(|why| error(format!("{}: {why}", path.display())))?;
        let before = std::mem::replace(&mut text, after.clone());
        steps.push((key.value.clone(), before, after));
    }
    Ok(steps)
}

fn told_by(name: &str, has_section: bool) -> SettingsFormat {
    let is_ini = [".ini", ".cfg", ".cnf", ".service", ".timer", ".socket", ".toml"];
    if has_section || is_ini.iter().any(|end| name.ends_with(end)) {
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
) -> Result<String, String> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let (mut at, mut end) = (None, None);
    let mut inside = section.is_none();
    // A value in quotes may go over several lines: none of them is a key.
    let mut open: Option<char> = None;
    for (number, line) in lines.iter().enumerate() {
        let plain = line.trim_start_matches('\u{feff}').trim();
        if let Some(quote) = open {
            if ends(plain, quote) {
                open = None;
            }
            continue;
        }
        if format == SettingsFormat::Ini && plain.starts_with('[') {
            let name = plain.trim_start_matches('[').split(']').next().unwrap_or_default().trim();
            inside = section == Some(name);
        }
        if format == SettingsFormat::Env {
            open = opened(plain);
        }
        if inside {
            if !plain.is_empty() {
                end = Some(number + 1);
            }
            if key_of(plain, format) == Some(key) {
                if open.is_some() {
                    return Err(format!(
                        "the value of {key} goes over several lines: change it by a template"
                    ));
                }
                at = Some(number);
            }
        }
    }
    if let Some(at) = at {
        let line = lines[at].trim_end_matches(['\r', '\n']);
        let ending = lines[at][line.len()..].to_owned();
        let written = written(format, Some(line), key, value)?;
        lines[at] = format!("{written}{ending}");
        return Ok(lines.concat());
    }
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push_str(line_end);
    }
    let line = format!("{}{line_end}", written(format, None, key, value)?);
    match (end, section) {
        (Some(end), Some(_)) => lines.insert(end, line),
        (None, Some(name)) => {
            let gap = if lines.is_empty() { "" } else { line_end };
            lines.push(format!("{gap}[{name}]{line_end}"));
            lines.push(line);
        }
        // Keys without a section stand before the first one.
        (end, None) if format == SettingsFormat::Ini => lines.insert(end.unwrap_or(0), line),
        _ => lines.push(line),
    }
    Ok(lines.concat())
}

/// The quote of a value that does not end in its line.
fn opened(line: &str) -> Option<char> {
    if line.starts_with('#') {
        return None;
    }
    let value = line.split_once('=')?.1.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    (!ends(&value[1..], quote)).then_some(quote)
}

/// Whether a quote ends in a line.
fn ends(text: &str, quote: char) -> bool {
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return true,
            _ => {}
        }
    }
    false
}

fn key_of(line: &str, format: SettingsFormat) -> Option<&str> {
    if line.starts_with(['#', ';', '[']) {
        return None;
    }
    match format {
        SettingsFormat::Env => {
            let line = match line.strip_prefix("export") {
                Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
                _ => line,
            };
            Some(line.split_once('=')?.0.trim())
        }
        SettingsFormat::Ini => line.split(['=', ':']).next().map(str::trim),
        SettingsFormat::Conf => line.split(|c: char| c == '=' || c.is_whitespace()).next(),
    }
    .filter(|key| !key.is_empty())
}

/// As the line that it replaces was written; what stands behind the value stays.
fn written(
    format: SettingsFormat,
    was: Option<&str>,
    key: &str,
    value: &str,
) -> Result<String, String> {
    let Some(was) = was else {
        return Ok(match format {
            SettingsFormat::Env => format!("{key}={}", env_value(value)),
            SettingsFormat::Ini => format!("{key} = {value}"),
            SettingsFormat::Conf => format!("{key} = {}", conf_value(value)?),
        });
    };
    // Up to the value: what stands before the key, the key, and what parts the two.
    let at = was.find(key).unwrap_or_default() + key.len();
    let parts = |c: char| c.is_whitespace() || matches!(c, '=' | ':');
    let gap = was[at..].find(|c| !parts(c)).unwrap_or(was.len() - at);
    let (head, old) = was.split_at(at + gap);
    let has_sign = was[at..at + gap].contains(['=', ':']);
    let quoted = old.chars().next().filter(|c| matches!(c, '"' | '\''));
    let remark = remark(old, quoted);
    let head = match (format, has_sign || (format == SettingsFormat::Conf && gap > 0)) {
        (_, true) => head.to_owned(),
        // A key without a value.
        (SettingsFormat::Env, false) => format!("{head}="),
        (_, false) => format!("{} = ", head.trim_end()),
    };
    let value = match format {
        SettingsFormat::Env => env_value(value),
        SettingsFormat::Conf if old.trim_end().ends_with(';') => {
            return Err(format!("{key} ends with a semicolon: this is no file of keys and values"));
        }
        SettingsFormat::Conf => conf_value(value)?,
        // Whoever reads it understood the quotes before.
        SettingsFormat::Ini => match quoted {
            Some(quote) if !value.contains(quote) => format!("{quote}{value}{quote}"),
            Some(quote) => return Err(format!("the new value of {key} holds a {quote}")),
            None => value.to_owned(),
        },
    };
    Ok(format!("{head}{value}{remark}"))
}

/// What stands behind a value, for whoever reads the file.
fn remark(old: &str, quoted: Option<char>) -> &str {
    let mut rest = old;
    if let Some(quote) = quoted {
        let end = old[1..].find(quote).map_or(old.len(), |at| at + 2);
        rest = &old[end..];
    }
    let mut before = if quoted.is_some() { ' ' } else { 'x' };
    for (at, c) in rest.char_indices() {
        if matches!(c, '#' | ';') && before.is_whitespace() {
            return &rest[rest[..at].trim_end().len()..];
        }
        before = c;
    }
    ""
}

/// Quoted where a reader would cut it or fill something in: in single quotes, which all of them read as
/// they are.
fn env_value(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:@%+,=".contains(c);
    if value.chars().all(is_plain) {
        return value.to_owned();
    }
    if !value.contains('\'') {
        return format!("'{value}'");
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
    format!("\"{}\"", escaped.replace('`', "\\`"))
}

/// As postgresql.conf has it.
fn conf_value(value: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    Ok(match !value.is_empty() && value.chars().all(is_plain) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(text: &str, key: &str, value: &str) -> String {
        set(text, SettingsFormat::Env, None, key, value).unwrap()
    }

    #[test]
    fn a_key_changes_where_it_counts_and_nothing_else_does() {
        assert_eq!(env("# A=0\nA=1\nB=2\n", "A", "3"), "# A=0\nA=3\nB=2\n");
        assert_eq!(env("A=1\nA=2", "A", "3"), "A=1\nA=3");
        assert_eq!(env("A=1", "B", "two words"), "A=1\nB='two words'\n");
        assert_eq!(env("export\tA=1\r\nB=2\r\n", "C", "1"), "export\tA=1\r\nB=2\r\nC=1\r\n");
        assert_eq!(env("export A=1 # why\r\n", "A", "p$q"), "export A='p$q' # why\r\n");
        assert_eq!(env("", "A", ""), "A=\n");
        assert_eq!(env("AB=1\n", "A", "2"), "AB=1\nA=2\n");
        assert_eq!(env("A=\"x # y\" # why\n", "A", "it's"), "A=\"it's\" # why\n");
        assert_eq!(env("A=1\n", "A", "~/data"), "A='~/data'\n");
    }

    #[test]
    fn a_value_over_several_lines_is_no_list_of_keys() {
        let text = "KEY=\"one\nA=fake\nend\"\nA=1\n";
        assert_eq!(env(text, "A", "2"), "KEY=\"one\nA=fake\nend\"\nA=2\n");
        assert!(
            set(text, SettingsFormat::Env, None, "KEY", "2").unwrap_err().contains("several lines")
        );
    }

    #[test]
    fn a_section_has_keys_of_its_own() {
        let ini = |text, section, key, value| {
            set(text, SettingsFormat::Ini, section, key, value).unwrap()
        };
        let text = "top = 1\n\n[a]\nkey=1\n; key=2\n\n[b]\nkey = \"x ; y\" ; why\n";
        let quoted = text.replace("\"x ; y\"", "\"4\"");
        assert_eq!(ini(text, Some("b"), "key", "4"), quoted);
        assert_eq!(ini(text, Some("a"), "key", "4"), text.replace("key=1", "key=4"));
        assert_eq!(
            ini(text, Some("a"), "new", "4"),
            text.replace("; key=2\n", "; key=2\nnew = 4\n")
        );
        assert_eq!(ini(text, Some("c"), "new", "4"), format!("{text}\n[c]\nnew = 4\n"));
        assert_eq!(ini("[a]\nkey=1\n", None, "top", "2"), "top = 2\n[a]\nkey=1\n");
        let flag = "[mysqld]\nskip-name-resolve\n";
        assert_eq!(
            ini(flag, Some("mysqld"), "skip-name-resolve", "1"),
            "[mysqld]\nskip-name-resolve = 1\n"
        );
    }

    #[test]
    fn a_configuration_keeps_how_it_is_written() {
        let conf = |text, key, value| set(text, SettingsFormat::Conf, None, key, value).unwrap();
        assert_eq!(conf("port = 5432\t# old\n", "port", "5433"), "port = 5433\t# old\n");
        assert_eq!(conf("#port = 1\n", "port", "5433"), "#port = 1\nport = 5433\n");
        assert_eq!(conf("work_mem 4MB\n", "work_mem", "8MB"), "work_mem 8MB\n");
        assert_eq!(conf("", "log_line_prefix", "%m it's"), "log_line_prefix = '%m it''s'\n");
        assert_eq!(conf("a = 'x # y' # why\n", "a", "b\\n"), "a = 'b\\\\n' # why\n");
        let nginx = set("user www-data;\n", SettingsFormat::Conf, None, "user", "bob");
        assert!(nginx.unwrap_err().contains("semicolon"));
    }
}
