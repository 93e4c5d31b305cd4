//! `gongji events`: what is still to be published, and who has yet to confirm it.

use anyhow::bail;
use chassis::outbox::Status;
use clap::Subcommand;
use kernel::Timestamp;

use crate::service::Target;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// How many events wait, what the stream holds, and how far each follower is.
    Status {
        #[command(flatten)]
        target: Target,
    },
    /// Stop waiting for a follower that is gone for good: what it alone had not confirmed may be swept.
    Forget {
        #[command(flatten)]
        target: Target,
        /// The durable consumer, as `status` names it.
        durable: String,
    },
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Status { target } => {
            let status = chassis::outbox::status(&target.open().await?).await?;
            print(&status);
            Ok(())
        }
        Command::Forget { target, durable } => {
            if !chassis::outbox::forget_follower(&target.open().await?, &durable).await? {
                bail!("{durable} is no follower: `gongji events status` names them");
            }
            println!("{durable} is forgotten; if it comes back it is counted again");
            Ok(())
        }
    }
}

fn print(status: &Status) {
    let instant =
        |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    println!("to be published  {}", status.pending);
    println!("oldest of them   {}", instant(status.oldest));
    println!("published, kept  {}", status.kept);
    println!("last audited     {}", instant(status.audited_at));
    for follower in &status.followers {
        let floor = follower.floor.map_or_else(
            || "nothing yet".to_owned(),
            |floor| format!("up to {floor}"),
        );
        println!("{:<24} confirmed {floor}", follower.durable);
    }
}
