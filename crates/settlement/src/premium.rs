//! A premium of the residents' insurance that a relative pays: one year of one person.
//!
//! It is a bill like any other, but for four things: an agency collects it, one contributor is asked and nobody else, it is paid
//! whole or not at all (nobody stands at a counter to pay the rest in cash), and a year is paid once, whoever pays it.

use kernel::{Date, PersonId, Reason, Refusal, SettlementId};
use policy::plan::{Payer, Plan};
use sha2::{Digest as _, Sha256};

use crate::account::Account;
use crate::book::Book;
use crate::institution::{Institution, Kind};
use crate::request::RequestKey;

/// What is told of a premium beside its bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Premium {
    /// Whose account is to pay.
    pub contributor: PersonId,
    /// The insurance year, whenever it is paid.
    pub year: i16,
    /// What the sender calls the list, and the row in it.
    pub batch: String,
    pub row: String,
}

/// A premium that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    pub settlement: SettlementId,
    pub person: PersonId,
    pub premium: Premium,
}

impl Premium {
    /// Whether it may be paid for the person of `account` now, but for the money. Who has no binding with the contributor is told so before
    /// anything else, so that nobody learns of a stranger whether they are insured or have paid.
    ///
    /// # Errors
    /// `BINDING_UNKNOWN`, `INSTITUTION_NOT_AGENCY`, `PREMIUM_YEAR_INVALID`, `PREMIUM_ALREADY_PAID`.
    pub fn admit(
        &self,
        book: &Book,
        account: &Account,
        institution: &Institution,
        today: Date,
    ) -> Result<(), Refusal> {
        let known = book.enforced.get(&account.person).into_iter().flatten();
        let mut contributors = known.map(|enforced| enforced.parties.contributor);
        if !contributors.any(|person| person == self.contributor) {
            return Err(Reason::BindingUnknown.into());
        }
        if institution.kind != Kind::Agency {
            let code = &institution.code;
            return Err(Refusal::about(Reason::InstitutionNotAgency, code));
        }
        if !(0..=1).contains(&self.year.saturating_sub(today.year())) {
            let year = self.year.to_string();
            return Err(Refusal::about(Reason::PremiumYearInvalid, year));
        }
        if book.premium_of(account.person, self.year).is_some() {
            let year = self.year.to_string();
            return Err(Refusal::about(Reason::PremiumAlreadyPaid, year));
        }
        Ok(())
    }
}

/// The plan, if it pays all of a premium.
///
/// # Errors
/// Why not: the contributor's own reason if the contributor can give nothing, else `PREMIUM_NOT_COVERED` and what bounds it.
pub fn covered(plan: Plan) -> Result<Plan, Refusal> {
    if plan.cash.is_zero() {
        return Ok(plan);
    }
    let contributor = plan.lines.iter().rfind(|line| line.payer != Payer::Own);
    Err(match contributor {
        None => Reason::BindingEnded.into(),
        Some(line) if line.reason == Reason::Taken => Reason::PremiumNotCovered.into(),
        Some(line) if line.taken.is_zero() => line.reason.into(),
        Some(line) => Refusal::about(Reason::PremiumNotCovered, line.reason.code()),
    })
}

/// The key under which a row is settled: the same for ever, and another one for any other row. `sender` is the citizen who sends
/// it, so that nobody takes the names of somebody else's rows; agencies' operators share theirs.
///
/// # Errors
/// `INSTITUTION_UNKNOWN` if that cannot be an institution's code.
pub fn key(
    institution: &str,
    sender: Option<PersonId>,
    (batch, row): (&str, &str),
) -> Result<RequestKey, Refusal> {
    let sender = sender.map(|person| person.to_string()).unwrap_or_default();
    let digest = Sha256::new()
        .chain_update(b"gongji premium row\0")
        .chain_update(sender)
        .chain_update(b"\0")
        .chain_update(batch)
        .chain_update(b"\0")
        .chain_update(row)
        .finalize();
    let mut bytes = [0; 16];
    bytes[6..].copy_from_slice(&digest[..10]);
    let mut bits = u128::from_be_bytes(bytes);
    let mut msgid = format!("{institution}P");
    for _ in 0..16 {
        let digit = usize::try_from(bits % 32).unwrap_or_default();
        msgid.push(char::from(DIGITS[digit]));
        bits /= 32;
    }
    RequestKey::new(institution, &msgid)
        .map_err(|_malformed| Refusal::about(Reason::InstitutionUnknown, "institution"))
}

/// Crockford's 32 digits: none of them looks like another.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_row_has_one_key_and_no_other_row_has_it() {
        let (one, other) = (PersonId::generate(), PersonId::generate());
        let mut keys = BTreeSet::new();
        for institution in ["A1", "A12345678901"] {
            for sender in [None, Some(one), Some(other)] {
                for row in [("b", "1"), ("b", "11"), ("b1", "1")] {
                    let made = key(institution, sender, row).unwrap();
                    assert_eq!(made, key(institution, sender, row).unwrap());
                    assert!(keys.insert(made));
                }
            }
        }
        // Written down, because rows that were paid must be recognised for ever.
        assert_eq!(
            key("A1", None, ("2027", "1")).unwrap().msgid,
            "A1P5R9E7RP4KKWDMBGV"
        );
        let long = key("A123456789012345", None, ("b", "1")).unwrap_err();
        assert_eq!(long.reason, Reason::InstitutionUnknown);
    }
}
