//! Why a use case did not happen.
//!
//! There is one enum for all of them: every refusal of this service comes from the catalogue of reasons, so an enum per use
//! case would only repeat its codes. What is left is what can go wrong with storing and opening.

use chassis::db::Corrupt;
use chassis::inbox::Failure;
use chassis::telemetry::Chain;
use kernel::{Reason, Refusal};

use crate::keys::Unsealable;

/// Why a use case did not happen; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// By the rules: the caller is told.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// See the source's message.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key file does not belong to this database, or a row is damaged.
    #[error(transparent)]
    Unsealable(#[from] Unsealable),
}

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database did not do what it was asked")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

/// The refusal of one person among many whose row does not open. The others are served, and the log has why.
pub fn unopened(error: &Unsealable) -> Refusal {
    tracing::error!(error = %Chain(error), "a person is left out of an answer");
    Reason::Internal.into()
}

impl From<Reason> for BindingError {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.into())
    }
}

impl From<sqlx::Error> for BindingError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            StoreError::Corrupt(corrupt) => corrupt.into(),
        }
    }
}
