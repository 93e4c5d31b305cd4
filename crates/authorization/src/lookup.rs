//! Reads tokens for many callers with one query.
//!
//! Every bill begins with a resolve, so reads come by the hundred at once. One task answers them: it takes what is
//! waiting, up to a cap, asks the database once, and then takes what has come meanwhile. It never waits for more while
//! the database is idle, so a single caller is as fast as with a query of their own.
//!
//! The queue is bounded. Full means `OVERLOADED` at once, never an unbounded wait.

use std::collections::HashMap;
use std::sync::Arc;

use chassis::tasks::{BoxError, Stop};
use kernel::{Reason, Refusal};
use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot};

use crate::config;
use crate::credential::{Credential, Fingerprint};
use crate::store::{self, StoreError};

/// Asks the task that reads.
#[derive(Clone)]
pub struct Lookup(mpsc::Sender<Ask>);

/// The task that reads, and answers all who ask.
pub struct Reader {
    db: PgPool,
    asks: mpsc::Receiver<Ask>,
    batch: usize,
}

struct Ask {
    fingerprint: Fingerprint,
    answer: oneshot::Sender<Answer>,
}

/// One failure is the answer to everyone in its batch.
type Answer = Result<Option<Credential>, Arc<StoreError>>;

/// Why a token could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// Too many are waiting.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The read failed.
    #[error("the tokens could not be read")]
    Read(#[source] Arc<StoreError>),
    /// The service is stopping.
    #[error("the task that reads tokens has stopped")]
    Stopped,
}

/// The two ends of the queue.
pub fn lookup(db: PgPool, config: &config::Lookup) -> (Lookup, Reader) {
    let (sender, asks) = mpsc::channel(config.queue);
    (
        Lookup(sender),
        Reader {
            db,
            asks,
            batch: config.batch,
        },
    )
}

impl Lookup {
    /// The credential with this fingerprint, expired or not.
    ///
    /// # Errors
    /// `OVERLOADED` if the queue is full.
    pub async fn find(&self, fingerprint: Fingerprint) -> Result<Option<Credential>, LookupError> {
        let (answer, answered) = oneshot::channel();
        match self.0.try_send(Ask {
            fingerprint,
            answer,
        }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(Refusal::from(Reason::Overloaded).into());
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(LookupError::Stopped),
        }
        match answered.await {
            Ok(found) => found.map_err(LookupError::Read),
            Err(oneshot::error::RecvError { .. }) => Err(LookupError::Stopped),
        }
    }
}

impl Reader {
    /// Answers until `stop` is requested or nobody can ask any more.
    pub async fn run(mut self, stop: Stop) -> Result<(), BoxError> {
        let mut asks = Vec::with_capacity(self.batch);
        loop {
            let taken = tokio::select! {
                taken = self.asks.recv_many(&mut asks, self.batch) => taken,
                () = stop.requested() => return Ok(()),
            };
            if taken == 0 {
                return Ok(());
            }
            self.answer(&mut asks).await;
        }
    }

    async fn answer(&self, asks: &mut Vec<Ask>) {
        let fingerprints: Vec<_> = asks.iter().map(|ask| ask.fingerprint).collect();
        match self.read(&fingerprints).await {
            Ok(found) => {
                for ask in asks.drain(..) {
                    // Whoever gave up waiting needs no answer.
                    let _ = ask.answer.send(Ok(found.get(&ask.fingerprint).cloned()));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for ask in asks.drain(..) {
                    let _ = ask.answer.send(Err(Arc::clone(&error)));
                }
            }
        }
    }

    async fn read(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<HashMap<Fingerprint, Credential>, StoreError> {
        let mut conn = self.db.acquire().await?;
        let found = store::find_credentials(&mut conn, fingerprints).await?;
        Ok(found.into_iter().map(|it| (it.fingerprint, it)).collect())
    }
}
