//! Display links, and their history.

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx as _;
use kernel::{DisplayLinkId, PersonId, Role, Timestamp};
use policy::display::Evidence;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::StoreError;
use crate::link::{self, Active, DisplayLink, Ended, InReview, Proof, Rejected, Requested, State};

struct LinkRow {
    display_link_id: Uuid,
    version: i64,
    state: String,
    binder: Uuid,
    relative: Uuid,
    commitment: Vec<u8>,
    presence: String,
    rules: Vec<String>,
    requested_at: jiff_sqlx::Timestamp,
    evidence: Option<String>,
    digest: Option<Vec<u8>>,
    proven_at: Option<jiff_sqlx::Timestamp>,
    proven_by_role: Option<String>,
    proven_by: Option<String>,
    active_since: Option<jiff_sqlx::Timestamp>,
    ended_at: Option<jiff_sqlx::Timestamp>,
    rejected_at: Option<jiff_sqlx::Timestamp>,
}

impl LinkRow {
    fn corrupt(&self, column: &'static str) -> Corrupt {
        let id = DisplayLinkId::from_uuid(self.display_link_id);
        Corrupt::new("display_link", column, id)
    }

    fn proof(&self) -> Result<Option<Proof>, Corrupt> {
        let (Some(kind), Some(digest), Some(at), Some(role), Some(subject)) = (
            self.evidence.as_deref(),
            self.digest.as_deref(),
            self.proven_at,
            self.proven_by_role.as_deref(),
            self.proven_by.as_ref(),
        ) else {
            return Ok(None);
        };
        Ok(Some(Proof {
            kind: Evidence::from_code(kind).ok_or_else(|| self.corrupt("evidence"))?,
            digest: digest
                .try_into()
                .ok()
                .ok_or_else(|| self.corrupt("digest"))?,
            at: at.to_jiff(),
            by: (
                role_of(role).ok_or_else(|| self.corrupt("proven_by_role"))?,
                subject.clone(),
            ),
        }))
    }

    fn state(&self) -> Result<State, Corrupt> {
        let [since, ended, rejected] = [self.active_since, self.ended_at, self.rejected_at]
            .map(|at| at.map(jiff_sqlx::Timestamp::to_jiff));
        Ok(
            match (self.state.as_str(), self.proof()?, since, ended, rejected) {
                ("REQUESTED", None, None, None, None) => State::Requested(Requested),
                ("IN_REVIEW", Some(proof), None, None, None) => State::InReview(InReview { proof }),
                ("ACTIVE", Some(proof), Some(since), None, None) => {
                    State::Active(Active { proof, since })
                }
                ("REJECTED", Some(proof), None, None, Some(at)) => {
                    State::Rejected(Rejected { proof, at })
                }
                ("ENDED", proof, None, Some(at), None) => {
                    State::Ended(Ended::Withdrawn { proof, at })
                }
                ("ENDED", Some(proof), Some(since), Some(at), None) => {
                    State::Ended(Ended::Unlinked { proof, since, at })
                }
                _ => return Err(self.corrupt("state")),
            },
        )
    }
}

impl TryFrom<LinkRow> for DisplayLink {
    type Error = Corrupt;

    fn try_from(row: LinkRow) -> Result<Self, Corrupt> {
        let presence = link::presence(&row.presence).ok_or_else(|| row.corrupt("presence"))?;
        Ok(Self {
            id: DisplayLinkId::from_uuid(row.display_link_id),
            version: row.version,
            binder: PersonId::from_uuid(row.binder),
            relative: PersonId::from_uuid(row.relative),
            commitment: row
                .commitment
                .as_slice()
                .try_into()
                .ok()
                .ok_or_else(|| row.corrupt("commitment"))?,
            requested_at: row.requested_at.to_jiff(),
            terms: link::stored_terms(presence, &row.rules),
            state: row.state()?,
        })
    }
}

fn role_of(code: &str) -> Option<Role> {
    [Role::Citizen, Role::Operator, Role::Service]
        .into_iter()
        .find(|role| role.code() == code)
}

const fn state_code(state: &State) -> &'static str {
    match state {
        State::Requested(_) => "REQUESTED",
        State::InReview(_) => "IN_REVIEW",
        State::Active(_) => "ACTIVE",
        State::Ended(_) => "ENDED",
        State::Rejected(_) => "REJECTED",
    }
}

/// A link, without a lock.
pub async fn find_link(
    conn: &mut PgConnection,
    id: DisplayLinkId,
) -> Result<Option<DisplayLink>, StoreError> {
    let row = sqlx::query_as!(
        LinkRow,
        r#"
        -- binding.find_link
        SELECT * FROM display_link WHERE display_link_id = $1
        "#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(DisplayLink::try_from).transpose()?)
}

/// A link, locked until the transaction ends. Its people must be locked before.
pub async fn lock_link(
    conn: &mut PgConnection,
    id: DisplayLinkId,
) -> Result<Option<DisplayLink>, StoreError> {
    let row = sqlx::query_as!(
        LinkRow,
        r#"
        -- binding.lock_link
        SELECT * FROM display_link WHERE display_link_id = $1 FOR UPDATE
        "#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(DisplayLink::try_from).transpose()?)
}

/// The open link by which one person shows another's code.
pub async fn open_link(
    conn: &mut PgConnection,
    binder: PersonId,
    relative: PersonId,
) -> Result<Option<DisplayLink>, StoreError> {
    let row = sqlx::query_as!(
        LinkRow,
        r#"
        -- binding.open_link
        SELECT * FROM display_link
        WHERE binder = $1 AND relative = $2 AND state IN ('REQUESTED', 'IN_REVIEW', 'ACTIVE')
        "#,
        binder.uuid(),
        relative.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(DisplayLink::try_from).transpose()?)
}

/// The links of a person in either role that are not over.
pub async fn open_links_of(
    conn: &mut PgConnection,
    person: PersonId,
) -> Result<Vec<DisplayLinkId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        -- binding.open_links_of
        SELECT display_link_id FROM display_link
        WHERE (binder = $1 OR relative = $1) AND state IN ('REQUESTED', 'IN_REVIEW', 'ACTIVE')
        ORDER BY display_link_id
        "#,
        person.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(DisplayLinkId::from_uuid).collect())
}

/// How many of a binder's links wait, or became active since `month_began`; ended ones count. The binder must be locked.
pub async fn links_since(
    conn: &mut PgConnection,
    binder: PersonId,
    month_began: Timestamp,
) -> Result<u32, StoreError> {
    let count = sqlx::query_scalar!(
        r#"
        -- binding.links_since
        SELECT count(*) AS "count!" FROM display_link
        WHERE binder = $1 AND (state IN ('REQUESTED', 'IN_REVIEW') OR active_since >= $2)
        "#,
        binder.uuid(),
        month_began.to_sqlx(),
    )
    .fetch_one(conn)
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How many people other than `binder` show a relative's code now. The relative must be locked.
pub async fn other_binders(
    conn: &mut PgConnection,
    relative: PersonId,
    binder: PersonId,
) -> Result<u32, StoreError> {
    let count = sqlx::query_scalar!(
        r#"
        -- binding.other_binders
        SELECT count(*) AS "count!" FROM display_link
        WHERE relative = $1 AND binder <> $2 AND state = 'ACTIVE'
        "#,
        relative.uuid(),
        binder.uuid(),
    )
    .fetch_one(conn)
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The people whose code a binder shows now.
pub async fn shown_relatives(
    conn: &mut PgConnection,
    binder: PersonId,
) -> Result<Vec<PersonId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        -- binding.shown_relatives
        SELECT relative FROM display_link WHERE binder = $1 AND state = 'ACTIVE'
        "#,
        binder.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(PersonId::from_uuid).collect())
}

/// The links of one person in either role, newest first, older than `after`.
pub async fn list_links(
    conn: &mut PgConnection,
    person: PersonId,
    after: Option<DisplayLinkId>,
    include_ended: bool,
    most: i64,
) -> Result<Vec<DisplayLink>, StoreError> {
    let rows = sqlx::query_as!(
        LinkRow,
        r#"
        -- binding.list_links
        SELECT * FROM display_link
        WHERE (binder = $1 OR relative = $1)
          AND ($2::uuid IS NULL OR display_link_id < $2)
          AND ($3 OR state IN ('REQUESTED', 'IN_REVIEW', 'ACTIVE'))
        ORDER BY display_link_id DESC
        LIMIT $4
        "#,
        person.uuid(),
        after.map(DisplayLinkId::uuid),
        include_ended,
        most,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| Ok(DisplayLink::try_from(row)?))
        .collect()
}

/// Stores a new link, and its first version in the history.
pub async fn insert_link(
    conn: &mut PgConnection,
    link: &DisplayLink,
    by: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- binding.insert_link
        INSERT INTO display_link (
            display_link_id, version, state, binder, relative, commitment, presence, rules, requested_at
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        link.id.uuid(),
        link.version,
        state_code(&link.state),
        link.binder.uuid(),
        link.relative.uuid(),
        link.commitment.as_slice(),
        link::presence_code(link.terms.presence),
        &rules(link),
        link.requested_at.to_sqlx(),
    )
    .execute(&mut *conn)
    .await?;
    insert_change(conn, link, by, None, now).await
}

/// Stores the next version of a link whose row is locked, and adds it to the history.
pub async fn update_link(
    conn: &mut PgConnection,
    link: &DisplayLink,
    by: &Actor,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let proof = link.proof();
    let rejected = matches!(link.state, State::Rejected(_));
    let ended_at = link.ended_at().map(jiff_sqlx::ToSqlx::to_sqlx);
    let done = sqlx::query!(
        r#"
        -- binding.update_link
        UPDATE display_link
        SET version = $2, state = $3, presence = $4, rules = $5, evidence = $6, digest = $7, proven_at = $8,
            proven_by_role = $9, proven_by = $10, active_since = $11, ended_at = $12, rejected_at = $13
        WHERE display_link_id = $1 AND version + 1 = $2
        "#,
        link.id.uuid(),
        link.version,
        state_code(&link.state),
        link::presence_code(link.terms.presence),
        &rules(link),
        proof.map(|proof| proof.kind.code()),
        proof.map(|proof| proof.digest.as_slice()),
        proof.map(|proof| proof.at.to_sqlx()),
        proof.map(|proof| proof.by.0.code()),
        proof.map(|proof| proof.by.1.as_str()),
        link.active_since().map(jiff_sqlx::ToSqlx::to_sqlx),
        ended_at.filter(|_| !rejected),
        ended_at.filter(|_| rejected),
    )
    .execute(&mut *conn)
    .await?;
    super::one_row(&done)?;
    insert_change(conn, link, by, note, now).await
}

async fn insert_change(
    conn: &mut PgConnection,
    link: &DisplayLink,
    by: &Actor,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- binding.insert_link_change
        INSERT INTO display_link_change (display_link_id, version, state, at, caller_role, caller_subject, note, trace)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        link.id.uuid(),
        link.version,
        state_code(&link.state),
        now.to_sqlx(),
        by.caller.role.code(),
        by.caller.subject,
        note,
        by.trace.as_deref(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn rules(link: &DisplayLink) -> Vec<String> {
    link.terms
        .versions
        .iter()
        .map(ToString::to_string)
        .collect()
}
