//! Regular expressions in the syntax of Go's `regexp` (RE2), which Image Updater matches `allow-tags` with.
//!
//! The `regex` crate has the same engine but not the same syntax: it rejects `{`, `a{,2}`, `[[a]` and `\Q…\E`, takes
//! `a**` and `x{1001}`, reads `[a&&b]` as an intersection, and `\d`, `\w` and `\b` as Unicode. So `parse` reads Go's
//! grammar, to Go 1.25, and what it found is compiled by that crate. Tags are ASCII: everything else is cut out of the
//! classes, which keeps programs small and makes a text that is not ASCII match in no defined way. Only whether an
//! expression matches is asked, never where: greed, groups and names leave no trace.

use regex::Regex;
use regex::RegexBuilder;
use regex_syntax::hir::Hir;
use regex_syntax::hir::print::Printer;

use crate::model::diagnostic::TextError;

mod ascii;
mod class;
mod parse;

/// Levels of nesting, counted much as Go counts them.
const MAX_DEPTH: usize = 1000;

/// Most bytes of a program: some ten thousand characters to match one behind the other, and a tag has 128. A thousand
/// images may each have an expression, and each tag takes time with the size of it.
const MAX_PROGRAM: usize = 1 << 18;

/// A regular expression that is matched anywhere in a tag.
#[derive(Clone, Debug)]
pub(crate) struct GoRegexp {
    program: Regex,
}

impl GoRegexp {
    /// Reads and compiles an expression.
    ///
    /// # Errors
    /// Says what is wrong, and where, for every expression that `regexp.Compile` rejects; and for one that takes
    /// [`MAX_PROGRAM`], which Go would run.
    pub(crate) fn new(pattern: &str) -> Result<Self, TextError> {
        let hir = parse::parse(pattern)?;
        let program = compile(&hir).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => TextError::new("the expression is too large"),
            error => TextError::new(format!("the expression cannot be compiled: {error}")),
        })?;
        Ok(Self { program })
    }

    /// Whether the expression matches anywhere in `tag`.
    pub(crate) fn is_match(&self, tag: &str) -> bool {
        self.program.is_match(tag)
    }
}

fn compile(hir: &Hir) -> Result<Regex, regex::Error> {
    let mut pattern = String::new();
    Printer::new().print(hir, &mut pattern).expect("a String takes whatever is written to it");
    // A level here may be printed as a group, an alternation and a concatenation.
    RegexBuilder::new(&pattern)
        .nest_limit(4 * MAX_DEPTH as u32)
        .size_limit(MAX_PROGRAM)
        .dfa_size_limit(MAX_PROGRAM)
        .build()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
