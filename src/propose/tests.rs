//! Which decisions lead to changes, and what is said about those that do not.

use jiff::Timestamp;

use super::*;
use crate::decide;
use crate::decide::Evidence;
use crate::decide::Facts;
use crate::model::candidate::Candidate;
use crate::model::image::Tag;
use crate::model::tests::application;
use crate::model::tests::rules;
use crate::writeback;

const OPTIONS: Options = Options {
    now: Timestamp::UNIX_EPOCH,
    clock_is_fixed: true,
    source: None,
    allow_downgrade: false,
    include_rolled_back: false,
    check_platforms: false,
    dates: false,
    concurrency: 1,
    no_git: false,
    create_keys: false,
    restart_branch: false,
};

fn selected(short: &str) -> Selected {
    let application = application(short);
    let rules = rules(&application).0;
    Selected { application, rules }
}

/// The decisions about all images when every registry has this one tag.
fn decisions(selected: &[Selected], tag: &str) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for Selected { application, rules } in selected {
        for rule in &rules.images {
            let survey = decide::survey(application, rule, writeback::placement(application, rules, rule, None));
            let candidates = vec![Candidate::of_tag(Tag::new(tag).unwrap())];
            let facts = Facts { seen: 1, allowed: 1, candidates, ..Facts::default() };
            let evidence = if survey.asks_registry() { Evidence::Facts(facts) } else { Evidence::NotAsked };
            decisions.push(decide::conclude(survey, evidence, OPTIONS.now));
        }
    }
    decisions
}

fn proposal(short: &str, tag: &str, options: &Options) -> Proposal {
    let selected = [selected(short)];
    propose(&selected, &decisions(&selected, tag), &placements(&selected), options)
}

fn placements(selected: &[Selected]) -> Placements {
    let mut placements = Placements::new();
    for Selected { application, rules } in selected {
        for rule in &rules.images {
            let key = (application.key.clone(), rule.position);
            placements.insert(key, writeback::placement(application, rules, rule, None));
        }
    }
    placements
}

/// `destination: field from → to, …` of each change.
fn texts(proposal: &Proposal) -> Vec<String> {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let edit =
        |edit: &crate::model::plan::Edit| format!("{} {} → {}", edit.field.at(), value(&edit.from), value(&edit.to));
    proposal
        .changes
        .iter()
        .map(|change| {
            let edits: Vec<_> = change.edits.iter().map(edit).collect();
            let images: Vec<_> = change.images.iter().map(|image| image.alias.as_deref().unwrap_or("-")).collect();
            format!("{} {}: {}", change.id, images.join("+"), edits.join(", "))
        })
        .collect()
}

fn codes(proposal: &Proposal) -> Vec<&str> {
    proposal.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn images_of_one_destination_are_one_change() {
    let names = "a.helm.image-spec: a, b.helm.image-spec: b, c.kustomize.image-name: c";
    let short = format!(
        "{{annotations: {{image-list: 'a=nginx, b=redis, c=mongo', {names}}},
           sources: [{{path: h, helm: {{parameters: [{{name: a, value: 'nginx:1'}}]}}}}, {{path: k, kustomize: {{}}}}]}}"
    );
    let proposal = proposal(&short, "2", &OPTIONS);
    assert_eq!(
        texts(&proposal),
        ["argocd/web#1 a+b: a nginx:1 → nginx:2, b - → redis:2", "argocd/web#2 c: c - → c=mongo:2",]
    );
    assert!(codes(&proposal).is_empty());
    let change = &proposal.changes[0];
    assert_eq!((change.uid.as_deref(), change.seen.resource_version.as_deref()), (Some("u-1"), Some("7")));
    assert_eq!(change.images[0].from.as_ref().map(ToString::to_string).as_deref(), Some("1"));
    assert_eq!(change.images[1].from, None);
    assert_eq!(change.images[0].because, "the only version");
}

#[test]
fn what_images_share_is_written_once() {
    let short = "{annotations: {image-list: 'a=nginx, b=docker.io/library/nginx'}, source: {helm: {}}}";
    let proposal = proposal(short, "2", &OPTIONS);
    assert_eq!(texts(&proposal), ["argocd/web#1 a+b: image.name - → nginx, image.tag - → 2"]);
}

#[test]
fn only_updates_are_written_unless_more_is_asked_for() {
    let at = |tag: &str, rest: &str| {
        format!(
            "{{annotations: {{image-list: 'a=nginx:>0', a.helm.image-spec: a}}, source: {{helm: {{parameters: [{{name: a, value: 'nginx:{tag}'}}]}}}}{rest}}}"
        )
    };
    let left = ", status: {history: [{source: {helm: {parameters: [{name: a, value: 'nginx:2'}]}}}, {source: {helm: {parameters: [{name: a, value: 'nginx:1'}]}}}]}";
    let downgrade = Options { allow_downgrade: true, ..OPTIONS };
    let rolled_back = Options { include_rolled_back: true, ..OPTIONS };
    for (id, short, options, changes) in [
        ("update", at("1", ""), &OPTIONS, 1),
        ("up to date", at("2", ""), &downgrade, 0),
        ("older", at("3", ""), &OPTIONS, 0),
        ("older, allowed", at("3", ""), &downgrade, 1),
        ("older, something else allowed", at("3", ""), &rolled_back, 0),
        ("left", at("1", left), &OPTIONS, 0),
        ("left, included", at("1", left), &rolled_back, 1),
        ("left, something else allowed", at("1", left), &downgrade, 0),
        ("held by hand", at("1", "").replace("a.helm", "ignore-tags: '*', a.helm"), &downgrade, 0),
        ("invalid", at("1", "").replace("a.helm", "update-strategy: x, a.helm"), &downgrade, 0),
    ] {
        assert_eq!(proposal(&short, "2", options).changes.len(), changes, "{id}");
    }
}

#[test]
fn what_is_left_out_is_said() {
    let mut deleting = selected("{annotations: {image-list: nginx}, source: {helm: {}}}");
    deleting.application.deleting = true;
    let selected = [deleting];
    let deleting = propose(&selected, &decisions(&selected, "2"), &placements(&selected), &OPTIONS);
    assert_eq!((deleting.changes.len(), codes(&deleting)), (0, vec!["being-deleted"]));
}

#[test]
fn many_applications_keep_their_own_changes() {
    let selected: Vec<_> = (0..300)
        .map(|number| {
            let mut one = selected("{annotations: {image-list: nginx}, source: {kustomize: {}}}");
            one.application.key.name = format!("app-{number:03}");
            one
        })
        .collect();
    let proposal = propose(&selected, &decisions(&selected, "2"), &placements(&selected), &OPTIONS);
    let ids: Vec<_> = proposal.changes.iter().map(|change| change.id.as_str()).collect();
    assert_eq!((ids.len(), ids[0], ids[299]), (300, "argocd/app-000#1", "argocd/app-299#1"));
}

/// An Application that is owned: `set NAME` by an ApplicationSet, else by an Application of that name.
fn owned(short: &str, owner: &str) -> Selected {
    let mut object = crate::model::tests::object(short);
    match owner.strip_prefix("set ") {
        Some(set) => {
            object["metadata"]["ownerReferences"] = serde_json::json!([{"kind": "ApplicationSet", "name": set}]);
        }
        None => object["metadata"]["labels"] = serde_json::json!({"app.kubernetes.io/instance": owner}),
    }
    let application = crate::cluster::application::application(object).unwrap();
    let rules = rules(&application).0;
    Selected { application, rules }
}

/// What is said about changes of an owned Application, when its owner has this spec.
fn advice(selected: &Selected, changes: &[Change], spec: Option<serde_json::Value>) -> Vec<Diagnostic> {
    let owner = crate::cluster::owner::owner(&selected.application).unwrap();
    let key = owners::key(&owner, &selected.application);
    let object = spec.map(|spec| serde_json::json!({"spec": spec}));
    let known = owners::Known { owner: &owner, key: &key, object: object.as_ref() };
    owners::reverted(&selected.application, &changes.iter().collect::<Vec<_>>(), known)
}

#[test]
fn an_owner_that_reverts_is_named_with_what_would_last() {
    use serde_json::json;
    let short = "{annotations: {image-list: nginx}, source: {kustomize: {}}}";
    for (owner, said, patches) in [
        (
            "set all",
            "ignoreApplicationDifferences",
            vec![json!({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
                "metadata": {"name": "all", "namespace": "argocd"},
                "spec": {"ignoreApplicationDifferences": [{"name": "x"}, {"jsonPointers": ["/spec/source/kustomize/images"]}]},
            })],
        ),
        (
            "root",
            "seems to manage",
            vec![
                json!({
                    "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                    "metadata": {"name": "web", "namespace": "argocd"},
                    "spec": {"source": {"kustomize": {"images": ["nginx:2"]}}},
                }),
                json!({
                    "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
                    "metadata": {"name": "root", "namespace": "argocd"},
                    "spec": {
                        "ignoreDifferences": [{
                            "group": "argoproj.io", "kind": "Application", "name": "web", "namespace": "argocd",
                            "jsonPointers": ["/spec/source/kustomize/images"],
                        }],
                        "syncPolicy": {"syncOptions": ["RespectIgnoreDifferences=true"]},
                    },
                }),
            ],
        ),
    ] {
        let selected = [owned(short, owner)];
        let changes = propose(&selected, &decisions(&selected, "2"), &placements(&selected), &OPTIONS).changes;
        let standing = json!({"ignoreApplicationDifferences": [{"name": "x"}]});
        let [diagnostic] = &advice(&selected[0], &changes, Some(standing))[..] else { panic!("{owner}") };
        let text = format!("{} {}", diagnostic.message, diagnostic.hint.as_deref().unwrap());
        assert!(diagnostic.code == "reverted-by-owner" && text.contains(said), "{owner}: {text}");
        assert_eq!(diagnostic.manifests, patches, "{owner}");
        // What is only taken away cannot be said by a merge: no patch takes the source away instead.
        let mut taken = changes.clone();
        taken.iter_mut().flat_map(|change| &mut change.edits).for_each(|edit| edit.to = None);
        let [diagnostic] = &advice(&selected[0], &taken, None)[..] else { panic!("{owner}") };
        assert!(diagnostic.manifests.iter().all(|patch| patch["spec"].get("source").is_none()), "{diagnostic:?}");
        // Nothing is written, nothing can be reverted.
        assert_eq!(advice(&selected[0], &[], None), [], "{owner}");
        let tolerant = json!({
            "ignoreApplicationDifferences": [{"jsonPointers": ["/spec/source"]}],
            "ignoreDifferences": [{"group": "*", "kind": "Application", "jsonPointers": ["/spec/source"]}],
            "syncPolicy": {"syncOptions": ["RespectIgnoreDifferences=true"]},
        });
        assert_eq!(advice(&selected[0], &changes, Some(tolerant)), [], "{owner}");
    }
}

#[test]
fn annotations_that_an_owner_takes_away_are_named() {
    let short = "{annotations: {image-list: nginx}, source: {kustomize: {}}}";
    let annotate = |owner: &str, to: Option<&str>, spec: Option<serde_json::Value>| {
        let selected = owned(short, owner);
        let place = writeback::placement(&selected.application, &selected.rules, &selected.rules.images[0], None);
        let mut change = empty(&selected.application, 1, &place.unwrap());
        let edit = |key: &str, to: Option<&str>| crate::model::plan::Edit {
            field: crate::model::plan::Field::Annotation(key.to_owned()),
            from: None,
            to: to.map(str::to_owned),
        };
        change.edits = vec![edit("x/pin.a", to), edit("x/a.ignore-tags", Some("*"))];
        advice(&selected, &[change], spec)
    };
    let hint = |found: &[Diagnostic]| found[0].hint.clone().unwrap();
    let set = hint(&annotate("set all", Some("1"), None));
    assert!(
        set.ends_with("`spec.preservedFields.annotations`, which takes no patterns: x/a.ignore-tags, x/pin.a"),
        "{set}"
    );
    // What is preserved already is not asked for again; what is there stays in the list.
    let preserved = serde_json::json!({"preservedFields": {"annotations": ["y", "x/pin.a"]}});
    let set = annotate("set all", Some("1"), Some(preserved));
    assert!(hint(&set).ends_with("patterns: x/a.ignore-tags"), "{set:?}");
    let list = &set[0].manifests[0]["spec"]["preservedFields"]["annotations"];
    assert_eq!(*list, serde_json::json!(["y", "x/pin.a", "x/a.ignore-tags"]));
    let all = serde_json::json!({"preservedFields": {"annotations": ["x/a.ignore-tags", "x/pin.a"]}});
    assert_eq!(annotate("set all", Some("1"), Some(all)), []);
    let create_only = serde_json::json!({"syncPolicy": {"applicationsSync": "create-only"}});
    assert_eq!(annotate("set all", Some("1"), Some(create_only)), []);
    let parent = hint(&annotate("root", Some("a \"b\""), None));
    assert!(parent.ends_with(r#"`metadata.annotations`: {"x/a.ignore-tags":"*","x/pin.a":"a \"b\""}"#), "{parent}");
    assert!(hint(&annotate("root", None, None)).ends_with(r#""x/pin.a":null}"#));
}
