//! Display links on the wire.

use kernel::{DisplayLinkId, Reason, Refusal, Timestamp};
use policy::display::Evidence;
use policy::values::Presence;
use proto::Unreadable;
use proto::binding::v1 as pb;
use proto::binding::v1::display_link_service_server::DisplayLinkService;
use proto::convert::{self, wire_time};
use tonic::{Request, Response};

use chassis::grpc::{caller, refuse};

use super::write::Names;
use super::{Answer, Api, parse, status};
use crate::actor::Actor;
use crate::error::BindingError;
use crate::link::prove::{Prove, Review};
use crate::link::start::Start;
use crate::link::{DisplayLink, State, activate, end, prove, show, start};
use crate::look_up;
use crate::reads::What;

impl Api {
    /// One link as the caller may see it, with what may be handed in for it.
    async fn shown_link(
        &self,
        by: &Actor,
        link: &DisplayLink,
        now: Timestamp,
    ) -> Result<Option<pb::DisplayLink>, BindingError> {
        let wanted = show::wanted(&self.db, &self.packs, &self.keys, link, now).await?;
        let names = self.link_names(by, &[link]).await?;
        let evidence_wanted = wanted.iter().map(|kind| wire_kind(*kind).into());
        Ok(Some(pb::DisplayLink {
            evidence_wanted: evidence_wanted.collect(),
            ..write(link, &names)
        }))
    }

    /// The masked names of the people in `links`, for a caller who looks at a screen.
    async fn link_names(&self, by: &Actor, links: &[&DisplayLink]) -> Result<Names, BindingError> {
        if by.caller.role == kernel::Role::Service || links.is_empty() {
            return Ok(Names::new());
        }
        let people: Vec<_> = links
            .iter()
            .flat_map(|link| [link.binder, link.relative])
            .collect();
        look_up::masked_names(&self.db, &self.keys, &people).await
    }
}

#[tonic::async_trait]
impl DisplayLinkService for Api {
    async fn activate_credential(
        &self,
        request: Request<pb::ActivateCredentialRequest>,
    ) -> Answer<pb::ActivateCredentialResponse> {
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let request = request.get_ref();
        let person = convert::id("person_id", &request.person_id).map_err(refuse)?;
        let face = parse::sha256("face_sha256", &request.face_sha256).map_err(refuse)?;
        let since = activate::activate(&self.db, person, face, &by, now)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::ActivateCredentialResponse {
            activated_at: Some(wire_time(since)),
        }))
    }

    async fn start_display_link(
        &self,
        request: Request<pb::StartDisplayLinkRequest>,
    ) -> Answer<pb::StartDisplayLinkResponse> {
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let wire = request.get_ref();
        let command = Start {
            binder: convert::id("binder_person_id", &wire.binder_person_id).map_err(refuse)?,
            relative: parse::relative(wire.relative.as_ref(), self.today(now)).map_err(refuse)?,
            commitment: parse::sha256("commitment_sha256", &wire.commitment_sha256)
                .map_err(refuse)?,
            by,
        };
        let link = start::start(&self.db, &self.packs, &self.keys, &command, now)
            .await
            .map_err(status)?;
        let shown = self.shown_link(&command.by, &link, now).await;
        Ok(Response::new(pb::StartDisplayLinkResponse {
            display_link: shown.map_err(status)?,
        }))
    }

    async fn prove_display_link(
        &self,
        request: Request<pb::ProveDisplayLinkRequest>,
    ) -> Answer<pb::ProveDisplayLinkResponse> {
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let wire = request.get_ref();
        let command = Prove {
            link: link_id(&wire.display_link_id).map_err(refuse)?,
            kind: kind(wire.evidence).map_err(refuse)?,
            digest: parse::sha256("sha256", &wire.sha256).map_err(refuse)?,
            by,
        };
        let link = prove::prove(&self.db, &self.packs, &self.keys, &command, now)
            .await
            .map_err(status)?;
        let shown = self.shown_link(&command.by, &link, now).await;
        Ok(Response::new(pb::ProveDisplayLinkResponse {
            display_link: shown.map_err(status)?,
        }))
    }

    async fn review_display_link(
        &self,
        request: Request<pb::ReviewDisplayLinkRequest>,
    ) -> Answer<pb::ReviewDisplayLinkResponse> {
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let wire = request.get_ref();
        let reason = parse::note("reason", &wire.reason).map_err(refuse)?;
        let command = Review {
            link: link_id(&wire.display_link_id).map_err(refuse)?,
            accept: wire.accept,
            reason: Some(reason.ok_or_else(|| refuse(Unreadable::missing("reason")))?),
            by,
        };
        let link = prove::review(&self.db, &self.packs, &command, now)
            .await
            .map_err(status)?;
        let shown = self.shown_link(&command.by, &link, now).await;
        Ok(Response::new(pb::ReviewDisplayLinkResponse {
            display_link: shown.map_err(status)?,
        }))
    }

    async fn end_display_link(
        &self,
        request: Request<pb::EndDisplayLinkRequest>,
    ) -> Answer<pb::EndDisplayLinkResponse> {
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let id = link_id(&request.get_ref().display_link_id).map_err(refuse)?;
        let link = end::end(&self.db, id, &by, now).await.map_err(status)?;
        let shown = self.shown_link(&by, &link, now).await;
        Ok(Response::new(pb::EndDisplayLinkResponse {
            display_link: shown.map_err(status)?,
        }))
    }

    async fn get_display_link(
        &self,
        request: Request<pb::GetDisplayLinkRequest>,
    ) -> Answer<pb::GetDisplayLinkResponse> {
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let id = link_id(&request.get_ref().display_link_id).map_err(refuse)?;
        let link = show::get(&self.db, id, &by).await.map_err(status)?;
        let people = [link.binder, link.relative];
        self.looked(&by.caller, &people, What::DisplayLink).await?;
        let shown = self.shown_link(&by, &link, now).await;
        Ok(Response::new(pb::GetDisplayLinkResponse {
            display_link: shown.map_err(status)?,
        }))
    }

    async fn list_display_links(
        &self,
        request: Request<pb::ListDisplayLinksRequest>,
    ) -> Answer<pb::ListDisplayLinksResponse> {
        let by = Actor::new(caller(&request)?);
        let wire = request.get_ref();
        let person = convert::id("person_id", &wire.person_id).map_err(refuse)?;
        by.caller.may_act_for(person).map_err(refuse)?;
        let page = parse::page(wire.page.as_ref()).map_err(refuse)?;
        let (links, next) = show::list(&self.db, person, page, wire.include_ended)
            .await
            .map_err(status)?;
        self.looked(&by.caller, &[person], What::DisplayLinks)
            .await?;
        let names = self
            .link_names(&by, &links.iter().collect::<Vec<_>>())
            .await
            .map_err(status)?;
        Ok(Response::new(pb::ListDisplayLinksResponse {
            display_links: links.iter().map(|link| write(link, &names)).collect(),
            next_cursor: next.map(|id| id.to_string()).unwrap_or_default(),
        }))
    }
}

fn link_id(text: &str) -> Result<DisplayLinkId, Unreadable> {
    convert::id("display_link_id", text)
}

fn kind(code: i32) -> Result<Evidence, Refusal> {
    use pb::DisplayEvidence as Wire;
    Ok(match Wire::try_from(code) {
        Ok(Wire::Face) => Evidence::Face,
        Ok(Wire::HouseholdPage) => Evidence::HouseholdPage,
        Ok(Wire::IdPhotos) => Evidence::IdPhotos,
        Ok(Wire::BirthCertificate) => Evidence::BirthCertificate,
        Ok(Wire::BothHouseholdPages) => Evidence::BothHouseholdPages,
        Ok(Wire::NotarisedRelation) => Evidence::NotarisedRelation,
        Ok(Wire::Unspecified) => return Err(Unreadable::missing("evidence").into()),
        Err(_) => return Err(Refusal::about(Reason::UnknownCode, "evidence")),
    })
}

const fn wire_kind(kind: Evidence) -> pb::DisplayEvidence {
    use pb::DisplayEvidence as Wire;
    match kind {
        Evidence::Face => Wire::Face,
        Evidence::HouseholdPage => Wire::HouseholdPage,
        Evidence::IdPhotos => Wire::IdPhotos,
        Evidence::BirthCertificate => Wire::BirthCertificate,
        Evidence::BothHouseholdPages => Wire::BothHouseholdPages,
        Evidence::NotarisedRelation => Wire::NotarisedRelation,
    }
}

const fn wire_state(state: &State) -> pb::DisplayLinkState {
    match state {
        State::Requested(_) => pb::DisplayLinkState::Requested,
        State::InReview(_) => pb::DisplayLinkState::InReview,
        State::Active(_) => pb::DisplayLinkState::Active,
        State::Ended(_) => pb::DisplayLinkState::Ended,
        State::Rejected(_) => pb::DisplayLinkState::Rejected,
    }
}

fn write(link: &DisplayLink, names: &Names) -> pb::DisplayLink {
    let name = |person| names.get(&person).cloned().unwrap_or_default();
    let presence = match link.terms.presence {
        Presence::Counter => pb::Presence::Counter,
        Presence::Anywhere => pb::Presence::Anywhere,
    };
    pb::DisplayLink {
        display_link_id: link.id.to_string(),
        version: link.version,
        state: wire_state(&link.state).into(),
        binder_person_id: link.binder.to_string(),
        relative_person_id: link.relative.to_string(),
        requested_at: Some(wire_time(link.requested_at)),
        active_since: link.active_since().map(wire_time),
        ended_at: link.ended_at().map(wire_time),
        presence: presence.into(),
        evidence_wanted: Vec::new(),
        rules: link
            .terms
            .versions
            .iter()
            .map(ToString::to_string)
            .collect(),
        binder_masked_name: name(link.binder),
        relative_masked_name: name(link.relative),
    }
}
