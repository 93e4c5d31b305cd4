//! A relative's premium, from the phone to both inboxes.

use proto::common::v1::Relation;
use proto::settlement::v1::{Institution, InstitutionKind, RegisterInstitutionsRequest};
use serde_json::{Value, json};

use crate::harness::{Person, Purse, Stack};

const AGENCY: &str = "A00000000001";

impl Stack {
    async fn open_agency(&self) {
        let agency = Institution {
            code: AGENCY.to_owned(),
            name: "测试经办机构".to_owned(),
            kind: InstitutionKind::Agency.into(),
            region: "110100".to_owned(),
            tier: 0,
            sandbox: true,
        };
        let request = RegisterInstitutionsRequest {
            institutions: vec![agency],
        };
        let mut settlement = self.callers.operator().settlement();
        let answer = settlement.register_institutions(request).await;
        assert!(
            answer.expect("it is answered").into_inner().results[0]
                .refused
                .is_none()
        );
    }

    /// A list of premiums from somebody's phone.
    async fn pay_premiums(&self, payer: &Person, rows: &Value) -> Value {
        let url = format!("{}/api/v1/premiums", self.layout.url("gateway"));
        let body = json!({ "institution": AGENCY, "batchId": "2026", "rows": rows });
        let token = self.callers.citizen(payer.id).gateway_token();
        let request = self
            .http
            .post(url)
            .bearer_auth(token)
            .body(body.to_string());
        let answer = request.send().await.expect("the gateway answers");
        answer.json().await.expect("it is JSON")
    }
}

#[tokio::test]
async fn a_mother_pays_the_premiums_of_her_family_and_everybody_is_told_once() {
    let stack = Stack::start().await;
    stack.open_agency().await;
    let mother = stack.person("110100", Purse::current(100_000)).await;
    let (son, aunt) = (
        stack.resident("110100").await,
        stack.resident("110100").await,
    );
    stack.bind(&mother, &son, Relation::Child).await;
    let row = |id: &str, relative: &Person| {
        json!({
            "rowId": id, "personId": relative.id.to_string(), "region": "110100", "year": 2026, "amountFen": "40000",
        })
    };
    let rows = json!([row("son", &son), row("aunt", &aunt)]);
    let paid = stack.pay_premiums(&mother, &rows).await;
    let settlement = paid["results"][0]["paid"]["settlementId"].as_str();
    let settlement = settlement.expect("the son's is paid").to_owned();
    assert_eq!(paid["results"][1]["refused"]["code"], "BINDING_UNKNOWN");
    assert_eq!(stack.pay_premiums(&mother, &rows).await, paid);
    assert_eq!(stack.balance(&mother).await, 60_000);
    stack.until_quiet().await;
    stack.every_charge_is_told_once().await;
    assert_eq!(stack.told(&mother, &settlement).await, ["CHARGED_AID"]);
    assert_eq!(stack.told(&son, &settlement).await, ["AID_USED_FOR_YOU"]);
    stack.end().await;
}
