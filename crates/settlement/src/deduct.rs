//! Deducts from an accepted bill what there is now. Pure: over the locked state, under the permissions and balances of the
//! moment; the benefit was decided when the bill was accepted.

use kernel::{Fen, Reason, Timestamp};
use policy::Packs;
use policy::plan::{Burden, Payer, Plan};
use policy::values::Component;

use crate::account::Account;
use crate::bill::Bill;
use crate::book::Book;
use crate::command::DeductNow;
use crate::decide::{self, Failed, Moved, Unfit};
use crate::deferral::{Deferral, State, give_up_at, look_again_at};
use crate::institution::Institution;
use crate::request::RequestKey;
use crate::settlement::{Settled, Stored};

/// What became of an accepted bill this time.
#[derive(Debug, Clone)]
pub struct Deducted {
    /// What was taken, as a charge of the bill; none if there was nothing to take.
    pub charge: Option<Deduction>,
    /// What became cash because the time was over, if anything did.
    pub given_up: Option<GivenUp>,
}

/// One deduction.
#[derive(Debug, Clone)]
pub struct Deduction {
    pub settled: Settled,
    /// From 1.
    pub number: i16,
    /// The number of its first leg in the settlement.
    pub first_leg: i16,
}

/// What nobody paid in time.
#[derive(Debug, Clone)]
pub struct GivenUp {
    pub bill: Deferral,
    pub institution: Institution,
    pub rest: Fen,
    /// Why the last payer considered gave no more.
    pub reason: Option<Reason>,
    pub at: Timestamp,
    pub sandbox: bool,
}

impl Deducted {
    /// Figures for operators.
    pub fn count(&self) {
        if self.charge.is_some() {
            metrics::counter!("gongji_settlement_deducted_total").increment(1);
        }
        if self.given_up.is_some() {
            metrics::counter!("gongji_settlement_given_up_total").increment(1);
        }
    }
}

/// Accepts a bill: everything is as for any bill, but that accounts pay later. A bill that accounts may pay nothing of is
/// settled at once.
///
/// # Errors
/// `MALFORMED_REQUEST` if the bill says that no account is to be used, or names a quote.
pub(crate) fn accept(
    book: &mut Book,
    charge: &decide::Charge<'_>,
    (bill, on_quote): (&Bill, bool),
    moved: Moved,
    (packs, at): (&Packs, Timestamp),
) -> Result<Settled, Failed> {
    if bill.without_account {
        let why = "deduct: a bill without accounts cannot be deducted after the visit";
        return Err(kernel::Refusal::about(Reason::MalformedRequest, why).into());
    }
    if on_quote {
        let why = "deduct: a quote promises a split, and this bill has none yet";
        return Err(kernel::Refusal::about(Reason::MalformedRequest, why).into());
    }
    let day = kernel::clock::business_day(at);
    let rules = packs.rules(moved.patient.region, day)?;
    let give_up_at = give_up_at(at, rules.after_visit_give_up)?;
    let open = moved.plan.burden.less(moved.plan.cash_only);
    let plan = Plan {
        legs: Vec::new(),
        lines: Vec::new(),
        cash: moved.plan.cash_only,
        ..moved.plan
    };
    let mut settled = decide::pay(book, charge, Moved { plan, ..moved }, (packs, at))?;
    if open.is_zero() {
        return Ok(settled);
    }
    settled.split.open = open;
    settled.deferral = Some(Box::new(Deferral {
        settlement: settled.id,
        institution: settled.key.institution.clone(),
        patient: settled.patient.person,
        usage: settled.usage,
        without_aid: bill.without_aid,
        chosen: bill.chosen,
        state: State::Open,
        accepted_at: at,
        // The fact that it was accepted is what has it deducted; this is only the safety net.
        look_again_at: look_again_at(at, give_up_at),
        give_up_at,
        own: Fen::ZERO,
        aid: Fen::ZERO,
        cash: settled.split.cash,
        open,
        open_back: Fen::ZERO,
        legs: 0,
        deductions: 0,
        shown: proto::settlement::v1::Settlement::default(),
    }));
    Ok(settled)
}

/// Deducts what there is, and gives up the rest if its time is over. For a bill that is closed there is nothing to do, however
/// often and late it is asked for.
pub fn deduct(
    book: &mut Book,
    command: &DeductNow,
    packs: &Packs,
    at: Timestamp,
) -> Result<Deducted, Failed> {
    let nothing = Deducted {
        charge: None,
        given_up: None,
    };
    let open = book
        .deferrals
        .get(&command.settlement)
        .filter(|deferral| deferral.is_open());
    let Some(mut deferral) = open.cloned() else {
        return Ok(nothing);
    };
    let (patient, institution) =
        whose(book, &deferral).ok_or_else(|| Unfit(command.settlement.to_string()))?;
    let plan = plan(book, (&patient, &institution), &deferral, (packs, at));
    let reason = plan.as_ref().and_then(last_reason);
    let charge = match plan.filter(|plan| !plan.legs.is_empty()) {
        Some(plan) => {
            let moved = Moved {
                plan,
                institution: institution.clone(),
                patient,
                benefit: None,
            };
            Some(charge(book, &mut deferral, moved, (packs, at))?)
        }
        None => None,
    };
    let sandbox = deferral_sandbox(book, &deferral);
    let given_up = close(&mut deferral, at).map(|rest| GivenUp {
        bill: deferral.clone(),
        institution,
        rest,
        reason,
        at,
        sandbox,
    });
    crate::answer::deducted(&mut deferral, charge.as_ref(), book);
    book.store_deferral(deferral);
    Ok(Deducted { charge, given_up })
}

/// What is given back of a bill is no longer deducted; of one that was taken back, nothing more is.
pub fn given_back(book: &mut Book, settlement: &Stored, at: Timestamp) {
    let open = book
        .deferrals
        .get(&settlement.id)
        .filter(|deferral| deferral.is_open());
    let Some(mut deferral) = open.cloned() else {
        return;
    };
    deferral.open = settlement.rest().open;
    deferral.open_back = settlement.open_back;
    if settlement.cancellation.is_some() {
        deferral.state = State::Cancelled(at);
    } else if deferral.open.is_zero() {
        deferral.state = State::Done(at);
    }
    crate::answer::deducted(&mut deferral, None, book);
    book.store_deferral(deferral);
}

/// The patient's account and the institution of an accepted bill.
fn whose(book: &Book, deferral: &Deferral) -> Option<(Account, Institution)> {
    let account = deferral.shown.patient_account_id.parse().ok()?;
    let account = book.accounts.get(&account)?.clone();
    let institution = book.institutions.get(&deferral.institution)?.clone();
    Some((account, institution))
}

fn deferral_sandbox(book: &Book, deferral: &Deferral) -> bool {
    let institution = book.institutions.get(&deferral.institution);
    institution.is_some_and(|institution| institution.sandbox)
}

/// How what is open would be paid now; none if no account may pay for this patient at the moment.
fn plan(
    book: &Book,
    (patient, place): (&Account, &Institution),
    deferral: &Deferral,
    now: (&Packs, Timestamp),
) -> Option<Plan> {
    if patient.standing == kernel::Standing::Terminated {
        return None;
    }
    let (packs, at) = now;
    let rules = packs.rules(patient.region, kernel::clock::business_day(at));
    // What no account may pay was cash from the beginning, so the rest is payable, whatever it is of.
    let component = rules
        .ok()
        .and_then(|rules| rules.payable_components.first().copied())
        .unwrap_or(Component::Copay);
    let burden = Burden::only(component, deferral.open);
    match decide::plan(book, patient, (&rest_of(deferral), burden, place), now) {
        Ok(plan) => Some(plan),
        Err(refusal) => {
            // It stays open: the rules of its place may be mended before its time is over.
            tracing::warn!(settlement.id = %deferral.settlement, %refusal, "nothing could be deducted");
            None
        }
    }
}

/// Moves the money of one deduction.
fn charge(
    book: &mut Book,
    deferral: &mut Deferral,
    moved: Moved,
    now: (&Packs, Timestamp),
) -> Result<Deduction, Unfit> {
    let unfit = || Unfit(deferral.settlement.to_string());
    // A charge of its own: what it took, and nothing that is cash.
    let taken = moved.plan.burden.less(moved.plan.cash);
    let plan = Plan {
        burden: taken,
        cash: Fen::ZERO,
        cash_only: Fen::ZERO,
        ..moved.plan
    };
    let legs = i16::try_from(plan.legs.len()).ok();
    let last_leg = legs.and_then(|legs| deferral.legs.checked_add(legs));
    let number = deferral.deductions.checked_add(1).ok_or_else(unfit)?;
    let first_leg = deferral.legs.checked_add(1).ok_or_else(unfit)?;
    let (own, aid) = (plan.own(), plan.aid());
    let own = deferral.own.checked_add(own).ok_or_else(unfit)?;
    let aid = deferral.aid.checked_add(aid).ok_or_else(unfit)?;
    let last_leg = last_leg.ok_or_else(unfit)?;
    let key = RequestKey {
        institution: deferral.institution.clone(),
        msgid: deferral.shown.msgid.clone(),
    };
    let charge = decide::Charge {
        id: deferral.settlement,
        key: &key,
        usage: deferral.usage,
        fingerprint: &[],
    };
    let settled = decide::pay(book, &charge, Moved { plan, ..moved }, now)?;
    (deferral.own, deferral.aid) = (own, aid);
    deferral.open = deferral.open.less(taken);
    (deferral.legs, deferral.deductions) = (last_leg, number);
    Ok(Deduction {
        settled,
        number,
        first_leg,
    })
}

/// What is open, as a bill.
fn rest_of(deferral: &Deferral) -> Bill {
    Bill {
        person_no: None,
        scheme: None,
        usage: deferral.usage,
        total: deferral.open,
        lines: Vec::new(),
        without_account: false,
        without_aid: deferral.without_aid,
        chosen: deferral.chosen,
        premium: None,
    }
}

/// Closes what is paid, and gives up what is not in time: that becomes cash.
fn close(deferral: &mut Deferral, at: Timestamp) -> Option<Fen> {
    deferral.look_again_at = look_again_at(at, deferral.give_up_at);
    if deferral.open.is_zero() {
        deferral.state = State::Done(at);
        return None;
    }
    if at < deferral.give_up_at {
        return None;
    }
    let rest = deferral.open;
    // It was a part of the same bill before, so it fits.
    deferral.cash = deferral.cash.checked_add(rest)?;
    deferral.open = Fen::ZERO;
    deferral.state = State::GivenUp(at);
    Some(rest)
}

/// Why the last payer considered gave no more.
fn last_reason(plan: &Plan) -> Option<Reason> {
    let aid = plan.lines.iter().rfind(|line| line.payer != Payer::Own);
    aid.or(plan.lines.last()).map(|line| line.reason)
}
