//! A model of Argo CD Image Updater, written from what is known of it and not from this tool: what it selects, and what
//! it writes back, siblings of the image in question included.
//!
//! Two generations differ where no tag is left after the filters: the old one (0.18, 1.1) takes what is live, and so
//! writes that back beside a sibling; the new one (from 1.2) passes the image over.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;
use serde_json::json;

use crate::world::from_yaml;

const PREFIX: &str = "argocd-image-updater.argoproj.io";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    Old,
    New,
}

/// A tag in a registry.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) created: String,
    pub(super) digest: String,
}

/// What one image is updated with.
#[derive(Clone, Debug)]
struct Entry {
    alias: String,
    /// Registry and name.
    image: String,
    constraint: Option<String>,
    strategy: String,
    allow: Option<String>,
    ignore: Option<String>,
}

/// An Image Updater and the registry it sees.
#[derive(Clone, Debug)]
pub(super) struct Updater {
    pub(super) generation: Generation,
    /// The tags of each image.
    pub(super) tags: BTreeMap<String, Vec<Tag>>,
    /// The `images` of an ImageUpdater without `useAnnotations`: alias, image with constraint.
    pub(super) resource: Option<Vec<(String, String)>>,
}

/// What a repository holds, by path from the folder of the source.
pub(super) type Files = BTreeMap<String, String>;

impl Updater {
    /// One round: returns the Application and the files as they are left.
    pub(super) fn run(&self, application: &Value, files: &Files) -> (Value, Files) {
        let (mut after, mut left) = (application.clone(), files.clone());
        // Everything is written to a copy of the spec first, whatever the method.
        let mut source = application["spec"]["source"].clone();
        let mut changed = false;
        let entries = self.entries(application);
        for entry in &entries {
            let Some(live) = live(application, &entry.image) else { continue };
            let Some(candidate) = self.candidate(entry, &live) else { continue };
            let wanted = if needs_update(entry, &live, &candidate) { candidate } else { live.clone() };
            let before = source.clone();
            set(&mut source, annotations(application), entry, &wanted);
            changed |= wanted != live && source != before;
        }
        if !changed {
            return (after, left);
        }
        let annotations = annotations(application);
        let text = |key: &str| annotations[format!("{PREFIX}/{key}")].as_str().unwrap_or_default();
        if text("write-back-method") != "git" {
            after["spec"]["source"] = source;
        } else if text("write-back-target") == "helmvalues" {
            values(&mut left, application, &source, &entries);
        } else if text("write-back-target") == "kustomization" {
            kustomization(&mut left, &source);
        } else {
            self.override_file(&mut left, application, (&source, &entries));
        }
        (after, left)
    }

    fn entries(&self, application: &Value) -> Vec<Entry> {
        let annotations = annotations(application);
        let annotated = || {
            let list = annotations[format!("{PREFIX}/image-list")].as_str().expect("an image list");
            let entry = |entry: &str| {
                let (alias, image) = entry.trim().split_once('=').expect("an alias");
                (alias.to_owned(), image.to_owned())
            };
            list.split(',').map(entry).collect()
        };
        let list: Vec<(String, String)> = self.resource.clone().unwrap_or_else(annotated);
        let setting = |alias: &str, key: &str| {
            if self.resource.is_some() {
                return None;
            }
            let text = |key: String| annotations[format!("{PREFIX}/{key}")].as_str();
            let own = text(format!("{alias}.{key}"));
            let own = if self.generation == Generation::New { own.filter(|text| !text.trim().is_empty()) } else { own };
            own.or_else(|| text(key.to_owned())).map(str::to_owned)
        };
        list.into_iter()
            .map(|(alias, reference)| {
                let colon = reference.rfind(':').filter(|colon| *colon > reference.rfind('/').unwrap_or(0));
                let (image, constraint) = match colon {
                    Some(colon) => (reference[..colon].to_owned(), Some(reference[colon + 1..].to_owned())),
                    None => (reference, None),
                };
                Entry {
                    strategy: setting(&alias, "update-strategy").unwrap_or_else(|| "semver".to_owned()),
                    allow: setting(&alias, "allow-tags"),
                    ignore: setting(&alias, "ignore-tags"),
                    alias,
                    image,
                    constraint,
                }
            })
            .collect()
    }

    /// The version that is selected; `None`: the image is passed over.
    fn candidate(&self, entry: &Entry, live: &str) -> Option<String> {
        let allowed = |tag: &&Tag| {
            let allow = entry.allow.as_deref().and_then(|allow| allow.strip_prefix("regexp:"));
            let ignore = entry.ignore.as_deref().unwrap_or_default();
            let follows = entry.strategy != "digest" || entry.constraint.as_ref() == Some(&tag.name);
            allow.is_none_or(|allow| Regex::new(allow).unwrap().is_match(&tag.name))
                && !ignore.split(',').any(|glob| matches(glob.trim(), &tag.name))
                && follows
        };
        let all = self.tags.get(&entry.image).map(Vec::as_slice).unwrap_or_default();
        let tags: Vec<&Tag> = all.iter().filter(allowed).collect();
        if tags.is_empty() {
            return (self.generation == Generation::Old).then(|| live.to_owned());
        }
        let version = |tag: &Tag| semver::Version::parse(tag.name.trim_start_matches('v')).ok();
        match entry.strategy.as_str() {
            "semver" => {
                let wanted = semver::VersionReq::parse(entry.constraint.as_deref().unwrap_or("*")).unwrap();
                let fits = tags.iter().filter_map(|tag| Some((version(tag)?, &tag.name)));
                fits.filter(|(version, _)| wanted.matches(version)).max().map(|(_, name)| name.clone())
            }
            "newest-build" => tags.iter().max_by_key(|tag| (&tag.created, &tag.name)).map(|tag| tag.name.clone()),
            "alphabetical" => tags.iter().map(|tag| &tag.name).max().cloned(),
            "digest" => tags.first().map(|tag| format!("{}@{}", tag.name, tag.digest)),
            other => panic!("no strategy {other}"),
        }
    }

    /// `.argocd-source-<application>.yaml`
    fn override_file(&self, files: &mut Files, application: &Value, (source, entries): (&Value, &[Entry])) {
        let name = format!(".argocd-source-{}.yaml", application["metadata"]["name"].as_str().unwrap());
        let old = files.get(&name).map_or(json!({}), |text| from_yaml(text));
        let new = if source["kustomize"].is_object() {
            let mut images = elements(&old["kustomize"]["images"]);
            for image in elements(&source["kustomize"]["images"]) {
                images.retain(|old| repository(old.as_str().unwrap()) != repository(image.as_str().unwrap()));
                images.push(image);
            }
            json!({"kustomize": {"images": images}})
        } else {
            let managed: Vec<String> = entries
                .iter()
                .flat_map(|entry| {
                    let (name, tag) = parameters(annotations(application), &entry.alias);
                    [name, tag]
                })
                .collect();
            let mut list = elements(&old["helm"]["parameters"]);
            for parameter in elements(&source["helm"]["parameters"]) {
                let is_managed = managed.iter().any(|name| parameter["name"] == name.as_str());
                if self.generation == Generation::Old || is_managed {
                    list.retain(|old| old["name"] != parameter["name"]);
                    list.push(json!({"name": parameter["name"], "value": parameter["value"], "forcestring": true}));
                }
            }
            json!({"helm": {"parameters": list}})
        };
        files.insert(name, serde_yaml::to_string(&new).unwrap());
    }
}

/// The values file: for each image that is live, what the copy of the spec says, else what is live.
fn values(files: &mut Files, application: &Value, source: &Value, entries: &[Entry]) {
    let mut document = from_yaml(&files["values.yaml"]);
    for entry in entries {
        let Some(live) = live(application, &entry.image) else { continue };
        let (_, tag) = parameters(annotations(application), &entry.alias);
        let parameters = elements(&source["helm"]["parameters"]);
        let in_spec = parameters.iter().find(|parameter| parameter["name"] == tag.as_str());
        let value = in_spec.map_or(json!(live), |parameter| parameter["value"].clone());
        document[tag.split_once('.').unwrap().0][tag.split_once('.').unwrap().1] = value;
    }
    files.insert("values.yaml".to_owned(), serde_yaml::to_string(&document).unwrap());
}

/// The kustomization: every image of the copy of the spec.
fn kustomization(files: &mut Files, source: &Value) {
    let mut document = from_yaml(&files["kustomization.yaml"]);
    for image in elements(&source["kustomize"]["images"]) {
        let image = image.as_str().unwrap();
        let (name, version) = (repository(image), &image[repository(image).len() + 1..]);
        let mut images = elements(&document["images"]);
        images.retain(|old| old["name"] != name);
        let (tag, digest) = version.split_once('@').map_or((version, None), |(tag, digest)| (tag, Some(digest)));
        let mut entry = json!({"name": name, "newTag": tag});
        if let Some(digest) = digest {
            entry["digest"] = digest.into();
        }
        images.push(entry);
        document["images"] = images.into();
    }
    files.insert("kustomization.yaml".to_owned(), serde_yaml::to_string(&document).unwrap());
}

fn annotations(application: &Value) -> &Value {
    &application["metadata"]["annotations"]
}

fn elements(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

/// The Helm parameters of an alias: name and tag.
pub(super) fn parameters(annotations: &Value, alias: &str) -> (String, String) {
    let named = |key: &str| annotations[format!("{PREFIX}/{alias}.helm.{key}")].as_str().map(str::to_owned);
    let or = |key: &str, default: &str| named(key).unwrap_or_else(|| default.to_owned());
    (or("image-name", "image.name"), or("image-tag", "image.tag"))
}

/// The version of an image that runs, as `tag`, or `tag@digest`.
fn live(application: &Value, image: &str) -> Option<String> {
    let images = elements(&application["status"]["summary"]["images"]);
    let found = images.iter().filter_map(Value::as_str).find(|live| repository(live) == image)?;
    Some(found[image.len() + 1..].to_owned())
}

fn needs_update(entry: &Entry, live: &str, candidate: &str) -> bool {
    let digest = |version: &str| version.split_once('@').map(|(_, digest)| digest.to_owned());
    match entry.strategy.as_str() {
        "digest" => digest(live).is_none() || digest(live) != digest(candidate),
        _ if digest(live).is_some() || digest(candidate).is_some() => digest(live) != digest(candidate),
        _ => live != candidate,
    }
}

/// Sets an image in the copy of the spec.
fn set(source: &mut Value, annotations: &Value, entry: &Entry, version: &str) {
    if source["kustomize"].is_object() {
        let mut images = elements(&source["kustomize"]["images"]);
        let new = json!(format!("{}:{version}", entry.image));
        match images.iter_mut().find(|old| repository(old.as_str().unwrap()) == entry.image) {
            Some(old) => *old = new,
            None => images.push(new),
        }
        source["kustomize"]["images"] = images.into();
        return;
    }
    let (name, tag) = parameters(annotations, &entry.alias);
    let mut list = elements(&source["helm"]["parameters"]);
    for (name, value) in [(name, entry.image.as_str()), (tag, version)] {
        let new = json!({"name": name, "value": value, "forceString": true});
        match list.iter_mut().find(|old| old["name"] == name.as_str()) {
            Some(old) => *old = new,
            None => list.push(new),
        }
    }
    source["helm"]["parameters"] = list.into();
}

/// A reference without tag and digest.
pub(super) fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    let path = name.rfind('/').map_or(0, |slash| slash + 1);
    name[path..].find(':').map_or(name, |colon| &name[..path + colon])
}

/// Go's match as far as tags need it: `*` and `?`.
fn matches(glob: &str, tag: &str) -> bool {
    let pattern = regex::escape(glob).replace(r"\*", ".*").replace(r"\?", ".");
    Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(tag)
}
