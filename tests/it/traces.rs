//! From a complaint to the logs: one trace from the request to the notice.

use proto::settlement::v1::SettleRequest;
use proto::settlement::v1::settlement_service_client::SettlementServiceClient;
use tonic::Request;

use crate::harness::{PHARMACY, Purse, Stack, bill_of, settled};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test]
async fn the_trace_goes_from_the_request_to_the_movement_the_outbox_row_and_the_notice() {
    let stack = Stack::start().await;
    let patient = stack.person("110100", Purse::current(1_000)).await;
    let mut request = Request::new(SettleRequest {
        msgid: stack.msgid(),
        bill: Some(bill_of(&patient, 300)),
        ..SettleRequest::default()
    });
    let token = stack
        .callers
        .token(kernel::Role::Institution, PHARMACY, "settlement");
    let headers = [
        ("authorization", format!("Bearer {token}")),
        ("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01")),
    ];
    for (header, value) in headers {
        request
            .metadata_mut()
            .insert(header, value.parse().expect("it is plain text"));
    }
    let channel = stack.channel("settlement");
    let answer = SettlementServiceClient::new(channel).settle(request).await;
    let bill = settled(answer.expect("nothing is wrong with it").into_inner());
    stack.until_every_charge_is_told().await;

    let traced = format!("trace_parent LIKE '00-{TRACE}-%'");
    let facts = format!("SELECT count(*) FROM outbox WHERE {traced}");
    assert_eq!(stack.count(&facts).await, 2, "charged and balance_changed");
    let movements = format!("SELECT count(*) FROM movement WHERE {traced}");
    assert_eq!(stack.count(&movements).await, 1);
    let told: Option<String> = sqlx::query_scalar(
        "-- tests.trace_of_notice
        SELECT trace_parent FROM notice WHERE subject_id = $1",
    )
    .bind(&bill.settlement_id)
    .fetch_one(&stack.notification)
    .await
    .expect("there is one notice");
    assert!(told.is_some_and(|parent| parent.contains(TRACE)));
    stack.end().await;
}
