//! Proofs of kinship: hashes beside a binding.

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx as _;
use kernel::{BindingId, Timestamp};
use policy::values::Proof;
use sqlx::PgConnection;

use crate::actor::Actor;
use crate::error::StoreError;
use crate::proof::KinProof;

/// The kinds that are kept beside a binding; the commitment stands on the binding itself.
const KEPT: [Proof; 3] = [Proof::HouseholdPage, Proof::MarriageCheck, Proof::Face];

/// Stores what was handed in for a binding; a kind that is there already stays as it was.
pub async fn insert_proofs(
    conn: &mut PgConnection,
    id: BindingId,
    proofs: &[KinProof],
    by: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    for proof in proofs {
        sqlx::query!(
            r#"
            -- binding.insert_proof
            INSERT INTO binding_proof (binding_id, kind, digest, at, caller_role, caller_subject, trace)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (binding_id, kind) DO NOTHING
            "#,
            id.uuid(),
            proof.kind.code(),
            proof.digest.as_slice(),
            now.to_sqlx(),
            by.caller.role.code(),
            by.caller.subject,
            by.trace.as_deref(),
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// The kinds of proof that were handed in for a binding.
pub async fn proofs_of(conn: &mut PgConnection, id: BindingId) -> Result<Vec<Proof>, StoreError> {
    let kinds = sqlx::query_scalar!(
        r#"
        -- binding.proofs_of
        SELECT kind FROM binding_proof WHERE binding_id = $1 ORDER BY kind
        "#,
        id.uuid(),
    )
    .fetch_all(conn)
    .await?;
    kinds
        .iter()
        .map(|code| {
            let known = KEPT.into_iter().find(|kind| kind.code() == code);
            known.ok_or_else(|| Corrupt::new("binding_proof", "kind", id).into())
        })
        .collect()
}
