//! What sends messages to other machines, taken apart: a courier that goes when it is told, and a clock that is moved by hand.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chassis::tasks::Tasks;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::SignedDuration;
use kernel::{Clock, EndpointId, PersonId};
use notification::courier::Courier;
use notification::endpoints::{Subscriptions, Wish};
use notification::store::deliveries::{self, Dead, Wanted};
use notification::webhook::post::Post;
use notification::webhook::sign::MasterKey;
use secrecy::ExposeSecret as _;
use sha2::Sha256;

use crate::facts::{charged, delivery, noon};
use crate::receiver::{Answer, Received, Receiver};
use crate::stage::{Serving, Stage};

/// A database, a courier that is told when to go, and a clock that is moved by hand.
pub struct Office {
    pub stage: Stage,
    tasks: Tasks,
    pub clock: Clock,
    allowed: Vec<String>,
    /// How long an attempt may take. A test in which none hangs leaves a busy machine its time.
    pub timeout: Duration,
}

impl Office {
    pub async fn open() -> Self {
        let stage = Stage::open().await;
        std::fs::write(stage.home.join("webhooks.key"), "5a".repeat(32)).expect("it is ours");
        Self {
            stage,
            tasks: Tasks::new(),
            clock: Clock::manual(noon()),
            allowed: Vec::new(),
            timeout: Duration::from_secs(30),
        }
    }

    pub async fn receiver(&mut self, answer: Answer) -> Receiver {
        let receiver = Receiver::listen(&mut self.tasks, answer).await;
        self.allowed.push(receiver.authority());
        receiver
    }

    fn key(&self) -> MasterKey {
        MasterKey::from_file(&self.stage.home.join("webhooks.key")).expect("it is a key")
    }

    pub fn courier(&self) -> Courier {
        Courier {
            db: self.stage.db.clone(),
            key: self.key(),
            post: Post::new(self.timeout),
            allowed: self.allowed.clone(),
            timeout: SignedDuration::from_secs(30),
            clock: self.clock.clone(),
        }
    }

    /// Subscribes an address to charges on somebody's account; its id and secret.
    pub async fn subscribe(&self, url: &str) -> (EndpointId, String) {
        self.subscribe_with(url, false).await
    }

    /// The same; `in_order`: one after the other for each person.
    pub async fn subscribe_with(&self, url: &str, in_order: bool) -> (EndpointId, String) {
        let subscriptions = Subscriptions {
            db: self.stage.db.clone(),
            key: self.key(),
            allowed: self.allowed.clone(),
            overlap: SignedDuration::from_hours(24),
        };
        let kinds = ["CHARGED_AID".to_owned()];
        let wish = Wish {
            url,
            kinds: &kinds,
            in_order,
        };
        let (endpoint, secret) = subscriptions
            .subscribe(wish, "OP1", self.clock.now())
            .await
            .expect("the address is allowed");
        (endpoint.id, secret.expose_secret().to_owned())
    }

    /// Tells so many charges, of which one notice each is announced.
    pub async fn tell(&self, charges: usize) {
        let facts: Vec<_> = (0..charges)
            .map(|_| delivery(&charged(PersonId::generate(), PersonId::generate())))
            .collect();
        self.stage.tell(&facts).await.expect("it can be told");
    }

    pub async fn round(&self) -> usize {
        self.courier().round().await.expect("the database is there")
    }

    pub fn later(&self, by: SignedDuration) {
        assert!(self.clock.advance(by));
    }

    pub async fn dead(&self) -> Vec<Dead> {
        deliveries::list_dead(&self.stage.db, &Wanted::default(), None, 100)
            .await
            .expect("the table is there")
    }

    /// The reason of the last failure of each endpoint's only message.
    pub async fn reason(&self, endpoint: EndpointId) -> Option<String> {
        sqlx::query_scalar("SELECT reason FROM webhook_delivery WHERE endpoint_id = $1")
            .bind(endpoint.uuid())
            .fetch_optional(&self.stage.db)
            .await
            .expect("the table is there")
            .flatten()
    }

    /// The service, allowed to post to these receivers.
    pub async fn serve(&self) -> Serving {
        let key = self.stage.home.join("webhooks.key");
        let allowed = self.allowed.clone();
        self.stage
            .serve_with(|config| {
                config.webhooks.key = Some(key);
                config.webhooks.allow = allowed;
                config.webhooks.poll = SignedDuration::from_millis(20);
            })
            .await
    }
}

/// Whether a message bears this secret's signature, by the text of the standard and not by our code.
pub fn is_signed(received: &Received, secret: &str) -> bool {
    let key = STANDARD
        .decode(
            secret
                .strip_prefix("whsec_")
                .expect("it is known for a secret"),
        )
        .expect("it is base64");
    assert!((24..=64).contains(&key.len()));
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key");
    let (id, at) = (
        received.header("webhook-id"),
        received.header("webhook-timestamp"),
    );
    mac.update(format!("{id}.{at}.{}", received.body).as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    received
        .header("webhook-signature")
        .split(' ')
        .any(|signature| signature == expected)
}
