//! Hosts that are not what they should be: nobody listens, the certificate is not to be trusted, or a registry sends the
//! client elsewhere. What another host hears is read from its own log: never a login.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::json;

use super::undetermined;
use super::verdict;
use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Authority;
use crate::world::Backend;
use crate::world::Exchange;
use crate::world::Fault;
use crate::world::Image;
use crate::world::Link;
use crate::world::Output;
use crate::world::ROBOT;
use crate::world::RegistryAuth;
use crate::world::RegistryDouble;
use crate::world::TokenServer;
use crate::world::World;

/// To a client, another host than 127.0.0.1.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// A registry elsewhere with a version that nobody must be told of.
fn foreign(auth: RegistryAuth) -> RegistryDouble {
    let registry = RegistryDouble::start_on(ELSEWHERE, auth);
    for tag in ["v1.0.0", "v1.0.9"] {
        registry.push(REPOSITORY, tag, &Image::built("2026-11-21T08:00:00Z").content(tag));
    }
    registry
}

/// A world with a login for its registry, and one image there.
fn with_login(auth: RegistryAuth) -> World {
    let world = World::with(Backend::Double, auth);
    bookstore::open(&world, Form::Helm);
    world.registry().tokens().restrict(REPOSITORY, &[ROBOT.0]);
    world.docker_login(&world.registry().host(), ROBOT);
    world
}

fn check(world: &World) -> Output {
    world.run(&["check", "-o", "json"])
}

/// Whether a request carries anything that one could log in with.
fn carries_a_login(exchange: &Exchange) -> bool {
    let request = &exchange.request;
    let body = String::from_utf8_lossy(&request.body);
    let text = format!("{} {} {body}", request.query, request.header("cookie").unwrap_or_default());
    request.headers.contains_key("authorization") || text.contains("account") || text.contains("refresh_token")
}

/// The requests that another host got; none of them may carry a login.
#[track_caller]
fn heard(log: &[Exchange]) -> usize {
    let logins: Vec<_> = log.iter().filter(|exchange| carries_a_login(exchange)).collect();
    assert!(logins.is_empty(), "a login went elsewhere: {logins:#?}");
    log.len()
}

#[test]
fn a_foreign_token_service_gets_no_login() {
    let world = with_login(RegistryAuth::Token);
    let registry = world.registry().double();
    let elsewhere = TokenServer::start(ELSEWHERE, Arc::clone(&registry.tokens));
    registry.set_realm(&elsewhere.realm());
    undetermined(&check(&world), "realm", "RegistryDenied", "--trust-realm 127.0.0.2");
    assert_eq!(heard(&elsewhere.log()), 1, "it is asked once, as anybody may ask");
    // What anybody may read is read.
    registry.tokens.publish(REPOSITORY);
    assert_eq!(verdict(&check(&world)), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]));
    assert_eq!(heard(&elsewhere.log()), 2);
    // Who trusts it sends it the login.
    let trusted = world.run(&["check", "-o", "json", "--trust-realm", "127.0.0.2"]).expect(0);
    assert_eq!(verdict(&trusted), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]));
    assert!(elsewhere.log().iter().any(carries_a_login), "else this test could not fail");
}

#[test]
fn a_realm_that_is_no_place_for_a_login_is_refused() {
    for (realm, says) in [
        ("http://registry.example.com/token", "in the clear"),
        ("ftp://127.0.0.1/token", "in the clear"),
        ("https://robot:s3cret@127.0.0.1/token", "a login in it"),
        ("not a url", "not a URL"),
    ] {
        let world = with_login(RegistryAuth::Token);
        world.registry().double().set_realm(realm);
        undetermined(&check(&world), realm, "MetadataUnreadable", says);
        assert_eq!(world.registry().double().log().len(), 1);
    }
}

#[test]
fn a_redirect_takes_no_login_along() {
    for auth in [RegistryAuth::Basic, RegistryAuth::Token] {
        for foreign_auth in [RegistryAuth::Basic, RegistryAuth::Token] {
            let world = with_login(auth);
            let elsewhere = foreign(foreign_auth);
            let path = format!("/v2/{REPOSITORY}/tags/list");
            let target = format!("http://{}{path}?n=1000", elsewhere.host());
            // The first answer asks for a login, and the next one, with it, leads away.
            let away = Fault::status(307).header("Location", &target);
            world.registry().double().fault(away.at(&path).after(1));
            undetermined(&check(&world), "redirect", "RegistryDenied", "401");
            assert_eq!(heard(&elsewhere.log()), 1, "it may ask for a login, and gets none");
            assert!(world.registry().double().log().iter().any(carries_a_login), "else this test could not fail");
        }
    }
}

#[test]
fn a_redirect_that_goes_in_circles_or_out_of_http_ends() {
    let path = format!("/v2/{REPOSITORY}/tags/list");
    for (target, says, requests) in [
        (path.as_str(), "more than 5 redirects", 6),
        ("file:///etc/passwd", "to file", 1),
        ("http://registry.example.com/", "to http", 1),
        ("https://robot:s3cret@registry.example.com/", "a login in it", 1),
    ] {
        let world = with_login(RegistryAuth::None);
        world.registry().double().fault(Fault::status(302).header("Location", target).at(&path));
        undetermined(&check(&world), target, "MetadataUnreadable", says);
        assert_eq!(world.registry().double().log().len(), requests, "{target}");
    }
}

#[test]
fn the_next_page_of_a_list_is_not_looked_for_elsewhere() {
    for auth in [RegistryAuth::None, RegistryAuth::Basic, RegistryAuth::Token] {
        let world = with_login(auth);
        let elsewhere = foreign(RegistryAuth::None);
        for origin in [format!("http://{}", elsewhere.host()), format!("//{}", elsewhere.host())] {
            world.registry().double().paginate(2, Link::Elsewhere(origin));
            undetermined(&check(&world), "page", "TruncatedTagList", "goes on elsewhere");
            assert_eq!(heard(&elsewhere.log()), 0);
        }
    }
}

/// An Application whose image is at a host of its own.
fn at_host(world: &World, host: &str) {
    let (list, image) = (format!("web={host}/{REPOSITORY}:~1.0"), format!("{host}/{REPOSITORY}:v1.0.0"));
    world.application(Application::named("bookstore").image_list(&list).kustomize(&[&image]).images(&[&image]));
    world.docker_login(host, ROBOT);
}

#[test]
fn who_cannot_prove_who_they_are_are_told_nothing() {
    let by_ca = World::new(Backend::Double);
    let ca = by_ca.file("ca.pem", &Authority::of_this_process().ca);
    for (name, host, trusted, says) in [
        ("an unknown CA", IpAddr::V4(Ipv4Addr::LOCALHOST), false, "the certificate of 127.0.0.1:"),
        ("another host's certificate", IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3)), true, "the certificate of 127.0.0.3:"),
    ] {
        let world = World::new(Backend::Double);
        let registry = RegistryDouble::start_tls_on(host, RegistryAuth::None);
        registry.push(REPOSITORY, "v1.0.1", &Image::built("2026-11-02T08:00:00Z"));
        at_host(&world, &registry.host());
        let output = world.run_with(&["check", "-o", "json"], |invocation| {
            if trusted {
                invocation.env("SSL_CERT_FILE", &ca);
            }
        });
        undetermined(&output, name, "RegistryUnreachable", says);
        assert!(registry.log().is_empty(), "{name}: {:#?}", registry.log());
    }
    // The same, as it should be.
    let world = World::new(Backend::Double);
    let registry = RegistryDouble::start_tls_on(ELSEWHERE, RegistryAuth::None);
    registry.push(REPOSITORY, "v1.0.1", &Image::built("2026-11-02T08:00:00Z"));
    at_host(&world, &registry.host());
    let output = world.run_with(&["check", "-o", "json"], |invocation| {
        invocation.env("SSL_CERT_FILE", &ca);
    });
    assert_eq!(verdict(&output.expect(0)), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]));
}

#[test]
fn where_nobody_listens_there_is_no_answer() {
    let world = World::new(Backend::Double);
    // A port that was a registry's until a moment ago.
    let host = RegistryDouble::start(RegistryAuth::None).host();
    at_host(&world, &host);
    undetermined(&check(&world), "refused", "RegistryUnreachable", &format!("no connection to {host}: "));
}
