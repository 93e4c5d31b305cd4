//! One attempt: a name resolved once, one connection to an address that was judged, one request, and the head of the answer.
//!
//! The answer's body is nobody's business and is not read; a redirect is not followed; everything together has one time
//! limit. So an endpoint that hangs, sends us elsewhere or answers without end costs one waiting attempt and nothing else.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::guard::Target;
use super::schedule::retry_after;

/// The most bytes of the head of an answer.
const HEAD: usize = 16 * 1024;
/// How many addresses of a name are tried.
const ADDRESSES: usize = 4;

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint took it.
    Taken,
    /// It did not, or could not be reached.
    Failed(Failed),
    /// It wants nothing more from us (410).
    Gone,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Why, as a code.
    pub reason: Reason,
    /// More of it, for people.
    pub detail: String,
    /// How long it asks us to wait.
    pub asked: Option<SignedDuration>,
    /// Whether the endpoint has too much to do, and should be left alone for a while.
    pub throttled: bool,
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The address is none, or not one that may be posted to.
    AddressRefused,
    /// The name could not be resolved.
    NameUnknown,
    /// No connection could be made, or it broke.
    ConnectionFailed,
    /// There was no answer in time.
    TimedOut,
    /// It sent us elsewhere.
    Redirected,
    /// It answered something else than 2xx.
    Status,
    /// The message is larger than messages may be.
    MessageTooLarge,
}

impl Reason {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::AddressRefused,
        Self::NameUnknown,
        Self::ConnectionFailed,
        Self::TimedOut,
        Self::Redirected,
        Self::Status,
        Self::MessageTooLarge,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AddressRefused => "ADDRESS_REFUSED",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::ConnectionFailed => "CONNECTION_FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Redirected => "REDIRECTED",
            Self::Status => "STATUS",
            Self::MessageTooLarge => "MESSAGE_TOO_LARGE",
        }
    }
}

impl Failed {
    /// A failure that says no more than this.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            asked: None,
            throttled: false,
        }
    }
}

/// What is posted.
#[derive(Debug, Clone)]
pub struct Letter {
    /// `webhook-id`.
    pub message: String,
    /// `webhook-timestamp`.
    pub at: Timestamp,
    /// `webhook-signature`.
    pub signatures: String,
    /// The body.
    pub body: String,
}

/// Posts messages.
#[derive(Clone)]
pub struct Post {
    tls: TlsConnector,
    timeout: Duration,
}

impl Post {
    /// Each attempt takes at most so long, all in all.
    pub fn new(timeout: Duration) -> Self {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            tls: TlsConnector::from(Arc::new(config)),
            timeout,
        }
    }

    /// Posts a letter once.
    pub async fn send(&self, target: &Target, letter: Letter) -> Outcome {
        let at = letter.at;
        let answered = tokio::time::timeout(self.timeout, self.exchange(target, letter)).await;
        match answered {
            Ok(Ok((status, headers))) => outcome(status, &headers, at),
            Ok(Err(failed)) => Outcome::Failed(failed),
            Err(_) => Outcome::Failed(Failed::new(
                Reason::TimedOut,
                format!("no answer within {} s", self.timeout.as_secs()),
            )),
        }
    }

    async fn exchange(
        &self,
        target: &Target,
        letter: Letter,
    ) -> Result<(StatusCode, HeaderMap), Failed> {
        let stream = connect(target).await?;
        if !target.tls {
            return talk(stream, target, letter).await;
        }
        let name = ServerName::try_from(target.host.clone())
            .map_err(|error| Failed::new(Reason::AddressRefused, error.to_string()))?;
        let stream = self
            .tls
            .connect(name, stream)
            .await
            .map_err(|error| broken(&error))?;
        talk(stream, target, letter).await
    }
}

/// Resolves the name once and connects to one of its addresses, if all of them may be reached.
async fn connect(target: &Target) -> Result<TcpStream, Failed> {
    let resolved = tokio::net::lookup_host((target.host.as_str(), target.port))
        .await
        .map_err(|error| Failed::new(Reason::NameUnknown, error.to_string()))?;
    let addresses: Vec<SocketAddr> = resolved.collect();
    if let Some(inside) = addresses
        .iter()
        .find(|address| !target.may_reach(address.ip()))
    {
        let detail = format!("{} is not a public address", inside.ip());
        return Err(Failed::new(Reason::AddressRefused, detail));
    }
    let mut failed = Failed::new(Reason::NameUnknown, "the name has no address");
    for address in addresses.into_iter().take(ADDRESSES) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = broken(&error),
        }
    }
    Err(failed)
}

/// Sends the request and reads the head of the answer. Dropping the connection ends it, whatever the body still holds.
async fn talk<S>(
    stream: S,
    target: &Target,
    letter: Letter,
) -> Result<(StatusCode, HeaderMap), Failed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD)
        .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let request = request(target, letter)
        .map_err(|error| Failed::new(Reason::AddressRefused, error.to_string()))?;
    let answer = sender.send_request(request);
    tokio::pin!(connection, answer);
    let answered = tokio::select! {
        biased;
        answered = &mut answer => answered,
        ended = &mut connection => {
            ended.map_err(|error| broken(&error))?;
            answer.await // the connection is over; what it still had for us is there already
        }
    };
    let answer = answered.map_err(|error| broken(&error))?;
    Ok((answer.status(), answer.headers().clone()))
}

fn request(target: &Target, letter: Letter) -> Result<Request<Full<Bytes>>, http::Error> {
    let authority = target
        .uri
        .authority()
        .map_or("", |authority| authority.as_str());
    let path = target
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str());
    Request::post(path)
        .header(header::HOST, authority)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "gongji-webhooks/1")
        .header(header::CONNECTION, "close")
        .header("webhook-id", letter.message)
        .header("webhook-timestamp", letter.at.as_second().to_string())
        .header("webhook-signature", letter.signatures)
        .body(Full::new(Bytes::from(letter.body)))
}

/// What an answer means (Standard Webhooks 1.0.0, "Delivery success and failure").
fn outcome(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Outcome {
    let throttled = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
    );
    let asked = headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| retry_after(value, now));
    let failed = |reason| {
        Outcome::Failed(Failed {
            reason,
            detail: format!("HTTP {}", status.as_u16()),
            asked,
            throttled,
        })
    };
    match status {
        _ if status.is_success() => Outcome::Taken,
        StatusCode::GONE => Outcome::Gone,
        _ if status.is_redirection() => failed(Reason::Redirected),
        _ => failed(Reason::Status),
    }
}

fn broken(error: &(dyn Error + 'static)) -> Failed {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        said = format!("{said}: {next}");
        cause = next.source();
    }
    Failed::new(Reason::ConnectionFailed, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, retry: Option<&str>) -> Outcome {
        let mut headers = HeaderMap::new();
        if let Some(retry) = retry {
            headers.insert(header::RETRY_AFTER, retry.parse().unwrap());
        }
        outcome(
            StatusCode::from_u16(status).unwrap(),
            &headers,
            Timestamp::UNIX_EPOCH,
        )
    }

    #[test]
    fn only_2xx_is_success_and_410_ends_it() {
        assert_eq!(of(200, None), Outcome::Taken);
        assert_eq!(of(204, None), Outcome::Taken);
        assert_eq!(of(410, None), Outcome::Gone);
        for status in [301, 400, 404, 500, 503] {
            assert!(matches!(of(status, None), Outcome::Failed(_)), "{status}");
        }
    }

    #[test]
    fn an_endpoint_with_too_much_to_do_is_left_alone() {
        for (status, expected) in [(429, true), (502, true), (504, true), (500, false)] {
            let Outcome::Failed(failed) = of(status, Some("7")) else {
                panic!("{status}")
            };
            assert_eq!(failed.throttled, expected, "{status}");
            assert_eq!(failed.asked, Some(SignedDuration::from_secs(7)));
        }
    }
}
