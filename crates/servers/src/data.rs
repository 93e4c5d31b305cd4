//! Directories for the servers' data: one that stays, and ones that go with the test that made them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::identity::{IdentityError, RunAs};
use crate::place;

/// A scratch directory this young may belong to somebody who has not locked it yet.
const YOUNG: Duration = Duration::from_mins(10);
const SCRATCH: &str = "gongji-scratch-";

/// Why there is no directory for data.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Nobody to run Postgres as.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Another process of ours works on this directory.
    #[error("{} is in use by another `cargo stack`: stop that one, or choose another directory with --data", .0.display())]
    InUse(PathBuf),
    /// The directory could not be made or written to.
    #[error("cannot keep data in {}", .path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DataError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Unusable {
            path: path.to_owned(),
            source,
        }
    }
}

/// A directory of data that stays, claimed for this process until it is dropped.
#[derive(Debug)]
pub struct DataHome {
    path: PathBuf,
    moved: bool,
    _claim: Claim,
}

impl DataHome {
    /// Claims `wanted`, making it if there is none.
    ///
    /// When Postgres has to run as another user who cannot reach `wanted` (a checkout under root's home), the data
    /// goes to a directory below `/var/tmp` that belongs to this path alone, and a note in `wanted` says so.
    pub fn open(wanted: &Path) -> Result<Self, DataError> {
        let run_as = RunAs::for_postgres()?;
        let wanted = std::path::absolute(wanted).map_err(DataError::at(wanted))?;
        place::make_open_directory(&wanted).map_err(DataError::at(&wanted))?;
        if run_as.can_reach(&wanted) {
            let claim = claim(&wanted)?;
            return Ok(Self {
                path: wanted,
                moved: false,
                _claim: claim,
            });
        }

        let digest = Sha256::digest(wanted.as_os_str().as_encoded_bytes());
        let path = PathBuf::from(format!("/var/tmp/gongji-{}", hex::encode(&digest[..8])));
        place::make_private_directory(&path, &RunAs::Ourselves).map_err(DataError::at(&path))?;
        open_to_others(&path).map_err(DataError::at(&path))?;
        let note = format!(
            "The data is in {}: Postgres, which does not run as root, cannot reach this directory.\n",
            path.display()
        );
        fs::write(wanted.join("MOVED"), note).map_err(DataError::at(&wanted))?;
        let claim = claim(&path)?;
        Ok(Self {
            path,
            moved: true,
            _claim: claim,
        })
    }

    /// Where the data is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether that is not where it was wanted; worth a line to the user.
    pub fn moved(&self) -> bool {
        self.moved
    }
}

/// A directory that goes when this is dropped. What a killed process has left behind goes when the next one is made.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    _claim: Claim,
}

impl Scratch {
    /// Makes an empty directory in the system's place for temporary files, or in `/var/tmp` if the user
    /// that Postgres runs as cannot reach that.
    pub fn new() -> Result<Self, DataError> {
        let run_as = RunAs::for_postgres()?;
        let mut parent = std::env::temp_dir();
        if !run_as.can_reach(&parent) {
            parent = PathBuf::from("/var/tmp");
        }
        sweep(&parent);

        let mut name = [0; 8];
        getrandom::fill(&mut name)
            .map_err(io::Error::from)
            .map_err(DataError::at(&parent))?;
        let path = parent.join(format!("{SCRATCH}{}", hex::encode(name)));
        place::make_private_directory(&path, &RunAs::Ourselves).map_err(DataError::at(&path))?;
        open_to_others(&path).map_err(DataError::at(&path))?;
        let claim = claim(&path)?;
        Ok(Self {
            path,
            _claim: claim,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is swept by the next one.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Lets others pass through a directory that was made private so that nobody could have been there first.
/// What is inside has its own modes.
fn open_to_others(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o711))
}

/// A lock on a file in the directory. The kernel gives it up when this process ends in whatever way.
#[derive(Debug)]
struct Claim(File);

impl Drop for Claim {
    /// Given up in so many words: a child that is just being started shares the open file until it becomes its own program,
    /// and would keep the lock for that long.
    fn drop(&mut self) {
        // If even this fails, the lock goes with the file.
        let _ = self.0.unlock();
    }
}

fn claim(directory: &Path) -> Result<Claim, DataError> {
    let path = directory.join("lock");
    let file = File::create(&path).map_err(DataError::at(directory))?;
    match file.try_lock() {
        Ok(()) => Ok(Claim(file)),
        Err(TryLockError::WouldBlock) => Err(DataError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(DataError::Unusable {
            path: directory.to_owned(),
            source,
        }),
    }
}

/// Removes scratch directories whose process is gone. Nothing depends on it, so errors are passed over.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let scratch = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(SCRATCH));
        if scratch && is_old_and_ours(&entry.path()) && claim(&entry.path()).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The directory itself is looked at, not what a link leads to: the parent is open to everybody.
fn is_old_and_ours(path: &Path) -> bool {
    let Ok(about) = fs::symlink_metadata(path) else {
        return false;
    };
    let old = about
        .modified()
        .and_then(|made| made.elapsed().map_err(io::Error::other))
        .is_ok_and(|age| age > YOUNG);
    old && about.is_dir() && about.uid() == RunAs::Ourselves.uid()
}

#[cfg(test)]
mod tests {
    use super::{DataError, DataHome, Scratch};

    #[test]
    fn a_directory_is_claimed_by_one_at_a_time() {
        let scratch = Scratch::new().expect("there is a place for temporary files");
        let wanted = scratch.path().join("stack");
        let first = DataHome::open(&wanted).expect("nobody else has it");
        assert!(matches!(DataHome::open(&wanted), Err(DataError::InUse(_))));
        drop(first);
        DataHome::open(&wanted).expect("it was given up");
    }

    #[test]
    fn a_scratch_directory_goes_with_its_owner() {
        let scratch = Scratch::new().expect("there is a place for temporary files");
        let path = scratch.path().to_owned();
        assert!(path.is_dir());
        drop(scratch);
        assert!(!path.exists());
    }
}
