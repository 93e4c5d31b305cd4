//! Which bill took the place of which.

use kernel::SettlementId;
use sqlx::PgConnection;

use super::{StoreError, column};

/// Stores links: the bill that stands, the one it took the place of, and what took that one back.
pub async fn insert(
    conn: &mut PgConnection,
    links: &[(SettlementId, SettlementId, SettlementId)],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_replacements
        INSERT INTO replacement (settlement_id, replaces, cancellation_id)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[])
        "#,
        &column(links, |(settlement, ..)| settlement.uuid()),
        &column(links, |(_, replaces, _)| replaces.uuid()),
        &column(links, |(.., cancellation)| cancellation.uuid()),
    )
    .execute(conn)
    .await?;
    Ok(())
}
