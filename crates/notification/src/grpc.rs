//! The gRPC interface: parse, check whose notices they are, read, answer.

use chassis::grpc::{caller, internal, refuse, unavailable};
use chassis::tasks::Stop;
use futures::stream::{self, BoxStream, StreamExt as _};
use kernel::{Clock, PersonId, Reason};
use proto::convert::{id, wire_time};
use proto::notification::v1 as pb;
use proto::notification::v1::notification_service_server::NotificationService;
use tonic::{Request, Response, Status};

use crate::read::{Reader, Spoken, Voice};
use crate::store::Wanted;
use crate::watch::Watchers;
use crate::words::{Form, Language};

mod completeness;
mod watching;
mod webhooks;

pub use completeness::CompletenessApi;
pub use webhooks::WebhookApi;

/// Page size where none is asked for, and the most that is given.
const PAGE: (i32, i32) = (50, 500);

/// The service as callers see it.
pub struct Api {
    reader: Reader,
    watchers: Watchers,
    clock: Clock,
    stop: Stop,
}

impl Api {
    /// Watches end when `stop` is requested, so that open streams do not hold up a shutdown.
    pub fn new(reader: Reader, watchers: Watchers, clock: Clock, stop: Stop) -> Self {
        Self {
            reader,
            watchers,
            clock,
            stop,
        }
    }
}

#[tonic::async_trait]
impl NotificationService for Api {
    async fn list_notices(
        &self,
        request: Request<pb::ListNoticesRequest>,
    ) -> Result<Response<pb::ListNoticesResponse>, Status> {
        let person = own(&request, &request.get_ref().person_id)?;
        let asked = request.into_inner();
        let wanted = Wanted {
            person,
            before: before(&asked.cursor)?,
            unread_only: asked.unread_only,
            limit: page_size(asked.page_size)?,
        };
        let page = self
            .reader
            .page(wanted, voice(asked.language, asked.large_print)?)
            .await
            .map_err(|failed| failure(&failed))?;
        Ok(Response::new(pb::ListNoticesResponse {
            notices: page.notices.into_iter().map(Into::into).collect(),
            next_cursor: page
                .next_before
                .map_or_else(String::new, |before| before.to_string()),
        }))
    }

    type WatchNoticesStream = BoxStream<'static, Result<pb::WatchNoticesResponse, Status>>;

    async fn watch_notices(
        &self,
        request: Request<pb::WatchNoticesRequest>,
    ) -> Result<Response<Self::WatchNoticesStream>, Status> {
        let person = own(&request, &request.get_ref().person_id)?;
        let asked = request.into_inner();
        let watch = watching::Watch::new(
            self.reader.clone(),
            self.watchers.watch(person),
            self.stop.clone(),
            watching::From {
                person,
                voice: voice(asked.language, asked.large_print)?,
                after: asked.after_sequence,
            },
        );
        Ok(Response::new(
            stream::unfold(watch, watching::Watch::next).boxed(),
        ))
    }

    async fn mark_notices_read(
        &self,
        request: Request<pb::MarkNoticesReadRequest>,
    ) -> Result<Response<pb::MarkNoticesReadResponse>, Status> {
        let person = own(&request, &request.get_ref().person_id)?;
        let up_to = request.into_inner().up_to_sequence;
        let marked = self
            .reader
            .mark_read(person, up_to, self.clock.now())
            .await
            .map_err(|failed| failure(&failed))?;
        Ok(Response::new(pb::MarkNoticesReadResponse {
            marked: i64::try_from(marked).unwrap_or(i64::MAX),
        }))
    }
}

/// The person whose notices are asked for, if the caller may act for them: what somebody was told is theirs.
fn own<T>(request: &Request<T>, person_id: &str) -> Result<PersonId, Status> {
    let person = id("person_id", person_id).map_err(|unreadable| refuse(unreadable.0))?;
    caller(request)?.may_act_for(person).map_err(refuse)?;
    Ok(person)
}

/// A database that is away or busy comes back: the client tries again.
fn failure(error: &sqlx::Error) -> Status {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
            unavailable(error)
        }
        _ => internal(error),
    }
}

fn language(language: i32) -> Result<Language, Status> {
    match pb::Language::try_from(language) {
        Ok(pb::Language::Unspecified | pb::Language::Zh) => Ok(Language::Chinese),
        Ok(pb::Language::En) => Ok(Language::English),
        Err(_) => Err(refuse(kernel::Refusal::about(
            Reason::UnknownCode,
            "language",
        ))),
    }
}

fn voice(wanted: i32, large_print: bool) -> Result<Voice, Status> {
    let form = if large_print {
        Form::Large
    } else {
        Form::Usual
    };
    Ok(Voice {
        language: language(wanted)?,
        form,
    })
}

fn page_size(asked: i32) -> Result<i64, Status> {
    let (usual, most) = PAGE;
    match asked {
        ..=0 => Ok(usual.into()),
        size if size <= most => Ok(size.into()),
        _ => Err(refuse(Reason::PageTooLarge)),
    }
}

/// A cursor is the number of the last notice of the page before.
fn before(cursor: &str) -> Result<Option<i64>, Status> {
    if cursor.is_empty() {
        return Ok(None);
    }
    cursor
        .parse()
        .map(Some)
        .map_err(|_| refuse(Reason::CursorMalformed))
}

impl From<Spoken> for pb::Notice {
    fn from(spoken: Spoken) -> Self {
        let Spoken { row, said } = spoken;
        Self {
            notice_id: row.id.to_string(),
            sequence: row.sequence,
            template: row.template,
            title: said.title,
            text: said.text,
            happened_at: Some(wire_time(row.happened_at)),
            stored_at: Some(wire_time(row.stored_at)),
            read_at: row.read_at.map(wire_time),
            event_id: row.event.to_string(),
            subject_id: row.subject,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_usual_size_and_a_largest_one() {
        assert_eq!(page_size(0).unwrap(), 50);
        assert_eq!(page_size(-3).unwrap(), 50);
        assert_eq!(page_size(500).unwrap(), 500);
        assert!(page_size(501).is_err());
    }

    #[test]
    fn a_cursor_that_is_not_ours_is_refused() {
        assert_eq!(before("").unwrap(), None);
        assert_eq!(before("17").unwrap(), Some(17));
        assert!(before("next").is_err());
    }

    #[test]
    fn a_language_nobody_named_is_chinese_and_an_unknown_one_is_refused() {
        assert_eq!(language(0).unwrap(), Language::Chinese);
        assert_eq!(language(2).unwrap(), Language::English);
        assert!(language(9).is_err());
    }
}
