//! What would have let a payer pay all that was asked: the smallest change, beside the reason why it gave less.
//!
//! A line names one reason, the tightest bound. Where that is a limit, its remedies lift every limit that is in the way; where it is
//! money, they say how much is missing. A limit never says that more money would be needed behind it: that would tell
//! the patient something about a balance which the payment did not show.

use kernel::clock::business_day;
use kernel::{Date, Fen, Timestamp};

use super::Ground;
use super::limits::{Bound, Window, Windows};

/// One change. Several limits that have to be raised are one [`Remedy::RaiseLimit`] each; a [`Remedy::WaitUntil`] beside
/// them is the other way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The contributor raises this limit of the mandate by so much.
    RaiseLimit { window: Window, by: Fen },
    /// The contributor allows a larger share of the balance. By how much would tell the balance.
    RaiseShare,
    /// Asking again on this business day, when a limit begins anew or the binding takes effect.
    WaitUntil(Date),
    /// So much more money in the account. The figure is for its owner only: it tells the balance.
    Credit(Fen),
    /// Naming this contributor in the request.
    Choose,
    /// A request that does not refuse the account, or aid.
    Ask,
}

/// What lifts every limit that leaves less than `asked`, if anything does: raising them, if all are the mandate's; waiting, if
/// all begin anew and are then large enough.
pub(super) fn of_limits(bounds: &[Bound], asked: Fen, windows: Windows) -> Vec<Remedy> {
    let short = || bounds.iter().filter(|bound| bound.left < asked);
    let mut remedies = Vec::new();
    if short().all(|bound| bound.ground == Ground::Mandate) {
        remedies.extend(short().map(|bound| match bound.window {
            Window::Share => Remedy::RaiseShare,
            window => Remedy::RaiseLimit {
                window,
                by: bound.missing(asked),
            },
        }));
    }
    let reopens = |bound: &Bound| windows.next(bound.window).filter(|_| asked <= bound.afresh);
    let days: Option<Vec<Date>> = short().map(reopens).collect();
    remedies.extend(
        days.and_then(|days| days.into_iter().max())
            .map(Remedy::WaitUntil),
    );
    remedies
}

/// Waiting for an instant: the business day on which it falls.
pub(super) fn wait_for(instant: Timestamp) -> Vec<Remedy> {
    vec![Remedy::WaitUntil(business_day(instant))]
}
