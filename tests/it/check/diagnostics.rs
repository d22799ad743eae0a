//! What is wrong with annotations, said with a code, the annotation, the place in it and a hint; the others go on.

use serde_json::Value;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Backend;
use crate::world::World;
use crate::world::on_both;

on_both!(
    what_cannot_be_used_is_invalid,
    what_is_doubtful_is_said,
    old_strategy_names_are_read,
    one_bad_application_never_hides_the_others,
    two_images_with_one_parameter_conflict,
    people_see_the_place,
);

/// An annotation that something is wrong with, and what is said about it.
struct Row {
    /// `image-list` stands for the list; other keys are added to a good one.
    annotation: (&'static str, &'static str),
    code: &'static str,
    /// The piece of the value that is pointed at.
    place: &'static str,
    /// In the message or the hint.
    says: &'static [&'static str],
    /// The reason of an invalid image; `None`: it goes on.
    reason: Option<&'static str>,
}

const fn row(
    annotation: (&'static str, &'static str),
    code: &'static str,
    place: &'static str,
    says: &'static [&'static str],
    reason: Option<&'static str>,
) -> Row {
    Row { annotation, code, place, says, reason }
}

#[rustfmt::skip]
const INVALID: [Row; 18] = [
    row(("web.update-strategy", "semvar"), "unknown-strategy", "semvar", &["did you mean `semver`", "newest-build", "digest", "alphabetical", "Image Updater uses semver"], Some("BadStrategy")),
    row(("web.update-strategy", "rolling"), "unknown-strategy", "rolling", &["valid: semver"], Some("BadStrategy")),
    row(("update-strategy", "newest"), "unknown-strategy", "newest", &["newest-build"], Some("BadStrategy")),
    row(("web.allow-tags", "regexp:^v(1"), "bad-allow-tags", "(", &[], Some("BadTagFilter")),
    row(("web.allow-tags", "^v1"), "bad-allow-tags", "^v1", &["regexp:"], Some("BadTagFilter")),
    row(("web.allow-tags", "glob:v*"), "bad-allow-tags", "glob", &["regexp:"], Some("BadTagFilter")),
    row(("image-list", "web=$REGISTRY/acme/bookstore:~a.b"), "bad-constraint", "a.b", &[], Some("BadConstraint")),
    row(("image-list", "web=$REGISTRY/acme/bookstore:stable"), "bad-constraint", "stable", &["digest"], Some("BadConstraint")),
    row(("web.force-update", "yes"), "bad-boolean", "yes", &["`true` or `false`", "Image Updater skips"], Some("BadValue")),
    row(("web.force-update", ""), "bad-boolean", "", &["`true` or `false`"], Some("BadValue")),
    row(("web.platforms", "linux"), "bad-platform", "linux", &["linux/arm64"], Some("BadValue")),
    row(("web.platforms", "linux/amd64, arm64"), "bad-platform", "arm64", &[], Some("BadValue")),
    row(("image-list", "web=$REGISTRY/acme/Book store"), "bad-image", "web=$REGISTRY/acme/Book store", &[], Some("BadImage")),
    row(("image-list", "web="), "bad-image", "web=", &["names no image"], Some("BadImage")),
    row(("image-list", "web=$REGISTRY/acme/bookstore:>=1.0, <2.0"), "bad-image", "<2.0", &["write a space"], Some("BadImage")),
    row(("write-back-method", "gti"), "bad-write-back-method", "gti", &["argocd", "git:repocreds"], Some("BadValue")),
    row(("web.kustomize.image-name", "nginx"), "unsupported-source", "", &["kustomize.image-name"], Some("UnsupportedSource")),
    row(("kubectl-image-update/pin.web", "{}"), "unreadable-pin", "{}", &["reference"], Some("BadValue")),
];

#[rustfmt::skip]
const DOUBTFUL: [Row; 13] = [
    row(("web.update-stategy", "digest"), "unknown-annotation", "digest", &["did you mean `update-strategy`"], None),
    row(("image-lits", "nginx"), "unknown-annotation", "nginx", &["did you mean `image-list`"], None),
    row(("web.tag-match", "^v"), "unknown-annotation", "^v", &["allow-tags"], None),
    row(("web.image-tag", "image.tag"), "unknown-annotation", "image.tag", &["helm.image-tag"], None),
    row(("platforms", "linux/arm64"), "unknown-annotation", "linux/arm64", &["<alias>.platforms"], None),
    row(("web.write-back-method", "git"), "unknown-annotation", "git", &["for the Application only"], None),
    row(("wbe.update-strategy", "digest"), "unknown-alias", "digest", &["`wbe`", "did you mean `web`"], None),
    row(("database.update-strategy", "digest"), "unknown-alias", "digest", &["aliases in use: web"], None),
    row(("web.ignore-tags", "[v"), "bad-ignore-tags", "[v", &[], None),
    row(("web.ignore-tags", "[v, nightly"), "bad-ignore-tags", "[v", &[], None),
    row(("kubectl-image-update/pin.gone", "{}"), "dead-pin", "{}", &["`gone`"], None),
    row(("kubectl-image-update/color", "red"), "unknown-annotation", "red", &["color"], None),
    row(("web.pull-secret", "pullsecret:argocd/cred"), "pull-secret-not-read", "pullsecret:argocd/cred", &["`argocd/cred` is not in the Application's namespace", "--allow-secret-namespace argocd"], None),
];

/// The Application `case-N` of a row.
fn application(world: &World, number: usize, row: &Row) -> Application {
    let (key, value) = row.annotation;
    let application = Application::named(&format!("case-{number:02}"))
        .image_list(&format!("web=$REGISTRY/{REPOSITORY}:~1.0"))
        .annotation(key, value);
    bookstore::running(application, world, Form::Helm, "v1.0.0")
}

fn full_key(key: &str) -> String {
    if key.contains('/') { key.to_owned() } else { format!("argocd-image-updater.argoproj.io/{key}") }
}

/// Checks each row on a cluster that has them all, beside an Application that nothing is wrong with.
fn judge(backend: Backend, rows: &[Row], severity: &str, code: i32) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    for (number, row) in rows.iter().enumerate() {
        world.application(application(&world, number, row));
    }
    let output = world.run(&["check", "-o", "json"]).expect(code);
    let report = output.json();
    let of = |list: &str, name: &str| -> Vec<Value> {
        let list = report[list].as_array().unwrap().iter();
        list.filter(|value| value["application"] == name).cloned().collect()
    };
    assert_eq!(of("items", "bookstore")[0]["status"], "UpdateAvailable");
    assert!(of("diagnostics", "bookstore").is_empty());
    for (number, row) in rows.iter().enumerate() {
        let (key, value) = row.annotation;
        let case = format!("{key}: {value}");
        let name = format!("case-{number:02}");
        let found = of("diagnostics", &name);
        let found = found.iter().find(|diagnostic| diagnostic["code"] == row.code);
        let found = found.unwrap_or_else(|| panic!("{case}: no {} in {:?}", row.code, of("diagnostics", &name)));
        assert_eq!(found["severity"], severity, "{case}");
        assert_eq!(found["namespace"], world.namespace(), "{case}");
        for words in row.says {
            let said = format!("{} {}", found["message"], found["hint"]).replace("\\\"", "\"");
            assert!(said.contains(words), "{case}: `{words}` is not in {said}");
        }
        // A problem with the source is about no annotation.
        if row.code != "unsupported-source" {
            assert_eq!(found["annotation"], full_key(key), "{case}");
            let value = world.fill_in(Value::from(format!("{{a: {}}}", Value::from(value))))["a"].clone();
            let place = world.fill_in(Value::from(format!("{{a: {}}}", Value::from(row.place))))["a"].clone();
            let (start, end) = (&found["span"]["start"], &found["span"]["end"]);
            let at = |place: &Value| usize::try_from(place.as_u64().unwrap()).unwrap();
            let pointed = &value.as_str().unwrap()[at(start)..at(end)];
            assert_eq!(pointed, place.as_str().unwrap(), "{case}");
        }
        let item = of("items", &name);
        match row.reason {
            Some(reason) => {
                let invalid = item.iter().find(|item| item["status"] == "Invalid");
                let invalid = invalid.unwrap_or_else(|| panic!("{case}: {item:?}"));
                assert_eq!((&invalid["reason"], &invalid["candidate"]), (&reason.into(), &Value::Null), "{case}");
            }
            None => assert_eq!(item[0]["status"], "UpdateAvailable", "{case}"),
        }
    }
    let summary = &report["summary"]["diagnostics"];
    let total = report["diagnostics"].as_array().unwrap().len() as u64;
    assert_eq!(summary["error"].as_u64().unwrap() + summary["warning"].as_u64().unwrap(), total);
}

fn what_cannot_be_used_is_invalid(backend: Backend) {
    judge(backend, &INVALID, "error", 3);
}

fn what_is_doubtful_is_said(backend: Backend) {
    judge(backend, &DOUBTFUL, "warning", 0);
}

fn old_strategy_names_are_read(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    for (name, old) in [("one", "latest"), ("two", "name"), ("three", "LATEST"), ("four", "SemVer")] {
        let application = Application::named(name)
            .image_list(&format!("web=$REGISTRY/{REPOSITORY}"))
            .annotation("update-strategy", old)
            .annotation("web.platforms", "linux/amd64");
        world.application(bookstore::running(application, &world, Form::Helm, "v1.0.0"));
    }
    let report = world.run(&["check", "-o", "json"]).expect(0).json();
    let strategies: Vec<_> = report["items"].as_array().unwrap().iter().map(|item| item["strategy"].clone()).collect();
    // By name: four, one, three, two.
    assert_eq!(strategies, ["semver", "newest-build", "newest-build", "alphabetical"]);
    let found = report["diagnostics"].as_array().unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
    for (diagnostic, new) in found.iter().zip(["newest-build", "newest-build", "alphabetical"]) {
        assert_eq!(diagnostic["code"], "deprecated-strategy");
        assert!(diagnostic["hint"].as_str().unwrap().contains(new), "{diagnostic}");
    }
}

fn one_bad_application_never_hides_the_others(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    // Nothing in this object is what it should be.
    world.application(Application::named("absurd").image_list("a=b=c,,=,@,:,web").with(|object| {
        object["spec"]["source"] = "text".into();
        object["spec"]["sources"] = 7.into();
        object["status"] = serde_json::json!({"summary": {"images": [7, null, "", "::", {}]}, "history": "none"});
    }));
    let good = format!("web=$REGISTRY/{REPOSITORY}:~1.0, bad=$REGISTRY/{REPOSITORY}:~a");
    let mixed = Application::named("mixed").image_list(&good).annotation("bad.helm.image-tag", "bad.tag");
    world.application(bookstore::running(mixed, &world, Form::Helm, "v1.0.0"));
    let report = world.run(&["check", "-o", "json"]).expect(3).json();
    let statuses = |name: &str| -> Vec<Value> {
        let items = report["items"].as_array().unwrap().iter();
        items.filter(|item| item["application"] == name).map(|item| item["status"].clone()).collect()
    };
    assert_eq!(statuses("bookstore"), ["UpdateAvailable"]);
    assert_eq!(statuses("mixed"), ["UpdateAvailable", "Invalid"]);
    assert!(statuses("absurd").iter().all(|status| status == "Invalid"), "{report}");

    // The plan has the good ones, and says that it is not complete; applying it is no failure.
    let plan = world.run(&["plan", "--out", "plan.json", "-o", "json"]).expect(3).json();
    assert_eq!((&plan["complete"], plan["changes"].as_array().unwrap().len()), (&false.into(), 2));
    world.run(&["apply", "--plan", "plan.json"]).expect(0);
    assert_eq!(world.writes().len(), 2);
    // Planning and applying at once says what was left out.
    world.run(&["apply", "--all", "--yes"]).expect(3);
}

fn two_images_with_one_parameter_conflict(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    bookstore::publish(&world, "acme/api", &[("v1.0.0", "2026-10-01T08:00:00Z"), ("v1.0.2", "2026-10-02T08:00:00Z")]);
    let list = format!("web=$REGISTRY/{REPOSITORY}:~1.0, api=$REGISTRY/acme/api:~1.0, job=$REGISTRY/acme/api:~1.0");
    let both = Application::named("both")
        .image_list(&list)
        .annotation("job.helm.image-name", "job.image")
        .annotation("job.helm.image-tag", "job.tag")
        .helm(&[("job.image", "$REGISTRY/acme/api"), ("job.tag", "v1.0.0")])
        .images(&[&format!("$REGISTRY/{REPOSITORY}:v1.0.0"), "$REGISTRY/acme/api:v1.0.0"]);
    world.application(both);
    let report = world.run(&["check", "-o", "json"]).expect(3).json();
    let facts: Vec<_> =
        report["items"].as_array().unwrap().iter().map(|item| [&item["status"], &item["reason"]]).collect();
    assert_eq!(
        facts,
        [["Invalid", "ConflictingTargets"], ["Invalid", "ConflictingTargets"], ["UpdateAvailable", "NewestMatch"]]
    );
    for item in &report["items"].as_array().unwrap()[..2] {
        let message = item["message"].as_str().unwrap();
        for word in ["`web`", "`api`", "image.name"] {
            assert!(message.contains(word), "{message}");
        }
    }
    assert_eq!(report["summary"]["diagnostics"]["error"], 1, "once, however many images it is about: {report}");
    world.run(&["apply", "both", "--yes"]).expect(3);
    let written = bookstore::configured(&world.get("both"));
    assert_eq!(written, [format!("job.image={}", world.image("acme/api")), "job.tag=v1.0.2".to_owned()]);
}

fn people_see_the_place(backend: Backend) {
    let world = World::new(backend);
    bookstore::publish_versions(&world);
    let row = row(("web.update-strategy", "  semvar"), "", "", &[], None);
    world.application(application(&world, 7, &row));
    let output = world.run(&["check"]).expect(3);
    assert_eq!(
        world.redact(&output.stderr),
        "\
error[unknown-strategy]: `semvar` is not an update strategy
  --> <NAMESPACE>/case-07  argocd-image-updater.argoproj.io/web.update-strategy
   | semvar
   | ^^^^^^
  hint: did you mean `semver`? valid: semver, newest-build, digest, alphabetical; Argo CD Image Updater uses semver
1 image in 1 Application: 1 invalid
"
    );
    // Errors are said even when warnings are not.
    let quiet = world.run(&["check", "-q"]).expect(3);
    assert!(quiet.stderr.starts_with("error[unknown-strategy]"), "{quiet}");
}
