//! What the pooled fund pays, over the real writer and database.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails its test")]

use futures::future::join_all;
use kernel::{AccountId, Fen, PersonId, Reason, Refusal, SettlementId, Usage};
use policy::benefit::Quantity;
use proto::common::v1 as common;
use proto::settlement::v1 as pb;
use settlement::bill::{Bill, FeeLine};
use settlement::catalogue::read_import;
use settlement::institution::{Institution, Kind};
use settlement::refund::What;
use settlement::request::RequestKey;
use settlement::store;

use crate::ear::Ear;
use crate::scene::{Enrolled, Scene, card, id_of, settlement};

pub const CLINIC: &str = "H2310";
const FAR_CLINIC: &str = "H3206";

/// Mudanjiang: a hospital of tier one, one of another province, and a catalogue.
pub async fn town() -> Scene {
    let scene = Scene::begin().await;
    let clinic = |code: &str, region: &str| Institution {
        code: code.to_owned(),
        name: "测试医院".to_owned(),
        kind: Kind::Hospital,
        region: region.parse().unwrap(),
        tier: 1,
        sandbox: false,
    };
    let clinics = [clinic(CLINIC, "231002"), clinic(FAR_CLINIC, "320600")];
    store::institution::register(&scene.db, &clinics, scene.clock.now())
        .await
        .unwrap();
    let item = |item_code: &str, level: &str, self_pay_bp, ceiling| pb::CatalogueItem {
        region: "000000".into(),
        item_code: item_code.into(),
        valid_from: "2024-01-01".into(),
        valid_to: String::new(),
        level: level.into(),
        self_pay_bp,
        price_ceiling_e6: ceiling,
    };
    let rows = [
        item("A", "01", 0, None),
        item("B", "02", 1_000, Some(50_000_000)),
        item("C", "03", 0, None),
    ];
    import(&scene, &rows).await;
    scene
}

async fn import(scene: &Scene, rows: &[pb::CatalogueItem]) -> usize {
    let (good, _) = read_import(rows);
    let changed = store::catalogue::import(&scene.db, &good, "op1", scene.clock.now()).await;
    changed.unwrap().len()
}

pub async fn insured(scene: &Scene, region: &str, kind: common::PersonKind) -> Enrolled {
    let enrolled = Enrolled {
        person: PersonId::generate(),
        account: AccountId::generate(),
    };
    let mut told = scene.enrolment(enrolled);
    told.region = region.to_owned();
    told.kind = kind.into();
    if kind == common::PersonKind::Resident {
        told.scheme = common::Scheme::Resident.into();
    }
    scene.tell(&told).await;
    enrolled
}

pub fn visit(lines: &[(&str, i64)]) -> Bill {
    let lines: Vec<FeeLine> = (1..)
        .zip(lines)
        .map(|(no, (code, fen)): (i32, _)| FeeLine {
            line_no: no.to_string(),
            item_code: (*code).to_owned(),
            amount: Fen::new(*fen),
            quantity: Quantity::ONE,
        })
        .collect();
    Bill {
        usage: Usage::HospitalOutpatient,
        total: Fen::checked_sum(lines.iter().map(|line| line.amount)).unwrap(),
        lines,
        ..crate::scene::bill(1)
    }
}

pub fn key(scene: &Scene, clinic: &str) -> RequestKey {
    let shop = scene.key();
    RequestKey::new(clinic, &shop.msgid.replace(&shop.institution, clinic)).unwrap()
}

pub async fn settle(
    scene: &Scene,
    patient: Enrolled,
    bill: Bill,
) -> Result<pb::SettleResponse, Refusal> {
    scene
        .settle_under(key(scene, CLINIC), card(patient), bill)
        .await
}

/// What a bill came to: pooled fund, deductible, cash.
fn came_to(answer: &pb::SettleResponse) -> (i64, i64, i64) {
    let split = settlement(answer).split.as_ref().unwrap();
    let parts = benefit(answer).parts.as_ref().unwrap();
    assert_eq!(split.pooled_fen, parts.pooled_fen);
    assert_eq!(
        split.total_fen,
        split.pooled_fen + split.own_fen + split.aid_fen + split.cash_fen
    );
    (parts.pooled_fen, parts.deductible_fen, split.cash_fen)
}

fn benefit(answer: &pb::SettleResponse) -> &pb::Benefit {
    let split = settlement(answer).split.as_ref().unwrap();
    split.benefit.as_ref().expect("Mudanjiang has a benefit")
}

fn warnings(answer: &pb::SettleResponse) -> Vec<&str> {
    let warnings = &benefit(answer).warnings;
    warnings.iter().map(|reason| reason.code.as_str()).collect()
}

async fn cancel(scene: &Scene, settlement: SettlementId) -> pb::Cancellation {
    scene.cancel(key(scene, CLINIC), settlement).await.unwrap()
}

#[tokio::test]
async fn visits_cross_the_deductible_and_the_cap_of_the_year() {
    let scene = town().await;
    let patient = insured(&scene, "231000", common::PersonKind::Working).await;
    scene.credit(patient, 20_000).await.unwrap();
    // 1,000.00 of class A and 1,000.00 of class B, of which 50.00 are within the ceiling: 45.00 of them in scope.
    let first = settle(&scene, patient, visit(&[("A", 100_000), ("B", 100_000)])).await;
    let first = first.unwrap();
    assert_eq!(came_to(&first), (0, 104_500, 180_000));
    let parts = benefit(&first).parts.as_ref().unwrap();
    assert_eq!(
        (
            parts.over_limit_fen,
            parts.pre_self_pay_fen,
            parts.in_scope_fen
        ),
        (95_000, 500, 104_500)
    );
    // 755.00 of the deductible are left, and 70 % of the rest is paid.
    let second = settle(&scene, patient, visit(&[("A", 175_500)]))
        .await
        .unwrap();
    assert_eq!(came_to(&second), (70_000, 75_500, 105_500));
    // The cap of 20,000.00 leaves 19,300.00.
    let third = settle(&scene, patient, visit(&[("A", 10_000_000)]))
        .await
        .unwrap();
    assert_eq!(came_to(&third), (1_930_000, 0, 8_070_000));
    assert_eq!(warnings(&third), ["FUND_CAP_REACHED"]);
    let fourth = settle(&scene, patient, visit(&[("A", 10_000)]))
        .await
        .unwrap();
    assert_eq!(came_to(&fourth), (0, 0, 10_000));
    let paid = "SELECT sum(amount_fen)::bigint FROM movement WHERE kind = 'FUND_PAY'
        AND debit = 'fund:pooled:231000' AND credit = 'payable:inst:H2310:11'";
    assert_eq!(scene.number(paid).await, 2_000_000);
    scene.end().await;
}

#[tokio::test]
async fn bills_race_for_the_last_of_the_cap_and_it_is_paid_once() {
    let scene = town().await;
    let patient = insured(&scene, "231000", common::PersonKind::Retired).await;
    let first = settle(&scene, patient, visit(&[("A", 130_000 + 2_600_000)])).await;
    assert_eq!(came_to(&first.unwrap()).0, 1_950_000);
    let bills = (0..16).map(|_| settle(&scene, patient, visit(&[("A", 10_000)])));
    let pooled: i64 = join_all(bills)
        .await
        .iter()
        .map(|answer| came_to(answer.as_ref().unwrap()).0)
        .sum();
    assert_eq!(pooled, 50_000);
    scene.end().await;
}

#[tokio::test]
async fn a_cancel_gives_fund_and_counters_back() {
    let scene = town().await;
    let patient = insured(&scene, "231000", common::PersonKind::Working).await;
    let bill = visit(&[("A", 280_000)]);
    let first = settle(&scene, patient, bill.clone()).await.unwrap();
    assert_eq!(came_to(&first), (70_000, 180_000, 210_000));
    let cancelled = cancel(&scene, id_of(&first)).await;
    assert_eq!(
        (cancelled.pooled_fen, cancelled.cash_fen),
        (70_000, 210_000)
    );
    assert_eq!(cancelled.parts.unwrap().deductible_fen, 180_000);
    let again = settle(&scene, patient, bill).await.unwrap();
    assert_eq!(came_to(&again), came_to(&first));
    let net = "SELECT sum(CASE kind WHEN 'FUND_PAY' THEN amount_fen ELSE -amount_fen END)::bigint
        FROM movement WHERE account_id IS NULL";
    assert_eq!(scene.number(net).await, 70_000);
    scene.end().await;
}

#[tokio::test]
async fn the_fund_gets_back_what_it_would_not_have_paid_of_the_bill_that_remains() {
    let scene = town().await;
    let patient = insured(&scene, "231000", common::PersonKind::Working).await;
    let bill = visit(&[("A", 200_000), ("A", 80_000)]);
    let first = settle(&scene, patient, bill).await.unwrap();
    assert_eq!(came_to(&first), (70_000, 180_000, 210_000));
    let lines = What::Lines(vec![("2".to_owned(), None)]);
    let back = scene
        .refund_under(key(&scene, CLINIC), id_of(&first), lines)
        .await
        .unwrap();
    // 2,000.00 remain: the deductible, and 70 % of 200.00.
    assert_eq!((back.pooled_fen, back.cash_fen), (56_000, 24_000));
    let parts = back.parts.unwrap();
    assert_eq!((parts.in_scope_fen, parts.deductible_fen), (80_000, 0));
    // Of 1,000.00 the fund pays nothing, and 800.00 of the deductible are the next bill's again.
    let what = What::Amount(Fen::new(100_000));
    let back = scene
        .refund_under(key(&scene, CLINIC), id_of(&first), what)
        .await
        .unwrap();
    assert_eq!((back.pooled_fen, back.cash_fen), (14_000, 86_000));
    assert_eq!(back.parts.unwrap().deductible_fen, 80_000);
    let next = settle(&scene, patient, visit(&[("A", 100_000)])).await;
    assert_eq!(came_to(&next.unwrap()), (14_000, 80_000, 86_000));
    // What is left is taken back whole.
    let rest = cancel(&scene, id_of(&first)).await;
    assert_eq!((rest.total_fen, rest.pooled_fen), (100_000, 0));
    assert_eq!(rest.parts.unwrap().deductible_fen, 100_000);
    scene.end().await;
}

#[tokio::test]
async fn what_is_outside_the_lists_stands_apart_in_the_years_figures_until_it_comes_back() {
    let scene = town().await;
    let patient = insured(&scene, "231000", common::PersonKind::Working).await;
    let bill = visit(&[("A", 10_000), ("C", 6_000)]);
    let settled = settle(&scene, patient, bill).await.unwrap();
    let outside = "SELECT sum(not_insured_fen)::bigint FROM bill_standing";
    assert_eq!(scene.number(outside).await, 6_000);
    let lines = What::Lines(vec![("2".to_owned(), Some(Fen::new(2_500)))]);
    scene
        .refund_under(key(&scene, CLINIC), id_of(&settled), lines)
        .await
        .unwrap();
    assert_eq!(scene.number(outside).await, 3_500);
    cancel(&scene, id_of(&settled)).await;
    assert_eq!(scene.number(outside).await, 0);
    scene.end().await;
}

#[tokio::test]
async fn a_benefit_is_the_patients_own_and_of_this_medical_year_only() {
    let scene = town().await;
    let mother = insured(&scene, "231000", common::PersonKind::Working).await;
    let son = insured(&scene, "231000", common::PersonKind::Working).await;
    scene.link(son, mother, None).await;
    let bill = visit(&[("A", 280_000)]);
    // The mother's deductible is paid; the son's is not, whoever is bound to whom.
    assert_eq!(
        came_to(&settle(&scene, mother, bill.clone()).await.unwrap()).1,
        180_000
    );
    assert_eq!(
        came_to(&settle(&scene, mother, bill.clone()).await.unwrap()).1,
        0
    );
    assert_eq!(
        came_to(&settle(&scene, son, bill.clone()).await.unwrap()).1,
        180_000
    );
    // A new medical year begins with nothing.
    scene
        .clock
        .advance(jiff::SignedDuration::from_hours(24 * 302));
    settlement::maintain(&scene.db, &scene.clock, 1)
        .await
        .unwrap();
    assert_eq!(
        came_to(&settle(&scene, mother, bill).await.unwrap()).1,
        180_000
    );
    scene.end().await;
}

#[tokio::test]
async fn what_is_in_no_catalogue_is_own_expense_with_a_warning_until_it_is_imported() {
    let scene = town().await;
    let patient = insured(&scene, "231000", common::PersonKind::Working).await;
    let bill = visit(&[("A", 180_000), ("X", 10_000)]);
    let unknown = settle(&scene, patient, bill.clone()).await.unwrap();
    assert_eq!(came_to(&unknown), (0, 180_000, 190_000));
    assert_eq!(warnings(&unknown), ["ITEM_NOT_IN_CATALOGUE"]);
    let row = pb::CatalogueItem {
        region: "231000".into(),
        item_code: "X".into(),
        valid_from: "2026-01-01".into(),
        level: "01".into(),
        ..Default::default()
    };
    assert_eq!(import(&scene, std::slice::from_ref(&row)).await, 1);
    assert_eq!(import(&scene, &[row]).await, 0);
    // Every process learns of it with its next batch.
    let known = settle(&scene, patient, bill).await.unwrap();
    assert_eq!(came_to(&known).0, 133_000);
    assert_eq!(warnings(&known), [""; 0]);
    scene.end().await;
}

#[tokio::test]
async fn treatment_in_another_region_is_paid_less_and_a_resident_has_the_residents_benefit() {
    let scene = town().await;
    let patient = insured(&scene, "231000", common::PersonKind::Working).await;
    let far = scene
        .settle_under(
            key(&scene, FAR_CLINIC),
            card(patient),
            visit(&[("A", 280_000)]),
        )
        .await
        .unwrap();
    assert_eq!(came_to(&far).0, 0);
    assert_eq!(warnings(&far), ["TREATMENT_NOT_FILED"]);

    // Harbin's residents: no deductible, 70 % at tier one, and 500.00 a year; Mudanjiang is elsewhere for them.
    let resident = insured(&scene, "230100", common::PersonKind::Resident).await;
    let elsewhere = settle(&scene, resident, visit(&[("A", 10_000)]))
        .await
        .unwrap();
    assert_eq!(warnings(&elsewhere), ["TREATMENT_NOT_FILED"]);
    scene
        .run("UPDATE institution SET region = '230102' WHERE code = 'H2310'")
        .await;
    let home = settle(&scene, resident, visit(&[("A", 10_000)]))
        .await
        .unwrap();
    assert_eq!(came_to(&home), (7_000, 0, 3_000));
    let capped = settle(&scene, resident, visit(&[("A", 100_000)]))
        .await
        .unwrap();
    assert_eq!(came_to(&capped).0, 43_000);
    scene.end().await;
}

#[tokio::test]
async fn the_same_message_again_gets_the_same_benefit_and_other_lines_are_refused() {
    let scene = town().await;
    let patient = insured(&scene, "231000", common::PersonKind::Working).await;
    let key = key(&scene, CLINIC);
    let bill = visit(&[("A", 280_000)]);
    let first = scene
        .settle_under(key.clone(), card(patient), bill.clone())
        .await;
    let again = scene.settle_under(key.clone(), card(patient), bill).await;
    assert_eq!(first, again);
    let mut other = visit(&[("A", 280_000)]);
    other.lines[0].quantity = Quantity(20_000);
    let refused = scene
        .settle_under(key, card(patient), other)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::MsgidReused);
    assert_eq!(refused.about.as_deref(), Some("lines"));
    scene.end().await;
}

#[tokio::test]
async fn no_statement_can_break_what_the_fund_paid() {
    let scene = town().await;
    let patient = insured(&scene, "231000", common::PersonKind::Working).await;
    settle(&scene, patient, visit(&[("A", 280_000)]))
        .await
        .unwrap();
    for tampering in [
        "UPDATE benefit SET pooled_fen = pooled_fen + 1",
        "UPDATE benefit SET pooled_returned_fen = pooled_fen + 1",
        "UPDATE benefit SET cap_left_fen = 0",
        "UPDATE benefit_line SET in_scope_fen = in_scope_fen + 1",
        "UPDATE benefit_used SET fund_fen = -1",
        "UPDATE settlement SET pooled_fen = pooled_fen + 1",
        "UPDATE movement SET account_id = gen_random_uuid() WHERE kind = 'FUND_PAY'",
        "UPDATE catalogue_item SET self_pay_bp = 10001 WHERE level = '02'",
        "UPDATE catalogue_item SET self_pay_bp = 1 WHERE level = '01'",
    ] {
        let broken = sqlx::query(tampering).execute(&scene.db).await;
        assert!(broken.is_err(), "{tampering}");
    }
    scene.end().await;
}

#[tokio::test]
async fn the_fund_pays_its_part_of_a_bill_when_it_is_accepted_and_only_the_rest_is_open() {
    let scene = town().await;
    let ear = Ear::of(&scene);
    let patient = insured(&scene, "231000", common::PersonKind::Working).await;
    // 1,800.00 of deductible, and 70 % of the other 3,000.00.
    let bill = visit(&[("A", 480_000)]);
    let accepted = scene.accept(key(&scene, CLINIC), patient, bill).await;
    let accepted = accepted.unwrap();
    let split = settlement(&accepted).split.clone().unwrap();
    assert_eq!((split.pooled_fen, split.open_fen), (210_000, 270_000));
    assert_eq!(benefit(&accepted).parts.unwrap().deductible_fen, 180_000);
    let id = id_of(&accepted);
    // The fund gets back what it would not have paid of the rest; the other part was owed by nobody yet.
    let back = scene
        .refund_under(key(&scene, CLINIC), id, What::Amount(Fen::new(10_000)))
        .await
        .unwrap();
    assert_eq!((back.pooled_fen, back.open_fen), (7_000, 3_000));
    scene.credit(patient, 300_000).await.unwrap();
    ear.listen(&scene).await;
    assert_eq!(scene.balance(patient).await, 33_000);
    let rest = cancel(&scene, id).await;
    assert_eq!(
        (rest.pooled_fen, rest.own_fen, rest.cash_fen),
        (203_000, 267_000, 0)
    );
    assert_eq!(scene.balance(patient).await, 300_000);
    scene.end().await;
}
