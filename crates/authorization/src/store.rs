//! All SQL of the service. Everything takes the connection of a transaction that somebody else begins and commits.

mod credential;
mod mandate;

pub use credential::{
    delete_expired, end_shown_link, find_credentials, insert_credential, lock_shown_link,
};
pub use mandate::{find, insert_new, insert_versions, list, lock, lock_one, update};

use chassis::db::Corrupt;
use chassis::inbox::Failure;

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused, or did not answer.
    #[error("the database did not do what was asked")]
    Database(#[from] sqlx::Error),
    /// A row is not what this service writes.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

/// A database that fails is asked again; a row that cannot be read never will be.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(error) => error.into(),
            StoreError::Corrupt(error) => error.into(),
        }
    }
}
