//! The version of a program, as far as it decides whether the program will do.

use std::fmt;

/// Major and minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Before the first point.
    pub major: u32,
    /// Behind the first point; 0 where there is none (`18beta1`).
    pub minor: u32,
}

impl Version {
    /// The first version in what a program prints about itself: `postgres (PostgreSQL) 15.14 (Debian …)`,
    /// `nats-server: v2.15.1`.
    pub fn in_text(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(Self::parse)
    }

    fn parse(word: &str) -> Option<Self> {
        let word = word.strip_prefix('v').unwrap_or(word);
        let (major, rest) = leading_number(word)?;
        let minor = rest
            .strip_prefix('.')
            .and_then(leading_number)
            .map_or(0, |(minor, _)| minor);
        Some(Self { major, minor })
    }
}

fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn read(text: &str) -> Option<(u32, u32)> {
        Version::in_text(text).map(|version| (version.major, version.minor))
    }

    #[test]
    fn programs_say_their_version_in_many_ways() {
        assert_eq!(
            read("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"),
            Some((15, 14))
        );
        assert_eq!(read("postgres (PostgreSQL) 18beta1"), Some((18, 0)));
        assert_eq!(read("initdb (PostgreSQL) 9.6.24"), Some((9, 6)));
        assert_eq!(read("nats-server: v2.15.1"), Some((2, 15)));
        assert_eq!(read("nats-server: v2.12.0-RC.1"), Some((2, 12)));
    }

    #[test]
    fn text_without_a_version_has_none() {
        assert_eq!(read(""), None);
        assert_eq!(read("command not found"), None);
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(
            Version { major: 2, minor: 9 }
                < Version {
                    major: 2,
                    minor: 12
                }
        );
        assert!(
            Version {
                major: 15,
                minor: 0
            } > Version { major: 9, minor: 6 }
        );
    }
}
