//! `gongji erase`: what identifies a person is made unreadable.

use clap::Args;
use kernel::PersonId;
use proto::binding::v1::ErasePersonRequest;
use proto::binding::v1::binding_service_client::BindingServiceClient;

use crate::import::Operator;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The person: psn_….
    person: PersonId,
    /// Why. It is kept with the operator's number.
    #[arg(long)]
    reason: String,
    /// Where the binding service is.
    #[arg(long, default_value = "http://127.0.0.1:7401")]
    binding: String,
    #[command(flatten)]
    operator: Operator,
}

pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let peer = arguments.operator.peer(&arguments.binding, "binding")?;
    let request = ErasePersonRequest {
        person_id: arguments.person.to_string(),
        reason: arguments.reason.clone(),
    };
    let mut binding = BindingServiceClient::new(peer);
    binding.erase_person(request).await?;
    println!(
        "{} is erased. Older backups become unreadable with `gongji keys add`, `gongji keys rotate` and the end of the old key",
        arguments.person
    );
    Ok(())
}
