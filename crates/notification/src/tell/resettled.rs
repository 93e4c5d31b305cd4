//! A bill that took the place of another one (`domain.md` section 8.2, example 4): whoever paid for both hears the net of both, once,
//! and of which charge it is; whoever the two left as they were hears nothing.

use kernel::{Fen, PersonId, Reason, Refusal};
use proto::Unreadable;
use proto::convert::{id, required, time};
use proto::settlement::v1::{Cancelled, Charged, LegKind, NetChange, Replaced};

use super::legs::{Payments, balance, sum};
use super::money::{self, institution};
use super::refunds;
use crate::notice::{Balance, NewNotice, Told, Who};

/// What both bills come to for one person on one side: over their accounts, where there are several.
struct Net {
    person: PersonId,
    aid: bool,
    change: Fen,
    balances: Vec<Balance>,
}

impl Net {
    /// How much, and whether it was paid more.
    fn amount(&self) -> Result<(Fen, bool), Unreadable> {
        let more = self.change.is_negative();
        let amount = if more {
            self.change.checked_neg()
        } else {
            Some(self.change)
        };
        let too_large = || Unreadable(Refusal::about(Reason::AmountTooLarge, "nets.change_fen"));
        Ok((amount.ok_or_else(too_large)?, more))
    }
}

/// A bill was paid with what came back of the one whose place it took.
pub(super) fn charged(charged: &Charged) -> Result<Vec<NewNotice>, Unreadable> {
    let replaced = required("replaced", charged.replaced.as_ref())?;
    let patient: PersonId = id("patient_person_id", &charged.patient_person_id)?;
    let institution = institution(charged.institution_kind);
    let charged_at = required("replaced.settled_at", replaced.settled_at.as_ref())?;
    let charged_at = time("replaced.settled_at", charged_at)?;
    let nets = nets(&replaced.nets)?;
    let mut told = Vec::new();
    for net in nets.iter().filter(|net| !net.change.is_zero()) {
        let (amount, more) = net.amount()?;
        let amount = amount.into();
        let balances = net.balances.clone();
        let net_told = if net.aid {
            Told::ResettledAid {
                beneficiary: Who(patient),
                institution,
                amount,
                more,
                charged_at,
                balances,
            }
        } else {
            Told::ResettledOwn {
                institution,
                amount,
                more,
                charged_at,
                balances,
            }
        };
        told.push((net.person, net_told));
    }
    let payments = Payments::read(&charged.legs)?;
    if charged.aid_fen > 0 || replaced.aid_fen > 0 {
        told.push((
            patient,
            Told::ResettledForYou {
                institution,
                before: Fen::new(replaced.total_fen).into(),
                total: Fen::new(charged.total_fen).into(),
                pooled: Fen::new(charged.pooled_fen).into(),
                own: Fen::new(charged.own_fen).into(),
                aid: Fen::new(charged.aid_fen).into(),
                cash: Fen::new(charged.cash_fen).into(),
                waiting: waiting(replaced)?.into(),
                charged_at,
                contributors: payments.contributors(),
            },
        ));
    }
    let mut notices = money::about(&charged.settlement_id, charged.sandbox, told);
    notices.extend(as_of_any_bill(charged, replaced, &nets)?);
    Ok(notices)
}

/// What is told of these two bills as of any other: that aid was short, that a limit is used up by what was paid more, and that
/// money waits for somebody.
fn as_of_any_bill(
    charged: &Charged,
    replaced: &Replaced,
    nets: &[Net],
) -> Result<Vec<NewNotice>, Unreadable> {
    let paid_more = |person: PersonId| {
        let mut nets = nets.iter();
        nets.any(|net| net.aid && net.person == person && net.change.is_negative())
    };
    let mut notices = money::charged(charged)?;
    notices.retain(|notice| match notice.told {
        Told::AidShort { .. } | Told::AidShortByLimit { .. } => true,
        Told::LimitReached { .. } => paid_more(notice.person),
        _ => false,
    });
    let mut back = refunds::cancelled(&Cancelled {
        settlement_id: charged.settlement_id.clone(),
        patient_person_id: charged.patient_person_id.clone(),
        institution_kind: charged.institution_kind,
        settled_at: replaced.settled_at,
        unclaimed: replaced.unclaimed.clone(),
        sandbox: charged.sandbox,
        ..Cancelled::default()
    })?;
    back.retain(|notice| matches!(notice.told, Told::RefundUnclaimed { .. }));
    notices.extend(back);
    Ok(notices)
}

/// What of the aid waits for an operator.
fn waiting(replaced: &Replaced) -> Result<Fen, Unreadable> {
    let aid = |kind: i32| LegKind::try_from(kind) == Ok(LegKind::Aid);
    let legs = replaced.unclaimed.iter().filter(|leg| aid(leg.kind));
    let mut waiting = Fen::ZERO;
    for leg in legs {
        waiting = sum("unclaimed.amount_fen", [waiting, Fen::new(leg.amount_fen)])?;
    }
    Ok(waiting)
}

/// Per person and side, in the order in which they are told.
fn nets(told: &[NetChange]) -> Result<Vec<Net>, Unreadable> {
    let mut nets: Vec<Net> = Vec::new();
    for change in told {
        let aid = match LegKind::try_from(change.kind) {
            Ok(LegKind::Own) => false,
            Ok(LegKind::Aid) => true,
            Ok(LegKind::Unspecified) => return Err(Unreadable::missing("nets.kind")),
            Err(_) => return Err(Unreadable::code("nets.kind")),
        };
        let person = id("nets.person_id", &change.person_id)?;
        let after = balance(
            change.current_after_fen,
            change.prior_after_fen,
            change.account_version,
        )?;
        let by = Fen::new(change.change_fen);
        let known = nets.iter_mut();
        match known
            .filter(|net| net.aid == aid)
            .find(|net| net.person == person)
        {
            Some(net) => {
                net.change = sum("nets.change_fen", [net.change, by])?;
                net.balances.push(after);
            }
            None => nets.push(Net {
                person,
                aid,
                change: by,
                balances: vec![after],
            }),
        }
    }
    Ok(nets)
}

#[cfg(test)]
mod tests;
