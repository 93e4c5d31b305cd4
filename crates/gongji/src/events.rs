//! `gongji events`: what is still to be published.

use crate::service::Target;

pub async fn run(target: &Target) -> anyhow::Result<()> {
    let db = target.open().await?;
    let pending = chassis::outbox::pending(&db).await?;
    println!("{pending} events wait to be published");
    Ok(())
}
