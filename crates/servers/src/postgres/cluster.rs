//! The files of a private Postgres, made once.
//!
//! `cluster/` is the server's own directory, `password` the password, `log` what the server says.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{PostgresError, SUPERUSER};
use crate::child::{self, Child, Signal};
use crate::identity::RunAs;
use crate::locate::PostgresBinaries;
use crate::place;

/// How long initdb may take: about a second on an idle machine.
const INITDB: Duration = Duration::from_mins(2);
/// How long a server whose parent was killed may need to end.
const LEFTOVER: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);

/// The files of one server.
pub(super) struct Cluster {
    pub(super) data: PathBuf,
    pub(super) log: PathBuf,
    pub(super) password: String,
}

impl Cluster {
    /// The files in `home`; made by initdb if there are none.
    pub(super) async fn open(
        binaries: &PostgresBinaries,
        home: &Path,
    ) -> Result<Self, PostgresError> {
        place::make_open_directory(home).map_err(PostgresError::files(home))?;
        let data = home.join("cluster");
        let password_file = home.join("password");
        let password = password(&password_file, &binaries.run_as)
            .map_err(PostgresError::files(&password_file))?;

        if data.is_dir() {
            check_version(&data, binaries)?;
        } else {
            // The name is given when all is done: an initdb that was interrupted leaves nothing to stumble over.
            let unfinished = home.join("cluster.part");
            initdb(binaries, &unfinished, &password_file, home).await?;
            fs::rename(&unfinished, &data).map_err(PostgresError::files(&data))?;
        }
        Ok(Self {
            data,
            log: home.join("log"),
            password,
        })
    }

    /// Waits for a server that still runs on these files. It has lost its parent (the files are claimed by us), so it is about to end.
    /// If it runs on nevertheless, Postgres refuses to start beside it, and its log says so.
    pub(super) async fn until_free(&self) {
        let deadline = Instant::now() + LEFTOVER;
        while self.runs() && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn runs(&self) -> bool {
        let Ok(note) = fs::read_to_string(self.data.join("postmaster.pid")) else {
            return false;
        };
        let Some(id) = note
            .lines()
            .next()
            .and_then(|id| id.trim().parse::<u32>().ok())
        else {
            return false;
        };
        // The id may have gone to another program since.
        fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| {
            line.split(|byte| *byte == 0)
                .any(|argument| argument == self.data.as_os_str().as_encoded_bytes())
        })
    }
}

/// The password of these files, made up on first use. It belongs to the user that initdb runs as, who has to read it.
fn password(path: &Path, run_as: &RunAs) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(known) if !known.is_empty() => return Ok(known),
        Ok(_) => fs::remove_file(path)?, // made, and interrupted before it was written
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let password = hex::encode(bytes);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    run_as.own(path)?;
    file.write_all(password.as_bytes())?;
    Ok(password)
}

fn check_version(data: &Path, binaries: &PostgresBinaries) -> Result<(), PostgresError> {
    let path = data.join("PG_VERSION");
    let made_by = fs::read_to_string(&path).map_err(PostgresError::files(data))?;
    let made_by = made_by.trim().to_owned();
    let found = binaries.version.major;
    if made_by == found.to_string() {
        return Ok(());
    }
    Err(PostgresError::OtherVersion {
        data: data.to_owned(),
        made_by,
        found,
    })
}

async fn initdb(
    binaries: &PostgresBinaries,
    data: &Path,
    password_file: &Path,
    home: &Path,
) -> Result<(), PostgresError> {
    if data.exists() {
        fs::remove_dir_all(data).map_err(PostgresError::files(data))?;
    }
    place::make_private_directory(data, &binaries.run_as).map_err(PostgresError::files(data))?;
    let log_file = home.join("initdb.log");
    let log = File::create(&log_file).map_err(PostgresError::files(&log_file))?;
    let log_too = log.try_clone().map_err(PostgresError::files(&log_file))?;

    let program = binaries.program("initdb");
    let mut command = binaries.run_as.command(&program);
    command.args([
        "--username",
        SUPERUSER,
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
        "--auth=password",
    ]);
    command
        .arg("--pwfile")
        .arg(password_file)
        .arg("-D")
        .arg(data);
    command.stdin(Stdio::null()).stdout(log).stderr(log_too);

    let run = |source| PostgresError::Run {
        program: program.clone(),
        source,
    };
    let mut child = Child::spawn(command, Signal::KILL).map_err(run)?;
    let ended = child.wait(INITDB).await.map_err(run)?;
    if ended.is_some_and(|status| status.success()) {
        return Ok(());
    }
    Err(PostgresError::Initdb {
        said: child::last_lines(&log_file),
        log: log_file,
    })
}
