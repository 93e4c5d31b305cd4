//! A text message, cut into the parts that the network sends.
//!
//! A part holds 70 characters once a single one of them is Chinese, and it is counted in UTF-16 units. It is cut behind a
//! sentence or a word where one ends late enough, and never inside an amount, a date or a word.

/// The most UTF-16 units of one part.
pub const PART: usize = 70;

/// A cut behind punctuation is taken if it leaves the part at least this full.
const FULL_ENOUGH: usize = 40;

/// The parts of a text, each of at most [`PART`] units. Put together they are the text again.
pub fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, later) = rest.split_at(cut(rest));
        parts.push(part);
        rest = later;
    }
    parts
}

/// How many UTF-16 units a text takes.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Where the first part of a text ends: the last good place, or the last possible one.
fn cut(text: &str) -> usize {
    let mut used = 0;
    let mut behind_sentence = 0;
    let mut behind_word = 0;
    let mut before: Option<char> = None;
    for (at, letter) in text.char_indices() {
        if before.is_some_and(|before| !holds_together(before, letter)) {
            behind_word = at;
            let ends = before.is_some_and(|before| "。；，、\n".contains(before) || before == ' ');
            if ends && used >= FULL_ENOUGH {
                behind_sentence = at;
            }
        }
        used += letter.len_utf16();
        if used > PART {
            return [behind_sentence, behind_word, at]
                .into_iter()
                .find(|at| *at > 0)
                .unwrap_or(text.len());
        }
        before = Some(letter);
    }
    text.len()
}

/// Whether nobody would break a line between these two.
fn holds_together(before: char, letter: char) -> bool {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || "¥.-:*'".contains(letter);
    let closes = "。；，、：！？）,.;:)".contains(letter);
    closes || inside(before) && inside(letter) || before == '（' || letter == '*'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_text_is_one_part_and_no_text_none() {
        assert_eq!(parts("余额¥1.00。"), ["余额¥1.00。"]);
        assert_eq!(parts(""), Vec::<&str>::new());
    }

    #[test]
    fn a_part_ends_behind_a_sentence_if_one_ends_late_enough() {
        let first = format!("{}。", "钱".repeat(50));
        let text = format!("{first}{}", "款".repeat(40));
        assert_eq!(parts(&text), [first.as_str(), &"款".repeat(40)]);
    }

    #[test]
    fn an_amount_is_never_cut() {
        for before in 60..72 {
            let text = format!("{}¥123456.78元", "钱".repeat(before));
            assert!(
                parts(&text).iter().any(|part| part.contains("¥123456.78")),
                "{before}"
            );
        }
    }

    #[test]
    fn a_word_longer_than_a_part_is_cut_all_the_same() {
        let text = "x".repeat(150);
        assert_eq!(parts(&text).len(), 3);
    }

    proptest! {
        #[test]
        fn the_parts_are_the_text_and_none_is_too_long(text in ".{0,400}") {
            let cut = parts(&text);
            prop_assert_eq!(cut.concat(), text.as_str());
            prop_assert!(cut.iter().all(|part| units(part) <= PART));
        }
    }
}
