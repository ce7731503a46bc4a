//! Meaning → colour. Colour never carries what the words do not say.

use anstyle::{AnsiColor, Style};

pub const STRONG: Style = Style::new().bold();
pub const FAINT: Style = Style::new().dimmed();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const WARN: Style = AnsiColor::Yellow.on_default();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const NAME: Style = AnsiColor::Cyan.on_default();

/// A text in a style, and back to plain behind it.
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
