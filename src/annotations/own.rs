//! Reads the settings under this tool's own prefix: how old a tag must be, whether digests are written, and which part
//! of a tag is compared.

use crate::annotations::go_regexp::GoRegexp;
use crate::annotations::keys;
use crate::annotations::lint;
use crate::annotations::reader::Found;
use crate::annotations::reader::Reader;
use crate::annotations::reader::quoted;
use crate::annotations::rule::Invalid;
use crate::model::choosing::MinAge;
use crate::model::choosing::PinDigest;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;
use crate::model::diagnostic::TextError;
use crate::strategy::Extract;
use crate::strategy::Needs;
use crate::strategy::Strategy;

impl Reader<'_> {
    pub(super) fn min_age(&mut self, alias: Option<&str>, entries: usize) -> Result<Option<MinAge>, Invalid> {
        let Some(found) = self.effective.own(keys::MIN_AGE, alias, entries) else { return Ok(None) };
        if let Some(age) = MinAge::parse(found.trimmed()) {
            return Ok(Some(age));
        }
        let message = format!("`{}` is not a duration", quoted(found.trimmed()));
        let diagnostic = Diagnostic::error("bad-min-age", message).at(found.place());
        Err(self.invalid(Reason::BadValue, diagnostic.hint("for example 7d, 36h or 1w2d")))
    }

    pub(super) fn pin_digest(&mut self, alias: Option<&str>, entries: usize) -> Result<PinDigest, Invalid> {
        let Some(found) = self.effective.own(keys::PIN_DIGEST, alias, entries) else { return Ok(PinDigest::default()) };
        let text = found.trimmed();
        if let Some(value) = PinDigest::parse(text) {
            return Ok(value);
        }
        let valid = PinDigest::ALL.map(PinDigest::name);
        let meant = lint::nearest(text, valid).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        let message = format!("`{}` does not say when to write a digest", quoted(text));
        let diagnostic = Diagnostic::error("bad-pin-digest", message).at(found.place());
        Err(self.invalid(Reason::BadValue, diagnostic.hint(format!("{meant}valid: {}", valid.join(", ")))))
    }

    /// The part of tags that a strategy that goes by names compares.
    pub(super) fn extract(
        &mut self,
        alias: Option<&str>,
        entries: usize,
        strategy: Option<&Strategy>,
    ) -> Result<Option<Extract>, Invalid> {
        let Some(found) = self.effective.own(keys::EXTRACT, alias, entries) else { return Ok(None) };
        let extract = match compiled(found) {
            Ok(extract) => extract,
            Err(error) => return Err(self.invalid(Reason::BadTagFilter, found.error("bad-extract", error))),
        };
        match strategy {
            Some(strategy) if strategy.needs != Needs::Tags => {
                let message = format!("the update strategy `{}` does not compare tags, and ignores it", strategy.name);
                self.report(Diagnostic::warning("extract-not-read", message).at(found.place()));
                Ok(None)
            }
            _ => Ok(Some(extract)),
        }
    }
}

/// Go's syntax is asked first, as for `allow-tags`: it says where a mistake is.
fn compiled(found: Found<'_>) -> Result<Extract, TextError> {
    let (text, start) = (found.trimmed(), found.place().span.start);
    let placed = |error: TextError| {
        let span = error.span.clone().unwrap_or(0..text.len());
        error.at(span).shifted(start)
    };
    GoRegexp::new(text).map_err(placed)?;
    Extract::new(text).map_err(placed)
}
