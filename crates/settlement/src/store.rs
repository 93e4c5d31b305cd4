//! All SQL of this service. Every statement carries its name, so that `pg_stat_statements` reads like the source.
//!
//! Statements of a batch take arrays and unnest them: their number does not depend on the number of commands. Where such an
//! array updates rows, the keys are also compared with `= ANY`, so that the rows are found by key whatever join is planned.

#![expect(
    clippy::as_conversions,
    reason = "`as` in a query tells sqlx that elements of an array may be null; nothing is converted"
)]

use chassis::db::Corrupt;
use chassis::inbox::Failure;
use kernel::BindingId;
use policy::plan::Payer;

pub mod account;
pub mod allocation;
pub mod aside;
pub mod benefit;
pub mod books;
pub mod catalogue;
pub mod correction;
pub mod deferral;
pub mod enforced;
pub mod fence;
pub mod hold;
pub mod institution;
pub mod key;
pub mod lane;
pub mod limit;
pub mod mark;
pub mod movement;
pub mod outcome;
pub mod premium;
pub mod quote;
pub mod reconciliation;
pub mod refund;
pub mod replacement;
pub mod settlement;
pub mod statement;
pub mod task;
pub mod versions;
pub mod year_end;

/// Why a statement did not give what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("a statement failed")]
    Database(#[from] sqlx::Error),
    #[error("a stored row cannot be read")]
    Corrupt(#[from] Corrupt),
    /// Rows that the locks guarantee were not there.
    #[error("{statement} touched {touched} rows instead of {expected}")]
    Rows {
        statement: &'static str,
        touched: u64,
        expected: usize,
    },
}

impl StoreError {
    /// Whether the same statement may well succeed later: the database is away, busy or in somebody's way, and the statement was
    /// stopped while it waited.
    pub fn may_pass(&self) -> bool {
        let Self::Database(error) = self else {
            return false;
        };
        match error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
            sqlx::Error::Database(said) => {
                let code = said.code().unwrap_or_default();
                // A lock or a statement took too long, transactions collided, a standby.
                let stopped = ["55P03", "57014", "40001", "40P01", "25006"].contains(&&*code);
                // 08 connection, 53 out of resources, 57P shutting down or starting up.
                stopped
                    || ["08", "53", "57P"]
                        .iter()
                        .any(|class| code.starts_with(class))
            }
            _ => false,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(corrupt) => corrupt.into(),
            StoreError::Database(error) => error.into(),
            rows @ StoreError::Rows { .. } => Self::retry(rows),
        }
    }
}

/// One column of many rows, to be unnested.
fn column<R, T>(rows: &[R], value: impl FnMut(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Asserts how many rows a statement touched.
fn touched(statement: &'static str, touched: u64, expected: usize) -> Result<(), StoreError> {
    if u64::try_from(expected) == Ok(touched) {
        return Ok(());
    }
    Err(StoreError::Rows {
        statement,
        touched,
        expected,
    })
}

/// Who pays a leg: under a binding and a version of its mandate, or out of the own account; none if only one of the two is there.
fn payer(binding: Option<uuid::Uuid>, mandate: Option<i64>) -> Option<Payer> {
    match (binding, mandate) {
        (Some(binding), Some(mandate)) => Some(Payer::Aid {
            binding: BindingId::from_uuid(binding),
            mandate,
        }),
        (None, None) => Some(Payer::Own),
        _ => None,
    }
}

/// Reads a word of a column, or says which row cannot be read.
fn word<T>(
    table: &'static str,
    column: &'static str,
    id: impl std::fmt::Display,
    value: Option<T>,
) -> Result<T, Corrupt> {
    value.ok_or_else(|| Corrupt::new(table, column, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_without_a_mandate_is_nobodys_money() {
        let binding = BindingId::generate();
        assert_eq!(payer(None, None), Some(Payer::Own));
        let aid = Payer::Aid {
            binding,
            mandate: 2,
        };
        assert_eq!(payer(Some(binding.uuid()), Some(2)), Some(aid));
        assert_eq!(payer(Some(binding.uuid()), None), None);
        assert_eq!(payer(None, Some(2)), None);
    }
}
