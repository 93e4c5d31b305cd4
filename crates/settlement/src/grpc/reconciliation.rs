//! An institution's books against the centre's: totals at once, records as they stream in.

use chassis::access::Caller;
use chassis::grpc::refuse;
use chassis::tasks::Stop;
use futures::StreamExt as _;
use futures::stream::{BoxStream, try_unfold};
use kernel::{Reason, Refusal, Role};
use proto::convert::{self, Unreadable, wire_time};
use proto::settlement::v1 as pb;
use tonic::{Status, Streaming};

use super::{Api, failed};
use crate::reconcile::{self, Books, Details, Found, ReconcileError};
use crate::reconciliation::{Clearing, Record, Scope};
use crate::writer::Office;

mod wire;

fn refused(error: ReconcileError) -> Status {
    match error {
        ReconcileError::Refused(refusal) => refuse(refusal),
        ReconcileError::Store(error) => failed(&error),
    }
}

fn unreadable(error: Unreadable) -> Status {
    refuse(error.0)
}

/// Whose books: an institution's own, or those that an operator names.
fn institution<'a>(caller: &'a Caller, named: &'a str) -> Result<&'a str, Refusal> {
    match caller.role {
        Role::Institution if named.is_empty() || named == caller.subject => Ok(&caller.subject),
        Role::Institution => Err(Refusal::about(Reason::InstitutionMismatch, "institution")),
        _ if named.is_empty() => Err(Refusal::about(Reason::FieldMissing, "institution")),
        _ => Ok(named),
    }
}

/// What is to be compared.
async fn scope(
    office: &Office,
    caller: &Caller,
    told: &pb::ReconciliationScope,
) -> Result<Scope, Status> {
    let institution = institution(caller, &told.institution).map_err(refuse)?;
    let day = |field, text: &str| {
        let day = convert::date(field, text)?;
        convert::required(field, day)
    };
    let first = day("first_day", &told.first_day).map_err(unreadable)?;
    let last = day("last_day", &told.last_day).map_err(unreadable)?;
    let scheme = match told.scheme {
        0 => None,
        scheme => Some(convert::scheme("scheme", scheme).map_err(unreadable)?),
    };
    let clearing = wire::clearing(told.clearing_type).map_err(unreadable)?;
    let whole = reconcile::scope_of(office, institution, (first, last))
        .await
        .map_err(refused)?;
    Ok(Scope {
        scheme,
        clearing,
        with_refunds: !told.without_refunds,
        ..whole
    })
}

pub(super) async fn totals(
    api: &Api,
    caller: &Caller,
    request: &pb::ReconcileTotalsRequest,
) -> Result<pb::ReconcileTotalsResponse, Status> {
    let told = convert::required("scope", request.scope.as_ref()).map_err(unreadable)?;
    let institution =
        convert::required("institution", request.institution.as_ref()).map_err(unreadable)?;
    let institution = wire::totals(institution).map_err(unreadable)?;
    let scope = scope(&api.office, caller, told).await?;
    let as_of = api.office.clock.now();
    let balance = reconcile::totals(&api.office, &scope, &institution)
        .await
        .map_err(refused)?;
    let Books {
        totals,
        refunds,
        groups,
    } = balance.centre;
    let groups = groups.into_iter().map(|((scheme, clearing), totals)| {
        let scheme = proto::common::v1::Scheme::from(scheme);
        pb::ReconciliationGroup {
            scheme: scheme.into(),
            clearing_type: pb::ClearingType::from(clearing).into(),
            centre: Some(wire::shown_totals(&totals)),
        }
    });
    Ok(pb::ReconcileTotalsResponse {
        outcome: wire::outcome(&balance.outcome).into(),
        differing: wire::fields(&balance.differing),
        centre: Some(wire::shown_totals(&totals)),
        centre_refunds: refunds,
        groups: groups.collect(),
        as_of: Some(wire_time(as_of)),
    })
}

/// A reconciliation of records, and how far it is.
struct Run {
    office: Office,
    caller: Caller,
    stop: Stop,
    messages: Streaming<pb::ReconcileDetailsRequest>,
    at: Step,
}

enum Step {
    /// Nobody has said what is compared.
    Unopened,
    /// Records come in.
    Meeting(Box<Details>),
    /// All are in: what only the centre has goes out.
    Leaving(Box<Details>),
    Over,
}

/// Answers message by message, and at the end with what only the centre has.
pub(super) fn details(
    api: &Api,
    caller: Caller,
    messages: Streaming<pb::ReconcileDetailsRequest>,
) -> BoxStream<'static, Result<pb::ReconcileDetailsResponse, Status>> {
    let run = Run {
        office: api.office.clone(),
        caller,
        stop: api.stop.clone(),
        messages,
        at: Step::Unopened,
    };
    try_unfold(run, Run::next).boxed()
}

impl Run {
    /// The next answer.
    async fn next(mut self) -> Result<Option<(pb::ReconcileDetailsResponse, Self)>, Status> {
        let (answer, at) = match std::mem::replace(&mut self.at, Step::Over) {
            Step::Over => return Ok(None),
            Step::Leaving(details) => self.leave(details).await?,
            Step::Unopened => match self.message().await? {
                Some(message) => {
                    let told =
                        convert::required("scope", message.scope.as_ref()).map_err(unreadable)?;
                    let scope = scope(&self.office, &self.caller, told).await?;
                    let details = Box::new(Details::new(scope));
                    self.meet(details, message.records).await?
                }
                None => return Err(unreadable(Unreadable::missing("scope"))),
            },
            Step::Meeting(details) => match self.message().await? {
                Some(message) if message.scope.is_some() => {
                    let again = Refusal::about(Reason::MalformedRequest, "scope × 2");
                    return Err(refuse(again));
                }
                Some(message) => self.meet(details, message.records).await?,
                None => self.leave(details).await?,
            },
        };
        self.at = at;
        Ok(Some((answer, self)))
    }

    /// The next message; none once the institution has sent them all. A server that stops has not heard them all.
    async fn message(&mut self) -> Result<Option<pb::ReconcileDetailsRequest>, Status> {
        tokio::select! {
            message = self.messages.message() => message,
            () = self.stop.requested() => Err(refuse(Reason::Unavailable)),
        }
    }

    async fn meet(
        &self,
        mut details: Box<Details>,
        told: Vec<pb::InstitutionRecord>,
    ) -> Result<(pb::ReconcileDetailsResponse, Step), Status> {
        super::too_many(told.len())?;
        let records: Vec<Record> = told
            .iter()
            .map(wire::record)
            .collect::<Result<_, _>>()
            .map_err(unreadable)?;
        let found = details
            .meet(&self.office, &records)
            .await
            .map_err(refused)?;
        let kind = details.scope.kind;
        let records = told.into_iter().zip(&found).map(|(told, found)| {
            let Found {
                met,
                centre,
                outside,
            } = found;
            pb::ReconciledRecord {
                outcome: wire::outcome(&met.outcome).into(),
                differing: wire::differing(&met.outcome),
                institution: Some(told),
                centre: centre.as_ref().map(|kept| wire::kept(kept, kind)),
                repeated_record: met.repeated,
                outside_scope: *outside,
            }
        });
        let answer = pb::ReconcileDetailsResponse {
            records: records.collect(),
            summary: None,
        };
        Ok((answer, Step::Meeting(details)))
    }

    async fn leave(
        &self,
        mut details: Box<Details>,
    ) -> Result<(pb::ReconcileDetailsResponse, Step), Status> {
        let left = details.left_over(&self.office).await;
        let Some(left) = left.map_err(|error| failed(&error))? else {
            let answer = pb::ReconcileDetailsResponse {
                records: Vec::new(),
                summary: Some(self.summary(&details).await?),
            };
            return Ok((answer, Step::Over));
        };
        let records = left.iter().map(|kept| pb::ReconciledRecord {
            outcome: pb::ReconciliationOutcome::OnlyAtCentre.into(),
            differing: Vec::new(),
            institution: None,
            centre: Some(wire::kept(kept, details.scope.kind)),
            repeated_record: false,
            outside_scope: false,
        });
        let answer = pb::ReconcileDetailsResponse {
            records: records.collect(),
            summary: None,
        };
        Ok((answer, Step::Leaving(details)))
    }

    async fn summary(&self, details: &Details) -> Result<pb::ReconciliationSummary, Status> {
        let as_of = self.office.clock.now();
        let centre = reconcile::books(&self.office, &details.scope)
            .await
            .map_err(refused)?;
        let tally = details.comparison.tally;
        Ok(pb::ReconciliationSummary {
            equal: tally.equal,
            differing: tally.differing,
            only_at_institution: tally.only_at_institution,
            only_at_centre: tally.only_at_centre,
            institution: Some(wire::shown_totals(&details.comparison.institution)),
            centre: Some(wire::shown_totals(&centre.totals)),
            as_of: Some(wire_time(as_of)),
        })
    }
}

impl From<Clearing> for pb::ClearingType {
    fn from(clearing: Clearing) -> Self {
        match clearing {
            Clearing::Outpatient => Self::Outpatient,
            Clearing::Inpatient => Self::Inpatient,
            Clearing::Pharmacy => Self::Pharmacy,
            Clearing::Other => Self::Other,
        }
    }
}
