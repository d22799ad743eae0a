//! The manifest of an Application in a file of one or more documents, edited in place.

use serde_json::Value;

use crate::model::application::ApplicationKey;
use crate::model::application::SourceId;
use crate::model::plan::Destination;
use crate::model::plan::Edit;
use crate::model::plan::Field;

use super::FileError;
use super::finished;
use super::needed;
use super::parameters;
use super::parameters::Place;
use super::wrong_field;
use super::yaml::New;
use super::yaml::NodeId;
use super::yaml::Refusal;
use super::yaml::Yaml;

const ANNOTATIONS: [&str; 2] = ["metadata", "annotations"];

/// The Application that is edited in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) application: &'a ApplicationKey,
    /// The namespace of manifests that name none.
    pub(crate) default_namespace: &'a str,
    pub(crate) destination: &'a Destination,
}

/// The bytes of a manifest file after edits of one Application in it, as [`super::edit`].
///
/// # Errors
/// The Application or its source is not there, or not the only one that is meant; else as [`super::edit`].
pub(crate) fn edit(bytes: &[u8], target: Target<'_>, edits: &[Edit]) -> Result<Vec<u8>, FileError> {
    let mut yaml = Yaml::read(bytes)?;
    let find = |yaml: &Yaml| source(yaml, target).map(Some);
    let place = Place { find: &find, force_string: "forceString" };
    let value = |yaml: &Yaml, field: &Field| match field {
        Field::HelmParameter(name) => parameters::parameter(yaml, place, name),
        Field::KustomizeImage(name) => parameters::image(yaml, place, name),
        Field::Annotation(key) => Ok(annotation(yaml, target, key)?.and_then(|at| yaml.text(at)).map(str::to_owned)),
        Field::HelmValue(_) => Err(wrong_field(field)),
    };
    let needed = needed(&yaml, edits, value)?;
    let (annotations, others): (Vec<_>, Vec<_>) = needed.into_iter().partition(|edit| edit.field.is_annotation());
    parameters::edit(&mut yaml, place, &others, &[])?;
    for edit in annotations {
        annotate(&mut yaml, target, edit)?;
    }
    finished(yaml, edits, value)
}

/// The one manifest of the Application.
fn application(yaml: &Yaml, target: Target<'_>) -> Result<NodeId, Refusal> {
    let mut objects = Vec::new();
    for root in yaml.roots() {
        let items = yaml.get(*root, "items").and_then(|items| yaml.items(items));
        match items.filter(|_| text_at(yaml, *root, &["kind"]).is_some_and(|kind| kind.ends_with("List"))) {
            Some(items) => objects.extend(items.iter().map(|item| (yaml.resolved(*item), *root))),
            None => objects.push((yaml.resolved(*root), *root)),
        }
    }
    let key = target.application;
    let is_it = |(object, root): &(NodeId, NodeId)| {
        // An item of an `ApplicationList` need not say what it is.
        let kind = match text_at(yaml, *object, &["kind"]) {
            Some(kind) => kind == "Application",
            None => text_at(yaml, *root, &["kind"]) == Some("ApplicationList"),
        };
        let version = text_at(yaml, *object, &["apiVersion"]).or_else(|| text_at(yaml, *root, &["apiVersion"]));
        let group = version.is_some_and(|version| version.starts_with("argoproj.io/"));
        let namespace = text_at(yaml, *object, &["metadata", "namespace"]).filter(|namespace| !namespace.is_empty());
        kind && group
            && text_at(yaml, *object, &["metadata", "name"]) == Some(&key.name)
            && namespace.unwrap_or(target.default_namespace) == key.namespace
    };
    let mut found = objects.into_iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some((object, _)), None) => Ok(object),
        (Some(_), Some((second, _))) => Err(yaml.refuse(second, format!("the Application {key} comes twice"))),
        (None, _) => Err(Refusal::new(format!("the Application {key} is not in the file"))),
    }
}

/// The source that the destination names: the only one, or the one of several that is meant.
fn source(yaml: &Yaml, target: Target<'_>) -> Result<NodeId, Refusal> {
    let object = application(yaml, target)?;
    let Destination::Application { source: wanted, .. } = target.destination else {
        return Err(Refusal::new("the change is not for the Application"));
    };
    let spec = yaml.get(object, "spec").ok_or_else(|| yaml.refuse(object, "the Application has no `spec`"))?;
    if yaml.get(spec, "sourceHydrator").is_some_and(|hydrator| yaml.entries(hydrator).is_some()) {
        return Err(yaml.refuse(spec, "the Application has a source hydrator"));
    }
    let several = yaml.get(spec, "sources").and_then(|list| yaml.items(list)).unwrap_or_default();
    let single = yaml.get(spec, "source").filter(|source| yaml.entries(*source).is_some());
    match (wanted, several, single) {
        (None, [], Some(source)) => Ok(source),
        (None, [], None) => Err(yaml.refuse(spec, "the Application has no source")),
        (None, ..) => Err(yaml.refuse(spec, "the Application has several sources")),
        (Some(wanted), several, _) => {
            let mut found = several.iter().map(|item| yaml.resolved(*item)).filter(|item| is_of(yaml, *item, wanted));
            match (found.next(), found.next()) {
                (Some(source), None) => Ok(source),
                (None, _) => Err(yaml.refuse(spec, format!("the Application has no source {wanted}"))),
                (Some(_), Some(_)) => {
                    Err(yaml.refuse(spec, format!("the Application has more than one source {wanted}")))
                }
            }
        }
    }
}

fn is_of(yaml: &Yaml, source: NodeId, wanted: &SourceId) -> bool {
    let keys = ["name", "repoURL", "path", "chart", "ref"];
    let texts = keys.iter().filter_map(|key| Some(((*key).to_owned(), Value::from(text_at(yaml, source, &[key])?))));
    wanted.is_of(&Value::Object(texts.collect()))
}

/// The text at a path of keys.
fn text_at<'a>(yaml: &'a Yaml, from: NodeId, keys: &[&str]) -> Option<&'a str> {
    keys.iter().try_fold(from, |at, key| yaml.get(at, key)).and_then(|at| yaml.text(at))
}

/// The annotations of the Application; `None` if it has none.
fn annotations(yaml: &Yaml, target: Target<'_>) -> Result<Option<NodeId>, Refusal> {
    let object = application(yaml, target)?;
    Ok(ANNOTATIONS.iter().try_fold(object, |at, key| yaml.get(at, key)))
}

/// The value of an annotation.
fn annotation(yaml: &Yaml, target: Target<'_>, key: &str) -> Result<Option<NodeId>, Refusal> {
    Ok(annotations(yaml, target)?.and_then(|annotations| yaml.get(annotations, key)))
}

/// Sets or removes an annotation.
fn annotate(yaml: &mut Yaml, target: Target<'_>, edit: &Edit) -> Result<(), Refusal> {
    let key = edit.field.at();
    match (annotation(yaml, target, key)?, &edit.to) {
        (Some(value), Some(to)) => yaml.set(&[(value, New::text(to))].into()),
        (None, Some(to)) => {
            let object = application(yaml, target)?;
            yaml.put(Some(object), &[&ANNOTATIONS[..], &[key]].concat(), New::text(to))
        }
        (Some(_), None) => {
            let Some(annotations) = annotations(yaml, target)? else { return Ok(()) };
            let entries = yaml.entries(annotations).unwrap_or_default();
            let place = entries.iter().position(|(found, _)| yaml.text(*found) == Some(key));
            yaml.remove(annotations, place.unwrap_or_default())
        }
        (None, None) => Ok(()),
    }
}
