//! Dies on purpose, for tests: `PLAN_CRASH_AT=before:17` kills this process right before the
//! seventeenth commit to the store. Not in release builds.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Before something becomes durable in the store.
    Before,
    /// After it became durable, before anybody knows.
    After,
    /// Between durable intent and the order to the keeper.
    Order,
    /// The keeper has its order, and nothing was heard of it yet.
    Ordered,
    /// A note is written, and not in its place yet.
    Note,
    /// In the middle of putting data or files into their place.
    Swap,
}

#[cfg(debug_assertions)]
pub(crate) fn point(here: Point) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static WISH: OnceLock<Option<(Point, u32)>> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);

    let Some((point, number)) = *WISH.get_or_init(wish) else { return };
    if point == here && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == number {
        // The one signal that nothing can catch.
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn point(_: Point) {}

#[cfg(debug_assertions)]
fn wish() -> Option<(Point, u32)> {
    let text = std::env::var("PLAN_CRASH_AT").ok()?;
    let (point, number) = text.split_once(':')?;
    let point = match point {
        "before" => Point::Before,
        "after" => Point::After,
        "order" => Point::Order,
        "ordered" => Point::Ordered,
        "note" => Point::Note,
        "swap" => Point::Swap,
        _ => return None,
    };
    Some((point, number.parse().ok()?))
}
