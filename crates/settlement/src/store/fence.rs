//! Fences that are set and not told yet, because a hold still sets money of their binding aside. Guarded by the contributor's
//! account, like the permissions themselves.

use std::collections::BTreeSet;

use jiff_sqlx::ToSqlx;
use kernel::{BindingId, Timestamp};
use sqlx::PgConnection;

use super::{StoreError, column, word};
use crate::enforced::{Fence, FenceScope};

/// Which of these bindings have money set aside, also by holds that have expired and are not swept yet: a replica whose
/// clock is behind might still capture those.
pub async fn held(
    conn: &mut PgConnection,
    bindings: &[BindingId],
) -> Result<BTreeSet<BindingId>, StoreError> {
    let held = sqlx::query_scalar!(
        r#"
        -- settlement.held_bindings
        SELECT DISTINCT binding_id AS "binding_id!" FROM hold_leg WHERE binding_id = ANY ($1) AND is_open
        "#,
        &column(bindings, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    Ok(held.into_iter().map(BindingId::from_uuid).collect())
}

/// Remembers fences that wait. One that waits already goes on waiting.
pub async fn wait(
    conn: &mut PgConnection,
    fences: &[Fence],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.wait_with_fences
        INSERT INTO fence_waiting (binding_id, scope, version, trace_parent, set_at)
        SELECT told.*, $5 FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) AS told
        ON CONFLICT DO NOTHING
        "#,
        &column(fences, |fence| fence.binding.uuid()),
        &column(fences, |fence| fence.scope.code().to_owned()),
        &column(fences, |fence| fence.version),
        &column(fences, |fence| fence.trace_parent.clone()) as &[Option<String>],
        at.to_sqlx() as jiff_sqlx::Timestamp,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes out the fences that need not wait any longer, of bindings whose hold has just ended.
pub async fn lift(
    conn: &mut PgConnection,
    bindings: &[BindingId],
) -> Result<Vec<Fence>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.lift_fences
        DELETE FROM fence_waiting f
        WHERE binding_id = ANY ($1)
            AND NOT EXISTS (SELECT FROM hold_leg l WHERE l.binding_id = f.binding_id AND l.is_open)
        RETURNING binding_id, scope, version, trace_parent
        "#,
        &column(bindings, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    let mut lifted = Vec::with_capacity(rows.len());
    for row in rows {
        let binding = BindingId::from_uuid(row.binding_id);
        let scope = FenceScope::from_code(&row.scope);
        lifted.push(Fence {
            binding,
            scope: word("fence_waiting", "scope", binding, scope)?,
            version: row.version,
            trace_parent: row.trace_parent,
        });
    }
    Ok(lifted)
}
