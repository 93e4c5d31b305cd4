//! The enforced copy of bindings and mandates, and the limit counters.

use std::collections::BTreeMap;

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::{AccountId, BindingId, Date, Fen, PersonId, Usage};
use policy::Usages;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, column, touched, word};
use crate::book::Window;
use crate::enforced::{Binding, BindingState, Enforced, Mandate, MandateState, Parties};

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
    per_month_fen: Option<i64>,
    usages: Vec<String>,
    fenced_for_ever: bool,
    mandate_fence: i64,
    used_fen: Option<i64>,
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
            per_transaction: self.per_transaction_fen.map(Fen::new),
            per_month: self.per_month_fen.map(Fen::new),
            usages: word("enforced", "usages", id, usages)?,
        }))
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

/// The permissions under which somebody may pay for these people, and what of each was used in the month of `month`.
///
/// For a decision this must be a later statement than the locks: the snapshot of one that waited would be older than they are.
pub async fn look(
    conn: &mut PgConnection,
    beneficiaries: &[PersonId],
    month: Date,
) -> Result<Vec<(Enforced, Fen)>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.look_at_enforced
        SELECT e.binding_id, contributor_person_id, contributor_account_id, beneficiary_person_id,
               beneficiary_account_id, binding_version, binding_state, bound_at, effective_from, valid_until,
               mandate_version, mandate_state, rank, per_transaction_fen, per_month_fen, usages, fenced_for_ever,
               mandate_fence, u.used_fen AS "used_fen?"
        FROM enforced e
        LEFT JOIN limit_used u ON u.binding_id = e.binding_id AND u.window_kind = 'MONTH' AND u.window_start = $2
        WHERE e.beneficiary_person_id = ANY ($1) AND NOT e.fenced_for_ever
        "#,
        &column(beneficiaries, |id| id.uuid()),
        month.to_sqlx(),
    )
    .fetch_all(conn)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let used = Fen::new(row.used_fen.unwrap_or(0));
        found.push((Enforced::try_from(row)?, used));
    }
    Ok(found)
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

/// What was used in windows that are not the current month's: those of bills that are being cancelled.
pub async fn look_at_used(
    conn: &mut PgConnection,
    windows: &[Window],
) -> Result<BTreeMap<Window, Fen>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.look_at_used
        SELECT u.binding_id, u.window_start, u.used_fen
        FROM unnest($1::uuid[], $2::text[]) AS wanted (binding_id, window_start)
        JOIN limit_used u ON u.binding_id = wanted.binding_id
            AND u.window_kind = 'MONTH' AND u.window_start = wanted.window_start::date
        "#,
        &column(windows, |(binding, _)| binding.uuid()),
        &column(windows, |(_, start)| start.to_string()),
    )
    .fetch_all(conn)
    .await?;
    let used = rows.into_iter().map(|row| {
        (
            (
                BindingId::from_uuid(row.binding_id),
                row.window_start.to_jiff(),
            ),
            Fen::new(row.used_fen),
        )
    });
    Ok(used.collect())
}

/// Writes what is used of windows, guarded by the contributors' accounts.
pub async fn write_used(
    conn: &mut PgConnection,
    windows: &[(Window, Fen)],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.write_used
        INSERT INTO limit_used (binding_id, window_kind, window_start, used_fen)
        SELECT binding_id, 'MONTH', window_start::date, used_fen
        FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS now (binding_id, window_start, used_fen)
        ON CONFLICT (binding_id, window_kind, window_start) DO UPDATE SET used_fen = EXCLUDED.used_fen
        "#,
        &column(windows, |((binding, _), _)| binding.uuid()),
        &column(windows, |((_, start), _)| start.to_string()),
        &column(windows, |(_, used)| used.get()),
    )
    .execute(conn)
    .await?;
    Ok(())
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
               mandate_version, mandate_state, rank, per_transaction_fen, per_month_fen, usages, fenced_for_ever,
               mandate_fence, NULL::bigint AS "used_fen?"
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

/// Writes both sides and the fences of locked rows.
pub async fn write(conn: &mut PgConnection, enforced: &[Enforced]) -> Result<(), StoreError> {
    let binding = |row: &Enforced| row.binding;
    let mandate = |row: &Enforced| row.mandate;
    let state = |row: &Enforced| binding(row).map(|binding| binding.state.code().to_owned());
    let usages = |row: &Enforced| {
        let codes: Vec<_> = mandate(row)
            .iter()
            .flat_map(|mandate| mandate.usages.iter())
            .map(Usage::code)
            .collect();
        codes.join(" ")
    };
    let done = sqlx::query!(
        r#"
        -- settlement.write_enforced
        UPDATE enforced SET
            binding_version = now.binding_version, binding_state = now.binding_state, bound_at = now.bound_at,
            effective_from = now.effective_from, valid_until = now.valid_until,
            mandate_version = now.mandate_version, mandate_state = now.mandate_state, rank = now.rank,
            per_transaction_fen = now.per_transaction_fen, per_month_fen = now.per_month_fen,
            usages = string_to_array(now.usages, ' '),
            fenced_for_ever = now.fenced_for_ever, mandate_fence = now.mandate_fence
        FROM unnest(
            $1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
            $7::bigint[], $8::text[], $9::integer[], $10::bigint[], $11::bigint[], $12::text[], $13::boolean[],
            $14::bigint[])
            AS now (binding_id, binding_version, binding_state, bound_at, effective_from, valid_until,
                    mandate_version, mandate_state, rank, per_transaction_fen, per_month_fen, usages,
                    fenced_for_ever, mandate_fence)
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
        &column(enforced, |row| mandate(row).and_then(|mandate| mandate.per_transaction).map(Fen::get)) as &[Option<i64>],
        &column(enforced, |row| mandate(row).and_then(|mandate| mandate.per_month).map(Fen::get)) as &[Option<i64>],
        &column(enforced, usages),
        &column(enforced, |row| row.fenced_for_ever),
        &column(enforced, |row| row.mandate_fence),
    )
    .execute(conn)
    .await?;
    touched(
        "settlement.write_enforced",
        done.rows_affected(),
        enforced.len(),
    )
}
