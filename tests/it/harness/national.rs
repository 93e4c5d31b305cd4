//! The counter in the national interface's own envelope, over HTTP to the gateway.

use serde_json::{Value, json};

use super::{PHARMACY, Person, Stack};

const PATH: &str = "/fsi/api/callFsiService/callService";

/// The stable code in front of `err_msg`.
pub fn error_code(answer: &Value) -> String {
    assert_eq!(answer["infcode"], -1, "{answer}");
    assert_eq!(
        answer["output"],
        json!({}),
        "a refusal has no output: {answer}"
    );
    let message = answer["err_msg"].as_str().expect("err_msg is text");
    let (code, sentence) = message.split_once(": ").expect("CODE: sentence");
    assert!(!sentence.is_empty(), "a cashier needs a sentence");
    code.to_owned()
}

/// A message of a transaction, as the pharmacy's system writes it.
pub fn message_of(infno: &str, msgid: &str, input: &Value) -> Value {
    json!({
        "infno": infno,
        "msgid": msgid,
        "mdtrtarea_admvs": "110100",
        "insuplc_admdvs": "110100",
        "recer_sys_code": "GONGJI",
        "infver": "V1.0",
        "opter_type": "1",
        "opter": "op1",
        "opter_name": "测试收银员",
        "inf_time": "2026-01-05 10:00:00",
        "fixmedins_code": PHARMACY,
        "fixmedins_name": "测试大药房",
        "sign_no": "S1",
        "input": input,
    })
}

/// The input of 2101 and 2102: a bill of one line, with the patient's ID card shown.
pub fn drug_input(patient: &Person, yuan: &str) -> Value {
    json!({
        "druginfo": {
            "psn_no": patient.number,
            "mdtrt_cert_type": "02",
            "mdtrt_cert_no": patient.cert_no,
            "begntime": "2026-01-05 10:00:00",
            "medfee_sumamt": yuan,
            "insutype": "310",
            "acct_used_flag": "1",
            "med_type": "41",
        },
        "drugdetail": [{
            "feedetl_sn": "1",
            "rxno": "R1",
            "fee_ocur_time": "2026-01-05 10:00:00",
            "med_list_codg": "XA01AAA001",
            "medins_list_codg": "XA01AAA001",
            "det_item_fee_sumamt": yuan,
            "cnt": "1.0000",
            "pric": yuan,
        }],
    })
}

impl Stack {
    /// A 2102 for one patient.
    pub fn drug_message(&self, patient: &Person, yuan: &str) -> Value {
        message_of("2102", &self.msgid(), &drug_input(patient, yuan))
    }

    /// Sends a message as the pharmacy.
    pub async fn send(&self, message: &Value) -> Value {
        let token = self.pharmacy_token();
        self.send_text(message.to_string(), Some(&token)).await
    }

    /// Sends a body as it stands. Whatever it is, the answer is an envelope under HTTP 200.
    pub async fn send_text(&self, body: impl Into<reqwest::Body>, token: Option<&str>) -> Value {
        let url = format!("{}{PATH}", self.layout.url("gateway"));
        let mut request = self.http.post(url).body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.expect("the gateway answers");
        assert_eq!(response.status(), reqwest::StatusCode::OK);
        response.json().await.expect("the answer is an envelope")
    }

    /// Sends a message and expects it to be done.
    pub async fn done(&self, message: &Value) -> Value {
        let answer = self.send(message).await;
        assert_eq!(answer["infcode"], 0, "{answer}");
        answer
    }
}
