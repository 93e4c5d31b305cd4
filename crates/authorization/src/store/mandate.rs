//! Mandates as rows: how they stand, and every version they had.
//!
//! Each statement takes any number of mandates, in arrays: one is a batch of one. Rows are claimed and locked in the
//! order of their binding ids, so that no two transactions wait for each other.

use jiff_sqlx::ToSqlx;
use kernel::{BindingId, PersonId, Usage};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::StoreError;
use crate::actor::Actor;
use crate::mandate::{Facts, Kind, Limit, Limits, Mandate, Side, Uses};

mod row;

use row::Row;

fn read(rows: Vec<Row>) -> Result<Vec<Mandate>, StoreError> {
    Ok(rows
        .into_iter()
        .map(Mandate::try_from)
        .collect::<Result<_, _>>()?)
}

/// The mandate of a binding.
pub async fn find(
    conn: &mut PgConnection,
    binding_id: BindingId,
) -> Result<Option<Mandate>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        -- authorization.find
        SELECT binding_id, version, state, contributor_person_id, contributor_account_id, contributor_region,
               beneficiary_person_id, beneficiary_account_id, beneficiary_region, rank, per_transaction_fen,
               per_day_fen, per_month_fen, per_year_fen, total_fen, share_of_balance, uses, kinds, institutions,
               valid_from, valid_until, changed_at
        FROM mandate
        WHERE binding_id = $1
        "#,
        binding_id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Mandate::try_from).transpose()?)
}

/// At most `most` mandates in which a person is contributor or beneficiary, newest binding first, those older than `after`.
pub async fn list(
    conn: &mut PgConnection,
    person_id: PersonId,
    after: Option<BindingId>,
    most: i64,
) -> Result<Vec<Mandate>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- authorization.list
        SELECT binding_id, version, state, contributor_person_id, contributor_account_id, contributor_region,
               beneficiary_person_id, beneficiary_account_id, beneficiary_region, rank, per_transaction_fen,
               per_day_fen, per_month_fen, per_year_fen, total_fen, share_of_balance, uses, kinds, institutions,
               valid_from, valid_until, changed_at
        FROM mandate
        WHERE (contributor_person_id = $1 OR beneficiary_person_id = $1)
          AND ($2::uuid IS NULL OR binding_id < $2)
        ORDER BY binding_id DESC
        LIMIT $3
        "#,
        person_id.uuid(),
        after.map(BindingId::uuid),
        most,
    )
    .fetch_all(conn)
    .await?;
    read(rows)
}

/// The mandate of a binding, locked until the transaction ends.
pub async fn lock_one(
    conn: &mut PgConnection,
    binding_id: BindingId,
) -> Result<Option<Mandate>, StoreError> {
    Ok(lock(conn, &[binding_id]).await?.pop())
}

/// The mandates of these bindings that exist, locked until the transaction ends.
pub async fn lock(
    conn: &mut PgConnection,
    binding_ids: &[BindingId],
) -> Result<Vec<Mandate>, StoreError> {
    let ids: Vec<_> = binding_ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- authorization.lock
        SELECT binding_id, version, state, contributor_person_id, contributor_account_id, contributor_region,
               beneficiary_person_id, beneficiary_account_id, beneficiary_region, rank, per_transaction_fen,
               per_day_fen, per_month_fen, per_year_fen, total_fen, share_of_balance, uses, kinds, institutions,
               valid_from, valid_until, changed_at
        FROM mandate
        WHERE binding_id = ANY($1)
        ORDER BY binding_id
        FOR UPDATE
        "#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    read(rows)
}

/// What changes from version to version, one array per column.
struct Changing {
    binding_id: Vec<Uuid>,
    version: Vec<i64>,
    state: Vec<String>,
    rank: Vec<i32>,
    per_transaction_fen: Vec<Option<i64>>,
    per_day_fen: Vec<Option<i64>>,
    per_month_fen: Vec<Option<i64>>,
    per_year_fen: Vec<Option<i64>>,
    total_fen: Vec<Option<i64>>,
    share_of_balance: Vec<Option<i32>>,
    /// Codes joined by commas: Postgres has no array of arrays of different lengths.
    uses: Vec<String>,
    kinds: Vec<String>,
    institutions: Vec<String>,
    valid_from: Vec<Option<jiff_sqlx::Date>>,
    valid_until: Vec<Option<jiff_sqlx::Date>>,
    changed_at: Vec<jiff_sqlx::Timestamp>,
}

impl Changing {
    fn of(mandates: &[&Mandate]) -> Self {
        let facts = || mandates.iter().map(|mandate| mandate.facts());
        let limits = |of: fn(&Limits) -> Option<Limit>| {
            let limit = |it: &Facts| of(&it.terms.limits).map(|limit| limit.amount().get());
            facts().map(limit).collect()
        };
        let share = |limits: &Limits| limits.share_of_balance.map(|it| it.basis_points().into());
        Self {
            binding_id: facts().map(|it| it.binding_id.uuid()).collect(),
            version: facts().map(|it| it.version.get()).collect(),
            state: mandates
                .iter()
                .map(|it| it.state().code().to_owned())
                .collect(),
            rank: facts().map(|it| it.terms.rank.get()).collect(),
            per_transaction_fen: limits(|it| it.per_transaction),
            per_day_fen: limits(|it| it.per_day),
            per_month_fen: limits(|it| it.per_month),
            per_year_fen: limits(|it| it.per_year),
            total_fen: limits(|it| it.total),
            share_of_balance: facts().map(|it| share(&it.terms.limits)).collect(),
            uses: facts().map(|it| joined(it.terms.uses)).collect(),
            kinds: facts()
                .map(|it| commas(it.terms.places.kinds().map(Kind::code)))
                .collect(),
            institutions: facts().map(|it| commas(it.terms.places.named())).collect(),
            valid_from: facts()
                .map(|it| it.terms.validity.from().map(ToSqlx::to_sqlx))
                .collect(),
            valid_until: facts()
                .map(|it| it.terms.validity.until().map(ToSqlx::to_sqlx))
                .collect(),
            changed_at: facts().map(|it| it.changed_at.to_sqlx()).collect(),
        }
    }
}

fn joined(uses: Uses) -> String {
    commas(uses.list().into_iter().map(Usage::code))
}

fn commas<'a>(codes: impl Iterator<Item = &'a str>) -> String {
    codes.collect::<Vec<_>>().join(",")
}

/// Stores mandates whose binding has none yet, and answers which those were.
///
/// This is the claim of a binding: of two transactions that bring its beginning and its end, the second waits here for
/// the first and then finds its row. `mandates` are in the order of their binding ids.
pub async fn insert_new(
    conn: &mut PgConnection,
    mandates: &[&Mandate],
) -> Result<Vec<BindingId>, StoreError> {
    let new = Changing::of(mandates);
    let contributors: Vec<_> = mandates.iter().map(|it| it.facts().contributor).collect();
    let beneficiaries: Vec<_> = mandates.iter().map(|it| it.facts().beneficiary).collect();
    let people =
        |sides: &[Side]| -> Vec<Uuid> { sides.iter().map(|side| side.person_id.uuid()).collect() };
    let accounts =
        |sides: &[Side]| -> Vec<Uuid> { sides.iter().map(|side| side.account_id.uuid()).collect() };
    let regions = |sides: &[Side]| -> Vec<String> {
        sides.iter().map(|side| side.region.to_string()).collect()
    };
    let inserted = sqlx::query_scalar!(
        r#"
        -- authorization.insert_new
        INSERT INTO mandate (binding_id, version, state, rank, per_transaction_fen, per_day_fen, per_month_fen,
                             per_year_fen, total_fen, share_of_balance, uses, changed_at,
                             contributor_person_id, contributor_account_id, contributor_region,
                             beneficiary_person_id, beneficiary_account_id, beneficiary_region,
                             kinds, institutions, valid_from, valid_until)
        SELECT new.binding_id, new.version, new.state, new.rank, new.per_transaction_fen, new.per_day_fen,
               new.per_month_fen, new.per_year_fen, new.total_fen, new.share_of_balance,
               string_to_array(new.uses, ','), new.changed_at,
               new.contributor_person_id, new.contributor_account_id, new.contributor_region,
               new.beneficiary_person_id, new.beneficiary_account_id, new.beneficiary_region,
               string_to_array(new.kinds, ','), string_to_array(new.institutions, ','), new.valid_from, new.valid_until
        FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[],
                    $8::bigint[], $9::bigint[], $10::integer[], $11::text[], $12::timestamptz[], $13::uuid[],
                    $14::uuid[], $15::text[], $16::uuid[], $17::uuid[], $18::text[], $19::text[], $20::text[],
                    $21::date[], $22::date[])
            AS new (binding_id, version, state, rank, per_transaction_fen, per_day_fen, per_month_fen, per_year_fen,
                    total_fen, share_of_balance, uses, changed_at,
                    contributor_person_id, contributor_account_id, contributor_region,
                    beneficiary_person_id, beneficiary_account_id, beneficiary_region,
                    kinds, institutions, valid_from, valid_until)
        ON CONFLICT (binding_id) DO NOTHING
        RETURNING binding_id
        "#,
        &new.binding_id,
        &new.version,
        &new.state,
        &new.rank,
        &new.per_transaction_fen as _,
        &new.per_day_fen as _,
        &new.per_month_fen as _,
        &new.per_year_fen as _,
        &new.total_fen as _,
        &new.share_of_balance as _,
        &new.uses,
        &new.changed_at as _,
        &people(&contributors),
        &accounts(&contributors),
        &regions(&contributors),
        &people(&beneficiaries),
        &accounts(&beneficiaries),
        &regions(&beneficiaries),
        &new.kinds,
        &new.institutions,
        &new.valid_from as _,
        &new.valid_until as _,
    )
    .fetch_all(conn)
    .await?;
    Ok(inserted.into_iter().map(BindingId::from_uuid).collect())
}

/// Stores how locked mandates stand now; each binding once.
pub async fn update(conn: &mut PgConnection, mandates: &[&Mandate]) -> Result<(), StoreError> {
    let new = Changing::of(mandates);
    let updated = sqlx::query!(
        r#"
        -- authorization.update
        UPDATE mandate
        SET version = new.version, state = new.state, rank = new.rank, per_transaction_fen = new.per_transaction_fen,
            per_day_fen = new.per_day_fen, per_month_fen = new.per_month_fen, per_year_fen = new.per_year_fen,
            total_fen = new.total_fen, share_of_balance = new.share_of_balance,
            uses = string_to_array(new.uses, ','), kinds = string_to_array(new.kinds, ','),
            institutions = string_to_array(new.institutions, ','), valid_from = new.valid_from,
            valid_until = new.valid_until, changed_at = new.changed_at
        FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[],
                    $8::bigint[], $9::bigint[], $10::integer[], $11::text[], $12::timestamptz[], $13::text[], $14::text[],
                    $15::date[], $16::date[])
            AS new (binding_id, version, state, rank, per_transaction_fen, per_day_fen, per_month_fen, per_year_fen,
                    total_fen, share_of_balance, uses, changed_at, kinds, institutions, valid_from, valid_until)
        WHERE mandate.binding_id = new.binding_id AND mandate.version < new.version
        "#,
        &new.binding_id,
        &new.version,
        &new.state,
        &new.rank,
        &new.per_transaction_fen as _,
        &new.per_day_fen as _,
        &new.per_month_fen as _,
        &new.per_year_fen as _,
        &new.total_fen as _,
        &new.share_of_balance as _,
        &new.uses,
        &new.changed_at as _,
        &new.kinds,
        &new.institutions,
        &new.valid_from as _,
        &new.valid_until as _,
    )
    .execute(conn)
    .await?;
    if usize::try_from(updated.rows_affected()) == Ok(mandates.len()) {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound.into())
    }
}

/// Stores versions that were decided, and who decided them.
pub async fn insert_versions(
    conn: &mut PgConnection,
    mandates: &[&Mandate],
    actor: &Actor,
) -> Result<(), StoreError> {
    let new = Changing::of(mandates);
    sqlx::query!(
        r#"
        -- authorization.insert_versions
        INSERT INTO mandate_version (binding_id, version, state, rank, per_transaction_fen, per_day_fen,
                                     per_month_fen, per_year_fen, total_fen, share_of_balance, uses, changed_at,
                                     actor_role, actor, kinds, institutions, valid_from, valid_until)
        SELECT new.binding_id, new.version, new.state, new.rank, new.per_transaction_fen, new.per_day_fen,
               new.per_month_fen, new.per_year_fen, new.total_fen, new.share_of_balance,
               string_to_array(new.uses, ','), new.changed_at, $13, $14, string_to_array(new.kinds, ','),
               string_to_array(new.institutions, ','), new.valid_from, new.valid_until
        FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[],
                    $8::bigint[], $9::bigint[], $10::integer[], $11::text[], $12::timestamptz[], $15::text[], $16::text[],
                    $17::date[], $18::date[])
            AS new (binding_id, version, state, rank, per_transaction_fen, per_day_fen, per_month_fen, per_year_fen,
                    total_fen, share_of_balance, uses, changed_at, kinds, institutions, valid_from, valid_until)
        "#,
        &new.binding_id,
        &new.version,
        &new.state,
        &new.rank,
        &new.per_transaction_fen as _,
        &new.per_day_fen as _,
        &new.per_month_fen as _,
        &new.per_year_fen as _,
        &new.total_fen as _,
        &new.share_of_balance as _,
        &new.uses,
        &new.changed_at as _,
        actor.role.code(),
        &actor.subject,
        &new.kinds,
        &new.institutions,
        &new.valid_from as _,
        &new.valid_until as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
