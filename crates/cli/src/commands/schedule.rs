//! `plan schedule`: what makes a plan run by itself, as lines for cron or units for systemd. Changes nothing.

use plan_model::model::action::Action;
use plan_model::model::plan::Step;
use plan_model::resolve::EntryOf;
use plan_model::show;

use super::apply;
use crate::args::{Schedule, ScheduleFormat};
use crate::exit::Exit;
use crate::operate::Refusal;
use crate::render::schedule::{Job, cron, systemd};
use crate::terminal::Terminal;

pub fn run(args: &Schedule, terminal: &mut Terminal) -> Exit {
    lines(args, terminal).unwrap_or_else(|refusal| refusal.tell(terminal))
}

fn lines(args: &Schedule, terminal: &mut Terminal) -> Result<Exit, Refusal> {
    let wrong = |message: String, help: &str| Refusal::new(Exit::Wrong, message, help);
    let (plan, frozen) = apply::read(&args.one.plan, &args.one.overlay, terminal)?;
    let Some(schedule) = &plan.plan.file.schedule else {
        return Err(wrong(
            format!("{} says nothing of when it runs", args.one.plan),
            "add to the plan: schedule: { cron: \"0 3 * * *\", timezone: Africa/Porto-Novo }",
        ));
    };
    let folder = std::env::current_dir().map_err(|problem| {
        wrong(format!("this folder cannot be read: {problem}"), "go to where the plan is applied")
    })?;
    let store = match args.one.store.store.is_absolute() {
        true => args.one.store.store.clone(),
        false => folder.join(&args.one.store.store),
    };
    let mut arguments = vec!["apply".to_owned(), args.one.plan.clone()];
    if let Some(environment) = &frozen.environment {
        arguments.extend(["--env".to_owned(), environment.clone()]);
    }
    for set in &args.one.overlay.set {
        arguments.extend(["--set".to_owned(), set.clone()]);
    }
    arguments.extend(["--output".to_owned(), "lines".to_owned()]);
    if arguments.iter().any(|argument| argument.contains(char::is_control)) {
        let text =
            "a value with a line end or another control character fits in no line of a clock";
        return Err(wrong(text.to_owned(), "hand it over by a variable: env:"));
    }
    let inputs = plan.plan.scopes.first().into_iter().flat_map(|scope| &scope.inputs);
    // Whoever prints this may have them; a clock has none of them.
    let variables = inputs.filter_map(|input| input.origin.strip_prefix("env "));
    let mut variables: Vec<_> = variables.map(str::to_owned).collect();
    let actions = plan.entries().iter().filter_map(EntryOf::step).flat_map(Step::all_actions);
    let copies = actions.filter_map(|(action, _)| match action {
        Action::Backup(backup) => backup.copy_to.as_ref(),
        _ => None,
    });
    if copies.into_iter().any(|to| show::plain(&plan, None, &to.value).starts_with("s3://")) {
        let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"];
        variables.extend(names.map(str::to_owned));
    }
    let job = Job {
        name: plan.plan.file.plan.value.clone(),
        title: plan.plan.file.title.as_ref().map(|title| title.value.clone()),
        environment: frozen.environment.clone(),
        cron: schedule.cron.value.trim().to_owned(),
        zone: schedule.timezone.as_ref().map(|zone| zone.value.clone()),
        program: apply::this_program()?,
        folder,
        store,
        arguments,
        variables,
    };
    let lines = match args.format {
        // What only one of the two knows is said by neither.
        ScheduleFormat::Cron => systemd::lines(&job).map(|_| cron::lines(&job)),
        ScheduleFormat::Systemd => systemd::lines(&job),
    };
    let lines = lines.map_err(|why| {
        wrong(format!("`{}`: {why}", job.cron), "write it with numbers, or take: --format cron")
    })?;
    terminal.line(&lines);
    Ok(Exit::Done)
}
