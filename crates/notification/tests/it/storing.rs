//! Facts in, rows out.

use chassis::inbox::Failure;
use futures::future::try_join_all;
use kernel::PersonId;
use proto::settlement::v1::BalanceChanged;

use crate::facts::{charged, delivery};
use crate::stage::Stage;

fn people<const N: usize>() -> [PersonId; N] {
    std::array::from_fn(|_| PersonId::generate())
}

fn templates(told: &[(i64, String)]) -> Vec<&str> {
    told.iter().map(|(_, template)| template.as_str()).collect()
}

#[tokio::test]
async fn a_charge_is_told_to_all_concerned() {
    let stage = Stage::open().await;
    let [patient, contributor, stranger] = people();
    let fact = delivery(&charged(patient, contributor));
    stage.tell(&[fact]).await.expect("it can be told");

    let told = stage.told(patient).await;
    assert_eq!(templates(&told), ["CHARGED_OWN", "AID_USED_FOR_YOU"]);
    let told = stage.told(contributor).await;
    assert_eq!(templates(&told), ["CHARGED_AID"]);
    assert_eq!(stage.told(stranger).await, []);
}

#[tokio::test]
async fn an_event_that_comes_again_tells_nobody_twice() {
    let stage = Stage::open().await;
    let [patient, contributor] = people();
    let fact = delivery(&charged(patient, contributor));
    for _ in 0..3 {
        // Not even if the inbox forgot that it was handled.
        stage
            .tell(std::slice::from_ref(&fact))
            .await
            .expect("it can be told");
    }
    assert_eq!(stage.told(patient).await.len(), 2);
    assert_eq!(stage.told(contributor).await.len(), 1);
}

#[tokio::test]
async fn notices_are_numbered_per_person_in_the_order_of_the_facts() {
    let stage = Stage::open().await;
    let [contributor] = people();
    let patients: [PersonId; 256] = people();
    let facts = patients.map(|patient| charged(patient, contributor));
    for batch in facts.chunks(100) {
        let deliveries: Vec<_> = batch.iter().map(delivery).collect();
        stage.tell(&deliveries).await.expect("it can be told");
    }
    let rows = notification::store::find_after(&stage.db, contributor, 0, 1_000)
        .await
        .expect("the table is there");
    let numbers: Vec<_> = rows.iter().map(|row| row.sequence).collect();
    assert_eq!(numbers, (1..=256).collect::<Vec<i64>>());
    let subjects: Vec<_> = rows.iter().map(|row| row.subject.as_str()).collect();
    let settled: Vec<_> = facts
        .iter()
        .map(|fact| fact.settlement_id.as_str())
        .collect();
    assert_eq!(subjects, settled);
}

#[tokio::test]
async fn batches_that_tell_the_same_people_at_once_wait_for_each_other() {
    let stage = Stage::open().await;
    let relatives: [PersonId; 12] = people();
    let batches = (0..6).map(|shift| {
        let deliveries: Vec<_> = (0..relatives.len())
            .map(|at| {
                let other = (at * 5 + shift) % relatives.len();
                delivery(&charged(
                    relatives[at],
                    relatives[(other + 1) % relatives.len()],
                ))
            })
            .collect();
        let stage = &stage;
        async move { stage.tell(&deliveries).await }
    });
    try_join_all(batches).await.expect("nothing deadlocks");
    let mut notices = 0;
    for person in relatives {
        let told = stage.told(person).await;
        notices += told.len();
        let numbers: Vec<_> = told.iter().map(|(number, _)| *number).collect();
        let last = i64::try_from(told.len()).expect("few");
        assert_eq!(numbers, (1..=last).collect::<Vec<i64>>());
    }
    assert_eq!(notices, 6 * 12 * 3);
}

#[tokio::test]
async fn a_fact_that_makes_no_sense_is_parked_and_stores_nothing() {
    let stage = Stage::open().await;
    let [patient, contributor] = people();
    let unknown = BalanceChanged {
        person_id: patient.to_string(),
        cause: 99,
        current_change_fen: 1,
        ..Default::default()
    };
    let outcome = stage
        .tell(&[delivery(&charged(patient, contributor)), delivery(&unknown)])
        .await;
    assert!(matches!(outcome, Err(Failure::Park(_))), "{outcome:?}");
    assert_eq!(stage.told(patient).await, []);
}
