//! Manifests, indexes and configs: digests, platforms, build dates.

use std::collections::BTreeMap;

use super::*;
use crate::registry::Description;
use crate::registry::tests::server::Asked;
use crate::registry::tests::server::Reply;
use crate::registry::tests::server::reply;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// What a repository holds: path below `/v2/acme/web/` → media type and bytes.
#[derive(Clone, Default)]
struct Content(BTreeMap<String, (String, String)>);

impl Content {
    fn put(&mut self, folder: &str, media_type: &str, body: &str) -> String {
        let digest = digest_of(body);
        self.0.insert(format!("{folder}/{digest}"), (media_type.to_owned(), body.to_owned()));
        digest
    }

    /// One image; returns the digest of its manifest.
    fn image(&mut self, platform: &str, created: &str) -> String {
        let mut parts = platform.split('/');
        let mut config = serde_json::json!({"os": parts.next(), "architecture": parts.next()});
        if let Some(variant) = parts.next() {
            config["variant"] = variant.into();
        }
        if !created.is_empty() {
            config["created"] = created.into();
        }
        let config = self.put("blobs", "application/octet-stream", &config.to_string());
        let config = serde_json::json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config});
        let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []});
        self.put("manifests", MANIFEST, &manifest.to_string())
    }

    fn index(&mut self, entries: &[(&str, &str)]) -> String {
        let entries: Vec<_> = entries
            .iter()
            .map(|(platform, digest)| match platform.split_once('/') {
                Some((os, rest)) => {
                    let (architecture, variant) = rest.split_once('/').unwrap_or((rest, ""));
                    serde_json::json!({"mediaType": MANIFEST, "digest": digest,
                        "platform": {"os": os, "architecture": architecture, "variant": variant}})
                }
                None => serde_json::json!({"mediaType": MANIFEST, "digest": digest}),
            })
            .collect();
        let index = serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        self.put("manifests", INDEX, &index.to_string())
    }

    fn tag(&mut self, tag: &str, digest: &str) {
        let content = self.0[&format!("manifests/{digest}")].clone();
        self.0.insert(format!("manifests/{tag}"), content);
    }

    fn answer(&self, asked: &Asked) -> Reply {
        match self.0.get(asked.path().trim_start_matches("/v2/acme/web/")) {
            Some((media_type, body)) => {
                let answer = reply(200, body.as_str()).header("content-type", media_type);
                answer.header("docker-content-digest", digest_of(body))
            }
            None => reply(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#),
        }
    }
}

fn digest_of(body: &str) -> String {
    crate::registry::manifests::sha256(body.as_bytes()).as_str().to_owned()
}

async fn describe(client: &Client, server: &Server, tag: &str, wanted: &str) -> Result<String, String> {
    let tag = Tag::new(tag).unwrap();
    let answer = client.registries.describe(&remote(server, "acme/web"), &tag, &platforms(wanted)).await;
    match answer.map_err(|error| shown(&error, server))? {
        Description::OtherPlatform => Ok("other".to_owned()),
        Description::Image { created, .. } => Ok(created.to_string()),
    }
}

#[tokio::test]
async fn a_digest_costs_one_head() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let answer = digest.clone();
    let server = Server::start(move |_, _| reply(200, "").header("docker-content-digest", &*answer)).await;
    let client = Client::new();
    for _ in 0..2 {
        assert_eq!(client.digest(&server, "1.2").await.unwrap().as_str(), digest);
    }
    assert_eq!(server.lines(), ["HEAD /v2/acme/web/manifests/1.2"]);
    let accept = &server.log()[0].headers["accept"];
    for media_type in ["oci.image.index.v1", "oci.image.manifest.v1", "distribution.manifest.v2", "manifest.list.v2"] {
        assert!(accept.contains(media_type), "{accept}");
    }
    let remote = remote(&server, "acme/web");
    client.registries.digest_now(&remote, &Tag::new("1.2").unwrap()).await.unwrap();
    assert_eq!(server.lines().len(), 2, "asked anew when that is what is wanted");
}

#[tokio::test]
async fn without_the_header_or_the_method_the_bytes_are_hashed() {
    let body = format!(r#"{{"schemaVersion":2,"config":{{"digest":"sha256:{}"}},"layers":[]}}"#, "b".repeat(64));
    for head in [200, 405, 501] {
        let text = body.clone();
        let server = Server::start(move |asked, _| match asked.method.as_str() {
            "HEAD" => reply(head, ""),
            _ => reply(200, text.as_str()).header("content-type", MANIFEST),
        })
        .await;
        assert_eq!(Client::new().digest(&server, "1").await.unwrap().as_str(), digest_of(&body), "{head}");
        assert_eq!(server.lines().len(), 2);
    }
}

/// `pin` looks for a digest that it is given.
#[tokio::test]
async fn a_manifest_is_looked_for_also_without_the_method() {
    let body = r#"{"schemaVersion": 2, "manifests": []}"#;
    let there = Digest::new(&digest_of(body)).unwrap();
    let gone = Digest::new(&digest_of("gone")).unwrap();
    for status in [200, 400, 404, 405, 501] {
        let path = format!("/v2/acme/web/manifests/{there}");
        let server = Server::start(move |asked, _| match asked.method.as_str() {
            "HEAD" if status != 200 || asked.target != path => reply(if status == 200 { 404 } else { status }, ""),
            _ if asked.target == path => reply(200, body),
            _ => reply(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
        })
        .await;
        let client = Client::new();
        let remote = remote(&server, "acme/web");
        let found = [client.registries.exists(&remote, &there).await, client.registries.exists(&remote, &gone).await];
        assert_eq!(found.map(|found| found.map_err(|error| error.to_string())), [Ok(true), Ok(false)], "{status}");
    }
    // The bytes must be what the digest names.
    let server = Server::start(|asked, _| reply(if asked.method == "HEAD" { 405 } else { 200 }, "{}")).await;
    let other = Client::new().registries.exists(&remote(&server, "acme/web"), &there).await;
    assert!(other.unwrap_err().to_string().contains("the manifest received is"));
}

#[tokio::test]
async fn a_digest_that_cannot_be_had_is_an_error() {
    type Answer = fn() -> Reply;
    let cases: [(Answer, &str); 4] = [
        (|| reply(404, ""), "TagNotFound: …: HOST answered 404 Not Found"),
        (
            || reply(200, "").header("docker-content-digest", "sha256:abc"),
            "Protocol: …: the registry gives the digest `sha256:abc`",
        ),
        (
            || {
                let answer = reply(200, "{}").header("content-type", MANIFEST);
                answer.header("docker-content-digest", format!("md5:{}", "a".repeat(32)))
            },
            "Protocol: …: the registry gives the digest `md5:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`",
        ),
        (
            || reply(403, ""),
            "Denied: …: HOST answered 403 Forbidden [the repository is private or does not exist; `docker login HOST` logs in]",
        ),
    ];
    for (answer, expected) in cases {
        let server = Server::start(move |_, _| answer()).await;
        let error = Client::new().digest(&server, "1").await.unwrap_err();
        assert_eq!(error.replace("failed to read the digest of HOST/acme/web:1", "…"), expected);
    }
}

#[tokio::test]
async fn build_dates_come_through_index_manifest_and_config() {
    let mut content = Content::default();
    let amd = content.image("linux/amd64", "2024-01-01T00:00:00Z");
    let arm = content.image("linux/arm64/v8", "2024-02-01T00:00:00.5+01:00");
    let attestation = content.put("manifests", MANIFEST, r#"{"artifactType":"x","config":{}}"#);
    let index = content.index(&[("linux/amd64", &amd), ("linux/arm64/v8", &arm), ("unknown/unknown", &attestation)]);
    content.tag("multi", &index);
    content.tag("single", &amd);
    let unnamed = content.index(&[("", &amd)]);
    content.tag("unnamed", &unnamed);
    let zero = content.image("linux/amd64", "0001-01-01T00:00:00Z");
    content.tag("zero", &zero);
    let signature = content.put(
        "manifests",
        MANIFEST,
        &format!(r#"{{"config":{{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"{amd}"}}}}"#),
    );
    content.tag("chart", &signature);
    let server = Server::start(move |asked, _| content.answer(asked)).await;
    for (tag, wanted, expected, requests) in [
        ("multi", "any", "2024-01-31T23:00:00.5Z", 5),
        ("multi", "linux/amd64", "2024-01-01T00:00:00Z", 3),
        ("multi", "linux/arm64", "2024-01-31T23:00:00.5Z", 3),
        ("multi", "linux/arm64/v7", "other", 1),
        ("multi", "windows/amd64,linux/amd64", "2024-01-01T00:00:00Z", 3),
        ("single", "any", "2024-01-01T00:00:00Z", 2),
        ("single", "linux/amd64", "2024-01-01T00:00:00Z", 2),
        ("single", "linux/arm64", "other", 2),
        ("unnamed", "linux/amd64", "2024-01-01T00:00:00Z", 3),
        ("unnamed", "linux/arm64", "other", 3),
        ("zero", "any", "0001-01-01T00:00:00Z", 2),
        ("chart", "any", "other", 1),
    ] {
        let before = server.lines().len();
        assert_eq!(describe(&Client::new(), &server, tag, wanted).await.as_deref(), Ok(expected), "{tag} {wanted}");
        assert_eq!(server.lines().len() - before, requests, "{tag} {wanted}");
    }
    // What has a digest is fetched once: the images of the second tag are known from the first.
    let client = Client::new();
    let before = server.lines().len();
    describe(&client, &server, "multi", "any").await.unwrap();
    describe(&client, &server, "unnamed", "any").await.unwrap();
    assert_eq!(server.lines().len() - before, 6);
    assert_eq!(client.digest(&server, "multi").await.unwrap().as_str(), index);
    assert_eq!(server.lines().len() - before, 6, "the digest was a by-product");
}

#[tokio::test]
async fn one_unreadable_image_makes_the_tag_unreadable() {
    let mut good = Content::default();
    let amd = good.image("linux/amd64", "2024-01-01T00:00:00Z");
    let arm = good.image("linux/arm64", "2024-02-01T00:00:00Z");
    let index = good.index(&[("linux/amd64", &amd), ("linux/arm64", &arm)]);
    good.tag("1", &index);
    let arm_config = {
        let manifest: serde_json::Value = serde_json::from_str(&good.0[&format!("manifests/{arm}")].1).unwrap();
        format!("blobs/{}", manifest["config"]["digest"].as_str().unwrap())
    };
    let cases: [(String, Option<&str>, &str); 4] = [
        (
            format!("manifests/{arm}"),
            None,
            "Protocol: …: HOST answered 404 Not Found: manifest_unknown: manifest unknown",
        ),
        (arm_config.clone(), None, "Protocol: …: HOST answered 404 Not Found: manifest_unknown: manifest unknown"),
        (
            arm_config,
            Some("{}"),
            "Protocol: …: the image's config received is sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a, not DIGEST",
        ),
        (
            format!("manifests/{arm}"),
            Some("{}"),
            "Protocol: …: the manifest received is sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a, not DIGEST",
        ),
    ];
    for (path, bytes, expected) in cases {
        let mut content = good.clone();
        let digest = path.split('/').next_back().unwrap().to_owned();
        match bytes {
            Some(bytes) => content.0.get_mut(&path).unwrap().1 = bytes.to_owned(),
            None => drop(content.0.remove(&path)),
        }
        let server = Server::start(move |asked, _| content.answer(asked)).await;
        let error = describe(&Client::new(), &server, "1", "any").await.unwrap_err();
        let error = error.replace("failed to read the build date of HOST/acme/web:1", "…").replace(&digest, "DIGEST");
        assert_eq!(error, expected);
        // Without the platform that is broken, nothing is.
        assert_eq!(describe(&Client::new(), &server, "1", "linux/amd64").await.as_deref(), Ok("2024-01-01T00:00:00Z"));
    }
}

#[tokio::test]
async fn dates_that_are_none_are_errors() {
    for (created, expected) in [
        ("", "the image's config has no build date"),
        ("invalid", "the image's config has the build date `invalid`"),
        ("2024-01-01", "the image's config has the build date `2024-01-01`"),
    ] {
        let mut content = Content::default();
        let image = content.image("linux/amd64", created);
        content.tag("1", &image);
        let server = Server::start(move |asked, _| content.answer(asked)).await;
        let error = describe(&Client::new(), &server, "1", "any").await.unwrap_err();
        assert!(error.ends_with(expected), "{error}");
    }
}

#[tokio::test]
async fn a_manifest_that_is_not_what_its_header_says_is_refused() {
    let mut content = Content::default();
    let image = content.image("linux/amd64", "2024-01-01T00:00:00Z");
    content.tag("1", &image);
    content.tag("2", &image);
    content.0.get_mut("manifests/1").unwrap().0 = INDEX.to_owned();
    let server = Server::start(move |asked, _| match asked.path() {
        "/v2/acme/web/manifests/2" => {
            let (media_type, body) = &content.0["manifests/2"];
            let answer = reply(200, body.as_str()).header("content-type", media_type);
            answer.header("docker-content-digest", format!("sha256:{}", "0".repeat(64)))
        }
        _ => content.answer(asked),
    })
    .await;
    let error = describe(&Client::new(), &server, "1", "any").await.unwrap_err();
    assert!(error.contains("is application/vnd.oci.image.manifest.v1+json by its own word and"), "{error}");
    let error = describe(&Client::new(), &server, "2", "any").await.unwrap_err();
    assert!(error.starts_with("Protocol") && error.contains("the manifest received is sha256:"), "{error}");
}

#[tokio::test]
async fn platforms_are_checked_with_one_get() {
    let mut content = Content::default();
    let amd = content.image("linux/amd64", "2024-01-01T00:00:00Z");
    let arm = content.image("linux/arm64", "");
    let index = content.index(&[("linux/amd64", &amd), ("linux/arm64", &arm), ("unknown/unknown", &arm)]);
    content.tag("multi", &index);
    content.tag("single", &arm);
    let server = Server::start(move |asked, _| content.answer(asked)).await;
    for (tag, wanted, expected, requests) in [
        ("multi", "linux/arm64", true, 1),
        ("multi", "linux/s390x", false, 1),
        ("multi", "any", true, 1),
        ("single", "linux/arm64", true, 2),
        ("single", "linux/amd64", false, 2),
    ] {
        let before = server.lines().len();
        let client = Client::new();
        let tag = Tag::new(tag).unwrap();
        let (digest, has_image) =
            client.registries.serves(&remote(&server, "acme/web"), &tag, &platforms(wanted)).await.unwrap();
        assert_eq!(has_image, expected, "{tag} {wanted}");
        assert_eq!(digest.as_str(), if tag.as_str() == "multi" { &index } else { &arm });
        assert_eq!(server.lines().len() - before, requests, "{tag} {wanted}");
    }
}
