//! A year in figures: what bills came to, what relatives paid, what may be deducted.

#![expect(
    clippy::unwrap_used,
    reason = "a story ends where it meets what it did not expect"
)]

use kernel::{Fen, PersonId, Usage};
use settlement::bill::Bill;
use settlement::statement::Days;
use settlement::store::statement as store;
use settlement::store::statement::AidAsked;
use settlement::tax::{TaxRule, estimate};
use settlement::year::{AidTotal, Paid, VisitCosts};
use uuid::Uuid;

use crate::scene::{Enrolled, Scene, bill, id_of};

impl Scene {
    fn calendar_year(&self, year: i16) -> Days {
        Days::of_year(year, self.clock.now()).unwrap()
    }

    async fn visits(&self, of: Enrolled, year: i16) -> Vec<VisitCosts> {
        let days = self.calendar_year(year);
        store::visits(&self.db, of.person, days).await.unwrap()
    }

    async fn given(&self, by: Enrolled, year: i16) -> Vec<AidTotal> {
        let asked = AidAsked {
            contributor: by.person,
            beneficiary: None,
            days: self.calendar_year(year),
        };
        store::aid_totals(&self.db, &asked).await.unwrap()
    }
}

fn hospital(usage: Usage, fen: i64) -> Bill {
    Bill { usage, ..bill(fen) }
}

fn total(relative: PersonId, bills: i32, paid: i64, returned: i64) -> AidTotal {
    AidTotal {
        relative,
        bills,
        paid: Fen::new(paid),
        returned: Fen::new(returned),
    }
}

#[tokio::test]
async fn a_bill_that_is_taken_back_next_year_lowers_the_year_it_was_settled_in() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(500_000).await, scene.enrol(2_000).await);
    scene.link(mother, son, None).await;
    scene.until_year("2026-12-31T15:59:59Z").await;
    let inpatient = hospital(Usage::HospitalInpatient, 100_000);
    let last = scene.settle(son, inpatient).await.unwrap();
    scene.settle(son, bill(300)).await.unwrap();
    scene.until_year("2026-12-31T16:00:00Z").await;
    scene.settle(son, bill(40)).await.unwrap();

    let split = |own, aid| Paid {
        own: Fen::new(own),
        aid: Fen::new(aid),
        ..Paid::default()
    };
    let visit = |usage, own, aid| VisitCosts {
        usage,
        bills: 1,
        split: split(own, aid),
        not_insured: Fen::ZERO,
    };
    let drug = visit(Usage::PharmacyDrug, 0, 300);
    let stay = visit(Usage::HospitalInpatient, 2_000, 98_000);
    assert_eq!(scene.visits(son, 2026).await, [stay, drug]);
    let of_2027 = visit(Usage::PharmacyDrug, 0, 40);
    assert_eq!(scene.visits(son, 2027).await, [of_2027]);
    assert_eq!(
        scene.given(mother, 2026).await,
        [total(son.person, 2, 98_300, 0)]
    );

    scene.cancel(scene.key(), id_of(&last)).await.unwrap();
    assert_eq!(scene.visits(son, 2026).await, [drug]);
    assert_eq!(scene.visits(son, 2027).await, [of_2027]);
    let given = [total(son.person, 2, 98_300, 98_000)];
    assert_eq!(scene.given(mother, 2026).await, given);
    assert_eq!(
        scene.given(mother, 2027).await,
        [total(son.person, 1, 40, 0)]
    );
    let days = scene.calendar_year(2026);
    let received = store::aid_received(&scene.db, son.person, days).await;
    assert_eq!(received.unwrap(), [total(mother.person, 2, 98_300, 98_000)]);
    assert!(
        scene.visits(mother, 2026).await.is_empty(),
        "she was no patient"
    );
    scene.end().await;
}

/// The example of `domain.md` section 17, without its own expense: no catalogue assesses lines here.
#[tokio::test]
async fn the_deduction_counts_own_account_aid_and_cash_and_a_refund_lowers_it() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(400_000).await, scene.enrol(1_600_000).await);
    scene.link(mother, son, None).await;
    let first = hospital(Usage::HospitalOutpatient, 900_000);
    scene.settle(son, first).await.unwrap();
    let second = hospital(Usage::HospitalInpatient, 1_400_000);
    scene.settle(son, second).await.unwrap();
    let small = scene.settle(son, bill(7)).await.unwrap();
    let without_aid = Bill {
        without_aid: true,
        ..bill(50)
    };
    scene.settle(son, without_aid).await.unwrap();

    let rule = TaxRule::of(2026).unwrap();
    let visits = scene.visits(son, 2026).await;
    let before = estimate(2026, rule, &visits).unwrap();
    assert_eq!(before.in_list, Fen::new(2_300_057));
    assert_eq!(before.deductible, Fen::new(800_057));
    scene.cancel(scene.key(), id_of(&small)).await.unwrap();
    let visits = scene.visits(son, 2026).await;
    let after = estimate(2026, rule, &visits).unwrap();
    assert_eq!(after.deductible, Fen::new(800_050));
    let payers = scene.visits(mother, 2026).await;
    let payer = estimate(2026, rule, &payers).unwrap();
    assert_eq!(payer.deductible, Fen::ZERO, "it is the patient's figure");
    scene.end().await;
}

#[tokio::test]
async fn aid_is_listed_leg_by_leg_without_gaps_whatever_the_page() {
    let scene = Scene::begin().await;
    let mother = scene.enrol(100_000).await;
    let (son, daughter) = (scene.enrol(0).await, scene.enrol(0).await);
    let own = scene.link(mother, son, None).await;
    scene.link(mother, daughter, None).await;
    let mut wanted = Vec::new();
    for (relative, fen) in [
        (son, 5),
        (daughter, 60),
        (son, 700),
        (son, 8_000),
        (daughter, 1),
    ] {
        scene.settle(relative, bill(fen)).await.unwrap();
        wanted.insert(0, fen);
        // Two of them at one instant.
        if fen != 700 {
            scene.pass(1);
        }
    }
    scene.settle(mother, bill(9)).await.unwrap();
    let back = scene.settle(son, bill(33)).await.unwrap();
    scene.cancel(scene.key(), id_of(&back)).await.unwrap();
    wanted.insert(0, 33);

    let mut asked = AidAsked {
        contributor: mother.person,
        beneficiary: None,
        days: scene.days((2026, 3, 5), (2026, 3, 5)),
    };
    let mut before = (asked.days.end, Uuid::nil());
    let mut seen = Vec::new();
    loop {
        let page = store::aid_given(&scene.db, &asked, before, 2).await;
        let page = page.unwrap();
        let Some(last) = page.last() else { break };
        before = (last.posted_at.to_jiff(), last.movement_id);
        seen.extend(page);
    }
    let amounts: Vec<_> = seen.iter().map(|leg| leg.amount_fen).collect();
    assert_eq!(amounts, wanted);
    let newest = &seen[0];
    assert_eq!(
        (newest.refunded_fen, newest.place.as_str()),
        (33, "PHARMACY")
    );
    assert_eq!(newest.binding_id, own.id.uuid());
    let totals = store::aid_totals(&scene.db, &asked).await.unwrap();
    let of_all = [
        total(son.person, 4, 8_738, 33),
        total(daughter.person, 2, 61, 0),
    ];
    assert_eq!(totals, of_all);

    asked.beneficiary = Some(daughter.person);
    let one = store::aid_given(&scene.db, &asked, (asked.days.end, Uuid::nil()), 50).await;
    let one: Vec<_> = one.unwrap().iter().map(|leg| leg.amount_fen).collect();
    assert_eq!(one, [1, 60]);
    assert_eq!(
        store::aid_totals(&scene.db, &asked).await.unwrap(),
        of_all[1..]
    );
    scene.end().await;
}

/// Cash goes back first, then the relative, the own account last; what stands of the bill is what counts.
#[tokio::test]
async fn a_part_that_goes_back_lowers_the_year_by_whom_it_goes_back_to() {
    let scene = Scene::begin().await;
    let (mother, son) = (scene.enrol(600_000).await, scene.enrol(1_000_000).await);
    scene.link(mother, son, None).await;
    let stay = hospital(Usage::HospitalInpatient, 1_700_000);
    let stay = scene.settle(son, stay).await.unwrap();
    scene.until_year("2027-01-04T02:00:00Z").await;
    scene.refund(id_of(&stay), 130_000).await.unwrap();

    let visits = scene.visits(son, 2026).await;
    let split = Paid {
        own: Fen::new(1_000_000),
        aid: Fen::new(570_000),
        ..Paid::default()
    };
    let left: Vec<_> = visits
        .iter()
        .map(|visit| (visit.bills, visit.split))
        .collect();
    assert_eq!(left, [(1, split)]);
    let given = [total(son.person, 1, 600_000, 30_000)];
    assert_eq!(scene.given(mother, 2026).await, given);
    let rule = TaxRule::of(2026).unwrap();
    let deduction = estimate(2026, rule, &visits).unwrap();
    assert_eq!(deduction.deductible, Fen::new(70_000));

    // Money that no account can take waits elsewhere, and is on nobody's statement.
    scene.close(mother).await;
    let before = store::balance_at(&scene.db, mother.account, scene.clock.now()).await;
    scene.refund(id_of(&stay), 70_000).await.unwrap();
    let after = store::balance_at(&scene.db, mother.account, scene.clock.now()).await;
    assert_eq!(after.unwrap(), before.unwrap());
    let given = [total(son.person, 1, 600_000, 100_000)];
    assert_eq!(scene.given(mother, 2026).await, given);
    scene.end().await;
}
