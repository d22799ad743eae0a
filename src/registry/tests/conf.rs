//! `registries.conf` on the wire: where an image is asked for, what its host is trusted with, who is told a login.

use std::time::Duration;

use super::*;
use crate::registry::conf;
use crate::registry::conf::Origin;
use crate::registry::guard;
use crate::registry::tests::server::reply;
use crate::registry::tests::server::tags;

/// `foo:bar`
const BASIC: &str = "Basic Zm9vOmJhcg==";

fn configured(client: Client, origin: Origin, entries: &str) -> Client {
    client.registries.configure(conf::parse(&format!("registries:\n{entries}"), origin).unwrap());
    client
}

async fn ask(client: &Client, image: &str) -> Result<String, String> {
    let name = crate::model::image::Reference::parse(image);
    let remote = Remote::named(&name, name.repository().unwrap());
    let tags = client.registries.tags(&remote).await;
    tags.map(|tags| tags.names.join(" ")).map_err(|error| format!("{:?}: {}", error.kind(), error.message()))
}

#[tokio::test]
async fn an_entry_says_where_and_how_fast() {
    let server = Server::start(|_, _| tags(&["1"])).await;
    let entries = format!(
        "- {{name: mirror, api_url: '{0}/mirror/', prefix: reg.example.com, limit: 10}}\n\
         - {{name: mine, api_url: '{0}', prefix: reg.example.com/own, default: true, defaultns: base}}\n",
        server.url()
    );
    let client = configured(Client::new(), Origin::File, &entries);
    for image in ["reg.example.com/a/x", "reg.example.com/b/x", "nginx", "reg.example.com/own/x"] {
        assert_eq!(ask(&client, image).await.as_deref(), Ok("1"), "{image}");
    }
    assert_eq!(
        server.lines(),
        [
            "GET /mirror/v2/a/x/tags/list?n=1000",
            "GET /mirror/v2/b/x/tags/list?n=1000",
            "GET /v2/base/nginx/tags/list?n=1000",
            "GET /v2/own/x/tags/list?n=1000",
        ]
    );
    assert_eq!(client.clock.slept()[0], Duration::from_millis(100), "10 a second");
}

/// Cases `ep-10` to `ep-12`: certificates of an entry are trusted, for its own hosts.
#[tokio::test]
async fn an_entrys_certificates_are_trusted() {
    let (server, ca) = Server::start_tls(&["127.0.0.1"], |_, _| tags(&["1"])).await;
    let url = format!("https://{}", server.authority());
    let image = format!("{}/acme/web", server.authority());
    let ca = String::from_utf8(ca).unwrap().replace('\n', "\\n");
    for (extra, expected, unverified) in [
        (
            "limit: 5".to_owned(),
            "the certificate of HOST is not trusted: invalid peer certificate: UnknownIssuer",
            false,
        ),
        (format!("ca_data: \"{ca}\""), "1", false),
        ("insecure: true".to_owned(), "1", true),
    ] {
        let prefix = server.authority();
        let entry = format!("- {{name: x, api_url: '{url}', prefix: '{prefix}', {extra}}}\n");
        let client = configured(Client::new(), Origin::Cluster, &entry);
        let answer = ask(&client, &image).await.unwrap_or_else(|error| error);
        assert_eq!(answer.replace(&server.authority(), "HOST").replace("Unreachable: ", ""), expected);
        assert_eq!(client.registries.unverified().is_empty(), !unverified, "{extra}");
    }
}

/// Being careless with one host is no reason to be so with another.
#[tokio::test]
async fn carelessness_ends_with_the_host() {
    let (elsewhere, _) = Server::start_tls(&["localhost"], |_, _| tags(&["1"])).await;
    let target = elsewhere.other_name().replace("http:", "https:");
    let (server, _) =
        Server::start_tls(&["127.0.0.1"], move |_, _| reply(307, "").header("location", format!("{target}/x"))).await;
    let entry = format!("- {{name: x, api_url: 'https://{0}', prefix: '{0}', insecure: true}}\n", server.authority());
    let client = configured(Client::new(), Origin::File, &entry);
    let error = ask(&client, &format!("{}/acme/web", server.authority())).await.unwrap_err();
    assert!(error.contains("the certificate of localhost") && error.contains("is not trusted"), "{error}");
    assert_eq!(client.registries.unverified(), [server.authority()]);
}

/// The caller's login is for the host that is asked, whatever the image is called, and needs TLS unless the caller says so.
#[tokio::test]
async fn the_callers_login_goes_to_its_own_host_only() {
    let (server, _) = Server::start_tls(&["reg.example.com"], |asked, _| match asked.authorization() {
        BASIC => tags(&["private"]),
        _ => reply(401, "").header("www-authenticate", "Basic realm=\"x\""),
    })
    .await;
    let login = |host: &str| {
        let auths = serde_json::json!({"auths": {host: {"auth": "Zm9vOmJhcg=="}}}).to_string();
        move |settings: &mut RegistrySettings| settings.docker_config = Ok(DockerConfig::parse(&auths).unwrap())
    };
    let place = guard::Place { address: "10.0.0.7".parse().unwrap(), socket: server.address() };
    let names = || Names::Table(Arc::new([("reg.example.com".to_owned(), place)].into()));
    let entry = "- {name: x, api_url: 'https://reg.example.com', prefix: docker.io, insecure: true}\n";
    for (host, origin, allowed) in [
        // The caller says where the image's own registry is; others do not.
        ("docker.io", Origin::File, true),
        ("https://index.docker.io/v1/", Origin::File, true),
        ("docker.io", Origin::Cluster, false),
        ("reg.example.com", Origin::File, true),
        ("reg.example.com", Origin::Cluster, false),
    ] {
        let client = configured(Client::among(names(), login(host)), origin, entry);
        let answer = ask(&client, "nginx").await;
        assert_eq!(answer.is_ok(), allowed, "{host} {origin:?} {answer:?}");
    }
    assert_eq!(server.log().iter().filter(|asked| !asked.authorization().is_empty()).count(), 3);
}

#[tokio::test]
async fn plain_http_is_asked_where_it_is_written() {
    let server = Server::start(|asked, _| match (asked.path(), asked.authorization()) {
        ("/token", BASIC) => reply(200, r#"{"token":"t"}"#),
        (_, "Bearer t") => tags(&["1"]),
        _ => {
            let realm = format!("Bearer realm=\"http://{}/token\"", asked.headers["host"]);
            reply(401, "").header("www-authenticate", realm)
        }
    })
    .await;
    let place = guard::Place { address: "10.0.0.7".parse().unwrap(), socket: server.address() };
    let client = Client::among(Names::Table(Arc::new([("reg.corp".to_owned(), place)].into())), |settings| {
        settings.docker_config = Ok(DockerConfig::parse(r#"{"auths":{"reg.corp":{"auth":"Zm9vOmJhcg=="}}}"#).unwrap());
    });
    let client = configured(client, Origin::File, "- {name: x, api_url: 'http://reg.corp', prefix: reg.corp}\n");
    assert_eq!(ask(&client, "reg.corp/acme/web").await.as_deref(), Ok("1"));
    assert!(client.registries.unverified().is_empty(), "there was no certificate to verify");
}
