//! A private nats-server with JetStream: started, killed, wiped, started again on the same port.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;

use crate::child::{self, Child, Signal};
use crate::identity::RunAs;
use crate::locate::NatsBinary;
use crate::place;
use crate::ports;

/// How long a start may take: reading what is stored is part of it.
const START: Duration = Duration::from_mins(1);
/// How long the server may take to introduce itself to one connection.
const ATTEMPT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(10);
const STOP: Duration = Duration::from_secs(30);
/// Another process may take the port between our choosing it and the server listening on it.
const PORTS_TRIED: usize = 5;

/// A nats-server that belongs to this process. It keeps its port through [`Nats::kill`] and [`Nats::restart`].
#[derive(Debug)]
pub struct Nats {
    program: PathBuf,
    home: PathBuf,
    port: u16,
    child: Option<Child>,
}

/// Why there is no nats-server.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// A file or directory of the server could not be made.
    #[error("cannot prepare {} for nats-server", .path.display())]
    Files {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program could not be run.
    #[error("cannot run {}", .program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No port.
    #[error("no port for nats-server")]
    Port(#[source] io::Error),
    /// The server ended before it was ready.
    #[error("nats-server did not start; its last words ({}):{said}", .log.display())]
    Died {
        /// The server's log.
        log: PathBuf,
        /// The end of the log.
        said: String,
    },
    /// The server runs and is not ready.
    #[error("nats-server was not ready within {} s; its last words ({}):{said}", START.as_secs(), .log.display())]
    NotReady {
        /// The server's log.
        log: PathBuf,
        /// The end of the log.
        said: String,
    },
    /// A server that runs was to be wiped or started.
    #[error("nats-server is running")]
    Running,
    /// The server could not be ended.
    #[error("cannot stop nats-server")]
    Stop(#[source] io::Error),
}

impl Nats {
    /// Starts nats-server on what is stored in `home`, and answers when it accepts connections and JetStream is up.
    pub async fn start(binary: &NatsBinary, home: &Path) -> Result<Self, NatsError> {
        place::make_private_directory(home, &RunAs::Ourselves).map_err(NatsError::files(home))?;
        let mut ports_left = PORTS_TRIED;
        loop {
            let port = ports::free().map_err(NatsError::Port)?;
            let mut server = Self {
                program: binary.program.clone(),
                home: home.to_owned(),
                port,
                child: None,
            };
            ports_left -= 1;
            match server.restart().await {
                Err(NatsError::Died { .. }) if ports_left > 0 && !ports::is_free(port) => {}
                other => return other.map(|()| server),
            }
        }
    }

    /// The address for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id, while the server runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What the server has written about itself.
    pub fn log(&self) -> PathBuf {
        self.home.join("log")
    }

    /// Ends the server as a crash would. Does nothing to a server that does not run.
    pub fn kill(&mut self) -> Result<(), NatsError> {
        if let Some(mut child) = self.child.take() {
            child.kill().map_err(NatsError::Stop)?;
        }
        Ok(())
    }

    /// Deletes everything the server has stored. It must not be running.
    pub fn wipe(&mut self) -> Result<(), NatsError> {
        if self.child.is_some() {
            return Err(NatsError::Running);
        }
        let store = self.store();
        match fs::remove_dir_all(&store) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(NatsError::Files {
                path: store,
                source,
            }),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Starts a server that was killed, on the same port, and answers when it is ready.
    pub async fn restart(&mut self) -> Result<(), NatsError> {
        if self.child.is_some() {
            return Err(NatsError::Running);
        }
        let config = self.home.join("nats.conf");
        fs::write(&config, self.config()).map_err(NatsError::files(&config))?;
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log());
        let log = log.map_err(NatsError::files(&self.log()))?;

        let mut command = Command::new(&self.program);
        command.current_dir("/").arg("--config").arg(&config);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = Child::spawn(command, Signal::KILL);
        let child = child.map_err(|source| NatsError::Run {
            program: self.program.clone(),
            source,
        })?;
        let child = self.until_ready(child).await?;
        self.child = Some(child);
        Ok(())
    }

    /// Ends the server cleanly.
    pub async fn stop(mut self) -> Result<(), NatsError> {
        if let Some(child) = self.child.take() {
            child
                .stop(Signal::TERM, STOP)
                .await
                .map_err(NatsError::Stop)?;
        }
        Ok(())
    }

    fn store(&self) -> PathBuf {
        self.home.join("store")
    }

    /// `sync_interval: always`: a message is on the disk before it is acknowledged. The default is to write every two minutes.
    fn config(&self) -> String {
        // The format's strings are those of JSON as far as a path needs it.
        let store = format!("{:?}", self.store().display().to_string());
        format!(
            "listen: \"127.0.0.1:{}\"\n\
             server_name: \"gongji\"\n\
             jetstream {{\n  store_dir: {store}\n  sync_interval: always\n}}\n",
            self.port
        )
    }

    async fn until_ready(&self, mut child: Child) -> Result<Child, NatsError> {
        let deadline = Instant::now() + START;
        let said = || child::last_lines(&self.log());
        loop {
            let introduced = tokio::time::timeout(ATTEMPT, introduction(self.port)).await;
            // The child is asked after the attempt: if ours has ended, it was another server that answered.
            if child.ended().map_err(NatsError::Stop)?.is_some() {
                return Err(NatsError::Died {
                    log: self.log(),
                    said: said(),
                });
            }
            if matches!(&introduced, Ok(Ok(line)) if line.contains("\"jetstream\":true")) {
                return Ok(child);
            }
            if Instant::now() >= deadline {
                return Err(NatsError::NotReady {
                    log: self.log(),
                    said: said(),
                });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The first line a nats-server sends to whoever connects: `INFO {…}`, with what it can do.
async fn introduction(port: u16) -> io::Result<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(line)
}

impl NatsError {
    fn files(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Files {
            path: path.to_owned(),
            source,
        }
    }
}
