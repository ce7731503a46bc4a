//! What became of a run, for people and programs; and what makes one begin by itself.

use std::process::Command;

use serde_json::Value;

use crate::place::{Place, ran};

const PLAN: &str = r#"
plan: told
title: "A | title with *signs*"
state: { files: [written] }
inputs:
  word: { secret: true, command: "echo sesame | tr s z" }
  some_path: { type: path, default: /srv/some_where }
phases:
  - phase: prepare
    steps:
      - { step: write, run: echo new >written, rollback: { run: rm written }, estimate: 1s..1m }
      - { step: change, files: { set: { A: "2" }, in: .env } }
      - checkpoint: asked
        checks: [{ manual: All well?, evidence: text }]
  - phase: switch
    steps:
      - { step: twice, run: "test -e tried || { touch tried; exit 4; }", retry: 2, after_crash: rerun, rollback: { run: rm tried } }
      - { checkpoint: right, checks: [{ file: right }] }
"#;

#[test]
fn a_report_tells_what_ran_who_said_what_and_what_came_back() {
    let place = Place::with("report", PLAN);
    place.write(".env", "A=1\n");
    place.apply().ends(4);
    place.plan(&["approve", "asked", "--evidence", "seen <b>it</b>"]).ends(0);
    place.plan(&["resume"]).ends(1);
    let page = place.plan(&["report"]).ends(0).out;
    for words in [
        "# A \\| title with \\*signs\\*: failed, and was rolled back completely",
        "- **Run**: told-1 of told",
        "| rolled back | write |",
        "| 1.0s to 1 min |",
        "right is there: it is not there | rolled back |",
        "The state is the one before the run; it was compared.",
        "| ama | asked: yes (seen \\<b\\>it\\</b\\>), to “All well?” |",
        "| word |  | command echo sesame",
        "| some_path | `/srv/some_where` | default |",
        "tried again",
        "### prepare",
        "- change: ",
    ] {
        assert!(page.contains(words), "`{words}` is not in\n{page}");
    }
    assert!(!page.contains("zezame"), "{page}");
    let report = place.plan(&["report", "told-1", "--format", "json"]).ends(0).out;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["state"], "rolled-back");
    assert_eq!(report["entries"][0]["id"], "write");
    assert_eq!(report["entries"][0]["estimate_ms"], serde_json::json!([1000, 60000]));
    assert_eq!(report["entries"][3]["attempts"], 2);
    assert_eq!(report["people"][0]["evidence"], "seen <b>it</b>");
    assert_eq!(report["people"][0]["question"], "All well?");
    assert_eq!(report["back"]["differences"], serde_json::json!([]));
    assert!(report["took_ms"].as_u64().is_some() && report["ended"].is_string());
    place.plan(&["report", "told-9"]).ends(2).says("there is no run told-9");
}

fn scheduled(name: &str, cron: &str, zone: &str) -> Place {
    Place::with(
        name,
        &format!(
            "plan: nightly\ntitle: \"100% of it's $HOME\"\nschedule: {{ cron: \"{cron}\"{zone} }}\n\
             inputs: {{ who: {{ env: WHO_OF_NIGHTLY, default: you }}, word: {{ secret: true, env: WORD_OF_NIGHTLY }} }}\n\
             steps:\n  - {{ step: say, run: \"echo {{{{ who }}}} >>done; test ! -e fails\", after_crash: rerun, rollback: {{ run: rm done }} }}\n"
        ),
    )
}

#[test]
fn a_line_of_cron_runs_the_plan_keeps_its_log_and_speaks_only_when_it_fails() {
    let place = scheduled("it's 100%", "5 3 * * *", ", timezone: Africa/Porto-Novo");
    let arguments = ["schedule", "plan.yaml", "--format", "cron", "--set", "who=a b%"];
    let lines = place.plan(&arguments).ends(0).says("CRON_TZ=Africa/Porto-Novo").out;
    assert!(lines.contains("# It needs WORD_OF_NIGHTLY"), "{lines}");
    let command = lines.lines().last().unwrap().strip_prefix("5 3 * * * ").unwrap();
    // As cron does it: a bare environment, `sh`, and no per cent sign that is not escaped.
    let run = || {
        let mut sh = Command::new("/bin/sh");
        sh.args(["-c", &command.replace("\\%", "%")]).env_clear().current_dir("/");
        sh.env("PATH", "/usr/bin:/bin").env("HOME", "/").env("WORD_OF_NIGHTLY", "quiet");
        ran(sh)
    };
    assert!(!command.replace("\\%", "").contains('%'), "{command}");
    let first = run();
    assert_eq!((first.all(), place.read("done")), (String::new(), "a b%\n".to_owned()));
    assert!(place.read("store/plan-nightly.log").contains("nightly-1 succeeded"));
    place.write("fails", "");
    let second = run();
    assert!(second.out.contains("nightly: 100% of it's $HOME: exit code 1, see "), "{second:?}");
}

#[test]
fn a_timer_of_systemd_means_the_same_times() {
    let has = Command::new("systemd-analyze").arg("--version").output().is_ok();
    assert!(has || std::env::var_os("CI").is_none(), "CI must have systemd-analyze (systemd)");
    for (cron, expected) in [
        ("30 1 * * 0", "Sun *-*-* 01:30:00"),
        ("*/15 3-5 * * *", "*-*-* 03,04,05:00,15,30,45:00"),
        ("0 3 1,15 jan-mar *", "*-01,02,03-01,15 03:00:00"),
        ("0 22 * * mon-fri", "Mon,Tue,Wed,Thu,Fri *-*-* 22:00:00"),
        ("0 3 13 * 5", "*-*-13 03:00:00"),
        ("0 3 */10 * 1", "Mon *-*-01,11,21,31 03:00:00"),
        ("5-59/20 * * * *", "*-*-* *:05,25,45:00"),
    ] {
        let place = scheduled("systemd", cron, ", timezone: Africa/Porto-Novo");
        let lines = place.plan(&["schedule", "plan.yaml"]).ends(0).out;
        let calendar: Vec<_> =
            lines.lines().filter_map(|line| line.strip_prefix("OnCalendar=")).collect();
        assert_eq!(calendar[0], format!("{expected} Africa/Porto-Novo"), "{cron}");
        assert_eq!(calendar.len(), if cron == "0 3 13 * 5" { 2 } else { 1 }, "{cron}");
        if !has {
            continue;
        }
        for line in calendar {
            let asked = Command::new("systemd-analyze").args(["calendar", line]).output().unwrap();
            let said = String::from_utf8_lossy(&asked.stdout).into_owned();
            assert!(asked.status.success() && said.contains("Next elapse"), "{line}: {said}");
        }
        let (service, timer) = lines.split_once("\n\n# /etc").unwrap();
        place.write("plan-nightly.service", service);
        place.write("plan-nightly.timer", &format!("# /etc{timer}"));
        let mut verify = Command::new("systemd-analyze");
        verify.args(["verify", "./plan-nightly.service", "./plan-nightly.timer"]);
        let said = ran({
            verify.current_dir(&place.folder);
            verify
        });
        assert!(!said.all().contains("plan-nightly"), "{said:?}\n{lines}");
    }
    let place = scheduled("systemd-odd", "0 3 L * *", "");
    place.plan(&["schedule", "plan.yaml"]).ends(2).says("`L` cannot be said to systemd");
    let place =
        Place::with("no-schedule", "plan: p\nsteps: [{ step: a, run: date, read_only: true }]\n");
    place.plan(&["schedule", "plan.yaml"]).ends(2).says("says nothing of when it runs");
}
