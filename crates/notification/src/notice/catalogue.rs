//! Everything that can be told: one row per notice, with its kind, its reader's side, its words and its fields.
//!
//! A new notice is a new row here and the file of words it names; who is told of which fact is said in [`crate::tell`].

use jiff::Timestamp;
use kernel::{PersonId, Relation, Usage};
use serde::{Deserialize, Serialize};

use super::params::{
    Amount, Balance, Field, FieldKind, Institution, LimitLeft, LimitWindow, MandateStanding, Part,
    Who,
};
use super::template::{Audience, Template};

/// A row of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The kind of notice, as readers see it.
    pub template: Template,
    /// On which side of the money its reader stands.
    pub audience: Audience,
    /// The file of its words: `charged_aid.contributor`.
    pub file: &'static str,
    /// What that file says as shipped.
    pub(crate) shipped: &'static str,
    /// The variant of [`Told`].
    variant: &'static str,
    /// What its words may use.
    pub fields: &'static [(&'static str, FieldKind)],
}

impl Row {
    /// What is told, from the fields alone: how samples are written.
    ///
    /// # Errors
    /// A field is missing or of another kind.
    pub fn told(&self, fields: &serde_json::Value) -> Result<Told, serde_json::Error> {
        let tag = snake_case(self.variant);
        serde_json::from_value(serde_json::json!({ tag: fields }))
    }
}

/// `ChargedAid` is stored as `charged_aid`.
fn snake_case(variant: &str) -> String {
    let mut tag = String::with_capacity(variant.len() + 4);
    for letter in variant.chars() {
        if letter.is_ascii_uppercase() && !tag.is_empty() {
            tag.push('_');
        }
        tag.push(letter.to_ascii_lowercase());
    }
    tag
}

macro_rules! catalogue {
    ($(
        $(#[$doc:meta])*
        $variant:ident = $template:ident to $audience:ident in $file:literal { $($field:ident: $kind:ty),* $(,)? }
    )*) => {
        /// What a notice says, with everything its text may use and nothing else.
        ///
        /// This is the privacy rule of `domain.md` 12.1 as a type: what a beneficiary is told has no field for a
        /// contributor's balance, and what a contributor is told has none for items, diagnosis or department. Every
        /// balance carries the version of its account, so that a late notice cannot pass an older balance off as the
        /// current one.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Told {
            $($(#[$doc])* $variant { $($field: $kind),* },)*
        }

        /// Every row.
        pub const ROWS: &[Row] = &[$(Row {
            template: Template::$template,
            audience: Audience::$audience,
            file: $file,
            shipped: include_str!(concat!("../../templates/", $file, ".toml")),
            variant: stringify!($variant),
            fields: &[$((stringify!($field), <$kind as Field>::KIND)),*],
        },)*];

        impl Told {
            /// Which kind of notice it is, and on which side of the money the reader stands.
            pub const fn addressed(&self) -> (Template, Audience) {
                match self {
                    $(Self::$variant { .. } => (Template::$template, Audience::$audience),)*
                }
            }

            /// The file of its words.
            pub const fn file(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $file,)* }
            }

            /// Everybody whose name its text may use.
            pub fn people(&self) -> Vec<PersonId> {
                let mut people = Vec::new();
                match self {
                    $(Self::$variant { $($field),* } => { $($field.add_people(&mut people);)* })*
                }
                people
            }
        }
    };
}

catalogue! {
    /// Money came into the account.
    AllocationCredited = AllocationCredited to Owner in "allocation_credited.owner" {
        amount: Amount, period: String, balances: Vec<Balance>,
    }
    /// The account was opened with money in it.
    BalanceOpened = BalanceOpened to Owner in "balance_opened.owner" {
        amount: Amount, balances: Vec<Balance>,
    }
    /// Money came in advance: it may be adjusted.
    PreAllocationCredited = PreAllocationCredited to Owner in "pre_allocation_credited.owner" {
        amount: Amount, period: String, balances: Vec<Balance>,
    }
    /// What came in advance is not what was due. `amount` may be below zero; `before` is the balance before it.
    PreAllocationAdjusted = PreAllocationAdjusted to Owner in "pre_allocation_adjusted.owner" {
        amount: Amount, period: String, before: Amount, balances: Vec<Balance>,
    }
    /// The same, found at clearing: a fall is not spending.
    ClearingDelta = ClearingDelta to Owner in "clearing_delta.owner" {
        amount: Amount, period: String, before: Amount, balances: Vec<Balance>,
    }
    /// The account owes: it pays nothing until later credits have repaid it.
    BalanceNegative = BalanceNegative to Owner in "balance_negative.owner" { owed: Amount }
    /// The contributor's account pays nothing for the beneficiary for now. Why is not their business.
    AidPausedForYou = BalanceNegative to Beneficiary in "balance_negative.beneficiary" { contributor: Who }
    /// What was left of a medical year joined the earlier years. Below zero: a debt did.
    YearRolledOver = YearRolledOver to Owner in "year_rolled_over.owner" {
        amount: Amount, period: String, balances: Vec<Balance>,
    }
    /// The earlier years earned interest.
    InterestPosted = InterestPosted to Owner in "interest_posted.owner" {
        amount: Amount, period: String, balances: Vec<Balance>,
    }
    /// What the account held was paid out.
    AccountPaidOut = AccountPaidOut to Owner in "account_paid_out.owner" {
        amount: Amount, balances: Vec<Balance>,
    }
    /// A mistake was put right. `amount` may be below zero.
    BalanceCorrected = BalanceCorrected to Owner in "balance_corrected.owner" {
        amount: Amount, before: Amount, balances: Vec<Balance>,
    }
    /// The account pays for nothing from then on; money still comes in.
    AccountFrozen = AccountFrozen to Owner in "account_frozen.owner" { since: Timestamp }
    /// It pays again.
    AccountUnfrozen = AccountUnfrozen to Owner in "account_unfrozen.owner" { since: Timestamp }
    /// It is gone.
    AccountClosed = AccountClosed to Owner in "account_closed.owner" { since: Timestamp }
    /// The own account paid.
    ChargedOwn = ChargedOwn to Owner in "charged_own.owner" {
        institution: Institution, amount: Amount, balances: Vec<Balance>,
    }
    /// The contributor's account paid for a relative; `left` is what limits still allow, one entry per window that has one.
    ChargedAid = ChargedAid to Contributor in "charged_aid.contributor" {
        beneficiary: Who, institution: Institution, amount: Amount, left: Vec<LimitLeft>, balances: Vec<Balance>,
    }
    /// Nothing is left of a limit for that relative: the longest window of those that are used up.
    LimitReached = LimitReached to Contributor in "limit_reached.contributor" {
        beneficiary: Who, window: LimitWindow,
    }
    /// Relatives paid for the patient: how the bill was split.
    AidUsedForYou = AidUsedForYou to Beneficiary in "aid_used_for_you.beneficiary" {
        institution: Institution, total: Amount, pooled: Amount, own: Amount, aid: Amount, cash: Amount,
        contributors: Vec<Part>,
    }
    /// Aid paid less than was wanted. `reason` is a code of the catalogue of reasons.
    AidShort = AidShort to Beneficiary in "aid_short.beneficiary" {
        institution: Institution, cash: Amount, reason: String,
    }
    /// A limit of this contributor's mandate kept aid from paying more.
    AidShortByLimit = AidShort to Contributor in "aid_short.contributor" { beneficiary: Who, reason: String }
    /// A bill will be deducted as money and permissions come; until when, before it is owed in cash.
    DeductionAccepted = DeductionAccepted to Beneficiary in "deduction_accepted.beneficiary" {
        institution: Institution, total: Amount, open: Amount, give_up_at: Timestamp,
    }
    /// What accounts did not pay of a bill in time is owed in cash. `reason` is a code of the catalogue of reasons, or empty.
    DeductionGivenUp = DeductionGivenUp to Beneficiary in "deduction_given_up.beneficiary" {
        institution: Institution, own: Amount, aid: Amount, cash: Amount, accepted_at: Timestamp, reason: String,
    }
    /// What the own account paid came back.
    RefundedOwn = RefundedOwn to Owner in "refunded_own.owner" {
        institution: Institution, amount: Amount, charged_at: Timestamp, balances: Vec<Balance>,
    }
    /// What the contributor paid for a relative came back.
    RefundedAid = RefundedAid to Contributor in "refunded_aid.contributor" {
        beneficiary: Who, institution: Institution, amount: Amount, charged_at: Timestamp, balances: Vec<Balance>,
    }
    /// What came back of a payment cannot return to the account that made it: it is kept until somebody asks for it.
    RefundUnclaimed = RefundUnclaimed to Owner in "refund_unclaimed.owner" {
        institution: Institution, amount: Amount, charged_at: Timestamp,
    }
    /// A bill that relatives had paid for the patient was given back; `stands` is what is left of it, `waiting` of the aid has
    /// not reached its payers.
    AidRefundedForYou = RefundedAid to Beneficiary in "refunded_aid.beneficiary" {
        institution: Institution, total: Amount, own: Amount, aid: Amount, cash: Amount, stands: Amount,
        waiting: Amount, charged_at: Timestamp, contributors: Vec<Part>,
    }
    /// A bill took the place of another one: what both come to on the own account. `more`: it paid so much more;
    /// otherwise so much came back.
    ResettledOwn = ResettledOwn to Owner in "resettled_own.owner" {
        institution: Institution, amount: Amount, more: bool, charged_at: Timestamp, balances: Vec<Balance>,
    }
    /// The same for a contributor.
    ResettledAid = ResettledAid to Contributor in "resettled_aid.contributor" {
        beneficiary: Who, institution: Institution, amount: Amount, more: bool, charged_at: Timestamp,
        balances: Vec<Balance>,
    }
    /// The same for the patient: what the bill was, and how the one that stands is split. `waiting` of what came back has not
    /// reached its payers.
    ResettledForYou = ResettledAid to Beneficiary in "resettled_aid.beneficiary" {
        institution: Institution, before: Amount, total: Amount, pooled: Amount, own: Amount, aid: Amount, cash: Amount,
        waiting: Amount, charged_at: Timestamp, contributors: Vec<Part>,
    }
    /// A relative wants to share their account with this person.
    BindRequested = BindRequested to Beneficiary in "bind_requested.beneficiary" {
        contributor: Who, relation: Relation, valid_until: Option<Timestamp>,
    }
    /// The contributor's account may pay for that relative from then on.
    BoundToPay = Bound to Contributor in "bound.contributor" {
        beneficiary: Who, relation: Relation, effective_from: Timestamp, valid_until: Option<Timestamp>,
    }
    /// That relative's account may pay for the beneficiary from then on.
    BoundForYou = Bound to Beneficiary in "bound.beneficiary" {
        contributor: Who, relation: Relation, effective_from: Timestamp, valid_until: Option<Timestamp>,
    }
    /// The relative declined.
    RejectedByRelative = BindRejected to Contributor in "bind_rejected.contributor" { beneficiary: Who }
    /// The beneficiary's own declining is confirmed.
    RejectedByYou = BindRejected to Beneficiary in "bind_rejected.beneficiary" { contributor: Who }
    /// The relative did not answer in time.
    ExpiredUnanswered = BindExpired to Contributor in "bind_expired.contributor" { beneficiary: Who }
    /// The reader did not answer in time.
    ExpiredForYou = BindExpired to Beneficiary in "bind_expired.beneficiary" { contributor: Who }
    /// The agency did not approve that the contributor's account pays for that relative.
    NotApprovedToPay = BindNotApproved to Contributor in "bind_not_approved.contributor" { beneficiary: Who }
    /// The agency did not approve that relative's aid for the beneficiary.
    NotApprovedForYou = BindNotApproved to Beneficiary in "bind_not_approved.beneficiary" { contributor: Who }
    /// The contributor's account pays for that relative no more.
    UnboundToPay = Unbound to Contributor in "unbound.contributor" { beneficiary: Who, ended_at: Timestamp }
    /// That relative's account pays for the beneficiary no more.
    UnboundForYou = Unbound to Beneficiary in "unbound.beneficiary" { contributor: Who, ended_at: Timestamp }
    /// The terms that hold from now on. `total` is for all bills together, `largest_share` of the balance for one bill, in
    /// percent: `12.50`. No usage named means every use the region allows.
    MandateChangedForYou = MandateChanged to Beneficiary in "mandate_changed.beneficiary" {
        contributor: Who, standing: MandateStanding, per_transaction: Option<Amount>, per_day: Option<Amount>,
        per_month: Option<Amount>, per_year: Option<Amount>, total: Option<Amount>, largest_share: Option<String>,
        usage: Vec<Usage>,
    }
    /// Somebody may show the reader's insurance code at a counter.
    DisplayLinkAdded = DisplayLinkAdded to Displayed in "display_link_added.displayed" { binder: Who }
    /// They may no longer.
    DisplayLinkRemoved = DisplayLinkRemoved to Displayed in "display_link_removed.displayed" { binder: Who }
}
