//! A notice: what one person is told of one fact.
//!
//! It holds person ids and amounts, never a name and never a sentence: the words are made when it is read ([`crate::words`]),
//! so a stored notice gives nothing away and can be read in any language. No figure is worked out here that the event
//! does not carry; the parts of one payer are only put together.

use kernel::{AccountId, PersonId};

pub use catalogue::{ROWS, Row, Told};
pub use params::{
    Amount, Balance, FieldKind, Institution, LimitLeft, LimitWindow, MandateStanding, Part, Who,
};
pub use template::{Audience, Template};

mod catalogue;
mod params;
mod template;

/// A notice that has no number yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNotice {
    /// Who is told.
    pub person: PersonId,
    /// What.
    pub told: Told,
    /// The settlement, allocation or binding it is about.
    pub subject: String,
    /// Whether it tells of test money.
    pub sandbox: bool,
    /// The changes of balances that it tells of.
    pub tells: Vec<Moved>,
}

/// One change of one account: its version grows by one with every movement, so this names it for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The account.
    pub account: AccountId,
    /// Its version after the change; above zero.
    pub version: i64,
}

impl Told {
    /// The kind of notice, as readers see it.
    pub const fn template(&self) -> Template {
        self.addressed().0
    }
}

/// The samples of the shipped files.
#[cfg(test)]
pub(crate) mod samples {
    use super::{Told, Who};
    use crate::words::{Words, sample_relative};

    pub(crate) fn all() -> Vec<Told> {
        let words = Words::shipped();
        words.samples().map(|(_, _, told)| told.clone()).collect()
    }

    /// The relative of all samples.
    pub(crate) fn relative() -> Who {
        Who(sample_relative())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        for told in samples::all() {
            let stored = serde_json::to_string(&told).unwrap();
            assert_eq!(
                serde_json::from_str::<Told>(&stored).unwrap(),
                told,
                "{stored}"
            );
        }
    }

    #[test]
    fn every_template_is_used_and_no_two_rows_look_alike() {
        let addressed: Vec<_> = ROWS
            .iter()
            .map(|row| (row.template, row.audience))
            .collect();
        let unique: std::collections::BTreeSet<_> = addressed.iter().collect();
        assert_eq!(unique.len(), addressed.len());
        for template in Template::ALL {
            assert!(
                addressed.iter().any(|(used, _)| used == template),
                "nothing is told by {template}"
            );
        }
    }

    #[test]
    fn a_file_is_named_by_what_it_says_and_to_whom() {
        for row in ROWS {
            let named = format!("{}.{}", row.template, row.audience).to_ascii_lowercase();
            assert_eq!(row.file, named);
        }
    }
}
