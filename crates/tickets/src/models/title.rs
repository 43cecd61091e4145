//! The title of a ticket.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, WhiteSpace};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long a title may be, in characters.
const MAX_TITLE_CHARS: usize = 200;

/// The title of a ticket: 1 to 200 characters, at least one of them visible, without white space around them.
///
/// A stored title is read as it is, since it was checked by the rules of its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Title(String);

/// Why a text is not a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidTitle {
    /// There is no text, or it is blank.
    #[error("Title is required")]
    Missing,
    /// The text contains a control character, such as a tab or the end of a line.
    #[error("Title must not contain control characters")]
    Control,
    /// The text has only characters that show nothing, such as U+200B, the space of no width.
    #[error("Title must contain a visible character")]
    Invisible,
    /// The text has more than 200 characters.
    #[error("Title must be at most {MAX_TITLE_CHARS} characters")]
    TooLong,
}

impl Title {
    /// Reads the title of a body.
    pub(crate) fn parse(value: Option<&Value>) -> Result<Self, InvalidTitle> {
        let text = value.and_then(Value::as_str).ok_or(InvalidTitle::Missing)?.trim();
        match text.chars().count() {
            0 => Err(InvalidTitle::Missing),
            1..=MAX_TITLE_CHARS if text.chars().any(char::is_control) => Err(InvalidTitle::Control),
            1..=MAX_TITLE_CHARS if !text.chars().any(is_visible) => Err(InvalidTitle::Invisible),
            1..=MAX_TITLE_CHARS => Ok(Self(text.to_owned())),
            _ => Err(InvalidTitle::TooLong),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The empty cell of braille: a symbol to Unicode, and a blank to everybody else.
const BRAILLE_BLANK: char = '\u{2800}';

/// Whether a character shows anything by itself: it is no space, does not merely format others, and joins none.
fn is_visible(sign: char) -> bool {
    let invisible = [CodePointSetData::new::<WhiteSpace>(), CodePointSetData::new::<DefaultIgnorableCodePoint>()];
    let category = CodePointMapData::<GeneralCategory>::new().get(sign);
    sign != BRAILLE_BLANK && category != GeneralCategory::Format && !invisible.iter().any(|set| set.contains(sign))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{InvalidTitle, Title};

    #[test]
    fn a_title_of_characters_that_show_nothing_is_refused() {
        for invisible in [
            "\u{200b}",                  // zero width space
            "\u{200c}\u{200d}",          // joiners
            "\u{200e}\u{202e}\u{2066}",  // directions
            "\u{feff}",                  // byte order mark
            "\u{ad}\u{2060}\u{34f}",     // soft hyphen, word joiner, grapheme joiner
            "\u{115f}\u{3164}\u{ffa0}",  // fillers of Hangul
            "\u{fe0f}\u{e0100}\u{180b}", // variation selectors
            "\u{fff9}\u{e0041}",         // annotations, tags
            "\u{2800}",                  // empty braille
            "\u{200b} \u{3000}\u{200b}", // spaces between them
        ] {
            let refused = Title::parse(Some(&json!(invisible)));
            assert_eq!(refused, Err(InvalidTitle::Invisible), "{invisible:?}");
        }
        for blank in ["", "   ", "\u{a0}\u{2003}\u{3000}", "\t\n"] {
            assert_eq!(Title::parse(Some(&json!(blank))), Err(InvalidTitle::Missing), "{blank:?}");
        }
    }

    #[test]
    fn what_only_joins_or_turns_visible_characters_is_part_of_a_title() {
        for visible in [
            "concert",
            ".",
            "演唱會",
            "👨\u{200d}👩\u{200d}👧",                 // one family
            "❤\u{fe0f}",                              // a red heart
            "\u{202b}קונצרט\u{202c}",                 // from right to left
            "می\u{200c}خواهم",                        // a word of Persian
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e007f}", // a flag
        ] {
            assert_eq!(Title::parse(Some(&json!(visible))).unwrap().as_str(), visible);
        }
    }

    #[test]
    fn a_stored_title_is_read_as_it_is() {
        for stored in ["\u{200b}", "", "a\tb"] {
            assert_eq!(serde_json::from_value::<Title>(json!(stored)).unwrap().as_str(), stored);
        }
    }
}
