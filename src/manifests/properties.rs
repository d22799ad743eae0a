//! What holds for every text that is given as a manifest.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use serde_json::json;

use crate::manifests::contents::Contents;
use crate::manifests::documents::documents;
use crate::model::hostile;

const TEXTS: [&str; 5] = [
    "# head\n%YAML 1.1\n---\na: 1\n--- # two\n\nb: 2\n---\n# nothing\n---\nc: |\n  x\n  ---\n...\nd: 4\n--- {e: 5}\n",
    "{\"a\": \"\\ud83d\\ude00\"}\n\n {\"b\": [1, -1, 1.5, true, null]}\n",
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a, annotations: {x/y: '1.10'}}\nspec: {source: {helm: {parameters: [{name: t, value: '1'}]}}}\n",
    "{apiVersion: v1, kind: List, items: [{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: b, namespace: team}}]}",
    "a: &x {b: 1}\nc: {<<: *x, d: 2}\n1: !custom y\n",
];

const PIECES: [&str; 36] = [
    "\n",
    "\n",
    "---\n",
    "--- ",
    "...\n",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    "|",
    ">",
    "&x ",
    "*x",
    "<<: ",
    "!!str ",
    "!custom ",
    "#",
    "%YAML 1.1\n",
    "a",
    "1",
    "0x10",
    ".nan",
    "~",
    "kind: List\n",
    "items: ",
    "Application",
    "metadata: ",
    "\t",
    "\r\n",
    "\u{85}",
    "\u{feff}",
    "\u{2028}",
];

fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let mut contents = Contents::new("argocd");
    contents.add("`x.yaml`", text);
    let found = contents.into_manifests();
    let names = found.applications.iter().map(|application| application.key.to_string()).collect();
    (names, found.diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect())
}

fn full_application() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "a", "namespace": "team", "labels": {"l": "1"}, "annotations": {"x/y": "1.10"}},
        "spec": {
            "source": {"repoURL": "r", "helm": {"parameters": [{"name": "t", "value": "1"}]}, "kustomize": {"images": ["nginx"]}},
            "sources": [{"targetRevision": "1.10"}], "sourceHydrator": {"drySource": {"path": "p"}},
        },
    })
}

/// Whether a key is the one that YAML merges by, which is no text to it.
fn merges(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| key == "<<" || merges(value)),
        Value::Array(list) => list.iter().any(merges),
        _ => false,
    }
}

proptest! {
    #![proptest_config(hostile::cases(128))]

    #[test]
    fn documents_are_counted_and_stand_where_they_say(text in hostile::hostile(&TEXTS, &PIECES, 24)) {
        let found = documents(&text);
        let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count();
        let mut last = 1;
        for (index, document) in found.iter().enumerate() {
            prop_assert_eq!(document.number, index + 1);
            prop_assert!(document.line >= last && document.line <= lines, "{} after {} of {}", document.line, last, lines);
            last = document.line;
            prop_assert_ne!(document.value.as_ref().map(Value::is_null), Ok(true));
        }
        let (names, problems) = read(&text);
        prop_assert!(names.iter().all(|name| name.contains('/') && !name.starts_with('/') && !name.ends_with('/')));
        prop_assert!(problems.len() >= found.iter().filter(|document| document.value.is_err()).count());
    }

    #[test]
    fn a_value_is_read_as_it_was_written(values in vec(hostile::json_value(), 1..4), pretty in any::<bool>()) {
        prop_assume!(!values.iter().any(merges));
        let read = |text: &str| documents(text).into_iter().map(|document| document.value).collect::<Result<Vec<_>, _>>();
        let objects: Vec<_> = values.iter().map(|value| json!({ "value": value })).collect();
        let json = |value: &Value| if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        let text: Vec<String> = objects.iter().map(|value| json(value).expect("JSON")).collect();
        prop_assert_eq!(read(&text.join("\n")), Ok(objects.clone()));
        let text: Vec<String> = objects.iter().map(|value| serde_yaml::to_string(value).expect("YAML")).collect();
        prop_assert_eq!(read(&text.join("---\n")), Ok(objects), "{:?}", text);
    }

    #[test]
    fn a_broken_document_hides_no_other(broken in hostile::hostile(&TEXTS, &PIECES, 12), kept in any::<bool>()) {
        // It must not end what stands before it, or go on behind it.
        let broken = broken.replace("---", "-").replace("...", ".").replace(['\u{feff}', '\r'], "");
        let app = |name: &str| format!("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\n");
        let text = format!("{}---\n{}\n---\n{}", app("first"), if kept { &broken } else { "" }, app("last"));
        let (names, _) = read(&text);
        prop_assert_eq!(names.first().map(String::as_str), Some("argocd/first"));
        prop_assert!(names.iter().any(|name| name == "argocd/last"), "{:?}", names);
    }

    #[test]
    fn an_application_is_read_or_what_is_wrong_is_named(object in hostile::damaged_json(full_application()), cut in any::<Index>()) {
        let (names, problems) = read(&object.to_string());
        let is_one = object["kind"] == "Application" && object["apiVersion"].as_str().is_some_and(|version| version.starts_with("argoproj.io/"));
        if is_one {
            prop_assert_eq!(names.len(), usize::from(problems.is_empty()));
            // Nothing that must be text is anything else.
            let texts = ["/metadata/name", "/metadata/annotations/x~1y", "/spec/source/helm/parameters/0/value", "/spec/sources/0/targetRevision"];
            let odd = texts.iter().filter_map(|path| object.pointer(path)).any(|value| !value.is_string() && !value.is_null());
            prop_assert!(!odd || names.is_empty());
        }
        let text = object.to_string();
        let cut = cut.index(text.len());
        if text.starts_with('{') && text.is_char_boundary(cut) && cut > 0 {
            prop_assert!(read(&text[..cut]).0.is_empty(), "cut at {}", cut);
        }
    }
}
