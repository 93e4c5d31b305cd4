//! The service on the wire: parse, call a verb, answer. The only place that knows status codes.

use std::sync::Arc;
use std::time::Duration;

use chassis::access::Caller;
use chassis::grpc::{caller, internal, refuse, unavailable};
use futures::{StreamExt as _, stream};
use kernel::{BindingId, Clock, PersonId, Role, Timestamp, clock};
use policy::Packs;
use proto::binding::v1 as pb;
use proto::binding::v1::binding_service_server::BindingService;
use proto::convert;
use sqlx::PgPool;
use tonic::{Request, Response, Status};

use crate::actor::Actor;
use crate::binding::Binding;
use crate::error::{BindingError, StoreError, unopened};
use crate::identity::Strictness;
use crate::keys::Keys;
use crate::reads::What;
use crate::{confirm, decline, erase, import, look_up, reads, request, review, unbind};

mod links;
mod parse;
mod write;

use parse::Today;
use write::Names;

/// How many rows of one import are stored side by side: their commits share the disk's flushes.
const IMPORT_LANES: usize = 4;

/// The service.
#[derive(Clone)]
pub struct Api {
    pub db: PgPool,
    pub packs: Arc<Packs>,
    pub keys: Arc<Keys>,
    pub clock: Clock,
    pub strictness: Strictness,
    /// How long `RequestUnbind` waits for the fence.
    pub patience: Duration,
}

type Answer<T> = Result<Response<T>, Status>;

impl Api {
    fn today(&self, now: Timestamp) -> Today {
        Today {
            date: clock::business_day(now),
            strictness: self.strictness,
        }
    }

    /// Records a look at what belongs to these people, before it is answered.
    async fn looked(&self, caller: &Caller, people: &[PersonId], what: What) -> Result<(), Status> {
        let recorded = reads::record(&self.db, people, what, caller, self.clock.now()).await;
        recorded.map_err(status)
    }

    /// The masked names of the people in `bindings`, if the caller is somebody who looks at a screen.
    async fn names(&self, caller: &Caller, bindings: &[&Binding]) -> Result<Names, Status> {
        if !matches!(caller.role, Role::Citizen | Role::Operator) || bindings.is_empty() {
            return Ok(Names::new());
        }
        let people: Vec<PersonId> = bindings
            .iter()
            .flat_map(|binding| {
                [
                    binding.asked.contributor.person,
                    binding.asked.beneficiary.person,
                ]
            })
            .collect();
        look_up::masked_names(&self.db, &self.keys, &people)
            .await
            .map_err(status)
    }

    async fn shown(
        &self,
        caller: &Caller,
        binding: &Binding,
        now: Timestamp,
    ) -> Result<Option<pb::Binding>, Status> {
        let names = self.names(caller, &[binding]).await?;
        Ok(Some(write::binding(binding, &names, now)))
    }

    /// One row of an import; a refusal, or a person who does not open, is this row's result, and anything else fails the call.
    async fn import_row(
        self,
        row: pb::PersonRow,
        by: Actor,
        now: Timestamp,
    ) -> Result<pb::ImportedPerson, Status> {
        use pb::imported_person::Outcome;
        let imported = match parse::person_row(&row, &self.packs, self.today(now)) {
            Ok(row) => import::import(&self.db, &self.keys, &row, &by, now).await,
            Err(refusal) => Err(refusal.into()),
        };
        let outcome = match imported {
            Ok(imported) => Outcome::Person(write::person(&imported.person, &imported.enrolments)),
            Err(BindingError::Refused(refusal)) => Outcome::Refused(refusal.into()),
            Err(BindingError::Unsealable(error)) => Outcome::Refused(unopened(&error).into()),
            Err(error) => return Err(status(error)),
        };
        Ok(pb::ImportedPerson {
            outcome: Some(outcome),
        })
    }
}

#[tonic::async_trait]
impl BindingService for Api {
    async fn import_people(
        &self,
        request: Request<pb::ImportPeopleRequest>,
    ) -> Answer<pb::ImportPeopleResponse> {
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let rows = request.into_inner().rows;
        parse::batch("rows", rows.len()).map_err(refuse)?;
        let imports: Vec<_> = rows
            .into_iter()
            .map(|row| self.clone().import_row(row, by.clone(), now))
            .collect();
        let results: Vec<_> = stream::iter(imports).buffered(IMPORT_LANES).collect().await;
        let results = results.into_iter().collect::<Result<_, _>>()?;
        Ok(Response::new(pb::ImportPeopleResponse { results }))
    }

    async fn get_person(
        &self,
        request: Request<pb::GetPersonRequest>,
    ) -> Answer<pb::GetPersonResponse> {
        let caller = caller(&request)?;
        let id: PersonId = convert::id("person_id", &request.get_ref().person_id)
            .map_err(|error| refuse(error.0))?;
        caller.may_see(id).map_err(refuse)?;
        let (person, enrolments) = look_up::person(&self.db, &self.keys, id)
            .await
            .map_err(status)?;
        self.looked(&caller, &[id], What::Person).await?;
        let person = match caller.role {
            Role::Service => write::unnamed(&person, &enrolments),
            _ => write::person(&person, &enrolments),
        };
        Ok(Response::new(pb::GetPersonResponse {
            person: Some(person),
        }))
    }

    async fn erase_person(
        &self,
        request: Request<pb::ErasePersonRequest>,
    ) -> Answer<pb::ErasePersonResponse> {
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let command = parse::erase(request.get_ref(), by).map_err(refuse)?;
        erase::erase(&self.db, &command, now)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::ErasePersonResponse {}))
    }

    async fn list_reads(
        &self,
        request: Request<pb::ListReadsRequest>,
    ) -> Answer<pb::ListReadsResponse> {
        let caller = caller(&request)?;
        let person = convert::id("person_id", &request.get_ref().person_id).map_err(refuse)?;
        caller.may_act_for(person).map_err(refuse)?;
        let page = parse::page(request.get_ref().page.as_ref()).map_err(refuse)?;
        let (found, next) = reads::list(&self.db, person, page).await.map_err(status)?;
        Ok(Response::new(pb::ListReadsResponse {
            reads: found.into_iter().map(write::read).collect(),
            next_cursor: next.map(|id| id.to_string()).unwrap_or_default(),
        }))
    }

    async fn find_person_by_card(
        &self,
        request: Request<pb::FindPersonByCardRequest>,
    ) -> Answer<pb::FindPersonByCardResponse> {
        let today = self.today(self.clock.now());
        let card = parse::card(request.get_ref().card.as_ref(), today).map_err(refuse)?;
        let person = look_up::person_by_card(&self.db, &self.keys, &card)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::FindPersonByCardResponse {
            person_id: person.to_string(),
        }))
    }

    async fn list_masked_names(
        &self,
        request: Request<pb::ListMaskedNamesRequest>,
    ) -> Answer<pb::ListMaskedNamesResponse> {
        let ids = &request.get_ref().person_ids;
        parse::batch("person_ids", ids.len()).map_err(refuse)?;
        let people = ids.iter().map(|id| convert::id("person_ids", id));
        let people = people
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| refuse(error.0))?;
        let names = look_up::masked_names(&self.db, &self.keys, &people)
            .await
            .map_err(status)?;
        let names = names
            .into_iter()
            .map(|(person, masked_name)| pb::MaskedName {
                person_id: person.to_string(),
                masked_name,
            });
        Ok(Response::new(pb::ListMaskedNamesResponse {
            names: names.collect(),
        }))
    }

    async fn request_bindings(
        &self,
        request: Request<pb::RequestBindingsRequest>,
    ) -> Answer<pb::RequestBindingsResponse> {
        use pb::binding_result::Outcome;
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let command =
            parse::request(request.get_ref(), by, &self.keys, self.today(now)).map_err(refuse)?;
        let answers = request::request(&self.db, &self.packs, &self.keys, &command, now)
            .await
            .map_err(status)?;
        let bindings: Vec<_> = answers.iter().flatten().collect();
        let names = self.names(&command.by.caller, &bindings).await?;
        let outcome = |answer| match answer {
            Ok(binding) => Outcome::Binding(write::binding(&binding, &names, now)),
            Err(refusal) => Outcome::Refused(proto::common::v1::Reason::from(refusal)),
        };
        let results = answers
            .into_iter()
            .map(|answer| pb::BindingResult {
                outcome: Some(outcome(answer)),
            })
            .collect();
        Ok(Response::new(pb::RequestBindingsResponse { results }))
    }

    async fn confirm_binding(
        &self,
        request: Request<pb::ConfirmBindingRequest>,
    ) -> Answer<pb::ConfirmBindingResponse> {
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let command = parse::confirm(request.get_ref(), by).map_err(refuse)?;
        let binding = confirm::confirm(&self.db, &self.packs, &command, now)
            .await
            .map_err(status)?;
        let binding = self.shown(&command.by.caller, &binding, now).await?;
        Ok(Response::new(pb::ConfirmBindingResponse { binding }))
    }

    async fn decline_binding(
        &self,
        request: Request<pb::DeclineBindingRequest>,
    ) -> Answer<pb::DeclineBindingResponse> {
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let id = binding_id(&request.get_ref().binding_id)?;
        let binding = decline::decline(&self.db, id, &by, now)
            .await
            .map_err(status)?;
        let binding = self.shown(&by.caller, &binding, now).await?;
        Ok(Response::new(pb::DeclineBindingResponse { binding }))
    }

    async fn review_binding(
        &self,
        request: Request<pb::ReviewBindingRequest>,
    ) -> Answer<pb::ReviewBindingResponse> {
        let (by, now) = (Actor::new(caller(&request)?), self.clock.now());
        let command = parse::review(request.get_ref(), by).map_err(refuse)?;
        let binding = review::review(&self.db, &self.packs, &command, now)
            .await
            .map_err(status)?;
        let binding = self.shown(&command.by.caller, &binding, now).await?;
        Ok(Response::new(pb::ReviewBindingResponse { binding }))
    }

    async fn list_bindings_in_review(
        &self,
        request: Request<pb::ListBindingsInReviewRequest>,
    ) -> Answer<pb::ListBindingsInReviewResponse> {
        let (caller, now) = (caller(&request)?, self.clock.now());
        let (size, after) = parse::page(request.get_ref().page.as_ref()).map_err(refuse)?;
        let (bindings, next) = look_up::in_review(&self.db, look_up::Page { size, after })
            .await
            .map_err(status)?;
        let names = self
            .names(&caller, &bindings.iter().collect::<Vec<_>>())
            .await?;
        let bindings = bindings
            .iter()
            .map(|binding| write::binding(binding, &names, now));
        Ok(Response::new(pb::ListBindingsInReviewResponse {
            bindings: bindings.collect(),
            next_cursor: next.map(|id| id.to_string()).unwrap_or_default(),
        }))
    }

    async fn get_binding(
        &self,
        request: Request<pb::GetBindingRequest>,
    ) -> Answer<pb::GetBindingResponse> {
        let (caller, now) = (caller(&request)?, self.clock.now());
        let id = binding_id(&request.get_ref().binding_id)?;
        let binding = look_up::binding(&self.db, id).await.map_err(status)?;
        // One of the two reads it; so does whoever may act for the contributor (agency, our services).
        if !caller
            .person()
            .is_some_and(|person| binding.concerns(person))
        {
            caller
                .may_act_for(binding.asked.contributor.person)
                .map_err(refuse)?;
        }
        let asked = &binding.asked;
        let people = [asked.contributor.person, asked.beneficiary.person];
        self.looked(&caller, &people, What::Binding).await?;
        let binding = self.shown(&caller, &binding, now).await?;
        Ok(Response::new(pb::GetBindingResponse { binding }))
    }

    async fn list_bindings(
        &self,
        request: Request<pb::ListBindingsRequest>,
    ) -> Answer<pb::ListBindingsResponse> {
        let (caller, now) = (caller(&request)?, self.clock.now());
        let request = request.get_ref();
        let person: PersonId =
            convert::id("person_id", &request.person_id).map_err(|error| refuse(error.0))?;
        caller.may_act_for(person).map_err(refuse)?;
        let (size, after) = parse::page(request.page.as_ref()).map_err(refuse)?;
        let page = look_up::Page { size, after };
        let (bindings, next) = look_up::bindings(&self.db, person, page, request.include_ended)
            .await
            .map_err(status)?;
        self.looked(&caller, &[person], What::Bindings).await?;
        let names = self
            .names(&caller, &bindings.iter().collect::<Vec<_>>())
            .await?;
        Ok(Response::new(pb::ListBindingsResponse {
            bindings: bindings
                .iter()
                .map(|binding| write::binding(binding, &names, now))
                .collect(),
            next_cursor: next.map(|id| id.to_string()).unwrap_or_default(),
        }))
    }

    async fn request_unbind(
        &self,
        request: Request<pb::RequestUnbindRequest>,
    ) -> Answer<pb::RequestUnbindResponse> {
        let by = Actor::new(caller(&request)?);
        let command = parse::unbind(request.get_ref(), by).map_err(refuse)?;
        let ending = unbind::unbind(&self.db, &self.packs, &command, self.clock.now())
            .await
            .map_err(status)?;
        let binding = unbind::await_fence(&self.db, ending, self.patience)
            .await
            .map_err(status)?;
        let binding = self
            .shown(&command.by.caller, &binding, self.clock.now())
            .await?;
        Ok(Response::new(pb::RequestUnbindResponse { binding }))
    }
}

fn binding_id(text: &str) -> Result<BindingId, Status> {
    convert::id("binding_id", text).map_err(|error| refuse(error.0))
}

/// A refusal is told; a database that is away is told as such; everything else goes to the log.
fn status(error: BindingError) -> Status {
    match error {
        BindingError::Refused(refusal) => refuse(refusal),
        BindingError::Store(StoreError::Database(
            error @ (sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_)),
        )) => unavailable(&error),
        error => internal(&error),
    }
}
