//! Version numbers of migrations: `1.1`, `1_1` and `V1_1` are the same one.
//! Does not know files.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Numbers between points; a time such as 20260215103000 is one number. Ends of zeros do not
/// count: 1 and 1.0 are one version.
#[derive(Debug, Clone)]
pub struct Version {
    parts: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionError {
    pub text: String,
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a version: numbers between points are expected", self.text)
    }
}

impl std::error::Error for VersionError {}

impl Version {
    fn significant(&self) -> &[u64] {
        let zeros = self.parts.iter().rev().take_while(|part| **part == 0).count();
        &self.parts[..self.parts.len() - zeros]
    }

    /// As it stands in a file name: `1_1`.
    pub fn in_file_name(&self) -> String {
        self.to_string().replace('.', "_")
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Version, VersionError> {
        let numbers = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let number = |part: &str| {
            let digits = part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| digits)
        };
        let parts: Option<Vec<u64>> = numbers.split(['.', '_']).map(number).collect();
        parts.map(|parts| Version { parts }).ok_or_else(|| VersionError { text: text.to_owned() })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            let point = if at > 0 { "." } else { "" };
            write!(f, "{point}{part}")?;
        }
        Ok(())
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Version) -> bool {
        self.significant() == other.significant()
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.significant().hash(state);
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        self.significant().cmp(other.significant())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_are_ordered_as_numbers_not_as_text() {
        let mut versions = ["1.10", "2.0", "1.2", "1_9_1", "20260215103000"].map(version);
        versions.sort();
        let shown = versions.map(|one| one.to_string());
        assert_eq!(shown, ["1.2", "1.9.1", "1.10", "2.0", "20260215103000"]);
    }

    #[test]
    fn one_version_may_be_written_in_several_ways() {
        assert_eq!(version("1_0"), version("1.0"));
        assert_eq!(version("V1_1"), version("1.1"));
        assert_eq!(version("1"), version("1.0"));
        assert_ne!(version("1.1"), version("1.10"));
        assert_eq!(version("001").to_string(), "1");
        assert_eq!(version("1_1").in_file_name(), "1_1");
    }

    #[test]
    fn text_that_is_no_version_is_refused() {
        for text in ["", "v", "1.", ".1", "1..2", "1.a", "+1", "1.1-rc", "99999999999999999999999"]
        {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }
}
