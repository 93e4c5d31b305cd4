//! Parses requests, calls a verb, answers. The only place that knows status codes.

use std::sync::Arc;

use chassis::grpc::{caller, internal, refuse, unavailable};
use kernel::{BindingId, Clock, DisplayLinkId, Fen, Reason, Refusal};
use policy::Packs;
use proto::Unreadable;
use proto::authorization::v1 as pb;
use proto::authorization::v1::authorization_service_server::AuthorizationService;
use proto::convert::{date, id, region, required, usage, wire_time};
use proto::settlement::v1::InstitutionKind;
use sqlx::PgPool;
use tonic::{Request, Response, Status};

use crate::change::{self, Change, MandateError};
use crate::config;
use crate::credential::Purpose;
use crate::display::{self, Links};
use crate::issue::{self, Issue, IssueError};
use crate::lookup::LookupError;
use crate::mandate::{
    Kind, Limit, Limits, Mandate, Places, Rank, Terms, Uses, Validity, Version, share,
};
use crate::page::Page;
use crate::resolve::{ResolveError, Resolved, Resolver};
use crate::store::StoreError;
use crate::{pause, resume, revoke, show, wait};

/// The most tokens of one call.
const MOST_TOKENS: usize = 500;

/// The service as it is called.
pub struct Api {
    pub db: PgPool,
    pub clock: Clock,
    pub packs: Arc<Packs>,
    pub fence: config::Fence,
    pub credential: config::Credential,
    pub resolver: Resolver,
    pub links: Links,
}

impl Api {
    /// What is true of a decided mandate once settlement has fenced it, or when the time is up.
    async fn settled(
        &self,
        decided: Result<Mandate, MandateError>,
    ) -> Result<Option<pb::Mandate>, Status> {
        let mandate = wait::until_fenced(&self.db, decided?, &self.fence).await;
        Ok(Some(pb::Mandate::from(&mandate)))
    }
}

#[tonic::async_trait]
impl AuthorizationService for Api {
    async fn get_mandate(
        &self,
        request: Request<pb::GetMandateRequest>,
    ) -> Result<Response<pb::GetMandateResponse>, Status> {
        let caller = caller(&request)?;
        let binding_id = binding_id(&request.get_ref().binding_id)?;
        let mandate = show::get(&self.db, binding_id, &caller).await?;
        Ok(Response::new(pb::GetMandateResponse {
            mandate: Some((&mandate).into()),
        }))
    }

    async fn list_mandates(
        &self,
        request: Request<pb::ListMandatesRequest>,
    ) -> Result<Response<pb::ListMandatesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let person_id = id("person_id", &request.person_id).map_err(unreadable)?;
        let page = Page::try_from(request.page).map_err(refuse)?;
        let (mandates, next) = show::list(&self.db, person_id, page, &caller).await?;
        Ok(Response::new(pb::ListMandatesResponse {
            mandates: mandates.iter().map(pb::Mandate::from).collect(),
            next_cursor: next.map(|id| id.to_string()).unwrap_or_default(),
        }))
    }

    async fn change_mandate(
        &self,
        request: Request<pb::ChangeMandateRequest>,
    ) -> Result<Response<pb::ChangeMandateResponse>, Status> {
        let caller = caller(&request)?;
        let change = Change::try_from(request.into_inner()).map_err(refuse)?;
        let now = self.clock.now();
        let decided = change::change(&self.db, &self.packs, change, &caller, now).await;
        let mandate = self.settled(decided).await?;
        Ok(Response::new(pb::ChangeMandateResponse { mandate }))
    }

    async fn pause_mandate(
        &self,
        request: Request<pb::PauseMandateRequest>,
    ) -> Result<Response<pb::PauseMandateResponse>, Status> {
        let caller = caller(&request)?;
        let binding_id = binding_id(&request.get_ref().binding_id)?;
        let decided = pause::pause(&self.db, binding_id, &caller, self.clock.now()).await;
        let mandate = self.settled(decided).await?;
        Ok(Response::new(pb::PauseMandateResponse { mandate }))
    }

    async fn resume_mandate(
        &self,
        request: Request<pb::ResumeMandateRequest>,
    ) -> Result<Response<pb::ResumeMandateResponse>, Status> {
        let caller = caller(&request)?;
        let binding_id = binding_id(&request.get_ref().binding_id)?;
        let mandate = resume::resume(&self.db, binding_id, &caller, self.clock.now()).await?;
        Ok(Response::new(pb::ResumeMandateResponse {
            mandate: Some((&mandate).into()),
        }))
    }

    async fn revoke_mandate(
        &self,
        request: Request<pb::RevokeMandateRequest>,
    ) -> Result<Response<pb::RevokeMandateResponse>, Status> {
        let caller = caller(&request)?;
        let binding_id = binding_id(&request.get_ref().binding_id)?;
        let decided = revoke::revoke(&self.db, binding_id, &caller, self.clock.now()).await;
        let mandate = self.settled(decided).await?;
        Ok(Response::new(pb::RevokeMandateResponse { mandate }))
    }

    async fn issue_credential(
        &self,
        request: Request<pb::IssueCredentialRequest>,
    ) -> Result<Response<pb::IssueCredentialResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let link = displayed(&request.display_link_id).map_err(unreadable)?;
        let wanted = Issue::try_from(request).map_err(unreadable)?;
        let (ttl, now) = (self.credential.ttl, self.clock.now());
        let (token, credential) = match link {
            None => issue::issue(&self.db, wanted, &caller, ttl, now).await?,
            Some(link) => {
                let link = self.links.find(link).await?;
                display::display(&self.db, (wanted, link), &caller, ttl, now).await?
            }
        };
        Ok(Response::new(pb::IssueCredentialResponse {
            token: token.reveal(),
            expires_at: Some(wire_time(credential.expires_at)),
        }))
    }

    async fn resolve(
        &self,
        request: Request<pb::ResolveRequest>,
    ) -> Result<Response<pb::ResolveResponse>, Status> {
        let credential =
            required("credential", request.into_inner().credential).map_err(unreadable)?;
        let resolved = self.resolver.resolve(credential).await?;
        Ok(Response::new(resolved.into()))
    }

    async fn resolve_tokens(
        &self,
        request: Request<pb::ResolveTokensRequest>,
    ) -> Result<Response<pb::ResolveTokensResponse>, Status> {
        let tokens = request.into_inner().tokens;
        if tokens.len() > MOST_TOKENS {
            let about = format!("{} tokens, at most {MOST_TOKENS}", tokens.len());
            return Err(refuse(Refusal::about(Reason::PageTooLarge, about)));
        }
        let found = self.resolver.resolve_tokens(&tokens).await;
        let results = found
            .map_err(ResolveError::from)?
            .into_iter()
            .map(|found| pb::ResolvedToken {
                found: found.map(Into::into),
            })
            .collect();
        Ok(Response::new(pb::ResolveTokensResponse { results }))
    }
}

fn unreadable(unreadable: Unreadable) -> Status {
    refuse(unreadable)
}

fn binding_id(text: &str) -> Result<BindingId, Status> {
    id("binding_id", text).map_err(unreadable)
}

/// The display link a code is to be shown under; none for one's own.
fn displayed(text: &str) -> Result<Option<DisplayLinkId>, Unreadable> {
    match text {
        "" => Ok(None),
        text => id("display_link_id", text).map(Some),
    }
}

impl TryFrom<pb::ChangeMandateRequest> for Change {
    type Error = Refusal;

    fn try_from(request: pb::ChangeMandateRequest) -> Result<Self, Refusal> {
        let terms = required("terms", request.terms)?;
        let uses: Vec<_> = terms
            .usage
            .iter()
            .map(|value| usage("usage", *value))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            binding_id: id("binding_id", &request.binding_id)?,
            seen: required("expected_version", Version::new(request.expected_version))?,
            terms: Terms {
                rank: Rank::new(terms.rank)?,
                limits: limits(&terms)?,
                uses: Uses::of(uses)?,
                places: places(&terms)?,
                validity: Validity::new(
                    date("valid_from", &terms.valid_from)?,
                    date("valid_until", &terms.valid_until)?,
                )?,
            },
        })
    }
}

fn places(terms: &pb::MandateTerms) -> Result<Places, Refusal> {
    let kinds: Vec<_> = terms
        .institution_kinds()
        .zip(&terms.institution_kinds)
        .map(|(kind, sent)| match kind {
            InstitutionKind::Hospital => Ok(Kind::Hospital),
            InstitutionKind::Pharmacy => Ok(Kind::Pharmacy),
            InstitutionKind::Agency => Ok(Kind::Agency),
            InstitutionKind::Unspecified if *sent == 0 => {
                Err(Unreadable::missing("institution_kinds"))
            }
            InstitutionKind::Unspecified => Err(Unreadable::code("institution_kinds")),
        })
        .collect::<Result<_, _>>()?;
    Places::of(kinds, terms.institution_codes.iter().cloned())
}

fn limits(terms: &pb::MandateTerms) -> Result<Limits, Refusal> {
    let limit =
        |field, fen: Option<i64>| fen.map(|fen| Limit::new(field, Fen::new(fen))).transpose();
    let share_of_balance = terms
        .share_of_balance
        .map(|points| share("share_of_balance", points));
    Ok(Limits {
        per_transaction: limit("per_transaction_fen", terms.per_transaction_fen)?,
        per_day: limit("per_day_fen", terms.per_day_fen)?,
        per_month: limit("per_month_fen", terms.per_month_fen)?,
        per_year: limit("per_year_fen", terms.per_year_fen)?,
        total: limit("total_fen", terms.total_fen)?,
        share_of_balance: share_of_balance.transpose()?,
    })
}

impl TryFrom<pb::IssueCredentialRequest> for Issue {
    type Error = Unreadable;

    fn try_from(request: pb::IssueCredentialRequest) -> Result<Self, Unreadable> {
        let purpose = match pb::CredentialPurpose::try_from(request.purpose) {
            Ok(pb::CredentialPurpose::Settlement) => Purpose::Settlement,
            Ok(pb::CredentialPurpose::Identity) => Purpose::Identity,
            Ok(pb::CredentialPurpose::Unspecified) => return Err(Unreadable::missing("purpose")),
            Err(_) => return Err(Unreadable::code("purpose")),
        };
        Ok(Self {
            person_id: id("person_id", &request.person_id)?,
            purpose,
            region: region("region", &request.region)?,
        })
    }
}

impl From<Purpose> for pb::CredentialPurpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Settlement => Self::Settlement,
            Purpose::Identity => Self::Identity,
        }
    }
}

impl From<Resolved> for pb::ResolveResponse {
    fn from(resolved: Resolved) -> Self {
        match resolved {
            Resolved::Token(credential) => Self {
                person_id: credential.person_id.to_string(),
                presenter_person_id: credential.presenter.to_string(),
                expires_at: Some(wire_time(credential.expires_at)),
                purpose: pb::CredentialPurpose::from(credential.purpose).into(),
                fingerprint: credential.fingerprint.as_bytes().to_vec(),
                counter_only: credential.under.is_some_and(|under| under.counter_only),
            },
            Resolved::Card(person_id) => Self {
                person_id: person_id.to_string(),
                presenter_person_id: person_id.to_string(),
                expires_at: None,
                purpose: pb::CredentialPurpose::Unspecified.into(),
                fingerprint: Vec::new(),
                counter_only: false,
            },
        }
    }
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Database(sqlx::Error::PoolTimedOut | sqlx::Error::Io(_)) => {
                unavailable(&error)
            }
            StoreError::Database(_) | StoreError::Corrupt(_) => internal(&error),
        }
    }
}

impl From<MandateError> for Status {
    fn from(error: MandateError) -> Self {
        match error {
            MandateError::Refused(refusal) => refuse(refusal),
            MandateError::Store(error) => error.into(),
        }
    }
}

impl From<IssueError> for Status {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Refused(refusal) => refuse(refusal),
            IssueError::Store(error) => error.into(),
            IssueError::Binding(_) => unavailable(&error),
            IssueError::Answer(_) | IssueError::Chance(_) => internal(&error),
        }
    }
}

impl From<ResolveError> for Status {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Refused(refusal)
            | ResolveError::Lookup(LookupError::Refused(refusal)) => refuse(refusal),
            ResolveError::Lookup(_) | ResolveError::Binding(_) => unavailable(&error),
            ResolveError::Answer(_) => internal(&error),
        }
    }
}
