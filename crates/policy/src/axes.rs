//! The axes on which regions differ, declared once: name, type, and how it is written in a pack.
//!
//! From the one list below come the keys of a pack, the fields of [`Rules`] and the names in an explanation, so a new
//! axis is a new line here and a value in the national default. Nothing can be merged, shown or refused in one place
//! and forgotten in another.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU16;

use kernel::{Fen, Region, Relation};
use serde::Deserialize;

use crate::allocation::Bands;
use crate::packs::{Entry, Origin, PackVersion};
use crate::usages::Usages;
use crate::values::{
    BucketOrder, Component, Confirmation, DisplayLinkTerms, Effect, ExclusiveRole, FullCoverBase,
    LimitCount, LimitScope, LimitYear, Model, MonthDay, Order, OwnFirst, OwnZero, Period,
    PoolTerms, Proof, RankSetBy, RefundAfterUnbind, ReleaseBy, Share, ShareOf, Sides, SingleChoice,
    Source, Span, StandingRule, TransferOut, WalletTerms, written,
};

/// The type as a pack writes it: its own, unless the list names another.
macro_rules! as_written {
    ($type:ty) => {
        $type
    };
    ($type:ty, $written:ty) => {
        $written
    };
}

macro_rules! axes {
    ($($(#[doc = $doc:literal])* $axis:ident $field:ident: $type:ty $(as $written:ty)?;)*) => {
        /// One question that a region's rules answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Axis { $($(#[doc = $doc])* $axis,)* }

        impl Axis {
            /// Every axis, in the order of a pack.
            pub const ALL: &'static [Self] = &[$(Self::$axis),*];

            /// The key in a pack.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$axis => stringify!($field),)* }
            }

            /// What it decides, for people.
            pub fn about(self) -> &'static str {
                match self { $(Self::$axis => concat!($($doc),*).trim(),)* }
            }
        }

        /// The rules of one place for a span of days: every axis answered, and by which pack.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Rules {
            /// The narrowest place with a pack of its own that took part.
            pub place: Region,
            pub(crate) versions: Vec<PackVersion>,
            /// One per axis, in the order of [`Axis::ALL`].
            pub(crate) origins: Vec<Origin>,
            $($(#[doc = $doc])* pub $field: $type,)*
        }

        /// The `rules` table of an edition or of an overlay, as written.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct Written {
            $($field: Option<Entry<as_written!($type $(, $written)?)>>,)*
        }

        /// What an edition says, axis by axis; much may be left to a wider region.
        #[derive(Debug, Clone, Default)]
        pub(crate) struct Answers {
            $($field: Option<Answer<$type>>,)*
        }

        impl Answers {
            /// Reads what was written; `text` is the whole document, for the wording of each value.
            pub(crate) fn read(written: Written, text: &str) -> Self {
                Self { $($field: written.$field.map(|entry| {
                    let (value, origin) = entry.read(text);
                    Answer { value: value.into(), origin }
                }),)* }
            }

            /// Puts `over` in the place of what is here.
            pub(crate) fn replace(&mut self, over: Self) {
                $(if over.$field.is_some() { self.$field = over.$field; })*
            }

            /// The note beside the value of `axis`, for reading and for switching it on.
            pub(crate) fn origin_mut(&mut self, axis: Axis) -> Option<&mut Origin> {
                match axis { $(Axis::$axis => self.$field.as_mut().map(|answer| &mut answer.origin),)* }
            }

            /// Every value with its axis, in the order of the list.
            pub(crate) fn origins(&self) -> impl Iterator<Item = (Axis, &Origin)> {
                [$((Axis::$axis, self.$field.as_ref().map(|answer| &answer.origin)),)*]
                    .into_iter()
                    .filter_map(|(axis, origin)| Some((axis, origin?)))
            }

            /// The note beside the value of `axis`.
            pub(crate) fn origin(&self, axis: Axis) -> Option<&Origin> {
                match axis { $(Axis::$axis => self.$field.as_ref().map(|answer| &answer.origin),)* }
            }

            /// Marks every value as said by `version`.
            pub(crate) fn sign(&mut self, version: &PackVersion) {
                $(if let Some(answer) = &mut self.$field { answer.origin.version = version.clone(); })*
            }

            /// Merges along a line from the narrowest place outwards: the first enabled value of each axis wins (ruling 32).
            ///
            /// # Errors
            /// The first axis that nobody on the line answers.
            pub(crate) fn merge(place: Region, line: &[&Self]) -> Result<Rules, Axis> {
                let mut origins = Vec::with_capacity(Axis::ALL.len());
                let mut versions = Vec::new();
                $(
                    let answer = line
                        .iter()
                        .filter_map(|answers| answers.$field.as_ref())
                        .find(|answer| answer.origin.enabled)
                        .ok_or(Axis::$axis)?;
                    if !versions.contains(&answer.origin.version) {
                        versions.push(answer.origin.version.clone());
                    }
                    origins.push(answer.origin.clone());
                    let $field = answer.value.clone();
                )*
                Ok(Rules { place, versions, origins, $($field,)* })
            }
        }
    };
}

axes! {
    // ---- who may be bound
    /// How aid is funded.
    Model model: Model;
    /// What the beneficiary may be to the contributor.
    Relations relations: BTreeSet<Relation>;
    /// How many beneficiaries one contributor may have; none is no cap.
    MaxBeneficiaries max_beneficiaries: Option<NonZeroU16> as written::Cap;
    /// How many beneficiaries one contributor may ever have had, those whose bindings ended included; none is no cap.
    MaxBeneficiariesLifetime max_beneficiaries_lifetime: Option<NonZeroU16> as written::Cap;
    /// Whether the contributor is one of `max_beneficiaries` (Anhui: seven including oneself).
    CountsSelf counts_self: bool;
    /// How many contributors one beneficiary may have; none is no cap.
    MaxContributors max_contributors: Option<NonZeroU16> as written::Cap;
    /// Whether one person may stand in both roles.
    ExclusiveRole exclusive_role: ExclusiveRole;
    /// How far apart the two places of insurance may be.
    Span span: Span;
    /// What the contributor's enrolment must be, at binding and at every charge.
    ContributorStanding contributor_standing: StandingRule;
    /// What it must be besides to ask for a binding, however charges are treated (Xiamen).
    ContributorStandingToBind contributor_standing_to_bind: StandingRule;
    /// What the beneficiary's enrolment must be, at binding and at every charge.
    BeneficiaryStanding beneficiary_standing: StandingRule;
    /// Who must have an activated e-credential before they are bound.
    CredentialRequired credential_required: Sides;
    /// Whether the contributor must have opened the function before the first binding.
    EnableFirst enable_first: bool;
    /// Whether the contributor must show the beneficiary's code by a display link before they are bound (a seed says so).
    DisplayLinkRequired display_link_required: bool;
    /// What the contributor's account must hold for a binding to be made (inclusive).
    MinBalanceToBind min_balance_to_bind: Fen as written::Yuan;
    /// What the kinship must be backed by: all of it.
    Proof proof: BTreeSet<Proof>;
    /// Who must agree.
    Confirmation confirmation: Confirmation;
    /// Whether the agency reviews a binding before it holds, by two people.
    AgencyReview agency_review: bool;
    /// How long a request waits for the other side's word; none is for ever.
    ConfirmWithin confirm_within: Option<Period> as written::Longest;
    /// How often in a calendar year a contributor may put somebody in the place of one who left; none is no limit.
    ChangesPerYear changes_per_year: Option<NonZeroU16> as written::Cap;
    /// Who may end it.
    ReleaseBy release_by: ReleaseBy;
    /// How long it must have lasted before it can be ended.
    MinBind min_bind: Period;
    /// When a new binding takes effect.
    BindEffective bind_effective: Effect;
    /// When an ended binding stops paying.
    UnbindEffective unbind_effective: Effect;
    /// How long a binding may be agreed for; none is long-term.
    MaxValidity max_validity: Option<Period> as written::Longest;
    /// Whether A may contribute to B while B contributes to A (ruling 18).
    ReciprocalAllowed reciprocal_allowed: bool;
    /// What becomes of bindings when the contributor's insurance moves away. Read where the binding service hears of
    /// changes of a person (`domain.md` 6.3).
    OnTransferOut on_transfer_out: TransferOut;
    /// Who may show whose insurance code; moves no money. Read by the binding service's display links.
    DisplayLink display_link: DisplayLinkTerms;

    // ---- money that moves before a bill
    /// How money gets into a family pool; none where there is no pool.
    Pool pool: Option<PoolTerms> as written::Offered<PoolTerms>;
    /// How money moves between wallets; none where they are not open.
    Wallet wallet: Option<WalletTerms> as written::Offered<WalletTerms>;

    // ---- who pays a bill
    /// When the patient's own account pays.
    OwnFirst own_first: OwnFirst;
    /// Whether the own account must be empty before aid; none is no such rule.
    OwnZero own_zero: Option<OwnZero> as written::Zero;
    /// Which buckets of the own account may pay.
    OwnSource own_source: Source;
    /// Which buckets of a contributor's account may pay for others.
    AidSource aid_source: Source;
    /// What must stay in a contributor's account; only what is above it pays for others.
    ReserveFloor reserve_floor: Fen as written::Yuan;
    /// The usable balance from which a contributor's account pays for others (inclusive).
    MinBalanceToStart min_balance_to_start: Fen as written::Yuan;
    /// Which bucket pays first.
    BucketOrder bucket_order: BucketOrder;
    /// In which order several contributors pay (`chain = true`).
    Order order: Order;
    /// Whether the next contributor pays what the one before could not.
    Chain chain: bool;
    /// Which contributor pays where only one may (`chain = false`).
    SingleChoice single_choice: SingleChoice;
    /// Whether a contributor may pay less than what is still open.
    PartialAid partial_aid: bool;
    /// Uses for which one contributor must cover all that is still open, whatever `partial_aid` says (premiums in Zhejiang).
    FullCover full_cover: Usages;
    /// Whether own money counts towards that cover. If not, the contributor's money must be enough for the whole
    /// payable bill, although only what own money leaves is taken.
    FullCoverOwnCounts full_cover_own_counts: bool;
    /// What must be enough for that cover.
    FullCoverBase full_cover_base: FullCoverBase;
    /// What the own account may be spent on.
    UsageOwn usage_own: Usages;
    /// What a contributor's account may be spent on for others.
    UsageAid usage_aid: Usages;
    /// Which parts of a bill accounts may pay; the rest is cash.
    PayableComponents payable_components: BTreeSet<Component>;

    // ---- mandates and books
    // Limits of the region. A mandate begins with those per beneficiary and may set lower ones; whichever is tighter holds.
    /// The most that one bill may take from a contributor; none is no limit.
    LimitPerTransaction limit_per_transaction: Option<Fen> as written::Limit;
    /// The most per business day; none is no limit.
    LimitPerDay limit_per_day: Option<Fen> as written::Limit;
    /// The most per calendar month; none is no limit.
    LimitPerMonth limit_per_month: Option<Fen> as written::Limit;
    /// The most per year of `limit_year`; none is no limit.
    LimitPerYear limit_per_year: Option<Fen> as written::Limit;
    /// The most ever; none is no limit.
    LimitTotal limit_total: Option<Fen> as written::Limit;
    /// The largest share of `limit_share_of` that one bill may take; none is no limit.
    LimitShare limit_share: Option<Share> as written::LimitShare;
    /// What that is a share of.
    LimitShareOf limit_share_of: ShareOf;
    /// For whom the region's limits count.
    LimitScope limit_scope: LimitScope;
    /// Whether refunds give limits back; a mandate's limits count likewise.
    LimitCount limit_count: LimitCount;
    /// Which year yearly limits count in.
    LimitYear limit_year: LimitYear;
    /// Who gives the ranks.
    RankSetBy rank_set_by: RankSetBy;
    /// The amount above which the contributor is asked before their account pays; none never asks. Read where quotes
    /// become consents (ruling 10 of the design).
    StepUpThreshold step_up_threshold: Option<Fen> as written::Limit;
    /// When current-year money becomes prior-year money.
    MedicalYearStart medical_year_start: MonthDay;
    /// What an employee's account is allocated each month, where it is computed here; empty where amounts are imported.
    AllocationWorking allocation_working: Bands;
    /// The same for retirees.
    AllocationRetired allocation_retired: Bands;
    /// Where the aid of a refunded bill goes when the binding has ended.
    RefundAfterUnbind refund_after_unbind: RefundAfterUnbind;
    /// How long after the visit a deduction that finds too little money stays open; what is missing then is cash.
    AfterVisitGiveUp after_visit_give_up: Period;
}

#[derive(Debug, Clone)]
pub(crate) struct Answer<T> {
    value: T,
    origin: Origin,
}

impl Rules {
    /// The versions of the packs that took part, in the order of the axes they answered first; stored with every
    /// binding and every settlement.
    pub fn versions(&self) -> &[PackVersion] {
        &self.versions
    }

    /// Who says what `axis` says, how it is written, its source and grade.
    pub fn origin(&self, axis: Axis) -> &Origin {
        Axis::ALL
            .iter()
            .zip(&self.origins)
            .find_map(|(candidate, origin)| (*candidate == axis).then_some(origin))
            .expect("there is one origin per axis")
    }

    /// Every axis with who says so, in the order of a pack.
    pub fn origins(&self) -> impl Iterator<Item = (Axis, &Origin)> {
        Axis::ALL.iter().copied().zip(&self.origins)
    }
}

impl Axis {
    /// The axis with this key.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|axis| axis.code() == code)
    }
}

/// The key in a pack.
impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}
