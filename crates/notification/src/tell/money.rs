//! Money that moved.

use kernel::{Fen, PersonId, Reason};
use proto::Unreadable;
use proto::convert::id;
use proto::settlement::v1::{BalanceCause, BalanceChanged, Charged, InstitutionKind};

use super::legs::{Payment, Payments, balance, moved, sum};
use super::upkeep;
use crate::notice::{Institution, Moved, NewNotice, Told, Who};

/// A bill was paid: to whoever paid from their own account, to each contributor, and to the patient.
pub(super) fn charged(charged: &Charged) -> Result<Vec<NewNotice>, Unreadable> {
    let patient: PersonId = id("patient_person_id", &charged.patient_person_id)?;
    let payments = Payments::read(&charged.legs)?;
    let institution = institution(charged.institution_kind);
    let mut told = Vec::new();
    for payment in &payments.own {
        told.push(Line::of(
            payment,
            Told::ChargedOwn {
                institution,
                amount: payment.amount.into(),
                balances: payment.balances(),
            },
        ));
    }
    for payment in &payments.aid {
        told.push(Line::of(
            payment,
            Told::ChargedAid {
                beneficiary: Who(patient),
                institution,
                amount: payment.amount.into(),
                left: payment.left.clone(),
                balances: payment.balances(),
            },
        ));
        let used_up = payment
            .left
            .iter()
            .filter(|left| left.amount.0.is_zero())
            .map(|left| left.window)
            .max();
        if let Some(window) = used_up {
            let beneficiary = Who(patient);
            let reached = Told::LimitReached {
                beneficiary,
                window,
            };
            told.push((payment.person, reached).into());
        }
    }
    if !payments.aid.is_empty() {
        let split = Told::AidUsedForYou {
            institution,
            total: Fen::new(charged.total_fen).into(),
            pooled: Fen::new(charged.pooled_fen).into(),
            own: Fen::new(charged.own_fen).into(),
            aid: Fen::new(charged.aid_fen).into(),
            cash: Fen::new(charged.cash_fen).into(),
            contributors: payments.contributors(),
        };
        told.push((patient, split).into());
    }
    let short = short(charged, patient, &payments);
    told.extend(short.into_iter().map(Line::from));
    Ok(about(&charged.settlement_id, charged.sandbox, told))
}

/// Aid that was wanted and did not suffice: to the patient with the reason, and to a contributor whose limit stood in the way.
fn short(charged: &Charged, patient: PersonId, payments: &Payments) -> Vec<(PersonId, Told)> {
    let reason = &charged.aid_short_reason;
    let known = Reason::from_code(reason);
    if reason.is_empty() || matches!(known, Some(Reason::AidDeclined | Reason::AccountNotUsed)) {
        return Vec::new();
    }
    let mut told = vec![(
        patient,
        Told::AidShort {
            institution: institution(charged.institution_kind),
            cash: Fen::new(charged.cash_fen).into(),
            reason: reason.clone(),
        },
    )];
    // The reason is that of the last contributor considered. A limit per transaction is above zero, so whoever it stopped
    // has paid something and is the last of the legs. A window that is used up is told by LIMIT_REACHED.
    if known == Some(Reason::LimitPerTransaction) {
        told.extend(payments.aid.last().map(|payment| {
            let beneficiary = Who(patient);
            let reason = reason.clone();
            (
                payment.person,
                Told::AidShortByLimit {
                    beneficiary,
                    reason,
                },
            )
        }));
    }
    told
}

/// One account moved: told to its owner, unless a charge tells of it, or what was given back of one.
pub(super) fn balance_changed(changed: &BalanceChanged) -> Result<Vec<NewNotice>, Unreadable> {
    let person: PersonId = id("person_id", &changed.person_id)?;
    let tells = changed_version(changed)?;
    let moved = [changed.current_change_fen, changed.prior_change_fen];
    let amount = sum("current_change_fen + prior_change_fen", moved.map(Fen::new))?.into();
    let balances = vec![balance(
        changed.current_after_fen,
        changed.prior_after_fen,
        changed.version,
    )?];
    let told = match BalanceCause::try_from(changed.cause) {
        Ok(BalanceCause::Charge | BalanceCause::Cancel | BalanceCause::Refund) => {
            return Ok(Vec::new());
        }
        Ok(BalanceCause::Unspecified) => return Err(Unreadable::missing("cause")),
        Ok(_) if moved == [0, 0] => return Ok(Vec::new()),
        Ok(BalanceCause::Allocation) => Told::AllocationCredited {
            amount,
            period: changed.period.clone(),
            balances,
        },
        Ok(BalanceCause::Opening) => Told::BalanceOpened { amount, balances },
        Ok(cause) => upkeep::balance_changed(changed, cause, amount, balances)?,
        Err(_) => return Err(Unreadable::code("cause")),
    };
    let line = Line {
        person,
        told,
        tells: vec![tells],
    };
    Ok(about(&changed.cause_id, changed.sandbox, vec![line]))
}

/// The one change that a `balance_changed` event speaks of.
pub(super) fn changed_version(changed: &BalanceChanged) -> Result<Moved, Unreadable> {
    moved(
        id("account_id", &changed.account_id)?,
        ("version", changed.version),
    )
}

/// Money is told of even where the kind of place is one that this build does not know.
pub(super) fn institution(kind: i32) -> Institution {
    match InstitutionKind::try_from(kind) {
        Ok(InstitutionKind::Hospital) => Institution::Hospital,
        Ok(InstitutionKind::Pharmacy) => Institution::Pharmacy,
        Ok(InstitutionKind::Agency) => Institution::Agency,
        Ok(InstitutionKind::Unspecified) | Err(_) => Institution::Other,
    }
}

/// A notice that does not say yet what it is about.
pub(super) struct Line {
    person: PersonId,
    told: Told,
    tells: Vec<Moved>,
}

impl Line {
    /// What a payer is told of their payment, and with it of each change that it made.
    pub(super) fn of(payment: &Payment, told: Told) -> Self {
        Self {
            person: payment.person,
            told,
            tells: payment.moved.clone(),
        }
    }
}

impl From<(PersonId, Told)> for Line {
    /// A notice that tells of no change of a balance.
    fn from((person, told): (PersonId, Told)) -> Self {
        Self {
            person,
            told,
            tells: Vec::new(),
        }
    }
}

pub(super) fn about(subject: &str, sandbox: bool, told: Vec<impl Into<Line>>) -> Vec<NewNotice> {
    let notice = |line: Line| NewNotice {
        person: line.person,
        told: line.told,
        subject: subject.to_owned(),
        sandbox,
        tells: line.tells,
    };
    told.into_iter().map(|line| notice(line.into())).collect()
}

#[cfg(test)]
pub(super) mod tests;
