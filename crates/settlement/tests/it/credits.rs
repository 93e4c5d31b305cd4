//! Credits to accounts.

use futures::future::join_all;
use kernel::{AllocationId, Bucket, Fen, Reason};
use settlement::command::{Allocate, AllocationKind};

use crate::scene::Scene;

#[tokio::test]
async fn an_allocation_is_posted_once_however_often_it_is_sent() {
    let scene = Scene::begin().await;
    let worker = scene.enrol(0).await;
    let allocation = Allocate {
        id: AllocationId::generate(),
        account: worker.account,
        kind: AllocationKind::Opening,
        bucket: Bucket::Prior,
        amount: Fen::new(12_000),
        period: String::new(),
    };
    for account in join_all((0..20).map(|_| scene.post(allocation.clone()))).await {
        let account = account.unwrap();
        assert_eq!(
            (account.prior_fen, account.current_fen, account.version),
            (12_000, 0, 1)
        );
    }
    let other = Allocate {
        amount: Fen::new(13_000),
        ..allocation
    };
    let refused = scene.post(other).await.unwrap_err();
    assert_eq!(
        (refused.reason, refused.about.as_deref()),
        (Reason::AllocationContradicts, Some("amount_fen"))
    );
    scene.end().await;
}

#[tokio::test]
async fn a_credit_for_an_account_that_is_not_here_yet_may_be_sent_again() {
    let scene = Scene::begin().await;
    let worker = scene.enrol(0).await;
    let stranger = Allocate {
        id: AllocationId::generate(),
        account: kernel::AccountId::generate(),
        kind: AllocationKind::Monthly,
        bucket: Bucket::Current,
        amount: Fen::new(5),
        period: "2026-03".to_owned(),
    };
    let (known, unknown) = tokio::join!(scene.credit(worker, 7), scene.post(stranger));
    assert_eq!(known.unwrap().current_fen, 7);
    assert_eq!(unknown.unwrap_err().reason, Reason::SyncPending);
    assert_eq!(scene.number("SELECT count(*) FROM allocation").await, 1);
    scene.end().await;
}
