//! Posts what was announced: claims messages that are due, attempts each once, and writes down what came of it.
//!
//! All that is to be done is in the table, so a process that is killed loses nothing: its claims lapse, and another one makes
//! the attempt again, under the same message id. An attempt holds no transaction; only the claim's lease can finish it. Each
//! endpoint has few attempts under way, and one that failed last a single one, so that those that hang leave room for others.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use chassis::health::Progress;
use chassis::tasks::{BoxError, Stop};
use futures::stream::{FuturesUnordered, StreamExt as _};
use jiff::SignedDuration;
use kernel::clock::shifted;
use kernel::{Clock, EndpointId};
use sqlx::PgPool;
use tracing::{info, warn};
use uuid::Uuid;

use crate::store::deliveries::{self, Claim, Claimed, Failure};
use crate::store::endpoints;
use crate::webhook::guard::Target;
use crate::webhook::post::{Failed, Letter, Outcome, Post, Reason};
use crate::webhook::schedule;
use crate::webhook::sign::{Attempt, MasterKey};

/// How many attempts are under way at once.
const ALL: usize = 512;
/// How many of them for one endpoint.
const EACH: i64 = 8;
/// How much longer than an attempt a claim lasts.
const SLACK: SignedDuration = SignedDuration::from_secs(30);
/// How long attempts that are under way are waited for at the end.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How often the backlog is counted.
const COUNTED: Duration = Duration::from_secs(15);

/// Posts messages.
#[derive(Clone)]
pub struct Courier {
    /// Where they are.
    pub db: PgPool,
    /// Signs them.
    pub key: MasterKey,
    /// Sends them.
    pub post: Post,
    /// The receivers inside the house that the settings name.
    pub allowed: Vec<String>,
    /// The longest that an attempt takes.
    pub timeout: SignedDuration,
    /// The clock of the schedule. Signatures carry the machine's time: receivers compare it with theirs.
    pub clock: Clock,
}

impl Courier {
    /// Posts messages until `stop` is requested; looks for new ones at least every `poll`.
    pub async fn run(self, poll: Duration, progress: Progress, stop: Stop) -> Result<(), BoxError> {
        let mut under_way = FuturesUnordered::new();
        let mut busy: BTreeMap<EndpointId, usize> = BTreeMap::new();
        let mut counted: Option<Instant> = None;
        while !stop.is_requested() {
            match self.claim(&busy, ALL.saturating_sub(under_way.len())).await {
                Ok(claimed) => {
                    for one in claimed {
                        *busy.entry(one.endpoint.id).or_default() += 1;
                        under_way.push(self.attempt(one));
                    }
                    progress.made();
                }
                Err(error) => tell(&error, "could not look for messages; trying again"),
            }
            if counted.is_none_or(|at| at.elapsed() >= COUNTED) {
                counted = Some(Instant::now());
                self.count().await;
            }
            tokio::select! {
                () = stop.requested() => {}
                Some(endpoint) = under_way.next(), if !under_way.is_empty() => done(&mut busy, endpoint),
                () = tokio::time::sleep(poll) => {}
            }
        }
        // Whatever is not over by then is attempted again when its claim lapses.
        let rest = async { while under_way.next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_WORDS, rest).await;
        Ok(())
    }

    /// Attempts everything that is due now, once.
    pub async fn round(&self) -> Result<usize, sqlx::Error> {
        let claimed = self.claim(&BTreeMap::new(), ALL).await?;
        let attempts = claimed.len();
        let mut under_way: FuturesUnordered<_> =
            claimed.into_iter().map(|one| self.attempt(one)).collect();
        while under_way.next().await.is_some() {}
        Ok(attempts)
    }

    /// What is due and not for an endpoint that is busy.
    async fn claim(
        &self,
        busy: &BTreeMap<EndpointId, usize>,
        room: usize,
    ) -> Result<Vec<Claimed>, sqlx::Error> {
        let now = self.clock.now();
        let busy: Vec<Uuid> = busy.keys().map(|endpoint| endpoint.uuid()).collect();
        let lasts = self.timeout.checked_add(SLACK).unwrap_or(SLACK);
        let claim = Claim {
            lease: Uuid::from_bytes(random()),
            busy: &busy,
            each: EACH,
            all: i64::try_from(room).unwrap_or(i64::MAX),
            until: shifted(now, lasts),
        };
        deliveries::claim(&self.db, claim, now).await
    }

    async fn attempt(&self, claimed: Claimed) -> EndpointId {
        let outcome = self.send(&claimed).await;
        let word = match &outcome {
            Outcome::Taken => "TAKEN",
            Outcome::Gone => "GONE",
            Outcome::Failed(failed) => failed.reason.code(),
        };
        metrics::counter!("gongji_webhook_attempts_total", "outcome" => word).increment(1);
        match self.record(&claimed, &outcome).await {
            Ok(true) => {}
            Ok(false) => {
                info!(endpoint = %claimed.endpoint.id, "the claim had lapsed; another one attempts it too");
            }
            Err(error) => tell(
                &error,
                "could not write down an attempt; it will be made again",
            ),
        }
        claimed.endpoint.id
    }

    async fn send(&self, claimed: &Claimed) -> Outcome {
        let target = match Target::read(&claimed.endpoint.url, &self.allowed) {
            Ok(target) => target,
            Err(unfit) => {
                return Outcome::Failed(Failed::new(Reason::AddressRefused, unfit.to_string()));
            }
        };
        let body = match claimed.announced.body() {
            Ok(body) => body,
            Err(bytes) => {
                let detail = format!("{bytes} bytes");
                return Outcome::Failed(Failed::new(Reason::MessageTooLarge, detail));
            }
        };
        let message = claimed.announced.notice.to_string();
        let at = Clock::system().now();
        let attempt = Attempt {
            message: &message,
            at,
            body: &body,
        };
        let signatures = self
            .key
            .signatures(&claimed.endpoint, attempt, self.clock.now());
        let letter = Letter {
            message,
            at,
            signatures,
            body,
        };
        self.post.send(&target, letter).await
    }

    /// Writes down what came of an attempt. `false`: the claim had lapsed, and nothing was written.
    async fn record(&self, claimed: &Claimed, outcome: &Outcome) -> Result<bool, sqlx::Error> {
        let now = self.clock.now();
        let endpoint = claimed.endpoint.id;
        let mut tx = chassis::db::begin(&self.db).await?;
        let held = match outcome {
            Outcome::Taken => {
                let held = deliveries::taken(&mut tx, claimed).await?;
                deliveries::fares(&mut tx, endpoint, true, None).await?;
                held
            }
            Outcome::Gone => {
                let gone = Failed::new(Reason::Status, "HTTP 410");
                let held =
                    deliveries::failed(&mut tx, claimed, self.failure(claimed, &gone), now).await?;
                endpoints::disable(&mut tx, endpoint, "GONE", now).await?;
                held
            }
            Outcome::Failed(failed) => {
                let held = deliveries::failed(&mut tx, claimed, self.failure(claimed, failed), now)
                    .await?;
                let rests = failed.throttled.then(|| schedule::rest(failed.asked, now));
                deliveries::fares(&mut tx, endpoint, false, rests).await?;
                held
            }
        };
        if held {
            tx.commit().await?;
        }
        Ok(held)
    }

    fn failure<'a>(&self, claimed: &Claimed, failed: &'a Failed) -> Failure<'a> {
        let attempts = claimed.attempts.saturating_add(1);
        let chance = u16::from_le_bytes(random());
        // A message that is too large will not shrink.
        let next = match failed.reason {
            Reason::MessageTooLarge => None,
            _ => schedule::next(attempts, failed.asked, chance, self.clock.now()),
        };
        Failure {
            reason: failed.reason.code(),
            detail: &failed.detail,
            next,
        }
    }

    async fn count(&self) {
        match deliveries::backlog(&self.db).await {
            Ok((waiting, dead, oldest)) => {
                let age = oldest.map_or(SignedDuration::ZERO, |due| {
                    self.clock
                        .now()
                        .duration_since(due)
                        .max(SignedDuration::ZERO)
                });
                for (name, count) in [
                    ("gongji_webhook_messages_waiting", waiting),
                    ("gongji_webhook_messages_dead", dead),
                    ("gongji_webhook_overdue_seconds", age.as_secs()),
                ] {
                    let count = u32::try_from(count).unwrap_or(u32::MAX);
                    metrics::gauge!(name).set(f64::from(count));
                }
            }
            Err(error) => tell(&error, "could not count the messages that wait"),
        }
    }
}

/// One attempt for this endpoint is over.
fn done(busy: &mut BTreeMap<EndpointId, usize>, endpoint: EndpointId) {
    if let Some(attempts) = busy.get_mut(&endpoint) {
        *attempts = attempts.saturating_sub(1);
        if *attempts == 0 {
            busy.remove(&endpoint);
        }
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has chance");
    bytes
}

fn tell(error: &sqlx::Error, what: &str) {
    let error: &dyn Error = error;
    warn!(error, "{what}");
}
