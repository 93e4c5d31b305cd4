//! A durable consumer of some service's stream, and what to do when the broker no longer knows it as it was.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream;

use super::stream::{GENERATION, differs, generation, incarnation};
use super::{Bus, BusError, stream_name};

/// How long a delivery may take before the broker sends it again: longer than any batch or retry in place.
const ACK_WAIT: Duration = Duration::from_mins(2);
/// How many deliveries may be out at once: what is set aside for a retry does not hold up the rest.
const MAX_OUT: i64 = 4096;
/// How many messages are asked for at a time; they wait in this process until the batch before them is done.
const WINDOW: usize = 512;
/// How long one request for messages stands before it is renewed.
const REQUEST: Duration = Duration::from_secs(30);
/// How often the broker shows during that time that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// A consumer with a name, of some subjects of one service's stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Durable {
    /// The service that consumes.
    pub(crate) name: &'static str,
    /// Whose stream.
    pub(crate) service: &'static str,
    /// Which subjects of it.
    pub(crate) subjects: &'static [&'static str],
}

/// A durable that delivers.
pub(crate) struct Joined {
    /// The deliveries, in the order of the stream.
    pub(crate) messages: pull::Stream,
    /// Up to this sequence, an earlier life of this consumer had been sent messages it never answered.
    pub(crate) unanswered: u64,
    stream: (i64, Option<i64>),
    made: i128,
}

impl Bus {
    /// Makes the durable what it should be, and begins to receive.
    ///
    /// What an earlier life had received and not answered comes again at once and in order, not when the broker
    /// has waited long enough: the durable is made anew from the first unanswered message on. It is made anew even if
    /// nothing is unanswered, because a request for messages that an earlier life left with the broker ends with
    /// the durable: else it would be sent what comes next, and nobody would answer. A durable that is not as declared,
    /// or belongs to an earlier generation of the stream, starts from the beginning. The inbox knows what was done.
    pub(crate) async fn join(&self, durable: &Durable) -> Result<Joined, BusError> {
        self.check_version()?;
        // In this order: what was delivered before can only be in a stream that is asked after.
        let known = self.consumer_info(durable).await?;
        let stream = self.stream_info(durable.service).await?;
        let wanted = wanted(durable, &stream);
        let (deliver_policy, unanswered) = match known {
            None => (DeliverPolicy::All, 0),
            Some(info) => {
                self.forget(durable).await?;
                let unanswered = info.delivered.stream_sequence;
                (resume(&info, &stream, &wanted), unanswered)
            }
        };
        let consumer = self
            .create(
                durable,
                pull::Config {
                    deliver_policy,
                    ..wanted
                },
            )
            .await?;
        let made = consumer.cached_info().created.unix_timestamp_nanos();
        let messages = consumer
            .stream()
            .max_messages_per_batch(WINDOW)
            .expires(REQUEST)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(unanswered_by)?;
        let stream = (incarnation(&stream), generation(&stream.config.metadata));
        Ok(Joined {
            messages,
            unanswered,
            stream,
            made,
        })
    }

    /// Whether stream and durable are still the ones that were joined.
    pub(crate) async fn is_current(
        &self,
        durable: &Durable,
        joined: &Joined,
    ) -> Result<bool, BusError> {
        let known = self.consumer_info(durable).await?;
        let stream = self.stream_info(durable.service).await?;
        if (incarnation(&stream), generation(&stream.config.metadata)) != joined.stream {
            return Ok(false);
        }
        Ok(known.is_some_and(|info| {
            info.created.unix_timestamp_nanos() == joined.made
                && info.delivered.stream_sequence <= stream.state.last_sequence
        }))
    }

    async fn consumer_info(&self, durable: &Durable) -> Result<Option<consumer::Info>, BusError> {
        let stream = self.stream_of(durable).await?;
        match stream.consumer_info(durable.name).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if matches!(error.kind(), ConsumerInfoErrorKind::NotFound) => Ok(None),
            Err(error) if matches!(error.kind(), ConsumerInfoErrorKind::StreamNotFound) => {
                Err(BusError::NoStream(stream_name(durable.service)))
            }
            Err(error) => Err(unanswered_by(error)),
        }
    }

    async fn forget(&self, durable: &Durable) -> Result<(), BusError> {
        let stream = self.stream_of(durable).await?;
        stream
            .delete_consumer(durable.name)
            .await
            .map_err(unanswered_by)?;
        Ok(())
    }

    async fn create(
        &self,
        durable: &Durable,
        wanted: pull::Config,
    ) -> Result<PullConsumer, BusError> {
        let stream = self.stream_of(durable).await?;
        let made = stream
            .create_consumer(wanted.clone())
            .await
            .map_err(unanswered_by)?;
        match difference(&made.cached_info().config, &wanted) {
            None => Ok(made),
            Some((setting, got, want)) => {
                let what = format!("{} of {}", durable.name, stream_name(durable.service));
                Err(BusError::Differs {
                    what,
                    setting,
                    got,
                    want,
                })
            }
        }
    }

    async fn stream_of(&self, durable: &Durable) -> Result<stream::Stream<()>, BusError> {
        self.context
            .get_stream_no_info(stream_name(durable.service))
            .await
            .map_err(unanswered_by)
    }
}

/// Where the successor of a durable that the broker knows starts.
fn resume(info: &consumer::Info, stream: &stream::Info, wanted: &pull::Config) -> DeliverPolicy {
    let ahead = info.delivered.stream_sequence > stream.state.last_sequence;
    if ahead || difference(&info.config, wanted).is_some() {
        return DeliverPolicy::All;
    }
    let start_sequence = info.ack_floor.stream_sequence.saturating_add(1);
    DeliverPolicy::ByStartSequence { start_sequence }
}

/// The durable as it is declared; where it starts is not part of it.
fn wanted(durable: &Durable, stream: &stream::Info) -> pull::Config {
    let generation = generation(&stream.config.metadata);
    let generation = generation.map(|generation| (GENERATION.to_owned(), generation.to_string()));
    pull::Config {
        durable_name: Some(durable.name.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: -1,
        max_ack_pending: MAX_OUT,
        filter_subjects: durable
            .subjects
            .iter()
            .map(|subject| (*subject).to_owned())
            .collect(),
        metadata: generation.into_iter().collect::<HashMap<_, _>>(),
        ..pull::Config::default()
    }
}

/// The first setting that is not as declared.
fn difference(
    echoed: &consumer::Config,
    wanted: &pull::Config,
) -> Option<(&'static str, String, String)> {
    let filters: BTreeSet<&String> = echoed
        .filter_subjects
        .iter()
        .chain(Some(&echoed.filter_subject).filter(|one| !one.is_empty()))
        .collect();
    differs("durable_name", &echoed.durable_name, &wanted.durable_name)
        .or_else(|| {
            differs(
                "filter_subjects",
                &filters,
                &wanted.filter_subjects.iter().collect(),
            )
        })
        .or_else(|| differs("ack_policy", &echoed.ack_policy, &wanted.ack_policy))
        .or_else(|| differs("ack_wait", &echoed.ack_wait, &wanted.ack_wait))
        .or_else(|| differs("max_deliver", &echoed.max_deliver, &wanted.max_deliver))
        .or_else(|| {
            differs(
                "max_ack_pending",
                &echoed.max_ack_pending,
                &wanted.max_ack_pending,
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

fn unanswered_by(error: impl Into<crate::tasks::BoxError>) -> BusError {
    BusError::Unanswered(error.into())
}
