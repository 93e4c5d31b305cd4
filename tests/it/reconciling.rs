//! A pharmacy compares its books with the centre's, in the national interface and over gRPC.

use proto::common::v1::Relation;
use proto::settlement::v1::{
    Figures, ReconcileTotalsRequest, ReconcileTotalsResponse, ReconciliationOutcome,
    ReconciliationScope, ReconciliationTotals,
};
use serde_json::{Value, json};
use servers::Scratch;
use stack::callers::Calling;
use tonic::Status;

use crate::harness::{PHARMACY, Person, Purse, Stack, code_of, error_code, message_of};

/// A son with one yuan, whose mother pays for him.
async fn son(stack: &Stack) -> Person {
    let wanted = [
        ("110100", Purse::current(10_000)),
        ("110100", Purse::current(100)),
    ];
    let [mother, son] = stack
        .people(&wanted)
        .await
        .try_into()
        .expect("two were asked for");
    stack.bind(&mother, &son, Relation::Child).await;
    son
}

/// What a pharmacy's system writes down of an answer: a line of its file.
fn line(answer: &Value, refund: &str) -> Value {
    let info = &answer["output"]["setlinfo"];
    json!({
        "setl_id": info["setl_id"],
        "mdtrt_id": info["mdtrt_id"],
        "psn_no": info["psn_no"],
        "medfee_sumamt": info["medfee_sumamt"],
        "fund_pay_sumamt": info["fund_pay_sumamt"],
        "acct_pay": info["acct_pay"],
        "acct_mulaid_pay": info["acct_mulaid_pay"],
        "refd_setl_flag": refund,
    })
}

impl Stack {
    async fn three_records(&self, son: &Person) -> [Value; 3] {
        let first = self.done(&self.drug_message(son, "5.00")).await;
        let second = self.done(&self.drug_message(son, "7.00")).await;
        let taken = &second["output"]["setlinfo"];
        let back = json!({ "data": {
            "psn_no": son.number, "setl_id": taken["setl_id"], "mdtrt_id": taken["mdtrt_id"],
        } });
        let back = self.done(&message_of("2103", &self.msgid(), &back)).await;
        [line(&first, "0"), line(&second, "0"), line(&back, "1")]
    }

    fn message_3201(&self, amounts: &Value) -> Value {
        let mut data = json!({
            "insutype": "310", "clr_type": "41", "setl_optins": "110100", "stmt_begndate": "2026-01-05",
            "stmt_enddate": "2026-01-05", "medfee_sumamt": "5.00", "fund_pay_sumamt": "0.00",
            "fixmedins_setl_cnt": "3", "REFD_SETL_FLAG": "1",
        });
        for (field, value) in amounts.as_object().expect("fields") {
            data[field] = value.clone();
        }
        message_of("3201", &self.msgid(), &json!({ "data": data }))
    }

    fn message_3202(&self, total: &str, lines: &[Value]) -> Value {
        let data = json!({
            "setl_optins": "110100", "file_qury_no": "", "stmt_begndate": "2026-01-05", "stmt_enddate": "2026-01-05",
            "medfee_sumamt": total, "fund_pay_sumamt": "0.00", "cash_payamt": "0.00",
            "fixmedins_setl_cnt": lines.len(), "clr_type": "41", "exdetail": lines,
        });
        message_of("3202", &self.msgid(), &json!({ "data": data }))
    }
}

#[tokio::test]
async fn a_pharmacy_reconciles_its_totals_and_the_aid_that_no_national_total_shows() {
    let stack = Stack::start().await;
    let son = son(&stack).await;
    stack.three_records(&son).await;
    stack.until_quiet().await;
    let before = stack.fingerprint().await;

    // Both readings of acct_pay, and aid by itself.
    for equal in [
        json!({ "acct_pay": "1.00" }),
        json!({ "acct_pay": "5.00" }),
        json!({ "acct_pay": "1.00", "acct_mulaid_pay": "4.00", "cash_payamt": 0 }),
    ] {
        let answer = stack.done(&stack.message_3201(&equal)).await;
        let info = &answer["output"]["stmtinfo"];
        assert_eq!(info["stmt_rslt"], "0", "{answer}");
        assert_eq!(info["setl_optins"], "110100");
    }
    let aid = json!({ "acct_pay": "1.00", "acct_mulaid_pay": "3.00" });
    let answer = stack.done(&stack.message_3201(&aid)).await;
    let output = &answer["output"];
    assert_eq!(output["stmtinfo"]["stmt_rslt"], "3");
    let sentence = "数据不一致；共济支付：机构3.00，中心4.00";
    assert_eq!(output["stmtinfo"]["stmt_rslt_dscr"], sentence);
    assert_eq!(output["exstmt"]["diff_fields"], json!(["acct_mulaid_pay"]));
    assert_eq!(output["exstmt"]["refd_setl_cnt"], 1);

    // Without refunds: what was settled, whether or not it was taken back.
    let settled = json!({ "acct_pay": "1.00", "medfee_sumamt": "12.00", "fixmedins_setl_cnt": 2, "REFD_SETL_FLAG": "0" });
    let answer = stack.done(&stack.message_3201(&settled)).await;
    assert_eq!(answer["output"]["stmtinfo"]["stmt_rslt"], "0", "{answer}");
    let missed = json!({ "acct_pay": "1.00", "medfee_sumamt": "12.00", "fixmedins_setl_cnt": 2 });
    let answer = stack.done(&stack.message_3201(&missed)).await;
    assert_eq!(answer["output"]["stmtinfo"]["stmt_rslt"], "1", "{answer}");

    let year = json!({ "acct_pay": "1.00", "stmt_begndate": "2025-01-05" });
    let refused = stack.send(&stack.message_3201(&year)).await;
    assert_eq!(error_code(&refused), "RECONCILIATION_DAYS_INVALID");
    let nothing = stack.send(&stack.message_3201(&json!({}))).await;
    assert_eq!(error_code(&nothing), "FIELD_MISSING");
    assert_eq!(before, stack.fingerprint().await, "nothing moves by it");
    stack.end().await;
}

#[tokio::test]
async fn a_pharmacy_reconciles_line_by_line_and_is_told_the_message_that_it_can_undo() {
    let stack = Stack::start().await;
    let son = son(&stack).await;
    let [first, second, back] = stack.three_records(&son).await;

    let all = [first.clone(), second.clone(), back];
    let answer = stack.done(&stack.message_3202("5.00", &all)).await;
    let statement = &answer["output"]["exstmt"];
    assert_eq!(statement["equal_cnt"], 3, "{answer}");
    assert_eq!(
        (
            &statement["acct_pay"],
            &statement["acct_mulaid_pay"],
            &statement["cash_equal"]
        ),
        (&json!("1.00"), &json!("4.00"), &json!("1"))
    );

    // The first with other aid, a bill that nobody settled here, and no refund.
    let mut misread = first;
    misread["acct_mulaid_pay"] = json!("3.00");
    let mut nobodys = second.clone();
    nobodys["setl_id"] = json!("LOCAL-0001");
    let lines = [misread, nobodys, second];
    let answer = stack.done(&stack.message_3202("19.00", &lines)).await;
    let lines = answer["output"]["exdetail"].as_array().expect("lines");
    let results: Vec<_> = lines.iter().map(|line| &line["stmt_rslt"]).collect();
    assert_eq!(results, ["3", "2", "0", "1"], "{answer}");
    assert_eq!(lines[0]["memo"], "共济支付：机构3.00，中心4.00");
    assert_eq!(lines[3]["refd_setl_flag"], "1");
    assert_eq!(lines[3]["HICENT_ACCT_MULAID_PAY"], "-7.00");
    let undo = lines[3]["msgid"].as_str().expect("a msgid");
    assert!(undo.starts_with(PHARMACY), "{undo}");

    let wrong = stack.send(&stack.message_3202("19.01", &[])).await;
    assert_eq!(error_code(&wrong), "PARTS_DO_NOT_ADD_UP");
    let mut file = stack.message_3202("0", &[]);
    let data = file["input"]["data"].as_object_mut().expect("fields");
    data.remove("exdetail");
    assert_eq!(error_code(&stack.send(&file).await), "FIELD_MISSING");
    stack.end().await;
}

/// Compares the totals of one pharmacy with a bill of 3.00 yuan.
async fn compare(
    calling: &Calling<'_>,
    institution: &str,
) -> Result<ReconcileTotalsResponse, Status> {
    let figures = Figures {
        total_fen: 300,
        own_fen: Some(100),
        aid_fen: Some(200),
        ..Figures::default()
    };
    let request = ReconcileTotalsRequest {
        scope: Some(ReconciliationScope {
            institution: institution.to_owned(),
            first_day: "2026-01-05".to_owned(),
            last_day: "2026-01-05".to_owned(),
            ..ReconciliationScope::default()
        }),
        institution: Some(ReconciliationTotals {
            records: 1,
            figures: Some(figures),
        }),
    };
    let answer = calling.settlement().reconcile_totals(request).await?;
    Ok(answer.into_inner())
}

#[tokio::test]
async fn an_operator_reconciles_any_pharmacy_and_a_pharmacy_only_itself() {
    let stack = Stack::start().await;
    let son = son(&stack).await;
    stack.settle(&son, 300).await;
    let (agency, pharmacy) = (
        stack.callers.operator(),
        stack.callers.institution(PHARMACY),
    );
    for (calling, named) in [(&agency, PHARMACY), (&pharmacy, PHARMACY), (&pharmacy, "")] {
        let answer = compare(calling, named).await.expect("it may");
        assert_eq!(answer.outcome(), ReconciliationOutcome::Equal, "{answer:?}");
        assert_eq!(answer.groups.len(), 1);
    }
    assert_eq!(code_of(compare(&agency, "").await), "FIELD_MISSING");
    let unknown = compare(&agency, "P00000000009").await;
    assert_eq!(code_of(unknown), "INSTITUTION_UNKNOWN");
    let neighbour = stack.callers.institution("P00000000009");
    let prying = compare(&neighbour, PHARMACY).await;
    assert_eq!(code_of(prying), "INSTITUTION_MISMATCH");
    stack.end().await;
}

/// Runs `gongji reconcile` on a file with these lines; says whether it found everything equal, and what it printed.
async fn gongji_reconcile(stack: &Stack, lines: &str) -> (bool, String) {
    let scratch = Scratch::new().expect("there is a place for temporary files");
    let file = scratch.path().join("theirs.csv");
    let header = "setl_id,medfee_sumamt,acct_pay,acct_mulaid_pay,refd_setl_flag";
    std::fs::write(&file, format!("{header}\n{lines}")).expect("the directory is ours");
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_gongji-process"));
    command.args(["reconcile", "--operator", "OP-0001", "--from", "2026-01-05"]);
    command.args(["--to", "2026-01-05", "--institution", PHARMACY, "--file"]);
    command.arg(file).arg("--settlement");
    command.arg(stack.layout.url("settlement")).arg("--key");
    command.arg(stack.layout.key());
    command.args(["--issuer", stack::layout::ISSUER]);
    let output = command.output().await.expect("the binary is there");
    let printed = String::from_utf8(output.stdout).expect("it prints text");
    (output.status.success(), printed)
}

#[tokio::test]
async fn an_operator_compares_a_file_at_the_command_line_and_a_script_can_tell_how_it_went() {
    let stack = Stack::start().await;
    let son = son(&stack).await;
    let bill = stack.settle(&son, 300).await.settlement_id;
    let (equal, printed) = gongji_reconcile(&stack, &format!("{bill},3.00,1.00,2.00,0\n")).await;
    assert!(equal, "{printed}");
    let (equal, printed) =
        gongji_reconcile(&stack, &format!("{bill},3,3,0,0\nLOCAL-1,1,1,0,0\n")).await;
    assert!(!equal, "{printed}");
    for told in [
        "own account 3.00, centre 1.00; aid 0.00, centre 2.00",
        "LOCAL-1",
        "0 equal, 1 differ, 1 only at the institution, 0 only at the centre",
    ] {
        assert!(printed.contains(told), "{printed}");
    }
    stack.end().await;
}
