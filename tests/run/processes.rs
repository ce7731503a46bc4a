//! Programs that steps start: how they are started, how they end, what becomes of what they print.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::place::{Place, wait_until};

fn lives(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
    !stat.is_empty() && !stat.rsplit(')').next().unwrap().starts_with(" Z")
}

#[test]
fn a_timeout_ends_what_left_the_group_and_what_will_not_end() {
    let plan = r#"
plan: tree
steps:
  - step: slow
    run: |
      setsid bash -c 'trap "" TERM; echo $$ > apart; while :; do sleep 1; done' &
      bash -c 'trap "" TERM; echo $$ > stubborn; while :; do sleep 1; done' &
      sleep 600
    timeout: 1s
    read_only: true
"#;
    let place = Place::with("tree", plan);
    let started = Instant::now();
    place.apply().ends(1).says("slow").says("took longer than 1 s and was ended");
    assert!(started.elapsed() < Duration::from_secs(20));
    for file in ["apart", "stubborn"] {
        let process = place.read(file);
        assert!(!process.is_empty(), "{file} never began");
        wait_until("it is ended", || !lives(&process));
    }
}

#[test]
fn who_prints_without_end_is_ended_in_time_while_secrets_are_covered() {
    let plan = r#"
plan: flood
inputs: { token: { secret: true, env: TOKEN } }
steps:
  - step: flood
    run: |
      echo {{ token }}
      exec cat /dev/zero | tr '\0' 'x'
    timeout: 1s
    read_only: true
"#;
    let place = Place::with("endless", plan).env("TOKEN", "never seen");
    let started = Instant::now();
    place.apply().ends(1).says("took longer than 1 s");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[test]
fn waiting_ends_with_its_timeout() {
    let plan =
        "plan: waits\nsteps:\n  - { step: here, wait: { until: { file: never } }, timeout: 1s }\n";
    let place = Place::with("waits", plan);
    let started = Instant::now();
    place.apply().ends(1).says("took longer than 1 s and was given up");
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// Whatever an input holds, it is data: in a script, in an argument, in SQL, in a variable.
#[test]
fn a_value_never_becomes_a_command() {
    let plan = r#"
plan: hostile
inputs: { name: { default: x } }
connections: { shop: { file: shop.db } }
steps:
  - { step: bare, run: "echo {{ name }} >> seen", read_only: true }
  - { step: single, run: "echo '{{ name }}' >> seen", read_only: true }
  - { step: double, run: "echo \"{{ name }}\" >> seen", read_only: true }
  - { step: listed, run: [sh, -c, "printf '%s\\n' \"$1\" >> seen", sh, "{{ name }}"], read_only: true }
  - step: variable
    env: { NAME: "{{ name }}" }
    run: printf '%s\n' "$NAME" >> seen
    read_only: true
  - step: database
    sql: "insert into names values ('{{ name }}')"
    on: shop
    irreversible: one more row
    allow: { backup-before-change: nothing is in it yet }
"#;
    for name in [
        "$(touch owned)",
        "`touch owned`",
        "; touch owned",
        "x' ; touch owned ; echo '",
        "x\" ; touch owned ; echo \"",
        "'); drop table names; --",
        "{{ 7 * 6 }}",
        "-n * ~ $HOME && touch owned",
    ] {
        let place = Place::with("hostile", plan);
        place.sqlite("shop.db", "create table names (name text)");
        let set = format!("name={name}");
        place.plan(&["apply", "plan.yaml", "--set", &set]).ends(0);
        assert!(!place.has("owned"), "{name}");
        let seen = place.read("seen");
        assert_eq!(seen, format!("{name}\n").repeat(5), "{name}");
        assert_eq!(place.sqlite("shop.db", "select name from names"), name);
    }
}

/// The file of a silent program goes to the next one, unless something that was left behind holds it.
#[test]
fn what_is_left_behind_prints_into_its_own_file() {
    let plan = r#"
plan: late
jobs: 1
steps:
  - { step: silent, run: ["true"], read_only: true }
  - step: leaves
    run: |
      (sleep 1; echo late) &
    read_only: true
  - { step: also-silent, run: ["true"], read_only: true }
  - { step: prints, run: "sleep 2; echo mine", outputs: { said: stdout }, read_only: true }
  - { step: last, run: "test '{{ steps.prints.said }}' = mine", read_only: true }
"#;
    let place = Place::with("late", plan);
    place.apply().ends(0);
    let logs = place.run_folder().join("logs");
    let read = |name: &str| fs::read_to_string(logs.join(name)).ok();
    assert_eq!(read("leaves.1.log").as_deref(), Some("late\n"));
    assert_eq!(read("prints.1.log").as_deref(), Some("mine\n"));
    for silent in ["silent.1.log", "also-silent.1.log", "last.1.log"] {
        assert_eq!(read(silent), None, "{silent}");
    }
    let all = place.plan(&["logs"]).ends(0).out;
    assert!(all.find("leaves.1.log") < all.find("prints.1.log"), "{all}");
    place.plan(&["logs", "silent"]).ends(2).says("has printed anything");
}

/// The most memory that a process had, in MiB.
fn most_memory(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().split(' ').next()?.parse::<u64>().ok()? >> 10)
}

fn children(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|one| one.parse().ok()).collect()
}

#[test]
fn a_flood_of_output_fills_its_file_and_no_memory() {
    for (name, inputs) in [("plain", "{}"), ("covered", "{ token: { secret: true, env: TOKEN } }")]
    {
        let plan = format!(
            r#"
plan: flood
inputs: {inputs}
steps:
  - step: flood
    run: |
      head -c 100M /dev/zero | tr '\0' q | fold -w 1000
      echo
      echo the-last-line
      sleep 0.3
    outputs: {{ last: last-line }}
    read_only: true
  - step: next
    run: echo {{{{ steps.flood.last }}}} > last
    read_only: true
"#
        );
        let place = Place::with(&format!("flood-{name}"), &plan).env("TOKEN", "a b c d e f");
        let mut engine = place.begin();
        let mut most = 0;
        let mut seen = 0;
        while engine.try_wait().unwrap().is_none() {
            let mut processes = vec![engine.id()];
            // The keeper is the engine's own child; what it starts is not ours to judge.
            processes.extend(children(engine.id()));
            seen = seen.max(processes.len());
            most = processes.into_iter().filter_map(most_memory).fold(most, u64::max);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(engine.wait().unwrap().success());
        assert!(seen > 1 && most < 80, "{name}: {seen} processes, {most} MiB");
        assert_eq!(place.read("last"), "the-last-line\n");
        let log = place.run_folder().join("logs/flood.1.log");
        assert!(fs::metadata(log).unwrap().len() > 100 << 20);
    }
}

#[test]
fn outputs_are_read_in_every_way() {
    let plan = r#"
plan: outputs
steps:
  - step: tell
    run: |
      echo 'noise' >&2
      echo '{"version": "2.1", "list": [1, 2]}'
      printf 'of a file' > told
    outputs:
      all: stdout
      last: last-line
      number: { regex: '"version": "([0-9.]+)"' }
      second: { json: /list/1 }
      told: { file: told }
    read_only: true
  - step: use
    run: |
      printf '%s|' {{ steps.tell.all }} {{ steps.tell.last }} {{ steps.tell.number }} \
        {{ steps.tell.second }} {{ steps.tell.told }} {{ steps.tell.exit }} > got
    read_only: true
"#;
    let place = Place::with("outputs", plan);
    place.apply().ends(0);
    let json = r#"{"version": "2.1", "list": [1, 2]}"#;
    assert_eq!(place.read("got"), format!("{json}|{json}|2.1|2|of a file|0|"));
}

#[test]
fn an_output_that_is_missing_or_too_long_fails_the_step_and_says_which() {
    for (name, script, output, words) in [
        (
            "long",
            "head -c 70000 /dev/zero | tr '\\0' y",
            "stdout",
            "output `it` is longer than 64 KiB",
        ),
        ("line", "head -c 200000 /dev/zero | tr '\\0' y", "last-line", "longer than 64 KiB"),
        ("huge", "head -c 30M /dev/zero | tr '\\0' y", "stdout", "longer than 16 MiB"),
        ("none", "echo x", "{ regex: 'y(.)' }", "output `it`: nothing matches `y(.)`"),
        ("json", "echo x", "{ json: /a }", "output `it`: no JSON"),
        ("pointer", "echo '{}'", "{ json: /a }", "output `it`: there is no /a"),
        ("file", "echo x", "{ file: gone }", "output `it`: "),
    ] {
        let plan = format!(
            "plan: p\nsteps:\n  - step: tell\n    run: \"{}\"\n    outputs: {{ it: {output} }}\n    \
             rollback: {{ run: touch undone }}\n",
            script.replace('\\', "\\\\").replace('"', "\\\"")
        );
        let place = Place::with(&format!("output-{name}"), &plan);
        place.apply().ends(1).says(words);
        assert!(place.has("undone"), "it may have acted");
    }
}

#[test]
fn a_program_left_in_the_background_goes_on_and_nobody_waits_for_it() {
    for (name, inputs) in [("plain", "{}"), ("covered", "{ token: { secret: true, env: TOKEN } }")]
    {
        let plan = format!(
            r#"
plan: left
inputs: {inputs}
allow: {{ background-process: it is what is tested }}
steps:
  - step: leave
    run: |
      (sleep 2; echo later; touch later) &
      echo at once
    rollback: {{ run: "true" }}
"#
        );
        let place = Place::with(&format!("left-{name}"), &plan).env("TOKEN", "not shown");
        let started = Instant::now();
        place.apply().ends(0);
        assert!(started.elapsed() < Duration::from_millis(1900), "{:?}", started.elapsed());
        assert!(!place.has("later"));
        let log = place.run_folder().join("logs/leave.1.log");
        assert_eq!(fs::read_to_string(&log).unwrap(), "at once\n");
        wait_until("it has gone on", || place.has("later"));
        // Where secrets are covered, another program writes it, in its own time.
        wait_until("it was told", || fs::read_to_string(&log).unwrap() == "at once\nlater\n");
    }
}

#[test]
fn a_step_runs_where_and_as_whom_it_says() {
    let plan = r#"
plan: around
inputs: { token: { secret: true, env: TOKEN } }
steps:
  - { step: folder, run: pwd > here, in: inner, read_only: true }
  - { step: variable, run: printf %s "$GREETING" > greeting, env: { GREETING: "it's $me" }, read_only: true }
  - { step: shell, run: "echo $0 > shell", shell: sh -eu, read_only: true }
  - { step: words, run: [sh, -c, 'printf "%s|" "$@" > words', sh, a b, "$HOME", "*"], read_only: true }
  - { step: script, run: { file: script.sh, args: [x y, "{{ plan.id }}"] }, read_only: true }
  - { step: strict, run: "false | true; touch strict", on_failure: continue, read_only: true }
"#;
    let place = Place::with("around", plan).env("TOKEN", "not shown");
    place.write("inner/.keep", "");
    place.write("script.sh", "printf '%s|' \"$@\" > script\n");
    place.apply().ends(0);
    assert!(place.read("inner/here").trim_end().ends_with("/inner"));
    assert_eq!(place.read("greeting"), "it's $me");
    assert!(place.read("shell").contains("shell"), "{}", place.read("shell"));
    assert_eq!(place.read("words"), "a b|$HOME|*|");
    assert_eq!(place.read("script"), "x y|around|");
    assert!(!place.has("strict"), "a failure in a pipe ends the script");
}

#[test]
fn a_step_of_another_user_runs_as_that_user() {
    let whoami = Command::new("id").arg("-u").output().unwrap().stdout;
    if whoami != b"0\n" {
        return;
    }
    let long = "q".repeat(200_000);
    let plan = format!(
        r#"
plan: other
inputs: {{ token: {{ secret: true, env: TOKEN }} }}
steps:
  - step: who
    run: |
      id -un
      printf %s "$HANDED" | sha256sum
      printf %s {{{{ token }}}} | sha256sum
    env: {{ HANDED: "{{{{ token }}}}" }}
    user: nobody
    outputs: {{ who: stdout }}
    read_only: true
  - step: note
    run: printf %s {{{{ steps.who.who }}}} > who
    read_only: true
  - step: long
    run: |
      : {long}
      id -un > /dev/null
    user: nobody
    read_only: true
"#
    );
    let place = Place::with("other", &plan).env("TOKEN", "not 'shown");
    place.apply().ends(1).says("long: a script of another user may hold no more than 128 KiB");
    let who = place.read("who");
    let mut lines = who.lines();
    assert_eq!(lines.next(), Some("nobody"));
    let sum = lines.next().unwrap();
    assert!(sum != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  -", "{who}");
    assert_eq!(lines.next(), Some(sum));
}

#[test]
fn a_script_that_its_user_cannot_read_is_told_before_anything_is_touched() {
    if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
        return;
    }
    let place = Place::with(
        "unread",
        "plan: unread\nsteps:\n  - { step: touch, run: touch done, rollback: { run: rm done } }\n  \
         - { step: who, run: { file: who.sh }, user: nobody, read_only: true }\n",
    );
    place.write("who.sh", "id -un > who\n");
    let rights =
        |mode| fs::set_permissions(&place.folder, fs::Permissions::from_mode(mode)).unwrap();
    rights(0o700);
    place
        .apply()
        .ends(6)
        .says("nobody can read who.sh: not met")
        .says("put the plan where nobody can read it");
    assert!(!place.has("done"));
    rights(0o777);
    place.apply().ends(0);
    assert_eq!(place.read("who"), "nobody\n");
    // Somebody whom an earlier step may make is not asked yet.
    place.write(
        "plan.yaml",
        &place.read("plan.yaml").replace("user: nobody", "user: plan-somebody"),
    );
    place.apply().ends(1).says("plan-somebody");
}

#[test]
fn a_script_of_300_kilobytes_runs() {
    let long = "y".repeat(300_000);
    let plan = format!(
        "plan: long\nsteps:\n  - step: long\n    run: |\n      x={long}\n      echo ${{#x}} > length\n    read_only: true\n"
    );
    let place = Place::with("long", &plan);
    place.apply().ends(0);
    assert_eq!(place.read("length"), "300000\n");
}

#[test]
fn what_cannot_be_started_is_named() {
    for (name, step, words) in [
        ("program", "run: [no-such-program, x]", "the program no-such-program is not there"),
        ("folder", "run: \"true\"\n    in: no/such", "no/such is not there"),
        ("shell", "run: \"true\"\n    shell: no-such-shell -e", "no-such-shell is not there"),
        ("rights", "run: [./plain.txt]", "./plain.txt may not be started: permission denied"),
    ] {
        let plan = format!("plan: p\nsteps:\n  - step: start\n    {step}\n    read_only: true\n");
        let place = Place::with(&format!("start-{name}"), &plan);
        place.write("plain.txt", "no program\n");
        place.apply().ends(1).says("start").says(words);
    }
}

#[test]
fn a_failed_step_is_tried_again_with_growing_waits() {
    let plan = r#"
plan: again
steps:
  - step: third
    run: |
      date +%s%N >> times
      [ "$(wc -l < times)" -ge 4 ]
    retry: { times: 5, every: 200ms, backoff: 2 }
    rollback: { run: "true" }
"#;
    let place = Place::with("again", plan);
    place.apply().ends(0).says("attempt 4").says("tried again in 0.4s");
    let times: Vec<u128> = place.read("times").lines().map(|line| line.parse().unwrap()).collect();
    let waits: Vec<_> = times.windows(2).map(|two| (two[1] - two[0]) / 1_000_000).collect();
    assert!(waits[0] >= 200 && waits[1] >= 400 && waits[2] >= 800, "{waits:?}");
}

#[test]
fn a_condition_over_outputs_skips_steps_and_a_broken_one_runs_none() {
    let plan = r#"
plan: conditions
steps:
  - step: look
    run: echo 3
    outputs: { pending: stdout }
    read_only: true
  - { step: some, run: touch some, when: 'steps.look.pending != "0"', rollback: { run: rm some } }
  - { step: none, run: touch none, when: 'steps.look.pending == "0"', rollback: { run: rm none } }
  - { step: after, run: touch after, when: steps.none.skipped, rollback: { run: rm after } }
"#;
    let place = Place::with("conditions", plan);
    place.apply().ends(0).says("none: skipped:");
    assert!(place.has("some") && !place.has("none") && place.has("after"));
    assert_eq!(place.state("none"), "skipped");
    let plan = r#"
plan: broken
steps:
  - step: look
    run: echo three
    outputs: { pending: stdout }
    read_only: true
  - { step: some, run: touch some, when: steps.look.pending | int > 2, rollback: { run: "true" } }
"#;
    let place = Place::with("broken-condition", plan);
    place.apply().ends(1).says("steps.look.pending | int > 2");
    assert!(!place.has("some"), "nobody knows whether it was to run");
}

#[test]
fn items_run_one_after_the_other_or_beside_each_other() {
    let plan = |parallel| {
        format!(
            r#"
plan: items
steps:
  - step: each
    for_each: [a, b, c]
    parallel: {parallel}
    run: echo start {{{{ item }}}} >> order; sleep 0.3; echo end {{{{ item }}}} >> order
    read_only: true
"#
        )
    };
    let place = Place::with("in-order", &plan(false));
    place.apply().ends(0);
    assert_eq!(place.read("order"), "start a\nend a\nstart b\nend b\nstart c\nend c\n");
    let place = Place::with("beside", &plan(true));
    place.apply().ends(0);
    let order = place.read("order");
    assert!(order.lines().take(3).all(|line| line.starts_with("start")), "{order}");
}

#[test]
fn a_failure_leads_where_the_plan_says() {
    let plan = |on_failure: &str| {
        format!(
            r#"
plan: leads
steps:
  - {{ step: first, run: touch first, rollback: {{ run: rm first }} }}
  - {{ checkpoint: between, checks: [{{ run: "true" }}] }}
  - {{ step: second, run: touch second, rollback: {{ run: rm second }} }}
  - {{ step: fails, run: "[ -e mended ]", read_only: true, on_failure: {on_failure} }}
  - {{ step: last, run: touch last, rollback: {{ run: rm last }} }}
"#
        )
    };
    let place = Place::with("lead-rollback", &plan("rollback"));
    place.apply().ends(1).says("fails: exit status 1");
    assert!(!place.has("first") && !place.has("second"));
    let place = Place::with("lead-continue", &plan("continue"));
    place.apply().ends(0).says("the run goes on without it");
    assert!(place.has("last"));
    let place = Place::with("lead-pause", &plan("pause"));
    place.apply().ends(4).says("plan resume leads-1");
    assert!(place.has("second") && !place.has("last"));
    place.write("mended", "");
    place.plan(&["resume"]).ends(0);
    assert!(place.has("last"));
    let place = Place::with("lead-to", &plan("{ rollback_to: between }"));
    place.apply().ends(4).says("back at between");
    assert!(place.has("first") && !place.has("second"));
    place.write("mended", "");
    place.plan(&["resume"]).ends(0);
    assert!(place.has("second") && place.has("last"));
}

#[test]
fn after_an_irreversible_step_the_way_back_ends_there() {
    let plan = r#"
plan: gone
steps:
  - { step: first, run: touch first, rollback: { run: rm first } }
  - { step: burn, run: touch burnt, irreversible: the provider deletes it at once }
  - { step: second, run: touch second, rollback: { run: rm second } }
  - { step: fails, run: "false", read_only: true }
"#;
    let place = Place::with("gone", plan);
    let ran = place.apply().ends(4).says("burn cannot be undone");
    ran.says("the provider deletes it at once").says("--past-irreversible");
    assert!(place.has("first") && !place.has("second"));
    place.plan(&["rollback", "--past-irreversible"]).ends(3).says("burn: the provider deletes");
    assert!(!place.has("first"));
}

#[test]
fn rollback_steps_know_what_their_step_did() {
    let plan = r#"
plan: own
steps:
  - step: acts
    run: echo "new-$RANDOM" | tee made
    outputs: { made: stdout }
    rollback:
      - { run: "echo started {{ self.started }} >> undo", title: Note when }
      - { run: "echo made {{ self.made | default('nothing') }} >> undo", when: self.exit | default(1) == 0 }
      - { run: "echo failed >> undo", when: self.exit | default(1) != 0 }
  - step: fails
    run: exit 7
    rollback:
      - { run: "echo exit {{ self.exit | default('unknown') }} >> undo" }
      - { run: "echo failed itself >> undo", when: self.exit | default(1) != 0 }
      - { run: "echo never >> undo", when: self.exit | default(1) == 0 }
"#;
    let place = Place::with("own", plan);
    place.apply().ends(1).says("exit status 7");
    let undo = place.read("undo");
    let lines: Vec<_> = undo.lines().collect();
    assert_eq!(lines.len(), 4, "{undo}");
    assert_eq!(lines[..2], ["exit unknown", "failed itself"]);
    assert!(lines[2].starts_with("started 20"), "{undo}");
    assert_eq!(lines[3], format!("made {}", place.read("made").trim_end()));
}

#[test]
fn a_rollback_step_that_fails_is_stuck_and_can_be_tried_again_or_settled() {
    let plan = r#"
plan: stuck
steps:
  - { step: first, run: touch first, rollback: { run: rm first } }
  - { step: second, run: touch second, rollback: { run: "[ -e mended ] && rm second", retry: 1 } }
  - { step: fails, run: "false", read_only: true }
"#;
    let place = Place::with("stuck", plan);
    place.apply().ends(3).says("Not undone: second").says("plan skip second");
    assert!(place.has("first"), "what it needs stays");
    place.write("mended", "");
    place.plan(&["resume"]).ends(1);
    assert!(!place.has("first") && !place.has("second"));
}
