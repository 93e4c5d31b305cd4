//! What came of a comparison: `stmtinfo`, the centre's figures, and the lines.

use kernel::Fen;
use proto::settlement::v1 as pb;
use serde_json::{Value, json};

use super::read::Header;

/// The longest `stmt_rslt_dscr`, in characters.
const LONGEST: usize = 200;

/// `stmt_rslt`.
fn result(outcome: pb::ReconciliationOutcome) -> &'static str {
    match outcome {
        pb::ReconciliationOutcome::Equal => "0",
        pb::ReconciliationOutcome::OnlyAtCentre => "1",
        pb::ReconciliationOutcome::OnlyAtInstitution => "2",
        pb::ReconciliationOutcome::Differs | pb::ReconciliationOutcome::Unspecified => "3",
    }
}

fn verdict(outcome: pb::ReconciliationOutcome) -> &'static str {
    match outcome {
        pb::ReconciliationOutcome::Equal => "双方一致",
        pb::ReconciliationOutcome::OnlyAtCentre => "中心多",
        pb::ReconciliationOutcome::OnlyAtInstitution => "机构多",
        pb::ReconciliationOutcome::Differs | pb::ReconciliationOutcome::Unspecified => "数据不一致",
    }
}

fn yuan(fen: i64) -> String {
    Fen::new(fen).to_string()
}

/// The name of a field in the interface, and what people call it.
fn named(field: pb::ReconciledField) -> (&'static str, &'static str) {
    match field {
        pb::ReconciledField::Records => ("fixmedins_setl_cnt", "结算笔数"),
        pb::ReconciledField::Total => ("medfee_sumamt", "医疗费总额"),
        pb::ReconciledField::Pooled => ("fund_pay_sumamt", "基金支付"),
        pb::ReconciledField::Own => ("acct_pay", "个人账户支付"),
        pb::ReconciledField::Aid => ("acct_mulaid_pay", "共济支付"),
        pb::ReconciledField::Cash => ("cash_payamt", "现金支付"),
        pb::ReconciledField::PersonNo => ("psn_no", "人员编号"),
        pb::ReconciledField::Refund => ("refd_setl_flag", "退费标志"),
        pb::ReconciledField::Unspecified => ("", ""),
    }
}

/// The amount of a field; none for what is no amount, or was not told.
fn amount(field: pb::ReconciledField, figures: &pb::Figures) -> Option<String> {
    let fen = match field {
        pb::ReconciledField::Total => Some(figures.total_fen),
        pb::ReconciledField::Pooled => figures.pooled_fen,
        pb::ReconciledField::Own => figures.own_fen,
        pb::ReconciledField::Aid => figures.aid_fen,
        pb::ReconciledField::Cash => figures.cash_fen,
        _ => None,
    };
    fen.map(yuan)
}

/// What differs, with both sides' amounts: a sentence each.
fn differences(
    differing: impl Iterator<Item = pb::ReconciledField>,
    institution: &pb::Figures,
    centre: &pb::Figures,
) -> Vec<String> {
    let sentence = |field| {
        let (_, name) = named(field);
        match amount(field, institution).zip(amount(field, centre)) {
            Some((theirs, ours)) => format!("{name}：机构{theirs}，中心{ours}"),
            None => format!("{name}不一致"),
        }
    };
    differing.map(sentence).collect()
}

fn clipped(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// The output of 3201.
pub fn totals(
    agency: &str,
    told: &pb::ReconcileTotalsRequest,
    answer: &pb::ReconcileTotalsResponse,
) -> Value {
    let institution = told.institution.unwrap_or_default();
    let centre = answer.centre.unwrap_or_default();
    let mut sentences = vec![verdict(answer.outcome()).to_owned()];
    if institution.records != centre.records {
        let (ours, theirs) = (centre.records, institution.records);
        sentences.push(format!("结算笔数：机构{theirs}，中心{ours}"));
    }
    let amounts = answer
        .differing()
        .filter(|field| *field != pb::ReconciledField::Records);
    sentences.extend(differences(
        amounts,
        &institution.figures.unwrap_or_default(),
        &centre.figures.unwrap_or_default(),
    ));
    let mut statement = books(&centre);
    statement["refd_setl_cnt"] = json!(answer.centre_refunds);
    let fields = answer.differing().map(|field| named(field).0);
    statement["diff_fields"] = fields.collect();
    json!({
        "stmtinfo": {
            "setl_optins": agency,
            "stmt_rslt": result(answer.outcome()),
            "stmt_rslt_dscr": clipped(&sentences.join("；")),
        },
        "exstmt": statement,
    })
}

/// `exstmt`, our extension: the centre's books, aid among them.
fn books(centre: &pb::ReconciliationTotals) -> Value {
    let figures = centre.figures.unwrap_or_default();
    let told = |fen: Option<i64>| yuan(fen.unwrap_or_default());
    json!({
        "fixmedins_setl_cnt": centre.records,
        "medfee_sumamt": yuan(figures.total_fen),
        "fund_pay_sumamt": told(figures.pooled_fen),
        "acct_pay": told(figures.own_fen),
        "acct_mulaid_pay": told(figures.aid_fen),
        "cash_payamt": told(figures.cash_fen),
    })
}

/// `exstmt` of 3202: the centre's books, and how many lines had which outcome.
pub fn summary(agency: &str, header: &Header, summary: &pb::ReconciliationSummary) -> Value {
    let centre = summary.centre.unwrap_or_default();
    let cash = centre
        .figures
        .unwrap_or_default()
        .cash_fen
        .unwrap_or_default();
    let mut statement = books(&centre);
    statement["setl_optins"] = json!(agency);
    statement["equal_cnt"] = json!(summary.equal);
    statement["center_more_cnt"] = json!(summary.only_at_centre);
    statement["fixmedins_more_cnt"] = json!(summary.only_at_institution);
    statement["diff_cnt"] = json!(summary.differing);
    // The one total of the header that no line shows.
    statement["cash_equal"] = json!(if cash == header.cash.get() { "1" } else { "0" });
    statement
}

/// A line of the file that comes back: the institution's number, the outcome, and the centre's amounts.
pub fn line(record: &pb::ReconciledRecord, visit: &str) -> Value {
    let told = record.institution.clone().unwrap_or_default();
    let centre = record.centre.clone().unwrap_or_default();
    let known = record.centre.is_some();
    let figures = centre.figures.unwrap_or_default();
    let (number, person_no) = if record.institution.is_some() {
        (told.settlement_id, told.person_no)
    } else {
        (centre.settlement_id.clone(), centre.person_no)
    };
    // A pharmacy has no visit: the settlement stands for it.
    let settlement = if centre.refunds_settlement_id.is_empty() {
        centre.settlement_id
    } else {
        centre.refunds_settlement_id.clone()
    };
    let is_refund = if known {
        Some(!centre.refunds_settlement_id.is_empty())
    } else {
        told.refund
    };
    let ours = |fen: Option<i64>| known.then(|| yuan(fen.unwrap_or_default()));
    json!({
        "psn_no": person_no,
        "mdtrt_id": if visit.is_empty() { settlement.as_str() } else { visit },
        "setl_id": number,
        "msgid": centre.msgid,
        "stmt_rslt": result(record.outcome()),
        "refd_setl_flag": is_refund.map(|refund| if refund { "1" } else { "0" }),
        "memo": clipped(&memo(record, &told.figures.unwrap_or_default())),
        "HICENT_MEDFEE_SUMAMT": ours(Some(figures.total_fen)),
        "HIF_PAY_SUMAMT": ours(figures.pooled_fen),
        "HICENT_ACCT_PAY": ours(figures.own_fen),
        "HICENT_ACCT_MULAID_PAY": ours(figures.aid_fen),
        "HICENT_CASH_PAYAMT": ours(figures.cash_fen),
    })
}

/// Why, in a sentence.
fn memo(record: &pb::ReconciledRecord, told: &pb::Figures) -> String {
    let centre = record.centre.as_ref().and_then(|centre| centre.figures);
    match record.outcome() {
        pb::ReconciliationOutcome::Equal => String::new(),
        pb::ReconciliationOutcome::OnlyAtInstitution if record.repeated_record => {
            "该结算编号重复上传".to_owned()
        }
        pb::ReconciliationOutcome::OnlyAtInstitution if record.outside_scope => {
            "中心有此记录，但不在本次对账的日期、险种或清算类别内".to_owned()
        }
        pb::ReconciliationOutcome::Differs => {
            differences(record.differing(), told, &centre.unwrap_or_default()).join("；")
        }
        alone => verdict(alone).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(own: i64, aid: Option<i64>) -> pb::Figures {
        pb::Figures {
            total_fen: 60_000,
            pooled_fen: Some(0),
            own_fen: Some(own),
            aid_fen: aid,
            cash_fen: None,
        }
    }

    #[test]
    fn a_difference_in_aid_is_named_with_both_amounts() {
        let record = pb::ReconciledRecord {
            outcome: pb::ReconciliationOutcome::Differs.into(),
            differing: vec![pb::ReconciledField::Aid.into()],
            institution: Some(pb::InstitutionRecord {
                settlement_id: "S1".to_owned(),
                figures: Some(figures(10_000, Some(0))),
                ..Default::default()
            }),
            centre: Some(pb::CentreRecord {
                settlement_id: "S1".to_owned(),
                msgid: "H1".to_owned(),
                figures: Some(figures(10_000, Some(50_000))),
                ..Default::default()
            }),
            ..Default::default()
        };
        let line = line(&record, "M1");
        assert_eq!(line["stmt_rslt"], "3");
        assert_eq!(line["memo"], "共济支付：机构0.00，中心500.00");
        assert_eq!(
            (&line["msgid"], &line["mdtrt_id"]),
            (&json!("H1"), &json!("M1"))
        );
        assert_eq!(line["HICENT_ACCT_MULAID_PAY"], "500.00");
        assert_eq!(line["refd_setl_flag"], "0");
    }

    #[test]
    fn what_the_centre_does_not_have_has_no_amounts_of_the_centres() {
        let record = pb::ReconciledRecord {
            outcome: pb::ReconciliationOutcome::OnlyAtInstitution.into(),
            institution: Some(pb::InstitutionRecord {
                settlement_id: "S1".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let line = line(&record, "");
        assert_eq!(
            (&line["stmt_rslt"], &line["memo"]),
            (&json!("2"), &json!("机构多"))
        );
        assert_eq!(line["HICENT_MEDFEE_SUMAMT"], Value::Null);
    }

    #[test]
    fn totals_say_who_has_more_and_by_how_much() {
        let totals = |records, figures| {
            Some(pb::ReconciliationTotals {
                records,
                figures: Some(figures),
            })
        };
        let told = pb::ReconcileTotalsRequest {
            scope: None,
            institution: totals(1, figures(10_000, None)),
        };
        let answer = pb::ReconcileTotalsResponse {
            outcome: pb::ReconciliationOutcome::OnlyAtCentre.into(),
            differing: vec![
                pb::ReconciledField::Records.into(),
                pb::ReconciledField::Own.into(),
            ],
            centre: totals(2, figures(20_000, Some(30_000))),
            ..Default::default()
        };
        let output = super::totals("320600", &told, &answer);
        let info = &output["stmtinfo"];
        assert_eq!(info["stmt_rslt"], "1");
        assert_eq!(
            info["stmt_rslt_dscr"],
            "中心多；结算笔数：机构1，中心2；个人账户支付：机构100.00，中心200.00"
        );
        assert_eq!(output["exstmt"]["acct_mulaid_pay"], "300.00");
        assert_eq!(
            output["exstmt"]["diff_fields"],
            json!(["fixmedins_setl_cnt", "acct_pay"])
        );
    }
}
