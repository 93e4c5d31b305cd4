//! What a person is told: as a list, and as a stream that goes on where the reader left off.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, StreamExt as _};
use kernel::{Reason, Refusal};
use proto::notification::v1 as pb;

use super::extract::{Calling, Listing, Wire, answer};
use crate::Edge;
use crate::problem::Problem;

/// A stream ends after this long at the latest, and its reader comes back with a token that is still good.
const LONGEST_STREAM: Duration = Duration::from_mins(15);

fn language(code: &str) -> Result<pb::Language, Problem> {
    match code {
        "" | "zh" => Ok(pb::Language::Zh),
        "en" => Ok(pb::Language::En),
        _ => Err(Refusal::about(Reason::UnknownCode, "language").into()),
    }
}

pub async fn list(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(person_id): Path<String>,
    listing: Listing,
) -> Result<Json<pb::ListNoticesResponse>, Problem> {
    let request = pb::ListNoticesRequest {
        person_id,
        language: language(&listing.language)?.into(),
        page_size: listing.page_size,
        cursor: listing.cursor,
        unread_only: listing.unread_only,
        large_print: listing.large_print,
    };
    answer(
        edge.upstream
            .notification(&caller)
            .list_notices(request)
            .await,
    )
}

pub async fn mark_read(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(person_id): Path<String>,
    Wire(request): Wire<pb::MarkNoticesReadRequest>,
) -> Result<Json<pb::MarkNoticesReadResponse>, Problem> {
    let request = pb::MarkNoticesReadRequest {
        person_id,
        ..request
    };
    answer(
        edge.upstream
            .notification(&caller)
            .mark_notices_read(request)
            .await,
    )
}

/// Server-sent events: one per notice, its id the notice's sequence, resumed by `Last-Event-ID`.
pub async fn stream(
    State(edge): State<Edge>,
    Calling(caller): Calling,
    Path(person_id): Path<String>,
    headers: HeaderMap,
    listing: Listing,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let request = pb::WatchNoticesRequest {
        person_id,
        language: language(&listing.language)?.into(),
        after_sequence: last_event_id(&headers)?.unwrap_or(listing.after_sequence),
        large_print: listing.large_print,
    };
    let notices = edge
        .upstream
        .notification(&caller)
        .watch_notices(request)
        .await?
        .into_inner();
    // A broken stream ends the response; the browser reconnects with the id it saw last.
    let stop = edge.stop.clone();
    let over = async move {
        tokio::select! {
            () = stop.requested() => {}
            () = tokio::time::sleep(LONGEST_STREAM) => {}
        }
    };
    let events = notices
        .take_until(Box::pin(over))
        .take_while(|answer| std::future::ready(answer.is_ok()))
        .filter_map(|answer| std::future::ready(answer.ok().and_then(|answer| answer.notice)))
        .filter_map(|notice| std::future::ready(event(&notice)))
        .map(Ok);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

fn event(notice: &pb::Notice) -> Option<Event> {
    Event::default()
        .id(notice.sequence.to_string())
        .json_data(notice)
        .ok()
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let sequence = value.to_str().ok().and_then(|text| text.parse().ok());
    sequence
        .map(Some)
        .ok_or_else(|| Refusal::about(Reason::CursorMalformed, "Last-Event-ID").into())
}
