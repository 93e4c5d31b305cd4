//! Whether the day went as it must: every split, balance and reminder against `expected.json`.

use proto::notification::v1::Notice;
use proto::settlement::v1::Account;
use serde_json::Value;

use super::cast::Cast;
use super::script::{Expected, ExpectedAnswer};

/// Everything that differed, one sentence each.
#[derive(Debug, Default)]
pub struct Verdict {
    /// How many comparisons were made: a verdict over nothing is not a good one.
    pub compared: usize,
    /// What differed.
    pub differences: Vec<String>,
}

impl Verdict {
    /// Compares one value.
    fn same(&mut self, what: &str, expected: &str, found: &str) {
        self.compared += 1;
        if expected != found {
            self.differences
                .push(format!("{what}: expected {expected:?}, found {found:?}"));
        }
    }

    /// Compares the answer to one message.
    pub fn answer(&mut self, name: &str, expected: &Expected, answer: &Value, cast: &Cast) {
        let Some(expected) = expected.answers.get(name) else {
            self.differences.push(format!(
                "{name}: expected.json does not say what it must be answered with"
            ));
            return;
        };
        self.same(
            &format!("{name} infcode"),
            &expected.infcode.to_string(),
            &answer["infcode"].to_string(),
        );
        let (info, output) = (&answer["output"]["setlinfo"], &answer["output"]);
        for (field, expected, found) in [
            ("acct_pay", &expected.own, &info["acct_pay"]),
            ("acct_mulaid_pay", &expected.aid, &info["acct_mulaid_pay"]),
            ("psn_cash_pay", &expected.cash, &info["psn_cash_pay"]),
            ("balc", &expected.balance, &output["insuinfo"][0]["balc"]),
        ] {
            if let Some(expected) = expected {
                self.same(
                    &format!("{name} {field}"),
                    expected,
                    found.as_str().unwrap_or("nothing"),
                );
            }
        }
        self.payers(name, expected, &output["exppay"], cast);
    }

    fn payers(&mut self, name: &str, expected: &ExpectedAnswer, found: &Value, cast: &Cast) {
        let Some(expected) = &expected.payers else {
            return;
        };
        let found = found.as_array().map(Vec::as_slice).unwrap_or_default();
        self.same(
            &format!("{name} number of payers"),
            &expected.len().to_string(),
            &found.len().to_string(),
        );
        for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
            let text = |field: &str| found[field].as_str().unwrap_or("nothing").to_owned();
            let account = text("account_id");
            let account = cast.number_of(&account).unwrap_or(&account);
            self.same(&format!("{name} payer {at}"), &expected.account, account);
            self.same(
                &format!("{name} payer {at} current"),
                &expected.current,
                &text("pay_current"),
            );
            self.same(
                &format!("{name} payer {at} prior"),
                &expected.prior,
                &text("pay_prior"),
            );
            self.same(
                &format!("{name} payer {at} reason"),
                &expected.reason,
                &text("reason"),
            );
        }
    }

    /// Compares an account at the end of the day.
    pub fn balance(&mut self, person_no: &str, expected: &Expected, account: &Account) {
        let Some([current, prior]) = expected.balances.get(person_no) else {
            self.differences.push(format!(
                "{person_no}: expected.json does not say what must be left"
            ));
            return;
        };
        let yuan = |fen| kernel::Fen::new(fen).to_string();
        self.same(
            &format!("{person_no} current"),
            current,
            &yuan(account.current_fen),
        );
        self.same(
            &format!("{person_no} prior"),
            prior,
            &yuan(account.prior_fen),
        );
    }

    /// Compares what a person was told: everything, each as often as it must be. Services tell side by side, so in no order.
    pub fn reminders(&mut self, person_no: &str, expected: &Expected, notices: &[Notice]) {
        let mut told: Vec<_> = notices
            .iter()
            .map(|notice| notice.template.as_str())
            .collect();
        told.sort_unstable();
        let expected = expected
            .reminders
            .get(person_no)
            .map(|templates| templates.join(" "))
            .unwrap_or_default();
        self.same(
            &format!("{person_no} reminders"),
            &expected,
            &told.join(" "),
        );
    }
}
