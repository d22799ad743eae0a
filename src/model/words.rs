//! Words of others (servers, programs), as far as they are passed on to people.

/// Text from outside as one line of at most about `most` bytes, without control and formatting characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let word: String = word.chars().filter(|c| !is_formatting(*c)).collect();
        if !line.is_empty() && !word.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
        if line.len() > most {
            let end = (0..=most).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
            line.truncate(end);
            line.push('…');
            break;
        }
    }
    line
}

/// Characters that reorder or hide what stands around them on a terminal (Unicode bidirectional controls, zero-width
/// characters, byte-order mark).
fn is_formatting(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_become_one_short_line() {
        for (text, expected) in [
            ("", ""),
            ("  a\n\tb\r\nc ", "a b c"),
            ("\u{1b}[31mred\u{7}", "[31mred"),
            ("a\u{202e}b\u{200b}c", "abc"),
            ("a \u{200b} b \u{feff}", "a b"),
        ] {
            assert_eq!(one_line(text, 240), expected);
        }
        let long = one_line(&"é".repeat(1000), 240);
        assert!(long.len() <= 243 && long.ends_with('…'), "{}", long.len());
    }
}
