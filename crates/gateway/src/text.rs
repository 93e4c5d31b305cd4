//! Text that exists: valid UTF-8 whose JSON escapes name whole characters (ruling 49 of the design).

/// Whether a JSON body is text. Characters beyond the basic plane are fine; half of a surrogate pair is not.
pub fn is_well_formed(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok() && !has_lone_surrogate(body)
}

/// Whether a `\u` escape names half of a surrogate pair without the other half: such a text exists in no encoding.
fn has_lone_surrogate(body: &[u8]) -> bool {
    let mut rest = body;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        rest = &rest[at..];
        rest = match escaped_unit(rest) {
            Some(0xD800..=0xDBFF) => match escaped_unit(&rest[6..]) {
                Some(0xDC00..=0xDFFF) => &rest[12..],
                _ => return true,
            },
            Some(0xDC00..=0xDFFF) => return true,
            // Any other escape, also an escaped backslash: step over both characters.
            _ => rest.get(2..).unwrap_or_default(),
        };
    }
    false
}

/// The code unit of an escape like `\ud842` at the front of `text`.
fn escaped_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_character_beyond_the_basic_plane_is_fine() {
        assert!(is_well_formed(br#"{"psn_name":"\ud842\udfb7"}"#));
        assert!(is_well_formed("{\"psn_name\":\"\u{20BB7}\"}".as_bytes()));
        assert!(is_well_formed(br#"{"path":"C:\\ud842"}"#));
    }

    #[test]
    fn half_a_pair_and_bytes_that_are_no_utf8_are_not_text() {
        assert!(!is_well_formed(br#"{"name":"\ud842"}"#));
        assert!(!is_well_formed(br#"{"name":"\udfb7\ud842"}"#));
        assert!(!is_well_formed(b"{\"name\":\"\xff\"}"));
    }
}
