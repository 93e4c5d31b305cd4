//! E-credentials: issued, looked up by the hundred, swept.

use authorization::credential::{Credential, Fingerprint, Purpose, Token};
use authorization::issue::{self, Issue, IssueError};
use authorization::lookup::{LookupError, lookup};
use authorization::{Lookup, sweep};
use chassis::access::Caller;
use chassis::tasks::Tasks;
use futures::future::join_all;
use jiff::SignedDuration;
use kernel::{Clock, PersonId, Reason, Role, Timestamp};
use sqlx::PgPool;

use crate::database;

const TTL: SignedDuration = SignedDuration::from_mins(10);
const LIMITS: Lookup = Lookup {
    queue: 1_000,
    batch: 100,
};

async fn issued(db: &PgPool, person_id: PersonId) -> (Token, Credential) {
    let caller = Caller {
        role: Role::Citizen,
        subject: person_id.to_string(),
        about: None,
    };
    let wanted = Issue {
        person_id,
        purpose: Purpose::Settlement,
        region: "610100".parse().expect("six digits"),
    };
    issue::issue(db, wanted, &caller, TTL, Timestamp::UNIX_EPOCH)
        .await
        .expect("citizens get their own codes")
}

#[tokio::test]
async fn a_token_is_found_by_its_text_and_the_text_is_nowhere_in_the_database() {
    let db = database::empty().await;
    let (token, credential) = issued(&db, PersonId::generate()).await;
    let text = token.reveal();
    let mut tasks = Tasks::new();
    let (lookup, reader) = lookup(db.clone(), &LIMITS);
    tasks.add("lookup", reader.run(tasks.stop()));

    let fingerprint = Fingerprint::of(&text).expect("it is a token");
    assert_eq!(lookup.find(fingerprint).await.unwrap(), Some(credential));
    let unknown = Fingerprint::of("610100ecnobodyhasthis").expect("it could be a token");
    assert_eq!(lookup.find(unknown).await.unwrap(), None);

    let rows: Vec<String> = sqlx::query_scalar("SELECT credential::text FROM credential")
        .fetch_all(&db)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].contains(&text[8..]), "the token is stored");
    tasks.shut_down().await.unwrap();
}

#[tokio::test]
async fn hundreds_who_ask_at_once_each_get_their_own_answer() {
    let db = database::empty().await;
    let mut everyone = Vec::new();
    for _ in 0..50 {
        everyone.push(issued(&db, PersonId::generate()).await.1);
    }
    let mut tasks = Tasks::new();
    let (lookup, reader) = lookup(db.clone(), &LIMITS);
    tasks.add("lookup", reader.run(tasks.stop()));
    // Several ask for one token at once, and each is answered.
    let asks = (0..8).flat_map(|_| &everyone).map(|it| {
        let lookup = lookup.clone();
        async move { (lookup.find(it.fingerprint).await.unwrap(), it.clone()) }
    });
    for (found, expected) in join_all(asks).await {
        assert_eq!(found, Some(expected));
    }
    tasks.shut_down().await.unwrap();
}

#[tokio::test]
async fn whoever_finds_the_queue_full_is_refused_at_once() {
    let db = database::empty().await;
    let (_, credential) = issued(&db, PersonId::generate()).await;
    let (lookup, reader) = lookup(db, &Lookup { queue: 1, batch: 1 });
    // `join!` polls in order, so the first is in the queue when the second asks.
    let (first, second) = tokio::join!(biased; lookup.find(credential.fingerprint), async {
        let refused = lookup.find(credential.fingerprint).await;
        // Only now does the reader go: the first has waited, the second did not.
        drop(reader);
        refused
    });
    assert!(
        matches!(second, Err(LookupError::Refused(refusal)) if refusal.reason == Reason::Overloaded)
    );
    assert!(matches!(first, Err(LookupError::Stopped)));
}

#[tokio::test]
async fn nobody_gets_another_persons_code() {
    let db = database::empty().await;
    let caller = Caller {
        role: Role::Citizen,
        subject: PersonId::generate().to_string(),
        about: None,
    };
    let wanted = Issue {
        person_id: PersonId::generate(),
        purpose: Purpose::Settlement,
        region: "610100".parse().unwrap(),
    };
    let asked = issue::issue(&db, wanted, &caller, TTL, Timestamp::UNIX_EPOCH).await;
    assert!(
        matches!(asked, Err(IssueError::Refused(refusal)) if refusal.reason == Reason::NotYours)
    );
}

#[tokio::test]
async fn an_expired_token_is_found_until_its_retention_is_over() {
    let db = database::empty().await;
    let (_, credential) = issued(&db, PersonId::generate()).await;
    let (_, other) = issued(&db, PersonId::generate()).await;
    let config = authorization::Credential {
        ttl: TTL,
        retention: SignedDuration::from_hours(24),
        sweep: SignedDuration::from_secs(1),
        sweep_batch: 1,
    };
    let clock = Clock::manual(Timestamp::UNIX_EPOCH);
    clock.advance(TTL + config.retention);
    assert_eq!(sweep::sweep(&db, &config, &clock).await.unwrap(), 0);
    clock.advance(SignedDuration::from_micros(1));
    assert_eq!(sweep::sweep(&db, &config, &clock).await.unwrap(), 2);

    let mut conn = db.acquire().await.unwrap();
    let asked = [credential.fingerprint, other.fingerprint];
    let left = authorization::store::find_credentials(&mut conn, &asked)
        .await
        .unwrap();
    assert_eq!(left, []);
}
