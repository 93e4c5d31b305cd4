//! Bills at the border: quoted, settled, given back, undone, and shown.

use chassis::access::Caller;
use chassis::grpc::{internal, refuse};
use kernel::clock::business_day;
use kernel::{Reason, Refusal, Role, SettlementId};
use proto::convert;
use proto::settlement::v1 as pb;
use tonic::Status;

use super::{Api, failed, mismatched, origin, quotes, show};
use crate::bill::{Bill, person_no};
use crate::command::{Answer, Cancel, Command, Presented, Refund, Replaces, Reverse, Settle};
use crate::deferral::Deduct;
use crate::request::RequestKey;
use crate::store;

impl Api {
    /// How a bill would be split now.
    pub(super) async fn quote_bill(
        &self,
        caller: &Caller,
        request: pb::QuoteRequest,
    ) -> Result<pb::QuoteResponse, Status> {
        let (bill, patient) = self.read(request.bill).await?;
        let institution = caller.subject.clone();
        let response = quotes::quote(&self.office, institution, &patient, &bill).await?;
        Ok(response)
    }

    /// Decides a bill, or accepts it to be deducted later.
    pub(super) async fn settle_bill(
        &self,
        caller: &Caller,
        request: pb::SettleRequest,
    ) -> Result<pb::SettleResponse, Status> {
        let key = RequestKey::new(&caller.subject, &request.msgid).map_err(refuse)?;
        let deduct = Deduct::try_from(request.deduct).map_err(refuse)?;
        let (bill, patient) = self.read(request.bill).await?;
        let quote = quotes::named(&self.office, &request.quote_id).await?;
        let replaces = replaces(&request.replaces).map_err(refuse)?;
        let settle = Settle {
            id: SettlementId::generate(),
            key,
            patient,
            bill,
            quote,
            deduct,
            replaces,
        };
        match self
            .submit(caller, Command::Settle(Box::new(settle)))
            .await?
        {
            Answer::Settle(answer) => Ok(*answer),
            _ => Err(mismatched()),
        }
    }

    /// Takes back all that is left of a bill.
    pub(super) async fn cancel_bill(
        &self,
        caller: &Caller,
        request: pb::CancelRequest,
    ) -> Result<pb::CancelResponse, Status> {
        let key = RequestKey::new(&caller.subject, &request.msgid).map_err(refuse)?;
        let settlement = convert::id("settlement_id", &request.settlement_id)
            .map_err(|error| refuse(error.0))?;
        let person_no = person_no(&request.person_no).map_err(refuse)?;
        let cancel = Cancel {
            id: SettlementId::generate(),
            key,
            settlement,
            person_no,
        };
        match self.submit(caller, Command::Cancel(cancel)).await? {
            Answer::Cancel(answer) => Ok(*answer),
            _ => Err(mismatched()),
        }
    }

    /// Gives a part of a bill back.
    pub(super) async fn refund_bill(
        &self,
        caller: &Caller,
        request: pb::RefundRequest,
    ) -> Result<pb::RefundResponse, Status> {
        let key = RequestKey::new(&caller.subject, &request.msgid).map_err(refuse)?;
        let refund = Refund::read(key, &request).map_err(refuse)?;
        match self.submit(caller, Command::Refund(refund)).await? {
            Answer::Refund(answer) => Ok(*answer),
            _ => Err(mismatched()),
        }
    }

    /// Undoes a message, whatever became of it.
    pub(super) async fn reverse_message(
        &self,
        caller: &Caller,
        request: pb::ReverseRequest,
    ) -> Result<pb::ReverseResponse, Status> {
        let key = RequestKey::new(&caller.subject, &request.msgid).map_err(refuse)?;
        let reverse = Reverse::read(key, &request).map_err(refuse)?;
        match self.submit(caller, Command::Reverse(reverse)).await? {
            Answer::Reverse(answer) => Ok(*answer),
            _ => Err(mismatched()),
        }
    }

    /// What became of a message.
    pub(super) async fn show_outcome(
        &self,
        caller: &Caller,
        request: pb::GetOutcomeRequest,
    ) -> Result<pb::GetOutcomeResponse, Status> {
        let key = RequestKey::new(&caller.subject, &request.msgid).map_err(refuse)?;
        let outcome = store::outcome::of_request(&self.office.db, &key)
            .await
            .map_err(|error| failed(&error))?;
        let outcome = match outcome {
            Some(found) if found.is_of_a_hold() => self.outcome_of_hold(&found).await?,
            outcome => show::outcome(outcome).map_err(|error| internal(&error))?,
        };
        Ok(pb::GetOutcomeResponse {
            outcome: Some(outcome),
        })
    }

    /// A bill as it stands now, for its institution and its patient.
    pub(super) async fn show_settlement(
        &self,
        caller: &Caller,
        request: pb::GetSettlementRequest,
    ) -> Result<pb::GetSettlementResponse, Status> {
        let id: SettlementId = convert::id("settlement_id", &request.settlement_id)
            .map_err(|error| refuse(error.0))?;
        let found = store::outcome::of_settlement(&self.office.db, id)
            .await
            .map_err(|error| failed(&error))?;
        let unknown = || refuse(Refusal::about(Reason::SettlementUnknown, id.to_string()));
        let found = found.ok_or_else(unknown)?;
        match caller.role {
            Role::Institution if found.institution != caller.subject => {
                return Err(refuse(Reason::SettlementNotYours));
            }
            Role::Institution => {}
            _ => caller.may_act_for(found.patient).map_err(refuse)?,
        }
        let settlement =
            show::settlement(&found.answer, found.since).map_err(|error| internal(&error))?;
        Ok(pb::GetSettlementResponse {
            settlement: Some(settlement),
        })
    }

    /// A bill whose place, if it names one, has rules, and whose credential it is.
    pub(super) async fn read(&self, wire: Option<pb::Bill>) -> Result<(Bill, Presented), Status> {
        let wire = convert::required("bill", wire).map_err(|error| refuse(error.0))?;
        let bill = self.bill(&wire).map_err(refuse)?;
        let patient = self
            .resolver
            .resolve(wire.credential.as_ref(), wire.online)
            .await
            .map_err(refuse)?;
        Ok((bill, patient))
    }

    fn bill(&self, wire: &pb::Bill) -> Result<Bill, Refusal> {
        if !wire.insured_region.is_empty() {
            let region = convert::region("insured_region", &wire.insured_region)?;
            let today = business_day(self.office.clock.now());
            self.office.packs.rules(region, today)?;
        }
        Bill::try_from(wire)
    }

    /// Has the writer decide a command.
    pub(super) async fn submit(&self, caller: &Caller, command: Command) -> Result<Answer, Status> {
        let submitted = self.writer.submit(command, origin(caller)).await;
        submitted.map_err(refuse)
    }
}

/// The settlement that a bill is to replace, if it names one.
fn replaces(text: &str) -> Result<Option<Replaces>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(Replaces {
        settlement: convert::id("replaces", text)?,
        cancellation: SettlementId::generate(),
    }))
}
