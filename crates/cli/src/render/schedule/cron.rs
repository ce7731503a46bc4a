//! Lines for a crontab. Cron mails what a job prints: that is nothing, unless it needs somebody.

use plan_model::template::shell_word;

use super::{Job, plain};

pub fn lines(job: &Job) -> String {
    let word = |text: &str| shell_word(text);
    let log = job.store.join(format!("{}.log", job.word()));
    let (folder, log) = (job.folder.display().to_string(), log.display().to_string());
    let store = job.store.display().to_string();
    let arguments: Vec<_> = job.arguments.iter().map(|argument| word(argument)).collect();
    let command = format!(
        "cd {} && mkdir -p -m 700 {store} && PLAN_STORE={store} {} {} >>{log} 2>&1 || echo {}\" exit code $?, see \"{log}",
        word(&folder),
        word(&job.program.display().to_string()),
        arguments.join(" "),
        word(&format!("{}:", job.called())),
        store = word(&store),
        log = word(&log),
    );
    let mut lines = vec![format!("# {} (for: crontab -e)", plain(&job.called()))];
    lines.push(
        "# Exit codes: 1 failed and rolled back, 3 stuck, 4 waits for a person, 5 another run has it, 6 not ready"
            .to_owned(),
    );
    for variable in &job.variables {
        lines.push(format!(
            "# It needs {variable}: set it above, in a crontab that only its owner reads"
        ));
    }
    if let Some(zone) = &job.zone {
        lines.push(
            "# The cron of Debian and Ubuntu knows no CRON_TZ: there, say it in the machine's own time, or use a timer of systemd"
                .to_owned(),
        );
        lines.push(format!("CRON_TZ={zone}"));
    }
    // In a crontab a per cent sign ends the command.
    lines.push(format!("{} {}", job.cron, command.replace('%', "\\%")));
    lines.join("\n")
}
