//! What the day prints: one table per bill, the reminders of each person, the balances.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use proto::notification::v1::Notice;
use proto::settlement::v1::Account;
use serde_json::Value;

use super::cast::{Cast, Member};

/// One bill: who paid what out of which bucket, and why not more.
pub fn bill(name: &str, message: &Value, answer: &Value, cast: &Cast) {
    println!("\n▌ {}", name.replace('_', " "));
    if answer["infcode"] != 0 {
        println!("  refused: {}", text(&answer["err_msg"]));
        return;
    }
    let output = &answer["output"];
    if let Some(enrolments) = output["insuinfo"].as_array() {
        for enrolment in enrolments {
            let (scheme, balance) = (text(&enrolment["insutype"]), text(&enrolment["balc"]));
            println!(
                "  {}: insutype {scheme}, balance {balance}",
                text(&output["baseinfo"]["psn_name"])
            );
        }
        return;
    }
    println!(
        "{}",
        split(&output["setlinfo"], &output["exppay"], message, cast)
    );
}

fn split(info: &Value, payers: &Value, message: &Value, cast: &Cast) -> Table {
    let mut table = table(&["payer", "current", "prior", "pays", "why"]);
    if text(&info["hifp_pay"]) != "0.00" {
        table.add_row(["pooled fund 统筹基金", "", "", text(&info["hifp_pay"]), ""]);
    }
    for payer in payers.as_array().into_iter().flatten() {
        let why = format!(
            "{}\n{}",
            text(&payer["reason_en"]),
            text(&payer["reason_zh"])
        );
        table.add_row([
            &label(payer, cast),
            text(&payer["pay_current"]),
            text(&payer["pay_prior"]),
            text(&payer["pay"]),
            why.trim(),
        ]);
    }
    table.add_row(["cash 现金", "", "", text(&info["psn_cash_pay"]), ""]);
    let total = format!(
        "{} = whole bill of {}",
        text(&info["medfee_sumamt"]),
        patient(info, message)
    );
    table.add_row(["", "", "", "", &total]);
    table
}

fn patient(info: &Value, message: &Value) -> String {
    match info["psn_name"].as_str() {
        Some(name) => name.to_owned(),
        None => text(&message["input"]["data"]["psn_no"]).to_owned(),
    }
}

fn label(payer: &Value, cast: &Cast) -> String {
    let member = cast
        .number_of(text(&payer["account_id"]))
        .and_then(|number| cast.member(number).ok());
    let name = member.map_or("?", |member| &member.name);
    if payer["payer"] == "OWN" {
        format!("{name} (own account)")
    } else {
        name.to_owned()
    }
}

/// The reminders of one person, oldest first.
pub fn reminders(member: &Member, notices: &[Notice]) {
    println!("\n▌ {}", member.name);
    for notice in notices {
        println!(
            "  {:<20} {} — {}",
            notice.template,
            notice.title.trim(),
            notice.text.trim().replace('\n', " ")
        );
    }
}

/// Everybody's account when the day is over.
pub fn balances(accounts: &[(String, Account)]) {
    let mut table = table(&["account", "current 当年", "prior 历年", "movements"]);
    for (name, account) in accounts {
        let yuan = |fen| kernel::Fen::new(fen).to_string();
        table.add_row([
            name.clone(),
            yuan(account.current_fen),
            yuan(account.prior_fen),
            account.version.to_string(),
        ]);
    }
    println!("\n▌ Balances\n{table}");
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    // On a terminal, long sentences wrap at its width.
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    for column in table.column_iter_mut().skip(1).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
