//! Premiums that a batch paid or gave back.

use kernel::{SettlementId, Timestamp, Usage};
use sqlx::PgConnection;

use crate::book::Book;
use crate::store::{StoreError, premium};

/// Records what was paid, and of which years all came back: those are unpaid again.
pub(super) async fn write(
    conn: &mut PgConnection,
    book: &Book,
    at: Timestamp,
) -> Result<(), StoreError> {
    let unpaid: Vec<SettlementId> = book
        .moved_settlements()
        .into_iter()
        .filter(|stored| stored.usage == Usage::ResidentPremium && stored.rest().total.is_zero())
        .map(|stored| stored.id)
        .collect();
    if !unpaid.is_empty() {
        premium::take_back(conn, &unpaid, at).await?;
    }
    if !book.paid_premiums().is_empty() {
        premium::insert(conn, book.paid_premiums(), at).await?;
    }
    Ok(())
}
