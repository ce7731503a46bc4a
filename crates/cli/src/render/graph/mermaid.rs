//! A drawing in Mermaid, as GitHub and GitLab show it inside Markdown: a subgraph a phase.
//! Mermaid refuses large texts and many lines; such plans are drawn phase by phase.

use std::fmt::Write;

use super::{Drawing, Flow, MOST_NODES, Node, Undo, Work, spoken};

/// Mermaid's own limits are 500 lines and 50,000 characters.
const MOST_LINES: usize = 480;
const MOST_CHARACTERS: usize = 48_000;
/// Of a title; Mermaid wraps it itself.
const LONGEST: usize = 80;

pub fn draw(drawing: &Drawing) -> String {
    let lines: usize = drawing.flows.iter().map(|flow| flow.from.len() * flow.to.len()).sum();
    if drawing.nodes.len() <= MOST_NODES && lines <= MOST_LINES {
        let text = written(drawing, None);
        if text.chars().count() <= MOST_CHARACTERS {
            return text;
        }
    }
    written(&drawing.collapsed(), Some(&drawing.too_many()))
}

fn written(drawing: &Drawing, note: Option<&str>) -> String {
    let mut out = String::new();
    write(drawing, note, &mut out).expect("a string takes whatever is written");
    out
}

fn write(drawing: &Drawing, note: Option<&str>, out: &mut String) -> std::fmt::Result {
    // Front matter is YAML, and JSON strings are YAML too.
    let title = serde_json::Value::from(drawing.heading());
    writeln!(out, "---\ntitle: {title}\n---\nflowchart TD")?;
    let mut bold = Vec::new();
    let mut count = 0;
    for (at, lane) in drawing.lanes.iter().enumerate() {
        let mut label = lane.name().to_owned();
        if lane.maintenance {
            label += " (users are out)";
        }
        label += &lane.takes.map_or(String::new(), |takes| format!(", {}", spoken(takes)));
        writeln!(out, "  subgraph p{at}[\"{}\"]", escaped(&label))?;
        for node in lane.nodes.clone() {
            writeln!(out, "    {}", statement(drawing, node))?;
        }
        let own = |flow: &&Flow| flow.to.iter().all(|to| lane.nodes.contains(to));
        for flow in drawing.flows.iter().filter(own) {
            let side = |nodes: &[usize]| {
                nodes.iter().map(|at| format!("n{at}")).collect::<Vec<_>>().join(" & ")
            };
            writeln!(out, "    {} --> {}", side(&flow.from), side(&flow.to))?;
            // Mermaid numbers the lines of such a statement source by source.
            for from in &flow.from {
                for to in &flow.to {
                    if drawing.nodes[*from].critical && drawing.nodes[*to].critical {
                        bold.push(count.to_string());
                    }
                    count += 1;
                }
            }
        }
        writeln!(out, "  end")?;
    }
    for at in 1..drawing.lanes.len() {
        writeln!(out, "  p{} --> p{at}", at - 1)?;
    }
    if let Some(note) = note {
        writeln!(out, "  note[\"{}\"]", escaped(note))?;
    }
    classes(drawing, &bold, out)
}

fn statement(drawing: &Drawing, at: usize) -> String {
    let node = &drawing.nodes[at];
    let mut lines = Vec::new();
    lines
        .extend((drawing.no_return == Some(at)).then(|| "<b>NO WAY BACK FROM HERE</b>".to_owned()));
    lines.push(format!("<b>{}</b>", escaped(&node.id)));
    if !node.says.is_empty() {
        let mut says: String = node.says.chars().take(LONGEST).collect();
        if says.len() < node.says.len() {
            says.push('…');
        }
        lines.push(escaped(&says));
    }
    let mut facts = vec![node.kind()];
    facts.extend(node.may_be_skipped.then(|| "may be skipped".to_owned()));
    facts.extend(node.takes.map(spoken));
    lines.push(escaped(&facts.join(", ")));
    let label = lines.join("<br/>");
    match node.work {
        Work::Gate { .. } => format!("n{at}{{{{\"{label}\"}}}}:::{}", class(node)),
        _ => format!("n{at}(\"{label}\"):::{}", class(node)),
    }
}

fn class(node: &Node) -> &'static str {
    match node.work {
        Work::Gate { .. } => "gate",
        Work::Phase { .. } => "phase",
        Work::Step { undo, .. } => match undo {
            Undo::ReadOnly | Undo::Kept => "nothing",
            Undo::ByItself => "itself",
            Undo::Rollback => "rollback",
            Undo::Irreversible => "never",
            Undo::Unsaid => "unsaid",
        },
    }
}

/// Colours that can be read on a light and on a dark page: each brings its own text colour.
fn classes(drawing: &Drawing, bold: &[String], out: &mut String) -> std::fmt::Result {
    const LOOKS: [(&str, &str); 7] = [
        ("gate", "fill:#ddf4ff,stroke:#0969da,color:#0a3069"),
        ("phase", "fill:#f6f8fa,stroke:#57606a,color:#24292f"),
        ("nothing", "fill:#f6f8fa,stroke:#8c959f,color:#24292f,stroke-dasharray:4 3"),
        ("itself", "fill:#dafbe1,stroke:#1a7f37,color:#0f401b"),
        ("rollback", "fill:#fbfdfb,stroke:#1a7f37,color:#24292f"),
        ("never", "fill:#ffebe9,stroke:#cf222e,color:#660018"),
        ("unsaid", "fill:#fff8c5,stroke:#9a6700,color:#3b2300"),
    ];
    for (name, looks) in LOOKS {
        if drawing.nodes.iter().any(|node| class(node) == name) {
            writeln!(out, "  classDef {name} {looks}")?;
        }
    }
    let critical: Vec<_> = (0..drawing.nodes.len())
        .filter(|at| drawing.nodes[*at].critical)
        .map(|at| format!("n{at}"))
        .collect();
    if !critical.is_empty() {
        writeln!(out, "  classDef critical stroke-width:3px,stroke:#8250df")?;
        writeln!(out, "  class {} critical", critical.join(","))?;
    }
    if !bold.is_empty() {
        writeln!(out, "  linkStyle {} stroke:#8250df,stroke-width:3px", bold.join(","))?;
    }
    for (at, lane) in drawing.lanes.iter().enumerate() {
        let looks = if lane.maintenance {
            "fill:#fff1e5,stroke:#e16f24,color:#762d0a"
        } else {
            "fill:#fbfcfd,stroke:#d0d7de,color:#24292f"
        };
        writeln!(out, "  style p{at} {looks}")?;
    }
    Ok(())
}

/// Anything that Mermaid, HTML or Markdown could take for its own becomes its number.
fn escaped(text: &str) -> String {
    const PLAIN: &str = " ,.-():/'!?+=…";
    let mut out = String::new();
    let mut is_list_so_far = true;
    for c in text.chars() {
        // "1. Prepare" would be a list, which Mermaid refuses to show.
        let opens_list = is_list_so_far && matches!(c, '.' | ')' | '-' | '+');
        is_list_so_far &= c.is_ascii_digit();
        if c.is_alphanumeric() || (PLAIN.contains(c) && !opens_list) {
            out.push(c);
        } else {
            out.push_str(&format!("#{};", u32::from(c)));
        }
    }
    out
}
