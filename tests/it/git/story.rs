//! The main job: an image is pushed, a chart's values file gets its tag, and nothing else in the repository changes.

use serde_json::Value;
use serde_json::json;

use crate::git::Shop;
use crate::git::VALUES;
use crate::git::outcomes;
use crate::world::Backend;
use crate::world::MAINTAINER;
use crate::world::on_both;

on_both!(a_tag_becomes_a_commit, check_reads_what_is_configured, a_plan_for_git_is_executed_or_refused);

fn a_tag_becomes_a_commit(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let before = shop.repository.head("main").unwrap();

    let planned = shop.run(&["plan"]).expect(0);
    let diff = planned.stdout.replace(&shop.world.registry().host(), "$REGISTRY").replace(&shop.url(), "$URL");
    assert!(diff.contains("--- charts/bookstore/values.yaml of $URL on main\n"), "{diff}");
    assert!(diff.contains("-  tag: \"v1.0.0\" # moved by updates\n+  tag: \"v1.0.1\" # moved by updates\n"), "{diff}");
    assert!(diff.contains("v1.0.0 → v1.0.1  newest of 2 tags that satisfy ~1.0"), "{diff}");
    assert_eq!(shop.repository.head("main").unwrap(), before, "a plan writes nothing");

    let applied = shop.apply(&[]).expect(0);
    let head = shop.repository.head("main").unwrap();
    let expected = ("Applied".to_owned(), json!({"commit": head, "branch": "main"}), String::new());
    assert_eq!(outcomes(&applied), [expected], "{applied}");
    assert_eq!(shop.values(), VALUES.replace("v1.0.0", "v1.0.1"));
    assert_eq!(shop.repository.changed("main"), ["M charts/bookstore/values.yaml"]);
    let message = "build: automatic update of bookstore\n\nupdates image acme/bookstore tag 'v1.0.0' to 'v1.0.1'";
    assert_eq!(shop.repository.message("main").trim_end(), message);
    assert_eq!(shop.repository.git(&["log", "-1", "--format=%an <%ae>", "main"]).trim(), "Robot <robot@example.com>");
    shop.repository.check();
    assert!(shop.world.writes().is_empty(), "the cluster is not written to");
    assert!(!applied.to_string().contains(MAINTAINER.1), "{applied}");

    // A second time nothing is left to do, and no push says so.
    let pushes = shop.pushes();
    let again = shop.apply(&[]).expect(0);
    assert_eq!(outcomes(&again), []);
    assert_eq!((shop.pushes(), shop.repository.head("main").unwrap()), (pushes, head));
}

fn check_reads_what_is_configured(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let item = |arguments: &[&str]| -> Value {
        shop.run(&[&["check", "-o", "json"], arguments].concat()).expect(0).json()["items"][0].clone()
    };
    let found = item(&[]);
    assert_eq!(
        found["writeBack"],
        json!({
            "method": "git", "target": "helmvalues", "source": null, "repository": shop.url(), "branch": "main",
            "path": "charts/bookstore/values.yaml",
        })
    );
    assert_eq!(found["configured"], json!({"tag": "v1.0.0", "digest": null}));
    assert_eq!((&found["current"]["from"], &found["status"]), (&json!("target"), &json!("UpdateAvailable")));

    // What git says counts, not what still runs.
    shop.commit(&[("charts/bookstore/values.yaml", &VALUES.replace("v1.0.0", "v1.0.1"))]);
    let found = item(&[]);
    assert_eq!((&found["configured"]["tag"], &found["status"]), (&json!("v1.0.1"), &json!("UpToDate")));
    let unread = item(&["--no-git"]);
    assert_eq!((&unread["configured"], &unread["current"]["from"]), (&Value::Null, &json!("status")));
    assert_eq!(unread["status"], "UpdateAvailable");
    shop.world.git().https().clear_log();
    item(&["--no-git"]);
    assert_eq!(shop.world.git().https().requests(), Vec::<String>::new());
}

fn a_plan_for_git_is_executed_or_refused(backend: Backend) {
    let shop = Shop::open(backend);
    shop.world.application(shop.bookstore());
    let plan = shop.world.work().join("plan.json").display().to_string();
    shop.run(&["plan", "--out", &plan]).expect(0);
    let saved = std::fs::read_to_string(&plan).unwrap();
    assert!(!saved.contains(MAINTAINER.1), "no secret is in a plan");
    let document: Value = serde_json::from_str(&saved).unwrap();
    let change = &document["changes"][0];
    assert_eq!(change["edits"], json!([{"kind": "helmValue", "at": "image.tag", "from": "v1.0.0", "to": "v1.0.1"}]));
    assert_eq!(
        (&change["destination"]["pushBranch"], &change["seen"]["commit"]),
        (&json!("main"), &json!(shop.repository.head("main")))
    );

    // An unrelated commit makes no plan stale.
    let unrelated = VALUES.replace("replicas:   2", "replicas:   3");
    shop.commit(&[("README.md", "hello\n"), ("charts/bookstore/values.yaml", &unrelated)]);
    let applied = shop.run(&["apply", "--plan", &plan, "-o", "json"]).expect(0);
    assert_eq!(outcomes(&applied)[0].0, "Applied", "{applied}");
    assert_eq!(shop.values(), unrelated.replace("v1.0.0", "v1.0.1"));
    let again = shop.run(&["apply", "--plan", &plan, "-o", "json"]).expect(0);
    assert_eq!(outcomes(&again)[0].0, "AlreadyApplied", "{again}");

    // A value that somebody changed does.
    shop.commit(&[("charts/bookstore/values.yaml", &VALUES.replace("v1.0.0", "v0.9.0"))]);
    let head = shop.repository.head("main");
    let stale = shop.run(&["apply", "--plan", &plan, "-o", "json"]).expect(4);
    let (outcome, _, message) = &outcomes(&stale)[0];
    assert_eq!(outcome, "Stale", "{stale}");
    assert!(message.contains("`v0.9.0`") && message.contains("`v1.0.0`"), "{message}");
    assert_eq!(shop.repository.head("main"), head);

    // So does another place.
    shop.commit(&[("charts/bookstore/values.yaml", VALUES)]);
    shop.world.edit("bookstore", |object| {
        object["metadata"]["annotations"]["argocd-image-updater.argoproj.io/write-back-target"] =
            "helmvalues:other.yaml".into();
    });
    let elsewhere = shop.run(&["apply", "--plan", &plan, "-o", "json"]).expect(4);
    assert!(outcomes(&elsewhere)[0].2.contains("charts/bookstore/other.yaml"), "{elsewhere}");
}
