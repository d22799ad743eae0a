//! The registry double answers requests as Debian's docker-registry does.
//!
//! Each expectation is what the real registry says. It documents the facts that the tool's reactions rest on.

use serde_json::Value;
use serde_json::json;

use crate::world::ACCEPT;
use crate::world::Backend;
use crate::world::Image;
use crate::world::ROBOT;
use crate::world::Registry;
use crate::world::RegistryAuth;
use crate::world::Reply;
use crate::world::World;
use crate::world::on_both;
use crate::world::send;

on_both!(lists_tags_and_gives_manifests, negotiates_manifests, asks_for_a_password, asks_for_a_token);

fn fetch(registry: &Registry, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    send(method, &format!("http://{}{path}", registry.host()), headers, "")
}

/// `STATUS CODE: MESSAGE` of a refusal.
fn refusal(reply: &Reply) -> String {
    let error = &reply.json()["errors"][0];
    format!("{} {}: {}", reply.status, error["code"].as_str().unwrap(), error["message"].as_str().unwrap())
}

fn lists_tags_and_gives_manifests(backend: Backend) {
    let registry = Registry::start(backend, RegistryAuth::None);
    let image = Image::index([
        Image::built("2024-05-01T00:00:00Z"),
        Image::built("2024-05-02T00:00:00Z").platform("linux/arm/v7"),
    ])
    .attested();
    registry.push("acme/web", "1.0.0", &image);
    registry.push("acme/web", "1.0.1", &Image::built("2024-05-03T00:00:00Z"));
    registry.push("acme/web", "latest", &Image::built("2024-05-03T00:00:00Z"));

    assert_eq!(fetch(&registry, "GET", "/v2/", &[]).text(), "{}");
    let list = fetch(&registry, "GET", "/v2/acme/web/tags/list?n=1", &[]).json();
    assert_eq!(list["name"], "acme/web");
    let mut tags: Vec<&str> = list["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
    // The real one lists in no order, and not in pages.
    tags.sort_unstable();
    assert_eq!(tags, ["1.0.0", "1.0.1", "latest"]);

    let head = fetch(&registry, "HEAD", "/v2/acme/web/manifests/1.0.0", &[("Accept", ACCEPT)]);
    assert_eq!(head.status, 200);
    assert_eq!(head.header("docker-content-digest"), Some(image.digest().as_str()));
    assert_eq!(head.header("content-type"), Some("application/vnd.oci.image.index.v1+json"));
    assert!(head.body.is_empty());
    let index = fetch(&registry, "GET", "/v2/acme/web/manifests/1.0.0", &[("Accept", ACCEPT)]);
    assert_eq!(head.header("content-length"), Some(index.body.len().to_string().as_str()));
    let platforms: Vec<String> = index.json()["manifests"].as_array().unwrap().iter().map(platform).collect();
    assert_eq!(platforms, ["linux/amd64", "unknown/unknown", "linux/arm/v7", "unknown/unknown"]);

    let child = index.json()["manifests"][2]["digest"].as_str().unwrap().to_owned();
    let manifest = fetch(&registry, "GET", &format!("/v2/acme/web/manifests/{child}"), &[("Accept", ACCEPT)]).json();
    let config = manifest["config"]["digest"].as_str().unwrap();
    let config = fetch(&registry, "GET", &format!("/v2/acme/web/blobs/{config}"), &[]);
    assert_eq!(config.header("content-type"), Some("application/octet-stream"));
    assert_eq!(config.json()["created"], "2024-05-02T00:00:00Z");
    assert_eq!(platform(&json!({"platform": config.json()})), "linux/arm/v7");

    let accept = [("Accept", ACCEPT)];
    for (path, expected) in [
        ("/v2/acme/nope/tags/list", "404 NAME_UNKNOWN: repository name not known to registry"),
        ("/v2/acme/nope/manifests/1.0.0", "404 MANIFEST_UNKNOWN: manifest unknown"),
        ("/v2/acme/web/manifests/9.9.9", "404 MANIFEST_UNKNOWN: manifest unknown"),
        (&format!("/v2/acme/web/blobs/sha256:{}", "1".repeat(64)), "404 BLOB_UNKNOWN: blob unknown to registry"),
    ] {
        assert_eq!(refusal(&fetch(&registry, "GET", path, &accept)), expected, "{path}");
    }
    let nonsense = fetch(&registry, "GET", "/v2/UPPER/tags/list", &[]);
    assert_eq!((nonsense.status, nonsense.text().as_str()), (404, "404 page not found\n"));

    registry.delete("acme/web", "1.0.1");
    let list = fetch(&registry, "GET", "/v2/acme/web/tags/list", &[]).json();
    assert_eq!(list["tags"], json!(["1.0.0"]), "the tag `latest` pointed to the same manifest");
}

fn platform(entry: &Value) -> String {
    let parts = ["os", "architecture", "variant"];
    parts.iter().filter_map(|part| entry["platform"][part].as_str()).collect::<Vec<_>>().join("/")
}

fn negotiates_manifests(backend: Backend) {
    let registry = Registry::start(backend, RegistryAuth::None);
    let image = Image::built("2024-05-01T00:00:00Z");
    registry.push("acme/web", "oci", &image);
    registry.push("acme/web", "oci-index", &Image::index([image.clone()]));
    registry.push("acme/web", "docker", &image.clone().docker());
    registry.push("acme/web", "docker-list", &Image::index([image]).docker());
    let oci = "404 MANIFEST_UNKNOWN: OCI manifest found, but accept header does not support OCI manifests";
    let index = "404 MANIFEST_UNKNOWN: OCI index found, but accept header does not support OCI indexes";
    let docker = "400 MANIFEST_INVALID: manifest invalid";
    for (tag, media_type, refused) in [
        ("oci", "application/vnd.oci.image.manifest.v1+json", oci),
        ("oci-index", "application/vnd.oci.image.index.v1+json", index),
        ("docker", "application/vnd.docker.distribution.manifest.v2+json", docker),
        ("docker-list", "application/vnd.docker.distribution.manifest.list.v2+json", docker),
    ] {
        let path = format!("/v2/acme/web/manifests/{tag}");
        for accept in [media_type, ACCEPT] {
            let reply = fetch(&registry, "GET", &path, &[("Accept", accept)]);
            assert_eq!((reply.status, reply.header("content-type")), (200, Some(media_type)), "{tag} as {accept}");
        }
        for accept in ["application/json", "*/*"] {
            assert_eq!(refusal(&fetch(&registry, "GET", &path, &[("Accept", accept)])), refused, "{tag} as {accept}");
        }
    }
}

fn asks_for_a_password(backend: Backend) {
    let world = World::with(backend, RegistryAuth::Basic);
    world.publish("acme/web", "1.0.0", &Image::built("2024-05-01T00:00:00Z"));
    let path = "/v2/acme/web/tags/list";
    for headers in [&[][..], &[("Authorization", "Basic cm9ib3Q6d3Jvbmc=")]] {
        let reply = fetch(world.registry(), "GET", path, headers);
        assert_eq!(refusal(&reply), "401 UNAUTHORIZED: authentication required");
        assert_eq!(reply.header("www-authenticate"), Some(r#"Basic realm="test""#));
    }
    // robot:s3cret
    let reply = fetch(world.registry(), "GET", path, &[("Authorization", "Basic cm9ib3Q6czNjcmV0")]);
    assert_eq!(reply.json()["tags"], json!(["1.0.0"]));
}

fn asks_for_a_token(backend: Backend) {
    let world = World::with(backend, RegistryAuth::Token);
    let registry = world.registry();
    for repository in ["acme/web", "acme/public", "acme/secret"] {
        registry.push(repository, "1.0.0", &Image::built("2024-05-01T00:00:00Z"));
    }
    registry.tokens().publish("acme/public");
    registry.tokens().restrict("acme/secret", &["visitor"]);

    let asked = fetch(registry, "GET", "/v2/acme/web/tags/list", &[]);
    assert_eq!(refusal(&asked), "401 UNAUTHORIZED: authentication required");
    let challenge = asked.header("www-authenticate").unwrap().to_owned();
    let realm = challenge.strip_prefix("Bearer realm=\"").unwrap().split('"').next().unwrap();
    let rest = &challenge[challenge.find(",service").unwrap()..];
    assert_eq!(rest, r#",service="test-registry",scope="repository:acme/web:pull""#);
    let base = fetch(registry, "GET", "/v2/", &[]);
    assert!(base.header("www-authenticate").unwrap().ends_with(r#",service="test-registry""#));

    let login = ("Authorization", "Basic cm9ib3Q6czNjcmV0");
    assert_eq!(ROBOT, ("robot", "s3cret"));
    let token = |repository: &str, headers: &[(&str, &str)]| {
        let url = format!("{realm}?service=test-registry&scope=repository:{repository}:pull");
        let reply = send("GET", &url, headers, "");
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["token"].as_str().unwrap().to_owned()
    };
    let read = |repository: &str, token: &str| {
        let authorization = format!("Bearer {token}");
        let path = format!("/v2/{repository}/tags/list");
        let reply = fetch(registry, "GET", &path, &[("Authorization", &authorization)]);
        let challenge = reply.header("www-authenticate").unwrap_or_default();
        let error = challenge.split(",error=").nth(1).unwrap_or_default();
        format!("{} {error}", reply.status)
    };
    let robot = token("acme/web", &[login]);
    assert_eq!(read("acme/web", &robot), "200 ");
    assert_eq!(read("acme/secret", &robot), r#"401 "insufficient_scope""#);
    assert_eq!(read("acme/secret", &token("acme/secret", &[login])), r#"401 "insufficient_scope""#);
    assert_eq!(read("acme/web", &token("acme/web", &[])), r#"401 "insufficient_scope""#);
    assert_eq!(read("acme/public", &token("acme/public", &[])), "200 ");
    assert_eq!(read("acme/web", "nonsense"), r#"401 "invalid_token""#);
    let wrong =
        send("GET", &format!("{realm}?service=test-registry"), &[("Authorization", "Basic cm9ib3Q6d3Jvbmc=")], "");
    assert_eq!(wrong.status, 401);
}
