//! Messages to other machines, posted over real connections.

use std::collections::BTreeSet;
use std::time::Duration;

use chassis::grpc::refusal_of;
use jiff::SignedDuration;
use kernel::Reason;
use notification::store::deliveries::{self, Claim, Wanted};
use notification::store::endpoints;
use proto::common::v1::Page;
use proto::notification::v1::{
    DeadLetterFilter, ListDeadLettersRequest, ListWebhooksRequest, ReplayDeadLettersRequest,
    RotateWebhookSecretRequest, SubscribeWebhookRequest,
};

use crate::office::{Office, is_signed};
use crate::receiver::Answer;
use crate::stage::Stage;

const TAKEN: Answer = Answer::Status(200, "");

#[tokio::test]
async fn a_notice_is_announced_once_signed_and_in_ids_only() {
    let mut office = Office::open().await;
    let receiver = office.receiver(TAKEN).await;
    let (_, secret) = office.subscribe(&receiver.url()).await;
    office.tell(1).await;

    assert_eq!(office.round().await, 1);
    assert_eq!(office.round().await, 0);
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert!(is_signed(&received[0], &secret));
    assert!(!is_signed(
        &received[0],
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    ));
    let message: serde_json::Value = serde_json::from_str(&received[0].body).expect("it is JSON");
    assert_eq!(message["type"], "notice.charged_aid");
    assert_eq!(
        message["data"]["notice_id"],
        received[0].header("webhook-id")
    );
    assert!(
        !received[0].body.contains("12345"),
        "no amount: {}",
        received[0].body
    );
}

#[tokio::test]
async fn an_endpoint_that_hangs_redirects_floods_or_lies_inside_fails_alone() {
    let mut office = Office::open().await;
    office.timeout = Duration::from_secs(5);
    let good = office.receiver(TAKEN).await;
    let hangs = office.receiver(Answer::Hang).await;
    let redirects = office
        .receiver(Answer::Status(302, "location: http://127.0.0.1:1/\r\n"))
        .await;
    let floods = office.receiver(Answer::Endless).await;
    let (good_id, _) = office.subscribe(&good.url()).await;
    let (hanging, _) = office.subscribe(&hangs.url()).await;
    let (redirecting, _) = office.subscribe(&redirects.url()).await;
    let (flooding, _) = office.subscribe(&floods.url()).await;
    // A name, which only resolving shows to be inside the house, on a port that no setting names.
    let (inside, _) = office
        .subscribe(&format!("https://localhost:{}/hook", good.port()))
        .await;
    office.tell(1).await;

    assert_eq!(office.round().await, 5);
    assert_eq!(good.received().len(), 1);
    assert_eq!(office.reason(good_id).await, None);
    assert_eq!(office.reason(hanging).await.as_deref(), Some("TIMED_OUT"));
    assert_eq!(
        office.reason(redirecting).await.as_deref(),
        Some("REDIRECTED")
    );
    assert_eq!(
        office.reason(flooding).await,
        None,
        "its 200 was all that was read"
    );
    assert_eq!(
        office.reason(inside).await.as_deref(),
        Some("ADDRESS_REFUSED")
    );
}

#[tokio::test]
async fn attempts_follow_the_schedule_across_restarts_until_the_message_is_given_up() {
    let mut office = Office::open().await;
    let receiver = office.receiver(Answer::Status(500, "")).await;
    let (endpoint, _) = office.subscribe(&receiver.url()).await;
    office.tell(1).await;

    let waits = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    for (nth, wait) in waits.into_iter().enumerate() {
        assert_eq!(office.round().await, 1, "attempt {}", nth + 1);
        office.later(SignedDuration::from_secs(wait - 1));
        assert_eq!(office.round().await, 0, "before attempt {}", nth + 2);
        // Jitter adds a tenth at most. Each round is another courier: nothing but the table remembers.
        office.later(SignedDuration::from_secs(wait / 10 + 2));
    }
    assert_eq!(office.dead().await.len(), 0);
    assert_eq!(office.round().await, 1);
    let dead = office.dead().await;
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].endpoint, dead[0].attempts), (endpoint, 10));
    assert_eq!(
        (dead[0].reason.as_str(), dead[0].detail.as_str()),
        ("STATUS", "HTTP 500")
    );
    let ids: BTreeSet<_> = receiver
        .received()
        .iter()
        .map(|received| received.header("webhook-id").to_owned())
        .collect();
    assert_eq!((receiver.received().len(), ids.len()), (10, 1));

    office.later(SignedDuration::from_hours(100));
    assert_eq!(office.round().await, 0, "given up is given up");
    receiver.answers(TAKEN);
    let one = Wanted {
        notice: Some((dead[0].person, dead[0].sequence)),
        ..Default::default()
    };
    let other = Wanted {
        reason: Some("TIMED_OUT".into()),
        ..Default::default()
    };
    let now = office.clock.now();
    for (wanted, replayed) in [(other, 0), (one.clone(), 1), (one, 0)] {
        let answer = deliveries::replay(&office.stage.db, &wanted, 10, now).await;
        assert_eq!(answer.expect("the table is there"), replayed);
    }
    assert_eq!(office.round().await, 1);
    assert_eq!(
        (office.dead().await.len(), receiver.received().len()),
        (0, 11)
    );
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_and_gets_what_waits_when_it_is_back() {
    let mut office = Office::open().await;
    let receiver = office.receiver(Answer::Status(410, "")).await;
    let (endpoint, _) = office.subscribe(&receiver.url()).await;
    office.tell(1).await;
    assert_eq!(office.round().await, 1);

    let listed = endpoints::list(&office.stage.db, None, 10)
        .await
        .expect("the table is there");
    let because = listed[0]
        .disabled
        .as_ref()
        .map(|(_, because)| because.as_str());
    assert_eq!(because, Some("GONE"));
    office.tell(1).await;
    office.later(SignedDuration::from_hours(1));
    assert_eq!(office.round().await, 0);

    receiver.answers(TAKEN);
    let (again, _) = office.subscribe(&receiver.url()).await;
    assert_eq!(again, endpoint);
    assert_eq!(
        office.round().await,
        1,
        "what waited, and nothing of the time it was gone"
    );
}

#[tokio::test]
async fn an_endpoint_with_too_much_to_do_is_left_alone_as_long_as_it_asks() {
    let mut office = Office::open().await;
    let receiver = office
        .receiver(Answer::Status(429, "retry-after: 3600\r\n"))
        .await;
    office.subscribe(&receiver.url()).await;
    office.tell(1).await;
    assert_eq!(office.round().await, 1);

    office.tell(3).await;
    office.later(SignedDuration::from_secs(3_599));
    assert_eq!(office.round().await, 0);
    receiver.answers(TAKEN);
    office.later(SignedDuration::from_secs(2));
    assert_eq!(
        office.round().await,
        1,
        "one attempt shows whether it is well again"
    );
    assert_eq!(office.round().await, 3);
}

#[tokio::test]
async fn couriers_at_once_never_post_the_same_message() {
    let mut office = Office::open().await;
    let receiver = office.receiver(TAKEN).await;
    office.subscribe(&receiver.url()).await;
    office.tell(60).await;

    let couriers = [office.courier(), office.courier(), office.courier()];
    let rounds = couriers.iter().map(|courier| async {
        while courier.round().await.expect("the database is there") > 0 {}
    });
    futures::future::join_all(rounds).await;
    while office.round().await > 0 {}
    let received = receiver.received();
    let ids: BTreeSet<_> = received
        .iter()
        .map(|one| one.header("webhook-id"))
        .collect();
    assert_eq!((received.len(), ids.len()), (60, 60));
}

#[tokio::test]
async fn a_claim_that_lapsed_finishes_nothing() {
    let mut office = Office::open().await;
    let receiver = office.receiver(TAKEN).await;
    office.subscribe(&receiver.url()).await;
    office.tell(1).await;
    let claim = |number: u128| {
        let claim = Claim {
            lease: uuid::Uuid::from_u128(number),
            busy: &[],
            each: 8,
            all: 8,
            until: kernel::clock::shifted(office.clock.now(), SignedDuration::from_secs(30)),
        };
        deliveries::claim(&office.stage.db, claim, office.clock.now())
    };
    let first = claim(1).await.expect("the table is there");
    assert_eq!((first.len(), office.round().await), (1, 0));
    office.later(SignedDuration::from_secs(31));
    let second = claim(2).await.expect("the table is there");
    assert_eq!(second.len(), 1);

    let mut conn = office.stage.db.acquire().await.expect("it is there");
    for (claimed, holds) in [(&first[0], false), (&second[0], true), (&second[0], false)] {
        let finished = deliveries::taken(&mut conn, claimed).await;
        assert_eq!(finished.expect("the table is there"), holds);
    }
}

fn subscription(url: String) -> SubscribeWebhookRequest {
    SubscribeWebhookRequest {
        url,
        kinds: vec!["CHARGED_AID".into()],
        in_order: false,
    }
}

#[tokio::test]
async fn both_secrets_sign_during_a_rotation_and_an_endpoint_that_hangs_holds_up_no_other() {
    let mut office = Office::open().await;
    let receiver = office.receiver(TAKEN).await;
    let hangs = office.receiver(Answer::Hang).await;
    let serving = office.serve().await;
    let mut client = serving.webhooks();
    let hanging = client.subscribe_webhook(subscription(hangs.url())).await;
    hanging.expect("it is allowed");
    let subscribed = client.subscribe_webhook(subscription(receiver.url())).await;
    let subscribed = subscribed.expect("it is allowed").into_inner();
    let webhook = subscribed.webhook.expect("it is there");
    let rotate = RotateWebhookSecretRequest {
        endpoint_id: webhook.endpoint_id,
        generation: 1,
    };
    let rotated = client.rotate_webhook_secret(rotate.clone()).await;
    let rotated = rotated.expect("it is there").into_inner();
    let again = client.rotate_webhook_secret(rotate).await;
    assert_eq!(
        again.expect("it is there").into_inner().secret,
        rotated.secret
    );
    assert_ne!(rotated.secret, subscribed.secret);

    office.tell(40).await;
    hangs.has(1).await;
    receiver.has(40).await;
    for secret in [&subscribed.secret, &rotated.secret] {
        assert!(is_signed(&receiver.received()[0], secret));
    }
    serving.tasks.shut_down().await.expect("it stops cleanly");
}

#[tokio::test]
async fn operators_search_and_replay_what_was_given_up() {
    let mut office = Office::open().await;
    let receiver = office.receiver(TAKEN).await;
    let serving = office.serve().await;
    let mut client = serving.webhooks();
    let inside = subscription("https://10.0.0.1/".into());
    let inside = client.subscribe_webhook(inside).await;
    let refused = refusal_of(&inside.expect_err("it is inside")).expect("it says why");
    assert_eq!(refused.code, Reason::WebhookAddressRefused.code());
    let subscribed = client.subscribe_webhook(subscription(receiver.url())).await;
    let webhook = subscribed.expect("it is allowed").into_inner().webhook;
    let listed = client.list_webhooks(ListWebhooksRequest::default()).await;
    let listed = listed.expect("they may").into_inner().webhooks;
    assert_eq!(listed, Vec::from_iter(webhook.clone()));

    // Given up long ago, written down as the courier does.
    office.tell(3).await;
    receiver.has(3).await;
    sqlx::query(
        "INSERT INTO webhook_delivery (endpoint_id, person_id, sequence, attempts, reason, dead_at) \
         SELECT endpoint_id, person_id, sequence, 10, 'TIMED_OUT', stored_at FROM webhook_endpoint, notice \
          WHERE template = 'CHARGED_AID' ON CONFLICT (endpoint_id, person_id, sequence) \
         DO UPDATE SET due_at = NULL, lease = NULL, reason = 'TIMED_OUT', dead_at = EXCLUDED.dead_at",
    )
    .execute(&office.stage.db)
    .await
    .expect("the table is there");

    let filter = DeadLetterFilter {
        endpoint_id: webhook.expect("it is there").endpoint_id,
        reason: "TIMED_OUT".into(),
        ..Default::default()
    };
    let (mut found, mut cursor) = (0, String::new());
    loop {
        let search = ListDeadLettersRequest {
            filter: Some(filter.clone()),
            page: Some(Page { size: 2, cursor }),
        };
        let page = client
            .list_dead_letters(search)
            .await
            .expect("they may")
            .into_inner();
        found += page.dead_letters.len();
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(found, 3);
    let replay = ReplayDeadLettersRequest {
        filter: Some(filter),
    };
    let replayed = client.replay_dead_letters(replay).await.expect("they may");
    assert_eq!(replayed.into_inner().replayed, 3);
    receiver.has(6).await;
    let everything = client
        .replay_dead_letters(ReplayDeadLettersRequest::default())
        .await;
    let refused = refusal_of(&everything.expect_err("which?")).expect("it says why");
    assert_eq!(refused.code, Reason::FieldMissing.code());
    serving.tasks.shut_down().await.expect("it stops cleanly");
}

#[tokio::test]
async fn without_a_key_there_are_no_webhooks() {
    let stage = Stage::open().await;
    let serving = stage.serve().await;
    let listed = serving
        .webhooks()
        .list_webhooks(ListWebhooksRequest::default())
        .await;
    let refused = refusal_of(&listed.expect_err("there are none")).expect("it says why");
    assert_eq!(refused.code, Reason::WebhooksOff.code());
    serving.tasks.shut_down().await.expect("it stops cleanly");
}
