//! Quotes and holds over gRPC.

use proto::settlement::v1::place_hold_response::Outcome;
use proto::settlement::v1::{
    Bill, CaptureHoldRequest, GetHoldRequest, Hold, PlaceHoldRequest, PlaceHoldResponse,
    QuoteRequest, QuoteResponse, ReleaseHoldRequest, Settlement,
};
use tonic::Status;

use super::counter::{PHARMACY, bill_of};
use super::{Person, Stack};

impl Stack {
    /// What a bill would cost now.
    pub async fn quote(&self, bill: Bill) -> QuoteResponse {
        let request = QuoteRequest { bill: Some(bill) };
        let mut counter = self.callers.institution(PHARMACY).settlement();
        let answer = counter.quote(request).await;
        answer.expect("nothing is wrong with the bill").into_inner()
    }

    /// Sets aside what a bill would take, for five minutes.
    pub async fn hold(&self, patient: &Person, fen: i64) -> Hold {
        let answer = self.try_hold(bill_of(patient, fen)).await;
        match answer.expect("nothing is wrong with the bill").outcome {
            Some(Outcome::Hold(hold)) => hold,
            other => panic!("not held: {other:?}"),
        }
    }

    /// Asks for a hold on a bill.
    pub async fn try_hold(&self, bill: Bill) -> Result<PlaceHoldResponse, Status> {
        let request = PlaceHoldRequest {
            msgid: self.msgid(),
            bill: Some(bill),
            lasts_seconds: 0,
        };
        let mut counter = self.callers.institution(PHARMACY).settlement();
        Ok(counter.place_hold(request).await?.into_inner())
    }

    /// Captures a hold: `fen` of it, or all.
    pub async fn capture(&self, hold_id: &str, fen: Option<i64>) -> Result<Settlement, Status> {
        let request = CaptureHoldRequest {
            msgid: self.msgid(),
            hold_id: hold_id.to_owned(),
            total_fen: fen,
        };
        let mut counter = self.callers.institution(PHARMACY).settlement();
        let answer = counter.capture_hold(request).await?.into_inner();
        Ok(answer.settlement.expect("the answer has a settlement"))
    }

    /// Lets a hold go.
    pub async fn release(&self, hold_id: &str) -> Result<Hold, Status> {
        let request = ReleaseHoldRequest {
            msgid: self.msgid(),
            hold_id: hold_id.to_owned(),
        };
        let mut counter = self.callers.institution(PHARMACY).settlement();
        let answer = counter.release_hold(request).await?.into_inner();
        Ok(answer.hold.expect("the answer has a hold"))
    }

    /// How a hold stands, as `institution` is told.
    pub async fn hold_as_seen_by(&self, institution: &str, hold_id: &str) -> Result<Hold, Status> {
        let request = GetHoldRequest {
            hold_id: hold_id.to_owned(),
        };
        let mut counter = self.callers.institution(institution).settlement();
        let answer = counter.get_hold(request).await?.into_inner();
        Ok(answer.hold.expect("the answer has a hold"))
    }
}
