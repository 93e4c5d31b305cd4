//! `gongji notice completeness`: whether everybody was told of every change of their balance.

use anyhow::bail;
use comfy_table::Table;
use kernel::clock::shanghai;
use kernel::{Clock, Timestamp};
use notification::audit;
use notification::completeness::{Day, Untold};
use notification::store::completeness as store;

use super::Target;

/// How many accounts are named at most.
const NAMED: i64 = 20;

/// Prints what the comparisons of each day found, and the accounts of which something is not told.
pub(super) async fn report(target: &Target, days: i64) -> anyhow::Result<()> {
    let config = notification::Config::load(target.config.as_deref())?;
    let db = chassis::db::open(&config.database, &notification::MIGRATIONS).await?;
    let standing = audit::standing(&db, config.audit.grace, &Clock::system()).await?;
    match standing.compared_at {
        Some(at) => println!("the books were last compared at {}", moment(at)),
        None => println!("the books were never compared as a whole yet"),
    }
    let days = store::list_days(&db, None, days).await?;
    if !days.is_empty() {
        println!("{}", day_by_day(&days));
    }
    if standing.untold == 0 {
        println!("everybody was told of every change of their balance");
        return Ok(());
    }
    println!("{}", accounts(&store::list_untold(&db, None, NAMED).await?));
    bail!(
        "{} changes on {} accounts were not told in time; `gongji parked list notification` shows events that could not be read",
        standing.untold,
        standing.accounts
    )
}

fn day_by_day(days: &[Day]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "day",
        "comparisons",
        "accounts",
        "changes since the beginning",
        "not told",
        "at most",
        "last at",
    ]);
    for day in days {
        table.add_row([
            day.day.to_string(),
            day.rounds.to_string(),
            day.accounts.to_string(),
            day.changes.to_string(),
            day.untold.to_string(),
            day.most_untold.to_string(),
            moment(day.checked_at),
        ]);
    }
    table
}

fn accounts(untold: &[Untold]) -> Table {
    let mut table = Table::new();
    table.set_header(["account", "person", "changes not told", "which", "since"]);
    for one in untold {
        let ranges = one.missing.iter().map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first} to {last}")
            }
        });
        let which: Vec<String> = ranges.collect();
        table.add_row([
            one.account.to_string(),
            one.person.to_string(),
            one.changes.to_string(),
            which.join(", "),
            moment(one.since),
        ]);
    }
    table
}

fn moment(at: Timestamp) -> String {
    at.to_zoned(shanghai()).strftime("%F %T").to_string()
}
