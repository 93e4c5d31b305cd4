//! What an institution says of its books: the fields of 3201 and 3202, and the columns of the file.

use kernel::{Fen, Reason, Refusal, Scheme};
use proto::common::v1 as common;
use proto::settlement::v1 as pb;

use super::MOST_LINES;
use crate::national::node::Node;

/// The input of 3201.
pub fn totals(data: &Node) -> Result<pb::ReconcileTotalsRequest, Refusal> {
    let insutype = data.required("insutype")?;
    let scheme = Scheme::from_insutype(&insutype)
        .ok_or_else(|| Refusal::about(Reason::UnknownCode, "insutype"))?;
    data.required("clr_type")?;
    let scope = pb::ReconciliationScope {
        scheme: common::Scheme::from(scheme).into(),
        ..scope(data)?
    };
    let figures = pb::Figures {
        total_fen: data.signed("medfee_sumamt")?.get(),
        pooled_fen: Some(data.signed("fund_pay_sumamt")?.get()),
        own_fen: Some(data.signed("acct_pay")?.get()),
        aid_fen: data.signed_if_told("acct_mulaid_pay")?.map(Fen::get),
        cash_fen: data.signed_if_told("cash_payamt")?.map(Fen::get),
    };
    Ok(pb::ReconcileTotalsRequest {
        scope: Some(scope),
        institution: Some(pb::ReconciliationTotals {
            records: count(data)?,
            figures: Some(figures),
        }),
    })
}

fn scope(data: &Node) -> Result<pb::ReconciliationScope, Refusal> {
    Ok(pb::ReconciliationScope {
        // The caller's own books.
        institution: String::new(),
        first_day: data.required("stmt_begndate")?,
        last_day: data.required("stmt_enddate")?,
        scheme: common::Scheme::Unspecified.into(),
        clearing_type: clearing_type(data)?.into(),
        without_refunds: without_refunds(data)?,
    })
}

fn clearing_type(data: &Node) -> Result<pb::ClearingType, Refusal> {
    match data.text("clr_type")?.as_deref() {
        None => Ok(pb::ClearingType::Unspecified),
        Some("11") => Ok(pb::ClearingType::Outpatient),
        Some("21") => Ok(pb::ClearingType::Inpatient),
        Some("41") => Ok(pb::ClearingType::Pharmacy),
        Some("99") => Ok(pb::ClearingType::Other),
        Some(_) => Err(Refusal::about(Reason::UnknownCode, "clr_type")),
    }
}

/// 1 or empty: refunds are in; 0: they are not. Some write the name in upper case.
fn without_refunds(data: &Node) -> Result<bool, Refusal> {
    let flag = match data.text("refd_setl_flag")? {
        None => data.text("REFD_SETL_FLAG")?,
        flag => flag,
    };
    match flag.as_deref() {
        None | Some("1") => Ok(false),
        Some("0") => Ok(true),
        Some(_) => Err(Refusal::about(Reason::UnknownCode, "refd_setl_flag")),
    }
}

fn count(data: &Node) -> Result<i64, Refusal> {
    let malformed = || Refusal::about(Reason::MalformedRequest, "fixmedins_setl_cnt");
    let count: i64 = data
        .required("fixmedins_setl_cnt")?
        .parse()
        .ok()
        .ok_or_else(malformed)?;
    if count < 0 {
        return Err(malformed());
    }
    Ok(count)
}

/// The input of 3202, without its lines.
pub struct Header {
    pub scope: pb::ReconciliationScope,
    pub count: i64,
    pub total: Fen,
    pub pooled: Fen,
    pub cash: Fen,
}

pub fn header(data: &Node) -> Result<Header, Refusal> {
    Ok(Header {
        scope: scope(data)?,
        count: count(data)?,
        total: data.signed("medfee_sumamt")?,
        pooled: data.signed("fund_pay_sumamt")?,
        cash: data.signed("cash_payamt")?,
    })
}

/// One line of the file.
pub struct Line {
    /// `mdtrt_id`: repeated in the answer, and not compared.
    pub visit: String,
    pub record: pb::InstitutionRecord,
}

/// The lines of `exdetail`.
pub fn lines(data: &Node) -> Result<Vec<Line>, Refusal> {
    if !data.has("exdetail") {
        return Err(Refusal::about(Reason::FieldMissing, "exdetail"));
    }
    let lines = data.nodes("exdetail")?;
    if lines.len() > MOST_LINES {
        let about = format!("exdetail: {}, at most {MOST_LINES}", lines.len());
        return Err(Refusal::about(Reason::PageTooLarge, about));
    }
    lines.iter().map(line).collect()
}

fn line(line: &Node) -> Result<Line, Refusal> {
    let refund = match line.text("refd_setl_flag")?.as_deref() {
        None => None,
        Some("0") => Some(false),
        Some("1") => Some(true),
        Some(_) => return Err(Refusal::about(Reason::UnknownCode, "refd_setl_flag")),
    };
    let figures = pb::Figures {
        total_fen: line.signed("medfee_sumamt")?.get(),
        pooled_fen: Some(line.signed("fund_pay_sumamt")?.get()),
        own_fen: Some(line.signed("acct_pay")?.get()),
        aid_fen: line.signed_if_told("acct_mulaid_pay")?.map(Fen::get),
        cash_fen: line.signed_if_told("cash_payamt")?.map(Fen::get),
    };
    Ok(Line {
        visit: line.text("mdtrt_id")?.unwrap_or_default(),
        record: pb::InstitutionRecord {
            settlement_id: line.required("setl_id")?,
            person_no: line.required("psn_no")?,
            refund,
            figures: Some(figures),
        },
    })
}

/// The lines must be what their header says of them; `cash_payamt` has no column of the interface's own.
pub fn adds_up(header: &Header, lines: &[Line]) -> Result<(), Refusal> {
    let sum = |of: fn(&pb::Figures) -> i64| {
        let figures = lines.iter().filter_map(|line| line.record.figures.as_ref());
        Fen::checked_sum(figures.map(|figures| Fen::new(of(figures))))
    };
    let wrong = if i64::try_from(lines.len()) != Ok(header.count) {
        "fixmedins_setl_cnt"
    } else if sum(|figures| figures.total_fen) != Some(header.total) {
        "medfee_sumamt"
    } else if sum(|figures| figures.pooled_fen.unwrap_or_default()) != Some(header.pooled) {
        "fund_pay_sumamt"
    } else {
        return Ok(());
    };
    Err(Refusal::about(Reason::PartsDoNotAddUp, wrong))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(value: &Value) -> Node {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    fn with(field: &str, value: Value) -> Node {
        let mut data = json!({
            "insutype": "310", "clr_type": "41", "setl_optins": "320600", "stmt_begndate": "2026-01-01",
            "stmt_enddate": "2026-01-31", "medfee_sumamt": "-3.00", "fund_pay_sumamt": 0, "acct_pay": "1.00",
            "fixmedins_setl_cnt": "2",
        });
        data[field] = value;
        node(&data)
    }

    #[test]
    fn totals_are_read_with_their_sign_and_aid_only_if_it_is_told() {
        let read = totals(&with("acct_mulaid_pay", json!(""))).unwrap();
        let institution = read.institution.unwrap();
        let figures = institution.figures.unwrap();
        assert_eq!((institution.records, figures.total_fen), (2, -300));
        assert_eq!((figures.own_fen, figures.aid_fen), (Some(100), None));
        let read = totals(&with("acct_mulaid_pay", json!("-4.00"))).unwrap();
        let figures = read.institution.unwrap().figures.unwrap();
        assert_eq!(figures.aid_fen, Some(-400));
    }

    #[test]
    fn the_refund_flag_may_be_empty_or_in_upper_case() {
        let without = |field, value: &str| {
            let read = totals(&with(field, json!(value)));
            read.map(|read| read.scope.unwrap().without_refunds)
                .map_err(|refusal| refusal.reason)
        };
        assert_eq!(without("refd_setl_flag", ""), Ok(false));
        assert_eq!(without("refd_setl_flag", "1"), Ok(false));
        assert_eq!(without("refd_setl_flag", "0"), Ok(true));
        assert_eq!(without("REFD_SETL_FLAG", "0"), Ok(true));
        assert_eq!(without("refd_setl_flag", "2"), Err(Reason::UnknownCode));
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_field() {
        let refused = |field: &str, value: Value| {
            let refusal = totals(&with(field, value)).unwrap_err();
            assert_eq!(refusal.about.as_deref(), Some(field));
            refusal.reason
        };
        assert_eq!(refused("insutype", json!("510")), Reason::UnknownCode);
        assert_eq!(refused("clr_type", json!("42")), Reason::UnknownCode);
        assert_eq!(refused("clr_type", Value::Null), Reason::FieldMissing);
        assert_eq!(refused("acct_pay", json!("1.001")), Reason::AmountMalformed);
        let count = |value| refused("fixmedins_setl_cnt", value);
        assert_eq!(count(json!("-1")), Reason::MalformedRequest);
        assert_eq!(count(json!("1.5")), Reason::MalformedRequest);
    }

    fn file(header: [&str; 3], lines: &Value) -> Result<usize, Refusal> {
        let data = node(&json!({
            "setl_optins": "320600", "stmt_begndate": "2026-01-01", "stmt_enddate": "2026-01-01", "clr_type": "",
            "medfee_sumamt": header[0], "fund_pay_sumamt": header[1], "cash_payamt": "0",
            "fixmedins_setl_cnt": header[2], "exdetail": lines,
        }));
        let lines = super::lines(&data)?;
        adds_up(&super::header(&data)?, &lines)?;
        Ok(lines.len())
    }

    #[test]
    fn the_lines_are_what_their_header_says() {
        let line = |total: &str| {
            json!({
                "setl_id": "S1", "mdtrt_id": "M1", "psn_no": "P1", "medfee_sumamt": total, "fund_pay_sumamt": "1.00",
                "acct_pay": "0.50", "refd_setl_flag": "0",
            })
        };
        let lines = json!([line("3.00"), line("-1.00")]);
        assert_eq!(file(["2.00", "2.00", "2"], &lines), Ok(2));
        assert_eq!(file(["0", "0", "0"], &json!([])), Ok(0));
        let about = |header| file(header, &lines).unwrap_err().about.unwrap();
        assert_eq!(about(["2.00", "2.00", "1"]), "fixmedins_setl_cnt");
        assert_eq!(about(["2.01", "2.00", "2"]), "medfee_sumamt");
        assert_eq!(about(["2.00", "2.01", "2"]), "fund_pay_sumamt");
    }

    #[test]
    fn a_number_of_a_file_is_not_its_lines() {
        let data = node(&json!({ "file_qury_no": "F1" }));
        let refused = lines(&data).err().unwrap();
        assert_eq!(refused, Refusal::about(Reason::FieldMissing, "exdetail"));
    }
}
