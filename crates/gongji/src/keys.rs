//! `gongji keys`: the keys of a new installation, and the rotation of those that seal identities.
//!
//! A rotation has three steps, because every replica of binding must know a key before anything is wrapped by it: `add` puts a
//! new key into the file, the replicas are restarted with it, `rotate` wraps every person's key anew.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use binding::keys::Keys;
use chassis::access::Signer;
use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    new: New,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Add an identity key to the key file; it seals from then on. Restart every replica of binding with the file next.
    Add {
        /// The key file.
        #[arg(value_name = "FILE", default_value = "identity.json")]
        file: PathBuf,
    },
    /// Wrap every person's key with the newest key of the file, beside the running service. Stopped anywhere, it goes on.
    Rotate {
        /// The configuration file of binding.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct New {
    /// The directory they are written to.
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The issuer that tokens will name.
    #[arg(long, default_value = "gongji")]
    issuer: String,
}

pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.step {
        None => make(&arguments.new),
        Some(Step::Add { file }) => add(file),
        Some(Step::Rotate { config }) => rotate(config.as_deref()).await,
    }
}

/// The new file takes the old one's place whole: half a key file would be none.
fn add(file: &Path) -> anyhow::Result<()> {
    let old = std::fs::read_to_string(file)
        .map(Zeroizing::new)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let new = Zeroizing::new(binding::keys::with_another(&old)?);
    let beside = file.with_extension("new");
    write(&beside, &new)?;
    std::fs::rename(&beside, file).with_context(|| format!("cannot replace {}", file.display()))?;
    println!(
        "{} seals with key {} now: restart every replica of binding with it, then run `gongji keys rotate`",
        file.display(),
        Keys::read(&new)?.current()
    );
    Ok(())
}

async fn rotate(config: Option<&Path>) -> anyhow::Result<()> {
    let config = binding::Config::load(config)?;
    let keys = Keys::load(&config.keys)?;
    let db = chassis::db::open(&config.database, &binding::MIGRATIONS).await?;
    let (mut wrapped, mut after) = (0_usize, None);
    while let Some(batch) = binding::rotate::rotate(&db, &keys, after).await? {
        wrapped += batch.keys;
        after = Some(batch.last);
    }
    let left = binding::rotate::left(&db, &keys).await?;
    if left > 0 {
        bail!("{left} keys were held by somebody else: run it again");
    }
    println!(
        "{wrapped} keys wrapped anew; key {} wraps all. Destroy the older ones once no backup that needs them is to be read",
        keys.current()
    );
    Ok(())
}

fn make(arguments: &New) -> anyhow::Result<()> {
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
