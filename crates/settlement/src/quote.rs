//! What a bill was quoted at, for as long as that is good.
//!
//! A quote sets nothing aside: the money may be gone when the bill is settled. What it does promise is that a settlement that
//! names it takes no more from the patient than was quoted. If that has become impossible, the answer is the new plan, no
//! money moves, and the request's key is free again (ruling 4 of the design).

use jiff::SignedDuration;
use kernel::{Fen, QuoteId, Reason, Refusal, Timestamp};

use crate::request::{Asked, RequestKey};
use crate::settlement::Split;

/// How long a quote is good: as long as a patient stands at a counter.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// One quote as it was given. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub id: QuoteId,
    pub institution: String,
    /// The bill it is on.
    pub asked: Asked,
    /// What the patient's own account was to pay.
    pub own: Fen,
    /// What the patient was to pay in cash.
    pub cash: Fen,
    /// From when it is no longer good.
    pub expires_at: Timestamp,
}

/// A quote that a settlement names, and what was found under its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub id: QuoteId,
    pub found: Option<Quote>,
}

impl Named {
    /// The quote, if this request may be settled on it.
    ///
    /// # Errors
    /// `QUOTE_UNKNOWN`, `QUOTE_NOT_YOURS`, `QUOTE_EXPIRED`; `QUOTE_OTHER_BILL`, naming the fields that differ.
    pub fn good_for(
        &self,
        key: &RequestKey,
        asked: &Asked,
        at: Timestamp,
    ) -> Result<&Quote, Refusal> {
        let quote = self
            .found
            .as_ref()
            .ok_or_else(|| Refusal::about(Reason::QuoteUnknown, self.id.to_string()))?;
        if quote.institution != key.institution {
            return Err(Reason::QuoteNotYours.into());
        }
        if quote.expires_at <= at {
            return Err(Reason::QuoteExpired.into());
        }
        let differences = quote.asked.differences(asked);
        if !differences.is_empty() {
            return Err(Refusal::about(
                Reason::QuoteOtherBill,
                differences.join(", "),
            ));
        }
        Ok(quote)
    }
}

impl Quote {
    /// Whether a split of the same bill costs the patient more than was quoted: more cash, or more of cash and own money
    /// together. Own money in the place of cash is no disadvantage: it was credited in between.
    pub fn is_exceeded_by(&self, split: &Split) -> bool {
        let quoted = self.own.checked_add(self.cash);
        let now = split.own.checked_add(split.cash);
        split.cash > self.cash || now > quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::tests::bill;
    use kernel::PersonId;

    fn quote(own: i64, cash: i64) -> Quote {
        Quote {
            id: QuoteId::generate(),
            institution: "P0001".to_owned(),
            asked: Asked::settle(PersonId::from_uuid(uuid::Uuid::nil()), &bill(100)),
            own: Fen::new(own),
            cash: Fen::new(cash),
            expires_at: Timestamp::UNIX_EPOCH + LIFETIME,
        }
    }

    fn split(own: i64, aid: i64, cash: i64) -> Split {
        let [own, aid, cash] = [own, aid, cash].map(Fen::new);
        let total = Fen::checked_sum([own, aid, cash]).unwrap();
        Split {
            total,
            pooled: Fen::ZERO,
            own,
            aid,
            cash,
            open: Fen::ZERO,
        }
    }

    #[test]
    fn more_cash_or_more_of_the_patients_own_makes_it_stale_and_less_does_not() {
        let quote = quote(20, 30);
        for good in [split(20, 50, 30), split(40, 50, 10), split(0, 80, 20)] {
            assert!(!quote.is_exceeded_by(&good), "{good:?}");
        }
        for stale in [split(20, 49, 31), split(0, 69, 31), split(41, 39, 20)] {
            assert!(quote.is_exceeded_by(&stale), "{stale:?}");
        }
    }

    #[test]
    fn a_quote_is_good_for_its_own_bill_at_its_own_institution_until_it_expires() {
        let quote = quote(0, 100);
        let (asked, before) = (quote.asked.clone(), Timestamp::UNIX_EPOCH);
        let named = Named {
            id: quote.id,
            found: Some(quote.clone()),
        };
        let key = |code: &str| RequestKey::new(code, &format!("{code}01")).unwrap();
        let reason = |named: &Named, code: &str, asked: &Asked, at| {
            let good = named.good_for(&key(code), asked, at);
            good.map(drop).map_err(|refusal| refusal.reason)
        };
        assert!(reason(&named, "P0001", &asked, before).is_ok());
        assert_eq!(
            reason(&named, "P0002", &asked, before),
            Err(Reason::QuoteNotYours)
        );
        assert_eq!(
            reason(&named, "P0001", &asked, quote.expires_at),
            Err(Reason::QuoteExpired)
        );
        let other = Asked::settle(PersonId::generate(), &bill(99));
        let refused = named.good_for(&key("P0001"), &other, before).unwrap_err();
        assert_eq!(
            refused,
            Refusal::about(Reason::QuoteOtherBill, "patient, total_fen")
        );
        let unknown = Named {
            found: None,
            ..named
        };
        assert_eq!(
            reason(&unknown, "P0001", &asked, before),
            Err(Reason::QuoteUnknown)
        );
    }
}
