//! Manifests of Applications, edited in place.

use super::*;
use crate::model::application::ApplicationKey;
use crate::model::application::SourceId;
use crate::model::plan::Destination;
use crate::model::plan::Renderer;
use crate::writeback::files::manifest::Target;

/// Edits `team/web` in a file: each with the value that is expected there now.
fn edited(
    file: &str,
    source: Option<&str>,
    edits: &[(Field, Option<&str>, Option<&str>)],
) -> Result<String, FileError> {
    let application = ApplicationKey { namespace: "team".to_owned(), name: "web".to_owned() };
    let source = source.map(|name| SourceId { name: Some(name.to_owned()), ..SourceId::default() });
    let destination = Destination::Application { source, renderer: Some(Renderer::Helm) };
    let target = Target { application: &application, default_namespace: "team", destination: &destination };
    let edits: Vec<_> = edits
        .iter()
        .map(|(field, from, to)| Edit {
            field: field.clone(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        })
        .collect();
    let bytes = manifest::edit(file.as_bytes(), target, &edits)?;
    Ok(String::from_utf8(bytes).expect("UTF-8 stays UTF-8"))
}

fn parameter(name: &str) -> Field {
    Field::HelmParameter(name.to_owned())
}

const FILE: &str = "\
# other things first
apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: web
  namespace: other
spec: {source: {repoURL: x}}
---
# the one
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: web   # no namespace
  annotations:
    a: b
spec:
  source:
    repoURL: https://example.com/deploy.git
    path: web
    helm:
      parameters:
      - name: image.tag
        value: v1.0.0  # now
      - {name: replicas, value: \"1\"}
  destination: {server: https://kubernetes.default.svc}
---
kind: Other
tag: v1.0.0
";

#[test]
fn only_the_application_that_is_meant_changes() {
    let tag = [(parameter("image.tag"), Some("v1.0.0"), Some("1.1"))];
    let expected = FILE.replace("value: v1.0.0  # now\n", "value: \"1.1\"  # now\n        forceString: true\n");
    assert_eq!(edited(FILE, None, &tag), Ok(expected.clone()));
    let crlf = FILE.replace('\n', "\r\n");
    assert_eq!(edited(&crlf, None, &tag), Ok(expected.replace('\n', "\r\n")));

    let name = [(parameter("image.name"), None, Some("nginx"))];
    let added =
        "{name: replicas, value: \"1\"}\n      - name: image.name\n        value: nginx\n        forceString: true\n";
    assert_eq!(edited(FILE, None, &name), Ok(FILE.replace("{name: replicas, value: \"1\"}\n", added)));

    let image = [(Field::KustomizeImage("nginx".to_owned()), None, Some("nginx:2"))];
    let added = "value: \"1\"}\n    kustomize:\n      images:\n      - nginx:2\n";
    assert_eq!(edited(FILE, None, &image), Ok(FILE.replace("value: \"1\"}\n", added)));

    let key = |key: &str| Field::Annotation(key.to_owned());
    let pin = [(key("x/pin.web"), None, Some("1.2"))];
    let pinned = FILE.replace("    a: b\n", "    a: b\n    x/pin.web: \"1.2\"\n");
    assert_eq!(edited(FILE, None, &pin), Ok(pinned.clone()));
    assert_eq!(edited(&pinned, None, &[(key("x/pin.web"), Some("1.2"), None)]), Ok(FILE.to_owned()));
    assert_eq!(edited(FILE, None, &[(key("a"), Some("b"), Some("c"))]), Ok(FILE.replace("a: b", "a: c")));

    let stale = edited(FILE, None, &[(parameter("image.tag"), Some("v0.9.0"), Some("v2"))]).unwrap_err();
    assert!(stale.is_changed(), "{stale}");
}

#[test]
fn lists_and_several_sources_are_looked_into() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: argoproj.io/v1alpha1\n  kind: Application\n  metadata: {name: web}\n  spec:\n    sources:\n    - {name: a, repoURL: x}\n    - name: b\n      repoURL: y\n      helm:\n        valueFiles: [v.yaml]\n";
    let tag = [(parameter("image.tag"), None, Some("v2"))];
    let expected = "        valueFiles: [v.yaml]\n        parameters:\n        - name: image.tag\n          value: v2\n          forceString: true\n";
    assert_eq!(edited(list, Some("b"), &tag), Ok(list.replace("        valueFiles: [v.yaml]\n", expected)),);
    assert_eq!(
        edited(list, Some("a"), &tag),
        Ok(list.replace(
            "{name: a, repoURL: x}",
            "{name: a, repoURL: x, helm: {parameters: [{name: image.tag, value: v2, forceString: true}]}}"
        )),
    );
    let json = "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"ApplicationList\",\"items\":[{\"metadata\":{\"name\":\"web\"},\"spec\":{\"source\":{\"repoURL\":\"x\"}}}]}";
    let added = "{\"repoURL\":\"x\", \"helm\": {\"parameters\": [{\"name\": \"image.tag\", \"value\": \"v2\", \"forceString\": true}]}}";
    assert_eq!(edited(json, None, &tag), Ok(json.replace("{\"repoURL\":\"x\"}", added)));
}

#[test]
fn what_is_not_the_only_one_is_refused() {
    let tag = [(parameter("image.tag"), None, Some("v2"))];
    let app = |rest: &str| {
        format!("{{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {{name: web}}{rest}}}\n")
    };
    let one = app(", spec: {source: {repoURL: x}}");
    for (file, source, part) in [
        (String::new(), None, "the Application team/web is not in the file"),
        ("kind: Application\nmetadata: {name: web}\n".to_owned(), None, "is not in the file"),
        (format!("{one}---\n{one}"), None, "comes twice"),
        (app(""), None, "has no `spec`"),
        (app(", spec: {}"), None, "has no source"),
        (app(", spec: {sources: [{name: a}]}"), None, "has several sources"),
        (app(", spec: {sources: [{name: a}, {name: a}]}"), Some("a"), "more than one source a"),
        (app(", spec: {sources: [{name: a}]}"), Some("b"), "has no source b"),
        (app(", spec: {sourceHydrator: {}, source: {repoURL: x}}"), None, "has a source hydrator"),
        (one.replace("repoURL: x", "helm: x"), None, "`helm` is a scalar, not a mapping"),
        (format!("{one}---\n{{{{ x }}}}"), None, "a key is no scalar"),
    ] {
        let error = edited(&file, source, &tag).expect_err(&file).to_string();
        assert!(error.contains(part), "{error}\n{file}");
    }
}
