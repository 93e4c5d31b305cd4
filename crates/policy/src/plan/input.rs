//! What a split is decided from.

use kernel::{AccountId, BindingId, Date, Fen, Reason, Region, Scheme, Standing, Timestamp, Usage};

use super::limits::Limits;
use crate::axes::Rules;
use crate::usages::Usages;
use crate::values::Component;

/// One bill and everyone who might pay it.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    pub burden: Burden,
    pub usage: Usage,
    pub at: Timestamp,
    pub wishes: Wishes,
    pub patient: Patient<'a>,
    /// In any order; each binding once.
    pub candidates: &'a [Candidate<'a>],
}

/// What is left for the patient after the pooled fund, by component; each zero or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Burden {
    pub deductible: Fen,
    pub copay: Fen,
    pub pre_self_pay: Fen,
    pub over_limit: Fen,
    pub own_expense: Fen,
}

impl Burden {
    /// A burden of one component.
    #[must_use]
    pub fn only(component: Component, amount: Fen) -> Self {
        let mut burden = Self::default();
        *match component {
            Component::Deductible => &mut burden.deductible,
            Component::Copay => &mut burden.copay,
            Component::PreSelfPay => &mut burden.pre_self_pay,
            Component::OverLimit => &mut burden.over_limit,
            Component::OwnExpense => &mut burden.own_expense,
        } = amount;
        burden
    }

    /// The amount of one component.
    pub const fn of(&self, component: Component) -> Fen {
        match component {
            Component::Deductible => self.deductible,
            Component::Copay => self.copay,
            Component::PreSelfPay => self.pre_self_pay,
            Component::OverLimit => self.over_limit,
            Component::OwnExpense => self.own_expense,
        }
    }

    /// The whole, unless it does not fit.
    pub fn total(&self) -> Option<Fen> {
        Fen::checked_sum(Component::ALL.map(|component| self.of(component)))
    }
}

/// What the request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    /// `acct_used_flag`: without it no account pays, own or aid (`domain.md` Q3).
    pub use_account: bool,
    /// Whether relatives may be asked at all.
    pub use_aid: bool,
    /// The contributor the patient picks; heeded only where the rules say `single_choice = PICK`.
    pub chosen: Option<BindingId>,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            use_account: true,
            use_aid: true,
            chosen: None,
        }
    }
}

/// A personal account, as it stands under the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purse {
    pub account: AccountId,
    /// Where it is insured.
    pub region: Region,
    /// Current-year money, less what open holds have set aside. Below zero after a clearing, maybe.
    pub current: Fen,
    /// Prior-year money, less what open holds have set aside.
    pub prior: Fen,
    /// Why no charge may touch it, if none may: it is frozen or closed, or its place is closing its year.
    pub barred: Option<Reason>,
}

/// The patient.
#[derive(Debug, Clone, Copy)]
pub struct Patient<'a> {
    pub purse: Purse,
    pub scheme: Scheme,
    pub standing: Standing,
    /// The rules of the patient's place of insurance on the day of the bill.
    pub rules: &'a Rules,
}

/// A contributor who might pay: binding, mandate and account, as they stand under the lock.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub binding: BindingId,
    pub purse: Purse,
    /// How the contributor's enrolment stands.
    pub standing: Standing,
    pub permission: Permission,
    /// When the binding was agreed.
    pub bound_at: Timestamp,
    /// From when it may be used.
    pub effective_from: Timestamp,
    /// From when it may no longer be used; none is long-term.
    pub valid_until: Option<Timestamp>,
    /// The version of the mandate.
    pub mandate: i64,
    /// 1 is asked first; ties by binding id.
    pub rank: i32,
    pub limits: Limits,
    /// What the mandate allows: [`Usages::allowed_anywhere`] for a mandate that lists nothing.
    pub usage: Usages,
    /// The rules of the contributor's place of insurance on the day of the bill.
    pub rules: &'a Rules,
}

/// Whether a binding and its mandate let money flow, once both and all fences are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    InForce,
    /// The binding is known here and its mandate is not yet.
    NotArrived,
    Paused,
    Revoked,
    /// The mandate's first day is to come.
    NotYet(Date),
    /// The mandate's last day is over.
    Over,
    /// The mandate does not cover the institution.
    Elsewhere,
    /// The end of the binding was asked for, and it is fenced.
    Ending,
    Ended,
}

impl Permission {
    /// Why nothing flows, if nothing does.
    pub(super) const fn refused(self) -> Option<Reason> {
        match self {
            Self::InForce => None,
            Self::NotArrived => Some(Reason::SyncPending),
            Self::Paused => Some(Reason::MandatePaused),
            Self::Revoked => Some(Reason::MandateRevoked),
            Self::NotYet(_) => Some(Reason::MandateNotYetValid),
            Self::Over => Some(Reason::MandateExpired),
            Self::Elsewhere => Some(Reason::PlaceNotInMandate),
            Self::Ending => Some(Reason::BindingEnding),
            Self::Ended => Some(Reason::BindingEnded),
        }
    }
}
