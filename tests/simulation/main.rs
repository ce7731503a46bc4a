//! Random plans with random failures, crashes, slow steps and clock jumps, played against the pure
//! core alone: no process, no file, no clock. The same seed always plays the same run.

mod plans;
mod player;
mod random;

use player::play;
use random::Random;

/// Steps that are started or undone, over all runs.
const STEPS: u64 = 1_000_000;

#[test]
fn a_million_steps_keep_every_promise() {
    let mut steps = 0;
    let mut endings = std::collections::BTreeMap::<String, u64>::new();
    let mut seed = 1;
    while steps < STEPS {
        let played = play(Random::new(seed));
        steps += played.steps;
        *endings.entry(played.ending).or_default() += 1;
        seed += 1;
    }
    // A simulation that never gets anywhere interesting would prove nothing.
    for ending in ["succeeded", "rolled back", "rolled back with remainders", "stuck", "paused"] {
        assert!(endings.get(ending).is_some_and(|count| *count > 20), "{endings:?}");
    }
    assert!(endings["crashed and resumed"] > 20, "{endings:?}");
}
