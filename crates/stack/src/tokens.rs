//! `cargo stack token`: a token for the stack of `cargo stack up`.

use std::path::Path;

use chassis::access::{Claims, KeyError, Signer};
use clap::Args;
use jiff::SignedDuration;
use kernel::{Clock, PersonId, Role};
use servers::{DataError, DataHome};

use crate::layout::ISSUER;

/// For whom.
#[derive(Debug, Args)]
pub struct Wanted {
    /// citizen, institution, operator, service or monitoring.
    #[arg(long)]
    role: String,
    /// A person id (psn_…), an institution's code, an operator's number or a service's name.
    #[arg(long)]
    subject: String,
    /// Who is called with it: the gateway, or a service over gRPC.
    #[arg(long, default_value = "gateway")]
    audience: String,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The role does not exist.
    #[error("{0:?} is no role: choose citizen, institution, operator, service or monitoring")]
    Role(String),
    /// A citizen is not named by a person id.
    #[error(
        "the subject of a citizen is a person id (psn_…): GET /api/v1/people or an import returns it"
    )]
    Subject,
    /// The data cannot be reached.
    #[error(transparent)]
    Data(#[from] DataError),
    /// There is no key yet.
    #[error("the stack has no key yet: run `cargo stack up` once")]
    Key(#[from] KeyError),
}

/// Prints a token that is good for a day.
pub fn print(data: &Path, wanted: &Wanted) -> Result<(), TokenError> {
    let unknown = || TokenError::Role(wanted.role.clone());
    let role = Role::from_code(&wanted.role.to_uppercase()).ok_or_else(unknown)?;
    if role == Role::Citizen && wanted.subject.parse::<PersonId>().is_err() {
        return Err(TokenError::Subject);
    }
    let home = DataHome::open(data)?;
    let signer = Signer::from_pem_file(&home.path().join("gongji/gongji.pem"), ISSUER)?;
    let (subject, audience) = (wanted.subject.clone(), wanted.audience.clone());
    let claims = Claims {
        role,
        subject,
        audience,
        about: None,
    };
    println!(
        "{}",
        signer.token(
            &claims,
            SignedDuration::from_hours(24),
            Clock::system().now()
        )
    );
    Ok(())
}
