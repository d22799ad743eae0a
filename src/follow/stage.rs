//! What the state of an Application says about a change that was made to it. Pure.

use serde_json::Value;

use crate::model::application::Application;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::plan::Change;

/// What is to be seen in an Application once a change is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Goal {
    images: Vec<Image>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Image {
    label: String,
    repository: Repository,
    version: Version,
}

impl Goal {
    pub(crate) fn extend(&mut self, change: &Change) {
        for image in &change.images {
            let label = image.label();
            self.images.push(Image { label, repository: image.reference.clone(), version: change.written(image) });
        }
    }
}

/// How an Application stood before something was written to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Baseline {
    /// When its last operation began.
    operation: Option<String>,
}

impl Baseline {
    pub(super) fn of(object: &Value) -> Self {
        Self { operation: operation(object) }
    }
}

/// How far Argo CD has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// With what is still missing.
    Waiting(String),
    Healthy,
    Failed(String),
}

fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn operation(object: &Value) -> Option<String> {
    text(object, "/status/operationState/startedAt").map(str::to_owned)
}

/// Says how far Argo CD has come with what `goal` wants.
pub(super) fn stage(goal: &Goal, baseline: &Baseline, application: &Application) -> Stage {
    let object = &application.object;
    if application.deleting {
        return Stage::Failed("it is being deleted".to_owned());
    }
    let words = |pointer: &str| text(object, pointer).map_or_else(String::new, |words| format!(": {words}"));
    // An operation that failed before the write says nothing about it.
    let is_new = operation(object) != baseline.operation;
    if is_new && matches!(text(object, "/status/operationState/phase"), Some("Failed" | "Error")) {
        return Stage::Failed(format!("the sync failed{}", words("/status/operationState/message")));
    }
    let sync = text(object, "/status/sync/status").unwrap_or("Unknown");
    let health = text(object, "/status/health/status").unwrap_or("Unknown");
    let missing: Vec<_> = goal.images.iter().filter(|image| !is_live(image, application)).collect();
    if let [first, ..] = missing.as_slice() {
        let more = if missing.len() > 1 { format!(" and {} more", missing.len() - 1) } else { String::new() };
        return Stage::Waiting(format!("{sync}, {health}; {} {}{more} is not live yet", first.label, first.version));
    }
    match (sync, health) {
        ("Synced", "Healthy") => Stage::Healthy,
        // Of the old images it may have been so already, and the new ones may be the cure.
        (_, "Degraded") => Stage::Failed(format!("it is Degraded{}", words("/status/health/message"))),
        _ => Stage::Waiting(format!("{sync}, {health}")),
    }
}

fn is_live(image: &Image, application: &Application) -> bool {
    let live = application.status.iter().flat_map(|status| &status.images).map(|text| Reference::parse(text));
    live.filter(|live| live.repository().as_ref() == Ok(&image.repository)).any(|live| {
        let Version { tag, digest } = live.version();
        match (&image.version.digest, &image.version.tag) {
            (Some(wanted), _) => digest.as_ref() == Some(wanted),
            (None, wanted) => tag == *wanted,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::application::application;

    fn image(label: &str, reference: &str) -> Image {
        let reference = Reference::parse(reference);
        Image { label: label.to_owned(), repository: reference.repository().unwrap(), version: reference.version() }
    }

    fn seen(status: &Value) -> Application {
        application(json!({"metadata": {"name": "web", "namespace": "argocd"}, "spec": {}, "status": status})).unwrap()
    }

    fn status(sync: &str, health: &str, images: &[&str]) -> Value {
        json!({"sync": {"status": sync}, "health": {"status": health, "message": "why"}, "summary": {"images": images}})
    }

    #[test]
    fn it_is_done_when_it_is_synced_healthy_and_live() {
        let goal = Goal { images: vec![image("web", "nginx:1.2"), image("db", "ghcr.io/acme/db:3")] };
        let (old, new) =
            (["nginx:1.1", "ghcr.io/acme/db:3"], ["docker.io/library/nginx:1.2@sha256:x", "ghcr.io/acme/db:3"]);
        let waiting = |why: &str| Stage::Waiting(why.to_owned());
        for (sync, health, images, expected) in [
            // Argo CD has not looked yet.
            ("Synced", "Healthy", &old[..], waiting("Synced, Healthy; web 1.2 is not live yet")),
            ("OutOfSync", "Healthy", &old, waiting("OutOfSync, Healthy; web 1.2 is not live yet")),
            // The old version may be what is broken.
            ("OutOfSync", "Degraded", &old, waiting("OutOfSync, Degraded; web 1.2 is not live yet")),
            ("Synced", "Progressing", &[], waiting("Synced, Progressing; web 1.2 and 1 more is not live yet")),
            ("Synced", "Progressing", &new, waiting("Synced, Progressing")),
            ("OutOfSync", "Healthy", &new, waiting("OutOfSync, Healthy")),
            ("Synced", "Healthy", &new, Stage::Healthy),
            ("Synced", "Degraded", &new, Stage::Failed("it is Degraded: why".to_owned())),
            ("Synced", "Missing", &new, waiting("Synced, Missing")),
        ] {
            let found = seen(&status(sync, health, images));
            assert_eq!(stage(&goal, &Baseline::of(&found.object), &found), expected, "{sync} {health} {images:?}");
        }
        let found = seen(&json!({}));
        let expected = waiting("Unknown, Unknown; web 1.2 and 1 more is not live yet");
        assert_eq!(stage(&goal, &Baseline::of(&found.object), &found), expected);
    }

    #[test]
    fn only_an_operation_that_came_later_can_have_failed_it() {
        let goal = Goal { images: vec![image("web", "nginx:1.2")] };
        let operated = |at: &str, phase: &str| {
            let mut status = status("OutOfSync", "Healthy", &["nginx:1.1"]);
            status["operationState"] = json!({"startedAt": at, "phase": phase, "message": "no such chart"});
            seen(&status)
        };
        let before = Baseline::of(&operated("2026-11-22T09:00:00Z", "Failed").object);
        let stage = |at: &str, phase: &str| stage(&goal, &before, &operated(at, phase));
        assert!(matches!(stage("2026-11-22T09:00:00Z", "Failed"), Stage::Waiting(_)));
        assert!(matches!(stage("2026-11-22T09:01:00Z", "Running"), Stage::Waiting(_)));
        for phase in ["Failed", "Error"] {
            let expected = Stage::Failed("the sync failed: no such chart".to_owned());
            assert_eq!(stage("2026-11-22T09:01:00Z", phase), expected);
        }
    }

    #[test]
    fn a_digest_that_is_written_has_to_be_live() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let goal = Goal { images: vec![image("web", &format!("nginx:stable@{digest}"))] };
        for (live, expected) in [
            ("nginx:stable".to_owned(), false),
            (format!("nginx:stable@{digest}"), true),
            (format!("nginx@{digest}"), true),
        ] {
            let found = seen(&status("Synced", "Healthy", &[&live]));
            let stage = stage(&goal, &Baseline::of(&found.object), &found);
            assert_eq!(stage == Stage::Healthy, expected, "{live}");
        }
    }
}
