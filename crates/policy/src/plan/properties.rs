//! What holds of every plan, whatever the rules, balances and wishes.
//!
//! "More money never lowers aid" is true of two things, and of no more:
//!
//! - Where every contributor in turn may pay (`chain`), more money in any contributor's account never lowers what
//!   contributors pay together. Who pays it may change: where the largest balance goes first, more money moves to the front.
//! - Where one contributor pays, more money in the account of the one that pays never lowers aid. More money in another's
//!   may: the first by rank that had nothing gets a fen, is asked first from then on, and nobody else is.
//!
//! More *own* money is no aid, so it lowers aid by design; and where the own account must be empty first (`own_zero`), one
//! fen in it can take all aid away and raise the cash. The last two are tests below, lest somebody believe otherwise.

use kernel::{AccountId, BindingId, Bucket, Fen, Reason, Standing};
use proptest::prelude::*;
use uuid::Uuid;

use super::limits::{Caps, Tally, Window, Windows};
use super::*;
use crate::values::{
    LimitCount, LimitScope, Model, OwnZero, ShareOf, SingleChoice, ZeroScope, ZeroWhen,
};

mod cases;
mod rules;

use cases::{Case, Other, case, willing};

/// The sum of the takings that `counts` says.
fn taken(plan: &Plan, counts: impl Fn(&Leg) -> bool) -> i64 {
    plan.legs
        .iter()
        .filter(|leg| counts(leg))
        .map(|leg| leg.amount.get())
        .sum()
}

/// Every limit on one contributor, the mandate's and the region's, with what is used of it: worked out once more, the long way.
fn limits(other: &Other, case: &Case) -> Vec<(Window, i64, i64)> {
    let (rules, limits) = (&other.rules, &other.limits);
    let count = |tally: &Tally| match rules.limit_count {
        LimitCount::Gross => tally.gross.get(),
        LimitCount::Net => tally.gross.get() - tally.refunded.get(),
    };
    let of_region = match rules.limit_scope {
        LimitScope::Pair => limits.used,
        LimitScope::Contributor => limits.used_by_all,
    };
    let usable = other.purse.usable(rules.aid_source).get();
    let burden = case.burden.total().unwrap().get();
    let whole = match rules.limit_share_of {
        ShareOf::Balance => usable,
        ShareOf::Bill => burden,
    };
    let mut all = Vec::new();
    for (caps, used, whole) in [
        (Caps::of_rules(rules), of_region, whole),
        (limits.caps, limits.used, usable),
    ] {
        let held = used.held.get();
        for (window, cap, used) in [
            (Window::Transaction, caps.per_transaction, 0),
            (Window::Day, caps.per_day, count(&used.day) + held),
            (Window::Month, caps.per_month, count(&used.month) + held),
            (Window::Year, caps.per_year, count(&used.year) + held),
            (Window::Total, caps.total, count(&used.total) + held),
        ] {
            all.extend(cap.map(|cap| (window, cap.get(), used)));
        }
        let share = |share: crate::values::Share| whole * i64::from(share.basis_points()) / 10_000;
        all.extend(caps.share.map(|cap| (Window::Share, share(cap), 0)));
    }
    all
}

/// Whether a limit was the reason.
fn is_limit(reason: Reason) -> bool {
    reason.code().starts_with("LIMIT_")
}

/// The case with its first contributor only.
fn alone(mut case: Case) -> Case {
    case.others.truncate(1);
    case
}

/// The line of the first contributor.
fn first_line(case: &Case) -> Line {
    let is_aid = |line: &&Line| line.payer != Payer::Own;
    case.plan().lines.iter().find(is_aid).unwrap().clone()
}

fn raise(case: &mut Case, window: Window, by: Fen) {
    let caps = &mut case.others[0].limits.caps;
    let cap = match window {
        Window::Transaction => &mut caps.per_transaction,
        Window::Day => &mut caps.per_day,
        Window::Month => &mut caps.per_month,
        Window::Year => &mut caps.per_year,
        Window::Total => &mut caps.total,
        Window::Share => unreachable!("a share is not raised by an amount"),
    };
    *cap = cap.and_then(|cap| cap.checked_add(by));
}

fn bindings(plan: &Plan) -> Vec<BindingId> {
    let binding = |payer| match payer {
        Payer::Own => None,
        Payer::Aid { binding, .. } => Some(binding),
    };
    let mut paying: Vec<_> = plan
        .legs
        .iter()
        .filter_map(|leg| binding(leg.payer))
        .collect();
    paying.dedup();
    paying
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn the_parts_sum_to_the_whole(case in case()) {
        let plan = case.plan();
        prop_assert_eq!(Some(plan.burden), case.burden.total());
        prop_assert_eq!(taken(&plan, |_| true) + plan.cash.get(), plan.burden.get());
        prop_assert!(plan.cash_only <= plan.cash && !plan.cash.is_negative());
        prop_assert!(plan.legs.iter().all(|leg| leg.amount.is_positive()));
        prop_assert_eq!(plan.lines.len(), case.others.len() + 1);
        for line in &plan.lines {
            prop_assert_eq!(taken(&plan, |leg| leg.payer == line.payer), line.taken.get());
            prop_assert_eq!(line.reason == Reason::Taken, line.taken == line.asked && line.taken.is_positive());
            prop_assert!(line.reason != Reason::Taken || line.remedies.is_empty());
        }
    }

    #[test]
    fn the_order_of_the_candidates_never_changes_the_plan(case in case(), turns in 0..6_usize) {
        let plan = case.plan();
        prop_assert_eq!(&plan, &case.plan());
        let mut turned = case.plan_in_order(|candidates| {
            let by = turns.min(candidates.len());
            candidates.rotate_left(by);
            if turns % 2 == 1 { candidates.reverse(); }
        });
        let mut versions = (plan.versions.clone(), turned.versions.clone());
        versions.0.sort();
        versions.1.sort();
        prop_assert_eq!(versions.0, versions.1);
        turned.versions.clone_from(&plan.versions);
        prop_assert_eq!(plan, turned);
    }

    #[test]
    fn nothing_is_taken_beyond_a_cap_or_below_a_floor(case in prop_oneof![case(), willing()]) {
        let plan = case.plan();
        for (other, index) in case.others.iter().zip(0..) {
            let binding = BindingId::from_uuid(Uuid::from_u128(index));
            let paid = taken(&plan, |leg| matches!(leg.payer, Payer::Aid { binding: payer, .. } if payer == binding));
            if paid == 0 {
                continue;
            }
            prop_assert!(other.permission == Permission::InForce && other.purse.barred.is_none() && !other.narrow);
            prop_assert!(other.starts <= 1_000 && other.ends.is_none_or(|end| end > 1_000));
            prop_assert!(other.rules.model == Model::Link && case.standing == Standing::Normal);
            for (window, limit, used) in limits(other, &case) {
                prop_assert!(paid <= (limit - used).max(0), "{window:?}: {paid} of {limit}, {used} used");
            }
            let usable = other.purse.usable(other.rules.aid_source).get();
            prop_assert!(usable >= other.rules.min_balance_to_start.get());
            prop_assert!(usable - paid >= other.rules.reserve_floor.get());
        }
        for purse in case.others.iter().map(|other| &other.purse).chain([&case.patient]) {
            let twins = case.others.iter().filter(|other| other.purse.account == purse.account).count();
            if twins > 1 {
                continue;
            }
            for (bucket, balance) in [(Bucket::Current, purse.current), (Bucket::Prior, purse.prior)] {
                let paid = taken(&plan, |leg| leg.account == purse.account && leg.bucket == bucket);
                prop_assert!(paid <= balance.get().max(0));
            }
        }
    }

    #[test]
    fn one_contributor_pays_where_one_may(mut case in case()) {
        case.patient_rules.chain = false;
        prop_assert!(bindings(&case.plan()).len() <= 1);
    }

    #[test]
    fn a_regions_limit_for_all_beneficiaries_holds_across_the_bindings_of_one_account(case in willing()) {
        let plan = case.plan();
        for other in &case.others {
            let rules = &other.rules;
            let (LimitScope::Contributor, Some(limit)) = (rules.limit_scope, rules.limit_per_year) else { continue };
            let twins = case.others.iter().filter(|twin| twin.purse.account == other.purse.account);
            if twins.clone().any(|twin| twin.rules != *rules || twin.limits.used_by_all != other.limits.used_by_all) {
                continue; // two views of one account that disagree
            }
            let account = other.purse.account;
            let paid = taken(&plan, |leg| leg.payer != Payer::Own && leg.account == account);
            let used = other.limits.used_by_all;
            let counted = used.year.counted(rules.limit_count).get() + used.held.get();
            prop_assert!(paid <= (limit.get() - counted).max(0));
        }
    }

    #[test]
    fn more_money_never_lowers_the_aid_of_a_chain(
        mut case in prop_oneof![case(), willing()], which in any::<proptest::sample::Index>(), more in 1..2_000_i64, to_prior in any::<bool>(),
    ) {
        case.patient_rules.chain = true;
        prop_assume!(!case.others.is_empty());
        separate(&mut case);
        let before = case.plan().aid();
        let lucky = which.index(case.others.len());
        credit(&mut case.others[lucky].purse, more, to_prior);
        prop_assert!(case.plan().aid() >= before);
    }

    #[test]
    fn more_money_for_the_one_that_pays_never_lowers_its_aid(
        mut case in willing(), more in 1..2_000_i64, to_prior in any::<bool>(),
    ) {
        case.patient_rules.chain = false;
        separate(&mut case);
        let before = case.plan();
        let paying = bindings(&before);
        if paying.is_empty() {
            return Ok(());
        }
        let (lucky, _) = (0..case.others.len())
            .zip(0_u128..)
            .find(|(_, number)| paying[0] == BindingId::from_uuid(Uuid::from_u128(*number)))
            .unwrap();
        credit(&mut case.others[lucky].purse, more, to_prior);
        prop_assert!(case.plan().aid() >= before.aid());
    }

    #[test]
    fn raising_every_limit_that_is_named_by_that_much_lifts_it_and_a_fen_less_does_not(case in willing()) {
        let mut case = alone(case);
        let line = first_line(&case);
        if !is_limit(line.reason) {
            return Ok(());
        }
        let raises: Vec<_> = line.remedies.iter().filter_map(|remedy| match remedy {
            Remedy::RaiseLimit { window, by } => Some((*window, *by)),
            _ => None,
        }).collect();
        let share = line.remedies.contains(&Remedy::RaiseShare);
        if raises.is_empty() && !share {
            return Ok(());
        }
        if share {
            case.others[0].limits.caps.share = None;
        }
        for (window, by) in &raises {
            raise(&mut case, *window, *by);
        }
        prop_assert!(!is_limit(first_line(&case).reason), "{:?}", first_line(&case));
        for (window, _) in &raises {
            let mut short = case.clone();
            raise(&mut short, *window, Fen::new(-1));
            let line = first_line(&short);
            prop_assert!(line.taken < line.asked);
        }
    }

    #[test]
    fn waiting_until_the_day_that_is_named_opens_the_limits_again(case in willing()) {
        let mut case = alone(case);
        let line = first_line(&case);
        if !is_limit(line.reason) {
            return Ok(());
        }
        let day = line.remedies.iter().find_map(|remedy| match remedy {
            Remedy::WaitUntil(day) => Some(*day),
            _ => None,
        });
        if day.is_none() {
            return Ok(());
        }
        let now = Windows::of(cases::today(), &case.others[0].rules);
        let limits = &mut case.others[0].limits;
        for used in [&mut limits.used, &mut limits.used_by_all] {
            for (window, tally) in [
                (Window::Day, &mut used.day),
                (Window::Month, &mut used.month),
                (Window::Year, &mut used.year),
            ] {
                if now.next(window) <= day {
                    *tally = Tally::default();
                }
            }
        }
        prop_assert!(!is_limit(first_line(&case).reason), "{:?}", first_line(&case));
    }

    #[test]
    fn crediting_what_is_missing_is_enough_and_a_fen_less_is_not(case in willing()) {
        let mut case = alone(case);
        let line = first_line(&case);
        let credits = line.remedies.iter().find_map(|remedy| match remedy {
            Remedy::Credit(by) => Some(by.get()),
            _ => None,
        });
        let (Some(by), true) = (credits, line.reason != Reason::FullCoverNeeded) else {
            return Ok(());
        };
        let money = [Reason::BalanceZero, Reason::BelowFloor, Reason::BelowStartingMinimum];
        // Prior-year money may pay everywhere.
        let mut short = case.clone();
        credit(&mut short.others[0].purse, by - 1, true);
        let line = first_line(&short);
        prop_assert!(line.taken < line.asked);
        credit(&mut case.others[0].purse, by, true);
        let line = first_line(&case);
        prop_assert!(!money.contains(&line.reason), "{line:?}");
    }
}

/// Each account behind one binding: two views of one account would disagree about its balance.
fn separate(case: &mut Case) {
    for (other, index) in case.others.iter_mut().zip(0..) {
        other.purse.account = AccountId::from_uuid(Uuid::from_u128(index));
    }
}

fn credit(purse: &mut Purse, more: i64, to_prior: bool) {
    let bucket = if to_prior {
        &mut purse.prior
    } else {
        &mut purse.current
    };
    *bucket = Fen::new(bucket.get() + more);
}

#[test]
fn where_one_pays_a_fen_for_another_contributor_can_cost_nearly_all_aid() {
    let mut case = cases::plain(500, &[0, 500]);
    case.patient_rules.chain = false;
    case.patient_rules.single_choice = SingleChoice::Rank;
    assert_eq!(case.plan().aid(), Fen::new(500));
    credit(&mut case.others[0].purse, 1, false);
    assert_eq!(case.plan().aid(), Fen::new(1));
}

#[test]
fn where_the_own_account_must_be_empty_one_fen_in_it_costs_all_aid() {
    let mut case = cases::plain(500, &[500]);
    case.patient_rules.own_zero = Some(OwnZero {
        when: ZeroWhen::BeforeBill,
        scope: ZeroScope::AllBuckets,
    });
    assert_eq!(case.plan().cash, Fen::ZERO);
    credit(&mut case.patient, 1, false);
    assert_eq!(case.plan().cash, Fen::new(499));
}
