//! A manual correction: one operator proposes it, another one has it posted (ruling 51 of the design).

use kernel::{AccountId, AllocationId, Bucket, Fen, Reason, Refusal};

/// How a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Proposed,
    Approved,
    Rejected,
}

impl Standing {
    /// The word that is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Proposed => "PROPOSED",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
        }
    }

    /// The standing with this word.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Proposed, Self::Approved, Self::Rejected]
            .into_iter()
            .find(|standing| standing.code() == code)
    }
}

/// What is to be corrected, by how much, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Of the allocation that it becomes.
    pub id: AllocationId,
    pub account: AccountId,
    pub bucket: Bucket,
    /// Below zero: money that is taken out.
    pub amount: Fen,
    pub note: String,
    pub standing: Standing,
    pub proposed_by: String,
}

impl Proposal {
    /// Whether `operator` may have it posted; `false` if that was done already.
    ///
    /// # Errors
    /// `SAME_OPERATOR` if it is their own, `CORRECTION_DECIDED` if it was rejected.
    pub fn may_be_approved_by(&self, operator: &str) -> Result<bool, Refusal> {
        if self.proposed_by == operator {
            return Err(Reason::SameOperator.into());
        }
        match self.standing {
            Standing::Proposed => Ok(true),
            Standing::Approved => Ok(false),
            Standing::Rejected => Err(Reason::CorrectionDecided.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_takes_two_operators() {
        let proposal = Proposal {
            id: AllocationId::generate(),
            account: AccountId::generate(),
            bucket: Bucket::Current,
            amount: Fen::new(-5),
            note: "posted twice".to_owned(),
            standing: Standing::Proposed,
            proposed_by: "op-1".to_owned(),
        };
        let refused = |proposal: &Proposal, by| {
            proposal
                .may_be_approved_by(by)
                .map_err(|refusal| refusal.reason)
        };
        assert_eq!(refused(&proposal, "op-1"), Err(Reason::SameOperator));
        assert_eq!(refused(&proposal, "op-2"), Ok(true));
        let rejected = Proposal {
            standing: Standing::Rejected,
            ..proposal.clone()
        };
        assert_eq!(refused(&rejected, "op-2"), Err(Reason::CorrectionDecided));
        let approved = Proposal {
            standing: Standing::Approved,
            ..proposal
        };
        assert_eq!(refused(&approved, "op-3"), Ok(false));
    }
}
