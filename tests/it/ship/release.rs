//! The workflows: readable, held to few rights, and about the same platforms as the krew manifest.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::ship::project;
use crate::ship::read;
use crate::world::from_yaml;

/// Every workflow with its name.
fn workflows() -> Vec<(String, Value)> {
    let folder = project().join(".github/workflows");
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| (name.clone(), from_yaml(&read(&format!(".github/workflows/{name}")))))
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["ci.yml", "release.yml"]);
    found
}

/// Every job with the name of its workflow and its own.
fn jobs() -> Vec<(String, Value)> {
    let jobs = workflows().into_iter().flat_map(|(workflow, value)| {
        let jobs = value["jobs"].as_object().unwrap().clone();
        jobs.into_iter().map(move |(name, job)| (format!("{workflow}: {name}"), job))
    });
    jobs.collect()
}

#[test]
fn workflows_have_the_least_rights() {
    for (name, workflow) in workflows() {
        assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}), "{name}");
        let text = workflow.to_string();
        assert!(!text.contains("pull_request_target"), "{name}: it would run strangers' code with our rights");
        assert!(!text.contains("secrets."), "{name}: no key is stored");
    }
    for (name, job) in jobs() {
        assert!(job["timeout-minutes"].is_u64(), "{name} may hang for hours");
        let writes = job["permissions"].as_object().is_some_and(|rights| rights.values().any(|right| right == "write"));
        assert_eq!(writes, name == "release.yml: publish", "{name}");
        for step in job["steps"].as_array().unwrap() {
            // What comes from outside is a value of the environment, never a part of the program.
            let run = step["run"].as_str().unwrap_or_default();
            assert!(!run.contains("${{"), "{name}: {run}");
            let Some(action) = step["uses"].as_str() else { continue };
            let (_, version) = action.split_once('@').expect("an action has a version");
            let pinned = version.len() == 40 && version.chars().all(|c| c.is_ascii_hexdigit());
            assert!(pinned, "{name}: {action} can be moved");
            if action.starts_with("actions/checkout@") {
                assert_eq!(step["with"]["persist-credentials"], false, "{name} leaves a token on the disk");
            }
        }
    }
}

#[test]
fn every_platform_of_the_manifest_is_built() {
    let krew_name = |target: &str| {
        let os = ["linux", "darwin", "windows"].into_iter().find(|os| target.contains(os)).unwrap();
        format!("{os}-{}", if target.starts_with("aarch64") { "arm64" } else { "amd64" })
    };
    let release = from_yaml(&read(".github/workflows/release.yml"));
    let built = release["jobs"]["build"]["strategy"]["matrix"]["include"].as_array().unwrap();
    let built: BTreeSet<String> = built.iter().map(|row| krew_name(row["target"].as_str().unwrap())).collect();
    let manifest = from_yaml(&read("krew/image-update.yaml"));
    let named: BTreeSet<String> = manifest["spec"]["platforms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|platform| &platform["selector"]["matchLabels"])
        .map(|labels| format!("{}-{}", labels["os"].as_str().unwrap(), labels["arch"].as_str().unwrap()))
        .collect();
    assert_eq!(built, named);
    assert_eq!(built.len(), 6);
}

#[test]
fn workflows_run_what_is_there() {
    let script = read(".ci/release");
    for (name, job) in jobs() {
        for step in job["steps"].as_array().unwrap() {
            for line in step["run"].as_str().unwrap_or_default().lines() {
                let mut words = line.split_whitespace();
                let Some(program) = words.next().filter(|word| word.starts_with(".ci/")) else { continue };
                assert!(project().join(program).is_file(), "{name}: {program}");
                if let Some(command) = words.next().filter(|_| program == ".ci/release") {
                    assert!(script.contains(&format!("\n  {command}) ")), "{name}: {line}");
                }
            }
        }
    }
}
