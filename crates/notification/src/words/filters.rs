//! What templates may do with a value: each filter turns one kind of value into words of the environment's language.
//!
//! A value that a filter does not know is shown as it is: an unknown code in a true sentence beats no notice at all.

use jiff::{SignedDuration, Timestamp};
use kernel::{Fen, Reason, Refusal, Relation, Usage};
use minijinja::value::Value;
use minijinja::{Environment, State};

use super::Language;

pub(super) fn add(environment: &mut Environment<'static>, language: Language) {
    environment.add_filter("yuan", yuan);
    environment.add_filter("name", move |state: &State<'_, '_>, id: String| {
        name(state, &id).unwrap_or_else(|| relative(language).to_owned())
    });
    environment.add_filter("place", move |code: String| {
        place(language, &code).to_owned()
    });
    environment.add_filter("relation", move |code: String| {
        Relation::from_code(&code).map_or(code, |relation| match language {
            Language::Chinese => relation.zh().to_owned(),
            Language::English => relation.en().to_owned(),
        })
    });
    environment.add_filter("usage", move |code: String| {
        Usage::from_code(&code).map_or(code, |usage| use_of(language, usage).to_owned())
    });
    environment.add_filter("window", move |code: String| {
        window(language, &code).to_owned()
    });
    environment.add_filter("reason", move |code: String| reason(language, &code));
    environment.add_filter("month", move |month: String| match language {
        Language::Chinese => civil_month(&month, "%Y年%-m月"),
        Language::English => civil_month(&month, "%B %Y"),
    });
    let (day, moment) = match language {
        Language::Chinese => ("%Y年%-m月%-d日", "%Y年%-m月%-d日%H:%M"),
        Language::English => ("%-d %B %Y", "%-d %B %Y, %H:%M"),
    };
    environment.add_filter("day", move |at: String| {
        in_shanghai(&at, SignedDuration::ZERO, day)
    });
    // A validity ends with the instant that it names; the last day of it is the one before.
    environment.add_filter("last_day", move |at: String| {
        in_shanghai(&at, SignedDuration::from_micros(1), day)
    });
    environment.add_filter("moment", move |at: String| {
        in_shanghai(&at, SignedDuration::ZERO, moment)
    });
}

/// `¥123.45`, with the sign in front of the currency.
fn yuan(fen: i64) -> String {
    let text = Fen::new(fen).to_string();
    match text.strip_prefix('-') {
        Some(amount) => format!("-¥{amount}"),
        None => format!("¥{text}"),
    }
}

fn name(state: &State<'_, '_>, id: &str) -> Option<String> {
    let name: Value = state.lookup("names")?.get_item(&Value::from(id)).ok()?;
    name.as_str().map(ToOwned::to_owned)
}

/// Somebody whose name is not known here, or not just now.
const fn relative(language: Language) -> &'static str {
    match language {
        Language::Chinese => "家人",
        Language::English => "your relative",
    }
}

fn place(language: Language, code: &str) -> &'static str {
    match (language, code) {
        (Language::Chinese, "HOSPITAL") => "医院",
        (Language::Chinese, "PHARMACY") => "药店",
        (Language::Chinese, "AGENCY") => "医保经办机构",
        (Language::Chinese, _) => "定点医药机构",
        (Language::English, "HOSPITAL") => "a hospital",
        (Language::English, "PHARMACY") => "a pharmacy",
        (Language::English, "AGENCY") => "an insurance agency",
        (Language::English, _) => "a medical institution",
    }
}

/// The window of a limit, as it stands before "limit".
fn window(language: Language, code: &str) -> &'static str {
    match (language, code) {
        (Language::Chinese, "DAY") => "当日",
        (Language::Chinese, "MONTH") => "当月",
        (Language::Chinese, "YEAR") => "年度",
        (Language::Chinese, _) => "累计",
        (Language::English, "DAY") => "today's",
        (Language::English, "MONTH") => "this month's",
        (Language::English, "YEAR") => "this year's",
        (Language::English, _) => "the overall",
    }
}

fn reason(language: Language, code: &str) -> String {
    let Some(reason) = Reason::from_code(code) else {
        return code.to_owned();
    };
    let refusal = Refusal::from(reason);
    match language {
        Language::Chinese => refusal.zh().trim_end_matches('。').to_owned(),
        Language::English => refusal.en(),
    }
}

/// A month written `yyyy-MM`.
fn civil_month(month: &str, format: &str) -> String {
    format!("{month}-01")
        .parse::<jiff::civil::Date>()
        .map_or_else(
            |_| month.to_owned(),
            |first| first.strftime(format).to_string(),
        )
}

/// An instant less `before`, in business time.
fn in_shanghai(at: &str, before: SignedDuration, format: &str) -> String {
    at.parse::<Timestamp>()
        .and_then(|instant| instant.checked_sub(before))
        .map_or_else(
            |_| at.to_owned(),
            |instant| {
                let local = instant.to_zoned(kernel::clock::shanghai());
                local.strftime(format).to_string()
            },
        )
}

const fn use_of(language: Language, usage: Usage) -> &'static str {
    let (chinese, english) = match usage {
        Usage::HospitalOutpatient => ("门诊", "outpatient care"),
        Usage::HospitalInpatient => ("住院", "inpatient care"),
        Usage::PharmacyDrug => ("药店购药", "medicine from a pharmacy"),
        Usage::MedicalDevice => ("医疗器械", "medical devices"),
        Usage::Consumable => ("医用耗材", "medical consumables"),
        Usage::Disinfectant => ("消毒用品", "disinfectants"),
        Usage::VaccineNonPlan => ("非免疫规划疫苗", "vaccines outside the plan"),
        Usage::PhysicalExam => ("健康体检", "check-ups"),
        Usage::ResidentPremium => ("居民医保缴费", "residents' premiums"),
        Usage::LongTermCare => ("长期护理保险缴费", "long-term care premiums"),
        Usage::CitySupplementIns => ("惠民保", "city supplement insurance"),
        Usage::TcmPreventive => ("中医治未病", "preventive Chinese medicine"),
        Usage::OwnRetireTopup => ("退休一次性补缴", "a retiree's single top-up"),
        Usage::PublicHealth => ("公共卫生", "public health"),
        Usage::Fitness => ("体育健身", "fitness"),
        Usage::Wellness => ("养生保健", "wellness"),
    };
    match language {
        Language::Chinese => chinese,
        Language::English => english,
    }
}
