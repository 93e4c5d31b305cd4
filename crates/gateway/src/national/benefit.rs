//! What the pooled fund saw of a bill, as the interface writes it: the parts of the bill and of its lines, and warnings.

use kernel::{Fen, Reason, Refusal};
use proto::settlement::v1 as pb;
use serde_json::{Value, json};

use super::node::Node;

/// The parts of a bill; where its place has no benefit, all of it is in scope and nothing is paid.
pub fn costs(parts: Option<pb::CostParts>, total: i64) -> pb::CostParts {
    parts.unwrap_or(pb::CostParts {
        in_scope_fen: total,
        copay_fen: total,
        ..Default::default()
    })
}

/// A share as a ratio with four decimals: `0.7000`.
pub fn ratio(basis_points: i32) -> String {
    format!("{}.{:04}", basis_points / 10_000, basis_points % 10_000)
}

/// `detlcutinfo`: each line, taken apart.
pub fn lines(split: &pb::Split) -> Vec<Value> {
    let lines = split.benefit.iter().flat_map(|benefit| &benefit.lines);
    lines
        .filter(|line| !line.line_no.is_empty())
        .map(|line| {
            let yuan = |fen: i64| Fen::new(fen).to_string();
            json!({
                "feedetl_sn": line.line_no,
                "det_item_fee_sumamt": yuan(line.amount_fen),
                "fulamt_ownpay_amt": yuan(line.own_expense_fen),
                "overlmt_amt": yuan(line.over_limit_fen),
                "preselfpay_amt": yuan(line.pre_self_pay_fen),
                "inscp_scp_amt": yuan(line.in_scope_fen),
                // What is in no catalogue is own expense, as level 03 is.
                "chrgitm_lv": if line.level.is_empty() { "03" } else { line.level.as_str() },
                "selfpay_prop": ratio(line.self_pay_bp),
                "pric_uplmt_amt": line.price_ceiling_e6.map(price),
            })
        })
        .collect()
}

/// Millionths of a yuan with six decimals.
fn price(e6: i64) -> String {
    format!("{}.{:06}", e6 / 1_000_000, e6 % 1_000_000)
}

/// `exwarn`, our extension: why the fund paid nothing or less, and items that are in no catalogue.
pub fn warnings(split: &pb::Split) -> Vec<Value> {
    let warnings = split.benefit.iter().flat_map(|benefit| &benefit.warnings);
    warnings
        .map(|reason| json!({ "code": reason.code, "zh": reason.zh, "en": reason.en }))
        .collect()
}

/// `warn_msg`: the warnings of an output for the cashier, at most 200 characters.
pub fn warn_msg(output: &Value) -> String {
    let warnings = output.get("exwarn").and_then(Value::as_array);
    let sentences = warnings
        .into_iter()
        .flatten()
        .filter_map(|warning| warning.get("zh").and_then(Value::as_str));
    sentences.flat_map(str::chars).take(200).collect()
}

/// `cnt` (N16,4) in ten-thousandths; 0 where it is not given.
///
/// # Errors
/// `AMOUNT_MALFORMED` for what is no decimal number above zero with at most four decimals.
pub fn quantity(detail: &Node) -> Result<i64, Refusal> {
    let Some(text) = detail.text("cnt")? else {
        return Ok(0);
    };
    let malformed = || Refusal::about(Reason::AmountMalformed, "cnt");
    let (units, decimals) = text.split_once('.').unwrap_or((text.as_str(), ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if units.is_empty() || !is_digits(units) || !is_digits(decimals) || decimals.len() > 4 {
        return Err(malformed());
    }
    format!("{units}{decimals:0<4}")
        .parse()
        .ok()
        .filter(|quantity| *quantity > 0)
        .ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity_of(cnt: &str) -> Option<i64> {
        let detail: Node = serde_json::from_str(&format!("{{\"cnt\":{cnt}}}")).unwrap();
        quantity(&detail).ok()
    }

    #[test]
    fn a_quantity_is_read_to_four_decimals() {
        assert_eq!(quantity_of("\"2.5\""), Some(25_000));
        assert_eq!(quantity_of("3"), Some(30_000));
        assert_eq!(quantity_of("null"), Some(0));
        for wrong in [
            "\"0\"",
            "\"1.23456\"",
            "-1",
            "\"1e3\"",
            "\".5\"",
            "\"99999999999999999999\"",
        ] {
            assert_eq!(quantity_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn warnings_are_told_to_the_cashier() {
        let output = json!({ "exwarn": [{ "zh": "甲。" }, { "zh": "乙。" }] });
        assert_eq!(warn_msg(&output), "甲。乙。");
        assert_eq!(warn_msg(&json!({})), "");
        assert_eq!(
            (ratio(7_000), price(1_500_000)),
            ("0.7000".into(), "1.500000".into())
        );
    }
}
