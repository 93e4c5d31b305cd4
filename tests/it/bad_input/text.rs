//! Bodies and texts that are none.

use bytes::{Buf, BufMut, Bytes};
use kernel::Role;
use proto::binding::v1::imported_person::Outcome;
use proto::binding::v1::{ImportPeopleRequest, PersonRow};
use serde_json::{Value, json};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Status};

use super::a_patient;
use crate::harness::{PHARMACY, Stack, error_code, message_of};

#[tokio::test]
async fn a_lone_surrogate_in_a_name() {
    let (stack, patient) = a_patient().await;
    stack.until_quiet().await;
    let before = stack.fingerprint().await;
    let token = stack.pharmacy_token();
    for half in ["\\ud842", "\\udfb7", "\\udfb7\\ud842"] {
        let message = stack.drug_message(&patient, "5.00").to_string();
        let broken = message.replace("测试收银员", half);
        assert_ne!(message, broken);
        let answer = stack.send_text(broken, Some(&token)).await;
        assert_eq!(error_code(&answer), "TEXT_MALFORMED");
    }
    let mut broken = stack
        .drug_message(&patient, "5.00")
        .to_string()
        .into_bytes();
    let at = broken
        .iter()
        .position(|byte| *byte == b'P')
        .expect("the institution's code");
    broken[at] = 0xff;
    assert_eq!(
        error_code(&stack.send_text(broken, Some(&token)).await),
        "TEXT_MALFORMED"
    );

    // In protobuf half a pair can only be bytes that are no UTF-8. No message comes of them, so nobody's code does either.
    let refused = send_bytes(&stack, Bytes::from_static(b"\x0a\x03\xed\xa1\x82")).await;
    assert_eq!(
        refused.expect_err("it is no text").code(),
        tonic::Code::Internal
    );
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}

/// 𠮷 lies beyond the basic plane, and people are called so.
#[tokio::test]
async fn a_rare_han_character_in_a_name_is_fine() {
    let stack = Stack::start().await;
    let row = PersonRow {
        name: "测试𠮷".to_owned(),
        ..stack.row("110100")
    };
    let cert_no = row.cert_no.clone();
    let mut binding = stack.callers.operator().binding();
    let answer = binding
        .import_people(ImportPeopleRequest { rows: vec![row] })
        .await;
    let results = answer.expect("it is answered").into_inner().results;
    assert!(
        matches!(results[0].outcome, Some(Outcome::Person(_))),
        "{results:?}"
    );
    stack.until_quiet().await;
    let input = json!({ "data": { "mdtrt_cert_type": "02", "mdtrt_cert_no": cert_no } });
    let answer = stack
        .done(&message_of("1101", &stack.msgid(), &input))
        .await;
    assert_eq!(
        answer["output"]["baseinfo"]["psn_name"], "测试𠮷",
        "{answer}"
    );
    stack.end().await;
}

#[tokio::test]
async fn a_body_that_is_no_message_gets_an_envelope_all_the_same() {
    let (stack, patient) = a_patient().await;
    let token = stack.pharmacy_token();
    let whole = stack.drug_message(&patient, "5.00");
    let mut without_input = whole.clone();
    without_input["input"] = Value::Null;
    let mut other_transaction = whole.clone();
    other_transaction["infno"] = json!("9999");
    let mut foreign_msgid = whole.clone();
    foreign_msgid["msgid"] = json!("H000000000012026010500000001");
    let mut no_total = whole.clone();
    no_total["input"]["druginfo"]["medfee_sumamt"] = json!("");
    let bodies = [
        (String::new(), "MALFORMED_REQUEST"),
        ("[]".to_owned(), "MALFORMED_REQUEST"),
        ("{".repeat(300_000), "MALFORMED_REQUEST"),
        ("[".repeat(200_000), "MALFORMED_REQUEST"),
        (without_input.to_string(), "MALFORMED_REQUEST"),
        (other_transaction.to_string(), "UNKNOWN_TRANSACTION"),
        (foreign_msgid.to_string(), "MSGID_MALFORMED"),
        (no_total.to_string(), "FIELD_MISSING"),
    ];
    stack.until_quiet().await;
    let before = stack.fingerprint().await;
    for (body, code) in bodies {
        let shown: String = body.chars().take(60).collect();
        assert_eq!(
            error_code(&stack.send_text(body, Some(&token)).await),
            code,
            "{shown}"
        );
    }
    assert_eq!(before, stack.fingerprint().await);
    stack.end().await;
}

/// Sends bytes to `Settle` as they stand.
async fn send_bytes(stack: &Stack, message: Bytes) -> Result<(), Status> {
    let mut client = Grpc::new(stack.channel("settlement"));
    client.ready().await.expect("the service listens");
    let token = stack
        .callers
        .token(Role::Institution, PHARMACY, "settlement");
    let mut request = Request::new(message);
    let value = format!("Bearer {token}")
        .parse()
        .expect("a token is plain text");
    request.metadata_mut().insert("authorization", value);
    let path = PathAndQuery::from_static("/gongji.settlement.v1.SettlementService/Settle");
    client.unary(request, path, Verbatim).await.map(|_| ())
}

/// A codec that adds nothing.
#[derive(Default)]
struct Verbatim;

impl Codec for Verbatim {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
