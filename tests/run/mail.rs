//! E-mail through a real mail server, and who is told when something fails.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::place::{Place, wait_until};

/// A mail server with a folder for what it gets.
struct Post {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Drop for Post {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Post {
    /// Where it is missing, CI fails and others are told.
    #[allow(clippy::disallowed_methods, reason = "a test that is skipped says so")]
    fn start(folder: &Path, how: &str) -> Option<Post> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = root.join("target/external/venv/bin/python");
        let has = Command::new(&python).args(["-c", "import aiosmtpd"]).status();
        let has = has.is_ok_and(|status| status.success());
        assert!(has || std::env::var_os("CI").is_none(), "CI must have aiosmtpd");
        if !has {
            let _ = writeln!(std::io::stderr(), "skipped: bash tests/external/install.sh");
            return None;
        }
        let mut command = Command::new(python);
        command.arg(root.join("tests/run/mail/server.py")).arg(how).current_dir(folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
        let port = port.trim().parse().unwrap();
        Some(Post { child, port, folder: folder.to_owned() })
    }

    fn mails(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("mails")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn texts(&self) -> String {
        self.mails().iter().map(|mail| mail["text"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_mail_arrives_with_subject_text_and_every_address() {
    let place = Place::new("mail");
    let Some(post) = Post::start(&place.folder, "plain") else { return };
    let plan = |mail: &str| {
        format!(
            "plan: tell\nmail: {{ {mail} }}\nsteps:\n  - step: tell\n    notify:\n      \
             message: \"Fermé à 02:00\\nmerci\"\n      subject: Maintenance à 2 h\n      \
             email: [\"a@shop.example, b@shop.example\", c@shop.example]\n      required: true\n"
        )
    };
    place.write(
        "plan.yaml",
        &plan(&format!("server: \"127.0.0.1:{}\", from: Plan <plan@shop.example>", post.port)),
    );
    place.apply().ends(0);
    let mails = post.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["from"], "plan@shop.example");
    assert_eq!(
        mails[0]["to"],
        serde_json::json!(["a@shop.example", "b@shop.example", "c@shop.example"])
    );
    let text = mails[0]["text"].as_str().unwrap();
    assert!(text.contains("Message-ID: <tell-1-") && text.contains("Date: "), "{text}");
    assert!(text.contains("=?utf-8?") && text.contains("Ferm"), "{text}");
    // Nobody takes it there.
    place.write("plan.yaml", &plan("server: \"127.0.0.1:1\""));
    place.apply().ends(1).says("the mail server 127.0.0.1:1").says("refused");
    place
        .write("plan.yaml", &plan("server: \"127.0.0.1:1\"").replace("      required: true\n", ""));
    place.apply().ends(0).says("warning: not sent: the mail server 127.0.0.1:1");
}

/// Whoever keeps one of each message must get both.
#[test]
fn a_message_of_the_way_back_is_another_one() {
    let place = Place::new("mail-back");
    let Some(post) = Post::start(&place.folder, "plain") else { return };
    place.write(
        "plan.yaml",
        &format!(
            "plan: tell\nmail: {{ server: \"127.0.0.1:{}\", from: plan@shop.example }}\nsteps:\n  - step: tell\n    \
             notify: {{ message: We close, email: a@shop.example }}\n    rollback:\n      \
             - notify: {{ message: We stay open, email: a@shop.example }}\n      \
             - notify: {{ message: Until next week, email: a@shop.example }}\n  \
             - {{ checkpoint: never, checks: [{{ file: nowhere }}] }}\n",
            post.port
        ),
    );
    place.apply().ends(1);
    let ids: std::collections::BTreeSet<String> = post
        .mails()
        .iter()
        .flat_map(|mail| mail["text"].as_str().unwrap().lines())
        .filter(|line| line.starts_with("Message-ID: "))
        .map(str::to_owned)
        .collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
}

/// It had arrived when the engine was killed: whoever got it hears of the way back as well.
#[test]
fn a_message_that_nobody_saw_leave_has_its_way_back() {
    let mut mails = 0;
    for number in 3..=5 {
        let place = Place::new(&format!("mail-unseen-{number}"));
        let Some(post) = Post::start(&place.folder, "plain") else { return };
        place.write(
            "plan.yaml",
            &format!(
                "plan: tell\nmail: {{ server: \"127.0.0.1:{}\", from: plan@shop.example }}\nsteps:\n  - step: tell\n    \
                 notify: {{ message: We close, email: a@shop.example }}\n    \
                 rollback: {{ notify: {{ message: We stay open, email: a@shop.example }} }}\n",
                post.port
            ),
        );
        let mut command = place.command(&["apply", "plan.yaml"]);
        command.env("PLAN_CRASH_AT", format!("before:{number}"));
        let is_killed = command.output().unwrap().status.code().is_none();
        if !is_killed || post.mails().is_empty() {
            continue;
        }
        mails += 1;
        place.plan(&["rollback"]).ends(0);
        assert!(post.texts().contains("We stay open"), "{number}: {}", post.texts());
    }
    assert!(mails > 0);
}

#[test]
fn a_password_goes_only_through_tls_and_stands_nowhere() {
    let place = Place::new("mail-tls").env("MAIL_PASSWORD_OF_TEST", "S3cret of the mail");
    let Some(post) = Post::start(&place.folder, "tls") else { return };
    wait_until("the certificate", || place.has("server.crt") && place.has("server.key"));
    let certificate = place.folder.join("server.crt").display().to_string();
    let plan = |mail: &str| {
        format!(
            "plan: tell\ninputs: {{ password: {{ secret: true, env: MAIL_PASSWORD_OF_TEST }} }}\n\
             mail: {{ server: \"localhost:{}\", login: plan, from: plan@shop.example, password: \"{{{{ password }}}}\"{mail} }}\n\
             steps: [{{ step: tell, notify: {{ message: Hear, email: a@shop.example, required: true }} }}]\n",
            post.port
        )
    };
    place.write("plan.yaml", &plan(", tls: starttls"));
    // Whoever else could sit there gets nothing.
    place.apply().ends(1).says("certificate");
    assert!(post.mails().is_empty());
    let trusting = place.env("SSL_CERT_FILE", &certificate);
    trusting.apply().ends(0);
    assert_eq!(
        (post.mails()[0]["tls"].clone(), post.mails()[0]["login"].clone()),
        (true.into(), "plan".into())
    );
    for file in crate::place::files_below(&trusting.folder.join("store")) {
        let bytes = fs::read(&file).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("S3cret"), "{}", file.display());
    }
    trusting.write("plan.yaml", &plan(", tls: off").replace("localhost:", "mail.shop.example:"));
    trusting.apply().ends(1).says("the password would go to mail.shop.example in the clear");
    // A server that does not take the password.
    let wrong = trusting.env("MAIL_PASSWORD_OF_TEST", "another one");
    wrong.write("plan.yaml", &plan(", tls: starttls"));
    wrong.apply().ends(1).says("the mail server localhost").never_says("another one");
}

fn escalating(port: u16, rollback: &str) -> String {
    format!(
        r#"
plan: shop
mail: {{ server: "127.0.0.1:{port}", from: plan@shop.example }}
contacts:
  - {{ role: Lead developer, name: Ada, email: lead@shop.example, phone: "+229 1" }}
  - {{ role: DBA, email: dba@shop.example }}
  - {{ role: Chief, email: chief@shop.example, command: cat >>pager }}
escalation:
  - {{ after: 0s, tell: Lead developer }}
  - {{ after: 1s, tell: DBA, for: database }}
  - {{ after: 2s, tell: Chief }}
steps:
  - {{ step: first, run: touch first, rollback: {{ run: "{rollback}" }} }}
  - {{ step: fails, run: "exit 7", read_only: true, on_failure: rollback }}
"#
    )
}

fn to(post: &Post, who: &str) -> usize {
    let mails = post.mails();
    mails.iter().filter(|mail| mail["to"][0] == format!("{who}@shop.example")).count()
}

#[test]
fn who_is_told_of_a_failure_hears_its_end_and_nobody_else_is_woken() {
    let place = Place::new("told");
    let Some(post) = Post::start(&place.folder, "plain") else { return };
    place.write("plan.yaml", &escalating(post.port, "sleep 1.5; rm first"));
    place.apply().ends(1);
    wait_until("the end is told", || to(&post, "lead") == 2);
    let texts = post.texts();
    assert!(
        texts.contains("fails: exit status 7") && texts.contains("rolled back completely"),
        "{texts}"
    );
    assert!(texts.contains("plan status shop-1"), "{texts}");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!((to(&post, "dba"), to(&post, "chief")), (0, 0));
    place.plan(&["status"]).ends(0).says("Told:       Lead developer at").says("by e-mail");
}

#[test]
fn a_stuck_run_calls_one_after_the_other_until_somebody_is_there() {
    let place = Place::new("stuck-told");
    let Some(post) = Post::start(&place.folder, "plain") else { return };
    place.write("plan.yaml", &escalating(post.port, "exit 1"));
    place.apply().ends(3);
    // The run's own process is gone; of the database nothing failed.
    wait_until("the second is told", || to(&post, "chief") == 1);
    assert_eq!(to(&post, "dba"), 0);
    wait_until("the pager", || place.read("pager").contains("It is stuck"));
    assert!(post.texts().contains("from ") && post.texts().contains("+229 1"), "{}", post.texts());
    // Somebody is there before the second one is to be told.
    let quick = Place::new("stuck-quick");
    let Some(post) = Post::start(&quick.folder, "plain") else { return };
    quick.write("plan.yaml", &escalating(post.port, "exit 1"));
    quick.apply().ends(3);
    quick.plan(&["skip", "first", "--reason", "done by hand"]).ends(0);
    quick.plan(&["resume"]);
    std::thread::sleep(std::time::Duration::from_millis(3000));
    assert_eq!(to(&post, "chief"), 0, "{}", post.texts());
    assert!(to(&post, "lead") >= 1);
}

#[test]
fn an_engine_that_is_killed_is_told_of_all_the_same_and_a_lost_message_stops_nothing() {
    let place = Place::new("killed-told");
    let Some(post) = Post::start(&place.folder, "plain") else { return };
    place.write("plan.yaml", &escalating(post.port, "sleep 30"));
    let mut engine = place.begin();
    wait_until("the first is told", || to(&post, "lead") == 1);
    engine.kill().unwrap();
    engine.wait().unwrap();
    wait_until("the second is told", || to(&post, "chief") == 1);
    // Nobody takes the mail: the run comes to its end all the same, and says so later.
    let lost = Place::new("lost-told");
    lost.write("plan.yaml", &escalating(1, "rm first"));
    lost.apply().ends(1);
    wait_until("it is noted", || lost.plan(&["status"]).out.contains("Not told:   Lead developer"));
    lost.plan(&["status"]).ends(0).says("e-mail: the mail server 127.0.0.1:1").says("refused");
}

#[test]
fn a_second_failure_concerns_others_and_one_soon_after_a_person_is_told_again() {
    let place = Place::new("second-told");
    let Some(post) = Post::start(&place.folder, "plain") else { return };
    let plan = escalating(post.port, "exit 1").replace("on_failure: rollback", "on_failure: pause");
    place.write("plan.yaml", &plan.replace("after: 2s", "after: 1h"));
    place.apply().ends(4);
    wait_until("the first is told", || to(&post, "lead") == 1);
    // The way back gets stuck within the moment in which the first caller sees that somebody is there.
    place.plan(&["rollback"]).ends(3);
    wait_until("it is told of that", || post.texts().contains("first: ") && to(&post, "lead") >= 2);
    // Of a database nothing failed until now.
    let other = Place::new("second-kind");
    let Some(post) = Post::start(&other.folder, "plain") else { return };
    let sql = "  - { step: data, sql: { text: create table a (x), database: shop }, rollback: { sql: { text: drop table nothing, database: shop } } }\n  - { step: fails";
    let plan = escalating(post.port, "rm first")
        .replace("  - { step: fails", sql)
        .replace("after: 1s", "after: 0s");
    let head = "\nplan: shop\nallow: { backup-before-change: it is empty }\nconnections: { shop: { file: shop.db } }";
    other.write("plan.yaml", &plan.replacen("\nplan: shop", head, 1));
    other.sqlite("shop.db", "create table b (x)");
    other.apply().ends(3);
    wait_until("whom it concerns is told", || to(&post, "dba") >= 1);
    // Somebody says something of a run that rests.
    let quiet = Place::new("skip-told");
    let Some(post) = Post::start(&quiet.folder, "plain") else { return };
    let plan =
        escalating(post.port, "rm first").replace("on_failure: rollback", "on_failure: pause");
    quiet.write("plan.yaml", &plan);
    quiet.apply().ends(4);
    quiet.plan(&["skip", "fails", "--reason", "I look at it"]).ends(0);
    std::thread::sleep(std::time::Duration::from_millis(3000));
    assert_eq!(to(&post, "chief"), 0, "{}", post.texts());
}
