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
use plan_model::model::value::Text;
use plan_model::template;

use crate::event::{EntryId, Event};
use crate::fill::Filler;
use crate::outline::{Outline, Undo};
use crate::world::{World, hosts};

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
ask() { local answer; read -rp "$1: is it so? [y/N] " answer </dev/tty && [ "$answer" = y ]; }
export -f ask
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
                let fill = world.filler(None, None);
                let plain = |text: &Text| fill.of(text).unwrap_or_else(|_| text.value.clone());
                let more: Vec<_> = more.into_iter().flatten().map(plain).collect();
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
            Event::UndoSettled { entry, .. } | Event::FoundUndone { entry, partly: false, .. } => {
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
            | Event::FoundUndone { entry, partly: false, .. } => {
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
        let how = action.map(|action| action.facts().by_hand()).unwrap_or_default();
        let how = world.filler(Some(at), None).text(&how).unwrap_or(how);
        // Files in the run's folder, by their names.
        let id = &world.plan.entry(at).id;
        return vec![(how.replace("STEP.", &format!("{id}.")), None)];
    }
    written.into_iter().map(|part| as_command(at, part, world)).collect()
}

fn as_command(at: usize, part: &RollbackStep, world: &World) -> (String, Option<String>) {
    let fill = world.filler(Some(at), None);
    let plain = |text: &str| fill.text(text).unwrap_or_else(|_| text.to_owned());
    let Some(action) = part.actions.first() else { return (String::new(), None) };
    let title = part.title.as_ref().map(|title| plain(&title.value));
    let only = part.when.as_ref().map(|when| format!("only if `{}`", when.value));
    let words: Vec<_> = title.into_iter().chain(only.clone()).collect();
    let words = words.join(", ");
    match command(part, &action, world, &fill)
        .and_then(|command| where_it_runs(part, world, command))
    {
        Some(command) => {
            let words = if words.is_empty() { "run".to_owned() } else { words };
            // Each on its own: a folder or a variable of one is not that of the next.
            let apart = format!("(\n{}\n)", command.trim_end());
            let asked = only.map(|only| template::shell_word(&only));
            let whole = asked.map(|only| format!("if ask {only}; then\n{apart}\nfi"));
            (words, Some(whole.unwrap_or(apart)))
        }
        None => {
            let line = plain(&action.facts().line());
            let words = if words.is_empty() { line } else { format!("{words}: {line}") };
            (words, None)
        }
    }
}

/// On its hosts, where it names some. What needs a secret there is for a person.
fn where_it_runs(part: &RollbackStep, world: &World, command: String) -> Option<String> {
    let Some(on) = &part.surroundings.on else { return Some(command) };
    let is_here = !part.actions.run().is_some_and(|run| !matches!(run, Command::File(_)));
    if is_here || command.contains(":?") {
        return None;
    }
    let fill = world.filler(None, None);
    let hosts = hosts::named(&fill, &fill.text(&on.value).ok()?).ok()?;
    let lines = hosts.iter().map(|host| {
        let host = template::shell_word(host);
        format!(
            "ssh -T {host} exec bash -euo pipefail -s <<'THERE'\n{}\nTHERE\n",
            command.trim_end()
        )
    });
    Some(lines.collect())
}

/// `None` where only a person can do it: no program, or what it needs only the end of the step tells.
fn command(
    part: &RollbackStep,
    action: &Action<'_>,
    world: &World,
    fill: &Filler<'_>,
) -> Option<String> {
    let around = &part.surroundings;
    let text = |text: &str| fill.text(text).ok();
    let mut prefix = String::new();
    if let Some(dir) = &around.dir {
        prefix += &format!("cd {}\n", template::shell_word(&text(&dir.value)?));
    }
    for (name, value) in around.env.iter().flat_map(|entries| entries.0.iter()) {
        let value = text(&value.plain())?;
        let value = match world.values.secrets.are_in(&value) {
            true => format!("\"${{{}:?set it first}}\"", name.value),
            false => template::shell_word(&value),
        };
        prefix += &format!("export {}={value}\n", name.value);
    }
    let user = match &around.user {
        Some(user) => format!("runuser -u {} -- ", template::shell_word(&text(&user.value)?)),
        None => String::new(),
    };
    let shell = match &around.shell {
        Some(shell) => Some(text(&shell.value)?),
        None => None,
    };
    let line = match action {
        Action::Run(Command::Script(script)) => {
            let (script, hidden) = fill.script(&script.value).ok()?;
            for (name, value) in hidden {
                let of = world.values.names_of_secret(&value).join(", ");
                prefix += &format!(": \"${{{name}:?export it first: the secret {of}}}\"\n");
            }
            if user.is_empty() && shell.is_none() {
                return Some(prefix + &script);
            }
            let shell = shell.unwrap_or_else(|| "bash -euo pipefail".to_owned());
            format!("{user}{shell} -c {}", template::shell_word(&script))
        }
        Action::Run(Command::Program(program)) => {
            let words = program.iter().map(|word| text(&word.value));
            let words: Vec<_> =
                words.map(|word| Some(template::shell_word(&word?))).collect::<Option<_>>()?;
            format!("{user}{}", words.join(" "))
        }
        Action::Run(Command::File(file)) => {
            let shell = shell.unwrap_or_else(|| "bash -euo pipefail".to_owned());
            let path = fill.base.join(fill.named(&file.file.value).ok()?);
            let mut line =
                format!("{user}{shell} {}", template::shell_word(&path.display().to_string()));
            for argument in file.args.iter().flatten() {
                line += &format!(" {}", template::shell_word(&text(&argument.value)?));
            }
            line
        }
        _ => return None,
    };
    Some(prefix + &line)
}
