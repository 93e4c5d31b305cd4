//! Bills and what was given back of them: parts, legs, the fund's part, and the requests that led to it.

use std::collections::BTreeMap;
use std::fmt;

use uuid::Uuid;

use super::money::leg_key;
use super::rows::{BenefitRow, KeyRow, LegRow, MovementRow, RefundRow, Sealed, SettlementRow};
use super::{Checker, Wrong, same, show};

/// What was given back of a bill, part by part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Back {
    own: i64,
    aid: i64,
    pooled: i64,
    cash: i64,
    /// What nobody had paid yet.
    open: i64,
    /// What took back all that was left.
    whole: Option<Uuid>,
}

/// The same from both ends: what the bill and its legs say, and what its refunds come to.
#[derive(Debug, Default)]
struct Given {
    said: Back,
    seen: Back,
}

/// A leg that was paid in another block than its bill was decided in.
#[derive(Debug)]
struct Apart {
    leg: String,
    of_bill: bool,
    paid: bool,
}

/// What bills wait for that other blocks hold.
#[derive(Debug, Default)]
pub(super) struct Bills {
    given: BTreeMap<Uuid, Given>,
    /// By the movement that pays the leg.
    apart: BTreeMap<Uuid, Apart>,
}

impl Bills {
    /// A leg was paid whose bill is not in this block.
    pub(super) fn paid_apart(&mut self, leg: &LegRow) {
        self.apart(leg).paid = true;
    }

    fn apart(&mut self, leg: &LegRow) -> &mut Apart {
        self.apart.entry(leg.movement_id).or_insert_with(|| Apart {
            leg: leg_key(leg),
            of_bill: false,
            paid: false,
        })
    }

    /// Everything was fed.
    pub(super) fn finish(&self) -> Result<(), Wrong> {
        for (movement, apart) in &self.apart {
            let row = ("leg", &apart.leg);
            if !apart.paid {
                return Err(Wrong::new(row, "its movement", movement, "none"));
            }
            if !apart.of_bill {
                return Err(Wrong::new(row, "its settlement", "one", "none"));
            }
        }
        for (id, given) in &self.given {
            let row = ("settlement", id);
            let (said, seen) = (given.said, given.seen);
            for (what, seen, said) in [
                ("what cash went back", seen.cash, said.cash),
                ("what the fund got back", seen.pooled, said.pooled),
                ("what is no longer open", seen.open, said.open),
                (
                    "what its refunds gave back of own money",
                    seen.own,
                    said.own,
                ),
                ("what its refunds gave back of aid", seen.aid, said.aid),
            ] {
                same(row, what, seen, said)?;
            }
            let what = "its cancellation";
            same(row, what, show(seen.whole), show(said.whole))?;
        }
        Ok(())
    }
}

impl Checker {
    pub(super) fn settlement(&mut self, row: &SettlementRow, sealed: &Sealed) -> Result<(), Wrong> {
        let key = || ("settlement", row.settlement_id);
        let of_it = |leg: &&LegRow| leg.settlement_id == row.settlement_id;
        let legs: Vec<&LegRow> = sealed.legs.iter().filter(of_it).collect();
        let sum = |kind: &str, of: fn(&LegRow) -> i64| {
            let legs = legs.iter().filter(|leg| leg.kind == kind);
            legs.fold(0_i64, |sum, leg| sum.saturating_add(of(leg)))
        };
        for leg in &legs {
            let pays = |movement: &MovementRow| movement.movement_id == leg.movement_id;
            if !sealed.movements.iter().any(pays) {
                self.bills.apart(leg).of_bill = true;
            }
            if leg.kind == "OWN" {
                let whose = (row.patient_account_id, leg.account_id);
                let row = ("leg", leg_key(leg));
                same(row, "whose own money it is", whose.0, whose.1)?;
            }
        }
        let amount = |leg: &LegRow| leg.amount_fen;
        let (own, aid) = (sum("OWN", amount), sum("AID", amount));
        same(key(), "what its own legs come to", own, row.own_fen)?;
        same(key(), "what its aid legs come to", aid, row.aid_fen)?;
        let parts = [
            row.pooled_fen,
            row.own_fen,
            row.aid_fen,
            row.cash_fen,
            row.open_fen,
        ];
        let whole = if row.outcome == "SETTLED" {
            row.total_fen
        } else {
            0
        };
        let what = "what its parts come to";
        same(key(), what, i128::from(whole), come_to(parts))?;
        self.benefited(row, sealed)?;
        let asked = (&*row.institution, &*row.msgid);
        let operations = ["SETTLE", "CAPTURE"].as_slice();
        has_key(key(), asked, (row.settlement_id, operations), sealed)?;
        let replaced = sealed
            .refunds
            .iter()
            .find(|back| (&back.institution, &back.msgid) == (&row.institution, &row.msgid));
        let what = "the bill it took the place of";
        let replaced = replaced.map(|back| back.settlement_id);
        same(key(), what, show(replaced), show(row.replaces))?;
        let refunded = |leg: &LegRow| leg.refunded_fen;
        let back = Back {
            own: sum("OWN", refunded),
            aid: sum("AID", refunded),
            pooled: row.pooled_back_fen,
            cash: row.cash_back_fen,
            open: row.open_back_fen,
            whole: row.cancellation_id,
        };
        is_within(row, &legs)?;
        if back != Back::default() || self.bills.given.contains_key(&row.settlement_id) {
            let given = self.bills.given.entry(row.settlement_id).or_default();
            given.said = back;
        }
        Ok(())
    }

    /// What the fund paid of a bill is what its benefit says, and one movement of this block.
    fn benefited(&mut self, row: &SettlementRow, sealed: &Sealed) -> Result<(), Wrong> {
        let key = ("settlement", row.settlement_id);
        let of_it = |one: &&BenefitRow| one.settlement_id == row.settlement_id;
        let Some(benefit) = sealed.benefits.iter().find(of_it) else {
            return same(key, "what the fund paid of it", 0, row.pooled_fen);
        };
        let (paid, account) = (benefit.pooled_fen, benefit.account_id);
        same(key, "what the fund paid of it", paid, row.pooled_fen)?;
        let key = ("benefit", row.settlement_id);
        same(key, "whose it is", row.patient_account_id, account)?;
        let returned = benefit.pooled_returned_fen;
        let what = "what the fund got back";
        same(key, what, row.pooled_back_fen, returned)?;
        let pays = |id: Uuid| sealed.movements.iter().any(|one| one.movement_id == id);
        let paid_by = benefit.movement_id.filter(|id| pays(*id));
        same(key, "whether it was paid", paid > 0, paid_by.is_some())?;
        self.counters.benefit(benefit);
        Ok(())
    }

    /// What was given back is what moved back in this block, and cash.
    pub(super) fn refund(&mut self, row: &RefundRow, sealed: &Sealed) -> Result<(), Wrong> {
        let key = || ("refund", row.refund_id);
        let back = |part: &str| {
            let kind = format!("{}_{part}", row.way);
            let moved = sealed.movements.iter().filter(|movement| {
                movement.refund_id == Some(row.refund_id) && movement.kind == kind
            });
            moved.fold(0_i64, |sum, movement| {
                sum.saturating_add(movement.amount_fen)
            })
        };
        same(key(), "its own part", back("OWN"), row.own_fen)?;
        same(key(), "its part of aid", back("AID"), row.aid_fen)?;
        same(key(), "the fund's part", back("FUND"), row.pooled_fen)?;
        let parts = [
            row.pooled_fen,
            row.own_fen,
            row.aid_fen,
            row.cash_fen,
            row.open_fen,
        ];
        let what = "what its parts come to";
        same(key(), what, i128::from(row.total_fen), come_to(parts))?;
        let asked = (&*row.institution, &*row.msgid);
        // A bill that took the place of this one: both are of one message.
        let replacing = sealed.settlements.iter();
        let mut replacing = replacing.filter(|bill| (&*bill.institution, &*bill.msgid) == asked);
        let (outcome, operation) = match (&*row.way, replacing.next()) {
            ("CANCEL", Some(bill)) => (bill.settlement_id, "SETTLE"),
            ("CANCEL", None) => (row.refund_id, "CANCEL"),
            ("REVERSAL", _) => (row.refund_id, "REVERSE"),
            _ => (row.refund_id, "REFUND"),
        };
        has_key(key(), asked, (outcome, &[operation]), sealed)?;
        let seen = &mut self.bills.given.entry(row.settlement_id).or_default().seen;
        for (sum, fen) in [
            (&mut seen.own, row.own_fen),
            (&mut seen.aid, row.aid_fen),
            (&mut seen.pooled, row.pooled_fen),
            (&mut seen.cash, row.cash_fen),
            (&mut seen.open, row.open_fen),
        ] {
            *sum = sum.saturating_add(fen);
        }
        if row.way != "REFUND" {
            let before = seen.whole.replace(row.refund_id);
            let what = "what took all of its bill back before";
            same(key(), what, show::<Uuid>(None), show(before))?;
        }
        Ok(())
    }
}

fn come_to(parts: [i64; 5]) -> i128 {
    parts.into_iter().map(i128::from).sum()
}

/// No more came back than was paid, and all of it of a cancelled bill.
fn is_within(row: &SettlementRow, legs: &[&LegRow]) -> Result<(), Wrong> {
    let cancelled = row.cancellation_id.is_some();
    for (what, paid, back) in [
        ("what cash went back", row.cash_fen, row.cash_back_fen),
        ("what is no longer open", row.open_fen, row.open_back_fen),
        (
            "what the fund got back",
            row.pooled_fen,
            row.pooled_back_fen,
        ),
    ] {
        let key = ("settlement", row.settlement_id);
        within(key, (what, cancelled), paid, back)?;
    }
    for leg in legs {
        let what = if cancelled {
            "what was given back of it, the bill being cancelled"
        } else {
            "what was given back of it"
        };
        let key = ("leg", leg_key(leg));
        within(key, (what, cancelled), leg.amount_fen, leg.refunded_fen)?;
    }
    Ok(())
}

fn within(
    key: (&'static str, impl fmt::Display),
    (what, all): (&str, bool),
    paid: i64,
    back: i64,
) -> Result<(), Wrong> {
    if all {
        return same(key, what, paid, back);
    }
    if (0..=paid).contains(&back) {
        return Ok(());
    }
    let most = format!("0 to {paid}");
    Err(Wrong::new(key, what, most, back))
}

/// The request that led to an outcome leads to it still.
fn has_key(
    row: (&'static str, impl fmt::Display),
    (institution, msgid): (&str, &str),
    (outcome, operations): (Uuid, &[&str]),
    sealed: &Sealed,
) -> Result<(), Wrong> {
    let asked = format!("{institution} {msgid}");
    let ours = |key: &&KeyRow| key.institution == institution && key.msgid == msgid;
    let Some(found) = sealed.keys.iter().find(ours) else {
        return Err(Wrong::new(row, "its request key", asked, "none"));
    };
    let row = ("request_key", asked);
    if found.outcome_id != outcome {
        return Err(Wrong::new(row, "its outcome", outcome, found.outcome_id));
    }
    if operations.contains(&&*found.operation) {
        return Ok(());
    }
    let expected = operations.join(" or ");
    Err(Wrong::new(row, "its operation", expected, &found.operation))
}
