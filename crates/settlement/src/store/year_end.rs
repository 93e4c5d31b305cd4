//! Year ends: which regions close which year, and how far they have got.

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::{AccountId, Region, Timestamp};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{StoreError, touched, word};
use crate::year_end::{Which, YearEnd};

struct Row {
    region: String,
    medical_year: i16,
    prefix: String,
    interest_bp: i32,
    accounts: i64,
    rolled: i64,
    last_account: Option<Uuid>,
    begun_by: String,
    begun_at: jiff_sqlx::Timestamp,
    finished_by: Option<String>,
    finished_at: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<Row> for YearEnd {
    type Error = Corrupt;

    fn try_from(row: Row) -> Result<Self, Corrupt> {
        let id = format!("{} {}", row.region, row.medical_year);
        let region: Region = word("year_end", "region", &id, row.region.parse().ok())?;
        let interest = u32::try_from(row.interest_bp).ok();
        Ok(Self {
            which: Which {
                region,
                year: row.medical_year,
            },
            prefix: row.prefix,
            interest: word("year_end", "interest_bp", &id, interest)?,
            accounts: row.accounts,
            rolled: row.rolled,
            last_account: row.last_account.map(AccountId::from_uuid),
            begun: (row.begun_by, row.begun_at.to_jiff()),
            finished: row
                .finished_by
                .zip(row.finished_at.map(jiff_sqlx::Timestamp::to_jiff)),
        })
    }
}

fn read(rows: Vec<Row>) -> Result<Vec<YearEnd>, StoreError> {
    rows.into_iter()
        .map(|row| row.try_into().map_err(StoreError::Corrupt))
        .collect()
}

/// One at a time begins or finishes; readers are not held up.
pub async fn lock(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.lock_year_ends
        LOCK TABLE year_end IN EXCLUSIVE MODE
        "#,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The year end of a region, if one was begun.
pub async fn find(db: impl PgExecutor<'_>, which: Which) -> Result<Option<YearEnd>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        -- settlement.find_year_end
        SELECT region, medical_year, prefix AS "prefix!", interest_bp, accounts, rolled, last_account, begun_by,
               begun_at AS "begun_at: jiff_sqlx::Timestamp", finished_by,
               finished_at AS "finished_at: jiff_sqlx::Timestamp"
        FROM year_end WHERE region = $1 AND medical_year = $2
        "#,
        which.region.to_string(),
        which.year,
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| row.try_into().map_err(StoreError::Corrupt))
        .transpose()
}

/// Those that are under way anywhere, and this very one.
pub async fn open_or_same(
    conn: &mut PgConnection,
    which: Which,
) -> Result<Vec<YearEnd>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.open_year_ends
        SELECT region, medical_year, prefix AS "prefix!", interest_bp, accounts, rolled, last_account, begun_by,
               begun_at AS "begun_at: jiff_sqlx::Timestamp", finished_by,
               finished_at AS "finished_at: jiff_sqlx::Timestamp"
        FROM year_end WHERE state = 'CLOSING' OR (region = $1 AND medical_year = $2)
        ORDER BY region, medical_year
        "#,
        which.region.to_string(),
        which.year,
    )
    .fetch_all(conn)
    .await?;
    read(rows)
}

/// Begins a year end, with the number of accounts it concerns; answers with the places they are in.
pub async fn insert(
    conn: &mut PgConnection,
    which: Which,
    interest: u32,
    (operator, at): (&str, Timestamp),
) -> Result<Vec<Region>, StoreError> {
    let interest = i32::try_from(interest).unwrap_or(i32::MAX);
    sqlx::query!(
        r#"
        -- settlement.begin_year_end
        INSERT INTO year_end (region, medical_year, state, interest_bp, accounts, begun_by, begun_at)
        VALUES ($1, $2, 'CLOSING', $3, 0, $4, $5)
        "#,
        which.region.to_string(),
        which.year,
        interest,
        operator,
        at.to_sqlx(),
    )
    .execute(&mut *conn)
    .await?;
    let rows = sqlx::query!(
        r#"
        -- settlement.count_year_end
        WITH places AS MATERIALIZED (
            SELECT account.region, count(*) FILTER (WHERE account.medical_year <= $2) AS accounts
            FROM account JOIN year_end y ON y.region = $1 AND y.medical_year = $2 AND account.region LIKE y.prefix
            GROUP BY account.region
        ), counted AS (
            UPDATE year_end SET accounts = (SELECT coalesce(sum(accounts), 0)::bigint FROM places)
            WHERE region = $1 AND medical_year = $2
        )
        SELECT region FROM places ORDER BY region
        "#,
        which.region.to_string(),
        which.year,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            word("account", "region", &row.region, row.region.parse().ok())
                .map_err(StoreError::Corrupt)
        })
        .collect()
}

/// The next accounts that are still in the year, by id.
pub async fn next_accounts(
    db: impl PgExecutor<'_>,
    known: &YearEnd,
    most: i64,
) -> Result<Vec<AccountId>, StoreError> {
    let after = known.last_account.map_or(Uuid::nil(), AccountId::uuid);
    let ids = sqlx::query_scalar!(
        r#"
        -- settlement.next_of_year_end
        SELECT account_id FROM account
        WHERE account_id > $1 AND medical_year <= $2 AND region LIKE $3
        ORDER BY account_id
        LIMIT $4
        "#,
        after,
        known.which.year,
        &known.prefix,
        most,
    )
    .fetch_all(db)
    .await?;
    Ok(ids.into_iter().map(AccountId::from_uuid).collect())
}

/// Notes how far it got, unless somebody else has moved on meanwhile.
pub async fn advance(
    db: impl PgExecutor<'_>,
    known: &YearEnd,
    last: AccountId,
    rolled: i64,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.advance_year_end
        UPDATE year_end SET rolled = rolled + $4, last_account = greatest(last_account, $5)
        WHERE region = $1 AND medical_year = $2 AND state = 'CLOSING' AND last_account IS NOT DISTINCT FROM $3
        "#,
        known.which.region.to_string(),
        known.which.year,
        known.last_account.map(AccountId::uuid),
        rolled,
        last.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets charges go on.
pub async fn finish(
    conn: &mut PgConnection,
    which: Which,
    (operator, at): (&str, Timestamp),
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.finish_year_end
        UPDATE year_end SET state = 'FINISHED', finished_by = $3, finished_at = $4
        WHERE region = $1 AND medical_year = $2 AND state = 'CLOSING'
        "#,
        which.region.to_string(),
        which.year,
        operator,
        at.to_sqlx(),
    )
    .execute(conn)
    .await?;
    touched("settlement.finish_year_end", done.rows_affected(), 1)
}

/// A page of year ends after `after`, by region and year.
pub async fn page(
    db: impl PgExecutor<'_>,
    (region, year): (&str, i16),
    size: i64,
) -> Result<Vec<YearEnd>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.page_of_year_ends
        SELECT region, medical_year, prefix AS "prefix!", interest_bp, accounts, rolled, last_account, begun_by,
               begun_at AS "begun_at: jiff_sqlx::Timestamp", finished_by,
               finished_at AS "finished_at: jiff_sqlx::Timestamp"
        FROM year_end WHERE (region, medical_year) > ($1, $2)
        ORDER BY region, medical_year
        LIMIT $3
        "#,
        region,
        year,
        size,
    )
    .fetch_all(db)
    .await?;
    read(rows)
}
