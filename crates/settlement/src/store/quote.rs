//! Quotes that were given.

use jiff_sqlx::ToSqlx;
use kernel::{Fen, QuoteId, Timestamp};
use sqlx::PgExecutor;

use super::{StoreError, word};
use crate::quote::Quote;
use crate::request::Asked;

/// Stores a quote, without waiting for the disk: one that a crash loses is one that nobody can settle on.
pub async fn insert(
    db: impl PgExecutor<'_>,
    quote: &Quote,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.insert_quote
        WITH lazily AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
        INSERT INTO quote (quote_id, institution, request, own_fen, cash_fen, expires_at, quoted_at)
        SELECT $1, $2, $3::text::jsonb, $4, $5, $6, $7 FROM lazily
        "#,
        quote.id.uuid(),
        quote.institution,
        quote.asked.to_text(),
        quote.own.get(),
        quote.cash.get(),
        quote.expires_at.to_sqlx() as jiff_sqlx::Timestamp,
        at.to_sqlx() as jiff_sqlx::Timestamp,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The quote of this id.
pub async fn find(db: impl PgExecutor<'_>, id: QuoteId) -> Result<Option<Quote>, StoreError> {
    let row = sqlx::query!(
        r#"
        -- settlement.find_quote
        SELECT institution, request, own_fen, cash_fen, expires_at FROM quote WHERE quote_id = $1
        "#,
        id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    Ok(Some(Quote {
        id,
        institution: row.institution,
        asked: word("quote", "request", id, Asked::from_stored(row.request))?,
        own: Fen::new(row.own_fen),
        cash: Fen::new(row.cash_fen),
        expires_at: row.expires_at.to_jiff(),
    }))
}

/// Forgets quotes that expired before `end`; says how many.
pub async fn sweep(db: impl PgExecutor<'_>, end: Timestamp) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.sweep_quotes
        DELETE FROM quote WHERE expires_at < $1
        "#,
        end.to_sqlx(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
