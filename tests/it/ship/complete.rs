//! Completion: what the tool answers, and what a person at a real bash sees of it, alone and through real kubectl.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::ship::script;
use crate::world::Application;
use crate::world::BINARY;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Invocation;
use crate::world::Terminal;
use crate::world::World;
use crate::world::allow;
use crate::world::on_both;
use crate::world::program;

on_both!(names_come_from_the_cluster, versions_come_from_the_registry, nothing_is_written_or_said);

/// The answer to words, the last of which is being typed: the values, sorted unless kept in order, and the directive.
///
/// A server that is slow because the machine is busy is not waited for, which is right but not what is asked about
/// here: an empty answer is only believed when it comes again and again.
fn answer(world: &World, words: &[&str]) -> (Vec<String>, String) {
    let mut answers = (0..4).map(|_| answer_once(world, words));
    answers.find(|(values, _)| !values.is_empty()).unwrap_or_else(|| answer_once(world, words))
}

fn answer_once(world: &World, words: &[&str]) -> (Vec<String>, String) {
    let output = world.run(&[&["__complete"], words].concat()).expect(0);
    assert_eq!(output.stderr, "", "{words:?}");
    let mut lines: Vec<&str> = output.stdout.lines().collect();
    let directive = lines.pop().unwrap_or_default().to_owned();
    let values = lines.iter().map(|line| line.split('\t').next().unwrap_or_default().to_owned());
    (values.collect(), directive)
}

/// The values alone.
fn values(world: &World, words: &[&str]) -> Vec<String> {
    let mut values = answer(world, words).0;
    values.sort();
    values
}

/// The bookstore, a second Application with two images, and one without any.
fn open(backend: Backend) -> World {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    let list = format!("api=$REGISTRY/{REPOSITORY}:~1.0,db=$REGISTRY/{REPOSITORY}");
    world.application(Application::named("bakery").image_list(&list).helm(&[]));
    world.application(Application::named("bare").helm(&[]));
    world
}

fn names_come_from_the_cluster(backend: Backend) {
    let world = open(backend);
    let namespace = world.namespace().to_owned();
    assert_eq!(values(&world, &["check", ""]), ["bakery", "bookstore"], "those with an image list");
    assert_eq!(values(&world, &["plan", "boo"]), ["bookstore"]);
    assert_eq!(values(&world, &["apply", "bakery", "b"]), ["bookstore"], "not the one that is there already");
    assert_eq!(values(&world, &["pin", "ba"]), ["bakery"]);
    assert_eq!(values(&world, &["check", "application.argoproj.io/ba"]), ["application.argoproj.io/bakery"]);
    assert_eq!(values(&world, &["check", &format!("{namespace}/b")]).len(), 2);
    assert_eq!(values(&world, &["check", "-n", "elsewhere", ""]), Vec::<String>::new());
    assert_eq!(values(&world, &["pin", "bakery", ""]), ["api", "api=", "db", "db="]);
    assert_eq!(values(&world, &["pin", &format!("{namespace}/bakery"), "d"]), ["db", "db="]);
    assert_eq!(values(&world, &["unpin", "bakery", ""]), Vec::<String>::new(), "none is pinned");
    world.run(&["pin", "bookstore", "web", "--yes"]).expect(0);
    assert_eq!(values(&world, &["unpin", "bookstore", ""]), ["web"]);

    assert_eq!(values(&world, &["check", "--context", ""]), ["test"]);
    assert_eq!(values(&world, &["check", "--user="]), ["test"]);
    assert_eq!(values(&world, &["check", "--cluster", "t"]), ["test"]);
    assert_eq!(values(&world, &["check", "-n", ""]), Vec::<String>::new(), "they may not be listed");
    world.grant(world.user(), allow("list", "namespaces").everywhere());
    assert_eq!(values(&world, &["check", "--namespace", &namespace]), [namespace.as_str()]);
    assert!(values(&world, &["check", "--argocd-namespace=arg"]).contains(&"argocd".to_owned()));

    // From where there is nothing, with the right to look everywhere.
    let other = world.another_namespace("other");
    world.grant(world.user(), allow("list", "applications").everywhere());
    let mut config: Value = serde_json::from_slice(&fs::read(world.kubeconfig(world.user())).unwrap()).unwrap();
    config["contexts"][0]["context"]["namespace"] = other.into();
    world.file("other.json", &config.to_string());
    let found = values(&world, &["check", "--kubeconfig", "other.json", ""]);
    assert!(!found.is_empty() && found.iter().all(|name| name.contains('/')), "{found:?}");
    let found = values(&world, &["check", "--kubeconfig", "other.json", &format!("{namespace}/")]);
    assert!(found.contains(&format!("{namespace}/bookstore")), "{found:?}");
    let found = values(&world, &["--kubeconfig=other.json", "check", &format!("{namespace}/boo")]);
    assert_eq!(found, [format!("{namespace}/bookstore")]);
}

fn versions_come_from_the_registry(backend: Backend) {
    let world = open(backend);
    let (tags, directive) = answer(&world, &["pin", "bookstore", "web="]);
    assert_eq!(tags, ["web=v2.0.0", "web=v1.0.1", "web=v1.0.0"], "the newest first");
    assert_eq!(directive, ":36", "in that order, and no files");
    assert_eq!(values(&world, &["pin", "bookstore", "web=v1."]), ["web=v1.0.0", "web=v1.0.1"]);
    assert_eq!(values(&world, &["pin", "bookstore", "nothing="]), Vec::<String>::new());
    assert_eq!(values(&world, &["apply", "bookstore", "--set", "we"]), ["web="]);
    assert_eq!(values(&world, &["plan", "--set=db=v1"]), ["db=v1.0.0", "db=v1.0.1"], "of whatever is selected");
    // An image list need not have aliases.
    world.edit("bookstore", |application| {
        let list = &mut application["metadata"]["annotations"]["argocd-image-updater.argoproj.io/image-list"];
        *list = list.as_str().unwrap().replace("web=", "").into();
    });
    let image = world.image(REPOSITORY);
    let found = values(&world, &["pin", "bookstore", &format!("{image}=v2")]);
    assert_eq!(found, [format!("{image}=v2.0.0")]);
}

fn nothing_is_written_or_said(backend: Backend) {
    let world = open(backend);
    world.file("broken.json", "users: [");
    for words in [
        &["apply", "bookstore", "--yes", ""][..],
        &["apply", "--all", "--yes", ""],
        &["pin", "bookstore", "web=v1.0.0", ""],
        &["unpin", "bookstore", "--all", ""],
        &["check", "--kubeconfig", "broken.json", ""],
        &["check", "--kubeconfig", "missing.json", "--context", ""],
        &["check", "--server", "https://127.0.0.1:1", ""],
        &["check", "--request-timeout", "soon", ""],
        &["check", "--as-group", "x", ""],
        &["check", "-n", "../../api", ""],
        &["check", "../../../api/v1/nodes?/"],
        &["pin", "../..", "x="],
        &["check", "--color", "sometimes", "--timeout", "x", "--verbose", ""],
        &["check", "--", "-"],
        &[""],
        &["--"],
        &[],
    ] {
        answer(&world, words);
    }
    assert!(world.writes().is_empty());
    let forbidden = world.add_user([]);
    let output = world.run_as(&forbidden, &["__complete", "check", ""]).expect(0);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), (":4\n", ""));
}

#[test]
fn whoever_keeps_silent_is_not_waited_for() {
    let world = open(Backend::Double);
    world.registry().double().fault(Fault::hang());
    assert_eq!(answer(&world, &["pin", "bookstore", "web="]), (vec![], ":36".to_owned()));
    // Nothing else would end it: no flag limits a request, and the server never answers.
    world.api_double().fault(Fault::hang());
    for words in [&["check", ""][..], &["pin", "bookstore", ""], &["check", "-n", ""]] {
        assert_eq!(answer(&world, words), (vec![], ":4".to_owned()), "{words:?}");
    }
    // A program that hands out logins, and does not come back.
    let login = script(&world.work().join("login"), "#!/bin/sh\nexec sleep 1000\n");
    let mut config: Value = serde_json::from_slice(&fs::read(world.kubeconfig(world.user())).unwrap()).unwrap();
    config["users"][0]["user"] = serde_json::json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": login, "interactiveMode": "Never",
    }});
    world.file("login.json", &config.to_string());
    assert_eq!(answer(&world, &["check", "--kubeconfig", "login.json", ""]), (vec![], ":4".to_owned()));
}

#[test]
fn names_that_mean_something_to_a_shell_are_not_offered() {
    let world = open(Backend::Double);
    let mut config: Value = serde_json::from_slice(&fs::read(world.kubeconfig(world.user())).unwrap()).unwrap();
    for name in ["$(touch pwned)", "a b", "a;b", "eu\u{1b}[2J", "arn:aws:eks:eu-west-1:1:cluster/a"] {
        let mut context = config["contexts"][0].clone();
        context["name"] = name.into();
        config["contexts"].as_array_mut().unwrap().push(context);
    }
    world.file("names.json", &config.to_string());
    let found = values(&world, &["check", "--kubeconfig=names.json", "--context", ""]);
    assert_eq!(found, ["arn:aws:eks:eu-west-1:1:cluster/a", "test"]);
}

/// A person at a bash that has read these lines.
fn bash(world: &World, plugins: &Path, lines: &str) -> Terminal {
    let kubectl = program("kubectl");
    let mut invocation: Invocation = world.invocation(&["--noprofile", "--rcfile"]);
    invocation.program = program("bash");
    invocation.arg(world.file("bashrc", &format!("PS1='ready> '\nbind 'set bell-style none'\n{lines}\n"))).arg("-i");
    let folders = [plugins, Path::new(BINARY).parent().unwrap(), kubectl.parent().unwrap()];
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    invocation.env("PATH", format!("{}:/usr/bin:/bin", folders.join(":")));
    let terminal = Terminal::start(&invocation, 140);
    terminal.wait_for("ready>");
    terminal
}

/// Types each beginning and Tab, and waits for what it becomes; then takes it back.
fn completes(terminal: &Terminal, cases: &[(&str, &str)]) {
    for (typed, expected) in cases {
        // The bar shows where the line ends.
        terminal.send(typed).send("\t|").wait_for(expected);
        // Ctrl-U takes the line back, Ctrl-L clears the screen.
        terminal.send("\x15\x0c");
    }
}

#[test]
fn kubectl_completes_it_in_a_real_bash() {
    let world = open(Backend::Double);
    let plugins = world.work().join("plugins");
    fs::create_dir(&plugins).unwrap();
    let shim = world.run(&["completion", "kubectl"]).expect(0).stdout;
    script(&plugins.join("kubectl_complete-image_update"), &shim);
    let library = program("bash_completion");
    let terminal = bash(&world, &plugins, &format!("source {}\nsource <(kubectl completion bash)", library.display()));
    completes(
        &terminal,
        &[
            ("kubectl image-up", "kubectl image-update"),
            ("kubectl image-update che", "image-update check |"),
            ("kubectl image-update check boo", "check bookstore |"),
            ("kubectl image-update check --expl", "check --explain |"),
            ("kubectl image-update check -o y", "-o yaml |"),
            ("kubectl image-update check --output=j", "--output=json |"),
            ("kubectl image-update check --context te", "--context test |"),
            ("kubectl image-update pin bookstore web=v2", "web=v2.0.0 |"),
            ("kubectl image-update pin bakery d", "pin bakery db|"),
        ],
    );
    assert!(world.writes().is_empty());
}

#[test]
fn a_real_bash_completes_it_by_itself() {
    let world = open(Backend::Double);
    // No library is needed.
    let terminal = bash(&world, &world.work(), "source <(kubectl-image_update completion bash)");
    let folder = world.work().join("folder-of-plans");
    fs::create_dir(&folder).unwrap();
    world.file("folder-of-plans/tuesday.json", "{}");
    completes(
        &terminal,
        &[
            ("kubectl-image_update unp", "kubectl-image_update unpin |"),
            ("kubectl-image_update check boo", "check bookstore |"),
            ("kubectl-image_update check --output=j", "--output=json |"),
            ("kubectl-image_update check --output = --context=te", "--context=test |"),
            ("kubectl-image_update pin bookstore web=v2", "web=v2.0.0 |"),
            ("kubectl-image_update pin bookstore --reason 'a b' web=v1.0.", "web=v1.0.|"),
            ("kubectl-image_update apply --plan folder-of-plans/tu", "folder-of-plans/tuesday.json |"),
            ("kubectl-image_update plan --worktree=folder-", "--worktree=folder-of-plans/|"),
        ],
    );
    // Two that are possible are shown.
    terminal.send("kubectl-image_update pin bookstore web=v1\t\t\t").wait_for("v1.0.1  v1.0.0");
}
