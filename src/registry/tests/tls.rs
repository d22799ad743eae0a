//! Over TLS: certificates, quirks, and hosts that name other hosts.

use std::collections::HashMap;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::*;
use crate::registry::guard::Place;
use crate::registry::quirks;
use crate::registry::tests::server::Asked;
use crate::registry::tests::server::Reply;
use crate::registry::tests::server::reply;
use crate::registry::tests::server::tags;
use crate::tls::tests::Own;

const PUBLIC: &str = "203.0.113.7";
/// The first byte of a TLS connection (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;
const PRIVATE: &str = "10.0.0.7";

/// Names that all lead to one server, each pretending to be at an address.
fn names(server: &Server, places: &[(&str, &str)]) -> Names {
    let place = |address: &str| Place { address: address.parse().unwrap(), socket: server.address() };
    let table: HashMap<_, _> = places.iter().map(|(name, address)| ((*name).to_owned(), place(address))).collect();
    Names::Table(Arc::new(table))
}

async fn ask(client: &Client, registry: &str) -> Result<String, String> {
    let remote = Remote::from(Repository::new(Some(registry), "acme/web").unwrap());
    let tags = client.registries.tags(&remote).await;
    tags.map(|tags| tags.names.join(" ")).map_err(|error| format!("{:?}: {}", error.kind(), error.message()))
}

#[tokio::test]
async fn a_port_of_this_machine_may_speak_tls() {
    let (server, ca) = Server::start_tls(&["localhost", "127.0.0.1"], |asked, _| {
        let answer = tags(&["1"]).header("docker-content-digest", format!("sha256:{}", "a".repeat(64)));
        if asked.target.ends_with("n=1000") { answer.next("/v2/acme/web/tags/list?last=1") } else { answer }
    })
    .await;
    let client = Client::with(|settings| settings.extra_roots = vec![ca.clone()]);
    assert_eq!(client.tags(&server, "acme/web").await.as_deref(), Ok("1"), "pages stay on the scheme found");
    assert_eq!(server.lines().len(), 2);
    let client = Client::with(|settings| settings.extra_roots = vec![ca]);
    assert!(client.digest(&server, "1").await.is_ok(), "a HEAD finds out as well");

    let client = Client::new();
    assert_eq!(
        client.tags(&server, "acme/web").await.unwrap_err(),
        "Unreachable: failed to list tags of HOST/acme/web: the certificate of HOST is not trusted: \
         invalid peer certificate: UnknownIssuer \
         [add the registry's CA to the system's trust store, or name its file in SSL_CERT_FILE]"
    );
    let spent = client.registries.spent();
    client.tags(&server, "other").await.unwrap_err();
    assert_eq!(client.registries.spent(), spent, "it will not become more trustworthy");
}

/// Cases `ep-10`, `ep-11` and `ep-13`: what `openssl req -x509` makes is both the registry's certificate and the authority.
#[tokio::test]
async fn a_certificate_may_be_its_own_authority() {
    for (certified, last_year, trusted, expected) in [
        ("127.0.0.1", 2099, true, "1"),
        ("127.0.0.1", 2099, false, "UnknownIssuer"),
        ("127.0.0.2", 2099, true, "not valid for name"),
        ("127.0.0.1", 2020, true, "expired"),
    ] {
        let own = Own::until(&[certified], last_year);
        let server = Server::start_behind(own.acceptor(), |_, _| tags(&["1"])).await;
        let client = Client::with(|settings| {
            settings.extra_roots = if trusted { vec![own.pem.clone().into_bytes()] } else { Vec::new() };
        });
        let found = client.tags(&server, "acme/web").await.unwrap_or_else(|error| error);
        assert!(found == expected || expected != "1" && found.contains(expected), "{certified} {last_year}: {found}");
    }
}

#[tokio::test]
async fn other_hosts_are_never_asked_in_the_clear() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = Place { address: PUBLIC.parse().unwrap(), socket: listener.local_addr().unwrap() };
    let names = Names::Table(Arc::new(HashMap::from([("reg.example.com".to_owned(), place)])));
    // The first bytes of every connection, and then nothing.
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            heard.push(stream.read_u8().await.unwrap());
        }
        heard
    });
    let error = ask(&Client::among(names, |_| {}), "reg.example.com").await.unwrap_err();
    assert!(error.starts_with("Unreachable: no connection to reg.example.com: "), "{error}");
    assert_eq!(heard.await.unwrap(), [TLS_HANDSHAKE, TLS_HANDSHAKE], "twice, and both times in TLS");
}

#[tokio::test]
async fn every_quirk_is_seen_on_the_wire() {
    for quirk in quirks::QUIRKS {
        let registry = quirk.host.replace('*', "some");
        let api = quirk.api_host.unwrap_or(&registry).to_owned();
        let (realm, service) = quirk.token_service.unwrap_or(("", "some-service"));
        let realm = if realm.is_empty() { format!("https://{api}/token") } else { realm.to_owned() };
        let realm_host = realm.split('/').nth(2).unwrap().to_owned();
        let (token_path, challenge) = (
            format!("/{}", realm.splitn(4, '/').nth(3).unwrap()),
            format!("Bearer realm=\"{realm}\",service=\"{service}\""),
        );
        let (server, ca) = Server::start_tls(&[&api, &realm_host], move |asked, _| match asked.authorization() {
            _ if asked.path() == token_path => reply(200, r#"{"token":"t"}"#),
            "Bearer t" => tags(&["1"]).header("docker-content-digest", format!("sha256:{}", "a".repeat(64))),
            _ => reply(401, "").header("www-authenticate", &*challenge),
        })
        .await;
        let client = Client::among(names(&server, &[(&api, PUBLIC), (&realm_host, PUBLIC)]), |settings| {
            settings.extra_roots = vec![ca];
            let auth = serde_json::json!({"auths": {&registry: {"auth": "Zm9vOmJhcg=="}}});
            settings.docker_config = Ok(DockerConfig::parse(&auth.to_string()).unwrap());
        });
        assert_eq!(ask(&client, &registry).await.as_deref(), Ok("1"), "{registry}");
        let log = server.log();
        let token = log
            .iter()
            .position(|asked| asked.headers["host"] == realm_host && asked.target.contains("scope="))
            .unwrap();
        assert_eq!(
            token,
            usize::from(quirk.token_service.is_none()),
            "{registry}: the token comes first if the row says where from"
        );
        let actions = quirk.actions.replace(',', "%2C");
        let query = format!("?service={service}&scope=repository%3Aacme%2Fweb%3A{actions}&account=foo");
        assert!(log[token].target.ends_with(&query), "{registry}: {}", log[token].target);
        assert_eq!(
            log[token].authorization(),
            "Basic Zm9vOmJhcg==",
            "{registry}: its own token service gets the login"
        );
        assert_eq!(
            (log.last().unwrap().headers["host"].as_str(), log.last().unwrap().authorization()),
            (&*api, "Bearer t")
        );
        let before = client.clock.slept().len();
        let remote = Remote::from(Repository::new(Some(&registry), "acme/web").unwrap());
        client.registries.digest(&remote, &Tag::new("1").unwrap()).await.unwrap();
        let spacing: Duration = client.clock.slept()[before..].iter().sum();
        let expected = quirk.requests_per_second.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate);
        assert_eq!(spacing, expected, "{registry}: requests leave at the rate of its row");
    }
}

/// A registry at a public address that names a host for tokens, or redirects there.
fn treacherous(kind: &'static str, host: &'static str) -> impl Fn(&Asked, usize) -> Reply {
    move |asked, _| match (asked.headers["host"].as_str(), kind) {
        ("reg.example.com", "realm") if asked.authorization().is_empty() => {
            reply(401, "").header("www-authenticate", format!("Bearer realm=\"https://{host}/token\""))
        }
        ("reg.example.com", "redirect") => reply(307, "").header("location", format!("https://{host}/tags")),
        (_, "realm") if asked.path() == "/token" => reply(200, r#"{"token":"t"}"#),
        _ => tags(&["1"]),
    }
}

#[tokio::test]
async fn a_public_registry_sends_nobody_into_a_private_network() {
    for kind in ["realm", "redirect"] {
        for (host, at, registry_at, allowed) in [
            ("inside.example.net", PRIVATE, PUBLIC, false),
            ("inside.example.net", "127.0.0.1", PUBLIC, false),
            ("inside.example.net", "169.254.169.254", PUBLIC, false),
            ("outside.example.net", PUBLIC, PUBLIC, true),
            ("inside.example.net", PRIVATE, PRIVATE, true),
            ("10.0.0.7", PRIVATE, PUBLIC, false),
            ("169.254.169.254", PRIVATE, PUBLIC, false),
            ("[::1]", PRIVATE, PUBLIC, false),
        ] {
            let certified = ["reg.example.com", "inside.example.net", "outside.example.net"];
            let (server, ca) = Server::start_tls(&certified, treacherous(kind, host)).await;
            let table = names(&server, &[("reg.example.com", registry_at), (host, at)]);
            let client = Client::among(table, |settings| settings.extra_roots = vec![ca]);
            let found = ask(&client, "reg.example.com").await;
            let refused = format!(
                "Protocol: `{host}` leads to this machine or a private network, where a public registry must not send anybody"
            );
            let expected = if allowed { Ok("1".to_owned()) } else { Err(refused) };
            assert_eq!(found, expected, "{kind} {host} at {at} from {registry_at}");
            let foreign = server.log().iter().filter(|asked| asked.headers["host"] == host).count();
            assert_eq!(foreign, usize::from(allowed), "{kind} {host}");
        }
    }
}

#[tokio::test]
async fn encryption_is_not_given_up_on_the_way() {
    let (server, ca) = Server::start_tls(&["reg.example.com"], |asked, _| match asked.path() {
        "/v2/acme/web/tags/list" => reply(302, "").header("location", "http://reg.example.com/tags"),
        _ => tags(&["1"]),
    })
    .await;
    let client = Client::among(names(&server, &[("reg.example.com", PUBLIC)]), |s| s.extra_roots = vec![ca]);
    assert_eq!(
        ask(&client, "reg.example.com").await.unwrap_err(),
        "Protocol: reg.example.com redirects from https to http"
    );
}

#[tokio::test]
async fn what_docker_hub_says_is_left_is_kept() {
    let server = Server::start(|asked, _| {
        let left = if asked.target.contains("/a/") { "98;w=21600" } else { "99;w=21600" };
        tags(&["1"]).header("ratelimit-remaining", left)
    })
    .await;
    let client = Client::new();
    client.tags(&server, "a").await.unwrap();
    client.tags(&server, "b").await.unwrap();
    assert_eq!(client.registries.left(), [(server.authority(), 98)]);
}
