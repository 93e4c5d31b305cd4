//! Holds, as callers ask for them.

use chassis::access::Caller;
use chassis::grpc::{internal, refuse, unavailable};
use kernel::{HoldId, Reason, Refusal, Role, SettlementId};
use prost::Message as _;
use proto::convert;
use proto::settlement::v1 as pb;
use tonic::Status;

use super::{Api, failed, mismatched};
use crate::answer;
use crate::command::{Answer, Command};
use crate::hold::Hold;
use crate::hold::command::{self as hold, Capture, Place, Release};
use crate::request::RequestKey;
use crate::store;
use crate::store::outcome::Outcome;

fn hold_id(text: &str) -> Result<HoldId, Status> {
    convert::id("hold_id", text).map_err(|error| refuse(error.0))
}

impl Api {
    /// Sets aside what a bill would take.
    pub(super) async fn place(
        &self,
        caller: &Caller,
        request: pb::PlaceHoldRequest,
    ) -> Result<pb::PlaceHoldResponse, Status> {
        let key = RequestKey::new(&caller.subject, &request.msgid).map_err(refuse)?;
        let lasts = hold::lasts(request.lasts_seconds).map_err(refuse)?;
        let (bill, patient) = self.read(request.bill).await?;
        let place = hold::Command::Place(Box::new(Place {
            id: HoldId::generate(),
            key,
            patient,
            bill,
            lasts,
        }));
        match self.submit(caller, Command::Hold(place)).await? {
            Answer::Place(answer) => Ok(*answer),
            _ => Err(mismatched()),
        }
    }

    /// Turns a hold into a settlement.
    pub(super) async fn capture(
        &self,
        caller: &Caller,
        request: pb::CaptureHoldRequest,
    ) -> Result<pb::CaptureHoldResponse, Status> {
        let total = request
            .total_fen
            .map(|fen| convert::amount("total_fen", fen))
            .transpose()
            .map_err(|error| refuse(error.0))?;
        let capture = hold::Command::Capture(Capture {
            id: SettlementId::generate(),
            key: RequestKey::new(&caller.subject, &request.msgid).map_err(refuse)?,
            hold: hold_id(&request.hold_id)?,
            total,
        });
        let Answer::Settle(answer) = self.submit(caller, Command::Hold(capture)).await? else {
            return Err(mismatched());
        };
        match answer.outcome {
            Some(pb::settle_response::Outcome::Settlement(settlement)) => {
                Ok(pb::CaptureHoldResponse {
                    settlement: Some(settlement),
                })
            }
            _ => Err(mismatched()),
        }
    }

    /// Lets a hold go.
    pub(super) async fn release(
        &self,
        caller: &Caller,
        request: pb::ReleaseHoldRequest,
    ) -> Result<pb::ReleaseHoldResponse, Status> {
        let release = hold::Command::Release(Release {
            key: RequestKey::new(&caller.subject, &request.msgid).map_err(refuse)?,
            hold: hold_id(&request.hold_id)?,
        });
        match self.submit(caller, Command::Hold(release)).await? {
            Answer::Release(answer) => Ok(*answer),
            _ => Err(mismatched()),
        }
    }

    /// What became of a request about a hold: how the hold stands now, or why it was declined.
    pub(super) async fn outcome_of_hold(
        &self,
        found: &Outcome,
    ) -> Result<pb::get_outcome_response::Outcome, Status> {
        use pb::get_outcome_response::Outcome as Wire;
        let placed = pb::PlaceHoldResponse::decode(&*found.answer);
        if let Some(pb::place_hold_response::Outcome::Declined(reason)) =
            placed.map_err(|error| internal(&error))?.outcome
        {
            return Ok(Wire::Declined(reason));
        }
        let hold = self.find_hold(HoldId::from_uuid(found.id)).await?;
        Ok(Wire::Hold(answer::hold(&hold)))
    }

    /// How a hold stands.
    pub(super) async fn show_hold(
        &self,
        caller: &Caller,
        request: &pb::GetHoldRequest,
    ) -> Result<pb::GetHoldResponse, Status> {
        let id = hold_id(&request.hold_id)?;
        let hold = self.find_hold(id).await?;
        match caller.role {
            Role::Institution if hold.institution != caller.subject => {
                return Err(refuse(Reason::HoldNotYours));
            }
            Role::Institution => {}
            _ => caller.may_act_for(hold.patient).map_err(refuse)?,
        }
        Ok(pb::GetHoldResponse {
            hold: Some(answer::hold(&hold)),
        })
    }

    async fn find_hold(&self, id: HoldId) -> Result<Hold, Status> {
        let mut conn = self
            .office
            .db
            .acquire()
            .await
            .map_err(|error| unavailable(&error))?;
        let found = store::hold::find(&mut conn, &[id])
            .await
            .map_err(|error| failed(&error))?
            .remove(&id);
        let unknown = || refuse(Refusal::about(Reason::HoldUnknown, id.to_string()));
        Ok(found.ok_or_else(unknown)?.seen_at(self.office.clock.now()))
    }
}
