//! Who else must say yes before a binding holds: the other side in time, and the agency by two people.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails its test")]

use futures::future::join_all;
use jiff::SignedDuration;
use proto::Event as _;
use proto::binding::v1 as pb;
use proto::binding::v1::{BindingState, KinProofKind};
use proto::common::v1::Page;

use crate::house::{House, ask, code, employee, only, until};

impl House {
    async fn review_binding_as(
        &self,
        operator: &str,
        binding: &pb::Binding,
        approve: bool,
    ) -> Result<pb::Binding, String> {
        let request = pb::ReviewBindingRequest {
            binding_id: binding.binding_id.clone(),
            approve,
            reason: "测试".to_owned(),
        };
        let answer = self.operator_called(operator).review_binding(request).await;
        answer
            .map(|answer| answer.into_inner().binding.unwrap())
            .map_err(|status| code(&status))
    }
}

fn refused(code: &str) -> Result<pb::Binding, String> {
    Err(code.to_owned())
}

fn proof(kind: KinProofKind) -> pb::KinProof {
    pb::KinProof {
        kind: kind.into(),
        sha256: "ab".repeat(32),
    }
}

/// Guizhou under the overlay: the agency reviews.
#[tokio::test]
async fn a_reviewed_binding_holds_when_somebody_else_has_approved_it() {
    let house = House::open("reviewed").await;
    let people = house
        .import((0..3).map(|serial| employee("520100", serial)).collect())
        .await;
    // The first operator asks in the contributor's name.
    let mut desk = house.operator_called("op-1");
    let asked = desk
        .request_bindings(ask(&people[0], &people[1], "r-1"))
        .await;
    let waiting = only(asked.unwrap().into_inner()).unwrap();
    assert_eq!(
        (waiting.state(), waiting.bound_at),
        (BindingState::PendingReview, None)
    );
    assert_eq!(
        house.review_binding_as("op-1", &waiting, true).await,
        refused("REVIEW_BY_ANOTHER")
    );
    let list = pb::ListBindingsInReviewRequest {
        page: Some(Page::default()),
    };
    let listed = house.operator().list_bindings_in_review(list).await;
    assert_eq!(listed.unwrap().into_inner().bindings.len(), 1);
    for _ in 0..2 {
        let bound = house
            .review_binding_as("op-2", &waiting, true)
            .await
            .unwrap();
        assert_eq!((bound.state(), bound.version), (BindingState::Active, 2));
    }
    assert_eq!(
        house.review_binding_as("op-2", &waiting, false).await,
        refused("BINDING_NOT_PENDING")
    );

    let waiting = house.bind(&people[2], &people[0], "r-2").await.unwrap();
    let rejected = house
        .review_binding_as("op-1", &waiting, false)
        .await
        .unwrap();
    assert_eq!(rejected.state(), BindingState::Rejected);
    // What was rejected takes no place, and may be asked for again, and withdrawn.
    let waiting = house.bind(&people[2], &people[0], "r-3").await.unwrap();
    let ended = house.unbind(&people[2], &waiting).await.unwrap();
    assert_eq!(ended.state(), BindingState::Ended);
}

#[tokio::test]
async fn an_invitation_that_nobody_answers_expires_and_frees_its_place() {
    let house = House::open("expires").await;
    let people = house
        .import((0..3).map(|serial| employee("320600", serial)).collect())
        .await;
    let waiting = house.bind(&people[0], &people[1], "r-1").await.unwrap();
    assert_eq!(
        house.bind(&people[2], &people[1], "r-1").await,
        refused("ROLE_EXCLUSIVE")
    );
    house.clock.advance(SignedDuration::from_hours(30 * 24));
    until("the invitation is closed", || async {
        let binding = house.binding(&waiting).await;
        (binding.state() == BindingState::Expired).then_some(())
    })
    .await;
    assert_eq!(
        house.confirm(&people[1], &waiting).await,
        refused("INVITATION_EXPIRED")
    );
    assert_eq!(
        house.unbind(&people[0], &waiting).await,
        refused("BINDING_ENDED")
    );
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE subject = $1")
        .bind(pb::Expired::SUBJECT)
        .fetch_one(&house.db)
        .await
        .unwrap();
    assert_eq!(told, 1);
    assert!(house.bind(&people[2], &people[1], "r-2").await.is_ok());
}

/// Jiangxi under the overlay: the beneficiary accepts, with their face; and a marriage is checked.
#[tokio::test]
async fn each_proof_is_handed_in_by_who_can_give_it() {
    let house = House::open("proofs").await;
    let people = house
        .import((0..3).map(|serial| employee("360100", serial)).collect())
        .await;
    let with = |kind, id: &str| {
        let mut request = ask(&people[0], &people[1], id);
        request.members[0].proofs = vec![proof(kind)];
        let mut contributor = house.citizen(&people[0]);
        async move {
            only(
                contributor
                    .request_bindings(request)
                    .await
                    .unwrap()
                    .into_inner(),
            )
        }
    };
    assert_eq!(with(KinProofKind::Face, "r-1").await, refused("NOT_YOURS"));
    assert_eq!(
        with(KinProofKind::MarriageCheck, "r-2").await,
        refused("ACCESS_DENIED")
    );
    assert_eq!(
        house.bind(&people[0], &people[1], "r-3").await,
        refused("KIN_PROOF_MISSING")
    );
    let waiting = with(KinProofKind::HouseholdPage, "r-4").await.unwrap();
    assert_eq!(waiting.state(), BindingState::PendingConfirm);
    // The face comes with the answer.
    assert_eq!(
        house.confirm(&people[1], &waiting).await,
        refused("KIN_PROOF_MISSING")
    );
    let accept = pb::ConfirmBindingRequest {
        binding_id: waiting.binding_id,
        proofs: vec![proof(KinProofKind::Face)],
    };
    let accepted = house.citizen(&people[1]).confirm_binding(accept).await;
    let bound = accepted.unwrap().into_inner().binding.unwrap();
    assert_eq!(bound.state(), BindingState::Active);
}

/// Two who ask for each other at once: aid is one-way unless a pack says otherwise.
#[tokio::test]
async fn of_two_who_ask_for_each_other_at_once_one_contributes() {
    let house = House::open("reciprocal").await;
    let people = house
        .import((0..20).map(|serial| employee("330100", serial)).collect())
        .await;
    let pairs = people.chunks(2).map(|pair| async {
        let there = house.bind(&pair[0], &pair[1], "r-1");
        let back = house.bind(&pair[1], &pair[0], "r-1");
        let (there, back) = tokio::join!(there, back);
        [there, back]
    });
    for answers in join_all(pairs).await {
        let made = answers.iter().flatten().count();
        assert_eq!(made, 1, "{answers:?}");
        let refused = answers.iter().find_map(|answer| answer.as_ref().err());
        assert_eq!(refused.unwrap(), "RECIPROCAL_BINDING");
    }
}

/// Concurrent creations that touched the same accounts in different orders waited for each other for ever
/// (formancehq/ledger#565).
#[tokio::test]
async fn concurrent_create_no_deadlock_formance_565() {
    let house = House::open("no_deadlock").await;
    let people = house
        .import((0..12).map(|serial| employee("610100", serial)).collect())
        .await;
    // Everybody asks for everybody else at once, each beginning with another one.
    let requests = people.iter().enumerate().map(|(at, contributor)| {
        let (before, after) = people.split_at(at);
        let others = after.iter().skip(1).chain(before);
        let mut request = ask(contributor, contributor, "r-1");
        let member = request.members.remove(0);
        request.members = others
            .map(|other| pb::BindingMember {
                beneficiary: Some(pb::binding_member::Beneficiary::PersonId(
                    other.person_id.clone(),
                )),
                ..member.clone()
            })
            .collect();
        let mut client = house.citizen(contributor);
        async move { client.request_bindings(request).await }
    });
    let mut bound = 0;
    for answer in join_all(requests).await {
        let results = answer.expect("nobody waits for ever").into_inner().results;
        for result in results {
            match result.outcome.unwrap() {
                pb::binding_result::Outcome::Binding(_) => bound += 1,
                pb::binding_result::Outcome::Refused(reason) => {
                    assert_eq!(reason.code, "RECIPROCAL_BINDING");
                }
            }
        }
    }
    // Each pair once, in one of its two directions.
    assert_eq!(bound, 12 * 11 / 2);
}
