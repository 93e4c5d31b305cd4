//! Rules drawn at random.

use std::num::NonZeroU16;
use std::sync::LazyLock;

use kernel::{Fen, Region, Usage};
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::Packs;
use crate::axes::Rules;
use crate::plan::limits::Caps;
use crate::usages::Usages;
use crate::values::{
    BucketOrder, Component, FullCoverBase, LimitCount, LimitScope, LimitYear, Model, Order,
    OwnFirst, OwnZero, Share, ShareOf, SingleChoice, Source, StandingRule, ZeroScope, ZeroWhen,
};

pub(super) static DEFAULT: LazyLock<Rules> = LazyLock::new(|| {
    let packs = Packs::shipped();
    Rules::clone(
        packs
            .rules(Region::NATION, "2026-01-01".parse().unwrap())
            .unwrap(),
    )
});

pub(super) fn any_of<T: Clone + std::fmt::Debug + 'static>(
    values: &'static [T],
) -> impl Strategy<Value = T> {
    proptest::sample::select(values)
}

fn source() -> impl Strategy<Value = Source> {
    any_of(&[Source::All, Source::PriorYearOnly])
}

pub(super) fn patient_rules() -> impl Strategy<Value = Rules> {
    let own = (
        any_of(&[
            OwnFirst::ThenAid,
            OwnFirst::EmployeeOnly,
            OwnFirst::NotRequired,
        ]),
        proptest::option::weighted(
            0.2,
            (
                any_of(&[ZeroWhen::BeforeBill, ZeroWhen::AfterOwn]),
                any_of(&[ZeroScope::AllBuckets, ZeroScope::UsableOnly]),
            ),
        ),
        source(),
        any_of(&[BucketOrder::CurrentThenPrior, BucketOrder::PriorThenCurrent]),
    );
    let aid = (
        any_of(&[
            Order::NewestFirst,
            Order::OldestFirst,
            Order::UserRank,
            Order::BalanceDesc,
            Order::SamePoolThenNewest,
        ]),
        any::<bool>(),
        any_of(&[
            SingleChoice::Rank,
            SingleChoice::Pick,
            SingleChoice::FirstBound,
        ]),
        proptest::bool::weighted(0.8),
        subsequence(Component::ALL.to_vec(), 0..=5),
    );
    let premium: Usages = [Usage::ResidentPremium].into_iter().collect();
    let cover = (
        proptest::sample::select(vec![Usages::NONE, premium]),
        any::<bool>(),
        any_of(&[FullCoverBase::Usable, FullCoverBase::Balance]),
    );
    (own, aid, cover).prop_map(
        |(
            (own_first, zero, own_source, bucket_order),
            (order, chain, single_choice, partial_aid, components),
            (full_cover, full_cover_own_counts, full_cover_base),
        )| Rules {
            own_first,
            own_zero: zero.map(|(when, scope)| OwnZero { when, scope }),
            own_source,
            bucket_order,
            order,
            chain,
            single_choice,
            partial_aid,
            full_cover,
            full_cover_own_counts,
            full_cover_base,
            payable_components: components.into_iter().collect(),
            ..DEFAULT.clone()
        },
    )
}

pub(super) fn contributor_rules() -> impl Strategy<Value = Rules> {
    let account = (
        source(),
        0..2_000_i64,
        0..2_000_i64,
        any_of(&[BucketOrder::CurrentThenPrior, BucketOrder::PriorThenCurrent]),
        any_of(&[Model::Link, Model::Link, Model::Link, Model::Pool]),
    );
    let limits = (
        caps(0.1),
        any_of(&[ShareOf::Balance, ShareOf::Bill]),
        any_of(&[LimitScope::Pair, LimitScope::Contributor]),
        any_of(&[LimitCount::Gross, LimitCount::Net]),
        any_of(&[LimitYear::Calendar, LimitYear::Medical]),
    );
    (account, limits).prop_map(
        |(
            (aid_source, floor, minimum, bucket_order, model),
            (caps, limit_share_of, limit_scope, limit_count, limit_year),
        )| Rules {
            aid_source,
            reserve_floor: Fen::new(floor),
            min_balance_to_start: Fen::new(minimum),
            bucket_order,
            model,
            max_contributors: NonZeroU16::new(3),
            contributor_standing: StandingRule::NormalOnly,
            limit_per_transaction: caps.per_transaction,
            limit_per_day: caps.per_day,
            limit_per_month: caps.per_month,
            limit_per_year: caps.per_year,
            limit_total: caps.total,
            limit_share: caps.share,
            limit_share_of,
            limit_scope,
            limit_count,
            limit_year,
            ..DEFAULT.clone()
        },
    )
}

pub(super) fn caps(weight: f64) -> impl Strategy<Value = Caps> {
    let limit = || proptest::option::weighted(weight, (1..3_000_i64).prop_map(Fen::new));
    let share = proptest::option::weighted(weight, 1..=10_000_u16);
    (limit(), limit(), limit(), limit(), limit(), share).prop_map(
        |(per_transaction, per_day, per_month, per_year, total, share)| Caps {
            per_transaction,
            per_day,
            per_month,
            per_year,
            total,
            share: share.and_then(Share::new),
        },
    )
}
