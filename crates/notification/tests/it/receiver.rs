//! Somebody else's machine: a real HTTP server that takes messages, or does not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use chassis::tasks::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How it answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// With this status, and these header lines.
    Status(u16, &'static str),
    /// Never.
    Hang,
    /// With 50 MB.
    Endless,
}

/// A message that arrived.
#[derive(Debug, Clone)]
pub struct Received {
    head: String,
    pub body: String,
}

impl Received {
    /// A header of it.
    pub fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        });
        line.unwrap_or_default()
    }
}

/// The machine.
#[derive(Debug, Clone)]
pub struct Receiver {
    address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    received: watch::Sender<Vec<Received>>,
}

impl Receiver {
    /// Listens as long as `tasks` run.
    pub async fn listen(tasks: &mut Tasks, answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let receiver = Self {
            address: listener.local_addr().expect("it is bound"),
            answer: Arc::new(Mutex::new(answer)),
            received: watch::Sender::new(Vec::new()),
        };
        let serving = receiver.clone();
        let stop = tasks.stop();
        tasks.add("receiver", async move {
            let mut open = futures::stream::FuturesUnordered::new();
            loop {
                tokio::select! {
                    () = stop.requested() => return Ok(()),
                    accepted = listener.accept() => open.push(serving.clone().talk(accepted?.0)),
                    Some(()) = futures::StreamExt::next(&mut open), if !open.is_empty() => {}
                }
            }
        });
        receiver
    }

    /// `127.0.0.1:port`, as settings name it.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Where it takes messages.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers like this from now on.
    pub fn answers(&self, answer: Answer) {
        *self.answer.lock().expect("nobody panics holding it") = answer;
    }

    /// What has arrived.
    pub fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// Waits until so many messages have arrived.
    pub async fn has(&self, count: usize) {
        let mut arrived = self.received.subscribe();
        let enough = arrived.wait_for(|received| received.len() >= count);
        tokio::time::timeout(std::time::Duration::from_secs(30), enough)
            .await
            .expect("they arrive in time")
            .expect("the receiver is there");
    }

    async fn talk(self, mut stream: TcpStream) {
        let Some(received) = read(&mut stream).await else {
            return;
        };
        self.received.send_modify(|all| all.push(received));
        let answer = self
            .answer
            .lock()
            .expect("nobody panics holding it")
            .clone();
        match answer {
            Answer::Status(status, headers) => {
                let answer = format!("HTTP/1.1 {status} X\r\n{headers}content-length: 0\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
            Answer::Hang => std::future::pending().await,
            Answer::Endless => {
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 52428800\r\n\r\n";
                let _ = stream.write_all(head.as_bytes()).await;
                let megabyte = vec![b'x'; 1 << 20];
                for _ in 0..50 {
                    if stream.write_all(&megabyte).await.is_err() {
                        return; // whoever asked has had enough
                    }
                }
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let received = Received {
            head: head.to_owned(),
            body: body.to_owned(),
        };
        let length: usize = received.header("content-length").parse().ok()?;
        if received.body.len() >= length {
            return Some(received);
        }
    }
}
