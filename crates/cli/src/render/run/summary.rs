//! The last words of a run: what the state is now, what was undone, what remains, what to type, whom
//! to call. The same for the one who ran it and for the one who asks later.

use plan_executor::course::Course;
use plan_executor::engine::{Scene, Stopped};
use plan_executor::event::Pause;
use plan_executor::state::{RunState, StepState};
use plan_executor::{ladder, open};
use plan_model::model::action::Action;
use plan_model::model::action::manual::Manual;
use plan_model::model::check::{Check, Evidence};
use plan_model::model::value::Text;
use plan_model::show;

use super::{Screen, clock_time, date_time, pause, spoken};
use crate::exit::Exit;
use crate::render::columns::{seen, wrap};
use crate::terminal::Terminal;
use crate::theme::{self, paint};

/// How wide what stands before each line of a summary is.
const LABEL: usize = 12;

pub fn tell(
    course: &Course,
    scene: &Scene<'_>,
    stopped: &Stopped,
    screen: &mut Screen<'_>,
) -> Exit {
    let exit = match stopped {
        Stopped::Rested(state) => Exit::from(*state),
        _ => Exit::Paused,
    };
    let extra = match stopped {
        Stopped::StoreFailed(text) => Some(format!(
            "The journal cannot be written ({text}). What ran has ended; its outcome is kept."
        )),
        Stopped::Left => {
            Some("Left at once. What runs goes on by itself; its outcome is kept.".to_owned())
        }
        _ => None,
    };
    let lines = lines(course, scene, extra, false);
    let is_json = screen.is_json();
    let terminal = screen.terminal();
    if !is_json {
        terminal.line("");
        for line in lines {
            terminal.line(&fitted(&line, Terminal::reader()));
        }
    }
    terminal.now();
    exit
}

/// A line of a summary for whoever reads it in a terminal of so many columns; elsewhere it stays one. What is
/// to be typed stays whole.
pub fn fitted(line: &str, width: Option<usize>) -> String {
    let is_wide = |width: &usize| line.lines().any(|one| seen(one) > *width);
    let Some(width) = width.filter(is_wide) else { return line.to_owned() };
    let indent = " ".repeat(LABEL);
    if let Some((command, what)) = line.split_once("   # ") {
        return format!("{command}\n{}", wrap(&format!("# {what}"), &indent, width));
    }
    match line.split_at_checked(LABEL) {
        Some((label, text)) if label.ends_with(' ') => {
            wrap(&text.replace(&format!("\n{indent}"), "\n"), label, width)
        }
        _ => wrap(line, "", width),
    }
}

/// `is_run`: somebody runs it at this moment.
pub fn lines(
    course: &Course,
    scene: &Scene<'_>,
    extra: Option<String>,
    is_run: bool,
) -> Vec<String> {
    let run = scene.run;
    let mut lines = Vec::new();
    let list = |ids: Vec<String>| match ids.len() {
        0..=8 => ids.join(", "),
        more => format!("{} and {} more", ids[..8].join(", "), more - 8),
    };
    let ids = |wanted: &dyn Fn(StepState) -> bool| {
        let all = course.entries().iter().enumerate();
        all.filter(|(_, entry)| wanted(entry.state))
            .map(|(at, _)| course.outline.items[at].id.to_string())
            .collect::<Vec<_>>()
    };
    let done = ids(&|state| state == StepState::Done).len();
    let total = course.entries().len();
    // Somebody may have asked for the rollback of a run in which nothing failed.
    let failed = if course.failures().is_empty() { "" } else { "failed and " };
    let head = match course.state() {
        RunState::Succeeded => {
            paint(theme::GOOD, &format!("{run} succeeded: {done} of {total} done."))
        }
        RunState::RolledBack => {
            paint(theme::WARN, &format!("{run} {failed}was rolled back completely."))
        }
        RunState::RolledBackWithRemainders => paint(
            theme::BAD,
            &format!("{run} {failed}was rolled back, but not everything is as it was."),
        ),
        RunState::Stuck => paint(theme::BAD, &format!("{run} is stuck: a rollback step failed.")),
        RunState::Paused => {
            paint(theme::WARN, &format!("{run} is paused: {done} of {total} done."))
        }
        RunState::Running => {
            paint(theme::WARN, &format!("{run} has not ended: {done} of {total} done."))
        }
        RunState::RollingBack => {
            paint(theme::WARN, &format!("{run} is on its way back, and has not arrived."))
        }
    };
    lines.push(head);
    lines.extend(extra);
    if let Some(why) = course.pause().filter(|_| course.state() == RunState::Paused) {
        lines.push(format!("Why:        {}", pause(why)));
    }
    let mut told = Vec::new();
    for (id, failure) in course.failures() {
        // Tried again and again, it may have failed for the same reason each time.
        if told.contains(&(id, &failure.text)) {
            continue;
        }
        told.push((id, &failure.text));
        let text = failure.text.trim_end().replace('\n', "\n            ");
        let at = course.outline.find(id);
        let is_done = at.is_some_and(|at| course.entry(at).state == StepState::Done);
        let word = if is_done { "Failed once:" } else { "Failed:     " };
        let times =
            course.failures().iter().filter(|one| (&one.0, &one.1.text) == (id, &failure.text));
        let times = match times.count() {
            1 => String::new(),
            times => format!(" ({times} times)"),
        };
        lines.push(format!("{word}{}{id}: {text}{times}", if is_done { " " } else { "" }));
    }
    let mut undone: Vec<_> = (0..course.entries().len())
        .filter(|at| course.entry(*at).state == StepState::RolledBack)
        .collect();
    undone.sort_by_key(|at| std::cmp::Reverse(course.entry(*at).order));
    let undone: Vec<_> =
        undone.into_iter().map(|at| course.outline.items[at].id.to_string()).collect();
    if !undone.is_empty() {
        lines.push(format!("Undone:     {}", list(undone)));
    }
    match course.differences() {
        Some([]) => {
            lines.push("State:      the one before the run; it was compared".to_owned());
        }
        Some(differences) => {
            lines.push("State:      differs from the one before the run:".to_owned());
            lines.extend(differences.iter().map(|line| format!("            {line}")));
        }
        None if course.state() == RunState::RolledBack => {
            lines.push("State:      not compared: the plan declares no `state:`".to_owned());
        }
        None => {}
    }
    let stays = match course.state() {
        RunState::Succeeded => Vec::new(),
        _ => course.remainders(),
    };
    for (at, why) in stays {
        lines.push(format!("Remains:    {}: {why}", course.outline.items[at].id));
    }
    let stuck = ids(&|state| state == StepState::RollbackFailed);
    if !stuck.is_empty() {
        lines.push(format!("Not undone: {}", list(stuck.clone())));
    }
    if !matches!(course.state(), RunState::Succeeded | RunState::RolledBack) {
        let still: Vec<_> = course
            .to_undo()
            .into_iter()
            .map(|at| course.outline.items[at].id.to_string())
            .filter(|id| !stuck.contains(id))
            .collect();
        if !still.is_empty() {
            let back = plan_executor::guard::way_back(course);
            let time = if back.is_zero() { String::new() } else { format!(" ({})", spoken(back)) };
            lines.push(format!("To undo:    {}{time}", list(still)));
        }
    }
    lines.extend(commands(course, scene, &stuck, is_run));
    if !matches!(course.state(), RunState::Succeeded | RunState::RolledBack) {
        lines.push(format!(
            "By hand:    {} (if this machine's plan cannot)",
            scene.folder.join("rollback.md").display()
        ));
        lines.extend(people(scene));
    }
    for one in open::all(scene.folder, course) {
        let who = one.role.map_or(String::new(), |role| format!("{role}, "));
        let until = date_time(one.until);
        lines.push(format!(
            "Open:       {}: {} ({who}until {until}): plan approve {} {run}",
            one.entry, one.text, one.entry
        ));
    }
    for told in ladder::told(scene.folder) {
        let at = clock_time(told.at);
        if !told.by.is_empty() {
            lines.push(format!("Told:       {} at {at} by {}", told.role, told.by.join(", ")));
        }
        for lost in &told.lost {
            lines.push(format!("Not told:   {} at {at}: {lost}", told.role));
        }
    }
    lines
}

/// What to type now.
fn commands(course: &Course, scene: &Scene<'_>, stuck: &[String], is_run: bool) -> Vec<String> {
    let run = scene.run;
    let mut lines = Vec::new();
    let mut next = |command: String, what: &str| {
        let command = paint(theme::NAME, &command);
        lines.push(format!("Next:       {command}   # {what}"));
    };
    match (course.state(), course.pause()) {
        (RunState::Running | RunState::RollingBack, _) if is_run => {
            for at in course.asking() {
                for (command, text) in answers(course, scene, at) {
                    next(command, &text);
                }
            }
            next(format!("plan watch {run}"), "look on");
            if course.state() == RunState::Running {
                next(format!("plan pause {run}"), "after what runs now");
                next(format!("plan rollback {run}"), "undo everything");
            }
        }
        (RunState::Paused, Some(Pause::InDoubt { entries })) => {
            for entry in entries {
                next(format!("plan retry {entry} {run}"), "if it did not happen, or may again");
                let text = format!("plan skip {entry} {run} --reason \"it had happened\"");
                next(text, "if it did happen");
            }
            next(format!("plan resume {run}"), "then go on");
            next(format!("plan rollback {run}"), "or undo everything");
        }
        (RunState::Paused, Some(Pause::Questions { entries })) => {
            for at in entries.iter().filter_map(|entry| course.outline.find(entry)) {
                for (command, text) in answers(course, scene, at) {
                    next(command, &text);
                }
            }
            next(format!("plan resume {run}"), "then go on");
        }
        (RunState::Paused, Some(Pause::Failed { entry })) => {
            next(format!("plan resume {run}"), "try it again, and go on");
            let text = format!("plan skip {entry} {run} --reason \"…\"");
            next(text, "go on without it (then resume)");
            next(format!("plan rollback {run}"), "undo everything");
        }
        (RunState::Paused, Some(Pause::AtIrreversible { .. })) => {
            next(format!("plan resume {run}"), "try again from here");
            next(format!("plan rollback {run} --past-irreversible"), "undo the rest too");
        }
        (RunState::Paused | RunState::Running, _) => {
            next(format!("plan resume {run}"), "go on");
            next(format!("plan rollback {run}"), "undo everything");
        }
        (RunState::RollingBack, _) => next(format!("plan resume {run}"), "go on with the rollback"),
        (RunState::Stuck, _) => {
            next(format!("plan resume {run}"), "try the failed rollback steps again");
            for entry in stuck {
                let text = format!("plan skip {entry} {run} --reason \"done by hand: …\"");
                next(text, "when you have undone it by hand (then resume)");
            }
        }
        (RunState::RolledBackWithRemainders, _) => {
            next(format!("plan logs --run {run}"), "see what happened");
        }
        (RunState::RolledBack | RunState::Succeeded, _) => {}
    }
    lines
}

/// How each question of an entry is answered that nobody has answered yet, and what it asks.
fn answers(course: &Course, scene: &Scene<'_>, at: usize) -> Vec<(String, String)> {
    let entry = scene.plan.entry(at);
    let shown = |text: &Text| {
        let text = show::plain(scene.plan, Some(at), &text.value);
        text.lines().next().unwrap_or_default().to_owned()
    };
    let command = |more: &str, evidence: Option<Evidence>| {
        let evidence = match evidence {
            Some(Evidence::Text) => " --evidence \"…\"",
            Some(Evidence::File) => " --evidence FILE",
            _ => "",
        };
        format!("plan approve {} {}{more}{evidence}", course.outline.items[at].id, scene.run)
    };
    if let Some(checkpoint) = entry.checkpoint() {
        let manual =
            checkpoint.checks.iter().enumerate().filter_map(|(number, check)| match check {
                Check::Manual(manual) => Some((number, manual)),
                _ => None,
            });
        let open: Vec<_> = manual
            .filter(|(number, manual)| {
                let two = manual.two_people.as_ref().and_then(|flag| flag.fixed()) == Some(true);
                course.answers(at, *number).len() < if two { 2 } else { 1 }
            })
            .collect();
        let is_one = open.len() == 1;
        let all = open.into_iter().map(|(number, manual)| {
            let which = if is_one { String::new() } else { format!(" --question {}", number + 1) };
            let second = match course.answers(at, number) {
                [first, ..] => format!(" (a second person, not {})", first.by),
                [] => String::new(),
            };
            (command(&which, manual.evidence), shown(&manual.manual) + &second)
        });
        return all.collect();
    }
    match entry.step().and_then(|step| step.actions.first()) {
        Some(Action::Manual(Manual::Full(keys))) => {
            vec![(command("", keys.evidence), shown(&keys.text))]
        }
        Some(Action::Manual(Manual::Text(text))) => vec![(command("", None), shown(text))],
        // Which one stands in the question.
        Some(Action::Restore(_)) => {
            vec![(command(" --answer NAME", None), "the name that it asks for".to_owned())]
        }
        _ => vec![(command("", None), "answer".to_owned())],
    }
}

/// Whom to call, in the order of the escalation.
fn people(scene: &Scene<'_>) -> Vec<String> {
    let plan = &scene.plan.plan;
    let mut roles: Vec<String> =
        plan.file.escalation.iter().flatten().map(|one| one.tell.value.clone()).collect();
    roles.extend(plan.contacts.iter().map(|contact| contact.role.value.clone()));
    let mut seen = Vec::new();
    let mut lines = Vec::new();
    for role in roles {
        if seen.contains(&role) {
            continue;
        }
        let contact = plan.contacts.iter().find(|contact| contact.role.value == role);
        let more = contact.map(|contact| {
            let more = [&contact.name, &contact.phone, &contact.email];
            let plain = |text: &Text| show::plain(scene.plan, None, &text.value);
            more.into_iter().flatten().map(plain).collect::<Vec<_>>().join(", ")
        });
        let more = more.filter(|more| !more.is_empty()).map_or(String::new(), |m| format!(": {m}"));
        lines.push(format!("Call:       {role}{more}"));
        seen.push(role);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_stand_under_each_other_and_commands_stay_whole() {
        let failed = "Failed:     migrate: version 2 was applied on top of it";
        assert_eq!(fitted(failed, None), failed);
        assert_eq!(fitted(failed, Some(60)), failed);
        let broken =
            "Failed:     migrate: version\n            2 was applied on top\n            of it";
        assert_eq!(fitted(failed, Some(32)), broken);
        let two = "Failed:     a: one\n            a line of more words";
        let broken = "Failed:     a: one\n            a line of\n            more words";
        assert_eq!(fitted(two, Some(24)), broken);
        let next = "Next:       plan skip a-long-name run-1 --reason \"…\"   # go on without it";
        let broken = "Next:       plan skip a-long-name run-1 --reason \"…\"\n            # go on\n            without it";
        assert_eq!(fitted(next, Some(22)), broken);
    }
}
