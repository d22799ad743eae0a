//! The world can do what it says: faults, pages, terminals, kubectl, placeholders. Without this a scenario could pass for
//! the wrong reason.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::world::ACCEPT;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Fault;
use crate::world::Image;
use crate::world::Invocation;
use crate::world::Link;
use crate::world::Order;
use crate::world::RegistryAuth;
use crate::world::RegistryDouble;
use crate::world::Terminal;
use crate::world::TokenServer;
use crate::world::World;
use crate::world::allow;
use crate::world::on_both;
use crate::world::resource;
use crate::world::send;
use crate::world::try_send;

on_both!(
    kubectl_reads_the_cluster_and_finds_the_plugin,
    argo_cd_deploys_what_the_spec_says,
    nodes_have_platforms,
    secrets_keep_their_text,
    transcripts_have_placeholders,
    artifacts_and_undated_images_can_be_published,
    namespaces_are_apart,
);

fn kubectl_reads_the_cluster_and_finds_the_plugin(backend: Backend) {
    let world = World::new(backend);
    world.application(Application::named("web"));
    let list = world.run_kubectl(&["get", "applications.argoproj.io", "-o", "name"]).expect(0);
    assert_eq!(list.stdout, "application.argoproj.io/web\n", "{list}");
    let denied = world.run_kubectl(&["delete", "applications.argoproj.io", "web"]).expect(1);
    assert!(denied.stderr.contains("cannot delete resource"), "{denied}");
    let plugins = world.run_kubectl(&["plugin", "list", "--name-only"]);
    assert!(plugins.stdout.contains("kubectl-image_update\n"), "{plugins}");
}

fn argo_cd_deploys_what_the_spec_says(backend: Backend) {
    let world = World::new(backend);
    let helm = Application::named("helm")
        .image_list("web=$REGISTRY/acme/web:~1.0, other=nginx")
        .annotation("web.helm.image-tag", "tag")
        .helm(&[("tag", "1.0.1")])
        .images(&["$REGISTRY/acme/web:1.0.0", "nginx:1"]);
    let kustomize = Application::named("kustomize")
        .kustomize(&["web=$REGISTRY/acme/web:1.0.1"])
        .images(&["$REGISTRY/acme/web:1.0.0@sha256:00"]);
    for application in [helm, kustomize] {
        world.application(application);
    }
    let web = world.image("acme/web");
    for (name, images) in
        [("helm", json!([format!("{web}:1.0.1"), "nginx:1"])), ("kustomize", json!([format!("{web}:1.0.1")]))]
    {
        world.deploy(name);
        let status = world.get(name)["status"].clone();
        assert_eq!(status["summary"]["images"], images);
        assert_eq!(status["history"].as_array().map(Vec::len), Some(1));
    }
    world.set_status_images("helm", &["$REGISTRY/acme/web:2"]);
    assert_eq!(world.get("helm")["status"]["summary"]["images"], json!([format!("{web}:2")]));
}

#[test]
fn a_controller_follows_every_write() {
    let world = World::new(Backend::Double);
    world.api_double().set_controller(crate::world::deploy);
    let application =
        Application::named("web").image_list("web=nginx:~1.0").helm(&[("image.tag", "1.0.0")]).images(&["nginx:1.0.0"]);
    world.application(application);
    world.edit("web", |object| object["spec"]["source"]["helm"]["parameters"][0]["value"] = "1.0.1".into());
    assert_eq!(world.get("web")["status"]["summary"]["images"], json!(["nginx:1.0.1"]));
}

fn nodes_have_platforms(backend: Backend) {
    let world = World::alone(backend);
    world.node("one", "linux/arm64");
    let nodes = world.cluster().list(resource("nodes"));
    let of = |field: &str| nodes[0]["status"]["nodeInfo"][field].clone();
    assert_eq!((nodes.len(), of("operatingSystem"), of("architecture")), (1, json!("linux"), json!("arm64")));
}

fn secrets_keep_their_text(backend: Backend) {
    let world = World::new(backend);
    world.object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pull"}, "stringData": {"a": "b"}}));
    let secret = world.cluster().get(resource("secrets"), world.namespace(), "pull");
    assert_eq!(secret["data"], json!({"a": "Yg=="}));
}

fn transcripts_have_placeholders(backend: Backend) {
    let world = World::new(backend);
    let object = world.application(Application::named("web"));
    let text = format!(
        "{} {} {} {} {} {}",
        world.image("acme/web"),
        world.namespace(),
        world.user().name,
        object["metadata"]["uid"],
        json!({"resourceVersion": object["metadata"]["resourceVersion"]}),
        Image::built("2024-05-01T00:00:00Z").digest(),
    );
    assert_eq!(
        world.redact(&text),
        "<REGISTRY>/acme/web <NAMESPACE> <USER> \"<UID-1>\" {\"resourceVersion\":\"<VERSION-1>\"} sha256:<DIGEST-1>"
    );
}

#[test]
fn faults_happen_to_whom_they_are_meant_for() {
    let registry = RegistryDouble::start(RegistryAuth::None);
    registry.push("acme/web", "1.0.0", &Image::built("2024-05-01T00:00:00Z"));
    let tags = "/v2/acme/web/tags/list";
    let ask = || try_send("GET", &format!("http://{}{tags}", registry.host()), &[], "");

    registry.fault(Fault::status(429).header("Retry-After", "7").body("slow down").at(tags).times(2));
    let limited = ask().unwrap();
    assert_eq!(
        (limited.status, limited.header("retry-after"), limited.text()),
        (429, Some("7"), "slow down".to_owned())
    );
    assert_eq!(ask().unwrap().status, 429);
    assert_eq!(ask().unwrap().status, 200);

    registry.fault(Fault::close().after(1).times(1));
    assert_eq!(ask().unwrap().status, 200);
    assert!(ask().is_err());
    registry.fault(Fault::truncate().times(1));
    let cut = ask().unwrap_err();
    assert!(cut.contains("IncompleteBody"), "{cut}");
    registry.fault(Fault::garbage("<html>").times(1));
    assert_eq!(ask().unwrap().text(), "<html>");
    registry.fault(Fault::without_header("Docker-Distribution-Api-Version").times(1));
    assert_eq!(ask().unwrap().header("docker-distribution-api-version"), None);
    registry.fault(Fault::with_header("Docker-Content-Digest", "sha256:00").times(1));
    assert_eq!(ask().unwrap().header("docker-content-digest"), Some("sha256:00"));
    registry.fault(Fault::status(503).on("HEAD", tags));
    assert_eq!(ask().unwrap().status, 200);
    assert_eq!(registry.log().len(), 10);

    registry.clear_log();
    registry.fault(Fault::hang());
    let url = format!("http://{}{tags}", registry.host());
    let hanging = std::thread::spawn(move || try_send("GET", &url, &[], ""));
    registry.wait_for(|exchange| exchange.request.path == tags && exchange.status.is_none());
    drop(registry);
    assert!(hanging.join().unwrap().is_err(), "the connection ends with the server");
}

#[test]
fn bodies_can_be_endless() {
    let registry = RegistryDouble::start(RegistryAuth::None);
    registry.fault(Fault::endless());
    let mut stream = TcpStream::connect(registry.host()).unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: registry\r\n\r\n").unwrap();
    let mut megabytes = vec![0; 4 << 20];
    stream.read_exact(&mut megabytes).unwrap();
    assert!(megabytes.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[test]
fn the_api_double_fails_on_demand() {
    let world = World::new(Backend::Double);
    let list = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications", world.namespace());
    let ask = |path: &str| world.cluster().call(&world.user().token, "GET", path, (&[], ""));
    world.api_double().fault(Fault::kubernetes(503, "ServiceUnavailable", "not now").at(&list).times(1));
    assert_eq!(ask(&list).json()["reason"], "ServiceUnavailable");
    assert_eq!(ask(&list).status, 200);
    world.api_double().fault(Fault::status(500).at(&format!("{list}/")));
    assert_eq!((ask(&list).status, ask(&format!("{list}/web")).status), (200, 500));
    world.api_double().heal();
    assert_eq!(ask(&format!("{list}/web")).status, 404);
    let seen: Vec<Option<u16>> = world.requests().into_iter().map(|request| request.status).collect();
    assert_eq!(seen, [Some(503), Some(200), Some(200), Some(500), Some(404)]);
}

#[test]
fn a_registry_double_speaks_tls() {
    let registry = RegistryDouble::start_tls(RegistryAuth::Token);
    let reply = send("GET", &format!("https://{}/v2/", registry.host()), &[], "");
    assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer realm=\"https://127.0.0.1"));
}

#[test]
fn tokens_expire_and_come_from_elsewhere() {
    let registry = RegistryDouble::start(RegistryAuth::Token);
    registry.push("acme/web", "1.0.0", &Image::built("2024-05-01T00:00:00Z"));
    registry.tokens.publish("acme/web");
    registry.tokens.set_lifetime(60);
    let elsewhere = TokenServer::start([127, 0, 0, 2].into(), Arc::clone(&registry.tokens));
    registry.set_realm(&elsewhere.realm());
    let tags = format!("http://{}/v2/acme/web/tags/list", registry.host());
    let challenge = send("GET", &tags, &[], "").header("www-authenticate").unwrap().to_owned();
    assert!(challenge.starts_with("Bearer realm=\"http://127.0.0.2:"), "{challenge}");
    let scope = "?service=test-registry&scope=repository:acme/web:pull";
    let grant = send("GET", &format!("{}{scope}", elsewhere.realm()), &[], "").json();
    assert_eq!(grant["expires_in"], 60);
    let bearer = format!("Bearer {}", grant["token"].as_str().unwrap());
    let read = || send("GET", &tags, &[("Authorization", &bearer)], "").status;
    assert_eq!(read(), 200);
    registry.tokens.expire_tokens();
    assert_eq!(read(), 401);
    assert_eq!(elsewhere.log().len(), 1);

    registry.tokens.add_user(("robot", "s3cret"));
    let form = |body: &str| {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        send("POST", &elsewhere.realm(), &headers, format!("{body}&scope=repository%3Aacme%2Fweb%3Apull")).status
    };
    assert_eq!(form("grant_type=refresh_token&refresh_token=refresh-robot"), 200);
    assert_eq!(form("grant_type=refresh_token&refresh_token=other"), 401);
    assert_eq!(form("grant_type=password&username=robot&password=s3cret"), 200);
}

fn artifacts_and_undated_images_can_be_published(backend: Backend) {
    let world = World::new(backend);
    world.publish("acme/chart", "1.0.0", &Image::artifact("application/vnd.cncf.helm.config.v1+json", "{}"));
    world.publish("acme/web", "undated", &Image::undated());
    world.publish("acme/web", "other", &Image::built("2024-05-01T00:00:00Z").content("other"));
    let get = |path: &str| {
        let url = format!("http://{}/v2/acme/{path}", world.registry().host());
        send("GET", &url, &[("Accept", ACCEPT)], "").json()
    };
    assert_eq!(get("chart/manifests/1.0.0")["config"]["mediaType"], "application/vnd.cncf.helm.config.v1+json");
    let config = get("web/manifests/undated")["config"]["digest"].as_str().unwrap().to_owned();
    assert_eq!(get(&format!("web/blobs/{config}"))["created"], Value::Null);
}

fn namespaces_are_apart(backend: Backend) {
    let world = World::new(backend);
    let team = world.another_namespace("team");
    world.application(Application::named("web"));
    world.application(Application::named("web").namespace(&team));
    assert_eq!(world.redact(&team), "<NAMESPACE-TEAM>");
    let reader = world.add_user([allow("list", "applications").in_namespace(&team)]);
    let list = |namespace: &str| {
        let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications");
        world.cluster().call(&reader.token, "GET", &path, (&[], "")).status
    };
    assert_eq!((list(&team), list(world.namespace())), (200, 403));
}

#[test]
fn requests_in_flight_are_counted() {
    let registry = RegistryDouble::start(RegistryAuth::None);
    registry.fault(Fault::delay(Duration::from_millis(200)));
    let base = format!("http://{}/v2/", registry.host());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| send("GET", &base, &[], ""));
        }
    });
    assert_eq!(registry.most_in_flight(), 3);
}

#[test]
fn tags_come_in_pages() {
    let registry = RegistryDouble::start(RegistryAuth::None);
    let image = Image::built("2024-05-01T00:00:00Z");
    for tag in ["1.0.0", "1.0.1", "1.1.0", "2.0.0", "latest"] {
        registry.push("acme/web", tag, &image);
    }
    let page = |path: &str| {
        let reply = send("GET", &format!("http://{}{path}", registry.host()), &[], "");
        let tags: Vec<Value> = reply.json()["tags"].as_array().unwrap().clone();
        let link = reply.header("link").map(|link| link[1..].split('>').next().unwrap().to_owned());
        (tags.iter().map(|tag| tag.as_str().unwrap().to_owned()).collect::<Vec<_>>(), link)
    };
    let list = "/v2/acme/web/tags/list";
    let all = |start: &str| {
        let (mut tags, mut link) = page(start);
        while let Some(next) = link {
            let path = next.trim_start_matches("http://").trim_start_matches(&registry.host()).to_owned();
            let (more, after) = page(&path);
            tags.extend(more);
            link = after;
        }
        tags
    };
    assert_eq!(page(list).1, None);
    registry.paginate(2, Link::Relative);
    assert_eq!(page(list), (vec!["1.0.0".to_owned(), "1.0.1".to_owned()], Some(format!("{list}?last=1.0.1&n=2"))));
    assert_eq!(page(&format!("{list}?n=1")).0, ["1.0.0"]);
    assert_eq!(all(list), ["1.0.0", "1.0.1", "1.1.0", "2.0.0", "latest"]);
    registry.paginate(2, Link::Absolute);
    assert!(page(list).1.unwrap().starts_with(&format!("http://{}/v2", registry.host())));
    registry.order(Order::Shuffled);
    let shuffled = all(list);
    assert_ne!(shuffled, ["1.0.0", "1.0.1", "1.1.0", "2.0.0", "latest"]);
    assert_eq!(shuffled.len(), 5);
    registry.paginate(9, Link::Itself);
    assert_eq!(page(list).1, Some(list.to_owned()));
    registry.paginate(2, Link::Elsewhere("http://other.example".to_owned()));
    assert!(page(list).1.unwrap().starts_with("http://other.example/v2"));
}

/// `sh` in place of the plugin.
fn shell(world: &World, script: &str) -> Invocation {
    let mut invocation = world.invocation(&["-c", script]);
    invocation.program = "/bin/sh".into();
    invocation
}

#[test]
fn programs_get_a_clean_environment_and_their_input() {
    let world = World::new(Backend::Double);
    let output = shell(&world, "env; cat; echo problem >&2; exit 3").stdin("input\n").run();
    assert_eq!((output.code, output.stderr.as_str()), (3, "problem\n"));
    let names: Vec<&str> =
        output.stdout.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    // `PWD` and such are the shell's own.
    for name in ["HOME", "KUBECONFIG", "DOCKER_CONFIG", "KUBECTL_IMAGE_UPDATE_NOW", "PATH"] {
        assert!(names.contains(&name), "{name} is missing: {output}");
    }
    assert!(!names.contains(&"CARGO_MANIFEST_DIR"), "{output}");
    assert!(output.stdout.ends_with("input\n"), "{output}");
}

#[test]
fn a_running_program_can_be_interrupted() {
    let world = World::new(Backend::Double);
    // A shell cannot trap what was ignored when it began, as in tests that were started with `nohup` or `&`.
    let script =
        "exec env --default-signal=INT sh -c 'trap \"exit 130\" INT; touch ready; while :; do sleep 0.01; done'";
    let running = shell(&world, script).spawn();
    crate::world::eventually(Duration::from_secs(10), || world.work().join("ready").exists().then_some(())).unwrap();
    running.interrupt();
    assert_eq!(running.wait().code, 130);
}

#[test]
fn a_terminal_shows_what_is_typed() {
    let world = World::new(Backend::Double);
    let script = r#"[ -t 0 ] && [ -t 2 ] && stty size; printf 'Write it? '; read answer; printf '\033[1mgot\033[0m %s\n' "$answer""#;
    let terminal = Terminal::start(&shell(&world, script), 80);
    terminal.wait_for("Write it?").send("yes\r");
    terminal.wait_for("got yes");
    let output = terminal.finish().expect(0);
    assert_eq!(output.stdout, "50 80\nWrite it? yes\ngot yes");
}

#[test]
fn a_thousand_applications_fit() {
    let world = World::new(Backend::Double);
    for number in 0..1000 {
        world.application(Application::named(&format!("app-{number:04}")));
    }
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications?limit=300", world.namespace());
    let mut token = String::new();
    let mut seen = 0;
    loop {
        let path = format!("{path}&continue={token}");
        let list = world.cluster().call(&world.user().token, "GET", &path, (&[], "")).json();
        seen += list["items"].as_array().unwrap().len();
        list["metadata"]["continue"].as_str().unwrap().clone_into(&mut token);
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, 1000);
    assert_eq!(world.requests().len(), 4);
}
