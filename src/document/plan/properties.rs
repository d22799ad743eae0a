//! What holds for every plan file: it is read as it was written, from JSON and YAML, or refused.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::model::hostile;
use crate::model::tests::digest;

fn version() -> impl Strategy<Value = Version> {
    (of("[A-Za-z0-9_][A-Za-z0-9._-]{0,9}"), any::<bool>())
        .prop_map(|(tag, with)| Version { tag, digest: with.then(|| digest('d')) })
}

fn source() -> impl Strategy<Value = SourceId> {
    (of(hostile::text(5)), hostile::text(9), vec(of(hostile::text(5)), 3)).prop_map(|(name, repo_url, rest)| {
        let [path, chart, reference] = rest.try_into().expect("three");
        SourceId { name, repo_url, path, chart, reference }
    })
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = (0..4_u8, hostile::text(9), of(hostile::text(9)), of(hostile::text(9)));
    vec(edit, 0..4).prop_map(|edits| {
        let edits = edits.into_iter().map(|(kind, at, from, to)| {
            let field = match kind {
                0 => Field::HelmParameter(at),
                1 => Field::KustomizeImage(at),
                2 => Field::HelmValue(at),
                _ => Field::Annotation(at),
            };
            Edit { field, from, to }
        });
        edits.collect()
    })
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let image = (of(hostile::text(6)), hostile::repository(), of(version()), version(), hostile::text(12))
        .prop_map(|(alias, reference, from, to, because)| ImageChange { alias, reference, from, to, because });
    let application = (of(source()), 0..3_u8).prop_map(|(source, renderer)| Destination::Application {
        source,
        renderer: [None, Some(Renderer::Helm), Some(Renderer::Kustomize)][usize::from(renderer)],
    });
    let git = (of(source()), vec(hostile::text(6), 5), 0..3_usize).prop_map(|(source, texts, kind)| {
        let [repository, branch, pushed, target, path] = texts.try_into().expect("five");
        Destination::Git(GitTarget {
            repository,
            branch: Some(branch),
            push_branch: Some(pushed),
            target: Some(target),
            kind: FileKind::ALL[kind],
            path: Some(path),
            source,
        })
    });
    let destination = prop_oneof![application, git];
    let names = vec(hostile::text(8), 3);
    let change = (names, of(hostile::text(6)), vec(image, 0..3), destination, edits(), of("[0-9]{1,4}")).prop_map(
        |(names, uid, images, destination, edits, resource_version)| {
            let [id, namespace, name] = names.try_into().expect("three");
            let application = ApplicationKey { namespace, name };
            let seen = Seen { resource_version, ..Seen::default() };
            Change { id, application, uid, images, destination, edits, seen }
        },
    );
    vec(change, 0..3)
}

fn plan() -> impl Strategy<Value = Plan> {
    (changes(), any::<bool>(), 0..253_402_300_799_i64).prop_map(|(changes, complete, second)| Plan {
        created: Timestamp::from_second(second).expect("a time of four digits"),
        complete,
        changes,
        decisions: vec![crate::model::tests::decision()],
        diagnostics: Vec::new(),
        files: Vec::new(),
    })
}

proptest! {
    #![proptest_config(hostile::cases(32))]

    #[test]
    fn a_plan_is_read_as_it_was_written(plan in plan()) {
        let document = write(&plan);
        for text in [super::super::to_json(&document), super::super::to_yaml(&document), document.to_string()] {
            let read = read(&text).map(|saved| saved.changes);
            prop_assert_eq!(read.as_ref(), Ok(&plan.changes), "{}", text);
        }
    }

    #[test]
    fn a_plan_that_was_altered_or_cut_is_refused(plan in plan(), at in any::<Index>(), with in hostile::character(), yaml in any::<bool>()) {
        let document = write(&plan);
        let text = if yaml { super::super::to_yaml(&document) } else { super::super::to_json(&document) };
        let places: Vec<(usize, char)> = text.char_indices().collect();
        let (at, old) = *at.get(&places);
        let behind = &text[at + old.len_utf8()..];
        for altered in [
            format!("{}{with}{behind}", &text[..at]),
            format!("{}{behind}", &text[..at]),
            format!("{}{with}{}", &text[..at], &text[at..]),
            text[..at].to_owned(),
        ] {
            if let Ok(saved) = read(&altered) {
                // Space, or another spelling of the same.
                prop_assert_eq!(&saved.changes, &plan.changes, "{}", altered);
            }
        }
        prop_assert!(yaml || at + 2 >= text.len() || read(&text[..at]).is_err());
    }

    #[test]
    fn a_forged_plan_is_carried_out_whole_or_refused(plan in plan(), replaced in hostile::json_value(), at in any::<Index>()) {
        let mut document = write(&plan);
        let mut places = Vec::new();
        pointers(&document["changes"], "/changes".to_owned(), &mut places);
        let place: &String = at.get(&places);
        *document.pointer_mut(place).expect("a place") = replaced;
        document["checksum"] = json!(checksum(&document));
        if let Ok(saved) = read(&document.to_string()) {
            for image in saved.changes.iter().flat_map(|change| &change.images) {
                prop_assert!(image.to.tag.iter().all(|tag| Tag::new(tag).is_some()));
                prop_assert!(image.to.digest.iter().all(|digest| Digest::new(digest).is_some()));
            }
            prop_assert_eq!(saved.changes.len(), document["changes"].as_array().map_or(0, Vec::len));
        }
    }

    #[test]
    fn any_text_is_refused(text in hostile::hostile(
        &["apiVersion: kubectl-image-update/v1\nkind: Plan\nchecksum: x\nchanges: []\n", "{\"kind\":\"Plan\",\"apiVersion\":\"kubectl-image-update/v1\"}"],
        &["{", "}", "[", "&a ", "*a", "checksum", ": ", "\n", "Plan", "null", "\"", "sha256:", "<<: ", "!!binary "],
        12,
    )) {
        prop_assert!(read(&text).is_err());
    }
}

fn pointers(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| pointers(value, format!("{path}/{key}"), found)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| pointers(value, format!("{path}/{index}"), found));
        }
        _ => {}
    }
    found.push(path);
}
