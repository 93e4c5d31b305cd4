//! Where a stack keeps its keys and settings, and what the settings say.
//!
//! Each service gets a configuration file like the one a deployment writes, so the same file serves the services that run
//! inside this process and those that a story starts as processes of their own (`gongji serve settlement --config …`).

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chassis::access::{KeyError, Signer};
use secrecy::ExposeSecret as _;
use toml::{Table, Value};

/// Who issues the tokens of a stack.
pub const ISSUER: &str = "gongji";

/// The services that own a database, in the order in which they start.
pub const SERVICES: [&str; 4] = ["binding", "authorization", "settlement", "notification"];

/// Why a stack's files could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file could not be written or read.
    #[error("cannot write {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No key could be made.
    #[error("cannot make a key")]
    Key(#[from] KeyError),
    /// No free port was found.
    #[error("cannot find free ports")]
    Ports(#[source] io::Error),
}

/// What the services of one stack are connected to.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// The directory of keys and settings.
    pub home: PathBuf,
    /// The URL of each service's database, in the order of [`SERVICES`].
    pub databases: [String; 4],
    /// Where the bus is.
    pub nats_url: String,
    /// Rules on top of the shipped packs.
    pub overlay: Option<PathBuf>,
    /// Throw-away databases of stories may be fast instead of durable.
    pub allow_unsafe_durability: bool,
}

/// A stack's files and addresses.
#[derive(Debug, Clone)]
pub struct Layout {
    home: PathBuf,
    /// Where each service listens, in the order of [`SERVICES`].
    pub services: [SocketAddr; 4],
    /// Where the gateway listens.
    pub gateway: SocketAddr,
    /// The URL of each service's database, in the order of [`SERVICES`].
    pub databases: [String; 4],
    /// Where the bus is.
    pub nats_url: String,
}

impl Layout {
    /// Writes the keys (unless they are there already) and the settings, with fresh ports.
    pub fn write(wiring: &Wiring) -> Result<Self, LayoutError> {
        let home = wiring.home.clone();
        write_keys(&home)?;
        let port = || servers::ports::free().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let ports = || -> io::Result<_> { Ok(([port()?, port()?, port()?, port()?], port()?)) };
        let (services, gateway) = ports().map_err(LayoutError::Ports)?;
        let layout = Self {
            home,
            services,
            gateway,
            databases: wiring.databases.clone(),
            nats_url: wiring.nats_url.clone(),
        };
        for (at, service) in SERVICES.into_iter().enumerate() {
            write(
                &layout.config(service),
                &layout.settings(wiring, at).to_string(),
            )?;
        }
        write(
            &layout.config("gateway"),
            &layout.gateway_settings().to_string(),
        )?;
        Ok(layout)
    }

    /// The configuration file of a service or of the gateway.
    pub fn config(&self, service: &str) -> PathBuf {
        self.home.join(format!("{service}.toml"))
    }

    /// The key that signs this stack's tokens.
    pub fn signer(&self) -> Result<Signer, KeyError> {
        Signer::from_pem_file(&self.key(), ISSUER)
    }

    /// The key file that its tokens are signed with.
    pub fn key(&self) -> PathBuf {
        self.home.join("gongji.pem")
    }

    /// The URL at which a service is called.
    pub fn url(&self, service: &str) -> String {
        let at = SERVICES.iter().position(|name| *name == service);
        format!("http://{}", at.map_or(self.gateway, |at| self.services[at]))
    }

    fn settings(&self, wiring: &Wiring, at: usize) -> Table {
        let service = SERVICES[at];
        let mut settings = self.common(service, self.services[at]);
        match service {
            "binding" => {
                settings.insert("synthetic_identities".to_owned(), true.into());
                settings.insert("keys".to_owned(), file(&self.home.join("identity.json")));
            }
            "settlement" => {
                settings.insert(
                    "authorization_url".to_owned(),
                    self.url("authorization").into(),
                );
                settings.insert("after_visit_sweep".to_owned(), "1s".into());
            }
            "notification" => {
                settings.insert("binding_url".to_owned(), self.url("binding").into());
                settings.insert("settlement_url".to_owned(), self.url("settlement").into());
                settings.insert("audit".to_owned(), audit().into());
            }
            _ => {
                settings.insert("binding_url".to_owned(), self.url("binding").into());
            }
        }
        if let Some(overlay) = &wiring.overlay
            && service != "notification"
        {
            settings.insert("policy_overlay".to_owned(), file(overlay));
        }
        let mut database = Table::new();
        database.insert("url".to_owned(), wiring.databases[at].clone().into());
        database.insert(
            "allow_unsafe_durability".to_owned(),
            wiring.allow_unsafe_durability.into(),
        );
        settings.insert("database".to_owned(), database.into());
        let mut bus = Table::new();
        bus.insert("url".to_owned(), wiring.nats_url.clone().into());
        settings.insert("bus".to_owned(), bus.into());
        settings
    }

    fn gateway_settings(&self) -> Table {
        let mut settings = self.common("gateway", self.gateway);
        for service in SERVICES {
            settings.insert(format!("{service}_url"), self.url(service).into());
        }
        settings
    }

    /// What every process is told: where it listens, whose tokens it takes, and with what key it signs its own calls.
    fn common(&self, audience: &str, listen: SocketAddr) -> Table {
        let mut access = Table::new();
        access.insert("jwks".to_owned(), file(&self.home.join("jwks.json")));
        access.insert("issuer".to_owned(), ISSUER.into());
        access.insert("audience".to_owned(), audience.into());
        access.insert("key".to_owned(), file(&self.home.join("gongji.pem")));
        let mut settings = Table::new();
        settings.insert("listen".to_owned(), listen.to_string().into());
        settings.insert("access".to_owned(), access.into());
        settings
    }
}

/// A stack is small and looked at closely: its books are compared all the time.
fn audit() -> Table {
    let mut audit = Table::new();
    audit.insert("round_every".to_owned(), "1s".into());
    audit
}

fn file(path: &Path) -> Value {
    path.to_string_lossy().into_owned().into()
}

/// One key signs every token of a stack; the identity keys stay the same as long as the data does.
fn write_keys(home: &Path) -> Result<(), LayoutError> {
    fs::create_dir_all(home).map_err(|source| LayoutError::File {
        path: home.to_owned(),
        source,
    })?;
    let (pem, jwks, identity) = (
        home.join("gongji.pem"),
        home.join("jwks.json"),
        home.join("identity.json"),
    );
    if !pem.exists() || !jwks.exists() {
        let key = Signer::generate(ISSUER)?;
        write(&jwks, &key.jwks)?;
        write(&pem, key.pem.expose_secret())?;
    }
    if !identity.exists() {
        write(&identity, &binding::keys::generate())?;
    }
    Ok(())
}

/// Keys and settings with passwords are for their owner only.
fn write(path: &Path, text: &str) -> Result<(), LayoutError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    let failed = |source| LayoutError::File {
        path: path.to_owned(),
        source,
    };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}
