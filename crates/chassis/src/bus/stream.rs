//! The stream of this service: one, declared from code, with everything it publishes.

use std::collections::HashMap;
use std::fmt::Debug;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer;
use async_nats::jetstream::context::{
    CreateStreamErrorKind, GetStreamErrorKind, UpdateStreamError,
};
use async_nats::jetstream::stream::{self, Config, DiscardPolicy, RetentionPolicy, StorageType};
use futures::TryStreamExt as _;

use super::{Bus, BusError, stream_name};

/// Where the generation of a stream, and the generation a consumer was made for, is written down.
pub(super) const GENERATION: &str = "gongji-generation";
/// How long the server remembers message ids. It only has to outlast a relay that died between publishing and marking.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

/// What the broker says about the stream of this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// When it was made, in nanoseconds since 1970.
    pub(crate) incarnation: i64,
    /// How often it lost its end; none if it was never told.
    pub(crate) generation: Option<i64>,
    /// The lowest sequence it still has; one above `last` if it is empty.
    pub(crate) first: i64,
    /// The highest sequence it ever gave.
    pub(crate) last: i64,
    /// How many messages it has.
    pub(crate) messages: i64,
}

/// How far a consumer has confirmed the stream of this service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Follower {
    /// Its durable name.
    pub(crate) durable: String,
    /// Everything up to this sequence is handled or does not concern it.
    pub(crate) floor: i64,
}

impl Bus {
    /// Makes the stream of this service what it should be, and says how it is.
    ///
    /// `generation` is written to it; without one, what it says stays.
    pub(crate) async fn declare(&self, generation: Option<i64>) -> Result<State, BusError> {
        self.check_version()?;
        let name = stream_name(self.service);
        let info = match self.stream_info(self.service).await {
            Ok(info) => {
                let wanted = self.wanted(info.config.clone(), generation);
                if self.difference(&info.config, generation).is_none() {
                    info
                } else {
                    tracing::info!(
                        stream = name,
                        "the stream is not as declared and is changed"
                    );
                    self.context
                        .update_stream(wanted)
                        .await
                        .map_err(unchanged)?
                }
            }
            Err(BusError::NoStream(_)) => {
                tracing::info!(stream = name, "the stream does not exist and is made");
                let wanted = self.wanted(
                    Config {
                        name: name.clone(),
                        ..Config::default()
                    },
                    generation,
                );
                self.context
                    .create_stream(wanted)
                    .await
                    .map_err(unmade)?
                    .cached_info()
                    .clone()
            }
            Err(error) => return Err(error),
        };
        if let Some((setting, got, want)) = self.difference(&info.config, generation) {
            return Err(BusError::Differs {
                what: name,
                setting,
                got,
                want,
            });
        }
        Ok(State::of(&info))
    }

    /// How far every follower has confirmed the stream of this service, which was at `state` before this was asked.
    ///
    /// A follower that has been sent all that concerns it, and has confirmed all of it, has confirmed everything: what
    /// it does not follow never raises its own floor. One that belongs to an earlier generation of the stream counts
    /// numbers that have been given again since, and is left out.
    pub(crate) async fn followers(&self, state: &State) -> Result<Vec<Follower>, BusError> {
        let stream = self.own_stream().await?;
        let consumers: Vec<consumer::Info> = stream
            .consumers()
            .try_collect()
            .await
            .map_err(|error| BusError::Unanswered(error.into()))?;
        let generation = state.generation.map(|generation| generation.to_string());
        Ok(consumers
            .into_iter()
            .filter(|one| {
                one.config.metadata.get(GENERATION) == generation.as_ref() && generation.is_some()
            })
            .map(|one| {
                let confirmed = sequence(one.ack_floor.stream_sequence);
                let idle = one.num_pending == 0 && one.num_ack_pending == 0;
                let floor = if idle {
                    confirmed.max(state.last)
                } else {
                    confirmed
                };
                Follower {
                    durable: one.name,
                    floor,
                }
            })
            .collect())
    }

    /// The sequences that are missing between the first and the last.
    pub(crate) async fn gaps(&self) -> Result<Vec<i64>, BusError> {
        let stream = self.own_stream().await?;
        let detailed = stream
            .info_builder()
            .with_deleted(true)
            .fetch()
            .await
            .map_err(|error| BusError::Unanswered(error.into()))?;
        Ok(detailed
            .info
            .state
            .deleted
            .unwrap_or_default()
            .into_iter()
            .map(sequence)
            .collect())
    }

    /// What the broker says about the stream of `service`.
    pub(super) async fn stream_info(&self, service: &str) -> Result<stream::Info, BusError> {
        let name = stream_name(service);
        match self.context.get_stream(&name).await {
            Ok(stream) => Ok(stream.cached_info().clone()),
            Err(error) => Err(match error.kind() {
                GetStreamErrorKind::JetStream(said)
                    if said.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    BusError::NoStream(name)
                }
                _ => BusError::Unanswered(error.into()),
            }),
        }
    }

    async fn own_stream(&self) -> Result<stream::Stream<()>, BusError> {
        let name = stream_name(self.service);
        self.context
            .get_stream_no_info(name)
            .await
            .map_err(|error| BusError::Unanswered(error.into()))
    }

    /// `config` with everything as this service declares it; what it does not declare stays.
    fn wanted(&self, config: Config, generation: Option<i64>) -> Config {
        let mut metadata: HashMap<String, String> = config
            .metadata
            .into_iter()
            .filter(|(key, _)| !key.starts_with("_nats."))
            .collect();
        if let Some(generation) = generation {
            metadata.insert(GENERATION.to_owned(), generation.to_string());
        }
        Config {
            subjects: vec![format!("gongji.v1.{}.>", self.service)],
            storage: StorageType::File,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::Old,
            max_age: self.keep.stream.unsigned_abs(),
            max_messages: -1,
            max_bytes: -1,
            max_messages_per_subject: -1,
            duplicate_window: DUPLICATE_WINDOW.min(self.keep.stream.unsigned_abs()),
            num_replicas: self.replicas,
            allow_atomic_publish: true,
            metadata,
            ..config
        }
    }

    /// The first setting that is not as declared: its name, what it is and what it should be.
    fn difference(
        &self,
        echoed: &Config,
        generation: Option<i64>,
    ) -> Option<(&'static str, String, String)> {
        let wanted = self.wanted(echoed.clone(), generation);
        differs("subjects", &echoed.subjects, &wanted.subjects)
            .or_else(|| differs("storage", &echoed.storage, &wanted.storage))
            .or_else(|| differs("retention", &echoed.retention, &wanted.retention))
            .or_else(|| differs("discard", &echoed.discard, &wanted.discard))
            .or_else(|| differs("max_age", &echoed.max_age, &wanted.max_age))
            .or_else(|| differs("max_msgs", &echoed.max_messages, &wanted.max_messages))
            .or_else(|| differs("max_bytes", &echoed.max_bytes, &wanted.max_bytes))
            .or_else(|| {
                differs(
                    "max_msgs_per_subject",
                    &echoed.max_messages_per_subject,
                    &wanted.max_messages_per_subject,
                )
            })
            .or_else(|| {
                differs(
                    "duplicate_window",
                    &echoed.duplicate_window,
                    &wanted.duplicate_window,
                )
            })
            .or_else(|| differs("num_replicas", &echoed.num_replicas, &wanted.num_replicas))
            .or_else(|| {
                differs(
                    "allow_atomic",
                    &echoed.allow_atomic_publish,
                    &wanted.allow_atomic_publish,
                )
            })
            .or_else(|| {
                differs(
                    GENERATION,
                    &echoed.metadata.get(GENERATION),
                    &wanted.metadata.get(GENERATION),
                )
            })
    }
}

impl State {
    fn of(info: &stream::Info) -> Self {
        let state = &info.state;
        let last = sequence(state.last_sequence);
        Self {
            incarnation: incarnation(info),
            generation: generation(&info.config.metadata),
            first: if state.messages == 0 {
                last.saturating_add(1)
            } else {
                sequence(state.first_sequence)
            },
            last,
            messages: sequence(state.messages),
        }
    }

    /// Whether something between the first and the last is missing.
    pub(crate) fn has_gaps(&self) -> bool {
        self.last.saturating_sub(self.first).saturating_add(1) != self.messages
    }
}

/// The first of several settings that differ.
pub(super) fn differs<T: Debug + PartialEq>(
    setting: &'static str,
    got: &T,
    want: &T,
) -> Option<(&'static str, String, String)> {
    (got != want).then(|| (setting, format!("{got:?}"), format!("{want:?}")))
}

/// When the broker made the stream, in nanoseconds since 1970.
pub(super) fn incarnation(info: &stream::Info) -> i64 {
    i64::try_from(info.created.unix_timestamp_nanos())
        .expect("a stream was made before the year 2262")
}

pub(super) fn generation(metadata: &HashMap<String, String>) -> Option<i64> {
    metadata.get(GENERATION)?.parse().ok()
}

/// A sequence or count as the database keeps it.
pub(super) fn sequence(number: u64) -> i64 {
    i64::try_from(number).expect("a stream does not live to see 2^63 messages")
}

fn unchanged(error: UpdateStreamError) -> BusError {
    BusError::Unanswered(error.into())
}

fn unmade(error: async_nats::error::Error<CreateStreamErrorKind>) -> BusError {
    BusError::Unanswered(error.into())
}
