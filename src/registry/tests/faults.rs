//! What goes wrong between here and a registry: never a wrong answer, never without bounds.

use std::io::Write;
use std::time::Duration;

use super::*;
use crate::registry::tests::server::Reply;
use crate::registry::tests::server::reply;
use crate::registry::tests::server::tags;

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failure(error: String) -> String {
    error.replace("failed to list tags of HOST/acme/web: ", "")
}

#[tokio::test]
async fn a_busy_registry_is_asked_again_when_it_says() {
    let server = Server::start(|_, n| match n {
        0 => reply(429, "").header("retry-after", "7"),
        1 => reply(503, "").header("retry-after", "2"),
        2 => reply(502, ""),
        _ => tags(&["1"]),
    })
    .await;
    let client = Client::new();
    assert_eq!(client.tags(&server, "acme/web").await.as_deref(), Ok("1"));
    let slept = client.clock.slept();
    assert_eq!(slept[..2], [Duration::from_secs(7), Duration::from_secs(2)]);
    assert!(slept[2] >= Duration::from_secs(1) && slept[2] <= Duration::from_secs(2), "{slept:?}");
}

#[tokio::test]
async fn a_registry_that_stays_busy_is_left_alone() {
    let server = Server::start(|_, _| reply(429, "Too Many Requests")).await;
    let client = Client::new();
    assert_eq!(
        client.tags(&server, "acme/web").await.map_err(failure).unwrap_err(),
        "RateLimited { retry_after: None }: HOST answered 429 Too Many Requests: Too Many Requests \
         [try again later, or log in]"
    );
    assert_eq!(server.lines().len(), 5);
    assert!(client.clock.slept().iter().sum::<Duration>() < Duration::from_secs(8));
    client.tags(&server, "other").await.unwrap_err();
    assert_eq!(server.lines().len(), 6, "who gave up once does not insist the next time");
}

#[tokio::test]
async fn nobody_waits_for_hours() {
    let server = Server::start(|_, _| reply(429, "").header("retry-after", "21600")).await;
    let client = Client::new();
    assert_eq!(
        client.tags(&server, "acme/web").await.map_err(failure).unwrap_err(),
        "RateLimited { retry_after: Some(21600s) }: HOST answered 429 Too Many Requests [try again in 6h]"
    );
    assert_eq!((server.lines().len(), client.clock.slept()), (1, vec![]));
}

#[tokio::test]
async fn broken_answers_are_not_answers() {
    type Answer = fn() -> Reply;
    let cases: [(&str, Answer, &str, usize); 6] = [
        (
            "truncated",
            || tags(&["1"]).broken_off(5),
            "Unreachable: the connection to HOST broke off: end of file before message length reached",
            5,
        ),
        ("not JSON", || reply(200, "<html>"), "Protocol: the registry's tag list is not readable", 1),
        ("not a list", || reply(200, "[]"), "Protocol: the registry's tag list is not readable", 1),
        ("not texts", || reply(200, r#"{"tags":[1]}"#), "Protocol: the registry's tag list is not readable", 1),
        ("500", || reply(500, "oops\u{1b}[31m"), "Unreachable: HOST answered 500 Internal Server Error: oops [31m", 1),
        (
            "404",
            || reply(404, r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known"}]}"#),
            "RepositoryNotFound: HOST answered 404 Not Found: name_unknown: repository name not known",
            1,
        ),
    ];
    for (name, answer, expected, requests) in cases {
        let server = Server::start(move |_, _| answer()).await;
        let error = Client::new().tags(&server, "acme/web").await.map_err(failure).unwrap_err();
        assert_eq!(error, expected, "{name}");
        assert_eq!(server.lines().len(), requests, "{name}");
    }
}

#[tokio::test]
async fn answers_have_a_size() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let limit = 8 * 1024 * 1024;
    let too_long = format!("Protocol: the answer of HOST is longer than {limit} bytes");
    let bomb = gzip(&vec![b' '; limit + 1]);
    assert!(bomb.len() < 10_000, "{}", bomb.len());
    let page = gzip(br#"{"tags":["1"]}"#);
    for (name, answer, expected) in [
        ("plain", reply(200, vec![b' '; limit + 1]), Err(too_long.as_str())),
        ("bomb", reply(200, bomb).header("content-encoding", "gzip"), Err(too_long.as_str())),
        ("gzip", reply(200, page.clone()).header("content-encoding", "gzip"), Ok("1")),
        (
            "cut gzip",
            reply(200, &page[..page.len() - 12]).header("content-encoding", "gzip"),
            Err("Protocol: the answer of HOST cannot be decompressed"),
        ),
        (
            "no gzip",
            reply(200, "hello").header("content-encoding", "gzip"),
            Err("Protocol: the answer of HOST cannot be decompressed"),
        ),
        (
            "long error",
            reply(500, "x ".repeat(1 << 20)),
            Err("Unreachable: HOST answered 500 Internal Server Error: …"),
        ),
    ] {
        let server = Server::start(move |_, _| answer.clone()).await;
        let found = Client::new().tags(&server, "acme/web").await.map_err(failure);
        let found = found.map_err(|error| {
            let words = error.find(": x").map_or(error.len(), |at| at);
            if error[words..].is_empty() { error } else { format!("{}: …", &error[..words]) }
        });
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{name}");
        assert_eq!(server.lines().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn who_does_not_listen_is_asked_twice_and_no_more() {
    let server = Server::start(|_, _| reply(500, "")).await;
    let silent = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let client = Client::new();
    let remote = |path| Remote::from(Repository::new(Some(&silent.to_string()), path).unwrap());
    let error = client.registries.tags(&remote("acme/web")).await.unwrap_err();
    // What follows is the system's own word for a refused connection.
    let text = shown(&error, &server).replace(&silent.to_string(), "HOST");
    assert!(text.starts_with("Unreachable: failed to list tags of HOST/acme/web: no connection to HOST: "), "{text}");
    assert!(std::error::Error::source(&error).is_some());
    let spent = client.registries.spent();
    client.registries.tags(&remote("other")).await.unwrap_err();
    assert_eq!(client.registries.spent(), spent);
}

#[tokio::test]
async fn a_redirect_takes_no_login_to_another_host() {
    let storage = Server::start(|_, _| tags(&["1"])).await;
    let target = format!("{}/signed?X-Signature=abc", storage.url());
    let server = Server::start(move |asked, _| match (asked.path(), asked.authorization()) {
        ("/v2/moved/tags/list", _) => reply(307, "").header("location", "/v2/new/tags/list"),
        (_, "") => reply(401, "").header("www-authenticate", "Basic realm=x"),
        _ => reply(307, "").header("location", &*target),
    })
    .await;
    let config = format!(r#"{{"auths":{{"{}":{{"auth":"Zm9vOmJhcg=="}}}}}}"#, server.authority());
    let client = Client::with_docker_config(&config);
    assert_eq!(client.tags(&server, "a").await.as_deref(), Ok("1"));
    assert_eq!(client.tags(&server, "moved").await.as_deref(), Ok("1"));
    assert_eq!(
        server.lines(),
        [
            "GET /v2/a/tags/list?n=1000",
            "GET /v2/a/tags/list?n=1000 +",
            "GET /v2/moved/tags/list?n=1000 +",
            "GET /v2/new/tags/list +",
        ]
    );
    assert_eq!(storage.lines(), ["GET /signed?X-Signature=abc", "GET /signed?X-Signature=abc"]);
}

#[tokio::test]
async fn redirects_end_and_stay_encrypted() {
    for (location, expected, requests) in [
        ("/v2/acme/web/tags/list", "Protocol: more than 5 redirects, the last to http://HOST/v2/acme/web/tags/list", 6),
        ("http://registry.example.com/", "Protocol: HOST redirects from http to http", 1),
        ("file:///etc/passwd", "Protocol: HOST redirects from http to file", 1),
        ("http://u:p@127.0.0.1/", "Protocol: HOST redirects to an address with a login in it", 1),
    ] {
        let server = Server::start(move |_, _| reply(302, "").header("location", location)).await;
        let error = Client::new().tags(&server, "acme/web").await.map_err(failure).unwrap_err();
        assert_eq!((error.as_str(), server.lines().len()), (expected, requests), "{location}");
    }
}

#[tokio::test]
async fn what_a_foreign_host_wants_is_not_given() {
    let foreign = Server::start(|_, _| reply(401, "").header("www-authenticate", "Basic realm=x")).await;
    let target = foreign.url();
    let server = Server::start(move |_, _| reply(302, "").header("location", &*target)).await;
    let config = format!(
        r#"{{"auths":{{"{}":{{"auth":"Zm9vOmJhcg=="}},"{}":{{"auth":"Zm9vOmJhcg=="}}}}}}"#,
        server.authority(),
        foreign.authority()
    );
    let error = Client::with_docker_config(&config).tags(&server, "acme/web").await.unwrap_err();
    assert!(error.starts_with("Denied"), "{error}");
    assert_eq!(foreign.lines(), ["GET /"]);
}

#[tokio::test]
async fn time_that_is_over_is_over() {
    let client = Client::with(|settings| settings.deadline = Some(std::time::Instant::now()));
    let server = Server::start(|_, _| tags(&["1"])).await;
    assert_eq!(
        client.tags(&server, "acme/web").await.map_err(failure).unwrap_err(),
        "Unreachable: the time given with --timeout is over"
    );
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let client = Client::with(|settings| settings.request_timeout = Duration::from_millis(10));
    let remote = Remote::from(Repository::new(Some(&authority), "a").unwrap());
    let error = client.registries.tags(&remote).await.unwrap_err();
    assert_eq!(error.message(), format!("no answer from {authority} in time"));
    assert_eq!(client.registries.spent(), [(authority, 2)]);
}
