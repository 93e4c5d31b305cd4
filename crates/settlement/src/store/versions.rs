//! The newest movement of each account: what was told is compared with it.

use kernel::{AccountId, PersonId};
use sqlx::PgExecutor;

use super::StoreError;

/// An account with movements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    pub person: PersonId,
    /// How many movements it has had.
    pub version: i64,
}

/// The accounts with movements after one of them, in the order of their ids.
pub async fn page(
    db: impl PgExecutor<'_>,
    after: Option<AccountId>,
    limit: i64,
) -> Result<Vec<Newest>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.list_account_versions
        SELECT account_id, person_id, version
        FROM account
        WHERE version > 0 AND ($1::uuid IS NULL OR account_id > $1)
        ORDER BY account_id
        LIMIT $2
        "#,
        after.map(AccountId::uuid),
        limit,
    )
    .fetch_all(db)
    .await?;
    let newest = rows.into_iter().map(|row| Newest {
        account: AccountId::from_uuid(row.account_id),
        person: PersonId::from_uuid(row.person_id),
        version: row.version,
    });
    Ok(newest.collect())
}
