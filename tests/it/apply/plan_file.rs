//! The plan as a file: JSON or YAML, from a path or standard input, and refused when it is not to the letter the one
//! that was made.

use std::fs;

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::configured;
use crate::world::Backend;
use crate::world::Output;
use crate::world::World;
use crate::world::on_both;

on_both!(
    plans_are_read_from_anywhere,
    a_plan_that_was_touched_is_refused,
    a_plan_says_what_is_written,
    a_report_says_what_was_written,
    dry_runs_write_nothing,
);

fn open(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    world
}

fn is_written(world: &World) -> bool {
    configured(&world.get("bookstore")).contains(&"image.tag=v1.0.1".to_owned())
}

fn plans_are_read_from_anywhere(backend: Backend) {
    let ways: [fn(&World) -> Output; 4] = [
        |world| {
            world.run(&["plan", "--out", "plan.json"]).expect(0);
            world.run(&["apply", "--plan", "plan.json"])
        },
        |world| {
            let plan = world.run(&["plan", "-o", "json"]).expect(0).stdout;
            world.run_with(&["apply", "--plan", "-"], |invocation| {
                invocation.stdin(plan);
            })
        },
        |world| {
            let plan = world.run(&["plan", "-o", "yaml"]).expect(0).stdout;
            world.run_with(&["apply", "--plan=-"], |invocation| {
                invocation.stdin(plan);
            })
        },
        |world| {
            let plan = world.run(&["plan", "-o", "yaml"]).expect(0).stdout;
            world.file("folder/plan.yaml", &plan);
            world.run(&["apply", "--plan", "folder/plan.yaml"])
        },
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let world = open(backend);
        let output = way(&world).expect(0);
        assert!(output.stdout.contains("Applied"), "{number}: {output}");
        assert!(is_written(&world), "{number}");
        assert_eq!(world.writes().len(), 1, "{number}");
    }
}

#[test]
fn what_people_write_beside_an_address_stays_as_it_is() {
    let world = open(Backend::Double);
    let reason = "see https://jira.example.com\nowner:ada@example.com \"https://x\",\"by\":\"ada@example.com\"";
    world.run(&["pin", "bookstore", "web", "--reason", reason]).expect(0);
    for format in ["json", "yaml"] {
        let plan = world.run(&["plan", "-o", format]).expect(0).stdout;
        world.file("plan", &plan);
        let told = world.run(&["apply", "--plan", "plan"]).expect(0);
        assert!(told.stderr.contains("the plan changes nothing"), "{told}");
    }
    let checked = world.run(&["check", "-o", "json"]).expect(0).json();
    assert_eq!(checked["items"][0]["pin"]["reason"], reason);
}

#[test]
fn what_is_no_file_is_not_replaced_by_a_plan() {
    use std::os::unix::fs::FileTypeExt as _;

    let world = open(Backend::Double);
    let pipe = world.pipe("pipe");
    let reading = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    world.run(&["plan", "--out", "pipe"]).expect(0);
    let read: Value = serde_json::from_str(&reading.join().unwrap()).unwrap();
    assert_eq!(read["kind"], "Plan");
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "it is still a pipe");

    let file = world.file("plans/today.json", "");
    let link = world.work().join("link.json");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    world.run(&["plan", "--out", "link.json"]).expect(0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "it is still a link");
    assert!(fs::read_to_string(&file).unwrap().contains("\"Plan\""));
    world.run(&["apply", "--plan", "link.json"]).expect(0);

    for (words, said) in [
        (&["--worktree", "nowhere"][..], "--worktree: nowhere is not a folder"),
        (&["-f", "plans", "--worktree", "plans"], "goes without -f"),
        (&["--alias", "web"], "goes without --alias"),
        (&["--allow-downgrade"], "goes without --allow-downgrade"),
        (&["--source", "0"], "goes without --source"),
    ] {
        let output = world.run(&[&["apply", "--plan", "link.json"], words].concat()).expect(1);
        assert!(output.stderr.contains(said), "{output}");
    }
    for full in ["/dev/full", "plans"] {
        let output = world.run(&["plan", "--out", full]).expect(1);
        assert!(output.stderr.contains(&format!("failed to save the plan to {full}")), "{output}");
    }
}

fn a_plan_that_was_touched_is_refused(backend: Backend) {
    let world = open(backend);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    let plan = fs::read_to_string(world.work().join("plan.json")).unwrap();
    let document: Value = serde_json::from_str(&plan).unwrap();
    let edited = |change: fn(&mut Value)| {
        let mut document = document.clone();
        change(&mut document);
        document.to_string()
    };
    let cases = [
        ("a version", edited(|plan| plan["changes"][0]["edits"][0]["to"] = "v6.6.6".into())),
        ("an old value", edited(|plan| plan["changes"][0]["edits"][0]["from"] = "v0".into())),
        ("a field", edited(|plan| plan["changes"][0]["edits"][0]["at"] = "password".into())),
        ("an owner", edited(|plan| plan["changes"][0]["application"]["name"] = "other".into())),
        ("completeness", edited(|plan| plan["complete"] = false.into())),
        ("a digest", edited(|plan| plan["changes"][0]["images"][0]["to"]["digest"] = Value::Null)),
        (
            "a change more",
            edited(|plan| {
                let first = plan["changes"][0].clone();
                plan["changes"].as_array_mut().unwrap().push(first);
            }),
        ),
        (
            "no checksum",
            edited(|plan| {
                plan.as_object_mut().unwrap().shift_remove("checksum");
            }),
        ),
        ("another version", edited(|plan| plan["apiVersion"] = "kubectl-image-update/v2".into())),
        ("another kind", edited(|plan| plan["kind"] = "CheckReport".into())),
        ("half of it", plan[..plan.len() / 2].to_owned()),
        ("all but the end", plan[..plan.len() - 3].to_owned()),
        ("nothing", String::new()),
        ("something else", "kind: List\n".to_owned()),
        ("a list", "[]".to_owned()),
        ("no text", "\u{0}\u{1}".to_owned()),
    ];
    world.forget();
    for (what, text) in cases {
        for name in ["plan.json", "-"] {
            world.file("plan.json", &text);
            let output = world.run_with(&["apply", "--plan", name], |invocation| {
                invocation.stdin(text.clone());
            });
            let output = output.expect(1);
            assert_eq!(output.stdout, "", "{what}");
            assert!(output.stderr.starts_with("error: "), "{what}: {output}");
        }
    }
    world.run(&["apply", "--plan", "missing.json"]).expect(1);
    world.run(&["apply", "--plan", "."]).expect(1);
    assert!(world.requests().is_empty(), "no request is made for a bad plan");
    // Spaces and the order of keys mean nothing.
    let pretty = serde_json::to_string(&document).unwrap();
    world.file("plan.json", &pretty);
    world.run(&["apply", "--plan", "plan.json"]).expect(0);
}

fn a_plan_says_what_is_written(backend: Backend) {
    let world = open(backend);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    for words in [&["bookstore"][..], &["-l", "team=a"], &["-A"], &["--all"]] {
        let output = world.run(&[&["apply", "--plan", "plan.json"], words].concat()).expect(1);
        assert!(output.stderr.contains("--plan"), "{output}");
    }
    assert!(!is_written(&world));
    // A plan of nothing is carried out, too.
    world.run(&["plan", "-l", "no=such", "--out", "empty.json"]).expect(0);
    world.run(&["apply", "--plan", "empty.json"]).expect(0);
    // A plan that cannot be saved is no plan.
    let output = world.run(&["plan", "--out", "no/such/folder/plan.json"]).expect(1);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("no/such/folder"), "{output}");
}

fn a_report_says_what_was_written(backend: Backend) {
    let world = open(backend);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    let report = world.run(&["apply", "--plan", "plan.json", "-o", "json"]).expect(0).json();
    let image = world.image(bookstore::REPOSITORY);
    let digest = &report["receipts"][0]["images"][0]["to"]["digest"];
    assert!(digest.as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{report}");
    let destination = &report["receipts"][0]["destination"];
    assert_eq!((&destination["method"], &destination["target"]), (&json!("argocd"), &json!("helm")), "{report}");
    let version = &world.get("bookstore")["metadata"]["resourceVersion"];
    assert_eq!(
        report,
        json!({
            "apiVersion": "kubectl-image-update/v1", "kind": "ApplyReport", "dryRun": "none",
            "receipts": [{
                "change": format!("{}/bookstore#1", world.namespace()),
                "application": {"namespace": world.namespace(), "name": "bookstore"},
                // Beyond the contract's example.
                "destination": destination,
                "outcome": "Applied", "at": {"resourceVersion": version},
                "message": "auto-sync is off: it changes nothing until somebody syncs",
                "images": [{
                    "alias": "web", "reference": image, "from": {"tag": "v1.0.0", "digest": null},
                    "to": {"tag": "v1.0.1", "digest": digest},
                }],
            }],
            "summary": {"applied": 1, "alreadyApplied": 0, "stale": 0, "rejected": 0, "failed": 0},
        })
    );
    let yaml = world.run(&["apply", "--plan", "plan.json", "-o", "yaml"]).expect(0).stdout;
    let again: Value = serde_yaml::from_str(&yaml).unwrap();
    assert_eq!(again["receipts"][0]["outcome"], "AlreadyApplied");
}

fn dry_runs_write_nothing(backend: Backend) {
    let world = open(backend);
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    for (flag, mode, patches) in
        [("--dry-run", "client", 0), ("--dry-run=client", "client", 0), ("--dry-run=server", "server", 1)]
    {
        for words in [&["apply", "bookstore"][..], &["apply", "--plan", "plan.json"], &["apply", "--all", "--yes"]] {
            world.forget();
            let report = world.run(&[words, &[flag, "-o", "json"]].concat()).expect(0).json();
            assert_eq!((&report["dryRun"], &report["summary"]["applied"]), (&json!(mode), &json!(1)));
            let asked: Vec<_> = world.requests().into_iter().filter(|request| request.verb == "patch").collect();
            assert_eq!(asked.len(), patches, "{flag}: {asked:?}");
            assert!(asked.iter().all(|request| request.uri.contains("dryRun=All")), "{asked:?}");
            assert!(!is_written(&world), "{flag}");
        }
        let people = world.run(&["apply", "bookstore", flag]).expect(0);
        assert!(people.stdout.contains("dry run") && people.stderr.contains("1 would be applied"), "{people}");
    }
    // A value after a space is a name.
    let output = world.run(&["apply", "--dry-run", "server", "--yes"]).expect(1);
    assert!(output.stderr.contains("no Application `server`"), "{output}");
    world.run(&["apply", "bookstore", "--dry-run=perhaps"]).expect(1);
    world.run(&["apply", "bookstore", "--dry-run=none", "--yes"]).expect(0);
    assert!(is_written(&world));
}
