//! What was told of the changes of accounts, and how far settlement's books were compared with it.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use kernel::{AccountId, Date, PersonId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::completeness::{Booked, Day, Seen, Standing, Untold};

/// Writes down changes: that they happened, and which of them somebody was told of. Any number in one statement.
///
/// The rows are locked in the order of their accounts, whoever writes. An account of which all is told keeps
/// `untold_since` empty, so its index is left alone; when the first hole is filled and another one is behind it, the time begins
/// anew, for an account that many events arrive for at once is not late.
pub async fn record(
    conn: &mut PgConnection,
    changes: &[Seen],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let accounts: Vec<Uuid> = changes
        .iter()
        .map(|seen| seen.moved.account.uuid())
        .collect();
    let people: Vec<Uuid> = changes.iter().map(|seen| seen.person.uuid()).collect();
    let versions: Vec<i64> = changes.iter().map(|seen| seen.moved.version).collect();
    let told: Vec<bool> = changes.iter().map(|seen| seen.told).collect();
    sqlx::query!(
        r#"
        -- notification.record_changes
        INSERT INTO account_told AS had (account_id, person_id, known, told, untold_since)
        SELECT account_id, person_id, known, told,
               CASE WHEN told @> int8range(1, known, '[]') THEN NULL ELSE $5::timestamptz END
          FROM (SELECT account_id, (array_agg(person_id))[1] AS person_id, max(version) AS known,
                       COALESCE(range_agg(int8range(version, version, '[]')) FILTER (WHERE told), '{}') AS told
                  FROM UNNEST($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[])
                       AS change (account_id, person_id, version, told)
                 GROUP BY account_id
                 ORDER BY account_id) AS changed
        ON CONFLICT (account_id) DO UPDATE
           SET known = GREATEST(had.known, EXCLUDED.known),
               told = had.told + EXCLUDED.told,
               untold_since = CASE
                   WHEN had.told + EXCLUDED.told @> int8range(1, GREATEST(had.known, EXCLUDED.known), '[]') THEN NULL
                   WHEN lower(int8multirange(int8range(1, had.known, '[]')) - had.told)
                        = lower(int8multirange(int8range(1, GREATEST(had.known, EXCLUDED.known), '[]'))
                                - (had.told + EXCLUDED.told))
                   THEN had.untold_since
                   ELSE $5::timestamptz
               END
        "#,
        &accounts,
        &people,
        &versions,
        &told,
        now.to_sqlx() as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Of these accounts of the books, those of which it is not known here that they have got so far.
pub async fn find_behind(db: &PgPool, booked: &[Booked]) -> Result<Vec<Booked>, sqlx::Error> {
    let accounts: Vec<Uuid> = booked.iter().map(|one| one.account.uuid()).collect();
    let people: Vec<Uuid> = booked.iter().map(|one| one.person.uuid()).collect();
    let versions: Vec<i64> = booked.iter().map(|one| one.version).collect();
    let behind = sqlx::query!(
        r#"
        -- notification.find_behind
        SELECT booked.account_id AS "account_id!", booked.person_id AS "person_id!", booked.version AS "version!"
          FROM UNNEST($1::uuid[], $2::uuid[], $3::bigint[]) AS booked (account_id, person_id, version)
          LEFT JOIN account_told AS here ON here.account_id = booked.account_id
         WHERE COALESCE(here.known, 0) < booked.version
        "#,
        &accounts,
        &people,
        &versions,
    )
    .fetch_all(db)
    .await?;
    Ok(behind
        .into_iter()
        .map(|row| Booked {
            account: AccountId::from_uuid(row.account_id),
            person: PersonId::from_uuid(row.person_id),
            version: row.version,
        })
        .collect())
}

/// How far the comparison with the books has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// Which round it is, from one.
    pub round: i64,
    /// The last account that was compared in it.
    pub after: Option<AccountId>,
    /// Accounts compared in it.
    pub accounts: i64,
    /// Their changes.
    pub changes: i64,
    /// When the round before it ended.
    pub finished_at: Option<Timestamp>,
}

/// How far the comparison has got.
pub async fn find_walk(db: &PgPool) -> Result<Walk, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        -- notification.find_walk
        SELECT round, after_account, accounts, changes, finished_at FROM books_walk
        "#
    )
    .fetch_one(db)
    .await?;
    Ok(Walk {
        round: row.round,
        after: row.after_account.map(AccountId::from_uuid),
        accounts: row.accounts,
        changes: row.changes,
        finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
    })
}

/// Moves the comparison from where it was found to behind a page. `false`: another replica did meanwhile.
pub async fn advance(
    conn: &mut PgConnection,
    from: &Walk,
    (last, accounts, changes): (AccountId, i64, i64),
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query!(
        r#"
        -- notification.advance_walk
        UPDATE books_walk
           SET after_account = $3, accounts = accounts + $4, changes = changes + $5, begun_at = COALESCE(begun_at, $6)
         WHERE round = $1 AND after_account IS NOT DISTINCT FROM $2
        "#,
        from.round,
        from.after.map(AccountId::uuid),
        last.uuid(),
        accounts,
        changes,
        now.to_sqlx() as _,
    )
    .execute(conn)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Ends a round that was found at its end, and writes down what the day found. `false`: another replica did meanwhile.
pub async fn finish(
    conn: &mut PgConnection,
    from: &Walk,
    (day, untold): (Date, i64),
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let ended = sqlx::query!(
        r#"
        -- notification.finish_walk
        UPDATE books_walk
           SET round = round + 1, after_account = NULL, accounts = 0, changes = 0, begun_at = NULL, finished_at = $3
         WHERE round = $1 AND after_account IS NOT DISTINCT FROM $2
        "#,
        from.round,
        from.after.map(AccountId::uuid),
        now.to_sqlx() as _,
    )
    .execute(&mut *conn)
    .await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        r#"
        -- notification.upsert_completeness_day
        INSERT INTO completeness_day AS had (day, rounds, accounts, changes, untold, most_untold, checked_at)
        VALUES ($1, 1, $2, $3, $4, $4, $5)
        ON CONFLICT (day) DO UPDATE
           SET rounds = had.rounds + 1, accounts = EXCLUDED.accounts, changes = EXCLUDED.changes, untold = EXCLUDED.untold,
               most_untold = GREATEST(had.most_untold, EXCLUDED.untold), checked_at = EXCLUDED.checked_at
        "#,
        day.to_sqlx() as _,
        from.accounts,
        from.changes,
        untold,
        now.to_sqlx() as _,
    )
    .execute(conn)
    .await?;
    Ok(true)
}

/// How it stands: what was not told although it has been missing since `before` or longer.
pub async fn standing(db: &PgPool, before: Timestamp) -> Result<Standing, sqlx::Error> {
    let row = sqlx::query!(
        r#"
        -- notification.completeness_standing
        SELECT COALESCE(sum(missing.changes), 0)::bigint AS "untold!", count(*) AS "accounts!", min(untold_since) AS oldest,
               (SELECT finished_at FROM books_walk) AS compared_at
          FROM account_told
         CROSS JOIN LATERAL (
             SELECT sum(upper(hole) - lower(hole)) AS changes
               FROM unnest(int8multirange(int8range(1, known, '[]')) - told) AS hole
         ) AS missing
         WHERE untold_since <= $1
        "#,
        before.to_sqlx() as _,
    )
    .fetch_one(db)
    .await?;
    Ok(Standing {
        untold: row.untold,
        accounts: row.accounts,
        oldest: row.oldest.map(jiff_sqlx::Timestamp::to_jiff),
        compared_at: row.compared_at.map(jiff_sqlx::Timestamp::to_jiff),
    })
}

/// The accounts of which something is not told, those first that have waited longest.
pub async fn list_untold(
    db: &PgPool,
    after: Option<(Timestamp, AccountId)>,
    limit: i64,
) -> Result<Vec<Untold>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        -- notification.list_untold
        SELECT account_id, person_id, known, untold_since AS "untold_since!",
               (SELECT sum(upper(hole) - lower(hole))::bigint FROM unnest(missing) AS hole) AS "changes!",
               ARRAY(SELECT lower(hole) FROM unnest(missing) AS hole ORDER BY hole LIMIT 100) AS "first!",
               ARRAY(SELECT upper(hole) - 1 FROM unnest(missing) AS hole ORDER BY hole LIMIT 100) AS "last!"
          FROM account_told
         CROSS JOIN LATERAL (SELECT int8multirange(int8range(1, known, '[]')) - told AS missing) AS holes
         WHERE untold_since IS NOT NULL
           AND ($1::timestamptz IS NULL OR (untold_since, account_id) > ($1, $2::uuid))
         ORDER BY untold_since, account_id
         LIMIT $3
        "#,
        after.map(|(since, _)| since.to_sqlx()) as _,
        after.map(|(_, account)| account.uuid()),
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Untold {
            account: AccountId::from_uuid(row.account_id),
            person: PersonId::from_uuid(row.person_id),
            known: row.known,
            changes: row.changes,
            missing: row.first.into_iter().zip(row.last).collect(),
            since: row.untold_since.to_jiff(),
        })
        .collect())
}

/// What the comparisons of each day found, the newest day first.
pub async fn list_days(
    db: &PgPool,
    before: Option<Date>,
    limit: i64,
) -> Result<Vec<Day>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        -- notification.list_completeness_days
        SELECT day AS "day: jiff_sqlx::Date", rounds, accounts, changes, untold, most_untold, checked_at
          FROM completeness_day
         WHERE $1::date IS NULL OR day < $1
         ORDER BY day DESC
         LIMIT $2
        "#,
        before.map(ToSqlx::to_sqlx) as _,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Day {
            day: row.day.to_jiff(),
            rounds: row.rounds,
            accounts: row.accounts,
            changes: row.changes,
            untold: row.untold,
            most_untold: row.most_untold,
            checked_at: row.checked_at.to_jiff(),
        })
        .collect())
}
