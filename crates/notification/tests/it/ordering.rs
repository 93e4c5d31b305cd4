//! Messages about one person, one after the other.

use jiff::SignedDuration;
use kernel::PersonId;

use crate::facts::{charged, delivery};
use crate::office::Office;
use crate::receiver::{Answer, Received};

#[tokio::test]
async fn who_asks_for_order_gets_each_persons_messages_one_after_the_other_and_others_wait_for_nobody()
 {
    let mut office = Office::open().await;
    let receiver = office.receiver(Answer::Status(500, "")).await;
    let endpoint = office.subscribe_with(&receiver.url(), true).await.0;
    let contributor = PersonId::generate();
    let facts: Vec<_> = (0..3)
        .map(|_| delivery(&charged(PersonId::generate(), contributor)))
        .collect();
    office.stage.tell(&facts).await.expect("it can be told");
    office.tell(1).await;
    let numbers = |from: usize| -> Vec<(bool, i64)> {
        let number = |one: &Received| {
            let message: serde_json::Value = serde_json::from_str(&one.body).expect("it is JSON");
            let about = message["data"]["person_id"] == contributor.to_string();
            (
                about,
                message["data"]["sequence"].as_i64().expect("a number"),
            )
        };
        receiver.received().iter().skip(from).map(number).collect()
    };

    // The first of theirs fails: the others of theirs wait, and somebody else's does not.
    assert_eq!(office.round().await, 2);
    let mut first = numbers(0);
    first.sort_unstable();
    assert_eq!(first, [(false, 1), (true, 1)]);

    // It is taken at last, and then each after the one before it.
    receiver.answers(Answer::Status(200, ""));
    office.later(SignedDuration::from_hours(1));
    while office.round().await > 0 {}
    let theirs: Vec<i64> = numbers(2)
        .into_iter()
        .filter_map(|(about, number)| about.then_some(number))
        .collect();
    assert_eq!(theirs, [1, 2, 3]);
    assert_eq!(office.reason(endpoint).await, None);
}
