//! Lines of a plan as sentences, in Chinese and English, one per payer and one for the cash.
//!
//! Payers are named by a label that the caller supplies (本人账户, 授权人张*): names never come near this crate. A sentence never
//! holds a balance, because the beneficiary reads what the contributor's account gave.

use kernel::{Fen, Reason};

use crate::plan::{Ground, Line, Plan};

/// A payer's line for people, in Chinese: `授权人张*支付150.00元，尚余220.00元：其余须留在账户内（1000.00元；140000@2024-07-26 reserve_floor）。`
pub fn zh(line: &Line, label: &str) -> String {
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
        return format!(
            "{label}支付{}元，尚余{open}元：{why}{details}。",
            line.taken
        );
    }
    let cure = match line.reason.zh_cure() {
        "" => String::new(),
        cure => format!("，{cure}"),
    };
    format!("{label}未支付：{}{details}{cure}。", line.reason.zh())
}

/// A payer's line for people, in English.
pub fn en(line: &Line, label: &str) -> String {
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
        return format!(
            "{label} pays {} of {} yuan: {why}{details}.",
            line.taken, line.asked
        );
    }
    let cure = match line.reason.en_cure() {
        "" => String::new(),
        cure => format!("; {cure}"),
    };
    format!("{label} pays nothing: {}{details}{cure}.", line.reason.en())
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
    use crate::plan::Payer;
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
            zh(&line, "授权人甲"),
            "授权人甲支付150.00元，尚余220.00元：其余须留在账户内（1000.00元；140000@2024-07-26 reserve_floor）。"
        );
        assert_eq!(
            en(&line, "Contributor A"),
            "Contributor A pays 150.00 of 370.00 yuan: the rest must stay in the account (1000.00 yuan; 140000@2024-07-26 reserve_floor)."
        );
    }

    #[test]
    fn who_gave_nothing_hears_why_and_what_to_do() {
        let line = line(100, 0, Reason::MandatePaused);
        assert_eq!(
            zh(&line, "授权人甲"),
            "授权人甲未支付：共济授权已暂停，授权人可随时恢复。"
        );
        assert_eq!(
            en(&line, "Contributor A"),
            "Contributor A pays nothing: the mandate is paused; the contributor can resume it."
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
