//! An Application object and the edits of a change: what stands in it, and what it looks like afterwards. Pure.
//!
//! Values are found by what they are (parameter name, image name, annotation key) in the source that the plan
//! names, never by their place in a list, so that an unrelated edit made meanwhile moves nothing.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::model::application::SourceId;
use crate::model::plan::Destination;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::writeback::kustomize;

/// Why an edit cannot be made to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The value is not the one that was seen when the plan was made.
    Changed { field: Field, expected: Option<String>, found: Option<String> },
    /// The place that the plan names is gone, or no longer the only one that it could be.
    NoSource(String),
}

/// What the edits make of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Edited {
    /// Every value already is the new one.
    Already,
    /// The object with the edits made; nothing else differs from before.
    Object(Value),
}

/// Makes edits to a copy of `object`.
///
/// # Errors
/// Says which value is not what the plan expects; nothing is edited then.
pub(crate) fn edited(object: &Value, destination: &Destination, edits: &[Edit]) -> Result<Edited, Misfit> {
    let Destination::Application { source, .. } = destination else {
        return Err(Misfit::NoSource("the change is not for the Application".to_owned()));
    };
    if edits.iter().any(|edit| matches!(edit.field, Field::HelmValue(_))) {
        return Err(Misfit::NoSource("an Application has no Helm values file".to_owned()));
    }
    let mut after = object.clone();
    let pointer = if edits.iter().any(|edit| !edit.field.is_annotation()) {
        source_pointer(object, source.as_ref())?
    } else {
        String::new()
    };
    let mut changed = false;
    for edit in edits {
        let found = read(object, &pointer, &edit.field);
        if found == edit.to {
            continue;
        }
        if found != edit.from {
            return Err(Misfit::Changed { field: edit.field.clone(), expected: edit.from.clone(), found });
        }
        write(&mut after, &pointer, edit);
        changed = true;
    }
    Ok(if changed { Edited::Object(after) } else { Edited::Already })
}

/// The JSON Patch from `before` to `after`, which the server carries out only on the very object that was read: its
/// first operation replaces the resourceVersion by the one of `before`, and a stale one is a conflict (409). A server
/// that keeps no versions has nothing to compare.
pub(crate) fn patch(before: &Value, after: &Value) -> Value {
    let version = before.pointer("/metadata/resourceVersion").filter(|version| !version.is_null());
    let lock = version.map(|version| json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}));
    let mut operations: Vec<Value> = lock.into_iter().collect();
    let difference = serde_json::to_value(json_patch::diff(before, after)).expect("a JSON Patch is JSON");
    if let Value::Array(more) = difference {
        operations.extend(more);
    }
    Value::Array(operations)
}

/// Where the source that a plan names stands in an object.
fn source_pointer(object: &Value, wanted: Option<&SourceId>) -> Result<String, Misfit> {
    if object.pointer("/spec/sourceHydrator").is_some_and(Value::is_object) {
        return Err(Misfit::NoSource("the Application has a source hydrator now".to_owned()));
    }
    let several = object.pointer("/spec/sources").and_then(Value::as_array).filter(|sources| !sources.is_empty());
    match (wanted, several) {
        (None, None) if object.pointer("/spec/source").is_some_and(Value::is_object) => Ok("/spec/source".to_owned()),
        (None, Some(_)) => Err(Misfit::NoSource("the Application has several sources now".to_owned())),
        (None, None) => Err(Misfit::NoSource("the Application has no source any more".to_owned())),
        (Some(wanted), several) => {
            let matching: Vec<usize> = several
                .into_iter()
                .flatten()
                .enumerate()
                .filter(|(_, source)| wanted.is_of(source))
                .map(|(index, _)| index)
                .collect();
            match matching.as_slice() {
                [index] => Ok(format!("/spec/sources/{index}")),
                [] => Err(Misfit::NoSource(format!("the Application has no source {wanted} any more"))),
                _ => Err(Misfit::NoSource(format!("the Application has more than one source {wanted}"))),
            }
        }
    }
}

/// The value of a field now.
fn read(object: &Value, source: &str, field: &Field) -> Option<String> {
    match field {
        Field::Annotation(key) => object.pointer("/metadata/annotations")?.get(key).and_then(text),
        // Of several parameters with one name Helm uses the last.
        Field::HelmParameter(name) => list(object, source, "helm", "parameters")
            .rev()
            .find(|parameter| parameter.get("name").and_then(Value::as_str) == Some(name))
            .map(|parameter| parameter.get("value").and_then(text).unwrap_or_default()),
        // Of several entries for one name Kustomize uses the last.
        Field::KustomizeImage(name) => list(object, source, "kustomize", "images")
            .rev()
            .filter_map(text)
            .find(|entry| kustomize::name(entry) == *name),
        // It stands in a file, never in an Application.
        Field::HelmValue(_) => None,
    }
}

/// A text; a number or a boolean, as a manifest may hold it where a text belongs, as it is written.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn list<'a>(object: &'a Value, source: &str, block: &str, list: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
    object.pointer(&format!("{source}/{block}/{list}")).and_then(Value::as_array).into_iter().flatten()
}

fn write(object: &mut Value, source: &str, edit: &Edit) {
    let to = edit.to.as_deref();
    match &edit.field {
        Field::Annotation(key) => {
            let annotations = map_at(object, &["metadata", "annotations"]);
            match to {
                Some(value) => annotations.insert(key.clone(), Value::from(value)),
                None => annotations.shift_remove(key),
            };
        }
        Field::HelmParameter(name) => {
            let is_it = |parameter: &Value| parameter.get("name").and_then(Value::as_str) == Some(name);
            let put = |parameter: &mut Value, value: &str| {
                parameter["name"] = Value::from(name.as_str());
                parameter["value"] = Value::from(value);
                parameter["forceString"] = Value::Bool(true);
            };
            write_all(list_at(object, source, "helm", "parameters"), to, is_it, put);
        }
        Field::KustomizeImage(name) => {
            let is_it = |entry: &Value| text(entry).is_some_and(|entry| kustomize::name(&entry) == *name);
            let put = |entry: &mut Value, value: &str| *entry = Value::from(value);
            write_all(list_at(object, source, "kustomize", "images"), to, is_it, put);
        }
        // Only files in a repository have them, and `edited` lets none through.
        Field::HelmValue(_) => {}
    }
}

/// Puts a value into every element that is meant, or into a new one if none is; without a value they are removed.
fn write_all(list: &mut Vec<Value>, to: Option<&str>, is_it: impl Fn(&Value) -> bool, put: impl Fn(&mut Value, &str)) {
    let Some(value) = to else { return list.retain(|element| !is_it(element)) };
    if !list.iter().any(&is_it) {
        let mut new = json!({});
        put(&mut new, value);
        return list.push(new);
    }
    for element in list.iter_mut().filter(|element| is_it(element)) {
        put(element, value);
    }
}

/// The map at a path of keys from the top, made where it is missing.
fn map_at<'a>(object: &'a mut Value, path: &[&str]) -> &'a mut Map<String, Value> {
    let mut at = object;
    for key in path {
        at = child(at, key);
    }
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    at.as_object_mut().expect("it was just made one")
}

fn child<'a>(parent: &'a mut Value, key: &str) -> &'a mut Value {
    if !parent.is_object() {
        *parent = Value::Object(Map::new());
    }
    parent.as_object_mut().expect("it was just made one").entry(key).or_insert(Value::Null)
}

/// The list `<source>/<block>/<key>`, made where it is missing.
fn list_at<'a>(object: &'a mut Value, source: &str, block: &str, key: &str) -> &'a mut Vec<Value> {
    let source = object.pointer_mut(source).expect("the source was found in this object");
    let list = child(child(source, block), key);
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    list.as_array_mut().expect("it was just made one")
}
