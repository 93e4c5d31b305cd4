//! `gongji parked`: events that a service could not make sense of.

use anyhow::bail;
use clap::Subcommand;
use comfy_table::Table;
use kernel::{Clock, EventId};

use crate::service::Target;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List them, oldest first, with the reason and the chain of causes.
    List {
        #[command(flatten)]
        target: Target,
        /// How many at most.
        #[arg(long, default_value_t = 100)]
        limit: i64,
    },
    /// Have one, or all of a consumer, handled again: after the cause was mended.
    Replay {
        #[command(flatten)]
        target: Target,
        /// The consumer, as the list names it.
        #[arg(long)]
        consumer: String,
        /// One event; without it all of the consumer.
        #[arg(long)]
        event: Option<EventId>,
    },
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::List { target, limit } => list(&target, limit).await,
        Command::Replay {
            target,
            consumer,
            event,
        } => replay(&target, &consumer, event).await,
    }
}

async fn list(target: &Target, limit: i64) -> anyhow::Result<()> {
    let db = target.open().await?;
    let parked = chassis::parked::list(&db, limit).await?;
    if parked.is_empty() {
        println!("nothing is parked");
        return Ok(());
    }
    let mut table = Table::new();
    table.set_header([
        "parked at",
        "consumer",
        "event",
        "subject",
        "reason",
        "because",
    ]);
    for row in parked {
        let because = row.error_chain.join(": ");
        table.add_row([
            row.parked_at.to_string(),
            row.consumer,
            row.delivery.event_id.to_string(),
            row.delivery.subject,
            row.reason.word().to_owned(),
            because,
        ]);
    }
    println!("{table}");
    Ok(())
}

async fn replay(target: &Target, consumer: &str, event: Option<EventId>) -> anyhow::Result<()> {
    let db = target.open().await?;
    let now = Clock::system().now();
    let Some(event) = event else {
        let replayed = chassis::parked::replay_all(&db, consumer, now).await?;
        println!("{replayed} events will be handled again");
        return Ok(());
    };
    if !chassis::parked::replay(&db, consumer, event, now).await? {
        bail!("{consumer} has not parked {event}: `gongji parked list` shows what it has");
    }
    println!("{event} will be handled again");
    Ok(())
}
