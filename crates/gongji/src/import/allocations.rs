//! Allocations: the file is streamed to settlement, every answer is counted, and what was refused goes into a report.
//!
//! Nothing is remembered here: a file that broke off is sent again from the start, and what is in is not posted again.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use proto::settlement::v1::settlement_service_client::SettlementServiceClient;
use proto::settlement::v1::{AllocationRow, ImportAllocationsRequest, ImportAllocationsResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use self::file::{named, table};
use super::Operator;
use crate::report::Refusals;
use crate::rows::{Lines, Read};

mod file;

/// As many rows as the service takes in one message.
const MESSAGE: usize = 500;
/// How many messages may be on their way.
const AHEAD: usize = 8;

#[derive(Debug, Args)]
pub struct Arguments {
    /// A .csv with a header of column names, or a .jsonl with one AllocationRow of gongji.settlement.v1 per line in proto3
    /// JSON. Columns: allocation_id, account_id, person_no, region, kind (MONTHLY, OPENING, PRE_ALLOCATION, ADJUSTMENT,
    /// CLEARING), bucket (CURRENT, PRIOR), amount, wage_base, city_average (in yuan), age, period (yyyy-MM).
    file: PathBuf,
    /// The name of the batch, for rows without an allocation id: such a row is known by batch and line, so a file that is
    /// mended and imported again keeps its name and its lines.
    #[arg(long)]
    batch: Option<String>,
    /// Where the refused rows go, with line and cause; `FILE.refused.csv` unless named.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where the settlement service is.
    #[arg(long, default_value = "http://127.0.0.1:7403")]
    settlement: String,
    #[command(flatten)]
    operator: Operator,
}

pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let peer = arguments
        .operator
        .peer(&arguments.settlement, "settlement")?;
    let mut settlement = SettlementServiceClient::new(peer);
    let mut lines = Lines::open(&arguments.file, table())?;
    let batch = arguments.batch.as_deref().unwrap_or_default();
    let bar = lines.bar()?;
    let mut tally = Tally {
        posted: 0,
        refusals: Refusals::new(arguments.report.as_deref(), &arguments.file),
    };

    let (messages, streamed) = mpsc::channel(AHEAD);
    let (sent, mut answered) = mpsc::channel(2 * AHEAD);
    let answers = settlement.import_allocations(ReceiverStream::new(streamed));
    // Lines are read only as fast as their rows are decided.
    let done = tokio::try_join!(
        async { send((&mut lines, batch), messages, sent).await },
        async {
            let mut answers = answers.await?.into_inner();
            while let Some(message) = answered.recv().await {
                let message: Message = message;
                tally.refuse_all(&message.unread)?;
                if !message.lines.is_empty() {
                    let answer = answers.message().await?;
                    tally.count(&message.lines, &answer.context("the service stopped")?)?;
                }
                bar.set_position(message.read);
                bar.set_message(format!(
                    "{} in, {} refused",
                    tally.posted,
                    tally.refusals.count()
                ));
            }
            anyhow::Ok(())
        }
    );
    bar.finish_and_clear();
    done.context("the import stopped; import the file again to go on, nothing is posted twice")?;
    tally.finish()
}

/// What was sent in one message.
struct Message {
    /// The line of each of its rows.
    lines: Vec<usize>,
    /// Lines before its end that are no rows, and why.
    unread: Vec<(usize, String)>,
    /// How many bytes of the file were read by then.
    read: u64,
}

/// Streams the file, message by message. Ends early when nobody listens any more: the listener says why.
async fn send(
    (lines, batch): (&mut Lines<AllocationRow>, &str),
    messages: mpsc::Sender<ImportAllocationsRequest>,
    sent: mpsc::Sender<Message>,
) -> anyhow::Result<()> {
    loop {
        let mut rows: Vec<AllocationRow> = Vec::with_capacity(MESSAGE);
        let mut message = Message {
            lines: Vec::with_capacity(MESSAGE),
            unread: Vec::new(),
            read: 0,
        };
        let mut at_end = true;
        while let Some(read) = lines.next()? {
            match read {
                Read::Row(line, row) => {
                    rows.push(named(batch, line, *row));
                    message.lines.push(line);
                }
                Read::Wrong(line, why) => message.unread.push((line, why)),
            }
            if rows.len() == MESSAGE || message.unread.len() == MESSAGE {
                at_end = false;
                break;
            }
        }
        message.read = lines.position();
        let has_rows = !rows.is_empty();
        if has_rows
            && messages
                .send(ImportAllocationsRequest { rows })
                .await
                .is_err()
        {
            return Ok(());
        }
        if sent.send(message).await.is_err() || at_end {
            return Ok(());
        }
    }
}

/// What became of the rows so far.
struct Tally {
    posted: i64,
    refusals: Refusals,
}

impl Tally {
    fn count(&mut self, lines: &[usize], answer: &ImportAllocationsResponse) -> anyhow::Result<()> {
        self.posted = self.posted.saturating_add(answer.posted);
        for refused in &answer.refused {
            let index = usize::try_from(refused.index).unwrap_or(usize::MAX);
            let line = lines.get(index).copied().unwrap_or_default();
            self.refusals.refuse(line, refused.reason.as_ref())?;
        }
        Ok(())
    }

    fn refuse_all(&mut self, unread: &[(usize, String)]) -> anyhow::Result<()> {
        for (line, why) in unread {
            self.refusals.unread(*line, why)?;
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        let refused = self.refusals.count();
        println!("{} rows are in, {refused} were refused", self.posted);
        let Some(path) = self.refusals.finish()? else {
            return Ok(());
        };
        bail!(
            "mend the rows that {} names, in their lines, and import the file again: the others are not posted twice",
            path.display()
        )
    }
}
