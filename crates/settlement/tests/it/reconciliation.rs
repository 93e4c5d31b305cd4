//! An institution's books against the centre's.

#![expect(
    clippy::unwrap_used,
    reason = "a story ends where it meets what it did not expect"
)]

use jiff::SignedDuration;
use kernel::{Date, Fen, Reason, Scheme, SettlementId};
use proto::settlement::v1 as pb;
use settlement::reconcile::{self, Details, ReconcileError};
use settlement::reconciliation::{
    Accounts, Clearing, Field, Figures, Outcome, Record, Scope, Tally, Totals,
};
use settlement::request::RequestKey;

use crate::scene::{Enrolled, SHOP, Scene, bill, card, id_of, settlement};

/// Total, own, aid, cash; this place's fund pays nothing.
fn figures([total, own, aid, cash]: [i64; 4]) -> Figures {
    Figures {
        total: Fen::new(total),
        pooled: Some(Fen::ZERO),
        accounts: Some(Accounts::Apart {
            own: Fen::new(own),
            aid: Fen::new(aid),
        }),
        cash: Some(Fen::new(cash)),
    }
}

fn totals(records: i64, amounts: [i64; 4]) -> Totals {
    Totals {
        records,
        figures: figures(amounts),
    }
}

/// What a pharmacy writes down of its answers.
fn noted(answer: &pb::SettleResponse) -> Record {
    let settled = settlement(answer);
    let split = settled.split.as_ref().unwrap();
    Record {
        id: Some(settled.settlement_id.parse().unwrap()),
        person_no: Some(settled.person_no.clone()),
        refund: Some(false),
        figures: figures([
            split.total_fen,
            split.own_fen,
            split.aid_fen,
            split.cash_fen,
        ]),
    }
}

/// And of a cancellation: amounts below zero, under a number of its own.
fn noted_back(back: &pb::Cancellation) -> Record {
    Record {
        id: Some(back.cancellation_id.parse().unwrap()),
        person_no: Some(back.person_no.clone()),
        refund: Some(true),
        figures: figures([
            -back.total_fen,
            -back.own_fen,
            -back.aid_fen,
            -back.cash_fen,
        ]),
    }
}

impl Scene {
    /// A son with 10.00, and a mother with 100.00 who pays for him.
    async fn son(&self) -> Enrolled {
        let (mother, son) = (self.enrol(10_000).await, self.enrol(1_000).await);
        self.link(mother, son, None).await;
        son
    }

    async fn scope(&self, first: &str, last: &str) -> Result<Scope, Reason> {
        let day = |text: &str| text.parse::<Date>().unwrap();
        match reconcile::scope_of(&self.office, SHOP, (day(first), day(last))).await {
            Ok(scope) => Ok(scope),
            Err(ReconcileError::Refused(refusal)) => Err(refusal.reason),
            Err(ReconcileError::Store(error)) => panic!("{error}"),
        }
    }

    async fn centre(&self, scope: &Scope) -> Totals {
        let books = reconcile::books(&self.office, scope).await.unwrap();
        books.totals
    }

    /// All that only the centre has.
    async fn left_over(&self, details: &mut Details) -> Vec<SettlementId> {
        let mut left = Vec::new();
        while let Some(page) = details.left_over(&self.office).await.unwrap() {
            left.extend(page.into_iter().map(|kept| kept.id));
        }
        left
    }

    fn next_day(&self) {
        assert!(self.clock.advance(SignedDuration::from_hours(24)));
    }
}

#[tokio::test]
async fn a_refund_is_a_record_of_the_day_on_which_it_was_given_and_aid_has_a_total_of_its_own() {
    let scene = Scene::begin().await;
    let son = scene.son().await;
    let first = scene.settle(son, bill(3_000)).await.unwrap();
    scene.settle(son, bill(500)).await.unwrap();
    scene.settle(son, bill(20_000)).await.unwrap();
    scene.next_day();
    scene.cancel(scene.key(), id_of(&first)).await.unwrap();

    let thursday = scene.scope("2026-03-05", "2026-03-05").await.unwrap();
    let friday = scene.scope("2026-03-06", "2026-03-06").await.unwrap();
    let both = scene.scope("2026-03-05", "2026-03-06").await.unwrap();
    let on_thursday = totals(3, [23_500, 1_000, 10_000, 12_500]);
    assert_eq!(scene.centre(&thursday).await, on_thursday);
    let on_friday = totals(1, [-3_000, -1_000, -2_000, 0]);
    assert_eq!(scene.centre(&friday).await, on_friday);
    let together = on_thursday.plus(&on_friday).unwrap();
    assert_eq!(scene.centre(&both).await, together);
    let settled = Scope {
        with_refunds: false,
        ..both.clone()
    };
    assert_eq!(scene.centre(&settled).await, on_thursday);

    let balance = reconcile::totals(&scene.office, &both, &together)
        .await
        .unwrap();
    assert_eq!(balance.outcome, Outcome::Equal);
    assert_eq!(balance.centre.refunds, 1);
    let groups: Vec<_> = balance.centre.groups.into_keys().collect();
    assert_eq!(groups, [(Scheme::Employee, Clearing::Pharmacy)]);
    // Everything agrees but whose account paid: no total of the national interface shows that.
    let swapped = totals(4, [20_500, 8_000, 0, 12_500]);
    let balance = reconcile::totals(&scene.office, &both, &swapped)
        .await
        .unwrap();
    let aid = vec![Field::Own, Field::Aid];
    assert_eq!(balance.outcome, Outcome::Differs(aid));
    // A pharmacy that missed the refund.
    let balance = reconcile::totals(&scene.office, &both, &on_thursday)
        .await
        .unwrap();
    assert_eq!(balance.outcome, Outcome::OnlyAtCentre);
    scene.end().await;
}

#[tokio::test]
async fn every_record_of_a_month_has_one_of_four_outcomes() {
    let scene = Scene::begin().await;
    let son = scene.son().await;
    let mut paid = Vec::new();
    for fen in [1_500, 700, 800, 900] {
        paid.push(scene.settle(son, bill(fen)).await.unwrap());
    }
    scene.next_day();
    let back = scene.cancel(scene.key(), id_of(&paid[1])).await.unwrap();
    let march = scene.scope("2026-03-01", "2026-03-31").await.unwrap();

    let mut misread = noted(&paid[2]);
    misread.figures = figures([800, 800, 0, 0]);
    let nobodys = Record {
        id: None,
        ..noted(&paid[2])
    };
    let listed = [
        noted(&paid[0]),
        noted(&paid[1]),
        misread,
        noted_back(&back),
        nobodys,
        noted(&paid[0]),
    ];
    let mut details = Details::new(march);
    let found = details.meet(&scene.office, &listed).await.unwrap();
    let outcomes: Vec<_> = found.iter().map(|found| &found.met.outcome).collect();
    let aid = Outcome::Differs(vec![Field::Own, Field::Aid]);
    assert_eq!(
        outcomes,
        [
            &Outcome::Equal,
            &Outcome::Equal,
            &aid,
            &Outcome::Equal,
            &Outcome::OnlyAtInstitution,
            &Outcome::OnlyAtInstitution,
        ]
    );
    assert!(found[5].met.repeated && !found[4].met.repeated);
    let refund = found[3].centre.as_ref().unwrap();
    assert_eq!(refund.settlement, id_of(&paid[1]));
    assert_eq!(scene.left_over(&mut details).await, [id_of(&paid[3])]);
    let tally = Tally {
        equal: 3,
        differing: 1,
        only_at_institution: 2,
        only_at_centre: 1,
    };
    assert_eq!(details.comparison.tally, tally);
    assert_eq!(details.comparison.institution.records, 6);
    scene.end().await;
}

#[tokio::test]
async fn a_record_of_another_day_is_told_as_such_and_another_pharmacys_not_at_all() {
    let scene = Scene::begin().await;
    let son = scene.son().await;
    let early = scene.settle(son, bill(300)).await.unwrap();
    scene.next_day();
    let later = scene.settle(son, bill(400)).await.unwrap();
    scene.run("INSERT INTO institution SELECT 'P0002', name, kind, region, tier, sandbox, registered_at FROM institution").await;
    let elsewhere = RequestKey::new("P0002", "P0002000000000001").unwrap();
    let elsewhere = scene.settle_under(elsewhere, card(son), bill(500)).await;
    let elsewhere = elsewhere.unwrap();

    let friday = scene.scope("2026-03-06", "2026-03-06").await.unwrap();
    let mut details = Details::new(friday.clone());
    let listed = [noted(&early), noted(&elsewhere)];
    let found = details.meet(&scene.office, &listed).await.unwrap();
    for found in &found {
        assert_eq!(found.met.outcome, Outcome::OnlyAtInstitution);
    }
    assert!(found[0].outside && found[0].centre.is_some());
    assert!(!found[1].outside && found[1].centre.is_none());
    assert_eq!(scene.left_over(&mut details).await, [id_of(&later)]);
    assert_eq!(scene.centre(&friday).await.records, 1);
    scene.end().await;
}

#[tokio::test]
async fn scheme_and_clearing_type_narrow_the_books_and_test_money_is_not_in_them() {
    let scene = Scene::begin().await;
    let son = scene.son().await;
    scene.settle(son, bill(300)).await.unwrap();
    let day = scene.scope("2026-03-05", "2026-03-05").await.unwrap();
    let narrowed = |scheme, clearing| Scope {
        scheme,
        clearing,
        ..day.clone()
    };
    let pharmacy = narrowed(Some(Scheme::Employee), Some(Clearing::Pharmacy));
    assert_eq!(scene.centre(&pharmacy).await.records, 1);
    for nothing in [
        narrowed(Some(Scheme::Resident), None),
        narrowed(None, Some(Clearing::Inpatient)),
        narrowed(None, Some(Clearing::Other)),
    ] {
        assert_eq!(scene.centre(&nothing).await, Totals::NONE);
    }
    // What was settled while the pharmacy was a real one is not in the books of a test system.
    scene.run("UPDATE institution SET sandbox = true").await;
    let tests = scene.scope("2026-03-05", "2026-03-05").await.unwrap();
    assert_eq!(scene.centre(&tests).await, Totals::NONE);

    let too_long = scene.scope("2026-03-01", "2026-04-01").await;
    assert_eq!(too_long.unwrap_err(), Reason::ReconciliationDaysInvalid);
    scene.run("DELETE FROM institution").await;
    let unknown = scene.scope("2026-03-05", "2026-03-05").await;
    assert_eq!(unknown.unwrap_err(), Reason::InstitutionUnknown);
    scene.end().await;
}

#[tokio::test]
async fn what_only_the_centre_has_is_told_page_by_page_and_each_once() {
    let scene = Scene::begin().await;
    let patient = scene.enrol(0).await;
    let listed = scene.settle(patient, bill(300)).await.unwrap();
    // As many as two pages, all of one moment.
    scene
        .run(
            "INSERT INTO settlement
             SELECT (jsonb_populate_record(s, jsonb_build_object('settlement_id', gen_random_uuid(), 'msgid', i::text))).*
             FROM settlement s, generate_series(1, 3999) i",
        )
        .await;
    let month = scene.scope("2026-03-01", "2026-03-31").await.unwrap();
    assert_eq!(
        scene.centre(&month).await,
        totals(4_000, [1_200_000, 0, 0, 1_200_000])
    );
    let mut details = Details::new(month);
    details
        .meet(&scene.office, &[noted(&listed)])
        .await
        .unwrap();
    let mut left = scene.left_over(&mut details).await;
    assert_eq!(left.len(), 3_999);
    assert!(!left.contains(&id_of(&listed)));
    left.sort_unstable();
    left.dedup();
    assert_eq!(left.len(), 3_999);
    assert_eq!(details.comparison.tally.only_at_centre, 3_999);
    scene.end_forged().await;
}
