//! Registries that give no answer, or a wrong one: the image is `Undetermined`, never guessed; the others go on.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Link;
use crate::world::Order;
use crate::world::ROBOT;
use crate::world::RegistryAuth;
use crate::world::VISITOR;
use crate::world::World;
use crate::world::on_both;

on_both!(what_cannot_be_had_is_undetermined, basic_login_is_needed, token_login_is_needed);

fn store(name: &str, image: &str) -> Application {
    let image = image.to_owned();
    let (list, live) = (format!("web={image}:~1.0"), format!("{image}:v1.0.0"));
    Application::named(name).image_list(&list).helm(&[("image.name", &image), ("image.tag", "v1.0.0")]).images(&[&live])
}

/// Status, reason and candidate of the only image of an Application.
fn verdict(report: &Value, name: &str) -> Value {
    let item = report["items"].as_array().unwrap().iter().find(|item| item["application"] == name).unwrap();
    json!([item["status"], item["reason"], item["candidate"]["tag"]])
}

fn what_cannot_be_had_is_undetermined(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Kustomize);
    // Nobody listens on port 9, and nobody published this.
    world.application(store("unreachable", "127.0.0.1:9/acme/web"));
    world.application(store("unknown", "$REGISTRY/acme/nobody-published-this"));
    let output = world.run(&["check", "-o", "json"]).expect(3);
    let report = output.json();
    for (name, expected) in [
        ("bookstore", json!(["UpdateAvailable", "NewestMatch", "v1.0.1"])),
        ("unreachable", json!(["Undetermined", "RegistryUnreachable", null])),
        ("unknown", json!(["Undetermined", "RepositoryNotFound", null])),
    ] {
        assert_eq!(verdict(&report, name), expected, "{output}");
    }
    assert_eq!(report["summary"]["undetermined"], 2);
    let message = |name: &str| {
        let item = report["items"].as_array().unwrap().iter().find(|item| item["application"] == name);
        item.unwrap()["message"].as_str().unwrap().to_owned()
    };
    assert!(message("unreachable").contains("127.0.0.1:9/acme/web"), "{output}");
    assert!(message("unknown").contains("acme/nobody-published-this"), "{output}");

    let plan = world.run(&["plan", "-o", "json"]).expect(3).json();
    assert_eq!((&plan["complete"], plan["changes"].as_array().unwrap().len()), (&json!(false), 1));
    let told = world.run(&["plan", "--detailed-exitcode"]).expect(3);
    assert_eq!(told.stderr.lines().filter(|line| line.starts_with("not planned: ")).count(), 2, "{told}");
    let applied = world.run(&["apply", "--all", "--yes", "-o", "json"]).expect(3).json();
    assert_eq!(applied["summary"]["applied"], 1);
    assert_eq!(world.writes().len(), 1);
    // Of those that are named, nothing could be said: still no failure.
    world.run(&["apply", "unreachable", "--yes"]).expect(3);
}

fn basic_login_is_needed(backend: Backend) {
    login_is_needed(backend, RegistryAuth::Basic);
}

fn token_login_is_needed(backend: Backend) {
    login_is_needed(backend, RegistryAuth::Token);
}

fn login_is_needed(backend: Backend, auth: RegistryAuth) {
    let world = World::with(backend, auth);
    bookstore::open(&world, Form::Helm);
    if auth == RegistryAuth::Token {
        // Nobody but the robot may read it.
        world.registry().tokens().restrict(REPOSITORY, &[ROBOT.0]);
    }
    let check = || world.run(&["check", "-o", "json", "-vv"]);
    let denied = check().expect(3);
    assert_eq!(verdict(&denied.json(), "bookstore"), json!(["Undetermined", "RegistryDenied", null]), "{denied}");
    for (login, right) in [((ROBOT.0, "wr0ng-passw0rd"), false), (VISITOR, auth == RegistryAuth::Basic), (ROBOT, true)]
    {
        world.docker_login(&world.registry().host(), login);
        let output = check().expect(if right { 0 } else { 3 });
        let expected = if right {
            json!(["UpdateAvailable", "NewestMatch", "v1.0.1"])
        } else {
            json!(["Undetermined", "RegistryDenied", null])
        };
        assert_eq!(verdict(&output.json(), "bookstore"), expected, "{output}");
        assert!(!output.to_string().contains(login.1), "a password is shown:\n{output}");
    }
    let plan = world.run(&["plan", "--out", "plan.json"]).expect(0);
    let saved = std::fs::read_to_string(world.work().join("plan.json")).unwrap();
    assert!(!format!("{plan}{saved}").contains(ROBOT.1));
    world.run(&["apply", "--plan", "plan.json"]).expect(0);
}

/// A tag whose manifest is not there, cannot be read or cannot be had now: the newest of the rest is not taken for it.
#[test]
fn build_dates_are_never_guessed() {
    let world = World::new(Backend::Double);
    let course = bookstore::newest_build(&world);
    world.application(course.application(&world, Form::Helm));
    let registry = world.registry().double();
    let check = || world.run(&["check", "-o", "json", "--explain"]);

    // The list says it is there.
    registry.push_dangling(REPOSITORY, "main-ff");
    let report = check().expect(3).json();
    assert_eq!(verdict(&report, "bookstore"), json!(["Undetermined", "MetadataUnreadable", null]));
    let message = report["items"][0]["message"].as_str().unwrap();
    assert!(message.contains("main-ff is listed, but its manifest is not there"), "{message}");
    registry.forget(REPOSITORY, "main-ff");
    assert_eq!(verdict(&check().expect(0).json(), "bookstore"), json!(["UpdateAvailable", "NewestMatch", "main-b7"]));

    // The newest cannot be had.
    let newest = format!("/v2/{REPOSITORY}/manifests/main-b7");
    registry.fault(Fault::status(500).header("Retry-After", "0").at(&newest));
    assert_eq!(verdict(&check().expect(3).json(), "bookstore"), json!(["Undetermined", "RegistryUnreachable", null]));
    registry.heal();
    registry.fault(Fault::garbage("{}").at(&newest));
    assert_eq!(verdict(&check().expect(3).json(), "bookstore"), json!(["Undetermined", "MetadataUnreadable", null]));
}

#[test]
fn pages_and_any_order_give_the_same_answer() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let registry = world.registry().double();
    let whole = world.run(&["check", "-o", "json", "--explain"]).expect(0).stdout;
    for link in [Link::Relative, Link::Absolute] {
        for order in [Order::Lexical, Order::Shuffled] {
            registry.paginate(1, link.clone());
            registry.order(order);
            assert_eq!(world.run(&["check", "-o", "json", "--explain"]).expect(0).stdout, whole);
        }
    }
}

/// One object of a list that is no Application hides no other, and is told of.
#[test]
fn an_application_that_cannot_be_read_hides_no_other() {
    let world = World::new(Backend::Double);
    let object = bookstore::open(&world, Form::Helm);
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications", world.namespace());
    let list = |items: &[Value]| Fault::garbage(json!({"items": items}).to_string()).on("GET", &path);
    world.api_double().fault(list(&[json!({"metadata": {"labels": {}}}), object]));
    let output = world.run(&["check", "-o", "json"]).expect(3);
    let report = output.json();
    assert_eq!(verdict(&report, "bookstore"), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]));
    let diagnostic = &report["diagnostics"][0];
    assert_eq!((&diagnostic["severity"], &diagnostic["code"]), (&json!("error"), &json!("unreadable-application")));
    assert!(diagnostic["message"].as_str().unwrap().contains("it has no `metadata.name`"), "{output}");
    let plan = world.run(&["plan", "-o", "json"]).expect(3).json();
    assert_eq!((&plan["complete"], plan["changes"].as_array().unwrap().len()), (&json!(false), 1));
    world.run(&["apply", "--all", "--yes"]).expect(3);
    assert_eq!(world.writes().len(), 1);
    world.api_double().heal();
    world.api_double().fault(list(&[json!(7)]));
    let output = world.run(&["check"]).expect(1);
    assert!(output.stdout.is_empty() && output.stderr.contains("no Application could be read"), "{output}");
}
