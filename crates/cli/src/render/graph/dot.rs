//! A drawing in DOT, for Graphviz: a cluster a phase. What waits for several and is not alone in
//! it goes through a point, so that lines stay few.

use std::fmt::Write;

use super::{Drawing, Flow, Node, Undo, Work, spoken};

pub fn draw(drawing: &Drawing) -> String {
    let mut out = String::new();
    write(drawing, &mut out).expect("a string takes whatever is written");
    out
}

fn write(drawing: &Drawing, out: &mut String) -> std::fmt::Result {
    writeln!(out, "digraph {} {{", quoted(&drawing.plan))?;
    let mut heading = drawing.heading();
    if let Some(takes) = drawing.takes {
        heading += &format!("\n{} along the critical path", spoken(takes));
    }
    writeln!(out, "  graph [label={}, labelloc=t, fontsize=18,", quoted(&heading))?;
    writeln!(out, "         fontname=\"Helvetica,Arial,sans-serif\", ranksep=0.4, nodesep=0.3];")?;
    writeln!(out, "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\",")?;
    writeln!(
        out,
        "        color=\"#57606a\", fontname=\"Helvetica,Arial,sans-serif\", fontsize=11];"
    )?;
    writeln!(out, "  edge [color=\"#57606a\", arrowsize=0.7];")?;
    for (at, lane) in drawing.lanes.iter().enumerate() {
        writeln!(out, "\n  subgraph cluster_{at} {{")?;
        let mut label = lane.name().to_owned();
        if lane.maintenance {
            label += " (users are out)";
        }
        label += &lane.takes.map_or(String::new(), |takes| format!(", {}", spoken(takes)));
        let fill = if lane.maintenance { "#fff1e5" } else { "#f6f8fa" };
        writeln!(
            out,
            "    label={}; labeljust=l; fontsize=13; style=\"rounded,filled\"; fillcolor=\"{fill}\"; color=\"#d0d7de\";",
            quoted(&label)
        )?;
        for node in lane.nodes.clone() {
            writeln!(out, "    {}", statement(drawing, node))?;
        }
        let own = |(_, flow): &(usize, &Flow)| flow.to.iter().all(|to| lane.nodes.contains(to));
        for (number, flow) in drawing.flows.iter().enumerate().filter(own) {
            write_flow(drawing, flow, &format!("j{number}"), "    ", out)?;
        }
        writeln!(out, "  }}")?;
    }
    for (number, flow) in drawing.between().iter().enumerate() {
        writeln!(out)?;
        write_flow(drawing, flow, &format!("p{number}"), "  ", out)?;
    }
    writeln!(out, "}}")
}

fn statement(drawing: &Drawing, at: usize) -> String {
    let node = &drawing.nodes[at];
    let mut lines = vec![node.id.clone()];
    if at == drawing.no_return.unwrap_or(usize::MAX) {
        lines.insert(0, "NO WAY BACK FROM HERE".to_owned());
    }
    lines.extend(wrapped(&node.says, 36));
    let mut facts = vec![node.kind()];
    facts.extend(node.may_be_skipped.then(|| "may be skipped".to_owned()));
    facts.extend(node.takes.map(spoken));
    lines.push(facts.join(", "));
    let mut attributes = vec![format!("label={}", quoted(&lines.join("\n")))];
    attributes.push(looks(node).to_owned());
    if node.critical {
        attributes.push("penwidth=2.5, color=\"#8250df\"".to_owned());
    }
    attributes.retain(|attribute| !attribute.is_empty());
    format!("n{at} [{}];", attributes.join(", "))
}

fn looks(node: &Node) -> &'static str {
    match node.work {
        Work::Gate { .. } => "shape=octagon, style=filled, fillcolor=\"#ddf4ff\"",
        Work::Step { undo: Undo::Irreversible, .. } => "fillcolor=\"#ffebe9\"",
        Work::Step { undo: Undo::Unsaid, .. } => "fillcolor=\"#fff8c5\"",
        Work::Step { undo: Undo::ReadOnly | Undo::Kept, .. } => "style=\"rounded,filled,dashed\"",
        Work::Step { .. } | Work::Phase { .. } => "",
    }
}

fn write_flow(
    drawing: &Drawing,
    flow: &Flow,
    joint: &str,
    indent: &str,
    out: &mut String,
) -> std::fmt::Result {
    let critical = |at: &usize| drawing.nodes[*at].critical;
    const BOLD: &str = "color=\"#8250df\", penwidth=2.5";
    let mut edge = |from: &str, to: &str, bold: bool, more: &str| {
        let attributes: Vec<_> = [more, if bold { BOLD } else { "" }]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        let attributes = if attributes.is_empty() {
            String::new()
        } else {
            format!(" [{}]", attributes.join(", "))
        };
        writeln!(out, "{indent}{from} -> {to}{attributes};")
    };
    if flow.from.len() < 2 || flow.to.len() < 2 {
        for (from, to) in flow.lines() {
            let bold = critical(&from) && critical(&to);
            edge(&format!("n{from}"), &format!("n{to}"), bold, "")?;
        }
        return Ok(());
    }
    let bold = flow.from.iter().any(critical) && flow.to.iter().any(critical);
    for from in &flow.from {
        edge(&format!("n{from}"), joint, bold && critical(from), "arrowhead=none")?;
    }
    for to in &flow.to {
        edge(joint, &format!("n{to}"), bold && critical(to), "")?;
    }
    writeln!(out, "{indent}{joint} [shape=point, width=0.06];")
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// At words, in two lines at most.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let count = lines.len();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            Some(line) if count == 2 => {
                line.push_str(" …");
                break;
            }
            _ => lines.push(word.to_owned()),
        }
    }
    for line in &mut lines {
        if line.chars().count() > most + 2 {
            *line = line.chars().take(most).collect::<String>() + "…";
        }
    }
    lines
}
