//! The border: requests are parsed, handed on, and answered. The only place that knows status codes.

use chassis::access::Caller;
use chassis::grpc::{caller, internal, refuse, unavailable};
use chassis::tasks::Stop;
use chassis::telemetry::trace_parent;
use futures::stream::BoxStream;
use kernel::{Reason, Refusal};
use proto::convert::{self, wire_reason};
use proto::settlement::v1 as pb;
use proto::settlement::v1::settlement_service_server::SettlementService;
use tonic::{Request, Response, Status, Streaming};

use crate::answer;
use crate::command::{Allocate, Answer, Command, Origin};
use crate::resolver::Resolver;
use crate::store::{self, StoreError};
use crate::writer::{Office, Writer};

mod accounts;
mod benefits;
mod bills;
mod holds;
mod premiums;
mod quotes;
mod reconciliation;
mod show;
mod statements;
mod tasks;
mod versions;
mod years;

/// The most rows of one bulk request.
const MOST_ROWS: usize = 500;

/// What the operations work with.
pub struct Api {
    office: Office,
    writer: Writer,
    resolver: Resolver,
    stop: Stop,
}

impl Api {
    /// Answers with what `office` has, and has `writer` move money.
    /// Takes in no more of what streams in once it is to stop.
    pub fn new(office: Office, writer: Writer, resolver: Resolver, stop: Stop) -> Self {
        Self {
            office,
            writer,
            resolver,
            stop,
        }
    }
}

fn origin(caller: &Caller) -> Origin {
    Origin {
        role: caller.role,
        caller: caller.subject.clone(),
        trace_parent: trace_parent(),
    }
}

/// A statement that failed at a read.
fn failed(error: &StoreError) -> Status {
    match error {
        error if error.may_pass() => unavailable(error),
        StoreError::Database(_) | StoreError::Corrupt(_) | StoreError::Rows { .. } => {
            internal(error)
        }
    }
}

fn too_many(rows: usize) -> Result<(), Status> {
    if rows > MOST_ROWS {
        return Err(refuse(Refusal::about(
            Reason::PageTooLarge,
            format!("{rows} rows, at most {MOST_ROWS}"),
        )));
    }
    Ok(())
}

/// The writer answers a command with its own kind of answer.
fn mismatched() -> Status {
    debug_assert!(false, "the writer answered another kind of command");
    refuse(Reason::Internal)
}

#[tonic::async_trait]
impl SettlementService for Api {
    async fn register_institutions(
        &self,
        request: Request<pb::RegisterInstitutionsRequest>,
    ) -> Result<Response<pb::RegisterInstitutionsResponse>, Status> {
        let request = request.into_inner();
        too_many(request.institutions.len())?;
        let response = show::register(&self.office, &request.institutions)
            .await
            .map_err(|error| failed(&error))?;
        Ok(Response::new(response))
    }

    async fn post_allocations(
        &self,
        request: Request<pb::PostAllocationsRequest>,
    ) -> Result<Response<pb::PostAllocationsResponse>, Status> {
        let origin = origin(&caller(&request)?);
        let request = request.into_inner();
        too_many(request.allocations.len())?;
        let posted = request
            .allocations
            .iter()
            .map(|allocation| self.post(allocation, &origin));
        let results = futures::future::join_all(posted).await;
        Ok(Response::new(pb::PostAllocationsResponse { results }))
    }

    type ImportAllocationsStream =
        BoxStream<'static, Result<pb::ImportAllocationsResponse, Status>>;

    async fn import_allocations(
        &self,
        request: Request<Streaming<pb::ImportAllocationsRequest>>,
    ) -> Result<Response<Self::ImportAllocationsStream>, Status> {
        let origin = origin(&caller(&request)?);
        Ok(Response::new(years::import(
            self,
            origin,
            request.into_inner(),
        )))
    }

    async fn pay_premiums(
        &self,
        request: Request<pb::PayPremiumsRequest>,
    ) -> Result<Response<pb::PayPremiumsResponse>, Status> {
        let caller = caller(&request)?;
        let paid = premiums::pay(self, caller, request.get_ref()).await?;
        Ok(Response::new(paid))
    }

    async fn begin_year_end(
        &self,
        request: Request<pb::BeginYearEndRequest>,
    ) -> Result<Response<pb::BeginYearEndResponse>, Status> {
        let caller = caller(&request)?;
        let begun = years::begin(self, &caller, request.get_ref()).await?;
        Ok(Response::new(begun))
    }

    async fn roll_over_accounts(
        &self,
        request: Request<pb::RollOverAccountsRequest>,
    ) -> Result<Response<pb::RollOverAccountsResponse>, Status> {
        let caller = caller(&request)?;
        let rolled = years::roll_over(self, &caller, request.get_ref()).await?;
        Ok(Response::new(rolled))
    }

    async fn finish_year_end(
        &self,
        request: Request<pb::FinishYearEndRequest>,
    ) -> Result<Response<pb::FinishYearEndResponse>, Status> {
        let caller = caller(&request)?;
        let finished = years::finish(self, &caller, request.get_ref()).await?;
        Ok(Response::new(finished))
    }

    async fn list_year_ends(
        &self,
        request: Request<pb::ListYearEndsRequest>,
    ) -> Result<Response<pb::ListYearEndsResponse>, Status> {
        let listed = years::list(self, request.get_ref()).await?;
        Ok(Response::new(listed))
    }

    async fn set_account_frozen(
        &self,
        request: Request<pb::SetAccountFrozenRequest>,
    ) -> Result<Response<pb::SetAccountFrozenResponse>, Status> {
        let caller = caller(&request)?;
        let done = accounts::set_frozen(self, &caller, request.get_ref()).await?;
        Ok(Response::new(done))
    }

    async fn close_account(
        &self,
        request: Request<pb::CloseAccountRequest>,
    ) -> Result<Response<pb::CloseAccountResponse>, Status> {
        let caller = caller(&request)?;
        let done = accounts::close(self, &caller, request.get_ref()).await?;
        Ok(Response::new(done))
    }

    async fn propose_correction(
        &self,
        request: Request<pb::ProposeCorrectionRequest>,
    ) -> Result<Response<pb::ProposeCorrectionResponse>, Status> {
        let caller = caller(&request)?;
        let done = accounts::propose(self, &caller, request.into_inner()).await?;
        Ok(Response::new(done))
    }

    async fn decide_correction(
        &self,
        request: Request<pb::DecideCorrectionRequest>,
    ) -> Result<Response<pb::DecideCorrectionResponse>, Status> {
        let caller = caller(&request)?;
        let done = accounts::decide(self, &caller, request.get_ref()).await?;
        Ok(Response::new(done))
    }

    async fn list_corrections(
        &self,
        request: Request<pb::ListCorrectionsRequest>,
    ) -> Result<Response<pb::ListCorrectionsResponse>, Status> {
        let listed = accounts::list(self, request.get_ref()).await?;
        Ok(Response::new(listed))
    }

    async fn list_tasks(
        &self,
        request: Request<pb::ListTasksRequest>,
    ) -> Result<Response<pb::ListTasksResponse>, Status> {
        let listed = tasks::list(self, request.get_ref()).await?;
        Ok(Response::new(listed))
    }

    async fn close_task(
        &self,
        request: Request<pb::CloseTaskRequest>,
    ) -> Result<Response<pb::CloseTaskResponse>, Status> {
        let caller = caller(&request)?;
        let closed = tasks::close(self, &caller, request.get_ref()).await?;
        Ok(Response::new(closed))
    }

    async fn import_catalogue(
        &self,
        request: Request<pb::ImportCatalogueRequest>,
    ) -> Result<Response<pb::ImportCatalogueResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        too_many(request.items.len())?;
        let response = benefits::import(&self.office, &request.items, &caller.subject)
            .await
            .map_err(|error| failed(&error))?;
        Ok(Response::new(response))
    }

    async fn list_benefit_used(
        &self,
        request: Request<pb::ListBenefitUsedRequest>,
    ) -> Result<Response<pb::ListBenefitUsedResponse>, Status> {
        let caller = caller(&request)?;
        let person = convert::id("person_id", &request.into_inner().person_id)
            .map_err(|error| refuse(error.0))?;
        caller.may_see(person).map_err(refuse)?;
        let response = benefits::used(&self.office, person)
            .await
            .map_err(|error| failed(&error))?;
        Ok(Response::new(response))
    }

    async fn quote(
        &self,
        request: Request<pb::QuoteRequest>,
    ) -> Result<Response<pb::QuoteResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.quote_bill(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn settle(
        &self,
        request: Request<pb::SettleRequest>,
    ) -> Result<Response<pb::SettleResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.settle_bill(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn cancel(
        &self,
        request: Request<pb::CancelRequest>,
    ) -> Result<Response<pb::CancelResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.cancel_bill(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn refund(
        &self,
        request: Request<pb::RefundRequest>,
    ) -> Result<Response<pb::RefundResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.refund_bill(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn reverse(
        &self,
        request: Request<pb::ReverseRequest>,
    ) -> Result<Response<pb::ReverseResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.reverse_message(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn place_hold(
        &self,
        request: Request<pb::PlaceHoldRequest>,
    ) -> Result<Response<pb::PlaceHoldResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.place(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn capture_hold(
        &self,
        request: Request<pb::CaptureHoldRequest>,
    ) -> Result<Response<pb::CaptureHoldResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.capture(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn release_hold(
        &self,
        request: Request<pb::ReleaseHoldRequest>,
    ) -> Result<Response<pb::ReleaseHoldResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.release(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn get_hold(
        &self,
        request: Request<pb::GetHoldRequest>,
    ) -> Result<Response<pb::GetHoldResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.show_hold(&caller, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn get_outcome(
        &self,
        request: Request<pb::GetOutcomeRequest>,
    ) -> Result<Response<pb::GetOutcomeResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.show_outcome(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn get_settlement(
        &self,
        request: Request<pb::GetSettlementRequest>,
    ) -> Result<Response<pb::GetSettlementResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.show_settlement(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn reconcile_totals(
        &self,
        request: Request<pb::ReconcileTotalsRequest>,
    ) -> Result<Response<pb::ReconcileTotalsResponse>, Status> {
        let caller = caller(&request)?;
        let answer = reconciliation::totals(self, &caller, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    type ReconcileDetailsStream = BoxStream<'static, Result<pb::ReconcileDetailsResponse, Status>>;

    async fn reconcile_details(
        &self,
        request: Request<Streaming<pb::ReconcileDetailsRequest>>,
    ) -> Result<Response<Self::ReconcileDetailsStream>, Status> {
        let caller = caller(&request)?;
        let messages = request.into_inner();
        Ok(Response::new(reconciliation::details(
            self, caller, messages,
        )))
    }

    async fn list_accounts(
        &self,
        request: Request<pb::ListAccountsRequest>,
    ) -> Result<Response<pb::ListAccountsResponse>, Status> {
        let caller = caller(&request)?;
        let person = convert::id("person_id", &request.into_inner().person_id)
            .map_err(|error| refuse(error.0))?;
        caller.may_see(person).map_err(refuse)?;
        let at = self.office.clock.now();
        let accounts = store::account::of_person(&self.office.db, person)
            .await
            .map_err(|error| failed(&error))?;
        let held = store::aside::held_of(&self.office.db, person, at)
            .await
            .map_err(|error| failed(&error))?;
        let accounts = accounts
            .iter()
            .map(|account| pb::Account {
                held_fen: held.get(&account.id).map_or(0, |held| held.get()),
                ..answer::account(account, at)
            })
            .collect();
        Ok(Response::new(pb::ListAccountsResponse { accounts }))
    }

    async fn list_movements(
        &self,
        request: Request<pb::ListMovementsRequest>,
    ) -> Result<Response<pb::ListMovementsResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let account =
            convert::id("account_id", &request.account_id).map_err(|error| refuse(error.0))?;
        let page = show::Page::read(request.page.as_ref()).map_err(refuse)?;
        let owner = store::account::owner(&self.office.db, account)
            .await
            .map_err(|error| failed(&error))?;
        let unknown = || refuse(Refusal::about(Reason::AccountUnknown, account.to_string()));
        caller
            .may_act_for(owner.ok_or_else(unknown)?)
            .map_err(refuse)?;
        let response = show::movements(&self.office, account, page)
            .await
            .map_err(|error| failed(&error))?;
        Ok(Response::new(response))
    }

    async fn get_balance(
        &self,
        request: Request<pb::GetBalanceRequest>,
    ) -> Result<Response<pb::GetBalanceResponse>, Status> {
        let caller = caller(&request)?;
        let shown = statements::balance(self, &caller, request.get_ref()).await?;
        Ok(Response::new(shown))
    }

    async fn get_statement(
        &self,
        request: Request<pb::GetStatementRequest>,
    ) -> Result<Response<pb::GetStatementResponse>, Status> {
        let caller = caller(&request)?;
        let shown = statements::statement(self, &caller, request.get_ref()).await?;
        Ok(Response::new(shown))
    }

    async fn list_account_versions(
        &self,
        request: Request<pb::ListAccountVersionsRequest>,
    ) -> Result<Response<pb::ListAccountVersionsResponse>, Status> {
        let shown = versions::page(self, request.get_ref()).await?;
        Ok(Response::new(shown))
    }

    async fn list_aid_given(
        &self,
        request: Request<pb::ListAidGivenRequest>,
    ) -> Result<Response<pb::ListAidGivenResponse>, Status> {
        let caller = caller(&request)?;
        let shown = statements::aid_given(self, &caller, request.get_ref()).await?;
        Ok(Response::new(shown))
    }

    async fn get_yearly_costs(
        &self,
        request: Request<pb::GetYearlyCostsRequest>,
    ) -> Result<Response<pb::GetYearlyCostsResponse>, Status> {
        let caller = caller(&request)?;
        let shown = statements::yearly_costs(self, &caller, request.get_ref()).await?;
        Ok(Response::new(shown))
    }

    async fn get_family_year(
        &self,
        request: Request<pb::GetFamilyYearRequest>,
    ) -> Result<Response<pb::GetFamilyYearResponse>, Status> {
        let caller = caller(&request)?;
        let shown = statements::family_year(self, &caller, request.get_ref()).await?;
        Ok(Response::new(shown))
    }

    async fn estimate_tax_deduction(
        &self,
        request: Request<pb::EstimateTaxDeductionRequest>,
    ) -> Result<Response<pb::EstimateTaxDeductionResponse>, Status> {
        let caller = caller(&request)?;
        let shown = statements::tax_deduction(self, &caller, request.get_ref()).await?;
        Ok(Response::new(shown))
    }
}

impl Api {
    /// Posts one row of an import. What is wrong with it is its own answer.
    async fn post(&self, allocation: &pb::Allocation, origin: &Origin) -> pb::PostedAllocation {
        let answer = match Allocate::try_from(allocation) {
            Ok(allocate) => {
                self.writer
                    .submit(Command::Allocate(allocate), origin.clone())
                    .await
            }
            Err(refusal) => Err(refusal),
        };
        let outcome = match answer {
            Ok(Answer::Allocate(account)) => pb::posted_allocation::Outcome::Account(*account),
            Ok(_) => pb::posted_allocation::Outcome::Refused(wire_reason(&Reason::Internal.into())),
            Err(refusal) => pb::posted_allocation::Outcome::Refused(wire_reason(&refusal)),
        };
        pb::PostedAllocation {
            outcome: Some(outcome),
        }
    }
}
