//! The lines in which two texts differ. Knows no colour.

/// More comparisons than this are not worth a nicer result.
const WORK: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'t> {
    Gone(&'t str),
    New(&'t str),
    /// Lines that both have are left out here.
    Same,
}

/// The longest common lines stay, the others are gone or new.
pub fn differing<'t>(before: &'t str, after: &'t str) -> Vec<Line<'t>> {
    let (olds, news): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let head = olds.iter().zip(&news).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (&olds[head..], &news[head..]);
    let pairs = old_rest.iter().rev().zip(new_rest.iter().rev());
    let tail = pairs.take_while(|(old, new)| old == new).count();
    let (olds, news) = (&old_rest[..old_rest.len() - tail], &new_rest[..new_rest.len() - tail]);
    let mut lines = Vec::new();
    if head > 0 {
        lines.push(Line::Same);
    }
    if olds.len().saturating_mul(news.len()) > WORK {
        lines.extend(olds.iter().map(|line| Line::Gone(line)));
        lines.extend(news.iter().map(|line| Line::New(line)));
    } else {
        middle(olds, news, &mut lines);
    }
    if tail > 0 {
        lines.push(Line::Same);
    }
    lines.dedup_by(|a, b| *a == Line::Same && *b == Line::Same);
    lines
}

fn middle<'t>(olds: &[&'t str], news: &[&'t str], lines: &mut Vec<Line<'t>>) {
    let width = news.len() + 1;
    // How many lines two rests have in common.
    let mut common = vec![0_u32; (olds.len() + 1) * width];
    for (row, old) in olds.iter().enumerate().rev() {
        for (column, new) in news.iter().enumerate().rev() {
            let at = row * width + column;
            common[at] = if old == new {
                common[at + width + 1] + 1
            } else {
                common[at + width].max(common[at + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    while row < olds.len() || column < news.len() {
        let at = row * width + column;
        if row < olds.len() && column < news.len() && olds[row] == news[column] {
            lines.push(Line::Same);
            (row, column) = (row + 1, column + 1);
        } else if column == news.len() || (row < olds.len() && common[at + width] >= common[at + 1])
        {
            lines.push(Line::Gone(olds[row]));
            row += 1;
        } else {
            lines.push(Line::New(news[column]));
            column += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_differ_are_shown() {
        use Line::{Gone, New, Same};
        assert_eq!(
            differing("a\nb\nc\nd\ne", "a\nx\nc\ne\nf"),
            [Same, Gone("b"), New("x"), Same, Gone("d"), Same, New("f")]
        );
        assert_eq!(differing("a", "a\nb"), [Same, New("b")]);
        assert_eq!(differing("", "a"), [New("a")]);
    }
}
