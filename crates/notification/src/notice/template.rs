//! The catalogue of notices (`domain.md` 12.1 and ruling 30 of the design).

use std::fmt;

/// Declares an enum of codes.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every value, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.code())
            }
        }
    };
}

codes! {
    /// A kind of notice. A person is told of one event at most once by each.
    Template {
        /// Money was allocated to the account.
        AllocationCredited = "ALLOCATION_CREDITED",
        /// The account began with money in it.
        BalanceOpened = "BALANCE_OPENED",
        /// Money came in advance, until the actual amount is known.
        PreAllocationCredited = "PRE_ALLOCATION_CREDITED",
        /// What came in advance was adjusted to the actual amount.
        PreAllocationAdjusted = "PRE_ALLOCATION_ADJUSTED",
        /// What was allocated too much or too little was cleared.
        ClearingDelta = "CLEARING_DELTA",
        /// The account owes.
        BalanceNegative = "BALANCE_NEGATIVE",
        /// What was left of the year joined the earlier years.
        YearRolledOver = "YEAR_ROLLED_OVER",
        /// The earlier years earned interest.
        InterestPosted = "INTEREST_POSTED",
        /// What the account held was paid out.
        AccountPaidOut = "ACCOUNT_PAID_OUT",
        /// A mistake in the account was put right.
        BalanceCorrected = "BALANCE_CORRECTED",
        /// Nothing is paid from the account for now.
        AccountFrozen = "ACCOUNT_FROZEN",
        /// It pays again.
        AccountUnfrozen = "ACCOUNT_UNFROZEN",
        /// The account is gone.
        AccountClosed = "ACCOUNT_CLOSED",
        /// The own account paid.
        ChargedOwn = "CHARGED_OWN",
        /// The account paid for a relative.
        ChargedAid = "CHARGED_AID",
        /// Relatives paid for this person.
        AidUsedForYou = "AID_USED_FOR_YOU",
        /// Aid was wanted and paid less than that.
        AidShort = "AID_SHORT",
        /// A bill will be deducted after the visit.
        DeductionAccepted = "DEDUCTION_ACCEPTED",
        /// What was not deducted in time is owed in cash.
        DeductionGivenUp = "DEDUCTION_GIVEN_UP",
        /// A limit is used up.
        LimitReached = "LIMIT_REACHED",
        /// Own money came back.
        RefundedOwn = "REFUNDED_OWN",
        /// Aid money went back.
        RefundedAid = "REFUNDED_AID",
        /// A bill took the place of another: the net on the own account.
        ResettledOwn = "RESETTLED_OWN",
        /// The same for aid.
        ResettledAid = "RESETTLED_AID",
        /// Money that came back has no account to go to.
        RefundUnclaimed = "REFUND_UNCLAIMED",
        /// A relative asks.
        BindRequested = "BIND_REQUESTED",
        /// Both agreed.
        Bound = "BOUND",
        /// The relative declined.
        BindRejected = "BIND_REJECTED",
        /// Nobody answered in time.
        BindExpired = "BIND_EXPIRED",
        /// The agency did not approve it.
        BindNotApproved = "BIND_NOT_APPROVED",
        /// It is over; what was paid still goes back if it is refunded.
        Unbound = "UNBOUND",
        /// Limits, usage or standing changed.
        MandateChanged = "MANDATE_CHANGED",
        /// A relative may show this person's insurance code at a counter.
        DisplayLinkAdded = "DISPLAY_LINK_ADDED",
        /// They may no longer.
        DisplayLinkRemoved = "DISPLAY_LINK_REMOVED",
    }
}

codes! {
    /// On which side of the money the reader stands: it decides what the text may say.
    Audience {
        /// The owner of the account that moved.
        Owner = "OWNER",
        /// Whose account pays for a relative.
        Contributor = "CONTRIBUTOR",
        /// The relative.
        Beneficiary = "BENEFICIARY",
        /// On none: their insurance code is shown by somebody else, and no money follows from it.
        Displayed = "DISPLAYED",
    }
}
