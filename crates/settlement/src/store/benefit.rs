//! What the pooled fund paid of each bill, and what each person has used.

use std::collections::BTreeMap;

use chassis::db::Corrupt;
use kernel::{AccountId, Date, Fen, MovementId, PersonId, Reason, SettlementId};
use policy::benefit::{Entitlement, Item, Level, Line, Percent, Price, Quantity, Used, Window};
use sqlx::{PgConnection, PgExecutor};

use super::catalogue::basis_points;
use super::{StoreError, column, touched, word};
use crate::benefit::{Benefited, Kept, KeptLine, Returned};

/// What these accounts have used in their medical years of `years`.
pub async fn look_at_used(
    conn: &mut PgConnection,
    wanted: &[(AccountId, i16)],
) -> Result<BTreeMap<(AccountId, Window), Used>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.look_at_benefit_used
        SELECT benefit_used.account_id, benefit_used.medical_year, period_start, deductible_fen, fund_fen
        FROM unnest($1::uuid[], $2::smallint[]) AS wanted (account_id, medical_year)
        JOIN benefit_used USING (account_id, medical_year)
        "#,
        &column(wanted, |(account, _)| account.uuid()),
        &column(wanted, |(_, year)| *year),
    )
    .fetch_all(conn)
    .await?;
    let used = rows.into_iter().map(|row| {
        let window = Window {
            year: row.medical_year,
            first: row.period_start.to_jiff(),
        };
        let used = Used {
            deductible: Fen::new(row.deductible_fen),
            fund: Fen::new(row.fund_fen),
        };
        ((AccountId::from_uuid(row.account_id), window), used)
    });
    Ok(used.collect())
}

/// Writes counters as they stand now.
pub async fn write_used(
    conn: &mut PgConnection,
    used: &[((AccountId, Window), Used)],
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.write_benefit_used
        INSERT INTO benefit_used (account_id, medical_year, period_start, deductible_fen, fund_fen)
        SELECT account_id, medical_year, period_start::date, deductible_fen, fund_fen
        FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::bigint[], $5::bigint[])
            AS now (account_id, medical_year, period_start, deductible_fen, fund_fen)
        ON CONFLICT (account_id, medical_year, period_start) DO UPDATE SET
            deductible_fen = EXCLUDED.deductible_fen, fund_fen = EXCLUDED.fund_fen
        "#,
        &column(used, |((account, _), _)| account.uuid()),
        &column(used, |((_, window), _)| window.year),
        &column(used, |((_, window), _)| window.first.to_string()),
        &column(used, |(_, used)| used.deductible.get()),
        &column(used, |(_, used)| used.fund.get()),
    )
    .execute(conn)
    .await?;
    touched(
        "settlement.write_benefit_used",
        done.rows_affected(),
        used.len(),
    )
}

/// Stores how the fund saw settled bills, and their lines.
pub async fn insert(
    conn: &mut PgConnection,
    bills: &[(SettlementId, &Benefited)],
) -> Result<(), StoreError> {
    let terms = |bill: &Benefited| bill.entitlement.ok();
    let parts = |bill: &Benefited| bill.assessed.whole;
    sqlx::query!(
        r#"
        -- settlement.insert_benefits
        INSERT INTO benefit
            (settlement_id, account_id, own_expense_fen, over_limit_fen, pre_self_pay_fen, in_scope_fen, deductible_fen,
             copay_fen, pooled_fen, ratio_bp, share_bp, deductible_left_fen, cap_left_fen, denied, medical_year,
             period_start, fund_region, rules, movement_id)
        SELECT settlement_id, account_id, own_expense_fen, over_limit_fen, pre_self_pay_fen, in_scope_fen, deductible_fen,
               copay_fen, pooled_fen, ratio_bp, share_bp, deductible_left_fen, cap_left_fen, denied, medical_year,
               period_start::date, fund_region, string_to_array(rules, ' '), movement_id
        FROM unnest(
            $1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::smallint[], $11::smallint[], $12::bigint[], $13::bigint[], $14::text[], $15::smallint[],
            $16::text[], $17::text[], $18::text[], $19::uuid[])
            AS seen (settlement_id, account_id, own_expense_fen, over_limit_fen, pre_self_pay_fen, in_scope_fen,
                     deductible_fen, copay_fen, pooled_fen, ratio_bp, share_bp, deductible_left_fen, cap_left_fen, denied,
                     medical_year, period_start, fund_region, rules, movement_id)
        "#,
        &column(bills, |(id, _)| id.uuid()),
        &column(bills, |(_, bill)| bill.account.uuid()),
        &column(bills, |(_, bill)| parts(bill).own_expense.get()),
        &column(bills, |(_, bill)| parts(bill).over_limit.get()),
        &column(bills, |(_, bill)| parts(bill).pre_self_pay.get()),
        &column(bills, |(_, bill)| parts(bill).in_scope.get()),
        &column(bills, |(_, bill)| bill.assessed.deductible.get()),
        &column(bills, |(_, bill)| bill.assessed.copay.get()),
        &column(bills, |(_, bill)| bill.assessed.pooled.get()),
        &column(bills, |(_, bill)| terms(bill).map(|terms| basis_points(terms.ratio))) as &[Option<i16>],
        &column(bills, |(_, bill)| terms(bill).map(|terms| basis_points(terms.share))) as &[Option<i16>],
        &column(bills, |(_, bill)| terms(bill).map(|terms| terms.deductible_left.get())) as &[Option<i64>],
        &column(bills, |(_, bill)| terms(bill).and_then(|terms| terms.cap_left).map(Fen::get)) as &[Option<i64>],
        &column(bills, |(_, bill)| bill.entitlement.err().map(|reason| reason.code().to_owned())) as &[Option<String>],
        &column(bills, |(_, bill)| bill.window.year),
        &column(bills, |(_, bill)| bill.window.first.to_string()),
        &column(bills, |(_, bill)| bill.pool.to_string()),
        &column(bills, |(_, bill)| {
            let versions: Vec<&str> = bill.versions.iter().map(policy::PackVersion::as_str).collect();
            versions.join(" ")
        }),
        &column(bills, |(_, bill)| {
            bill.assessed.pooled.is_positive().then(|| bill.movement.uuid())
        }) as &[Option<uuid::Uuid>],
    )
    .execute(&mut *conn)
    .await?;
    insert_lines(conn, bills).await
}

async fn insert_lines(
    conn: &mut PgConnection,
    bills: &[(SettlementId, &Benefited)],
) -> Result<(), StoreError> {
    let rows: Vec<_> = bills
        .iter()
        .flat_map(|(id, bill)| {
            (0_i16..)
                .zip(bill.lines.iter().zip(&bill.assessed.lines))
                .map(|(place, (seen, parts))| (*id, place, seen, *parts))
        })
        .collect();
    sqlx::query!(
        r#"
        -- settlement.insert_benefit_lines
        INSERT INTO benefit_line
            (settlement_id, place, line_no, item_code, amount_fen, quantity_e4, level, self_pay_bp, price_ceiling_e6,
             own_expense_fen, over_limit_fen, pre_self_pay_fen, in_scope_fen)
        SELECT seen.* FROM unnest(
            $1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::smallint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[]) AS seen
        "#,
        &column(&rows, |(id, ..)| id.uuid()),
        &column(&rows, |(_, place, ..)| *place),
        &column(&rows, |(_, _, seen, _)| seen.line_no.clone()),
        &column(&rows, |(_, _, seen, _)| seen.item_code.clone()),
        &column(&rows, |(_, _, seen, _)| seen.line.amount.get()),
        &column(&rows, |(_, _, seen, _)| seen.line.quantity.0),
        &column(&rows, |(_, _, seen, _)| seen.line.item.map(|item| item.level.code().to_owned())) as &[Option<String>],
        &column(&rows, |(_, _, seen, _)| seen.line.item.map(|item| basis_points(item.self_pay))) as &[Option<i16>],
        &column(&rows, |(_, _, seen, _)| seen.line.item.and_then(|item| item.ceiling).map(|price| price.0)) as &[Option<i64>],
        &column(&rows, |(.., parts)| parts.own_expense.get()),
        &column(&rows, |(.., parts)| parts.over_limit.get()),
        &column(&rows, |(.., parts)| parts.pre_self_pay.get()),
        &column(&rows, |(.., parts)| parts.in_scope.get()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The benefits of settlements, as far as they have one.
pub async fn kept(
    conn: &mut PgConnection,
    settlements: &[SettlementId],
) -> Result<BTreeMap<SettlementId, Kept>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.benefits_of_settlements
        SELECT settlement_id, account_id, own_expense_fen, over_limit_fen, deductible_fen, pooled_fen, ratio_bp, share_bp, deductible_left_fen, cap_left_fen,
               denied, medical_year, period_start, fund_region, movement_id, deductible_returned_fen,
               pooled_returned_fen, not_insured_returned_fen
        FROM benefit WHERE settlement_id = ANY ($1)
        "#,
        &column(settlements, |id| id.uuid()),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let id = SettlementId::from_uuid(row.settlement_id);
        let terms = Terms {
            ratio: row.ratio_bp,
            share: row.share_bp,
            deductible_left: row.deductible_left_fen,
            cap_left: row.cap_left_fen,
            denied: row.denied,
        };
        let kept = Kept {
            account: AccountId::from_uuid(row.account_id),
            window: Window {
                year: row.medical_year,
                first: row.period_start.to_jiff(),
            },
            pool: word("benefit", "fund_region", id, row.fund_region.parse().ok())?,
            entitlement: terms.read(id)?,
            lines: Vec::new(),
            deductible: Fen::new(row.deductible_fen),
            pooled: Fen::new(row.pooled_fen),
            movement: row.movement_id.map(MovementId::from_uuid),
            not_insured: word(
                "benefit",
                "own_expense_fen",
                id,
                Fen::new(row.own_expense_fen).checked_add(Fen::new(row.over_limit_fen)),
            )?,
            returned: Returned {
                used: Used {
                    deductible: Fen::new(row.deductible_returned_fen),
                    fund: Fen::new(row.pooled_returned_fen),
                },
                not_insured: Fen::new(row.not_insured_returned_fen),
            },
        };
        found.insert(id, kept);
    }
    if !found.is_empty() {
        for (id, line) in lines(conn, settlements).await? {
            if let Some(kept) = found.get_mut(&id) {
                kept.lines.push(line);
            }
        }
    }
    Ok(found)
}

/// The lines of such bills, in their order.
async fn lines(
    conn: &mut PgConnection,
    settlements: &[SettlementId],
) -> Result<Vec<(SettlementId, KeptLine)>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.benefit_lines_of_settlements
        SELECT settlement_id, line_no, amount_fen, quantity_e4, level, self_pay_bp, price_ceiling_e6
        FROM benefit_line WHERE settlement_id = ANY ($1)
        ORDER BY settlement_id, place
        "#,
        &column(settlements, |id| id.uuid()),
    )
    .fetch_all(conn)
    .await?;
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let id = SettlementId::from_uuid(row.settlement_id);
        let item = match row.level {
            None => None,
            Some(level) => Some(Item {
                level: word("benefit_line", "level", id, Level::from_code(&level))?,
                self_pay: word("benefit_line", "self_pay_bp", id, percent(row.self_pay_bp))?,
                ceiling: row.price_ceiling_e6.map(Price),
            }),
        };
        let line = Line {
            item,
            amount: Fen::new(row.amount_fen),
            quantity: Quantity(row.quantity_e4),
        };
        lines.push((
            id,
            KeptLine {
                no: row.line_no,
                line,
            },
        ));
    }
    Ok(lines)
}

fn percent(points: Option<i16>) -> Option<Percent> {
    u16::try_from(points?)
        .ok()
        .and_then(Percent::from_basis_points)
}

/// The terms of a stored benefit.
struct Terms {
    ratio: Option<i16>,
    share: Option<i16>,
    deductible_left: Option<i64>,
    cap_left: Option<i64>,
    denied: Option<String>,
}

impl Terms {
    fn read(self, id: SettlementId) -> Result<Result<Entitlement, Reason>, Corrupt> {
        if let Some(reason) = self.denied {
            return word("benefit", "denied", id, Reason::from_code(&reason)).map(Err);
        }
        Ok(Ok(Entitlement {
            ratio: word("benefit", "ratio_bp", id, percent(self.ratio))?,
            share: word("benefit", "share_bp", id, percent(self.share))?,
            deductible_left: word(
                "benefit",
                "deductible_left_fen",
                id,
                self.deductible_left.map(Fen::new),
            )?,
            cap_left: self.cap_left.map(Fen::new),
        }))
    }
}

/// Writes what went back of settlements so far.
pub async fn write_returned(
    conn: &mut PgConnection,
    returned: &[(SettlementId, Returned)],
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        r#"
        -- settlement.return_benefits
        UPDATE benefit SET
            deductible_returned_fen = now.deductible_fen, pooled_returned_fen = now.fund_fen,
            not_insured_returned_fen = now.not_insured_fen
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])
            AS now (settlement_id, deductible_fen, fund_fen, not_insured_fen)
        WHERE benefit.settlement_id = ANY ($1) AND benefit.settlement_id = now.settlement_id
        "#,
        &column(returned, |(id, _)| id.uuid()),
        &column(returned, |(_, back)| back.used.deductible.get()),
        &column(returned, |(_, back)| back.used.fund.get()),
        &column(returned, |(_, back)| back.not_insured.get()),
    )
    .execute(conn)
    .await?;
    touched(
        "settlement.return_benefits",
        done.rows_affected(),
        returned.len(),
    )
}

/// One counter, as its owner sees it.
#[derive(Debug)]
pub struct Counted {
    pub account: AccountId,
    pub medical_year: i16,
    pub period_start: Date,
    pub used: Used,
}

/// What a person has used in medical years from `since` on, newest first.
pub async fn of_person(
    db: impl PgExecutor<'_>,
    person: PersonId,
    since: i16,
) -> Result<Vec<Counted>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- settlement.benefit_used_of_person
        SELECT account_id, benefit_used.medical_year, period_start, deductible_fen, fund_fen
        FROM account JOIN benefit_used USING (account_id)
        WHERE person_id = $1 AND benefit_used.medical_year >= $2
        ORDER BY benefit_used.medical_year DESC, period_start DESC, account_id
        "#,
        person.uuid(),
        since,
    )
    .fetch_all(db)
    .await?;
    let counted = rows.into_iter().map(|row| Counted {
        account: AccountId::from_uuid(row.account_id),
        medical_year: row.medical_year,
        period_start: row.period_start.to_jiff(),
        used: Used {
            deductible: Fen::new(row.deductible_fen),
            fund: Fen::new(row.fund_fen),
        },
    });
    Ok(counted.collect())
}
