//! Which year's premium of whom is paid, and by which settlement.

use std::collections::BTreeMap;

use jiff_sqlx::ToSqlx;
use kernel::{PersonId, Region, Scheme, SettlementId, Timestamp};
use sqlx::{PgConnection, PgExecutor};

use super::{StoreError, column, touched, word};
use crate::premium::Paid;

/// An enrolment, as rows name it.
#[derive(Debug, Clone)]
pub struct Enrolment {
    pub person: PersonId,
    pub person_no: String,
    pub region: Region,
    pub scheme: Scheme,
}

/// The enrolments of these people, and those under these person numbers.
pub async fn enrolments(
    db: impl PgExecutor<'_>,
    people: &[PersonId],
    numbers: &[String],
) -> Result<Vec<Enrolment>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.premium_enrolments
        SELECT person_id, person_no, region, scheme FROM account WHERE person_id = ANY ($1) OR person_no = ANY ($2)
        "#,
        &column(people, |person| person.uuid()),
        numbers,
    )
    .fetch_all(db)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let person = PersonId::from_uuid(row.person_id);
        found.push(Enrolment {
            person,
            region: word("account", "region", person, row.region.parse().ok())?,
            scheme: word("account", "scheme", person, Scheme::from_code(&row.scheme))?,
            person_no: row.person_no,
        });
    }
    Ok(found)
}

/// The years of these people that are paid. Their accounts are locked.
pub async fn look(
    conn: &mut PgConnection,
    people: &[PersonId],
) -> Result<BTreeMap<(PersonId, i16), SettlementId>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.look_at_premiums
        SELECT person_id, premium_year, settlement_id FROM premium WHERE person_id = ANY ($1) AND taken_back_at IS NULL
        "#,
        &column(people, |person| person.uuid()),
    )
    .fetch_all(conn)
    .await?;
    let paid = rows.into_iter().map(|row| {
        let year = (PersonId::from_uuid(row.person_id), row.premium_year);
        (year, SettlementId::from_uuid(row.settlement_id))
    });
    Ok(paid.collect())
}

/// Records premiums that were paid.
pub async fn insert(
    conn: &mut PgConnection,
    paid: &[Paid],
    at: Timestamp,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.insert_premiums
        INSERT INTO premium
            (settlement_id, person_id, premium_year, contributor_person_id, batch_id, row_id, paid_at)
        SELECT told.*, $7 FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::uuid[], $5::text[], $6::text[]) AS told
        "#,
        &column(paid, |paid| paid.settlement.uuid()),
        &column(paid, |paid| paid.person.uuid()),
        &column(paid, |paid| paid.premium.year),
        &column(paid, |paid| paid.premium.contributor.uuid()),
        &column(paid, |paid| paid.premium.batch.clone()),
        &column(paid, |paid| paid.premium.row.clone()),
        at.to_sqlx(),
    )
    .execute(conn)
    .await?;
    touched(
        "settlement.insert_premiums",
        done.rows_affected(),
        paid.len(),
    )
}

/// Notes of settlements of which nothing is left that their years are unpaid again. A premium that was settled at a counter, as a bill
/// of its own, has no row here.
pub async fn take_back(
    conn: &mut PgConnection,
    settlements: &[SettlementId],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.take_back_premiums
        UPDATE premium SET taken_back_at = $2 WHERE settlement_id = ANY ($1) AND taken_back_at IS NULL
        "#,
        &column(settlements, |id| id.uuid()),
        at.to_sqlx(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
