//! The endpoints of webhooks.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use kernel::EndpointId;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::webhook::Endpoint;

/// A subscription on its way into the table.
#[derive(Debug, Clone, Copy)]
pub struct NewEndpoint<'a> {
    /// The id it gets if its address is new.
    pub id: EndpointId,
    /// Its address.
    pub url: &'a str,
    /// The kinds that are announced; none means all.
    pub kinds: &'a [&'a str],
    /// The operator.
    pub by: &'a str,
    /// Whether the messages about one person come one after the other.
    pub in_order: bool,
}

/// Subscribes an address, or gives one that is subscribed these kinds. One that was disabled is enabled.
pub async fn upsert(
    conn: &mut PgConnection,
    new: NewEndpoint<'_>,
    now: Timestamp,
) -> Result<Endpoint, sqlx::Error> {
    let found = sqlx::query_as!(
        Found,
        r#"
        -- notification.subscribe_endpoint
        INSERT INTO webhook_endpoint AS endpoint
               (endpoint_id, url, kinds, generation, created_at, created_by, failures, in_order)
        VALUES ($1, $2, $3, 1, $4, $5, 0, $6)
        ON CONFLICT (url) DO UPDATE
           SET kinds = EXCLUDED.kinds, in_order = EXCLUDED.in_order, disabled_at = NULL, disabled_because = NULL, failures = 0, rests_until = NULL
        RETURNING endpoint_id, url, kinds, generation, previous_until, disabled_at, disabled_because, created_at, failures, in_order
        "#,
        new.id.uuid(),
        new.url,
        new.kinds as _,
        now.to_sqlx() as _,
        new.by,
        new.in_order,
    )
    .fetch_one(conn)
    .await?;
    Ok(found.into())
}

/// One endpoint, locked until the transaction ends.
pub async fn lock(
    conn: &mut PgConnection,
    id: EndpointId,
) -> Result<Option<Endpoint>, sqlx::Error> {
    let found = sqlx::query_as!(
        Found,
        r#"
        -- notification.lock_endpoint
        SELECT endpoint_id, url, kinds, generation, previous_until, disabled_at, disabled_because, created_at, failures, in_order
          FROM webhook_endpoint
         WHERE endpoint_id = $1
           FOR UPDATE
        "#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(Into::into))
}

/// Makes the next secret sign; the one before it signs as well until then.
pub async fn rotate(
    conn: &mut PgConnection,
    id: EndpointId,
    generation: i32,
    previous_until: Timestamp,
) -> Result<bool, sqlx::Error> {
    let rotated = sqlx::query!(
        r#"
        -- notification.rotate_endpoint
        UPDATE webhook_endpoint SET generation = $2, previous_until = $3 WHERE endpoint_id = $1
        "#,
        id.uuid(),
        generation,
        previous_until.to_sqlx() as _,
    )
    .execute(conn)
    .await?;
    Ok(rotated.rows_affected() == 1)
}

/// Sends nothing more to an endpoint. One that is disabled already keeps its reason.
pub async fn disable(
    conn: &mut PgConnection,
    id: EndpointId,
    because: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let disabled = sqlx::query!(
        r#"
        -- notification.disable_endpoint
        UPDATE webhook_endpoint
           SET disabled_at = COALESCE(disabled_at, $3), disabled_because = COALESCE(disabled_because, $2)
         WHERE endpoint_id = $1
        "#,
        id.uuid(),
        because,
        now.to_sqlx() as _,
    )
    .execute(conn)
    .await?;
    Ok(disabled.rows_affected() == 1)
}

/// The endpoints after one of them, in the order in which they were subscribed.
pub async fn list(
    db: &PgPool,
    after: Option<EndpointId>,
    limit: i64,
) -> Result<Vec<Endpoint>, sqlx::Error> {
    let found = sqlx::query_as!(
        Found,
        r#"
        -- notification.list_endpoints
        SELECT endpoint_id, url, kinds, generation, previous_until, disabled_at, disabled_because, created_at, failures, in_order
          FROM webhook_endpoint
         WHERE $1::uuid IS NULL OR endpoint_id > $1
         ORDER BY endpoint_id
         LIMIT $2
        "#,
        after.map(EndpointId::uuid),
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(found.into_iter().map(Into::into).collect())
}

/// The columns as they come.
struct Found {
    endpoint_id: Uuid,
    url: String,
    kinds: Vec<String>,
    generation: i32,
    previous_until: Option<jiff_sqlx::Timestamp>,
    disabled_at: Option<jiff_sqlx::Timestamp>,
    disabled_because: Option<String>,
    created_at: jiff_sqlx::Timestamp,
    failures: i32,
    in_order: bool,
}

impl From<Found> for Endpoint {
    fn from(found: Found) -> Self {
        let disabled_at = found.disabled_at.map(jiff_sqlx::Timestamp::to_jiff);
        Self {
            id: EndpointId::from_uuid(found.endpoint_id),
            url: found.url,
            kinds: found.kinds,
            generation: found.generation,
            previous_until: found.previous_until.map(jiff_sqlx::Timestamp::to_jiff),
            disabled: disabled_at.zip(found.disabled_because),
            created_at: found.created_at.to_jiff(),
            failures: found.failures,
            in_order: found.in_order,
        }
    }
}
