//! Requests to commands. Everything is checked here once; what passes is what the verbs trust.

use std::str::FromStr;

use kernel::{Date, Reason, Refusal, Scheme};
use policy::Packs;
use policy::values::Proof;
use proto::Unreadable;
use proto::binding::v1 as pb;
use proto::common::v1::{Credential, CredentialKind, Page as WirePage};
use proto::convert;

use crate::actor::Actor;
use crate::confirm::Confirm;
use crate::erase::Erase;
use crate::identity::{CardNo, CertType, Certificate, PersonName, Phone, Strictness};
use crate::import;
use crate::keys::{BlindIndex, Keys};
use crate::look_up::Card;
use crate::person::PersonNo;
use crate::proof::KinProof;
use crate::request::{Beneficiary, Member, Request};
use crate::review::Review;
use crate::unbind::Unbind;

/// The most rows of an import, and the most items of a page.
const MOST_ITEMS: usize = 500;
const USUAL_PAGE: u16 = 50;
/// The most members of a request: ten times the largest cap any region is known to have.
const MOST_MEMBERS: usize = 100;
const MOST_ENROLMENTS: usize = 20;
const LONGEST_REQUEST_ID: usize = 64;
const LONGEST_NOTE: usize = 200;

/// What identities are checked against.
#[derive(Clone, Copy)]
pub struct Today {
    pub date: Date,
    pub strictness: Strictness,
}

/// That a batch has a permitted size.
pub fn batch(field: &str, size: usize) -> Result<(), Refusal> {
    match size {
        0 => Err(Refusal::about(Reason::FieldMissing, field)),
        1..=MOST_ITEMS => Ok(()),
        _ => Err(Refusal::about(
            Reason::PageTooLarge,
            format!("{field}: {size} > {MOST_ITEMS}"),
        )),
    }
}

/// One row of an import.
pub fn person_row(
    row: &pb::PersonRow,
    packs: &Packs,
    today: Today,
) -> Result<import::Row, Refusal> {
    let certificate = certificate(&row.cert_type, &row.cert_no, today)?;
    if row.enrolments.len() > MOST_ENROLMENTS {
        return Err(Refusal::about(
            Reason::PageTooLarge,
            format!("enrolments > {MOST_ENROLMENTS}"),
        ));
    }
    let mut enrolments: Vec<import::EnrolmentRow> = Vec::with_capacity(row.enrolments.len());
    for (at, enrolment) in row.enrolments.iter().enumerate() {
        let read = enrolment_row(enrolment, &certificate, packs, today)
            .map_err(|refusal| within(at, refusal))?;
        let same = |other: &import::EnrolmentRow| {
            (other.region, &other.person_no, other.scheme)
                == (read.region, &read.person_no, read.scheme)
        };
        if enrolments.iter().any(same) {
            return Err(Refusal::about(
                Reason::MalformedRequest,
                format!("enrolments[{at}] comes twice"),
            ));
        }
        enrolments.push(read);
    }
    let given = |text: &str| !text.trim().is_empty();
    Ok(import::Row {
        name: PersonName::parse(&row.name)?,
        phone: given(&row.phone)
            .then(|| Phone::parse(&row.phone))
            .transpose()?,
        card: given(&row.social_security_card)
            .then(|| CardNo::parse(&row.social_security_card))
            .transpose()?,
        certificate,
        sandbox: row.sandbox,
        enrolments,
    })
}

fn enrolment_row(
    row: &pb::EnrolmentRow,
    certificate: &Certificate,
    packs: &Packs,
    today: Today,
) -> Result<import::EnrolmentRow, Refusal> {
    let number = row.person_no.trim();
    // It travels in events, where no ID number may be.
    let is_id_number = number
        .to_ascii_uppercase()
        .contains(certificate.number().reveal());
    let person_no = PersonNo::parse(number).filter(|_| !is_id_number);
    let person_no =
        person_no.ok_or_else(|| Refusal::about(Reason::PersonNoInvalid, "person_no"))?;
    let region = convert::region("region", &row.region)?;
    packs.rules(region, today.date)?;
    let scheme = convert::scheme("scheme", row.scheme)?;
    let kind = convert::person_kind("kind", row.kind)?;
    if (scheme == Scheme::Resident) != (kind == kernel::PersonKind::Resident) {
        return Err(Refusal::about(
            Reason::MalformedRequest,
            format!("kind {kind} in scheme {scheme}"),
        ));
    }
    let standing = convert::standing("standing", row.standing)?;
    Ok(import::EnrolmentRow {
        person_no,
        region,
        scheme,
        kind,
        standing,
    })
}

fn within(at: usize, refusal: Refusal) -> Refusal {
    let about = refusal.about.unwrap_or_default();
    Refusal {
        about: Some(format!("enrolments[{at}] {about}")),
        ..refusal
    }
}

fn certificate(cert_type: &str, number: &str, today: Today) -> Result<Certificate, Refusal> {
    Certificate::parse(
        CertType::parse(cert_type)?,
        number,
        today.strictness,
        today.date,
    )
}

/// A request for bindings.
pub fn request(
    request: &pb::RequestBindingsRequest,
    by: Actor,
    keys: &Keys,
    today: Today,
) -> Result<Request, Refusal> {
    let account = convert::id("contributor_account_id", &request.contributor_account_id)?;
    let id = short("request_id", &request.request_id, LONGEST_REQUEST_ID)?
        .ok_or_else(|| Unreadable::missing("request_id"))?;
    batch("members", request.members.len())?;
    if request.members.len() > MOST_MEMBERS {
        return Err(Refusal::about(
            Reason::PageTooLarge,
            format!("members > {MOST_MEMBERS}"),
        ));
    }
    let members = request
        .members
        .iter()
        .map(|member| self::member(member, keys, today));
    Ok(Request {
        by,
        id,
        account,
        members: members.collect::<Result<_, _>>()?,
        commitment: commitment(&request.commitment_sha256)?,
    })
}

fn member(member: &pb::BindingMember, keys: &Keys, today: Today) -> Result<Member, Refusal> {
    use pb::binding_member::Beneficiary as Wire;
    let beneficiary = match convert::required("beneficiary", member.beneficiary.as_ref())? {
        Wire::PersonId(id) => Beneficiary::Person(convert::id("person_id", id)?),
        Wire::Identity(identity) => self::identity(identity, today),
    };
    let scheme = match member.beneficiary_scheme {
        0 => None,
        code => Some(convert::scheme("beneficiary_scheme", code)?),
    };
    Ok(Member {
        beneficiary,
        relation: convert::relation("relation", member.relation)?,
        until: convert::date("valid_until", &member.valid_until)?,
        scheme,
        proofs: proofs(&member.proofs)?,
        digest: digest(member, keys),
    })
}

/// The beneficiary's word.
pub fn confirm(request: &pb::ConfirmBindingRequest, by: Actor) -> Result<Confirm, Refusal> {
    Ok(Confirm {
        id: convert::id("binding_id", &request.binding_id)?,
        proofs: proofs(&request.proofs)?,
        by,
    })
}

/// Proofs of kinship, one of a kind.
fn proofs(wire: &[pb::KinProof]) -> Result<Vec<KinProof>, Refusal> {
    use pb::KinProofKind as Kind;
    let mut proofs: Vec<KinProof> = Vec::with_capacity(wire.len());
    for proof in wire {
        let kind = match Kind::try_from(proof.kind) {
            Ok(Kind::HouseholdPage) => Proof::HouseholdPage,
            Ok(Kind::MarriageCheck) => Proof::MarriageCheck,
            Ok(Kind::Face) => Proof::Face,
            Ok(Kind::Unspecified) => return Err(Unreadable::missing("proofs.kind").into()),
            Err(_) => return Err(Unreadable::code("proofs.kind").into()),
        };
        if proofs.iter().any(|other| other.kind == kind) {
            let about = format!("proofs: {} comes twice", kind.code());
            return Err(Refusal::about(Reason::MalformedRequest, about));
        }
        let digest = sha256("proofs.sha256", &proof.sha256)?;
        proofs.push(KinProof { kind, digest });
    }
    Ok(proofs)
}

/// A keyed digest of all that a member says: the same for the same words only.
fn digest(member: &pb::BindingMember, keys: &Keys) -> BlindIndex {
    use pb::binding_member::Beneficiary as Wire;
    let who = match &member.beneficiary {
        Some(Wire::PersonId(id)) => ["person", id, "", ""],
        Some(Wire::Identity(identity)) => [
            "identity",
            &identity.cert_type,
            &identity.cert_no,
            &identity.name,
        ],
        None => [""; 4],
    };
    let [relation, scheme] =
        [member.relation, member.beneficiary_scheme].map(|code| code.to_string());
    let what = [relation.as_str(), &scheme, &member.valid_until];
    let proofs: Vec<_> = member
        .proofs
        .iter()
        .flat_map(|proof| [proof.kind.to_string(), proof.sha256.clone()])
        .collect();
    let proofs: Vec<_> = proofs.iter().map(String::as_str).collect();
    keys.digest("member", &[who.as_slice(), &what, &proofs].concat())
}

fn commitment(digits: &str) -> Result<Option<[u8; 32]>, Refusal> {
    if digits.is_empty() {
        return Ok(None);
    }
    sha256("commitment_sha256", digits).map(Some)
}

/// A SHA-256 in hexadecimal digits.
pub fn sha256(field: &str, digits: &str) -> Result<[u8; 32], Refusal> {
    if digits.is_empty() {
        return Err(Unreadable::missing(field).into());
    }
    let mut digest = [0; 32];
    hex::decode_to_slice(digits, &mut digest)
        .ok()
        .ok_or_else(|| Refusal::about(Reason::MalformedRequest, field))?;
    Ok(digest)
}

/// The relative that a display link is asked for.
pub fn relative(
    relative: Option<&pb::start_display_link_request::Relative>,
    today: Today,
) -> Result<Beneficiary, Refusal> {
    use pb::start_display_link_request::Relative as Wire;
    Ok(match convert::required("relative", relative)? {
        Wire::PersonId(id) => Beneficiary::Person(convert::id("person_id", id)?),
        Wire::Identity(identity) => self::identity(identity, today),
    })
}

/// A relative by identity. What cannot be one is kept as the refusal of this relative alone.
fn identity(identity: &pb::BeneficiaryIdentity, today: Today) -> Beneficiary {
    certificate(&identity.cert_type, &identity.cert_no, today)
        .and_then(|certificate| {
            let name = PersonName::parse(&identity.name)?;
            Ok(Beneficiary::Identity(certificate, name))
        })
        .unwrap_or_else(Beneficiary::Unreadable)
}

/// A note of the caller's own; empty is none.
pub fn note(field: &str, text: &str) -> Result<Option<String>, Refusal> {
    short(field, text, LONGEST_NOTE)
}

/// A request for the end of a binding.
pub fn unbind(request: &pb::RequestUnbindRequest, by: Actor) -> Result<Unbind, Refusal> {
    let binding = convert::id("binding_id", &request.binding_id)?;
    Ok(Unbind {
        binding,
        note: note("note", &request.note)?,
        by,
    })
}

/// Who is to be erased.
pub fn erase(request: &pb::ErasePersonRequest, by: Actor) -> Result<Erase, Refusal> {
    let reason = note("reason", &request.reason)?;
    Ok(Erase {
        person: convert::id("person_id", &request.person_id)?,
        reason: reason.ok_or_else(|| Unreadable::missing("reason"))?,
        by,
    })
}

/// The agency's word on a binding.
pub fn review(request: &pb::ReviewBindingRequest, by: Actor) -> Result<Review, Refusal> {
    let reason = note("reason", &request.reason)?;
    Ok(Review {
        binding: convert::id("binding_id", &request.binding_id)?,
        approve: request.approve,
        reason: reason.ok_or_else(|| Unreadable::missing("reason"))?,
        by,
    })
}

/// A short text of the caller's own; empty is none.
fn short(field: &str, text: &str, longest: usize) -> Result<Option<String>, Refusal> {
    if text.chars().count() > longest || text.chars().any(char::is_control) {
        return Err(Refusal::about(Reason::TextMalformed, field));
    }
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// A physical card. What cannot be the number of one is a card nobody knows.
pub fn card(card: Option<&Credential>, today: Today) -> Result<Card, Refusal> {
    let card = convert::required("card", card)?;
    let unknown = |_: Refusal| Refusal::from(Reason::CredentialUnknown);
    match CredentialKind::try_from(card.kind) {
        Ok(CredentialKind::IdCard) => {
            let certificate = Certificate::parse(
                CertType::resident_id(),
                &card.number,
                today.strictness,
                today.date,
            );
            certificate.map(Card::Id).map_err(unknown)
        }
        Ok(CredentialKind::SocialSecurityCard) => CardNo::parse(&card.number)
            .map(Card::SocialSecurity)
            .map_err(unknown),
        Ok(CredentialKind::Unspecified) => Err(Unreadable::missing("card.kind").into()),
        // A token is authorization's to resolve.
        Ok(CredentialKind::ECredential) | Err(_) => Err(Unreadable::code("card.kind").into()),
    }
}

/// A page of a list: how many at most, and the last one of the page before.
pub fn page<Id: FromStr>(page: Option<&WirePage>) -> Result<(u16, Option<Id>), Refusal> {
    let Some(page) = page else {
        return Ok((USUAL_PAGE, None));
    };
    let size = match u16::try_from(page.size) {
        Ok(0) => USUAL_PAGE,
        Ok(size) if usize::from(size) <= MOST_ITEMS => size,
        _ => {
            return Err(Refusal::about(
                Reason::PageTooLarge,
                format!("page.size = {}", page.size),
            ));
        }
    };
    let after = match page.cursor.as_str() {
        "" => None,
        cursor => Some(
            cursor
                .parse()
                .ok()
                .ok_or_else(|| Refusal::about(Reason::CursorMalformed, "page.cursor"))?,
        ),
    };
    Ok((size, after))
}

#[cfg(test)]
mod tests;
