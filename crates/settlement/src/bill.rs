//! A bill as an institution sends it, read strictly and once.

use std::collections::BTreeSet;

use kernel::{BindingId, Fen, Reason, Refusal, Scheme, Usage};
use policy::benefit::Quantity;
use policy::plan::{Burden, Wishes};
use proto::convert;
use proto::settlement::v1 as pb;

use crate::premium::Premium;

/// No bill has more fee lines.
pub const MOST_LINES: usize = 2_000;

/// The largest quantity of a line, in ten-thousandths: what `cnt` (N16,4) can hold.
const MOST_UNITS: i64 = 9_999_999_999_999_999;

/// What is to be paid, for what, and out of which purses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// `psn_no`, when the institution gave it.
    pub person_no: Option<String>,
    pub scheme: Option<Scheme>,
    pub usage: Usage,
    pub total: Fen,
    pub lines: Vec<FeeLine>,
    pub without_account: bool,
    pub without_aid: bool,
    /// The contributor the patient picked.
    pub chosen: Option<BindingId>,
    /// Where it is a premium that a contributor pays from a list.
    pub premium: Option<Premium>,
}

/// One line of a bill. Codes only: never a name, never a diagnosis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeLine {
    /// Unique in the bill.
    pub line_no: String,
    pub item_code: String,
    /// Zero for what is given free.
    pub amount: Fen,
    /// How many units: a price ceiling is one unit's.
    pub quantity: Quantity,
}

impl Bill {
    /// What the request asks of the accounts.
    pub fn wishes(&self) -> Wishes {
        Wishes {
            use_account: !self.without_account,
            use_aid: !self.without_aid,
            chosen: self.chosen,
        }
    }

    /// What is left for the patient where no pack gives a benefit: the whole bill, as co-payment.
    pub fn burden(&self) -> Burden {
        Burden {
            copay: self.total,
            ..Burden::default()
        }
    }
}

impl TryFrom<&pb::Bill> for Bill {
    type Error = Refusal;

    fn try_from(bill: &pb::Bill) -> Result<Self, Refusal> {
        let total = convert::amount("total_fen", bill.total_fen)?;
        Ok(Self {
            person_no: person_no(&bill.person_no)?,
            scheme: match bill.scheme {
                0 => None,
                scheme => Some(convert::scheme("scheme", scheme)?),
            },
            usage: convert::usage("usage", bill.usage)?,
            total,
            lines: lines(&bill.lines, total)?,
            without_account: bill.without_account,
            without_aid: bill.without_aid,
            chosen: match bill.chosen_binding_id.as_str() {
                "" => None,
                id => Some(convert::id("chosen_binding_id", id)?),
            },
            premium: None,
        })
    }
}

/// `psn_no`, where it is given: at most 30 characters.
pub fn person_no(text: &str) -> Result<Option<String>, Refusal> {
    let text = convert::text("person_no", text, 30)?;
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The fee lines; where there are any, they must be the whole bill, each line once.
fn lines(lines: &[pb::FeeLine], total: Fen) -> Result<Vec<FeeLine>, Refusal> {
    if lines.len() > MOST_LINES {
        return Err(Refusal::about(
            Reason::PageTooLarge,
            format!("{} lines", lines.len()),
        ));
    }
    let mut numbers = BTreeSet::new();
    let mut read = Vec::with_capacity(lines.len());
    for line in lines {
        if !numbers.insert(line.line_no.as_str()) {
            return Err(Refusal::about(
                Reason::MalformedRequest,
                "a line_no stands twice",
            ));
        }
        read.push(fee_line(line)?);
    }
    let sum = Fen::checked_sum(read.iter().map(|line| line.amount));
    if !read.is_empty() && sum != Some(total) {
        let sum = sum.map_or_else(|| "too large".to_owned(), |sum| sum.to_string());
        return Err(Refusal::about(
            Reason::PartsDoNotAddUp,
            format!("lines {sum}, total {total}"),
        ));
    }
    Ok(read)
}

fn fee_line(line: &pb::FeeLine) -> Result<FeeLine, Refusal> {
    for (field, text) in [("line_no", &line.line_no), ("item_code", &line.item_code)] {
        if text.is_empty() {
            return Err(Refusal::about(Reason::FieldMissing, field));
        }
        convert::text(field, text, 50)?;
    }
    let amount = match line.amount_fen {
        0 => Fen::ZERO,
        fen => convert::amount("lines.amount_fen", fen)?,
    };
    Ok(FeeLine {
        line_no: line.line_no.clone(),
        item_code: line.item_code.clone(),
        amount,
        quantity: match line.quantity_e4 {
            0 => Quantity::ONE,
            quantity if quantity > 0 && quantity <= MOST_UNITS => Quantity(quantity),
            quantity if quantity > 0 => {
                return Err(Refusal::about(Reason::AmountTooLarge, "lines.quantity_e4"));
            }
            _ => return Err(Refusal::about(Reason::AmountNegative, "lines.quantity_e4")),
        },
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proto::common::v1 as common;

    pub(crate) fn bill(total: i64) -> Bill {
        Bill::try_from(&wire(total)).unwrap()
    }

    fn wire(total: i64) -> pb::Bill {
        pb::Bill {
            usage: common::Usage::PharmacyDrug.into(),
            total_fen: total,
            ..Default::default()
        }
    }

    fn line(number: &str, fen: i64) -> pb::FeeLine {
        pb::FeeLine {
            line_no: number.into(),
            item_code: "XA01".into(),
            amount_fen: fen,
            quantity_e4: 0,
        }
    }

    fn refused(bill: &pb::Bill) -> Reason {
        Bill::try_from(bill).unwrap_err().reason
    }

    #[test]
    fn an_impossible_total_is_refused_by_kind() {
        assert_eq!(refused(&wire(0)), Reason::AmountZero);
        assert_eq!(refused(&wire(-1)), Reason::AmountNegative);
        assert_eq!(refused(&wire((1 << 53) + 1)), Reason::AmountTooLarge);
    }

    #[test]
    fn lines_must_be_the_whole_bill_each_once() {
        let with = |lines: Vec<pb::FeeLine>| pb::Bill { lines, ..wire(300) };
        assert_eq!(
            refused(&with(vec![line("1", 100)])),
            Reason::PartsDoNotAddUp
        );
        assert_eq!(
            refused(&with(vec![line("1", 100), line("1", 200)])),
            Reason::MalformedRequest
        );
        assert_eq!(
            refused(&with(vec![line("1", 400), line("2", -100)])),
            Reason::AmountNegative
        );
        assert_eq!(refused(&with(vec![line("", 300)])), Reason::FieldMissing);
        assert_eq!(
            refused(&with(vec![line("1\0", 300)])),
            Reason::TextMalformed
        );
        let free = with(vec![line("1", 300), line("2", 0)]);
        assert_eq!(Bill::try_from(&free).unwrap().lines.len(), 2);
    }

    #[test]
    fn a_bill_says_what_it_is_for() {
        assert_eq!(
            refused(&pb::Bill {
                usage: 0,
                ..wire(1)
            }),
            Reason::FieldMissing
        );
        assert_eq!(
            refused(&pb::Bill {
                chosen_binding_id: "acc_1".into(),
                ..wire(1)
            }),
            Reason::IdMalformed
        );
    }
}
