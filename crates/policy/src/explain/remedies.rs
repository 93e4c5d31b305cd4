//! What would have changed a line, as the end of its sentence.

use kernel::Date;

use super::Reader;
use crate::plan::limits::Window;
use crate::plan::{Line, Remedy};

/// What would have let the payer pay all that was asked, in Chinese; none if the line knows nothing.
pub(super) fn zh(line: &Line, reader: Reader) -> Option<String> {
    let mut raised: Vec<String> = Vec::new();
    let mut ways: Vec<String> = Vec::new();
    for remedy in &line.remedies {
        match remedy {
            Remedy::RaiseLimit { window, by } => {
                raised.push(format!("将{}限额提高{by}元", window_zh(*window)));
            }
            Remedy::RaiseShare => raised.push("提高单次支付比例".to_owned()),
            Remedy::WaitUntil(day) => ways.push(format!("自{}起再结算", day_zh(*day))),
            Remedy::Credit(by) if reader == Reader::Owner => {
                ways.push(format!("账户可用余额增加{by}元"));
            }
            Remedy::Credit(_) => ways.push("账户有更多可用余额".to_owned()),
            Remedy::Choose => ways.push("结算时选择该授权人".to_owned()),
            Remedy::Ask => ways.push("结算时选择使用".to_owned()),
        }
    }
    if !raised.is_empty() {
        ways.insert(0, format!("授权人{}", raised.join("、")));
    }
    (!ways.is_empty()).then(|| format!("{}，即可支付", ways.join("，或")))
}

/// The same in English.
pub(super) fn en(line: &Line, reader: Reader) -> Option<String> {
    let mut raised: Vec<String> = Vec::new();
    let mut ways: Vec<String> = Vec::new();
    for remedy in &line.remedies {
        match remedy {
            Remedy::RaiseLimit { window, by } => {
                raised.push(format!("the limit {} by {by} yuan", window_en(*window)));
            }
            Remedy::RaiseShare => raised.push("the share per bill".to_owned()),
            Remedy::WaitUntil(day) => ways.push(format!("from {day} on")),
            Remedy::Credit(by) if reader == Reader::Owner => {
                ways.push(format!("with {by} yuan more in the account"));
            }
            Remedy::Credit(_) => ways.push("with more money in the account".to_owned()),
            Remedy::Choose => ways.push("if the bill named this contributor".to_owned()),
            Remedy::Ask => ways.push("if the bill asked for it".to_owned()),
        }
    }
    if !raised.is_empty() {
        ways.insert(
            0,
            format!("if the contributor raised {}", raised.join(" and ")),
        );
    }
    (!ways.is_empty()).then(|| format!("it would pay {}", ways.join(", or ")))
}

const fn window_zh(window: Window) -> &'static str {
    match window {
        Window::Transaction | Window::Share => "单次",
        Window::Day => "当日",
        Window::Month => "当月",
        Window::Year => "年度",
        Window::Total => "累计",
    }
}

const fn window_en(window: Window) -> &'static str {
    match window {
        Window::Transaction | Window::Share => "per bill",
        Window::Day => "per day",
        Window::Month => "per month",
        Window::Year => "per year",
        Window::Total => "for all bills together",
    }
}

fn day_zh(day: Date) -> String {
    format!("{}年{}月{}日", day.year(), day.month(), day.day())
}
