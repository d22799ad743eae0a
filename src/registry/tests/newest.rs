//! Which tag was built last, and how few questions that takes with each API that tells when tags were pushed.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::*;
use crate::registry::Build;
use crate::registry::guard::Place;
use crate::registry::manifests::sha256;
use crate::registry::tests::server::Asked;
use crate::registry::tests::server::Reply;
use crate::registry::tests::server::reply;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Bodies by path.
type Content = HashMap<String, String>;

/// How many tags there are, and how many of them an API with dates gives in one page.
const TAGS: usize = 60;
const PER_PAGE: usize = 20;

/// A registry with tags `t00` to `t59`, built one an hour and pushed ten minutes later, but for some.
#[derive(Clone)]
struct World {
    /// Tag, built and pushed, in seconds.
    tags: Vec<(String, i64, i64)>,
}

fn tag(number: usize) -> String {
    format!("t{number:02}")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

impl World {
    fn new() -> Self {
        let hour = |number: usize| 1_700_000_000 + 3600 * i64::try_from(number).unwrap();
        Self { tags: (0..TAGS).map(|number| (tag(number), hour(number), hour(number) + 600)).collect() }
    }

    /// Everything below `/v2/acme/web/` but the list of tags.
    fn content(&self) -> Content {
        let mut content = Content::new();
        for (tag, built, _) in &self.tags {
            let config = format!(r#"{{"os":"linux","architecture":"amd64","created":"{}"}}"#, at(*built));
            let digest = sha256(config.as_bytes());
            let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest.as_str()}});
            let manifest = manifest.to_string();
            content.insert(format!("blobs/{digest}"), config);
            content.insert(format!("manifests/{}", sha256(manifest.as_bytes())), manifest.clone());
            content.insert(format!("manifests/{tag}"), manifest);
        }
        content
    }

    /// Answers as any registry does; the tag list says no more than names.
    fn answer(&self, content: &Content, asked: &Asked) -> Reply {
        let path = asked.path().strip_prefix("/v2/acme/web/").unwrap_or_else(|| panic!("{}", asked.target));
        if path == "tags/list" {
            return reply(200, serde_json::json!({"tags": self.names()}).to_string());
        }
        let Some(body) = content.get(path) else { return reply(404, "") };
        let digest = sha256(body.as_bytes());
        reply(200, body.as_str()).header("content-type", MANIFEST).header("docker-content-digest", digest.as_str())
    }

    fn names(&self) -> Vec<&str> {
        self.tags.iter().map(|(tag, ..)| tag.as_str()).collect()
    }

    /// The page of that number, the last pushed in front, and whether there is another.
    fn page(&self, number: usize) -> (Vec<(&str, i64)>, bool) {
        let mut tags: Vec<_> = self.tags.iter().map(|(tag, _, pushed)| (tag.as_str(), *pushed)).collect();
        tags.sort_by_key(|(_, pushed)| std::cmp::Reverse(*pushed));
        let page: Vec<_> = tags.iter().copied().skip((number - 1) * PER_PAGE).take(PER_PAGE).collect();
        (page, tags.len() > number * PER_PAGE)
    }
}

/// The APIs, by the host that has each.
const HOSTS: [(&str, &str); 5] = [
    ("docker.io", "registry-1.docker.io"),
    ("quay.io", "quay.io"),
    ("harbor.example.com", "harbor.example.com"),
    ("acme.azurecr.io", "acme.azurecr.io"),
    ("europe-docker.pkg.dev", "europe-docker.pkg.dev"),
];

fn query(asked: &Asked, name: &str) -> Option<usize> {
    let query = asked.target.split('?').nth(1)?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// All five registries in one server, told apart by the name they are asked by.
fn everywhere(world: &World, content: &Content, asked: &Asked) -> Reply {
    let host = asked.headers["host"].as_str();
    let page = |asked: &Asked| world.page(query(asked, "page").unwrap_or(1));
    match (host, asked.path()) {
        ("auth.docker.io", _) | (_, "/v2/auth" | "/service/token" | "/oauth2/token") => {
            assert!(asked.target.contains("acme%2Fweb%3Apull"), "{}", asked.target);
            reply(200, r#"{"token":"t","expires_in":300}"#)
        }
        ("hub.docker.com", "/v2/repositories/acme/web/tags") => {
            assert_eq!(asked.authorization(), "", "no login for another host");
            let (tags, more) = page(asked);
            let results: Vec<_> = tags
                .iter()
                .map(|(name, at_)| {
                    serde_json::json!({"name": name, "last_updated": at(*at_).to_string(),
                    "tag_last_pushed": at(*at_).to_string(), "digest": "sha256:x"})
                })
                .collect();
            let next = more.then_some("https://hub.docker.com/v2/…");
            reply(200, serde_json::json!({"count": TAGS, "next": next, "results": results}).to_string())
        }
        ("quay.io", "/api/v1/repository/acme/web/tag/") => {
            assert_eq!(asked.authorization(), "");
            let (tags, more) = page(asked);
            let tags: Vec<_> =
                tags.iter().map(|(name, at)| serde_json::json!({"name": name, "start_ts": at})).collect();
            reply(200, serde_json::json!({"tags": tags, "page": 1, "has_additional": more}).to_string())
        }
        ("harbor.example.com", "/api/v2.0/projects/acme/repositories/web/artifacts") => {
            assert_eq!(asked.authorization(), "Basic Zm9vOmJhcg==", "the caller's login for this very host");
            let (tags, _) = page(asked);
            let artifacts: Vec<_> = tags
                .iter()
                .map(|(name, at_)| serde_json::json!({"push_time": at(*at_).to_string(), "tags": [{"name": name}]}))
                .collect();
            reply(200, serde_json::Value::from(artifacts).to_string())
        }
        ("acme.azurecr.io", "/acr/v1/acme/web/_tags") => {
            assert_eq!(asked.authorization(), "Bearer t");
            let number = query(asked, "last").unwrap_or(1);
            let (tags, more) = world.page(number);
            let tags: Vec<_> = tags
                .iter()
                .map(|(name, at_)| serde_json::json!({"name": name, "lastUpdateTime": at(*at_).to_string()}))
                .collect();
            let answer = reply(200, serde_json::json!({"imageName": "acme/web", "tags": tags}).to_string());
            let next = format!("/acr/v1/acme/web/_tags?n=100&orderby=timedesc&last={}", number + 1);
            if more { answer.next(next) } else { answer }
        }
        ("europe-docker.pkg.dev", "/v2/acme/web/tags/list") => {
            let manifests: serde_json::Map<_, _> = world
                .tags
                .iter()
                .map(|(tag, _, pushed)| {
                    let digest = sha256(tag.as_bytes()).as_str().to_owned();
                    let pushed = (pushed * 1000).to_string();
                    (digest, serde_json::json!({"tag": [tag], "timeUploadedMs": pushed, "timeCreatedMs": "0"}))
                })
                .collect();
            reply(200, serde_json::json!({"tags": world.names(), "manifest": manifests}).to_string())
        }
        ("europe-docker.pkg.dev", _) => world.answer(content, asked),
        (_, path) if !path.starts_with("/v2/") => panic!("{host}{}", asked.target),
        _ if asked.authorization().is_empty() => {
            let (realm, service) = match host {
                "harbor.example.com" => ("/service/token", "harbor-registry"),
                _ => ("/oauth2/token", host),
            };
            reply(401, "")
                .header("www-authenticate", format!("Bearer realm=\"https://{host}{realm}\",service=\"{service}\""))
        }
        _ => world.answer(content, asked),
    }
}

async fn serve(world: World) -> (Server, impl Fn() -> Client) {
    serve_but(world, |_| None).await
}

/// Starts the server with some answers changed, and gives clients that find it under every name.
async fn serve_but(world: World, change: fn(&Asked) -> Option<Reply>) -> (Server, impl Fn() -> Client) {
    let content = world.content();
    let script = move |asked: &Asked| change(asked).unwrap_or_else(|| everywhere(&world, &content, asked));
    let mut hosts: Vec<&str> = HOSTS.iter().map(|(_, host)| *host).collect();
    hosts.extend(["auth.docker.io", "hub.docker.com"]);
    let (server, ca) = Server::start_tls(&hosts, move |asked, _| script(asked)).await;
    let place = Place { address: "203.0.113.7".parse().unwrap(), socket: server.address() };
    let table: HashMap<_, _> = hosts.iter().map(|host| ((*host).to_owned(), place)).collect();
    let names = Names::Table(Arc::new(table));
    let client = move || {
        Client::among(names.clone(), |settings| {
            settings.extra_roots = vec![ca.clone()];
            let auths = serde_json::json!({"auths": {"harbor.example.com": {"auth": "Zm9vOmJhcg=="}}});
            settings.docker_config = Ok(DockerConfig::parse(&auths.to_string()).unwrap());
        })
    };
    (server, client)
}

/// The newest tag, and how many tags were not asked.
async fn newest(client: &Client, remote: &Remote) -> Result<(String, usize), String> {
    let tags = client.registries.tags(remote).await.map_err(|error| error.to_string())?;
    let tags: Vec<_> = tags.names.iter().filter_map(|name| Tag::new(name)).collect();
    let builds = client.registries.builds(remote, &tags, &platforms("linux/amd64")).await;
    let builds = builds.map_err(|error| error.to_string())?;
    assert_eq!(builds.len(), tags.len(), "nothing is lost");
    let dated = builds.iter().filter_map(|(tag, build)| match build {
        Build::Dated(at) => Some((*at, tag.to_string())),
        _ => None,
    });
    let passed_over = builds.iter().filter(|(_, build)| matches!(build, Build::Pushed(_))).count();
    Ok((dated.max().unwrap().1, passed_over))
}

/// What was asked, by the first words of each path: `list 1, dates 2, manifests 1`.
fn tally(server: &Server) -> String {
    let mut counts: Vec<(&str, usize)> =
        ["tokens", "turned away", "list", "dates", "heads", "manifests", "configs"].map(|what| (what, 0)).into();
    for asked in server.log() {
        let what = match asked.path() {
            _ if asked.headers["host"] == "auth.docker.io" => "tokens",
            "/v2/auth" | "/service/token" | "/oauth2/token" => "tokens",
            _ if asked.headers["host"] == "hub.docker.com" => "dates",
            path if path.starts_with("/api/") || path.starts_with("/acr/") => "dates",
            path if path.ends_with("/tags/list") && asked.authorization().is_empty() => {
                if asked.headers["host"].ends_with("pkg.dev") || asked.headers["host"].starts_with("127.") {
                    "list"
                } else {
                    "turned away"
                }
            }
            path if path.ends_with("/tags/list") => "list",
            path if path.contains("/manifests/") && asked.method == "HEAD" => "heads",
            path if path.contains("/manifests/") => "manifests",
            path if path.contains("/blobs/") => "configs",
            other => panic!("{other}"),
        };
        counts.iter_mut().find(|(name, _)| *name == what).unwrap().1 += 1;
    }
    let mut text = String::new();
    for (what, count) in counts.iter().filter(|(_, count)| *count > 0) {
        write!(text, "{}{what} {count}", if text.is_empty() { "" } else { ", " }).unwrap();
    }
    text
}

#[tokio::test]
async fn where_pushes_are_dated_two_questions_tell_the_newest_of_many() {
    for (registry, expected) in [
        ("docker.io", "tokens 1, list 1, dates 1, manifests 1, configs 1"),
        ("quay.io", "tokens 1, list 1, dates 1, manifests 1, configs 1"),
        ("harbor.example.com", "tokens 1, turned away 1, list 1, dates 1, manifests 1, configs 1"),
        ("acme.azurecr.io", "tokens 1, turned away 1, list 1, dates 1, manifests 1, configs 1"),
        ("europe-docker.pkg.dev", "list 1, manifests 1, configs 1"),
    ] {
        let world = World::new();
        let (server, client) = serve(world).await;
        let remote = Remote::from(Repository::new(Some(registry), "acme/web").unwrap());
        let (client, expected) = (client(), expected.to_owned());
        assert_eq!(newest(&client, &remote).await, Ok(("t59".to_owned(), 59)), "{registry}");
        assert_eq!(tally(&server), expected, "{registry}");
        assert_eq!(newest(&client, &remote).await, Ok(("t59".to_owned(), 59)), "{registry}");
        assert_eq!(tally(&server), expected, "{registry}: and nothing is asked twice");
    }
}

#[tokio::test]
async fn the_search_goes_on_as_long_as_anything_may_be_newer() {
    let hour = |number: i64| 1_700_000_000 + 3600 * number;
    // Tag, built, pushed; who wins, and how many images and pages that takes on Docker Hub.
    for (what, changes, winner, images, pages) in [
        ("an old image pushed again is not the newest", vec![(7, hour(7), hour(400))], "t59", 3, 1),
        ("pushed within the skew of clocks", vec![(7, hour(59), hour(59) - 899)], "t59", 2, 1),
        ("pushed before that", vec![(7, hour(200), hour(59) - 901)], "t59", 1, 1),
        (
            "all that was pushed last is old",
            (20..TAGS).map(|n| (n, hour(0), hour(n.try_into().unwrap()))).collect(),
            "t19",
            TAGS,
            3,
        ),
        ("built in 1970, all of it", (0..TAGS).map(|n| (n, 0, hour(n.try_into().unwrap()))).collect(), "t59", TAGS, 3),
        ("one claims to be built after it was pushed", vec![(59, hour(9_999), hour(59))], "t59", TAGS, 1),
    ] {
        let mut world = World::new();
        for (number, built, pushed) in changes {
            world.tags[number] = (tag(number), built, pushed);
        }
        let (server, client) = serve(world).await;
        let remote = Remote::from(Repository::new(None, "acme/web").unwrap());
        let (newest, passed_over) = newest(&client(), &remote).await.unwrap();
        assert_eq!((newest.as_str(), TAGS - passed_over), (winner, images), "{what}");
        let asked = server.log();
        assert_eq!(asked.iter().filter(|asked| asked.headers["host"] == "hub.docker.com").count(), pages, "{what}");
    }
}

#[tokio::test]
async fn dates_that_cannot_be_had_only_cost_questions() {
    type Change = fn(&Asked) -> Option<Reply>;
    for (what, change, images) in [
        ("none", (|asked| (asked.headers["host"] == "hub.docker.com").then(|| reply(404, ""))) as Change, TAGS),
        ("not JSON", |asked| (asked.headers["host"] == "hub.docker.com").then(|| reply(200, "<html>")), TAGS),
        ("a list", |asked| (asked.headers["host"] == "hub.docker.com").then(|| reply(200, "[]")), TAGS),
        (
            "a redirect elsewhere",
            |asked| {
                (asked.headers["host"] == "hub.docker.com")
                    .then(|| reply(302, "").header("location", "https://10.0.0.1/"))
            },
            TAGS,
        ),
        (
            "no dates",
            |asked| {
                let names: Vec<_> = (40..TAGS).rev().map(|n| serde_json::json!({"name": tag(n)})).collect();
                let body = serde_json::json!({"results": names}).to_string();
                (asked.headers["host"] == "hub.docker.com").then(|| reply(200, body))
            },
            TAGS,
        ),
        (
            "not in order",
            |asked| {
                let row =
                    |n: usize| serde_json::json!({"name": tag(n), "last_updated": format!("2023-11-14T22:13:{n:02}Z")});
                let body =
                    serde_json::json!({"next": "x", "results": (0..PER_PAGE).map(row).collect::<Vec<_>>()}).to_string();
                (asked.headers["host"] == "hub.docker.com" && query(asked, "page") == Some(1)).then(|| reply(200, body))
            },
            // The rest of the pages is in order, but repeats nothing: all of their tags are dated, and one wins.
            1,
        ),
    ] {
        let world = World::new();
        let (_server, client) = serve_but(world, change).await;
        let remote = Remote::from(Repository::new(None, "acme/web").unwrap());
        let (newest, passed_over) = newest(&client(), &remote).await.unwrap();
        assert_eq!(newest, "t59", "{what}");
        assert!(TAGS - passed_over >= images, "{what}: {passed_over}");
    }
}

#[tokio::test]
async fn what_was_read_before_is_not_read_again() {
    let world = World::new();
    let content = world.content();
    let server = Server::start(move |asked, _| world.answer(&content, asked)).await;
    let cache = tempfile::tempdir().unwrap();
    let client = |cached: bool| Client::with(|settings| settings.cache = cached.then(|| cache.path().to_owned()));
    let remote = remote(&server, "acme/web");
    for (what, cached, expected) in [
        ("cold", true, "list 1, manifests 60, configs 60"),
        ("warm", true, "list 1, heads 60"),
        ("without", false, "list 1, manifests 60, configs 60"),
    ] {
        let before = server.log().len();
        assert_eq!(newest(&client(cached), &remote).await, Ok(("t59".to_owned(), 0)), "{what}");
        let asked = server.log().split_off(before);
        let count = |fits: &dyn Fn(&Asked) -> bool| asked.iter().filter(|asked| fits(asked)).count();
        let heads = count(&|asked| asked.method == "HEAD");
        let manifests = count(&|asked| asked.method == "GET" && asked.path().contains("/manifests/"));
        let configs = count(&|asked| asked.path().contains("/blobs/"));
        let lists = count(&|asked| asked.path().ends_with("/tags/list"));
        let parts = [("list", lists), ("heads", heads), ("manifests", manifests), ("configs", configs)];
        let parts: Vec<_> = parts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{what} {n}")).collect();
        assert_eq!(parts.join(", "), expected, "{what}");
    }
}

#[tokio::test]
async fn a_tag_that_moved_is_read_anew() {
    let moved = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let server = {
        let moved = Arc::clone(&moved);
        let mut world = World::new();
        world.tags.truncate(3);
        Server::start(move |asked, _| {
            let mut world = world.clone();
            if moved.load(std::sync::atomic::Ordering::SeqCst) {
                world.tags[0].1 += 1_000_000;
            }
            world.answer(&world.content(), asked)
        })
        .await
    };
    let cache = tempfile::tempdir().unwrap();
    let client = || Client::with(|settings| settings.cache = Some(cache.path().to_owned()));
    let remote = remote(&server, "acme/web");
    assert_eq!(newest(&client(), &remote).await, Ok(("t02".to_owned(), 0)));
    moved.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(newest(&client(), &remote).await, Ok(("t00".to_owned(), 0)));
    let before = server.log().len();
    assert_eq!(newest(&client(), &remote).await, Ok(("t00".to_owned(), 0)));
    assert_eq!(server.log().len() - before, 4, "a list and three HEADs");
}

#[tokio::test]
async fn the_age_of_a_tag_costs_no_more_than_it_takes() {
    use crate::registry::Age;
    use crate::registry::Age::Old;
    use crate::registry::Age::Young;

    let hour = |number: i64| 1_700_000_000 + 3600 * number;
    for (what, asked, before, expected, pages) in [
        ("pushed after", "t59", hour(58), Young, 1),
        ("pushed before", "t57", hour(58), Old, 1),
        // The last of the page was pushed before that already: whatever is not on it was, too.
        ("far behind", "t03", hour(45), Old, 1),
        ("on another page", "t30", hour(20), Young, 2),
        ("built long ago, pushed again", "t07", hour(400), Young, 1),
    ] {
        let mut world = World::new();
        world.tags[7] = (tag(7), hour(7), hour(500));
        let (server, client) = serve(world).await;
        let remote = Remote::from(Repository::new(None, "acme/web").unwrap());
        let found: Result<Age, _> = client().registries.age(&remote, &Tag::new(asked).unwrap(), at(before)).await;
        assert_eq!(found.map_err(|error| error.to_string()), Ok(expected), "{what}: {asked}");
        let tally = tally(&server);
        assert!(tally.contains(&format!("dates {pages}")) && !tally.contains("configs"), "{what}: {tally}");
    }
}

#[tokio::test]
async fn without_pushes_an_image_is_as_old_as_it_says() {
    use crate::registry::Age::Old;
    use crate::registry::Age::Unknown;
    use crate::registry::Age::Young;

    let hour = |number: i64| 1_700_000_000 + 3600 * number;
    let mut world = World::new();
    // Before there were images: made up.
    world.tags[1] = (tag(1), 315_532_800, hour(1));
    let content = world.content();
    let server = Server::start(move |asked, _| world.answer(&content, asked)).await;
    let remote = remote(&server, "acme/web");
    let client = Client::with(|_| {});
    for (asked, before, expected) in [("t30", hour(30), Old), ("t30", hour(29), Young), ("t01", hour(59), Unknown)] {
        let found = client.registries.age(&remote, &Tag::new(asked).unwrap(), at(before)).await;
        assert_eq!(found.map_err(|error| error.to_string()), Ok(expected), "{asked}");
    }
    let asked = server.log().iter().filter(|asked| asked.path().contains("/blobs/")).count();
    assert_eq!(asked, 2, "an image is asked once");
    let gone = client.registries.age(&remote, &Tag::new("nothing").unwrap(), at(hour(59))).await.unwrap_err();
    assert!(gone.to_string().contains("nothing is listed, but its manifest is not there"), "{gone}");
}
