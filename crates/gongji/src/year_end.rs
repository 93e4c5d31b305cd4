//! `gongji year-end`: the turn of a medical year in one region.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use proto::settlement::v1::settlement_service_client::SettlementServiceClient;
use proto::settlement::v1::{
    BeginYearEndRequest, FinishYearEndRequest, RollOverAccountsRequest, YearEnd,
};

use crate::import::Operator;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Stop charges in the region. Clearing differences are imported next.
    Begin {
        #[command(flatten)]
        which: Which,
        /// What the money of earlier years earns, in basis points: 35 is 0.35 %.
        #[arg(long)]
        interest: u16,
    },
    /// Roll over every account and credit its interest, with progress. Stopped anywhere, it goes on where it was.
    Roll {
        #[command(flatten)]
        which: Which,
    },
    /// Let charges go on.
    Finish {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, Args)]
pub struct Which {
    /// A province, a city or a district: everything inside it.
    #[arg(long)]
    region: String,
    /// The year in which the medical year that ends began.
    #[arg(long)]
    year: u16,
    /// Where the settlement service is.
    #[arg(long, default_value = "http://127.0.0.1:7403")]
    settlement: String,
    #[command(flatten)]
    operator: Operator,
}

type Client = SettlementServiceClient<chassis::grpc::Peer>;

impl Which {
    fn client(&self) -> anyhow::Result<Client> {
        let peer = self.operator.peer(&self.settlement, "settlement")?;
        Ok(SettlementServiceClient::new(peer))
    }
}

pub async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Begin { which, interest } => {
            let request = BeginYearEndRequest {
                region: which.region.clone(),
                medical_year: which.year.into(),
                interest_basis_points: (*interest).into(),
            };
            let answer = which.client()?.begin_year_end(request).await?;
            let begun = answer.into_inner().year_end.unwrap_or_default();
            println!(
                "no account of {} is charged until this is finished; {} are to be rolled over",
                begun.region, begun.accounts
            );
        }
        Command::Roll { which } => roll(which).await?,
        Command::Finish { which } => {
            let request = FinishYearEndRequest {
                region: which.region.clone(),
                medical_year: which.year.into(),
            };
            let answer = which.client()?.finish_year_end(request).await?;
            let finished = answer.into_inner().year_end.unwrap_or_default();
            println!("{} is open again", finished.region);
        }
    }
    Ok(())
}

async fn roll(which: &Which) -> anyhow::Result<()> {
    let mut client = which.client()?;
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len} accounts ({eta} left)",
    )?);
    let last: YearEnd = loop {
        let request = RollOverAccountsRequest {
            region: which.region.clone(),
            medical_year: which.year.into(),
            most: 0,
        };
        let answer = client.roll_over_accounts(request).await;
        let answer = answer
            .context("the rollover stopped; call it again to go on where it was")?
            .into_inner();
        let Some(progress) = answer.year_end else {
            bail!("the service answered without a year end");
        };
        bar.set_length(u64::try_from(progress.accounts).unwrap_or_default());
        bar.set_position(u64::try_from(progress.rolled_over).unwrap_or_default());
        if answer.done {
            break progress;
        }
    };
    bar.finish_and_clear();
    println!("{} accounts are rolled over", last.rolled_over);
    Ok(())
}
