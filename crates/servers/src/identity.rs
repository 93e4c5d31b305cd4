//! Who Postgres runs as: ourselves, or an unprivileged user when we are root.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Users that Postgres may run as when we are root, the preferred one first. Postgres looks itself up, so it must be a known user.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// Who a server runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunAs {
    /// The user of this process.
    Ourselves,
    /// Another user, since this process is root.
    Other(User),
}

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's name.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// The number of the user's main group.
    pub gid: u32,
}

/// Nobody to run Postgres as.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The list of users could not be read.
    #[error("cannot read /etc/passwd")]
    Passwd(#[source] io::Error),
    /// Neither of the known unprivileged users exists.
    #[error(
        "Postgres does not run as root, and this machine has neither a user `postgres` nor `nobody`: \
         add one (useradd --system postgres) or run this as an ordinary user"
    )]
    Nobody,
}

impl RunAs {
    /// Who Postgres is to run as on this machine.
    pub fn for_postgres() -> Result<Self, IdentityError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        let passwd = fs::read_to_string("/etc/passwd").map_err(IdentityError::Passwd)?;
        let user = UNPRIVILEGED
            .iter()
            .find_map(|name| User::in_passwd(&passwd, name));
        user.map(Self::Other).ok_or(IdentityError::Nobody)
    }

    /// A command that runs `program` as this user, in a directory everybody can be in, in plain English.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").env("LC_ALL", "C");
        // What is set for the user's own Postgres is not meant for this one.
        for variable in [
            "PGDATA",
            "PGHOST",
            "PGPORT",
            "PGUSER",
            "PGDATABASE",
            "PGOPTIONS",
            "PGSERVICE",
            "PGPASSFILE",
        ] {
            command.env_remove(variable);
        }
        if let Self::Other(user) = self {
            // The standard library also gives up root's further groups.
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// Makes this user the owner of `path`.
    pub fn own(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other(user) => chown(path, Some(user.uid), Some(user.gid)),
        }
    }

    /// The number of this user.
    pub fn uid(&self) -> u32 {
        match self {
            Self::Ourselves => rustix::process::geteuid().as_raw(),
            Self::Other(user) => user.uid,
        }
    }

    /// Whether this user may pass through `directory` and all directories above it, judged by their modes.
    pub fn can_reach(&self, directory: &Path) -> bool {
        let Self::Other(user) = self else { return true };
        directory.ancestors().all(|step| {
            fs::metadata(step).is_ok_and(|at| user.may_enter(at.mode(), at.uid(), at.gid()))
        })
    }
}

impl User {
    /// The user called `name`, in the text of `/etc/passwd`.
    fn in_passwd(passwd: &str, name: &str) -> Option<Self> {
        let line = passwd
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        let uid = fields.next()?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self {
            name: name.to_owned(),
            uid,
            gid,
        })
    }

    /// Whether the mode of a directory with this owner and group lets the user pass through it.
    fn may_enter(&self, mode: u32, owner: u32, group: u32) -> bool {
        let class = if owner == self.uid {
            0o100
        } else if group == self.gid {
            0o010
        } else {
            0o001
        };
        mode & class != 0
    }
}

#[cfg(test)]
mod tests {
    use super::User;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
                          postgresql:x:7:7::/:/bin/false\n\
                          postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let user = User::in_passwd(PASSWD, "postgres").expect("the list has postgres");
        assert_eq!((user.uid, user.gid), (101, 104));
        assert_eq!(User::in_passwd(PASSWD, "nobody"), None);
    }

    #[test]
    fn a_home_of_root_cannot_be_passed_through() {
        let user = User {
            name: "nobody".to_owned(),
            uid: 65_534,
            gid: 65_534,
        };
        assert!(!user.may_enter(0o40_700, 0, 0));
        assert!(user.may_enter(0o40_755, 0, 0));
        assert!(user.may_enter(0o40_700, 65_534, 0));
        assert!(
            !user.may_enter(0o40_701, 65_534 + 1, 65_534),
            "the group's own bits decide for a member of the group"
        );
    }
}
