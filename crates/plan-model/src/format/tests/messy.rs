//! Writes YAML as untidily as the language allows, from rolls of dice. The last rolls are all
//! zeros, and zero is the simplest choice, so a text ends and a failing one shrinks.

pub(super) struct Messy {
    rolls: std::vec::IntoIter<u8>,
    text: String,
    comments: usize,
    anchors: usize,
    line_end: &'static str,
}

/// Where a value is written.
#[derive(Clone, Copy, PartialEq)]
enum After {
    Colon,
    Dash,
    QuestionMark,
    Nothing,
}

const WORDS: [&str; 12] = [
    "a",
    "bc d",
    "é ü",
    "a:b",
    "x#y",
    "-1",
    "?q",
    "日本語",
    "http://h:80/p",
    "~",
    "it's",
    "50% of",
];
const QUOTED: [&str; 8] =
    ["''", "\"\"", "' it''s '", "\"a\\tb # no\"", "\"{{ x }}\"", "'- no'", "\"\\\"\"", "'a: b'"];
const BLOCK_LINES: [&str; 9] =
    ["text", "", "  deeper", "# no comment", "trailing  ", "key: value", "- dash", "", "\ttab"];

pub(super) fn text(rolls: Vec<u8>) -> (String, usize) {
    let mut messy = Messy {
        rolls: rolls.into_iter(),
        text: String::new(),
        comments: 0,
        anchors: 0,
        line_end: "\n",
    };
    messy.document();
    (messy.text, messy.comments)
}

impl Messy {
    fn roll(&mut self, sides: usize) -> usize {
        self.rolls.next().map_or(0, |roll| usize::from(roll) % sides)
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == sides - 1
    }

    fn write(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn write_one_of(&mut self, choices: &[&str]) {
        let choice = self.roll(choices.len());
        self.write(choices[choice]);
    }

    fn spaces(&mut self, least: usize) {
        let extra = if self.one_in(3) { self.roll(5) } else { 0 };
        self.write(&" ".repeat(least + extra));
    }

    fn column(&self) -> usize {
        self.text.rsplit('\n').next().unwrap().trim_start_matches('\u{feff}').chars().count()
    }

    fn comment(&mut self) {
        self.comments += 1;
        self.write(&format!("# c{};", self.comments));
        if self.one_in(3) {
            self.write(" \t");
        }
    }

    /// Ends the line. Comments below it stand anywhere up to a column: further right, they would
    /// be text of a block scalar.
    fn end_line(&mut self, furthest_comment: usize) {
        if self.one_in(4) {
            self.spaces(1);
            self.comment();
        }
        self.end_line_bare(furthest_comment);
    }

    fn end_line_bare(&mut self, furthest_comment: usize) {
        if self.one_in(5) {
            self.spaces(1);
        }
        self.write(self.line_end);
        while self.one_in(5) {
            if self.one_in(2) {
                let column = self.roll(furthest_comment + 1);
                self.write(&" ".repeat(column));
                self.comment();
            }
            self.write(self.line_end);
        }
    }

    fn document(&mut self) {
        if self.one_in(5) {
            self.line_end = "\r\n";
        }
        if self.one_in(8) {
            self.write("\u{feff}");
        }
        if self.one_in(3) {
            self.end_line_bare(8);
        }
        if self.one_in(4) {
            if self.one_in(2) {
                self.write("%YAML 1.2");
                self.end_line(3);
            }
            self.write("---");
            self.end_line(3);
        }
        let column = self.roll(3);
        match self.roll(4) {
            0 | 1 => self.mapping(column, After::Nothing),
            2 => self.sequence(column, After::Nothing),
            _ => {
                self.flow(0, 0);
                self.end_line(4);
            }
        }
        if self.one_in(6) {
            self.write("...");
            self.end_line(3);
        }
    }

    /// The cursor stands at the start of a line, or for the first entry where the entry starts.
    fn mapping(&mut self, column: usize, after: After) {
        let mut inline = after != After::Nothing;
        loop {
            if !std::mem::take(&mut inline) {
                self.write(&" ".repeat(column));
            }
            if self.one_in(8) {
                self.write("?");
                self.value(column, After::QuestionMark);
                if self.one_in(2) {
                    self.write(&" ".repeat(column));
                    self.write(":");
                    self.value(column, After::Colon);
                }
            } else {
                self.key();
                self.write(":");
                self.value(column, After::Colon);
            }
            if self.roll(3) == 0 {
                return;
            }
        }
    }

    fn key(&mut self) {
        match self.roll(10) {
            8 if self.anchors > 0 => {
                let name = self.roll(self.anchors) + 1;
                self.write(&format!("*a{name} "));
            }
            9 => {
                self.properties();
                self.flow_one_line(1);
                self.spaces(0);
            }
            7 => {
                self.write_one_of(&QUOTED);
                self.spaces(0);
            }
            _ => {
                if self.one_in(8) {
                    self.properties();
                }
                self.write_one_of(&WORDS);
                self.spaces(0);
            }
        }
    }

    fn properties(&mut self) {
        if self.one_in(2) {
            self.anchors += 1;
            self.write(&format!("&a{}", self.anchors));
            self.spaces(1);
        }
        if self.one_in(4) {
            self.write("!!str");
            self.spaces(1);
        }
    }

    fn sequence(&mut self, column: usize, after: After) {
        let mut inline = after != After::Nothing;
        loop {
            if !std::mem::take(&mut inline) {
                self.write(&" ".repeat(column));
            }
            self.write("-");
            self.value(column, After::Dash);
            if self.roll(3) == 0 {
                return;
            }
        }
    }

    /// Everything behind an indicator, with the end of the line.
    fn value(&mut self, parent: usize, after: After) {
        self.spaces(1);
        if self.one_in(10) {
            self.properties();
        }
        let choice = self.roll(16);
        let deeper = parent + 1 + self.roll(6);
        match choice {
            0..=2 => {
                self.write_one_of(&WORDS);
                self.end_line(9);
            }
            3 => {
                self.write_one_of(&QUOTED);
                self.end_line(9);
            }
            4 => self.end_line(9),
            5 => {
                self.multi_line(parent);
                self.end_line(9);
            }
            6 | 7 => self.block_scalar(parent),
            8 | 9 => {
                self.flow(parent + 1, 0);
                self.end_line(9);
            }
            10 if self.anchors > 0 => {
                // An alias takes no properties, so they must not stand directly before it.
                if self.text.trim_end().ends_with(['-', ':', '?']) {
                    self.write(&format!("*a{}", self.anchors));
                }
                self.end_line(9);
            }
            11 if after != After::Colon && self.text.trim_end().ends_with(['-', '?']) => {
                let column = self.column();
                self.sequence(column, after);
            }
            12 if after != After::Colon && self.text.trim_end().ends_with(['-', '?']) => {
                let column = self.column();
                self.mapping(column, after);
            }
            13 if after == After::Colon => {
                self.end_line(9);
                self.sequence(parent, After::Nothing);
            }
            14 => {
                self.end_line(9);
                self.sequence(deeper, After::Nothing);
            }
            _ => {
                self.end_line(9);
                self.mapping(deeper, After::Nothing);
            }
        }
    }

    fn multi_line(&mut self, parent: usize) {
        let quote = ["", "'", "\""][self.roll(3)];
        self.write(quote);
        self.write("one");
        loop {
            if quote == "\"" && self.one_in(4) {
                self.write("\\ ");
            }
            self.spaces(0);
            self.write(self.line_end);
            while self.one_in(4) {
                self.spaces(0);
                self.write(self.line_end);
            }
            let indent = parent + 1 + self.roll(4);
            self.write(&" ".repeat(indent));
            self.write_one_of(&["more", "- more", "mo re"]);
            if !self.one_in(3) {
                break;
            }
        }
        self.write(quote);
    }

    fn block_scalar(&mut self, parent: usize) {
        let lines: Vec<&str> = (0..self.roll(6)).map(|_| BLOCK_LINES[self.roll(9)]).collect();
        let depth = 1 + self.roll(5);
        let first = lines.iter().find(|line| !line.is_empty());
        let needs_indicator = first.is_some_and(|line| line.starts_with([' ', '\t']));
        self.write_one_of(&["|", ">"]);
        let chomping = ["", "-", "+"][self.roll(3)];
        let indicator =
            if needs_indicator || self.one_in(4) { depth.to_string() } else { String::new() };
        if self.one_in(2) {
            self.write(chomping);
            self.write(&indicator);
        } else {
            self.write(&indicator);
            self.write(chomping);
        }
        if self.one_in(4) {
            self.spaces(1);
            self.comment();
        }
        self.write(self.line_end);
        for line in &lines {
            if !line.is_empty() {
                self.write(&" ".repeat(parent + depth));
            }
            self.write(line);
            self.write(self.line_end);
        }
        while self.one_in(4) {
            self.write(self.line_end);
        }
        if self.one_in(4) {
            // Only up to the parent's column: further right it would be text.
            let column = self.roll(parent + 1);
            self.write(&" ".repeat(column));
            self.comment();
            self.end_line_bare(9);
        }
    }

    fn flow(&mut self, least_column: usize, depth: usize) {
        let curly = self.one_in(2);
        self.write(if curly { "{" } else { "[" });
        self.flow_space(least_column, 0);
        for _ in 0..self.roll(4) {
            if curly || self.one_in(5) {
                if self.one_in(8) {
                    self.write("? ");
                }
                self.write_one_of(&WORDS);
                match self.roll(6) {
                    0 if curly => {}
                    5 => {
                        self.write(" :");
                    }
                    _ => {
                        self.spaces(0);
                        self.write(":");
                        self.flow_space(least_column, 1);
                        self.flow_value(least_column, depth);
                    }
                }
            } else {
                self.flow_value(least_column, depth);
            }
            self.flow_space(least_column, 0);
            self.write(",");
            self.flow_space(least_column, 0);
        }
        self.write(if curly { "}" } else { "]" });
    }

    fn flow_value(&mut self, least_column: usize, depth: usize) {
        match self.roll(8) {
            6 => self.multi_line(least_column),
            7 if depth < 3 => self.flow(least_column, depth + 1),
            5 => {
                self.write_one_of(&QUOTED);
            }
            4 if self.anchors > 0 => self.write(&format!("*a{} ", self.anchors)),
            _ => {
                if self.one_in(8) {
                    self.properties();
                }
                self.write_one_of(&WORDS);
            }
        }
    }

    fn flow_space(&mut self, least_column: usize, least: usize) {
        if self.one_in(4) {
            self.end_line(9);
            let column = least_column + self.roll(5);
            self.write(&" ".repeat(column));
        } else {
            self.spaces(least);
        }
    }

    fn flow_one_line(&mut self, depth: usize) {
        if depth == 0 {
            return self.write("x");
        }
        self.write("[");
        self.spaces(0);
        for _ in 0..self.roll(3) {
            self.flow_one_line(depth - 1);
            self.spaces(0);
            self.write(",");
            self.spaces(0);
        }
        self.write("]");
    }
}
