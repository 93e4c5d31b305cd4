//! What happened between relatives: bindings and mandates. No money moves here.

use jiff::Timestamp;
use kernel::{PersonId, Relation};
use proto::Unreadable;
use proto::authorization::v1::{MandateChanged, MandateState};
use proto::binding::v1::{BindingTerms, Bound, Declined, Expired, Rejected, Requested, Unbound};
use proto::convert::{id, relation, required, time, usage};

use crate::notice::{MandateStanding, NewNotice, Told, Who};

/// The two sides of a binding and what was agreed, read once for all facts about one.
struct Terms<'a> {
    binding: &'a str,
    contributor: PersonId,
    beneficiary: PersonId,
    relation: Relation,
    valid_until: Option<Timestamp>,
}

impl<'a> Terms<'a> {
    fn read(terms: Option<&'a BindingTerms>) -> Result<Self, Unreadable> {
        let terms = required("terms", terms)?;
        let valid_until = terms.valid_until.as_ref();
        Ok(Self {
            binding: &terms.binding_id,
            contributor: id("terms.contributor_person_id", &terms.contributor_person_id)?,
            beneficiary: id("terms.beneficiary_person_id", &terms.beneficiary_person_id)?,
            relation: relation("terms.relation", terms.relation)?,
            valid_until: valid_until
                .map(|at| time("terms.valid_until", at))
                .transpose()?,
        })
    }

    fn tell(&self, person: PersonId, told: Told) -> NewNotice {
        NewNotice {
            person,
            told,
            subject: self.binding.to_owned(),
            sandbox: false,
            tells: Vec::new(),
        }
    }
}

pub(super) fn requested(requested: &Requested) -> Result<Vec<NewNotice>, Unreadable> {
    let terms = Terms::read(requested.terms.as_ref())?;
    let (contributor, relation, valid_until) =
        (Who(terms.contributor), terms.relation, terms.valid_until);
    let told = Told::BindRequested {
        contributor,
        relation,
        valid_until,
    };
    Ok(vec![terms.tell(terms.beneficiary, told)])
}

pub(super) fn declined(declined: &Declined) -> Result<Vec<NewNotice>, Unreadable> {
    let terms = Terms::read(declined.terms.as_ref())?;
    let (contributor, beneficiary) = (Who(terms.contributor), Who(terms.beneficiary));
    Ok(vec![
        terms.tell(terms.contributor, Told::RejectedByRelative { beneficiary }),
        terms.tell(terms.beneficiary, Told::RejectedByYou { contributor }),
    ])
}

/// Nobody answered in time.
pub(super) fn expired(expired: &Expired) -> Result<Vec<NewNotice>, Unreadable> {
    let terms = Terms::read(expired.terms.as_ref())?;
    let (contributor, beneficiary) = (Who(terms.contributor), Who(terms.beneficiary));
    Ok(vec![
        terms.tell(terms.contributor, Told::ExpiredUnanswered { beneficiary }),
        terms.tell(terms.beneficiary, Told::ExpiredForYou { contributor }),
    ])
}

/// The agency did not approve it.
pub(super) fn rejected(rejected: &Rejected) -> Result<Vec<NewNotice>, Unreadable> {
    let terms = Terms::read(rejected.terms.as_ref())?;
    let (contributor, beneficiary) = (Who(terms.contributor), Who(terms.beneficiary));
    Ok(vec![
        terms.tell(terms.contributor, Told::NotApprovedToPay { beneficiary }),
        terms.tell(terms.beneficiary, Told::NotApprovedForYou { contributor }),
    ])
}

pub(super) fn bound(bound: &Bound) -> Result<Vec<NewNotice>, Unreadable> {
    let terms = Terms::read(bound.terms.as_ref())?;
    let effective_from = bound
        .terms
        .as_ref()
        .and_then(|terms| terms.effective_from.as_ref());
    let effective_from = time(
        "terms.effective_from",
        required("terms.effective_from", effective_from)?,
    )?;
    let (relation, valid_until) = (terms.relation, terms.valid_until);
    let to_pay = Told::BoundToPay {
        beneficiary: Who(terms.beneficiary),
        relation,
        effective_from,
        valid_until,
    };
    let for_you = Told::BoundForYou {
        contributor: Who(terms.contributor),
        relation,
        effective_from,
        valid_until,
    };
    Ok(vec![
        terms.tell(terms.contributor, to_pay),
        terms.tell(terms.beneficiary, for_you),
    ])
}

pub(super) fn unbound(unbound: &Unbound) -> Result<Vec<NewNotice>, Unreadable> {
    let was_bound = required("terms", unbound.terms.as_ref())?
        .bound_at
        .is_some();
    if !was_bound {
        return Ok(Vec::new()); // withdrawn before both agreed: no account could pay, so none pays no more
    }
    let terms = Terms::read(unbound.terms.as_ref())?;
    let ended_at = time("ended_at", required("ended_at", unbound.ended_at.as_ref())?)?;
    let (contributor, beneficiary) = (Who(terms.contributor), Who(terms.beneficiary));
    Ok(vec![
        terms.tell(
            terms.contributor,
            Told::UnboundToPay {
                beneficiary,
                ended_at,
            },
        ),
        terms.tell(
            terms.beneficiary,
            Told::UnboundForYou {
                contributor,
                ended_at,
            },
        ),
    ])
}

pub(super) fn mandate_changed(changed: &MandateChanged) -> Result<Vec<NewNotice>, Unreadable> {
    if changed.with_binding {
        return Ok(Vec::new()); // `unbound` tells it
    }
    let mandate = required("mandate", changed.mandate.as_ref())?;
    let terms = required("mandate.terms", mandate.terms.as_ref())?;
    let contributor = Who(id(
        "mandate.contributor_person_id",
        &mandate.contributor_person_id,
    )?);
    let limit = |fen: Option<i64>| fen.map(|fen| kernel::Fen::new(fen).into());
    let usage = terms
        .usage
        .iter()
        .map(|use_of| usage("mandate.terms.usage", *use_of));
    let told = Told::MandateChangedForYou {
        contributor,
        standing: standing(mandate.state)?,
        per_transaction: limit(terms.per_transaction_fen),
        per_day: limit(terms.per_day_fen),
        per_month: limit(terms.per_month_fen),
        per_year: limit(terms.per_year_fen),
        total: limit(terms.total_fen),
        // Basis points have two decimals of a percent, as fen have of a yuan.
        largest_share: terms
            .share_of_balance
            .map(|points| kernel::Fen::new(points.into()).to_string()),
        usage: usage.collect::<Result<_, _>>()?,
    };
    Ok(vec![NewNotice {
        person: id(
            "mandate.beneficiary_person_id",
            &mandate.beneficiary_person_id,
        )?,
        told,
        subject: mandate.binding_id.clone(),
        sandbox: false,
        tells: Vec::new(),
    }])
}

/// A change that is still being fenced is no change yet: its event is another one.
fn standing(state: i32) -> Result<MandateStanding, Unreadable> {
    match MandateState::try_from(state) {
        Ok(MandateState::InForce) => Ok(MandateStanding::InForce),
        Ok(MandateState::Paused) => Ok(MandateStanding::Paused),
        Ok(MandateState::Revoked) => Ok(MandateStanding::Revoked),
        Ok(MandateState::Unspecified) => Err(Unreadable::missing("mandate.state")),
        Ok(_) | Err(_) => Err(Unreadable::code("mandate.state")),
    }
}

#[cfg(test)]
mod tests;
