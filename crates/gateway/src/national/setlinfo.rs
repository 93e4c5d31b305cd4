//! `setlinfo`: how the interface writes a settlement (`domain.md` 14.5).
//!
//! The own account and aid are written separately: `psn_part_amt = acct_pay + acct_mulaid_pay + psn_cash_pay` (14.6 of the
//! domain reference tells the two readings in the field). `fund_pay_sumamt` does not contain the personal account.

use kernel::{Bucket, Fen, PersonKind, Scheme, Standing};
use proto::binding::v1::Person;
use proto::common::v1 as common;
use proto::settlement::v1 as pb;
use serde_json::{Map, Value, json};

use super::benefit;
use super::envelope::date_time;

/// Who the patient is, as the answer repeats it.
pub fn patient(person: &Person) -> Map<String, Value> {
    object(json!({
        "psn_name": person.name,
        "psn_cert_type": person.cert_type,
        "certno": person.cert_no,
        "gend": person.gender,
        "brdy": person.birth_date,
    }))
}

/// The amounts of a split; `sign` is -1 for what was taken back.
pub fn amounts(split: &Parts, sign: i64) -> Map<String, Value> {
    let yuan = |fen: i64| Value::String(Fen::new(fen * sign).to_string());
    let zero = || yuan(0);
    let personal = split.own + split.aid + split.cash + split.open;
    object(json!({
        "medfee_sumamt": yuan(split.total),
        "fulamt_ownpay_amt": yuan(split.costs.own_expense_fen),
        "overlmt_selfpay": yuan(split.costs.over_limit_fen),
        "preselfpay_amt": yuan(split.costs.pre_self_pay_fen),
        "inscp_scp_amt": yuan(split.costs.in_scope_fen),
        "act_pay_dedc": yuan(split.costs.deductible_fen),
        "hifp_pay": yuan(split.pooled),
        "pool_prop_selfpay": benefit::ratio(split.ratio_bp),
        "cvlserv_pay": zero(),
        "hifes_pay": zero(),
        "hifmi_pay": zero(),
        "hifob_pay": zero(),
        "hifdm_pay": zero(),
        "maf_pay": zero(),
        "oth_pay": zero(),
        "fund_pay_sumamt": yuan(split.pooled),
        "psn_part_amt": yuan(personal),
        "acct_pay": yuan(split.own),
        "acct_mulaid_pay": yuan(split.aid),
        "psn_cash_pay": yuan(split.cash),
        "hosp_part_amt": zero(),
    }))
}

/// The parts of a bill in fen, each at most 2^53.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    pub total: i64,
    pub pooled: i64,
    pub own: i64,
    pub aid: i64,
    pub cash: i64,
    /// The parts of the bill by kind of cost.
    pub costs: pb::CostParts,
    /// What the fund pays above the deductible, in basis points.
    pub ratio_bp: i32,
    /// Still to be deducted after the visit; the interface has no field of its own for it.
    pub open: i64,
}

impl From<&pb::Split> for Parts {
    fn from(split: &pb::Split) -> Self {
        Self {
            total: split.total_fen,
            pooled: split.pooled_fen,
            own: split.own_fen,
            aid: split.aid_fen,
            cash: split.cash_fen,
            costs: benefit::costs(
                split.benefit.as_ref().and_then(|benefit| benefit.parts),
                split.total_fen,
            ),
            ratio_bp: split.benefit.as_ref().map_or(0, |benefit| benefit.ratio_bp),
            open: split.open_fen,
        }
    }
}

impl From<&pb::Cancellation> for Parts {
    fn from(cancellation: &pb::Cancellation) -> Self {
        Self {
            total: cancellation.total_fen,
            pooled: cancellation.pooled_fen,
            own: cancellation.own_fen,
            aid: cancellation.aid_fen,
            cash: cancellation.cash_fen,
            costs: benefit::costs(cancellation.parts, cancellation.total_fen),
            ratio_bp: 0,
            open: cancellation.open_fen,
        }
    }
}

impl From<&pb::Refund> for Parts {
    fn from(refund: &pb::Refund) -> Self {
        Self {
            total: refund.total_fen,
            pooled: refund.pooled_fen,
            own: refund.own_fen,
            aid: refund.aid_fen,
            cash: refund.cash_fen,
            costs: benefit::costs(refund.parts, refund.total_fen),
            ratio_bp: 0,
            open: refund.open_fen,
        }
    }
}

/// A settlement, with the patient if the institution may see them.
pub fn settlement(settlement: &pb::Settlement, person: Option<&Person>) -> Value {
    let split = settlement.split.clone().unwrap_or_default();
    let mut info = amounts(&Parts::from(&split), 1);
    info.extend(person.map(patient).unwrap_or_default());
    let settled_at = settlement
        .settled_at
        .and_then(|at| proto::convert::time("settled_at", &at).ok());
    info.extend(object(json!({
        "setl_id": settlement.settlement_id,
        // A pharmacy has no visit; the settlement stands for it wherever the interface asks for one.
        "mdtrt_id": settlement.settlement_id,
        "psn_no": settlement.person_no,
        "insutype": insutype(settlement.scheme()),
        "setl_time": settled_at.map(date_time),
        "med_type": "41",
        "balc": Fen::new(settlement.own_balance_fen).to_string(),
        "medins_setl_id": settlement.msgid,
        "fixmedins_code": settlement.institution,
        "clr_type": "41",
        "refd_setl_flag": if settlement.refunded_fen > 0 { "1" } else { "0" },
    })));
    json!({
        "setlinfo": info, "setldetail": details(&split), "exppay": payers(&split),
        "detlcutinfo": benefit::lines(&split), "exwarn": benefit::warnings(&split),
    })
}

/// How a bill would be split: 2101, the same without a settlement's number.
pub fn quote(split: &pb::Split, person_no: &str, person: Option<&Person>) -> Value {
    let mut info = amounts(&Parts::from(split), 1);
    info.extend(person.map(patient).unwrap_or_default());
    info.extend(object(
        json!({ "psn_no": person_no, "med_type": "41", "clr_type": "41" }),
    ));
    json!({
        "setlinfo": info, "setldetail": details(split), "exppay": payers(split),
        "detlcutinfo": benefit::lines(split), "exwarn": benefit::warnings(split),
    })
}

/// 2103: what went back, in negative amounts under a new number. The cash field has a name of its own here.
pub fn cancellation(cancellation: &pb::Cancellation) -> Value {
    let mut info = taken_back(&Parts::from(cancellation));
    let at = cancellation
        .cancelled_at
        .and_then(|at| proto::convert::time("cancelled_at", &at).ok());
    info.extend(object(json!({
        "setl_id": cancellation.cancellation_id,
        "mdtrt_id": cancellation.settlement_id,
        "psn_no": cancellation.person_no,
        "setl_time": at.map(date_time),
        "balc": Fen::new(cancellation.own_balance_fen).to_string(),
        "medins_setl_id": cancellation.msgid,
    })));
    json!({ "setlinfo": info, "exppay": returned(&cancellation.legs) })
}

/// A part that was given back, in the same form.
pub fn refund(refund: &pb::Refund) -> Value {
    let mut info = taken_back(&Parts::from(refund));
    let at = refund
        .refunded_at
        .and_then(|at| proto::convert::time("refunded_at", &at).ok());
    info.extend(object(json!({
        "setl_id": refund.refund_id,
        "mdtrt_id": refund.settlement_id,
        "psn_no": refund.person_no,
        "setl_time": at.map(date_time),
        "balc": Fen::new(refund.own_balance_fen).to_string(),
        "medins_setl_id": refund.msgid,
    })));
    json!({ "setlinfo": info, "exppay": returned(&refund.legs) })
}

fn taken_back(parts: &Parts) -> Map<String, Value> {
    let mut info = amounts(parts, -1);
    info.extend(object(json!({
        "cash_payamt": Fen::new(-parts.cash).to_string(),
        "psn_pay": Fen::new(-(parts.own + parts.aid + parts.cash)).to_string(),
    })));
    info
}

/// `exppay` of a cancellation: to whom how much went back, into which bucket, in the order in which they had paid.
fn returned(legs: &[pb::Leg]) -> Vec<Value> {
    let mut payers: Vec<(&pb::Leg, [i64; 2])> = Vec::new();
    for leg in legs {
        let at = usize::from(leg.bucket() == common::Bucket::Prior);
        let same = |first: &pb::Leg| first.account_id == leg.account_id && first.kind == leg.kind;
        if let Some((_, buckets)) = payers.iter_mut().find(|(first, _)| same(first)) {
            buckets[at] += leg.amount_fen;
        } else {
            let mut buckets = [0, 0];
            buckets[at] = leg.amount_fen;
            payers.push((leg, buckets));
        }
    }
    payers
        .into_iter()
        .map(|(leg, [current, prior])| {
            let yuan = |fen: i64| Fen::new(-fen).to_string();
            json!({
                "payer": payer(leg.kind()),
                "binding_id": leg.binding_id,
                "account_id": leg.account_id,
                "pay": yuan(current + prior),
                "pay_current": yuan(current),
                "pay_prior": yuan(prior),
                "reason": "RETURNED",
                "reason_zh": "退回原账户",
                "reason_en": "returned to the account it came from",
                "rule": "",
            })
        })
        .collect()
}

fn payer(kind: pb::LegKind) -> &'static str {
    match kind {
        pb::LegKind::Aid => "AID",
        pb::LegKind::Own | pb::LegKind::Unspecified => "OWN",
    }
}

/// `setldetail`: the personal accounts as payment types 310200 (own) and 310201 (aid).
fn details(split: &pb::Split) -> Vec<Value> {
    [("310100", "统筹基金", split.pooled_fen), ("310200", "个人账户", split.own_fen), ("310201", "个人账户共济", split.aid_fen)]
        .into_iter()
        .filter(|(_, _, fen)| *fen != 0)
        .map(|(code, name, fen)| {
            json!({ "fund_pay_type": code, "fund_pay_type_name": name, "fund_payamt": Fen::new(fen).to_string() })
        })
        .collect()
}

/// `exppay`, our extension: every payer that was considered, in order, what it gave from which bucket, and why not more.
fn payers(split: &pb::Split) -> Vec<Value> {
    split
        .considered
        .iter()
        .map(|considered| {
            let from_bucket = |bucket: common::Bucket| {
                let fen = split
                    .legs
                    .iter()
                    .filter(|leg| {
                        leg.account_id == considered.account_id && leg.kind == considered.kind
                    })
                    .filter(|leg| leg.bucket() == bucket)
                    .map(|leg| leg.amount_fen)
                    .sum();
                Fen::new(fen).to_string()
            };
            let reason = considered.reason.clone().unwrap_or_default();
            json!({
                "payer": payer(considered.kind()),
                "binding_id": considered.binding_id,
                "account_id": considered.account_id,
                "pay": Fen::new(considered.taken_fen).to_string(),
                "pay_current": from_bucket(Bucket::Current.into()),
                "pay_prior": from_bucket(Bucket::Prior.into()),
                "reason": reason.code,
                "reason_zh": reason.zh,
                "reason_en": reason.en,
                "rule": considered.rule,
            })
        })
        .collect()
}

/// `insuinfo`: one enrolment with its balance, as 1101 lists them.
pub fn enrolment(account: &pb::Account) -> Value {
    let scheme = proto::convert::scheme("scheme", account.scheme).unwrap_or(Scheme::Resident);
    let kind = proto::convert::person_kind("kind", account.kind).unwrap_or(PersonKind::Resident);
    let standing =
        proto::convert::standing("standing", account.standing).unwrap_or(Standing::Terminated);
    let balance = Fen::new(account.current_fen)
        .checked_add(Fen::new(account.prior_fen))
        .unwrap_or_default();
    json!({
        "psn_no": account.person_no,
        "insutype": scheme.insutype(),
        "psn_type": kind.psn_type(),
        "psn_insu_stas": standing.psn_insu_stas(),
        "insuplc_admdvs": account.region,
        "cvlserv_flag": "0",
        "balc": balance.to_string(),
    })
}

fn insutype(scheme: common::Scheme) -> &'static str {
    match scheme {
        common::Scheme::Employee => Scheme::Employee.insutype(),
        common::Scheme::Resident => Scheme::Resident.insutype(),
        common::Scheme::Unspecified => "",
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
