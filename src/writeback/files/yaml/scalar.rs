//! How a text is written as a YAML scalar so that every reader takes it for that text.
//!
//! Readers differ: YAML 1.1 and 1.2, `go-yaml` 2 and 3, which Helm, Kustomize and Argo CD use. A text that any of them
//! takes for a number, a boolean, a date or nothing is quoted.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

use granit_parser::ScalarStyle;
use regex::Regex;

/// What some reader takes for something else than text: the types of YAML 1.1 (`yaml.org/type`), of the YAML 1.2 core
/// schema, and what Go's `strconv` reads beyond them.
static NOT_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?xi) ^ (?:
          | ~ | null | y | yes | n | no | true | false | on | off | << | =
          | [-+]? \.? (?: inf | infinity | nan )
          | [-+]? 0 [box] [0-9a-f_.p+-]*                                  # bases 2, 8 and 16
          | [-+]? (?: [0-9][0-9_]* (?: \. [0-9_]* )? | \. [0-9_]+ ) (?: e [-+]? [0-9_]+ )?
          | [-+]? [0-9][0-9_]* (?: : [0-5]? [0-9] )+ (?: \. [0-9_]* )?    # base 60
          | [0-9]{4} - [0-9]{1,2} - [0-9]{1,2} (?: [T\ \t] .* )?          # dates
        ) $",
    )
    .expect("a pattern that is known")
});

/// Whether every reader takes a plain scalar for its text.
pub(super) fn reads_as_text(plain: &str) -> bool {
    // Go takes every `_` out of what may be a number before it reads it, wherever it stands: `0_x1f` is 31.
    let starts_number = plain.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let without = if starts_number { Cow::Owned(plain.replace('_', "")) } else { Cow::Borrowed(plain) };
    !(NOT_TEXT.is_match(plain) || NOT_TEXT.is_match(&without))
}

/// Writes a text in a style, or in double quotes if that style cannot hold it; `colons` says whether a plain scalar may
/// have them there.
pub(super) fn written(text: &str, style: ScalarStyle, colons: bool) -> String {
    match style {
        ScalarStyle::Plain if is_plain(text) && (colons || !text.contains(':')) => text.to_owned(),
        ScalarStyle::SingleQuoted if text.chars().all(is_printable) => format!("'{}'", text.replace('\'', "''")),
        _ => double_quoted(text),
    }
}

/// Whether a text may stand without quotes. Stricter than YAML: what looks odd is quoted.
fn is_plain(text: &str) -> bool {
    let starts_well = text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_'));
    let only_known = text.chars().all(|c| c.is_alphanumeric() || " ._-/+@:=~^$%&*!?;()<>".contains(c));
    let separates = text.ends_with([' ', ':']) || text.contains(": ") || text.starts_with("...");
    starts_well && only_known && !separates && reads_as_text(text)
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_printable(c) => quoted.push(c),
            c => write_escaped(&mut quoted, c),
        }
    }
    quoted.push('"');
    quoted
}

fn write_escaped(to: &mut String, c: char) {
    let code = u32::from(c);
    let written = match code {
        0..=0xff => write!(to, "\\x{code:02x}"),
        0x100..=0xffff => write!(to, "\\u{code:04x}"),
        _ => write!(to, "\\U{code:08x}"),
    };
    written.expect("a text takes every character");
}

/// Whether every reader takes a character as it is: YAML's printable ones without line breaks, the old ones of
/// YAML 1.1 among them, and without the byte order mark.
pub(super) fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
