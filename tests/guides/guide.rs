//! A guide: how its machine is built and looked at, and which of its plans are carried out how. That is in its
//! folder: `guide.json`, `machine.sh`, `state.sh`, `done.sh`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::apart;
use crate::person::{Came, EVIDENCE, Killer, Person};
use crate::spoil;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Guide {
    /// Programs or files, and the Debian packages that have them.
    needs: BTreeMap<String, String>,
    /// When the first run begins: a plan has its window.
    #[serde(default)]
    clock: Option<String>,
    env: BTreeMap<String, String>,
    procedures: Vec<Procedure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Procedure {
    plan: String,
    arguments: Vec<String>,
    /// A script that the machine needs before it, and the one that makes good for it afterwards.
    #[serde(default)]
    before: Option<String>,
    #[serde(default)]
    after: Option<String>,
    /// What somebody does before the answer to an entry: scripts.
    #[serde(default)]
    does: BTreeMap<String, String>,
    /// Waiting times that are shortened, and other words of the plan that the test must change.
    #[serde(default)]
    instead: BTreeMap<String, String>,
    /// Whether each checkpoint is spoilt once.
    #[serde(default)]
    every_checkpoint: bool,
    /// Steps behind which it fails.
    #[serde(default)]
    behind: Vec<String>,
    /// What goes wrong on the machine: a script, the entry that then fails, and the script that mends it.
    #[serde(default)]
    wrong: Vec<Wrong>,
    /// How often it is killed.
    #[serde(default)]
    kills: usize,
    /// Why the run cannot be taken back once it is done.
    #[serde(default)]
    stays: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrong {
    entry: String,
    script: String,
    mend: String,
}

fn repository() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize().unwrap()
}

/// What of a guide a test carries out.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    Whole,
    /// Its first procedure, which is the one that gets everything.
    First,
    /// Of the first one all but the kills, and only these.
    FirstFailing,
    FirstKilled,
    Others,
}

pub fn carried_out(test: &str, folder: &str, part: Part) {
    let own = repository().join("tests/guides").join(folder);
    let text = std::fs::read_to_string(own.join("guide.json")).unwrap();
    let guide: Guide = serde_json::from_str(&text).unwrap();
    let needs: Vec<(&str, &str)> =
        guide.needs.iter().map(|(program, package)| (&**program, &**package)).collect();
    let disk = std::env::temp_dir().join(format!("plan-guide-{test}"));
    apart::boot(test, &needs, &disk, || {
        let machine = Machine { folder, own, guide: &guide };
        let works = std::panic::AssertUnwindSafe(|| machine.works(part));
        let works = std::panic::catch_unwind(works);
        if let Err(fault) = works {
            hold("failed");
            std::panic::resume_unwind(fault);
        }
    });
}

/// `PLAN_HOLD=failed cargo test …`: a machine on which something failed stays as it is, to be looked at;
/// `PLAN_HOLD=built …`: so does each before anything is done on it, to follow a README by hand.
fn hold(when: &str) {
    while std::env::var("PLAN_HOLD").is_ok_and(|wanted| wanted == when)
        && !Path::new("/root/go").exists()
    {
        std::thread::sleep(Duration::from_secs(1));
    }
}

struct Machine<'g> {
    folder: &'g str,
    own: PathBuf,
    guide: &'g Guide,
}

/// The plan of the guide is copied to here, and called from here.
const PLANS: &str = "/srv/plans";

impl Machine<'_> {
    fn works(&self, part: Part) {
        self.says("machine.sh", &[]);
        hold("built");
        let procedures = match part {
            Part::Whole => &self.guide.procedures[..],
            Part::Others => &self.guide.procedures[1..],
            _ => &self.guide.procedures[..1],
        };
        for procedure in procedures {
            self.carries_out(procedure, part);
        }
    }

    /// What a script of the guide prints; it must succeed.
    fn says(&self, script: &str, arguments: &[&str]) -> String {
        let began = Instant::now();
        let mut command = Command::new("bash");
        command.arg("-eu").arg(self.own.join(script)).args(arguments);
        let done = command.envs(&self.guide.env).current_dir("/root").output().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{script} {arguments:?}:\n{out}\n{err}");
        note(&format!("{script} {arguments:?}: {:.1} s", began.elapsed().as_secs_f64()));
        out.into_owned()
    }

    fn state(&self) -> String {
        self.says("state.sh", &[])
    }

    fn is_as(&self, before: &str, when: &str, told: &str) {
        let after = self.state();
        if after == before {
            return;
        }
        let less = |text: &str, other: &str, sign: &str| {
            let mut rest: Vec<&str> = other.lines().collect();
            let is_more = |line: &&str| match rest.iter().position(|one| one == line) {
                Some(at) => {
                    rest.swap_remove(at);
                    false
                }
                None => true,
            };
            let found: Vec<&str> = text.lines().filter(is_more).take(30).collect();
            found.iter().map(|line| format!("{sign} {line}\n")).collect::<String>()
        };
        let changes = less(before, &after, "-") + &less(&after, before, "+");
        panic!("{when}: the machine is not what it was:\n{changes}\n{told}");
    }

    fn carries_out(&self, procedure: &Procedure, part: Part) {
        let plan = &procedure.plan;
        if let Some(script) = &procedure.before {
            self.says(script, &[plan]);
        }
        let person = self.sits_down(procedure);
        person.reads();
        let before = self.state();
        let began = Instant::now();
        let came = person.applies(None);
        let lasted = began.elapsed();
        ended(plan, "applied", &came, 0);
        self.says("done.sh", &[plan]);
        note(&format!("{plan} took {:.1} s", lasted.as_secs_f64()));
        if procedure.stays.is_none() {
            ended(plan, "rolled back", &person.rolls_back(None), 0);
            self.is_as(&before, &format!("{plan}, done and taken back"), &came.told);
        }
        if part != Part::FirstKilled {
            self.is_spoilt(procedure, &before);
            procedure.wrong.iter().for_each(|wrong| self.goes_wrong(procedure, wrong));
        }
        if part != Part::FirstFailing {
            self.is_killed(procedure, &before, lasted);
        }
        if let Some(script) = &procedure.after {
            self.says(script, &[plan]);
        }
    }

    fn goes_wrong(&self, procedure: &Procedure, wrong: &Wrong) {
        let plan = &procedure.plan;
        self.says(&wrong.script, &[plan]);
        let before = self.state();
        let came = self.sits_down(procedure).applies(None);
        ended(plan, &wrong.entry, &came, 1);
        let failed = format!("Failed:     {}", wrong.entry);
        assert!(came.told.contains(&failed), "{failed} is not in\n{}", came.told);
        self.is_as(&before, &format!("{plan}, {} went wrong", wrong.entry), &came.told);
        self.says(&wrong.mend, &[plan]);
    }

    /// A fresh copy of the plan's folder, and somebody before it.
    fn sits_down(&self, procedure: &Procedure) -> Person {
        let from = repository().join("plans").join(self.folder);
        apart::shell(&format!("rm -rf {PLANS}; cp -a {} {PLANS}", from.display()));
        std::fs::write(Path::new(PLANS).join(EVIDENCE), "Vu et vérifié.\n").unwrap();
        let mut missing: Vec<&String> = procedure.instead.keys().collect();
        for path in self.files(procedure) {
            let mut text = std::fs::read_to_string(&path).unwrap();
            for (old, new) in &procedure.instead {
                missing.retain(|one| *one != old || !text.contains(old));
                text = text.replace(old, new);
            }
            std::fs::write(&path, text).unwrap();
        }
        assert!(missing.is_empty(), "{} has none of {missing:?}", procedure.plan);
        let mut env = self.guide.env.clone();
        env.insert("PLAN_STORE".to_owned(), "/root/store".to_owned());
        Person {
            folder: PLANS.into(),
            plan: procedure.plan.clone(),
            arguments: procedure.arguments.iter().map(|one| meant(one)).collect(),
            env,
            does: (procedure.does.iter())
                .map(|(entry, script)| (entry.clone(), self.own.join(script)))
                .collect(),
            clock: self.guide.clock.as_ref().map(|clock| clock.parse().unwrap()),
            began: booted(),
        }
    }

    /// The files of a plan: itself, and what it includes.
    fn files(&self, procedure: &Procedure) -> Vec<PathBuf> {
        let path = Path::new(PLANS).join(&procedure.plan);
        let text = std::fs::read_to_string(&path).unwrap();
        let includes = text.lines().filter_map(|line| line.split_once("include: "));
        let includes =
            includes.map(|(_, name)| Path::new(PLANS).join(name.trim_end_matches([' ', '}'])));
        let includes = includes.collect::<std::collections::BTreeSet<_>>();
        std::iter::once(path).chain(includes).collect()
    }

    fn is_spoilt(&self, procedure: &Procedure, before: &str) {
        let plan = &procedure.plan;
        self.sits_down(procedure);
        let mut spoilt = Vec::new();
        for path in self.files(procedure) {
            let text = std::fs::read_to_string(&path).unwrap();
            if procedure.every_checkpoint {
                for name in spoil::checkpoints(&text) {
                    spoilt.push((
                        name.clone(),
                        path.clone(),
                        spoil::checkpoint(&text, &name).unwrap(),
                    ));
                }
            }
            for name in &procedure.behind {
                if let Some(text) = spoil::step(&text, name) {
                    spoilt.push((format!("behind {name}"), path.clone(), text));
                }
            }
        }
        for name in procedure.behind.iter() {
            let is_there = spoilt.iter().any(|(what, ..)| *what == format!("behind {name}"));
            assert!(is_there, "{plan} has no step {name}");
        }
        for (what, path, text) in spoilt {
            let person = self.sits_down(procedure);
            std::fs::write(&path, text).unwrap();
            let began = Instant::now();
            let came = person.applies(None);
            note(&format!("{plan}, {what}: {:.1} s", began.elapsed().as_secs_f64()));
            let failed = if what.starts_with("behind ") { "spoilt" } else { &what };
            let said = came.told.contains(&format!("{failed}: failed"))
                || came.told.contains(&format!("Failed:     {failed}"));
            assert!(said, "{plan}, {what}: it did not fail\n{}", came.told);
            ended(plan, &what, &came, 1);
            assert!(came.told.contains("rolled back"), "{plan}, {what}\n{}", came.told);
            self.is_as(before, &format!("{plan}, {what} failed"), &came.told);
        }
    }

    /// Killed at random moments and taken up again, there and back: done once all the same.
    fn is_killed(&self, procedure: &Procedure, before: &str, lasted: Duration) {
        if procedure.kills == 0 {
            return;
        }
        let plan = &procedure.plan;
        let seed = std::env::var("PLAN_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(booted_at);
        // Spread over the time that it takes.
        let within = lasted.mul_f64(2.0 / procedure.kills as f64);
        let mut killer = Killer { within, seed, left: procedure.kills };
        let mut kills = 0;
        while kills < procedure.kills {
            killer.left = procedure.kills - kills;
            let person = self.sits_down(procedure);
            let came = person.applies(Some(&mut killer));
            kills += came.kills;
            let when = format!("{plan}, killed {kills} times (PLAN_SEED={seed})");
            note(&when);
            ended(plan, &when, &came, 0);
            self.says("done.sh", &[plan]);
            if procedure.stays.is_some() {
                break;
            }
            killer.left = (procedure.kills - kills).max(3);
            let back = person.rolls_back(Some(&mut killer));
            kills += back.kills;
            ended(plan, &format!("{when}, and on its way back"), &back, 0);
            self.is_as(before, &when, &back.told);
        }
    }
}

/// What a shell makes of it: only the machine knows the commit that it has.
fn meant(argument: &str) -> String {
    apart::shell(&format!("printf %s \"{argument}\""))
}

fn ended(plan: &str, when: &str, came: &Came, code: i32) {
    assert_eq!(
        came.code,
        code,
        "{plan}, {when}:\n{}\nIn short:\n{}",
        came.told,
        in_short(&came.told)
    );
}

/// What failed, and why: it stands last, where whoever reads a long log looks first.
fn in_short(told: &str) -> String {
    let lines: Vec<&str> = told.lines().collect();
    let mut short: Vec<String> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if ["failed", "Failed", "interrupted", "tripped"].iter().any(|word| line.contains(word)) {
            let more = lines.get(at + 1).copied().unwrap_or_default();
            short.push(format!("{line}\n{more}"));
        }
    }
    short.dedup();
    short[short.len().saturating_sub(20)..].join("\n")
}

fn booted() -> Instant {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *BEGAN.get_or_init(Instant::now)
}

fn booted_at() -> u64 {
    let passed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::from(passed.subsec_nanos())
}

/// How far the test is: in the file `told` of the machine.
#[allow(clippy::disallowed_methods, reason = "a long test tells how far it is")]
fn note(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
