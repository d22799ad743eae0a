//! What a plan shows of an Application, and what it does not.

use serde_json::json;

use super::*;
use crate::model::tests::change;
use crate::model::tests::digest;
use crate::model::tests::object;

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn only_what_changes_is_in_the_diff() {
    let before = object(
        "{annotations: {image-list: nginx}, project: default, source: {repoURL: r, helm: {parameters: [
           {name: image.tag, value: v1.0.0}, {name: image.name, value: nginx}]}}, status: {images: [nginx]}}",
    );
    let mut after = before.clone();
    after["spec"]["source"]["helm"]["parameters"][0] =
        json!({"name": "image.tag", "value": "v1.0.1", "forceString": true});
    let target = application(&change(), &before, &after);
    assert_eq!(target.file, "argoproj.io.v1alpha1.Application.argocd.bookstore");
    assert_eq!(
        plain(&unified(&target, 1)),
        "\
--- Application argocd/bookstore (helm)
+++ Application argocd/bookstore (helm)
@@ -14,3 +14,4 @@
       - name: image.tag
-        value: v1.0.0
+        value: v1.0.1
+        forceString: true
       - name: image.name
"
    );
    // Without context lines, what is left is the change itself.
    let changed: Vec<_> =
        plain(&unified(&target, 0)).lines().skip(2).filter(|line| !line.starts_with('@')).map(str::to_owned).collect();
    assert_eq!(changed, ["-        value: v1.0.0", "+        value: v1.0.1", "+        forceString: true"]);
    assert_eq!(plain(&unified(&application(&change(), &before, &before), 3)).lines().count(), 2);
}

#[test]
fn values_that_may_be_secret_are_hidden() {
    let secret = "s3cr3t";
    let mut object = object(
        "{annotations: {image-list: nginx}, source: {helm: {values: s3cr3t, valuesObject: {a: s3cr3t}, parameters: [
           {name: image.tag, value: shown}, {name: password, value: s3cr3t, forceString: true}, {name: none}]},
           plugin: {env: [{name: A, value: s3cr3t}]}, directory: {jsonnet: {extVars: [{name: A, value: s3cr3t}]}}},
          sources: [{helm: {parameters: [{name: image.tag, value: s3cr3t}]}}],
          sourceHydrator: {drySource: {helm: {parameters: [{name: password, value: s3cr3t}], values: s3cr3t}}},
          status: {x: s3cr3t}}",
    );
    object["operation"] = json!({"a": secret});
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.insert("managedFields".to_owned(), json!([secret]));
    metadata["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = json!(secret);
    let target = application(&change(), &object, &object);
    assert!(!target.before.contains(secret), "{}", target.before);
    assert_eq!(target.before, target.after);
    assert!(target.before.contains("value: shown") && target.before.contains("value: (hidden)"), "{}", target.before);
    for kept in ["name: password", "image-list: nginx", "forceString: true", "name: none"] {
        assert!(target.before.contains(kept), "{kept}\n{}", target.before);
    }
    for gone in ["resourceVersion", "uid", "status", "operation", "managedFields"] {
        assert!(!target.before.contains(gone), "{gone}\n{}", target.before);
    }
}

#[test]
fn of_several_sources_the_parameters_of_the_edited_one_are_shown() {
    let source = |path: &str| SourceId { repo_url: "r".to_owned(), path: Some(path.to_owned()), ..SourceId::default() };
    let sources = object(
        "sources: [{repoURL: r, path: a, helm: {parameters: [{name: image.tag, value: one}]}},
                   {repoURL: r, path: b, helm: {parameters: [{name: image.tag, value: two}]}}]",
    );
    for (path, shown, hidden) in [("a", "value: one", "two"), ("b", "value: two", "one")] {
        let mut change = change();
        change.destination = Destination::Application { source: Some(source(path)), renderer: Some(Renderer::Helm) };
        let target = application(&change, &sources, &sources);
        assert!(target.before.contains(shown) && !target.before.contains(hidden), "{path}: {}", target.before);
        assert_eq!(target.head, format!("Application argocd/bookstore (helm) source r {path}"));
    }
}

#[test]
fn the_head_says_what_is_written() {
    let mut change = change();
    for (destination, head) in [
        (
            Destination::Application { source: None, renderer: Some(Renderer::Kustomize) },
            "Application argocd/bookstore (kustomize)",
        ),
        (Destination::ANNOTATIONS, "Application argocd/bookstore (annotations)"),
    ] {
        change.destination = destination;
        assert_eq!(application(&change, &json!({}), &json!({})).head, head);
    }
    change.application.name = "../../etc/x y".to_owned();
    assert_eq!(
        application(&change, &json!(null), &json!([])).file,
        "argoproj.io.v1alpha1.Application.argocd..._.._etc_x_y"
    );
}

#[test]
fn an_image_is_one_line() {
    let mut change = change();
    let line = |change: &Change| plain(&image_lines(change));
    let reference = "ghcr.io/amplication/bookstore-application";
    // The digest behind the tag is a precondition, and not what is written.
    assert_eq!(line(&change), format!("bookstore  {reference}  v1.0.0 → v1.0.1  newest of 3 tags that satisfy ~1.0\n"));
    change.edits[0].to = Some(format!("v1.0.1@{}", digest('d')));
    let written = format!("bookstore  {reference}  v1.0.0 → v1.0.1@sha256:{}  newest", "d".repeat(12));
    assert!(line(&change).starts_with(&written), "{}", line(&change));
    change.images[0].alias = None;
    change.images[0].from = None;
    assert!(line(&change).starts_with(&format!("{reference}  (not set) → v1.0.1@")), "{}", line(&change));
}
