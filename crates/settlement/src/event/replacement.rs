//! What a bill tells of the one whose place it took.

use proto::convert::wire_time;
use proto::settlement::v1 as pb;

use crate::answer;
use crate::refund::Refunded;
use crate::replace::{Net, nets};
use crate::settlement::Settled;

/// The bill that was taken back, and what both come to on each account.
pub(super) fn replaced(settled: &Settled, refunded: &Refunded) -> pb::Replaced {
    let (old, split) = (&refunded.settlement, refunded.split);
    pb::Replaced {
        settlement_id: old.id.to_string(),
        cancellation_id: refunded.id.to_string(),
        settled_at: Some(wire_time(old.settled_at)),
        total_fen: split.total.get(),
        pooled_fen: split.pooled.get(),
        own_fen: split.own.get(),
        aid_fen: split.aid.get(),
        cash_fen: split.cash.get(),
        open_fen: split.open.get(),
        unclaimed: answer::unclaimed(refunded),
        nets: nets(settled)
            .expect("it was summed when the bill was decided")
            .iter()
            .map(net)
            .collect(),
    }
}

fn net(net: &Net) -> pb::NetChange {
    pb::NetChange {
        kind: answer::kind(net.payer).into(),
        account_id: net.account.to_string(),
        person_id: net.person.to_string(),
        binding_id: answer::binding_of(net.payer),
        change_fen: net.change.get(),
        account_version: net.after.version,
        current_after_fen: net.after.current.get(),
        prior_after_fen: net.after.prior.get(),
    }
}
