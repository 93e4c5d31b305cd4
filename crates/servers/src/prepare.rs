//! `cargo stack prepare`: writes what the compiler has to know about our SQL, so that a checkout builds without a database.
//!
//! Every crate with a `migrations` directory gets a database in a private Postgres: the chassis' tables first, which every
//! service has, then its own. The crate is then compiled against it, and sqlx leaves a description of each statement, which is
//! kept in the crate's `.sqlx`.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, PgConnection};

use crate::data::{DataError, Scratch};
use crate::locate::{LocateError, PostgresBinaries};
use crate::place;
use crate::postgres::{AdminError, Postgres, PostgresError};
use crate::progress::Progress;
use crate::surroundings::Surroundings;

/// The crate whose tables every service has.
const CHASSIS: &str = "chassis";

/// What to do with the descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Write them into the checkout.
    Write,
    /// Only say where the checkout differs from them.
    Check,
}

/// A description in the checkout that is not what the SQL says, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The crate.
    pub member: String,
    /// The statement's tag (`service.function`), or the file's name where it has none.
    pub statement: String,
    /// What is different.
    pub kind: Kind,
}

/// How a description differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The statement has no description yet.
    Missing,
    /// The description says something else.
    Changed,
    /// No statement has this description any more.
    Stale,
}

/// Why the descriptions could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// No Postgres.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// No place for its data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// It did not start or stop.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// A database could not be made.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A crate was asked for that has no SQL, or does not exist.
    #[error("there is no crate {0} with migrations")]
    UnknownMember(String),
    /// A migration does not work.
    #[error("cannot apply the migrations in {}", .path.display())]
    Migrate {
        /// The directory of migrations.
        path: PathBuf,
        /// What went wrong.
        source: MigrateError,
    },
    /// A new database does not answer.
    #[error("cannot connect to the database of {member}")]
    Connect {
        /// The crate.
        member: String,
        /// What the driver said.
        source: sqlx::Error,
    },
    /// The compiler has said why.
    #[error(
        "{0}, or a crate it needs, does not compile against its database; the compiler says why above"
    )]
    Compile(String),
    /// A file could not be read or written.
    #[error("cannot read or write {}", .path.display())]
    Files {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes the descriptions of `members` (of all crates with migrations, if none is named) and writes or compares them.
/// Answers where the checkout differed.
pub async fn run(
    purpose: Purpose,
    members: &[String],
    progress: Progress,
) -> Result<Vec<Difference>, PrepareError> {
    let known = members_with_migrations()?;
    if let Some(unknown) = members.iter().find(|member| !known.contains(member)) {
        return Err(PrepareError::UnknownMember(unknown.clone()));
    }

    let scratch = Scratch::new()?;
    let binaries = PostgresBinaries::find(&Surroundings::read(), progress)?;
    let step = progress.step("Starting a private Postgres with every crate's tables");
    let postgres = Postgres::start(&binaries, &scratch.path().join("postgres")).await?;
    let mut databases = Vec::new();
    for member in &known {
        databases.push((
            url_variable(member),
            make_database(&postgres, member).await?,
        ));
    }
    step.done("ready");

    let mut differences = Vec::new();
    for member in known
        .iter()
        .filter(|member| members.is_empty() || members.contains(member))
    {
        let step = progress.step(format!("Describing the SQL of {member}"));
        let described = describe(member, &databases, scratch.path())?;
        let committed = read_descriptions(&committed_directory(member))?;
        if purpose == Purpose::Write {
            write(&committed_directory(member), &committed, &described)?;
        }
        differences.extend(compare(member, &committed, &described));
        step.done(&format!("{} statements", described.len()));
    }
    postgres.stop().await?;
    Ok(differences)
}

/// The names of the crates that have tables; the chassis first, since the others are compiled with it.
fn members_with_migrations() -> Result<Vec<String>, PrepareError> {
    let crates = place::workspace().join("crates");
    let failed = |source| PrepareError::Files {
        path: crates.clone(),
        source,
    };
    let mut members = Vec::new();
    for entry in fs::read_dir(&crates).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().join("migrations").is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            members.push(name);
        }
    }
    members.sort_by_key(|member| (member != CHASSIS, member.clone()));
    Ok(members)
}

fn migrations_of(member: &str) -> PathBuf {
    place::workspace()
        .join("crates")
        .join(member)
        .join("migrations")
}

fn committed_directory(member: &str) -> PathBuf {
    place::workspace().join("crates").join(member).join(".sqlx")
}

fn url_variable(member: &str) -> String {
    format!("{}_DATABASE_URL", member.to_uppercase())
}

async fn make_database(postgres: &Postgres, member: &str) -> Result<String, PrepareError> {
    postgres.create_database(member).await?;
    let url = postgres.url(member);
    let connect = |source| PrepareError::Connect {
        member: member.to_owned(),
        source,
    };
    let mut connection = PgConnection::connect(&url).await.map_err(connect)?;
    if member != CHASSIS && migrations_of(CHASSIS).is_dir() {
        migrate(&mut connection, CHASSIS).await?;
    }
    migrate(&mut connection, member).await?;
    connection.close().await.map_err(connect)?;
    Ok(url)
}

/// Two sets of migrations share a database, each with its own table of what has been applied.
async fn migrate(connection: &mut PgConnection, member: &str) -> Result<(), PrepareError> {
    let path = migrations_of(member);
    let failed = |source| PrepareError::Migrate {
        path: path.clone(),
        source,
    };
    let mut migrator = Migrator::new(path.as_path()).await.map_err(failed)?;
    migrator.dangerous_set_table_name(format!("_{member}_migrations"));
    migrator.run(connection).await.map_err(failed)
}

/// File name and text of each description.
type Descriptions = BTreeMap<OsString, String>;

/// Compiles a crate against its database.
///
/// First with everything it depends on, so that in the second compilation, which is told to leave descriptions, only the
/// crate itself is compiled: sqlx would put a dependency's statements into the same directory. What makes cargo compile it again
/// is a configuration name of its own, so that no source file has to be touched.
fn describe(
    member: &str,
    databases: &[(String, String)],
    scratch: &Path,
) -> Result<Descriptions, PrepareError> {
    let directory = scratch.join(format!("{member}.sqlx"));
    fs::create_dir(&directory).map_err(|source| PrepareError::Files {
        path: directory.clone(),
        source,
    })?;

    cargo(
        member,
        cargo_command(databases).args(["check", "--quiet", "--lib", "--package", member]),
    )?;
    let mut second = cargo_command(databases);
    second.args([
        "rustc",
        "--quiet",
        "--lib",
        "--profile",
        "check",
        "--package",
        member,
        "--",
        "--cfg",
    ]);
    second.arg(format!("described=\"{}\"", scratch.display()));
    cargo(member, second.env("SQLX_OFFLINE_DIR", &directory))?;
    read_descriptions(&directory)
}

fn cargo_command(databases: &[(String, String)]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(place::workspace()).stdin(Stdio::null());
    // `cargo run` told us which package we are; build scripts that look at it would run again, and again the next time.
    for (name, _) in env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if told {
            command.env_remove(name);
        }
    }
    command
        .env("SQLX_OFFLINE", "false")
        .env_remove("SQLX_OFFLINE_DIR");
    command.envs(databases.iter().map(|(variable, url)| (variable, url)));
    command
}

fn cargo(member: &str, command: &mut Command) -> Result<(), PrepareError> {
    let ended = command.status();
    let ended = ended.map_err(|source| PrepareError::Files {
        path: PathBuf::from(command.get_program()),
        source,
    })?;
    if ended.success() {
        Ok(())
    } else {
        Err(PrepareError::Compile(member.to_owned()))
    }
}

fn read_descriptions(directory: &Path) -> Result<Descriptions, PrepareError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PrepareError::Files { path, source }
    };
    let mut descriptions = Descriptions::new();
    if !directory.is_dir() {
        return Ok(descriptions);
    }
    for entry in fs::read_dir(directory).map_err(failed(directory))? {
        let entry = entry.map_err(failed(directory))?;
        let text = fs::read_to_string(entry.path()).map_err(failed(&entry.path()))?;
        descriptions.insert(entry.file_name(), text);
    }
    Ok(descriptions)
}

fn write(
    directory: &Path,
    committed: &Descriptions,
    described: &Descriptions,
) -> Result<(), PrepareError> {
    let failed = |source| PrepareError::Files {
        path: directory.to_owned(),
        source,
    };
    fs::create_dir_all(directory).map_err(failed)?;
    for stale in committed
        .keys()
        .filter(|name| !described.contains_key(*name))
    {
        fs::remove_file(directory.join(stale)).map_err(failed)?;
    }
    for (name, text) in described
        .iter()
        .filter(|(name, text)| committed.get(*name) != Some(text))
    {
        fs::write(directory.join(name), text).map_err(failed)?;
    }
    Ok(())
}

fn compare(member: &str, committed: &Descriptions, described: &Descriptions) -> Vec<Difference> {
    let difference = |name: &OsString, text: &str, kind| Difference {
        member: member.to_owned(),
        statement: tag_in(text).map_or_else(|| name.to_string_lossy().into_owned(), str::to_owned),
        kind,
    };
    let missing_or_changed =
        described
            .iter()
            .filter_map(|(name, text)| match committed.get(name) {
                None => Some(difference(name, text, Kind::Missing)),
                Some(other) if other != text => Some(difference(name, text, Kind::Changed)),
                Some(_) => None,
            });
    let stale = committed
        .iter()
        .filter(|(name, _)| !described.contains_key(*name));
    missing_or_changed
        .chain(stale.map(|(name, text)| difference(name, text, Kind::Stale)))
        .collect()
}

/// The tag of the statement in a description: `-- service.function` at its beginning, in the escapes of JSON.
fn tag_in(text: &str) -> Option<&str> {
    let (_, query) = text.split_once("\"query\":")?;
    let (_, tag) = query.split_once("-- ")?;
    let end = tag.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))?;
    Some(&tag[..end]).filter(|tag| tag.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::{Descriptions, Difference, Kind, compare, tag_in};

    fn descriptions(of: &[(&str, &str)]) -> Descriptions {
        of.iter()
            .map(|(name, text)| ((*name).into(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn a_statement_is_called_by_its_tag() {
        let text =
            r#"{"db_name": "PostgreSQL", "query": "\n        -- binding.find_person\n SELECT 1"}"#;
        assert_eq!(tag_in(text), Some("binding.find_person"));
        assert_eq!(tag_in(r#"{"query": "SELECT 1"}"#), None);
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let committed = descriptions(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let described = descriptions(&[("a", "1"), ("b", "changed"), ("d", "4")]);
        let difference = |statement: &str, kind| Difference {
            member: "m".into(),
            statement: statement.into(),
            kind,
        };
        assert_eq!(
            compare("m", &committed, &described),
            [
                difference("b", Kind::Changed),
                difference("d", Kind::Missing),
                difference("c", Kind::Stale)
            ]
        );
    }
}
