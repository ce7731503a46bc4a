//! A service and a timer of systemd. The journal of the machine is the log.

use std::collections::BTreeSet;

use super::{Job, plain};

pub fn lines(job: &Job) -> Result<String, String> {
    let name = job.word();
    let called = plain(&job.called()).replace('%', "%%");
    let calendar: Vec<_> = calendar(&job.cron)?
        .into_iter()
        .map(|line| match &job.zone {
            Some(zone) => format!("OnCalendar={line} {zone}"),
            None => format!("OnCalendar={line}"),
        })
        .collect();
    let mut words = vec![quoted(&job.program.display().to_string())];
    words.extend(job.arguments.iter().map(|argument| quoted(argument)));
    let mut service = vec![
        format!("# /etc/systemd/system/{name}.service"),
        "[Unit]".to_owned(),
        format!("Description={called}"),
        "# Who is told when it fails: OnFailure=SOME.service".to_owned(),
        String::new(),
        "[Service]".to_owned(),
        "Type=oneshot".to_owned(),
        format!("WorkingDirectory={}", bare(&job.folder.display().to_string())),
        format!("Environment={}", variable(&format!("PLAN_STORE={}", job.store.display()))),
    ];
    if !job.variables.is_empty() {
        service.push(format!(
            "# A file of mode 0600 with: {}",
            job.variables.iter().map(|name| format!("{name}=…")).collect::<Vec<_>>().join(" ")
        ));
        service.push(format!("EnvironmentFile=/etc/plan/{name}.env"));
    }
    service.extend([
        format!("ExecStart={}", words.join(" ")),
        "# Exit codes: 1 failed and rolled back, 3 stuck, 4 waits for a person, 5 another run has it, 6 not ready"
            .to_owned(),
        "# A stop pauses the run after what runs; programs of its steps are not ended with it.".to_owned(),
        "KillMode=process".to_owned(),
        "TimeoutStartSec=infinity".to_owned(),
        "TimeoutStopSec=infinity".to_owned(),
    ]);
    let mut timer = vec![
        format!(
            "# /etc/systemd/system/{name}.timer, then: systemctl daemon-reload && systemctl enable --now {name}.timer"
        ),
        "[Unit]".to_owned(),
        format!("Description={called}"),
        String::new(),
        "[Timer]".to_owned(),
    ];
    timer.extend(calendar);
    timer.extend([
        "AccuracySec=1s".to_owned(),
        "# What was missed while the machine was off is not made up for at noon.".to_owned(),
        "Persistent=false".to_owned(),
        String::new(),
        "[Install]".to_owned(),
        "WantedBy=timers.target".to_owned(),
    ]);
    Ok(format!("{}\n\n{}", service.join("\n"), timer.join("\n")))
}

/// As systemd reads a word between double quotes.
fn quoted(text: &str) -> String {
    variable(&text.replace('$', "$$"))
}

/// The same where a dollar sign is no more than one.
fn variable(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{escaped}\"")
}

fn bare(text: &str) -> String {
    text.replace('%', "%%")
}

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The same times as calendar expressions. Cron means "or" where both a day of the month and one of the
/// week are said, systemd means "and": then there are two.
fn calendar(cron: &str) -> Result<Vec<String>, String> {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err("it has not five fields".to_owned());
    };
    let names = |names: &[&str], first: u32| -> Vec<(String, u32)> {
        names.iter().zip(first..).map(|(name, at)| (name.to_lowercase(), at)).collect()
    };
    let minutes = list(&set(minute, 0, 59, &[])?, 0, 59);
    let hours = list(&set(hour, 0, 23, &[])?, 0, 23);
    let days = list(&set(day, 1, 31, &[])?, 1, 31);
    let months = list(&set(month, 1, 12, &names(&MONTHS, 1))?, 1, 12);
    let weekdays: BTreeSet<u32> =
        set(weekday, 0, 7, &names(&DAYS, 0))?.into_iter().map(|day| day % 7).collect();
    let every_weekday = weekdays.len() == 7;
    let weekdays: Vec<_> = weekdays.iter().map(|day| DAYS[*day as usize]).collect();
    let time = format!("{hours}:{minutes}:00");
    let on_days = format!("*-{months}-{days} {time}");
    let on_weekdays = format!("{} *-{months}-* {time}", weekdays.join(","));
    // A star in either field makes cron mean both at once.
    let is_both = day.starts_with('*') || weekday.starts_with('*');
    Ok(match is_both {
        true if every_weekday => vec![on_days],
        true => vec![format!("{} {on_days}", weekdays.join(","))],
        false => vec![on_days, on_weekdays],
    })
}

fn list(set: &BTreeSet<u32>, low: u32, high: u32) -> String {
    if set.len() == (high - low + 1) as usize {
        return "*".to_owned();
    }
    set.iter().map(|number| format!("{number:02}")).collect::<Vec<_>>().join(",")
}

/// What a field of cron means.
fn set(field: &str, low: u32, high: u32, names: &[(String, u32)]) -> Result<BTreeSet<u32>, String> {
    let odd = || format!("`{field}` cannot be said to systemd");
    let number = |text: &str| {
        let named = names.iter().find(|(name, _)| *name == text.to_lowercase());
        let number = named.map(|(_, number)| *number).or_else(|| text.parse().ok());
        number.filter(|number| (low..=high).contains(number)).ok_or_else(odd)
    };
    let mut all = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| *step > 0)),
            None => (part, Some(1)),
        };
        let step = step.ok_or_else(odd)?;
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (number(from)?, number(to)?),
            None if range == "*" => (low, high),
            None => (number(range)?, number(range)?),
        };
        if from > to {
            return Err(odd());
        }
        all.extend((from..=to).step_by(step));
    }
    Ok(all)
}
