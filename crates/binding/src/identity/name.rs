//! A person's name, and what of it a screen may show.

use kernel::Refusal;

use super::{secret_text, text};

/// The longest `psn_name` of the national interface.
const LONGEST: usize = 50;

secret_text! {
    /// A person's name as registered.
    PersonName
}

impl PersonName {
    /// Reads a name.
    ///
    /// # Errors
    /// `FIELD_MISSING` or `TEXT_MALFORMED`, about `name`.
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        text::read("name", name, LONGEST).map(Self)
    }

    /// The first character and one star, however long the name is: `张*`. A name of one character shows nothing of itself.
    pub fn masked(&self) -> String {
        let mut characters = self.0.chars();
        match (characters.next(), characters.next()) {
            (Some(first), Some(_)) => format!("{first}*"),
            _ => "*".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(name: &str) -> String {
        PersonName::parse(name).unwrap().masked()
    }

    #[test]
    fn a_masked_name_shows_one_character_and_not_the_length() {
        assert_eq!(masked("测试甲"), "测*");
        assert_eq!(masked("测试"), "测*");
        assert_eq!(masked("Test Person"), "T*");
        assert_eq!(masked("𠮷测试"), "𠮷*");
        assert_eq!(masked("测"), "*");
    }
}
