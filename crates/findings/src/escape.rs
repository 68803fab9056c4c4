//! Text from images and advisories, made harmless for where it goes.
//!
//! A package's name may hold an escape sequence that rewrites the screen, or a mark that turns the direction of
//! writing so that `1.0` reads as `0.1`. Such characters are shown as what they are.

use std::fmt::Write as _;

/// For a terminal or log: one line, without control characters, direction marks and other invisible ones.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_dangerous(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// For JSON that may be printed: the same text, in which no dangerous character stands as itself. JSON has them only
/// within strings, where an escape means the same.
///
/// Nearly every text has none, and is given back as it is: a report of a large image is a megabyte.
pub fn json(text: String) -> String {
    let must_go = |(_, character): &(usize, char)| is_dangerous(*character) && *character != '\n';
    let is_harmless = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
    if text.bytes().all(is_harmless) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 64);
    let mut copied = 0;
    for (at, character) in text.char_indices().filter(must_go) {
        safe.push_str(&text[copied..at]);
        copied = at + character.len_utf8();
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            let _ = write!(safe, "\\u{unit:04x}");
        }
    }
    safe.push_str(&text[copied..]);
    safe
}

/// Controls (C0, DEL, C1), marks of direction, characters without width, line separators, and the tag characters.
fn is_dangerous(character: char) -> bool {
    if matches!(character, ' '..='~') {
        return false;
    }
    character.is_control()
        || matches!(
            character,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_turns_the_text_is_shown_and_not_done() {
        assert_eq!(plain("a\u{1b}[2Jb\n\u{202e}c\u{9b}"), "a\\u{1b}[2Jb\\n\\u{202e}c\\u{9b}");
        assert_eq!(plain("naïve-包 ✓"), "naïve-包 ✓");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let text = "a\u{7f}\u{9b}\u{202e}\u{e0041}\u{1b}";
        let json = json(serde_json::to_string(text).expect("JSON"));
        assert!(json.is_ascii());
        assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
    }
}
