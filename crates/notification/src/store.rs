//! All SQL of the service.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use kernel::{EventId, NoticeId, PersonId};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::notice::NewNotice;

pub mod completeness;
pub mod deliveries;
pub mod endpoints;
pub mod parked;

/// A notice on its way into the table.
#[derive(Debug)]
pub struct NewRow<'a> {
    /// Its id.
    pub id: NoticeId,
    /// The event it tells of.
    pub event: EventId,
    /// When that happened.
    pub happened_at: Timestamp,
    /// The trace the event belongs to.
    pub trace_parent: Option<&'a str>,
    /// Who is told what.
    pub notice: NewNotice,
}

/// A stored notice. What it tells is still text: a row that cannot be read must not hide the others of its page.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id.
    pub id: NoticeId,
    /// Its number among the notices of its person.
    pub sequence: i64,
    /// The event it tells of.
    pub event: EventId,
    /// The code of its template.
    pub template: String,
    /// What it tells, as JSON.
    pub params: String,
    /// What it is about.
    pub subject: String,
    /// When that happened.
    pub happened_at: Timestamp,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// When its person said that they have read it.
    pub read_at: Option<Timestamp>,
    /// Whether it tells of test money.
    pub sandbox: bool,
}

/// Which of a person's notices are wanted, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Whose.
    pub person: PersonId,
    /// Only those before this number; none starts with the newest.
    pub before: Option<i64>,
    /// Only those not read yet.
    pub unread_only: bool,
    /// At most so many.
    pub limit: i64,
}

/// Numbers and stores notices, any number in one statement. One that its person was told already is left out, and
/// its number stays a gap.
///
/// The counters are locked in the order of their persons, so two batches that tell the same people wait for each other
/// instead of deadlocking. In the same statement each notice is put before the endpoints that want to hear of its kind.
pub async fn insert_notices(
    conn: &mut PgConnection,
    rows: &[NewRow<'_>],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(rows);
    sqlx::query!(
        r#"
        -- notification.insert_notices
        WITH told AS (
            SELECT *
              FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                          $7::timestamptz[], $8::boolean[], $9::text[])
                   WITH ORDINALITY
                   AS told (notice_id, person_id, event_id, template, params, subject_id,
                            happened_at, sandbox, trace_parent, place)
        ), counted AS (
            INSERT INTO notice_counter AS counter (person_id, last_sequence)
            SELECT person_id, count(*) FROM told GROUP BY person_id ORDER BY person_id
            ON CONFLICT (person_id)
            DO UPDATE SET last_sequence = counter.last_sequence + EXCLUDED.last_sequence
            RETURNING person_id, last_sequence
        ), stored AS (
        INSERT INTO notice (person_id, sequence, notice_id, event_id, template, params, subject_id,
                            happened_at, stored_at, sandbox, trace_parent)
        SELECT told.person_id,
               counted.last_sequence + 1
                   - row_number() OVER (PARTITION BY told.person_id ORDER BY told.place DESC),
               told.notice_id, told.event_id, told.template, told.params::jsonb, told.subject_id,
               told.happened_at, $10, told.sandbox, told.trace_parent
          FROM told
          JOIN counted ON counted.person_id = told.person_id
        ON CONFLICT (event_id, person_id, template) DO NOTHING
        RETURNING person_id, sequence, template
        )
        INSERT INTO webhook_delivery (endpoint_id, person_id, sequence, attempts, due_at)
        SELECT endpoint.endpoint_id, stored.person_id, stored.sequence, 0, $10
          FROM stored
          JOIN webhook_endpoint AS endpoint
            ON endpoint.disabled_at IS NULL
           AND (cardinality(endpoint.kinds) = 0 OR stored.template = ANY (endpoint.kinds))
        "#,
        &columns.ids,
        &columns.people,
        &columns.events,
        &columns.templates as _,
        &columns.params,
        &columns.subjects as _,
        &columns.happened_at as _,
        &columns.sandbox,
        &columns.trace_parents as _,
        now.to_sqlx() as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Rows turned into columns, as UNNEST takes them.
struct Columns<'a> {
    ids: Vec<Uuid>,
    people: Vec<Uuid>,
    events: Vec<Uuid>,
    templates: Vec<&'static str>,
    params: Vec<String>,
    subjects: Vec<&'a str>,
    happened_at: Vec<jiff_sqlx::Timestamp>,
    sandbox: Vec<bool>,
    trace_parents: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a [NewRow<'_>]) -> Self {
        let params = |row: &NewRow<'_>| {
            serde_json::to_string(&row.notice.told).expect("a notice has text keys and no floats")
        };
        Self {
            ids: rows.iter().map(|row| row.id.uuid()).collect(),
            people: rows.iter().map(|row| row.notice.person.uuid()).collect(),
            events: rows.iter().map(|row| row.event.uuid()).collect(),
            templates: rows
                .iter()
                .map(|row| row.notice.told.template().code())
                .collect(),
            params: rows.iter().map(params).collect(),
            subjects: rows.iter().map(|row| row.notice.subject.as_str()).collect(),
            happened_at: rows.iter().map(|row| row.happened_at.to_sqlx()).collect(),
            sandbox: rows.iter().map(|row| row.notice.sandbox).collect(),
            trace_parents: rows.iter().map(|row| row.trace_parent).collect(),
        }
    }
}

/// A page of a person's notices, newest first.
pub async fn find_before(db: &PgPool, wanted: Wanted) -> Result<Vec<Row>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Found,
        r#"
        -- notification.find_before
        SELECT notice_id, sequence, event_id, template, params::text AS "params!", subject_id,
               happened_at, stored_at, read_at, sandbox
          FROM notice
         WHERE person_id = $1
           AND ($2::bigint IS NULL OR sequence < $2)
           AND (NOT $3 OR read_at IS NULL)
         ORDER BY sequence DESC
         LIMIT $4
        "#,
        wanted.person.uuid(),
        wanted.before,
        wanted.unread_only,
        wanted.limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Row::from).collect())
}

/// A person's notices after a number, oldest first.
pub async fn find_after(
    db: &PgPool,
    person: PersonId,
    after: i64,
    limit: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Found,
        r#"
        -- notification.find_after
        SELECT notice_id, sequence, event_id, template, params::text AS "params!", subject_id,
               happened_at, stored_at, read_at, sandbox
          FROM notice
         WHERE person_id = $1 AND sequence > $2
         ORDER BY sequence
         LIMIT $3
        "#,
        person.uuid(),
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Row::from).collect())
}

/// Marks a person's notices up to a number as read, and says how many were not yet.
pub async fn mark_read(
    db: &PgPool,
    person: PersonId,
    up_to: i64,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    // Two machines may disagree about the time by a little; a notice is never read before it was stored.
    let marked = sqlx::query!(
        r#"
        -- notification.mark_read
        UPDATE notice
           SET read_at = GREATEST($3, stored_at)
         WHERE person_id = $1 AND sequence <= $2 AND read_at IS NULL
        "#,
        person.uuid(),
        up_to,
        now.to_sqlx() as _,
    )
    .execute(db)
    .await?;
    Ok(marked.rows_affected())
}

/// Of these people, those who have been told more than the number that stands beside them, and how far they have got.
pub async fn find_advanced(
    db: &PgPool,
    people: &[Uuid],
    seen: &[i64],
) -> Result<Vec<(PersonId, i64)>, sqlx::Error> {
    let advanced = sqlx::query!(
        r#"
        -- notification.find_advanced
        SELECT counter.person_id, counter.last_sequence
          FROM UNNEST($1::uuid[], $2::bigint[]) AS watched (person_id, seen)
          JOIN notice_counter AS counter ON counter.person_id = watched.person_id
         WHERE counter.last_sequence > watched.seen
        "#,
        people,
        seen,
    )
    .fetch_all(db)
    .await?;
    Ok(advanced
        .into_iter()
        .map(|row| (PersonId::from_uuid(row.person_id), row.last_sequence))
        .collect())
}

/// The columns as they come.
struct Found {
    notice_id: Uuid,
    sequence: i64,
    event_id: Uuid,
    template: String,
    params: String,
    subject_id: String,
    happened_at: jiff_sqlx::Timestamp,
    stored_at: jiff_sqlx::Timestamp,
    read_at: Option<jiff_sqlx::Timestamp>,
    sandbox: bool,
}

impl From<Found> for Row {
    fn from(found: Found) -> Self {
        Self {
            id: NoticeId::from_uuid(found.notice_id),
            sequence: found.sequence,
            event: EventId::from_uuid(found.event_id),
            template: found.template,
            params: found.params,
            subject: found.subject_id,
            happened_at: found.happened_at.to_jiff(),
            stored_at: found.stored_at.to_jiff(),
            read_at: found.read_at.map(jiff_sqlx::Timestamp::to_jiff),
            sandbox: found.sandbox,
        }
    }
}
