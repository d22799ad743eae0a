//! `Plan`: what `plan --out` saves and `apply --plan` executes, with a checksum over all of it.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use crate::document::API_VERSION;
use crate::document::check;
use crate::model::application::ApplicationKey;
use crate::model::application::SourceId;
use crate::model::image::Digest;
use crate::model::image::Reference;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::model::nesting;
use crate::model::plan::Change;
use crate::model::plan::Destination;
use crate::model::plan::Edit;
use crate::model::plan::Field;
use crate::model::plan::FileKind;
use crate::model::plan::GitTarget;
use crate::model::plan::ImageChange;
use crate::model::plan::Plan;
use crate::model::plan::Renderer;
use crate::model::plan::Seen;

/// A plan is refused if it is longer than this; one of ten thousand changes is not.
pub(crate) const MAX_LENGTH: u64 = 64 * 1024 * 1024;

const KIND: &str = "Plan";

// What a later version says of a change, and this one cannot heed, is not passed over.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChangeDocument {
    id: String,
    application: ApplicationDocument,
    images: Vec<ImageDocument>,
    destination: Value,
    edits: Vec<EditDocument>,
    seen: SeenDocument,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ApplicationDocument {
    namespace: String,
    name: String,
    uid: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ImageDocument {
    alias: Option<String>,
    reference: String,
    from: Option<VersionDocument>,
    to: VersionDocument,
    because: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct VersionDocument {
    tag: Option<String>,
    digest: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct EditDocument {
    kind: String,
    at: String,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenDocument {
    resource_version: Option<String>,
    commit: Option<String>,
    blob: Option<String>,
}

#[derive(Deserialize)]
struct SourceDocument {
    name: Option<String>,
    #[serde(rename = "repoURL")]
    repo_url: String,
    path: Option<String>,
    chart: Option<String>,
    r#ref: Option<String>,
}

/// Writes a plan.
pub(crate) fn write(plan: &Plan) -> Value {
    let changes: Vec<_> = plan.changes.iter().map(|change| to_value(&change_document(change))).collect();
    let mut document = super::without_passwords(json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "created": plan.created.to_string(),
        "complete": plan.complete,
        "changes": changes,
        "decisions": plan.decisions.iter().map(|decision| check::item(decision, false)).collect::<Vec<_>>(),
        "diagnostics": plan.diagnostics.iter().map(super::diagnostic).collect::<Vec<_>>(),
    }));
    document["checksum"] = json!(checksum(&document));
    document
}

/// A plan as it was saved: what is to be done, and nothing to be decided.
#[derive(Debug)]
pub(crate) struct SavedPlan {
    pub(crate) created: Timestamp,
    /// As it was when it was made.
    pub(crate) complete: bool,
    pub(crate) changes: Vec<Change>,
}

/// Reads a plan from JSON or YAML.
///
/// # Errors
/// The text is not a plan of this version, or not to the letter the one that was saved.
pub(crate) fn read(text: &str) -> Result<SavedPlan, String> {
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(json) if text.trim_start().starts_with('{') => return Err(format!("it is cut off or not JSON: {json}")),
        Err(_) if nesting::is_too_deep(text) => return Err(format!("it is no plan: {}", nesting::TOO_DEEP)),
        Err(_) => serde_yaml::from_str(text).map_err(|yaml| format!("it is neither JSON nor YAML: {yaml}"))?,
    };
    let text_at = |key: &str| document.get(key).and_then(Value::as_str);
    match (text_at("apiVersion"), text_at("kind")) {
        (Some(API_VERSION), Some(KIND)) => {}
        (Some(API_VERSION), Some(kind)) => return Err(format!("it is a {kind}, not a {KIND}")),
        (Some(other), Some(KIND)) => {
            return Err(format!("it is of version `{other}`; this kubectl image-update reads `{API_VERSION}`"));
        }
        _ => return Err(format!("it is not a {KIND} of kubectl image-update")),
    }
    match text_at("checksum") {
        Some(found) if found == checksum(&document) => {}
        Some(_) => return Err("it was changed after it was made".to_owned()),
        None => return Err("it has no checksum: it is cut off, or was changed after it was made".to_owned()),
    }
    let changes: Vec<ChangeDocument> = serde_json::from_value(document.get("changes").cloned().unwrap_or_default())
        .map_err(|error| format!("its changes are not what this version knows: {error}"))?;
    let created = text_at("created").and_then(|text| text.parse().ok()).ok_or("it does not say when it was made")?;
    let complete = document.get("complete").and_then(Value::as_bool).ok_or("it does not say whether it is complete")?;
    Ok(SavedPlan { created, complete, changes: changes.into_iter().map(change).collect::<Result<_, _>>()? })
}

/// SHA-256 over the document without its checksum, with the keys of every object sorted and no white space, so that
/// JSON and YAML of one plan have the same.
fn checksum(document: &Value) -> String {
    let mut text = String::new();
    let mut document = document.clone();
    if let Some(document) = document.as_object_mut() {
        document.shift_remove("checksum");
    }
    canonical(&document, &mut text);
    let mut checksum = "sha256:".to_owned();
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(checksum, "{byte:02x}");
    }
    checksum
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (key, value) in entries {
                text.push_str(&Value::String(key.clone()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(list) => {
            text.push('[');
            for value in list {
                canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

fn to_value(document: &impl Serialize) -> Value {
    serde_json::to_value(document).expect("a document of strings is JSON")
}

fn change_document(change: &Change) -> ChangeDocument {
    let version = |version: &Version| VersionDocument { tag: version.tag.clone(), digest: version.digest.clone() };
    let mut destination = super::destination(&change.destination);
    destination["pushBranch"] = json!(change.git().and_then(|git| git.push_branch.as_ref()));
    if let Some(git) = change.git() {
        destination["kind"] = json!(git.kind.name());
    }
    ChangeDocument {
        id: change.id.clone(),
        application: ApplicationDocument {
            namespace: change.application.namespace.clone(),
            name: change.application.name.clone(),
            uid: change.uid.clone(),
        },
        images: change
            .images
            .iter()
            .map(|image| ImageDocument {
                alias: image.alias.clone(),
                reference: image.reference.to_string(),
                from: image.from.as_ref().map(version),
                to: version(&image.to),
                because: image.because.clone(),
            })
            .collect(),
        destination,
        edits: change
            .edits
            .iter()
            .map(|edit| EditDocument {
                kind: edit.field.wire_kind().to_owned(),
                at: edit.field.at().to_owned(),
                from: edit.from.clone(),
                to: edit.to.clone(),
            })
            .collect(),
        seen: SeenDocument {
            resource_version: change.seen.resource_version.clone(),
            commit: change.seen.commit.clone(),
            blob: change.seen.blob.clone(),
        },
    }
}

fn change(document: ChangeDocument) -> Result<Change, String> {
    let id = document.id;
    let about = |what: String| format!("change {id}: {what}");
    let images = document.images.into_iter().map(image).collect::<Result<_, _>>().map_err(about)?;
    let destination = destination(&document.destination).map_err(about)?;
    let edits = document
        .edits
        .into_iter()
        .map(|edit| {
            let Some(field) = Field::from_wire(&edit.kind, edit.at) else {
                return Err(about(format!("`{}` is not a kind of edit", edit.kind)));
            };
            Ok(Edit { field, from: edit.from, to: edit.to })
        })
        .collect::<Result<_, _>>()?;
    Ok(Change {
        application: ApplicationKey { namespace: document.application.namespace, name: document.application.name },
        uid: document.application.uid,
        images,
        destination,
        edits,
        seen: Seen {
            resource_version: document.seen.resource_version,
            commit: document.seen.commit,
            blob: document.seen.blob,
        },
        id,
    })
}

fn image(document: ImageDocument) -> Result<ImageChange, String> {
    let version = |version: VersionDocument| Version { tag: version.tag, digest: version.digest };
    // Both are asked for before anything is written: what cannot be asked for cannot be checked.
    let VersionDocument { tag, digest } = &document.to;
    if let Some(digest) = digest.as_deref().filter(|digest| Digest::new(digest).is_none()) {
        return Err(format!("`{digest}` is not a digest"));
    }
    if let Some(tag) = tag.as_deref().filter(|tag| Tag::new(tag).is_none()) {
        return Err(format!("`{tag}` is not a tag"));
    }
    Ok(ImageChange {
        alias: document.alias,
        reference: Reference::parse(&document.reference).repository()?,
        from: document.from.map(version),
        to: version(document.to),
        because: document.because,
    })
}

fn destination(value: &Value) -> Result<Destination, String> {
    let source = value.get("source").cloned().unwrap_or_default();
    let source: Option<SourceDocument> = serde_json::from_value(source).map_err(|error| error.to_string())?;
    let source = source.map(|source| SourceId {
        name: source.name,
        repo_url: source.repo_url,
        path: source.path,
        chart: source.chart,
        reference: source.r#ref,
    });
    match value.get("method").and_then(Value::as_str) {
        Some("argocd") => {}
        Some("git") => return git_destination(value, source),
        Some(other) => return Err(format!("write-back method `{other}` is not supported by this version")),
        None => return Err("it has no write-back method".to_owned()),
    }
    let renderer = match value.get("target").and_then(Value::as_str) {
        None => None,
        Some("helm") => Some(Renderer::Helm),
        Some("kustomize") => Some(Renderer::Kustomize),
        Some(other) => return Err(format!("target `{other}` is not supported by this version")),
    };
    Ok(Destination::Application { source, renderer })
}

fn git_destination(value: &Value, source: Option<SourceId>) -> Result<Destination, String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let needed = |key: &str| text(key).ok_or_else(|| format!("its destination has no `{key}`"));
    let kind = needed("kind")?;
    let Some(kind) = FileKind::ALL.into_iter().find(|known| known.name() == kind) else {
        return Err(format!("files of kind `{kind}` are not supported by this version"));
    };
    Ok(Destination::Git(GitTarget {
        repository: needed("repository")?,
        branch: Some(needed("branch")?),
        push_branch: Some(needed("pushBranch")?),
        target: text("target"),
        kind,
        path: Some(needed("path")?),
        source,
    }))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let version = |tag: &str| Version { tag: Some(tag.to_owned()), digest: None };
        let edit = |field, from: Option<&str>, to: Option<&str>| Edit {
            field,
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        Plan {
            created: "2026-11-22T09:00:00Z".parse().unwrap(),
            complete: true,
            changes: vec![Change {
                id: "argocd/web#1".to_owned(),
                application: ApplicationKey { namespace: "argocd".to_owned(), name: "web".to_owned() },
                uid: Some("u".to_owned()),
                images: vec![ImageChange {
                    alias: Some("web".to_owned()),
                    reference: Reference::parse("ghcr.io/acme/web").repository().unwrap(),
                    from: Some(version("1.20")),
                    to: version("1.30"),
                    because: "newest".to_owned(),
                }],
                destination: Destination::Application {
                    source: Some(SourceId { repo_url: "https://x".to_owned(), ..SourceId::default() }),
                    renderer: Some(Renderer::Helm),
                },
                edits: vec![
                    edit(Field::HelmParameter("image.tag".to_owned()), Some("1.20"), Some("1.30")),
                    edit(Field::KustomizeImage("a".to_owned()), None, Some("a:1e3")),
                    edit(Field::Annotation("k".to_owned()), Some("true"), None),
                ],
                seen: Seen { resource_version: Some("17".to_owned()), ..Seen::default() },
            }],
            decisions: Vec::new(),
            diagnostics: Vec::new(),
            files: Vec::new(),
        }
    }

    #[test]
    fn a_plan_is_read_as_it_was_written_from_json_and_yaml() {
        let plan = plan();
        let document = write(&plan);
        for text in [super::super::to_json(&document), super::super::to_yaml(&document)] {
            assert_eq!(read(&text).unwrap().changes, plan.changes, "{text}");
        }
    }

    #[test]
    fn a_plan_that_was_touched_is_refused() {
        let text = super::super::to_json(&write(&plan()));
        for (from, to, why) in [
            ("1.30", "1.31", "changed after it was made"),
            ("\"uid\": \"u\"", "\"uid\": null", "changed after it was made"),
            ("\"complete\": true,", "", "changed after it was made"),
            ("\"checksum\"", "\"check\"", "no checksum"),
            ("kubectl-image-update/v1", "kubectl-image-update/v2", "of version `kubectl-image-update/v2`"),
            ("\"kind\": \"Plan\"", "\"kind\": \"CheckReport\"", "it is a CheckReport"),
        ] {
            let touched = text.replacen(from, to, 1);
            assert_ne!(touched, text, "{from}");
            let error = read(&touched).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        for cut in [0, 1, text.len() / 2, text.len() - 3] {
            assert!(read(&text[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn what_a_later_version_says_of_a_change_is_not_passed_over() {
        let document = write(&plan());
        for (pointer, passed_over) in [
            ("", true),
            ("/changes/0", false),
            ("/changes/0/application", false),
            ("/changes/0/images/0", false),
            ("/changes/0/images/0/to", false),
            ("/changes/0/edits/0", false),
            // For information only.
            ("/changes/0/seen", true),
        ] {
            let mut later = document.clone();
            later.pointer_mut(pointer).unwrap()["unless"] = json!("it rains");
            later["checksum"] = json!(checksum(&later));
            let read = read(&later.to_string());
            assert_eq!(read.is_ok(), passed_over, "{pointer}: {read:?}");
            assert!(read.is_ok() || read.unwrap_err().contains("`unless`"), "{pointer}");
        }
    }

    #[test]
    fn a_plan_for_a_file_in_git_is_read_as_it_was_written() {
        let mut plan = plan();
        let change = &mut plan.changes[0];
        for kind in FileKind::ALL {
            change.destination = Destination::Git(GitTarget {
                push_branch: Some("update".to_owned()),
                kind,
                source: Some(SourceId { name: Some("values".to_owned()), ..SourceId::default() }),
                ..crate::model::tests::git_target()
            });
            change.edits[0].field = Field::HelmValue("image.tag".to_owned());
            change.seen.commit = Some("c".to_owned());
            change.seen.blob = Some("b".to_owned());
            let text = super::super::to_json(&write(&Plan { changes: vec![change.clone()], ..plan_of_nothing() }));
            assert_eq!(read(&text).unwrap().changes, std::slice::from_ref(change));
        }
    }

    fn plan_of_nothing() -> Plan {
        Plan { changes: Vec::new(), ..plan() }
    }

    #[test]
    fn a_plan_of_annotations_only_is_read_as_it_was_written() {
        let mut plan = plan();
        plan.changes[0].destination = Destination::ANNOTATIONS;
        plan.changes[0].uid = None;
        plan.changes[0].images[0].from = None;
        let text = super::super::to_json(&write(&plan));
        assert_eq!(read(&text).unwrap().changes, plan.changes);
    }

    /// The plan with some texts replaced, and a checksum that fits.
    fn forged(replacements: &[(&str, &str)]) -> String {
        let mut text = write(&plan()).to_string();
        for (from, to) in replacements {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let mut document: Value = serde_json::from_str(&text).unwrap();
        document["checksum"] = json!(checksum(&document));
        document.to_string()
    }

    #[test]
    fn what_could_not_be_carried_out_or_checked_is_refused() {
        assert!(read(&forged(&[])).is_ok());
        let version = r#""to":{"tag":"1.30","digest":null}"#;
        for (from, to, why) in [
            (version, r#""to":{"tag":"1 30","digest":null}"#, "`1 30` is not a tag"),
            (version, r#""to":{"tag":"1.30","digest":"sha256:1"}"#, "`sha256:1` is not a digest"),
            ("ghcr.io/acme/web", "Not An Image", "must be lower case"),
            (r#""kind":"helmParameter""#, r#""kind":"valuesKey""#, "`valuesKey` is not a kind of edit"),
            (r#""method":"argocd""#, r#""method":"svn""#, "`svn` is not supported"),
            (r#""method":"argocd""#, r#""method":"git""#, "its destination has no `kind`"),
            (r#""method":"argocd","#, "", "no write-back method"),
            (r#""target":"helm""#, r#""target":"plugin""#, "target `plugin` is not supported"),
            (r#""repoURL":"https://x""#, r#""repoURL":7"#, "invalid type"),
            (r#""changes":["#, r#""other":["#, "invalid type: null"),
            (r#""edits":["#, r#""edits":7,"more":["#, "invalid type"),
        ] {
            let error = read(&forged(&[(from, to)])).unwrap_err();
            assert!(error.contains(why), "{why}: {error}");
        }
        // What a later version adds is no reason to refuse a plan of this one.
        assert!(read(&forged(&[(r#""complete":true"#, r#""complete":true,"new":[1,{"a":2}]"#)])).is_ok());
    }

    #[test]
    fn a_hostile_file_is_refused_and_not_expanded() {
        let levels = (1..12).map(|level| {
            let uses = vec![format!("*l{}", level - 1); 12].join(", ");
            format!("l{level}: &l{level} [{uses}]")
        });
        let bomb = levels.collect::<Vec<_>>().join("\n");
        for text in [
            "[".repeat(100_000),
            format!("a: {}", "[".repeat(300_000)),
            "{\"a\":".repeat(100_000),
            "- ".repeat(100_000),
            format!("l0: &l0 [x]\n{bomb}"),
            "\0".to_owned(),
            "a: b".to_owned(),
            "apiVersion: [x]".to_owned(),
        ] {
            assert!(read(&text).is_err());
        }
    }
}
