//! Where a registry's login comes from: the image's annotation, `registries.conf`, the docker config, in this order; and
//! where images are asked for. No run of any scenario shows a password.

use serde_json::Value;
use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::bookstore::REPOSITORY;
use crate::world::Application;
use crate::world::Authority;
use crate::world::Backend;
use crate::world::Image;
use crate::world::Output;
use crate::world::ROBOT;
use crate::world::RegistryAuth;
use crate::world::RegistryDouble;
use crate::world::User;
use crate::world::VISITOR;
use crate::world::World;
use crate::world::allow;
use crate::world::on_both;

on_both!(
    a_pull_secret_logs_in,
    a_pull_secret_gets_a_token,
    secrets_of_other_namespaces_are_refused,
    a_source_that_cannot_be_read_is_passed_over,
    what_is_no_login_makes_the_image_invalid,
    a_file_says_where_the_login_stands,
    the_cluster_says_where_registries_are,
    a_broken_file_names_its_lines,
    manifests_can_name_secrets_too,
    a_login_is_the_same_for_plan_apply_and_pin,
);

/// A world whose registry lets nobody in but the robot.
fn private(backend: Backend, auth: RegistryAuth) -> World {
    let world = World::with(backend, auth);
    bookstore::publish_versions(&world);
    if auth == RegistryAuth::Token {
        world.registry().tokens().restrict(REPOSITORY, &[ROBOT.0]);
    }
    world
}

fn store(world: &World, name: &str, annotations: &[(&str, &str)]) -> Application {
    let list = format!("web=$REGISTRY/{REPOSITORY}:~1.0");
    let application = Application::named(name).image_list(&list);
    let application = annotations.iter().fold(application, |made, (key, value)| made.annotation(key, value));
    bookstore::running(application, world, Form::Helm, "v1.0.0")
}

fn secret(world: &World, namespace: &str, name: &str, data: &Value) {
    world.object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": data,
    }));
}

fn pull_secret(world: &World, namespace: &str, name: &str, login: (&str, &str)) {
    let auths = json!({"auths": {world.registry().host(): {"username": login.0, "password": login.1}}});
    world.object(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": name, "namespace": namespace}, "stringData": {".dockerconfigjson": auths.to_string()},
    }));
}

/// Checks with all that can be logged, and makes sure that no password is.
fn check(world: &World, user: &User, arguments: &[&str]) -> Output {
    let output = world.run_as(user, &[&["check", "-o", "json", "-vv"], arguments].concat());
    assert!(!output.to_string().contains(ROBOT.1), "a password is shown:\n{output}");
    output
}

/// Status and reason of an Application's image, and the codes of what was said about it or about no Application.
fn verdict(output: &Output, name: &str) -> Value {
    let report = output.json();
    let item = report["items"].as_array().unwrap().iter().find(|item| item["application"] == name).unwrap();
    let about = |diagnostic: &&Value| diagnostic["application"] == name || diagnostic["application"].is_null();
    let codes: Vec<_> =
        report["diagnostics"].as_array().unwrap().iter().filter(about).map(|found| found["code"].clone()).collect();
    json!([item["status"], item["reason"], codes])
}

fn good() -> Value {
    json!(["UpdateAvailable", "NewestMatch", []])
}

fn a_pull_secret_logs_in(backend: Backend) {
    pull_secret_is_used(backend, RegistryAuth::Basic);
}

fn a_pull_secret_gets_a_token(backend: Backend) {
    pull_secret_is_used(backend, RegistryAuth::Token);
}

fn pull_secret_is_used(backend: Backend, auth: RegistryAuth) {
    let world = private(backend, auth);
    pull_secret(&world, world.namespace(), "pull", ROBOT);
    let login = format!("{}:{}\n", ROBOT.0, ROBOT.1);
    secret(&world, world.namespace(), "plain", &json!({"login": login}));
    world.application(store(&world, "own", &[("web.pull-secret", "pullsecret:$NAMESPACE/pull")]));
    world.application(store(&world, "shared", &[("pull-secret", "PullSecret:$NAMESPACE/pull")]));
    world.application(store(&world, "field", &[("web.pull-secret", "secret:$NAMESPACE/plain#login")]));
    world.application(store(&world, "none", &[]));
    // A login of one's own that would not do is not asked for.
    world.docker_login(&world.registry().host(), (VISITOR.0, "wr0ng"));
    world.forget();
    let output = check(&world, world.user(), &[]).expect(3);
    for name in ["own", "shared", "field"] {
        assert_eq!(verdict(&output, name), good(), "{name}: {output}");
    }
    assert_eq!(verdict(&output, "none"), json!(["Undetermined", "RegistryDenied", []]), "{output}");
    let secrets = world.requests().into_iter().filter(|request| request.resource == "secrets");
    let mut read: Vec<_> = secrets.map(|request| request.name).collect();
    read.sort();
    assert_eq!(read, ["plain", "pull"], "each once");
}

fn secrets_of_other_namespaces_are_refused(backend: Backend) {
    let world = private(backend, RegistryAuth::Basic);
    let other = world.another_namespace("other");
    pull_secret(&world, &other, "pull", ROBOT);
    world.grant(world.user(), allow("get", "secrets").in_namespace(&other));
    for (name, prefix) in [("plain", "pullsecret:"), ("spelled", "PullSecret:"), ("registry", "x=pullsecret:")] {
        world.application(store(&world, name, &[("web.pull-secret", &format!("{prefix}{other}/pull"))]));
    }
    let refused = check(&world, world.user(), &[]).expect(3);
    let allowed = check(&world, world.user(), &["--allow-secret-namespace", &other]).expect(0);
    for name in ["plain", "spelled", "registry"] {
        let expected = json!(["Undetermined", "RegistryDenied", ["pull-secret-not-read"]]);
        assert_eq!(verdict(&refused, name), expected, "{name}: {refused}");
        assert_eq!(verdict(&allowed, name), good(), "{name}: {allowed}");
    }
    assert!(refused.stderr.contains(&format!("hint: `--allow-secret-namespace {other}` allows it")), "{refused}");
}

fn a_source_that_cannot_be_read_is_passed_over(backend: Backend) {
    let world = private(backend, RegistryAuth::Basic);
    pull_secret(&world, world.namespace(), "pull", ROBOT);
    secret(&world, world.namespace(), "plain", &json!({"other": "x"}));
    let auths = json!({"auths": {"example.com": {"username": "a", "password": "b"}}}).to_string();
    secret(&world, world.namespace(), "elsewhere", &json!({".dockerconfigjson": auths}));
    let sources = [
        ("absent", "pullsecret:$NAMESPACE/absent", "absent"),
        ("field", "secret:$NAMESPACE/plain#login", "no field `login`"),
        ("elsewhere", "pullsecret:$NAMESPACE/elsewhere", "has no login for"),
        ("variable", "env:LOGIN", "the controller's"),
        ("program", "ext:/bin/login", "the controller's"),
    ];
    for (name, source, _) in sources {
        world.application(store(&world, name, &[("web.pull-secret", source)]));
    }
    world.docker_login(&world.registry().host(), ROBOT);
    let output = check(&world, world.user(), &[]).expect(0);
    for (name, _, says) in sources {
        let expected = json!(["UpdateAvailable", "NewestMatch", ["pull-secret-not-read"]]);
        assert_eq!(verdict(&output, name), expected, "{name}: {output}");
        assert!(output.stderr.contains(says), "{name}: {output}");
    }
    // Who may not read Secrets uses a login of their own.
    world.application(store(&world, "forbidden", &[("web.pull-secret", "pullsecret:$NAMESPACE/pull")]));
    let stranger = world.add_user([allow("get list", "applications")]);
    let output = check(&world, &stranger, &[]).expect(0);
    assert_eq!(verdict(&output, "forbidden"), json!(["UpdateAvailable", "NewestMatch", ["pull-secret-not-read"]]));
    assert!(output.stderr.contains("forbidden: User") && output.stderr.contains("ask for the verb `get` on `secrets`"));
}

fn what_is_no_login_makes_the_image_invalid(backend: Backend) {
    let world = private(backend, RegistryAuth::Basic);
    secret(&world, world.namespace(), "plain", &json!({"login": ROBOT.1, ".dockerconfigjson": ROBOT.1}));
    for (name, source) in [
        ("grammar", "secret:$NAMESPACE/plain"),
        ("kind", "vault:$NAMESPACE/plain"),
        ("no-colon", "secret:$NAMESPACE/plain#login"),
        ("no-config", "pullsecret:$NAMESPACE/plain"),
    ] {
        world.application(store(&world, name, &[("web.pull-secret", source)]));
    }
    world.docker_login(&world.registry().host(), ROBOT);
    let output = check(&world, world.user(), &[]).expect(3);
    for name in ["grammar", "kind", "no-colon", "no-config"] {
        assert_eq!(verdict(&output, name), json!(["Invalid", "BadValue", ["bad-pull-secret"]]), "{name}: {output}");
    }
}

fn a_file_says_where_the_login_stands(backend: Backend) {
    let world = private(backend, RegistryAuth::Basic);
    world.application(store(&world, "bookstore", &[]));
    secret(&world, world.namespace(), "plain", &json!({"login": format!("{}:{}", ROBOT.0, ROBOT.1)}));
    let script = world.file("login.sh", &format!("#!/bin/sh\necho {}:{}\n", ROBOT.0, ROBOT.1));
    make_executable(&script);
    let entry = |credentials: &str| {
        let text = format!(
            "registries:\n- {{name: R, api_url: 'http://$REGISTRY', prefix: '$REGISTRY', credentials: '{credentials}'}}\n"
        );
        world.file("registries.conf", &text)
    };
    let run = |arguments: &[&str]| {
        let arguments = [&["check", "-o", "json", "-vv", "--registries-conf", "registries.conf"], arguments].concat();
        let output = world.run_with(&arguments, |invocation| {
            invocation.env("LOGIN", format!("{}:{}", ROBOT.0, ROBOT.1)).env("BAD", ROBOT.1);
        });
        assert!(!output.to_string().contains(ROBOT.1), "a password is shown:\n{output}");
        output
    };
    for source in ["env:LOGIN", &format!("ext:{}", script.display()), "secret:$NAMESPACE/plain#login"] {
        entry(source);
        let output = run(&[]).expect(0);
        assert_eq!(verdict(&output, "bookstore"), good(), "{source}: {output}");
    }
    for (source, expected) in [
        ("env:UNSET", json!(["Undetermined", "RegistryDenied", ["credentials-not-read"]])),
        ("ext:/does/not/exist", json!(["Undetermined", "RegistryDenied", ["credentials-not-read"]])),
        ("env:BAD", json!(["Invalid", "BadValue", ["bad-credentials"]])),
    ] {
        entry(source);
        let output = run(&[]).expect(3);
        assert_eq!(verdict(&output, "bookstore"), expected, "{source}: {output}");
    }
    // The image's own login goes first.
    pull_secret(&world, world.namespace(), "pull", ROBOT);
    world.application(store(&world, "own", &[("web.pull-secret", "pullsecret:$NAMESPACE/pull")]));
    assert_eq!(verdict(&run(&["own"]).expect(0), "own"), good());
}

#[cfg(unix)]
fn make_executable(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Puts a `registries.conf` where Image Updater keeps it, and returns the flags that say where.
fn configure(world: &World, text: &str) -> [String; 2] {
    let text = text.replace("$REGISTRY", &world.registry().host()).replace("$NAMESPACE", world.namespace());
    world.object(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-image-updater-config"},
        "data": {"registries.conf": text},
    }));
    ["--image-updater-namespace".to_owned(), world.namespace().to_owned()]
}

fn the_cluster_says_where_registries_are(backend: Backend) {
    let world = private(backend, RegistryAuth::Basic);
    secret(&world, world.namespace(), "plain", &json!({"login": format!("{}:{}", ROBOT.0, ROBOT.1)}));
    let text = "\
registries:
- name: Mirror
  api_url: http://$REGISTRY
  prefix: registry.example.com/team
  credentials: secret:$NAMESPACE/plain#login
- name: Default
  api_url: http://$REGISTRY
  prefix: other.example.com
  default: true
  defaultns: acme
  credentials: secret:$NAMESPACE/plain#login
- name: Scripts
  api_url: http://$REGISTRY
  prefix: $REGISTRY
  credentials: ext:/scripts/login.sh
  ca_file: /app/config/ca.pem
";
    let at = configure(&world, text);
    let repository = "team/bookstore";
    let versions = [("v1.0.0", "2026-10-01T08:00:00Z"), ("v1.0.1", "2026-11-02T08:00:00Z")];
    bookstore::publish(&world, repository, &versions);
    let application = |name: &str, image: &str| {
        let list = format!("web={image}:~1.0");
        Application::named(name)
            .image_list(&list)
            .helm(&[("image.name", image), ("image.tag", "v1.0.0")])
            .images(&[&format!("{image}:v1.0.0")])
    };
    world.application(application("mirror", "registry.example.com/team/bookstore"));
    world.application(application("default", "bookstore"));
    world.application(store(&world, "scripts", &[]));
    let flags: Vec<&str> = at.iter().map(String::as_str).collect();
    let output = check(&world, world.user(), &flags).expect(3);
    let said = ["ca-file-not-read", "credentials-not-read"];
    for name in ["mirror", "default"] {
        assert_eq!(verdict(&output, name), json!(["UpdateAvailable", "NewestMatch", said]), "{name}: {output}");
    }
    assert_eq!(verdict(&output, "scripts"), json!(["Undetermined", "RegistryDenied", said]), "{output}");
    // Without it, the names lead elsewhere.
    world.docker_login(&world.registry().host(), ROBOT);
    let output = check(&world, world.user(), &["scripts"]).expect(0);
    assert_eq!(verdict(&output, "scripts"), good(), "{output}");
    // Who may not read it goes on without, and can hear of it.
    let stranger = world.add_user([allow("get list", "applications")]);
    let arguments = [&["scripts"][..], &flags].concat();
    let output = check(&world, &stranger, &arguments).expect(0);
    assert!(output.stderr.contains("argocd-image-updater-config"), "{output}");
    let quiet = world.run_as(&stranger, &[&["check"][..], &arguments].concat()).expect(0);
    assert!(!quiet.stderr.contains("argocd-image-updater-config"), "{quiet}");
}

fn a_broken_file_names_its_lines(backend: Backend) {
    let world = World::new(backend);
    bookstore::open(&world, Form::Helm);
    let text = "registries:\n- name: one\n  api_url: https://a\n  limits: 5\n- name: two\n";
    let at = configure(&world, text);
    let output = world.run(&["check", &at[0], &at[1]]).expect(1);
    assert_eq!(output.stdout, "");
    let place = format!("`registries.conf` of ConfigMap `{}/argocd-image-updater-config`", world.namespace());
    let problems = "  line 4: `limits` is not a key; did you mean `limit`?\n  line 5: the registry has no `api_url`\n";
    assert!(output.stderr.contains(&format!("error: {place} cannot be used\n{problems}")), "{output}");
    // A file takes its place, whatever is in the cluster; it too must be right.
    world.file("empty.conf", "");
    world.run(&["check", &at[0], &at[1], "--registries-conf", "empty.conf"]).expect(0);
    world.file("broken.conf", text);
    let output = world.run(&["check", "--registries-conf", "broken.conf"]).expect(1);
    assert!(output.stderr.contains(&format!("error: broken.conf cannot be used\n{problems}")), "{output}");
    let output = world.run(&["check", "--registries-conf", "missing.conf"]).expect(1);
    assert!(output.stderr.contains("failed to read missing.conf (--registries-conf)"), "{output}");
    world.file("ca.conf", "registries:\n- name: one\n  api_url: https://a\n  ca_file: missing.pem\n");
    let output = world.run(&["check", "--registries-conf", "ca.conf"]).expect(1);
    assert!(output.stderr.contains("line 2: `ca_file` missing.pem: No such file"), "{output}");
}

fn manifests_can_name_secrets_too(backend: Backend) {
    let world = private(backend, RegistryAuth::Basic);
    pull_secret(&world, world.namespace(), "pull", ROBOT);
    let application = store(&world, "bookstore", &[("web.pull-secret", "pullsecret:$NAMESPACE/pull")]);
    let application = application.namespace(world.namespace());
    world.file("app.json", &world.fill_in(application).to_string());
    let output = check(&world, world.user(), &["-f", "app.json"]).expect(0);
    assert_eq!(verdict(&output, "bookstore"), good(), "{output}");
    // Without a cluster the next source is tried.
    world.docker_login(&world.registry().host(), ROBOT);
    let output = world.run_with(&["check", "-o", "json", "-f", "app.json"], |invocation| {
        invocation.env("KUBECONFIG", "/does/not/exist");
    });
    let expected = json!(["UpdateAvailable", "NewestMatch", ["pull-secret-not-read"]]);
    assert_eq!(verdict(&output.expect(0), "bookstore"), expected);
}

/// Unless a flag says otherwise, it is looked for beside Argo CD.
#[test]
fn the_cluster_is_looked_into_where_argo_cd_is() {
    let world = private(Backend::Double, RegistryAuth::Basic);
    world.application(store(&world, "bookstore", &[]));
    secret(&world, world.namespace(), "plain", &json!({"login": format!("{}:{}", ROBOT.0, ROBOT.1)}));
    let absent = check(&world, world.user(), &[]).expect(3);
    assert!(absent.stderr.contains("note: cannot read ConfigMap `argocd/argocd-image-updater-config`"), "{absent}");
    let text = format!(
        "registries: [{{name: R, api_url: 'http://{0}', prefix: '{0}', credentials: 'secret:{1}/plain#login'}}]",
        world.registry().host(),
        world.namespace()
    );
    world.object(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"registries.conf": text},
        "metadata": {"name": "argocd-image-updater-config", "namespace": "argocd"},
    }));
    let output = check(&world, world.user(), &[]).expect(0);
    assert_eq!(verdict(&output, "bookstore"), good(), "{output}");
    // A plan is applied the same way.
    world.run(&["plan", "--out", "plan.json"]).expect(0);
    world.run(&["apply", "--plan", "plan.json"]).expect(0);
}

/// Over TLS: by the system's trust a registry with a certificate of its own is not believed, by its CA it is, and with
/// `insecure` so is anybody, which is said each time.
#[test]
fn trust_is_written_down() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let registry = RegistryDouble::start_tls(RegistryAuth::None);
    let host = registry.host();
    for (tag, built) in [("v1.0.0", "2026-10-01T08:00:00Z"), ("v1.0.1", "2026-11-02T08:00:00Z")] {
        registry.push(REPOSITORY, tag, &Image::built(built));
    }
    let said = format!("warning: the certificate of {host} was not verified (`insecure` in registries.conf)");
    for (extra, expected, insecure) in [
        ("", json!(["Undetermined", "RegistryUnreachable", []]), false),
        ("ca_file: ca.pem", good(), false),
        ("insecure: true", good(), true),
    ] {
        let entry = format!("{{name: R, api_url: 'https://{host}', prefix: '$REGISTRY', {extra}}}");
        world.file("conf/registries.conf", &format!("registries:\n- {entry}\n"));
        world.file("conf/ca.pem", &Authority::of_this_process().ca);
        let output = world.run(&["check", "-o", "json", "--registries-conf", "conf/registries.conf"]);
        assert_eq!(verdict(&output, "bookstore"), expected, "{extra}: {output}");
        assert_eq!(output.stderr.matches(&said).count(), usize::from(insecure), "{extra}: {output}");
    }
}

/// A docker config that cannot be used stops only what comes to it: what names a login of its own does not.
#[test]
fn a_docker_config_is_told_of_where_it_matters() {
    let world = World::new(Backend::Double);
    bookstore::publish_versions(&world);
    pull_secret(&world, world.namespace(), "pull", ROBOT);
    world.application(store(&world, "bookstore", &[]));
    world.application(store(&world, "own", &[("web.pull-secret", "pullsecret:$NAMESPACE/pull")]));
    let host = world.registry().host();
    let warned = json!(["UpdateAvailable", "NewestMatch", ["docker-config-not-read"]]);
    let invalid = json!(["Invalid", "BadValue", ["bad-docker-config"]]);
    let entry = |auth: &str| json!({"auths": {host.as_str(): {"auth": auth}}}).to_string();
    let helper = |name: &str| json!({"credHelpers": {host.as_str(): name}}).to_string();
    for (config, expected) in [
        (String::new(), good()),
        ("{}".to_owned(), good()),
        ("{nope".to_owned(), invalid.clone()),
        ("[]".to_owned(), invalid.clone()),
        (entry("%%%"), invalid.clone()),
        (entry("bm9jb2xvbg=="), invalid),
        (helper("missing"), warned.clone()),
    ] {
        std::fs::write(world.docker_config(), &config).unwrap();
        let output = check(&world, world.user(), &[]);
        let code = if expected[0] == "Invalid" { 3 } else { 0 };
        assert_eq!((verdict(&output, "bookstore"), output.code), (expected, code), "{config}: {output}");
        // Diagnostics about no Application are everybody's.
        let own = output.json()["items"].as_array().unwrap().iter().find(|item| item["application"] == "own").cloned();
        assert_eq!(own.unwrap()["status"], "UpdateAvailable", "{config}: {output}");
    }
    // A folder in its place cannot be read, whoever tries.
    std::fs::remove_file(world.docker_config()).unwrap();
    std::fs::create_dir(world.docker_config()).unwrap();
    let output = check(&world, world.user(), &[]).expect(0);
    assert_eq!(verdict(&output, "bookstore"), warned, "{output}");
    assert!(output.stderr.contains("cannot be read"), "{output}");
}

/// What a plan records and what is checked again when it is applied is asked with the image's own login.
fn a_login_is_the_same_for_plan_apply_and_pin(backend: Backend) {
    let world = private(backend, RegistryAuth::Token);
    pull_secret(&world, world.namespace(), "pull", ROBOT);
    world.application(store(&world, "bookstore", &[("web.pull-secret", "pullsecret:$NAMESPACE/pull")]));
    let hidden = |output: Output| {
        assert!(!output.to_string().contains(ROBOT.1), "a password is shown:\n{output}");
        output
    };
    let plan = hidden(world.run(&["plan", "-o", "json", "-vv", "--out", "plan.json"]).expect(0)).json();
    assert!(plan["changes"][0]["images"][0]["to"]["digest"].is_string(), "{plan}");
    let saved = std::fs::read_to_string(world.work().join("plan.json")).unwrap();
    assert!(!saved.contains(ROBOT.1));
    hidden(world.run(&["apply", "--plan", "plan.json", "-vv"]).expect(0));
    assert!(bookstore::configured(&world.get("bookstore")).contains(&"image.tag=v1.0.1".to_owned()));
    hidden(world.run(&["pin", "bookstore", "web=v1.0.0", "--force", "-vv"]).expect(0));
    let missing = hidden(world.run(&["pin", "bookstore", "web=v9.9.9", "--force", "-vv"]).expect(1));
    assert!(missing.stderr.contains("has no v9.9.9"), "{missing}");
}
