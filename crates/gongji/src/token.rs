//! `gongji token`: a token for a caller.

use std::path::PathBuf;

use anyhow::bail;
use chassis::access::{Claims, Signer};
use clap::Args;
use jiff::SignedDuration;
use kernel::{Clock, PersonId, Role};

#[derive(Debug, Args)]
pub struct Arguments {
    /// citizen, institution, operator, service or monitoring.
    #[arg(long)]
    role: String,
    /// Who: a person id (psn_…), an institution's code, an operator's number, a service's name.
    #[arg(long)]
    subject: String,
    /// For whom the token is: the gateway, or the service that is called directly.
    #[arg(long, default_value = "gateway")]
    audience: String,
    /// How long it is good, in minutes.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=525_600))]
    minutes: u32,
    /// The Ed25519 key that signs it (PKCS #8, PEM), as `gongji keys` makes it.
    #[arg(long, value_name = "FILE", default_value = "gongji.pem")]
    key: PathBuf,
    /// The issuer that services expect.
    #[arg(long, default_value = "gongji")]
    issuer: String,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Some(role) = Role::from_code(&arguments.role.to_uppercase()) else {
        bail!(
            "{:?} is no role: choose citizen, institution, operator, service or monitoring",
            arguments.role
        );
    };
    if role == Role::Citizen && arguments.subject.parse::<PersonId>().is_err() {
        bail!(
            "the subject of a citizen is a person id (psn_…), as an import or GET /api/v1/people returns it"
        );
    }
    let claims = Claims {
        role,
        subject: arguments.subject.clone(),
        audience: arguments.audience.clone(),
        about: None,
    };
    let signer = Signer::from_pem_file(&arguments.key, &arguments.issuer)?;
    let ttl = SignedDuration::from_mins(arguments.minutes.into());
    println!("{}", signer.token(&claims, ttl, Clock::system().now()));
    Ok(())
}

/// A short token of an operator, for the commands that call a service themselves.
pub fn operator(signer: &Signer, operator: &str, audience: &str) -> String {
    let claims = Claims {
        role: Role::Operator,
        subject: operator.to_owned(),
        audience: audience.to_owned(),
        about: None,
    };
    signer.token(
        &claims,
        SignedDuration::from_hours(12),
        Clock::system().now(),
    )
}
