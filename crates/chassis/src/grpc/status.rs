//! How a refusal or a failure looks on the wire, and back again. The one table from reasons to codes stands here.
//!
//! The code tells a machine what kind of answer it is, the reason (`ErrorInfo`, domain `gongji`) which one; the status message
//! is the English sentence and a `LocalizedMessage` the Chinese one.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use kernel::{Reason, Refusal};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::telemetry::{Chain, trace_id};

/// Whose reasons these are.
const DOMAIN: &str = "gongji";

/// The language of the localized message.
const CHINESE: &str = "zh-CN";

/// The key of what a refusal is about.
const ABOUT: &str = "about";

/// When to try again what only needs another moment.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A refusal as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalSeen {
    /// The stable code.
    pub code: String,
    /// The sentence for people, in Chinese.
    pub zh: String,
    /// The sentence for people, in English.
    pub en: String,
    /// The field or value it is about.
    pub about: Option<String>,
}

impl RefusalSeen {
    /// The refusal itself, if its reason is in this build's catalogue.
    pub fn refusal(&self) -> Option<Refusal> {
        Some(Refusal {
            reason: Reason::from_code(&self.code)?,
            about: self.about.clone(),
        })
    }
}

/// Whether the form is wrong: no state could make this request right.
fn is_of_the_form(reason: Reason) -> bool {
    use Reason as R;
    matches!(
        reason,
        R::MalformedRequest
            | R::FieldMissing
            | R::UnknownCode
            | R::AmountMalformed
            | R::AmountNegative
            | R::AmountZero
            | R::AmountTooLarge
            | R::PartsDoNotAddUp
            | R::TextMalformed
            | R::RegionUnknown
            | R::IdMalformed
            | R::DateMalformed
            | R::RangeInverted
            | R::PageTooLarge
            | R::CursorMalformed
            | R::IdNumberInvalid
            | R::PersonNoInvalid
            | R::PhoneInvalid
            | R::CardNumberInvalid
            | R::IdentityMismatch
            | R::LimitInvalid
            | R::ValidityInvalid
            | R::InstitutionCodeInvalid
            | R::ReconciliationDaysInvalid
            | R::MsgidMalformed
            | R::WebhookAddressRefused
            | R::DisplayLinkSelf
            | R::DisplayEvidenceUnfit
            | R::SamePerson
    )
}

/// The code for a reason.
///
/// Most of the catalogue are rules, and a rule that refuses is a failed precondition: that is what a new reason gets
/// unless it is named here. A test holds the names of reasons against this table.
fn code_of(reason: Reason) -> Code {
    use Reason as R;
    match reason {
        _ if is_of_the_form(reason) => Code::InvalidArgument,
        R::UnknownTransaction => Code::Unimplemented,

        R::AccessTokenMissing | R::AccessTokenInvalid | R::AccessTokenExpired => {
            Code::Unauthenticated
        }
        R::AccessDenied
        | R::NotYours
        | R::InstitutionMismatch
        | R::SettlementNotYours
        | R::QuoteNotYours
        | R::HoldNotYours => Code::PermissionDenied,

        R::PathUnknown
        | R::PersonUnknown
        | R::EnrolmentUnknown
        | R::BindingUnknown
        | R::DisplayLinkUnknown
        | R::MandateUnknown
        | R::CredentialUnknown
        | R::InstitutionUnknown
        | R::SettlementUnknown
        | R::QuoteUnknown
        | R::HoldUnknown
        | R::AccountUnknown
        | R::YearEndUnknown
        | R::CorrectionUnknown
        | R::RefundLineUnknown
        | R::TaskUnknown
        | R::WebhookUnknown => Code::NotFound,

        R::RequestIdReused
        | R::MsgidReused
        | R::DuplicateBinding
        | R::DisplayLinkExists
        | R::EnrolmentContradicts
        | R::CardContradicts
        | R::AllocationContradicts
        | R::YearEndContradicts
        | R::PremiumRowContradicts
        | R::CatalogueContradicts => Code::AlreadyExists,

        // Somebody else was there in between: read again, or wait a moment.
        R::MandateBusy | R::MandateVersionStale | R::WebhookRotated => Code::Aborted,
        R::Overloaded | R::RateLimited => Code::ResourceExhausted,
        R::Unavailable | R::SyncPending => Code::Unavailable,
        R::Internal => Code::Internal,

        _ => Code::FailedPrecondition,
    }
}

/// The answer for a refusal.
pub fn refuse(refusal: impl Into<Refusal>) -> Status {
    let refusal = refusal.into();
    let metadata: HashMap<_, _> = refusal
        .about
        .iter()
        .map(|about| (ABOUT.to_owned(), about.clone()))
        .collect();
    let code = code_of(refusal.reason);
    let mut details = ErrorDetails::with_error_info(refusal.reason.code(), DOMAIN, metadata);
    details.set_localized_message(CHINESE, refusal.zh());
    if matches!(
        code,
        Code::ResourceExhausted | Code::Unavailable | Code::Aborted
    ) {
        details.set_retry_info(Some(TRY_AGAIN));
    }
    Status::with_error_details(code, refusal.en(), details)
}

/// The answer for an error that is ours: the log gets its whole chain, once, and the client nothing of it.
pub fn internal(error: &(dyn Error + 'static)) -> Status {
    tracing::error!(error = %Chain(error), trace_id = trace_id(), "a call failed");
    refuse(Reason::Internal)
}

/// The answer when something that this service needs is not there for the moment.
pub fn unavailable(error: &(dyn Error + 'static)) -> Status {
    tracing::warn!(error = %Chain(error), trace_id = trace_id(), "a call could not be served for the moment");
    refuse(Reason::Unavailable)
}

/// The refusal inside an answer; none if the answer is not one of ours (a connection that failed, a deadline).
pub fn refusal_of(status: &Status) -> Option<RefusalSeen> {
    let info = status
        .get_details_error_info()
        .filter(|info| info.domain == DOMAIN)?;
    let zh = status
        .get_details_localized_message()
        .map(|message| message.message)
        .unwrap_or_default();
    Some(RefusalSeen {
        about: info.metadata.get(ABOUT).cloned(),
        code: info.reason,
        zh,
        en: status.message().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the name of a reason promises about its code.
    fn promised(reason: Reason) -> Option<Code> {
        let name = reason.code();
        if name.starts_with("ACCESS_TOKEN") {
            return Some(Code::Unauthenticated);
        }
        if name.ends_with("_MALFORMED") || name.starts_with("AMOUNT_") {
            return Some(Code::InvalidArgument);
        }
        if name.ends_with("_REUSED") || name.ends_with("_CONTRADICTS") {
            return Some(Code::AlreadyExists);
        }
        if name.ends_with("_UNKNOWN") && reason != Reason::RegionUnknown {
            return Some(Code::NotFound);
        }
        None
    }

    #[test]
    fn every_reason_has_the_code_that_its_name_promises() {
        for reason in Reason::ALL {
            let code = code_of(*reason);
            assert_ne!(code, Code::Ok, "{reason}");
            assert_ne!(code, Code::Unknown, "{reason}");
            if let Some(promised) = promised(*reason) {
                assert_eq!(code, promised, "{reason}");
            }
        }
    }

    #[test]
    fn a_refusal_travels_whole() {
        for reason in Reason::ALL {
            let refusal = Refusal::about(*reason, "medfee_sumamt = 1.234");
            let status = refuse(refusal.clone());
            let seen = refusal_of(&status).unwrap();
            assert_eq!(seen.code, reason.code());
            assert_eq!(seen.zh, refusal.zh());
            assert_eq!(seen.en, refusal.en());
            assert_eq!(seen.refusal(), Some(refusal));
        }
    }

    #[test]
    fn an_overloaded_server_says_when_to_come_back() {
        let status = refuse(Reason::Overloaded);
        assert_eq!(status.code(), Code::ResourceExhausted);
        let retry = status.get_details_retry_info().unwrap();
        assert_eq!(retry.retry_delay, Some(TRY_AGAIN));
        assert!(
            refuse(Reason::MandatePaused)
                .get_details_retry_info()
                .is_none()
        );
    }

    #[test]
    fn an_internal_error_tells_the_client_nothing_of_itself() {
        let status = internal(&std::io::Error::other("password=hunter2"));
        assert_eq!(status.code(), Code::Internal);
        assert!(!format!("{status:?}").contains("hunter2"));
    }

    #[test]
    fn an_answer_of_somebody_else_holds_no_refusal_of_ours() {
        assert_eq!(refusal_of(&Status::unavailable("tcp connect error")), None);
    }
}
