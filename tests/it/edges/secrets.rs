//! No secret is ever shown, however much is asked to be said.

use std::collections::BTreeSet;

use crate::bookstore;
use crate::bookstore::Form;
use crate::world::Backend;
use crate::world::ROBOT;
use crate::world::RegistryAuth;
use crate::world::World;
use crate::world::on_both;

on_both!(what_is_sent_is_not_shown);

fn what_is_sent_is_not_shown(backend: Backend) {
    for auth in [RegistryAuth::Basic, RegistryAuth::Token] {
        let world = World::with(backend, auth);
        bookstore::open(&world, Form::Helm);
        world.docker_login(&world.registry().host(), ROBOT);
        let mut said = String::new();
        for words in [
            &["check"][..],
            &["check", "-o", "json"],
            &["check", "--explain", "-o", "yaml"],
            &["plan", "--context-lines", "100"],
            &["plan", "-o", "json", "--out", "plan.json"],
            &["pin", "bookstore", "web", "-o", "json"],
            &["unpin", "bookstore", "web"],
            &["apply", "bookstore", "--yes"],
            &["check", "nothing"],
        ] {
            for verbosity in ["-v", "-vvvvvvvvv"] {
                said.push_str(&world.run(&[words, &[verbosity]].concat()).to_string());
            }
        }
        assert!(said.contains("url="), "it says a lot");
        said.push_str(&std::fs::read_to_string(world.work().join("plan.json")).unwrap());
        let mut secrets: BTreeSet<String> = BTreeSet::from([world.user().token.clone(), ROBOT.1.to_owned()]);
        secrets.insert("hunter2".to_owned());
        if !world.is_real() {
            let log = world.registry().double().log();
            let sent = log.iter().filter_map(|exchange| exchange.request.header("authorization"));
            secrets.extend(sent.filter_map(|value| Some(value.split_once(' ')?.1.to_owned())));
            assert!(secrets.len() > 3, "logins were sent: {secrets:?}");
        }
        for secret in secrets {
            assert!(!said.contains(&secret), "`{secret}` is shown");
        }
    }
}

/// People write a password into the address of a repository, and it is theirs alone.
#[test]
fn a_password_in_an_address_is_not_shown() {
    for (address, several, shown) in [
        ("https://ada:s3cret-w0rd@git.example.com/acme/deploy.git", false, "https://ada:***@git.example.com/"),
        ("https://ada:s3cret-w0rd@git.example.com/acme/deploy.git", true, "https://ada:***@git.example.com/"),
        ("https://ghp_s3cret-w0rd@git.example.com/acme/deploy.git", true, "https://***@git.example.com/"),
    ] {
        let world = World::new(Backend::Double);
        let object = bookstore::semver(&world).application(&world, Form::Helm).with(|object| {
            object["spec"]["source"]["repoURL"] = address.into();
            if several {
                let source = object["spec"].as_object_mut().unwrap().remove("source").unwrap();
                object["spec"]["sources"] = serde_json::json!([source]);
            }
        });
        world.application(object);
        let mut said = String::new();
        for words in [
            &["check"][..],
            &["check", "-o", "json"],
            &["plan", "--context-lines", "100"],
            &["plan", "-o", "yaml"],
            &["plan", "-o", "json", "--out", "plan.json"],
            &["apply", "--plan", "plan.json", "-o", "json"],
        ] {
            said.push_str(&world.run(&[words, &["-v"]].concat()).expect(0).to_string());
        }
        said.push_str(&std::fs::read_to_string(world.work().join("plan.json")).unwrap());
        let key = "argocd-image-updater.argoproj.io/write-back-method";
        world.edit("bookstore", |object| object["metadata"]["annotations"][key] = "git".into());
        said.push_str(&world.run(&["check", "-o", "json"]).expect(3).to_string());
        assert!(said.contains(shown) && said.contains("has a password in it"), "{said}");
        assert!(!said.contains("s3cret-w0rd"), "{said}");
    }
}
