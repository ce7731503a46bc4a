//! Generated plans of steps that do nothing: what is left to measure is the engine.

use std::fmt::Write;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Each waits for the one before.
    Chain,
    /// None waits for another; two at once.
    Independent,
    /// Ten layers; each step waits for three of the layer before; two at once.
    Layers,
}

pub fn plan(shape: Shape, steps: usize) -> String {
    let mut out = String::from("plan: small-steps\ntitle: Many small steps\n");
    if shape != Shape::Chain {
        out += "jobs: 2\n";
    }
    out += "steps:\n";
    let width = (steps / 10).max(1);
    for step in 0..steps {
        let needs = match shape {
            Shape::Chain => String::new(),
            Shape::Layers if step >= width => {
                let (layer, place) = (step / width - 1, step % width);
                let name = |more: usize| format!("s{}", layer * width + (place + more) % width);
                format!(" needs: [{}, {}, {}],", name(0), name(1), name(2))
            }
            _ => " needs: [],".to_owned(),
        };
        let _ = writeln!(out, "  - {{ step: s{step},{needs} read_only: true, run: [\"true\"] }}");
    }
    out
}
