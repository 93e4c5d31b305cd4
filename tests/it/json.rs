//! Holds as institutions use them that do not speak the national interface: over HTTP and JSON.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Person, Purse, Stack, bill_of};

impl Stack {
    /// A call of the pharmacy's, with a body unless it only looks.
    async fn json(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let url = format!("{}/api/v1{path}", self.layout.url("gateway"));
        let mut request = self.http.request(method, url);
        request = request.bearer_auth(self.pharmacy_token());
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.expect("the gateway answers");
        let status = answer.status();
        (status, answer.json().await.expect("it is JSON"))
    }

    async fn posted(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.json(Method::POST, path, Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    async fn refused(&self, path: &str, body: Value) -> (StatusCode, String) {
        let (status, answer) = self.json(Method::POST, path, Some(body)).await;
        let code = answer["code"].as_str().expect("a refusal has a code");
        (status, code.to_owned())
    }

    fn hold_request(&self, patient: &Person, fen: i64) -> Value {
        json!({ "msgid": self.msgid(), "bill": bill_of(patient, fen), "lastsSeconds": 120 })
    }
}

#[tokio::test]
async fn a_hold_is_placed_shown_captured_and_released_in_json() {
    let stack = Stack::start().await;
    let patient = stack.person("110100", Purse::current(10_000)).await;

    let request = stack.hold_request(&patient, 6_000);
    let placed = stack.posted("/holds", request.clone()).await;
    let hold = placed["hold"]["holdId"].as_str().expect("it has an id");
    assert_eq!(placed["hold"]["state"], "HOLD_STATE_HELD");
    assert_eq!(placed["hold"]["heldFen"], "6000", "int64 is text");
    assert_eq!(
        stack.posted("/holds", request).await,
        placed,
        "one key, one hold"
    );
    assert_eq!(stack.balance(&patient).await, 10_000, "nothing has moved");

    let path = format!("/holds/{hold}");
    let (status, shown) = stack.json(Method::GET, &path, None).await;
    assert_eq!((status, &shown["hold"]), (StatusCode::OK, &placed["hold"]));

    // The hold is the path's, whatever the body says.
    let capture = json!({ "msgid": stack.msgid(), "totalFen": "4500", "holdId": "hld_x" });
    let captured = stack
        .posted(&format!("{path}/capture"), capture.clone())
        .await;
    assert_eq!(captured["settlement"]["split"]["ownFen"], "4500");
    let again = stack.posted(&format!("{path}/capture"), capture).await;
    assert_eq!(again, captured);
    assert_eq!(stack.balance(&patient).await, 5_500);
    let (_, shown) = stack.json(Method::GET, &path, None).await;
    assert_eq!(shown["hold"]["state"], "HOLD_STATE_CAPTURED");
    assert_eq!(
        shown["hold"]["settlementId"],
        captured["settlement"]["settlementId"]
    );

    let other = stack
        .posted("/holds", stack.hold_request(&patient, 5_500))
        .await;
    let other = other["hold"]["holdId"].as_str().expect("it has an id");
    let path = format!("/holds/{other}/release");
    let released = stack.posted(&path, json!({ "msgid": stack.msgid() })).await;
    assert_eq!(released["hold"]["state"], "HOLD_STATE_RELEASED");
    assert_eq!(stack.balance(&patient).await, 5_500);
    stack.until_quiet().await;
    stack.end().await;
}

#[tokio::test]
async fn a_refusal_of_a_hold_in_json_is_a_problem_with_its_code_and_changes_nothing() {
    let stack = Stack::start().await;
    let patient = stack.person("110100", Purse::current(1_000)).await;
    let placed = stack
        .posted("/holds", stack.hold_request(&patient, 800))
        .await;
    let hold = placed["hold"]["holdId"].as_str().expect("it has an id");
    let before = stack.fingerprint().await;
    let capture = |fen: &str| json!({ "msgid": stack.msgid(), "totalFen": fen });
    let nobodys = "hld_00000000000000000000000000";
    for (path, body, code) in [
        (
            format!("/holds/{hold}/capture"),
            capture("801"),
            "CAPTURE_ABOVE_HOLD",
        ),
        (
            format!("/holds/{nobodys}/capture"),
            capture("1"),
            "HOLD_UNKNOWN",
        ),
        (
            format!("/holds/{hold}/release"),
            json!({}),
            "MSGID_MALFORMED",
        ),
        (
            "/holds".to_owned(),
            json!({ "msgid": stack.msgid(), "lastsSeconds": 1, "bill": { "totalFen": "0.5" } }),
            "MALFORMED_REQUEST",
        ),
    ] {
        let (status, refused) = stack.refused(&path, body).await;
        assert_eq!(refused, code, "{path}");
        assert!(status.is_client_error(), "{path}: {status}");
    }
    let (status, refused) = stack
        .json(Method::GET, &format!("/holds/{nobodys}"), None)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(refused["code"], "HOLD_UNKNOWN");
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}
