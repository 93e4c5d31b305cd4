//! Quotes: what a bill would cost now, and what was quoted before.

use chassis::grpc::{refuse, unavailable};
use kernel::QuoteId;
use proto::convert::{self, wire_reason, wire_time};
use proto::settlement::v1 as pb;
use tonic::Status;

use super::failed;
use crate::bill::Bill;
use crate::command::Presented;
use crate::quote::{LIFETIME, Named, Quote};
use crate::request::{Asked, RequestKey};
use crate::settlement::Split;
use crate::writer::Office;
use crate::{answer, decide, store};

/// Splits a bill as a settlement would, and keeps what was said. Nothing is locked, and the writer is not asked.
pub(super) async fn quote(
    office: &Office,
    institution: String,
    patient: &Presented,
    bill: &Bill,
) -> Result<pb::QuoteResponse, Status> {
    // A quote has no key of its own: asking again is another quote.
    let key = RequestKey {
        institution,
        msgid: String::new(),
    };
    let at = office.clock.now();
    let mut conn = office
        .db
        .acquire()
        .await
        .map_err(|error| unavailable(&error))?;
    let mut book = crate::writer::glance(&mut conn, &key.institution, patient, at)
        .await
        .map_err(|error| failed(&error))?;
    crate::writer::look_at_benefits(&mut conn, &mut book, office, &[(patient.person, bill, at)])
        .await
        .map_err(|error| failed(&error))?;
    let considered =
        decide::consider(&book, &key, patient, bill, (&office.packs, at)).map_err(refuse)?;
    let plan = match considered.plan {
        Ok(plan) => plan,
        Err(why) => {
            return Ok(pb::QuoteResponse {
                outcome: Some(pb::quote_response::Outcome::Declined(wire_reason(&why))),
                quote_id: String::new(),
                expires_at: None,
            });
        }
    };
    let split = Split::of(&plan, considered.benefit.as_deref());
    let quote = Quote {
        id: QuoteId::generate(),
        institution: key.institution,
        asked: Asked::settle(patient.person, bill),
        own: split.own,
        cash: split.cash,
        expires_at: kernel::clock::shifted(at, LIFETIME),
    };
    store::quote::insert(&mut *conn, &quote, at)
        .await
        .map_err(|error| failed(&error))?;
    Ok(pb::QuoteResponse {
        outcome: Some(pb::quote_response::Outcome::Split(answer::quoted(
            &plan,
            considered.benefit.as_deref(),
            &book,
        ))),
        quote_id: quote.id.to_string(),
        expires_at: Some(wire_time(quote.expires_at)),
    })
}

/// The quote that a settlement names, if it names one. Read before the locks: a quote never changes. Whether it is good is
/// judged with the decision, so that a repetition of an answered request is not refused because its quote is gone.
pub(super) async fn named(office: &Office, text: &str) -> Result<Option<Named>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let id: QuoteId = convert::id("quote_id", text).map_err(|error| refuse(error.0))?;
    let found = store::quote::find(&office.db, id)
        .await
        .map_err(|error| failed(&error))?;
    Ok(Some(Named { id, found }))
}
