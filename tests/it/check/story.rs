//! The bookstore story under each update strategy, for a Helm and a Kustomize Application: check, plan, apply, check
//! again, apply again. On real servers it is told through kubectl.

use std::fs;

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Course;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::bookstore::version;
use crate::world::ApiRequest;
use crate::world::Backend;
use crate::world::Output;
use crate::world::World;
use crate::world::on_both;

on_both!(semver_moves, newest_build_moves, digest_moves, alphabetical_moves);

fn semver_moves(backend: Backend) {
    tell(backend, bookstore::semver);
}

fn newest_build_moves(backend: Backend) {
    tell(backend, bookstore::newest_build);
}

fn digest_moves(backend: Backend) {
    tell(backend, bookstore::digest);
}

fn alphabetical_moves(backend: Backend) {
    tell(backend, bookstore::alphabetical);
}

fn tell(backend: Backend, course: impl Fn(&World) -> Course) {
    for form in [Form::Helm, Form::Kustomize] {
        let world = World::new(backend);
        let course = course(&world);
        world.application(course.application(&world, form));
        let story = Story { world, course, form };
        story.check();
        story.plan();
        story.apply();
        story.is_done();
    }
}

struct Story {
    world: World,
    course: Course,
    form: Form,
}

impl Story {
    fn run(&self, words: &[&str]) -> Output {
        if self.world.is_real() {
            self.world.run_kubectl(&[&["image-update"], words].concat())
        } else {
            self.world.run(words)
        }
    }

    fn check(&self) {
        let table = self.run(&["check"]).expect(0);
        let row = table.stdout.lines().nth(1).unwrap_or_default();
        let words: Vec<&str> = row.split_whitespace().collect();
        let shown: Vec<String> = [&self.course.from, &self.course.to].map(|version| short(version)).into();
        assert_eq!(words[..5], ["bookstore", "web", &shown[0], &shown[1], "UpdateAvailable"], "{table}");
        assert!(row.ends_with(self.course.because), "{table}");
        assert!(table.stderr.contains("1 image in 1 Application: 1 to update"), "{table}");

        let report = self.run(&["check", "-o", "json"]).expect(0);
        assert_eq!(report.stderr, "");
        let mut report = report.json();
        let item = report["items"][0].take();
        assert_eq!(item, self.item("UpdateAvailable", reason(&self.course), &self.course.from));
        assert_eq!(
            report,
            json!({
                "apiVersion": "kubectl-image-update/v1", "kind": "CheckReport", "items": [null], "diagnostics": [],
                "summary": {
                    "applications": 1, "images": 1, "invalid": 0, "pinBroken": 0, "pinned": 0, "notDeployed": 0,
                    "undetermined": 0, "noCandidate": 0, "upToDate": 0, "downgrade": 0, "rolledBack": 0,
                    "updateAvailable": 1, "diagnostics": {"error": 0, "warning": 0},
                },
            })
        );
    }

    /// The item of the report while `current` runs.
    fn item(&self, status: &str, reason: &str, current: &str) -> Value {
        let Course { strategy, constraint, to, because, tags, created, behind, .. } = &self.course;
        let image = self.world.image(REPOSITORY);
        let mut from_target = version(current);
        from_target["from"] = "target".into();
        let mut candidate = version(to);
        candidate["created"] = json!(created);
        let behind = behind.map(|(versions, days)| if current == to { (0, days.map(|_| 0)) } else { (versions, days) });
        let behind = behind.map(|(versions, days)| json!({"versions": versions, "days": days}));
        json!({
            "namespace": self.world.namespace(), "application": "bookstore", "alias": "web", "image": image,
            "reference": image, "strategy": strategy, "constraint": constraint, "configured": version(current),
            "live": [version(current)], "current": from_target, "candidate": candidate, "behind": behind, "status": status,
            "reason": reason, "message": because,
            "tags": {"seen": tags[0], "allowed": tags[1], "eligible": tags[2]},
            "writeBack": {
                "method": "argocd", "target": if self.form == Form::Helm { "helm" } else { "kustomize" },
                "source": null, "repository": null, "branch": null, "path": null,
            },
            "pin": null,
        })
    }

    fn plan(&self) {
        self.world.forget();
        let Course { from, to, because, .. } = &self.course;
        let image = self.world.image(REPOSITORY);
        let diff = self.run(&["plan", "--out", "plan.json"]).expect(0);
        let lines: Vec<&str> = diff.stdout.lines().collect();
        let changed = |sign: char| {
            let lines =
                lines.iter().filter(|line| line.starts_with(sign) && !line.starts_with(&format!("{sign}{sign}")));
            lines.map(|line| line[1..].trim().to_owned()).collect::<Vec<_>>()
        };
        let (removed, added) = match self.form {
            Form::Helm => {
                (vec![format!("value: {from}")], vec![format!("value: {to}"), "forceString: true".to_owned()])
            }
            Form::Kustomize => (vec![format!("- {image}:{from}")], vec![format!("- {image}:{to}")]),
        };
        assert_eq!((changed('-'), changed('+')), (removed, added), "{diff}");
        assert!(lines[0].starts_with(&format!("--- Application {}/bookstore (", self.world.namespace())), "{diff}");
        let summary = format!("web  {image}  {} → {}  {because}", short(from), short(to));
        assert_eq!(lines.last(), Some(&summary.as_str()), "{diff}");
        assert!(diff.stderr.contains("apply --plan plan.json"), "{diff}");
        assert!(!diff.to_string().contains("hunter2"), "the value of another parameter is shown:\n{diff}");

        let plan = self.run(&["plan", "-o", "json"]).expect(0).json();
        let saved: Value = serde_json::from_slice(&fs::read(self.world.work().join("plan.json")).unwrap()).unwrap();
        assert_eq!(plan, saved);
        self.is_plan(plan);
        assert_eq!(self.world.writes().len(), 0, "a plan reads only");
    }

    fn is_plan(&self, mut plan: Value) {
        let Course { from, to, because, .. } = &self.course;
        let image = self.world.image(REPOSITORY);
        let application = self.world.get("bookstore");
        let metadata = &application["metadata"];
        let (kind, at, old, new) = match self.form {
            Form::Helm => ("helmParameter", "image.tag", from.clone(), to.clone()),
            Form::Kustomize => ("kustomizeImage", image.as_str(), format!("{image}:{from}"), format!("{image}:{to}")),
        };
        let mut target = version(to);
        // The digest behind the tag is recorded, since it is a precondition.
        let digest = plan["changes"][0]["images"][0]["to"]["digest"].clone();
        assert!(digest.as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{plan}");
        target["digest"] = digest;
        let destination = json!({
            "method": "argocd", "target": if self.form == Form::Helm { "helm" } else { "kustomize" }, "source": null,
            "repository": null, "branch": null, "path": null, "pushBranch": null,
        });
        let change = plan["changes"][0].take();
        assert_eq!(
            change,
            json!({
                "id": format!("{}/bookstore#1", self.world.namespace()),
                "application":
                    {"namespace": self.world.namespace(), "name": "bookstore", "uid": metadata["uid"]},
                "images": [{
                    "alias": "web", "reference": image, "from": version(from), "to": target, "because": because,
                }],
                "destination": destination,
                "edits": [{"kind": kind, "at": at, "from": old, "to": new}],
                "seen": {"resourceVersion": metadata["resourceVersion"], "commit": null, "blob": null},
            })
        );
        assert!(plan["checksum"].take().as_str().is_some_and(|checksum| checksum.starts_with("sha256:")));
        assert_eq!(
            plan,
            json!({
                "apiVersion": "kubectl-image-update/v1", "kind": "Plan", "created": crate::world::NOW,
                "complete": true, "changes": [null],
                "decisions": [self.item("UpdateAvailable", reason(&self.course), from)],
                "diagnostics": [], "checksum": null,
            })
        );
    }

    fn apply(&self) {
        let mut expected = self.world.get("bookstore");
        let applied = self.run(&["apply", "bookstore", "--yes"]).expect(0);
        assert!(applied.stdout.contains("bookstore  Applied"), "{applied}");
        assert!(applied.stdout.contains(&format!("web  {} → ", short(&self.course.from))), "{applied}");
        assert!(applied.stderr.contains("1 applied"), "{applied}");
        // One patch, and nothing in the object differs but the value.
        let writes = self.world.writes();
        assert_eq!(writes.iter().map(|write| write.verb.as_str()).collect::<Vec<_>>(), ["patch"], "{writes:?}");
        let mut found = self.world.get("bookstore");
        match self.form {
            Form::Helm => {
                expected["spec"]["source"]["helm"]["parameters"][1]["value"] = self.course.to.clone().into();
                expected["spec"]["source"]["helm"]["parameters"][1]["forceString"] = true.into();
            }
            Form::Kustomize => {
                let entry = format!("{}:{}", self.world.image(REPOSITORY), self.course.to);
                expected["spec"]["source"]["kustomize"]["images"][1] = entry.into();
            }
        }
        for object in [&mut expected, &mut found] {
            for key in ["resourceVersion", "generation", "managedFields"] {
                object["metadata"].as_object_mut().unwrap().shift_remove(key);
            }
        }
        assert_eq!(found, expected);
    }

    fn is_done(&self) {
        self.world.deploy("bookstore");
        self.world.forget();
        let item = self.run(&["check", "-o", "json"]).expect(0).json()["items"][0].take();
        let same = if self.course.strategy == "digest" { "SameDigest" } else { "SameTag" };
        assert_eq!(item, self.item("UpToDate", same, &self.course.to));

        let again = self.run(&["apply", "bookstore", "--yes"]).expect(0);
        assert!(again.stderr.contains("nothing to change"), "{again}");
        let report = self.run(&["apply", "--all", "--yes", "-o", "json"]).expect(0).json();
        assert_eq!(
            report,
            json!({
                "apiVersion": "kubectl-image-update/v1", "kind": "ApplyReport", "dryRun": "none", "receipts": [],
                "summary": {"applied": 0, "alreadyApplied": 0, "stale": 0, "rejected": 0, "failed": 0},
            })
        );
        // The saved plan has nothing left to do either.
        let late = self.run(&["apply", "--plan", "plan.json", "-o", "json"]).expect(0).json();
        assert_eq!(late["receipts"][0]["outcome"], "AlreadyApplied", "{late}");
        let asked: Vec<_> = self.world.requests().into_iter().filter(ApiRequest::asks_to_write).collect();
        assert!(asked.is_empty(), "the second time writes: {asked:?}");
    }
}

/// The reason for an update.
fn reason(course: &Course) -> &'static str {
    if course.strategy == "digest" { "DigestMoved" } else { "NewestMatch" }
}

/// A version as people are shown it: twelve digits of a digest.
fn short(version: &str) -> String {
    match version.split_once("@sha256:") {
        Some((tag, digest)) => format!("{tag}@sha256:{}", &digest[..12]),
        None => version.to_owned(),
    }
}
