//! What a process tells about itself: log lines, traces and metrics.
//!
//! A log line is a sentence for people and fields for queries. An error is logged once, where it stops travelling,
//! with its whole [`Chain`]. Trace ids exist and travel with every call and event whether or not traces are exported.
//!
//! The subscriber of `tracing` and the recorder of `metrics` are global by those crates' nature, which is why telemetry
//! starts once per process and not once per service.

mod endpoint;
mod figures;
mod trace;

use std::error::Error;
use std::fmt;
use std::io::IsTerminal as _;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{self, LogFormat};
use crate::tasks::BoxError;

pub use endpoint::{EndpointError, serve_metrics};
pub use figures::prometheus_text;
pub use trace::{continue_trace, trace_id, trace_parent};

/// Keeps telemetry running. Dropping it sends the spans that are still buffered.
#[derive(Debug)]
pub struct Guard {
    traces: SdkTracerProvider,
    _upkeep: figures::Upkeep,
}

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("the log filter {filter:?} cannot be read: write it like info,sqlx=warn")]
    Filter {
        /// What was given.
        filter: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
    /// The exporter cannot be made.
    #[error(
        "traces cannot be sent to {endpoint:?}: give an OTLP endpoint like http://127.0.0.1:4317, or none"
    )]
    Exporter {
        /// What was given.
        endpoint: String,
        /// Why.
        source: BoxError,
    },
    /// It was started before.
    #[error("telemetry was already started in this process")]
    Twice(#[source] BoxError),
    /// The metrics cannot be kept.
    #[error("could not start keeping metrics")]
    Metrics(#[source] BoxError),
}

/// Starts telemetry for the process that is called `service`, once. Needs a runtime when traces are exported.
pub fn start(config: &config::Telemetry, service: &'static str) -> Result<Guard, TelemetryError> {
    let filter = EnvFilter::try_new(&config.filter).map_err(|source| TelemetryError::Filter {
        filter: config.filter.clone(),
        source,
    })?;
    let traces = trace::provider(config.otlp_endpoint.as_deref(), service)?;
    tracing_subscriber::registry()
        .with(lines(config.format))
        .with(filter)
        .with(trace::layer(&traces, service))
        .try_init()
        .map_err(|error| TelemetryError::Twice(error.into()))?;
    Ok(Guard {
        traces,
        _upkeep: figures::install()?,
    })
}

/// Log lines go to the standard error: the standard output belongs to what a command prints.
fn lines(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let on_a_terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Auto if !on_a_terminal => lines.json().flatten_event(true).boxed(),
        LogFormat::Auto | LogFormat::Human => lines.with_ansi(on_a_terminal).boxed(),
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A collector that went away must not turn a clean end into a failed one.
        if let Err(error) = self.traces.shutdown() {
            tracing::debug!(error = %Chain(&error), "the last spans could not be sent");
        }
    }
}

/// An error and everything it stems from, as one sentence: `could not store the decision: the connection was closed`.
///
/// A message never repeats its source, so the chain is read out here, at the border where the error is logged.
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_reads_from_what_failed_to_why() {
        let broken = std::io::Error::other("the disk is full");
        let error = TelemetryError::Metrics(broken.into());
        assert_eq!(
            Chain(&error).to_string(),
            "could not start keeping metrics: the disk is full"
        );
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_shown_with_an_example() {
        let config = config::Telemetry {
            filter: "info,sqlx=loud=er".to_owned(),
            ..config::Telemetry::default()
        };
        let error = start(&config, "test").unwrap_err();
        assert!(
            error.to_string().contains("write it like info,sqlx=warn"),
            "{error}"
        );
    }
}
