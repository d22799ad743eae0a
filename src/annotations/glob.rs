//! Shell patterns as Go's `filepath.Match` reads them on Unix, which Image Updater matches `ignore-tags` with.
//!
//! ```text
//! pattern = *( "*" / "?" / class / literal / "\" character )     `*` and `?` do not match "/"
//! class   = "[" [ "^" ] 1*( character / character "-" character ) "]"
//! ```
//! `!` does not negate, `**` is `*`, `{a,b}` is literal. A malformed pattern never matches anything in Go, which finds
//! the mistake only when some text gets that far; here it is found when the pattern is read. Where Go goes by bytes
//! this goes by characters, which is the same for tags.

use crate::model::diagnostic::TextError;
use crate::model::image::Tag;

/// A pattern that a whole text matches or does not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// `*`
    Star,
    /// `?`
    Any,
    Literal(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong, and where, for every pattern that `filepath.Match` calls bad for some text.
    pub(crate) fn new(pattern: &str) -> Result<Self, TextError> {
        let mut reader = Reader { pattern, at: 0 };
        let mut pieces = Vec::new();
        while let Some(c) = reader.next() {
            pieces.push(match c {
                '*' => Piece::Star,
                '?' => Piece::Any,
                '[' => reader.class()?,
                '\\' => Piece::Literal(reader.escaped()?),
                c => Piece::Literal(c),
            });
        }
        Ok(Self { pieces })
    }

    /// Whether the whole of `text` matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut piece, mut at) = (0, 0);
        // Where to go on when a mismatch comes: behind the latest star, which takes one more character.
        let mut star: Option<(usize, usize)> = None;
        loop {
            match self.pieces.get(piece) {
                Some(Piece::Star) => {
                    piece += 1;
                    star = Some((piece, at));
                    continue;
                }
                Some(one) if text.get(at).is_some_and(|c| one.matches(*c)) => {
                    (piece, at) = (piece + 1, at + 1);
                    continue;
                }
                None if at == text.len() => return true,
                _ => {}
            }
            match star {
                Some((behind, from)) if text.get(from).is_some_and(|c| *c != '/') => {
                    star = Some((behind, from + 1));
                    (piece, at) = (behind, from + 1);
                }
                _ => return false,
            }
        }
    }

    /// A character that a text must contain to match, and that no tag contains: nothing matches then.
    pub(crate) fn impossible(&self) -> Option<char> {
        self.pieces.iter().find_map(|piece| match piece {
            Piece::Literal(c) if !is_tag_character(*c) => Some(*c),
            _ => None,
        })
    }

    /// Whether every legal tag matches, as with `*`: who ignores such tags holds the image by hand.
    pub(crate) fn matches_every_tag(&self) -> bool {
        let takers: Vec<&Piece> = self.pieces.iter().filter(|piece| **piece != Piece::Star).collect();
        let has_star = takers.len() < self.pieces.len();
        match takers[..] {
            [] => has_star,
            // In `*x` it must take the last character of any tag, else it may take the first.
            [taker] => {
                let prefix = if self.pieces.last() == Some(taker) { "a" } else { "" };
                let mut ascii = (0..=127).map(char::from);
                has_star && ascii.all(|c| taker.matches(c) || Tag::new(&format!("{prefix}{c}")).is_none())
            }
            // A tag may be one character long.
            _ => false,
        }
    }
}

/// Whether `c` may stand in a tag.
fn is_tag_character(c: char) -> bool {
    Tag::new(&format!("a{c}")).is_some()
}

impl Piece {
    /// Whether a piece that takes one character takes this one.
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => c != '/',
            Self::Literal(literal) => *literal == c,
            Self::Class { negated, ranges } => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated,
        }
    }
}

struct Reader<'p> {
    pattern: &'p str,
    at: usize,
}

impl Reader<'_> {
    fn class(&mut self) -> Result<Piece, TextError> {
        let start = self.at - 1;
        let negated = self.eat('^');
        let mut ranges = Vec::new();
        while ranges.is_empty() || !self.eat(']') {
            let from = self.class_character(start)?;
            let to = if self.eat('-') { self.class_character(start)? } else { from };
            ranges.push((from, to));
        }
        Ok(Piece::Class { negated, ranges })
    }

    /// One end of a range in the class that began at `start`.
    fn class_character(&mut self, start: usize) -> Result<char, TextError> {
        let unclosed = |end: usize| {
            TextError::new("a `[` is not closed").at(start..end).hint("for the character itself write `\\[`")
        };
        let at = self.at;
        match self.next() {
            None => Err(unclosed(at)),
            Some(c @ ('-' | ']')) => {
                let error = TextError::new(format!("`{c}` cannot stand here in `[…]`")).at(at..self.at);
                Err(error.hint(format!("for the character itself write `\\{c}`")))
            }
            Some('\\') => self.escaped(),
            Some(c) => Ok(c),
        }
    }

    /// The character behind a `\` that was just read.
    fn escaped(&mut self) -> Result<char, TextError> {
        let backslash = self.at - 1..self.at;
        self.next().ok_or_else(|| TextError::new("nothing follows the `\\`").at(backslash))
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.pattern[self.at..].starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }
}

impl Iterator for Reader<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let c = self.pattern[self.at..].chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        for (pattern, matching, other) in [
            ("", &[""][..], &["a"][..]),
            ("latest", &["latest"], &["latest2", "Latest", ""]),
            ("*", &["", "a", "v1.2-x_y"], &["a/b"]),
            ("**", &["", "a"], &["a/b"]),
            ("a*", &["a", "ab"], &["ba", "a/b"]),
            ("*a", &["a", "ba", "aa"], &["ab"]),
            ("*abc*", &["abc", "xabcy", "ababc"], &["ab", "abxc"]),
            ("*a*b*c", &["abc", "xaybzc", "aabbcc"], &["acb", "abcd"]),
            ("a*/b", &["a/b", "ax/b"], &["a/x/b"]),
            ("tag?", &["tag1"], &["tag", "tag10", "tag/"]),
            ("?*", &["a", "ab"], &[""]),
            ("20??", &["2024"], &["202", "20240"]),
            ("[a-c]*", &["a", "bx"], &["d", ""]),
            ("[a-ck]", &["b", "k"], &["d"]),
            ("[^a-c]*", &["d", "-"], &["a", ""]),
            ("[!a-c]", &["!", "b"], &["d"]),
            ("[x-a]", &[], &["x", "a", "m", "-"]),
            ("[[:digit:]]*", &["[]", ":]x", "d]"], &["1"]),
            ("[[]", &["["], &["]"]),
            ("[a\\-c]", &["a", "-", "c"], &["b", "\\"]),
            ("[\\]-\\^]", &["]", "^"], &["\\"]),
            ("[a^]", &["a", "^"], &["b"]),
            ("[*?]", &["*", "?"], &["a"]),
            ("[/]", &["/"], &[]),
            ("]a}", &["]a}"], &[]),
            ("{a,b}", &["{a,b}"], &["a", "b"]),
            ("\\*", &["*"], &["a", "\\*"]),
            ("ma\\in", &["main"], &["ma\\in"]),
            // The star goes on from where it last was; Go does not try an earlier one again behind a `/`.
            ("*[/a]*b", &["ab", "xxab", "/b"], &["ax/yb"]),
        ] {
            let glob = Glob::new(pattern).unwrap();
            for text in matching {
                assert!(glob.matches(text), "{pattern} matches {text}");
            }
            for text in other {
                assert!(!glob.matches(text), "{pattern} does not match {text}");
            }
        }
    }

    #[test]
    fn cases_of_ignored_tags() {
        for (id, pattern, tag, expected) in [
            ("ign-02", "tag2", "tag2", true),
            ("ign-04", "tag?", "tag1", true),
            ("ign-05", "foo", "foo", true),
            ("ign-06", "tag?", "tag10", false),
            ("ign-09", "", "x", false),
            ("ign-10", "master-[0-9]*", "master-12", true),
        ] {
            assert_eq!(Glob::new(pattern).unwrap().matches(tag), expected, "{id}");
        }
        assert!(Glob::new("[a-").is_err(), "ign-08");
    }

    #[test]
    fn bad_patterns_are_found_where_go_finds_them() {
        for (pattern, message, part) in [
            ("\\", "nothing follows the `\\`", "\\"),
            ("*\\", "nothing follows the `\\`", "\\"),
            ("[", "a `[` is not closed", "["),
            ("x[a", "a `[` is not closed", "[a"),
            ("[a-c", "a `[` is not closed", "[a-c"),
            ("[^", "a `[` is not closed", "[^"),
            ("a[b*c", "a `[` is not closed", "[b*c"),
            ("[a\\", "nothing follows the `\\`", "\\"),
            ("[]", "`]` cannot stand here in `[…]`", "]"),
            ("[]a]", "`]` cannot stand here in `[…]`", "]"),
            ("[^]a]", "`]` cannot stand here in `[…]`", "]"),
            ("[a-]", "`]` cannot stand here in `[…]`", "]"),
            ("[-a]", "`-` cannot stand here in `[…]`", "-"),
            ("[a-b-c]", "`-` cannot stand here in `[…]`", "-"),
            ("[a--]", "`-` cannot stand here in `[…]`", "-"),
        ] {
            let error = Glob::new(pattern).expect_err(pattern);
            assert_eq!(error.message, message, "{pattern}");
            assert_eq!(&pattern[error.span.unwrap()], part, "{pattern}");
        }
    }

    #[test]
    fn some_patterns_match_every_tag() {
        for (pattern, expected) in [
            ("*", true),
            ("***", true),
            ("?*", true),
            ("*?", true),
            ("*?*", true),
            ("[^/]*", true),
            ("[0-z]*", true),
            ("*[--z]", false),
            ("*[\\--z]", true),
            ("*[0-z]", false),
            ("*[0-z]*", true),
            ("", false),
            ("?", false),
            ("??*", false),
            ("a*", false),
            ("*.*", false),
            ("[a-z]*", false),
        ] {
            assert_eq!(Glob::new(pattern).is_ok_and(|glob| glob.matches_every_tag()), expected, "{pattern}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_time() {
        let glob = Glob::new(&"*a".repeat(2000)).unwrap();
        assert!(!glob.matches(&"a".repeat(128)));
        assert!(!Glob::new(&format!("{}b", "*a".repeat(60))).unwrap().matches(&"a".repeat(128)));
    }
}
