//! Differences for the comment of a pull request. Whatever stands in a plan is quoted so that it can
//! neither break the layout nor become a link, a mention or HTML.

use plan_model::diff::sentence::{Part, Sentence};
use plan_model::diff::{Change, Risk};

use super::lines::{Line, differing};
use super::{DiffReport, NOTHING, heading, visible};
use crate::terminal::Terminal;

/// GitHub takes 65,536 characters; what comes behind is counted.
const ROOM: usize = 60_000;
/// Of one long text.
const SHOWN: usize = 60;

pub fn write(report: &DiffReport<'_>, terminal: &mut Terminal) {
    terminal.say(&page(report));
}

fn page(report: &DiffReport<'_>) -> String {
    let mut page = format!("### Plan: {} → {}\n\n", code(report.old.name), code(report.new.name));
    if report.changes.is_empty() {
        return page + &format!("No changes: {NOTHING}.\n");
    }
    let counts = report.counts();
    let counts: Vec<_> = counts
        .iter()
        .map(|(risk, text)| match risk {
            Risk::Worse => format!("**{text}**"),
            _ => text.clone(),
        })
        .collect();
    page += &format!("{}\n\n{}", counts.join(", "), table(report));
    let mut left_out = 0;
    for risk in Risk::ALL {
        let changes: Vec<_> = report.of(risk).collect();
        if changes.is_empty() {
            continue;
        }
        let folded = risk == Risk::Neutral;
        page += &if folded {
            format!("\n<details><summary>{} {}</summary>\n\n", changes.len(), risk.word())
        } else {
            format!("\n#### {}\n\n", heading(risk))
        };
        for change in changes {
            let item = item(report, change);
            if page.len() + item.len() > ROOM {
                left_out += 1;
            } else {
                page += &item;
            }
        }
        if folded {
            page += "\n</details>\n";
        }
    }
    if left_out > 0 {
        page += &format!("\n… and {left_out} more, which `plan diff` shows.\n");
    }
    page
}

/// All figures, those that differ in bold. They hold no text of an author but ids.
fn table(report: &DiffReport<'_>) -> String {
    let mut table = "| | before | after |\n|---|---|---|\n".to_owned();
    for (old, new) in report.figures() {
        let strong = if old.value == new.value { "" } else { "**" };
        table += &format!("| {} | {} | {strong}{}{strong} |\n", old.name, old.value, new.value);
    }
    table
}

fn item(report: &DiffReport<'_>, change: &Change) -> String {
    let place = report
        .place(change)
        .map_or(String::new(), |place| format!(" <sub>{}</sub>", html(&visible(&place))));
    format!("- {}{place}\n{}", sentence(&change.sentence), texts(change))
}

fn sentence(sentence: &Sentence) -> String {
    let parts = sentence.0.iter().map(|part| match part {
        Part::Words(words) => words.replace('_', "\\_"),
        Part::Code(text) => code(text),
    });
    parts.collect()
}

/// A code span; a longer fence than any inside, and a space where the text touches it.
fn code(text: &str) -> String {
    let text = visible(text).replace('\n', " ");
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad =
        if text.is_empty() || text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

fn html(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        match letter {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            // As entities they are no Markdown, and no mention.
            '*' | '_' | '`' | '[' | ']' | '@' | '|' | '\\' | '~' | '#' | '!' => {
                shown.push_str(&format!("&#{};", u32::from(letter)));
            }
            letter => shown.push(letter),
        }
    }
    shown
}

/// The texts as a diff, folded away: lists stay short.
fn texts(change: &Change) -> String {
    if change.before.is_none() && change.after.is_none() {
        return String::new();
    }
    let before = visible(change.before.as_deref().unwrap_or_default());
    let after = visible(change.after.as_deref().unwrap_or_default());
    let all = differing(&before, &after);
    let fence = "`".repeat(longest_run(&before).max(longest_run(&after)).max(2) + 1);
    let mut block = format!("  <details><summary>text</summary>\n\n  {fence}diff\n");
    for line in all.iter().take(SHOWN) {
        block += &match line {
            Line::Gone(text) => format!("  - {text}\n"),
            Line::New(text) => format!("  + {text}\n"),
            Line::Same => "    …\n".to_owned(),
        };
    }
    if all.len() > SHOWN {
        block += &format!("    … and {} lines more\n", all.len() - SHOWN);
    }
    block + &format!("  {fence}\n\n  </details>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_texts_stay_quoted() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a `b` ``c"), "```a `b` ``c```");
        assert_eq!(code("`x`"), "`` `x` ``");
        assert_eq!(code("a\n| <b> @x"), "`a | <b> @x`");
        assert_eq!(html("<a_b>@x|"), "&lt;a&#95;b&gt;&#64;x&#124;");
    }
}
