//! Where each statement of a guide went: its row in `coverage.yaml` leads to a step, a rule or a feature that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use plan_model::document::{Document, Map};
use plan_model::lint;
use plan_model::source::FileId;

/// Each guide, its folder, and how many statements it makes.
const GUIDES: [(&str, &str, usize); 5] = [
    ("G1", "electoral", 60),
    ("G2", "intimemanager", 28),
    ("G3", "bail-mobilite", 62),
    ("G4", "punk-eco", 71),
    ("G5", "olympiades", 133),
];

/// Fewer than so many of a hundred statements may be left out.
const LEFT_OUT: usize = 5;

#[test]
fn every_statement_of_the_guides_is_carried_by_something_that_is_there() {
    let wrong: Vec<String> = GUIDES.iter().flat_map(|guide| Coverage::of(guide).faults()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rows_that_lead_nowhere_are_told() {
    let folder = std::env::temp_dir().join("plan-guides-coverage");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("part.yaml"), "plan: b\nsteps: [{ step: inside, run: x }]\n")
        .unwrap();
    let plan = "plan: a\nsteps: [{ checkpoint: there, checks: [] }, { include: part.yaml }]\n";
    std::fs::write(folder.join("a.yaml"), plan).unwrap();
    let text = "guide: G9\nG9-01: { plan: a.yaml, step: there }\nG9-02: { plan: a.yaml, step: inside }\n\
                G9-03: { plan: a.yaml, step: part }\nG9-04: { plan: b.yaml, step: there }\n\
                G9-05: { lint: down-present }\nG9-06: { lint: down }\nG9-07: { feature: a.yaml }\n\
                G9-08: { feature: c.sql }\nG9-09: { left_out: no }\nG9-10: { step: there }\nG9-12: { lint: x }\n";
    let coverage = Coverage { number: "G9", count: 11, folder, text: text.to_owned() };
    let faults = coverage.faults();
    let told = [
        "G9-12 is none of the guide",
        "G9-03: a.yaml has no step or checkpoint part",
        "G9-04: there is no b.yaml",
        "G9-06: no rule is called down",
        "G9-08: there is no c.sql",
        "G9-09: why it is left out stands nowhere",
        "G9-10: step is no row",
        "G9-11 is nowhere",
        "1 of 11 are left out",
    ];
    assert_eq!(faults.len(), told.len(), "{faults:#?}");
    for (fault, words) in faults.iter().zip(told) {
        assert!(fault.ends_with(words), "{fault}: not {words}");
    }
}

struct Coverage {
    number: &'static str,
    count: usize,
    folder: PathBuf,
    text: String,
}

impl Coverage {
    fn of(&(number, folder, count): &(&'static str, &str, usize)) -> Coverage {
        let plans = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plans"));
        let folder = plans.join(folder);
        let text = read(&folder.join("coverage.yaml"));
        Coverage { number, count, folder, text }
    }

    fn faults(&self) -> Vec<String> {
        let document = parsed(&self.text);
        let rows = document.root().map().unwrap();
        let mut faults = Vec::new();
        if document.root().get("guide").and_then(|guide| guide.text()) != Some(self.number) {
            faults.push(format!("it does not say `guide: {}`", self.number));
        }
        let names: Vec<String> =
            (1..=self.count).map(|row| format!("{}-{row:02}", self.number)).collect();
        for (key, _) in rows.iter() {
            let name = key.text().unwrap_or_default();
            if name != "guide" && !names.iter().any(|known| known == name) {
                faults.push(format!("{name} is none of the guide"));
            }
        }
        let mut left_out = 0;
        let mut plans = BTreeMap::new();
        for name in &names {
            match rows.get(name).and_then(|row| row.map()) {
                Some(row) => {
                    left_out += usize::from(row.get("left_out").is_some());
                    faults.extend(
                        self.fault(row, &mut plans).map(|fault| format!("{name}: {fault}")),
                    );
                }
                None => faults.push(format!("{name} is nowhere")),
            }
        }
        if left_out * 100 >= self.count * LEFT_OUT {
            faults.push(format!("{left_out} of {} are left out", self.count));
        }
        let path = self.folder.join("coverage.yaml");
        faults.iter().map(|fault| format!("{}: {fault}", path.display())).collect()
    }

    /// What keeps the row from leading somewhere. Each plan is read once.
    fn fault(
        &self,
        row: Map<'_, '_>,
        plans: &mut BTreeMap<PathBuf, BTreeSet<String>>,
    ) -> Option<String> {
        let keys: Vec<&str> = row.iter().filter_map(|(key, _)| key.text()).collect();
        let said = |key| row.get(key).and_then(|value| value.text()).unwrap_or_default();
        match keys[..] {
            ["plan", "step"] => {
                let (plan, step) = (said("plan"), said("step"));
                let path = self.folder.join(plan);
                if !path.is_file() {
                    return Some(format!("there is no {plan}"));
                }
                let names = plans.entry(path).or_insert_with_key(|path| names(path));
                (!names.contains(step)).then(|| format!("{plan} has no step or checkpoint {step}"))
            }
            ["lint"] => {
                let rule = said("lint");
                let is_known = lint::codes().any(|known| known == rule);
                (!is_known).then(|| format!("no rule is called {rule}"))
            }
            ["feature"] => {
                let words = said("feature");
                let files = words.split(|c: char| c.is_whitespace() || ",;:()".contains(c));
                let mut files =
                    files.filter(|word| word.ends_with(".yaml") || word.ends_with(".sql"));
                let missing = files.find(|file| !self.folder.join(file).is_file());
                match missing {
                    Some(file) => Some(format!("there is no {file}")),
                    None => {
                        words.is_empty().then(|| "which feature it is stands nowhere".to_owned())
                    }
                }
            }
            ["left_out"] => {
                let is_reason = said("left_out").split_whitespace().count() >= 3;
                (!is_reason).then(|| "why it is left out stands nowhere".to_owned())
            }
            _ => Some(format!("{} is no row", keys.join(", "))),
        }
    }
}

/// The steps and checkpoints of a plan, and of those that it includes.
fn names(plan: &Path) -> BTreeSet<String> {
    let text = read(plan);
    let document = parsed(&text);
    let mut found = BTreeSet::new();
    let mut nodes = vec![document.root()];
    while let Some(node) = nodes.pop() {
        let said = |key| node.get(key).and_then(|value| value.text());
        found.extend(said("step").or(said("checkpoint")).map(str::to_owned));
        if let Some(file) = said("include") {
            found.extend(names(&plan.with_file_name(file)));
        }
        for key in ["phases", "steps"] {
            let list = node.get(key).and_then(|list| list.list());
            nodes.extend(list.into_iter().flat_map(|list| list.iter()));
        }
    }
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
}

fn parsed(text: &str) -> Document<'_> {
    let mut found = Vec::new();
    let document = Document::parse(FileId::default(), text, &mut found);
    document.filter(|_| found.is_empty()).unwrap_or_else(|| panic!("{found:?}"))
}
