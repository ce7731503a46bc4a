//! Writes SVG elements: escaped, with short numbers. Knows no plan.

use std::fmt::Write;

#[derive(Debug, Default)]
pub struct Pen {
    out: String,
}

impl Pen {
    pub fn finish(self) -> String {
        self.out
    }

    /// Markup as it is.
    pub fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
        self.out.push('\n');
    }

    pub fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.anchored(class, x, y, "", text);
    }

    /// A text that ends at `x`.
    pub fn text_before(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.anchored(class, x, y, " text-anchor=\"end\"", text);
    }

    fn anchored(&mut self, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
        let (x, y, text) = (short(x), short(y), escaped(text));
        self.raw(&format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{text}</text>"));
    }

    pub fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64, round: f64) {
        let (x, y, width, height) = (short(x), short(y), short(width), short(height));
        let round = short(round);
        self.raw(&format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\"/>"
        ));
    }

    pub fn path(&mut self, class: &str, more: &str, d: &str) {
        self.raw(&format!("<path class=\"{class}\"{more} d=\"{d}\"/>"));
    }

    pub fn icon(&mut self, class: &str, x: f64, y: f64, d: &str) {
        let (x, y) = (short(x), short(y));
        self.path(class, &format!(" transform=\"translate({x} {y})\""), d);
    }
}

/// A path in words: `M x y L x y`.
#[derive(Debug, Default)]
pub struct Path {
    d: String,
}

impl Path {
    pub fn to(mut self, command: char, numbers: &[f64]) -> Path {
        self.d.push(command);
        for (at, number) in numbers.iter().enumerate() {
            if at > 0 {
                self.d.push(' ');
            }
            let _ = write!(self.d, "{}", short(*number));
        }
        self
    }

    pub fn done(self) -> String {
        self.d
    }
}

/// Right-angled lines through the points, with round corners.
pub fn rounded(points: &[(f64, f64)], round: f64) -> String {
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for point in points {
        let turns = |a: (f64, f64), b: (f64, f64)| {
            !(same(a.0, b.0) && same(b.0, point.0) || same(a.1, b.1) && same(b.1, point.1))
        };
        if let [.., a, b] = corners.as_slice()
            && !turns(*a, *b)
        {
            corners.pop();
        }
        if corners.last().is_none_or(|last| !same(last.0, point.0) || !same(last.1, point.1)) {
            corners.push(*point);
        }
    }
    let mut path = Path::default();
    for (at, point) in corners.iter().enumerate() {
        let (Some(before), Some(after)) =
            (at.checked_sub(1).map(|at| corners[at]), corners.get(at + 1))
        else {
            path = path.to(if at == 0 { 'M' } else { 'L' }, &[point.0, point.1]);
            continue;
        };
        let length = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() + (a.1 - b.1).abs();
        let round = round.min(length(before, *point) / 2.0).min(length(*point, *after) / 2.0);
        let (enter, leave) = (toward(*point, before, round), toward(*point, *after, round));
        path = path.to('L', &[enter.0, enter.1]).to('Q', &[point.0, point.1, leave.0, leave.1]);
    }
    path.done()
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.05
}

fn toward(from: (f64, f64), to: (f64, f64), by: f64) -> (f64, f64) {
    let step =
        |from: f64, to: f64| if same(from, to) { from } else { from + by * (to - from).signum() };
    (step(from.0, to.0), step(from.1, to.1))
}

/// One digit behind the point is a tenth of a pixel.
pub fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no way to say these.
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_round_and_straight_lines_have_none() {
        assert_eq!(rounded(&[(0.0, 0.0), (0.0, 10.0), (0.0, 30.0)], 8.0), "M0 0L0 30");
        assert_eq!(
            rounded(&[(0.0, 0.0), (0.0, 20.0), (40.0, 20.0), (40.0, 40.0)], 8.0),
            "M0 0L0 12Q0 20 8 20L32 20Q40 20 40 28L40 40"
        );
    }

    #[test]
    fn what_xml_takes_for_its_own_is_escaped() {
        assert_eq!(escaped("a<b> & \"c\" \u{1}"), "a&lt;b&gt; &amp; &quot;c&quot;  ");
    }
}
