//! Where in a script a value is inserted, and the text that inserts it there as data.
//! Refuses when in doubt: a refusal costs a message, a mistake lets an input run commands.

/// What the shell makes of the characters at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Context {
    /// A word, or a part of one, outside of any quotes.
    Bare,
    /// As `Bare`, where a leading `-` would be taken for an option by the program.
    Operand,
    /// The name of the program: a value may choose a file to run, not a builtin of the shell.
    Program,
    SingleQuoted,
    DoubleQuoted,
    Heredoc {
        expands: bool,
        end: HeredocEnd,
    },
    Comment,
    /// `$(( … ))`, `(( … ))`, a subscript, `[[ … -eq … ]]`: a name there is evaluated, even run.
    Arithmetic,
    /// `${ … }`
    Parameter,
    Backtick,
    /// Something reads the text as code again; the name says what: `eval`, `bash`, `ssh`, `psql`.
    Evaluated {
        by: String,
    },
    /// Not understood, or depends on what is not known yet.
    Unknown,
}

/// What a value must not look like, lest the document ends inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeredocEnd {
    pub delimiter: String,
    /// `<<-`
    pub strips_tabs: bool,
    /// Text before the value in its line cannot begin the delimiter's line.
    pub safe_before: bool,
    pub safe_after: bool,
}

/// The text that inserts `value` as data in `context`, or `None` where that cannot be promised.
pub fn quote(value: &str, context: &Context) -> Option<String> {
    if value.contains('\0') {
        return None;
    }
    match context {
        Context::Bare => Some(single_quoted(value)),
        Context::Operand => (!value.starts_with('-')).then(|| single_quoted(value)),
        // With a slash it is a file, whatever it is called; an empty part before a literal slash
        // is none of our business.
        Context::Program => value.contains('/').then(|| single_quoted(value)),
        Context::SingleQuoted => Some(value.replace('\'', r"'\''")),
        Context::DoubleQuoted => Some(format!("\"{}\"", single_quoted(value))),
        Context::Heredoc { expands, end } => in_heredoc(value, *expands, end),
        Context::Comment => (!value.contains(['\n', '\r'])).then(|| value.to_owned()),
        Context::Arithmetic => is_plain_number(value).then(|| value.to_owned()),
        Context::Parameter | Context::Backtick | Context::Evaluated { .. } | Context::Unknown => {
            None
        }
    }
}

/// The text that stands for the value of a variable in `context`, as data.
pub fn name(variable: &str, context: &Context) -> Option<String> {
    match context {
        Context::Bare | Context::Operand | Context::Program => Some(format!("\"${{{variable}}}\"")),
        Context::DoubleQuoted | Context::Heredoc { expands: true, .. } => {
            Some(format!("${{{variable}}}"))
        }
        Context::SingleQuoted => Some(format!("'\"${{{variable}}}\"'")),
        _ => None,
    }
}

fn single_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A leading zero would make it octal, a sign would meet another one.
fn is_plain_number(value: &str) -> bool {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits && value.len() <= 18 && (value == "0" || !value.starts_with('0'))
}

fn in_heredoc(value: &str, expands: bool, end: &HeredocEnd) -> Option<String> {
    if end.strips_tabs && value.contains('\t') {
        return None;
    }
    let delimiter = end.delimiter.as_str();
    let looks_like_end = |line: &str| !line.is_empty() && delimiter.contains(line);
    let mut lines = value.split('\n');
    let first = lines.next().unwrap_or("");
    let last = lines.next_back();
    let safe = match last {
        None => end.safe_before || end.safe_after || !looks_like_end(first),
        Some(last) => {
            (end.safe_before || !looks_like_end(first))
                && !last.starts_with(delimiter)
                && (end.safe_after || !looks_like_end(last))
                && !lines.any(|line| line.starts_with(delimiter))
        }
    };
    // The first piece can only complete a line that began as the delimiter does.
    if !safe || (!end.safe_before && first.starts_with(delimiter)) {
        return None;
    }
    if !expands {
        return Some(value.to_owned());
    }
    let mut text = String::with_capacity(value.len() + 8);
    for character in value.chars() {
        if matches!(character, '\\' | '$' | '`') {
            text.push('\\');
        }
        text.push(character);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_numbers_enter_arithmetic() {
        for (value, fits) in [("12", true), ("0", true), ("012", false), ("-1", false)] {
            assert_eq!(quote(value, &Context::Arithmetic).is_some(), fits, "{value}");
        }
        assert_eq!(quote("a[$(id)]", &Context::Arithmetic), None);
    }

    #[test]
    fn a_comment_takes_one_line_only() {
        assert_eq!(quote("a\nrm -rf /", &Context::Comment), None);
        assert_eq!(quote("it's", &Context::Comment).as_deref(), Some("it's"));
    }

    #[test]
    fn a_value_cannot_end_the_document_it_is_in() {
        let end = HeredocEnd {
            delimiter: "EOF".into(),
            strips_tabs: false,
            safe_before: false,
            safe_after: false,
        };
        let context = Context::Heredoc { expands: true, end };
        for value in ["EOF", "a\nEOF\nb", "EO", "\nEOF", "EOF\n", "a\nEOF)"] {
            assert_eq!(quote(value, &context), None, "{value:?}");
        }
        assert_eq!(quote("a$b`c\\", &context).as_deref(), Some(r"a\$b\`c\\"));
    }

    #[test]
    fn the_name_of_a_program_is_a_file() {
        assert_eq!(quote("eval", &Context::Program), None);
        assert_eq!(quote("/usr/bin/php", &Context::Program).as_deref(), Some("'/usr/bin/php'"));
    }
}
