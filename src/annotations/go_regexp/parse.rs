//! Go's regular expression grammar, as `regexp/syntax` reads it with the flags of `regexp.Compile`.
//!
//! ```text
//! expression  = branch *( "|" branch )
//! branch      = *( piece [ repetition ] )
//! repetition  = ( "*" / "+" / "?" / "{" min [ "," [ max ] ] "}" ) [ "?" ]
//! piece       = character / "." / "^" / "$" / escape / class / group / flags
//! group       = "(" [ "?:" / "?" flags ":" / "?P<" name ">" / "?<" name ">" ] expression ")"
//! flags       = "(?" *( "i" / "m" / "s" / "U" ) [ "-" 1*( … ) ] ")"          until the group around it ends
//! ```
//! A `{` that begins no repetition is a character. Flags are no piece, so in `a(?i)*` the `a` is repeated.

use std::ops::Range;

use regex_syntax::hir::Capture;
use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;
use regex_syntax::hir::Look;
use regex_syntax::hir::Repetition;

use crate::annotations::go_regexp::MAX_DEPTH;
use crate::annotations::go_regexp::ascii::AsciiSet;
use crate::model::diagnostic::TextError;

/// The most times that something may be repeated, by one repetition or by several in one another.
const MAX_REPEAT: u32 = 1000;

/// Far above what people write; some searches take quadratic time.
const MAX_LENGTH: usize = 1 << 16;

pub(super) fn parse(pattern: &str) -> Result<Hir, TextError> {
    if pattern.len() > MAX_LENGTH {
        return Err(TextError::new(format!("the expression is longer than {MAX_LENGTH} bytes")));
    }
    let mut parser = Parser { pattern, at: 0, flags: Flags::default(), level: Level::default(), outer: Vec::new() };
    let mut repeated = None;
    while let Some(c) = parser.peek() {
        repeated = parser.step(c, repeated)?;
    }
    if let Some(group) = parser.outer.last() {
        return Err(TextError::new("a `(` is not closed").at(group.start..group.start + 1));
    }
    Ok(parser.level.close().hir)
}

/// What is read of a group, or of the whole.
#[derive(Default)]
struct Level {
    branches: Vec<Piece>,
    /// The branch that is being read.
    branch: Vec<Piece>,
}

/// A part of an expression that may be repeated, with what Go limits.
struct Piece {
    hir: Hir,
    depth: usize,
    /// The product of the repetitions that are nested in one another.
    repeats: u32,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    /// `i`
    pub(super) fold: bool,
    /// `m`
    lines: bool,
    /// `s`
    dot_newline: bool,
}

pub(super) struct Parser<'p> {
    pub(super) pattern: &'p str,
    pub(super) at: usize,
    pub(super) flags: Flags,
    level: Level,
    /// The open groups, the outermost first.
    outer: Vec<OpenGroup>,
}

/// A group that is not closed yet, with what goes on behind it.
struct OpenGroup {
    /// Where its `(` stands.
    start: usize,
    captures: bool,
    level: Level,
    flags: Flags,
}

impl Parser<'_> {
    /// Reads what begins with `c`; `repeated` is the place of a repetition that stands right before it.
    /// Returns the place of the repetition if this was one.
    fn step(&mut self, c: char, repeated: Option<Range<usize>>) -> Result<Option<Range<usize>>, TextError> {
        let start = self.at;
        if let Some((min, max)) = self.counts()? {
            // In Perl a `?` makes it lazy and a `+` possessive. Go knows the first only.
            self.eat("?");
            let span = start..self.at;
            if let Some(first) = repeated {
                let error = TextError::new("a repetition is repeated").at(first.start..self.at);
                return Err(error.hint("write `(?:a*)*` for `a**`"));
            }
            self.repeat(min, max, &span)?;
            return Ok(Some(span));
        }
        match c {
            '(' => self.open()?,
            ')' => self.close()?,
            '|' => {
                self.at += 1;
                self.level.end_branch();
            }
            '[' => {
                let set = self.class()?;
                self.push(set.to_hir());
            }
            '\\' => self.escape()?,
            c => {
                self.at += c.len_utf8();
                let lines = self.flags.lines;
                self.push(match c {
                    '^' => Hir::look(if lines { Look::StartLF } else { Look::Start }),
                    '$' => Hir::look(if lines { Look::EndLF } else { Look::End }),
                    '.' if self.flags.dot_newline => AsciiSet::ALL.to_hir(),
                    '.' => AsciiSet::of(b"\n").complement().to_hir(),
                    c => self.literal(c),
                });
            }
        }
        Ok(None)
    }

    fn literal(&self, c: char) -> Hir {
        AsciiSet::range(u32::from(c), u32::from(c), self.flags.fold).to_hir()
    }

    fn push(&mut self, hir: Hir) {
        self.level.branch.push(Piece { hir, depth: 1, repeats: 1 });
    }

    /// Reads the sign of a repetition, without the `?` that may follow it: the least and the most times.
    fn counts(&mut self) -> Result<Option<(u32, Option<u32>)>, TextError> {
        for (sign, counts) in [("*", (0, None)), ("+", (1, None)), ("?", (0, Some(1)))] {
            if self.eat(sign) {
                return Ok(Some(counts));
            }
        }
        let start = self.at;
        let Some((length, min, max)) = braces(&self.pattern[start..]) else { return Ok(None) };
        self.at += length;
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT) {
            return Err(TextError::new(format!("a repetition counts to {MAX_REPEAT} at most")).at(start..self.at));
        }
        if max.is_some_and(|max| max < min) {
            return Err(TextError::new("the least count is above the most").at(start..self.at));
        }
        Ok(Some((min, max)))
    }

    fn repeat(&mut self, min: u32, max: Option<u32>, span: &Range<usize>) -> Result<(), TextError> {
        let Some(piece) = self.level.branch.pop() else {
            return Err(TextError::new("nothing stands here that could be repeated").at(span.clone()));
        };
        let repeats = match max {
            Some(0) => 1,
            max => max.unwrap_or(min).max(1).saturating_mul(piece.repeats),
        };
        if repeats > MAX_REPEAT {
            let message = format!("repetitions in one another count to more than {MAX_REPEAT}");
            return Err(TextError::new(message).at(span.clone()));
        }
        let depth = self.deeper(piece.depth, span.start)?;
        let sub = match piece.hir.kind() {
            // The printer of `regex-syntax` writes `(?:a+)?` as `a+?`, which is something else; a group is in the way.
            HirKind::Repetition(_) => Hir::capture(Capture { index: 1, name: None, sub: Box::new(piece.hir) }),
            _ => piece.hir,
        };
        let hir = Hir::repetition(Repetition { min, max, greedy: true, sub: Box::new(sub) });
        self.level.branch.push(Piece { hir, depth, repeats });
        Ok(())
    }

    fn deeper(&self, depth: usize, at: usize) -> Result<usize, TextError> {
        if depth >= MAX_DEPTH {
            return Err(TextError::new(format!("nested more than {MAX_DEPTH} deep")).at(at..self.at));
        }
        Ok(depth + 1)
    }

    /// Reads `(`, the start of a group with flags or a name, or flags alone.
    fn open(&mut self) -> Result<(), TextError> {
        let start = self.at;
        self.at += 1;
        let outside = self.flags;
        let mut captures = true;
        if self.eat("?") {
            if ["=", "!", "<=", "<!"].iter().any(|look| self.rest().starts_with(look)) {
                let span = start..self.at + self.rest().find(['=', '!']).unwrap_or_default() + 1;
                return Err(TextError::new("Go's regular expressions cannot look around").at(span));
            }
            if self.eat("P<") || self.eat("<") {
                self.name(start)?;
            } else if self.set_flags(start)? {
                captures = false;
            } else {
                return Ok(());
            }
        }
        let level = std::mem::take(&mut self.level);
        self.outer.push(OpenGroup { start, captures, level, flags: outside });
        Ok(())
    }

    fn name(&mut self, start: usize) -> Result<(), TextError> {
        let name = self.rest().split('>').next().unwrap_or_default();
        let word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        self.at += name.len();
        if word && self.eat(">") {
            return Ok(());
        }
        Err(TextError::new("the name of this group is not a word in `<…>`").at(start..self.at))
    }

    /// Reads flags up to `:`, which opens a group (true), or `)`, which does not.
    fn set_flags(&mut self, start: usize) -> Result<bool, TextError> {
        let mut flags = self.flags;
        let (mut on, mut pending) = (true, false);
        while let Some(c) = self.peek() {
            self.at += c.len_utf8();
            match c {
                'i' => flags.fold = on,
                'm' => flags.lines = on,
                's' => flags.dot_newline = on,
                // Swaps greedy and lazy.
                'U' => {}
                '-' if on => {
                    (on, pending) = (false, true);
                    continue;
                }
                ':' | ')' if !pending => {
                    self.flags = flags;
                    return Ok(c == ':');
                }
                _ => break,
            }
            pending = false;
        }
        let span = start..self.at;
        let message = format!("Go's regular expressions have no `{}`", &self.pattern[span.clone()]);
        Err(TextError::new(message).at(span).hint("flags are i, m, s and U"))
    }

    fn close(&mut self) -> Result<(), TextError> {
        let start = self.at;
        self.at += 1;
        let Some(group) = self.outer.pop() else {
            return Err(TextError::new("this `)` closes nothing").at(start..self.at));
        };
        let mut piece = std::mem::replace(&mut self.level, group.level).close();
        if group.captures || piece.depth > MAX_DEPTH {
            piece.depth = self.deeper(piece.depth, group.start)?;
        }
        self.flags = group.flags;
        self.level.branch.push(piece);
        Ok(())
    }

    /// Reads a `\` outside of a class, and what it means.
    fn escape(&mut self) -> Result<(), TextError> {
        for (escape, look) in
            [(r"\A", Look::Start), (r"\z", Look::End), (r"\b", Look::WordAscii), (r"\B", Look::WordAsciiNegate)]
        {
            if self.eat(escape) {
                self.push(Hir::look(look));
                return Ok(());
            }
        }
        if self.eat(r"\Q") {
            let literal = self.rest().split(r"\E").next().unwrap_or_default().to_owned();
            self.at += literal.len();
            self.eat(r"\E");
            literal.chars().for_each(|c| self.push(self.literal(c)));
            return Ok(());
        }
        let set = match self.class_escape()? {
            Some(set) => set,
            None => self.escaped_character().map(|c| AsciiSet::range(c, c, self.flags.fold))?,
        };
        self.push(set.to_hir());
        Ok(())
    }
}

impl Level {
    fn end_branch(&mut self) {
        let pieces = std::mem::take(&mut self.branch);
        self.branches.push(Piece::join(pieces, Hir::concat));
    }

    fn close(mut self) -> Piece {
        self.end_branch();
        Piece::join(self.branches, Hir::alternation)
    }
}

impl Piece {
    fn join(pieces: Vec<Self>, join: fn(Vec<Hir>) -> Hir) -> Self {
        let deepest = pieces.iter().map(|piece| piece.depth).max().unwrap_or_default();
        let depth = if pieces.len() == 1 { deepest } else { deepest + 1 };
        let repeats = pieces.iter().map(|piece| piece.repeats).max().unwrap_or(1);
        Self { hir: join(pieces.into_iter().map(|piece| piece.hir).collect()), depth, repeats }
    }
}

/// Reads `{min}`, `{min,}` or `{min,max}`, without leading zeros: its length, and the counts.
fn braces(text: &str) -> Option<(usize, u32, Option<u32>)> {
    let inside = text.strip_prefix('{')?;
    let end = inside.find(|c: char| !c.is_ascii_digit() && c != ',').filter(|end| inside[*end..].starts_with('}'))?;
    let inside = &inside[..end];
    let number = |digits: &str| {
        let well_formed = digits == "0" || !digits.starts_with('0');
        let digits = Some(digits).filter(|d| !d.is_empty() && well_formed && d.bytes().all(|b| b.is_ascii_digit()))?;
        // Anything too large for the type is too large for Go as well.
        Some(digits.parse().unwrap_or(u32::MAX))
    };
    let (min, max) = match inside.split_once(',') {
        None => (number(inside)?, Some(number(inside)?)),
        Some((min, "")) => (number(min)?, None),
        Some((min, max)) => (number(min)?, Some(number(max)?)),
    };
    Some((inside.len() + 2, min, max))
}
