//! What people ask of a mandate, with the fences of settlement played by hand.

use authorization::change::{self, Change};
use authorization::follow::Fact;
use authorization::mandate::{Kind, Limits, Places, Rank, State, Terms, Validity};
use authorization::{Fence, pause, resume, revoke, wait};
use jiff::SignedDuration;
use jiff::civil::date;
use kernel::{BindingId, PersonId, Reason};
use policy::Packs;

use crate::database;
use crate::scene::{citizen, fen, granted, hear, mandate, noon, refused, stands, told, version};

fn lowered(terms: Terms) -> Terms {
    Terms {
        limits: Limits {
            per_month: Some(fen("per_month_fen", 50_000)),
            ..terms.limits
        },
        ..terms
    }
}

#[tokio::test]
async fn a_lowered_limit_waits_for_its_fence_and_a_raised_one_does_not() {
    let db = database::empty().await;
    let agreed = granted(&db).await;
    let contributor = citizen(agreed.contributor.person_id);
    let free = mandate(&db, agreed.binding_id).await.facts().terms.clone();
    let packs = Packs::shipped();
    let ask = |seen, terms| Change {
        binding_id: agreed.binding_id,
        seen: version(seen),
        terms,
    };
    let change = |asked| change::change(&db, &packs, asked, &contributor, noon());

    let changing = change(ask(1, lowered(free.clone()))).await.unwrap();
    assert_eq!(
        (changing.state(), &changing.facts().terms),
        (State::Changing, &lowered(free.clone()))
    );
    assert_eq!(
        refused(change(ask(2, free.clone())).await),
        Reason::MandateBusy
    );

    hear(&db, &[Fact::Fenced(agreed.binding_id, version(2))])
        .await
        .unwrap();
    assert_eq!(stands(&db, &agreed).await, (State::InForce, 3));
    assert_eq!(
        refused(change(ask(2, free.clone())).await),
        Reason::MandateVersionStale
    );

    let raised = change(ask(3, free)).await.unwrap();
    assert_eq!(
        (raised.state(), raised.facts().version.get()),
        (State::InForce, 4)
    );
    // granted, tightening, changed by the fence, changed by the raise
    assert_eq!(told(&db).await, 4);
}

#[tokio::test]
async fn a_place_taken_away_waits_for_its_fence_one_added_does_not_and_both_are_stored() {
    let db = database::empty().await;
    let agreed = granted(&db).await;
    let contributor = citizen(agreed.contributor.person_id);
    let free = mandate(&db, agreed.binding_id).await.facts().terms.clone();
    let packs = Packs::shipped();
    let narrow = |kinds: &[Kind]| Terms {
        places: Places::of(kinds.iter().copied(), ["H1".to_owned()]).unwrap(),
        validity: Validity::new(Some(date(2026, 3, 1)), Some(date(2026, 12, 31))).unwrap(),
        ..free.clone()
    };
    let ask = async |seen, terms| {
        let asked = Change {
            binding_id: agreed.binding_id,
            seen: version(seen),
            terms,
        };
        change::change(&db, &packs, asked, &contributor, noon())
            .await
            .unwrap()
    };

    let hospitals = narrow(&[Kind::Hospital]);
    assert_eq!(ask(1, hospitals.clone()).await.state(), State::Changing);
    hear(&db, &[Fact::Fenced(agreed.binding_id, version(2))])
        .await
        .unwrap();
    let stored = mandate(&db, agreed.binding_id).await;
    assert_eq!(
        (stored.state(), &stored.facts().terms),
        (State::InForce, &hospitals)
    );
    assert_eq!(ask(3, narrow(&[])).await.state(), State::InForce);
    assert_eq!(
        mandate(&db, agreed.binding_id).await.facts().terms,
        narrow(&[])
    );
}

#[tokio::test]
async fn of_two_changes_made_from_one_version_the_second_is_refused() {
    let db = database::empty().await;
    let agreed = granted(&db).await;
    let contributor = citizen(agreed.contributor.person_id);
    let packs = Packs::shipped();
    let free = mandate(&db, agreed.binding_id).await.facts().terms.clone();
    let ranked = |rank| Change {
        binding_id: agreed.binding_id,
        seen: version(1),
        terms: Terms {
            rank: Rank::new(rank).unwrap(),
            ..free.clone()
        },
    };
    let (one, other) = tokio::join!(
        change::change(&db, &packs, ranked(2), &contributor, noon()),
        change::change(&db, &packs, ranked(3), &contributor, noon()),
    );
    let (won, lost) = if one.is_ok() {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!(won.unwrap().facts().version.get(), 2);
    assert_eq!(refused(lost), Reason::MandateVersionStale);
}

#[tokio::test]
async fn a_pause_goes_on_top_of_a_waiting_change_and_only_its_own_fence_completes_it() {
    let db = database::empty().await;
    let agreed = granted(&db).await;
    let contributor = citizen(agreed.contributor.person_id);
    let free = mandate(&db, agreed.binding_id).await.facts().terms.clone();
    let asked = Change {
        binding_id: agreed.binding_id,
        seen: version(1),
        terms: lowered(free.clone()),
    };
    change::change(&db, &Packs::shipped(), asked, &contributor, noon())
        .await
        .unwrap();
    let pausing = pause::pause(&db, agreed.binding_id, &contributor, noon())
        .await
        .unwrap();
    assert_eq!(pausing.state(), State::Pausing);

    hear(&db, &[Fact::Fenced(agreed.binding_id, version(2))])
        .await
        .unwrap();
    assert_eq!(stands(&db, &agreed).await, (State::Pausing, 3));
    hear(&db, &[Fact::Fenced(agreed.binding_id, version(3))])
        .await
        .unwrap();
    assert_eq!(stands(&db, &agreed).await, (State::Paused, 4));

    let resumed = resume::resume(&db, agreed.binding_id, &contributor, noon())
        .await
        .unwrap();
    assert_eq!(
        (resumed.state(), &resumed.facts().terms),
        (State::InForce, &lowered(free))
    );
}

#[tokio::test]
async fn a_revocation_is_for_ever_and_so_is_the_end_of_the_binding() {
    let db = database::empty().await;
    let agreed = granted(&db).await;
    let contributor = citizen(agreed.contributor.person_id);
    let revoke = || revoke::revoke(&db, agreed.binding_id, &contributor, noon());
    assert_eq!(revoke().await.unwrap().state(), State::Revoking);
    assert_eq!(revoke().await.unwrap().facts().version.get(), 2);
    hear(
        &db,
        &[
            Fact::Fenced(agreed.binding_id, version(2)),
            Fact::Unbound(agreed),
        ],
    )
    .await
    .unwrap();
    assert_eq!(stands(&db, &agreed).await, (State::Revoked, 3));
    let paused = pause::pause(&db, agreed.binding_id, &contributor, noon()).await;
    assert_eq!(refused(paused), Reason::MandateRevoked);

    let ended = granted(&db).await;
    hear(&db, &[Fact::Unbound(ended)]).await.unwrap();
    assert_eq!(stands(&db, &ended).await, (State::Revoked, 2));
}

#[tokio::test]
async fn only_the_contributor_stops_the_money_and_a_refusal_changes_nothing() {
    let db = database::empty().await;
    let agreed = granted(&db).await;
    for caller in [
        citizen(agreed.beneficiary.person_id),
        citizen(PersonId::generate()),
    ] {
        let at = (agreed.binding_id, noon());
        assert_eq!(
            refused(pause::pause(&db, at.0, &caller, at.1).await),
            Reason::NotYours
        );
        assert_eq!(
            refused(resume::resume(&db, at.0, &caller, at.1).await),
            Reason::NotYours
        );
        assert_eq!(
            refused(revoke::revoke(&db, at.0, &caller, at.1).await),
            Reason::NotYours
        );
    }
    let nobodys = BindingId::generate();
    let contributor = citizen(agreed.contributor.person_id);
    assert_eq!(
        refused(pause::pause(&db, nobodys, &contributor, noon()).await),
        Reason::MandateUnknown
    );
    assert_eq!(stands(&db, &agreed).await, (State::InForce, 1));
    assert_eq!(told(&db).await, 1);
}

#[tokio::test]
async fn the_answer_to_a_pause_waits_for_a_fence_that_arrives_elsewhere() {
    let db = database::empty().await;
    let agreed = granted(&db).await;
    let contributor = citizen(agreed.contributor.person_id);
    let pausing = pause::pause(&db, agreed.binding_id, &contributor, noon())
        .await
        .unwrap();
    let patient = Fence {
        wait: SignedDuration::from_secs(60),
        poll: SignedDuration::from_millis(1),
    };
    let fences = [Fact::Fenced(agreed.binding_id, version(2))];
    let (answer, heard) = tokio::join!(
        wait::until_fenced(&db, pausing, &patient),
        hear(&db, &fences)
    );
    heard.unwrap();
    assert_eq!(answer.state(), State::Paused);
}

#[tokio::test]
async fn without_a_fence_the_answer_claims_no_more_than_is_true() {
    let db = database::empty().await;
    let agreed = granted(&db).await;
    let contributor = citizen(agreed.contributor.person_id);
    let pausing = pause::pause(&db, agreed.binding_id, &contributor, noon())
        .await
        .unwrap();
    let hasty = Fence {
        wait: SignedDuration::from_millis(5),
        poll: SignedDuration::from_millis(1),
    };
    assert_eq!(
        wait::until_fenced(&db, pausing, &hasty).await.state(),
        State::Pausing
    );
}
