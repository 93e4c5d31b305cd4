//! What an axis of a rule pack can say: the values of `domain.md` 5.3, with the corrections of rulings 31 to 37 of the design.

use std::num::NonZeroU16;

use jiff::ToSpan;
use kernel::{Date, Fen};
use serde::Deserialize;

mod schemes;
pub(crate) mod written;

pub use schemes::{DisplayLinkTerms, PoolTerms, WalletTerms};

/// Declares enums whose words in a pack are their names in capitals: `SamePool` is written `SAME_POOL`.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum $name { $($(#[$word_doc])* $word,)* }
    )*};
}

choices! {
    /// How aid is funded (`domain.md` section 4).
    Model {
        /// The money stays in the contributor's account until the second of settlement.
        Link,
        /// A family pot that members move money into.
        Pool,
        /// Ownership moves at once; settlement knows nothing of aid.
        Transfer,
    }

    /// Whether a person may stand in several bindings in different roles.
    ExclusiveRole {
        /// Anyone may be contributor in one binding and beneficiary in another.
        None,
        /// A beneficiary has one contributor and is released before another one may bind them; what they give to others is
        /// their own business (Shandong, Guizhou, Chongqing).
        Beneficiary,
        /// A contributor is nowhere a beneficiary, and a beneficiary is in this one binding only (Jiangsu).
        Any,
    }

    /// How far apart the two places of insurance may be.
    Span {
        /// The same city.
        SamePool,
        /// The same province.
        Province,
        /// Anywhere.
        National,
    }

    /// What an enrolment must be for aid to flow from or to it.
    StandingRule {
        /// Paid up.
        NormalOnly,
        /// Not ended; an interruption does no harm (Xi'an).
        NotTerminated,
    }

    /// Who must agree before a binding holds.
    Confirmation {
        ContributorOnly,
        /// The beneficiary agrees, both by electronic signature (Jiangsu).
        BothSign,
        /// The beneficiary accepts an invitation (Fujian).
        InviteAccept,
    }

    /// Which sides of a binding something is asked of.
    Sides {
        None,
        Contributor,
        Both,
    }

    /// What a statement of kinship is backed by. Gongji keeps hashes and results, never the document.
    Proof {
        /// A signed commitment (承诺书); the false declarer bears the loss.
        Commitment,
        /// The page of the household register.
        HouseholdPage,
        /// The agency found the marriage in the civil register; asked of spouses only.
        MarriageCheck,
        /// The relative's face was verified.
        Face,
    }

    /// What becomes of a contributor's bindings when the contributor's insurance moves to another place.
    TransferOut {
        End,
        /// They stay if the rules of the new place allow them.
        ReEvaluate,
    }

    /// Where a relative's code may be shown by another person.
    Presence {
        /// At the counter of a designated institution, with the patient present.
        Counter,
        Anywhere,
    }

    /// Who may end a binding (`domain.md` 6.1). The contributor may pause it at any time, whatever this says (ruling 19).
    ReleaseBy {
        Contributor,
        Either,
    }

    /// When a change of a binding takes effect.
    Effect {
        Immediate,
        /// At the next midnight of Asia/Shanghai.
        NextDay,
    }

    /// When the patient's own account pays.
    OwnFirst {
        /// Own money first, then aid.
        ThenAid,
        /// Own money first for employees; for everybody else as in `NotRequired` (Shanghai).
        EmployeeOnly,
        /// Aid first; own money still pays before cash.
        NotRequired,
    }

    /// At which moment the own account must be empty.
    ZeroWhen {
        BeforeBill,
        AfterOwn,
    }

    /// What of the own account must be empty.
    ZeroScope {
        AllBuckets,
        /// What `own_source` lets the patient use.
        UsableOnly,
    }

    /// Which buckets count.
    Source {
        All,
        /// 历年账户 only (Zhejiang, Shanghai).
        PriorYearOnly,
    }

    /// Which bucket pays first.
    BucketOrder {
        CurrentThenPrior,
        PriorThenCurrent,
    }

    /// In which order several contributors pay. Every order ends with the binding id, so that a plan is reproducible.
    Order {
        /// By when the binding was agreed, latest first.
        NewestFirst,
        OldestFirst,
        /// By the rank that somebody gave ([`RankSetBy`]), 1 first.
        UserRank,
        /// By usable balance before the floor, largest first.
        BalanceDesc,
        /// Those insured in the patient's city first, and then the newest binding.
        SamePoolThenNewest,
    }

    /// Which contributor pays where a bill may have one only (`chain = false`).
    SingleChoice {
        /// The first eligible one by rank.
        Rank,
        /// The one the patient names; by rank if they name nobody.
        Pick,
        /// The first eligible one by age of the binding, oldest first.
        FirstBound,
    }

    /// Who gives the ranks.
    RankSetBy {
        Contributor,
        Beneficiary,
    }

    /// A part of what is left for the patient (`domain.md` 7.1, 7.2).
    Component {
        /// 起付线
        Deductible,
        /// In scope, and beyond what the pooled fund pays.
        Copay,
        /// 乙类先自付
        PreSelfPay,
        /// 超限价
        OverLimit,
        /// 全自费
        OwnExpense,
    }

    /// What of a balance or of the bill one contributor may pay at once.
    ShareOf {
        /// The usable balance before the floor.
        Balance,
        /// What is left of the bill for the patient.
        Bill,
    }

    /// For whom a region's limits count.
    LimitScope {
        /// For each beneficiary of a contributor.
        Pair,
        /// For all beneficiaries of a contributor together.
        Contributor,
    }

    /// What counts against limits.
    LimitCount {
        /// What was charged; a refund gives nothing back.
        Gross,
        /// What was charged, less what went back.
        Net,
    }

    /// Which year a yearly limit counts in.
    LimitYear {
        Calendar,
        /// From `medical_year_start`.
        Medical,
    }

    /// What must be large enough where one contributor must cover a bill.
    FullCoverBase {
        /// What limits, starting minimum and floor leave of the account.
        Usable,
        /// The account as a whole, both buckets (Shandong's premium).
        Balance,
    }

    /// Where the aid of a refunded bill goes when the binding has ended.
    RefundAfterUnbind {
        OriginalAccount,
        Manual,
        Refuse,
    }
}

impl Proof {
    /// The word in a pack.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Commitment => "COMMITMENT",
            Self::HouseholdPage => "HOUSEHOLD_PAGE",
            Self::MarriageCheck => "MARRIAGE_CHECK",
            Self::Face => "FACE",
        }
    }
}

impl Component {
    /// Every component, in the order in which a bill lists them.
    pub const ALL: [Self; 5] = [
        Self::Deductible,
        Self::Copay,
        Self::PreSelfPay,
        Self::OverLimit,
        Self::OwnExpense,
    ];
}

/// That the own account must be empty before aid may flow (Anhui: before the bill, all buckets).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnZero {
    pub when: ZeroWhen,
    pub scope: ZeroScope,
}

/// A length of time in calendar terms: three months from 31 January end on 30 April.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Days(u16),
    Months(u16),
}

impl Period {
    /// The first day on which the period that began on `day` is over, unless the calendar ends before.
    pub fn after(self, day: Date) -> Option<Date> {
        let span = match self {
            Self::Days(days) => i64::from(days).days(),
            Self::Months(months) => i64::from(months).months(),
        };
        day.checked_add(span).ok()
    }
}

/// A share of an amount, in basis points (1/10 000): 1 to 10 000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(NonZeroU16);

impl Share {
    /// The share of so many basis points; none at zero and above the whole.
    pub const fn new(basis_points: u16) -> Option<Self> {
        match NonZeroU16::new(basis_points) {
            Some(points) if points.get() <= 10_000 => Some(Self(points)),
            _ => None,
        }
    }

    /// In basis points.
    pub const fn basis_points(self) -> u16 {
        self.0.get()
    }

    /// This share of an amount that is zero or more, rounded down to the fen: a limit is never exceeded by its rounding.
    pub fn of(self, whole: Fen) -> Fen {
        let part = i128::from(whole.get()).saturating_mul(i128::from(self.0.get())) / 10_000;
        Fen::new(i64::try_from(part).expect("a part of an amount fits where the amount does"))
    }
}

/// A day of every year: when the medical year begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct MonthDay {
    /// 1 to 12.
    pub month: i8,
    /// 1 to 28: a day that every year has.
    pub day: i8,
}
