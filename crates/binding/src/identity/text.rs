//! Whether a text is well-formed: rare Han characters beyond the basic plane are, control characters are not (ruling 49).

use kernel::{Reason, Refusal};
use zeroize::Zeroizing;

/// Trims a text that people read and checks that it is one. `field` is named in the refusal, the text never is.
///
/// # Errors
/// `FIELD_MISSING` if nothing is left; `TEXT_MALFORMED` if it is longer than `most` characters or holds what no name holds.
pub fn read(field: &str, text: &str, most: usize) -> Result<Zeroizing<String>, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::about(Reason::FieldMissing, field));
    }
    if text.chars().count() > most || text.chars().any(is_foreign) {
        return Err(Refusal::about(Reason::TextMalformed, field));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// What shows that a text was damaged on its way, or would change how the text around it is read.
fn is_foreign(character: char) -> bool {
    // The backslash of an escaped surrogate (`\uD842`), and what a lossy decoder leaves of a broken byte.
    let is_trace_of_damage = matches!(character, '\\' | '\u{FFFD}');
    // Invisible characters that join, separate or turn the direction of writing.
    let is_invisible = matches!(
        character,
        '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}'
    );
    let is_no_character = matches!(character, '\u{FDD0}'..='\u{FDEF}' | '\u{FFFE}' | '\u{FFFF}');
    is_trace_of_damage || is_invisible || is_no_character || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> Option<Reason> {
        read("name", text, 50).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn a_rare_han_character_beyond_the_basic_plane_is_well_formed() {
        assert_eq!(reason("测试𠮷"), None);
        assert_eq!(reason("阿卜杜拉·测试"), None);
        assert_eq!(read("name", "  测试甲 ", 50).unwrap().as_str(), "测试甲");
    }

    #[test]
    fn a_damaged_text_is_refused_and_not_repeated() {
        for text in [
            "测\u{0}试",
            "测试\n",
            "\\uD842测试",
            "测\u{FFFD}",
            "a\u{202E}b",
            "a\u{200B}b",
            "\u{FFFF}",
        ] {
            // A line break at the end is only white space.
            let expected = (text.trim() == text).then_some(Reason::TextMalformed);
            assert_eq!(reason(text), expected, "{text:?}");
        }
        let refusal = read("name", "测\u{0}试", 50).unwrap_err();
        assert_eq!(refusal.about.as_deref(), Some("name"));
        assert_eq!(reason(&"长".repeat(51)), Some(Reason::TextMalformed));
        assert_eq!(reason(" "), Some(Reason::FieldMissing));
    }
}
