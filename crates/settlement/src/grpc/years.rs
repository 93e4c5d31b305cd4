//! Bulk work: imports as they stream in, and the turn of a year, region by region.

use chassis::access::Caller;
use chassis::grpc::refuse;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use kernel::{Reason, Refusal, Region};
use proto::convert::{self, wire_time};
use proto::settlement::v1 as pb;
use tonic::{Status, Streaming};

use super::{Api, failed, origin};
use crate::command::Origin;
use crate::import::Importer;
use crate::store;
use crate::year_end::{self, Which, YearEnd, YearEndError};

/// How many accounts are rolled over at once, unless the request says so.
const USUAL: i32 = 1_000;
const MOST: i32 = 5_000;

/// How many messages of an import are under way at once: enough that the lane never waits for the network.
const AHEAD: usize = 4;

/// Posts the rows of each message, and answers the messages in their order.
pub(super) fn import(
    api: &Api,
    origin: Origin,
    messages: Streaming<pb::ImportAllocationsRequest>,
) -> BoxStream<'static, Result<pb::ImportAllocationsResponse, Status>> {
    let importer = Importer {
        office: api.office.clone(),
        writer: api.writer.clone(),
        origin,
    };
    let stop = api.stop.clone();
    messages
        .take_until(async move { stop.requested().await })
        .map(move |message| {
            let importer = importer.clone();
            async move {
                let rows = message?.rows;
                super::too_many(rows.len())?;
                importer.post(&rows).await.map_err(|error| failed(&error))
            }
        })
        .buffered(AHEAD)
        .boxed()
}

fn refused(error: YearEndError) -> Status {
    match error {
        YearEndError::Refused(refusal) => refuse(refusal),
        YearEndError::Store(error) => failed(&error),
    }
}

fn which(region: &str, year: i32) -> Result<Which, Status> {
    let year = i16::try_from(year)
        .ok()
        .filter(|year| (1990..=9998).contains(year))
        .ok_or_else(|| refuse(Refusal::about(Reason::DateMalformed, "medical_year")))?;
    let region = convert::region("region", region).map_err(|error| refuse(error.0))?;
    Ok(Which { region, year })
}

pub(super) async fn begin(
    api: &Api,
    caller: &Caller,
    request: &pb::BeginYearEndRequest,
) -> Result<pb::BeginYearEndResponse, Status> {
    let which = which(&request.region, request.medical_year)?;
    let interest = u32::try_from(request.interest_basis_points)
        .ok()
        .ok_or_else(|| refuse(Reason::InterestRateInvalid))?;
    let begun = year_end::begin(&api.office, which, interest, &caller.subject)
        .await
        .map_err(refused)?;
    Ok(pb::BeginYearEndResponse {
        year_end: Some(shown(begun)),
    })
}

pub(super) async fn roll_over(
    api: &Api,
    caller: &Caller,
    request: &pb::RollOverAccountsRequest,
) -> Result<pb::RollOverAccountsResponse, Status> {
    let which = which(&request.region, request.medical_year)?;
    let most = match request.most {
        0 => USUAL,
        most if (1..=MOST).contains(&most) => most,
        most => {
            let what = format!("most = {most}");
            return Err(refuse(Refusal::about(Reason::PageTooLarge, what)));
        }
    };
    let asked = (which, i64::from(most));
    let (progress, done) = year_end::roll_over(&api.office, &api.writer, asked, &origin(caller))
        .await
        .map_err(refused)?;
    Ok(pb::RollOverAccountsResponse {
        year_end: Some(shown(progress)),
        done,
    })
}

pub(super) async fn finish(
    api: &Api,
    caller: &Caller,
    request: &pb::FinishYearEndRequest,
) -> Result<pb::FinishYearEndResponse, Status> {
    let which = which(&request.region, request.medical_year)?;
    let finished = year_end::finish(&api.office, which, &caller.subject)
        .await
        .map_err(refused)?;
    Ok(pb::FinishYearEndResponse {
        year_end: Some(shown(finished)),
    })
}

pub(super) async fn list(
    api: &Api,
    request: &pb::ListYearEndsRequest,
) -> Result<pb::ListYearEndsResponse, Status> {
    let page = request.page.clone().unwrap_or_default();
    let size = super::accounts::page_size(page.size)?;
    let (region, year) = match page.cursor.split_once('.') {
        None if page.cursor.is_empty() => (String::new(), 0),
        Some((region, year)) => (
            region.to_owned(),
            year.parse()
                .ok()
                .ok_or_else(|| refuse(Reason::CursorMalformed))?,
        ),
        None => return Err(refuse(Reason::CursorMalformed)),
    };
    let rows = store::year_end::page(&api.office.db, (&region, year), size.into())
        .await
        .map_err(|error| failed(&error))?;
    let last = rows
        .last()
        .filter(|_| i32::try_from(rows.len()) == Ok(size));
    let cursor =
        |last: &YearEnd| format!("{}.{}", Region::as_str(&last.which.region), last.which.year);
    Ok(pb::ListYearEndsResponse {
        next_cursor: last.map(cursor).unwrap_or_default(),
        year_ends: rows.into_iter().map(shown).collect(),
    })
}

fn shown(year_end: YearEnd) -> pb::YearEnd {
    let state = match &year_end.finished {
        None => pb::YearEndState::Closing,
        Some(_) => pb::YearEndState::Finished,
    };
    let (begun_by, begun_at) = year_end.begun;
    let (finished_by, finished_at) = year_end.finished.unzip();
    pb::YearEnd {
        region: year_end.which.region.to_string(),
        medical_year: year_end.which.year.into(),
        state: state.into(),
        interest_basis_points: i32::try_from(year_end.interest).unwrap_or(i32::MAX),
        accounts: year_end.accounts,
        rolled_over: year_end.rolled,
        begun_by,
        begun_at: Some(wire_time(begun_at)),
        finished_by: finished_by.unwrap_or_default(),
        finished_at: finished_at.map(wire_time),
    }
}
