//! The enforced copy of bindings and mandates.

use std::collections::BTreeMap;

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::{AccountId, BindingId, Fen, PersonId, Usage};
use policy::Usages;
use policy::plan::limits::Caps;
use policy::values::Share;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, column, touched, word};
use crate::enforced::{
    Binding, BindingState, Enforced, Mandate, MandateScope, MandateState, Parties,
};
use crate::institution::Kind;

struct Row {
    binding_id: Uuid,
    contributor_person_id: Uuid,
    contributor_account_id: Uuid,
    beneficiary_person_id: Uuid,
    beneficiary_account_id: Uuid,
    binding_version: i64,
    binding_state: Option<String>,
    bound_at: Option<jiff_sqlx::Timestamp>,
    effective_from: Option<jiff_sqlx::Timestamp>,
    valid_until: Option<jiff_sqlx::Timestamp>,
    mandate_version: i64,
    mandate_state: Option<String>,
    rank: Option<i32>,
    per_transaction_fen: Option<i64>,
    per_day_fen: Option<i64>,
    per_month_fen: Option<i64>,
    per_year_fen: Option<i64>,
    total_fen: Option<i64>,
    share_of_balance: Option<i32>,
    usages: Vec<String>,
    mandate_kinds: Vec<String>,
    mandate_institutions: Vec<String>,
    mandate_from: Option<jiff_sqlx::Date>,
    mandate_until: Option<jiff_sqlx::Date>,
    fenced_for_ever: bool,
    mandate_fence: i64,
}

impl Row {
    fn binding(&self, id: BindingId) -> Result<Option<Binding>, Corrupt> {
        let (Some(state), Some(bound_at), Some(from)) =
            (&self.binding_state, self.bound_at, self.effective_from)
        else {
            return Ok(None);
        };
        Ok(Some(Binding {
            version: self.binding_version,
            state: word(
                "enforced",
                "binding_state",
                id,
                BindingState::from_code(state),
            )?,
            bound_at: bound_at.to_jiff(),
            effective_from: from.to_jiff(),
            valid_until: self.valid_until.map(jiff_sqlx::Timestamp::to_jiff),
        }))
    }

    fn mandate(&self, id: BindingId) -> Result<Option<Mandate>, Corrupt> {
        let (Some(state), Some(rank)) = (&self.mandate_state, self.rank) else {
            return Ok(None);
        };
        let usages: Option<Usages> = self
            .usages
            .iter()
            .map(|code| Usage::from_code(code))
            .collect();
        Ok(Some(Mandate {
            version: self.mandate_version,
            state: word(
                "enforced",
                "mandate_state",
                id,
                MandateState::from_code(state),
            )?,
            rank,
            caps: self.caps(id)?,
            usages: word("enforced", "usages", id, usages)?,
            scope: self.scope(id)?,
        }))
    }

    fn scope(&self, id: BindingId) -> Result<MandateScope, Corrupt> {
        let kinds = self.mandate_kinds.iter().map(|code| Kind::from_code(code));
        Ok(MandateScope {
            kinds: word("enforced", "mandate_kinds", id, kinds.collect())?,
            institutions: self.mandate_institutions.clone(),
            from: self.mandate_from.map(jiff_sqlx::Date::to_jiff),
            until: self.mandate_until.map(jiff_sqlx::Date::to_jiff),
        })
    }

    fn caps(&self, id: BindingId) -> Result<Caps, Corrupt> {
        let share = self.share_of_balance.map(|points| {
            let share = u16::try_from(points).ok().and_then(Share::new);
            word("enforced", "share_of_balance", id, share)
        });
        Ok(Caps {
            per_transaction: self.per_transaction_fen.map(Fen::new),
            per_day: self.per_day_fen.map(Fen::new),
            per_month: self.per_month_fen.map(Fen::new),
            per_year: self.per_year_fen.map(Fen::new),
            total: self.total_fen.map(Fen::new),
            share: share.transpose()?,
        })
    }
}

impl TryFrom<Row> for Enforced {
    type Error = Corrupt;

    fn try_from(row: Row) -> Result<Self, Corrupt> {
        let id = BindingId::from_uuid(row.binding_id);
        Ok(Self {
            id,
            parties: Parties {
                contributor: PersonId::from_uuid(row.contributor_person_id),
                contributor_account: AccountId::from_uuid(row.contributor_account_id),
                beneficiary: PersonId::from_uuid(row.beneficiary_person_id),
                beneficiary_account: AccountId::from_uuid(row.beneficiary_account_id),
            },
            binding: row.binding(id)?,
            mandate: row.mandate(id)?,
            fenced_for_ever: row.fenced_for_ever,
            mandate_fence: row.mandate_fence,
        })
    }
}

/// The permissions under which somebody may pay for these people.
///
/// For a decision this must be a later statement than the locks: the snapshot of one that waited would be older than they are.
pub async fn look(
    conn: &mut PgConnection,
    beneficiaries: &[PersonId],
) -> Result<Vec<Enforced>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.look_at_enforced
        SELECT binding_id, contributor_person_id, contributor_account_id, beneficiary_person_id,
               beneficiary_account_id, binding_version, binding_state, bound_at, effective_from, valid_until,
               mandate_version, mandate_state, rank, per_transaction_fen, per_day_fen, per_month_fen, per_year_fen,
               total_fen, share_of_balance, usages, mandate_kinds, mandate_institutions, mandate_from, mandate_until,
               fenced_for_ever, mandate_fence
        FROM enforced
        WHERE beneficiary_person_id = ANY ($1) AND NOT fenced_for_ever
        "#,
        &column(beneficiaries, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| row.try_into().map_err(StoreError::Corrupt))
        .collect()
}

/// Whom each of these accounts may pay for.
pub async fn aided(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<BTreeMap<AccountId, Vec<PersonId>>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.look_at_aided
        SELECT DISTINCT contributor_account_id, beneficiary_person_id FROM enforced
        WHERE contributor_account_id = ANY ($1) AND NOT fenced_for_ever AND binding_state = 'BOUND'
        ORDER BY contributor_account_id, beneficiary_person_id
        "#,
        &column(accounts, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    let mut aided: BTreeMap<AccountId, Vec<PersonId>> = BTreeMap::new();
    for row in rows {
        aided
            .entry(AccountId::from_uuid(row.contributor_account_id))
            .or_default()
            .push(PersonId::from_uuid(row.beneficiary_person_id));
    }
    Ok(aided)
}

/// Makes sure that there is a row for each of these bindings, and locks them; sorted by id and each once. Two consumers,
/// one per stream, may hear of a binding at the same moment.
pub async fn lock(
    conn: &mut PgConnection,
    wanted: &[Enforced],
) -> Result<Vec<Enforced>, StoreError> {
    sqlx::query!(
        r#"
        -- settlement.open_enforced
        INSERT INTO enforced
            (binding_id, contributor_person_id, contributor_account_id, beneficiary_person_id, beneficiary_account_id)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[])
        ON CONFLICT DO NOTHING
        "#,
        &column(wanted, |enforced| enforced.id.uuid()),
        &column(wanted, |enforced| enforced.parties.contributor.uuid()),
        &column(wanted, |enforced| enforced.parties.contributor_account.uuid()),
        &column(wanted, |enforced| enforced.parties.beneficiary.uuid()),
        &column(wanted, |enforced| enforced.parties.beneficiary_account.uuid()),
    )
    .execute(&mut *conn)
    .await?;
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.lock_enforced
        SELECT binding_id, contributor_person_id, contributor_account_id, beneficiary_person_id,
               beneficiary_account_id, binding_version, binding_state, bound_at, effective_from, valid_until,
               mandate_version, mandate_state, rank, per_transaction_fen, per_day_fen, per_month_fen, per_year_fen,
               total_fen, share_of_balance, usages, mandate_kinds, mandate_institutions, mandate_from, mandate_until,
               fenced_for_ever, mandate_fence
        FROM enforced
        WHERE binding_id = ANY ($1)
        ORDER BY binding_id
        FOR UPDATE
        "#,
        &column(wanted, |enforced| enforced.id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| row.try_into().map_err(StoreError::Corrupt))
        .collect()
}

fn mandate(row: &Enforced) -> Option<&Mandate> {
    row.mandate.as_ref()
}

fn state(row: &Enforced) -> Option<String> {
    row.binding.map(|binding| binding.state.code().to_owned())
}

fn scope(row: &Enforced, of: fn(&MandateScope) -> Vec<&str>) -> String {
    let codes = mandate(row).map(|mandate| of(&mandate.scope).join(" "));
    codes.unwrap_or_default()
}

fn usages(row: &Enforced) -> String {
    let usages = mandate(row)
        .into_iter()
        .flat_map(|mandate| mandate.usages.iter());
    usages.map(Usage::code).collect::<Vec<_>>().join(" ")
}

fn share(row: &Enforced) -> Option<i32> {
    let share = mandate(row).and_then(|mandate| mandate.caps.share);
    share.map(|share| i32::from(share.basis_points()))
}

/// Writes both sides and the fences of locked rows.
pub async fn write(conn: &mut PgConnection, enforced: &[Enforced]) -> Result<(), StoreError> {
    let binding = |row: &Enforced| row.binding;
    let done = sqlx::query!(
        r#"
        -- settlement.write_enforced
        UPDATE enforced SET
            binding_version = now.binding_version, binding_state = now.binding_state, bound_at = now.bound_at,
            effective_from = now.effective_from, valid_until = now.valid_until,
            mandate_version = now.mandate_version, mandate_state = now.mandate_state, rank = now.rank,
            per_transaction_fen = now.per_transaction_fen, per_day_fen = now.per_day_fen,
            per_month_fen = now.per_month_fen, per_year_fen = now.per_year_fen, total_fen = now.total_fen,
            share_of_balance = now.share_of_balance, usages = string_to_array(now.usages, ' '),
            fenced_for_ever = now.fenced_for_ever, mandate_fence = now.mandate_fence,
            mandate_kinds = string_to_array(now.mandate_kinds, ' '),
            mandate_institutions = string_to_array(now.mandate_institutions, ' '),
            mandate_from = now.mandate_from, mandate_until = now.mandate_until
        FROM unnest(
            $1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
            $7::bigint[], $8::text[], $9::integer[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
            $14::bigint[], $15::integer[], $16::text[], $17::boolean[], $18::bigint[], $19::text[], $20::text[],
            $21::date[], $22::date[])
            AS now (binding_id, binding_version, binding_state, bound_at, effective_from, valid_until,
                    mandate_version, mandate_state, rank, per_transaction_fen, per_day_fen, per_month_fen,
                    per_year_fen, total_fen, share_of_balance, usages, fenced_for_ever, mandate_fence, mandate_kinds,
                    mandate_institutions, mandate_from, mandate_until)
        WHERE enforced.binding_id = ANY ($1) AND enforced.binding_id = now.binding_id
        "#,
        &column(enforced, |row| row.id.uuid()),
        &column(enforced, |row| binding(row).map_or(0, |binding| binding.version)),
        &column(enforced, state) as &[Option<String>],
        &column(enforced, |row| binding(row).map(|binding| binding.bound_at.to_sqlx())) as &[Option<jiff_sqlx::Timestamp>],
        &column(enforced, |row| binding(row).map(|binding| binding.effective_from.to_sqlx())) as &[Option<jiff_sqlx::Timestamp>],
        &column(enforced, |row| binding(row).and_then(|binding| binding.valid_until).map(ToSqlx::to_sqlx)) as &[Option<jiff_sqlx::Timestamp>],
        &column(enforced, |row| mandate(row).map_or(0, |mandate| mandate.version)),
        &column(enforced, |row| mandate(row).map(|mandate| mandate.state.code().to_owned())) as &[Option<String>],
        &column(enforced, |row| mandate(row).map(|mandate| mandate.rank)) as &[Option<i32>],
        &limits(enforced, |caps| caps.per_transaction) as &[Option<i64>],
        &limits(enforced, |caps| caps.per_day) as &[Option<i64>],
        &limits(enforced, |caps| caps.per_month) as &[Option<i64>],
        &limits(enforced, |caps| caps.per_year) as &[Option<i64>],
        &limits(enforced, |caps| caps.total) as &[Option<i64>],
        &column(enforced, share) as &[Option<i32>],
        &column(enforced, usages),
        &column(enforced, |row| row.fenced_for_ever),
        &column(enforced, |row| row.mandate_fence),
        &column(enforced, |row| scope(row, |it| it.kinds.iter().map(|kind| kind.code()).collect())),
        &column(enforced, |row| scope(row, |it| it.institutions.iter().map(String::as_str).collect())),
        &column(enforced, |row| mandate(row).and_then(|mandate| mandate.scope.from).map(ToSqlx::to_sqlx)) as &[Option<jiff_sqlx::Date>],
        &column(enforced, |row| mandate(row).and_then(|mandate| mandate.scope.until).map(ToSqlx::to_sqlx)) as &[Option<jiff_sqlx::Date>],
    )
    .execute(conn)
    .await?;
    touched(
        "settlement.write_enforced",
        done.rows_affected(),
        enforced.len(),
    )
}

fn limits(enforced: &[Enforced], of: impl Fn(&Caps) -> Option<Fen>) -> Vec<Option<i64>> {
    column(enforced, |row| {
        let caps = row.mandate.as_ref().map(|mandate| mandate.caps)?;
        of(&caps).map(Fen::get)
    })
}
