//! What was given back, seen from both ends: what legs and benefits say, and what moved.

use std::collections::HashMap;

use uuid::Uuid;

use super::money::leg_key;
use super::rows::{BenefitRow, LegRow, MovementRow};
use super::{Wrong, same, show};

/// A payment of which something was given back.
#[derive(Debug)]
struct Paid {
    table: &'static str,
    key: String,
    /// None: the pooled fund paid it.
    account: Option<Uuid>,
    bucket: Option<String>,
    debit: String,
    credit: String,
    amount: i64,
    refunded: i64,
    seen: i64,
}

/// A movement that takes a payment back.
#[derive(Debug)]
struct Return {
    movement: Uuid,
    account: Option<Uuid>,
    bucket: Option<String>,
    debit: String,
    credit: String,
    amount: i64,
}

/// What was given back, from both ends: what the payments say, and what moved.
#[derive(Debug, Default)]
pub(super) struct Returns {
    paid: HashMap<Uuid, Paid>,
    /// Returns that came before their payment, which another lane posted.
    early: HashMap<Uuid, Vec<Return>>,
}

impl Returns {
    /// A leg was paid.
    pub(super) fn leg(&mut self, leg: &LegRow, movement: &MovementRow) -> Result<(), Wrong> {
        let row = ("leg", leg_key(leg));
        self.pay(row, movement, leg.refunded_fen)
    }

    /// The pooled fund paid.
    pub(super) fn fund(
        &mut self,
        benefit: &BenefitRow,
        movement: &MovementRow,
    ) -> Result<(), Wrong> {
        let row = ("benefit", benefit.settlement_id.to_string());
        self.pay(row, movement, benefit.pooled_returned_fen)
    }

    fn pay(
        &mut self,
        (table, key): (&'static str, String),
        movement: &MovementRow,
        refunded: i64,
    ) -> Result<(), Wrong> {
        let mut paid = Paid {
            table,
            key,
            account: movement.account_id,
            bucket: movement.bucket.clone(),
            debit: movement.debit.clone(),
            credit: movement.credit.clone(),
            amount: movement.amount_fen,
            refunded,
            seen: 0,
        };
        let early = self.early.remove(&movement.movement_id);
        for back in early.unwrap_or_default() {
            paid.give_back(&back)?;
        }
        if refunded > 0 || paid.seen > 0 {
            self.paid.insert(movement.movement_id, paid);
        }
        Ok(())
    }

    /// `row` takes the movement `of` back.
    pub(super) fn back(&mut self, of: Uuid, row: &MovementRow) -> Result<(), Wrong> {
        let back = Return {
            movement: row.movement_id,
            account: row.account_id,
            bucket: row.bucket.clone(),
            debit: row.debit.clone(),
            credit: row.credit.clone(),
            amount: row.amount_fen,
        };
        if let Some(paid) = self.paid.get_mut(&of) {
            return paid.give_back(&back);
        }
        self.early.entry(of).or_default().push(back);
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), Wrong> {
        let mut paid: Vec<&Paid> = self.paid.values().collect();
        paid.sort_unstable_by(|one, other| (one.table, &one.key).cmp(&(other.table, &other.key)));
        for paid in paid {
            let row = (paid.table, &paid.key);
            same(row, "what was given back of it", paid.seen, paid.refunded)?;
        }
        let Some((of, backs)) = self.early.iter().min_by_key(|(of, _)| **of) else {
            return Ok(());
        };
        let fen = backs
            .iter()
            .map(|back| i128::from(back.amount))
            .sum::<i128>();
        let row = ("leg", format!("of movement {of}"));
        Err(Wrong::new(row, "what was given back of it", fen, 0))
    }
}

impl Paid {
    /// To the same account, from where it went, to the same bucket or, when the year has turned, to the prior one. What the fund
    /// paid goes back to that fund.
    fn give_back(&mut self, back: &Return) -> Result<(), Wrong> {
        let row = || ("movement", back.movement);
        let what = "the account it gives back to";
        same(row(), what, show(self.account), show(back.account))?;
        let what = "where it takes it back from";
        same(row(), what, &*self.credit, &*back.debit)?;
        if self.account.is_none() {
            let what = "the fund it gives back to";
            same(row(), what, &*self.debit, &*back.credit)?;
        } else if back.bucket.as_deref() != Some("PRIOR") {
            let bucket = |bucket: &Option<String>| bucket.clone().unwrap_or_default();
            let what = "the bucket it gives back to";
            same(row(), what, bucket(&self.bucket), bucket(&back.bucket))?;
        }
        self.seen = self.seen.saturating_add(back.amount);
        if self.seen > self.amount {
            let most = format!("at most {}", self.amount);
            let what = "what was given back so far";
            return Err(Wrong::new(row(), what, most, self.seen));
        }
        Ok(())
    }
}
