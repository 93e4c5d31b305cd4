//! Notices that cannot be put into words.

use kernel::PersonId;
use notification::park::{self, Retried};
use notification::store::parked;
use notification::words::Words;
use proto::notification::v1::{ListNoticesRequest, Notice};

use crate::facts::{charged, delivery};
use crate::stage::{Serving, Stage};

async fn read(serving: &Serving, person: PersonId) -> Vec<Notice> {
    let request = ListNoticesRequest {
        person_id: person.to_string(),
        ..Default::default()
    };
    let page = serving.citizen(person).list_notices(request).await;
    page.expect("they are theirs").into_inner().notices
}

#[tokio::test]
async fn a_template_that_fails_parks_its_notice_until_it_is_mended() {
    let stage = Stage::open().await;
    // Sound for every sample, and wrong for the one amount that nobody thought of.
    let own = stage.home.join("words");
    std::fs::create_dir(&own).expect("the folder is new");
    let text = "[zh]\ntext = '{{ amount|yuan }}{% if 1 // (amount - 1000) %}{% endif %}'\n";
    std::fs::write(own.join("charged_own.owner.toml"), text).expect("the folder is ours");
    let serving = stage.serve_with(|config| config.words = Some(own)).await;
    let (patient, contributor) = (PersonId::generate(), PersonId::generate());
    let fact = delivery(&charged(patient, contributor));
    stage.tell(&[fact]).await.expect("it can be told");

    for _ in 0..2 {
        let notices = read(&serving, patient).await;
        let titles: Vec<_> = notices.iter().map(|notice| notice.title.as_str()).collect();
        assert_eq!(titles, ["家人为您共济支付¥50.00", "您有一条变动提醒"]);
    }
    let waiting = parked::list(&stage.db, None, 10)
        .await
        .expect("the table is there");
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].person, patient);
    assert_eq!(waiting[0].row.template, "CHARGED_OWN");
    assert_eq!(waiting[0].reason, "TEMPLATE_FAILED");
    assert!(!waiting[0].detail.is_empty());

    let mended = park::retry(&stage.db, &Words::shipped())
        .await
        .expect("the table is there");
    assert_eq!(mended, Retried { mended: 1, left: 0 });
    serving.tasks.shut_down().await.expect("it stops cleanly");
}

#[tokio::test]
async fn a_notice_that_cannot_be_read_stays_parked() {
    let stage = Stage::open().await;
    let serving = stage.serve().await;
    let (patient, contributor) = (PersonId::generate(), PersonId::generate());
    let fact = delivery(&charged(patient, contributor));
    stage.tell(&[fact]).await.expect("it can be told");
    sqlx::query("UPDATE notice SET params = '{}' WHERE template = 'CHARGED_OWN'")
        .execute(&stage.db)
        .await
        .expect("the table is there");

    assert_eq!(read(&serving, patient).await.len(), 2);
    let waiting = parked::list(&stage.db, None, 10)
        .await
        .expect("the table is there");
    let reasons: Vec<_> = waiting.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(reasons, ["NOTICE_UNREADABLE"]);
    let still = park::retry(&stage.db, &Words::shipped())
        .await
        .expect("the table is there");
    assert_eq!(still, Retried { mended: 0, left: 1 });
    serving.tasks.shut_down().await.expect("it stops cleanly");
}

#[tokio::test]
async fn large_print_is_had_for_the_asking() {
    let stage = Stage::open().await;
    let serving = stage.serve().await;
    let (patient, contributor) = (PersonId::generate(), PersonId::generate());
    let fact = delivery(&charged(patient, contributor));
    stage.tell(&[fact]).await.expect("it can be told");
    let request = ListNoticesRequest {
        person_id: contributor.to_string(),
        large_print: true,
        ..Default::default()
    };
    let page = serving.citizen(contributor).list_notices(request).await;
    let notices = page.expect("they are theirs").into_inner().notices;
    assert_eq!(
        notices[0].text,
        "支出¥50.00\n为家人付，药店结算\n余额¥123.45（第1次变动后）"
    );
    serving.tasks.shut_down().await.expect("it stops cleanly");
}
