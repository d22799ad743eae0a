//! Text from outside, made safe to show: no control and no bidirectional characters reach a terminal.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

/// Whether a character can move the cursor, change the screen, reorder the text around it, or be there unseen (Unicode
/// property `Default_Ignorable_Code_Point`).
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{00ad}'
                | '\u{034f}'
                | '\u{061c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// How many columns of a terminal a line takes: of wide characters two each, of combining ones none.
pub(crate) fn width(line: &str) -> usize {
    line.width()
}

/// One line of text with every unsafe character spelled out: a line break as `\n`, others as `\u{…}`.
pub(crate) fn safe(text: &str) -> String {
    escape(text, |_| false)
}

/// Text as a code block of Markdown. Its fence is longer than any run of backticks inside, so that nothing inside closes
/// it.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

/// Several lines of text, with every unsafe character but the line breaks spelled out.
pub(crate) fn safe_lines(text: &str) -> String {
    escape(text, |character| character == '\n')
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            character if !is_unsafe(character) || keep(character) => safe.push(character),
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push(' '),
            character => {
                let _ = write!(safe, "\\u{{{:x}}}", character as u32);
            }
        }
    }
    safe
}

/// JSON text with every unsafe character inside its strings written as `\uXXXX`, which means the same.
pub(crate) fn safe_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) && character != '\n' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Whether a text can be shown as it is, line breaks aside.
pub(crate) fn is_safe(text: &str) -> bool {
    !text.chars().any(|character| is_unsafe(character) && character != '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_are_spelled_out() {
        for (text, expected) in [
            ("plain ü 漢", "plain ü 漢"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("a\r\nb", "a\\u{d}\\nb"),
            ("a\u{9b}b", "a\\u{9b}b"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\tb", "a b"),
            ("a\u{ad}\u{3164}b", "a\\u{ad}\\u{3164}b"),
        ] {
            assert_eq!(safe(text), expected);
        }
        assert_eq!(safe_lines("a\nb\u{7f}"), "a\nb\\u{7f}");
    }

    #[test]
    fn a_line_takes_columns_and_not_characters() {
        for (line, expected) in [("", 0), ("abc", 3), ("漢a", 3), ("e\u{301}", 1), ("😀", 2)] {
            assert_eq!(width(line), expected, "{line}");
        }
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({"a": "x\u{202e}\u{9b}\u{e0041}\u{1b}"});
        let text = safe_json(&value.to_string());
        assert!(is_safe(&text), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
