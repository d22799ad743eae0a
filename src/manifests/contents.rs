//! The Applications among the objects of a manifest.
//!
//! Pure. A manifest is written by people, so it is read strictly where a cluster's object is read tolerantly: what the
//! API server would refuse, such as a number for a tag, is reported instead of guessed.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::cluster::application::application;
use crate::manifests::Manifests;
use crate::manifests::documents::documents;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::diagnostic::Diagnostic;

/// What has been found so far.
pub(super) struct Contents<'a> {
    namespace: &'a str,
    applications: Vec<Application>,
    diagnostics: Vec<Diagnostic>,
    /// Where each Application was found first.
    places: BTreeMap<ApplicationKey, (String, usize)>,
    /// The file that is read, and the file of each Application.
    file: Option<PathBuf>,
    files: BTreeMap<ApplicationKey, PathBuf>,
}

impl<'a> Contents<'a> {
    /// `namespace` is that of an Application which names none.
    pub(super) fn new(namespace: &'a str) -> Self {
        Self {
            namespace,
            applications: Vec::new(),
            diagnostics: Vec::new(),
            places: BTreeMap::new(),
            file: None,
            files: BTreeMap::new(),
        }
    }

    /// Says which file the text that is added next is from.
    pub(super) fn enter(&mut self, file: Option<&Path>) {
        self.file = file.map(Path::to_owned);
    }

    /// Adds the Applications of a text.
    pub(super) fn add(&mut self, input: &str, text: &str) {
        for document in documents(text) {
            let place = format!("{input}, document {} (line {})", document.number, document.line);
            match document.value {
                Ok(object) => self.add_object(&place, object, None),
                Err(why) => self.report(Diagnostic::error("bad-manifest", format!("{place}: {why}"))),
            }
        }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn into_manifests(self) -> Manifests {
        Manifests { applications: self.applications, diagnostics: self.diagnostics, files: self.files }
    }

    /// Adds an object, or the items of a list; `kind` is that of items which have none.
    fn add_object(&mut self, place: &str, mut object: Value, kind: Option<&str>) {
        let argo_cd = match object["apiVersion"].as_str() {
            Some(version) => version.starts_with("argoproj.io/"),
            None => kind.is_some(),
        };
        let of_object = object["kind"].as_str().map(str::to_owned);
        match of_object.as_deref().or(kind) {
            Some("Application") if argo_cd => self.add_application(place, object),
            Some("ApplicationSet") if argo_cd => self.note_application_set(place, &object),
            Some(list) if list.ends_with("List") && object["items"].is_array() => {
                let kind = argo_cd.then(|| list.trim_end_matches("List")).filter(|kind| !kind.is_empty());
                let Value::Array(items) = object["items"].take() else { return };
                for (index, item) in items.into_iter().enumerate() {
                    self.add_object(&format!("{place}, item {}", index + 1), item, kind);
                }
            }
            _ => {}
        }
    }

    fn add_application(&mut self, place: &str, object: Value) {
        let not_text = not_text(&object);
        if !not_text.is_empty() {
            for (field, what) in not_text {
                let message = format!("{place}: {field} is {what}, and must be text");
                let hint = "write it in quotes; without them 1.10 is 1.1, and 0123 is another number";
                self.report(Diagnostic::error("bad-manifest", message).hint(hint));
            }
            return;
        }
        let mut named = object.clone();
        if named["metadata"]["namespace"].as_str().is_none_or(str::is_empty) && named["metadata"].is_object() {
            named["metadata"]["namespace"] = json!(self.namespace);
        }
        match application(named) {
            // The object stays as it is in the file.
            Ok(read) => self.add_read(place, Application { object, ..read }),
            Err(why) => {
                self.report(Diagnostic::error(
                    "bad-manifest",
                    format!("{place}: the Application cannot be used: {why}"),
                ));
            }
        }
    }

    fn add_read(&mut self, place: &str, application: Application) {
        match self.places.get(&application.key) {
            None => {
                self.places.insert(application.key.clone(), (place.to_owned(), self.applications.len()));
                self.files.extend(self.file.clone().map(|file| (application.key.clone(), file)));
                self.applications.push(application);
            }
            Some((_, index)) if self.applications[*index].object == application.object => {}
            Some((first, _)) => {
                let message = format!("{place}: Application `{}` is given twice, first in {first}", application.key);
                self.report(Diagnostic::error("bad-manifest", message).about(&application.key));
            }
        }
    }

    fn note_application_set(&mut self, place: &str, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let message = format!("{place}: ApplicationSet `{name}` is not evaluated, so its Applications are not seen");
        let hint = "`argocd appset generate` prints them";
        self.report(Diagnostic::warning("application-set", message).hint(hint));
    }
}

/// The fields that must be text and are not, with what they are instead.
fn not_text(object: &Value) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    let mut check = |field: String, value: &Value| match value {
        Value::Null | Value::String(_) => {}
        Value::Bool(_) => found.push((field, "true or false")),
        Value::Number(_) => found.push((field, "a number")),
        Value::Array(_) => found.push((field, "a list")),
        Value::Object(_) => found.push((field, "an object")),
    };
    let metadata = &object["metadata"];
    for field in ["name", "namespace"] {
        check(format!("`metadata.{field}`"), &metadata[field]);
    }
    for (what, map) in [("annotation", &metadata["annotations"]), ("label", &metadata["labels"])] {
        for (key, value) in map.as_object().into_iter().flatten() {
            check(format!("{what} `{key}`"), value);
        }
    }
    let spec = &object["spec"];
    let several = list(&spec["sources"]).iter().enumerate().map(|(index, s)| (format!("spec.sources[{index}]"), s));
    let single =
        [("spec.source", &spec["source"]), ("spec.sourceHydrator.drySource", &spec["sourceHydrator"]["drySource"])];
    for (path, source) in single.into_iter().map(|(path, source)| (path.to_owned(), source)).chain(several) {
        for field in ["repoURL", "path", "chart", "ref", "name", "targetRevision"] {
            check(format!("`{path}.{field}`"), &source[field]);
        }
        for (index, parameter) in list(&source["helm"]["parameters"]).iter().enumerate() {
            for field in ["name", "value"] {
                check(format!("`{path}.helm.parameters[{index}].{field}`"), &parameter[field]);
            }
        }
        for (index, image) in list(&source["kustomize"]["images"]).iter().enumerate() {
            check(format!("`{path}.kustomize.images[{index}]`"), image);
        }
    }
    found
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Manifests {
        let mut contents = Contents::new("argocd");
        contents.add("`x.yaml`", text);
        contents.into_manifests()
    }

    fn names(text: &str) -> Vec<String> {
        let found = read(text);
        assert!(found.diagnostics.is_empty(), "{:?}", found.diagnostics);
        found.applications.iter().map(|a| a.key.to_string()).collect()
    }

    const APP: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\n";

    #[test]
    fn applications_are_found_among_other_kinds() {
        let list = |version: &str, kind: &str, items: &str| {
            format!("{{apiVersion: {version}, kind: {kind}, items: [{items}]}}")
        };
        let app = "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: a, namespace: team}}";
        for (text, expected) in [
            (app.to_owned(), vec!["team/a"]),
            (format!("{APP}metadata: {{name: a}}"), vec!["argocd/a"]),
            (format!("{APP}metadata: {{name: a, namespace: ''}}"), vec!["argocd/a"]),
            (list("v1", "List", app), vec!["team/a"]),
            (list("v1", "List", &list("v1", "List", app)), vec!["team/a"]),
            (
                list("argoproj.io/v1alpha1", "ApplicationList", "{metadata: {name: a}}, {metadata: {name: b}}"),
                vec!["argocd/a", "argocd/b"],
            ),
            (list("argoproj.io/v1alpha1", "AppProjectList", "{metadata: {name: a}}"), vec![]),
            (list("v1", "PodList", "{metadata: {name: a}}"), vec![]),
            // Other projects have an Application too.
            ("{apiVersion: app.k8s.io/v1beta1, kind: Application, metadata: {name: a}}".to_owned(), vec![]),
            ("{kind: Application, metadata: {name: a}}".to_owned(), vec![]),
            ("{apiVersion: v1, kind: ConfigMap, metadata: {name: 1}}".to_owned(), vec![]),
            ("just text".to_owned(), vec![]),
            ("[a, b]".to_owned(), vec![]),
            ("image: {tag: v1}".to_owned(), vec![]),
            ("kind: List\nitems: 1".to_owned(), vec![]),
            ("kind: [List]".to_owned(), vec![]),
        ] {
            assert_eq!(names(&text), expected, "{text}");
        }
    }

    #[test]
    fn the_object_stays_as_it_was_written() {
        let found = read(&format!("{APP}metadata: {{name: a}}\nspec: {{unknown: [1, {{x: y}}]}}"));
        let expected = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "a"}, "spec": {"unknown": [1, {"x": "y"}]}
        });
        assert_eq!(found.applications[0].object, expected);
        assert!(found.applications[0].status.is_none());
    }

    #[test]
    fn what_must_be_text_is_asked_for_in_quotes() {
        for (rest, expected) in [
            ("metadata: {name: a, annotations: {x/y: 1.10}}", "annotation `x/y` is a number, and must be text"),
            ("metadata: {name: a, annotations: {x: true}}", "annotation `x` is true or false, and must be text"),
            ("metadata: {name: a, labels: {x: 1}}", "label `x` is a number, and must be text"),
            ("metadata: {name: 1}", "`metadata.name` is a number, and must be text"),
            ("metadata: {name: a, annotations: {x: {y: z}}}", "annotation `x` is an object, and must be text"),
            (
                "metadata: {name: a}\nspec: {source: {helm: {parameters: [{name: t, value: 1.10}]}}}",
                "`spec.source.helm.parameters[0].value` is a number, and must be text",
            ),
            (
                "metadata: {name: a}\nspec: {sources: [{}, {targetRevision: 1.10}]}",
                "`spec.sources[1].targetRevision` is a number, and must be text",
            ),
            (
                "metadata: {name: a}\nspec: {source: {kustomize: {images: [[]]}}}",
                "`spec.source.kustomize.images[0]` is a list, and must be text",
            ),
        ] {
            let found = read(&format!("{APP}{rest}"));
            assert!(found.applications.is_empty(), "{rest}");
            assert_eq!(found.diagnostics.len(), 1);
            assert_eq!(found.diagnostics[0].message, format!("`x.yaml`, document 1 (line 1): {expected}"));
            assert!(found.diagnostics[0].hint.as_ref().unwrap().contains("quotes"));
        }
        assert_eq!(names(&format!("{APP}metadata: {{name: a, annotations: {{x: , y: '1.10'}}}}")), ["argocd/a"]);
    }

    #[test]
    fn what_cannot_be_used_is_named_and_hides_nothing() {
        let text = format!("{APP}metadata: {{name: a}}\n---\n{APP}\n---\nb: [\n---\n{APP}metadata: {{name: c}}\n");
        let found = read(&text);
        assert_eq!(found.applications.iter().map(|a| a.key.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        let messages: Vec<&str> = found.diagnostics.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(
            messages[0],
            "`x.yaml`, document 2 (line 4): the Application cannot be used: it has no `metadata.name`"
        );
        assert!(messages[1].starts_with("`x.yaml`, document 3 (line "), "{messages:?}");
    }

    #[test]
    fn the_same_application_counts_once() {
        let app = |tag: &str| format!("{APP}metadata: {{name: a, labels: {{t: {tag}}}}}\n---\n");
        assert_eq!(names(&format!("{}{}", app("x"), app("x"))), ["argocd/a"]);
        let found = read(&format!("{}{}", app("x"), app("y")));
        assert_eq!(found.applications.len(), 1);
        assert_eq!(
            found.diagnostics[0].message,
            "`x.yaml`, document 2 (line 4): Application `argocd/a` is given twice, first in `x.yaml`, document 1 (line 1)"
        );
    }

    #[test]
    fn application_sets_are_named() {
        let found = read("{apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, metadata: {name: all}}");
        assert_eq!(found.diagnostics[0].code, "application-set");
        assert!(found.diagnostics[0].message.contains("ApplicationSet `all` is not evaluated"));
    }
}
