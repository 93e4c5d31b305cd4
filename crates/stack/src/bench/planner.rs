//! `bench plan`: how many bills a second the planner splits, on one thread.
//!
//! The planner runs while accounts are locked, so what it takes is time in which nobody else is served. The neighbour is
//! the same as everywhere; the ratio says how small the planner's part of a charge is.

use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use kernel::clock::business_day;
use kernel::{AccountId, BindingId, Clock, Fen, Region, Scheme, Standing, Timestamp, Usage};
use policy::plan::{Burden, Candidate, Limits, Patient, Permission, PlanInput, Purse, Wishes};
use policy::{Packs, Rules, Usages, plan};
use serde_json::{Value, json};
use servers::{Binaries, DataHome, Progress, Servers};

use super::figures::{Spread, rounded};
use super::pgbench::{self, Pgbench};
use super::{BenchError, Plan, run};
use crate::whole::StackError;

/// How many rounds there are of each.
const PAIRS: usize = 3;
/// How many plans are made between two looks at the clock.
const STRIDE: u32 = 1_000;
/// A region whose contributors pay one after the other, by rank.
const REGION: &str = "610100";

/// Measures, and prints what came out.
pub async fn measure(wanted: Plan) -> Result<Value, BenchError> {
    let data = run::place(wanted.data.as_deref());
    run::empty(&data)?;
    let progress = Progress::to_stderr();
    let outcome = beside_pgbench(&wanted, &data, progress).await;
    run::empty(&data)?;
    let (plans, tps) = outcome?;
    let ratio = Spread::of(
        plans
            .iter()
            .zip(&tps)
            .map(|(plans, tps)| ratio(*plans, *tps)),
    )
    .expect("there is a pair");
    let plans = Spread::of(plans).expect("there is a pair");
    let tps = Spread::of(tps).expect("there is a pair");
    println!(
        "\nplan: {:.0} plans/s on one thread ({:.0} to {:.0}), {} contributors each; pgbench {:.0} tps beside it, ratio {:.0}",
        plans.median, plans.least, plans.most, wanted.contributors, tps.median, ratio.median
    );
    let json = json!({
        "bench": "plan",
        "plans_per_s": rounded(plans.median, 0),
        "pgbench_tps": rounded(tps.median, 1),
        "ratio": rounded(ratio.median, 1),
        "ratio_least": rounded(ratio.least, 1),
        "ratio_most": rounded(ratio.most, 1),
        "contributors": wanted.contributors,
        "seconds": wanted.seconds,
        "optimised": !cfg!(debug_assertions),
    });
    if wanted.json {
        println!("{json}");
    }
    Ok(json)
}

#[expect(clippy::float_arithmetic, reason = "a ratio of two measurements")]
fn ratio(plans: f64, tps: f64) -> f64 {
    plans / tps
}

/// Plans a second and transactions a second, pair by pair.
async fn beside_pgbench(
    wanted: &Plan,
    data: &std::path::Path,
    progress: Progress,
) -> Result<(Vec<f64>, Vec<f64>), BenchError> {
    let home = DataHome::open(data).map_err(StackError::from)?;
    let binaries = Binaries::find(progress).map_err(StackError::from)?;
    let servers = Servers::start(&binaries, home.path())
        .await
        .map_err(StackError::from)?;
    let outcome = pairs(wanted, &servers, progress).await;
    servers.stop().await.map_err(StackError::from)?;
    outcome
}

async fn pairs(
    wanted: &Plan,
    servers: &Servers,
    progress: Progress,
) -> Result<(Vec<f64>, Vec<f64>), BenchError> {
    let neighbour = Pgbench::of(&servers.postgres)?;
    let step = progress.step("Filling the tables of pgbench");
    servers.postgres.create_database(pgbench::DATABASE).await?;
    neighbour.fill().await?;
    step.done("done");
    let (mut plans, mut tps) = (Vec::new(), Vec::new());
    for at in 1..=PAIRS {
        let step = progress.step(format!("Round {at} of {PAIRS}: planning"));
        let bills = wanted.contributors;
        let time = Duration::from_secs(wanted.seconds.into());
        // On a thread of its own: the planner never waits.
        let rate = tokio::task::spawn_blocking(move || plans_per_s(bills, time)).await;
        let rate = rate.map_err(|error| BenchError::Plan(error.to_string()))??;
        step.done(&format!("{rate:.0} plans/s"));
        let step = progress.step(format!("Round {at} of {PAIRS}: pgbench"));
        let beside = neighbour.measure(wanted.seconds).await?;
        step.done(&format!("{beside:.0} tps"));
        plans.push(rate);
        tps.push(beside);
    }
    Ok((plans, tps))
}

/// Splits one bill after the other for so long.
#[expect(clippy::float_arithmetic, reason = "a rate is a quotient")]
fn plans_per_s(contributors: u32, time: Duration) -> Result<f64, BenchError> {
    let refused = |error: &dyn std::fmt::Display| BenchError::Plan(error.to_string());
    let packs = Packs::shipped();
    let at = Clock::system().now();
    let region: Region = REGION.parse().map_err(|error| refused(&error))?;
    let rules = packs
        .rules(region, business_day(at))
        .map_err(|error| refused(&error))?;
    let candidates: Vec<Candidate<'_>> = (0..contributors)
        .map(|nth| candidate(rules, region, nth, at))
        .collect();
    let begun = Instant::now();
    let mut made = 0_u32;
    while begun.elapsed() < time {
        for nth in 0..STRIDE {
            let bill = bill(i64::from(nth), rules, region, (&candidates, at));
            let plan = plan(black_box(&bill)).map_err(|error| refused(&error))?;
            black_box(plan);
        }
        made = made.saturating_add(STRIDE);
    }
    Ok(f64::from(made) / begun.elapsed().as_secs_f64())
}

/// A bill that takes all of the patient's money and some of every contributor's.
fn bill<'a>(
    nth: i64,
    rules: &'a Rules,
    region: Region,
    (candidates, at): (&'a [Candidate<'a>], Timestamp),
) -> PlanInput<'a> {
    PlanInput {
        burden: Burden {
            own_expense: Fen::new(2_000 + nth),
            ..Burden::default()
        },
        usage: Usage::PharmacyDrug,
        at,
        wishes: Wishes::default(),
        patient: Patient {
            purse: purse(region, 900),
            scheme: Scheme::Employee,
            standing: Standing::Normal,
            rules,
        },
        candidates,
    }
}

fn candidate(rules: &Rules, region: Region, nth: u32, at: Timestamp) -> Candidate<'_> {
    let bound = at
        .checked_sub(SignedDuration::from_hours(24))
        .unwrap_or(Timestamp::MIN);
    Candidate {
        binding: BindingId::generate(),
        purse: purse(region, 500),
        standing: Standing::Normal,
        permission: Permission::InForce,
        bound_at: bound,
        effective_from: bound,
        valid_until: None,
        mandate: 1,
        rank: i32::try_from(nth).unwrap_or(i32::MAX),
        limits: Limits::default(),
        usage: Usages::allowed_anywhere(),
        rules,
    }
}

fn purse(region: Region, fen: i64) -> Purse {
    Purse {
        account: AccountId::generate(),
        region,
        current: Fen::new(fen),
        prior: Fen::ZERO,
        barred: None,
    }
}
