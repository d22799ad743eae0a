//! Reads the text of a constraint, with the place of whatever is wrong in it.
//!
//! ```text
//! constraint = group *( "||" group )
//! group      = term *( ( space / "," ) term )
//! term       = operator version / version " - " version
//! operator   = "" / "=" / "!=" / ">" / "<" / ">=" / "=>" / "<=" / "=<" / "~" / "~>" / "^"
//! version    = [ "v" ] part [ "." part [ "." part ] ] [ "-" identifiers ] [ "+" identifiers ]
//! part       = 1*( digit / "x" / "X" / "*" / "|" )
//! ```
//! The library works with regular expressions in three passes: first every hyphen range is rewritten to `>=` and `<=`,
//! wherever it stands, then the text is cut at `||`, then terms are read. A `|` may stand in a version as far as the
//! expressions go, so `1||2 - 3` means `>=1 || 2, <=3`. The same passes are made here, with the same outcome.

use std::ops::Range;

use crate::model::diagnostic::TextError;
use crate::strategy::constraint::Given;
use crate::strategy::constraint::Group;
use crate::strategy::constraint::Operator;
use crate::strategy::constraint::Term;
use crate::strategy::constraint::explain;
use crate::strategy::constraint::explain::Stop;
use crate::strategy::version::Version;

/// Far above any constraint that a person writes; the search for ranges takes quadratic time.
const MAX_LENGTH: usize = 4096;

/// Longest first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("=>", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=<", Operator::LessOrEqual),
    ("~>", Operator::Tilde),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

pub(super) fn parse(text: &str) -> Result<Vec<Group>, TextError> {
    if text.len() > MAX_LENGTH {
        return Err(TextError::new(format!("the constraint is longer than {MAX_LENGTH} bytes")));
    }
    let rewritten = Rewritten::of(text);
    let mut start = 0;
    let mut groups = Vec::new();
    for part in rewritten.text.split("||") {
        let end = start + part.len();
        groups.push(Scanner { source: &rewritten, end, at: start, version_at: start }.group()?);
        start = end + "||".len();
    }
    Ok(groups)
}

/// What the low end of a range turns into, in front of its version.
const FROM: &str = ">= ";

/// A constraint whose hyphen ranges were written out, and where each of its bytes came from.
struct Rewritten<'t> {
    original: &'t str,
    text: String,
    /// One place in the original more than `text` has bytes.
    origin: Vec<usize>,
    /// Where in `text` the ranges begin.
    ranges: Vec<usize>,
}

impl<'t> Rewritten<'t> {
    fn of(original: &'t str) -> Self {
        let mut this = Self { original, text: String::new(), origin: Vec::new(), ranges: Vec::new() };
        let mut rest = 0;
        while let Some(range) = find_range(original, rest) {
            this.keep(rest..range.whole.start);
            this.ranges.push(this.text.len());
            this.insert(FROM, range.low.start);
            this.keep(range.low.clone());
            this.insert(", <= ", range.low.end);
            this.keep(range.high.clone());
            this.insert(" ", range.high.end);
            rest = range.whole.end;
        }
        this.keep(rest..original.len());
        this.origin.push(original.len());
        this
    }

    fn keep(&mut self, range: Range<usize>) {
        self.text.push_str(&self.original[range.clone()]);
        self.origin.extend(range);
    }

    fn insert(&mut self, text: &str, at: usize) {
        self.text.push_str(text);
        self.origin.extend(std::iter::repeat_n(at, text.len()));
    }

    /// Where a reader that stopped at `at`, in a term or version that began at `start`, stands in the original.
    fn stop(&self, start: usize, at: usize) -> Stop<'t> {
        // The `>` may have been read already, as part of an operator such as `~>`.
        let before_range = self.ranges.iter().any(|range| (*range..range + FROM.len()).contains(&at));
        Stop { text: self.original, start: self.origin[start], at: self.origin[at], before_range }
    }
}

/// Places in a text: the two ends of `1.2 - 1.4`, and all of it with the space around.
struct HyphenRange {
    whole: Range<usize>,
    low: Range<usize>,
    high: Range<usize>,
}

fn find_range(text: &str, from: usize) -> Option<HyphenRange> {
    let range_at = |start: usize| {
        let low = skip_space(text, start);
        let low = low..low + scan_version(text.get(low..)?)?.length;
        let dash = skip_space(text, low.end);
        let high = skip_space(text, dash + text[dash..].strip_prefix('-').map(|_| 1)?);
        if dash == low.end || high == dash + 1 {
            return None;
        }
        let high = high..high + scan_version(&text[high..])?.length;
        Some(HyphenRange { whole: start..skip_space(text, high.end), low, high })
    };
    (from..text.len()).find_map(range_at)
}

fn skip_space(text: &str, at: usize) -> usize {
    // `\s` of Go's regular expressions, which the library uses.
    let space = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r');
    at + text.as_bytes().iter().skip(at).take_while(space).count()
}

/// The pieces of a version in a constraint.
struct RawVersion<'t> {
    length: usize,
    parts: [Option<&'t str>; 3],
    /// With its `-`, or empty.
    pre: &'t str,
}

/// Reads as much of a version as stands at the start of `text`.
fn scan_version(text: &str) -> Option<RawVersion<'_>> {
    let run = |at: usize, accepts: fn(u8) -> bool| {
        let length = text.bytes().skip(at).take_while(|b| accepts(*b)).count();
        (length > 0).then_some(at + length)
    };
    let is_part = |b: u8| b.is_ascii_digit() || matches!(b, b'x' | b'X' | b'*' | b'|');
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let starts = |at: usize, prefix: u8| text.as_bytes().get(at) == Some(&prefix);

    let start = usize::from(starts(0, b'v'));
    let mut at = run(start, is_part)?;
    let mut parts = [Some(&text[start..at]), None, None];
    for part in &mut parts[1..] {
        match run(at + 1, is_part).filter(|_| starts(at, b'.')) {
            Some(end) => *part = Some(&text[std::mem::replace(&mut at, end) + 1..end]),
            None => break,
        }
    }
    let identifiers = |at: usize, prefix: u8| {
        let mut end = run(at + 1, is_word).filter(|_| starts(at, prefix))?;
        while let Some(next) = run(end + 1, is_word).filter(|_| starts(end, b'.')) {
            end = next;
        }
        Some(end)
    };
    let pre_end = identifiers(at, b'-').unwrap_or(at);
    let length = identifiers(pre_end, b'+').unwrap_or(pre_end);
    Some(RawVersion { length, parts, pre: &text[at..pre_end] })
}

/// Reads one group of a rewritten constraint.
struct Scanner<'t> {
    source: &'t Rewritten<'t>,
    /// Where the group ends.
    end: usize,
    at: usize,
    /// Where the latest version began.
    version_at: usize,
}

impl Scanner<'_> {
    fn group(&mut self) -> Result<Group, TextError> {
        let start = self.at;
        self.space();
        if self.rest().is_empty() {
            return Err(explain::empty_group(&self.source.stop(start, self.at)));
        }
        let mut terms = vec![self.term()?];
        loop {
            let term_end = self.at;
            self.space();
            let comma = self.rest().starts_with(',');
            if comma {
                self.at += 1;
                self.space();
            }
            if self.rest().is_empty() && !comma {
                return Ok(Group { terms });
            }
            if self.at == term_end {
                return Err(explain::no_separator(&self.source.stop(self.version_at, self.at)));
            }
            terms.push(self.term()?);
        }
    }

    fn term(&mut self) -> Result<Term, TextError> {
        let start = self.at;
        let found = OPERATORS.iter().find(|(text, _)| self.rest().starts_with(text));
        let operator = found.map_or(Operator::Equal, |(text, operator)| {
            self.at += text.len();
            *operator
        });
        self.space();
        self.version_at = self.at;
        let Some(raw) = scan_version(self.rest()) else {
            return Err(explain::no_version(&self.source.stop(start, self.at)));
        };
        let text = &self.rest()[..raw.length];
        let (given, exact) = raw.fill(text);
        let after = self.at + raw.length;
        let version = Version::parse(&exact)
            .map_err(|error| explain::bad_version(&self.source.stop(self.at, after), text, &error))?;
        self.at = after;
        Ok(Term { operator, version, given })
    }

    fn space(&mut self) {
        self.at += skip_space(self.rest(), 0);
    }

    fn rest(&self) -> &str {
        &self.source.text[self.at..self.end]
    }
}

impl RawVersion<'_> {
    /// How much of the version is given, and the version with 0 for the rest; `text` is the version as written.
    fn fill(&self, text: &str) -> (Given, String) {
        let part = |index: usize| self.parts[index].filter(|part| !matches!(*part, "x" | "X" | "*"));
        let pre = self.pre;
        match (part(0), part(1), part(2)) {
            (None, ..) => (Given::Nothing, format!("0.0.0{pre}")),
            (Some(major), None, _) => (Given::Major, format!("{major}.0.0{pre}")),
            (Some(major), Some(minor), None) => (Given::Minor, format!("{major}.{minor}.0{pre}")),
            (Some(_), Some(_), Some(_)) => (Given::All, text.to_owned()),
        }
    }
}
