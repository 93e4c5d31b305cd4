//! The counter where a bill is paid: who is asked when, and what is written down.

use kernel::{Fen, Reason, Refusal};

use super::contributor::{Offer, Turn, emptiness, offer, rule};
use super::input::{Candidate, PlanInput, Purse};
use super::{Ground, Leg, Line, Payer, Plan, Remedy, order};
use crate::axes::{Axis, Rules};
use crate::bind;
use crate::packs::PackVersion;
use crate::values::{Component, OwnFirst, SingleChoice, ZeroScope, ZeroWhen};

/// Splits a bill; see [`crate::plan()`].
pub(super) fn split(input: &PlanInput<'_>) -> Result<Plan, Refusal> {
    if input.usage.is_prohibited() {
        return Err(Refusal::about(Reason::UsageProhibited, input.usage.code()));
    }
    let burden = whole(input)?;
    let payable = payable(input)?;
    let mut till = Till {
        input,
        open: payable,
        burden,
        payable,
        legs: Vec::with_capacity(input.candidates.len().saturating_add(2)),
        lines: Vec::with_capacity(input.candidates.len().saturating_add(1)),
    };
    if aid_first(input) {
        till.ask_contributors();
        till.ask_patient();
    } else {
        till.ask_patient();
        till.ask_contributors();
    }
    Ok(Plan {
        cash: burden.less(payable.less(till.open)),
        cash_only: burden.less(payable),
        burden,
        versions: versions(input),
        legs: till.legs,
        lines: till.lines,
    })
}

/// The whole bill, if it is one.
fn whole(input: &PlanInput<'_>) -> Result<Fen, Refusal> {
    let parts = Component::ALL.map(|component| input.burden.of(component));
    if let Some(part) = parts.iter().find(|part| part.is_negative()) {
        return Err(Refusal::about(Reason::AmountNegative, part.to_string()));
    }
    input
        .burden
        .total()
        .filter(|total| *total <= Fen::LARGEST_BILL)
        .ok_or_else(|| Reason::AmountTooLarge.into())
}

/// What accounts may pay of it.
fn payable(input: &PlanInput<'_>) -> Result<Fen, Refusal> {
    let components = input.patient.rules.payable_components.iter();
    Fen::checked_sum(components.map(|component| input.burden.of(*component)))
        .ok_or_else(|| Reason::AmountTooLarge.into())
}

fn aid_first(input: &PlanInput<'_>) -> bool {
    match input.patient.rules.own_first {
        OwnFirst::ThenAid => false,
        OwnFirst::EmployeeOnly => input.patient.scheme != kernel::Scheme::Employee,
        OwnFirst::NotRequired => true,
    }
}

fn versions(input: &PlanInput<'_>) -> Vec<PackVersion> {
    let mut versions = input.patient.rules.versions().to_vec();
    for version in input
        .candidates
        .iter()
        .flat_map(|candidate| candidate.rules.versions())
    {
        if !versions.contains(version) {
            versions.push(version.clone());
        }
    }
    versions
}

struct Till<'a> {
    input: &'a PlanInput<'a>,
    /// What is left of the bill for the patient.
    burden: Fen,
    /// What accounts may pay of it.
    payable: Fen,
    /// What of that nobody has paid yet.
    open: Fen,
    legs: Vec<Leg>,
    lines: Vec<Line>,
}

impl Till<'_> {
    fn rules(&self) -> &Rules {
        self.input.patient.rules
    }

    fn ask_patient(&mut self) {
        let purse = self.input.patient.purse.after(&self.legs);
        let offer = self
            .refused_to_all()
            .unwrap_or_else(|| self.own_offer(&purse));
        let rules = self.input.patient.rules;
        let buckets = purse.buckets(offer.amount, rules.own_source, rules.bucket_order);
        self.take(Payer::Own, &purse, offer, buckets);
    }

    fn own_offer(&self, purse: &Purse) -> Offer {
        let rules = self.rules();
        if !rules.usage_own.contains(self.input.usage) {
            return Offer::nothing(Reason::UsageNotCovered, rule(rules, Axis::UsageOwn));
        }
        if let Some(reason) = purse.barred {
            return Offer::nothing(reason, Ground::Account);
        }
        let usable = purse.usable(rules.own_source);
        if self.open <= usable {
            let ground = rule(rules, Axis::OwnFirst);
            return Offer::all(self.open, ground);
        }
        let ground = emptiness(purse, rules, rules.own_source, Axis::OwnSource);
        Offer {
            amount: usable,
            reason: Reason::OwnBalanceZero,
            ground,
            bound: None,
            remedies: Vec::new(),
        }
    }

    /// Asks every contributor in turn; where one pays per bill, the first who can.
    fn ask_contributors(&mut self) {
        let input = self.input;
        let refused = self.refused_to_contributors();
        let mut chosen = false;
        for candidate in order::in_order(input) {
            let purse = candidate.purse.after(&self.legs);
            let refused = refused.clone().or_else(|| self.refused_to_all());
            let offer = refused.unwrap_or_else(|| self.offer_of(candidate, &purse, chosen));
            chosen |= offer.amount.is_positive();
            let payer = Payer::Aid {
                binding: candidate.binding,
                mandate: candidate.mandate,
            };
            let rules = candidate.rules;
            let buckets = purse.buckets(offer.amount, rules.aid_source, rules.bucket_order);
            self.take(payer, &purse, offer, buckets);
        }
    }

    /// What a contributor offers, given whether another one already pays this bill.
    fn offer_of(&self, candidate: &Candidate<'_>, purse: &Purse, chosen: bool) -> Offer {
        let offer = offer(candidate, &self.turn(purse), self.input);
        let passed_over = if order::has_pick(self.input) {
            !order::is_picked(self.input, candidate)
        } else {
            chosen && !self.rules().chain
        };
        if passed_over && offer.amount.is_positive() {
            let axis = order::axis(self.input);
            let refused =
                Offer::nothing(Reason::AnotherContributorChosen, rule(self.rules(), axis));
            let picks = self.rules().single_choice == SingleChoice::Pick;
            return refused.unless(picks.then_some(Remedy::Choose).into_iter().collect());
        }
        offer
    }

    fn turn(&self, purse: &Purse) -> Turn {
        let by_aid = |leg: &&Leg| leg.account == purse.account && leg.payer != Payer::Own;
        let spent = self.legs.iter().filter(by_aid).map(|leg| leg.amount);
        Turn {
            purse: *purse,
            asked: self.open,
            payable: self.payable,
            burden: self.burden,
            spent: Fen::checked_sum(spent).expect("legs are parts of a bill that fits"),
        }
    }

    /// What stands against every account.
    fn refused_to_all(&self) -> Option<Offer> {
        if !self.input.wishes.use_account {
            let refused = Offer::nothing(Reason::AccountNotUsed, Ground::Request);
            return Some(refused.unless(vec![Remedy::Ask]));
        }
        if self.payable.is_zero() && self.input.burden.total() != Some(Fen::ZERO) {
            return Some(Offer::nothing(
                Reason::CashOnly,
                rule(self.rules(), Axis::PayableComponents),
            ));
        }
        self.open
            .is_zero()
            .then(|| Offer::nothing(Reason::NothingLeftToPay, Ground::Bill))
    }

    /// What stands against all aid.
    fn refused_to_contributors(&self) -> Option<Offer> {
        let nothing = |reason, ground| Some(Offer::nothing(reason, ground));
        let not_asked =
            |reason| Some(Offer::nothing(reason, Ground::Request).unless(vec![Remedy::Ask]));
        let (wishes, patient, rules) = (self.input.wishes, &self.input.patient, self.rules());
        if !wishes.use_account {
            return not_asked(Reason::AccountNotUsed);
        }
        if !wishes.use_aid {
            return not_asked(Reason::AidDeclined);
        }
        if let Some(reason) = bind::beneficiary_refused(patient.standing, rules) {
            return nothing(reason, rule(rules, Axis::BeneficiaryStanding));
        }
        if !rules.usage_aid.contains(self.input.usage) {
            return nothing(Reason::UsageNotCovered, rule(rules, Axis::UsageAid));
        }
        if self.own_money_left() {
            return nothing(Reason::OwnBalanceNotExhausted, rule(rules, Axis::OwnZero));
        }
        None
    }

    /// Whether the own account still holds what has to be gone before aid.
    fn own_money_left(&self) -> bool {
        let Some(zero) = self.rules().own_zero else {
            return false;
        };
        let purse = match zero.when {
            ZeroWhen::BeforeBill => self.input.patient.purse,
            ZeroWhen::AfterOwn => self.input.patient.purse.after(&self.legs),
        };
        match zero.scope {
            ZeroScope::AllBuckets => purse.total().is_positive(),
            ZeroScope::UsableOnly => {
                purse.barred.is_none() && purse.usable(self.rules().own_source).is_positive()
            }
        }
    }

    /// Writes down what one payer gives.
    fn take(
        &mut self,
        payer: Payer,
        purse: &Purse,
        offer: Offer,
        buckets: [(kernel::Bucket, Fen); 2],
    ) {
        for (bucket, amount) in buckets
            .into_iter()
            .filter(|(_, amount)| amount.is_positive())
        {
            self.legs.push(Leg {
                payer,
                account: purse.account,
                bucket,
                amount,
            });
        }
        self.lines.push(Line {
            payer,
            account: purse.account,
            asked: self.open,
            taken: offer.amount,
            reason: offer.reason,
            ground: offer.ground,
            bound: offer.bound,
            remedies: offer.remedies,
        });
        self.open = self.open.less(offer.amount);
    }
}
