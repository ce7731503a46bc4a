//! The plan language as types: each key once, with its description, example, schema and reader.
//! Says what an author wrote; what it means together is decided elsewhere.

pub mod read;
pub mod value;
pub mod check;
pub mod action;
pub mod plan;
pub mod meaning;
pub mod rare;

/// `5 GiB`: as people say a size.
pub fn spoken_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value.fract() < 0.05 || unit == 0 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}
