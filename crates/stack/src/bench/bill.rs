//! The bills of a run: each number is one bill, and everything about it follows from the number.
//!
//! So a million bills need no memory, the seed and the callers agree without talking, and every answer can be checked.
//! A bill takes all of its patient's own money, therefore each has a patient of its own, as at a real counter.
//! Who pays the rest is drawn evenly from all contributors.

use kernel::{AccountId, BindingId, Fen, PersonId, Timestamp};
use proto::common::v1 as common;
use proto::settlement::v1 as pb;
use uuid::Uuid;

/// Where everybody is insured: a region with one contributor per beneficiary.
pub const REGION: &str = "320600";

/// What a contributor has: more than any run takes, also if it takes all from one.
pub const CONTRIBUTOR_FEN: i64 = 1_000_000_000_000;

/// The kinds of ids a run makes up. The number is their place in the id.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    ContributorPerson,
    ContributorAccount,
    ContributorOpening,
    PatientPerson,
    PatientAccount,
    PatientOpening,
    Binding,
    Token,
}

impl Kind {
    const fn number(self) -> u128 {
        match self {
            Self::ContributorPerson => 1,
            Self::ContributorAccount => 2,
            Self::ContributorOpening => 3,
            Self::PatientPerson => 4,
            Self::PatientAccount => 5,
            Self::PatientOpening => 6,
            Self::Binding => 7,
            Self::Token => 8,
        }
    }
}

/// The people of a run.
#[derive(Debug, Clone, Copy)]
pub struct Town {
    /// When its people were enrolled and their accounts opened.
    pub founded: Timestamp,
    /// How many contributors there are.
    pub contributors: u32,
    /// Whether one of them pays every bill.
    pub one_pays_all: bool,
}

/// One bill, one patient.
#[derive(Debug, Clone, Copy)]
pub struct Bill {
    town: Town,
    /// From 0.
    pub number: u32,
}

impl Town {
    /// An id of this kind: as an id made when the town was founded would look, and sorted by number.
    pub fn id(&self, kind: Kind, number: u32) -> Uuid {
        let born = u128::try_from(self.founded.as_millisecond()).expect("a run is after 1970");
        Uuid::from_u128(
            born << 80 | 7 << 76 | kind.number() << 64 | 0b10 << 62 | u128::from(number),
        )
    }

    /// The bill with this number.
    pub const fn bill(self, number: u32) -> Bill {
        Bill { town: self, number }
    }
}

impl Bill {
    /// Whose bill it is.
    pub fn patient(&self) -> PersonId {
        PersonId::from_uuid(self.town.id(Kind::PatientPerson, self.number))
    }

    /// The patient's account.
    pub fn patient_account(&self) -> AccountId {
        AccountId::from_uuid(self.town.id(Kind::PatientAccount, self.number))
    }

    /// Which contributor pays what the patient cannot.
    pub fn contributor(&self) -> u32 {
        if self.town.one_pays_all {
            return 0;
        }
        let drawn = scatter(u64::from(self.number)) % u64::from(self.town.contributors);
        u32::try_from(drawn).expect("a remainder is less than its divisor")
    }

    /// That contributor's account.
    pub fn contributor_account(&self) -> AccountId {
        AccountId::from_uuid(self.town.id(Kind::ContributorAccount, self.contributor()))
    }

    /// The binding between the two.
    pub fn binding(&self) -> BindingId {
        BindingId::from_uuid(self.town.id(Kind::Binding, self.number))
    }

    /// What the patient has, and pays.
    pub fn own(&self) -> Fen {
        Fen::new(500 + i64::from(self.number % 1_500))
    }

    /// What the contributor pays.
    pub fn aid(&self) -> Fen {
        Fen::new(1_000 + i64::from(self.number % 4_001))
    }

    /// The whole bill.
    pub fn total(&self) -> Fen {
        self.own().checked_add(self.aid()).expect("both are small")
    }

    /// The e-credential token that the patient shows: region, `ec`, 32 characters.
    pub fn token(&self) -> String {
        format!(
            "{REGION}ec{:032x}",
            self.town.id(Kind::Token, self.number).as_u128()
        )
    }

    /// The request as `institution` sends it: two fee lines, the token, a number nobody used before.
    pub fn request(&self, institution: &str) -> pb::SettleRequest {
        let line = |line_no: &str, item: &str, amount: Fen| pb::FeeLine {
            line_no: line_no.to_owned(),
            item_code: item.to_owned(),
            amount_fen: amount.get(),
            quantity_e4: 0,
        };
        pb::SettleRequest {
            msgid: format!("{institution}{:018}", self.number),
            bill: Some(pb::Bill {
                credential: Some(common::Credential {
                    kind: common::CredentialKind::ECredential.into(),
                    number: self.token(),
                }),
                usage: common::Usage::PharmacyDrug.into(),
                total_fen: self.total().get(),
                lines: vec![
                    line("1", "XA02BCA001B", self.own()),
                    line("2", "ZA01AAX0012", self.aid()),
                ],
                ..pb::Bill::default()
            }),
            ..pb::SettleRequest::default()
        }
    }

    /// What is wrong with an answer; none if it is settled and split as it must be, to the fen.
    pub fn wrong(&self, answer: &pb::SettleResponse) -> Option<String> {
        use pb::settle_response::Outcome;
        let settlement = match &answer.outcome {
            Some(Outcome::Settlement(settlement)) => settlement,
            Some(Outcome::Declined(reason)) => return Some(format!("declined: {}", reason.en)),
            Some(Outcome::Stale(_)) | None => return Some("an empty answer".to_owned()),
        };
        let split = settlement.split.clone().unwrap_or_default();
        let amounts = [
            split.total_fen,
            split.pooled_fen,
            split.own_fen,
            split.aid_fen,
            split.cash_fen,
        ];
        let expected = [self.total().get(), 0, self.own().get(), self.aid().get(), 0];
        if amounts != expected {
            return Some(format!(
                "total, pooled, own, aid, cash are {amounts:?}, not {expected:?}"
            ));
        }
        let legs: Vec<_> = split
            .legs
            .iter()
            .map(|leg| (leg.account_id.clone(), leg.amount_fen))
            .collect();
        let expected = [
            (self.patient_account().to_string(), self.own().get()),
            (self.contributor_account().to_string(), self.aid().get()),
        ];
        (legs != expected).then(|| format!("the legs are {legs:?}, not {expected:?}"))
    }
}

/// Spreads consecutive numbers evenly over all of them (the finalizer of `SplitMix64`).
const fn scatter(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn town() -> Town {
        Town {
            founded: "2026-01-02T03:04:05Z".parse().unwrap(),
            contributors: 100,
            one_pays_all: false,
        }
    }

    #[test]
    fn ids_are_of_version_seven_and_all_different() {
        let town = town();
        let ids: BTreeSet<_> = (0..100)
            .flat_map(|number| {
                [
                    town.id(Kind::PatientPerson, number),
                    town.id(Kind::PatientAccount, number),
                ]
            })
            .collect();
        assert_eq!(ids.len(), 200);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn contributors_are_drawn_evenly() {
        let mut drawn = [0_u32; 100];
        for number in 0..100_000 {
            drawn[usize::try_from(town().bill(number).contributor()).unwrap()] += 1;
        }
        assert!(
            drawn.iter().all(|times| (800..1_200).contains(times)),
            "{drawn:?}"
        );
    }

    #[test]
    fn a_request_keeps_to_the_lengths_of_the_interface() {
        let request = town().bill(7).request("B00000000001");
        assert_eq!(request.msgid.len(), 30);
        let bill = request.bill.unwrap();
        assert_eq!(bill.credential.unwrap().number.len(), 40);
        assert_eq!(
            bill.lines.iter().map(|line| line.amount_fen).sum::<i64>(),
            bill.total_fen
        );
    }

    #[test]
    fn an_answer_is_right_to_the_fen_or_wrong() {
        let bill = town().bill(3);
        let leg = |account: AccountId, amount: Fen| pb::Leg {
            account_id: account.to_string(),
            amount_fen: amount.get(),
            ..Default::default()
        };
        let answer = |own: i64| pb::SettleResponse {
            outcome: Some(pb::settle_response::Outcome::Settlement(pb::Settlement {
                split: Some(pb::Split {
                    total_fen: bill.total().get(),
                    own_fen: own,
                    aid_fen: bill.aid().get(),
                    legs: vec![
                        leg(bill.patient_account(), Fen::new(own)),
                        leg(bill.contributor_account(), bill.aid()),
                    ],
                    ..Default::default()
                }),
                ..Default::default()
            })),
        };
        assert_eq!(bill.wrong(&answer(bill.own().get())), None);
        assert!(bill.wrong(&answer(bill.own().get() - 1)).is_some());
        assert!(bill.wrong(&pb::SettleResponse::default()).is_some());
    }
}
