//! Hosts that a plan names: looked for before anything is touched.

use std::collections::BTreeSet;
use std::rc::Rc;

use plan_model::model::read::{Leaf, LeafKind, Walk};
use plan_model::resolve::What;

use super::{Checked, Looked};
use crate::world::{Around, Broken, Job, World, hosts};

/// Every host that a plan names anywhere, once.
pub async fn all(world: &Rc<World>) -> Vec<Checked> {
    let fill = world.filler(None, None);
    let (mut found, mut names, mut checked) = (Vec::new(), BTreeSet::new(), Vec::new());
    let mut see = |leaf: Leaf<'_>| {
        if leaf.kind != LeafKind::Host {
            return;
        }
        // What nobody knows yet is asked when its step runs; where it names a connection there is no host.
        let Ok(name) = fill.text(leaf.text) else { return };
        if !names.insert(name.clone()) {
            return;
        }
        match hosts::named(&fill, &name) {
            Ok(hosts) => found.extend(hosts),
            Err(failure) => checked.push(Checked {
                line: format!("host {name} is reached"),
                looked: Looked::Fails(failure.text),
                hint: None,
            }),
        }
    };
    world.plan.plan.requires.iter().for_each(|check| check.walk(&mut see));
    world.plan.plan.phases.iter().for_each(|phase| phase.watch.walk(&mut see));
    for entry in world.plan.entries() {
        match &entry.what {
            What::Step(step) => step.walk(&mut see),
            What::Checkpoint(checkpoint) => checkpoint.walk(&mut see),
        }
    }
    found.sort();
    found.dedup();
    for host in found {
        checked.push(ask(world, host).await);
    }
    checked
}

/// Whether somebody answers there, and lets this user in.
async fn ask(world: &Rc<World>, host: String) -> Checked {
    let line = format!("host {host} is reached");
    let job = Job::new(world.clone(), None, format!("host-{}", host.replace(['/', ':'], "_")));
    let around = job.around(None).unwrap_or_default();
    let hint = format!("try it by hand with the same user: ssh -o BatchMode=yes {host} true");
    let around = Around { on: vec![host], ..around };
    let ran = job.program(vec!["true".to_owned()], around, None, false).await;
    let looked = match ran.and_then(|ran| Ok(ran.check(None)?)) {
        Ok(()) => Looked::Holds(None),
        Err(Broken::Failed(failure)) => Looked::Fails(failure.text),
        Err(broken) => broken.into(),
    };
    Checked { line, looked, hint: Some(hint) }
}
