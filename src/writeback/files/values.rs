//! Helm values files (spec section 6.6).
//!
//! A key is looked up as Image Updater reads it: along the path, else as one literal key of the root (cases `ghv-*`),
//! and beyond it, as Helm does, in what a merge key (`<<`) brings in. Both reading and writing keep to this order; Image
//! Updater writes a literal key first when it writes the file anew.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::model::plan::Edit;
use crate::model::plan::Field;

use super::FileError;
use super::wrong_field;
use super::yaml::New;
use super::yaml::NodeId;
use super::yaml::Refusal;
use super::yaml::Yaml;

/// A part of a key path: `images[1]`.
struct Segment<'a> {
    key: &'a str,
    index: Option<usize>,
}

/// What a key path leads to.
enum Found<'a> {
    /// A scalar.
    At(NodeId),
    /// A scalar that a merge key brings in: into this mapping, under this key, if that is where the path ends.
    Merged { scalar: NodeId, into: Option<(NodeId, &'a str)> },
    /// Nothing: these keys are missing below the node, or below the root of an empty file.
    Missing { below: Option<NodeId>, keys: Vec<Segment<'a>> },
}

/// The value at a key path.
pub(super) fn value(yaml: &Yaml, path: &str) -> Result<Option<String>, Refusal> {
    Ok(match find(yaml, path)? {
        Found::At(scalar) | Found::Merged { scalar, .. } => yaml.text(scalar).map(str::to_owned),
        Found::Missing { .. } => None,
    })
}

/// Makes edits: first all scalars that are there, then, one by one, what is new.
pub(super) fn edit(yaml: &mut Yaml, edits: &[&Edit], create_keys: bool) -> Result<(), FileError> {
    let mut scalars = HashMap::new();
    let mut new = Vec::new();
    for edit in edits {
        let (path, to) = target(edit)?;
        match find(yaml, path)? {
            Found::At(scalar) => {
                if yaml.text(scalar).is_some_and(|text| text.contains("{{")) {
                    return Err(yaml.refuse(scalar, format!("`{path}` is a template, which Helm evaluates")).into());
                }
                if scalars.insert(scalar, New::text(to)).is_some_and(|before| before != New::text(to)) {
                    let message = format!("`{path}` and another edit share this value, and set it differently");
                    return Err(yaml.refuse(scalar, message).into());
                }
            }
            Found::Missing { .. } if !create_keys => return Err(FileError::MissingKey(edit.field.clone())),
            Found::Missing { .. } | Found::Merged { .. } => new.push((path, to)),
        }
    }
    yaml.set(&scalars)?;
    for (path, to) in new {
        create(yaml, path, to)?;
    }
    Ok(())
}

/// The key path and the new value of an edit.
fn target(edit: &Edit) -> Result<(&str, &str), Refusal> {
    match (&edit.field, &edit.to) {
        (Field::HelmValue(path), Some(to)) => Ok((path, to)),
        (Field::HelmValue(path), None) => {
            Err(Refusal::new(format!("`{}` is not removed from a values file", path.escape_debug())))
        }
        (field, _) => Err(wrong_field(field)),
    }
}

fn create(yaml: &mut Yaml, path: &str, to: &str) -> Result<(), Refusal> {
    match find(yaml, path)? {
        Found::Missing { below, keys } => {
            if let Some(segment) = keys.iter().find(|segment| segment.index.is_some()) {
                let key = segment.key.escape_debug();
                return Err(Refusal::new(format!("the list `{key}` is not in the file; no list is made")));
            }
            let keys: Vec<_> = keys.iter().map(|segment| segment.key).collect();
            yaml.put(below, &keys, New::text(to))
        }
        Found::Merged { into: Some((map, key)), .. } => yaml.put(Some(map), &[key], New::text(to)),
        Found::Merged { scalar, into: None } => {
            let message = format!("`{}` comes from a merge key (`<<`) further up", path.escape_debug());
            Err(yaml
                .refuse(scalar, message)
                .hint("write the mapping out where it is merged, or set the anchor's value"))
        }
        Found::At(_) => Ok(()),
    }
}

/// Finds what a key path leads to: along the path, as a literal key of the root, or through merge keys.
fn find<'a>(yaml: &Yaml, path: &'a str) -> Result<Found<'a>, Refusal> {
    let segments = segments(path)?;
    let Some(root) = yaml.root() else { return Ok(Found::Missing { below: None, keys: segments }) };
    let nested = walk(yaml, root, segments, false);
    if matches!(nested, Ok(Found::At(_))) {
        return nested;
    }
    match yaml.get(root, path) {
        Some(literal) if yaml.text(literal).is_some() => Ok(Found::At(literal)),
        Some(other) => {
            let message = format!("`{}` is {}, not a scalar", path.escape_debug(), yaml.kind(other));
            Err(yaml.refuse(other, message))
        }
        None if matches!(nested, Ok(Found::Missing { .. })) => walk(yaml, root, self::segments(path)?, true),
        None => nested,
    }
}

/// Splits a key path at its dots, and the index in brackets off each part.
fn segments(path: &str) -> Result<Vec<Segment<'_>>, Refusal> {
    let wrong = |why: &str| Refusal::new(format!("the key path `{}` {why}", path.escape_debug()));
    let parts = path.split('.').map(|part| {
        let Some((key, index)) = part.strip_suffix(']').and_then(|part| part.split_once('[')) else {
            return if part.is_empty() {
                Err(wrong("has an empty part"))
            } else {
                Ok(Segment { key: part, index: None })
            };
        };
        let digits = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
        match index.parse() {
            Ok(index) if digits && !key.is_empty() => Ok(Segment { key, index: Some(index) }),
            _ => Err(wrong("has an index that is no number, as in `images[0]`")),
        }
    });
    parts.collect()
}

/// Follows a key path from the root; `merges` says whether merge keys are followed too.
fn walk<'a>(yaml: &Yaml, root: NodeId, segments: Vec<Segment<'a>>, merges: bool) -> Result<Found<'a>, Refusal> {
    let mut at = root;
    let mut merged_at = None;
    let last = segments.len() - 1;
    for (depth, segment) in segments.iter().enumerate() {
        let key = segment.key.escape_debug();
        if yaml.items(at).is_some() {
            let before = segments.get(depth.wrapping_sub(1)).map_or("", |before| before.key).escape_debug();
            return Err(yaml.refuse(at, format!("`{before}` is a list; write an index, as in `{before}[0]`")));
        }
        let own = yaml.get(at, segment.key);
        let next = own.or_else(|| merges.then(|| merged(yaml, at, segment.key)).flatten());
        if own.is_none() && next.is_some() {
            merged_at = merged_at.or(Some((depth, at)));
        }
        let Some(next) = next else {
            if yaml.entries(at).is_none() && !yaml.is_null(at) {
                return Err(yaml.refuse(at, format!("{} stands where `{key}` is looked for", yaml.kind(at))));
            }
            let keys = segments.into_iter().skip(depth).collect();
            return Ok(Found::Missing { below: Some(at), keys });
        };
        at = match segment.index {
            None => next,
            Some(index) => {
                let Some(items) = yaml.items(next) else {
                    return Err(yaml.refuse(next, format!("`{key}` is {}, not a list", yaml.kind(next))));
                };
                let item = items.get(index).ok_or_else(|| {
                    yaml.refuse(next, format!("the list `{key}` has {} items; there is no [{index}]", items.len()))
                })?;
                yaml.resolved(*item)
            }
        };
    }
    let segment = &segments[last];
    if yaml.text(at).is_none() {
        let message = format!("`{}` is {}, not a scalar", segment.key.escape_debug(), yaml.kind(at));
        return Err(yaml.refuse(at, message));
    }
    Ok(match merged_at {
        None => Found::At(at),
        Some((depth, map)) => {
            let direct = depth == last && segment.index.is_none();
            Found::Merged { scalar: at, into: direct.then_some((map, segment.key)) }
        }
    })
}

/// The value that the merge keys of a mapping bring in for a key. The first mapping that has it wins; each is looked
/// at once.
fn merged(yaml: &Yaml, map: NodeId, key: &str) -> Option<NodeId> {
    let mut seen = HashSet::from([map]);
    let mut next: Vec<NodeId> = sources(yaml, map);
    while let Some(map) = next.pop() {
        if !seen.insert(map) {
            continue;
        }
        if let Some(found) = yaml.get(map, key) {
            return Some(found);
        }
        next.extend(sources(yaml, map));
    }
    None
}

/// The mappings that a mapping merges, the last first.
fn sources(yaml: &Yaml, map: NodeId) -> Vec<NodeId> {
    let Some(source) = yaml.get(map, "<<") else { return Vec::new() };
    match yaml.items(source) {
        Some(items) => items.iter().rev().map(|item| yaml.resolved(*item)).collect(),
        None => vec![source],
    }
}

/// An image name as a values file writes it: without its registry if the value there has none (spec section 6.6, cases
/// `hv-17` to `hv-19`, `hrp-*`), because a key of its own has that.
pub(crate) fn image_name_as_written(current: Option<&str>, name: &str) -> String {
    let short = current.is_some_and(|current| !current.is_empty() && registry_length(current).is_none());
    match registry_length(name) {
        Some(length) if short => name[length..].to_owned(),
        _ => name.to_owned(),
    }
}

/// How many bytes the registry and its slash have at the start of a name: a first part with a dot (cases `hrp-*`).
fn registry_length(name: &str) -> Option<usize> {
    let slash = name.find('/')?;
    name[..slash].contains('.').then_some(slash + 1)
}
