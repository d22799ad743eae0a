//! `helm.parameters` and `kustomize.images` of a source: in an override file, or in the manifest of an Application.
//!
//! Argo CD merges an override file over the source (RFC 7386; spec section 6.5): a list in it hides the one of the
//! Application. It reads the keys of a parameter whatever their case.

use std::collections::HashMap;

use crate::model::application::HelmParameter;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::writeback::kustomize;

use super::Carried;
use super::Entries;
use super::entry;
use super::wrong_field;
use super::yaml::New;
use super::yaml::NodeId;
use super::yaml::Refusal;
use super::yaml::Yaml;

const PARAMETERS: [&str; 2] = ["helm", "parameters"];
const IMAGES: [&str; 2] = ["kustomize", "images"];

const VALUE: &str = "value";
/// "This is text", in any case of its letters.
const FORCE_STRING: &str = "forcestring";

/// Where a source stands in a file. It is looked for again after every edit.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// `None`: the file is empty, and the source is all that it holds.
    pub(super) find: &'a dyn Fn(&Yaml) -> Result<Option<NodeId>, Refusal>,
    /// How a new key for "this is text" is spelled.
    pub(super) force_string: &'static str,
}

impl Place<'static> {
    /// An override file is a source. Image Updater writes the key in lower case.
    pub(super) const OVERRIDE: Self = Self { find: &|yaml| Ok(yaml.root()), force_string: FORCE_STRING };
}

/// The parameters and images that the file sets.
pub(super) fn entries(yaml: &Yaml, place: Place<'_>) -> Result<Entries, Refusal> {
    let parameters = list(yaml, place, PARAMETERS)?.map(|list| {
        let items = yaml.items(list).unwrap_or_default().iter();
        items.filter_map(|item| parameter_of(yaml, *item)).collect()
    });
    let images = list(yaml, place, IMAGES)?.map(|list| {
        let items = yaml.items(list).unwrap_or_default().iter();
        items.filter_map(|item| yaml.text(*item).map(str::to_owned)).collect()
    });
    Ok(Entries { helm: parameters, kustomize: images, refused: Vec::new() })
}

/// What the file puts in the place of the Application's: a list without anything in it stands for an empty one, since
/// Argo CD then takes the Application's away.
pub(super) fn replaced(yaml: &Yaml, place: Place<'_>) -> Result<Entries, Refusal> {
    let Entries { helm, kustomize, refused } = entries(yaml, place)?;
    let is_taken = |[block, list]: [&str; 2]| {
        let block = (place.find)(yaml).ok().flatten().and_then(|source| yaml.get(source, block));
        block.is_some_and(|block| yaml.is_null(block) || yaml.get(block, list).is_some_and(|list| yaml.is_null(list)))
    };
    Ok(Entries {
        helm: helm.or_else(|| is_taken(PARAMETERS).then(Vec::new)),
        kustomize: kustomize.or_else(|| is_taken(IMAGES).then(Vec::new)),
        refused,
    })
}

/// The value of a parameter; of several with one name the last, which is the one Helm uses.
pub(super) fn parameter(yaml: &Yaml, place: Place<'_>, name: &str) -> Result<Option<String>, Refusal> {
    Ok(parameters_named(yaml, place, name)?.last().map(|item| value_of(yaml, *item)))
}

/// The image that overrides a name; of several the last, which is the one Kustomize uses.
pub(super) fn image(yaml: &Yaml, place: Place<'_>, name: &str) -> Result<Option<String>, Refusal> {
    Ok(images_named(yaml, place, name)?.last().and_then(|item| yaml.text(*item)).map(str::to_owned))
}

/// Makes edits: first all scalars that are there, then, one by one, what is new, then what goes away.
pub(super) fn edit(yaml: &mut Yaml, place: Place<'_>, edits: &[&Edit], carried: &[Carried]) -> Result<(), Refusal> {
    let mut scalars = HashMap::new();
    for edit in edits {
        let Some(to) = &edit.to else { continue };
        for (scalar, new) in replacements(yaml, place, &edit.field, to)? {
            if scalars.insert(scalar, new.clone()).is_some_and(|before| before != new) {
                let message = format!("`{}` and another edit share this value", edit.field.at().escape_debug());
                return Err(yaml.refuse(scalar, message));
            }
        }
    }
    yaml.set(&scalars)?;
    for path in [PARAMETERS, IMAGES] {
        if list(yaml, place, path)?.is_none() {
            let elements = new_list(place, path, edits, carried);
            if !elements.is_empty() {
                yaml.put((place.find)(yaml)?, &path, New::List(elements))?;
            }
        }
    }
    for edit in edits {
        match (&edit.field, &edit.to) {
            (Field::HelmParameter(name), Some(to)) => add_parameter(yaml, place, name, to)?,
            (Field::KustomizeImage(name), Some(to)) => add_image(yaml, place, name, to)?,
            _ => {}
        }
    }
    for edit in edits.iter().filter(|edit| edit.to.is_none()) {
        remove(yaml, place, &edit.field)?;
    }
    Ok(())
}

/// The scalars that an edit replaces.
fn replacements(yaml: &Yaml, place: Place<'_>, field: &Field, to: &str) -> Result<Vec<(NodeId, New)>, Refusal> {
    let mut replacements = Vec::new();
    match field {
        Field::HelmParameter(name) => {
            for item in parameters_named(yaml, place, name)? {
                if let Some(value) = key_of(yaml, item, VALUE) {
                    replacements.push((value, New::text(to)));
                }
                let forced = key_of(yaml, item, place.force_string);
                replacements.extend(forced.filter(|forced| !yaml.is_true(*forced)).map(|it| (it, New::True)));
            }
        }
        Field::KustomizeImage(name) if kustomize::name(to) == name => {
            let items = images_named(yaml, place, name)?.into_iter();
            replacements.extend(items.map(|item| (yaml.resolved(item), New::text(to))));
        }
        Field::KustomizeImage(name) => {
            let (to, name) = (to.escape_debug(), name.escape_debug());
            return Err(Refusal::new(format!("`{to}` is no image for `{name}`")));
        }
        field => return Err(wrong_field(field)),
    }
    Ok(replacements)
}

/// The elements of a list that is made: what is carried, with the edits made to it, then what is new. Empty if no edit
/// needs the list.
fn new_list(place: Place<'_>, path: [&str; 2], edits: &[&Edit], carried: &[Carried]) -> Vec<New> {
    let new: Vec<(&str, New)> = edits
        .iter()
        .filter_map(|edit| match (&edit.field, edit.to.as_deref()?) {
            (Field::HelmParameter(name), to) if path == PARAMETERS => {
                Some((name.as_str(), parameter_element(place, name, to, true)))
            }
            (Field::KustomizeImage(name), to) if path == IMAGES => Some((name.as_str(), New::text(to))),
            _ => None,
        })
        .collect();
    if new.is_empty() {
        return Vec::new();
    }
    let mut elements: Vec<(&str, New)> = Vec::new();
    for carried in carried {
        let (name, element) = match carried {
            Carried::Parameter { name, value, force_string } if path == PARAMETERS => {
                (name.as_str(), parameter_element(place, name, value, *force_string))
            }
            Carried::Image(image) if path == IMAGES => (kustomize::name(image), New::text(image)),
            _ => continue,
        };
        match new.iter().find(|(edited, _)| *edited == name) {
            Some(_) if elements.iter().any(|(there, _)| *there == name) => {}
            Some(edited) => elements.push(edited.clone()),
            None => elements.push((name, element)),
        }
    }
    for (name, element) in new {
        if elements.iter().all(|(there, _)| *there != name) {
            elements.push((name, element));
        }
    }
    elements.into_iter().map(|(_, element)| element).collect()
}

/// Adds a parameter, or the keys that it lacks.
fn add_parameter(yaml: &mut Yaml, place: Place<'_>, name: &str, to: &str) -> Result<(), Refusal> {
    for number in 0..parameters_named(yaml, place, name)?.len() {
        for (key, new) in [(VALUE, New::text(to)), (place.force_string, New::True)] {
            let item = parameters_named(yaml, place, name)?.get(number).copied();
            if let Some(item) = item.filter(|item| key_of(yaml, *item, key).is_none()) {
                yaml.put(Some(item), &[key], new)?;
            }
        }
    }
    match list(yaml, place, PARAMETERS)? {
        Some(list) if parameters_named(yaml, place, name)?.is_empty() => {
            yaml.push(list, parameter_element(place, name, to, true))
        }
        _ => Ok(()),
    }
}

/// Adds an image, if none overrides its name.
fn add_image(yaml: &mut Yaml, place: Place<'_>, name: &str, to: &str) -> Result<(), Refusal> {
    match list(yaml, place, IMAGES)? {
        Some(list) if images_named(yaml, place, name)?.is_empty() => yaml.push(list, New::text(to)),
        _ => Ok(()),
    }
}

/// Removes every parameter or image that a field names.
fn remove(yaml: &mut Yaml, place: Place<'_>, field: &Field) -> Result<(), Refusal> {
    loop {
        let (path, named) = match field {
            Field::HelmParameter(name) => (PARAMETERS, parameters_named(yaml, place, name)?),
            Field::KustomizeImage(name) => (IMAGES, images_named(yaml, place, name)?),
            field => return Err(wrong_field(field)),
        };
        let Some((list, first)) = list(yaml, place, path)?.zip(named.first()) else { return Ok(()) };
        let number = yaml.items(list).and_then(|items| items.iter().position(|item| item == first));
        yaml.remove(list, number.unwrap_or_default())?;
    }
}

fn parameter_element(place: Place<'_>, name: &str, value: &str, force_string: bool) -> New {
    let force_string = if force_string { New::True } else { New::False };
    New::Map(vec![
        entry("name", New::text(name)),
        entry(VALUE, New::text(value)),
        entry(place.force_string, force_string),
    ])
}

/// A list of the file; `None` if there is none, or nothing in its place.
fn list(yaml: &Yaml, place: Place<'_>, [block, list]: [&str; 2]) -> Result<Option<NodeId>, Refusal> {
    let Some(found) = (place.find)(yaml)?.and_then(|source| yaml.get(source, block)) else { return Ok(None) };
    if yaml.entries(found).is_none() && !yaml.is_null(found) {
        return Err(yaml.refuse(found, format!("`{block}` is {}, not a mapping", yaml.kind(found))));
    }
    let Some(found) = yaml.get(found, list) else { return Ok(None) };
    match yaml.items(found) {
        Some(_) => Ok(Some(found)),
        None if yaml.is_null(found) => Ok(None),
        None => Err(yaml.refuse(found, format!("`{block}.{list}` is {}, not a list", yaml.kind(found)))),
    }
}

/// The elements of `helm.parameters` with a name.
fn parameters_named(yaml: &Yaml, place: Place<'_>, name: &str) -> Result<Vec<NodeId>, Refusal> {
    let items = list(yaml, place, PARAMETERS)?.and_then(|list| yaml.items(list)).unwrap_or_default();
    Ok(items.iter().copied().filter(|item| name_of(yaml, *item) == Some(name)).collect())
}

/// The elements of `kustomize.images` that override a name.
fn images_named(yaml: &Yaml, place: Place<'_>, name: &str) -> Result<Vec<NodeId>, Refusal> {
    let items = list(yaml, place, IMAGES)?.and_then(|list| yaml.items(list)).unwrap_or_default();
    let is_it = |item: &NodeId| yaml.text(*item).is_some_and(|text| kustomize::name(text) == name);
    Ok(items.iter().copied().filter(is_it).collect())
}

fn name_of(yaml: &Yaml, item: NodeId) -> Option<&str> {
    key_of(yaml, item, "name").and_then(|name| yaml.text(name))
}

/// A parameter as it stands in the file; `None` if it has no name.
fn parameter_of(yaml: &Yaml, item: NodeId) -> Option<HelmParameter> {
    let force_string = key_of(yaml, item, FORCE_STRING).is_some_and(|forced| yaml.is_true(forced));
    Some(HelmParameter { name: name_of(yaml, item)?.to_owned(), value: value_of(yaml, item), force_string })
}

/// The value of a parameter; nothing where none is written.
fn value_of(yaml: &Yaml, item: NodeId) -> String {
    key_of(yaml, item, VALUE).and_then(|value| yaml.text(value)).unwrap_or_default().to_owned()
}

/// The value of a key of a parameter, whatever its case, as Go reads JSON.
fn key_of(yaml: &Yaml, item: NodeId, key: &str) -> Option<NodeId> {
    yaml.find(item, |found| found.eq_ignore_ascii_case(key))
}
