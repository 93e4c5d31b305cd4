//! A display link (亲情账户): somebody may show a relative's insurance code at a counter. It never moves money.
//!
//! Each state carries its own facts. Nobody links somebody else on their own word alone: the relative's own face makes a link
//! active at once, and papers are reviewed by the agency, by another operator than the one who handed them in.

use kernel::{DisplayLinkId, PersonId, Reason, Role, Timestamp};
use policy::PackVersion;
use policy::display::{Evidence, LinkTerms};
use policy::values::Presence;

use crate::actor::Actor;

pub mod activate;
pub mod end;
mod pair;
pub mod prove;
pub mod show;
pub mod start;

/// One display link, as of one version.
#[derive(Debug, Clone, PartialEq)]
pub struct DisplayLink {
    pub id: DisplayLinkId,
    /// Grows by one with every change.
    pub version: i64,
    /// Who shows the code.
    pub binder: PersonId,
    /// Whose code it is.
    pub relative: PersonId,
    /// SHA-256 of the signed notice.
    pub commitment: [u8; 32],
    pub requested_at: Timestamp,
    /// On what terms it was last decided.
    pub terms: LinkTerms,
    pub state: State,
}

/// Where a link stands.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Waits for evidence.
    Requested(Requested),
    /// The agency looks at papers.
    InReview(InReview),
    /// The binder may show the code.
    Active(Active),
    /// Taken back, or ended by a side.
    Ended(Ended),
    /// The agency did not accept the papers.
    Rejected(Rejected),
}

/// What was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub kind: Evidence,
    /// SHA-256 of it; the document itself is nowhere.
    pub digest: [u8; 32],
    pub at: Timestamp,
    pub by: (Role, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InReview {
    pub proof: Proof,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    pub proof: Proof,
    pub since: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Taken back before it was active.
    Withdrawn { proof: Option<Proof>, at: Timestamp },
    /// Active once.
    Unlinked {
        proof: Proof,
        since: Timestamp,
        at: Timestamp,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub proof: Proof,
    pub at: Timestamp,
}

impl DisplayLink {
    /// The next version, in `state`.
    pub fn next(self, state: State) -> Self {
        Self {
            version: self.version + 1,
            state,
            ..self
        }
    }

    /// Whether this person is one of the two.
    pub fn concerns(&self, person: PersonId) -> bool {
        self.binder == person || self.relative == person
    }

    /// What was handed in for it.
    pub const fn proof(&self) -> Option<&Proof> {
        match &self.state {
            State::Requested(_) => None,
            State::InReview(InReview { proof })
            | State::Active(Active { proof, .. })
            | State::Rejected(Rejected { proof, .. })
            | State::Ended(Ended::Unlinked { proof, .. }) => Some(proof),
            State::Ended(Ended::Withdrawn { proof, .. }) => proof.as_ref(),
        }
    }

    /// Since when it was active, if it ever was.
    pub const fn active_since(&self) -> Option<Timestamp> {
        match &self.state {
            State::Active(Active { since, .. }) | State::Ended(Ended::Unlinked { since, .. }) => {
                Some(*since)
            }
            _ => None,
        }
    }

    /// When it was over: ended, taken back or rejected.
    pub const fn ended_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Ended(Ended::Withdrawn { at, .. } | Ended::Unlinked { at, .. })
            | State::Rejected(Rejected { at, .. }) => Some(*at),
            _ => None,
        }
    }

    /// The same link, over at `at`; none if it is over already.
    pub fn over(&self, at: Timestamp) -> Option<Self> {
        let ended = match &self.state {
            State::Requested(requested) => requested.clone().withdraw(at),
            State::InReview(review) => review.clone().withdraw(at),
            State::Active(active) => active.clone().end(at),
            State::Ended(_) | State::Rejected(_) => return None,
        };
        Some(self.clone().next(State::Ended(ended)))
    }
}

#[expect(
    clippy::unused_self,
    reason = "a state is spent by leaving it, also one that holds no facts"
)]
impl Requested {
    /// The relative's own face was verified: nobody needs to look at anything.
    pub fn prove(self, proof: Proof, at: Timestamp) -> Active {
        Active { proof, since: at }
    }

    /// Papers are in.
    pub const fn hand_in(self, proof: Proof) -> InReview {
        InReview { proof }
    }

    /// A side takes it back.
    pub const fn withdraw(self, at: Timestamp) -> Ended {
        Ended::Withdrawn { proof: None, at }
    }
}

impl InReview {
    /// Whether `reviewer` may judge these papers: never whoever handed them in.
    ///
    /// # Errors
    /// `REVIEW_BY_ANOTHER`.
    pub fn may_be_reviewed_by(&self, reviewer: &Actor) -> Result<(), Reason> {
        let (role, subject) = &self.proof.by;
        if *role == reviewer.caller.role && *subject == reviewer.caller.subject {
            return Err(Reason::ReviewByAnother);
        }
        Ok(())
    }

    /// The agency accepts the papers.
    pub fn accept(self, at: Timestamp) -> Active {
        Active {
            proof: self.proof,
            since: at,
        }
    }

    /// The agency does not accept them.
    pub fn reject(self, at: Timestamp) -> Rejected {
        Rejected {
            proof: self.proof,
            at,
        }
    }

    /// A side takes it back.
    pub fn withdraw(self, at: Timestamp) -> Ended {
        Ended::Withdrawn {
            proof: Some(self.proof),
            at,
        }
    }
}

impl Active {
    /// Either side ends it.
    pub fn end(self, at: Timestamp) -> Ended {
        Ended::Unlinked {
            proof: self.proof,
            since: self.since,
            at,
        }
    }
}

/// A new link that waits for evidence.
pub fn requested(
    (binder, relative): (PersonId, PersonId),
    commitment: [u8; 32],
    terms: LinkTerms,
    at: Timestamp,
) -> DisplayLink {
    DisplayLink {
        id: DisplayLinkId::generate(),
        version: 1,
        binder,
        relative,
        commitment,
        requested_at: at,
        terms,
        state: State::Requested(Requested),
    }
}

/// The stable code of where a code may be shown.
pub const fn presence_code(presence: Presence) -> &'static str {
    match presence {
        Presence::Counter => "COUNTER",
        Presence::Anywhere => "ANYWHERE",
    }
}

/// Where a code may be shown, by its code.
pub fn presence(code: &str) -> Option<Presence> {
    [Presence::Counter, Presence::Anywhere]
        .into_iter()
        .find(|presence| presence_code(*presence) == code)
}

/// The versions of the rules, as stored.
pub fn stored_terms(presence: Presence, rules: &[String]) -> LinkTerms {
    LinkTerms {
        presence,
        versions: rules
            .iter()
            .map(|version| PackVersion::from_text(version))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::UNIX_EPOCH;

    fn link() -> DisplayLink {
        let terms = stored_terms(Presence::Counter, &["000000@2024-01-01".to_owned()]);
        let people = (PersonId::generate(), PersonId::generate());
        requested(people, [7; 32], terms, T0)
    }

    fn proof(kind: Evidence, by: &str) -> Proof {
        Proof {
            kind,
            digest: [1; 32],
            at: T0,
            by: (Role::Operator, by.to_owned()),
        }
    }

    #[test]
    fn whoever_handed_papers_in_does_not_review_them() {
        let review = Requested.hand_in(proof(Evidence::IdPhotos, "op-1"));
        let operator = |subject: &str| {
            let caller = chassis::access::Caller {
                role: Role::Operator,
                subject: subject.to_owned(),
                about: None,
            };
            Actor {
                caller,
                trace: None,
            }
        };
        assert_eq!(
            review.may_be_reviewed_by(&operator("op-1")),
            Err(Reason::ReviewByAnother)
        );
        assert_eq!(review.may_be_reviewed_by(&operator("op-2")), Ok(()));
    }

    #[test]
    fn an_ended_link_keeps_what_it_was_and_ends_once() {
        let waiting = link();
        let active = Requested.prove(proof(Evidence::Face, "op-1"), T0);
        let active = waiting.clone().next(State::Active(active));
        let ended = active.over(T0).unwrap();
        assert_eq!((ended.version, ended.active_since()), (3, Some(T0)));
        assert_eq!(ended.ended_at(), Some(T0));
        assert_eq!(ended.over(T0), None);

        let withdrawn = waiting.over(T0).unwrap();
        assert_eq!(withdrawn.active_since(), None);
        assert_eq!(withdrawn.proof(), None);
    }

    #[test]
    fn rejected_papers_end_a_link_for_good() {
        let review = Requested.hand_in(proof(Evidence::IdPhotos, "op-1"));
        let rejected = link().next(State::Rejected(review.reject(T0)));
        assert_eq!(rejected.ended_at(), Some(T0));
        assert_eq!(rejected.over(T0), None);
    }
}
