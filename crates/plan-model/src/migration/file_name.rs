//! What the name of a script tells: version, description, and whether it goes up or down.
//! Does not look into the script.

use super::Version;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    pub version: Version,
    pub description: String,
    pub direction: Direction,
}

const DOWN_FOLDERS: [&str; 4] = ["rollback", "rollbacks", "down", "undo"];

pub fn is_sql(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".sql")
}

/// Understands `V1_1__text.sql`, `0011_text.sql` and `20260215103000_text.sql`; a rollback stands
/// in a folder `rollback`, ends in `.rollback.sql` or `.down.sql`, is called `V1_1__rollback.sql`,
/// or begins with `U`.
pub fn parse(path: &str) -> Option<FileName> {
    let mut folders: Vec<&str> = path.split(['/', '\\']).collect();
    let name = folders.pop()?;
    let length = name.len().checked_sub(".sql".len())?;
    let stem = name.get(..length)?;
    let (stem, ending) = endings(stem);
    let begins_with = |signs: [char; 2]| stem.starts_with(signs);
    let lettered = begins_with(['v', 'V']) || begins_with(['u', 'U']);
    let numbers = if lettered { stem.get(1..)? } else { stem };
    let (version, description) = match numbers.split_once("__") {
        Some((version, description)) => (version, description),
        // Without the letter, the first `_` or `-` ends the number: `0011_text`.
        None if !lettered => numbers.split_once(['_', '-'])?,
        None => return None,
    };
    let down = ending == Some(Direction::Down)
        || begins_with(['u', 'U'])
        || description.eq_ignore_ascii_case("rollback")
        || folders.iter().any(|one| DOWN_FOLDERS.iter().any(|down| one.eq_ignore_ascii_case(down)));
    let first = version.chars().next().filter(char::is_ascii_digit);
    first?;
    Some(FileName {
        version: version.parse().ok()?,
        description: description.replace(['_', '-'], " ").trim().to_owned(),
        direction: if down { Direction::Down } else { Direction::Up },
    })
}

fn endings(stem: &str) -> (&str, Option<Direction>) {
    let known = [
        (".rollback", Direction::Down),
        (".down", Direction::Down),
        (".undo", Direction::Down),
        (".up", Direction::Up),
    ];
    for (ending, direction) in known {
        let at = stem.len().saturating_sub(ending.len());
        if stem.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(ending)) {
            return (&stem[..at], Some(direction));
        }
    }
    (stem, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str) -> Option<(String, String, Direction)> {
        let name = parse(path)?;
        Some((name.version.to_string(), name.description, name.direction))
    }

    fn some(
        version: &str,
        description: &str,
        direction: Direction,
    ) -> Option<(String, String, Direction)> {
        Some((version.to_owned(), description.to_owned(), direction))
    }

    #[test]
    fn names_tell_version_description_and_direction() {
        use Direction::{Down, Up};
        assert_eq!(told("V1_0__initial_schema.sql"), some("1.0", "initial schema", Up));
        assert_eq!(told("db/V1.10__x.SQL"), some("1.10", "x", Up));
        assert_eq!(told("20260215103000_push.sql"), some("20260215103000", "push", Up));
        assert_eq!(told("0003-add-users.up.sql"), some("3", "add users", Up));
        assert_eq!(told("rollback/V1_1__rollback.sql"), some("1.1", "rollback", Down));
        assert_eq!(told("V1_1__rollback.sql"), some("1.1", "rollback", Down));
        assert_eq!(told("V1_1__push.rollback.sql"), some("1.1", "push", Down));
        assert_eq!(told("0003_push.down.sql"), some("3", "push", Down));
        assert_eq!(told("U1_1__push.sql"), some("1.1", "push", Down));
        assert_eq!(told("V1_2__rollback_of_orders.sql"), some("1.2", "rollback of orders", Up));
    }

    #[test]
    fn other_names_tell_nothing() {
        for name in
            ["schema.sql", "V1_1.sql", "V1_1_push.sql", "Vx__a.sql", ".sql", "é.sql", "R__v.sql"]
        {
            assert_eq!(told(name), None, "{name}");
        }
    }
}
