//! A mandate as it is stored, and what it says.

use chassis::db::Corrupt;
use kernel::{AccountId, BindingId, Fen, PersonId, Usage};
use sqlx::types::Uuid;

use crate::mandate::{
    Facts, Kind, Limit, Limits, Mandate, Places, Rank, Side, State, Terms, Uses, Validity, Version,
    share,
};

const TABLE: &str = "mandate";

/// A row of `mandate`.
pub(super) struct Row {
    pub(super) binding_id: Uuid,
    pub(super) version: i64,
    pub(super) state: String,
    pub(super) contributor_person_id: Uuid,
    pub(super) contributor_account_id: Uuid,
    pub(super) contributor_region: String,
    pub(super) beneficiary_person_id: Uuid,
    pub(super) beneficiary_account_id: Uuid,
    pub(super) beneficiary_region: String,
    pub(super) rank: i32,
    pub(super) per_transaction_fen: Option<i64>,
    pub(super) per_day_fen: Option<i64>,
    pub(super) per_month_fen: Option<i64>,
    pub(super) per_year_fen: Option<i64>,
    pub(super) total_fen: Option<i64>,
    pub(super) share_of_balance: Option<i32>,
    pub(super) uses: Vec<String>,
    pub(super) kinds: Vec<String>,
    pub(super) institutions: Vec<String>,
    pub(super) valid_from: Option<jiff_sqlx::Date>,
    pub(super) valid_until: Option<jiff_sqlx::Date>,
    pub(super) changed_at: jiff_sqlx::Timestamp,
}

impl Row {
    fn places(&self) -> Option<Places> {
        let kinds: Option<Vec<_>> = self
            .kinds
            .iter()
            .map(|code| Kind::from_code(code))
            .collect();
        Places::of(kinds?, self.institutions.iter().cloned()).ok()
    }

    fn validity(&self) -> Option<Validity> {
        let day = |day: Option<jiff_sqlx::Date>| day.map(jiff_sqlx::Date::to_jiff);
        Validity::new(day(self.valid_from), day(self.valid_until)).ok()
    }

    fn limits(&self, id: BindingId) -> Result<Limits, Corrupt> {
        let limit = |fen: Option<i64>, column| {
            let read = |fen| Limit::new(column, Fen::new(fen)).ok();
            fen.map(|fen| read(fen).ok_or_else(|| Corrupt::new(TABLE, column, id)))
                .transpose()
        };
        let share_of_balance = self.share_of_balance.map(|points| {
            share("share_of_balance", points)
                .ok()
                .ok_or_else(|| Corrupt::new(TABLE, "share_of_balance", id))
        });
        Ok(Limits {
            per_transaction: limit(self.per_transaction_fen, "per_transaction_fen")?,
            per_day: limit(self.per_day_fen, "per_day_fen")?,
            per_month: limit(self.per_month_fen, "per_month_fen")?,
            per_year: limit(self.per_year_fen, "per_year_fen")?,
            total: limit(self.total_fen, "total_fen")?,
            share_of_balance: share_of_balance.transpose()?,
        })
    }
}

impl TryFrom<Row> for Mandate {
    type Error = Corrupt;

    fn try_from(row: Row) -> Result<Self, Corrupt> {
        let binding_id = BindingId::from_uuid(row.binding_id);
        let corrupt = |column| move || Corrupt::new(TABLE, column, binding_id);
        let region = |text: &str, column| text.parse().ok().ok_or_else(corrupt(column));
        let uses: Option<Vec<_>> = row.uses.iter().map(|code| Usage::from_code(code)).collect();
        let facts = Facts {
            binding_id,
            version: Version::new(row.version).ok_or_else(corrupt("version"))?,
            contributor: Side {
                person_id: PersonId::from_uuid(row.contributor_person_id),
                account_id: AccountId::from_uuid(row.contributor_account_id),
                region: region(&row.contributor_region, "contributor_region")?,
            },
            beneficiary: Side {
                person_id: PersonId::from_uuid(row.beneficiary_person_id),
                account_id: AccountId::from_uuid(row.beneficiary_account_id),
                region: region(&row.beneficiary_region, "beneficiary_region")?,
            },
            terms: Terms {
                rank: Rank::new(row.rank).ok().ok_or_else(corrupt("rank"))?,
                limits: row.limits(binding_id)?,
                uses: uses
                    .and_then(|uses| Uses::of(uses).ok())
                    .ok_or_else(corrupt("uses"))?,
                places: row.places().ok_or_else(corrupt("kinds"))?,
                validity: row.validity().ok_or_else(corrupt("valid_from"))?,
            },
            changed_at: row.changed_at.to_jiff(),
        };
        let state = State::from_code(&row.state).ok_or_else(corrupt("state"))?;
        Ok(Self::stored(state, facts))
    }
}
