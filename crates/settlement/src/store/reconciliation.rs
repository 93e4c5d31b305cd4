//! An institution's records as the centre has them: the view `reconciliation_record` says what a record is.

use chassis::db::Corrupt;
use jiff_sqlx::ToSqlx;
use kernel::{Fen, Scheme, SettlementId, Timestamp, Usage};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::{StoreError, column, word};
use crate::reconciliation::{Accounts, Figures, Kept, Record, Scope, Totals};

struct Row {
    record_id: Uuid,
    settlement_id: Uuid,
    is_refund: bool,
    msgid: String,
    person_no: String,
    scheme: String,
    usage: String,
    sandbox: bool,
    recorded_at: jiff_sqlx::Timestamp,
    total_fen: i64,
    pooled_fen: i64,
    own_fen: i64,
    aid_fen: i64,
    cash_fen: i64,
}

impl TryFrom<Row> for Kept {
    type Error = Corrupt;

    fn try_from(row: Row) -> Result<Self, Corrupt> {
        let id = SettlementId::from_uuid(row.record_id);
        Ok(Self {
            id,
            settlement: SettlementId::from_uuid(row.settlement_id),
            msgid: row.msgid,
            scheme: word("settlement", "scheme", id, Scheme::from_code(&row.scheme))?,
            usage: word("settlement", "usage", id, Usage::from_code(&row.usage))?,
            sandbox: row.sandbox,
            at: row.recorded_at.to_jiff(),
            record: Record {
                id: Some(id),
                person_no: Some(row.person_no),
                refund: Some(row.is_refund),
                figures: figures(
                    [row.total_fen, row.pooled_fen, row.cash_fen],
                    (row.own_fen, row.aid_fen),
                ),
            },
        })
    }
}

/// Everything that the centre knows of a record.
fn figures([total, pooled, cash]: [i64; 3], (own, aid): (i64, i64)) -> Figures {
    Figures {
        total: Fen::new(total),
        pooled: Some(Fen::new(pooled)),
        accounts: Some(Accounts::Apart {
            own: Fen::new(own),
            aid: Fen::new(aid),
        }),
        cash: Some(Fen::new(cash)),
    }
}

fn read(rows: Vec<Row>) -> Result<Vec<Kept>, StoreError> {
    rows.into_iter()
        .map(|row| row.try_into().map_err(StoreError::Corrupt))
        .collect()
}

/// Those of an institution's records that have these numbers, whether or not they are in the scope of anything.
pub async fn find(
    db: impl PgExecutor<'_>,
    institution: &str,
    wanted: &[SettlementId],
) -> Result<Vec<Kept>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.find_records
        SELECT record_id AS "record_id!", settlement_id AS "settlement_id!", is_refund AS "is_refund!",
               msgid AS "msgid!", person_no AS "person_no!", scheme AS "scheme!", usage AS "usage!",
               sandbox AS "sandbox!", recorded_at AS "recorded_at!: jiff_sqlx::Timestamp", total_fen AS "total_fen!",
               pooled_fen AS "pooled_fen!", own_fen AS "own_fen!", aid_fen AS "aid_fen!", cash_fen AS "cash_fen!"
        FROM reconciliation_record
        WHERE record_id = ANY ($1) AND institution = $2
        "#,
        &column(wanted, |id| id.uuid()),
        institution,
    )
    .fetch_all(db)
    .await?;
    read(rows)
}

/// The next records of a scope after this instant and number, oldest first.
pub async fn page(
    db: impl PgExecutor<'_>,
    scope: &Scope,
    after: Option<(Timestamp, SettlementId)>,
    size: i64,
) -> Result<Vec<Kept>, StoreError> {
    let (at, id) = after.map_or((scope.from, Uuid::nil()), |(at, id)| (at, id.uuid()));
    let rows = sqlx::query_as!(
        Row,
        r#"
        -- settlement.page_of_records
        SELECT record_id AS "record_id!", settlement_id AS "settlement_id!", is_refund AS "is_refund!",
               msgid AS "msgid!", person_no AS "person_no!", scheme AS "scheme!", usage AS "usage!",
               sandbox AS "sandbox!", recorded_at AS "recorded_at!: jiff_sqlx::Timestamp", total_fen AS "total_fen!",
               pooled_fen AS "pooled_fen!", own_fen AS "own_fen!", aid_fen AS "aid_fen!", cash_fen AS "cash_fen!"
        FROM reconciliation_record
        WHERE institution = $1 AND recorded_at >= $2 AND recorded_at < $3 AND (recorded_at, record_id) > ($2, $4)
            AND sandbox = $5 AND scheme = ANY ($6) AND usage = ANY ($7) AND (NOT is_refund OR $8)
        ORDER BY recorded_at, record_id
        LIMIT $9
        "#,
        scope.institution,
        at.to_sqlx(),
        scope.until.to_sqlx(),
        id,
        scope.sandbox,
        &column(&scope.schemes(), ToString::to_string),
        &column(&scope.usages(), ToString::to_string),
        scope.with_refunds,
        size,
    )
    .fetch_all(db)
    .await?;
    read(rows)
}

/// What the records of one scheme and usage come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    pub scheme: Scheme,
    pub usage: Usage,
    pub refunds: i64,
    pub totals: Totals,
}

/// The records of a scope, summed by scheme and usage.
pub async fn sums(db: impl PgExecutor<'_>, scope: &Scope) -> Result<Vec<Group>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.sum_records
        SELECT scheme AS "scheme!", usage AS "usage!", count(*) AS "records!",
               count(*) FILTER (WHERE is_refund) AS "refunds!", sum(total_fen)::bigint AS "total_fen!",
               sum(pooled_fen)::bigint AS "pooled_fen!", sum(own_fen)::bigint AS "own_fen!",
               sum(aid_fen)::bigint AS "aid_fen!", sum(cash_fen)::bigint AS "cash_fen!"
        FROM reconciliation_record
        WHERE institution = $1 AND recorded_at >= $2 AND recorded_at < $3
            AND sandbox = $4 AND scheme = ANY ($5) AND usage = ANY ($6) AND (NOT is_refund OR $7)
        GROUP BY scheme, usage
        ORDER BY scheme, usage
        "#,
        scope.institution,
        scope.from.to_sqlx(),
        scope.until.to_sqlx(),
        scope.sandbox,
        &column(&scope.schemes(), ToString::to_string),
        &column(&scope.usages(), ToString::to_string),
        scope.with_refunds,
    )
    .fetch_all(db)
    .await?;
    let mut groups = Vec::with_capacity(rows.len());
    for row in rows {
        let id = &scope.institution;
        groups.push(Group {
            scheme: word("settlement", "scheme", id, Scheme::from_code(&row.scheme))?,
            usage: word("settlement", "usage", id, Usage::from_code(&row.usage))?,
            refunds: row.refunds,
            totals: Totals {
                records: row.records,
                figures: figures(
                    [row.total_fen, row.pooled_fen, row.cash_fen],
                    (row.own_fen, row.aid_fen),
                ),
            },
        });
    }
    Ok(groups)
}
