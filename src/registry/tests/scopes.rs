//! One token for several repositories, where a row says that the host gives such tokens; and one by one after a refusal.

use std::collections::HashMap;

use super::*;
use crate::registry::guard::Place;
use crate::registry::tests::server::Reply;
use crate::registry::tests::server::reply;
use crate::registry::tests::server::tags;

/// How Docker Hub takes a token for two repositories.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Gives,
    /// The token service wants one scope at a time.
    OneAtATime,
    /// It gives the token, which then does not open `acme/b`.
    NotForB,
}

async fn hub(mood: Mood) -> (Server, Client) {
    let hosts = ["registry-1.docker.io", "auth.docker.io"];
    let (server, ca) = Server::start_tls(&hosts, move |asked, _| -> Reply {
        if asked.path() == "/token" {
            let scopes: Vec<_> = asked.target.split('&').filter_map(|pair| pair.strip_prefix("scope=")).collect();
            return match scopes.as_slice() {
                [one] => reply(200, format!(r#"{{"token":"{one}"}}"#)),
                _ if mood == Mood::OneAtATime => reply(400, r#"{"details":"one scope at a time"}"#),
                [..] => reply(200, r#"{"token":"several"}"#),
            };
        }
        let opens = match asked.authorization() {
            "Bearer several" => mood == Mood::Gives || asked.path().contains("/a/"),
            one => one.contains(asked.path().split('/').nth(3).unwrap()),
        };
        if opens { tags(&["1"]) } else { reply(401, "").header("www-authenticate", CHALLENGE) }
    })
    .await;
    let place = Place { address: "203.0.113.7".parse().unwrap(), socket: server.address() };
    let table: HashMap<_, _> = hosts.iter().map(|host| ((*host).to_owned(), place)).collect();
    let client = Client::among(Names::Table(Arc::new(table)), |settings| settings.extra_roots = vec![ca]);
    (server, client)
}

const CHALLENGE: &str = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#;
const BOTH: &str = "scope=repository%3Aacme%2Fa%3Apull&scope=repository%3Aacme%2Fb%3Apull";

fn of(path: &str) -> Remote {
    Remote::from(Repository::new(None, path).unwrap())
}

#[tokio::test]
async fn what_was_announced_costs_one_token() {
    for (mood, expected) in [
        (Mood::Gives, vec![format!("token {BOTH}"), "acme/a".into(), "acme/b".into()]),
        (
            Mood::OneAtATime,
            vec![
                format!("token {BOTH}"),
                "token scope=repository%3Aacme%2Fa%3Apull".into(),
                "acme/a".into(),
                "token scope=repository%3Aacme%2Fb%3Apull".into(),
                "acme/b".into(),
            ],
        ),
        (
            Mood::NotForB,
            vec![
                format!("token {BOTH}"),
                "acme/a".into(),
                "acme/b".into(),
                "token scope=repository%3Aacme%2Fb%3Apull".into(),
                "acme/b".into(),
            ],
        ),
    ] {
        let (server, client) = hub(mood).await;
        for path in ["acme/b", "acme/a"] {
            client.registries.announce(&of(path));
        }
        for path in ["acme/a", "acme/b"] {
            assert_eq!(client.registries.tags(&of(path)).await.unwrap().names, ["1"]);
        }
        let lines =
            server.log().into_iter().map(|asked| match asked.target.split_once("service=registry.docker.io&") {
                Some((_, scopes)) => format!("token {scopes}"),
                None => asked.path().trim_start_matches("/v2/").trim_end_matches("/tags/list").to_owned(),
            });
        assert_eq!(lines.collect::<Vec<_>>(), expected);
    }
}
