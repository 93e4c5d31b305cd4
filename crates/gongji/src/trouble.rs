//! What went wrong, as whoever typed the command reads it: one line, what failed first and why after it.

use chassis::grpc::refusal_of;
use tonic::{Code, Status};

/// The line. A refusal of a service is its code and its sentence, which says what to do.
pub fn sentence(error: &anyhow::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in error.chain() {
        let Some(status) = cause.downcast_ref::<Status>() else {
            said.push(cause.to_string());
            continue;
        };
        said.push(answered(status));
        break; // what lies below is the connection's, and names no setting that could be mended
    }
    said.join(": ")
}

fn answered(status: &Status) -> String {
    if let Some(refusal) = refusal_of(status) {
        return format!("{}: {}", refusal.code, refusal.en);
    }
    match status.code() {
        Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded => format!(
            "the service cannot be reached ({}): is it running, and is the address right?",
            status.message()
        ),
        code => format!("the service answered: {code} ({})", status.message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use kernel::Reason;

    #[test]
    fn a_refusal_is_its_code_and_its_sentence_below_what_was_tried() {
        let refused = Err::<(), _>(chassis::grpc::refuse(Reason::YearEndUnknown))
            .context("the rollover stopped")
            .unwrap_err();
        assert_eq!(
            sentence(&refused),
            "the rollover stopped: YEAR_END_UNKNOWN: no year end of this region and year was begun: begin it first"
        );
    }

    #[test]
    fn a_service_that_is_not_there_is_said_to_be_so() {
        let away = anyhow::Error::from(Status::unavailable("tcp connect error"));
        let said = sentence(&away);
        assert!(
            said.contains("cannot be reached (tcp connect error)"),
            "{said}"
        );
        assert!(!said.contains("details"), "{said}");
    }

    #[test]
    fn everything_else_is_told_with_its_causes() {
        let error = std::io::Error::other("no such file");
        let error = anyhow::Error::from(error).context("cannot read keys");
        assert_eq!(sentence(&error), "cannot read keys: no such file");
    }
}
