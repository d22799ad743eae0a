//! Says what is wrong with a constraint, in the words and at the places of the user's text.

use crate::model::diagnostic::TextError;
use crate::strategy::version::VersionError;

/// Where reading stopped.
pub(super) struct Stop<'t> {
    /// The constraint as written.
    pub(super) text: &'t str,
    /// Where the piece began that could not be read to its end.
    pub(super) start: usize,
    pub(super) at: usize,
    /// A hyphen range begins at `at`.
    pub(super) before_range: bool,
}

impl<'t> Stop<'t> {
    /// What stands at `at`, up to the next space, comma, `||` or end.
    fn word(&self) -> &'t str {
        let rest = &self.text[self.at..];
        let rest = rest.split("||").next().unwrap_or(rest);
        rest.split(|c: char| c.is_ascii_whitespace() || c == ',').next().unwrap_or(rest)
    }

    /// An error about everything from `start` up to the end of the word.
    fn about_all(&self, message: impl FnOnce(&str) -> String) -> TextError {
        let span = self.start..self.at + self.word().len();
        TextError::new(message(&self.text[span.clone()])).at(span)
    }

    /// An error about the word.
    fn about_word(&self, message: impl FnOnce(&str) -> String) -> TextError {
        Stop { start: self.at, ..*self }.about_all(message)
    }
}

/// Nothing but space was read, from `start` to `at`.
pub(super) fn empty_group(stop: &Stop<'_>) -> TextError {
    let error = if stop.text[..stop.start].ends_with("||") {
        TextError::new("nothing stands after `||`").at(stop.start - 2..stop.start)
    } else if stop.text[stop.at..].starts_with("||") {
        TextError::new("nothing stands before `||`").at(stop.at..stop.at + 2)
    } else {
        TextError::new("the constraint is empty")
    };
    error.hint("`*` stands for every release")
}

/// No version stands at `at`; the term, and maybe its operator, began at `start`.
pub(super) fn no_version(stop: &Stop<'_>) -> TextError {
    let operator = stop.text[stop.start..stop.at].trim_end();
    if stop.before_range {
        let span = stop.start..stop.start + operator.len();
        return TextError::new(format!("`{operator}` stands before a range, which takes no operator"))
            .at(span)
            .hint("write `1.2 - 1.4`, or `>=1.2 <=1.4`");
    }
    let word = stop.word();
    if word.starts_with(is_operator) {
        let after = word.find(|c| !is_operator(c)).unwrap_or(word.len());
        let span = stop.start..stop.at + after;
        let found = &stop.text[span.clone()];
        let hint = if found == "==" { "write `=`" } else { "operators are = != > < >= <= ~ ^" };
        return TextError::new(format!("`{found}` is not an operator")).at(span).hint(hint);
    }
    match (operator, word) {
        ("", "") if stop.text[stop.at..].starts_with(',') => {
            TextError::new("no term stands before the comma").at(stop.at..stop.at + 1)
        }
        ("", "") => {
            let comma = stop.text[..stop.at].rfind(',');
            let error = TextError::new("no term follows the comma");
            comma.map_or(error.clone(), |comma| error.at(comma..comma + 1))
        }
        (operator, "") => {
            let span = stop.start..stop.start + operator.len();
            TextError::new(format!("no version follows `{operator}`")).at(span)
        }
        (_, word) => {
            let error = stop.about_word(|word| format!("`{word}` is not a version"));
            if word.starts_with('-') {
                error.hint("a range has a space on each side of its hyphen: `1.2 - 1.4`")
            } else if word.strip_prefix('V').is_some_and(starts_with_digit) {
                error.hint("the `v` is lower case")
            } else {
                error
            }
        }
    }
}

/// A version that began at `start` goes on at `at` in a way that no version does.
pub(super) fn no_separator(stop: &Stop<'_>) -> TextError {
    let word = stop.word();
    let not_separated = |what: &str| {
        let error = stop.about_word(|_| format!("{what} is not separated from the term before it"));
        error.hint("write a comma between them")
    };
    if stop.before_range {
        return not_separated("a range");
    }
    if word.starts_with(is_operator) {
        return not_separated(&format!("`{word}`"));
    }
    let error = stop.about_all(|version| format!("`{version}` is not a version"));
    if word.strip_prefix('.').is_some_and(starts_with_digit) {
        return error.hint("a version has at most three numbers");
    }
    error
}

/// `text`, from `start` to `at`, has the shape of a version and is none.
pub(super) fn bad_version(stop: &Stop<'_>, text: &str, error: &VersionError) -> TextError {
    let message = match error {
        VersionError::Shape if text.contains('|') => "alternatives are separated by `||`".to_owned(),
        VersionError::Shape => format!("`{text}` mixes numbers and wildcards"),
        error => format!("`{text}` is not a version: {error}"),
    };
    TextError::new(message).at(stop.start..stop.at)
}

fn is_operator(c: char) -> bool {
    "=!<>~^".contains(c)
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}
