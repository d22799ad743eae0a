//! Which Applications a command is about: names, namespaces, labels, and what is said when there are none.

use crate::bookstore;
use crate::bookstore::Form;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Output;
use crate::world::World;
use crate::world::allow;
use crate::world::on_both;

on_both!(
    names_select,
    names_that_contradict_the_flags_are_refused,
    labels_select,
    all_namespaces_are_told_apart,
    a_name_that_is_not_there_is_an_error,
    an_application_without_an_image_list_is_passed_over,
    an_empty_listing_says_where_to_look,
);

/// An Application with one image that has an update.
fn store(world: &World, name: &str) -> Application {
    let course = bookstore::semver(world);
    course.application(world, Form::Helm).with(|object| object["metadata"]["name"] = name.into())
}

/// What `-o name` lists.
fn named(output: &Output) -> Vec<&str> {
    output.stdout.lines().collect()
}

/// A refusal: exit 1, nothing on standard output, and these words on standard error.
fn refused(output: Output, words: &[&str]) {
    let output = output.expect(1);
    assert_eq!(output.stdout, "", "on exit 1 standard output is empty\n{output}");
    for word in words {
        assert!(output.stderr.contains(word), "`{word}` is missing\n{output}");
    }
}

fn names_select(backend: Backend) {
    let world = World::new(backend);
    for name in ["alpha", "beta", "gamma"] {
        world.application(store(&world, name));
    }
    let namespace = world.namespace();
    let qualified = format!("{namespace}/alpha");
    for (words, expected) in [
        (vec![], vec!["alpha", "beta", "gamma"]),
        (vec!["beta"], vec!["beta"]),
        (vec!["gamma", "alpha"], vec!["alpha", "gamma"]),
        (vec!["alpha", "alpha"], vec!["alpha"]),
        (vec![&qualified], vec!["alpha"]),
        (vec!["application.argoproj.io/gamma"], vec!["gamma"]),
        (vec!["-n", namespace, "beta"], vec!["beta"]),
        (vec!["-n", namespace, &qualified], vec!["alpha"]),
        (vec!["--namespace", namespace], vec!["alpha", "beta", "gamma"]),
    ] {
        let output = world.run(&[&["check", "-o", "name"], words.as_slice()].concat()).expect(0);
        let expected: Vec<_> = expected.iter().map(|name| format!("application.argoproj.io/{name}")).collect();
        assert_eq!(named(&output), expected, "{words:?}");
    }
    // The names that `check` prints are names that `apply` takes.
    let listed = world.run(&["check", "-o", "name"]).stdout;
    let words: Vec<&str> = ["apply", "--yes", "-o", "name"].into_iter().chain(listed.lines()).collect();
    assert_eq!(world.run(&words).expect(0).stdout, listed);
    assert_eq!(world.writes().len(), 3);
}

fn names_that_contradict_the_flags_are_refused(backend: Backend) {
    let world = World::new(backend);
    let elsewhere = format!("{}/alpha", world.namespace());
    for (words, said) in [
        (vec!["alpha", "-l", "team=a"], "-l"),
        (vec!["alpha", "-A"], "-A"),
        (vec!["alpha", "--all-namespaces"], "-A"),
        (vec![elsewhere.as_str(), "-n", "other"], "-n"),
        (vec!["a/b/c"], "a/b/c"),
        (vec!["/alpha"], "/alpha"),
        (vec!["alpha/"], "alpha/"),
        (vec![""], "NAME"),
        (vec!["-R"], "-f"),
    ] {
        for command in ["check", "plan"] {
            refused(world.run(&[&[command], words.as_slice()].concat()), &[said]);
        }
    }
    assert!(world.requests().is_empty(), "a mistake on the command line costs no request");
}

fn labels_select(backend: Backend) {
    let world = World::new(backend);
    for (name, team) in [("alpha", "a"), ("beta", "b"), ("gamma", "b")] {
        world.application(store(&world, name).label("team", team));
    }
    for (selector, expected) in [
        ("team=b", "application.argoproj.io/beta\napplication.argoproj.io/gamma\n"),
        ("team!=b", "application.argoproj.io/alpha\n"),
        ("team in (a, c)", "application.argoproj.io/alpha\n"),
        ("!team", ""),
    ] {
        let output = world.run(&["check", "-o", "name", "-l", selector]).expect(0);
        assert_eq!(output.stdout, expected, "{selector}");
        if expected.is_empty() {
            assert!(output.stderr.contains(selector), "{output}");
        }
    }
    refused(world.run(&["check", "-l", "team in ("]), &["-l"]);
}

fn all_namespaces_are_told_apart(backend: Backend) {
    let world = World::alone(backend);
    let other = world.another_namespace("team-b");
    world.application(store(&world, "alpha"));
    world.application(store(&world, "alpha").namespace(&other));
    world.application(store(&world, "beta").namespace(&other));
    let everywhere =
        world.add_user([allow("get list", "applications").everywhere(), allow("list", "imageupdaters").everywhere()]);
    let check = |words: &[&str]| world.run_as(&everywhere, &[&["check"], words].concat());
    let names = check(&["-A", "-o", "name"]).expect(0);
    let (two, three) = (format!("{other}/alpha"), format!("{other}/beta"));
    assert_eq!(named(&names), ["argocd/alpha", &two, &three]);
    let table = check(&["-A"]).expect(0);
    assert!(table.stdout.starts_with("NAMESPACE"), "{table}");
    assert!(table.stderr.contains("3 images in 3 Applications"), "{table}");
    let items = check(&["-A", "-o", "json"]).expect(0).json();
    let places: Vec<_> = items["items"].as_array().unwrap().iter().map(|item| item["namespace"].clone()).collect();
    assert_eq!(places, ["argocd", &other, &other]);

    // One namespace needs no column for it; names of two do.
    assert!(check(&["-n", &other]).expect(0).stdout.starts_with("APPLICATION"));
    let qualified = ["argocd/alpha", three.as_str()];
    assert_eq!(named(&check(&[&["-o", "name"][..], &qualified].concat()).expect(0)), qualified);

    // What is read everywhere can be written everywhere.
    world.grant(&everywhere, allow("patch", "applications").everywhere());
    assert_eq!(
        named(&world.run_as(&everywhere, &["apply", "-A", "--yes", "-o", "name"]).expect(0)),
        ["argocd/alpha", &two, &three]
    );
    assert_eq!(world.writes().len(), 3);

    // The usual rights end at the namespace; the refusal says what is missing.
    refused(
        world.run(&["check", "-A"]),
        &["cannot list", "applications.argoproj.io", "`list`", "in the whole cluster", "-n"],
    );
}

fn a_name_that_is_not_there_is_an_error(backend: Backend) {
    let world = World::new(backend);
    for name in ["bookstore", "bookstore-staging", "web"] {
        world.application(store(&world, name));
    }
    let namespace = world.namespace();
    refused(world.run(&["check", "bokstore"]), &["bokstore", namespace, "did you mean", "`bookstore`"]);
    refused(world.run(&["check", "web", "staging"]), &["`staging`", "`bookstore-staging`"]);
    refused(world.run(&["plan", "zzz"]), &["`zzz`", namespace, "-n"]);
    refused(world.run(&["apply", "bokstore", "--yes"]), &["`bookstore`"]);
    refused(world.run(&["pin", "bokstore", "web"]), &["`bookstore`"]);
    assert!(world.writes().is_empty());
    // Who may not list still learns that it is not there.
    let getter = world.add_user([allow("get", "applications")]);
    refused(world.run_as(&getter, &["check", "bokstore"]), &["bokstore", namespace]);
}

fn an_application_without_an_image_list_is_passed_over(backend: Backend) {
    let world = World::new(backend);
    world.application(Application::named("plain").helm(&[]));
    world.application(Application::named("empty").helm(&[]).image_list(" ,\t\r\n"));
    world.application(Application::named("other").helm(&[]).annotation("other/image-list", "web=nginx"));
    for command in ["check", "plan"] {
        let output = world.run(&[command]).expect(0);
        assert_eq!(output.stdout, "", "{output}");
        assert!(output.stderr.contains("image-list"), "{output}");
    }
    for name in ["plain", "empty"] {
        refused(world.run(&["check", name]), &[name, "image list", "argocd-image-updater.argoproj.io/image-list"]);
    }
    world.application(store(&world, "bookstore"));
    let report = world.run(&["check", "-o", "json"]).expect(0).json();
    assert_eq!(report["summary"]["applications"], 1);
    assert_eq!(report["items"].as_array().map(Vec::len), Some(1));
    refused(world.run(&["check", "bookstore", "plain"]), &["plain", "image list"]);
}

fn an_empty_listing_says_where_to_look(backend: Backend) {
    let world = World::new(backend);
    let nothing = world.run(&["check"]).expect(0);
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains(&format!("no Applications in namespace `{}`", world.namespace())), "{nothing}");
    assert!(!nothing.stderr.contains("-A"), "there are none to point at\n{nothing}");
    assert!(nothing.stderr.contains("hint: "), "{nothing}");
    let report = world.run(&["check", "-o", "json"]).expect(0).json();
    assert_eq!(report["items"].as_array().map(Vec::len), Some(0));
    assert_eq!(world.run(&["plan", "-o", "json"]).expect(0).json()["complete"], true);

    let argocd = world.another_namespace("argo");
    world.application(Application::named("plain").helm(&[]).namespace(&argocd));
    let user = world.add_user([allow("list", "applications"), allow("list", "applications").in_namespace(&argocd)]);
    let output = world.run_as(&user, &["check", "--argocd-namespace", &argocd]).expect(0);
    assert!(output.stderr.contains(&format!("-n {argocd}")) && output.stderr.contains("-A"), "{output}");
    let reader = world.add_user([allow("get", "applications"), allow("get", "applications").in_namespace(&argocd)]);
    let there = world.run_as(&reader, &["check", "plain", "--argocd-namespace", &argocd]).expect(1);
    assert!(there.stderr.contains(&format!("write {argocd}/plain, or use -n {argocd}")), "{there}");
    // One without an image list hides no other place.
    world.application(Application::named("plain").helm(&[]));
    let output = world.run_as(&user, &["check", "--argocd-namespace", &argocd]).expect(0);
    assert!(output.stderr.contains("has an image list") && output.stderr.contains(&format!("-n {argocd}")), "{output}");
    let world = World::new(backend);
    // Who may not look there is told no less than before.
    let output = world.run(&["check", "--argocd-namespace", &argocd]).expect(0);
    assert!(output.stderr.contains("no Applications in namespace"), "{output}");
}

/// Simple API servers do not name what is missing; that is not yet Argo CD.
#[test]
fn a_server_that_does_not_name_what_is_missing_is_understood() {
    let world = World::new(Backend::Double);
    world.application(store(&world, "bookstore"));
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications/bokstore", world.namespace());
    for fault in [
        Fault::kubernetes(404, "NotFound", "applications.argoproj.io \"bokstore\" not found"),
        Fault::status(404).body(r#"{"message": "not found"}"#),
        Fault::status(404).body("404 page not found"),
    ] {
        world.api_double().fault(fault.on("GET", &path));
        refused(world.run(&["check", "bokstore"]), &["there is no Application `bokstore`", "did you mean `bookstore`"]);
        world.api_double().heal();
    }
}
