//! Notices as their readers see them, over gRPC.

use std::time::Duration;

use chassis::bus::Bus;
use chassis::grpc::refusal_of;
use chassis::health::Health;
use chassis::outbox::{self, Relay};
use jiff::SignedDuration;
use kernel::{Clock, PersonId, Reason};
use proto::notification::v1::{
    Language, ListNoticesRequest, MarkNoticesReadRequest, Notice, WatchNoticesRequest,
    WatchNoticesResponse,
};
use tonic::Streaming;

use crate::facts::{charged, delivery};
use crate::stage::Stage;

/// Long enough for a busy machine; nothing waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(30);

fn list(person: PersonId) -> ListNoticesRequest {
    ListNoticesRequest {
        person_id: person.to_string(),
        ..Default::default()
    }
}

fn watch(person: PersonId, after_sequence: i64) -> WatchNoticesRequest {
    WatchNoticesRequest {
        person_id: person.to_string(),
        language: Language::En.into(),
        after_sequence,
        ..Default::default()
    }
}

async fn next(stream: &mut Streaming<WatchNoticesResponse>) -> Notice {
    let message = tokio::time::timeout(PATIENCE, stream.message())
        .await
        .expect("there is a notice in time");
    let notice = message
        .expect("the watch goes on")
        .expect("the watch is not over")
        .notice;
    notice.expect("an item holds a notice")
}

#[tokio::test]
async fn pages_lead_from_the_newest_notice_to_the_oldest() {
    let stage = Stage::open().await;
    let serving = stage.serve().await;
    let (patient, contributor) = (PersonId::generate(), PersonId::generate());
    let facts: Vec<_> = (0..5)
        .map(|_| delivery(&charged(patient, contributor)))
        .collect();
    stage.tell(&facts).await.expect("it can be told");

    let mut client = serving.citizen(patient);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = ListNoticesRequest {
            page_size: 3,
            cursor,
            ..list(patient)
        };
        let page = client
            .list_notices(page)
            .await
            .expect("they are theirs")
            .into_inner();
        seen.extend(page.notices.iter().map(|notice| notice.sequence));
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen, (1..=10).rev().collect::<Vec<i64>>());
    serving.tasks.shut_down().await.expect("it stops cleanly");
}

#[tokio::test]
async fn what_is_read_is_read_and_a_name_that_cannot_be_had_hides_no_notice() {
    let stage = Stage::open().await;
    let serving = stage.serve().await;
    let (patient, contributor) = (PersonId::generate(), PersonId::generate());
    stage
        .tell(&[delivery(&charged(patient, contributor))])
        .await
        .expect("it can be told");

    let mut client = serving.citizen(contributor);
    let page = client
        .list_notices(list(contributor))
        .await
        .expect("they are theirs")
        .into_inner();
    assert_eq!(page.notices[0].title, "为家人共济支付¥50.00");
    assert!(
        page.notices[0].text.contains("余额¥123.45"),
        "{}",
        page.notices[0].text
    );
    assert_eq!(page.notices[0].read_at, None);

    let up_to = MarkNoticesReadRequest {
        person_id: contributor.to_string(),
        up_to_sequence: 1,
    };
    for marked in [1, 0] {
        let answer = client
            .mark_notices_read(up_to.clone())
            .await
            .expect("they are theirs");
        assert_eq!(answer.into_inner().marked, marked);
    }
    let unread = ListNoticesRequest {
        unread_only: true,
        ..list(contributor)
    };
    let page = client
        .list_notices(unread)
        .await
        .expect("they are theirs")
        .into_inner();
    assert!(page.notices.is_empty());
    serving.tasks.shut_down().await.expect("it stops cleanly");
}

#[tokio::test]
async fn nobody_reads_the_notices_of_another() {
    let stage = Stage::open().await;
    let serving = stage.serve().await;
    let (patient, curious) = (PersonId::generate(), PersonId::generate());
    let mut client = serving.citizen(curious);
    let listed = client
        .list_notices(list(patient))
        .await
        .expect_err("they are not theirs");
    let watched = client
        .watch_notices(watch(patient, 0))
        .await
        .expect_err("they are not theirs");
    for status in [listed, watched] {
        let refused = refusal_of(&status).expect("a refusal says why");
        assert_eq!(refused.code, Reason::NotYours.code());
    }
    serving.tasks.shut_down().await.expect("it stops cleanly");
}

#[tokio::test]
async fn one_unreadable_notice_does_not_hide_the_others() {
    let stage = Stage::open().await;
    let serving = stage.serve().await;
    let (patient, contributor) = (PersonId::generate(), PersonId::generate());
    stage
        .tell(&[delivery(&charged(patient, contributor))])
        .await
        .expect("it can be told");
    sqlx::query("UPDATE notice SET params = '{}' WHERE template = 'CHARGED_OWN'")
        .execute(&stage.db)
        .await
        .expect("the table is there");

    let mut client = serving.citizen(patient);
    let page = client
        .list_notices(list(patient))
        .await
        .expect("they are theirs")
        .into_inner();
    let titles: Vec<_> = page
        .notices
        .iter()
        .map(|notice| notice.title.as_str())
        .collect();
    assert_eq!(titles, ["家人为您共济支付¥50.00", "您有一条变动提醒"]);
    serving.tasks.shut_down().await.expect("it stops cleanly");
}

#[tokio::test]
async fn a_charge_that_settlement_published_reaches_who_is_watching() {
    let stage = Stage::open().await;
    let settlement = Stage::open().await;
    let mut serving = stage.serve().await;
    let (patient, contributor) = (PersonId::generate(), PersonId::generate());
    stage
        .tell(&[delivery(&charged(patient, contributor))])
        .await
        .expect("it can be told");

    // What was missed, from the start and from the middle.
    let mut from_start = serving
        .citizen(patient)
        .watch_notices(watch(patient, 0))
        .await
        .expect("they are theirs")
        .into_inner();
    let mut from_middle = serving
        .citizen(patient)
        .watch_notices(watch(patient, 1))
        .await
        .expect("they are theirs")
        .into_inner();
    assert_eq!(next(&mut from_start).await.template, "CHARGED_OWN");
    assert_eq!(next(&mut from_start).await.template, "AID_USED_FOR_YOU");
    assert_eq!(next(&mut from_middle).await.template, "AID_USED_FOR_YOU");

    // What comes: recorded in an outbox, relayed, followed, stored, watched.
    let bus = Bus::connect(&serving.bus, "settlement")
        .await
        .expect("the broker is there");
    let progress = Health::new().part("relay", SignedDuration::from_secs(60));
    let relay = Relay::new(
        settlement.db.clone(),
        bus,
        "settlement",
        progress,
        Clock::system(),
    );
    let stop = serving.tasks.stop();
    serving.tasks.add("settlement relay", relay.run(stop));
    let fact = charged(patient, contributor);
    let mut tx = chassis::db::begin(&settlement.db)
        .await
        .expect("the database is there");
    let event = outbox::record(&mut tx, &fact, Clock::system().now())
        .await
        .expect("the outbox is there");
    tx.commit().await.expect("it commits");
    for stream in [&mut from_start, &mut from_middle] {
        let notice = next(stream).await;
        assert_eq!(
            (notice.sequence, notice.title.as_str()),
            (3, "¥10.00 paid from your account")
        );
        assert_eq!(notice.event_id, event.to_string());
        assert_eq!(notice.subject_id, fact.settlement_id);
        assert_eq!(next(stream).await.sequence, 4);
    }
    // An open watch does not hold up a shutdown.
    serving.tasks.shut_down().await.expect("it stops cleanly");
}
