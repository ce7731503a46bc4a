//! A secret reaches whoever needs it, and stands nowhere else.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::place::{Place, files_below};
use crate::server::{Server, ok};

const SECRET: &str = r#"p4"ss 'w$o/r+d%7\z &<>"#;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded[1..=three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes(padded);
        for letter in 0..=three.len() {
            out.push(BASE64[(bits >> (18 - 6 * letter) & 63) as usize] as char);
        }
        out.push_str(&"==="[three.len()..]);
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| match is_plain(byte) {
            true => (byte as char).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// Texts of which each would give the secret away.
fn tells(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let whole = base64(secret.as_bytes());
    // The last letters depend on what follows.
    let sure = &whole[..secret.len() / 3 * 4];
    let behind = base64(format!("user:{secret}").as_bytes());
    let behind = &behind[8..(secret.len() + 5) / 3 * 4];
    vec![
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        json[1..json.len() - 1].replace('/', "\\/"),
        sure.to_owned(),
        sure.replace('+', "-").replace('/', "_"),
        behind.to_owned(),
        hex(secret.as_bytes()),
        hex(secret.as_bytes()).to_uppercase(),
        percent(secret),
        percent(secret).replace("%20", "+"),
        percent(secret).to_lowercase(),
        secret.replace('\'', r"'\''"),
        secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
    ]
}

fn tells_in(text: &[u8], secret: &str) -> Option<String> {
    tells(secret)
        .into_iter()
        .find(|tell| text.windows(tell.len()).any(|window| window == tell.as_bytes()))
}

/// In no file of the store, and in nothing that any command shows.
fn stands_nowhere(place: &Place, secret: &str, shown: &str) {
    for file in files_below(&place.store()) {
        let found = tells_in(&fs::read(&file).unwrap(), secret);
        assert_eq!(found, None, "in {}", file.display());
    }
    assert_eq!(tells_in(shown.as_bytes(), secret), None, "in {shown}");
    for command in
        [&["status"][..], &["status", "--json"], &["logs"], &["runs"], &["show", "plan.yaml"]]
    {
        let ran = place.plan(command);
        assert_eq!(tells_in(ran.all().as_bytes(), secret), None, "plan {command:?}: {ran:?}");
    }
}

/// Looks at the list of processes all the time, until it is dropped.
struct Looker {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<Option<String>>>,
}

impl Looker {
    fn start(secret: &'static str) -> Looker {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut found = None;
            while !seen.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
                    if tells_in(&line, secret).is_some() {
                        found = Some(String::from_utf8_lossy(&line).into_owned());
                    }
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            found
        });
        Looker { stop, thread: Some(thread) }
    }

    fn found(mut self) -> Option<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

fn everywhere(server: &Server, end: &str) -> String {
    let url = server.url("");
    format!(
        r#"
plan: quiet
inputs:
  token: {{ secret: true, env: TOKEN, about: what must not be seen }}
connections:
  main: {{ file: shop.db }}
allow: {{ backup-before-change: the database is a test's }}
steps:
  - step: script
    run: |
      printf %s {{{{ token }}}} > got.bare
      printf %s "{{{{ token }}}}" > got.double
      printf %s 'a {{{{ token }}}} b' > got.single
      cat > got.heredoc <<END
      {{{{ token }}}}
      END
      printf %s "$HANDED" > got.env
      echo "raw $HANDED"
      printf %s "$HANDED" | base64 -w0; echo
      printf 'user:%s' "$HANDED" | base64 -w0; echo
      printf %s "$HANDED" | base64 -w0 | tr +/ -_; echo
      printf %s "$HANDED" | xxd -p -c 0
      printf %s "$HANDED" | xxd -p -u -c 0
      echo "$URL $PLUS $JSON $PHP $HTML"
      set -x
      : "$HANDED"
      : {{{{ token }}}}
      sleep 0.2
    env: {{ HANDED: "{{{{ token }}}}" }}
    outputs: {{ printed: stdout }}
    rollback:
      - run: |
          printf %s {{{{ token }}}} > got.undo
          echo "undoing with {{{{ token }}}}"
          sleep 0.1
  - step: other-script
    run: {{ file: script.sh, args: [one, two] }}
    env: {{ HANDED: "{{{{ token }}}}" }}
    read_only: true
  - step: rows
    sql:
      database: main
      text: |
        insert into seen values ({{{{ token }}}});
        insert into seen values (:token)
      values: {{ token: "{{{{ token }}}}" }}
    rollback: {{ sql: {{ database: main, text: "delete from seen where it = {{{{ token }}}}" }} }}
  - step: request
    http:
      url: {url}/echo
      method: POST
      headers: {{ X-Token: "{{{{ token }}}}" }}
      json: {{ token: "{{{{ token }}}}" }}
    rollback: {{ http: {{ url: "{url}/undo", method: POST, form: {{ token: "{{{{ token }}}}" }} }} }}
  - step: tell
    notify:
      webhook: "{url}/hook?token={{{{ token }}}}"
      command: cat > got.message; printf %s {{{{ token }}}} >> got.message
      message: We begin
  - checkpoint: looks
    checks:
      - {{ run: 'printf %s {{{{ token }}}}; [ {{{{ token }}}} = "$HANDED" ]', env: {{ HANDED: "{{{{ token }}}}" }}, as: measured }}
      - {{ http: "{url}/echo", method: POST, json: {{ token: "{{{{ token }}}}" }}, value: /token, as: answered }}
      - {{ sql: "select it from seen where it = {{{{ token }}}}", on: main, as: row }}
{end}
"#
    )
}

fn quiet_place(name: &str, server: &Server, end: &str) -> Place {
    let json = serde_json::to_string(SECRET).unwrap();
    let place = Place::with(name, &everywhere(server, end))
        .env("TOKEN", SECRET)
        .env("URL", &percent(SECRET))
        .env("PLUS", &percent(SECRET).replace("%20", "+"))
        .env("PHP", &json.replace('/', "\\/"))
        .env("HTML", &SECRET.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
        .env("JSON", &json);
    place.write("script.sh", "printf %s \"$HANDED $1 $2\" > got.file; echo \"$HANDED\"\n");
    place.sqlite("shop.db", "create table seen (it text)");
    place
}

fn echo() -> Server {
    Server::start(|asked, _| ok(&asked.body))
}

#[test]
fn a_secret_arrives_everywhere_and_stands_nowhere() {
    let server = echo();
    let place = quiet_place("quiet", &server, "");
    let looker = Looker::start(SECRET);
    let ran = place.apply().ends(0);
    assert_eq!(looker.found(), None);
    for (file, wanted) in [
        ("got.bare", SECRET.to_owned()),
        ("got.double", SECRET.to_owned()),
        ("got.single", format!("a {SECRET} b")),
        ("got.heredoc", format!("{SECRET}\n")),
        ("got.env", SECRET.to_owned()),
        ("got.file", format!("{SECRET} one two")),
        ("got.message", format!("We begin\n{SECRET}")),
    ] {
        assert_eq!(place.read(file), wanted, "{file}");
    }
    assert_eq!(place.sqlite("shop.db", "select it from seen"), format!("{SECRET}\n{SECRET}"));
    let asked = server.asked();
    assert!(asked[0].headers.contains(SECRET), "{:?}", asked[0]);
    assert!(asked[0].body.contains(&serde_json::to_string(SECRET).unwrap()));
    assert!(asked[1].line.contains("/hook?token=p4%22ss%20"), "{:?}", asked[1]);
    stands_nowhere(&place, SECRET, &ran.all());
}

#[test]
fn a_failure_and_its_rollback_keep_a_secret_as_well() {
    let server = echo();
    let end = r#"
  - step: fails
    run: |
      echo "cannot log in with {{ token }}" >&2
      exit 3
    read_only: true
"#;
    let place = quiet_place("quiet-failure", &server, end);
    let looker = Looker::start(SECRET);
    let ran = place.apply().ends(1).says("cannot log in with");
    assert_eq!(looker.found(), None);
    assert_eq!(place.read("got.undo"), SECRET);
    assert_eq!(place.sqlite("shop.db", "select count(*) from seen"), "0");
    assert!(server.asked().last().unwrap().body.starts_with("token=p4%22ss"));
    stands_nowhere(&place, SECRET, &ran.all());
}

#[test]
fn the_json_lines_of_a_run_hold_no_secret() {
    let server = echo();
    let place = quiet_place("quiet-json", &server, "");
    let ran = place.plan(&["apply", "plan.yaml", "--output", "json"]).ends(0);
    stands_nowhere(&place, SECRET, &ran.all());
}

#[test]
fn secrets_come_from_files_and_commands() {
    let place = Place::with(
        "sources",
        r#"
plan: sources
inputs:
  one: { secret: true, file: one.secret }
  two: { secret: true, command: "cat two.secret" }
steps:
  - step: look
    run: |
      printf '%s|%s' {{ one }} {{ two }} > got
      echo {{ one }} {{ two }}
    read_only: true
"#,
    );
    place.write("one.secret", "first secret/1\n");
    place.write("two.secret", "second secret+2\n");
    let ran = place.apply().ends(0);
    assert_eq!(place.read("got"), "first secret/1|second secret+2");
    stands_nowhere(&place, "first secret/1", &ran.all());
    stands_nowhere(&place, "second secret+2", &ran.all());
}

#[test]
fn a_secret_of_many_lines_is_covered_line_by_line() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nqqqq7QyX8c3cTyTwqz0d0w==\n-----END KEY-----";
    let place = Place::with(
        "key",
        r#"
plan: key
inputs:
  key: { secret: true, env: KEY }
steps:
  - step: look
    run: |
      echo {{ key }}
      sed -n 2p <<< {{ key }} | cut -c 1-32
      base64 <<< {{ key }}
    read_only: true
"#,
    )
    .env("KEY", key);
    let ran = place.apply().ends(0);
    stands_nowhere(&place, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", &ran.all());
    // What `base64` prints is folded into lines of 76 letters.
    let folded = base64(key.as_bytes());
    let logs = place.plan(&["logs"]).out;
    assert!(!logs.contains(&folded[..40]) && !logs.contains(&folded[76..116]), "{logs}");
}

#[test]
fn a_secret_that_is_not_there_stops_everything_before_anything_is_touched() {
    let plan = r#"
plan: nothing
inputs:
  one: { secret: true, env: PLAN_TEST_NOT_SET }
  two: { secret: true, file: missing.secret }
  three: { secret: true, command: "echo told; exit 1" }
steps:
  - step: touch
    run: touch touched; echo {{ one }} {{ two }} {{ three }}
    rollback: { run: rm touched }
"#;
    let place = Place::with("not-there", plan);
    let ran = place.apply().ends(6);
    let ran =
        ran.says("input one has a value: not met").says("PLAN_TEST_NOT_SET, which is not set");
    let ran =
        ran.says("missing.secret, which cannot be read").says("`echo told; exit 1`, which failed");
    ran.says("export PLAN_TEST_NOT_SET=").never_says("told\n");
    assert!(!place.has("touched") && !place.has("store/runs"));
    place.plan(&["runs"]).never_says("nothing-");
}

#[test]
fn an_empty_secret_is_none() {
    let plan = r#"
plan: empty
inputs:
  token: { secret: true, env: TOKEN }
steps:
  - step: touch
    run: touch touched; echo {{ token }}
    rollback: { run: rm touched }
"#;
    let place = Place::with("empty", plan).env("TOKEN", "");
    place.apply().ends(6).says("TOKEN, which is empty");
    assert!(!place.has("touched"));
}

#[test]
fn a_secret_as_an_argument_is_refused_before_the_program_starts() {
    let plan = r#"
plan: argument
inputs:
  token: { secret: true, env: TOKEN }
steps:
  - step: touch
    run: [touch, "{{ token }}"]
    rollback: { run: "true" }
"#;
    let place = Place::with("argument", plan).env("TOKEN", "never-a-file");
    place.apply().ends(2).says("every user of the machine can read it").says("env:");
    assert!(!place.has("never-a-file"));
}

#[test]
fn a_number_that_is_a_secret_is_covered_in_what_is_kept() {
    let plan = r#"
plan: pin
inputs:
  pin: { secret: true, env: PIN }
steps:
  - step: look
    run: |
      printf '{"pin": %s}' "$PIN" > answer.json
    outputs: { pin: { file: answer.json, json: /pin } }
    read_only: true
"#;
    let place = Place::with("pin", plan).env("PIN", "8472915");
    let ran = place.apply().ends(0);
    stands_nowhere(&place, "8472915", &ran.all());
}

#[test]
fn what_a_check_prints_is_covered_and_so_cannot_be_compared_with_a_secret() {
    let plan = r#"
plan: compare
inputs: { token: { secret: true, env: TOKEN } }
steps:
  - checkpoint: same
    checks: [{ run: 'printf %s {{ token }}', equals: "{{ token }}" }]
"#;
    let place = Place::with("compare", plan).env("TOKEN", "never shown");
    let ran = place.apply().ends(1).says("could not be measured").says("compare inside the script");
    stands_nowhere(&place, "never shown", &ran.all());
}
