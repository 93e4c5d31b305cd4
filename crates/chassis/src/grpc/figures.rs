//! Rate, errors and duration of each operation.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use metrics::{Counter, Histogram};
use tonic::Code;

/// What is counted about one operation. The series begin to exist when the first call ends, so none stands at zero for ever.
#[derive(Debug)]
pub(super) struct Figures {
    service: &'static str,
    method: &'static str,
    seconds: OnceLock<Histogram>,
    requests: [OnceLock<Counter>; NAMES.len()],
}

/// The names of the codes, in the order of their numbers.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Figures {
    pub const fn new(service: &'static str, method: &'static str) -> Self {
        Self {
            service,
            method,
            seconds: OnceLock::new(),
            requests: [const { OnceLock::new() }; NAMES.len()],
        }
    }

    fn count(&self, code: Code, began: Instant) {
        let number = usize::try_from(i32::from(code)).expect("a code is 0 to 16");
        self.requests[number]
            .get_or_init(|| {
                metrics::counter!(
                    "gongji_grpc_requests_total",
                    "service" => self.service, "method" => self.method, "code" => NAMES[number]
                )
            })
            .increment(1);
        self.seconds
            .get_or_init(|| {
                metrics::histogram!(
                    "gongji_grpc_request_seconds",
                    "service" => self.service, "method" => self.method
                )
            })
            .record(began.elapsed());
    }
}

/// One call that is being measured, from its first byte to the head of its answer (to the first message, of a stream).
///
/// A caller who goes away drops the call, so what was never answered is counted as cancelled.
#[derive(Debug)]
pub(super) struct Measured {
    figures: Arc<Figures>,
    began: Instant,
    code: Code,
}

impl Measured {
    pub fn begin(figures: &Arc<Figures>) -> Self {
        Self {
            figures: Arc::clone(figures),
            began: Instant::now(),
            code: Code::Cancelled,
        }
    }

    pub fn answered(mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.figures.count(self.code, self.began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_name() {
        for (number, name) in (0_i32..).zip(NAMES) {
            let code = Code::from_i32(number);
            assert_eq!(i32::from(code), number);
            let written = format!("{code:?}").replace("Ok", "OK").to_uppercase();
            assert_eq!(written, name.replace('_', ""));
        }
    }
}
