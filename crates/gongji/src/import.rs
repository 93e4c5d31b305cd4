//! `gongji import`: people and their enrolments, allocations to their accounts, and the fee catalogue.

mod allocations;
mod catalogue;
mod people;

use std::path::PathBuf;

use chassis::access::Signer;
use chassis::grpc::Peer;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// People and their enrolments, from JSON Lines. Importing a file again changes nothing.
    People(people::Arguments),
    /// Allocations, from CSV or JSON Lines. Importing a file again posts nothing twice.
    Allocations(allocations::Arguments),
    Catalogue(catalogue::Arguments),
}

/// In whose name something is asked of a service.
#[derive(Debug, Args)]
pub struct Operator {
    /// The operator in whose name it is done.
    #[arg(long = "operator", value_name = "NUMBER")]
    number: String,
    /// The key that signs the operator's token.
    #[arg(long, value_name = "FILE", default_value = "gongji.pem")]
    key: PathBuf,
    /// The issuer that the service expects.
    #[arg(long, default_value = "gongji")]
    issuer: String,
}

impl Operator {
    /// The service `name` at `url`, called by this operator.
    pub fn peer(&self, url: &str, name: &'static str) -> anyhow::Result<Peer> {
        let signer = Signer::from_pem_file(&self.key, &self.issuer)?;
        let token = crate::token::operator(&signer, &self.number, name);
        let peer = chassis::grpc::peer(url, name, signer, "gongji")?;
        Ok(peer.with_token(&token)?)
    }
}

pub async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::People(arguments) => people::run(arguments).await,
        Command::Allocations(arguments) => allocations::run(arguments).await,
        Command::Catalogue(arguments) => catalogue::run(arguments).await,
    }
}
