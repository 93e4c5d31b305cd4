//! A part of the goods comes back to an institution that knows no partial return: the bill is settled again, in one step.

use proto::common::v1::Relation;
use proto::settlement::v1::{GetSettlementRequest, SettleRequest, Settlement, SettlementState};

use crate::harness::{PHARMACY, Purse, Stack, bill_of, parts, settled};

impl Stack {
    async fn stored(&self, settlement_id: &str) -> Settlement {
        let asked = GetSettlementRequest {
            settlement_id: settlement_id.to_owned(),
        };
        let mut counter = self.callers.institution(PHARMACY).settlement();
        let answer = counter.get_settlement(asked).await.expect("it is there");
        let found = answer.into_inner().settlement;
        found.expect("the answer has a settlement")
    }
}

#[tokio::test]
async fn a_bill_that_is_settled_again_is_told_once_with_the_net_of_both() {
    let stack = Stack::start().await;
    let wanted = [
        ("110100", Purse::current(10_000)),
        ("110100", Purse::current(500)),
    ];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    stack.bind(&mother, &son, Relation::Child).await;
    let old = stack.settle(&son, 3_000).await;
    assert_eq!(parts(&old), (500, 2_500, 0));

    let request = SettleRequest {
        msgid: stack.msgid(),
        bill: Some(bill_of(&son, 1_200)),
        replaces: old.settlement_id.clone(),
        ..SettleRequest::default()
    };
    let mut counter = stack.callers.institution(PHARMACY).settlement();
    let answer = counter.settle(request.clone()).await;
    let new = settled(answer.expect("nothing is wrong with it").into_inner());
    let again = counter.settle(request).await;
    assert_eq!(
        new,
        settled(again.expect("it is the same message").into_inner())
    );

    assert_eq!(parts(&new), (500, 700, 0));
    assert_eq!(stack.purse(&mother).await, Purse::current(9_300));
    assert_eq!(stack.purse(&son).await, Purse::current(0));
    let (taken, stands) = (
        stack.stored(&old.settlement_id).await,
        stack.stored(&new.settlement_id).await,
    );
    assert_eq!(taken.state(), SettlementState::Cancelled);
    assert_eq!(taken.replaced_by, new.settlement_id);
    assert_eq!(stands.state(), SettlementState::Settled);
    assert_eq!(stands.replaces, old.settlement_id);

    stack.until_quiet().await;
    assert_eq!(
        stack.told(&mother, &old.settlement_id).await,
        ["CHARGED_AID"]
    );
    assert_eq!(
        stack.told(&mother, &new.settlement_id).await,
        ["RESETTLED_AID"]
    );
    assert_eq!(
        stack.told(&son, &new.settlement_id).await,
        ["RESETTLED_AID"]
    );
    let notices = stack.notices(&mother).await;
    let net = notices
        .iter()
        .find(|notice| notice.subject_id == new.settlement_id)
        .expect("the net was told");
    assert!(net.text.contains("18.00"), "{}", net.text);
    stack.end().await;
}
