//! Every way in which a registry lets itself be asked, plain or over TLS, with every place where a login can be kept.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use serde_json::json;

use super::undetermined;
use super::verdict;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Authority;
use crate::world::Backend;
use crate::world::Image;
use crate::world::Output;
use crate::world::ROBOT;
use crate::world::Registry;
use crate::world::RegistryAuth;
use crate::world::World;
use crate::world::on_both;

on_both!(every_login_opens_every_registry);

/// Where a login is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Nowhere,
    /// `auths` of the docker config.
    DockerConfig,
    /// `credHelpers`: a program for one host.
    Helper,
    /// `credsStore`: a program for all.
    Store,
    /// The same, with a token instead of a password.
    IdentityToken,
    /// A Secret that the image's annotation names.
    PullSecret,
}

const EVERYWHERE: [Kept; 6] =
    [Kept::Nowhere, Kept::DockerConfig, Kept::Helper, Kept::Store, Kept::IdentityToken, Kept::PullSecret];

fn every_login_opens_every_registry(backend: Backend) {
    let world = World::new(backend);
    let ca = world.file("ca.pem", &Authority::of_this_process().ca);
    for tls in [false, true] {
        for auth in [RegistryAuth::None, RegistryAuth::Basic, RegistryAuth::Token] {
            let registry = if tls { Registry::start_tls(backend, auth) } else { Registry::start(backend, auth) };
            for (tag, built) in [("v1.0.0", "2026-10-01T08:00:00Z"), ("v1.0.1", "2026-11-02T08:00:00Z")] {
                registry.push(REPOSITORY, tag, &Image::built(built).content(tag));
            }
            for kept in EVERYWHERE {
                // Only tokens can be had for a token.
                if kept == Kept::IdentityToken && auth == RegistryAuth::Basic {
                    continue;
                }
                let about = format!("{auth:?}, TLS: {tls}, login kept: {kept:?}");
                let output = check(&world, &registry.host(), kept, &ca);
                if kept == Kept::Nowhere && auth != RegistryAuth::None {
                    undetermined(&output, &about, "RegistryDenied", "401");
                } else {
                    let good = json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]);
                    assert_eq!(verdict(&output), good, "{about}: {output}");
                }
                assert!(!output.to_string().contains(ROBOT.1), "a password is shown: {output}");
            }
        }
    }
}

/// Checks an image at `host`, with the login kept in one place.
fn check(world: &World, host: &str, kept: Kept, ca: &std::path::Path) -> Output {
    let (list, live) = (format!("web={host}/{REPOSITORY}:~1.0"), format!("{host}/{REPOSITORY}:v1.0.0"));
    let application = Application::named("bookstore").namespace(world.namespace());
    let mut application = application.image_list(&list).kustomize(&[&live]).images(&[&live]);
    let login = json!({"username": ROBOT.0, "password": ROBOT.1});
    let mut config = json!({});
    let program = match kept {
        Kept::Nowhere => None,
        Kept::DockerConfig => {
            config["auths"] = json!({host: login});
            None
        }
        Kept::Helper => {
            config["credHelpers"] = json!({host: "test"});
            Some(ROBOT)
        }
        Kept::Store => {
            config["credsStore"] = json!("test");
            Some(ROBOT)
        }
        Kept::IdentityToken => {
            config["credsStore"] = json!("test");
            Some(("<token>", "refresh-robot"))
        }
        Kept::PullSecret => {
            let name = format!("pull-{}", host.replace([':', '.'], "-"));
            application = application.annotation("web.pull-secret", &format!("pullsecret:$NAMESPACE/{name}"));
            let auths = json!({"auths": {host: login}}).to_string();
            world.object(json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                "metadata": {"name": name}, "stringData": {".dockerconfigjson": auths},
            }));
            None
        }
    };
    std::fs::write(world.docker_config(), config.to_string()).unwrap();
    if let Some(login) = program {
        write_helper(world, host, login);
    }
    world.file("applications.json", &world.fill_in(Value::from(application)).to_string());
    world.run_with(&["check", "-f", "applications.json", "-o", "json", "-vvv"], |invocation| {
        invocation.env("SSL_CERT_FILE", ca).env("PATH", format!("{}:/usr/bin:/bin", world.work().display()));
    })
}

/// A credential helper that knows one host, and answers as docker's own do.
fn write_helper(world: &World, host: &str, (name, secret): (&str, &str)) {
    let answer = json!({"ServerURL": host, "Username": name, "Secret": secret});
    let script = format!(
        "#!/bin/sh\n\
         [ \"$1\" = get ] || exit 2\n\
         read -r server\n\
         if [ \"$server\" = '{host}' ]; then echo '{answer}'; exit 0; fi\n\
         echo 'credentials not found in native keychain'\n\
         exit 1\n"
    );
    let file = world.file("docker-credential-test", &script);
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}
