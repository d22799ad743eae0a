//! What holds for every kubeconfig, selector and object of a cluster, whoever wrote it.

use std::collections::BTreeMap;

use http::Uri;
use proptest::collection::btree_map;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use secrecy::SecretString;
use serde_json::Value;
use serde_json::json;

use crate::cluster::application::application;
use crate::cluster::endpoint;
use crate::cluster::endpoint::Proxies;
use crate::cluster::image_updater::image_updater;
use crate::cluster::image_updater::rulings;
use crate::cluster::kubeconfig;
use crate::cluster::owner;
use crate::cluster::selector::Selector;
use crate::cluster::settings::ConnectionSettings;
use crate::model::application::SourceLayout;
use crate::model::hostile;
use crate::model::image::Repository;

const KUBECONFIGS: [&str; 3] = [
    "apiVersion: v1\nkind: Config\ncurrent-context: dev\ncontexts:\n- {name: dev, context: {cluster: here, user: ada, namespace: team}}\n- name: lost\n  context: {cluster: gone, user: ada}\nclusters:\n- {name: here, cluster: {server: 'https://first:6443', certificate-authority: ca.crt}}\nusers:\n- {name: ada, user: {token: hunter2hunter2, client-key-data: aHVudGVyMg==}}\n",
    "{\"current-context\": \"x\", \"clusters\": [{\"name\": \"x\", \"cluster\": {\"server\": \"http://x\"}}], \"contexts\": [{\"name\": \"x\", \"context\": {\"cluster\": \"x\", \"user\": \"\"}}], \"users\": null}",
    "---\ncurrent-context: ''\n---\nusers: [{name: bob, user: {exec: {command: aws, args: [hunter2hunter2]}}}]\n",
];

const KUBECONFIG_PIECES: [&str; 20] = [
    "\n",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    "null",
    "~",
    "name",
    "context",
    "cluster",
    "users",
    "hunter2hunter2",
    "---\n",
    "&a",
    "*a",
    "!!binary ",
];

const ADDRESSES: [&str; 8] = [
    "https://k8s:6443",
    "https://rancher/k8s/clusters/c-1/",
    "localhost:8080",
    "https://[::1]:6443",
    "ftp://k8s",
    "https://10.1.2.3",
    "",
    "https://user:hunter2@proxy:3128",
];

const ADDRESS_PIECES: [&str; 16] =
    ["https://", "http://", "socks5://", "k8s", ".", ":", "6443", "/", "@", "hunter2", "[", "]", "::1", "?", "#", " "];

const SELECTORS: [&str; 5] = ["env=prod", "env in (prod, staging),tier=web", "!env", "n>1,n<5", "a.b/c-d notin (e)"];

const SELECTOR_PIECES: [&str; 20] = [
    "env",
    "tier",
    "prod",
    "=",
    "==",
    "!=",
    "!",
    " in ",
    " notin ",
    "(",
    ")",
    ",",
    ">",
    "<",
    "1",
    " ",
    "-",
    "/",
    "é",
    "9223372036854775808",
];

/// An Application with every field that is read.
fn full_object() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {
            "name": "web", "namespace": "argocd", "uid": "u-1", "resourceVersion": "42",
            "labels": {"app.kubernetes.io/instance": "root"},
            "annotations": {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/web"},
            "deletionTimestamp": "2026-11-22T09:00:00Z",
            "ownerReferences": [{"kind": "ApplicationSet", "name": "all"}],
        },
        "spec": {
            "source": {
                "repoURL": "https://git/x", "path": "p", "targetRevision": "main",
                "helm": {"parameters": [{"name": "image.tag", "value": "v1"}]}, "kustomize": {"images": ["nginx:1"]}, "plugin": {},
            },
            "sources": [{"repoURL": "b", "chart": "c", "ref": "r"}],
            "sourceHydrator": {"drySource": {"repoURL": "d"}},
            "destination": {"server": "https://kubernetes.default.svc"}, "syncPolicy": {"automated": {"enabled": true}},
        },
        "status": {
            "summary": {"images": ["nginx:1"]}, "sourceType": "Helm", "sourceTypes": ["Helm"], "operationState": {"phase": "Running"},
            "history": [{"deployedAt": "2026-01-01T00:00:00Z", "source": {"repoURL": "a"}, "initiatedBy": {"username": "ada"}}],
        },
    })
}

fn full_updater() -> Value {
    json!({
        "metadata": {"name": "u", "namespace": "argocd"},
        "spec": {
            "imagesVerification": {"enabled": true},
            "applicationRefs": [
                {"namePattern": "web*", "useAnnotations": true, "labelSelectors": {"matchLabels": {"env": "prod"}}},
                {"namePattern": "w[a-f]?", "imagesVerification": {}, "labelSelectors": {"matchExpressions": [
                    {"key": "env", "operator": "NotIn", "values": ["dev"]}, {"key": "x", "operator": "DoesNotExist"},
                ]}, "images": [{"alias": "web", "imageName": "nginx:1", "imagesVerification": {"enabled": false}}]},
            ],
        },
    })
}

/// One requirement: key, operator, values.
type Requirement = (&'static str, &'static str, Vec<&'static str>);

fn requirement() -> impl Strategy<Value = Requirement> {
    let operator = select(vec!["=", "==", "!=", "in", "notin", "exists", "absent", ">", "<"]);
    let values = vec(select(vec!["prod", "dev", "1", "7", "-3", ""]), 1..4);
    (select(vec!["env", "n", "a.b/c"]), operator, values)
}

fn written((key, operator, values): &Requirement, gap: &str) -> String {
    match *operator {
        "exists" => (*key).to_owned(),
        "absent" => format!("!{gap}{key}"),
        "in" | "notin" => format!("{key} {operator}{gap}({gap}{}{gap})", values.join(&format!("{gap},{gap}"))),
        operator => format!("{key}{gap}{operator}{gap}{}", values[0]),
    }
}

fn holds((key, operator, values): &Requirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(*key).map(String::as_str);
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    match *operator {
        "exists" => value.is_some(),
        "absent" => value.is_none(),
        "=" | "==" => value == Some(values[0]),
        "!=" => value != Some(values[0]),
        "in" => value.is_some_and(|value| values.contains(&value)),
        "notin" => value.is_none_or(|value| !values.contains(&value)),
        ">" => number(value).is_some_and(|number| values[0].parse().is_ok_and(|limit: i64| number > limit)),
        _ => number(value).is_some_and(|number| values[0].parse().is_ok_and(|limit: i64| number < limit)),
    }
}

proptest! {
    #![proptest_config(hostile::cases(128))]

    #[test]
    fn an_object_is_read_whole_whatever_its_shape(object in hostile::damaged_json(full_object())) {
        let metadata = &object["metadata"];
        let named = ["name", "namespace"].iter().all(|field| metadata[*field].as_str().is_some_and(|text| !text.is_empty()));
        let read = application(object.clone());
        prop_assert_eq!(read.is_ok(), named);
        let Ok(read) = read else { return Ok(()) };
        let _ = owner::owner(&read);
        prop_assert_eq!(&read.object, &object);
        prop_assert_eq!(read.status.is_some(), object["status"].is_object());
        prop_assert!(read.layout == SourceLayout::Multiple || read.sources.len() <= 1);
        if read.layout == SourceLayout::Multiple {
            prop_assert_eq!(read.sources.len(), object["spec"]["sources"].as_array().map_or(0, Vec::len));
        }
        let strings = metadata["annotations"].as_object().into_iter().flatten().filter(|(_, value)| value.is_string());
        prop_assert!(strings.count() <= read.annotations.len());
    }

    #[test]
    fn an_image_updater_rules_or_does_not_whatever_its_shape(
        updater in hostile::damaged_json(full_updater()),
        labels in select(vec![json!({}), json!({"env": "prod"}), json!({"env": "dev"})]),
    ) {
        let app = application(json!({"metadata": {"name": "web", "namespace": "argocd", "labels": labels}})).expect("a name");
        let Some(updater) = image_updater(&updater) else { return Ok(()) };
        let nginx = Repository::new(None, "nginx").expect("an image");
        for pattern in [Some(true), Some(false), None] {
            let found = rulings(std::slice::from_ref(&updater), &app, |_, _| pattern);
            prop_assert!(found.len() <= usize::from(pattern == Some(true) && updater.namespace == "argocd"));
            for ruling in found {
                let _ = (ruling.verifies(Some("web"), &nginx), ruling.verifies(None, &nginx));
            }
        }
    }

    #[test]
    fn a_selector_means_the_same_in_both_its_forms(
        requirements in vec(requirement(), 1..4),
        labels in btree_map(select(vec!["env", "n", "a.b/c"]), select(vec!["prod", "dev", "1", "7", "-3", "", "x"]), 0..3),
        gap in select(vec!["", " "]),
    ) {
        let labels = labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let text = requirements.iter().map(|requirement| written(requirement, gap)).collect::<Vec<_>>().join(",");
        let legal = |value: &str| value.is_empty() || value.bytes().all(|b| b.is_ascii_alphanumeric());
        let readable = requirements.iter().all(|(_, operator, values)| match *operator {
            ">" | "<" => values[0].parse::<i64>().is_ok(),
            "exists" | "absent" => true,
            "in" | "notin" => values.iter().all(|value| legal(value)),
            _ => legal(values[0]),
        });
        let read = Selector::parse(&text);
        prop_assert_eq!(read.is_ok(), readable, "{}", text);
        let expected = requirements.iter().all(|requirement| holds(requirement, &labels));
        if let Ok(selector) = read {
            prop_assert_eq!(selector.matches(&labels), expected, "{}", text);
        }
        let numbers = requirements.iter().any(|(_, operator, _)| matches!(*operator, ">" | "<"));
        let expressions: Vec<_> = requirements.iter().map(|(key, operator, values)| match *operator {
            "exists" => json!({"key": key, "operator": "Exists"}),
            "absent" => json!({"key": key, "operator": "DoesNotExist", "values": []}),
            "in" | "notin" => json!({"key": key, "operator": if *operator == "in" { "In" } else { "NotIn" }, "values": values}),
            "!=" => json!({"key": key, "operator": "NotIn", "values": [values[0]]}),
            _ => json!({"key": key, "operator": "In", "values": [values[0]]}),
        }).collect();
        if readable && !numbers {
            let selector = Selector::of_object(&json!({ "matchExpressions": expressions })).expect("a selector");
            prop_assert_eq!(selector.matches(&labels), expected);
        }
    }

    #[test]
    fn a_selector_is_read_or_the_part_is_named(text in hostile::hostile(&SELECTORS, &SELECTOR_PIECES, 10), object in hostile::json_value()) {
        let _ = Selector::of_object(&object);
        match Selector::parse(&text) {
            Ok(selector) => {
                let _ = selector.matches(&BTreeMap::new());
            }
            Err(why) => prop_assert!(why.contains("label requirement") && !why.contains('\n'), "{}", why),
        }
    }

    #[test]
    fn an_address_is_one_of_http_and_a_proxy_is_never_quoted(
        server in hostile::hostile(&ADDRESSES, &ADDRESS_PIECES, 8),
        proxy in hostile::hostile(&ADDRESSES, &ADDRESS_PIECES, 8),
        no in of(hostile::pieces(&ADDRESS_PIECES, 6)),
    ) {
        let server = match endpoint::server_url(&server) {
            Ok(uri) => {
                prop_assert!(matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty()));
                uri
            }
            Err(_) => Uri::from_static("https://k8s:6443"),
        };
        let environment = Proxies { https: Some(SecretString::from(proxy.clone())), http: None, no };
        for outcome in [endpoint::proxy(&server, Some(&proxy), &environment), endpoint::proxy(&server, None, &environment)] {
            if let Err(error) = outcome {
                prop_assert_eq!(error.to_string(), "cannot connect to a cluster: the proxy's address is not a URL");
            }
        }
    }
}

proptest! {
    // Each writes a file.
    #![proptest_config(hostile::cases(32))]

    #[test]
    fn a_kubeconfig_is_used_or_refused_without_its_secrets(
        text in hostile::hostile(&KUBECONFIGS, &KUBECONFIG_PIECES, 16),
        context in of(select(vec!["dev", "lost", "x", ""])),
        token in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        std::fs::write(&path, &text).expect("a file");
        let settings = ConnectionSettings {
            kubeconfig: Some(path),
            context: context.map(str::to_owned),
            token: token.then(|| SecretString::from("t")),
            ..ConnectionSettings::default()
        };
        match kubeconfig::select(&settings) {
            Ok(Some(selected)) => {
                prop_assert!(text.contains(selected.cluster_name.as_deref().unwrap_or_default()));
                prop_assert!(selected.cluster_name.is_some());
            }
            Ok(None) => {}
            Err(error) => {
                let said = error.to_string();
                prop_assert!(said.starts_with("cannot connect to a cluster: "), "{}", said);
                // Where it is no kubeconfig at all nothing is quoted: whatever it is may be a secret.
                let plain = !said.contains("is not a kubeconfig") || error.hint().is_none() && !said.contains("hunter2");
                prop_assert!(plain, "{}", said);
            }
        }
    }
}
