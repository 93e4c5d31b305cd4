//! The counters of what limits have used up.

use std::collections::BTreeMap;

use kernel::{AccountId, BindingId, Fen};
use policy::plan::limits::{Tally, Windows};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, column};
use crate::limit::{Counter, Scope};

impl Scope {
    fn uuid(self) -> Uuid {
        match self {
            Self::Pair(binding) => binding.uuid(),
            Self::Contributor(account) => account.uuid(),
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Pair(_) => "PAIR",
            Self::Contributor(_) => "CONTRIBUTOR",
        }
    }
}

const fn tally(gross: i64, refunded: i64) -> Tally {
    Tally {
        gross: Fen::new(gross),
        refunded: Fen::new(refunded),
    }
}

/// The counters of these bindings and accounts; none where nothing was ever charged. For a decision this must be a later
/// statement than the locks.
pub async fn look(
    conn: &mut PgConnection,
    scopes: &[Scope],
) -> Result<BTreeMap<Scope, Counter>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.look_at_used
        SELECT scope_id, scope = 'PAIR' AS "of_pair!", day, year, day_gross_fen, day_refunded_fen, month_gross_fen,
               month_refunded_fen, year_gross_fen, year_refunded_fen, total_gross_fen, total_refunded_fen
        FROM limit_used
        WHERE scope_id = ANY ($1)
        "#,
        &column(scopes, |scope| scope.uuid()),
    )
    .fetch_all(conn)
    .await?;
    let counters = rows.into_iter().map(|row| {
        let scope = if row.of_pair {
            Scope::Pair(BindingId::from_uuid(row.scope_id))
        } else {
            Scope::Contributor(AccountId::from_uuid(row.scope_id))
        };
        let counter = Counter {
            windows: Windows {
                day: row.day.to_jiff(),
                year: row.year.to_jiff(),
            },
            day: tally(row.day_gross_fen, row.day_refunded_fen),
            month: tally(row.month_gross_fen, row.month_refunded_fen),
            year: tally(row.year_gross_fen, row.year_refunded_fen),
            total: tally(row.total_gross_fen, row.total_refunded_fen),
        };
        (scope, counter)
    });
    Ok(counters.collect())
}

/// Writes counters as they stand now; each scope once.
pub async fn write(
    conn: &mut PgConnection,
    counters: &[(Scope, Counter)],
) -> Result<(), StoreError> {
    let gross =
        |of: fn(&Counter) -> Tally| column(counters, |(_, counter)| of(counter).gross.get());
    let refunded =
        |of: fn(&Counter) -> Tally| column(counters, |(_, counter)| of(counter).refunded.get());
    sqlx::query!(
        r#"
        -- settlement.write_used
        INSERT INTO limit_used
            (scope_id, scope, day, year, day_gross_fen, day_refunded_fen, month_gross_fen, month_refunded_fen,
             year_gross_fen, year_refunded_fen, total_gross_fen, total_refunded_fen)
        SELECT scope_id, scope, day::date, year::date, day_gross, day_refunded, month_gross, month_refunded, year_gross,
               year_refunded, total_gross, total_refunded
        FROM unnest(
            $1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
            AS now (scope_id, scope, day, year, day_gross, day_refunded, month_gross, month_refunded, year_gross,
                    year_refunded, total_gross, total_refunded)
        ON CONFLICT (scope_id) DO UPDATE SET
            day = EXCLUDED.day, year = EXCLUDED.year,
            day_gross_fen = EXCLUDED.day_gross_fen, day_refunded_fen = EXCLUDED.day_refunded_fen,
            month_gross_fen = EXCLUDED.month_gross_fen, month_refunded_fen = EXCLUDED.month_refunded_fen,
            year_gross_fen = EXCLUDED.year_gross_fen, year_refunded_fen = EXCLUDED.year_refunded_fen,
            total_gross_fen = EXCLUDED.total_gross_fen, total_refunded_fen = EXCLUDED.total_refunded_fen
        "#,
        &column(counters, |(scope, _)| scope.uuid()),
        &column(counters, |(scope, _)| scope.code().to_owned()),
        &column(counters, |(_, counter)| counter.windows.day.to_string()),
        &column(counters, |(_, counter)| counter.windows.year.to_string()),
        &gross(|counter| counter.day),
        &refunded(|counter| counter.day),
        &gross(|counter| counter.month),
        &refunded(|counter| counter.month),
        &gross(|counter| counter.year),
        &refunded(|counter| counter.year),
        &gross(|counter| counter.total),
        &refunded(|counter| counter.total),
    )
    .execute(conn)
    .await?;
    Ok(())
}
