//! People, a binding between them, and what is heard of it.

use authorization::actor::Actor;
use authorization::change::MandateError;
use authorization::follow::{Agreed, Fact, FollowError, Heard, follow};
use authorization::mandate::{Limit, Mandate, Side, State, Version};
use authorization::show;
use chassis::access::Caller;
use kernel::{AccountId, BindingId, Fen, PersonId, Reason, Role, Timestamp};
use policy::Packs;
use sqlx::PgPool;

/// Noon of 1 March 2026 in Shanghai.
pub fn noon() -> Timestamp {
    "2026-03-01T04:00:00Z".parse().expect("it is a time")
}

pub fn side(region: &str) -> Side {
    Side {
        person_id: PersonId::generate(),
        account_id: AccountId::generate(),
        region: region.parse().expect("six digits"),
    }
}

/// A binding within Xi'an.
pub fn agreed() -> Agreed {
    Agreed {
        binding_id: BindingId::generate(),
        contributor: side("610100"),
        beneficiary: side("610100"),
        bound_at: Some(noon()),
    }
}

pub fn citizen(person: PersonId) -> Caller {
    Caller {
        role: Role::Citizen,
        subject: person.to_string(),
        about: None,
    }
}

pub fn fen(field: &str, fen: i64) -> Limit {
    Limit::new(field, Fen::new(fen)).expect("above zero")
}

/// Hears facts as one delivered batch.
pub async fn hear(db: &PgPool, facts: &[Fact]) -> Result<(), FollowError> {
    let heard: Vec<_> = facts
        .iter()
        .map(|fact| Heard {
            fact: fact.clone(),
            trace_parent: None,
        })
        .collect();
    let mut tx = chassis::db::begin(db).await.expect("the database answers");
    follow(
        &mut tx,
        &Packs::shipped(),
        &heard,
        &Actor::following("binding"),
        noon(),
    )
    .await?;
    tx.commit().await.expect("the database answers");
    Ok(())
}

pub async fn granted(db: &PgPool) -> Agreed {
    let agreed = agreed();
    hear(db, &[Fact::Bound(agreed)])
        .await
        .expect("it can be granted");
    agreed
}

pub async fn mandate(db: &PgPool, binding_id: BindingId) -> Mandate {
    let operator = Caller {
        role: Role::Operator,
        subject: "op-7".to_owned(),
        about: None,
    };
    show::get(db, binding_id, &operator)
        .await
        .expect("it exists")
}

/// State and version, which is what the stories are about.
pub async fn stands(db: &PgPool, agreed: &Agreed) -> (State, i64) {
    let mandate = mandate(db, agreed.binding_id).await;
    (mandate.state(), mandate.facts().version.get())
}

pub async fn told(db: &PgPool) -> i64 {
    chassis::outbox::pending(db)
        .await
        .expect("the database answers")
}

pub fn version(number: i64) -> Version {
    Version::new(number).expect("at least 1")
}

pub fn refused(result: Result<Mandate, MandateError>) -> Reason {
    match result {
        Err(MandateError::Refused(refusal)) => refusal.reason,
        other => panic!("not refused: {other:?}"),
    }
}
