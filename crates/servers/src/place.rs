//! Where downloaded servers are kept, so that whoever runs them can reach them.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::identity::RunAs;
use crate::surroundings::Surroundings;

/// No directory could be used.
#[derive(Debug, thiserror::Error)]
#[error("there is no directory to keep downloaded servers in; tried {}", list(.tried))]
pub struct NoPlace {
    tried: Vec<PathBuf>,
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

/// The checkout this program was built from.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this crate lies two directories below the workspace")
}

/// The private cache of downloaded servers: the user's own cache directory, or one of the machine when we are root,
/// since root's home is closed to the user that Postgres then runs as. The workspace's `target` is the second choice.
pub fn cache(around: &Surroundings, run_as: &RunAs) -> Result<PathBuf, NoPlace> {
    let first = match run_as {
        RunAs::Ourselves => around.user_cache.as_ref().map(|cache| cache.join("gongji")),
        RunAs::Other(_) => Some(PathBuf::from("/var/cache/gongji")),
    };
    let tried: Vec<PathBuf> = first
        .into_iter()
        .chain([workspace().join("target/gongji")])
        .collect();
    let usable = tried.iter().find(|path| is_usable(path, run_as)).cloned();
    usable.ok_or(NoPlace { tried })
}

fn is_usable(path: &Path, run_as: &RunAs) -> bool {
    make_open_directory(path).is_ok() && run_as.can_reach(path) && is_writable(path)
}

/// The mode alone does not tell: the file system may be mounted read-only.
fn is_writable(directory: &Path) -> bool {
    let probe = directory.join(format!(".probe-{}", std::process::id()));
    fs::write(&probe, "")
        .and_then(|()| fs::remove_file(&probe))
        .is_ok()
}

/// Makes a directory that everybody may pass through, whatever the umask, unless it exists.
pub fn make_open_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

/// Makes a directory that only its owner may enter, unless it exists; and if it exists, refuses one of another owner,
/// which may have been put there to trap us.
pub fn make_private_directory(path: &Path, run_as: &RunAs) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => run_as.own(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let about = fs::symlink_metadata(path)?;
            if about.is_dir() && about.uid() == run_as.uid() {
                return Ok(());
            }
            Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it belongs to another user",
            ))
        }
        Err(error) => Err(error),
    }
}
