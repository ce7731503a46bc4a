//! The engine is killed: at every commit of its journal, around every order to the keeper, and at
//! random moments from outside. Whatever is left, `plan resume` comes to the same end.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::folder::{Begun, Folder, Told, finish};
use crate::graph::{End, Graph};

/// Runs beside each other: they wait for the disk and for each other's steps most of the time.
const BESIDE: usize = 3;

/// Runs each of many cases, some at a time; every failure is one of the test.
fn each<T: Send>(cases: impl Iterator<Item = T> + Send, work: impl Fn(T) + Sync) {
    let cases = Mutex::new(cases);
    std::thread::scope(|scope| {
        for _ in 0..BESIDE {
            scope.spawn(|| {
                while let Some(case) = { cases.lock().unwrap().next() } {
                    work(case);
                }
            });
        }
    });
}

fn note(history: &mut String, what: &str, told: &Told) {
    let _ = writeln!(history, "=== {what}: {:?}\n{}", told.exit, told.text);
}

fn tell(what: &str, kills: &AtomicUsize) {
    let kills = kills.load(Ordering::Relaxed);
    let _ = writeln!(std::io::stderr(), "{what}: {kills} kills");
}

/// Goes on until the run has ended, and looks at what it left.
fn to_the_end(folder: &Folder, graph: &Graph, history: &mut String) {
    let told = match folder.begun() {
        Begun::Ended => return graph.check(folder, history),
        Begun::Not => folder.apply(),
        Begun::Unfinished => folder.resume(),
    };
    note(history, "to the end", &told);
    assert_eq!(told.exit, Some(graph.exit()), "{history}");
    graph.check(folder, history);
}

/// One kill at every point of a run, then one resume.
fn sweep(end: End) {
    let graph = Graph::new(end);
    let kills = AtomicUsize::new(0);
    for point in ["before", "after", "order", "ordered"] {
        let past = AtomicUsize::new(usize::MAX);
        let numbers = (1..).take_while(|number| *number < past.load(Ordering::Relaxed));
        each(numbers, |number| {
            let folder = Folder::new(&graph.text());
            let at = format!("{point}:{number}");
            let told = folder.crash(&["apply", "plan.yaml"], &at);
            let mut history = format!("killed at {at}\n");
            note(&mut history, "apply", &told);
            if told.exit.is_some() {
                past.fetch_min(number, Ordering::Relaxed);
                assert_eq!(told.exit, Some(graph.exit()), "{history}");
                return graph.check(&folder, &history);
            }
            kills.fetch_add(1, Ordering::Relaxed);
            to_the_end(&folder, &graph, &mut history);
        });
    }
    tell(&format!("one kill in a run that ends {end:?}"), &kills);
    assert!(kills.load(Ordering::Relaxed) > 60, "the points of the run were not met");
}

#[test]
fn killed_at_any_commit_a_run_is_resumed_to_its_end() {
    sweep(End::Well);
}

#[test]
fn killed_at_any_commit_a_rollback_is_resumed_to_its_end() {
    sweep(End::Back);
}

#[test]
fn killed_at_any_commit_the_rollback_of_a_run_that_had_succeeded_comes_to_its_end() {
    let graph = Graph::of(1, End::Asked);
    let kills = AtomicUsize::new(0);
    for point in ["before", "after", "order", "ordered"] {
        let past = AtomicUsize::new(usize::MAX);
        let numbers = (1..).take_while(|number| *number < past.load(Ordering::Relaxed));
        each(numbers, |number| {
            let folder = Folder::new(&graph.text());
            assert_eq!(folder.apply().exit, Some(0));
            let at = format!("{point}:{number}");
            let told = folder.crash(&["rollback"], &at);
            let mut history = format!("killed at {at}\n");
            note(&mut history, "rollback", &told);
            if told.exit.is_some() {
                past.fetch_min(number, Ordering::Relaxed);
                assert_eq!(told.exit, Some(0), "{history}");
                return graph.check(&folder, &history);
            }
            kills.fetch_add(1, Ordering::Relaxed);
            // Killed before anything was durable it has still succeeded.
            let told = match folder.plan(&["runs"]).text {
                text if text.contains("rolled back") => told,
                text if text.contains("succeeded") => folder.plan(&["rollback"]),
                _ => folder.resume(),
            };
            note(&mut history, "again", &told);
            // A rollback that was asked for is done; one that was taken up ends as what it is.
            assert!(told.exit.is_none_or(|exit| exit <= 1), "{history}");
            graph.check(&folder, &history);
        });
    }
    tell("one kill in the rollback of a run that had succeeded", &kills);
}

/// Every process of a run is killed after so many commits, until one comes to the end.
#[test]
fn killed_again_and_again_a_run_still_comes_to_its_end() {
    let kills = AtomicUsize::new(0);
    let points = ["before", "after", "order", "ordered"];
    let cases = points.into_iter().flat_map(|point| {
        let least = if point.starts_with("order") { 2 } else { 6 };
        let numbers = (least..least + 8).step_by(4);
        numbers.flat_map(move |number| [(point, number, End::Well), (point, number, End::Back)])
    });
    each(cases, |(point, number, end)| {
        let graph = Graph::new(end);
        let folder = Folder::new(&graph.text());
        let at = format!("{point}:{number}");
        let mut history = format!("killed at {at} each time\n");
        let mut told = folder.crash(&["apply", "plan.yaml"], &at);
        note(&mut history, "apply", &told);
        for _ in 0..200 {
            if told.exit.is_some() {
                break;
            }
            kills.fetch_add(1, Ordering::Relaxed);
            let args: &[&str] = match folder.begun() {
                Begun::Ended => break,
                Begun::Not => &["apply", "plan.yaml"],
                Begun::Unfinished => &["resume"],
            };
            told = folder.crash(args, &at);
            note(&mut history, args[0], &told);
        }
        to_the_end(&folder, &graph, &mut history);
    });
    tell("kills one after the other", &kills);
    assert!(kills.load(Ordering::Relaxed) > 150);
}

#[test]
fn killed_at_random_moments_a_run_still_comes_to_its_end() {
    let kills = AtomicUsize::new(0);
    // Not by chance: what failed once fails again.
    let cases = (1..=8u64).flat_map(|seed| [(seed, End::Well), (seed, End::Back)]);
    each(cases, |(seed, end)| {
        let graph = Graph::new(end);
        let folder = Folder::new(&graph.text());
        let mut history = format!("seed {seed}\n");
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut args: &[&str] = &["apply", "plan.yaml"];
        for _ in 0..15 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let mut child =
                folder.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(20 + (random >> 33) % 600));
            let _ = child.kill();
            let told = finish(child);
            note(&mut history, args[0], &told);
            if told.exit.is_some() {
                break;
            }
            kills.fetch_add(1, Ordering::Relaxed);
            args = match folder.begun() {
                Begun::Ended => break,
                Begun::Not => args,
                Begun::Unfinished => &["resume"],
            };
        }
        to_the_end(&folder, &graph, &mut history);
    });
    tell("kills at random moments", &kills);
    assert!(kills.load(Ordering::Relaxed) > 20);
}
