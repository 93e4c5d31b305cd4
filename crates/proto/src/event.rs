//! The event catalogue: which message is published on which subject, and which key orders it.
//!
//! Subjects are `gongji.v1.<service>.<fact>` with the fact in the past tense. A service follows another by naming its facts;
//! [`Fact::decode`] turns what arrived back into one of them.

use prost::Message;

use crate::{authorization, binding, settlement};

/// A message that is published as a fact.
pub trait Event: Message + Default {
    /// Where it is published.
    const SUBJECT: &'static str;

    /// What orders it: facts of one key are published in the order in which they were committed.
    fn key(&self) -> &str;
}

/// Why bytes from the bus are not a fact.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Nothing in this build is published on that subject.
    #[error("no fact of this build is published on {0:?}")]
    UnknownSubject(String),
    /// The payload is not the message of that subject.
    #[error("the payload of {subject:?} cannot be decoded")]
    Payload {
        /// The subject it came on.
        subject: String,
        /// What the decoder said.
        source: prost::DecodeError,
    },
}

macro_rules! facts {
    ($($service:literal { $($variant:ident: $message:path = $fact:literal, $key:expr;)* })*) => {
        $($(
            impl Event for $message {
                const SUBJECT: &'static str = concat!("gongji.v1.", $service, ".", $fact);

                fn key(&self) -> &str {
                    let key: fn(&Self) -> &str = $key;
                    key(self)
                }
            }
        )*)*

        /// Everything that is ever published.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Fact {
            $($(
                #[doc = concat!("`gongji.v1.", $service, ".", $fact, "`")]
                $variant($message),
            )*)*
        }

        impl Fact {
            /// Every subject of the catalogue.
            pub const SUBJECTS: &'static [&'static str] = &[$($(<$message>::SUBJECT),*),*];

            /// The fact that arrived on `subject`.
            pub fn decode(subject: &str, payload: &[u8]) -> Result<Self, Malformed> {
                match subject {
                    $($(
                        <$message>::SUBJECT => Message::decode(payload)
                            .map(Self::$variant)
                            .map_err(|source| Malformed::Payload { subject: subject.to_owned(), source }),
                    )*)*
                    _ => Err(Malformed::UnknownSubject(subject.to_owned())),
                }
            }
        }
    };
}

fn binding_of(terms: Option<&binding::v1::BindingTerms>) -> &str {
    terms.map_or("", |terms| &terms.binding_id)
}

fn mandate_of(mandate: Option<&authorization::v1::Mandate>) -> &str {
    mandate.map_or("", |mandate| &mandate.binding_id)
}

facts! {
    "binding" {
        Enrolled: binding::v1::Enrolled = "enrolled", |fact| &fact.account_id;
        Requested: binding::v1::Requested = "requested", |fact| binding_of(fact.terms.as_ref());
        Declined: binding::v1::Declined = "declined", |fact| binding_of(fact.terms.as_ref());
        Expired: binding::v1::Expired = "expired", |fact| binding_of(fact.terms.as_ref());
        Rejected: binding::v1::Rejected = "rejected", |fact| binding_of(fact.terms.as_ref());
        Bound: binding::v1::Bound = "bound", |fact| binding_of(fact.terms.as_ref());
        Unbinding: binding::v1::Unbinding = "unbinding", |fact| binding_of(fact.terms.as_ref());
        Unbound: binding::v1::Unbound = "unbound", |fact| binding_of(fact.terms.as_ref());
        DisplayLinked: binding::v1::DisplayLinked = "display_linked", |fact| &fact.display_link_id;
        DisplayUnlinked: binding::v1::DisplayUnlinked = "display_unlinked", |fact| &fact.display_link_id;
    }
    "authorization" {
        MandateGranted: authorization::v1::MandateGranted = "mandate_granted", |fact| mandate_of(fact.mandate.as_ref());
        MandateTightening: authorization::v1::MandateTightening = "mandate_tightening", |fact| mandate_of(fact.mandate.as_ref());
        MandateChanged: authorization::v1::MandateChanged = "mandate_changed", |fact| mandate_of(fact.mandate.as_ref());
    }
    "settlement" {
        Charged: settlement::v1::Charged = "charged", |fact| &fact.settlement_id;
        Cancelled: settlement::v1::Cancelled = "cancelled", |fact| &fact.settlement_id;
        Refunded: settlement::v1::Refunded = "refunded", |fact| &fact.settlement_id;
        BalanceChanged: settlement::v1::BalanceChanged = "balance_changed", |fact| &fact.account_id;
        Overdrawn: settlement::v1::Overdrawn = "overdrawn", |fact| &fact.account_id;
        AccountFrozen: settlement::v1::AccountFrozen = "account_frozen", |fact| &fact.account_id;
        AccountUnfrozen: settlement::v1::AccountUnfrozen = "account_unfrozen", |fact| &fact.account_id;
        AccountClosed: settlement::v1::AccountClosed = "account_closed", |fact| &fact.account_id;
        Accepted: settlement::v1::Accepted = "accepted", |fact| &fact.settlement_id;
        GivenUp: settlement::v1::GivenUp = "given_up", |fact| &fact.settlement_id;
        MoneyCame: settlement::v1::MoneyCame = "money_came", |fact| &fact.account_id;
        PermissionCame: settlement::v1::PermissionCame = "permission_came", |fact| &fact.binding_id;
        Fenced: settlement::v1::Fenced = "fenced", |fact| &fact.binding_id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_fact_is_read_back_by_its_subject() {
        let fenced = settlement::v1::Fenced {
            binding_id: "bnd_x".into(),
            version: 3,
            ..Default::default()
        };
        let read = Fact::decode(settlement::v1::Fenced::SUBJECT, &fenced.encode_to_vec()).unwrap();
        assert_eq!(read, Fact::Fenced(fenced));
    }

    #[test]
    fn an_unknown_subject_and_a_broken_payload_are_told_apart() {
        assert!(matches!(
            Fact::decode("gongji.v1.settlement.dreamt", &[]),
            Err(Malformed::UnknownSubject(_))
        ));
        assert!(matches!(
            Fact::decode("gongji.v1.settlement.fenced", &[0xff]),
            Err(Malformed::Payload { .. })
        ));
    }

    #[test]
    fn every_subject_is_gongji_v1_service_fact_and_its_own() {
        let unique: std::collections::BTreeSet<_> = Fact::SUBJECTS.iter().collect();
        assert_eq!(unique.len(), Fact::SUBJECTS.len());
        for subject in Fact::SUBJECTS {
            assert_eq!(subject.split('.').count(), 4, "{subject}");
            assert!(subject.starts_with("gongji.v1."), "{subject}");
        }
    }
}
