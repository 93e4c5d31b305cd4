//! The legs of a charge, put together per payer: one person may pay out of both buckets, or out of two accounts.

use kernel::{AccountId, Fen, PersonId, Reason, Refusal};
use proto::Unreadable;
use proto::convert::{id, required};
use proto::settlement::v1::{ChargedLeg, LegKind};

use crate::notice::{Balance, LimitLeft, LimitWindow, Moved, Part, Who};

/// What one person paid or got back, and the accounts it moved.
pub(super) struct Payment {
    pub(super) person: PersonId,
    pub(super) amount: Fen,
    /// What limits still allow, the shortest window first; nothing for a window that has no limit.
    pub(super) left: Vec<LimitLeft>,
    /// Every change that the payment made.
    pub(super) moved: Vec<Moved>,
    accounts: Vec<(AccountId, Balance)>,
}

/// Who paid from their own account, and who paid for a relative; both in the order of the plan.
pub(super) struct Payments {
    pub(super) own: Vec<Payment>,
    pub(super) aid: Vec<Payment>,
}

impl Payments {
    /// # Errors
    /// A leg that cannot be read, or of a kind that this build does not know: what it moved could not be told truly.
    pub(super) fn read(legs: &[ChargedLeg]) -> Result<Self, Unreadable> {
        let mut payments = Self {
            own: Vec::new(),
            aid: Vec::new(),
        };
        for charged in legs {
            let leg = required("legs.leg", charged.leg.as_ref())?;
            let side = match LegKind::try_from(leg.kind) {
                Ok(LegKind::Own) => &mut payments.own,
                Ok(LegKind::Aid) => &mut payments.aid,
                Ok(LegKind::Unspecified) => return Err(Unreadable::missing("legs.leg.kind")),
                Err(_) => return Err(Unreadable::code("legs.leg.kind")),
            };
            let person = id("legs.leg.person_id", &leg.person_id)?;
            let account = id("legs.leg.account_id", &leg.account_id)?;
            payment_of(side, person).add(account, Fen::new(leg.amount_fen), charged)?;
        }
        Ok(payments)
    }

    /// The contributors, as the beneficiary may see them: no balance among it.
    pub(super) fn contributors(&self) -> Vec<Part> {
        self.aid
            .iter()
            .map(|payment| Part {
                person: Who(payment.person),
                amount: payment.amount.into(),
            })
            .collect()
    }
}

impl Payment {
    /// The accounts after the movement.
    pub(super) fn balances(&self) -> Vec<Balance> {
        self.accounts.iter().map(|(_, balance)| *balance).collect()
    }

    fn add(
        &mut self,
        account: AccountId,
        amount: Fen,
        charged: &ChargedLeg,
    ) -> Result<(), Unreadable> {
        self.amount = sum("legs.leg.amount_fen", [self.amount, amount])?;
        let version = ("legs.account_version", charged.account_version);
        self.moved.push(moved(account, version)?);
        for (window, left) in [
            (LimitWindow::Day, charged.per_day_left_fen),
            (LimitWindow::Month, charged.per_month_left_fen),
            (LimitWindow::Year, charged.per_year_left_fen),
            (LimitWindow::Total, charged.total_left_fen),
        ] {
            if let Some(left) = left {
                self.limit(window, Fen::new(left));
            }
        }
        let after = balance(
            charged.current_after_fen,
            charged.prior_after_fen,
            charged.account_version,
        )?;
        match self
            .accounts
            .iter_mut()
            .find(|(known, _)| *known == account)
        {
            // Several legs of one account: the last movement left what is there now.
            Some((_, known)) if known.version <= after.version => *known = after,
            Some(_) => {}
            None => self.accounts.push((account, after)),
        }
        Ok(())
    }

    /// Of two legs in one window the one that leaves less is the later one.
    fn limit(&mut self, window: LimitWindow, left: Fen) {
        match self.left.iter_mut().find(|known| known.window == window) {
            Some(known) => known.amount = known.amount.0.min(left).into(),
            None => self.left.push(LimitLeft {
                window,
                amount: left.into(),
            }),
        }
    }
}

fn payment_of(side: &mut Vec<Payment>, person: PersonId) -> &mut Payment {
    let at = side
        .iter()
        .position(|payment| payment.person == person)
        .unwrap_or_else(|| {
            side.push(Payment {
                person,
                amount: Fen::ZERO,
                left: Vec::new(),
                moved: Vec::new(),
                accounts: Vec::new(),
            });
            side.len() - 1
        });
    &mut side[at]
}

/// One change of an account. Versions begin with one: another number is no change that could be told of.
pub(super) fn moved(
    account: AccountId,
    (field, version): (&str, i64),
) -> Result<Moved, Unreadable> {
    if version < 1 {
        return Err(Unreadable::missing(field));
    }
    Ok(Moved { account, version })
}

/// A balance of two buckets.
pub(super) fn balance(current: i64, prior: i64, version: i64) -> Result<Balance, Unreadable> {
    let (current, prior) = (Fen::new(current), Fen::new(prior));
    Ok(Balance {
        total: sum("current_after_fen + prior_after_fen", [current, prior])?.into(),
        current: current.into(),
        prior: prior.into(),
        version,
    })
}

/// A sum that no account could hold is a broken event.
pub(super) fn sum(field: &str, amounts: [Fen; 2]) -> Result<Fen, Unreadable> {
    Fen::checked_sum(amounts)
        .ok_or_else(|| Unreadable(Refusal::about(Reason::AmountTooLarge, field)))
}
