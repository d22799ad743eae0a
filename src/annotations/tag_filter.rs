//! `allow-tags` and `ignore-tags`: which tags of a repository a strategy gets to see.
//!
//! Each of the two annotations is read by itself, since they may come from different keys. Spans are places in the
//! value as it was given.

use std::sync::Arc;

use crate::annotations::glob::Glob;
use crate::annotations::go_regexp::GoRegexp;
use crate::model::candidate::Rejection;
use crate::model::diagnostic::TextError;

/// The valid patterns of `ignore-tags`.
const SYNTAX: &str = "patterns know `*`, `?`, `[…]` and `\\`; a comma separates them";

/// Lets a tag through that is allowed and not ignored (spec section 3.1); by default every one.
#[derive(Clone, Debug, Default)]
pub(crate) struct TagFilter {
    pub(crate) allow: AllowTags,
    pub(crate) ignore: IgnoreTags,
}

/// The value of `allow-tags`: `any`, or `regexp:` with an expression that matches anywhere in a tag.
#[derive(Clone, Debug, Default)]
pub(crate) enum AllowTags {
    #[default]
    Any,
    Matching(GoRegexp),
}

/// The value of `ignore-tags`: patterns, of which one must match a whole tag.
#[derive(Clone, Debug, Default)]
pub(crate) struct IgnoreTags {
    /// Shared by the images that read one annotation.
    patterns: Arc<[Glob]>,
}

impl TagFilter {
    /// Says which of the two keeps a legal tag out, `allow-tags` first.
    pub(crate) fn verdict(&self, tag: &str) -> Result<(), Rejection> {
        let allowed = match &self.allow {
            AllowTags::Any => true,
            AllowTags::Matching(expression) => expression.is_match(tag),
        };
        if !allowed {
            return Err(Rejection::NotAllowed);
        }
        if self.ignore.patterns.iter().any(|pattern| pattern.matches(tag)) {
            return Err(Rejection::Ignored);
        }
        Ok(())
    }

    /// Whether one pattern ignores every legal tag, as `*` does: the image is held by hand.
    pub(crate) fn ignores_everything(&self) -> bool {
        self.ignore.patterns.iter().any(Glob::matches_every_tag)
    }
}

impl AllowTags {
    /// Reads the value of `allow-tags`, with what is doubtful in it; an empty one allows every tag.
    ///
    /// # Errors
    /// For a value with which Image Updater would allow no tag at all (spec section 1.4).
    pub(crate) fn parse(value: &str) -> Result<(Self, Vec<TextError>), TextError> {
        let (start, text) = trim(value);
        if text.is_empty() || text.eq_ignore_ascii_case("any") {
            return Ok((Self::Any, Vec::new()));
        }
        let span = start..start + text.len();
        let Some((keyword, expression)) = text.split_once(':') else {
            return Err(TextError::new(format!("`{text}` is neither `any` nor `regexp:` with an expression"))
                .at(span)
                .hint(format!("did you mean `regexp:{text}`?")));
        };
        if !keyword.eq_ignore_ascii_case("regexp") {
            return Err(TextError::new(format!("`{keyword}` is not a way to match tags"))
                .at(start..start + keyword.len())
                .hint("valid are `any` and `regexp:` with an expression"));
        }
        let start = span.end - expression.len();
        let read = GoRegexp::new(expression).map_err(|error| {
            // An error without a place is about the whole expression.
            let span = error.span.clone().unwrap_or(0..expression.len());
            error.at(span).shifted(start)
        })?;
        let space = expression.len() - expression.trim_start().len();
        let doubt = (space > 0).then(|| {
            TextError::new("the expression begins with a space, which no tag contains")
                .at(start..start + space)
                .hint("write nothing between `regexp:` and the expression")
        });
        Ok((Self::Matching(read), doubt.into_iter().collect()))
    }
}

impl IgnoreTags {
    /// Reads the value of `ignore-tags`, a comma-separated list, with what is wrong or doubtful in it.
    ///
    /// A malformed pattern ignores nothing, as in Image Updater, and is left out.
    pub(crate) fn parse(value: &str) -> (Self, Vec<TextError>) {
        let mut patterns = Vec::new();
        let mut findings = Vec::new();
        let mut next = 0;
        for entry in value.split(',') {
            let (space, text) = trim(entry);
            let start = next + space;
            next += entry.len() + ",".len();
            match Glob::new(text) {
                Ok(pattern) => {
                    findings.extend(doubt(text, &pattern).map(|doubt| doubt.at(start..start + text.len())));
                    // An empty pattern matches no tag.
                    patterns.extend(Some(pattern).filter(|_| !text.is_empty()));
                }
                Err(error) => {
                    let message = format!("the pattern `{text}` ignores nothing: {error}");
                    let cut = text.contains('[') && !text.contains(']') && next <= value.len();
                    let hint = match &error.hint {
                        _ if cut => Some("a comma always separates patterns".to_owned()),
                        None => Some(SYNTAX.to_owned()),
                        hint => hint.clone(),
                    };
                    findings.push(TextError { message, hint, ..error.shifted(start) });
                }
            }
        }
        (Self { patterns: patterns.into() }, findings)
    }
}

fn doubt(text: &str, pattern: &Glob) -> Option<TextError> {
    let c = pattern.impossible()?;
    let error = TextError::new(format!("the pattern `{text}` ignores nothing: no tag contains `{c}`"));
    Some(error.hint(SYNTAX))
}

/// A text without the space around it, and where it begins.
fn trim(text: &str) -> (usize, &str) {
    (text.len() - text.trim_start().len(), text.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn filter(allow: &str, ignore: &str) -> Result<TagFilter, TextError> {
        Ok(TagFilter { allow: AllowTags::parse(allow)?.0, ignore: IgnoreTags::parse(ignore).0 })
    }

    fn texts(value: &Value) -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    /// What Go's `regexp` and `filepath.Match` themselves said, 250 times.
    #[test]
    fn conforms_to_go() {
        let rows = include_str!("../../tests/data/tag-filter.jsonl").lines();
        let rows: Vec<Value> = rows.map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 250);
        let mut mismatches = Vec::new();
        for row in rows {
            let [allow, ignore] = ["allow_tags", "ignore_tags"].map(|key| row[key].as_str().unwrap());
            let found = filter(allow, ignore).map(|filter| {
                let mut eligible = texts(&row["tags"]);
                eligible.retain(|tag| filter.verdict(tag).is_ok());
                eligible.sort();
                (eligible.last().cloned(), eligible)
            });
            let pick = row["pick"].as_str().map(str::to_owned);
            let expected = if row["invalid_allow"] == true { None } else { Some((pick, texts(&row["eligible"]))) };
            if found.clone().ok() != expected {
                mismatches.push(format!("{allow} {ignore}: expected {expected:?}, found {found:?}"));
            }
        }
        assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
    }

    /// Section 4 of the Image Updater cases; those of `ignore-tags` are in `glob`, those of platforms in `model`.
    ///
    /// Overruled: alw-03, alw-04, alw-07, where Image Updater allows no tag, are errors here (decisions: "bad regexp").
    #[test]
    fn cases_of_allowed_tags() {
        for (id, allow, tag) in [
            ("alw-01", "any", "anything"),
            ("alw-02", "ANY", "anything"),
            ("alw-06", "RegExp:[aA-zZ]", "MatchFuncRegexp-tag-name"),
            ("alw-08", "regexp:[a-z]+", "lemon"),
            ("alw-11", r"regexp:^v1\.", "v1.2"),
            ("alw-12", "regexp:rc", "1.0-rc1"),
            ("alw-13", "regexp:^a:b$", "a:b"),
        ] {
            assert_eq!(filter(allow, "").unwrap().verdict(tag), Ok(()), "{id}");
        }
        for (id, allow) in [("alw-03", "other"), ("alw-04", "not-regexp:a-z"), ("alw-07", "regexp:[aA-zZ")] {
            assert!(filter(allow, "").is_err(), "{id}");
        }
    }

    #[test]
    fn the_verdict_names_what_keeps_a_tag_out() {
        let filter = filter("regexp:^v", " v1* , , latest,v[").unwrap();
        for (tag, expected) in
            [("v2", Ok(())), ("v[", Ok(())), ("v1.2", Err(Rejection::Ignored)), ("latest", Err(Rejection::NotAllowed))]
        {
            assert_eq!(filter.verdict(tag), expected, "{tag}");
        }
        assert_eq!(TagFilter::default().verdict("x"), Ok(()));
    }

    #[test]
    fn some_filters_ignore_everything() {
        for (ignore, expected) in
            [("*", true), ("a, ** ", true), ("?*", true), ("", false), ("a*", false), ("[", false), ("*,[", true)]
        {
            assert_eq!(filter("any", ignore).unwrap().ignores_everything(), expected, "{ignore}");
        }
    }

    #[test]
    fn bad_allow_tags_are_errors_with_a_place() {
        for (value, message, part) in [
            (" foo ", "`foo` is neither `any` nor `regexp:` with an expression", "foo"),
            ("glob:*", "`glob` is not a way to match tags", "glob"),
            ("regexp :a", "`regexp ` is not a way to match tags", "regexp "),
            (" regexp:a(", "a `(` is not closed", "("),
            ("regexp:é[b-a]", "the range `b-a` goes backwards", "b-a"),
        ] {
            let error = AllowTags::parse(value).unwrap_err();
            assert_eq!(error.message, message);
            assert_eq!(&value[error.span.unwrap()], part, "{value}");
        }
        let large = format!("regexp:{}", "(.{1000})".repeat(2000));
        let error = AllowTags::parse(&large).unwrap_err();
        assert_eq!((error.message.as_str(), error.span), ("the expression is too large", Some(7..large.len())));
    }

    #[test]
    fn doubts_have_a_place() {
        for (value, message, part) in [
            ("a, [b ", "the pattern `[b` ignores nothing: a `[` is not closed", "[b"),
            ("[a,b]*", "the pattern `[a` ignores nothing: a `[` is not closed", "[a"),
            ("a,v\\", "the pattern `v\\` ignores nothing: nothing follows the `\\`", "\\"),
            ("a, regexp:^v", "the pattern `regexp:^v` ignores nothing: no tag contains `:`", "regexp:^v"),
            ("{a,b", "the pattern `{a` ignores nothing: no tag contains `{`", "{a"),
        ] {
            let (_, findings) = IgnoreTags::parse(value);
            assert_eq!(findings[0].message, message);
            assert_eq!(&value[findings[0].span.clone().unwrap()], part, "{value}");
        }
        let (_, findings) = IgnoreTags::parse("[a,b]*");
        assert_eq!(findings[0].hint.as_deref(), Some("a comma always separates patterns"));
        let (ignore, findings) = IgnoreTags::parse("[, a\\");
        assert!(ignore.patterns.is_empty() && findings.len() == 2, "nothing well-formed: {findings:?}");
        let (allow, doubts) = AllowTags::parse("regexp: ^v").unwrap();
        assert!(matches!(allow, AllowTags::Matching(_)));
        assert_eq!(doubts[0].span, Some(7..8));
    }
}
