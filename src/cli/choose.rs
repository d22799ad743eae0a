//! `--alias`, `--set`, `--min-age`, `--pin-digest` and `--max-changes`: what a run is told about images beside their
//! annotations. Everything that can be wrong with it is said before any registry is asked, but whether a version exists.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::annotations;
use crate::annotations::rule::ImageRule;
use crate::cli::choice_args::ChoiceArgs;
use crate::cli::choice_args::WishArgs;
use crate::decide::count;
use crate::error::Error;
use crate::model::choosing::MinAge;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::image::Digest;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::run::Selected;

/// How many names an error offers.
const NAMED: usize = 5;

/// What the flags ask for, as far as it can be read without looking at any Application.
#[derive(Debug)]
pub(crate) struct Choice {
    aliases: Vec<String>,
    min_age: Option<MinAge>,
    pin_digest: Option<crate::model::choosing::PinDigest>,
    sets: Vec<Set>,
}

/// One `--set`.
#[derive(Debug, PartialEq, Eq)]
struct Set {
    name: String,
    version: Version,
}

impl Choice {
    /// Reads the flags.
    ///
    /// # Errors
    /// A value is not what its flag takes.
    pub(crate) fn read(args: &ChoiceArgs, wishes: Option<&WishArgs>) -> Result<Self, Error> {
        let age = |text: &String| {
            let wrong = || Error::usage(format!("--min-age: `{text}` is not a duration"));
            MinAge::parse(text.trim()).ok_or_else(|| wrong().hint("for example 36h, 7d or 2w"))
        };
        Ok(Self {
            aliases: args.aliases.clone(),
            min_age: args.min_age.as_ref().map(age).transpose()?,
            pin_digest: args.pin_digest.map(crate::cli::choice_args::PinDigestArg::value),
            sets: wishes.iter().flat_map(|wishes| &wishes.sets).map(|text| set(text)).collect::<Result<_, _>>()?,
        })
    }

    /// Notes in the rules of a selection what is asked of them.
    ///
    /// # Errors
    /// An alias is nobody's, or not one image's; an image that is to be set is held.
    pub(crate) fn note(&self, selected: &mut [Selected], now: Timestamp) -> Result<(), Error> {
        // Whoever selected nothing was told so.
        if selected.is_empty() {
            return Ok(());
        }
        self.narrow(selected)?;
        for set in &self.sets {
            let rule = find(selected, &set.name)?;
            refuse_held(rule, now)?;
            match &rule.wish.version {
                Some(other) if *other != set.version => {
                    let what = format!("--set: `{}` cannot be both {other} and {}", rule.label(), set.version);
                    return Err(Error::usage(what));
                }
                _ => rule.wish.version = Some(set.version.clone()),
            }
        }
        for rule in selected.iter_mut().flat_map(|selected| &mut selected.rules.images) {
            if let Ok(settings) = &mut rule.settings {
                settings.pin_digest = self.pin_digest.unwrap_or(settings.pin_digest);
                settings.min_age = self.min_age.clone().or(settings.min_age.take());
            }
        }
        Ok(())
    }

    /// Leaves out every image that no `--alias` names.
    fn narrow(&self, selected: &mut [Selected]) -> Result<(), Error> {
        if self.aliases.is_empty() {
            return Ok(());
        }
        if let Some(name) = self.aliases.iter().find(|name| !labels(selected).contains(name.as_str())) {
            return Err(unknown("--alias", name, &labels(selected)));
        }
        for rule in selected.iter_mut().flat_map(|selected| &mut selected.rules.images) {
            rule.wish.left_out = !self.aliases.iter().any(|name| name == rule.label());
        }
        Ok(())
    }
}

/// Reads `ALIAS=TAG` or `ALIAS=TAG@DIGEST`.
fn set(text: &str) -> Result<Set, Error> {
    let wrong = |what: String| Error::usage(format!("--set: {what}")).hint("write ALIAS=TAG or ALIAS=TAG@DIGEST");
    let Some((name, version)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Err(wrong(format!("`{text}` names no alias and version")));
    };
    let (tag, digest) = match version.split_once('@') {
        Some((tag, digest)) => (tag, Some(digest)),
        None => (version, None),
    };
    let tag = Tag::new(tag).ok_or_else(|| wrong(format!("`{tag}` is not a tag")))?;
    let digest = digest.map(|text| Digest::new(text).ok_or_else(|| wrong(format!("`{text}` is not a digest"))));
    let digest = digest.transpose()?;
    Ok(Set { name: name.to_owned(), version: Version::new(Some(&tag), digest.as_ref()) })
}

/// The names of all images that are meant.
fn labels(selected: &[Selected]) -> BTreeSet<String> {
    let rules = selected.iter().flat_map(|selected| &selected.rules.images);
    rules.filter(|rule| !rule.wish.left_out).map(|rule| rule.label().to_owned()).collect()
}

fn unknown(flag: &str, name: &str, labels: &BTreeSet<String>) -> Error {
    let error = Error::usage(format!("{flag}: no selected Application has an image `{name}`"));
    if let Some(near) = annotations::nearest(name, labels.iter().map(String::as_str)) {
        return error.hint(format!("did you mean `{near}`?"));
    }
    let more = if labels.len() > NAMED { ", …" } else { "" };
    let names: Vec<&str> = labels.iter().take(NAMED).map(String::as_str).collect();
    error.hint(format!("their images are: {}{more}", names.join(", ")))
}

/// The one image that a name means: its label, or `APP/LABEL`, or `NAMESPACE/APP/LABEL`.
fn find<'a>(selected: &'a mut [Selected], name: &str) -> Result<&'a mut ImageRule, Error> {
    let known = labels(selected);
    let mut found = Vec::new();
    let mut qualified = Vec::new();
    for Selected { application, rules } in selected {
        let key = application.key.clone();
        for rule in rules.images.iter_mut().filter(|rule| !rule.wish.left_out) {
            let label = rule.label();
            let names = [label.to_owned(), format!("{}/{label}", key.name), format!("{key}/{label}")];
            if names.iter().any(|known| known == name) {
                qualified.push(names[1].clone());
                found.push(rule);
            }
        }
    }
    if found.len() > 1 {
        qualified.sort();
        qualified.dedup();
        let error = Error::usage(format!("--set: `{name}` means {}", count(found.len(), "image")));
        qualified.truncate(NAMED);
        return Err(match qualified.as_slice() {
            [_] => error.hint("write NAMESPACE/APP/ALIAS, or give each its own alias"),
            names => error.hint(format!("say which: {}", names.join(", "))),
        });
    }
    found.pop().ok_or_else(|| unknown("--set", name, &known))
}

/// What is held stays until it is let go.
fn refuse_held(rule: &ImageRule, now: Timestamp) -> Result<(), Error> {
    let label = rule.label();
    if let Some(pin) = rule.pin.as_ref().filter(|pin| !pin.expired(now)) {
        let error = Error::failed(format!("--set: `{label}` is pinned at {}", pin.version));
        return Err(error.hint("`kubectl image-update pin` moves the pin, `unpin` takes it away"));
    }
    if rule.settings.as_ref().is_ok_and(|settings| settings.filter.ignores_everything()) {
        let error = Error::failed(format!("--set: the `ignore-tags` of `{label}` matches every tag"));
        return Err(error.hint("it holds the image; take it away first"));
    }
    Ok(())
}

/// Makes sure that every version that was asked for by name can be had.
///
/// # Errors
/// One is not there, or nothing can be written for its image.
pub(crate) fn must_be_had(decisions: &[Decision]) -> Result<(), Error> {
    let is_had = |status| {
        matches!(
            status,
            ImageStatus::UpToDate | ImageStatus::UpdateAvailable | ImageStatus::Downgrade | ImageStatus::RolledBack
        )
    };
    match decisions.iter().find(|decision| decision.requested && !is_had(decision.status)) {
        Some(decision) => {
            let (application, label, message) = (&decision.application, decision.label(), &decision.message);
            Err(Error::failed(format!("--set: {application} `{label}`: {message}")))
        }
        None => Ok(()),
    }
}

/// The seat belt of scripts.
///
/// # Errors
/// There are more changes than `--max-changes` lets through.
pub(crate) fn must_be_few(changes: usize, most: Option<usize>) -> Result<(), Error> {
    match most.filter(|most| changes > *most) {
        Some(most) => Err(Error::failed(format!(
            "{} would be written, and --max-changes allows {most}; nothing was written",
            count(changes, "change")
        ))
        .hint("look at `plan`, then select less or allow more")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::application;
    use crate::model::tests::digest;
    use crate::model::tests::rules;

    #[test]
    fn a_set_is_an_alias_and_a_version() {
        let d = digest('a');
        for (text, expected) in [
            ("web=v1.2", Some(("web", "v1.2".to_owned()))),
            ("app/org/web=1", Some(("app/org/web", "1".to_owned()))),
            (&format!("web=1@{d}"), Some(("web", format!("1@{d}")))),
            ("web", None),
            ("=1", None),
            ("web=", None),
            ("web=a b", None),
            ("web=1\u{202e}", None),
            ("web=1\n", None),
            ("web=-1", None),
            (&format!("web=@{d}"), None),
            ("web=1@", None),
            ("web=1@sha256:short", None),
            ("web=a=b", None),
        ] {
            let found = set(text).ok().map(|set| (set.name, set.version.to_string()));
            assert_eq!(found, expected.map(|(name, version)| (name.to_owned(), version)), "{text}");
        }
    }

    fn selected(name: &str, list: &str) -> Selected {
        let mut application = application(&format!("{{annotations: {{image-list: '{list}'}}}}"));
        name.clone_into(&mut application.key.name);
        let rules = rules(&application).0;
        Selected { application, rules }
    }

    #[test]
    fn a_name_means_one_image() {
        let mut all = [selected("one", "web=a/web,org/x=a/x,a/bare"), selected("two", "web=a/web,api=a/api")];
        let namespace = all[0].application.key.namespace.clone();
        let full = format!("{namespace}/two/web");
        for (name, expected) in [
            ("api", Ok("api")),
            ("org/x", Ok("org/x")),
            ("one/org/x", Ok("org/x")),
            ("a/bare", Ok("a/bare")),
            ("two/web", Ok("web")),
            (full.as_str(), Ok("web")),
            ("web", Err("say which: one/web, two/web")),
            ("wbe", Err("did you mean `web`?")),
            ("three/web", Err("their images are: a/bare, api, org/x, web")),
        ] {
            let found = find(&mut all, name).map(|rule| rule.label().to_owned());
            match expected {
                Ok(label) => assert_eq!(found.unwrap(), label, "{name}"),
                Err(hint) => assert_eq!(found.unwrap_err().hints, [hint], "{name}"),
            }
        }
    }
}
