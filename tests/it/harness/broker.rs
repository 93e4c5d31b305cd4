//! What can happen to the broker.

use async_nats::jetstream;
use futures::TryStreamExt as _;

use super::Stack;

impl Stack {
    /// Ends nats-server as a power cut would.
    pub fn kill_broker(&mut self) {
        self.nats.kill().expect("it is ours");
    }

    /// Deletes everything the broker has stored.
    pub fn wipe_broker(&mut self) {
        self.nats.wipe().expect("it does not run");
    }

    pub async fn restart_broker(&mut self) {
        self.nats.restart().await.expect("nats-server starts");
    }

    /// A client that can see and break everything.
    pub async fn jetstream(&self) -> jetstream::Context {
        let client = async_nats::connect(&self.layout.nats_url)
            .await
            .expect("nats-server runs");
        jetstream::new(client)
    }

    /// Puts every message into its stream once more: the same event under the same id, as a redelivery the broker does not
    /// recognise. Says how many.
    pub async fn repeat_every_event(&self) -> usize {
        let jetstream = self.jetstream().await;
        let names: Vec<String> = jetstream
            .stream_names()
            .try_collect()
            .await
            .expect("nats-server answers");
        let mut repeated = 0;
        for name in names {
            let stream = jetstream.get_stream(&name).await.expect("it was named");
            let last = stream.cached_info().state.last_sequence;
            for sequence in 1..=last {
                let message = stream
                    .get_raw_message(sequence)
                    .await
                    .expect("no event is deleted");
                let mut headers = async_nats::HeaderMap::new();
                for (header, values) in message.headers.iter() {
                    if !header.to_string().starts_with("Nats-") {
                        for value in values {
                            headers.append(header.clone(), value.clone());
                        }
                    }
                }
                jetstream
                    .publish_with_headers(message.subject, headers, message.payload)
                    .await
                    .expect("nats-server answers")
                    .await
                    .expect("the stream takes it");
                repeated += 1;
            }
        }
        repeated
    }

    /// Makes the broker forget what everybody had confirmed, so that it delivers everything again.
    pub async fn forget_every_confirmation(&self) {
        let jetstream = self.jetstream().await;
        let names: Vec<String> = jetstream
            .stream_names()
            .try_collect()
            .await
            .expect("nats-server answers");
        for name in names {
            let stream = jetstream.get_stream(&name).await.expect("it was named");
            let followers: Vec<String> = stream
                .consumer_names()
                .try_collect()
                .await
                .expect("nats-server answers");
            for follower in followers {
                stream
                    .delete_consumer(&follower)
                    .await
                    .expect("it was named");
            }
        }
    }
}
