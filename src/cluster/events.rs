//! Kubernetes Events on Applications, as Image Updater sends them after an update (spec section 6.10).

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::api::core::v1::EventSource;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::cluster::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::error::ClusterErrorKind;
use crate::cluster::request::Asked;
use crate::cluster::request::EVENTS;
use crate::cluster::request::FIELD_MANAGER;
use crate::cluster::request::Scope;
use crate::model::application::ApplicationKey;
use crate::model::image::Repository;
use crate::model::image::Version;

/// Whoever watches for updates watches for these words.
const REASON: &str = "ImagesUpdated";
const COMPONENT: &str = "ArgocdImageUpdater";
/// The longest name of an object.
const MOST: usize = 253;
/// How often a name is changed because there is an Event of it already.
const TRIES: u32 = 16;

/// An update of an Application that was written.
#[derive(Clone, Debug)]
pub(crate) struct Updated {
    pub(crate) application: ApplicationKey,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    /// Each image, with its version before and after.
    pub(crate) images: Vec<(Repository, Option<Version>, Version)>,
}

impl Cluster {
    /// Sends the Event about an update.
    ///
    /// # Errors
    /// It could not be sent.
    pub(crate) async fn send_event(&self, updated: &Updated, now: Timestamp) -> Result<(), ClusterError> {
        let scope = Scope::Namespace(updated.application.namespace.clone());
        let asked = Asked { verb: "create", resource: &EVENTS, scope, name: None };
        super::legal(&asked)?;
        let mut tries = 0;
        loop {
            let object = serde_json::to_value(event(updated, now, tries)).expect("an Event is JSON");
            match self.send(&asked, || asked.create(&object)).await {
                Err(error) if error.kind == ClusterErrorKind::Conflict && tries < TRIES => tries += 1,
                sent => return sent.map(|_| ()),
            }
        }
    }
}

/// The Event, with a name of the time in nanoseconds, which `more` makes another.
fn event(updated: &Updated, now: Timestamp, more: u32) -> Event {
    let Updated { application, uid, resource_version, images } = updated;
    let suffix = format!(".{:x}", now.as_nanosecond() + i128::from(more));
    let name: String = application.name.chars().take(MOST - suffix.len()).collect();
    let time = || Some(Time(now));
    let mut annotations = BTreeMap::new();
    for (index, (repository, from, to)) in images.iter().enumerate() {
        let mut note = |key: &str, value: String| {
            annotations.insert(format!("argocd-image-updater.image-{index}/{key}"), value);
        };
        // Images of Docker Hub are written without it, as most image lists have them.
        let full = repository.to_string();
        let short = full.strip_prefix("docker.io/").map(|name| name.strip_prefix("library/").unwrap_or(name));
        note("full-image-name", short.unwrap_or(&full).to_owned());
        note("image-name", short.unwrap_or(repository.path()).to_owned());
        note("old-tag", from.as_ref().map(shown).unwrap_or_default());
        note("new-tag", shown(to));
    }
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}{suffix}", name.trim_end_matches(['.', '-']))),
            namespace: Some(application.namespace.clone()),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some("argoproj.io/v1alpha1".to_owned()),
            kind: Some("Application".to_owned()),
            name: Some(application.name.clone()),
            namespace: Some(application.namespace.clone()),
            uid: uid.clone(),
            resource_version: resource_version.clone(),
            ..ObjectReference::default()
        },
        type_: Some("Normal".to_owned()),
        reason: Some(REASON.to_owned()),
        message: Some(format!("Successfully updated application '{}'", application.name)),
        source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: None }),
        reporting_component: Some(FIELD_MANAGER.to_owned()),
        first_timestamp: time(),
        last_timestamp: time(),
        count: Some(1),
        ..Event::default()
    }
}

/// A version as Events show it: the digest if there is one, else the tag (spec section 2.2).
fn shown(version: &Version) -> String {
    version.digest.clone().or_else(|| version.tag.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::image::Reference;

    #[test]
    fn an_event_is_as_image_updater_sends_it() {
        let version =
            |tag: &str, digest: Option<&str>| Version { tag: Some(tag.to_owned()), digest: digest.map(str::to_owned) };
        let repository = |text: &str| Reference::parse(text).repository().unwrap();
        let updated = Updated {
            application: ApplicationKey { namespace: "argocd".to_owned(), name: "web".to_owned() },
            uid: Some("u".to_owned()),
            resource_version: Some("7".to_owned()),
            images: vec![
                (repository("ghcr.io/acme/web"), Some(version("1.0", None)), version("1.1", None)),
                (repository("nginx"), None, version("latest", Some("sha256:abc"))),
            ],
        };
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let object = serde_json::to_value(event(&updated, now, 0)).unwrap();
        let name = format!("web.{:x}", now.as_nanosecond());
        assert_eq!(
            object,
            json!({
                "apiVersion": "v1", "kind": "Event",
                "metadata": {"name": name, "namespace": "argocd", "annotations": {
                    "argocd-image-updater.image-0/full-image-name": "ghcr.io/acme/web",
                    "argocd-image-updater.image-0/image-name": "acme/web",
                    "argocd-image-updater.image-0/new-tag": "1.1",
                    "argocd-image-updater.image-0/old-tag": "1.0",
                    "argocd-image-updater.image-1/full-image-name": "nginx",
                    "argocd-image-updater.image-1/image-name": "nginx",
                    "argocd-image-updater.image-1/new-tag": "sha256:abc",
                    "argocd-image-updater.image-1/old-tag": "",
                }},
                "involvedObject": {
                    "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "namespace": "argocd", "name": "web",
                    "uid": "u", "resourceVersion": "7",
                },
                "type": "Normal", "reason": "ImagesUpdated", "message": "Successfully updated application 'web'",
                "source": {"component": "ArgocdImageUpdater"}, "reportingComponent": "kubectl-image-update",
                "firstTimestamp": "2026-11-22T09:00:00Z", "lastTimestamp": "2026-11-22T09:00:00Z", "count": 1,
            })
        );
        // The second of one moment has a name of its own, and every name is legal.
        assert_ne!(event(&updated, now, 1).metadata.name, Some(name));
        let long =
            ApplicationKey { namespace: "argocd".to_owned(), name: format!("{}.{}", "a".repeat(235), "b".repeat(17)) };
        let name = event(&Updated { application: long, ..updated }, now, 0).metadata.name.unwrap();
        assert!(name.len() <= MOST && !name.contains(".."), "{name}");
    }
}
