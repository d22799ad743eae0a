//! Public registries under their own names, behind a proxy that leads them to doubles: what they are asked, with which
//! login, and what it costs there.

use serde_json::json;

use super::undetermined;
use super::verdict;
use crate::work;
use crate::work::Requests;
use crate::world::Application;
use crate::world::Backend;
use crate::world::Dialect;
use crate::world::Exchange;
use crate::world::Fault;
use crate::world::Image;
use crate::world::Internet;
use crate::world::Output;
use crate::world::ROBOT;
use crate::world::Site;
use crate::world::World;

/// A person whose world has the Internet in it.
struct Online {
    world: World,
    internet: Internet,
}

impl Online {
    fn new() -> Self {
        Self { world: World::new(Backend::Double), internet: Internet::start() }
    }

    /// Puts up a registry with a repository that anybody may read: three versions, and `stable`, which is the second.
    fn open(&self, dialect: Dialect, repository: &str) -> Site {
        let site = self.internet.open(dialect);
        for (tag, built) in VERSIONS {
            site.registry.push(repository, tag, &Image::built(built).content(built));
        }
        site.registry.tokens.add_user(ROBOT);
        site.registry.tokens.publish(repository);
        site
    }

    /// Writes Applications into the file that is checked: name, image, constraint and update strategy of each.
    fn applications(&self, images: &[(&str, &str, &str, &str)]) {
        let items: Vec<_> = images
            .iter()
            .map(|(name, image, constraint, strategy)| {
                let live = format!("{image}:{}", if *strategy == "newest-build" { "main-00" } else { "v1.0.0" });
                Application::named(name)
                    .namespace("argocd")
                    .image_list(&format!("web={image}{constraint}"))
                    .annotation("web.update-strategy", strategy)
                    .kustomize(&[&live])
                    .images(&[&live])
                    .into_value()
            })
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.world.file("applications.json", &list.to_string());
    }

    fn run(&self, words: &[&str]) -> Output {
        self.world.run_with(words, |invocation| self.internet.connect(invocation))
    }

    fn check(&self) -> Output {
        self.run(&["check", "-f", "applications.json", "-o", "json", "-v"])
    }
}

const VERSIONS: [(&str, &str); 4] = [
    ("v1.0.0", "2026-10-01T08:00:00Z"),
    ("v1.0.1", "2026-11-02T08:00:00Z"),
    ("stable", "2026-11-02T08:00:00Z"),
    ("v2.0.0", "2026-11-20T08:00:00Z"),
];

/// A registry, an image there as people write it, and its repository.
const IMAGES: [(Dialect, &str, &str); 6] = [
    (Dialect::DockerHub, "nginx", "library/nginx"),
    (Dialect::Quay, "quay.io/acme/web", "acme/web"),
    (Dialect::Github, "ghcr.io/acme/web", "acme/web"),
    (Dialect::Azure, "example.azurecr.io/acme/web", "acme/web"),
    (Dialect::Google, "europe-docker.pkg.dev/acme/team/web", "acme/team/web"),
    (Dialect::Harbor, "harbor.example.com/acme/web", "acme/web"),
];

/// The logins, of either kind, that requests carried.
fn logins(log: &[Exchange]) -> Vec<&str> {
    log.iter().filter_map(|exchange| exchange.request.header("authorization")?.split(' ').next()).collect()
}

#[test]
fn versions_and_digests_cost_no_pull_anywhere() {
    for (dialect, image, repository) in IMAGES {
        let online = Online::new();
        let site = online.open(dialect, repository);
        online.applications(&[("digest", image, ":stable", "digest"), ("semver", image, ":~1", "semver")]);
        let output = online.check().expect(0);
        let report = output.json();
        let found = |number: usize| report["items"][number]["candidate"].clone();
        let stable = Image::built(VERSIONS[2].1).content(VERSIONS[2].1).digest();
        assert_eq!(found(0), json!({"tag": "stable", "digest": stable, "created": null}), "{dialect:?}: {output}");
        assert_eq!(found(1)["tag"], "v1.0.1", "{dialect:?}: {output}");
        // Whose token service is known is not first asked for it.
        let known = matches!(dialect, Dialect::DockerHub | Dialect::Quay | Dialect::Github);
        let least = Requests { lists: 1, heads: 1, tokens: 1, challenges: usize::from(!known), ..Requests::NONE };
        assert_eq!(Requests::of(&site.log()), least, "{dialect:?}");
        assert!(site.log().iter().all(|exchange| exchange.status != Some(404)));
    }
}

#[test]
fn docker_hub_says_what_is_left_and_nothing_is_used_up() {
    let online = Online::new();
    let site = online.open(Dialect::DockerHub, "library/nginx");
    online.applications(&[("digest", "nginx", ":stable", "digest"), ("semver", "docker.io/nginx", ":~1", "semver")]);
    for words in [&["check"][..], &["plan"]] {
        let output = online.run(&[words, &["-f", "applications.json", "-v"]].concat()).expect(0);
        for line in ["auth.docker.io: 1 request\n", "registry-1.docker.io: 100 pulls left\n"] {
            assert!(output.stderr.contains(line), "`{line}`: {output}");
        }
    }
    assert_eq!(site.registry.pulls_left(), 100);
    let asked = site.registry.log().len();
    assert_eq!(asked, 2 + 3, "a list and a HEAD; for the plan one more HEAD, to write down what was found");
    assert!(logins(&site.log()).iter().all(|kind| *kind == "Bearer"));
}

#[test]
fn a_login_for_docker_hub_goes_to_its_token_service_alone() {
    for key in ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"] {
        let online = Online::new();
        let site = online.open(Dialect::DockerHub, "acme/web");
        site.registry.tokens.restrict("acme/secret", &[ROBOT.0]);
        for (tag, built) in VERSIONS {
            site.registry.push("acme/secret", tag, &Image::built(built));
        }
        online.world.docker_login(key, ROBOT);
        online.applications(&[("web", "acme/secret", ":~1", "semver")]);
        assert_eq!(verdict(&online.check().expect(0)), json!(["UpdateAvailable", "NewestMatch", "v1.0.1"]), "{key}");
        assert_eq!(logins(&site.registry.log()), ["Bearer"], "{key}");
        assert_eq!(logins(&site.log()), ["Bearer", "Basic"], "{key}");
        assert!(site.api().log().is_empty(), "nothing about dates was to be known");
    }
}

/// Of 600 builds one is asked, the one that was pushed last: nothing that was pushed before can have been built later.
#[test]
fn the_newest_of_many_builds_costs_one_pull_where_pushes_are_dated() {
    let work = work::BUILDS;
    for (dialect, image, _) in IMAGES.into_iter().filter(|(dialect, ..)| *dialect != Dialect::Github) {
        let online = Online::new();
        let site = online.internet.open(dialect);
        work.publish(&site.registry);
        site.registry.tokens.publish(&work.repositories()[0].0);
        let host = if dialect == Dialect::DockerHub { "docker.io" } else { image.split('/').next().unwrap() };
        online.world.file("applications.json", &work.manifest(host));
        let known = matches!(dialect, Dialect::DockerHub | Dialect::Quay);
        let list = Requests { lists: 6, tokens: 1, challenges: usize::from(!known), ..Requests::NONE };
        let dates = usize::from(dialect != Dialect::Google);
        let cold = Requests { dates, manifests: 1, configs: 1, ..list };
        for (state, expected) in [("cold", cold), ("warm", Requests { dates, heads: 1, ..list })] {
            site.clear_log();
            let output = online.check().expect(0);
            let candidate = &output.json()["items"][0]["candidate"];
            assert_eq!(candidate["tag"], json!(work.winner()), "{dialect:?} {state}: {output}");
            assert_eq!(Requests::of(&site.log()), expected, "{dialect:?} {state}: {output}");
        }
        if dialect == Dialect::DockerHub {
            assert_eq!(site.registry.pulls_left(), 99);
            assert_eq!(logins(site.api().log().as_slice()), [""; 0], "that API gets no login");
        }
    }
}

/// What is wrong, where, and the most manifests that are asked for.
type Case = (&'static str, Dialect, fn(&Site), usize);

/// An old build that is pushed again, and a registry that does not say when: the newest build wins all the same.
#[test]
fn pushes_are_no_builds() {
    const BUILDS: usize = 20;
    let publish = |site: &Site| {
        for number in 0..BUILDS {
            let (tag, built) =
                (format!("main-{:02}", (number * 7) % BUILDS), format!("2026-10-{:02}T08:00:00Z", number + 1));
            site.registry.push("acme/web", &tag, &Image::built(&built).content(&tag));
        }
        site.registry.pushed("acme/web", "main-00", "2026-11-20T08:00:00Z");
        site.registry.tokens.add_user(ROBOT);
        site.registry.tokens.publish("acme/web");
    };
    let winner = format!("main-{:02}", (19 * 7) % BUILDS);
    let all = BUILDS;
    let cases: [Case; 10] = [
        ("pushed again", Dialect::DockerHub, |_| {}, 3),
        ("pushed again", Dialect::Quay, |_| {}, 3),
        ("pushed again", Dialect::Azure, |_| {}, 3),
        ("pushed again", Dialect::Google, |_| {}, 3),
        ("pushed again", Dialect::Harbor, |_| {}, 3),
        ("out of order", Dialect::Quay, |site| on_dates(site, Fault::status(500)), all),
        ("not JSON", Dialect::Quay, |site| on_dates(site, Fault::garbage("<html>")), all),
        ("no end", Dialect::Quay, |site| on_dates(site, Fault::endless()), all),
        ("no date", Dialect::Quay, |site| on_dates(site, Fault::garbage(r#"{"tags":[{"name":"main-00"}]}"#)), all),
        (
            "elsewhere",
            Dialect::Quay,
            |site| on_dates(site, Fault::status(302).header("Location", "https://10.0.0.1/")),
            all,
        ),
    ];
    for (name, dialect, make, most) in cases {
        let online = Online::new();
        let site = online.internet.open(dialect);
        publish(&site);
        make(&site);
        let host = if dialect == Dialect::DockerHub { "docker.io" } else { dialect.host() };
        online.applications(&[("web", &format!("{host}/acme/web"), "", "newest-build")]);
        let output = online.check().expect(0);
        assert_eq!(output.json()["items"][0]["candidate"]["tag"], json!(winner), "{name} {dialect:?}: {output}");
        let asked = Requests::of(&site.log()).manifests;
        let expected = if most == all { all..=all } else { 2..=most };
        assert!(expected.contains(&asked), "{name} {dialect:?}: {asked}");
    }
}

fn on_dates(site: &Site, fault: Fault) {
    site.registry.fault(fault.at("/api/v1/repository/acme/web/tag/"));
}

/// A login that a registry's own API takes is sent there, on the registry's host; one that has logins of its own gets
/// none, and what it does not show is asked of the images.
#[test]
fn dates_of_private_repositories_are_asked_with_the_right_login() {
    for (dialect, logins_of_api, dated) in [
        (Dialect::DockerHub, &[][..], false),
        (Dialect::Quay, &[], false),
        (Dialect::Azure, &["Bearer"], true),
        (Dialect::Harbor, &["Basic"], true),
    ] {
        let online = Online::new();
        let site = online.internet.open(dialect);
        for day in 0..9 {
            let tag = format!("main-0{day}");
            site.registry.push("acme/web", &tag, &Image::built(&format!("2026-10-1{day}T08:00:00Z")).content(&tag));
        }
        site.registry.tokens.add_user(ROBOT);
        site.registry.tokens.restrict("acme/web", &[ROBOT.0]);
        let host = if dialect == Dialect::DockerHub { "docker.io" } else { dialect.host() };
        online.world.docker_login(host, ROBOT);
        online.applications(&[("web", &format!("{host}/acme/web"), "", "newest-build")]);
        let output = online.check().expect(0);
        assert_eq!(output.json()["items"][0]["candidate"]["tag"], "main-08", "{dialect:?}: {output}");
        let dates: Vec<_> = site
            .log()
            .into_iter()
            .filter(|exchange| {
                Requests::of(std::slice::from_ref(exchange)).dates > 0 || exchange.request.path.contains("/repositor")
            })
            .collect();
        assert_eq!(logins(&dates), logins_of_api, "{dialect:?}: {dates:#?}");
        let pulls = Requests::of(&site.log()).manifests;
        assert_eq!(pulls, if dated { 1 } else { 9 }, "{dialect:?}");
    }
}

/// Docker Hub gives one token for several repositories; one that it leaves out is asked for by itself.
#[test]
fn repositories_of_docker_hub_share_a_token() {
    let online = Online::new();
    let site = online.open(Dialect::DockerHub, "acme/one");
    let names = ["acme/one", "acme/two", "acme/three", "library/nginx", "acme/private"];
    for name in names {
        for (tag, built) in VERSIONS {
            site.registry.push(name, tag, &Image::built(built));
        }
        if name != "acme/private" {
            site.registry.tokens.publish(name);
        }
    }
    let images: Vec<_> = names.iter().map(|name| (name.rsplit('/').next().unwrap(), *name, ":~1", "semver")).collect();
    online.applications(&images[..4]);
    online.check().expect(0);
    assert_eq!(Requests::of(&site.log()), Requests { lists: 4, tokens: 1, ..Requests::NONE });
    site.clear_log();
    online.applications(&images);
    let output = online.check().expect(3);
    let report = output.json();
    let found = report["items"].as_array().unwrap().iter().map(|item| item["candidate"]["tag"].as_str().unwrap_or("-"));
    assert_eq!(found.filter(|tag| *tag == "v1.0.1").count(), 4, "{output}");
    assert_eq!(report["summary"]["undetermined"], 1, "{output}");
    let asked = Requests::of(&site.log());
    assert!(asked.lists == 4 && asked.tokens <= 6 && asked.challenges <= 2, "{asked}");
}

/// A public registry is not believed when it sends somebody to this machine or a private network.
#[test]
fn a_public_registry_sends_nobody_home() {
    for target in [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://x.localhost./x",
        "https://registry/x",
        "https://metadata.google.internal/computeMetadata/v1/",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://2130706433/x",
    ] {
        let online = Online::new();
        let site = online.open(Dialect::Github, "acme/web");
        online.applications(&[("web", "ghcr.io/acme/web", ":~1", "semver")]);
        let fault = Fault::status(307).header("Location", target);
        site.registry.fault(fault.at("/v2/acme/web/tags/list"));
        undetermined(&online.check(), target, "MetadataUnreadable", "leads to this machine or a private network");
        assert_eq!(Requests::of(&site.log()).sum(), 2, "{target}");
    }
}

/// From one public host to another, a redirect is followed, and takes nothing along.
#[test]
fn a_redirect_between_public_hosts_takes_no_login_along() {
    let online = Online::new();
    let site = online.open(Dialect::Harbor, "acme/web");
    let other = online.open(Dialect::Quay, "acme/web");
    online.world.docker_login("harbor.example.com", ROBOT);
    online.applications(&[("web", "harbor.example.com/acme/web", ":~1", "semver")]);
    let fault = Fault::status(307).header("Location", "https://quay.io/v2/acme/web/tags/list?n=1000");
    site.registry.fault(fault.at("/v2/acme/web/tags/list").after(1));
    undetermined(&online.check(), "redirect", "RegistryDenied", "quay.io answered 401");
    assert_eq!(logins(&site.log()), ["Basic", "Bearer"], "else this test could not fail");
    assert_eq!((logins(&other.log()), other.log().len()), (vec![], 1));
}
