//! What people are shown of the past: all reads, from the ledger, the legs and what stands of bills.
//!
//! Where a movement has no account of its own (money in suspense), it has no version either, and is on nobody's statement.

use jiff_sqlx::ToSqlx;
use kernel::{AccountId, Fen, PersonId, Timestamp, Usage};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::movement::Seen;
use super::{StoreError, word};
use crate::statement::{BalanceAt, Days};
use crate::year::{AidTotal, Paid, VisitCosts};

/// Waits for whoever is moving an account. A batch takes its time while it holds the account, so after this nothing is posted
/// to it at an instant that had come before: what is read of such an instant is final.
pub async fn settle_down(db: impl PgExecutor<'_>, account: AccountId) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        -- settlement.wait_for_account
        SELECT account_id FROM account WHERE account_id = $1 FOR SHARE
        "#,
        account.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

/// How an account stood at an instant, movements at that instant included: after the last movement before the first one that was
/// posted later.
pub async fn balance_at(
    db: impl PgExecutor<'_>,
    account: AccountId,
    at: Timestamp,
) -> Result<BalanceAt, StoreError> {
    let last = sqlx::query!(
        r#"
        -- settlement.balance_at
        SELECT account_version AS "account_version!", current_after_fen AS "current_after_fen!",
               prior_after_fen AS "prior_after_fen!"
        FROM movement
        WHERE account_id = $1 AND account_version < coalesce((
            SELECT later.account_version FROM movement later
            WHERE later.account_id = $1 AND later.posted_at > $2 AND later.account_version > 0
            ORDER BY later.account_version LIMIT 1), 9223372036854775807)
        ORDER BY account_version DESC
        LIMIT 1
        "#,
        account.uuid(),
        at.to_sqlx() as jiff_sqlx::Timestamp,
    )
    .fetch_optional(db)
    .await?;
    let (version, current, prior) = last.map_or((0, 0, 0), |last| {
        (
            last.account_version,
            last.current_after_fen,
            last.prior_after_fen,
        )
    });
    Ok(BalanceAt {
        at,
        current: Fen::new(current),
        prior: Fen::new(prior),
        version,
    })
}

/// The movements of an account after one of its versions and up to another one, oldest first.
pub async fn lines(
    db: impl PgExecutor<'_>,
    account: AccountId,
    (after, up_to): (i64, i64),
    size: i64,
) -> Result<Vec<Seen>, StoreError> {
    let rows = sqlx::query_as!(
        Seen,
        r#"
        -- settlement.statement_lines
        SELECT movement_id, kind, posted_at, bucket AS "bucket!", credit LIKE 'pa:%:' || lower(bucket) AS "is_money_in!",
               amount_fen, account_version AS "account_version!", current_after_fen AS "current_after_fen!",
               prior_after_fen AS "prior_after_fen!", settlement_id, beneficiary_person_id
        FROM movement
        WHERE account_id = $1 AND account_version > $2 AND account_version <= $3
        ORDER BY account_version
        LIMIT $4
        "#,
        account.uuid(),
        after,
        up_to,
        size,
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// Whose aid, when, and to whom.
#[derive(Debug, Clone, Copy)]
pub struct AidAsked {
    pub contributor: PersonId,
    /// Only this relative.
    pub beneficiary: Option<PersonId>,
    pub days: Days,
}

/// One leg of aid, with what came back of it and the kind of place it was paid at.
#[derive(Debug)]
pub struct AidSeen {
    pub movement_id: Uuid,
    pub posted_at: jiff_sqlx::Timestamp,
    pub account_id: Uuid,
    pub bucket: String,
    pub amount_fen: i64,
    pub refunded_fen: i64,
    pub beneficiary_person_id: Uuid,
    pub binding_id: Uuid,
    pub place: String,
}

/// The aid that a contributor's accounts paid before a place in the list, newest first.
pub async fn aid_given(
    db: impl PgExecutor<'_>,
    asked: &AidAsked,
    before: (Timestamp, Uuid),
    size: i64,
) -> Result<Vec<AidSeen>, StoreError> {
    let rows = sqlx::query_as!(
        AidSeen,
        r#"
        -- settlement.aid_given
        SELECT m.movement_id, m.posted_at, m.account_id AS "account_id!", m.bucket AS "bucket!", m.amount_fen,
               leg.refunded_fen, m.beneficiary_person_id AS "beneficiary_person_id!", m.binding_id AS "binding_id!",
               institution.kind AS place
        FROM movement m
        JOIN leg ON leg.settlement_id = m.settlement_id AND leg.movement_id = m.movement_id
        JOIN settlement ON settlement.settlement_id = m.settlement_id
        JOIN institution ON institution.code = settlement.institution
        WHERE m.account_id IN (SELECT account_id FROM account WHERE person_id = $1) AND m.kind = 'CHARGE_AID'
            AND m.posted_at >= $2 AND m.posted_at <= $3 AND (m.posted_at, m.movement_id) < ($3, $4)
            AND ($5::uuid IS NULL OR m.beneficiary_person_id = $5)
        ORDER BY m.posted_at DESC, m.movement_id DESC
        LIMIT $6
        "#,
        asked.contributor.uuid(),
        asked.days.begin.to_sqlx() as jiff_sqlx::Timestamp,
        before.0.to_sqlx() as jiff_sqlx::Timestamp,
        before.1,
        asked.beneficiary.map(PersonId::uuid),
        size,
    )
    .fetch_all(db)
    .await?;
    Ok(rows)
}

/// The aid that a contributor's accounts paid, by relative; the highest first.
pub async fn aid_totals(
    db: impl PgExecutor<'_>,
    asked: &AidAsked,
) -> Result<Vec<AidTotal>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.aid_totals
        SELECT m.beneficiary_person_id AS "relative!", count(DISTINCT m.settlement_id)::integer AS "bills!",
               sum(m.amount_fen)::bigint AS "paid_fen!", sum(leg.refunded_fen)::bigint AS "returned_fen!"
        FROM movement m
        JOIN leg ON leg.settlement_id = m.settlement_id AND leg.movement_id = m.movement_id
        WHERE m.account_id IN (SELECT account_id FROM account WHERE person_id = $1) AND m.kind = 'CHARGE_AID'
            AND m.posted_at >= $2 AND m.posted_at < $3
            AND ($4::uuid IS NULL OR m.beneficiary_person_id = $4)
        GROUP BY m.beneficiary_person_id
        ORDER BY sum(m.amount_fen) DESC, m.beneficiary_person_id
        "#,
        asked.contributor.uuid(),
        asked.days.begin.to_sqlx() as jiff_sqlx::Timestamp,
        asked.days.end.to_sqlx() as jiff_sqlx::Timestamp,
        asked.beneficiary.map(PersonId::uuid),
    )
    .fetch_all(db)
    .await?;
    let totals = rows.into_iter().map(|row| AidTotal {
        relative: PersonId::from_uuid(row.relative),
        bills: row.bills,
        paid: Fen::new(row.paid_fen),
        returned: Fen::new(row.returned_fen),
    });
    Ok(totals.collect())
}

/// What relatives paid towards the bills that a patient had in some days, by contributor; the highest first.
pub async fn aid_received(
    db: impl PgExecutor<'_>,
    patient: PersonId,
    days: Days,
) -> Result<Vec<AidTotal>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.aid_received
        SELECT leg.person_id AS relative, count(DISTINCT leg.settlement_id)::integer AS "bills!",
               sum(leg.amount_fen)::bigint AS "paid_fen!", sum(leg.refunded_fen)::bigint AS "returned_fen!"
        FROM settlement s
        JOIN leg ON leg.settlement_id = s.settlement_id AND leg.kind = 'AID'
        WHERE s.patient_person_id = $1 AND s.settled_at >= $2 AND s.settled_at < $3
        GROUP BY leg.person_id
        ORDER BY sum(leg.amount_fen) DESC, leg.person_id
        "#,
        patient.uuid(),
        days.begin.to_sqlx() as jiff_sqlx::Timestamp,
        days.end.to_sqlx() as jiff_sqlx::Timestamp,
    )
    .fetch_all(db)
    .await?;
    let totals = rows.into_iter().map(|row| AidTotal {
        relative: PersonId::from_uuid(row.relative),
        bills: row.bills,
        paid: Fen::new(row.paid_fen),
        returned: Fen::new(row.returned_fen),
    });
    Ok(totals.collect())
}

/// What stands of the bills that a patient had in some days, by what they were for; types of which nothing stands are left out.
pub async fn visits(
    db: impl PgExecutor<'_>,
    patient: PersonId,
    days: Days,
) -> Result<Vec<VisitCosts>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.visits_of_days
        SELECT usage AS "usage!", count(*)::integer AS "bills!", sum(pooled_fen)::bigint AS "pooled_fen!",
               sum(own_fen)::bigint AS "own_fen!", sum(aid_fen)::bigint AS "aid_fen!", sum(cash_fen)::bigint AS "cash_fen!",
               sum(not_insured_fen)::bigint AS "not_insured_fen!"
        FROM bill_standing
        WHERE patient_person_id = $1 AND settled_at >= $2 AND settled_at < $3 AND total_fen > 0
        GROUP BY usage
        ORDER BY usage
        "#,
        patient.uuid(),
        days.begin.to_sqlx() as jiff_sqlx::Timestamp,
        days.end.to_sqlx() as jiff_sqlx::Timestamp,
    )
    .fetch_all(db)
    .await?;
    let mut visits = Vec::with_capacity(rows.len());
    for row in rows {
        visits.push(VisitCosts {
            usage: word("settlement", "usage", patient, Usage::from_code(&row.usage))?,
            bills: row.bills,
            split: Paid {
                pooled: Fen::new(row.pooled_fen),
                own: Fen::new(row.own_fen),
                aid: Fen::new(row.aid_fen),
                cash: Fen::new(row.cash_fen),
            },
            not_insured: Fen::new(row.not_insured_fen),
        });
    }
    Ok(visits)
}
