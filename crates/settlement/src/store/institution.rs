//! Registered institutions.

use std::collections::BTreeMap;

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::Timestamp;
use sqlx::PgExecutor;

use super::{StoreError, column, word};
use crate::institution::{Institution, Kind};

struct Row {
    code: String,
    name: String,
    kind: String,
    region: String,
    tier: i16,
    sandbox: bool,
}

impl TryFrom<Row> for Institution {
    type Error = Corrupt;

    fn try_from(row: Row) -> Result<Self, Corrupt> {
        Ok(Self {
            kind: word("institution", "kind", &row.code, Kind::from_code(&row.kind))?,
            region: word("institution", "region", &row.code, row.region.parse().ok())?,
            code: row.code,
            name: row.name,
            tier: row.tier,
            sandbox: row.sandbox,
        })
    }
}

/// The institutions with these codes, as far as they are registered.
pub async fn find(
    db: impl PgExecutor<'_>,
    codes: &[String],
) -> Result<BTreeMap<String, Institution>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.find_institutions
        SELECT code, name, kind, region, tier, sandbox FROM institution WHERE code = ANY ($1)
        "#,
        codes,
    )
    .fetch_all(db)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let institution = Institution::try_from(row)?;
        found.insert(institution.code.clone(), institution);
    }
    Ok(found)
}

/// Registers institutions, each code once, or updates them.
pub async fn register(
    db: impl PgExecutor<'_>,
    institutions: &[Institution],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.register_institutions
        INSERT INTO institution (code, name, kind, region, tier, sandbox, registered_at)
        SELECT told.*, $7
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::boolean[]) AS told
        ON CONFLICT (code) DO UPDATE SET
            name = EXCLUDED.name, kind = EXCLUDED.kind, region = EXCLUDED.region, tier = EXCLUDED.tier,
            sandbox = EXCLUDED.sandbox
        "#,
        &column(institutions, |institution| institution.code.clone()),
        &column(institutions, |institution| institution.name.clone()),
        &column(institutions, |institution| institution.kind.code().to_owned()),
        &column(institutions, |institution| institution.region.to_string()),
        &column(institutions, |institution| institution.tier),
        &column(institutions, |institution| institution.sandbox),
        at.to_sqlx(),
    )
    .execute(db)
    .await?;
    Ok(())
}
