//! Messages that were not taken yet.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use kernel::{EndpointId, EventId, NoticeId, PersonId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::webhook::{Announced, Endpoint};

/// A message, and the right to attempt it: nobody else does until `due_at` of the claim has passed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// To whom.
    pub endpoint: Endpoint,
    /// What.
    pub announced: Announced,
    /// The attempts made before this one.
    pub attempts: i32,
    /// Shows that it is ours.
    pub lease: Uuid,
}

/// What is claimed at once.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The lease of whoever claims.
    pub lease: Uuid,
    /// Endpoints that have enough to do.
    pub busy: &'a [Uuid],
    /// At most so many of one endpoint; of one that failed last, a single one.
    pub each: i64,
    /// At most so many in all.
    pub all: i64,
    /// When the lease ends.
    pub until: Timestamp,
}

/// Claims messages that are due, the oldest of each endpoint first. Those that somebody else is claiming are passed over.
///
/// Where an endpoint asks for order, a message waits as long as one with a smaller number about the same person is there and is
/// not given up. A person's numbers become visible in their order, so none that is smaller comes later.
pub async fn claim(
    db: &PgPool,
    claim: Claim<'_>,
    now: Timestamp,
) -> Result<Vec<Claimed>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        -- notification.claim_deliveries
        WITH due AS (
            SELECT mine.*
              FROM webhook_endpoint AS endpoint CROSS JOIN LATERAL (
                 SELECT delivery.endpoint_id, delivery.person_id, delivery.sequence FROM webhook_delivery AS delivery
                  WHERE delivery.endpoint_id = endpoint.endpoint_id AND delivery.due_at <= $1
                    AND NOT (endpoint.in_order AND EXISTS (
                        SELECT FROM webhook_delivery AS earlier
                         WHERE earlier.endpoint_id = delivery.endpoint_id AND earlier.person_id = delivery.person_id
                           AND earlier.sequence < delivery.sequence AND earlier.dead_at IS NULL))
                  ORDER BY delivery.due_at LIMIT CASE WHEN endpoint.failures > 0 THEN 1 ELSE $4::bigint END
                    FOR UPDATE SKIP LOCKED
             ) AS mine
             WHERE endpoint.disabled_at IS NULL
               AND (endpoint.rests_until IS NULL OR endpoint.rests_until <= $1)
               AND endpoint.endpoint_id <> ALL ($3::uuid[])
             LIMIT $5
        ), claimed AS (
            UPDATE webhook_delivery AS delivery SET lease = $2, due_at = $6 FROM due
             WHERE delivery.endpoint_id = due.endpoint_id AND delivery.person_id = due.person_id
               AND delivery.sequence = due.sequence
            RETURNING delivery.endpoint_id, delivery.person_id, delivery.sequence, delivery.attempts
        )
        SELECT claimed.attempts, endpoint.endpoint_id, url, kinds, generation, previous_until, created_at, failures, in_order,
               notice.person_id, notice.sequence, notice_id, event_id, template, subject_id, happened_at, sandbox
          FROM claimed
          JOIN webhook_endpoint AS endpoint ON endpoint.endpoint_id = claimed.endpoint_id
          JOIN notice ON notice.person_id = claimed.person_id AND notice.sequence = claimed.sequence
        "#,
        now.to_sqlx() as _,
        claim.lease,
        claim.busy,
        claim.each,
        claim.all,
        claim.until.to_sqlx() as _,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Claimed {
            attempts: row.attempts,
            lease: claim.lease,
            endpoint: Endpoint {
                id: EndpointId::from_uuid(row.endpoint_id),
                url: row.url,
                kinds: row.kinds,
                generation: row.generation,
                previous_until: row.previous_until.map(jiff_sqlx::Timestamp::to_jiff),
                disabled: None,
                created_at: row.created_at.to_jiff(),
                failures: row.failures,
                in_order: row.in_order,
            },
            announced: Announced {
                notice: NoticeId::from_uuid(row.notice_id),
                person: PersonId::from_uuid(row.person_id),
                sequence: row.sequence,
                kind: row.template,
                event: EventId::from_uuid(row.event_id),
                subject: row.subject_id,
                happened_at: row.happened_at.to_jiff(),
                sandbox: row.sandbox,
            },
        })
        .collect())
}

/// A message was taken: it is forgotten. `false`: the lease was lost, and somebody else attempts it too.
pub async fn taken(conn: &mut PgConnection, claimed: &Claimed) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        r#"
        -- notification.delivery_taken
        DELETE FROM webhook_delivery
         WHERE endpoint_id = $1 AND person_id = $2 AND sequence = $3 AND lease = $4
        "#,
        claimed.endpoint.id.uuid(),
        claimed.announced.person.uuid(),
        claimed.announced.sequence,
        claimed.lease,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What is written of an attempt that failed.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// The code of the reason.
    pub reason: &'a str,
    /// More of it.
    pub detail: &'a str,
    /// When it is attempted again; none: it is given up.
    pub next: Option<Timestamp>,
}

/// A message was not taken. `false`: the lease was lost, and whoever has it writes what became of it.
pub async fn failed(
    conn: &mut PgConnection,
    claimed: &Claimed,
    failure: Failure<'_>,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let dead_at = failure.next.is_none().then(|| now.to_sqlx());
    let done = sqlx::query!(
        r#"
        -- notification.delivery_failed
        UPDATE webhook_delivery
           SET attempts = attempts + 1, lease = NULL, due_at = $5, reason = $6, detail = $7, dead_at = $8
         WHERE endpoint_id = $1 AND person_id = $2 AND sequence = $3 AND lease = $4
        "#,
        claimed.endpoint.id.uuid(),
        claimed.announced.person.uuid(),
        claimed.announced.sequence,
        claimed.lease,
        failure.next.map(ToSqlx::to_sqlx) as _,
        failure.reason,
        failure.detail,
        dead_at as _,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How an endpoint fares: after a success it has no failures and rests no more, after a failure one more.
pub async fn fares(
    conn: &mut PgConnection,
    endpoint: EndpointId,
    well: bool,
    rests_until: Option<Timestamp>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        -- notification.endpoint_fares
        UPDATE webhook_endpoint
           SET failures = CASE WHEN $2 THEN 0 ELSE LEAST(failures, 1000000) + 1 END,
               rests_until = CASE WHEN $2 THEN NULL ELSE COALESCE(GREATEST(rests_until, $3), rests_until) END
         WHERE endpoint_id = $1 AND NOT ($2 AND failures = 0 AND rests_until IS NULL)
        "#,
        endpoint.uuid(),
        well,
        rests_until.map(ToSqlx::to_sqlx) as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A message that was given up.
#[derive(Debug, Clone)]
pub struct Dead {
    /// To whom.
    pub endpoint: EndpointId,
    /// Whose notice.
    pub person: PersonId,
    /// Its number.
    pub sequence: i64,
    /// Its id.
    pub notice: NoticeId,
    /// Its kind.
    pub kind: String,
    /// The attempts made.
    pub attempts: i32,
    /// Why the last one failed.
    pub reason: String,
    /// More of it.
    pub detail: String,
    /// When it was given up.
    pub dead_at: Timestamp,
}

/// Which of them are meant. Whatever is not given does not matter.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// To whom.
    pub endpoint: Option<EndpointId>,
    /// The code of the reason.
    pub reason: Option<String>,
    /// Given up then or later.
    pub from: Option<Timestamp>,
    /// Given up before then.
    pub until: Option<Timestamp>,
    /// One notice: whose, and its number.
    pub notice: Option<(PersonId, i64)>,
}

/// Where a page goes on: behind this one.
pub type After = (Timestamp, EndpointId, PersonId, i64);

/// The messages that were given up, the oldest first.
pub async fn list_dead(
    db: &PgPool,
    wanted: &Wanted,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Dead>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        -- notification.list_dead_deliveries
        SELECT endpoint_id, delivery.person_id, delivery.sequence, notice_id, template, attempts,
               reason AS "reason!", COALESCE(detail, '') AS "detail!", dead_at AS "dead_at!"
          FROM webhook_delivery AS delivery
          JOIN notice ON notice.person_id = delivery.person_id AND notice.sequence = delivery.sequence
         WHERE dead_at IS NOT NULL
           AND ($1::uuid IS NULL OR endpoint_id = $1)
           AND ($2::text IS NULL OR reason = $2)
           AND ($3::timestamptz IS NULL OR dead_at >= $3)
           AND ($4::timestamptz IS NULL OR dead_at < $4)
           AND ($5::uuid IS NULL OR (delivery.person_id = $5 AND delivery.sequence = $6))
           AND ($7::timestamptz IS NULL
                OR (dead_at, endpoint_id, delivery.person_id, delivery.sequence) > ($7, $8::uuid, $9::uuid, $10::bigint))
         ORDER BY dead_at, endpoint_id, delivery.person_id, delivery.sequence
         LIMIT $11
        "#,
        wanted.endpoint.map(EndpointId::uuid),
        wanted.reason,
        wanted.from.map(ToSqlx::to_sqlx) as _,
        wanted.until.map(ToSqlx::to_sqlx) as _,
        wanted.notice.map(|(person, _)| person.uuid()),
        wanted.notice.map(|(_, sequence)| sequence),
        after.map(|(at, ..)| at.to_sqlx()) as _,
        after.map(|(_, endpoint, ..)| endpoint.uuid()),
        after.map(|(_, _, person, _)| person.uuid()),
        after.map(|(.., sequence)| sequence),
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Dead {
            endpoint: EndpointId::from_uuid(row.endpoint_id),
            person: PersonId::from_uuid(row.person_id),
            sequence: row.sequence,
            notice: NoticeId::from_uuid(row.notice_id),
            kind: row.template,
            attempts: row.attempts,
            reason: row.reason,
            detail: row.detail,
            dead_at: row.dead_at.to_jiff(),
        })
        .collect())
}

/// Has messages that were given up attempted again from the first attempt on, at most so many; how many.
pub async fn replay(
    db: &PgPool,
    wanted: &Wanted,
    limit: i64,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let replayed = sqlx::query!(
        r#"
        -- notification.replay_deliveries
        WITH meant AS (
            SELECT endpoint_id, person_id, sequence
              FROM webhook_delivery
             WHERE dead_at IS NOT NULL
               AND ($1::uuid IS NULL OR endpoint_id = $1)
               AND ($2::text IS NULL OR reason = $2)
               AND ($3::timestamptz IS NULL OR dead_at >= $3)
               AND ($4::timestamptz IS NULL OR dead_at < $4)
               AND ($5::uuid IS NULL OR (person_id = $5 AND sequence = $6))
             ORDER BY dead_at, endpoint_id, person_id, sequence
             LIMIT $7
               FOR UPDATE
        )
        UPDATE webhook_delivery AS delivery
           SET attempts = 0, due_at = $8, dead_at = NULL
          FROM meant
         WHERE delivery.endpoint_id = meant.endpoint_id
           AND delivery.person_id = meant.person_id
           AND delivery.sequence = meant.sequence
        "#,
        wanted.endpoint.map(EndpointId::uuid),
        wanted.reason,
        wanted.from.map(ToSqlx::to_sqlx) as _,
        wanted.until.map(ToSqlx::to_sqlx) as _,
        wanted.notice.map(|(person, _)| person.uuid()),
        wanted.notice.map(|(_, sequence)| sequence),
        limit,
        now.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(replayed.rows_affected())
}

/// How many messages wait, how many were given up, and since when the oldest that could be attempted is due.
pub async fn backlog(db: &PgPool) -> Result<(i64, i64, Option<Timestamp>), sqlx::Error> {
    let row = sqlx::query!(
        r#"
        -- notification.delivery_backlog
        SELECT count(*) FILTER (WHERE due_at IS NOT NULL) AS "waiting!",
               count(*) FILTER (WHERE dead_at IS NOT NULL) AS "dead!",
               min(due_at) FILTER (WHERE disabled_at IS NULL) AS "oldest"
          FROM webhook_delivery
          JOIN webhook_endpoint USING (endpoint_id)
        "#
    )
    .fetch_one(db)
    .await?;
    Ok((
        row.waiting,
        row.dead,
        row.oldest.map(jiff_sqlx::Timestamp::to_jiff),
    ))
}
