//! What a pack asks for before two people are bound, through the service itself.

use jiff::SignedDuration;
use proto::binding::v1 as pb;
use proto::binding::v1::BindingState;
use proto::settlement::v1::{FenceScope, Fenced};

use crate::house::{House, ask, employee, only, until};

#[tokio::test]
async fn in_shandong_a_signed_commitment_is_asked_for() {
    let house = House::open("commitment").await;
    let people = house
        .import((0..2).map(|serial| employee("370200", serial)).collect())
        .await;
    let refused = house.bind(&people[0], &people[1], "r-1").await;
    assert_eq!(refused, Err("KIN_PROOF_MISSING".to_owned()));

    let mut request = ask(&people[0], &people[1], "r-2");
    request.commitment_sha256 = "0f".repeat(32);
    let answer = house
        .citizen(&people[0])
        .request_bindings(request)
        .await
        .unwrap();
    assert_eq!(
        only(answer.into_inner()).unwrap().state(),
        BindingState::Active
    );
}

#[tokio::test]
async fn what_waited_a_month_for_the_other_sides_word_can_only_be_asked_again() {
    let house = House::open("invitation").await;
    let people = house
        .import((0..2).map(|serial| employee("320600", serial)).collect())
        .await;
    let pending = house.bind(&people[0], &people[1], "r-1").await.unwrap();
    house.clock.advance(SignedDuration::from_hours(30 * 24));
    let refused = house.confirm(&people[1], &pending).await;
    assert_eq!(refused, Err("INVITATION_EXPIRED".to_owned()));

    until("the invitation is closed", || async {
        let binding = house.binding(&pending).await;
        (binding.state() == BindingState::Expired).then_some(())
    })
    .await;
    let refused = house.confirm(&people[1], &pending).await;
    assert_eq!(refused, Err("INVITATION_EXPIRED".to_owned()));
    let pending = house.bind(&people[0], &people[1], "r-2").await.unwrap();
    let bound = house.confirm(&people[1], &pending).await.unwrap();
    assert_eq!(bound.state(), BindingState::Active);
}

/// Hunan under the overlay: one beneficiary in a lifetime.
#[tokio::test]
async fn who_was_ever_aided_counts_after_the_end_and_may_come_back() {
    let mut house = House::open("lifetime").await;
    let settlement = house.neighbour("lifetime_settlement").await;
    let people = house
        .import((0..3).map(|serial| employee("430100", serial)).collect())
        .await;
    let first = house.bind(&people[0], &people[1], "r-1").await.unwrap();
    house.unbind(&people[0], &first).await.unwrap();
    fence(&house, &settlement, &first).await;

    let refused = house.bind(&people[0], &people[2], "r-2").await;
    assert_eq!(refused, Err("TOO_MANY_BENEFICIARIES_EVER".to_owned()));
    assert!(house.bind(&people[0], &people[1], "r-3").await.is_ok());
}

/// Settlement fences an ending binding, and the service hears of it.
pub async fn fence(house: &House, settlement: &sqlx::PgPool, ending: &pb::Binding) {
    let fenced = Fenced {
        binding_id: ending.binding_id.clone(),
        scope: FenceScope::Binding.into(),
        version: 2,
        fenced_at: None,
    };
    let mut tx = chassis::db::begin(settlement).await.unwrap();
    chassis::outbox::record(&mut tx, &fenced, house.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    until("the binding is ended", || async {
        let binding = house.binding(ending).await;
        (binding.state() == BindingState::Ended).then_some(())
    })
    .await;
}
