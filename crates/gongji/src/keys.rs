//! `gongji keys`: the keys of a new installation.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chassis::access::Signer;
use clap::Args;
use secrecy::ExposeSecret as _;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The directory they are written to.
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The issuer that tokens will name.
    #[arg(long, default_value = "gongji")]
    issuer: String,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let key = Signer::generate(&arguments.issuer)?;
    let dir = &arguments.dir;
    write(&dir.join("gongji.pem"), key.pem.expose_secret())?;
    write(&dir.join("jwks.json"), &key.jwks)?;
    write(&dir.join("identity.json"), &binding::keys::generate())?;
    write(
        &dir.join("webhooks.key"),
        &notification::webhook::sign::generate(),
    )?;
    println!(
        "gongji.pem     signs tokens: keep it with whoever issues them, and with each service that calls others"
    );
    println!("jwks.json      verifies tokens: give it to every service (access.jwks)");
    println!(
        "identity.json  encrypts names and ID numbers: binding only, and back it up: without it they are gone"
    );
    println!(
        "webhooks.key   the secrets of all webhooks come from it: notification only (webhooks.key)"
    );
    Ok(())
}

/// A key that exists is never overwritten: what it encrypted would be lost.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| {
            format!(
                "cannot write {} (an existing key is never overwritten)",
                path.display()
            )
        })?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}
