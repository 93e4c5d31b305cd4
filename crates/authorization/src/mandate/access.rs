//! Who may do what with a mandate. The access table has let the caller's role in; here it is about whose mandate it is.

use chassis::access::Caller;
use kernel::{PersonId, Reason, Refusal};
use policy::values::RankSetBy;

use super::{Mandate, Terms};

impl Mandate {
    /// Both sides may read it: limits concern both.
    ///
    /// # Errors
    /// `NOT_YOURS`, `ACCESS_DENIED`.
    pub fn may_be_seen_by(&self, caller: &Caller) -> Result<(), Refusal> {
        let facts = self.facts();
        caller
            .may_see(facts.contributor.person_id)
            .or_else(|_| caller.may_see(facts.beneficiary.person_id))
    }

    /// Only the contributor (or an operator) pauses, resumes and revokes: it is their money.
    ///
    /// # Errors
    /// `NOT_YOURS`, `ACCESS_DENIED`.
    pub fn may_be_stopped_by(&self, caller: &Caller) -> Result<(), Refusal> {
        caller.may_act_for(self.facts().contributor.person_id)
    }

    /// The contributor sets limits and uses; the rank is set by whom the rules of the beneficiary's region name (ruling 48
    /// of the design).
    ///
    /// # Errors
    /// `RANK_SET_BY_OTHER` if the caller is the other of the two; `NOT_YOURS`, `ACCESS_DENIED`.
    pub fn may_be_changed_by(
        &self,
        caller: &Caller,
        to: &Terms,
        rank_set_by: RankSetBy,
    ) -> Result<(), Refusal> {
        let facts = self.facts();
        self.may_be_seen_by(caller)?;
        if !facts.terms.are_but_for_rank(to) {
            caller.may_act_for(facts.contributor.person_id)?;
        }
        if facts.terms.rank != to.rank && caller.may_act_for(self.sets_rank(rank_set_by)).is_err() {
            return Err(Reason::RankSetByOther.into());
        }
        Ok(())
    }

    fn sets_rank(&self, rank_set_by: RankSetBy) -> PersonId {
        match rank_set_by {
            RankSetBy::Contributor => self.facts().contributor.person_id,
            RankSetBy::Beneficiary => self.facts().beneficiary.person_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Role;

    use super::super::{Rank, tests};
    use super::*;

    fn caller(role: Role, subject: &impl ToString) -> Caller {
        Caller {
            role,
            subject: subject.to_string(),
            about: None,
        }
    }

    fn reason(result: Result<(), Refusal>) -> Option<Reason> {
        result.err().map(|refusal| refusal.reason)
    }

    #[test]
    fn both_sides_read_it_and_only_the_contributor_stops_it() {
        let mandate = tests::granted();
        let contributor = caller(Role::Citizen, &mandate.facts().contributor.person_id);
        let beneficiary = caller(Role::Citizen, &mandate.facts().beneficiary.person_id);
        let stranger = caller(Role::Citizen, &PersonId::generate());
        let operator = caller(Role::Operator, &"op-7");
        for (caller, seen, stopped) in [
            (&contributor, None, None),
            (&beneficiary, None, Some(Reason::NotYours)),
            (&stranger, Some(Reason::NotYours), Some(Reason::NotYours)),
            (&operator, None, None),
        ] {
            assert_eq!(reason(mandate.may_be_seen_by(caller)), seen, "{caller:?}");
            assert_eq!(
                reason(mandate.may_be_stopped_by(caller)),
                stopped,
                "{caller:?}"
            );
        }
    }

    #[test]
    fn the_rank_is_set_by_whom_the_rules_name_and_the_rest_by_the_contributor() {
        let mandate = tests::granted();
        let contributor = caller(Role::Citizen, &mandate.facts().contributor.person_id);
        let beneficiary = caller(Role::Citizen, &mandate.facts().beneficiary.person_id);
        let ranked = Terms {
            rank: Rank::new(2).unwrap(),
            ..tests::terms(None)
        };
        let limited = tests::terms(Some(100));
        let both = Terms {
            rank: Rank::new(2).unwrap(),
            ..limited.clone()
        };
        for (caller, to, by, refused) in [
            (&contributor, ranked.clone(), RankSetBy::Contributor, None),
            (
                &contributor,
                ranked.clone(),
                RankSetBy::Beneficiary,
                Some(Reason::RankSetByOther),
            ),
            (&contributor, limited.clone(), RankSetBy::Beneficiary, None),
            (&beneficiary, ranked.clone(), RankSetBy::Beneficiary, None),
            (
                &beneficiary,
                ranked.clone(),
                RankSetBy::Contributor,
                Some(Reason::RankSetByOther),
            ),
            (
                &beneficiary,
                limited.clone(),
                RankSetBy::Beneficiary,
                Some(Reason::NotYours),
            ),
            (
                &beneficiary,
                both,
                RankSetBy::Beneficiary,
                Some(Reason::NotYours),
            ),
        ] {
            assert_eq!(
                reason(mandate.may_be_changed_by(caller, &to, by)),
                refused,
                "{caller:?} {to:?} {by:?}"
            );
        }
        let stranger = caller(Role::Citizen, &PersonId::generate());
        let unchanged = tests::terms(None);
        let asked = mandate.may_be_changed_by(&stranger, &unchanged, RankSetBy::Contributor);
        assert_eq!(reason(asked), Some(Reason::NotYours));
    }
}
