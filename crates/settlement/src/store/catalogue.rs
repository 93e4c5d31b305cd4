//! The fee catalogue.

use std::collections::BTreeSet;

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::Timestamp;
use policy::benefit::{Item, Level, Percent, Price};
use sqlx::{PgConnection, PgExecutor};

use super::{StoreError, column, word};
use crate::catalogue::{Catalogue, Entry, Items, Key};

/// The wanted items: one statement, which reads what the process does not remember, or all if the catalogue has changed.
pub async fn look(
    conn: &mut PgConnection,
    catalogue: &Catalogue,
    wanted: &BTreeSet<String>,
) -> Result<Items, StoreError> {
    let (known, missing) = catalogue.missing(wanted);
    let all: Vec<String> = wanted.iter().cloned().collect();
    let rows = sqlx::query!(
        r#"
        -- settlement.look_at_catalogue
        SELECT version, item_code AS "item_code?", region AS "region?", valid_from AS "valid_from?", valid_to,
               level AS "level?", self_pay_bp AS "self_pay_bp?", price_ceiling_e6
        FROM catalogue_version
        LEFT JOIN catalogue_item
            ON item_code = ANY (CASE WHEN version = $1 THEN $2::text[] ELSE $3::text[] END)
        "#,
        known,
        &missing,
        &all,
    )
    .fetch_all(conn)
    .await?;
    let version = rows.first().map_or(0, |row| row.version);
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(item_code), Some(region), Some(valid_from), Some(level), Some(self_pay_bp)) = (
            row.item_code,
            row.region,
            row.valid_from,
            row.level,
            row.self_pay_bp,
        ) else {
            continue; // the version alone
        };
        let share = u16::try_from(self_pay_bp)
            .ok()
            .and_then(Percent::from_basis_points);
        read.push(Entry {
            region: word("catalogue_item", "region", &item_code, region.parse().ok())?,
            valid_from: valid_from.to_jiff(),
            valid_to: row.valid_to.map(jiff_sqlx::Date::to_jiff),
            item: Item {
                level: word(
                    "catalogue_item",
                    "level",
                    &item_code,
                    Level::from_code(&level),
                )?,
                self_pay: word("catalogue_item", "self_pay_bp", &item_code, share)?,
                ceiling: row.price_ceiling_e6.map(Price),
            },
            item_code,
        });
    }
    Ok(catalogue.take(wanted, (known, version), read))
}

/// Takes entries in, each key once, and says which of them changed the catalogue. If any did, its version grows in the same
/// statement.
pub async fn import(
    db: impl PgExecutor<'_>,
    entries: &[Entry],
    by: &str,
    at: Timestamp,
) -> Result<BTreeSet<Key>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.import_catalogue
        WITH changed AS (
            INSERT INTO catalogue_item
                (item_code, region, valid_from, valid_to, level, self_pay_bp, price_ceiling_e6, imported_by, imported_at)
            SELECT item_code, region, valid_from::date, valid_to::date, level, self_pay_bp, price_ceiling_e6, $8, $9
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::bigint[])
                AS told (item_code, region, valid_from, valid_to, level, self_pay_bp, price_ceiling_e6)
            ON CONFLICT (item_code, region, valid_from) DO UPDATE SET
                valid_to = EXCLUDED.valid_to, level = EXCLUDED.level, self_pay_bp = EXCLUDED.self_pay_bp,
                price_ceiling_e6 = EXCLUDED.price_ceiling_e6, imported_by = EXCLUDED.imported_by,
                imported_at = EXCLUDED.imported_at
            WHERE (catalogue_item.valid_to, catalogue_item.level, catalogue_item.self_pay_bp,
                   catalogue_item.price_ceiling_e6)
                IS DISTINCT FROM (EXCLUDED.valid_to, EXCLUDED.level, EXCLUDED.self_pay_bp, EXCLUDED.price_ceiling_e6)
            RETURNING item_code, region, valid_from
        ), moved_on AS (
            UPDATE catalogue_version SET version = version + 1 WHERE EXISTS (SELECT FROM changed)
        )
        SELECT item_code, region, valid_from FROM changed
        "#,
        &column(entries, |entry| entry.item_code.clone()),
        &column(entries, |entry| entry.region.to_string()),
        &column(entries, |entry| entry.valid_from.to_string()),
        &column(entries, |entry| entry.valid_to.map(|day| day.to_string())) as &[Option<String>],
        &column(entries, |entry| entry.item.level.code().to_owned()),
        &column(entries, |entry| basis_points(entry.item.self_pay)),
        &column(entries, |entry| entry.item.ceiling.map(|price| price.0)) as &[Option<i64>],
        by,
        at.to_sqlx(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let region = row
                .region
                .parse()
                .map_err(|_malformed| Corrupt::new("catalogue_item", "region", &row.item_code))?;
            Ok((row.item_code, region, row.valid_from.to_jiff()))
        })
        .collect()
}

/// A share as it is stored.
pub(super) fn basis_points(share: Percent) -> i16 {
    i16::try_from(share.basis_points()).expect("at most 10 000 basis points")
}
