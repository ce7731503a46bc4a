//! Two pieces of work at the same time, where there is enough to do. Knows nothing of the work.

use std::panic::resume_unwind;

/// Does both and gives what came of them. `one` gets a thread of its own where `is_much`.
pub fn both<A: Send, B>(
    is_much: bool,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B,
) -> (A, B) {
    if !is_much {
        return (one(), other());
    }
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap_or_else(|panic| resume_unwind(panic)), other)
    })
}
