//! Annotations that nothing reads, which is mostly a slip of the pen: found, and the likely meaning named.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::annotations::effective::record_key;
use crate::annotations::image_list::Entry;
use crate::annotations::keys;
use crate::annotations::keys::Scope;
use crate::annotations::reader::quoted;
use crate::model::diagnostic::Diagnostic;
use crate::model::diagnostic::Place;

/// The aliases of an image list.
struct Aliases<'a> {
    /// As they are written, without repetition.
    written: BTreeSet<&'a str>,
    /// As keys hold them.
    keys: BTreeSet<String>,
    /// The list has one image, and its pin is recorded without an alias.
    sole: bool,
    /// For so many more annotations the likely meaning is looked for.
    searches: Cell<usize>,
}

/// For more annotations than this nobody needs to be told what was meant; each search takes time with every alias.
const MOST_SEARCHES: usize = 50;

impl<'a> Aliases<'a> {
    fn of(entries: &'a [Entry]) -> Self {
        let written: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.alias.as_deref()).collect();
        let keys = written.iter().map(|alias| keys::of_alias(alias)).collect();
        let sole = match entries {
            [only] => record_key(only.alias.as_deref(), 1) == Some(keys::for_pin(None)),
            _ => false,
        };
        Self { written, keys, sole, searches: Cell::new(MOST_SEARCHES) }
    }

    fn use_it(&self, alias: &str) -> bool {
        self.written.contains(alias) || self.keys.contains(alias)
    }

    fn may_search(&self) -> bool {
        let left = self.searches.get();
        self.searches.set(left.saturating_sub(1));
        left > 0
    }

    /// The hint that names the alias that was meant.
    fn meant(&self, alias: &str) -> String {
        match Some(alias).filter(|_| self.may_search()).and_then(|alias| nearest(alias, self.written.iter().copied())) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.written.is_empty() => "write `<alias>=<image>` in the image list".to_owned(),
            None => {
                let names: Vec<_> = self.written.iter().copied().collect();
                format!("aliases in use: {}", quoted(&names.join(", ")))
            }
        }
    }
}

/// Names every annotation under the two prefixes that nothing reads.
pub(super) fn unknown_annotations(annotations: &BTreeMap<String, String>, entries: &[Entry]) -> Vec<Diagnostic> {
    let aliases = Aliases::of(entries);
    let mut diagnostics = Vec::new();
    for (annotation, value) in annotations {
        let finding = if let Some(name) = annotation.strip_prefix(keys::PREFIX) {
            unknown(name, &aliases)
        } else if let Some(name) = annotation.strip_prefix(keys::OWN_PREFIX) {
            unknown_own(name, &aliases)
        } else {
            None
        };
        if let Some(diagnostic) = finding {
            let place = Place { annotation: annotation.clone(), value: value.as_str().into(), span: 0..value.len() };
            diagnostics.push(diagnostic.at(place));
        }
    }
    diagnostics
}

/// Aliases that are used twice, or that annotations cannot name.
pub(super) fn aliases(entries: &[Entry], list: &str) -> Vec<Diagnostic> {
    let list: Arc<str> = list.into();
    let mut diagnostics = Vec::new();
    let mut seen = BTreeSet::new();
    for entry in entries {
        let Some(alias) = &entry.alias else { continue };
        let annotation = keys::for_application(keys::IMAGE_LIST);
        let place = Place { annotation, value: Arc::clone(&list), span: entry.span.clone() };
        let name = quoted(alias);
        if !keys::can_be_set(alias) {
            diagnostics.push(
                Diagnostic::warning("illegal-alias", format!("not every annotation can be named after `{name}`"))
                    .at(place)
                    .hint(
                        "an alias has at most 42 letters, digits, `-`, `_` and `.`, and begins with a letter or digit",
                    ),
            );
        } else if !seen.insert(keys::of_alias(alias)) {
            diagnostics.push(
                Diagnostic::warning("duplicate-alias", format!("the alias `{name}` is used twice"))
                    .at(place)
                    .hint("both images read the same annotations"),
            );
        }
    }
    diagnostics
}

/// What is wrong with a name under Image Updater's prefix, if nothing reads it.
fn unknown(name: &str, aliases: &Aliases<'_>) -> Option<Diagnostic> {
    if keys::ALL.iter().any(|key| is_read(name, key, aliases)) {
        return None;
    }
    let not_read = |hint: Option<String>| Diagnostic { hint, ..unread(name) };
    for key in &keys::ALL {
        match (key.scope, alias_of(name, key.name)) {
            (Scope::Image, None) if name == key.name => {
                return Some(not_read(Some(format!("it can be set for one image only: `<alias>.{}`", key.name))));
            }
            (Scope::Application, Some(_)) => {
                return Some(not_read(Some(format!("it can be set for the Application only: `{}`", key.name))));
            }
            (Scope::Both | Scope::Image, Some(alias)) => {
                let message = format!("no entry of the image list has the alias `{alias}`");
                return Some(Diagnostic::warning("unknown-alias", message).hint(aliases.meant(alias)));
            }
            _ => {}
        }
    }
    for (old, new) in keys::DEPRECATED {
        let alias = alias_of(name, old);
        if name == old || alias.is_some() {
            let alias = alias.unwrap_or("<alias>");
            return Some(not_read(Some(format!("Argo CD Image Updater no longer reads it; write `{alias}.{new}`"))));
        }
    }
    Some(not_read(nearest_key(name, aliases).map(|near| format!("did you mean `{near}`?"))))
}

fn unread(name: &str) -> Diagnostic {
    Diagnostic::warning("unknown-annotation", format!("nothing reads the annotation `{name}`"))
}

fn is_read(name: &str, key: &keys::Key, aliases: &Aliases<'_>) -> bool {
    let of_application = key.scope != Scope::Image && name == key.name;
    let of_image = key.scope != Scope::Application && alias_of(name, key.name).is_some_and(|a| aliases.use_it(a));
    of_application || of_image
}

/// The key that a name was most likely meant to have, without the alias.
fn nearest_key(name: &str, aliases: &Aliases<'_>) -> Option<&'static str> {
    if !aliases.may_search() {
        return None;
    }
    let of_image = || keys::ALL.iter().filter(|key| key.scope != Scope::Application).map(|key| key.name);
    let of_application = keys::ALL.iter().filter(|key| key.scope != Scope::Image).map(|key| key.name);
    let behind_alias = |alias: &String| name.strip_prefix(alias.as_str())?.strip_prefix('.');
    match aliases.keys.iter().filter_map(behind_alias).min_by_key(|rest| rest.len()) {
        Some(key) => nearest(key, of_image()),
        None => {
            nearest(name, of_application).or_else(|| name.split_once('.').and_then(|(_, key)| nearest(key, of_image())))
        }
    }
}

/// What is wrong with a name under this tool's own prefix, if nothing reads it.
fn unknown_own(name: &str, aliases: &Aliases<'_>) -> Option<Diagnostic> {
    for (key, ..) in keys::OWN {
        if name == key {
            let hint = format!("write `{key}.<alias>`; without an alias it is for the only image of a list");
            return (!aliases.sole).then(|| unread(name).hint(hint));
        }
        if let Some(alias) = name.strip_prefix(key).and_then(|rest| rest.strip_prefix('.')) {
            let message = format!("no entry of the image list has the alias `{alias}`");
            let finding = || Diagnostic::warning("unknown-alias", message).hint(aliases.meant(alias));
            return (!aliases.keys.contains(alias)).then(finding);
        }
    }
    let dead = |message: String, hint: &str| Some(Diagnostic::warning("dead-pin", message).hint(hint));
    match name.strip_prefix(keys::PIN) {
        Some("") if aliases.sole => None,
        Some("") => dead(
            "this pin is of an image without alias, and the list no longer has just one of those".to_owned(),
            "remove it and the `ignore-tags` of the Application, and pin the image by its alias",
        ),
        Some(rest) => match rest.strip_prefix('.') {
            Some(alias) if aliases.use_it(alias) => None,
            Some(alias) => dead(
                format!("no entry of the image list has the alias `{alias}` of this pin"),
                "remove the annotation, or give the image its alias back",
            ),
            None => Some(unread_own(name)),
        },
        None => Some(unread_own(name)),
    }
}

/// A name under this tool's prefix that nothing reads, with what was likely meant.
fn unread_own(name: &str) -> Diagnostic {
    let own = || keys::OWN.iter().map(|(key, ..)| *key).chain([keys::PIN]);
    // Image Updater's order, which is not that of ours.
    let turned = own().find_map(|key| name.strip_suffix(key)?.strip_suffix('.').map(|alias| format!("{key}.{alias}")));
    let near = match name.split_once('.') {
        _ if turned.is_some() => turned,
        Some((key, alias)) => nearest(key, own()).map(|near| format!("{near}.{alias}")),
        None => nearest(name, own()).map(str::to_owned),
    };
    Diagnostic { hint: near.map(|near| format!("did you mean `{near}`?")), ..unread(name) }
}

/// The alias in `<alias>.<key>`, if `name` has that form.
fn alias_of<'a>(name: &'a str, key: &str) -> Option<&'a str> {
    name.strip_suffix(key)?.strip_suffix('.').filter(|alias| !alias.is_empty())
}

/// No longer text is compared with what it may have been meant to be.
const LONGEST_SLIP: usize = 128;

/// The candidate that `text` was most likely meant to be, if one is close.
pub(crate) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The time and the room it takes grow with the product of the lengths, and nobody mistypes what is so long.
    if text.len() > LONGEST_SLIP {
        return None;
    }
    let text = text.to_lowercase();
    let length = text.chars().count();
    let close = (length / 3).clamp(1, 4);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST_SLIP)
        .map(|candidate| (candidate.to_lowercase(), candidate))
        // As many characters as the lengths differ have to be put in or left out.
        .filter(|(lower, _)| length.abs_diff(lower.chars().count()) <= close)
        .map(|(lower, candidate)| (strsim::damerau_levenshtein(&text, &lower), candidate))
        .filter(|(distance, _)| *distance <= close)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests;
