//! Metrics, kept in the process and told in the text form of Prometheus.

use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::TelemetryError;
use crate::tasks::BoxError;

/// The one recorder of the process: the `metrics` macros write to a global one, so its handle is global too.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// The upper bounds of every histogram of seconds: dense where a settlement should be (0.5 to 10 ms).
const SECONDS: [f64; 16] = [
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
    10.0,
];

/// The upper bounds of every other histogram: sizes of batches and queues.
const COUNTS: [f64; 12] = [
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0,
];

/// How often observations are folded into their buckets; between scrapes they would pile up otherwise.
const UPKEEP: Duration = Duration::from_secs(5);

/// Folds observations until it is dropped.
#[derive(Debug)]
pub(super) struct Upkeep {
    _running: mpsc::Sender<()>,
}

pub(super) fn install() -> Result<Upkeep, TelemetryError> {
    let failed = |error: BoxError| TelemetryError::Metrics(error);
    let handle = PrometheusBuilder::new()
        .set_buckets(&COUNTS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        })
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| failed(error.into()))?;
    let (running, ended) = mpsc::channel::<()>();
    let folding = RECORDER.get_or_init(|| handle).clone();
    std::thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || {
            while ended.recv_timeout(UPKEEP) == Err(mpsc::RecvTimeoutError::Timeout) {
                folding.run_upkeep();
            }
        })
        .map_err(|error| failed(error.into()))?;
    Ok(Upkeep { _running: running })
}

/// All metrics of the process in the text form of Prometheus; empty before telemetry has started.
pub fn prometheus_text() -> String {
    RECORDER
        .get()
        .map(PrometheusHandle::render)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told_with_its_buckets() {
        let _upkeep = install().unwrap();
        metrics::counter!("gongji_test_total", "kind" => "charge").increment(2);
        metrics::histogram!("gongji_test_seconds").record(Duration::from_millis(4));
        let text = prometheus_text();
        for line in [
            "gongji_test_total{kind=\"charge\"} 2",
            "gongji_test_seconds_bucket{le=\"0.003\"} 0",
            "gongji_test_seconds_bucket{le=\"0.005\"} 1",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}
