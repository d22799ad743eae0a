//! Edits of an Application object: what is meant changes, and nothing else.

use serde_json::json;

use super::*;
use crate::model::application::SourceId;
use crate::model::tests::Random;
use crate::model::tests::object;
use crate::writeback::object::Edited;
use crate::writeback::object::Misfit;
use crate::writeback::object::edited;
use crate::writeback::object::patch;

const KEY: &str = "example.com/key";

fn edit(field: Field, from: Option<&str>, to: Option<&str>) -> Edit {
    Edit { field, from: from.map(str::to_owned), to: to.map(str::to_owned) }
}

fn parameter(name: &str, from: Option<&str>, to: Option<&str>) -> Edit {
    edit(Field::HelmParameter(name.to_owned()), from, to)
}

fn image(name: &str, from: Option<&str>, to: Option<&str>) -> Edit {
    edit(Field::KustomizeImage(name.to_owned()), from, to)
}

fn annotation(from: Option<&str>, to: Option<&str>) -> Edit {
    edit(Field::Annotation(KEY.to_owned()), from, to)
}

const ONLY: Destination = Destination::ANNOTATIONS;

/// The destination of the source that has these fields.
fn source(id: &SourceId) -> Destination {
    Destination::Application { source: Some(id.clone()), renderer: Some(Renderer::Helm) }
}

/// Makes edits, the server's way: the patch is carried out on the object, and gives the edited one.
fn made(id: &str, before: &Value, destination: &Destination, edits: &[Edit]) -> Value {
    let after = match edited(before, destination, edits) {
        Ok(Edited::Object(after)) => after,
        other => panic!("{id}: {other:?}"),
    };
    let patch = patch(before, &after);
    assert_eq!(patch[0], json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}), "{id}");
    let mut patched = before.clone();
    json_patch::patch(&mut patched, &serde_json::from_value::<json_patch::Patch>(patch).unwrap()).unwrap();
    assert_eq!(patched, after, "{id}");
    assert_eq!(edited(&after, destination, edits), Ok(Edited::Already), "{id}: made twice");
    after
}

#[test]
fn missing_blocks_are_made() {
    let tag = [parameter("image.tag", None, Some("1"))];
    let nginx = [image("nginx", None, Some("nginx:1"))];
    let element = json!({"name": "image.tag", "value": "1", "forceString": true});
    for (id, before, edits, expected) in [
        ("no helm", "source: {path: p}", &tag, json!({"path": "p", "helm": {"parameters": [element]}})),
        ("helm null", "source: {helm: null}", &tag, json!({"helm": {"parameters": [element]}})),
        (
            "no parameters",
            "source: {helm: {valueFiles: [x]}}",
            &tag,
            json!({"helm": {"valueFiles": ["x"], "parameters": [element]}}),
        ),
        ("parameters null", "source: {helm: {parameters: null}}", &tag, json!({"helm": {"parameters": [element]}})),
        ("no kustomize", "source: {path: p}", &nginx, json!({"path": "p", "kustomize": {"images": ["nginx:1"]}})),
        (
            "no images",
            "source: {kustomize: {namePrefix: x}}",
            &nginx,
            json!({"kustomize": {"namePrefix": "x", "images": ["nginx:1"]}}),
        ),
    ] {
        assert_eq!(made(id, &object(before), &ONLY, edits)["spec"]["source"], expected, "{id}");
    }
    let mut bare = object("source: {path: p}");
    bare["metadata"].as_object_mut().unwrap().shift_remove("annotations");
    let after = made("no annotations", &bare, &ONLY, &[annotation(None, Some("v"))]);
    assert_eq!(after["metadata"]["annotations"], json!({KEY: "v"}));
}

#[test]
fn what_is_not_meant_stays() {
    let before = object(
        "{annotations: {image-list: nginx, other.example/x: y}, unknown: {kept: [1, {deep: true}]}, project: default,
          source: {repoURL: r, newField: 7, helm: {releaseName: web, parameters: [
            {name: a, value: '1', extra: kept}, {name: image.tag, value: '1', odd: [1]}, {name: image.tag, value: '0'},
            {name: number, value: 5}, odd]}},
          status: {images: [nginx], history: [{id: 1}]}}",
    );
    let mut expected = before.clone();
    let parameters = &mut expected["spec"]["source"]["helm"]["parameters"];
    parameters[1] = json!({"name": "image.tag", "value": "2", "odd": [1], "forceString": true});
    parameters[2] = json!({"name": "image.tag", "value": "2", "forceString": true});
    let edits = [parameter("image.tag", Some("0"), Some("2"))];
    assert_eq!(made("duplicate names", &before, &ONLY, &edits), expected);
    let list: Vec<Value> = serde_json::from_value(patch(&before, &expected)).unwrap();
    for operation in &list[1..] {
        let path = operation["path"].as_str().unwrap();
        assert!(
            path.starts_with("/spec/source/helm/parameters/1") || path.starts_with("/spec/source/helm/parameters/2"),
            "{path}"
        );
    }
    // A number where a text belongs is compared as it is written.
    let after = made("number", &before, &ONLY, &[parameter("number", Some("5"), Some("6"))]);
    assert_eq!(
        after["spec"]["source"]["helm"]["parameters"][3],
        json!({"name": "number", "value": "6", "forceString": true})
    );
    // What is taken away leaves its neighbors.
    let after =
        made("removal", &before, &ONLY, &[parameter("image.tag", Some("0"), None), annotation(None, Some("v"))]);
    assert_eq!(written(&after), ["a=1", "number=?", "odd"]);
    assert_eq!(made("back", &after, &ONLY, &[annotation(Some("v"), None)])["metadata"], before["metadata"]);
}

#[test]
fn a_value_that_is_not_the_expected_one_is_a_misfit() {
    let object = object(
        "{annotations: {image-list: nginx, example.com/key: old},
          source: {helm: {parameters: [{name: t, value: '1'}]}, kustomize: {images: ['nginx:1', 'x=redis:1']}}}",
    );
    for (id, edit, found) in [
        ("changed", parameter("t", Some("0"), Some("2")), Some("1")),
        ("there", parameter("t", None, Some("2")), Some("1")),
        ("gone", parameter("other", Some("1"), Some("2")), None),
        ("image changed", image("nginx", Some("nginx:0"), Some("nginx:2")), Some("nginx:1")),
        ("image gone", image("redis", Some("redis:1"), Some("redis:2")), None),
        ("annotation changed", annotation(Some("older"), Some("new")), Some("old")),
        ("annotation there", annotation(None, Some("new")), Some("old")),
        ("annotation to remove", annotation(Some("older"), None), Some("old")),
    ] {
        let misfit =
            Misfit::Changed { field: edit.field.clone(), expected: edit.from.clone(), found: found.map(str::to_owned) };
        // One misfit spoils all: nothing is edited.
        let fine = parameter("new", None, Some("1"));
        assert_eq!(edited(&object, &ONLY, &[fine, edit]), Err(misfit), "{id}");
    }
    // What already is as it should be is no misfit, whatever was expected.
    for edit in
        [parameter("t", Some("0"), Some("1")), image("x", None, Some("x=redis:1")), annotation(None, Some("old"))]
    {
        assert_eq!(edited(&object, &ONLY, std::slice::from_ref(&edit)), Ok(Edited::Already), "{edit:?}");
    }
    assert_eq!(edited(&object, &ONLY, &[]), Ok(Edited::Already));
}

#[test]
fn the_source_is_found_by_what_it_is() {
    let sources = "sources: [{repoURL: r, path: a}, {repoURL: r, path: b}, {name: n, repoURL: r, path: c}, {ref: v, repoURL: r}, {chart: c, repoURL: h}]";
    let id = |path: Option<&str>| SourceId {
        repo_url: "r".to_owned(),
        path: path.map(str::to_owned),
        ..SourceId::default()
    };
    let named = |name: &str| SourceId { name: Some(name.to_owned()), ..id(Some("whatever")) };
    let chart = SourceId { repo_url: "h".to_owned(), chart: Some("c".to_owned()), ..SourceId::default() };
    let reference = SourceId { reference: Some("v".to_owned()), ..id(None) };
    let tag = [parameter("image.tag", None, Some("1"))];
    let before = object(sources);
    for (id, index) in [(id(Some("a")), 0), (id(Some("b")), 1), (named("n"), 2), (reference, 3), (chart, 4)] {
        let after = made(&id.to_string(), &before, &source(&id), &tag);
        for (other, now) in after["spec"]["sources"].as_array().unwrap().iter().enumerate() {
            assert_eq!(now["helm"].is_object(), other == index, "{id}: {other}");
        }
    }
    // Sources that moved are found again.
    let moved = object("sources: [{repoURL: new}, {repoURL: r, path: b}, {repoURL: r, path: a}]");
    assert!(made("moved", &moved, &source(&id(Some("a"))), &tag)["spec"]["sources"][2]["helm"].is_object());
    let no_source =
        |id: &str, short: &str, destination: &Destination, words: &str| match edited(&object(short), destination, &tag)
        {
            Err(Misfit::NoSource(why)) => assert!(why.contains(words), "{id}: {why}"),
            other => panic!("{id}: {other:?}"),
        };
    for (id, short, destination, words) in [
        ("gone", sources, source(&id(Some("z"))), "no source r z any more"),
        ("name gone", sources, source(&named("m")), "no source m any more"),
        (
            "twice",
            "sources: [{repoURL: r, path: a}, {repoURL: r, path: a}]",
            source(&id(Some("a"))),
            "more than one source r a",
        ),
        ("now named", "sources: [{repoURL: r, path: a, name: n}]", source(&id(Some("a"))), "no source"),
        ("now several", sources, ONLY, "several sources now"),
        ("now one", "source: {repoURL: r, path: a}", source(&id(Some("a"))), "no source r a any more"),
        ("none", "project: default", ONLY, "no source any more"),
        ("odd", "source: text", ONLY, "no source any more"),
        ("hydrated", "{source: {path: a}, sourceHydrator: {drySource: {}}}", ONLY, "source hydrator now"),
        ("git", "source: {path: a}", Destination::Git(crate::model::tests::git_target()), "not for the Application"),
    ] {
        no_source(id, short, &destination, words);
    }
    // Both are there: Argo CD takes `sources`, unless it is empty.
    no_source("sources win", "{source: {path: a}, sources: [{path: b}]}", &ONLY, "several");
    made("empty sources", &object("{source: {path: a}, sources: []}"), &ONLY, &tag);
    // Annotations need no source.
    made("annotation", &object("project: default"), &ONLY, &[annotation(None, Some("v"))]);
}

/// Whatever an object holds, edits change the values that they name, and no other.
#[test]
fn edits_change_the_values_they_name_and_no_other() {
    const NAMES: [&str; 6] = ["image.tag", "image.name", "a", "", "é", "nginx"];
    const VALUES: [&str; 6] = ["1", "2", "", "nginx:1", "x=nginx:2", "\u{202e}"];
    let mut random = Random::new(7);
    for round in 0..3000 {
        let some = |random: &mut Random| VALUES[random.below(VALUES.len())];
        let parameters: Vec<Value> = (0..random.below(5))
            .map(|_| match random.below(8) {
                0 => json!(random.pick(&NAMES)),
                1 => json!({"name": random.pick(&NAMES)}),
                _ => json!({"name": random.pick(&NAMES), "value": some(&mut random), "x": 1}),
            })
            .collect();
        let images: Vec<Value> = (0..random.below(4)).map(|_| json!(some(&mut random))).collect();
        let mut before = object("{annotations: {image-list: nginx}, source: {repoURL: r}}");
        if random.below(4) > 0 {
            before["spec"]["source"]["helm"] = json!({"parameters": parameters, "values": "v"});
            before["spec"]["source"]["kustomize"] = json!({ "images": images });
        }
        let field = match random.below(3) {
            0 => Field::HelmParameter(random.pick(&NAMES).to_owned()),
            1 => Field::KustomizeImage(kustomize::name(some(&mut random)).to_owned()),
            _ => Field::Annotation(KEY.to_owned()),
        };
        // An entry keeps the name it is found by, as every edit that is planned does.
        let to = match &field {
            Field::KustomizeImage(name) => format!("{name}=new:1"),
            _ => "new".to_owned(),
        };
        let to = (random.below(4) > 0).then_some(to);
        let from = read(&before, &field);
        let edits = [Edit { field: field.clone(), from: from.clone(), to: to.clone() }];
        if from == to {
            assert_eq!(edited(&before, &ONLY, &edits), Ok(Edited::Already), "{round}");
            continue;
        }
        let after = made(&round.to_string(), &before, &ONLY, &edits);
        assert_eq!(read(&after, &field), to, "{round}");
        assert_eq!(without(&after, &field), without(&before, &field), "{round}: {field}");
    }
}

#[test]
fn a_server_without_versions_is_asked_without_one() {
    let operation = json!({"op": "replace", "path": "/spec/project", "value": "b"});
    for (version, lock) in [
        (json!("7"), vec![json!({"op": "replace", "path": "/metadata/resourceVersion", "value": "7"})]),
        (json!(null), Vec::new()),
    ] {
        let object = |project: &str| json!({"metadata": {"resourceVersion": version}, "spec": {"project": project}});
        let expected: Vec<Value> = lock.into_iter().chain([operation.clone()]).collect();
        assert_eq!(patch(&object("a"), &object("b")), Value::Array(expected));
    }
    let bare = |project: &str| json!({"metadata": {}, "spec": {"project": project}});
    assert_eq!(patch(&bare("a"), &bare("b")), json!([operation]));
}

/// The value of a field, found independently of the code under test; the last of several counts.
fn read(object: &Value, field: &Field) -> Option<String> {
    let source = &object["spec"]["source"];
    let list = |list: &Value| list.as_array().cloned().unwrap_or_default();
    match field {
        Field::HelmParameter(name) => {
            let found = list(&source["helm"]["parameters"]).into_iter().rfind(|element| element["name"] == **name)?;
            Some(found["value"].as_str().unwrap_or_default().to_owned())
        }
        Field::KustomizeImage(name) => {
            let found = list(&source["kustomize"]["images"])
                .into_iter()
                .rfind(|e| kustomize::name(e.as_str().unwrap()) == name)?;
            Some(found.as_str().unwrap().to_owned())
        }
        Field::Annotation(key) => object["metadata"]["annotations"][key].as_str().map(str::to_owned),
        Field::HelmValue(_) => None,
    }
}

/// An object without a field, and without the blocks that are made for it.
fn without(object: &Value, field: &Field) -> Value {
    let mut object = object.clone();
    if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
        annotations.shift_remove(KEY);
    }
    let source = object["spec"]["source"].as_object_mut().unwrap();
    for (block, list) in [("helm", "parameters"), ("kustomize", "images")] {
        let Some(found) = source.get_mut(block).and_then(Value::as_object_mut) else { continue };
        if let Some(elements) = found.get_mut(list).and_then(Value::as_array_mut) {
            elements.retain(|element| match field {
                Field::HelmParameter(name) => element["name"] != **name,
                Field::KustomizeImage(name) => element.as_str().is_none_or(|entry| kustomize::name(entry) != name),
                Field::HelmValue(_) | Field::Annotation(_) => true,
            });
        }
        if found.get(list).is_some_and(|list| list == &json!([])) {
            found.shift_remove(list);
        }
        if source[block] == json!({}) {
            source.shift_remove(block);
        }
    }
    object
}
