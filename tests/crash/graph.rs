//! A plan of thirty steps that leave a trace each, and what their traces must look like whatever
//! was killed when: each one once, in an order that the needs allow.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::folder::Folder;

struct Step {
    id: String,
    needs: Vec<String>,
    /// How many rollback steps it has.
    parts: usize,
}

/// How the run is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Well,
    /// The last checkpoint fails.
    Back,
    /// It succeeds, and is rolled back by a person later.
    Asked,
}

pub struct Graph {
    steps: Vec<Step>,
    layers: usize,
    end: End,
}

const BRANCHES: usize = 4;

impl Graph {
    pub fn new(end: End) -> Graph {
        Graph::of(3, end)
    }

    /// Of each layer: one step, four branches of two steps beside each other, one that joins them,
    /// a checkpoint.
    pub fn of(layers: usize, end: End) -> Graph {
        let mut steps = Vec::new();
        for layer in 0..layers {
            let open = format!("open-{layer}");
            let before = layer.checked_sub(1).map(|before| format!("join-{before}"));
            steps.push(Step { id: open.clone(), needs: before.into_iter().collect(), parts: 1 });
            let mut ends = Vec::new();
            for branch in 0..BRANCHES {
                let (left, right) =
                    (format!("left-{layer}-{branch}"), format!("right-{layer}-{branch}"));
                steps.push(Step { id: left.clone(), needs: vec![open.clone()], parts: 2 });
                steps.push(Step { id: right.clone(), needs: vec![left], parts: 1 });
                ends.push(right);
            }
            steps.push(Step { id: format!("join-{layer}"), needs: ends, parts: 1 });
        }
        Graph { steps, layers, end }
    }

    pub fn text(&self) -> String {
        let mut out = String::from(
            "plan: thirty\njobs: 4\nstate: { files: [kept.txt] }\nphases:\n  - phase: all\n    steps:\n",
        );
        for (at, step) in self.steps.iter().enumerate() {
            let layer = at / (2 * BRANCHES + 2);
            let mut needs = step.needs.clone();
            if step.id.starts_with("open") && layer > 0 {
                needs = vec![format!("holds-{}", layer - 1)];
            }
            let _ = writeln!(out, "      - step: {}", step.id);
            let _ = writeln!(out, "        needs: [{}]", needs.join(", "));
            // What an earlier step printed is used: it has to survive as well.
            let word = match step.id.strip_prefix("join-") {
                Some(layer) => format!("echo {}-{{{{ steps.open_{layer}.word }}}}", step.id),
                None => format!("echo {}", step.id),
            };
            let _ = writeln!(out, "        run: |\n          {word} >> done");
            if let Some(layer) = step.id.strip_prefix("open-") {
                let _ = writeln!(out, "          echo word{layer}");
                let _ = writeln!(out, "        outputs: {{ word: stdout }}");
            }
            let _ = writeln!(out, "        rollback:");
            for part in 0..step.parts {
                let _ = writeln!(out, "          - run: echo {}.{part} >> undone", step.id);
            }
            if step.id.starts_with("join") {
                let check = match self.end {
                    End::Back if layer + 1 == self.layers => "test -f never",
                    _ => "test -f done",
                };
                let _ = writeln!(out, "      - checkpoint: holds-{layer}");
                let _ = writeln!(out, "        checks:\n          - run: {check}");
            }
        }
        out
    }

    /// Holds what the steps left behind against the promises.
    pub fn check(&self, folder: &Folder, history: &str) {
        let done = folder.lines("done");
        let mut place = BTreeMap::new();
        for (at, line) in done.iter().enumerate() {
            let id = line.split("-word").next().unwrap().to_owned();
            if let Some(layer) = id.strip_prefix("join-") {
                assert_eq!(*line, format!("join-{layer}-word{layer}"), "{history}");
            }
            let twice = place.insert(id.clone(), at);
            assert!(twice.is_none(), "{id} was done twice\n{history}");
        }
        for step in &self.steps {
            let at = place.get(&step.id);
            let at = at.unwrap_or_else(|| panic!("{} was forgotten\n{history}", step.id));
            for need in &step.needs {
                assert!(place[need] < *at, "{} ran before {need}\n{history}", step.id);
            }
        }
        let undone = folder.lines("undone");
        if self.end == End::Well {
            assert!(undone.is_empty(), "{undone:?}\n{history}");
            return;
        }
        let mut place = BTreeMap::new();
        for (at, line) in undone.iter().enumerate() {
            let twice = place.insert(line.clone(), at);
            assert!(twice.is_none(), "{line} was undone twice\n{history}");
        }
        for step in &self.steps {
            let mut last = None;
            for part in 0..step.parts {
                let name = format!("{}.{part}", step.id);
                let at = place.get(&name).copied();
                assert!(at.is_some(), "{name} was not undone\n{history}");
                assert!(last < at, "{name} was undone before the part above it\n{history}");
                last = at;
            }
            for need in &step.needs {
                assert!(
                    last < Some(place[&format!("{need}.0")]),
                    "{need} was undone before {}, which needs it\n{history}",
                    step.id
                );
            }
        }
    }

    pub fn exit(&self) -> i32 {
        match self.end {
            End::Well => 0,
            End::Back | End::Asked => 1,
        }
    }
}
