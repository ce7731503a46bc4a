//! The promises of `Store`. Two handles on one store, as two processes have them.

use plan_executor::archive::catalogue::{Kept, Mark};
use plan_executor::clock::Moment;
use plan_executor::event::{Event, Record};
use plan_executor::state::RunState;
use plan_executor::store::{
    Approval, Claim, NewRun, Owner, Request, RunRow, Store, StoreError, Token,
};

/// Holds all of it against an empty store, opened twice.
pub async fn keeps_every_promise<S: Store>(mut one: S, mut two: S) {
    leases(&mut one, &mut two).await;
    numbering(&mut one, &mut two).await;
    appending(&mut one, &mut two).await;
    stale_tokens(&mut one, &mut two).await;
    requests(&mut one, &mut two).await;
    states(&mut one, &mut two).await;
    backups(&mut one, &mut two).await;
    approvals(&mut one, &mut two).await;
}

async fn approvals<S: Store>(one: &mut S, two: &mut S) {
    let approval = |digest: &str, by: &str| Approval {
        digest: digest.to_owned(),
        plan: "shop".to_owned(),
        environment: Some("prod".to_owned()),
        role: Some("DBA".to_owned()),
        by: by.to_owned(),
        at: Moment(7),
        note: Some("read twice".to_owned()),
    };
    one.approve(&approval("d1", "ada")).await.unwrap();
    one.approve(&approval("d1", "bob")).await.unwrap();
    one.approve(&approval("d2", "eve")).await.unwrap();
    let known = two.approvals("d1").await.unwrap();
    assert_eq!(known, [approval("d1", "bob"), approval("d1", "ada")], "the newest first");
    assert!(two.approvals("d3").await.unwrap().is_empty());
}

async fn backups<S: Store>(one: &mut S, two: &mut S) {
    let (token, saving) = run(one, "saving").await;
    let ids = |kept: Vec<Kept>| -> Vec<String> {
        kept.into_iter().map(|kept| kept.manifest.id).collect()
    };
    for number in 1..=3 {
        let kept = backup(number);
        one.catalogue(&token, &saving, &kept).await.unwrap();
        // Told once more, it is still one.
        one.catalogue(&token, &saving, &kept).await.unwrap();
    }
    let all = two.backups().await.unwrap();
    assert_eq!(all[0].path, backup(3).path);
    assert_eq!(all[0].manifest.run, saving.run);
    assert_eq!(ids(all), ["b3", "b2", "b1"], "the newest first");
    let fault = Some("it is cut".to_owned());
    let mark = Mark::Verified { at: Moment(9), proof: "read".to_owned(), fault: fault.clone() };
    two.mark(&backup(2).path, &mark).await.unwrap();
    let gone = Mark::Removed { at: Moment(9), by: "ada".to_owned() };
    two.mark(&backup(3).path, &gone).await.unwrap();
    let all = one.backups().await.unwrap();
    assert_eq!((all[0].fault.clone(), all[0].verified_at), (fault, Some(Moment(9))));
    assert_eq!(ids(all), ["b2", "b1"]);
    one.release(&token).await.unwrap();
    let late = one.catalogue(&token, &saving, &backup(4)).await;
    assert!(matches!(late, Err(StoreError::TakenOver)), "{late:?}");
}

fn backup(number: i64) -> Kept {
    let manifest = serde_json::json!({
        "id": format!("b{number}"), "kind": "tar", "packed": "zstd", "plan": "saving",
        "run": "saving-1", "step": "save", "began": number, "ended": number, "size": 1,
        "sha256": "", "proven": "parse",
    });
    let manifest = serde_json::from_value(manifest).unwrap();
    Kept::new(format!("/backups/b{number}").as_ref(), &manifest)
}

fn owner(process: u32) -> Owner {
    Owner {
        by: "ada".to_owned(),
        host: "here".to_owned(),
        process,
        process_started: 1,
        boot: "b".to_owned(),
    }
}

async fn granted<S: Store>(store: &mut S, plan: &str, environment: Option<&str>) -> Token {
    match store.claim(plan, environment, &owner(1), Moment(1), None).await.unwrap() {
        Claim::Granted(token) => token,
        Claim::Held(lease) => panic!("{plan} is held: {lease:?}"),
    }
}

async fn is_held<S: Store>(store: &mut S, plan: &str, instead_of: Option<&str>) -> bool {
    let claim = store.claim(plan, None, &owner(2), Moment(2), instead_of).await.unwrap();
    matches!(claim, Claim::Held(_))
}

fn new_run(plan: &str) -> NewRun {
    NewRun {
        plan: plan.to_owned(),
        environment: None,
        digest: "d".to_owned(),
        by: "ada".to_owned(),
        host: "here".to_owned(),
        started_at: Moment(7),
        frozen: vec![0, 255, 1],
    }
}

async fn run<S: Store>(store: &mut S, plan: &str) -> (Token, RunRow) {
    let token = granted(store, plan, None).await;
    let run = store.create(&token, &new_run(plan)).await.unwrap();
    (token, run)
}

fn records(numbers: std::ops::Range<u64>) -> Vec<Record> {
    let record = |number| Record {
        number,
        at: Moment(number as i64),
        event: Event::Started { entry: format!("step-{number}").as_str().into(), attempt: 1 },
    };
    numbers.map(record).collect()
}

async fn leases<S: Store>(one: &mut S, two: &mut S) {
    let token = granted(one, "leased", None).await;
    assert!(is_held(two, "leased", None).await, "one plan, two owners");
    let elsewhere = granted(two, "leased", Some("prod")).await;
    two.release(&elsewhere).await.unwrap();
    one.beat(&token, Moment(50), "a step").await.unwrap();
    let lease = two.leases().await.unwrap().into_iter().find(|lease| lease.plan == "leased");
    let lease = lease.unwrap();
    assert_eq!((lease.beat, lease.doing.as_str()), (Moment(50), "a step"));
    assert_eq!(lease.owner, owner(1));
    // Whoever names another lease than the one that is there takes nothing over.
    assert!(is_held(two, "leased", Some("another")).await);
    assert!(!is_held(two, "leased", Some(&lease.token)).await, "a dead owner is replaced");
    assert!(matches!(one.beat(&token, Moment(51), "").await, Err(StoreError::TakenOver)));
    // To release what was lost takes nothing from whoever has it now.
    one.release(&token).await.unwrap();
    assert!(is_held(one, "leased", None).await);
    let lease = one.leases().await.unwrap().remove(0);
    one.release(&Token(lease.token)).await.unwrap();
    assert!(one.leases().await.unwrap().is_empty());
}

async fn numbering<S: Store>(one: &mut S, two: &mut S) {
    for number in 1..=3 {
        let (token, made) = run(one, "counted").await;
        assert_eq!(made.run, format!("counted-{number}"));
        one.release(&token).await.unwrap();
    }
    let (token, made) = run(two, "counted-1").await;
    assert_eq!(made.run, "counted-1-1");
    two.release(&token).await.unwrap();
    let runs = two.runs().await.unwrap();
    let names: Vec<_> = runs.iter().map(|run| run.run.as_str()).collect();
    assert_eq!(names, ["counted-1-1", "counted-3", "counted-2", "counted-1"], "the newest first");
    assert_eq!(two.frozen(&runs[1]).await.unwrap(), [0, 255, 1]);
}

async fn appending<S: Store>(one: &mut S, two: &mut S) {
    let (token, run) = run(one, "appended").await;
    one.append(&token, &run, &[], &[]).await.unwrap();
    one.append(&token, &run, &records(1..4), &[]).await.unwrap();
    // More than one statement holds, in one commit.
    one.append(&token, &run, &records(4..600), &[]).await.unwrap();
    assert_eq!(two.read(&run, 0).await.unwrap(), records(1..600));
    assert_eq!(two.read(&run, 590).await.unwrap(), records(591..600));
    // The last of these is there already: none of them may be written.
    for first in [500, 598] {
        let mut again = records(1_000..1_000 + first);
        again.push(records(599..600).remove(0));
        assert!(one.append(&token, &run, &again, &[]).await.is_err());
        assert_eq!(two.read(&run, 0).await.unwrap().len(), 599, "half a commit");
    }
    let mut few = records(700..702);
    few.push(records(1..2).remove(0));
    assert!(one.append(&token, &run, &few, &[]).await.is_err());
    assert_eq!(two.read(&run, 0).await.unwrap().len(), 599, "half a statement");
    one.append(&token, &run, &records(600..601), &[]).await.unwrap();
    one.release(&token).await.unwrap();
}

async fn stale_tokens<S: Store>(one: &mut S, two: &mut S) {
    let (stale, run) = run(one, "taken").await;
    one.append(&stale, &run, &records(1..2), &[]).await.unwrap();
    let claim = two.claim("taken", None, &owner(2), Moment(3), Some(&stale.0)).await.unwrap();
    let Claim::Granted(token) = claim else { panic!("{claim:?}") };
    two.adopt(&token, &run).await.unwrap();
    let taken_over = |result| assert!(matches!(result, Err(StoreError::TakenOver)));
    taken_over(one.append(&stale, &run, &records(2..3), &[]).await);
    taken_over(one.append(&stale, &run, &records(2..300), &[]).await);
    let ended = Event::Ended { ending: RunState::Succeeded };
    let ended = [Record { number: 2, at: Moment(2), event: ended }];
    taken_over(one.append(&stale, &run, &ended, &[]).await);
    taken_over(one.adopt(&stale, &run).await);
    taken_over(one.create(&stale, &new_run("taken")).await.map(|_| ()));
    assert_eq!(two.read(&run, 0).await.unwrap().len(), 1);
    let rows = two.runs().await.unwrap();
    let rows: Vec<_> = rows.iter().filter(|row| row.plan == "taken").collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].state, RunState::Running);
    two.append(&token, &run, &records(2..3), &[]).await.unwrap();
    two.release(&token).await.unwrap();
}

async fn requests<S: Store>(one: &mut S, two: &mut S) {
    let (token, run) = run(one, "asked").await;
    // Whoever asks needs no lease.
    two.ask(&run, "bob", Moment(5), &Request::Pause).await.unwrap();
    let retry = Request::Retry { entry: "a".to_owned() };
    two.ask(&run, "bob", Moment(6), &retry).await.unwrap();
    let asked = one.asked(&run).await.unwrap();
    assert_eq!(asked.len(), 2);
    assert_eq!((&asked[0].request, asked[0].by.as_str()), (&Request::Pause, "bob"));
    // Whoever lost the lease takes nothing; else it is taken with the events, or with none.
    let stale = Token("stale".to_owned());
    assert!(one.append(&stale, &run, &[], &asked).await.is_err());
    assert_eq!(one.asked(&run).await.unwrap().len(), asked.len());
    one.append(&token, &run, &[], &asked[..1]).await.unwrap();
    let left = two.asked(&run).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].request, retry);
    one.release(&token).await.unwrap();
}

async fn states<S: Store>(one: &mut S, two: &mut S) {
    let (token, run) = run(one, "ended").await;
    let ended = Event::Ended { ending: RunState::Succeeded };
    let record = Record { number: 1, at: Moment(90), event: ended };
    one.append(&token, &run, &[record], &[]).await.unwrap();
    let row = two.runs().await.unwrap().remove(0);
    assert_eq!((row.run.as_str(), row.state), ("ended-1", RunState::Succeeded));
    assert_eq!(row.changed_at, Moment(90));
    one.release(&token).await.unwrap();
}
