//! Conversions both ends of the wire share: kernel words to proto words and back.
//!
//! Reading is strict: an unspecified or unknown enum value, a malformed id or date is [`Unreadable`], which names the field.

use std::str::FromStr;

use kernel::{Date, DisplayLinkId, Fen, Reason, Refusal, Timestamp};

use crate::common::v1 as pb;

/// A field of a message that cannot be read. At the border of a service it becomes a refusal; in a consumer it parks the event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub Refusal);

impl From<Unreadable> for Refusal {
    fn from(unreadable: Unreadable) -> Self {
        unreadable.0
    }
}

impl Unreadable {
    /// `field` was left out.
    pub fn missing(field: &str) -> Self {
        Self(Refusal::about(Reason::FieldMissing, field))
    }

    /// `field` is not a value of the dictionary.
    pub fn code(field: &str) -> Self {
        Self(Refusal::about(Reason::UnknownCode, field))
    }
}

/// The value of a field that must be there.
pub fn required<T>(field: &str, value: Option<T>) -> Result<T, Unreadable> {
    value.ok_or_else(|| Unreadable::missing(field))
}

/// An id out of its text; empty is missing.
pub fn id<T: FromStr>(field: &str, text: &str) -> Result<T, Unreadable> {
    if text.is_empty() {
        return Err(Unreadable::missing(field));
    }
    text.parse()
        .ok()
        .ok_or_else(|| Unreadable(Refusal::about(not_an_id(field, text), field)))
}

/// Why a text is not the id that `field` asks for. Who names a display link where money is concerned has taken one product
/// for the other, and is told its name (ruling 42 of the design).
fn not_an_id(field: &str, text: &str) -> Reason {
    let about_money = field.ends_with("binding_id") || field.ends_with("account_id");
    if about_money && text.parse::<DisplayLinkId>().is_ok() {
        Reason::WrongProductDisplayLink
    } else {
        Reason::IdMalformed
    }
}

/// A short text without control characters (a NUL cannot even be stored), at most `most` characters long; may be empty.
pub fn text<'a>(field: &str, text: &'a str, most: usize) -> Result<&'a str, Unreadable> {
    if text.chars().any(char::is_control) {
        return Err(Unreadable(Refusal::about(Reason::TextMalformed, field)));
    }
    if text.chars().count() > most {
        let about = format!("{field} is longer than {most}");
        return Err(Unreadable(Refusal::about(Reason::MalformedRequest, about)));
    }
    Ok(text)
}

/// A business day out of `yyyy-MM-dd`; empty is none.
pub fn date(field: &str, text: &str) -> Result<Option<Date>, Unreadable> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .ok()
        .ok_or_else(|| Unreadable(Refusal::about(Reason::DateMalformed, field)))
}

/// A region out of its six digits.
pub fn region(field: &str, text: &str) -> Result<kernel::Region, Unreadable> {
    text.parse()
        .ok()
        .ok_or_else(|| Unreadable(Refusal::about(Reason::RegionUnknown, field)))
}

/// An amount that must be above zero and at most [`Fen::LARGEST_BILL`].
pub fn amount(field: &str, fen: i64) -> Result<Fen, Unreadable> {
    let reason = match Fen::new(fen) {
        Fen::ZERO => Reason::AmountZero,
        amount if amount.is_negative() => Reason::AmountNegative,
        amount if amount > Fen::LARGEST_BILL => Reason::AmountTooLarge,
        amount => return Ok(amount),
    };
    Err(Unreadable(Refusal::about(reason, field)))
}

/// An instant for the wire.
pub fn wire_time(at: Timestamp) -> pbjson_types::Timestamp {
    pbjson_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

/// An instant from the wire.
pub fn time(field: &str, at: &pbjson_types::Timestamp) -> Result<Timestamp, Unreadable> {
    Timestamp::new(at.seconds, at.nanos)
        .ok()
        .ok_or_else(|| Unreadable(Refusal::about(Reason::DateMalformed, field)))
}

/// A reason with its sentences, for the wire.
pub fn wire_reason(refusal: &Refusal) -> pb::Reason {
    pb::Reason {
        code: refusal.reason.code().to_owned(),
        zh: refusal.zh(),
        en: refusal.en(),
    }
}

impl From<Refusal> for pb::Reason {
    fn from(refusal: Refusal) -> Self {
        wire_reason(&refusal)
    }
}

impl From<Reason> for pb::Reason {
    fn from(reason: Reason) -> Self {
        wire_reason(&reason.into())
    }
}

/// Declares that a kernel word and a proto enum have the same values.
macro_rules! same {
    ($($word:ident: $read:ident { $($variant:ident),* $(,)? })*) => {$(
        impl From<kernel::$word> for pb::$word {
            fn from(word: kernel::$word) -> Self {
                match word { $(kernel::$word::$variant => Self::$variant,)* }
            }
        }

        #[doc = concat!("The ", stringify!($word), " a field holds; unspecified and unknown values are refused.")]
        pub fn $read(field: &str, value: i32) -> Result<kernel::$word, Unreadable> {
            match pb::$word::try_from(value) {
                $(Ok(pb::$word::$variant) => Ok(kernel::$word::$variant),)*
                Ok(pb::$word::Unspecified) => Err(Unreadable::missing(field)),
                Err(_) => Err(Unreadable::code(field)),
            }
        }
    )*};
}

same! {
    Relation: relation {
        Spouse, Parent, Child, Sibling, PaternalGrandparent, MaternalGrandparent, SonsChild, DaughtersChild, SpouseParent,
    }
    Scheme: scheme { Employee, Resident }
    Standing: standing { Normal, Paused, Terminated }
    PersonKind: person_kind { Working, Retired, Resident }
    Bucket: bucket { Current, Prior }
    Usage: usage {
        HospitalOutpatient, HospitalInpatient, PharmacyDrug, MedicalDevice, Consumable, Disinfectant, VaccineNonPlan,
        PhysicalExam, ResidentPremium, LongTermCare, CitySupplementIns, TcmPreventive, OwnRetireTopup, PublicHealth,
        Fitness, Wellness,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_names_its_field_and_reason() {
        assert_eq!(
            relation("relation", 0),
            Err(Unreadable::missing("relation"))
        );
        assert_eq!(relation("relation", 99), Err(Unreadable::code("relation")));
        let refused = id::<kernel::PersonId>("person_id", "acc_x").unwrap_err().0;
        assert_eq!(
            (refused.reason, refused.about.as_deref()),
            (Reason::IdMalformed, Some("person_id"))
        );
        assert_eq!(
            amount("total_fen", 0).unwrap_err().0.reason,
            Reason::AmountZero
        );
        assert_eq!(
            amount("total_fen", (1 << 53) + 1).unwrap_err().0.reason,
            Reason::AmountTooLarge
        );
    }

    #[test]
    fn a_display_link_where_money_is_concerned_is_told_the_other_product() {
        let link = DisplayLinkId::generate().to_string();
        let reason = |field| id::<kernel::BindingId>(field, &link).unwrap_err().0.reason;
        assert_eq!(reason("binding_id"), Reason::WrongProductDisplayLink);
        assert_eq!(
            reason("bill.chosen_binding_id"),
            Reason::WrongProductDisplayLink
        );
        assert_eq!(reason("person_id"), Reason::IdMalformed);
    }

    #[test]
    fn a_text_holds_no_control_characters_and_has_its_length() {
        assert_eq!(text("name", "𠮷", 1), Ok("𠮷"));
        let reason = |given| text("name", given, 3).unwrap_err().0.reason;
        assert_eq!(reason("a\0"), Reason::TextMalformed);
        assert_eq!(reason("four"), Reason::MalformedRequest);
    }

    #[test]
    fn an_instant_survives_the_wire() {
        let at = Timestamp::from_microsecond(1_767_321_000_123_456).unwrap();
        assert_eq!(time("at", &wire_time(at)), Ok(at));
        let before_the_epoch = Timestamp::from_microsecond(-1).unwrap();
        assert_eq!(
            time("at", &wire_time(before_the_epoch)),
            Ok(before_the_epoch)
        );
    }
}
