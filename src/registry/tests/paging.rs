//! Tag lists: to the end, on one origin, once.

use super::*;
use crate::registry::RegistryErrorKind;
use crate::registry::tags::Bounds;
use crate::registry::tests::server::Reply;
use crate::registry::tests::server::reply;
use crate::registry::tests::server::tags;

const LIST: &str = "/v2/acme/web/tags/list";

#[tokio::test]
async fn pages_are_followed_relative_and_absolute() {
    let server = Server::start(|asked, _| match asked.target.as_str() {
        "/v2/acme/web/tags/list?n=1000" => tags(&["b", "a"]).next(format!("{LIST}?n=1000&last=a")),
        "/v2/acme/web/tags/list?n=1000&last=a" => {
            let host = asked.headers["host"].clone();
            tags(&["a", "c"]).next(format!("http://{host}{LIST}?page=opaque%2B"))
        }
        "/v2/acme/web/tags/list?page=opaque%2B" => tags(&["d e", "1"]),
        other => panic!("{other}"),
    })
    .await;
    let client = Client::new();
    assert_eq!(client.tags(&server, "acme/web").await.as_deref(), Ok("b a c d e 1"));
    assert_eq!(client.tags(&server, "acme/web").await.as_deref(), Ok("b a c d e 1"));
    assert_eq!(server.lines().len(), 3, "one walk, however often it is asked for");
    assert_eq!(client.registries.spent(), [(server.authority(), 3)]);
    assert_eq!(server.log()[0].headers["user-agent"], "test/0");
}

/// Part of a list is never taken for the whole, whatever the header looks like.
#[tokio::test]
async fn links_are_followed_in_every_spelling_or_the_list_is_truncated() {
    const NEXT: &str = "/v2/acme/web/tags/list?last=a";
    for (link, expected) in [
        (format!("<{NEXT}>; rel=\"prev\""), "a b"), // case pag-03
        (format!("<{NEXT}>; rel='next'"), "a b"),
        (format!("{NEXT}; rel=\"next\""), "a b"),
        (format!("<{NEXT}; rel=\"next\""), "a b"),
        (format!("</first>; title=\"a, \\\"b; c\"; rel=first, <{NEXT}>; rel=next"), "a b"),
        ("</v2/acme/web/tags/list?n=1000>; rel=\"first\"".to_owned(), "in circles"),
        ("no link at all".to_owned(), "goes on elsewhere, `no link at all`"),
    ] {
        let header = link.clone();
        let server = Server::start(move |asked, _| match asked.target.as_str() {
            "/v2/acme/web/tags/list?n=1000" => tags(&["a"]).header("link", header.clone()),
            NEXT => tags(&["b"]),
            other => panic!("{other}"),
        })
        .await;
        match Client::new().tags(&server, "acme/web").await {
            Ok(found) => assert_eq!(found, expected, "{link}"),
            Err(error) => assert!(error.starts_with("Truncated") && error.contains(expected), "{link}: {error}"),
        }
    }
}

#[tokio::test]
async fn one_walk_serves_all_who_ask_at_once() {
    let server = Server::start(|_, _| tags(&["1"])).await;
    let client = Client::new();
    let (a, b, c) = tokio::join!(client.tags(&server, "a"), client.tags(&server, "a"), client.tags(&server, "b"));
    assert_eq!((a, b, c), (Ok("1".to_owned()), Ok("1".to_owned()), Ok("1".to_owned())));
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_null_list_is_empty() {
    for body in [r#"{"name":"x","tags":null}"#, r#"{"name":"x"}"#, r#"{"tags":[]}"#] {
        let server = Server::start(move |_, _| reply(200, body)).await;
        assert_eq!(Client::new().tags(&server, "acme/web").await.as_deref(), Ok(""), "{body}");
    }
}

#[tokio::test]
async fn a_list_that_goes_on_elsewhere_is_truncated() {
    let foreign = Server::start(|_, _| tags(&["evil"])).await;
    for target in [format!("{}{LIST}", foreign.url()), "//evil.example.com/".to_owned()] {
        let shown = target.replace(&foreign.authority(), "FOREIGN");
        let server = Server::start(move |_, _| tags(&["a", "b"]).next(target.clone())).await;
        let error = Client::new().tags(&server, "acme/web").await.unwrap_err();
        assert_eq!(
            error.replace(&foreign.authority(), "FOREIGN"),
            format!(
                "Truncated: failed to list tags of HOST/acme/web: after 2 tags the list goes on elsewhere, `{shown}`"
            )
        );
    }
    assert!(foreign.log().is_empty());
}

#[tokio::test]
async fn lists_without_end_are_truncated() {
    type Page = fn(usize) -> Reply;
    let bounds = Bounds { bytes: 1_000, pages: 20, tags: 100, idle_pages: 3 };
    let cases: [(&str, Page, Bounds, &str); 5] = [
        (
            "loop",
            |n| tags(&["a"]).next(format!("{LIST}?page={}", n % 2)),
            bounds,
            "after 1 tags the list goes in circles",
        ),
        ("idle", |n| tags(&["a"]).next(format!("{LIST}?page={n}")), bounds, "after 1 tags the list goes in circles"),
        (
            "endless",
            |n| tags(&[&format!("{n}")]).next(format!("{LIST}?page={n}")),
            bounds,
            "the list does not end after 20 pages and 20 tags",
        ),
        (
            "many tags",
            |n| tags(&[&format!("{n}")]).next(format!("{LIST}?page={n}")),
            Bounds { tags: 5, ..bounds },
            "the list is too long: 5 tags, 125 bytes, and more to come",
        ),
        (
            "many bytes",
            |n| tags(&[&format!("{n:0>300}")]).next(format!("{LIST}?page={n}")),
            bounds,
            "the list is too long: 4 tags, 1296 bytes, and more to come",
        ),
    ];
    for (name, page, bounds, expected) in cases {
        let server = Server::start(move |_, n| page(n)).await;
        let client = Client::new();
        let outcome =
            crate::registry::tags::list(&client.registries.session, &remote(&server, "acme/web"), bounds).await;
        let failure = outcome.unwrap_err();
        assert_eq!(failure.message.replace(&server.authority(), "HOST"), expected, "{name}");
        assert_eq!(failure.kind, RegistryErrorKind::Truncated, "{name}");
    }
}

#[tokio::test]
async fn a_full_page_without_a_link_is_not_believed_to_be_the_last() {
    let full: Vec<String> = (0..1000).map(|n| format!("t{n:04}")).collect();
    let server = Server::start(move |asked, _| {
        let full: Vec<&str> = full.iter().map(String::as_str).collect();
        match asked.target.as_str() {
            "/v2/acme/web/tags/list?n=1000" => tags(&full),
            "/v2/acme/web/tags/list?n=1000&last=t0999" => tags(&["u"]),
            other => panic!("{other}"),
        }
    })
    .await;
    let found = Client::new().tags(&server, "acme/web").await.unwrap();
    assert_eq!(found.split(' ').count(), 1001);
    assert!(found.ends_with("t0999 u"));
}

#[tokio::test]
async fn a_full_page_of_a_registry_that_knows_no_pages_is_asked_for_twice_at_most() {
    let all: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let server = Server::start(move |_, _| {
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        tags(&all)
    })
    .await;
    assert_eq!(Client::new().tags(&server, "acme/web").await.unwrap().split(' ').count(), 1000);
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_walk_that_breaks_off_says_how_far_it_came() {
    let server = Server::start(|_, n| match n {
        0 => tags(&["a"]).next(format!("{LIST}?page=2")),
        _ => reply(500, ""),
    })
    .await;
    assert_eq!(
        Client::new().tags(&server, "acme/web").await.unwrap_err(),
        "Unreachable: failed to list tags of HOST/acme/web: after 1 tags: HOST answered 500 Internal Server Error"
    );
}
