//! Rows to nouns. A row that cannot be read names itself.

use chassis::db::Corrupt;
use jiff_sqlx::{Date, Timestamp};
use kernel::{AccountId, BindingId, PersonId, Region, Relation};
use policy::PackVersion;
use uuid::Uuid;

use crate::binding::{
    Asked, Binding, Bound, Declined, Ended, Ending, Party, Pending, Review, State, Terms,
};

const TABLE: &str = "binding";

/// A row of `binding`.
pub struct BindingRow {
    pub binding_id: Uuid,
    pub version: i64,
    pub state: String,
    pub contributor_person: Uuid,
    pub contributor_account: Uuid,
    pub contributor_region: String,
    pub beneficiary_person: Uuid,
    pub beneficiary_account: Uuid,
    pub beneficiary_region: String,
    pub relation: String,
    pub asked_until: Option<Date>,
    pub commitment: Option<Vec<u8>>,
    pub requested_at: Timestamp,
    pub rules: Vec<String>,
    pub bound_at: Option<Timestamp>,
    pub effective_from: Option<Timestamp>,
    pub valid_until: Option<Timestamp>,
    pub ending_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub declined_at: Option<Timestamp>,
    pub confirm_by: Option<Timestamp>,
}

impl BindingRow {
    fn corrupt(&self, column: &'static str) -> Corrupt {
        Corrupt::new(TABLE, column, BindingId::from_uuid(self.binding_id))
    }

    fn terms(&self) -> Option<Terms> {
        Some(Terms {
            bound_at: self.bound_at?.to_jiff(),
            effective_from: self.effective_from?.to_jiff(),
            valid_until: self.valid_until.map(Timestamp::to_jiff),
        })
    }

    fn state(&self) -> Result<State, Corrupt> {
        let [ending, ended, declined] =
            [self.ending_at, self.ended_at, self.declined_at].map(|at| at.map(Timestamp::to_jiff));
        Ok(
            match (self.state.as_str(), self.terms(), ending, ended, declined) {
                ("PENDING_CONFIRM", None, None, None, None) => State::Pending(Pending {
                    confirm_by: self.confirm_by.map(Timestamp::to_jiff),
                }),
                ("PENDING_REVIEW", None, None, None, None) => State::Review(Review),
                ("BOUND", Some(terms), None, None, None) => State::Bound(Bound { terms }),
                ("ENDING", Some(terms), Some(since), None, None) => {
                    State::Ending(Ending { terms, since })
                }
                ("ENDED", None, None, Some(at), None) => State::Ended(Ended::Withdrawn { at }),
                ("ENDED", Some(terms), Some(since), Some(at), None) => {
                    State::Ended(Ended::Fenced { terms, since, at })
                }
                ("DECLINED", None, None, None, Some(at)) => State::Declined(Declined { at }),
                ("EXPIRED", None, None, None, Some(at)) => State::Expired(Declined { at }),
                ("REJECTED", None, None, None, Some(at)) => State::Rejected(Declined { at }),
                _ => return Err(self.corrupt("state")),
            },
        )
    }

    fn asked(&self) -> Result<Asked, Corrupt> {
        let region = |column, text: &str| {
            text.parse::<Region>()
                .ok()
                .ok_or_else(|| self.corrupt(column))
        };
        let commitment = self
            .commitment
            .as_deref()
            .map(<[u8; 32]>::try_from)
            .transpose();
        Ok(Asked {
            contributor: Party {
                person: PersonId::from_uuid(self.contributor_person),
                account: AccountId::from_uuid(self.contributor_account),
                region: region("contributor_region", &self.contributor_region)?,
            },
            beneficiary: Party {
                person: PersonId::from_uuid(self.beneficiary_person),
                account: AccountId::from_uuid(self.beneficiary_account),
                region: region("beneficiary_region", &self.beneficiary_region)?,
            },
            relation: Relation::from_code(&self.relation)
                .ok_or_else(|| self.corrupt("relation"))?,
            until: self.asked_until.map(Date::to_jiff),
            commitment: commitment.ok().ok_or_else(|| self.corrupt("commitment"))?,
            at: self.requested_at.to_jiff(),
        })
    }
}

impl TryFrom<BindingRow> for Binding {
    type Error = Corrupt;

    fn try_from(row: BindingRow) -> Result<Self, Corrupt> {
        Ok(Self {
            id: BindingId::from_uuid(row.binding_id),
            version: row.version,
            asked: row.asked()?,
            rules: row
                .rules
                .iter()
                .map(|version| PackVersion::from_text(version))
                .collect(),
            state: row.state()?,
        })
    }
}

/// The columns of `binding` that a change of state writes.
pub struct StateColumns {
    pub state: &'static str,
    pub bound_at: Option<Timestamp>,
    pub effective_from: Option<Timestamp>,
    pub valid_until: Option<Timestamp>,
    pub ending_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub declined_at: Option<Timestamp>,
}

impl From<&Binding> for StateColumns {
    fn from(binding: &Binding) -> Self {
        use jiff_sqlx::ToSqlx as _;
        let terms = binding.terms();
        let (state, ending_at, declined_at) = match binding.state {
            State::Pending(_) => ("PENDING_CONFIRM", None, None),
            State::Bound(_) => ("BOUND", None, None),
            State::Ending(Ending { since, .. }) => ("ENDING", Some(since), None),
            State::Ended(Ended::Fenced { since, .. }) => ("ENDED", Some(since), None),
            State::Ended(Ended::Withdrawn { .. }) => ("ENDED", None, None),
            State::Declined(Declined { at }) => ("DECLINED", None, Some(at)),
            State::Review(_) => ("PENDING_REVIEW", None, None),
            State::Expired(Declined { at }) => ("EXPIRED", None, Some(at)),
            State::Rejected(Declined { at }) => ("REJECTED", None, Some(at)),
        };
        Self {
            state,
            bound_at: terms.map(|terms| terms.bound_at.to_sqlx()),
            effective_from: terms.map(|terms| terms.effective_from.to_sqlx()),
            valid_until: terms
                .and_then(|terms| terms.valid_until)
                .map(jiff_sqlx::ToSqlx::to_sqlx),
            ending_at: ending_at.map(jiff_sqlx::ToSqlx::to_sqlx),
            ended_at: binding.ended_at().map(jiff_sqlx::ToSqlx::to_sqlx),
            declined_at: declined_at.map(jiff_sqlx::ToSqlx::to_sqlx),
        }
    }
}
