//! 2101, 2102, 2103, 2601: a pharmacy asks how a bill would be split, settles it, takes it back, or undoes a message
//! (`domain.md` 14.5, 14.7).

use std::collections::BTreeSet;

use kernel::{Fen, Reason, Refusal};
use proto::common::v1 as common;
use proto::settlement::v1 as pb;

use super::benefit;
use super::node::Node;

/// 2101 and 2102 name their fields alike; where the patient is insured stands in the envelope.
pub fn bill(input: &Node, insured_region: String) -> Result<pb::Bill, Refusal> {
    let drug = input.node("druginfo")?;
    let total = drug.amount("medfee_sumamt")?;
    Ok(pb::Bill {
        credential: Some(credential(&drug)?),
        person_no: drug.required("psn_no")?,
        scheme: scheme(&drug)?.into(),
        usage: usage(&drug)?.into(),
        total_fen: total.get(),
        lines: lines(&input.nodes("drugdetail")?, total)?,
        without_account: !account_used(&drug)?,
        without_aid: false,
        chosen_binding_id: String::new(),
        insured_region,
        // 2101 and 2102 are sent from a counter.
        online: false,
    })
}

/// `mdtrt_cert_type` and `mdtrt_cert_no`: what the patient presents.
pub fn credential(data: &Node) -> Result<common::Credential, Refusal> {
    let kind = match data.required("mdtrt_cert_type")?.as_str() {
        "01" => common::CredentialKind::ECredential,
        "02" => common::CredentialKind::IdCard,
        "03" => common::CredentialKind::SocialSecurityCard,
        _ => return Err(Refusal::about(Reason::UnknownCode, "mdtrt_cert_type")),
    };
    Ok(common::Credential {
        kind: kind.into(),
        number: data.required("mdtrt_cert_no")?,
    })
}

fn scheme(drug: &Node) -> Result<common::Scheme, Refusal> {
    let code = drug.required("insutype")?;
    let scheme = kernel::Scheme::from_insutype(&code)
        .ok_or_else(|| Refusal::about(Reason::UnknownCode, "insutype"))?;
    Ok(scheme.into())
}

/// A pharmacy has one type of visit, 41. Anything else is not a bill of this transaction.
fn usage(drug: &Node) -> Result<common::Usage, Refusal> {
    match drug.text("med_type")?.as_deref() {
        None | Some("41") => Ok(common::Usage::PharmacyDrug),
        Some(_) => Err(Refusal::about(Reason::UnknownCode, "med_type")),
    }
}

fn account_used(drug: &Node) -> Result<bool, Refusal> {
    match drug.text("acct_used_flag")?.as_deref() {
        None | Some("1") => Ok(true),
        Some("0") => Ok(false),
        Some(_) => Err(Refusal::about(Reason::UnknownCode, "acct_used_flag")),
    }
}

/// The fee lines: every one counted, none twice, and together the whole bill.
fn lines(details: &[Node], total: Fen) -> Result<Vec<pb::FeeLine>, Refusal> {
    if details.is_empty() {
        return Err(Refusal::about(Reason::FieldMissing, "drugdetail"));
    }
    let mut lines = Vec::with_capacity(details.len());
    let mut seen = BTreeSet::new();
    for detail in details {
        let line_no = detail.required("feedetl_sn")?;
        if !seen.insert(line_no.clone()) {
            return Err(Refusal::about(Reason::PartsDoNotAddUp, "feedetl_sn × 2"));
        }
        lines.push(pb::FeeLine {
            line_no,
            item_code: detail.required("med_list_codg")?,
            amount_fen: detail.amount("det_item_fee_sumamt")?.get(),
            quantity_e4: benefit::quantity(detail)?,
        });
    }
    let sum = Fen::checked_sum(lines.iter().map(|line| Fen::new(line.amount_fen)));
    if sum == Some(total) {
        return Ok(lines);
    }
    let sum = sum.map_or_else(|| "∞".to_owned(), |sum| sum.to_string());
    Err(Refusal::about(
        Reason::PartsDoNotAddUp,
        format!("Σ det_item_fee_sumamt {sum} ≠ medfee_sumamt {total}"),
    ))
}

/// 2103: the settlement to take back, and the key of the cancellation.
pub fn cancel(input: &Node, msgid: String) -> Result<pb::CancelRequest, Refusal> {
    let data = input.node("data")?;
    Ok(pb::CancelRequest {
        msgid,
        settlement_id: data.required("setl_id")?,
        person_no: data.required("psn_no")?,
    })
}

/// 2601: the message to undo (`domain.md` section 9, rule 1). None for a pre-settlement, which did nothing.
pub fn reverse(input: &Node, msgid: String) -> Result<Option<pb::ReverseRequest>, Refusal> {
    use pb::ReversibleOperation as Was;
    let data = input.node("data")?;
    let was = match data.required("oinfno")?.as_str() {
        "2101" => return Ok(None),
        "2102" | "2207" | "2304" => Was::Settle,
        "2103" | "2208" | "2305" => Was::Cancel,
        _ => return Err(Refusal::about(Reason::MessageNotReversible, "oinfno")),
    };
    Ok(Some(pb::ReverseRequest {
        msgid,
        original_msgid: data.required("omsgid")?,
        original_operation: was.into(),
        person_no: data.required("psn_no")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(total: &str, lines: &[(&str, &str)]) -> Node {
        let lines: Vec<_> = lines
            .iter()
            .map(|(line_no, amount)| {
                serde_json::json!({"feedetl_sn": line_no, "med_list_codg": "X", "det_item_fee_sumamt": amount})
            })
            .collect();
        let input = serde_json::json!({
            "druginfo": {
                "psn_no": "P-TEST-B", "mdtrt_cert_type": "01", "mdtrt_cert_no": "TESTTOKEN", "insutype": "310",
                "medfee_sumamt": total, "acct_used_flag": "1", "med_type": "41",
            },
            "drugdetail": lines,
        });
        serde_json::from_str(&input.to_string()).unwrap()
    }

    #[test]
    fn a_bill_is_read_to_the_fen() {
        let bill = bill(
            &input("600.00", &[("1", "599.99"), ("2", "0.01")]),
            String::new(),
        )
        .unwrap();
        assert_eq!(
            (bill.total_fen, bill.lines.len(), bill.without_account),
            (60_000, 2, false)
        );
        assert_eq!(bill.usage(), common::Usage::PharmacyDrug);
    }

    #[test]
    fn lines_that_do_not_make_the_total_are_refused_with_both_figures() {
        let refusal = bill(&input("600.00", &[("1", "599.99")]), String::new()).unwrap_err();
        assert_eq!(refusal.reason, Reason::PartsDoNotAddUp);
        assert!(
            refusal
                .about
                .unwrap()
                .contains("599.99 ≠ medfee_sumamt 600.00")
        );
        let twice = bill(
            &input("2.00", &[("1", "1.00"), ("1", "1.00")]),
            String::new(),
        )
        .unwrap_err();
        assert_eq!(twice.reason, Reason::PartsDoNotAddUp);
        assert_eq!(
            bill(&input("2.00", &[]), String::new()).unwrap_err().reason,
            Reason::FieldMissing
        );
    }
}
