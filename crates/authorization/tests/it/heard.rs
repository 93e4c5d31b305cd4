//! What binding and settlement say, and what becomes of mandates by it.

use authorization::actor::Actor;
use authorization::change::MandateError;
use authorization::follow::{Agreed, Fact, FollowError, Heard, follow};
use authorization::mandate::{Limits, Mandate, Places, Rank, State, Terms, Uses, Validity};
use authorization::page::Page;
use authorization::{pause, show};
use chassis::access::Caller;
use kernel::{BindingId, PersonId, Reason, Role, Usage};
use policy::Packs;

use crate::database;
use crate::scene::{
    agreed, citizen, fen, granted, hear, mandate, noon, refused, side, stands, told, version,
};

#[tokio::test]
async fn a_binding_brings_a_mandate_with_the_limits_of_the_contributors_region() {
    let db = database::empty().await;
    let packs = Packs::with_overlay(
        "test",
        r#"
        overlay = "test"
        [[region]]
        code = "140000"
        rules.limit_per_transaction = { value = "200.00", source = "test", grade = "INF" }
        rules.limit_per_year = { value = "10000.00", source = "test", grade = "INF" }
        rules.limit_share = { value = "50%", source = "test", grade = "INF" }
        "#,
    )
    .expect("the overlay is right");
    let agreed = Agreed {
        contributor: side("140100"),
        ..agreed()
    };
    let heard = Heard {
        fact: Fact::Bound(agreed),
        trace_parent: None,
    };
    let mut tx = chassis::db::begin(&db).await.unwrap();
    follow(
        &mut tx,
        &packs,
        &[heard],
        &Actor::following("binding"),
        noon(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();

    let mandate = mandate(&db, agreed.binding_id).await;
    assert_eq!(mandate.state(), State::InForce);
    assert_eq!(
        mandate.facts().terms,
        Terms {
            rank: Rank::FIRST,
            limits: Limits {
                per_transaction: Some(fen("limit", 20_000)),
                per_year: Some(fen("limit", 1_000_000)),
                share_of_balance: policy::values::Share::new(5_000),
                ..Limits::default()
            },
            uses: Uses::Any,
            places: Places::default(),
            validity: Validity::default(),
        }
    );
    assert_eq!(told(&db).await, 1);
}

#[tokio::test]
async fn a_binding_heard_twice_is_granted_once() {
    let db = database::empty().await;
    let agreed = agreed();
    hear(&db, &[Fact::Bound(agreed), Fact::Bound(agreed)])
        .await
        .unwrap();
    hear(&db, &[Fact::Bound(agreed)]).await.unwrap();
    assert_eq!(stands(&db, &agreed).await, (State::InForce, 1));
    assert_eq!(told(&db).await, 1);
}

#[tokio::test]
async fn an_end_heard_before_its_beginning_leaves_nothing_in_force() {
    let db = database::empty().await;
    let agreed = agreed();
    hear(&db, &[Fact::Unbound(agreed)]).await.unwrap();
    assert_eq!(stands(&db, &agreed).await, (State::Revoked, 1));
    hear(&db, &[Fact::Bound(agreed)]).await.unwrap();
    assert_eq!(stands(&db, &agreed).await, (State::Revoked, 1));
    assert_eq!(told(&db).await, 1);
}

#[tokio::test]
async fn a_binding_that_ended_before_it_was_agreed_has_no_mandate() {
    let db = database::empty().await;
    let never = Agreed {
        bound_at: None,
        ..agreed()
    };
    hear(&db, &[Fact::Unbound(never)]).await.unwrap();
    let asked = show::get(&db, never.binding_id, &citizen(never.contributor.person_id)).await;
    assert_eq!(refused(asked), Reason::MandateUnknown);
    assert_eq!(told(&db).await, 0);
}

#[tokio::test]
async fn beginning_and_end_that_arrive_at_once_on_two_replicas_end_in_revoked() {
    let db = database::empty().await;
    for _ in 0..20 {
        let agreed = agreed();
        let (beginning, end) = ([Fact::Bound(agreed)], [Fact::Unbound(agreed)]);
        let (one, other) = tokio::join!(hear(&db, &beginning), hear(&db, &end));
        one.unwrap();
        other.unwrap();
        assert_eq!(stands(&db, &agreed).await.0, State::Revoked);
    }
}

#[tokio::test]
async fn a_fence_of_what_is_not_stored_here_will_never_make_sense() {
    let db = database::empty().await;
    let heard = hear(&db, &[Fact::Fenced(BindingId::generate(), version(1))]).await;
    assert!(
        matches!(heard, Err(FollowError::UnknownMandate(_))),
        "{heard:?}"
    );
}

#[tokio::test]
async fn either_side_lists_its_mandates_newest_first_and_page_by_page() {
    let db = database::empty().await;
    let parent = side("610100");
    let mut bindings = Vec::new();
    for _ in 0..3 {
        let agreed = Agreed {
            beneficiary: parent,
            ..agreed()
        };
        hear(&db, &[Fact::Bound(agreed)]).await.unwrap();
        bindings.insert(0, agreed.binding_id);
    }
    granted(&db).await;

    let caller = citizen(parent.person_id);
    let page = |cursor: String| {
        Page::try_from(Some(proto::common::v1::Page { size: 2, cursor })).expect("a right page")
    };
    let ids = |mandates: &[Mandate]| -> Vec<_> {
        mandates.iter().map(|it| it.facts().binding_id).collect()
    };
    let (first, next) = show::list(&db, parent.person_id, page(String::new()), &caller)
        .await
        .unwrap();
    assert_eq!(
        (ids(&first), next),
        (bindings[..2].to_vec(), Some(bindings[1]))
    );
    let cursor = next.expect("there is more").to_string();
    let (second, next) = show::list(&db, parent.person_id, page(cursor), &caller)
        .await
        .unwrap();
    assert_eq!((ids(&second), next), (bindings[2..].to_vec(), None));

    let stranger = citizen(PersonId::generate());
    let asked = show::list(&db, parent.person_id, page(String::new()), &stranger).await;
    assert!(
        matches!(asked, Err(MandateError::Refused(refusal)) if refusal.reason == Reason::NotYours)
    );
}

#[tokio::test]
async fn every_version_is_kept_with_who_made_it_so() {
    let db = database::empty().await;
    let agreed = granted(&db).await;
    let operator = Caller {
        role: Role::Operator,
        subject: "op-7".to_owned(),
        about: None,
    };
    pause::pause(&db, agreed.binding_id, &operator, noon())
        .await
        .unwrap();
    let kept: Vec<(i64, String, String, String)> = sqlx::query_as(
        "SELECT version, state, actor_role, actor FROM mandate_version WHERE binding_id = $1 ORDER BY version",
    )
    .bind(agreed.binding_id.uuid())
    .fetch_all(&db)
    .await
    .unwrap();
    let row = |version, words: [&str; 3]| {
        let [state, role, actor] = words.map(str::to_owned);
        (version, state, role, actor)
    };
    assert_eq!(
        kept,
        [
            row(1, ["IN_FORCE", "SERVICE", "binding"]),
            row(2, ["PAUSING", "OPERATOR", "op-7"])
        ]
    );
}

#[tokio::test]
async fn what_the_code_refuses_the_database_refuses_too() {
    let db = database::empty().await;
    let agreed = granted(&db).await;
    for statement in [
        "UPDATE mandate SET state = 'DRAFT'",
        "UPDATE mandate SET per_day_fen = 0",
        "UPDATE mandate SET per_month_fen = 0",
        "UPDATE mandate SET per_year_fen = 0",
        "UPDATE mandate SET total_fen = 0",
        "UPDATE mandate SET share_of_balance = 10001",
        "UPDATE mandate SET rank = 0",
        "UPDATE mandate SET kinds = ARRAY['BAKERY']",
        "UPDATE mandate SET valid_from = '2026-03-02', valid_until = '2026-03-01'",
        "UPDATE mandate SET uses = ARRAY['FITNESS']",
        "UPDATE mandate SET beneficiary_person_id = contributor_person_id",
    ] {
        let error = sqlx::query(statement)
            .execute(&db)
            .await
            .expect_err("a constraint forbids it");
        assert!(
            error
                .as_database_error()
                .is_some_and(sqlx::error::DatabaseError::is_check_violation),
            "{statement}"
        );
    }
    assert!(Uses::of([Usage::Fitness]).is_err());
    assert_eq!(stands(&db, &agreed).await, (State::InForce, 1));
}
