//! Decides a bill over the locked state. Pure: time and ids are arguments, and nothing is changed unless all of it is.

use kernel::clock::business_day;
use kernel::{Reason, Refusal, SettlementId, Standing, Timestamp, Usage};
use policy::plan::limits::{Left, Windows};
use policy::plan::{Burden, Candidate, Limits, Patient, Payer, Plan, PlanInput};
use policy::{Packs, Rules, Usages};

use crate::account::{Account, Wanted, choose};
use crate::benefit::{self, Benefited};
use crate::bill::Bill;
use crate::book::Book;
use crate::command::{Presented, Settle};
use crate::deduct;
use crate::deferral::Deduct;
use crate::enforced::Enforced;
use crate::institution::Institution;
use crate::limit::{Counting, Scope, windows_of};
use crate::premium::{self, Premium};
use crate::request::{Asked, RequestKey};
use crate::settlement::{Declined, Leg, Settled, Split};

/// What becomes of a bill. The first two are answers that are kept; the last, like a refusal, leaves no trace.
#[derive(Debug)]
pub enum Verdict {
    Settled(Box<Settled>),
    Declined(Box<Declined>),
    /// It would cost the patient more than the quote it names: nothing moves, and the key is free again.
    Stale(Box<Plan>, Option<Box<Benefited>>),
}

/// How a bill would be paid.
#[derive(Debug)]
pub struct Considered {
    pub patient: Account,
    pub institution: Institution,
    /// Or why it is declined.
    pub plan: Result<Plan, Refusal>,
    /// How the pooled fund sees it, where its place has a benefit.
    pub benefit: Option<Box<Benefited>>,
}

/// A sum that no account can hold, or a plan that takes what is not there: a bug, and only this command's.
#[derive(Debug, thiserror::Error)]
#[error("the plan of {0} does not fit the accounts it was made for")]
pub struct Unfit(pub String);

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The caller can do something about it. The key is free again.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl From<Reason> for Failed {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.into())
    }
}

/// Settles a bill: splits it, and moves the money in `book`.
pub fn settle(
    book: &mut Book,
    command: &Settle,
    packs: &Packs,
    at: Timestamp,
) -> Result<Verdict, Failed> {
    let considered = consider(
        book,
        &command.key,
        &command.patient,
        &command.bill,
        (packs, at),
    )?;
    let quote = match &command.quote {
        None => None,
        Some(named) => {
            let asked = Asked::settle(command.patient.person, &command.bill);
            Some(named.good_for(&command.key, &asked, at)?)
        }
    };
    match considered.plan {
        Ok(plan)
            if quote.is_some_and(|quote| {
                quote.is_exceeded_by(&Split::of(&plan, considered.benefit.as_deref()))
            }) =>
        {
            Ok(Verdict::Stale(Box::new(plan), considered.benefit))
        }
        Ok(plan) => {
            let moved = Moved {
                plan,
                institution: considered.institution,
                patient: considered.patient,
                benefit: considered.benefit,
            };
            let charge = Charge {
                id: command.id,
                key: &command.key,
                usage: command.bill.usage,
                fingerprint: &command.patient.fingerprint,
            };
            let settled = match command.deduct {
                Deduct::AtOnce => pay(book, &charge, moved, (packs, at))?,
                Deduct::AfterVisit => {
                    let accepting = (&command.bill, command.quote.is_some());
                    deduct::accept(book, &charge, accepting, moved, (packs, at))?
                }
            };
            if let Some(premium) = &command.bill.premium {
                book.pay_premium(&settled, premium);
            }
            Ok(Verdict::Settled(Box::new(settled)))
        }
        Err(why) => Ok(Verdict::Declined(Box::new(Declined {
            id: command.id,
            key: command.key.clone(),
            at,
            patient: considered.patient,
            usage: command.bill.usage,
            total: command.bill.total,
            why,
        }))),
    }
}

/// Splits a bill without moving anything: all that a quote is, and the first half of a settlement.
///
/// # Errors
/// Refusals for what is unknown, stale or not the patient's own.
pub fn consider(
    book: &Book,
    key: &RequestKey,
    patient: &Presented,
    bill: &Bill,
    rules: (&Packs, Timestamp),
) -> Result<Considered, Refusal> {
    weigh(book, key, patient, (bill, true), rules)
}

/// The same for a hold: the pooled fund sets nothing aside, so the whole bill is the patient's burden.
///
/// # Errors
/// As for [`consider`].
pub fn consider_hold(
    book: &Book,
    key: &RequestKey,
    patient: &Presented,
    bill: &Bill,
    rules: (&Packs, Timestamp),
) -> Result<Considered, Refusal> {
    weigh(book, key, patient, (bill, false), rules)
}

fn weigh(
    book: &Book,
    key: &RequestKey,
    patient: &Presented,
    (bill, fund_pays): (&Bill, bool),
    (packs, at): (&Packs, Timestamp),
) -> Result<Considered, Refusal> {
    let institution = book
        .institutions
        .get(&key.institution)
        .ok_or_else(|| Refusal::about(Reason::InstitutionUnknown, &key.institution))?;
    check_credential(book, key, patient, at)?;
    let wanted = Wanted {
        person_no: bill.person_no.as_deref(),
        scheme: bill.scheme,
    };
    let account = choose(&book.accounts_of(patient.person), wanted)?;
    if let Some(premium) = &bill.premium {
        premium.admit(book, account, institution, business_day(at))?;
    }
    if institution.sandbox != account.sandbox {
        return Err(Reason::SandboxMixed.into());
    }
    if account.closing {
        // Not a decline: nothing is wrong with the bill, and its key stays free for when the year end is over.
        let place = account.region.to_string();
        return Err(Refusal::about(Reason::RegionYearEndInProgress, place));
    }
    let asked = benefit::Asked {
        account,
        institution,
        bill,
        packs,
        visit: at,
    };
    let benefit = if fund_pays && bill.premium.is_none() {
        benefit::look_at(&book.benefits, asked)?
    } else {
        None
    };
    let burden = benefit
        .as_ref()
        .map_or_else(|| bill.burden(), |benefit| benefit.assessed.burden());
    let plan = if account.standing == Standing::Terminated {
        Err(Reason::BeneficiaryNotInsured.into())
    } else {
        match plan(book, account, (bill, burden, institution), (packs, at)) {
            Ok(plan) if bill.premium.is_some() => premium::covered(plan),
            Ok(plan) => Ok(plan),
            Err(why) if why.reason == Reason::UsageProhibited => Err(why),
            Err(refused) => return Err(refused),
        }
    };
    Ok(Considered {
        patient: account.clone(),
        institution: institution.clone(),
        plan,
        benefit,
    })
}

/// A credential is good until it expires and for one settlement. It is judged here, under the locks and after the key was
/// claimed, so that a repetition of an answered request never gets here (ruling 8 of the design).
fn check_credential(
    book: &Book,
    key: &RequestKey,
    patient: &Presented,
    at: Timestamp,
) -> Result<(), Refusal> {
    if book
        .credentials
        .get(&patient.fingerprint)
        .is_some_and(|user| user != key)
    {
        return Err(Reason::CredentialUsed.into());
    }
    if patient.expires_at.is_some_and(|end| end <= at) {
        return Err(Reason::CredentialExpired.into());
    }
    Ok(())
}

/// Splits what is left of a bill for the patient.
pub(crate) fn plan(
    book: &Book,
    account: &Account,
    (bill, burden, place): (&Bill, Burden, &Institution),
    (packs, at): (&Packs, Timestamp),
) -> Result<Plan, Refusal> {
    let day = business_day(at);
    let rules = packs.rules(account.region, day)?;
    let known = book
        .enforced
        .get(&account.person)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut candidates = Vec::with_capacity(known.len());
    for enforced in known {
        let Some(contributor) = book.accounts.get(&enforced.parties.contributor_account) else {
            continue; // its account was not locked, or has not arrived
        };
        if contributor.sandbox != account.sandbox || contributor.person == account.person {
            continue;
        }
        let asked = |premium: &Premium| premium.contributor == contributor.person;
        if !bill.premium.as_ref().is_none_or(asked) {
            continue;
        }
        match packs.rules(contributor.region, day) {
            Ok(rules) => {
                candidates.push(candidate(book, enforced, (contributor, place), (rules, at)));
            }
            // The patient's bill does not fail because a relative's place is unknown here.
            Err(refused) => {
                tracing::warn!(binding.id = %enforced.id, %refused, "a contributor was passed over");
            }
        }
    }
    policy::plan(&PlanInput {
        burden,
        usage: bill.usage,
        at,
        wishes: bill.wishes(),
        patient: Patient {
            purse: book.purse(account),
            scheme: account.scheme,
            standing: account.standing,
            rules,
        },
        candidates: &candidates,
    })
}

fn candidate<'a>(
    book: &Book,
    enforced: &Enforced,
    (contributor, place): (&Account, &Institution),
    (rules, at): (&'a Rules, Timestamp),
) -> Candidate<'a> {
    let mandate = enforced.mandate.as_ref();
    let usages = mandate
        .map(|mandate| mandate.usages)
        .filter(|usages| *usages != Usages::NONE);
    Candidate {
        binding: enforced.id,
        purse: book.purse(contributor),
        standing: contributor.standing,
        permission: enforced.permission_for(place, business_day(at)),
        bound_at: enforced.binding.map_or(at, |binding| binding.bound_at),
        effective_from: enforced
            .binding
            .map_or(at, |binding| binding.effective_from),
        valid_until: enforced.binding.and_then(|binding| binding.valid_until),
        mandate: mandate.map_or(0, |mandate| mandate.version),
        rank: mandate.map_or(i32::MAX, |mandate| mandate.rank),
        limits: limits(book, enforced, Windows::of(business_day(at), rules)),
        usage: usages.unwrap_or_else(Usages::allowed_anywhere),
        rules,
    }
}

/// What stands against more in these windows, as the book has it now.
fn limits(book: &Book, enforced: &Enforced, windows: Windows) -> Limits {
    let account = enforced.parties.contributor_account;
    Limits {
        caps: enforced
            .mandate
            .as_ref()
            .map(|mandate| mandate.caps)
            .unwrap_or_default(),
        used: book.used(Scope::Pair(enforced.id), windows),
        used_by_all: book.used(Scope::Contributor(account), windows),
    }
}

/// What is settled, and under which key.
pub(crate) struct Charge<'a> {
    pub id: SettlementId,
    pub key: &'a RequestKey,
    pub usage: Usage,
    /// The patient's token that it uses up; empty for none.
    pub fingerprint: &'a [u8],
}

/// What is taken, at which institution, and the patient's account before it.
pub(crate) struct Moved {
    pub plan: Plan,
    pub institution: Institution,
    pub patient: Account,
    pub benefit: Option<Box<Benefited>>,
}

/// Takes the money a plan says, first from copies: the book changes only if every leg fits.
pub(crate) fn pay(
    book: &mut Book,
    charge: &Charge<'_>,
    moved: Moved,
    (packs, at): (&Packs, Timestamp),
) -> Result<Settled, Unfit> {
    let unfit = || Unfit(charge.key.to_string());
    let Moved {
        plan,
        institution,
        patient,
        benefit,
    } = moved;
    let mut accounts = std::collections::BTreeMap::new();
    let mut counting = Counting::over(book);
    let mut legs = Vec::with_capacity(plan.legs.len());
    for leg in &plan.legs {
        let before = book.accounts.get(&leg.account).ok_or_else(unfit)?;
        let account = accounts
            .entry(leg.account)
            .or_insert_with(|| before.clone());
        let after = account.take(leg.bucket, leg.amount).ok_or_else(unfit)?;
        let counted_in = match leg.payer {
            Payer::Own => None,
            Payer::Aid { binding, .. } => {
                let windows = windows_of(packs, account.region, business_day(at));
                let counted = counting.charge((binding, leg.account), windows, leg.amount);
                Some(counted.ok_or_else(unfit)?)
            }
        };
        legs.push(Leg {
            payer: leg.payer,
            account: leg.account,
            person: account.person,
            bucket: leg.bucket,
            amount: leg.amount,
            after,
            medical_year: account.medical_year,
            counted_in,
            left: Left::default(),
        });
    }
    let counters = counting.changed();
    if let Some(benefit) = &benefit {
        book.benefits.count(benefit).ok_or_else(unfit)?;
    }
    book.store_counters(counters);
    for leg in &mut legs {
        leg.left = left(book, &patient, leg, (packs, at));
    }
    let patient = accounts.get(&patient.id).cloned().unwrap_or(patient);
    for account in accounts.into_values() {
        book.store_account(account);
    }
    let (fingerprint, key) = (charge.fingerprint.to_vec(), charge.key.clone());
    if !fingerprint.is_empty() {
        book.credentials.insert(fingerprint.clone(), key.clone());
    }
    let split = Split::of(&plan, benefit.as_deref());
    Ok(Settled {
        id: charge.id,
        key,
        at,
        institution,
        patient,
        usage: charge.usage,
        plan,
        split,
        benefit,
        legs,
        fingerprint,
        deferral: None,
        replaced: None,
    })
}

/// What is left of the limits under which a leg was paid, now that its bill is counted.
fn left(book: &Book, patient: &Account, leg: &Leg, (packs, at): (&Packs, Timestamp)) -> Left {
    let (Payer::Aid { binding, .. }, Some(windows)) = (leg.payer, leg.counted_in) else {
        return Left::default();
    };
    let known = book.enforced.get(&patient.person).into_iter().flatten();
    let Some(enforced) = known.into_iter().find(|enforced| enforced.id == binding) else {
        return Left::default();
    };
    let rules = book
        .accounts
        .get(&leg.account)
        .and_then(|account| packs.rules(account.region, business_day(at)).ok());
    rules.map_or_else(Left::default, |rules| {
        limits(book, enforced, windows).left(rules)
    })
}

#[cfg(test)]
pub(crate) mod tests;
