use futures::future::join_all;
use jiff::SignedDuration;
use proto::Event as _;
use proto::binding::v1 as pb;
use proto::binding::v1::BindingState;
use proto::common::v1::Page;
use proto::settlement::v1::{FenceScope, Fenced};

use crate::house::{House, ask, code, employee, only, until};

#[tokio::test]
async fn fifty_requests_at_once_never_exceed_the_contributors_cap() {
    let house = House::open("caps").await;
    // Zhejiang under the overlay: at most seven beneficiaries of one contributor.
    let people = house
        .import((0..51).map(|serial| employee("330100", serial)).collect())
        .await;
    let (contributor, relatives) = people.split_first().unwrap();
    let ids: Vec<_> = (0..relatives.len()).map(|at| format!("r-{at}")).collect();
    let requests = relatives
        .iter()
        .zip(&ids)
        .map(|(relative, id)| house.bind(contributor, relative, id));
    let answers = join_all(requests).await;
    assert_eq!(answers.iter().flatten().count(), 7);
    assert!(
        answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .all(|code| code == "TOO_MANY_BENEFICIARIES")
    );
}

#[tokio::test]
async fn fifty_contributors_at_once_get_one_exclusive_beneficiary_between_them() {
    let house = House::open("exclusive").await;
    // Jiangsu: everybody is in one relation, in either role.
    let people = house
        .import((0..51).map(|serial| employee("320600", serial)).collect())
        .await;
    let (beneficiary, contributors) = people.split_first().unwrap();
    let requests = contributors
        .iter()
        .map(|contributor| house.bind(contributor, beneficiary, "r"));
    let answers = join_all(requests).await;
    assert_eq!(answers.iter().flatten().count(), 1);
    assert!(
        answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .all(|code| code == "ROLE_EXCLUSIVE")
    );
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_a_changed_one_is_refused() {
    let house = House::open("repeats").await;
    let people = house
        .import((0..3).map(|serial| employee("330100", serial)).collect())
        .await;
    let request = ask(&people[0], &people[1], "r-1");
    let attempts = (0..8).map(|_| {
        let (mut client, request) = (house.citizen(&people[0]), request.clone());
        async move { client.request_bindings(request).await.unwrap().into_inner() }
    });
    let answers = join_all(attempts).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let binding = only(answers[0].clone()).unwrap();
    assert_eq!(
        (binding.state(), binding.version),
        (BindingState::Active, 1)
    );

    // The first answer stays the first answer when the binding has moved on.
    let ending = house.unbind(&people[1], &binding).await.unwrap();
    assert_eq!((ending.state(), ending.version), (BindingState::Ending, 2));
    let again = house
        .citizen(&people[0])
        .request_bindings(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(again, answers[0]);

    let other = pb::RequestBindingsRequest {
        members: ask(&people[0], &people[2], "").members,
        ..request
    };
    let refused = house
        .citizen(&people[0])
        .request_bindings(other)
        .await
        .unwrap_err();
    assert_eq!(code(&refused), "REQUEST_ID_REUSED");
    // While the old binding is on its way out, a new one has to wait.
    assert_eq!(
        house.bind(&people[0], &people[1], "r-2").await,
        Err("BINDING_ENDING".to_owned())
    );
}

#[tokio::test]
async fn where_both_must_sign_the_beneficiary_decides() {
    let house = House::open("both_sign").await;
    let people = house
        .import((0..3).map(|serial| employee("320600", serial)).collect())
        .await;
    let refused = |code: &str| Err(code.to_owned());

    let waiting = house.bind(&people[0], &people[1], "r-1").await.unwrap();
    assert_eq!(
        (waiting.state(), waiting.bound_at),
        (BindingState::PendingConfirm, None)
    );
    assert_eq!(
        house.confirm(&people[0], &waiting).await,
        refused("NOT_YOURS")
    );
    for _ in 0..2 {
        let bound = house.confirm(&people[1], &waiting).await.unwrap();
        assert_eq!((bound.state(), bound.version), (BindingState::Active, 2));
    }
    assert_eq!(
        house.decline(&people[1], &waiting).await,
        refused("BINDING_NOT_PENDING")
    );
    assert_eq!(
        house.unbind(&people[1], &waiting).await,
        refused("RELEASE_BY_CONTRIBUTOR")
    );

    let waiting = house.bind(&people[0], &people[2], "r-2").await.unwrap();
    let declined = house.decline(&people[2], &waiting).await.unwrap();
    assert_eq!(declined.state(), BindingState::Declined);
    assert_eq!(
        house.confirm(&people[2], &waiting).await,
        refused("BINDING_NOT_PENDING")
    );
}

#[tokio::test]
async fn what_was_not_agreed_is_withdrawn_at_once_and_lists_have_pages() {
    let house = House::open("withdrawn").await;
    let people = house
        .import((0..4).map(|serial| employee("320600", serial)).collect())
        .await;
    let mut bindings = Vec::new();
    for (at, relative) in people.iter().enumerate().skip(1) {
        bindings.push(
            house
                .bind(&people[0], relative, &format!("r-{at}"))
                .await
                .unwrap(),
        );
    }
    let withdrawn = house.unbind(&people[0], &bindings[2]).await.unwrap();
    assert_eq!(
        (withdrawn.state(), withdrawn.bound_at),
        (BindingState::Ended, None)
    );

    let list = |include_ended, cursor: &str| {
        let page = Some(Page {
            size: 2,
            cursor: cursor.to_owned(),
        });
        let request = pb::ListBindingsRequest {
            person_id: people[0].person_id.clone(),
            page,
            include_ended,
        };
        let mut client = house.citizen(&people[0]);
        async move {
            let answer = client.list_bindings(request).await.unwrap().into_inner();
            let ids = answer
                .bindings
                .into_iter()
                .map(|binding| binding.binding_id)
                .collect::<Vec<_>>();
            (ids, answer.next_cursor)
        }
    };
    let ids = |range: &[usize]| {
        range
            .iter()
            .map(|at| bindings[*at].binding_id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(list(false, "").await, (ids(&[1, 0]), String::new()));
    let (first, cursor) = list(true, "").await;
    assert_eq!(first, ids(&[2, 1]));
    assert_eq!(list(true, &cursor).await, (ids(&[0]), String::new()));
}

#[tokio::test]
async fn a_binding_ends_when_settlement_has_fenced_it_and_only_once() {
    let mut house = House::open("fences").await;
    let settlement = house.neighbour("fences_settlement").await;
    let people = house
        .import((0..2).map(|serial| employee("330100", serial)).collect())
        .await;
    let binding = house.bind(&people[0], &people[1], "r-1").await.unwrap();
    let ending = house.unbind(&people[0], &binding).await.unwrap();
    assert_eq!((ending.state(), ending.version), (BindingState::Ending, 2));

    // Of nobody, of a mandate, the one that counts, and that one again.
    let unknown = kernel::BindingId::generate().to_string();
    let mut tx = chassis::db::begin(&settlement).await.unwrap();
    for (binding_id, scope) in [
        (&unknown, FenceScope::Binding),
        (&binding.binding_id, FenceScope::Mandate),
        (&binding.binding_id, FenceScope::Binding),
        (&binding.binding_id, FenceScope::Binding),
    ] {
        let fenced = Fenced {
            binding_id: binding_id.clone(),
            scope: scope.into(),
            version: 2,
            fenced_at: None,
        };
        chassis::outbox::record(&mut tx, &fenced, house.clock.now())
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();

    until("every fence is handled", || async {
        let handled: i64 = sqlx::query_scalar("SELECT count(*) FROM inbox")
            .fetch_one(&house.db)
            .await
            .unwrap();
        (handled == 4).then_some(())
    })
    .await;
    let ended = house.binding(&binding).await;
    assert_eq!((ended.state(), ended.version), (BindingState::Ended, 3));
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE subject = $1")
        .bind(pb::Unbound::SUBJECT)
        .fetch_one(&house.db)
        .await
        .unwrap();
    assert_eq!(told, 1);
    assert_eq!(house.unbind(&people[0], &binding).await, Ok(ended));
    // The place is free again: a new binding, with a new id.
    let anew = house.bind(&people[0], &people[1], "r-2").await.unwrap();
    assert_ne!(anew.binding_id, binding.binding_id);
}

#[tokio::test]
async fn a_binding_whose_last_day_is_over_is_being_ended() {
    let house = House::open("last_day").await;
    let people = house
        .import((0..2).map(|serial| employee("330100", serial)).collect())
        .await;
    let mut request = ask(&people[0], &people[1], "r-1");
    request.members[0].valid_until = "2026-03-02".to_owned();
    let binding = only(
        house
            .citizen(&people[0])
            .request_bindings(request)
            .await
            .unwrap()
            .into_inner(),
    )
    .unwrap();
    assert_eq!(binding.state(), BindingState::Active);
    house.clock.advance(SignedDuration::from_hours(24));
    until("the fence is asked for", || async {
        let binding = house.binding(&binding).await;
        assert_eq!(binding.state(), BindingState::Ending);
        (binding.version == 2).then_some(())
    })
    .await;
}
