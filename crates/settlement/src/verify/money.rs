//! What movements say about money: where each goes, the balances after it, and the leg or benefit that it pays.

use uuid::Uuid;

use super::kinds::{self, SUSPENSE, Shape, Side};
use super::rows::{BenefitRow, LegRow, MovementRow, Sealed};
use super::{Checker, Known, Wrong, same, show};

/// What a movement does to the two buckets of its account.
#[derive(Debug, Clone, Copy)]
struct Effect {
    current: i64,
    prior: i64,
}

impl Checker {
    pub(super) fn movement(
        &mut self,
        row: &MovementRow,
        leg: Option<&LegRow>,
        sealed: &Sealed,
    ) -> Result<(), Wrong> {
        let Some(shape) = kinds::of(&row.kind) else {
            let expected = "one that there is";
            return Err(Wrong::new(name(row), "its kind", expected, &row.kind));
        };
        match effect(row, shape)? {
            Some(by) => self.moves(row, shape, by)?,
            None => moves_no_account(row)?,
        }
        self.book(&row.debit, -i128::from(row.amount_fen));
        self.book(&row.credit, i128::from(row.amount_fen));
        of_allocation(row, sealed)?;
        self.has_its_leg((row, shape), leg, sealed)?;
        self.has_its_benefit((row, shape), sealed)?;
        self.takes_back((row, shape), sealed)
    }

    /// The account stands after it as it says.
    fn moves(&mut self, row: &MovementRow, shape: &Shape, by: Effect) -> Result<(), Wrong> {
        let known = row.account_id.and_then(|id| self.accounts.get_mut(&id));
        let Some(known) = known else {
            let expected = show(row.account_id);
            return Err(Wrong::new(name(row), "its account", expected, "none"));
        };
        let Known {
            current,
            prior,
            version,
            ..
        } = known;
        let Some(at) = row.account_version else {
            let what = "the account's version";
            return Err(Wrong::new(name(row), what, *version, "none"));
        };
        *version = at;
        let (what_current, what_prior) =
            ("the current bucket after it", "the prior bucket after it");
        for (bucket, fen, by, after) in [
            (what_current, current, by.current, row.current_after_fen),
            (what_prior, prior, by.prior, row.prior_after_fen),
        ] {
            *fen = fen.saturating_add(by);
            same(name(row), bucket, show(Some(*fen)), show(after))?;
            if *fen < 0 && by < 0 && !shape.below_zero {
                return Err(Wrong::new(name(row), bucket, "0 or more", *fen));
            }
        }
        Ok(())
    }

    /// Personal accounts are one line: each of them is checked by itself.
    fn book(&mut self, account: &str, by: i128) {
        let line = if account.starts_with("pa:") {
            "pa"
        } else {
            account
        };
        match self.ledger.get_mut(line) {
            Some(fen) => *fen = fen.saturating_add(by),
            None => drop(self.ledger.insert(line.to_owned(), by)),
        }
    }

    /// A payment has a leg that says the same, and nothing else has one.
    fn has_its_leg(
        &mut self,
        (row, shape): (&MovementRow, &Shape),
        leg: Option<&LegRow>,
        sealed: &Sealed,
    ) -> Result<(), Wrong> {
        match (shape.has_leg, leg) {
            (true, Some(leg)) => {
                agrees(row, leg)?;
                self.counters.leg(leg);
                let decided = sealed.settlements.iter();
                if decided
                    .clone()
                    .all(|bill| bill.settlement_id != leg.settlement_id)
                {
                    self.bills.paid_apart(leg);
                }
                self.returns.leg(leg, row)
            }
            (true, None) => Err(Wrong::new(name(row), "its leg", "one", "none")),
            (false, Some(leg)) => {
                let row_of = ("leg", leg_key(leg));
                Err(Wrong::new(row_of, "its movement", "a payment", &row.kind))
            }
            (false, None) => Ok(()),
        }
    }

    /// What the pooled fund pays has a benefit that says the same.
    fn has_its_benefit(
        &mut self,
        (row, shape): (&MovementRow, &Shape),
        sealed: &Sealed,
    ) -> Result<(), Wrong> {
        if !shape.has_benefit {
            return Ok(());
        }
        let pays = |one: &&BenefitRow| one.movement_id == Some(row.movement_id);
        let Some(benefit) = sealed.benefits.iter().find(pays) else {
            return Err(Wrong::new(name(row), "its benefit", "one", "none"));
        };
        let key = ("benefit", benefit.settlement_id);
        let of = show(Some(benefit.settlement_id));
        same(key, "its settlement", show(row.settlement_id), of)?;
        same(key, "its amount", row.amount_fen, benefit.pooled_fen)?;
        self.returns.fund(benefit, row)
    }

    /// What takes a movement back belongs to a refund of this block, and nothing else does.
    fn takes_back(
        &mut self,
        (row, shape): (&MovementRow, &Shape),
        sealed: &Sealed,
    ) -> Result<(), Wrong> {
        let what = "whether it takes one back";
        same(name(row), what, shape.reverses, row.reverses.is_some())?;
        let what = "whether it has a refund";
        same(name(row), what, shape.reverses, row.refund_id.is_some())?;
        let (Some(of), Some(id)) = (row.reverses, row.refund_id) else {
            return Ok(());
        };
        let Some(refund) = sealed.refunds.iter().find(|refund| refund.refund_id == id) else {
            return Err(Wrong::new(name(row), "its refund", id, "none"));
        };
        let of_refund = show(Some(refund.settlement_id));
        same(
            name(row),
            "its settlement",
            of_refund,
            show(row.settlement_id),
        )?;
        let way = row.kind.rsplit_once('_').map_or("", |(way, _)| way);
        same(name(row), "the way it goes back", &*refund.way, way)?;
        self.returns.back(of, row)
    }
}

fn name(row: &MovementRow) -> (&'static str, Uuid) {
    ("movement", row.movement_id)
}

pub(super) fn leg_key(leg: &LegRow) -> String {
    format!("{} {}", leg.settlement_id, leg.leg_no)
}

/// What a movement does to its account: derived from where it goes, not from what it is called. None: it moves no account.
fn effect(row: &MovementRow, shape: &Shape) -> Result<Option<Effect>, Wrong> {
    if row.amount_fen <= 0 {
        let (what, expected) = ("its amount", "more than 0");
        return Err(Wrong::new(name(row), what, expected, row.amount_fen));
    }
    let what = "whether it is about an account";
    let has_account = (shape.has_account(), row.account_id.is_some());
    same(name(row), what, has_account.0, has_account.1)?;
    let has_bucket = row.bucket.is_some();
    same(
        name(row),
        "whether it has a bucket",
        has_account.0,
        has_bucket,
    )?;
    let account = kernel::AccountId::from_uuid(row.account_id.unwrap_or_default());
    let (current, prior) = (
        format!("pa:{account}:current"),
        format!("pa:{account}:prior"),
    );
    let ours = if row.bucket.as_deref() == Some("PRIOR") {
        &prior
    } else {
        &current
    };
    let fits = |side: Side, found: &String| match side {
        // Between the two buckets, either may be either side.
        Side::Account if shape.debit == shape.credit => *found == current || *found == prior,
        Side::Account => found == ours,
        Side::Named(begin) => found.starts_with(begin),
    };
    let goes = |debit, credit| fits(debit, &row.debit) && fits(credit, &row.credit);
    let back = shape.either_way && goes(shape.credit, shape.debit);
    let waits = shape.reverses
        && shape.has_account()
        && row.credit == SUSPENSE
        && fits(shape.debit, &row.debit);
    if !goes(shape.debit, shape.credit) && !back && !waits {
        let expected = format!("what a {} does", row.kind);
        let found = format!("from {} to {}", row.debit, row.credit);
        return Err(Wrong::new(name(row), "where it goes", expected, found));
    }
    if waits || !shape.has_account() {
        return Ok(None);
    }
    let by = |bucket: &String| {
        let gained = i64::from(row.credit == *bucket);
        let lost = i64::from(row.debit == *bucket);
        gained.saturating_sub(lost).saturating_mul(row.amount_fen)
    };
    Ok(Some(Effect {
        current: by(&current),
        prior: by(&prior),
    }))
}

/// What waits in suspense, and what the fund pays, says of no account how it stands.
fn moves_no_account(row: &MovementRow) -> Result<(), Wrong> {
    for (what, said) in [
        ("the account's version", row.account_version),
        ("the current bucket after it", row.current_after_fen),
        ("the prior bucket after it", row.prior_after_fen),
    ] {
        same(name(row), what, show::<i64>(None), show(said))?;
    }
    Ok(())
}

/// A leg and the movement that paid it say the same.
fn agrees(row: &MovementRow, leg: &LegRow) -> Result<(), Wrong> {
    let key = || ("leg", leg_key(leg));
    let (account, bucket) = (Some(leg.account_id), row.bucket.as_deref());
    same(key(), "its amount", row.amount_fen, leg.amount_fen)?;
    same(key(), "its account", show(row.account_id), show(account))?;
    same(
        key(),
        "its bucket",
        bucket.unwrap_or_default(),
        &*leg.bucket,
    )?;
    let of = show(Some(leg.settlement_id));
    same(key(), "its settlement", show(row.settlement_id), of)?;
    let binding = (show(row.binding_id), show(leg.binding_id));
    same(key(), "its binding", binding.0, binding.1)?;
    let mandate = (show(row.mandate_version), show(leg.mandate_version));
    same(key(), "its mandate", mandate.0, mandate.1)?;
    let aid = leg.binding_id.is_some();
    let kind = if aid { "AID" } else { "OWN" };
    same(key(), "its kind", kind, &*leg.kind)?;
    let counted = leg.limit_day.is_some() && leg.limit_year.is_some();
    same(key(), "whether limits count it", aid, counted)
}

fn of_allocation(row: &MovementRow, sealed: &Sealed) -> Result<(), Wrong> {
    let Some(id) = row.allocation_id else {
        return Ok(());
    };
    let found = sealed
        .allocations
        .binary_search_by_key(&id, |one| one.allocation_id);
    let Some(allocation) = found.ok().and_then(|at| sealed.allocations.get(at)) else {
        let (key, what) = (("allocation", id), "a movement came of it");
        return Err(Wrong::new(key, what, "it", "none"));
    };
    let key = || ("allocation", id);
    let bucket = row.bucket.as_deref().unwrap_or_default();
    let account = kernel::AccountId::from_uuid(row.account_id.unwrap_or_default());
    let gained = row.credit == format!("pa:{account}:{}", bucket.to_lowercase());
    let by = if gained {
        row.amount_fen
    } else {
        row.amount_fen.saturating_neg()
    };
    same(key(), "its amount", by, allocation.amount_fen)?;
    let accounts = (show(row.account_id), show(Some(allocation.account_id)));
    same(key(), "its account", accounts.0, accounts.1)?;
    same(key(), "its bucket", bucket, &*allocation.bucket)
}
