//! The point of no return: whether there is one, and which checkpoints are passed before it.
//! Does not know why a step cannot be undone.

use super::pairs::Pairs;
use super::sentence::say;
use super::side::Picture;
use super::{Changes, Risk, Subject};

pub fn compare(old: &Picture<'_>, new: &Picture<'_>, pairs: &Pairs, changes: &mut Changes) {
    let point = |side: &Picture<'_>| side.plan().point_of_no_return().map(|at| side.unit_of[at]);
    let plan = Subject::new("plan", "");
    let (was, is) = (point(old), point(new));
    let id = |side: &Picture<'_>, at: usize| side.units[at].id.clone();
    let (was, is) = match (was, is) {
        (None, None) => return,
        (None, Some(is)) => {
            let words = "there is a point of no return now: step {}";
            changes.push("no-return-new", Risk::Worse, &plan, say(words, &[&id(new, is)]));
            changes.at(None, new.units[is].span());
            return;
        }
        (Some(was), None) => {
            let words = "there is no point of no return any more; it was step {}";
            changes.push("no-return-gone", Risk::Better, &plan, say(words, &[&id(old, was)]));
            changes.at(old.units[was].span(), None);
            return;
        }
        (Some(was), Some(is)) => (was, is),
    };
    // Checkpoints that both plans have and that have surely been passed before the point.
    let both = pairs.units.iter().filter(|(at, _)| old.units[*at].entry.checkpoint().is_some());
    let (mut lost, mut gained) = (Vec::new(), Vec::new());
    for (before, after) in both {
        match (old.is_before(*before, was), new.is_before(*after, is)) {
            (true, false) => lost.push(id(new, *after)),
            (false, true) => gained.push(id(new, *after)),
            _ => {}
        }
    }
    let steps = [&id(new, is), &id(old, was)];
    let other = pairs.new_of[was] != Some(is);
    let step = if other { ": it is step {} now, it was {}" } else { ": it is step {}" };
    let (kind, risk, words, list) = match (lost.is_empty(), gained.is_empty()) {
        (false, _) => {
            let words = "the point of no return moved before checkpoint {}";
            ("no-return-earlier", Risk::Worse, words, lost.join(", "))
        }
        (true, false) => {
            let words = "the point of no return moved behind checkpoint {}";
            ("no-return-later", Risk::Better, words, gained.join(", "))
        }
        (true, true) if other => {
            let words = "the point of no return is another step: {}, it was {}";
            let sentence = say(words, &[steps[0], steps[1]]);
            changes.push("no-return-moved", Risk::Notice, &plan, sentence);
            changes.at(old.units[was].span(), new.units[is].span());
            return;
        }
        (true, true) => return,
    };
    let sentence = say(words, &[&list]).then(step, &[steps[0], steps[1]]);
    changes.push(kind, risk, &plan, sentence);
    changes.at(old.units[was].span(), new.units[is].span());
}
