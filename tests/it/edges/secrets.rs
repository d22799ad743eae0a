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
