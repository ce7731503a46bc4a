//! Steps and checks that ask people, and messages to them.

use crate::place::{Place, Ran, wait_until};
use crate::server::{Server, ok};

fn answer(place: &Place, who: &str, arguments: &[&str]) -> Ran {
    let mut command = place.command(&[&["approve"], arguments].concat());
    command.env("USER", who);
    crate::place::ran(command)
}

const ASKS: &str = r#"
plan: asks
steps:
  - { step: first, run: touch first, rollback: { run: rm first } }
  - checkpoint: ready
    checks: [{ manual: The team is there }]
  - { step: second, run: touch second, rollback: { run: rm second } }
"#;

#[test]
fn where_nobody_is_a_question_pauses_the_run_and_says_what_to_type() {
    let place = Place::with("asks", ASKS);
    let ran = place.apply().ends(4).says("waits for a person: The team is there");
    ran.says("plan approve ready asks-1").says("plan resume asks-1");
    assert!(place.has("first") && !place.has("second"));
    answer(&place, "kofi", &["ready"]).ends(0).says("plan resume asks-1");
    place.plan(&["resume"]).ends(0).says("kofi answered yes");
    assert!(place.has("second"));
}

#[test]
fn a_no_pauses_and_the_question_can_be_put_again() {
    let place = Place::with("says-no", ASKS);
    place.apply().ends(4);
    answer(&place, "kofi", &["ready", "--answer", "no"]).ends(0);
    place.plan(&["resume"]).ends(4).says("kofi answered no");
    assert!(place.has("first"), "a no is no rollback");
    place.plan(&["resume"]).ends(4).says("waits for a person: The team is there");
    answer(&place, "kofi", &["ready"]).ends(0);
    place.plan(&["resume"]).ends(0);
    assert!(place.has("second"));
}

#[test]
fn an_answer_that_is_none_of_the_choices_is_refused() {
    let place = Place::with("odd-answer", ASKS);
    place.apply().ends(4);
    answer(&place, "kofi", &["ready", "--answer", "perhaps"]).ends(2).says("answers: yes, no");
    answer(&place, "kofi", &["first"]).ends(2).says("first asks nobody");
    answer(&place, "kofi", &["third"]).ends(2).says("there is no step third");
}

#[test]
fn two_people_are_two_different_ones() {
    let plan = r#"
plan: pair
steps:
  - step: open
    manual: { text: Open the valve, two_people: true, evidence: text, role: DBA }
    rollback: { manual: Close the valve }
"#;
    let place = Place::with("pair", plan);
    place.apply().ends(4);
    answer(&place, "kofi", &["open", "--evidence", "valve 1"]).ends(0);
    place.plan(&["resume"]).ends(4).says("a second person");
    answer(&place, "kofi", &["open", "--evidence", "valve 1"]).ends(2).says("a second person");
    place.plan(&["resume"]).ends(4).says("a second person");
    answer(&place, "ama", &["open", "--evidence", "valve 1"]).ends(0);
    place.plan(&["resume"]).ends(0);
}

#[test]
fn what_must_be_handed_in_is_no_answer_without_it_and_a_file_is_kept() {
    let plan = r#"
plan: shown
steps:
  - checkpoint: seen
    checks: [{ manual: The page looks right, evidence: file, role: Tester }]
  - step: say
    manual: { text: Say what you see, evidence: text, choices: [all well, something else] }
    rollback: { manual: Say it is over }
"#;
    let place = Place::with("shown", plan);
    place.write("screen.png", "a picture");
    place.apply().ends(4);
    answer(&place, "kofi", &["seen"]).ends(2).says("name a file");
    answer(&place, "kofi", &["seen", "--evidence", "none.png"])
        .ends(2)
        .says("none.png: No such file");
    answer(&place, "kofi", &["seen", "--evidence", "screen.png"]).ends(0);
    place.plan(&["resume"]).ends(4).says("Say what you see");
    let kept: Vec<_> = crate::place::files_below(&place.run_folder().join("evidence"));
    assert_eq!(std::fs::read_to_string(&kept[0]).unwrap(), "a picture");
    answer(&place, "ama", &["say"]).ends(2).says("say what you saw");
    answer(&place, "ama", &["say", "--evidence", "a blue page"]).ends(0);
    place.plan(&["resume"]).ends(0);
}

#[test]
fn two_questions_of_one_checkpoint_are_answered_one_by_one() {
    let plan = r#"
plan: both
steps:
  - checkpoint: ready
    checks: [{ manual: The first }, { manual: The second }]
  - { step: beside, needs: [], run: "while [ ! -e go ]; do sleep 0.05; done", timeout: 30s, read_only: true }
"#;
    let place = Place::with("both", plan);
    let mut engine = place.begin();
    wait_until("it asks", || {
        place.has("store/store.db") && place.plan(&["status", "--json"]).out.contains("running")
    });
    std::thread::sleep(std::time::Duration::from_millis(500));
    answer(&place, "kofi", &["ready", "--question", "1"]).ends(0);
    std::thread::sleep(std::time::Duration::from_millis(700));
    // One question is open and nothing else goes on: it must not wait for ever.
    place.write("go", "");
    let mut code = None;
    wait_until("it pauses", || {
        code = engine.try_wait().unwrap();
        code.is_some()
    });
    assert_eq!(code.unwrap().code(), Some(4));
    answer(&place, "kofi", &["ready", "--question", "2"]).ends(0);
    place.plan(&["resume"]).ends(0);
}

#[test]
fn whoever_sits_there_answers_at_once() {
    let place = Place::with("typing", ASKS);
    place.apply_typing("y").ends(0).says("? The team is there").says("ama answered yes");
    assert!(place.has("second"));
}

#[test]
fn a_rollback_step_by_hand_pauses_where_nobody_is_and_goes_on_with_the_answer() {
    let plan = r#"
plan: by-hand
steps:
  - { step: first, run: touch first, rollback: { run: rm first } }
  - { step: valve, run: touch valve, rollback: { manual: Close the valve } }
  - { step: fails, run: "false", read_only: true }
"#;
    let place = Place::with("by-hand", plan);
    let ran = place.apply().ends(4).says("Close the valve");
    ran.says("plan approve valve by-hand-1");
    assert!(place.has("first"), "what it needs stays");
    place.plan(&["approve", "valve"]).ends(0);
    place.plan(&["resume"]).ends(1).says("answered done");
    assert!(!place.has("first"));
}

#[test]
fn a_message_that_cannot_be_sent_is_a_warning_unless_it_is_required() {
    let server = Server::start(|asked, _| match asked.line.contains("/full") {
        true => ("503 Service Unavailable", String::new(), "full".to_owned()),
        false => ok(""),
    });
    for (name, way, words) in [
        ("command", "command: echo no line >&2; exit 4".to_owned(), "exit status 4: no line"),
        ("webhook", format!("webhook: \"{}\"", server.url("/full")), "503"),
        ("nobody", "webhook: \"http://127.0.0.1:1/\"".to_owned(), "refused"),
    ] {
        let plan = |required: bool| {
            format!(
                "plan: tell\nsteps:\n  - step: tell\n    notify:\n      message: We begin\n      \
                 required: {required}\n      {way}\n"
            )
        };
        let place = Place::with(&format!("warns-{name}"), &plan(false));
        place.apply().ends(0).says("tell: warning: not sent:").says(words);
        let place = Place::with(&format!("requires-{name}"), &plan(true));
        place.apply().ends(1).says(words);
    }
}

#[test]
fn a_message_arrives_by_every_way() {
    let server = Server::start(|_, _| ok(""));
    let plan = format!(
        r#"
plan: tell
inputs: {{ who: {{ default: "all \"of\" you" }} }}
steps:
  - step: tell
    notify:
      message: "Hear, {{{{ who }}}}: it's $HOME"
      subject: Tonight
      command: cat > heard
      webhook: "{}"
"#,
        server.url("/hook")
    );
    let place = Place::with("arrives", &plan);
    place.apply().ends(0).never_says("warning");
    assert_eq!(place.read("heard"), "Hear, all \"of\" you: it's $HOME\n");
    let body: serde_json::Value = serde_json::from_str(&server.asked()[0].body).unwrap();
    assert_eq!(body["text"], "Hear, all \"of\" you: it's $HOME");
    assert_eq!(body["subject"], "Tonight");
    assert_eq!(body["run"], "tell-1");
}

#[test]
fn what_is_due_later_holds_nothing_up_and_stays_open_until_somebody_says_so() {
    let plan = r#"
plan: later
inputs: { who: { default: the team } }
steps:
  - step: train
    manual: { text: "Train {{ who }}", role: Lead, evidence: text, due: 7d }
    rollback: { run: "true" }
  - checkpoint: read
    checks: [{ manual: Read the log, due: 1d }, { manual: Read the manual, two_people: true, due: 2d }]
"#;
    let place = Place::with("later", plan);
    place.apply().ends(0).says("Open:       train: Train the team (Lead, until ");
    let told = place.plan(&["status"]).ends(0).says("Open:       read: Read the log");
    told.says("plan approve train later-1");
    answer(&place, "kofi", &["train"]).ends(2).says("say what you saw");
    answer(&place, "kofi", &["train", "--evidence", "all 9 were there"])
        .ends(0)
        .says("kofi says done");
    answer(&place, "kofi", &["train", "--evidence", "again"]).ends(2);
    answer(&place, "kofi", &["read"]).ends(2).says("several questions open");
    answer(&place, "kofi", &["read", "--question", "2"]).ends(0);
    answer(&place, "kofi", &["read", "--question", "2"]).ends(0);
    place.plan(&["status"]).ends(0).says("Read the manual").never_says("Train the team");
    answer(&place, "ama", &["read", "--question", "2"]).ends(0);
    let page =
        place.plan(&["report"]).ends(0).says("- [ ] read, until ").never_says("Read the manual (");
    page.says("| kofi | train: done (all 9 were there), to “");
    // What was undone is no more to be done.
    place.plan(&["rollback"]).ends(0).never_says("Open:");
}

#[test]
fn whoever_mistypes_what_is_handed_in_is_asked_again() {
    let plan = r#"
plan: typed
inputs: { word: { default: fine } }
steps:
  - checkpoint: seen
    checks: [{ manual: Well?, evidence: file, choices: ["{{ word }}", "{{ word }} but late"] }]
"#;
    let place = Place::with("typed", plan);
    place.write("screen.png", "a picture");
    let ran = place.apply_typing("fine\nnone.png\n\nscreen.png").ends(0);
    ran.says("please, ").says("ama answered fine");
    place.apply().ends(4);
    answer(&place, "kofi", &["seen", "typed-2", "--answer", "fine but late"]).ends(0);
    place.plan(&["resume"]).ends(4).says("kofi answered fine but late");
}
