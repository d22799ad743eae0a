//! The world can do what these tests rely on: bodies of a size, bombs, names behind a proxy, dates of pushes. Without this
//! a fault could be survived because it never came.

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use serde_json::Value;

use crate::world::Backend;
use crate::world::Dialect;
use crate::world::Fault;
use crate::world::Image;
use crate::world::Internet;
use crate::world::RegistryAuth;
use crate::world::RegistryDouble;
use crate::world::World;
use crate::world::send;

#[test]
fn bodies_have_the_size_that_was_asked_for() {
    let registry = RegistryDouble::start(RegistryAuth::None);
    let url = format!("http://{}/v2/", registry.host());
    for (fault, announced) in [(Fault::long(300_000), None), (Fault::long_as_announced(300_000), Some("300000"))] {
        registry.fault(fault.times(1));
        let reply = send("GET", &url, &[], "");
        assert_eq!((reply.body.len(), reply.header("content-length")), (300_000, announced));
    }
    registry.fault(Fault::bomb(3));
    // The tests' own client would unpack it.
    let mut stream = TcpStream::connect(registry.host()).unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    assert!(answer.len() < 16 * 1024, "{}", answer.len());
    let mut unpacked = Vec::new();
    // It has no end, which is an error there; what comes before it is what counts.
    let end = flate2::read::GzDecoder::new(&answer[head..]).read_to_end(&mut unpacked);
    assert!(end.is_err() && unpacked.len() == 3 * 1024 * 1024, "{}", unpacked.len());
}

#[test]
fn memory_is_measured() {
    let world = World::new(Backend::Double);
    let mut invocation = world.invocation(&[]);
    invocation.program = "/bin/sh".into();
    // Doubled 25 times, one byte is 32 MiB.
    let script = "x=x; i=0; while [ $i -lt 25 ]; do x=$x$x; i=$((i+1)); done; sleep 0.1";
    let (_, little) = invocation.arg("-c").arg("sleep 0.1").run_measured();
    invocation.arguments.clear();
    let (_, much) = invocation.arg("-c").arg(script).run_measured();
    assert!(little < 16 * 1024 && much > 32 * 1024, "{little} KiB, {much} KiB");
}

/// Sends a request to the proxy as it is, and returns the first line of the answer.
fn ask_proxy(internet: &Internet, request: &str) -> String {
    let mut stream = TcpStream::connect(internet.proxy()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn nothing_leaves_the_machine_in_silence() {
    let connect = |target: &str| format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    let internet = Internet::start();
    let _site = internet.open(Dialect::Quay);
    assert_eq!(ask_proxy(&internet, &connect("quay.io:443")), "HTTP/1.1 200");
    drop(internet);
    for request in [
        connect("quay.io:80"),
        connect("ghcr.io:443"),
        "GET http://quay.io/ HTTP/1.1\r\nHost: quay.io\r\n\r\n".to_owned(),
    ] {
        let internet = Internet::start();
        let _site = internet.open(Dialect::Quay);
        assert_eq!(ask_proxy(&internet, &request), "HTTP/1.1 502");
        assert!(catch_unwind(AssertUnwindSafe(|| drop(internet))).is_err(), "{request}");
    }
}

/// Three tags, the last of which was pushed first.
fn dated(dialect: Dialect) -> RegistryDouble {
    let registry = RegistryDouble::start_dialect(dialect);
    for day in 1..=3 {
        registry.push("acme/web", &format!("t{day}"), &Image::built(&format!("2026-10-0{day}T08:00:00Z")));
    }
    registry.pushed("acme/web", "t3", "2026-09-01T08:00:00Z");
    registry.tokens.publish("acme/web");
    registry
}

#[test]
fn registries_date_pushes_in_their_own_ways() {
    let names = |list: &Value| -> String {
        list.as_array().unwrap().iter().filter_map(|tag| tag["name"].as_str()).collect::<Vec<_>>().join(" ")
    };
    let hub = dated(Dialect::DockerHub);
    let api = hub.start_api();
    let page = |number: usize| {
        let path = format!("/v2/repositories/acme/web/tags?page_size=2&ordering=last_updated&page={number}");
        send("GET", &format!("https://{}{path}", api.authority()), &[], "").json()
    };
    assert_eq!((names(&page(1)["results"]), page(1)["next"].is_string()), ("t2 t1".to_owned(), true));
    assert_eq!((names(&page(2)["results"]), page(2)["next"].is_null()), ("t3".to_owned(), true));

    let quay = dated(Dialect::Quay);
    let path = "/api/v1/repository/acme/web/tag/?limit=2&page=2&onlyActiveTags=true";
    let page = send("GET", &format!("https://{}{path}", quay.host()), &[], "").json();
    assert_eq!((names(&page["tags"]), page["has_additional"].as_bool()), ("t3".to_owned(), Some(false)));
    let private = path.replace("acme/web", "acme/other");
    assert_eq!(send("GET", &format!("https://{}{private}", quay.host()), &[], "").status, 401);

    let harbor = dated(Dialect::Harbor);
    let path = "/api/v2.0/projects/acme/repositories/web/artifacts?with_tag=true&sort=-push_time&page=1&page_size=2";
    let reply = send("GET", &format!("https://{}{path}", harbor.host()), &[], "");
    let tags: Vec<String> = reply.json().as_array().unwrap().iter().map(|artifact| names(&artifact["tags"])).collect();
    assert_eq!((tags.join(" "), reply.header("x-total-count")), ("t2 t1".to_owned(), Some("3")));

    let azure = dated(Dialect::Azure);
    let url = format!("https://{}/acr/v1/acme/web/_tags?n=2&orderby=timedesc", azure.host());
    assert_eq!(send("GET", &url, &[], "").status, 401);
    let grant = |scope: &str| {
        let url = format!("https://{}/oauth2/token?service=example.azurecr.io&scope={scope}", azure.host());
        let token = send("GET", &url, &[], "").json()["token"].as_str().unwrap().to_owned();
        format!("Bearer {token}")
    };
    let pull = grant("repository:acme/web:pull");
    assert_eq!(send("GET", &url, &[("Authorization", &pull)], "").status, 401, "pull is not metadata_read");
    let metadata = grant("repository:acme/web:pull,metadata_read");
    let reply = send("GET", &url, &[("Authorization", &metadata)], "");
    assert_eq!(names(&reply.json()["tags"]), "t2 t1");
    assert!(reply.header("link").unwrap().starts_with("</acr/v1/acme/web/_tags?last=t1"));

    let google = dated(Dialect::Google);
    let token_url = format!("https://{}/v2/token?scope=repository:acme/web:pull", google.host());
    let token = format!("Bearer {}", send("GET", &token_url, &[], "").json()["token"].as_str().unwrap());
    let url = format!("https://{}/v2/acme/web/tags/list", google.host());
    let list = send("GET", &url, &[("Authorization", &token)], "").json();
    let uploaded: Vec<&str> =
        list["manifest"].as_object().unwrap().values().filter_map(|entry| entry["timeUploadedMs"].as_str()).collect();
    assert_eq!(uploaded.len(), 3);
    assert!(uploaded.contains(&"1788249600000"), "{uploaded:?}");
}
