//! Character classes and escapes: the part of the grammar that means one character.

use crate::annotations::go_regexp::ascii::AsciiSet;
use crate::annotations::go_regexp::parse::Parser;
use crate::model::diagnostic::TextError;

impl Parser<'_> {
    pub(super) fn rest(&self) -> &str {
        &self.pattern[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Reads `[…]`. `[` and set operators such as `&&` are characters there, and `]` is one if it comes first.
    pub(super) fn class(&mut self) -> Result<AsciiSet, TextError> {
        let start = self.at;
        self.at += 1;
        let negated = self.eat("^");
        let mut set = AsciiSet::default();
        let mut first = true;
        while first || !self.eat("]") {
            first = false;
            let item = match self.posix_class()? {
                Some(class) => Some(class),
                None => self.class_escape()?,
            };
            let item = match item {
                Some(class) => class,
                None => self.class_range(start)?,
            };
            set = set.union(item);
        }
        Ok(if negated { set.complement() } else { set })
    }

    /// Reads a character, or a range of them, in the class that began at `start`.
    fn class_range(&mut self, start: usize) -> Result<AsciiSet, TextError> {
        let range_start = self.at;
        let from = self.class_character(start)?;
        let mut to = from;
        // A `-` right before the `]` is a character.
        if self.rest().starts_with('-') && !self.rest().starts_with("-]") && self.rest().len() > 1 {
            self.at += 1;
            to = self.class_character(start)?;
        }
        if to < from {
            let span = range_start..self.at;
            let message = format!("the range `{}` goes backwards", &self.pattern[span.clone()]);
            return Err(TextError::new(message).at(span));
        }
        Ok(AsciiSet::range(from, to, self.flags.fold))
    }

    fn class_character(&mut self, start: usize) -> Result<u32, TextError> {
        if self.rest().starts_with('\\') {
            return self.escaped_character();
        }
        let end = self.at;
        self.next().map(u32::from).ok_or_else(|| TextError::new("a `[` is not closed").at(start..end))
    }

    /// Reads `[:name:]` or `[:^name:]` inside of a class.
    fn posix_class(&mut self) -> Result<Option<AsciiSet>, TextError> {
        let Some((name, _)) = self.rest().strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
            return Ok(None);
        };
        let span = self.at..self.at + name.len() + "[::]".len();
        let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let Some(set) = posix(name) else {
            let message = format!("Go knows no class `{}`", &self.pattern[span.clone()]);
            return Err(TextError::new(message).at(span));
        };
        self.at = span.end;
        Ok(Some(self.finish(set, negated)))
    }

    /// Reads an escape that stands for a class: `\d`, `\pL`, `\p{Greek}` and so on.
    pub(super) fn class_escape(&mut self) -> Result<Option<AsciiSet>, TextError> {
        let start = self.at;
        let mut rest = self.rest().chars();
        let (Some('\\'), Some(letter)) = (rest.next(), rest.next()) else { return Ok(None) };
        let set = match letter.to_ascii_lowercase() {
            'd' => posix("digit"),
            's' => Some(AsciiSet::of(b"\t\n\x0c\r ")),
            'w' => posix("word"),
            'p' => {
                self.at += 2;
                return self.unicode_class(start, letter == 'P').map(Some);
            }
            _ => None,
        };
        let Some(set) = set else { return Ok(None) };
        self.at += 2;
        Ok(Some(self.finish(set, letter.is_ascii_uppercase())))
    }

    /// Reads the name of a Unicode class behind a `\p` that stands at `start`.
    fn unicode_class(&mut self, start: usize, negated: bool) -> Result<AsciiSet, TextError> {
        let name = match self.rest().strip_prefix('{') {
            Some(rest) => rest.split_once('}').map(|(name, _)| (name, name.len() + "{}".len())),
            None => self.peek().map(|c| (&self.rest()[..c.len_utf8()], c.len_utf8())),
        };
        let length = name.map_or(self.rest().len(), |(_, length)| length);
        let class = name.and_then(|(name, _)| {
            let (name, inverted) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
            Some((AsciiSet::named(name)?, inverted))
        });
        let span = start..self.at + length;
        self.at = span.end;
        let Some((set, inverted)) = class else {
            let message = format!("Go knows no class `{}`", &self.pattern[span.clone()]);
            return Err(TextError::new(message).at(span).hint("such as `\\pL`, `\\p{Lu}`, `\\p{Greek}`"));
        };
        Ok(self.finish(set, negated != inverted))
    }

    /// Go folds the case of a class before it negates it.
    fn finish(&self, set: AsciiSet, negated: bool) -> AsciiSet {
        let set = if self.flags.fold { set.folded() } else { set };
        if negated { set.complement() } else { set }
    }

    /// Reads an escape that stands for one character, by its number; Go lets that be a surrogate.
    pub(super) fn escaped_character(&mut self) -> Result<u32, TextError> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.next() else {
            return Err(TextError::new("nothing follows the `\\`").at(start..self.at));
        };
        let octal = |parser: &Self| parser.peek().and_then(|c| c.to_digit(8));
        let character = match c {
            // One digit alone, but for 0, would be a back-reference.
            '1'..='7' if octal(self).is_none() => None,
            '0'..='7' => {
                let mut number = c.to_digit(8);
                for _ in 0..2 {
                    if let Some(digit) = octal(self) {
                        number = number.map(|number| number * 8 + digit);
                        self.at += 1;
                    }
                }
                number
            }
            'x' => self.hexadecimal(),
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            c => Some(c).filter(|c| c.is_ascii() && !c.is_ascii_alphanumeric()).map(u32::from),
        };
        character.ok_or_else(|| {
            let escape = &self.pattern[start..self.at];
            let message = match c {
                '1'..='9' => format!("Go's regular expressions cannot refer back with `{escape}`"),
                'x' => format!("`{escape}` is not `\\xFF` or `\\x{{10FFFF}}`"),
                _ => format!("Go's regular expressions have no `{escape}`"),
            };
            TextError::new(message).at(start..self.at)
        })
    }

    /// Reads two hexadecimal digits, or any number of them in braces, behind `\x`.
    fn hexadecimal(&mut self) -> Option<u32> {
        let digit = |parser: &mut Self| parser.next().and_then(|c| c.to_digit(16));
        if !self.eat("{") {
            return Some(digit(self)? * 16 + digit(self)?);
        }
        let mut number = digit(self)?;
        while !self.eat("}") {
            number = number * 16 + digit(self)?;
            if number > u32::from(char::MAX) {
                return None;
            }
        }
        Some(number)
    }
}

fn posix(name: &str) -> Option<AsciiSet> {
    Some(match name {
        "alnum" => AsciiSet::matching(char::is_ascii_alphanumeric),
        "alpha" => AsciiSet::matching(char::is_ascii_alphabetic),
        "ascii" => AsciiSet::ALL,
        "blank" => AsciiSet::of(b"\t "),
        "cntrl" => AsciiSet::matching(char::is_ascii_control),
        "digit" => AsciiSet::matching(char::is_ascii_digit),
        "graph" => AsciiSet::matching(char::is_ascii_graphic),
        "lower" => AsciiSet::matching(char::is_ascii_lowercase),
        "print" => AsciiSet::matching(|c| c.is_ascii_graphic() || *c == ' '),
        "punct" => AsciiSet::matching(char::is_ascii_punctuation),
        "space" => AsciiSet::of(b"\t\n\x0b\x0c\r "),
        "upper" => AsciiSet::matching(char::is_ascii_uppercase),
        "word" => AsciiSet::matching(|c| c.is_ascii_alphanumeric() || *c == '_'),
        "xdigit" => AsciiSet::matching(char::is_ascii_hexdigit),
        _ => return None,
    })
}
