//! `plan graph`: the plan as a picture.

use crate::args::{Graph, GraphFormat};
use crate::exit::Exit;
use crate::render::graph::{Drawing, dot, mermaid, svg, text};
use crate::terminal::Terminal;

/// The text is never wider, so that it can stand in a README; narrower terminals get less.
const WIDTH: usize = 80;

pub fn run(args: &Graph, terminal: &mut Terminal) -> Exit {
    let Some((plan, _)) = super::compiled(&args.plan, &args.overlay, terminal) else {
        return Exit::Wrong;
    };
    let drawing = Drawing::of(&plan);
    terminal.say(&match args.format {
        GraphFormat::Text => text::draw(&drawing, WIDTH.min(Terminal::width())),
        GraphFormat::Dot => dot::draw(&drawing),
        GraphFormat::Mermaid => mermaid::draw(&drawing),
        GraphFormat::Svg => svg::draw(&drawing),
    });
    Exit::Done
}
