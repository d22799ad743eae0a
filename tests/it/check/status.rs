//! Which status an image has, and for which reason; and what `plan` makes of it.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::bookstore::configured;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Image;
use crate::world::World;
use crate::world::on_both;

on_both!(
    what_is_not_deployed_is_not_asked_for,
    no_tag_will_do,
    an_older_winner_is_a_downgrade,
    what_cannot_be_compared_is_an_update,
    a_digest_behind_a_tag_is_no_update,
    several_live_versions_are_ambiguous,
    an_ignore_of_everything_is_a_hold,
    a_version_that_was_left_is_not_taken_again,
    git_write_back_is_checked_without_git,
    nodes_say_which_platforms,
);

/// An Application of the bookstore's image under a constraint, without a version yet.
fn store(name: &str, constraint: &str) -> Application {
    Application::named(name).image_list(&format!("web=$REGISTRY/{REPOSITORY}{constraint}"))
}

fn running(world: &World, application: Application, version: &str) {
    world.application(bookstore::running(application, world, Form::Helm, version));
}

/// `[status, reason, candidate tag]` of the only image of an Application.
fn verdict(report: &Value, name: &str) -> Value {
    let items: Vec<_> = report["items"].as_array().unwrap().iter().filter(|item| item["application"] == name).collect();
    let [item] = items.as_slice() else { panic!("{name}: {items:?}") };
    json!([item["status"], item["reason"], item["candidate"]["tag"]])
}

fn check(world: &World, code: i32) -> Value {
    world.run(&["check", "-o", "json"]).expect(code).json()
}

/// The names of the Applications that a plan changes.
fn planned(world: &World, words: &[&str]) -> Vec<String> {
    let plan = world.run(&[&["plan", "-o", "json"], words].concat());
    let changes = plan.json()["changes"].clone();
    let name = |change: &Value| change["application"]["name"].as_str().unwrap().to_owned();
    changes.as_array().unwrap().iter().map(name).collect()
}

fn what_is_not_deployed_is_not_asked_for(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let idle = store("idle", ":~1.0").helm(&[]).images(&["example.com/other:1"]);
    world.application(idle.clone());
    let report = check(&world, 0);
    assert_eq!(verdict(&report, "idle"), json!(["NotDeployed", "CurrentUnknown", null]));
    assert_eq!((&report["items"][0]["tags"], &report["items"][0]["current"]), (&Value::Null, &Value::Null));
    assert_eq!(report["summary"]["notDeployed"], 1);
    if !world.is_real() {
        assert!(world.registry().double().log().is_empty(), "the registry is not asked");
    }
    let forced = idle.with(|object| object["metadata"]["name"] = "job".into()).annotation("web.force-update", "true");
    world.application(forced);
    assert_eq!(verdict(&check(&world, 0), "job"), json!(["UpdateAvailable", "CurrentUnknown", "v1.0.1"]));
    world.run(&["apply", "--all", "--yes"]).expect(0);
    let image = world.image(REPOSITORY);
    assert_eq!(configured(&world.get("job")), [format!("image.name={image}"), "image.tag=v1.0.1".to_owned()]);
    assert!(configured(&world.get("idle")).is_empty());
}

fn no_tag_will_do(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    bookstore::publish(&world, "acme/empty", &[("v1.0.0", "2026-10-01T08:00:00Z")]);
    world.registry().delete("acme/empty", "v1.0.0");
    running(&world, store("match", ":~9.0"), "v1.0.0");
    running(&world, store("filter", "").annotation("web.allow-tags", "regexp:^x"), "v1.0.0");
    let none = Application::named("none").image_list("web=$REGISTRY/acme/empty");
    world.application(none.helm(&[("image.name", "$REGISTRY/acme/empty"), ("image.tag", "v1.0.0")]).images(&[]));
    let report = check(&world, 0);
    for (name, reason, tags) in [
        ("match", "NoTagMatches", json!({"seen": 3, "allowed": 3, "eligible": 0})),
        ("filter", "AllTagsFiltered", json!({"seen": 3, "allowed": 0, "eligible": 0})),
        ("none", "NoTags", json!({"seen": 0, "allowed": 0, "eligible": 0})),
    ] {
        assert_eq!(verdict(&report, name), json!(["NoCandidate", reason, null]));
        let item = report["items"].as_array().unwrap().iter().find(|item| item["application"] == name).unwrap();
        assert_eq!(item["tags"], tags, "{name}");
    }
    assert_eq!(report["summary"]["noCandidate"], 3);
    assert!(planned(&world, &[]).is_empty());
}

fn an_older_winner_is_a_downgrade(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    running(&world, store("by-version", ":~1.0"), "v2.0.0");
    running(
        &world,
        store("by-name", "").annotation("update-strategy", "alphabetical").annotation("allow-tags", "regexp:^v1"),
        "v2.0.0",
    );
    running(
        &world,
        store("by-date", "")
            .annotation("update-strategy", "newest-build")
            .annotation("web.platforms", "linux/amd64")
            .annotation("allow-tags", "regexp:^v1"),
        "v2.0.0",
    );
    let report = check(&world, 0);
    let names = ["by-date", "by-name", "by-version"];
    for name in names {
        assert_eq!(verdict(&report, name), json!(["Downgrade", "OlderThanCurrent", "v1.0.1"]), "{name}");
    }
    assert_eq!(report["summary"]["downgrade"], 3);
    assert!(planned(&world, &[]).is_empty());
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
    world.run(&["apply", "--all", "--yes"]).expect(0);
    assert!(world.writes().is_empty());
    assert_eq!(planned(&world, &["--allow-downgrade"]), names);
    world.run(&["apply", "--all", "--yes", "--allow-downgrade"]).expect(0);
    assert_eq!(world.writes().len(), 3);
    assert!(configured(&world.get("by-date")).contains(&"image.tag=v1.0.1".to_owned()));
}

fn what_cannot_be_compared_is_an_update(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    running(&world, store("semver", ":~1.0"), "latest");
    // The current tag is gone: whether the newest build is newer cannot be said.
    running(
        &world,
        store("build", "").annotation("update-strategy", "newest-build").annotation("web.platforms", "linux/amd64"),
        "gone",
    );
    let report = check(&world, 0);
    assert_eq!(verdict(&report, "semver"), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]));
    assert_eq!(verdict(&report, "build"), json!(["UpdateAvailable", "NewestMatch", "v2.0.0"]));
    let codes: Vec<_> = report["diagnostics"].as_array().unwrap().iter().map(|found| found["code"].clone()).collect();
    assert_eq!(codes, ["current-tag-gone"]);
}

fn a_digest_behind_a_tag_is_no_update(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let digest = Image::built("2026-11-02T08:00:00Z").content("v1.0.1").digest();
    running(&world, store("digested", ":~1.0"), &format!("v1.0.1@{digest}"));
    let live = store("live", ":~1.0").helm(&[]).images(&[&format!("$REGISTRY/{REPOSITORY}:v1.0.1@{digest}")]);
    world.application(live);
    let report = check(&world, 0);
    for name in ["digested", "live"] {
        assert_eq!(verdict(&report, name), json!(["UpToDate", "SameTag", "v1.0.1"]), "{name}");
    }
    let current = &report["items"][1]["current"];
    assert_eq!(*current, json!({"tag": "v1.0.1", "digest": digest, "from": "status"}));
}

fn several_live_versions_are_ambiguous(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let image = |tag: &str| format!("$REGISTRY/{REPOSITORY}:{tag}");
    let live = |name: &str, tags: &[&str]| {
        let images: Vec<String> = tags.iter().map(|tag| image(tag)).collect();
        let images: Vec<&str> = images.iter().map(String::as_str).collect();
        world.application(store(name, ":~1.0").helm(&[]).images(&images));
    };
    live("differ", &["v1.0.0", "v0.9.0"]);
    live("newer", &["v1.0.0", "v2.0.0"]);
    live("same", &["v1.0.1", "v1.0.1"]);
    let report = check(&world, 0);
    assert_eq!(verdict(&report, "differ"), json!(["UpdateAvailable", "AmbiguousLive", "v1.0.1"]));
    assert_eq!(verdict(&report, "newer"), json!(["Downgrade", "OlderThanCurrent", "v1.0.1"]));
    assert_eq!(verdict(&report, "same"), json!(["UpToDate", "SameTag", "v1.0.1"]));
    let versions = |tags: &[&str]| tags.iter().map(|tag| bookstore::version(tag)).collect::<Value>();
    assert_eq!(report["items"][0]["live"], versions(&["v0.9.0", "v1.0.0"]));
    assert_eq!(report["items"][0]["current"], Value::Null);
    assert_eq!(report["items"][2]["live"], versions(&["v1.0.1"]));
    let table = world.run(&["check", "differ"]).expect(0);
    assert!(table.stdout.contains("v0.9.0, v1.0.0"), "{table}");
}

fn an_ignore_of_everything_is_a_hold(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    running(&world, store("held", ":~1.0").annotation("web.ignore-tags", "x, *"), "v1.0.0");
    let report = check(&world, 0);
    assert_eq!(verdict(&report, "held"), json!(["Pinned", "IgnoredByHand", null]));
    assert_eq!(report["items"][0]["pin"], Value::Null);
    assert!(planned(&world, &[]).is_empty());
}

fn a_version_that_was_left_is_not_taken_again(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    for (form, name) in [(Form::Helm, "helm"), (Form::Kustomize, "kustomize")] {
        let rolled_back = bookstore::running(store(name, ":~1.0"), &world, form, "v1.0.0").with(|object| {
            let now = object["spec"]["source"].clone();
            let before: Value = serde_json::from_str(&now.to_string().replace("v1.0.0", "v1.0.1")).unwrap();
            object["status"]["history"] = json!([
                {"id": 3, "deployedAt": "2026-11-03T08:00:00Z", "source": before},
                {"id": 4, "deployedAt": "2026-11-04T10:30:00Z", "source": now, "initiatedBy": {"username": "eve"}},
            ]);
        });
        world.application(rolled_back);
    }
    let report = check(&world, 0);
    for name in ["helm", "kustomize"] {
        assert_eq!(verdict(&report, name), json!(["RolledBack", "LeftBefore", "v1.0.1"]));
    }
    let message = report["items"][0]["message"].as_str().unwrap();
    for word in ["v1.0.1", "v1.0.0", "2026-11-04T10:30:00Z", "eve"] {
        assert!(message.contains(word), "{message}");
    }
    assert!(planned(&world, &[]).is_empty());
    assert_eq!(planned(&world, &["--include-rolled-back"]), ["helm", "kustomize"]);
    let held = world.run(&["plan"]).expect(0);
    for said in ["nothing to change: ", "2 rolled back", "hint: --include-rolled-back writes what was left before"] {
        assert!(held.stderr.contains(said), "{held}");
    }
    // Only that version is held: a newer one moves on.
    bookstore::publish(&world, REPOSITORY, &[("v1.0.2", "2026-11-21T08:00:00Z")]);
    assert_eq!(verdict(&check(&world, 0), "helm"), json!(["UpdateAvailable", "NewestMatch", "v1.0.2"]));
}

fn git_write_back_is_checked_without_git(backend: Backend) {
    let world = World::new(backend);
    for (name, method) in [("plain", "git"), ("creds", "git:repocreds"), ("secret", "git:secret:argocd/login")] {
        let git = store(name, ":~1.0").annotation("write-back-method", method).annotation("git-branch", "main:update");
        let git = git.annotation("write-back-target", "helmvalues:values.yaml");
        world.application(git.helm(&[]).images(&[&format!("$REGISTRY/{REPOSITORY}:v1.0.0")]));
    }
    bookstore::publish_versions(&world);
    let report = world.run(&["check", "-o", "json", "--no-git"]).expect(0).json();
    for name in ["plain", "creds", "secret"] {
        assert_eq!(verdict(&report, name), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]));
    }
    let plain = report["items"].as_array().unwrap().iter().find(|item| item["application"] == "plain").unwrap();
    assert_eq!(
        plain["writeBack"],
        json!({
            "method": "git", "target": "helmvalues:values.yaml", "source": null,
            "repository": "https://git.example.com/acme/deploy.git", "branch": "main", "path": "plain/values.yaml",
        })
    );
    assert_eq!((&plain["configured"], &plain["current"]["from"]), (&Value::Null, &json!("status")));
}

fn nodes_say_which_platforms(backend: Backend) {
    let world = World::alone(backend);
    world.node("one", "linux/arm64");
    let built = |day: u8| Image::built(&format!("2026-11-{day:02}T08:00:00Z"));
    world.publish(REPOSITORY, "both", &Image::index([built(1), built(1).platform("linux/arm64")]).attested());
    world.publish(REPOSITORY, "amd", &built(2));
    world.publish(REPOSITORY, "arm", &built(1).content("arm").platform("linux/arm64"));
    let newest = |name: &str| store(name, "").annotation("update-strategy", "newest-build");
    let live = format!("$REGISTRY/{REPOSITORY}:old");
    world.application(newest("here").helm(&[]).images(&[&live]));
    let elsewhere = newest("elsewhere").helm(&[]).images(&[&live]);
    world.application(elsewhere.with(|object| object["spec"]["destination"]["server"] = "https://10.0.0.1".into()));
    world.application(newest("said").annotation("web.platforms", "linux/amd64").helm(&[]).images(&[&live]));
    let tag = |report: &Value, name: &str| verdict(report, name)[2].clone();
    // Without the right to list nodes any platform will do, and that is said.
    let report = check(&world, 0);
    assert_eq!(["here", "elsewhere", "said"].map(|name| tag(&report, name)), ["amd", "amd", "amd"]);
    assert!(report["diagnostics"].to_string().contains("platforms-unknown"), "{report}");
    let user = world
        .add_user([crate::world::allow("get list", "applications"), crate::world::allow("list", "nodes").everywhere()]);
    let report = world.run_as(&user, &["check", "-o", "json", "--explain"]).expect(0).json();
    assert_eq!(["here", "elsewhere", "said"].map(|name| tag(&report, name)), ["both", "amd", "amd"]);
    assert!(!report["diagnostics"].to_string().contains("platforms-unknown"), "{report}");
    let here = report["items"].as_array().unwrap().iter().find(|item| item["application"] == "here").unwrap();
    let wrong = json!({"tag": "amd", "reason": "WrongPlatform"});
    assert!(here["rejected"].as_array().unwrap().contains(&wrong), "{here}");
}
