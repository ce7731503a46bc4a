//! Whether a plan may begin: what it requires, what happened to this very plan before, who approved it.

use crate::place::{Place, Ran, ran};

const NEEDS: &str = r#"
plan: needs
inputs:
  password: { secret: true, env: PASSWORD_OF_NEEDS }
  who: { env: WHO_OF_NEEDS }
requires:
  - { tool: no-such-tool, hint: get it somewhere }
  - { tool: bash, version: ">=3" }
  - { file: here }
  - { disk: ., free: 900TiB }
  - { port: "127.0.0.1:1" }
  - { run: 'test "$PASSWORD" = right', env: { PASSWORD: "{{ password }}" }, title: the password is right }
steps:
  - { step: code, git: { in: ., checkout: v2 } }
  - { step: say, run: "echo {{ who }} >>done", rollback: { run: rm done } }
"#;

#[test]
fn everything_that_is_missing_is_told_in_one_pass_and_nothing_is_touched() {
    let place = Place::with("doctor", NEEDS);
    let plan = place.read("plan.yaml").replace(
        "steps:\n",
        "allow: { release-unchecked: it is a test of something else }\nsteps:\n",
    );
    place.write("plan.yaml", &plan);
    for verb in ["doctor", "apply"] {
        let told = place.plan(&[verb, "plan.yaml"]).ends(6);
        let told = told.says("input password has a value: not met: comes from the environment variable PASSWORD_OF_NEEDS, which is not set");
        let told = told.says("input who has a value: not met");
        let told = told.says(
            "no-such-tool is there: not met: there is no program no-such-tool (get it somewhere)",
        );
        let told = told.says("bash >=3 is there: met").says("here is there: not met");
        let told = told.says("has 900 TiB free: not met").says("port 127.0.0.1:1 listens: not met");
        told.says("the password is right: could not be measured")
            .says("7 requirements are not met; nothing was touched");
        assert!(!place.has("done"));
        assert_eq!(place.plan(&["runs"]).out, "", "{verb}");
    }
    // A store is not made for a question.
    let fresh = Place::with("doctor-fresh", NEEDS);
    let plan = fresh.read("plan.yaml").replace(
        "steps:\n",
        "allow: { release-unchecked: it is a test of something else }\nsteps:\n",
    );
    fresh.write("plan.yaml", &plan);
    fresh.plan(&["doctor", "plan.yaml"]).ends(6);
    assert!(!fresh.has("store"));
    let told = fresh.plan(&["doctor", "plan.yaml", "--json"]).ends(6);
    let told: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["ready"], false);
    assert_eq!(told["requirements"].as_array().unwrap().len(), 8);
    assert_eq!(told["requirements"][3]["state"], "met");
}

#[test]
fn what_is_there_is_met_and_a_tool_that_a_step_brings_is_only_told() {
    let plan = "plan: brings\nrequires: [{ file: here }]\n\
                allow: { release-unchecked: it is a test of something else }\n\
                steps:\n  - { step: code, git: { in: ., checkout: v2 } }\n";
    let place = Place::with("doctor-well", plan).env("PATH", "/bin-of-nobody");
    place.write("here", "");
    let told = place.plan(&["doctor", "plan.yaml"]);
    told.ends(0).says("The one requirement is met.").says("git: not here: code will need it");
}

fn approve(place: &Place, who: &str, arguments: &[&str]) -> Ran {
    let mut command = place.command(&[&["approve", "plan.yaml"], arguments].concat());
    command.env("USER", who);
    ran(command)
}

const GATED: &str = r#"
plan: gated
requires: [{ gate: approved, by: DBA, max_age: 2h }]
steps:
  - { step: say, run: echo done >>done, rollback: { run: rm done } }
"#;

#[test]
fn an_approval_is_bound_to_the_text_the_role_the_place_and_its_age() {
    let place = Place::with("approved", GATED).env("PLAN_CLOCK", "2026-11-22T10:00:00Z");
    place.apply().ends(6).says("nobody approved the plan as it is now").says("--as DBA, with");
    approve(&place, "kofi", &["--as", "Developer"]).ends(0);
    place.apply().ends(6);
    approve(&place, "kofi", &["--as", "DBA", "--note", "read twice"])
        .ends(0)
        .says("kofi approved gated as DBA, with no environment");
    place.apply().ends(0);
    assert_eq!(place.read("done"), "done\n");
    // Anything that changes is not what was approved.
    place.write("plan.yaml", &GATED.replace("echo done", "echo more"));
    place.apply().ends(6).says("nobody approved");
    assert_eq!(place.read("done"), "done\n");
    // Hours later it is another night.
    place.write("plan.yaml", GATED);
    let mut late = place.command(&["apply", "plan.yaml"]);
    late.env("PLAN_CLOCK", "2026-11-22T13:00:00Z");
    ran(late).ends(6).says("by kofi, is 3 h ago: longer than 2 h");
}

#[test]
fn a_plan_that_cannot_be_applied_is_not_approved() {
    let place = Place::with("approve-wrong", "plan: wrong\nsteps: [{ step: a, runn: x }]\n");
    approve(&place, "kofi", &["--as", "DBA"]).ends(2).says("1 error");
}

#[test]
fn a_plan_is_applied_elsewhere_first() {
    let plan = r#"
plan: staged
steps:
  - { checkpoint: tried, when: "env == 'prod'", checks: [{ gate: applied, in: staging, max_age: 14d }] }
  - { step: say, run: echo done >>done, rollback: { run: rm done } }
inputs: { env: { default: staging } }
"#;
    let place = Place::with("staged", plan);
    place.write("environments/staging.yaml", "environment: staging\n");
    place.write("environments/prod.yaml", "environment: prod\ninputs: { env: prod }\n");
    let prod = ["apply", "plan.yaml", "--env", "prod"];
    place.plan(&prod).ends(1).says("did not succeed in staging");
    place.plan(&["apply", "plan.yaml", "--env", "staging"]).ends(0);
    place.plan(&prod).ends(0);
    // What succeeded there is another plan by now.
    place.write("plan.yaml", &plan.replace("echo done", "echo more"));
    place.plan(&prod).ends(1).says("did not succeed in staging");
}

#[test]
fn what_is_typed_must_have_been_tried_elsewhere_as_well() {
    let place = Place::with(
        "staged-inputs",
        "plan: staged\ninputs: { commit: { default: none }, php: { default: fpm } }\nsteps:\n  \
         - { step: say, run: \"echo {{ commit }} {{ php }} >>done\", rollback: { run: rm done } }\n",
    );
    place.write("environments/staging.yaml", "environment: staging\ninputs: { php: fpm-test }\n");
    place.write(
        "environments/prod.yaml",
        "environment: prod\nrequires: [{ gate: applied, in: staging }]\n",
    );
    let apply = |environment: &str, set: &[&str]| {
        place.plan(&[&["apply", "plan.yaml", "--env", environment], set].concat())
    };
    let (first, second) = (["--set", "commit=a1"], ["--set", "commit=b2"]);
    apply("staging", &first).ends(0);
    // What the environments' files say may differ, and what is typed may not.
    apply("prod", &second)
        .ends(6)
        .says("staged-1: it was carried out there with commit = a1, and here it is b2");
    apply("prod", &[]).ends(6).says("and here it is none");
    apply("prod", &first).ends(0);
    apply("staging", &second).ends(0);
    apply("prod", &second).ends(0);
}

#[test]
fn the_way_back_is_tried_elsewhere_first() {
    let place = Place::with(
        "rehearsed",
        "plan: tried\nsteps:\n  \
         - { step: say, run: echo done >>done, rollback: { run: rm done } }\n",
    );
    place.write(
        "environments/prod.yaml",
        "environment: prod\nrequires: [{ gate: rehearsed, in: staging }]\n",
    );
    place.write("environments/staging.yaml", "environment: staging\n");
    let prod = ["apply", "plan.yaml", "--env", "prod"];
    let staging = ["apply", "plan.yaml", "--env", "staging"];
    place.plan(&prod).ends(6).says("taken back from there");
    place.plan(&staging).ends(0);
    place.plan(&prod).ends(6).says("taken back from there");
    place.plan(&["rollback"]).ends(0);
    place.plan(&prod).ends(0);
}

#[test]
fn an_approval_covers_all_that_decides_what_runs() {
    let plan = r#"
plan: covered
inputs: { what: { default: fine } }
requires: [{ gate: approved }]
steps:
  - { step: say, run: { file: say.sh, args: ["{{ what }}"] }, rollback: { run: rm done }, timeout: 10s }
  - { step: page, files: { template: ../covered-shared/page.j2, to: page } }
allow: { release-unchecked: it is a test of something else }
"#;
    let place = Place::with("covered", plan);
    let shared = place.folder.with_file_name("covered-shared");
    std::fs::create_dir_all(&shared).unwrap();
    // A line like that is in many a file of settings.
    std::fs::write(shared.join("page.j2"), "environment: production\nmail: safe\n").unwrap();
    let real = place.read("plan.yaml").replace("../covered-shared", &shared.display().to_string());
    place.write("plan.yaml", &real);
    place.write("say.sh", "environment: () { :; }\necho \"$1\" >>done\n");
    place.write("environments/prod.yaml", "environment: prod\ninputs: { what: prod }\n");
    let prod = ["apply", "plan.yaml", "--env", "prod"];
    approve(&place, "kofi", &["--env", "prod"]).ends(0);
    place.plan(&["doctor", "plan.yaml", "--env", "prod"]).ends(0);
    // Called by another name it is the same plan.
    let whole = place.folder.join("plan.yaml").display().to_string();
    place.plan(&["doctor", &whole, "--env", "prod"]).ends(0);
    place.plan(&["doctor", "./plan.yaml", "--env", "prod"]).ends(0);
    for (file, text) in [
        ("say.sh", "environment: () { :; }\necho EVIL >>done\n"),
        ("environments/prod.yaml", "environment: prod\ninputs: { what: EVIL }\n"),
        ("../covered-shared/page.j2", "environment: production\nmail: EVIL\n"),
        ("plan.yaml", &real.replace("default: fine", "default: EVIL")),
    ] {
        let was = place.read(file);
        place.write(file, text);
        place.plan(&prod).ends(6).says("nobody approved");
        place.write(file, &was);
    }
    place.plan(&[&prod[..], &["--set", "what=EVIL"]].concat()).ends(6);
    place.apply().ends(6);
    place.plan(&prod).ends(0);
    assert_eq!(place.read("done"), "prod\n");
    let _ = std::fs::remove_dir_all(shared);
}

#[test]
fn a_script_that_changed_since_the_run_began_does_not_run() {
    let plan = "plan: since\nsteps:\n  - { checkpoint: ask, checks: [{ manual: go on? }] }\n  \
                - { step: say, run: { file: say.sh }, rollback: { run: rm done }, timeout: 10s }\n";
    let place = Place::with("since", plan);
    place.write("say.sh", "echo fine >>done\n");
    place.apply().ends(4);
    place.write("say.sh", "echo EVIL >>done\n");
    place.plan(&["approve", "ask"]).ends(0);
    place.plan(&["resume"]).ends(1).says("say.sh is not what it was when the run began");
    assert!(!place.has("done"));
}
