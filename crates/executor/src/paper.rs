//! The paper exit: a page and a script in the run's folder that always hold the way back from here.
//! Both only grow while the run goes on, by one write each before a step acts, so they are right at
//! every moment; each is read from its end. Holds no secret.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use plan_model::model::action::Action;
use plan_model::model::action::run::Command;
use plan_model::model::plan::RollbackStep;
use plan_model::model::value::OneOrMany;
use plan_model::template;

use crate::event::{EntryId, Event};
use crate::outline::{Outline, Undo};
use crate::world::World;

pub struct Paper {
    page: File,
    script: File,
    /// Those whose way back stands on the page and was not gone yet.
    standing: BTreeSet<EntryId>,
}

const SCRIPT_HEAD: &str = r#"#!/usr/bin/env bash
# The way back from where this run stands, newest first. Nothing is done before you say so.
#   bash rollback.sh          shows what would be done
#   bash rollback.sh really   does it
# Better, while this machine and its store are there: plan rollback
set -uo pipefail
ids=() bodies=() undone=()
step() { ids+=("$1"); bodies+=("$(cat)"); }
done_already() { for at in "${!ids[@]}"; do [ "${ids[at]}" = "$1" ] && undone[at]=1; done; }
finish() {
    for ((at = ${#ids[@]} - 1; at >= 0; at--)); do
        id=${ids[at]}
        [ -n "${undone[at]:-}" ] && continue
        printf '\n== undo %s ==\n%s\n' "$id" "${bodies[at]}"
        if [ "${1:-}" = really ]; then
            bash -euo pipefail -c "${bodies[at]}" || { echo "undoing $id failed: stop and look"; exit 1; }
        fi
    done
}
trap 'finish "${1:-}"' EXIT
# ---- each step that ran, oldest first ----
"#;

impl Paper {
    pub fn open(folder: &Path, world: &World) -> std::io::Result<Paper> {
        let open = |name: &str| {
            OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join(name))
        };
        let (mut page, mut script) = (open("rollback.md")?, open("rollback.sh")?);
        if script.metadata()?.len() == 0 {
            script.write_all(SCRIPT_HEAD.as_bytes())?;
            let base = template::shell_word(&world.base.display().to_string());
            script.write_all(format!("cd {base} || exit 1\n").as_bytes())?;
        }
        if page.metadata()?.len() == 0 {
            let plan = &world.plan.plan.file.plan.value;
            let mut head = format!(
                "# The way back: {plan}, run {}\n\nRead from the end: what stands last is undone \
                 first. What was undone since is noted below it.\nWhile this machine and its store \
                 are there, `plan rollback {}` does all of this.\n",
                world.run.id, world.run.id
            );
            for contact in &world.plan.plan.contacts {
                let more = [&contact.name, &contact.phone, &contact.email];
                let more: Vec<_> = more.into_iter().flatten().map(|text| &text.value[..]).collect();
                head += &format!("- {}: {}\n", contact.role.value, more.join(", "));
            }
            page.write_all(world.cover.text(&head).as_bytes())?;
        }
        Ok(Paper { page, script, standing: BTreeSet::new() })
    }

    /// Before a step acts, and after something was undone.
    pub fn note(&mut self, event: &Event, outline: &Outline, world: &World) -> std::io::Result<()> {
        let find = |id: &str| outline.find(id);
        let stood = event.entry().is_some_and(|entry| self.standing.contains(entry));
        self.noted(event);
        match event {
            // Each attempt is undone by the same steps.
            Event::Started { .. } if stood => Ok(()),
            Event::Started { entry, .. } => {
                let Some(at) = find(entry) else { return Ok(()) };
                self.started(at, outline, world)
            }
            Event::UndoDone { entry, part } => {
                let is_last =
                    find(entry).is_some_and(|at| part + 1 >= outline.items[at].undo.parts());
                if is_last { self.undone(entry) } else { Ok(()) }
            }
            Event::UndoSettled { entry, .. } | Event::FoundUndone { entry, .. } => {
                self.undone(entry)
            }
            _ => Ok(()),
        }
    }

    /// What stands on the page behind an event that was noted, perhaps by an engine before this one.
    pub fn noted(&mut self, event: &Event) {
        match event {
            Event::Started { entry, .. } => {
                self.standing.insert(entry.clone());
            }
            Event::UndoDone { entry, .. }
            | Event::UndoSettled { entry, .. }
            | Event::FoundUndone { entry, .. } => {
                self.standing.remove(entry);
            }
            _ => {}
        }
    }

    fn started(&mut self, at: usize, outline: &Outline, world: &World) -> std::io::Result<()> {
        let item = &outline.items[at];
        let id = &item.id;
        match &item.undo {
            Undo::Nothing => Ok(()),
            Undo::Remains(why) => {
                self.page.write_all(format!("\n## {id}\n\nStays: {why}.\n").as_bytes())
            }
            Undo::Irreversible(why) => {
                let text = format!("\n## {id}\n\n**Cannot be undone**: {why}\n");
                self.page.write_all(world.cover.text(&text).as_bytes())
            }
            Undo::Parts(_) => {
                let lines = parts(at, world);
                let mut page = format!("\n## {id}\n");
                let mut script = String::new();
                for (words, command) in &lines {
                    page += &format!("\n- {words}\n");
                    if let Some(command) = command {
                        let inner = command.trim_end().replace('\n', "\n    ");
                        page += &format!("\n    {inner}\n");
                        script += &format!("{}\n", command.trim_end());
                    } else {
                        let quoted = template::shell_word(words);
                        script += &format!(
                            "echo BY HAND: {quoted}; read -rp 'Enter when it is done ' </dev/tty\n"
                        );
                    }
                }
                let end = heredoc_end(&script);
                let script = format!("step {id} <<'{end}'\n{script}{end}\n");
                self.page.write_all(world.cover.text(&page).as_bytes())?;
                self.script.write_all(world.cover.text(&script).as_bytes())
            }
        }
    }

    fn undone(&mut self, id: &str) -> std::io::Result<()> {
        self.page.write_all(format!("\n({id} was undone.)\n").as_bytes())?;
        self.script.write_all(format!("done_already {id}\n").as_bytes())
    }
}

/// A line that does not stand in the text.
fn heredoc_end(text: &str) -> String {
    let mut end = "UNDO".to_owned();
    while text.lines().any(|line| line == end) {
        end.push('_');
    }
    end
}

/// Each rollback step in words, and as a command where a shell can do it.
fn parts(at: usize, world: &World) -> Vec<(String, Option<String>)> {
    let Some(step) = world.plan.entry(at).step() else { return Vec::new() };
    let written: Vec<_> = step.rollback.iter().flat_map(OneOrMany::iter).collect();
    if written.is_empty() {
        let action = step.actions.first();
        let how = action.map(|action| action.facts().line()).unwrap_or_default();
        return vec![(format!("undo by hand: {how}"), None)];
    }
    written.into_iter().map(|part| as_command(at, part, world)).collect()
}

fn as_command(at: usize, part: &RollbackStep, world: &World) -> (String, Option<String>) {
    // What only the end of the step will tell is left as it stands in the plan.
    let fill = world.filler(Some(at), None);
    let plain = |text: &str| fill.text(text).unwrap_or_else(|_| text.to_owned());
    let Some(action) = part.actions.first() else { return (String::new(), None) };
    let words = part.title.as_ref().map(|title| plain(&title.value));
    let mut prefix = String::new();
    if let Some(dir) = &part.surroundings.dir {
        prefix += &format!("cd {}\n", template::shell_word(&plain(&dir.value)));
    }
    for (name, value) in part.surroundings.env.iter().flat_map(|entries| entries.0.iter()) {
        let value = plain(&value.plain());
        let value = match world.values.secrets.are_in(&value) {
            true => format!("\"${{{}:?set it first}}\"", name.value),
            false => template::shell_word(&value),
        };
        prefix += &format!("export {}={value}\n", name.value);
    }
    match action {
        Action::Run(Command::Script(script)) => {
            let (text, hidden) =
                fill.script(&script.value).unwrap_or_else(|_| (script.value.clone(), Vec::new()));
            for (name, _) in hidden {
                prefix += &format!(": \"${{{name}:?set it to the secret first}}\"\n");
            }
            (words.unwrap_or_else(|| "run".to_owned()), Some(prefix + &text))
        }
        Action::Run(Command::Program(program)) => {
            let line: Vec<_> =
                program.iter().map(|word| template::shell_word(&plain(&word.value))).collect();
            (words.unwrap_or_else(|| "run".to_owned()), Some(prefix + &line.join(" ")))
        }
        Action::Run(Command::File(file)) => {
            let mut line = format!("bash {}", template::shell_word(&plain(&file.file.value)));
            for argument in file.args.iter().flatten() {
                line += &format!(" {}", template::shell_word(&plain(&argument.value)));
            }
            (words.unwrap_or_else(|| "run".to_owned()), Some(prefix + &line))
        }
        other => {
            let line = plain(&other.facts().line());
            (words.map_or(line.clone(), |words| format!("{words}: {line}")), None)
        }
    }
}
