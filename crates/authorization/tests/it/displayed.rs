//! Codes that somebody shows for a relative.

use authorization::credential::{Credential, Purpose, Under};
use authorization::display::{self, Link};
use authorization::issue::{Issue, IssueError};
use authorization::store;
use chassis::access::Caller;
use jiff::SignedDuration;
use kernel::{DisplayLinkId, PersonId, Reason, Role, Timestamp};
use sqlx::PgPool;

use crate::database;
use crate::scene::{citizen, noon};

const TTL: SignedDuration = SignedDuration::from_mins(10);

fn link() -> Link {
    Link {
        id: DisplayLinkId::generate(),
        binder: PersonId::generate(),
        relative: PersonId::generate(),
        is_active: true,
        counter_only: true,
    }
}

fn code_of(person_id: PersonId) -> Issue {
    Issue {
        person_id,
        purpose: Purpose::Settlement,
        region: "320600".parse().expect("six digits"),
    }
}

async fn shown(db: &PgPool, link: Link, caller: &Caller) -> Result<Credential, IssueError> {
    let wanted = (code_of(link.relative), link);
    let issued = display::display(db, wanted, caller, TTL, noon()).await;
    issued.map(|(_, credential)| credential)
}

async fn found(db: &PgPool, credential: &Credential) -> Credential {
    let mut conn = db.acquire().await.expect("the database answers");
    let mut found = store::find_credentials(&mut conn, &[credential.fingerprint])
        .await
        .expect("the database answers");
    found.pop().expect("it was issued")
}

async fn unlinked(db: &PgPool, link: DisplayLinkId, at: Timestamp) {
    let mut tx = chassis::db::begin(db).await.expect("the database answers");
    display::unlinked(&mut tx, link, at)
        .await
        .expect("the database answers");
    tx.commit().await.expect("the database answers");
}

fn reason(result: Result<Credential, IssueError>) -> Reason {
    match result {
        Err(IssueError::Refused(refusal)) => refusal.reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_shown_code_is_the_relatives_and_says_who_showed_it() {
    let db = database::empty().await;
    let link = link();
    let code = shown(&db, link, &citizen(link.binder)).await.unwrap();
    assert_eq!(found(&db, &code).await, code);
    assert_eq!(
        (code.person_id, code.presenter),
        (link.relative, link.binder)
    );
    let under = Under {
        link: link.id,
        counter_only: true,
    };
    assert_eq!(code.under, Some(under));
}

#[tokio::test]
async fn only_the_binder_of_an_active_link_shows_its_relatives_code() {
    let db = database::empty().await;
    let link = link();
    let operator = Caller {
        role: Role::Operator,
        subject: "op-7".to_owned(),
        about: None,
    };
    for caller in [
        citizen(link.relative),
        citizen(PersonId::generate()),
        operator,
    ] {
        assert_eq!(reason(shown(&db, link, &caller).await), Reason::NotYours);
    }
    let another = (code_of(PersonId::generate()), link);
    let asked = display::display(&db, another, &citizen(link.binder), TTL, noon()).await;
    assert_eq!(
        reason(asked.map(|(_, credential)| credential)),
        Reason::NotYours
    );
    let waiting = Link {
        is_active: false,
        ..link
    };
    assert_eq!(
        reason(shown(&db, waiting, &citizen(link.binder)).await),
        Reason::DisplayLinkNotActive
    );
}

#[tokio::test]
async fn a_link_that_ends_takes_its_codes_with_it_and_shows_no_more() {
    let db = database::empty().await;
    let (link, other) = (link(), link());
    let code = shown(&db, link, &citizen(link.binder)).await.unwrap();
    let kept = shown(&db, other, &citizen(other.binder)).await.unwrap();
    // Heard twice; and at the very instant of the issue.
    for _ in 0..2 {
        unlinked(&db, link.id, noon()).await;
    }
    assert_eq!(found(&db, &code).await.expires_at, noon());
    assert_eq!(found(&db, &kept).await.expires_at, kept.expires_at);
    // Binding said "active" a moment before it heard of the end.
    let late = shown(&db, link, &citizen(link.binder)).await;
    assert_eq!(reason(late), Reason::DisplayLinkNotActive);
}

#[tokio::test]
async fn an_end_that_is_heard_before_the_first_code_leaves_none() {
    let db = database::empty().await;
    let link = link();
    unlinked(&db, link.id, noon()).await;
    let late = shown(&db, link, &citizen(link.binder)).await;
    assert_eq!(reason(late), Reason::DisplayLinkNotActive);
}
