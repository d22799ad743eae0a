//! What a pin writes, and what holds from then on.

use serde_json::Value;
use serde_json::json;

use super::HOLD;
use super::RECORD;
use super::annotation;
use super::at_v1_0_1;
use super::checked;
use super::record;
use super::sets;
use super::verdict;
use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Image;
use crate::world::NOW;
use crate::world::World;
use crate::world::on_both;

on_both!(
    the_configured_version_is_held,
    a_version_and_its_hold_are_one_patch,
    digests_are_held,
    a_digest_is_held_whatever_its_tag_stands_for,
    a_pin_that_is_not_kept_is_broken,
    a_pin_runs_out,
    pinning_again_keeps_what_was_there_first,
    the_same_pin_again_changes_nothing,
    a_record_by_hand_holds_too,
    aliases_with_a_slash_have_a_key,
    the_only_entry_needs_no_alias,
    several_images_are_pinned_at_once,
    dry_runs_pin_nothing,
);

fn the_configured_version_is_held(backend: Backend) {
    for form in [Form::Helm, Form::Kustomize] {
        let world = World::new(backend);
        bookstore::open(&world, form);
        let before = world.get("bookstore")["spec"].clone();
        world.run(&["pin", "bookstore", "web"]).expect(0);
        assert_eq!(world.get("bookstore")["spec"], before, "only the hold is written");
        assert_eq!(annotation(&world, HOLD), "*");
        let record = record(&world);
        let image = world.image(REPOSITORY);
        for (key, value) in
            [("reference", json!(image)), ("tag", json!("v1.0.0")), ("digest", json!(null)), ("at", json!(NOW))]
        {
            assert_eq!(record[key], value, "{record}");
        }
        let patches: Vec<_> = world.writes().iter().map(|write| write.verb.clone()).collect();
        assert_eq!(patches, ["patch"]);
        // The image is evaluated as if it were free, and moves nowhere.
        assert_eq!(verdict(&checked(&world)), json!(["Pinned", "Held", "v1.0.1"]));
        let plan = world.run(&["plan", "-o", "json", "--detailed-exitcode"]).expect(0).json();
        assert_eq!((&plan["changes"], &plan["complete"]), (&json!([]), &json!(true)));
        world.run(&["apply", "bookstore", "--yes"]).expect(0);
        assert_eq!(world.writes().len(), 1);
        // Our own hold is no finding.
        let report = world.run(&["check", "-o", "json"]).json();
        assert_eq!(report["diagnostics"], json!([]));
    }
}

fn a_version_and_its_hold_are_one_patch(backend: Backend) {
    for form in [Form::Helm, Form::Kustomize] {
        let world = World::new(backend);
        at_v1_0_1(&world, form);
        let words =
            ["pin", "bookstore", "web=v1.0.0", "--reason", "v1.0.1 loses orders", "--until", "7d", "-o", "json"];
        let report = world.run(&words).expect(0).json();
        let writes = world.writes();
        assert_eq!(writes.iter().map(|write| write.verb.as_str()).collect::<Vec<_>>(), ["patch"], "one patch");
        assert!(sets(&world, "v1.0.0") && !sets(&world, "v1.0.1"));
        assert_eq!(annotation(&world, HOLD), "*");
        let image = world.image(REPOSITORY);
        let pin = json!({
            "reference": image, "tag": "v1.0.0", "digest": null, "reason": "v1.0.1 loses orders",
            "by": record(&world)["by"], "at": NOW, "until": "2026-11-29T09:00:00Z", "expired": false,
        });
        assert_eq!(
            report,
            json!({
                "apiVersion": "kubectl-image-update/v1", "kind": "PinReport", "dryRun": "none",
                "receipts": [{
                    "change": format!("{}/bookstore#1", world.namespace()),
                    "application": {"namespace": world.namespace(), "name": "bookstore"},
                    "destination": report["receipts"][0]["destination"],
                    "outcome": "Applied",
                    "at": {"resourceVersion": world.get("bookstore")["metadata"]["resourceVersion"]},
                    "message": "auto-sync is off: it changes nothing until somebody syncs",
                    "images": [{
                        "alias": "web", "reference": image, "from": {"tag": "v1.0.1", "digest": null},
                        "to": {"tag": "v1.0.0", "digest": null},
                    }],
                    "pin": pin,
                }],
                "summary": {"applied": 1, "alreadyApplied": 0, "stale": 0, "rejected": 0, "failed": 0},
            })
        );
        world.deploy("bookstore");
        let item = checked(&world);
        assert_eq!(verdict(&item), json!(["Pinned", "Held", "v1.0.1"]));
        assert_eq!(item["pin"], pin);
        assert!(item["message"].as_str().unwrap().contains("v1.0.1 loses orders"), "{item}");
        let table = world.run(&["check"]).expect(0);
        assert!(table.stdout.contains("v1.0.1 loses orders") && table.stdout.contains("Pinned"), "{table}");
        // The same again is nothing new.
        let again = world.run(&words).expect(0).json();
        assert_eq!(again["receipts"][0]["outcome"], "AlreadyApplied");
        assert_eq!(world.writes().len(), 1);
    }
}

fn digests_are_held(backend: Backend) {
    let world = World::new(backend);
    at_v1_0_1(&world, Form::Kustomize);
    let digest = Image::built("2026-10-01T08:00:00Z").content("v1.0.0").digest();
    world.run(&["pin", "bookstore", &format!("web=v1.0.0@{digest}")]).expect(0);
    assert!(sets(&world, &format!(":v1.0.0@{digest}")));
    world.deploy("bookstore");
    let item = checked(&world);
    assert_eq!(verdict(&item), json!(["Pinned", "Held", "v1.0.1"]));
    assert_eq!((&item["pin"]["tag"], &item["pin"]["digest"]), (&json!("v1.0.0"), &json!(digest)));

    let newer = Image::built("2026-11-20T08:00:00Z").content("v2.0.0").digest();
    world.run(&["pin", "bookstore", &format!("web=@{newer}")]).expect(0);
    assert!(sets(&world, &format!("@{newer}")));
    world.deploy("bookstore");
    let item = checked(&world);
    assert_eq!(verdict(&item)[0], "Pinned", "{item}");
    assert_eq!((&item["pin"]["tag"], &item["pin"]["digest"]), (&json!(null), &json!(newer)));
}

fn a_digest_is_held_whatever_its_tag_stands_for(backend: Backend) {
    let world = World::new(backend);
    at_v1_0_1(&world, Form::Helm);
    let digest = Image::built("2026-10-01T08:00:00Z").content("v1.0.0").digest();
    world.publish(REPOSITORY, "v1.0.0", &Image::built("2026-11-21T08:00:00Z").content("moved"));
    world.run(&["pin", "bookstore", &format!("web=v1.0.0@{digest}")]).expect(0);
    assert!(sets(&world, &format!("v1.0.0@{digest}")));
    world.deploy("bookstore");
    // Back to the first version, and back from there, though its tag stands for something else.
    world.run(&["unpin", "bookstore", "web"]).expect(0);
    world.run(&["pin", "bookstore", "web=v2.0.0"]).expect(0);
    world.run(&["unpin", "bookstore", "web", "--restore-version"]).expect(0);
    assert!(sets(&world, &format!("v1.0.0@{digest}")));
    let none = format!("sha256:{}", "0".repeat(64));
    world.run(&["pin", "bookstore", &format!("web=v9.9.9@{none}"), "--no-verify"]).expect(0);
    assert!(sets(&world, &format!("v9.9.9@{none}")));
}

fn a_pin_that_is_not_kept_is_broken(backend: Backend) {
    let world = World::new(backend);
    at_v1_0_1(&world, Form::Helm);
    world.run(&["pin", "bookstore", "web=v1.0.0"]).expect(0);
    // Configured, but not live yet.
    let item = checked(&world);
    assert_eq!(verdict(&item), json!(["PinBroken", "PinDiffers", "v1.0.1"]));
    assert!(item["message"].as_str().unwrap().contains("v1.0.1 is live"), "{item}");
    world.deploy("bookstore");
    assert_eq!(verdict(&checked(&world))[0], "Pinned");
    world.edit("bookstore", |object| object["spec"]["source"]["helm"]["parameters"][1]["value"] = "v2.0.0".into());
    let item = checked(&world);
    assert_eq!(verdict(&item), json!(["PinBroken", "PinDiffers", "v1.0.1"]));
    assert!(item["message"].as_str().unwrap().contains("v2.0.0"), "{item}");
    // What is pinned is not moved, broken or not; pinning again mends it.
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    assert!(sets(&world, "v2.0.0"));
    world.run(&["pin", "bookstore", "web=v1.0.0"]).expect(0);
    assert_eq!(verdict(&checked(&world))[0], "Pinned");
}

fn a_pin_runs_out(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    world.run(&["pin", "bookstore", "web", "--until", "2026-11-30"]).expect(0);
    assert_eq!(record(&world)["until"], "2026-11-30T00:00:00Z");
    world.set_now("2026-11-29T23:59:59Z");
    assert_eq!(verdict(&checked(&world))[0], "Pinned");
    world.set_now("2026-11-30T00:00:00Z");
    let item = checked(&world);
    assert_eq!(verdict(&item), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]));
    assert_eq!(item["pin"]["expired"], true);
    // The daemon's hold stays until it is taken away, and that is said.
    let report = world.run(&["check", "-o", "json"]).expect(0).json();
    let found = &report["diagnostics"][0];
    assert_eq!((&found["code"], &found["application"]), (&json!("pin-expired"), &json!("bookstore")));
    assert!(found["message"].as_str().unwrap().contains("2026-11-30"), "{found}");
    assert!(found["hint"].as_str().unwrap().contains("unpin"), "{found}");
    world.run(&["apply", "bookstore", "--yes"]).expect(0);
    assert!(sets(&world, "v1.0.1"));
    assert_eq!(annotation(&world, HOLD), "*");
}

fn pinning_again_keeps_what_was_there_first(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    world.edit("bookstore", |object| object["metadata"]["annotations"][HOLD] = "nightly*, rc-*".into());
    world.run(&["pin", "bookstore", "web"]).expect(0);
    world.run(&["pin", "bookstore", "web=v1.0.1", "--reason", "second thoughts"]).expect(0);
    assert_eq!(record(&world)["reason"], "second thoughts");
    world.run(&["unpin", "bookstore", "web", "--restore-version"]).expect(0);
    assert_eq!(annotation(&world, HOLD), "nightly*, rc-*");
    assert_eq!(annotation(&world, RECORD), Value::Null);
    assert!(sets(&world, "v1.0.0"), "the version from before the first pin");
}

fn the_same_pin_again_changes_nothing(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    let words = ["pin", "bookstore", "web", "--reason", "freeze", "--until", "2026-12-24", "-o", "json"];
    let first = world.run(&words).expect(0).json();
    world.set_now("2026-11-23T09:00:00Z");
    let writes = world.writes().len();
    let again = world.run(&words).expect(0).json();
    assert_eq!(again["receipts"][0]["outcome"], "AlreadyApplied", "{again}");
    assert_eq!(again["receipts"][0]["pin"], first["receipts"][0]["pin"]);
    assert_eq!(world.writes().len(), writes);
}

fn a_record_by_hand_holds_too(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    let before = world.get("bookstore")["metadata"]["annotations"].clone();
    let pin = json!({
        "reference": world.image(REPOSITORY), "tag": "v1.0.0", "digest": null, "reason": null, "by": "ada",
        "at": "2026-11-22T08:00:00Z", "until": "2026-11-30T00:00:00Z", "expired": false,
    });
    world.edit("bookstore", |object| {
        object["metadata"]["annotations"][RECORD] = pin.to_string().into();
        object["metadata"]["annotations"][HOLD] = "*".into();
    });
    assert_eq!(verdict(&checked(&world)), json!(["Pinned", "Held", "v1.0.1"]));
    world.set_now("2026-12-01T00:00:00Z");
    assert_eq!(verdict(&checked(&world)), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]));
    world.run(&["unpin", "bookstore", "web"]).expect(0);
    assert_eq!(world.get("bookstore")["metadata"]["annotations"], before);
}

fn aliases_with_a_slash_have_a_key(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let application = Application::named("bookstore")
        .image_list(&format!("shop/web=$REGISTRY/{REPOSITORY}:~1.0"))
        .annotation("shop_web.helm.image-tag", "web.tag")
        .helm(&[("image.name", "$REGISTRY/acme/bookstore"), ("web.tag", "v1.0.0")])
        .images(&[&format!("$REGISTRY/{REPOSITORY}:v1.0.0")]);
    world.application(application);
    world.run(&["pin", "bookstore", "shop/web"]).expect(0);
    assert_eq!(annotation(&world, "argocd-image-updater.argoproj.io/shop_web.ignore-tags"), "*");
    assert!(annotation(&world, "kubectl-image-update/pin.shop_web").is_string());
    let item = checked(&world);
    assert_eq!((&item["alias"], verdict(&item)), (&json!("shop/web"), json!(["Pinned", "Held", "v1.0.1"])));
    world.run(&["unpin", "bookstore", "shop/web"]).expect(0);
    assert_eq!(verdict(&checked(&world))[0], "UpdateAvailable");
}

fn the_only_entry_needs_no_alias(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let image = format!("{}/{REPOSITORY}", world.registry().host());
    let application = Application::named("bookstore").image_list(&format!("{image}:~1.0"));
    world.application(bookstore::running(application, &world, Form::Helm, "v1.0.0"));
    world.run(&["pin", "bookstore", &format!("{image}=v1.0.1")]).expect(0);
    assert_eq!(annotation(&world, "argocd-image-updater.argoproj.io/ignore-tags"), "*");
    assert!(annotation(&world, "kubectl-image-update/pin").is_string());
    world.deploy("bookstore");
    assert_eq!(verdict(&checked(&world))[0], "Pinned");
    world.run(&["unpin", "bookstore", &image]).expect(0);
    let annotations = world.get("bookstore")["metadata"]["annotations"].as_object().unwrap().len();
    assert_eq!(annotations, 1, "the image list");
}

fn several_images_are_pinned_at_once(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let list = format!("web=$REGISTRY/{REPOSITORY}:~1.0, job=$REGISTRY/{REPOSITORY}:~1.0");
    let application = Application::named("bookstore")
        .image_list(&list)
        .annotation("job.helm.image-tag", "job.tag")
        .helm(&[("image.name", "$REGISTRY/acme/bookstore"), ("image.tag", "v1.0.1"), ("job.tag", "v1.0.1")]);
    world.application(application.images(&[&format!("$REGISTRY/{REPOSITORY}:v1.0.1")]));
    let report = world.run(&["pin", "bookstore", "web=v1.0.0", "job=v1.0.1", "-o", "json"]).expect(0).json();
    assert_eq!(report["summary"]["applied"], 2, "{report}");
    assert_eq!(report["receipts"][1]["pin"]["tag"], "v1.0.1");
    assert!(sets(&world, "image.tag=v1.0.0") && sets(&world, "job.tag=v1.0.1"));
    world.run(&["unpin", "bookstore"]).expect(0);
    let annotations = world.get("bookstore")["metadata"]["annotations"].to_string();
    assert!(!annotations.contains("ignore-tags") && !annotations.contains("pin."), "{annotations}");
}

fn dry_runs_pin_nothing(backend: Backend) {
    let world = World::new(backend);
    at_v1_0_1(&world, Form::Helm);
    for (flag, mode, patches) in [("--dry-run", "client", 0), ("--dry-run=server", "server", 1)] {
        world.forget();
        let report = world.run(&["pin", "bookstore", "web=v1.0.0", flag, "-o", "json"]).expect(0).json();
        assert_eq!(report["dryRun"], mode);
        let asked = world.requests().into_iter().filter(|request| request.verb == "patch").count();
        assert_eq!(asked, patches);
    }
    assert!(sets(&world, "v1.0.1"));
    assert_eq!(annotation(&world, RECORD), Value::Null);
}

#[test]
fn a_pinned_image_stays_pinned_whatever_its_registry_says() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    world.run(&["pin", "bookstore", "web"]).expect(0);
    world.registry().double().fault(Fault::status(401).at("/v2/"));
    let report = world.run(&["check", "-o", "json"]).expect(0).json();
    assert_eq!(verdict(&report["items"][0]), json!(["Pinned", "Held", null]));
    let found = report["diagnostics"].as_array().unwrap();
    assert_eq!(found.len(), 1, "{report}");
    assert!(found[0]["message"].as_str().unwrap().contains(REPOSITORY), "{report}");
}
