//! `gongji serve`: one service as one process.

use std::path::PathBuf;

use chassis::config::Telemetry;
use chassis::health::Health;
use chassis::tasks::Tasks;
use clap::Args;
use kernel::Clock;

use crate::service::Part;

#[derive(Debug, Args)]
pub struct Arguments {
    /// What to run.
    service: Part,
    /// Its configuration file; variables like GONGJI_SETTLEMENT__DATABASE__URL go on top.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What is logged, e.g. `info,sqlx=warn`.
    #[arg(long, default_value = "info", value_name = "FILTER")]
    log: String,
    /// Where traces are sent (OTLP over gRPC), e.g. http://localhost:4317.
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// Where /metrics and /health are served, e.g. 0.0.0.0:9100. The gateway serves them beside its API.
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<std::net::SocketAddr>,
    /// Print the default settings with their explanation, and stop.
    #[arg(long)]
    print_defaults: bool,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let service = arguments.service.name();
    if arguments.print_defaults {
        print!("{}", defaults(arguments.service));
        return Ok(());
    }
    let telemetry = Telemetry {
        filter: arguments.log,
        otlp_endpoint: arguments.otlp,
        metrics_listen: arguments.metrics,
        ..Telemetry::default()
    };
    let (clock, health) = (Clock::system(), Health::new());
    let mut tasks = Tasks::new();
    let _guard = chassis::telemetry::start(&telemetry, service)?;
    if let Some(listen) = telemetry.metrics_listen {
        chassis::telemetry::serve_metrics(listen, health.clone(), &mut tasks).await?;
    }
    let file = arguments.config.as_deref();
    let address = match arguments.service {
        Part::Binding => {
            binding::serve(binding::Config::load(file)?, clock, health, &mut tasks).await?
        }
        Part::Authorization => {
            authorization::serve(
                authorization::Config::load(file)?,
                clock,
                health,
                &mut tasks,
            )
            .await?
        }
        Part::Settlement => {
            settlement::serve(settlement::Config::load(file)?, clock, health, &mut tasks).await?
        }
        Part::Notification => {
            notification::serve(notification::Config::load(file)?, clock, health, &mut tasks)
                .await?
        }
        Part::Gateway => {
            gateway::serve(gateway::Config::load(file)?, clock, health, &mut tasks).await?
        }
    };
    tracing::info!(%address, "{service} is ready");
    Ok(tasks.run().await?)
}

fn defaults(part: Part) -> &'static str {
    match part {
        Part::Binding => include_str!("../../binding/config.default.toml"),
        Part::Authorization => include_str!("../../authorization/config.default.toml"),
        Part::Settlement => include_str!("../../settlement/config.default.toml"),
        Part::Notification => include_str!("../../notification/config.default.toml"),
        Part::Gateway => include_str!("../../gateway/config.default.toml"),
    }
}
