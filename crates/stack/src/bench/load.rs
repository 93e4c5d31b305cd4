//! The callers: each sends its next bill when it has the answer to the last, over a connection it shares with a few others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chassis::grpc::{self, Peer, refusal_of};
use hdrhistogram::Histogram;
use kernel::Role;
use proto::settlement::v1::settlement_service_client::SettlementServiceClient;
use tokio::task::{JoinError, JoinSet};
use tonic::Status;

use super::bill::Town;
use super::{Bills, Hot, figures, seed};
use crate::callers::{Callers, CallersError};
use crate::layout::Layout;

/// How many callers share one HTTP/2 connection, as the counters of one institution do.
const CALLERS_PER_CONNECTION: u32 = 16;

/// Who is called.
const SERVICE: &str = "settlement";

/// Why a round counts for nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There are no callers.
    #[error(transparent)]
    Callers(#[from] CallersError),
    /// A bill was refused.
    #[error("bill {number} was refused: {why}")]
    Refused {
        /// Which.
        number: u32,
        /// The sentence of the refusal.
        why: String,
    },
    /// A call failed.
    #[error("bill {number} got no answer")]
    Call {
        /// Which.
        number: u32,
        /// Why.
        source: Box<Status>,
    },
    /// An answer came, and is wrong.
    #[error("bill {number} was answered wrongly: {what}")]
    Wrong {
        /// Which.
        number: u32,
        /// In what.
        what: String,
    },
    /// A caller panicked.
    #[error("a caller broke down")]
    Broken(#[from] JoinError),
}

/// The bills that are left, handed out one by one.
#[derive(Debug)]
struct Pile {
    town: Town,
    first: u32,
    next: AtomicU32,
    end: u32,
    /// When the first bill is due, and how many are due a second; none: whenever a caller is free.
    schedule: Option<(Instant, u32)>,
}

impl Pile {
    /// The next bill, and when its time begins; none if there is no more, or none due before `until`.
    async fn next(&self, until: Instant) -> Option<(u32, Instant)> {
        if Instant::now() >= until {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        if number >= self.end {
            return None;
        }
        let Some((first, rate)) = self.schedule else {
            return Some((number, Instant::now()));
        };
        let nth = number.saturating_sub(self.first);
        let due = first + Duration::from_secs(1).saturating_mul(nth) / rate;
        if due >= until {
            return None;
        }
        tokio::time::sleep_until(due.into()).await;
        Some((number, due))
    }
}

/// What the callers did.
#[derive(Debug)]
pub struct Done {
    /// From the first call to the last answer.
    pub elapsed: Duration,
    /// Microseconds from each call to its answer.
    pub latencies: Histogram<u64>,
    /// The first bill that nobody sent.
    pub next: u32,
    /// Whether there were too few bills.
    pub ran_dry: bool,
}

/// All callers of a run, with their connections.
pub struct Crowd {
    callers: Vec<Caller>,
    rate: Option<u32>,
}

#[derive(Clone)]
struct Caller {
    institution: String,
    client: SettlementServiceClient<Peer>,
}

impl Crowd {
    /// As many callers as are wanted, each with the token of its own institution or all with one, good for the whole run.
    pub fn of(layout: &Layout, tokens: &Callers, wanted: &Bills) -> Result<Self, LoadError> {
        let count = wanted.callers;
        let per_connection = usize::try_from(CALLERS_PER_CONNECTION).expect("16 fits");
        let mut callers = Vec::new();
        for first in (0..count).step_by(per_connection) {
            let signer = layout.signer().map_err(CallersError::from)?;
            let connection = grpc::peer(&layout.url(SERVICE), SERVICE, signer, "bench")
                .map_err(CallersError::from)?;
            for caller in first..count.min(first.saturating_add(CALLERS_PER_CONNECTION)) {
                let institution = seed::institution(match wanted.hot {
                    Some(Hot::Institution) => 0,
                    _ => caller,
                });
                let token = tokens.token(Role::Institution, &institution, SERVICE);
                let peer = connection.with_token(&token).map_err(CallersError::from)?;
                callers.push(Caller {
                    institution,
                    client: SettlementServiceClient::new(peer),
                });
            }
        }
        Ok(Self {
            callers,
            rate: wanted.rate,
        })
    }

    /// Settles the bills from `first` to `end` until `time` is over or no bill is left.
    pub async fn settle(
        &self,
        town: Town,
        (first, end): (u32, u32),
        time: Duration,
    ) -> Result<Done, LoadError> {
        let begin = Instant::now();
        let pile = Arc::new(Pile {
            town,
            first,
            next: AtomicU32::new(first),
            end,
            schedule: self.rate.map(|rate| (begin, rate)),
        });
        let until = begin + time;
        let mut working = JoinSet::new();
        for caller in &self.callers {
            working.spawn(caller.clone().work(Arc::clone(&pile), until));
        }
        let mut latencies = figures::empty();
        while let Some(one) = working.join_next().await {
            latencies
                .add(one??)
                .expect("all histograms have the same bounds");
        }
        let next = pile.next.load(Ordering::SeqCst).min(end);
        Ok(Done {
            elapsed: begin.elapsed(),
            latencies,
            next,
            ran_dry: next == end,
        })
    }
}

impl Caller {
    async fn work(mut self, pile: Arc<Pile>, until: Instant) -> Result<Histogram<u64>, LoadError> {
        let mut latencies = figures::empty();
        while let Some((number, asked)) = pile.next(until).await {
            let bill = pile.town.bill(number);
            let request = bill.request(&self.institution);
            let answer = self
                .client
                .settle(request)
                .await
                .map_err(|status| failed(number, status))?;
            let took = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
            latencies.saturating_record(took.max(1));
            if let Some(what) = bill.wrong(answer.get_ref()) {
                return Err(LoadError::Wrong { number, what });
            }
        }
        Ok(latencies)
    }
}

fn failed(number: u32, status: Status) -> LoadError {
    match refusal_of(&status) {
        Some(refused) => LoadError::Refused {
            number,
            why: refused.en,
        },
        None => LoadError::Call {
            number,
            source: Box::new(status),
        },
    }
}
