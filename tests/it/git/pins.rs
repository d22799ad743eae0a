//! Pins of images that are written to git: the hold first, then the version.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::git::Shop;
use crate::git::VALUES;
use crate::git::outcomes;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Gate;
use crate::world::on_both;

on_both!(
    a_pin_goes_through_git,
    a_hold_alone_pushes_nothing,
    a_version_that_fails_takes_the_hold_back,
    a_hold_that_would_not_keep_is_refused,
    what_was_edited_meanwhile_is_kept,
    one_that_cannot_be_written_stops_no_other,
);

const HOLD: &str = "argocd-image-updater.argoproj.io/web.ignore-tags";
const RECORD: &str = "kubectl-image-update/pin.web";

fn annotation(shop: &Shop, key: &str) -> Value {
    shop.world.get("bookstore")["metadata"]["annotations"][key].clone()
}

fn verdict(shop: &Shop) -> Value {
    let item = shop.run(&["check", "-o", "json"]).expect(0).json()["items"][0].clone();
    json!([item["status"], item["candidate"]["tag"]])
}

fn a_pin_goes_through_git(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.apply(&[]).expect(0);
    shop.world.set_status_images("bookstore", &["$REGISTRY/acme/bookstore:v1.0.1"]);
    let pinned = shop.run(&["pin", "bookstore", "web=v1.0.0", "--reason", "orders", "-o", "json"]).expect(0);
    let head = shop.repository.head("main").unwrap();
    assert_eq!(outcomes(&pinned)[0].1, json!({"commit": head, "branch": "main"}), "{pinned}");
    assert_eq!(pinned.json()["receipts"][0]["pin"]["tag"], "v1.0.0");
    assert_eq!(shop.values(), VALUES);
    assert_eq!((annotation(&shop, HOLD), annotation(&shop, RECORD).is_string()), (json!("*"), true));
    shop.world.set_status_images("bookstore", &["$REGISTRY/acme/bookstore:v1.0.0"]);
    assert_eq!(verdict(&shop), json!(["Pinned", "v1.0.1"]));
    assert_eq!(outcomes(&shop.apply(&[]).expect(0)), [], "it is held");
    // Somebody moves it by hand.
    shop.commit(&[("charts/bookstore/values.yaml", &VALUES.replace("v1.0.0", "v2.0.0"))]);
    assert_eq!(verdict(&shop)[0], "PinBroken");
    shop.commit(&[("charts/bookstore/values.yaml", VALUES)]);
    // Taken back, with the version that was there before.
    let unpinned = shop.run(&["unpin", "bookstore", "web", "--restore-version", "-o", "json"]).expect(0);
    let head = shop.repository.head("main").unwrap();
    assert_eq!(outcomes(&unpinned)[0].1, json!({"commit": head, "branch": "main"}), "{unpinned}");
    assert_eq!(unpinned.json()["receipts"][0]["pin"], Value::Null);
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
    assert_eq!((annotation(&shop, HOLD), annotation(&shop, RECORD)), (Value::Null, Value::Null));
}

fn a_hold_alone_pushes_nothing(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let head = shop.repository.head("main");
    shop.run(&["pin", "bookstore", "web"]).expect(0);
    assert_eq!((shop.pushes(), shop.repository.head("main")), (0, head));
    assert_eq!(annotation(&shop, HOLD), "*");
    shop.run(&["unpin", "bookstore", "web"]).expect(0);
    assert_eq!((shop.pushes(), annotation(&shop, HOLD)), (0, Value::Null));
}

fn a_version_that_fails_takes_the_hold_back(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.repository.hook("pre-receive", "echo 'frozen' >&2; exit 1");
    let failed = shop.run(&["pin", "bookstore", "web=v1.0.1"]).expect(1);
    assert!(failed.stderr.contains("frozen") && failed.stderr.contains("put back as they were"), "{failed}");
    assert_eq!((annotation(&shop, HOLD), annotation(&shop, RECORD)), (Value::Null, Value::Null));
    assert_eq!(shop.values(), VALUES);
    // What cannot be planned is known before the hold is written.
    let writes = shop.world.writes().len();
    shop.commit(&[("charts/bookstore/values.yaml", "image: [\n")]);
    shop.run(&["pin", "bookstore", "web=v1.0.1"]).expect(1);
    assert_eq!(shop.world.writes().len(), writes);
}

fn a_hold_that_would_not_keep_is_refused(backend: Backend) {
    let shop = Shop::open(backend);
    let image = shop.world.image(bookstore::REPOSITORY);
    let parameters = [("image.repository", image.as_str()), ("image.tag", "v1.0.0")];
    let application = shop.bookstore().helm(&parameters);
    shop.world.application(application);
    let refused = shop.run(&["pin", "bookstore", "web=v1.0.1"]).expect(1);
    assert!(refused.stderr.contains("a running Image Updater would write over v1.0.1"), "{refused}");
    assert_eq!((annotation(&shop, HOLD), shop.pushes()), (Value::Null, 0));
    let forced = shop.run(&["pin", "bookstore", "web=v1.0.1", "--force"]).expect(0);
    assert!(forced.stderr.contains("hold-not-in-force") || forced.stderr.contains("would write over"), "{forced}");
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
}

/// Whoever stops it between the hold and the version finds neither.
#[test]
fn an_interrupt_between_takes_the_hold_back() {
    let shop = Shop::open(Backend::Double);
    shop.world.application(shop.bookstore());
    let before = shop.world.get("bookstore")["metadata"]["annotations"].clone();
    let collection = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/", shop.world.namespace());
    let gate = Gate::new();
    shop.world.api_double().fault(Fault::wait(&gate).on("PATCH", &collection).times(1));
    let running = shop.spawn(&["pin", "bookstore", "web=v1.0.1"]);
    gate.wait_for_arrival();
    running.interrupt();
    running.wait_for_stderr("interrupt");
    gate.open();
    let output = running.wait().expect(130);
    assert!(output.to_string().contains("the annotations were put back as they were"), "{output}");
    assert_eq!(shop.world.get("bookstore")["metadata"]["annotations"], before);
    assert_eq!((shop.values(), shop.pushes()), (VALUES.to_owned(), 0));
}

/// The first `passing` patches of the Application pass, and no other.
fn patches_end(shop: &Shop, passing: usize) {
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/bookstore", shop.world.namespace());
    let forbidden = Fault::kubernetes(403, "Forbidden", "not today").on("PATCH", &path);
    shop.world.api_double().fault(forbidden.after(passing));
}

#[test]
fn a_hold_that_stays_takes_the_file_back() {
    let shop = Shop::open(Backend::Double);
    shop.world.application(shop.bookstore());
    shop.run(&["pin", "bookstore", "web=v1.0.1"]).expect(0);
    let pinned = shop.values();
    patches_end(&shop, 0);
    let failed = shop.run(&["unpin", "bookstore", "web", "--restore-version"]).expect(1);
    assert!(
        failed.stderr.contains("not today") && failed.stderr.contains("the file was put back as it was"),
        "{failed}"
    );
    assert_eq!((shop.values(), annotation(&shop, HOLD)), (pinned, json!("*")));
}

#[test]
fn a_hold_that_cannot_be_taken_back_is_reported() {
    let shop = Shop::open(Backend::Double);
    shop.world.application(shop.bookstore());
    shop.repository.hook("pre-receive", "echo 'frozen' >&2; exit 1");
    patches_end(&shop, 1);
    let report = shop.run(&["pin", "bookstore", "web=v1.0.1", "-o", "json"]).expect(3).json();
    let receipt = &report["receipts"][0];
    assert_eq!((&receipt["outcome"], &receipt["pin"]["tag"]), (&json!("Rejected"), &json!("v1.0.1")), "{report}");
    assert!(receipt["message"].as_str().unwrap().contains("could not be taken back"), "{report}");
    assert_eq!((shop.values(), annotation(&shop, HOLD)), (VALUES.to_owned(), json!("*")));
}

fn what_was_edited_meanwhile_is_kept(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.run(&["pin", "bookstore", "web=v1.0.1"]).expect(0);
    // Somebody else writes both, the file and the annotation.
    let theirs = VALUES.replace("v1.0.0", "v2.0.0");
    shop.commit(&[("charts/bookstore/values.yaml", &theirs)]);
    shop.world.edit("bookstore", |object| object["metadata"]["annotations"][HOLD] = "v9*".into());
    let pushes = shop.pushes();
    let output = shop.run(&["unpin", "bookstore", "web", "--restore-version"]).expect(0);
    for word in [HOLD, "the version was changed since", "kept"] {
        assert!(output.stderr.contains(word), "{output}");
    }
    assert_eq!((shop.values(), shop.pushes()), (theirs, pushes));
    assert_eq!((annotation(&shop, HOLD), annotation(&shop, RECORD)), (json!("v9*"), Value::Null));
}

fn one_that_cannot_be_written_stops_no_other(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    shop.commit(&[("charts/news/values.yaml", VALUES)]);
    let news = shop.application("news", "charts/news").helm(&[]).annotation("write-back-target", "helmvalues");
    let news = news.annotation("web.helm.image-name", "image.repository").annotation("web.helm.image-tag", "image.tag");
    shop.world.application(news.annotation("git-branch", "main:{{.AppName}} and a blank"));
    let before = shop.world.get("news");
    let (application, flags) = (["pin", "news", "web=v1.0.1"], ["pin", "--all", "web=v1.0.1", "--yes"]);
    let alone = shop.run(&application).expect(1);
    assert!(alone.stderr.contains("cannot be written, so nothing is"), "{alone}");
    let all = shop.run(&flags).expect(3);
    assert!(all.stderr.contains("news  web  the version cannot be written"), "{all}");
    assert!(all.stdout.contains("pinned at v1.0.1"), "{all}");
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
    assert_eq!(shop.world.get("news"), before);
}
