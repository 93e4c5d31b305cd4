//! The masked names of the people a page of notices speaks of. They live with binding and are asked for when needed.

use std::collections::BTreeSet;
use std::time::Duration;

use chassis::grpc::Peer;
use kernel::PersonId;
use proto::binding::v1::ListMaskedNamesRequest;
use proto::binding::v1::binding_service_client::BindingServiceClient;
use tracing::warn;

use crate::words::Names;

/// Where names are looked up.
#[derive(Clone)]
pub struct NameBook {
    binding: BindingServiceClient<Peer>,
    wait: Duration,
}

impl NameBook {
    /// Asks `binding` and waits at most so long.
    pub fn new(binding: Peer, wait: Duration) -> Self {
        Self {
            binding: BindingServiceClient::new(binding),
            wait,
        }
    }

    /// The masked names of `people`, in one call. Without an answer in time there are none: a notice with a neutral word
    /// in place of a name is better than no notice.
    pub async fn names_of(&self, people: BTreeSet<PersonId>) -> Names {
        if people.is_empty() {
            return Names::new();
        }
        let mut request = tonic::Request::new(ListMaskedNamesRequest {
            person_ids: people.iter().map(PersonId::to_string).collect(),
        });
        request.set_timeout(self.wait);
        let mut binding = self.binding.clone();
        let answer = tokio::time::timeout(self.wait, binding.list_masked_names(request)).await;
        let names = match answer {
            Ok(Ok(answer)) => answer.into_inner().names,
            Ok(Err(status)) => {
                warn!(code = ?status.code(), "notices are shown without names: binding refused them");
                Vec::new()
            }
            Err(_) => {
                warn!("notices are shown without names: binding did not answer in time");
                Vec::new()
            }
        };
        names
            .into_iter()
            .filter(|name| !name.masked_name.is_empty())
            .filter_map(|name| Some((name.person_id.parse().ok()?, name.masked_name)))
            .collect()
    }
}
