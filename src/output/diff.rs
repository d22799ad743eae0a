//! What a plan changes, as a unified diff of each target.

use std::fmt::Write as _;

use serde_json::Value;
use similar::ChangeTag;
use similar::TextDiff;

use crate::model::application::ApplicationKey;
use crate::model::application::SourceId;
use crate::model::git_url;
use crate::model::plan::Change;
use crate::model::plan::Destination;
use crate::model::plan::Field;
use crate::model::plan::FileChange;
use crate::model::plan::Renderer;
use crate::output::style;
use crate::output::style::paint;
use crate::output::table::short;
use crate::output::text::safe;
use crate::output::text::safe_lines;

/// What stands for a value that is not part of the plan and may be a secret.
const HIDDEN: &str = "(hidden)";

/// A target before and after a change, as text that can be shown.
#[derive(Clone, Debug)]
pub(crate) struct TargetDiff {
    /// Where it is written, for people.
    pub(crate) head: String,
    /// A file name that an external diff program can show.
    pub(crate) file: String,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// The text of an Application before and after a change. Values of other parameters, and blocks that may hold
/// anything, are hidden; `status` and what the server keeps for itself is left out.
pub(crate) fn application(change: &Change, before: &Value, after: &Value) -> TargetDiff {
    let (renderer, source) = match &change.destination {
        Destination::Application { renderer, source } => {
            (renderer.map_or("annotations", Renderer::name), source.as_ref())
        }
        Destination::Git(_) => ("git", None),
    };
    let of_source = source.map_or_else(String::new, |source| format!(" source {source}"));
    let ApplicationKey { namespace, name } = &change.application;
    let file = format!("argoproj.io.v1alpha1.Application.{namespace}.{name}");
    let in_file_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    TargetDiff {
        head: safe(&format!("Application {} ({renderer}){of_source}", change.application)),
        file: file.chars().map(|c| if in_file_name(c) { c } else { '_' }).collect(),
        before: shown(before, change, source),
        after: shown(after, change, source),
    }
}

/// A file of a repository before and after all changes to it, as git would show it.
pub(crate) fn file(change: &FileChange) -> TargetDiff {
    let in_file_name = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    TargetDiff {
        head: safe(&format!("{} of {} on {}", change.path, change.repository, change.branch)),
        file: change.path.chars().map(in_file_name).collect(),
        before: change.before.as_deref().map(text).unwrap_or_default(),
        after: text(&change.after),
    }
}

/// The YAML of an object, with everything hidden that a change of that source is not about.
fn shown(object: &Value, change: &Change, edited: Option<&SourceId>) -> String {
    let mut object = object.clone();
    if let Some(top) = object.as_object_mut() {
        top.shift_remove("status");
        top.shift_remove("operation");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in ["managedFields", "resourceVersion", "generation", "selfLink", "uid", "creationTimestamp"] {
            metadata.shift_remove(key);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.shift_remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    let parameters: Vec<&str> = change
        .edits
        .iter()
        .filter_map(|edit| match &edit.field {
            Field::HelmParameter(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    for pointer in ["/spec/source", "/spec/sourceHydrator/drySource"] {
        if let Some(source) = object.pointer_mut(pointer) {
            hide(source, if edited.is_none() { &parameters } else { &[] });
        }
    }
    for source in object.pointer_mut("/spec/sources").and_then(Value::as_array_mut).into_iter().flatten() {
        let is_edited = edited.is_some_and(|edited| edited.is_of(source));
        hide(source, if is_edited { &parameters } else { &[] });
    }
    git_url::hidden(&serde_yaml::to_string(&object).expect("a JSON value is YAML")).into_owned()
}

fn hide(source: &mut Value, parameters: &[&str]) {
    let hidden = || Value::String(HIDDEN.to_owned());
    if let Some(helm) = source.get_mut("helm").and_then(Value::as_object_mut) {
        for key in ["values", "valuesObject"] {
            if let Some(value) = helm.get_mut(key) {
                *value = hidden();
            }
        }
        for parameter in helm.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            if !parameters.contains(&name) && parameter.get("value").is_some() {
                parameter["value"] = hidden();
            }
        }
    }
    for key in ["plugin", "directory"] {
        if let Some(block) = source.get_mut(key) {
            *block = hidden();
        }
    }
}

/// The unified diff of a target, with `context` lines around each change.
pub(crate) fn unified(target: &TargetDiff, context: usize) -> String {
    let diff = TextDiff::from_lines(&target.before, &target.after);
    let mut text = String::new();
    let _ = writeln!(text, "{}", paint(style::BOLD, format!("--- {}", target.head)));
    let _ = writeln!(text, "{}", paint(style::BOLD, format!("+++ {}", target.head)));
    for hunk in diff.unified_diff().context_radius(context).iter_hunks() {
        let _ = writeln!(text, "{}", paint(style::PLACE, hunk.header().to_string().trim_end()));
        for change in hunk.iter_changes() {
            let line = safe_lines(change.value().trim_end_matches(['\n', '\r']));
            let _ = match change.tag() {
                ChangeTag::Delete => writeln!(text, "{}", paint(style::REMOVED, format!("-{line}"))),
                ChangeTag::Insert => writeln!(text, "{}", paint(style::ADDED, format!("+{line}"))),
                ChangeTag::Equal => writeln!(text, " {line}"),
            };
        }
    }
    text
}

/// One line for each image of a change: alias, image, from, to, and why. An entry without alias goes by its image.
pub(crate) fn image_lines(change: &Change) -> String {
    let mut text = String::new();
    for image in &change.images {
        let alias = image.alias.as_ref().map(|alias| format!("{}  ", paint(style::BOLD, safe(alias))));
        let from = image.from.as_ref().map_or_else(|| "(not set)".to_owned(), short);
        // The digest behind the tag is recorded in the plan; it is shown where it is what gets written.
        let to = match (&image.to.tag, &image.to.digest) {
            (Some(tag), Some(digest)) if !writes_digest(change, digest) => safe(tag),
            _ => short(&image.to),
        };
        let reference = safe(&image.reference.to_string());
        let because = safe(&image.because);
        let _ = writeln!(text, "{}{reference}  {from} → {to}  {because}", alias.unwrap_or_default());
    }
    text
}

fn writes_digest(change: &Change, digest: &str) -> bool {
    change.edits.iter().any(|edit| edit.to.as_deref().is_some_and(|to| to.contains(digest)))
}

#[cfg(test)]
mod tests;
