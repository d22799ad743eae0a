//! Kustomizations: the elements of `images` (spec section 6.7).
//!
//! An element is found by its whole name; only the keys that change are written. Image Updater replaces elements as a
//! whole, and writes all images of the Application.

use std::collections::HashMap;

use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::writeback::kustomize;

use super::Entries;
use super::FileError;
use super::entry;
use super::wrong_field;
use super::yaml::New;
use super::yaml::NodeId;
use super::yaml::Refusal;
use super::yaml::Yaml;

/// The keys of an element beside its name, in the order in which they are written.
const KEYS: [&str; 3] = ["newName", "newTag", "digest"];

/// An image in parts: the name in the manifests, and the values of [`KEYS`].
struct Parts<'a> {
    name: &'a str,
    values: [Option<&'a str>; 3],
}

impl<'a> Parts<'a> {
    /// Reads `[old=]new[:tag][@digest]` (cases `pio-*`).
    fn of(entry: &'a str) -> Self {
        let (name, new) = match entry.split_once('=') {
            Some((old, new)) => (Some(old), new),
            None => (None, entry),
        };
        let image = kustomize::name(new);
        let (tag, digest) = match new[image.len()..].split_once('@') {
            Some((tag, digest)) => (tag, Some(digest)),
            None => (&new[image.len()..], None),
        };
        let tag = tag.strip_prefix(':').filter(|tag| !tag.is_empty());
        Self { name: name.unwrap_or(image), values: [name.map(|_| image), tag, digest] }
    }

    fn text(&self) -> String {
        let [new_name, tag, digest] = self.values;
        let mut text = self.name.to_owned();
        for (separator, value) in [("=", new_name), (":", tag), ("@", digest)] {
            if let Some(value) = value {
                text.push_str(separator);
                text.push_str(value);
            }
        }
        text
    }

    /// As a new element.
    fn element(&self) -> New {
        let values = KEYS.iter().zip(self.values).filter_map(|(key, value)| Some(entry(key, New::text(value?))));
        New::Map([entry("name", New::text(self.name))].into_iter().chain(values).collect())
    }
}

/// The images that the file sets, and those that cannot be told as one text.
pub(super) fn entries(yaml: &Yaml) -> Result<Entries, Refusal> {
    let Some(list) = list(yaml)? else { return Ok(Entries::default()) };
    let mut images = Vec::new();
    let mut refused = Vec::new();
    for item in yaml.items(list).unwrap_or_default() {
        let Some(name) = name_of(yaml, *item) else { continue };
        match parts(yaml, *item) {
            Ok(parts) => images.push(parts.text()),
            Err(refusal) => {
                let new = yaml.get(*item, "newName").and_then(|new| yaml.text(new));
                refused.extend([name].into_iter().chain(new).map(|name| (name.to_owned(), refusal.clone())));
            }
        }
    }
    Ok(Entries { helm: None, kustomize: Some(images), refused })
}

/// The element for a name, as one text.
pub(super) fn value(yaml: &Yaml, name: &str) -> Result<Option<String>, Refusal> {
    find(yaml, name)?.map(|(_, element)| Ok(parts(yaml, element)?.text())).transpose()
}

/// Makes edits: first all scalars that are there, then, one by one, what is new, then what goes away.
pub(super) fn edit(yaml: &mut Yaml, edits: &[&Edit]) -> Result<(), FileError> {
    let mut scalars = HashMap::new();
    for edit in edits {
        let (name, to) = target(edit)?;
        let (Some((_, element)), Some(to)) = (find(yaml, name)?, &to) else { continue };
        for (key, value) in KEYS.iter().zip(to.values) {
            let (Some(scalar), Some(value)) = (yaml.get(element, key), value) else { continue };
            if yaml.text(scalar) == Some(value) {
                continue;
            }
            if scalars.insert(scalar, New::text(value)).is_some_and(|before| before != New::text(value)) {
                let message = format!("`{}` and another image share this value", name.escape_debug());
                return Err(yaml.refuse(scalar, message).into());
            }
        }
    }
    yaml.set(&scalars)?;
    for edit in edits {
        if let (name, Some(to)) = target(edit)? {
            add(yaml, name, &to)?;
        }
    }
    for edit in edits {
        let (name, to) = target(edit)?;
        remove(yaml, name, to.as_ref())?;
    }
    Ok(())
}

/// The name that an edit is about, and what it gets.
fn target(edit: &Edit) -> Result<(&str, Option<Parts<'_>>), Refusal> {
    let Field::KustomizeImage(name) = &edit.field else { return Err(wrong_field(&edit.field)) };
    let to = edit.to.as_deref().map(Parts::of);
    match &to {
        Some(to) if to.name != name || to.values.contains(&Some("")) => {
            Err(Refusal::new(format!("`{}` is no image for `{}`", to.text().escape_debug(), name.escape_debug())))
        }
        _ => Ok((name, to)),
    }
}

/// Adds the element, or the keys that it lacks.
fn add(yaml: &mut Yaml, name: &str, to: &Parts<'_>) -> Result<(), Refusal> {
    let Some((_, element)) = find(yaml, name)? else {
        return match (list(yaml)?, yaml.root()) {
            (Some(list), _) => yaml.push(list, to.element()),
            (None, root) => yaml.put(root, &["images"], New::List(vec![to.element()])),
        };
    };
    for (key, value) in KEYS.iter().zip(to.values) {
        if let (None, Some(value)) = (yaml.get(element, key), value) {
            yaml.put(Some(element), &[key], New::text(value))?;
            return add(yaml, name, to);
        }
    }
    Ok(())
}

/// Removes the keys that an element must not have any more, or the element.
fn remove(yaml: &mut Yaml, name: &str, to: Option<&Parts<'_>>) -> Result<(), Refusal> {
    let Some((place, element)) = find(yaml, name)? else { return Ok(()) };
    let Some(to) = to else {
        return match list(yaml)? {
            Some(list) => yaml.remove(list, place),
            None => Ok(()),
        };
    };
    for (key, value) in KEYS.iter().zip(to.values) {
        let scalar = yaml.get(element, key).and_then(|scalar| yaml.text(scalar));
        if value.is_some() || scalar.is_none_or(str::is_empty) {
            continue;
        }
        let place = yaml
            .entries(element)
            .and_then(|entries| entries.iter().position(|(found, _)| yaml.text(*found) == Some(key)));
        if let Some(place) = place {
            yaml.remove(element, place)?;
            return remove(yaml, name, Some(to));
        }
    }
    Ok(())
}

/// The list `images`; `None` if there is none, or nothing in its place.
fn list(yaml: &Yaml) -> Result<Option<NodeId>, Refusal> {
    let Some(list) = yaml.root().and_then(|root| yaml.get(root, "images")) else { return Ok(None) };
    match yaml.items(list) {
        Some(_) => Ok(Some(list)),
        None if yaml.is_null(list) => Ok(None),
        None => Err(yaml.refuse(list, format!("`images` is {}, not a list", yaml.kind(list)))),
    }
}

/// The element for a name, and its place in the list.
fn find(yaml: &Yaml, name: &str) -> Result<Option<(usize, NodeId)>, Refusal> {
    let items = list(yaml)?.and_then(|list| yaml.items(list)).unwrap_or_default();
    let mut found = items.iter().enumerate().filter(|(_, item)| name_of(yaml, **item) == Some(name));
    let first = found.next().map(|(place, item)| (place, yaml.resolved(*item)));
    match found.next() {
        Some((_, second)) => {
            let message = format!("`images` names `{}` twice", name.escape_debug());
            Err(yaml.refuse(*second, message).hint("keep one of the two"))
        }
        None => Ok(first),
    }
}

/// The name of an element, which a merge key may bring in.
fn name_of(yaml: &Yaml, item: NodeId) -> Option<&str> {
    let name = yaml.get(item, "name").or_else(|| yaml.get(yaml.get(item, "<<")?, "name"));
    name.and_then(|name| yaml.text(name))
}

/// An element in parts.
///
/// # Errors
/// One of its values is no scalar, or more than the keys that are written makes the tag.
fn parts(yaml: &Yaml, element: NodeId) -> Result<Parts<'_>, Refusal> {
    for key in ["tagSuffix", "<<"] {
        if let Some(value) = yaml.get(element, key) {
            let message = format!("the image has `{key}`, so that its tag is not what stands in `newTag`");
            return Err(yaml.refuse(value, message));
        }
    }
    let mut values = [None; 3];
    for (value, key) in values.iter_mut().zip(KEYS) {
        if let Some(node) = yaml.get(element, key) {
            let text = yaml
                .text(node)
                .ok_or_else(|| yaml.refuse(node, format!("`{key}` is {}, not a scalar", yaml.kind(node))))?;
            *value = Some(text).filter(|text| !text.is_empty());
        }
    }
    Ok(Parts { name: name_of(yaml, element).unwrap_or_default(), values })
}
