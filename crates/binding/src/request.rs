//! Asks for aid bindings of one contributor account with several relatives; each member has its own result.
//!
//! A request is decided once: the key its client made is claimed before anything is looked at, and whoever finds it taken
//! gets the first answer, or is told what differs.

use std::collections::BTreeSet;

use kernel::{
    AccountId, BindingId, Date, PersonId, Reason, Refusal, Relation, Scheme, Timestamp, clock,
};
use policy::Packs;
use policy::bind::{self, BindTerms, Shown};
use policy::values::{Confirmation, Proof};
use sqlx::{PgConnection, PgPool};

use crate::actor::Actor;
use crate::binding::{Asked, Binding, Party, Phase};
use crate::circle::{Circle, Ready, Wish};
use crate::error::{BindingError, unopened};
use crate::event;
use crate::identity::{Certificate, PersonName};
use crate::keys::{BlindIndex, Keys};
use crate::person::{Enrolment, SealedPerson, enrolment_to_aid};
use crate::proof::{self, KinProof};
use crate::store;

/// A request for bindings, read and checked.
pub struct Request {
    pub by: Actor,
    /// Made by the client; with the account, the key of the request.
    pub id: String,
    /// The employee's account that will pay.
    pub account: AccountId,
    pub members: Vec<Member>,
    /// SHA-256 of the signed commitment.
    pub commitment: Option<[u8; 32]>,
}

/// One relative who is to be aided.
pub struct Member {
    pub beneficiary: Beneficiary,
    /// What the beneficiary is to the contributor.
    pub relation: Relation,
    /// The last day it is wanted for.
    pub until: Option<Date>,
    /// The scheme of the enrolment to aid; none chooses.
    pub scheme: Option<Scheme>,
    /// What backs the statement of kinship, beside the commitment.
    pub proofs: Vec<KinProof>,
    /// A keyed digest of the member as it was sent.
    pub digest: BlindIndex,
}

/// How a request names a relative.
pub enum Beneficiary {
    Person(PersonId),
    Identity(Certificate, PersonName),
    /// By an identity that cannot be one: this member is refused, the others are not.
    Unreadable(Refusal),
}

/// What one member is answered.
pub type Answer = Result<Binding, Refusal>;

/// Decides a request, once. A repeated one gets the first answer again.
///
/// # Errors
/// `ENROLMENT_UNKNOWN`, `NOT_YOURS`; `REQUEST_ID_REUSED` naming what differs from the first request with this id.
#[tracing::instrument(name = "binding.request", skip_all, fields(account = %request.account, members = request.members.len()))]
pub async fn request(
    db: &PgPool,
    packs: &Packs,
    keys: &Keys,
    request: &Request,
    now: Timestamp,
) -> Result<Vec<Answer>, BindingError> {
    let mut tx = chassis::db::begin(db).await?;

    // ---- claim: two attempts at one request meet here, and the second finds the answer of the first
    let owner = store::find_enrolment(&mut tx, request.account)
        .await?
        .ok_or(Reason::EnrolmentUnknown)?
        .person;
    request.by.caller.may_act_for(owner)?;
    let claim = request.claim();
    if !store::claim_request(&mut tx, &claim, &request.by, now).await? {
        return repeat(&mut tx, &claim).await;
    }

    // ---- lock
    let members = resolve(&mut tx, keys, &request.members).await?;
    let people: BTreeSet<_> = members.iter().flatten().copied().chain([owner]).collect();
    let people: Vec<_> = people.into_iter().collect();
    store::lock_people(&mut tx, &people).await?;

    // ---- look
    let mut circle = Circle {
        enrolments: store::enrolments_of(&mut tx, &people).await?,
        open: store::open_bindings(&mut tx, &people).await?,
        agreed: store::agreed_bindings(&mut tx, owner).await?,
        ready: ready(&mut tx, owner, &people).await?,
    };

    // ---- decide, each member after those before it
    let mut answers = Vec::with_capacity(members.len());
    for (member, person) in request.members.iter().zip(members) {
        let answer =
            person.and_then(|person| decide(&circle, packs, request, (member, person), now));
        circle.open.extend(answer.iter().cloned());
        answers.push(answer);
    }

    // ---- write
    let mut events = Vec::new();
    for (member, (asked, answer)) in request.members.iter().zip(&answers).enumerate() {
        if let Ok(binding) = answer {
            store::insert_binding(&mut tx, binding, &request.by, now).await?;
            store::insert_proofs(&mut tx, binding.id, &asked.proofs, &request.by, now).await?;
            events.extend(event::told(binding, now));
        }
        store::insert_answer(&mut tx, &claim, member, answer).await?;
    }
    if !events.is_empty() {
        chassis::outbox::record_all(&mut tx, &events).await?;
    }
    tx.commit().await?;
    Ok(answers)
}

/// The answer that this request was given before.
async fn repeat(
    conn: &mut PgConnection,
    claim: &store::Claim,
) -> Result<Vec<Answer>, BindingError> {
    let first = store::find_request(conn, claim.account, &claim.request_id).await?;
    if let Some(what) = difference(&first, claim) {
        return Err(Refusal::about(Reason::RequestIdReused, what).into());
    }
    Ok(store::first_answers(conn, claim.account, &claim.request_id).await?)
}

/// The first thing in which two requests with one key differ.
fn difference(first: &store::Claim, second: &store::Claim) -> Option<String> {
    if first.members.len() != second.members.len() {
        return Some("members".to_owned());
    }
    let members = first.members.iter().zip(&second.members);
    let member = members
        .enumerate()
        .find_map(|(at, (first, second))| (first != second).then_some(at));
    member
        .map(|at| format!("members[{at}]"))
        .or_else(|| (first.commitment != second.commitment).then(|| "commitment_sha256".to_owned()))
}

/// Who each member is.
async fn resolve(
    conn: &mut PgConnection,
    keys: &Keys,
    members: &[Member],
) -> Result<Vec<Result<PersonId, Refusal>>, BindingError> {
    let indexes: Vec<_> = members
        .iter()
        .filter_map(|member| match &member.beneficiary {
            Beneficiary::Identity(certificate, _) => Some(keys.index_certificate(certificate)),
            Beneficiary::Person(_) | Beneficiary::Unreadable(_) => None,
        })
        .collect();
    let found = store::people_by_certificate(conn, &indexes).await?;
    let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
    let sealed = store::people_by_id(conn, &ids).await?;
    let resolved = members
        .iter()
        .map(|member| {
            let (certificate, name) = match &member.beneficiary {
                Beneficiary::Person(person) => return Ok(*person),
                Beneficiary::Unreadable(refusal) => return Err(refusal.clone()),
                Beneficiary::Identity(certificate, name) => (certificate, name),
            };
            let index = keys.index_certificate(certificate);
            let person = found.iter().find(|(_, known)| *known == index);
            let person = person.and_then(|(id, _)| sealed.iter().find(|sealed| sealed.id == *id));
            named(person.ok_or(Reason::PersonUnknown)?, name, keys)
        })
        .collect();
    Ok(resolved)
}

/// The person, if that is their name.
pub(crate) fn named(
    person: &SealedPerson,
    name: &PersonName,
    keys: &Keys,
) -> Result<PersonId, Refusal> {
    let opened = person.open(keys).map_err(|error| unopened(&error))?;
    if opened.name != *name {
        return Err(Reason::IdentityMismatch.into());
    }
    Ok(person.id)
}

/// What one member is answered.
fn decide(
    circle: &Circle,
    packs: &Packs,
    request: &Request,
    (member, person): (&Member, PersonId),
    now: Timestamp,
) -> Answer {
    let contributor = circle
        .enrolments
        .iter()
        .find(|enrolment| enrolment.account == request.account);
    let contributor = contributor.ok_or(Reason::EnrolmentUnknown)?;
    if contributor.person == person {
        return Err(Reason::SamePerson.into());
    }
    let beneficiary = enrolment_to_aid(&circle.enrolments, person, member.scheme);
    let beneficiary = beneficiary.ok_or(Reason::BeneficiaryNotInsured)?;
    proof::may_hand_in(&member.proofs, &request.by, None)?;
    let committed = request.commitment.is_some();
    let mut shown = self::shown(circle, committed, (contributor, beneficiary));
    shown.extend(member.proofs.iter().map(|proof| Shown::Proof(proof.kind)));
    let wish = Wish {
        contributor,
        beneficiary,
        relation: member.relation,
        until: member.until,
        shown: &shown,
        asked_at: now,
        waiting: None,
    };
    let terms = first_terms(circle, packs, &wish, now)?;
    let asked = Asked {
        contributor: party(contributor),
        beneficiary: party(beneficiary),
        relation: member.relation,
        until: member.until,
        commitment: request.commitment,
        at: now,
    };
    let id = BindingId::generate();
    Ok(match terms.confirmation {
        Confirmation::ContributorOnly if terms.review => Binding::in_review(id, asked, terms),
        Confirmation::ContributorOnly => Binding::agreed(id, asked, terms),
        Confirmation::BothSign | Confirmation::InviteAccept => Binding::pending(id, asked, terms),
    })
}

/// On what terms a new request stands. Where the other side must answer, their face is asked for with the answer.
fn first_terms(
    circle: &Circle,
    packs: &Packs,
    wish: &Wish<'_>,
    now: Timestamp,
) -> Result<BindTerms, Refusal> {
    let face = Shown::Proof(Proof::Face);
    let later: Vec<_> = wish.shown.iter().copied().chain([face]).collect();
    let answered = Wish {
        shown: &later,
        ..*wish
    };
    let terms = check(circle, packs, &answered, now)?;
    match terms.confirmation {
        Confirmation::ContributorOnly => check(circle, packs, wish, now),
        Confirmation::BothSign | Confirmation::InviteAccept => Ok(terms),
    }
}

/// Whether the rules of both places allow it, and on what terms.
pub(crate) fn check(
    circle: &Circle,
    packs: &Packs,
    wish: &Wish<'_>,
    now: Timestamp,
) -> Result<BindTerms, Refusal> {
    let today = clock::business_day(now);
    let contributor = packs.rules(wish.contributor.region, today)?;
    let beneficiary = packs.rules(wish.beneficiary.region, today)?;
    let checked = bind::check(&circle.facts(wish, now), contributor, beneficiary);
    checked.map_err(|refusal| {
        let mut between = circle.between(wish.contributor.person, wish.beneficiary.person);
        let is_ending = between.any(|binding| binding.phase(now) == Phase::Ending);
        // "Already bound" would be no help to somebody whose old binding is on its way out.
        if refusal.reason == Reason::DuplicateBinding && is_ending {
            Reason::BindingEnding.into()
        } else {
            refusal
        }
    })
}

/// What is there already of what a pack may ask for, of people whose rows are locked.
pub(crate) async fn ready(
    conn: &mut PgConnection,
    contributor: PersonId,
    people: &[PersonId],
) -> Result<Ready, BindingError> {
    Ok(Ready {
        activated: store::activated(conn, people).await?,
        displayed: store::shown_relatives(conn, contributor).await?,
    })
}

/// What is shown for a binding of these two: the signed commitment, and what is there already.
pub(crate) fn shown(
    circle: &Circle,
    committed: bool,
    (contributor, beneficiary): (&Enrolment, &Enrolment),
) -> Vec<Shown> {
    let commitment = committed.then_some(Shown::Proof(Proof::Commitment));
    let ready = circle.ready.shown(contributor.person, beneficiary.person);
    commitment.into_iter().chain(ready).collect()
}

fn party(enrolment: &Enrolment) -> Party {
    Party {
        person: enrolment.person,
        account: enrolment.account,
        region: enrolment.region,
    }
}

impl Request {
    fn claim(&self) -> store::Claim {
        store::Claim {
            account: self.account,
            request_id: self.id.clone(),
            commitment: self.commitment.map(|digest| digest.to_vec()),
            members: self
                .members
                .iter()
                .map(|member| member.digest.clone())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::tests::somebody;

    fn claim(members: &[u8], commitment: Option<u8>) -> store::Claim {
        store::Claim {
            account: AccountId::from_uuid(uuid::Uuid::nil()),
            request_id: "r-1".to_owned(),
            commitment: commitment.map(|byte| vec![byte; 32]),
            members: members
                .iter()
                .map(|byte| BlindIndex::stored(vec![*byte]))
                .collect(),
        }
    }

    #[test]
    fn a_relative_whose_row_does_not_open_is_refused_alone() {
        let [keys, others] = [(); 2].map(|()| Keys::read(&crate::keys::generate()).unwrap());
        let person = somebody();
        let sealed = person.seal(&keys);
        let stranger = PersonName::parse("测试乙").unwrap();
        assert_eq!(named(&sealed, &person.name, &keys), Ok(person.id));
        assert_eq!(
            named(&sealed, &stranger, &keys),
            Err(Reason::IdentityMismatch.into())
        );
        assert_eq!(
            named(&sealed, &person.name, &others),
            Err(Reason::Internal.into())
        );
    }

    #[test]
    fn a_reused_id_is_told_what_differs() {
        let first = claim(&[1, 2], Some(7));
        assert_eq!(difference(&first, &claim(&[1, 2], Some(7))), None);
        assert_eq!(
            difference(&first, &claim(&[1], Some(7))).as_deref(),
            Some("members")
        );
        assert_eq!(
            difference(&first, &claim(&[1, 3], Some(7))).as_deref(),
            Some("members[1]")
        );
        assert_eq!(
            difference(&first, &claim(&[1, 2], None)).as_deref(),
            Some("commitment_sha256")
        );
    }
}
