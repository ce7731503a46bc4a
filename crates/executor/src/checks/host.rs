//! Hosts that a plan names: looked for before anything is touched.

use std::rc::Rc;

use plan_model::model::read::{Leaf, LeafKind, Walk};
use plan_model::resolve::What;

use super::{Checked, Looked};
use crate::world::{Around, Broken, Job, World, hosts};

/// The hosts that a plan names anywhere, each once.
pub fn used(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let mut see = |leaf: Leaf<'_>| {
        // Where it names a connection, or nobody knows it yet, there is no such host.
        if leaf.kind == LeafKind::Host
            && let Ok(name) = world.filler(None, None).text(leaf.text)
            && let Ok(hosts) = hosts::named(&world.plan.plan, &name)
        {
            found.extend(hosts);
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
    found
}

/// Whether somebody answers there, and lets this user in.
pub async fn ask(world: &Rc<World>, host: String) -> Checked {
    let line = format!("host {host} is reached");
    let job = Job::new(world.clone(), None, format!("host-{}", host.replace(['/', ':'], "_")));
    let around = job.around(None).unwrap_or_default();
    let around = Around { on: vec![host], ..around };
    let ran = job.program(vec!["true".to_owned()], around, None, false).await;
    let judged = ran.and_then(|ran| {
        hosts::judge(&ran, None)?;
        Ok(ran.check(None)?)
    });
    let looked = match judged {
        Ok(()) => Looked::Holds(None),
        Err(Broken::Failed(failure)) => Looked::Fails(failure.text),
        Err(Broken::InDoubt(why)) => Looked::Unmeasured(why),
        Err(Broken::Lost) => Looked::Unmeasured("the keeper is gone".to_owned()),
    };
    let hint = "try it by hand with the same user: ssh -o BatchMode=yes HOST true".to_owned();
    Checked { line, looked, hint: Some(hint) }
}
