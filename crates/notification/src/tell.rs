//! Who is told what of a fact: the one mapping from events to notices.
//!
//! A charge, and what is given back of it, carry every account they moved, so one event makes all of its notices; the
//! `balance_changed` events of the same movement then make none. Every other change of a balance is told by its
//! `balance_changed` event. So no change goes untold, and none is told twice.

use proto::Unreadable;
use proto::convert::id;
use proto::event::Fact;

use crate::completeness::Seen;
use crate::notice::NewNotice;

mod after_visit;
mod kin;
mod legs;
mod links;
mod money;
mod refunds;
mod resettled;
mod upkeep;

/// The notices of a fact: at most one per person and template. A fact that concerns nobody makes none.
///
/// # Errors
/// Names the field that cannot be read. Such an event never makes sense to this build: it is parked, not lost.
pub fn notices_of(fact: &Fact) -> Result<Vec<NewNotice>, Unreadable> {
    match fact {
        // A bill that took the place of another, and that other one: what both come to is told once.
        Fact::Charged(charged) if charged.replaced.is_some() => resettled::charged(charged),
        Fact::Cancelled(cancelled) if cancelled.net_is_charged => Ok(Vec::new()),
        Fact::Charged(charged) => money::charged(charged),
        Fact::Cancelled(cancelled) => refunds::cancelled(cancelled),
        Fact::Refunded(refunded) => refunds::refunded(refunded),
        Fact::BalanceChanged(changed) => money::balance_changed(changed),
        Fact::Overdrawn(overdrawn) => upkeep::overdrawn(overdrawn),
        Fact::AccountFrozen(frozen) => upkeep::frozen(frozen),
        Fact::AccountUnfrozen(unfrozen) => upkeep::unfrozen(unfrozen),
        Fact::AccountClosed(closed) => upkeep::closed(closed),
        Fact::Accepted(accepted) => after_visit::accepted(accepted),
        Fact::GivenUp(given_up) => after_visit::given_up(given_up),
        Fact::Requested(requested) => kin::requested(requested),
        Fact::Declined(declined) => kin::declined(declined),
        Fact::Expired(expired) => kin::expired(expired),
        Fact::Rejected(rejected) => kin::rejected(rejected),
        Fact::Bound(bound) => kin::bound(bound),
        Fact::Unbound(unbound) => kin::unbound(unbound),
        Fact::MandateChanged(changed) => kin::mandate_changed(changed),
        Fact::DisplayLinked(linked) => links::added(linked),
        Fact::DisplayUnlinked(unlinked) => links::removed(unlinked),
        Fact::Enrolled(_)
        | Fact::Unbinding(_)
        | Fact::MandateGranted(_)
        | Fact::MandateTightening(_)
        | Fact::MoneyCame(_)
        | Fact::PermissionCame(_)
        | Fact::Fenced(_) => Ok(Vec::new()),
    }
}

/// The changes of balances that a fact and its notices speak of: that one happened, and whether somebody was told.
///
/// What was told is taken from the notices and from nothing else, so that a charge that should have told somebody and did not
/// is found out.
///
/// # Errors
/// The field that cannot be read.
pub fn changes_of(fact: &Fact, notices: &[NewNotice]) -> Result<Vec<Seen>, Unreadable> {
    let mut changes: Vec<Seen> = notices
        .iter()
        .flat_map(|notice| notice.tells.iter().map(|moved| (notice.person, *moved)))
        .map(|(person, moved)| Seen {
            person,
            moved,
            told: true,
        })
        .collect();
    if let Fact::BalanceChanged(changed) = fact
        && changes.is_empty()
    {
        changes.push(Seen {
            person: id("person_id", &changed.person_id)?,
            moved: money::changed_version(changed)?,
            // Where no bucket moved there is nothing to tell.
            told: changed.current_change_fen == 0 && changed.prior_change_fen == 0,
        });
    }
    Ok(changes)
}
