//! Lines of a plan as sentences, in Chinese and English, one per payer and one for the cash.
//!
//! Payers are named by a label that the caller supplies (本人账户, 授权人张*): names never come near this crate. A sentence for
//! the patient never holds a balance, nor a figure from which one could be worked out: it tells that a contributor's
//! account would need more money, and to the account's owner only, how much.

use kernel::{Fen, Reason};

use crate::plan::{Ground, Line, Plan};

mod remedies;

/// Who reads a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// The patient, and whoever prints their receipt.
    Patient,
    /// The owner of the account that the line is about.
    Owner,
}

/// A payer's line for people, in Chinese: `授权人张*支付150.00元，尚余220.00元：其余须留在账户内（1000.00元；140000@2024-07-26 reserve_floor），账户有更多可用余额后可支付。`
pub fn zh(line: &Line, label: &str, reader: Reader) -> String {
    let details = details(
        [
            line.bound.map(|bound| format!("{bound}元")),
            rule(&line.ground),
        ],
        ["（", "；", "）"],
    );
    if line.reason == Reason::Taken {
        return format!("{label}支付{}元{details}。", line.taken);
    }
    if line.taken.is_positive() {
        let open = line.asked.less(line.taken);
        let why = rest_zh(line.reason);
        let cure = after("，", remedies::zh(line, reader));
        return format!(
            "{label}支付{}元，尚余{open}元：{why}{details}{cure}。",
            line.taken
        );
    }
    let cure = remedies::zh(line, reader).or_else(|| general(line, line.reason.zh_cure()));
    let cure = after("，", cure);
    format!("{label}未支付：{}{details}{cure}。", line.reason.zh())
}

/// A payer's line for people, in English.
pub fn en(line: &Line, label: &str, reader: Reader) -> String {
    let details = details(
        [
            line.bound.map(|bound| format!("{bound} yuan")),
            rule(&line.ground),
        ],
        [" (", "; ", ")"],
    );
    if line.reason == Reason::Taken {
        return format!("{label} pays {} yuan{details}.", line.taken);
    }
    if line.taken.is_positive() {
        let why = rest_en(line.reason);
        let cure = after("; ", remedies::en(line, reader));
        return format!(
            "{label} pays {} of {} yuan: {why}{details}{cure}.",
            line.taken, line.asked
        );
    }
    let cure = remedies::en(line, reader).or_else(|| general(line, line.reason.en_cure()));
    let cure = after("; ", cure);
    format!("{label} pays nothing: {}{details}{cure}.", line.reason.en())
}

fn after(between: &str, cure: Option<String>) -> String {
    cure.map(|cure| format!("{between}{cure}"))
        .unwrap_or_default()
}

/// What the catalogue of reasons advises, unless the line knows better: what a region's rule limits, no contributor can raise.
fn general(line: &Line, cure: &str) -> Option<String> {
    let of_region = matches!(
        &line.ground,
        Ground::Rule { axis, .. } if axis.code().starts_with("limit_")
    );
    (!cure.is_empty() && !of_region).then(|| cure.to_owned())
}

/// What is left for cash, in Chinese; empty if nothing is.
pub fn cash_zh(plan: &Plan) -> String {
    match (plan.cash, plan.cash_only) {
        (Fen::ZERO, _) => String::new(),
        (cash, Fen::ZERO) => format!("现金支付{cash}元。"),
        (cash, only) => format!("现金支付{cash}元，其中{only}元只能现金支付。"),
    }
}

/// What is left for cash, in English; empty if nothing is.
pub fn cash_en(plan: &Plan) -> String {
    match (plan.cash, plan.cash_only) {
        (Fen::ZERO, _) => String::new(),
        (cash, Fen::ZERO) => format!("{cash} yuan are left to pay in cash."),
        (cash, only) => {
            format!("{cash} yuan are left to pay in cash; no account may pay {only} of them.")
        }
    }
}

/// Why a payer who paid gave no more. The catalogue speaks of accounts that give nothing at all.
const fn rest_zh(reason: Reason) -> &'static str {
    match reason {
        Reason::BalanceZero | Reason::OwnBalanceZero => "可用余额已用完",
        Reason::BelowFloor => "其余须留在账户内",
        other => other.zh(),
    }
}

const fn rest_en(reason: Reason) -> &'static str {
    match reason {
        Reason::BalanceZero | Reason::OwnBalanceZero => "the usable balance is used up",
        Reason::BelowFloor => "the rest must stay in the account",
        other => other.en(),
    }
}

/// The rule behind a line; what is no rule speaks for itself.
fn rule(ground: &Ground) -> Option<String> {
    matches!(ground, Ground::Rule { .. }).then(|| ground.to_string())
}

fn details(parts: [Option<String>; 2], [open, between, close]: [&str; 3]) -> String {
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return String::new();
    }
    format!("{open}{}{close}", parts.join(between))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::limits::Window;
    use crate::plan::{Payer, Remedy};
    use crate::{Axis, PackVersion};
    use kernel::{AccountId, BindingId};
    use uuid::Uuid;

    fn line(asked: i64, taken: i64, reason: Reason) -> Line {
        Line {
            payer: Payer::Aid {
                binding: BindingId::from_uuid(Uuid::nil()),
                mandate: 1,
            },
            account: AccountId::from_uuid(Uuid::nil()),
            asked: Fen::new(asked),
            taken: Fen::new(taken),
            reason,
            ground: Ground::Account,
            bound: None,
            remedies: Vec::new(),
        }
    }

    #[test]
    fn a_floor_is_told_with_its_figure_and_its_rule() {
        let line = Line {
            ground: Ground::Rule {
                version: PackVersion::from_text("140000@2024-07-26"),
                axis: Axis::ReserveFloor,
            },
            bound: Some(Fen::new(100_000)),
            ..line(37_000, 15_000, Reason::BelowFloor)
        };
        assert_eq!(
            zh(&line, "授权人甲", Reader::Patient),
            "授权人甲支付150.00元，尚余220.00元：其余须留在账户内（1000.00元；140000@2024-07-26 reserve_floor）。"
        );
        assert_eq!(
            en(&line, "Contributor A", Reader::Patient),
            "Contributor A pays 150.00 of 370.00 yuan: the rest must stay in the account (1000.00 yuan; 140000@2024-07-26 reserve_floor)."
        );
    }

    #[test]
    fn who_gave_nothing_hears_why_and_what_to_do() {
        let line = line(100, 0, Reason::MandatePaused);
        assert_eq!(
            zh(&line, "授权人甲", Reader::Patient),
            "授权人甲未支付：共济授权已暂停，授权人可随时恢复。"
        );
        assert_eq!(
            en(&line, "Contributor A", Reader::Patient),
            "Contributor A pays nothing: the mandate is paused; the contributor can resume it."
        );
    }

    #[test]
    fn limits_are_told_with_what_raising_or_waiting_would_take() {
        let line = Line {
            ground: Ground::Mandate,
            bound: Some(Fen::new(10_000)),
            remedies: vec![
                Remedy::RaiseLimit {
                    window: Window::Month,
                    by: Fen::new(2_000),
                },
                Remedy::RaiseLimit {
                    window: Window::Day,
                    by: Fen::new(500),
                },
                Remedy::WaitUntil("2026-04-01".parse().unwrap()),
            ],
            ..line(12_000, 0, Reason::LimitPerMonth)
        };
        assert_eq!(
            zh(&line, "授权人", Reader::Patient),
            "授权人未支付：已达当月限额（100.00元），授权人将当月限额提高20.00元、将当日限额提高5.00元，或自2026年4月1日起再结算，即可支付。"
        );
        assert_eq!(
            en(&line, "the contributor", Reader::Patient),
            "the contributor pays nothing: the limit of this month is reached (100.00 yuan); it would pay if the contributor raised the limit per month by 20.00 yuan and the limit per day by 5.00 yuan, or from 2026-04-01 on."
        );
    }

    #[test]
    fn how_much_money_is_missing_is_told_to_its_owner_only() {
        let line = Line {
            remedies: vec![Remedy::Credit(Fen::new(12_345))],
            ..line(20_000, 0, Reason::BelowFloor)
        };
        for said in [
            zh(&line, "授权人", Reader::Patient),
            en(&line, "the contributor", Reader::Patient),
        ] {
            assert!(!said.contains("123.45"), "{said}");
        }
        assert!(zh(&line, "您", Reader::Owner).contains("增加123.45元"));
        assert!(en(&line, "you", Reader::Owner).contains("123.45 yuan more"));
    }

    #[test]
    fn nobody_is_sent_to_the_contributor_about_a_limit_of_the_region() {
        let line = Line {
            ground: Ground::Rule {
                version: PackVersion::from_text("320100@2024-07-26"),
                axis: Axis::LimitTotal,
            },
            ..line(20_000, 0, Reason::LimitTotal)
        };
        assert_eq!(
            zh(&line, "授权人", Reader::Patient),
            "授权人未支付：已达累计限额（320100@2024-07-26 limit_total）。"
        );
    }

    #[test]
    fn cash_is_told_with_the_part_no_account_may_pay() {
        let plan = |cash, only| Plan {
            legs: Vec::new(),
            lines: Vec::new(),
            cash: Fen::new(cash),
            cash_only: Fen::new(only),
            burden: Fen::new(cash),
            versions: Vec::new(),
        };
        assert_eq!(cash_zh(&plan(0, 0)), "");
        assert_eq!(cash_en(&plan(950, 0)), "9.50 yuan are left to pay in cash.");
        assert_eq!(
            cash_zh(&plan(950, 500)),
            "现金支付9.50元，其中5.00元只能现金支付。"
        );
    }
}
