//! Premiums of the residents' insurance, paid for a list of relatives.

#![expect(clippy::unwrap_used, reason = "what cannot be set up fails its test")]

use chassis::access::Caller;
use futures::future::join_all;
use kernel::{AccountId, PersonId, Reason, Role, SettlementId};
use proto::common::v1 as common;
use proto::settlement::v1 as pb;
use settlement::command::{Cancel, Command, Origin};
use settlement::institution::{Institution, Kind};
use settlement::pay_premiums::{Batch, Collector};
use settlement::request::RequestKey;

use crate::scene::{Enrolled, Scene};

const AGENCY: &str = "A0001";

/// A relative who is insured as a resident.
struct Relative {
    enrolled: Enrolled,
    number: String,
}

async fn begin() -> Scene {
    with_agency(Scene::begin().await).await
}

async fn with_agency(scene: Scene) -> Scene {
    let agency = Institution {
        code: AGENCY.to_owned(),
        name: "测试经办机构".to_owned(),
        kind: Kind::Agency,
        region: "320600".parse().unwrap(),
        tier: 0,
        sandbox: false,
    };
    settlement::store::institution::register(&scene.db, &[agency], scene.clock.now())
        .await
        .unwrap();
    scene
}

async fn resident(scene: &Scene) -> Relative {
    let enrolled = Enrolled {
        person: PersonId::generate(),
        account: AccountId::generate(),
    };
    let mut told = scene.enrolment(enrolled);
    told.scheme = common::Scheme::Resident.into();
    told.kind = common::PersonKind::Resident.into();
    scene.tell(&told).await;
    Relative {
        enrolled,
        number: told.person_no,
    }
}

/// A relative for whom `contributor` pays.
async fn relative(scene: &Scene, contributor: Enrolled) -> Relative {
    let relative = resident(scene).await;
    scene.link(contributor, relative.enrolled, None).await;
    relative
}

fn row(id: &str, contributor: Enrolled, relative: &Relative, fen: i64) -> pb::PremiumRow {
    pb::PremiumRow {
        row_id: id.to_owned(),
        contributor_person_id: contributor.person.to_string(),
        person_no: relative.number.clone(),
        region: "320600".to_owned(),
        year: 2027,
        amount_fen: fen,
        ..Default::default()
    }
}

fn request(batch: &str, rows: &[pb::PremiumRow]) -> pb::PayPremiumsRequest {
    pb::PayPremiumsRequest {
        institution: AGENCY.to_owned(),
        batch_id: batch.to_owned(),
        rows: rows.to_vec(),
    }
}

async fn pay_as(
    scene: &Scene,
    (role, subject): (Role, &str),
    request: &pb::PayPremiumsRequest,
) -> Vec<pb::PremiumResult> {
    let collector = Collector {
        office: scene.office.clone(),
        writer: scene.writer.clone(),
        origin: Origin {
            role,
            caller: subject.to_owned(),
            trace_parent: None,
        },
        caller: Caller {
            role,
            subject: subject.to_owned(),
            about: None,
        },
    };
    let batch = Batch::read(request).unwrap();
    collector.pay(&batch, &request.rows).await.unwrap()
}

async fn pay(scene: &Scene, batch: &str, rows: &[pb::PremiumRow]) -> Vec<pb::PremiumResult> {
    pay_as(scene, (Role::Operator, "op-1"), &request(batch, rows)).await
}

/// What became of each row: `PAID`, or the code of the refusal.
fn codes(results: &[pb::PremiumResult]) -> Vec<&str> {
    results
        .iter()
        .map(|result| match &result.outcome {
            Some(pb::premium_result::Outcome::Paid(_)) => "PAID",
            Some(pb::premium_result::Outcome::Refused(reason)) => &reason.code,
            None => "",
        })
        .collect()
}

fn paid(result: &pb::PremiumResult) -> &pb::PaidPremium {
    match &result.outcome {
        Some(pb::premium_result::Outcome::Paid(paid)) => paid,
        other => panic!("not paid: {other:?}"),
    }
}

#[tokio::test]
async fn a_list_is_paid_row_by_row_and_sending_it_again_gives_the_same_results() {
    let scene = begin().await;
    let mother = scene.enrol(100_000).await;
    let (son, father) = (
        relative(&scene, mother).await,
        relative(&scene, mother).await,
    );
    let stranger = resident(&scene).await;
    let nobody = Relative {
        number: "9".to_owned(),
        ..resident(&scene).await
    };
    let rows = [
        row("1", mother, &son, 40_000),
        row("2", mother, &father, 38_000),
        row("3", mother, &stranger, 40_000),
        row("4", mother, &nobody, 40_000),
        pb::PremiumRow {
            year: 2028,
            ..row("5", mother, &son, 40_000)
        },
        row("6", mother, &son, 0),
        pb::PremiumRow {
            year: 2026,
            ..row("7", mother, &son, 30_000)
        },
        row("1", mother, &son, 40_000),
        row("2", mother, &father, 38_001),
    ];
    let expected = [
        "PAID",
        "PAID",
        "BINDING_UNKNOWN",
        "ENROLMENT_UNKNOWN",
        "PREMIUM_YEAR_INVALID",
        "AMOUNT_ZERO",
        "PREMIUM_NOT_COVERED",
        "PAID",
        "PREMIUM_ROW_CONTRADICTS",
    ];
    let first = pay(&scene, "2027", &rows).await;
    assert_eq!(codes(&first), expected);
    assert_eq!(
        (paid(&first[0]).aid_fen, paid(&first[0]).own_fen),
        (40_000, 0)
    );
    assert_eq!(scene.balance(mother).await, 22_000);
    // Money comes, and what was answered stays answered.
    scene.credit(mother, 100_000).await.unwrap();
    assert_eq!(pay(&scene, "2027", &rows).await, first);
    assert_eq!(scene.balance(mother).await, 122_000);
    // In another batch the short row is paid, and no year is paid twice.
    let again = pay(&scene, "2027, once more", &rows).await;
    assert_eq!(
        codes(&again)[..2],
        ["PREMIUM_ALREADY_PAID", "PREMIUM_ALREADY_PAID"]
    );
    assert_eq!(codes(&again)[6], "PAID");
    assert_eq!(scene.balance(mother).await, 92_000);
    let charged = "SELECT count(*) FROM outbox WHERE subject = 'gongji.v1.settlement.charged'";
    assert_eq!(scene.number(charged).await, 3);
    scene.end().await;
}

#[tokio::test]
async fn a_list_that_breaks_off_is_sent_again_and_pays_nothing_twice() {
    let scene = begin().await;
    let mother = scene.enrol(1_000_000).await;
    let mut rows = Vec::new();
    for number in 0..40 {
        let child = relative(&scene, mother).await;
        rows.push(row(&number.to_string(), mother, &child, 100 + number));
    }
    let first = pay(&scene, "b", &rows);
    let cut_short = tokio::time::timeout(std::time::Duration::from_millis(5), first).await;
    drop(cut_short);
    let (one, other) = tokio::join!(pay(&scene, "b", &rows), pay(&scene, "b", &rows));
    assert_eq!(one, other);
    assert!(codes(&one).iter().all(|code| *code == "PAID"));
    let whole: i64 = rows.iter().map(|row| row.amount_fen).sum();
    assert_eq!(scene.balance(mother).await, 1_000_000 - whole);
    assert_eq!(scene.number("SELECT count(*) FROM premium").await, 40);
    scene.end().await;
}

#[tokio::test]
async fn two_parents_pay_for_one_child_at_once_and_it_is_paid_once() {
    let scene = begin().await;
    let (mother, father) = (scene.enrol(50_000).await, scene.enrol(50_000).await);
    let child = relative(&scene, mother).await;
    scene.link(father, child.enrolled, None).await;
    let lists = (0..10).map(|number| {
        let payer = if number % 2 == 0 { mother } else { father };
        let rows = [row("child", payer, &child, 40_000)];
        let (scene, batch) = (&scene, number.to_string());
        async move { pay(scene, &batch, &rows).await }
    });
    let results: Vec<_> = join_all(lists).await.into_iter().flatten().collect();
    let codes = codes(&results);
    assert_eq!(codes.iter().filter(|code| **code == "PAID").count(), 1);
    assert!(
        codes
            .iter()
            .all(|code| ["PAID", "PREMIUM_ALREADY_PAID"].contains(code))
    );
    let left = scene.balance(mother).await + scene.balance(father).await;
    assert_eq!(left, 60_000);
    scene.end().await;
}

#[tokio::test]
async fn a_premium_comes_from_the_contributor_who_was_named_and_whole_or_not_at_all() {
    let scene = begin().await;
    let (mother, father) = (scene.enrol(39_999).await, scene.enrol(100_000).await);
    let child = relative(&scene, mother).await;
    scene.link(father, child.enrolled, None).await;
    let results = pay(&scene, "b", &[row("1", mother, &child, 40_000)]).await;
    assert_eq!(codes(&results), ["PREMIUM_NOT_COVERED"]);
    let results = pay(&scene, "b", &[row("2", father, &child, 40_000)]).await;
    assert_eq!(codes(&results), ["PAID"]);
    let left = scene.balance(mother).await + scene.balance(father).await;
    assert_eq!(left, 39_999 + 100_000 - 40_000);
    scene.end().await;
}

#[tokio::test]
async fn where_the_place_says_so_one_account_must_cover_the_premium_and_the_refusal_names_the_rule()
{
    let full =
        "rules.full_cover = { value = [\"RESIDENT_PREMIUM\"], source = \"test\", grade = \"A\" }";
    let scene = with_agency(Scene::with_rules(full).await).await;
    let mother = scene.enrol(30_000).await;
    let child = relative(&scene, mother).await;
    let short = pay(&scene, "b", &[row("1", mother, &child, 30_001)]).await;
    assert_eq!(codes(&short), ["FULL_COVER_NEEDED"]);
    let exact = pay(&scene, "b", &[row("2", mother, &child, 30_000)]).await;
    assert_eq!(codes(&exact), ["PAID"]);
    scene.end().await;
}

#[tokio::test]
async fn a_limit_holds_for_premiums_and_the_refusal_names_it() {
    let scene = begin().await;
    let mother = scene.enrol(100_000).await;
    let child = resident(&scene).await;
    scene.link(mother, child.enrolled, Some(50_000)).await;
    let next = pb::PremiumRow {
        year: 2026,
        ..row("2", mother, &child, 40_000)
    };
    let results = pay(&scene, "b", &[row("1", mother, &child, 40_000), next]).await;
    assert_eq!(codes(&results), ["PAID", "PREMIUM_NOT_COVERED"]);
    let Some(pb::premium_result::Outcome::Refused(reason)) = &results[1].outcome else {
        panic!("{results:?}");
    };
    assert!(reason.en.contains("LIMIT_PER_MONTH"), "{}", reason.en);
    scene.end().await;
}

#[tokio::test]
async fn a_year_whose_premium_went_back_can_be_paid_again() {
    let scene = begin().await;
    let mother = scene.enrol(50_000).await;
    let child = relative(&scene, mother).await;
    let first = pay(&scene, "b", &[row("1", mother, &child, 40_000)]).await;
    let settlement: SettlementId = paid(&first[0]).settlement_id.parse().unwrap();
    let cancel = Cancel {
        id: SettlementId::generate(),
        key: RequestKey::new(AGENCY, &format!("{AGENCY}cancel")).unwrap(),
        settlement,
        person_no: None,
    };
    let origin = crate::scene::origin();
    let cancelled = scene.writer.submit(Command::Cancel(cancel), origin).await;
    cancelled.unwrap();
    assert_eq!(scene.balance(mother).await, 50_000);
    // The row was decided once and for all; another one pays.
    assert_eq!(
        pay(&scene, "b", &[row("1", mother, &child, 40_000)]).await,
        first
    );
    assert_eq!(scene.balance(mother).await, 50_000);
    let second = pay(&scene, "b", &[row("2", mother, &child, 40_000)]).await;
    assert_eq!(codes(&second), ["PAID"]);
    let third = pay(&scene, "b", &[row("3", mother, &child, 40_000)]).await;
    assert_eq!(codes(&third), ["PREMIUM_ALREADY_PAID"]);
    assert_eq!(scene.balance(mother).await, 10_000);
    scene.end().await;
}

#[tokio::test]
async fn a_citizen_pays_from_their_own_account_and_learns_nothing_of_strangers() {
    let scene = begin().await;
    let (mother, father) = (scene.enrol(100_000).await, scene.enrol(100_000).await);
    let child = relative(&scene, mother).await;
    scene.link(father, child.enrolled, None).await;
    let stranger = resident(&scene).await;
    let nobody = Relative {
        number: "9".to_owned(),
        ..resident(&scene).await
    };
    let own = |id: &str, relative: &Relative| pb::PremiumRow {
        contributor_person_id: String::new(),
        ..row(id, mother, relative, 40_000)
    };
    let rows = [
        own("1", &child),
        own("2", &stranger),
        own("3", &nobody),
        row("4", father, &child, 40_000),
    ];
    let person = mother.person.to_string();
    let results = pay_as(&scene, (Role::Citizen, &person), &request("b", &rows)).await;
    assert_eq!(
        codes(&results),
        ["PAID", "BINDING_UNKNOWN", "BINDING_UNKNOWN", "NOT_YOURS"]
    );
    // Rows of the same name are somebody else's with somebody else.
    let person = father.person.to_string();
    let later = pb::PremiumRow {
        year: 2026,
        ..own("1", &child)
    };
    let results = pay_as(&scene, (Role::Citizen, &person), &request("b", &[later])).await;
    assert_eq!(codes(&results), ["PAID"]);
    scene.end().await;
}

#[tokio::test]
async fn only_an_agency_collects_premiums() {
    let scene = begin().await;
    let mother = scene.enrol(100_000).await;
    let child = relative(&scene, mother).await;
    let rows = [row("1", mother, &child, 40_000)];
    for (institution, code) in [
        (crate::scene::SHOP, "INSTITUTION_NOT_AGENCY"),
        ("A0002", "INSTITUTION_UNKNOWN"),
        ("A000000000000002", "INSTITUTION_UNKNOWN"),
    ] {
        let request = pb::PayPremiumsRequest {
            institution: institution.to_owned(),
            ..request("b", &rows)
        };
        let results = pay_as(&scene, (Role::Operator, "op-1"), &request).await;
        assert_eq!(codes(&results), [code]);
    }
    let nameless = Batch::read(&request("", &rows)).unwrap_err();
    assert_eq!(nameless.reason, Reason::FieldMissing);
    assert_eq!(scene.balance(mother).await, 100_000);
    scene.end().await;
}
