//! `cargo bench --bench git`: what writing 300 Applications to one repository costs, in time, bytes and pushes, beside a
//! plain `git clone --depth 1` and beside one run for each Application.
//!
//! The repository has 20,000 files and 5,000 commits; git's own server is asked over https on loopback. Nothing fails for
//! being slow: people read the table.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark speaks to people, and takes arguments"
)]

#[path = "../world/mod.rs"]
mod world;

use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use serde_json::json;
use world::Application;
use world::Authority;
use world::Backend;
use world::GitAuth;
use world::GitHost;
use world::GitRepository;
use world::Image;
use world::TreeChange;
use world::World;
use world::program;

/// How large everything is: Applications, other files, commits.
struct Size {
    applications: usize,
    files: usize,
    commits: usize,
}

const LARGE: Size = Size { applications: 300, files: 20_000, commits: 5_000 };
const SMALL: Size = Size { applications: 3, files: 20, commits: 5 };
/// Runs of one Application each that are timed; the rest is reckoned from them.
const SINGLE: usize = 10;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        let shop = Shop::open(&SMALL);
        let (_, pushes, _) = shop.timed(&["apply", "--all", "--yes"]);
        assert_eq!(pushes, 1);
        println!("the benchmark can write");
        return;
    }
    let shop = Shop::open(&LARGE);
    println!("{} Applications, {} files, {} commits", LARGE.applications, LARGE.files, LARGE.commits);
    let (time, bytes) = shop.clone();
    println!("git clone --depth 1            {:7.2} s  {:9} bytes", time.as_secs_f64(), bytes);
    let (time, pushes, bytes) = shop.timed(&["apply", "--all", "--yes"]);
    println!("apply --all                    {:7.2} s  {bytes:9} bytes  {pushes} push", time.as_secs_f64());
    shop.reset();
    let mut total = (Duration::ZERO, 0, 0);
    for number in 0..SINGLE {
        let (time, pushes, bytes) = shop.timed(&["apply", &format!("app-{number}"), "--yes"]);
        total = (total.0 + time, total.1 + pushes, total.2 + bytes);
    }
    let times = LARGE.applications / SINGLE;
    println!(
        "apply, {} times (reckoned)    {:7.2} s  {:9} bytes  {} pushes",
        LARGE.applications,
        total.0.as_secs_f64() * times as f64,
        total.2 * times as u64,
        total.1 * times
    );
}

struct Shop {
    world: World,
    host: GitHost,
    repository: GitRepository,
    first: String,
}

impl Shop {
    fn open(size: &Size) -> Self {
        let world = World::new(Backend::Double);
        for (tag, day) in [("v1.0.0", 1), ("v1.0.1", 2)] {
            let built = format!("2026-11-{day:02}T08:00:00Z");
            world.publish("acme/web", tag, &Image::built(&built).content(tag));
        }
        let host = GitHost::new(GitAuth::None);
        let repository = host.repository("acme/deploy");
        let image = world.image("acme/web");
        let values = format!("# values\nimage:\n  repository: {image}\n  tag: v1.0.0\n{}", "# more\n".repeat(100));
        let mut first: Vec<TreeChange> = (0..size.files)
            .map(|number| {
                TreeChange::file(
                    &format!("other/{}/{number}.yaml", number % 200),
                    format!("number: {number}\n").repeat(40),
                )
            })
            .collect();
        let app = |number| TreeChange::file(&format!("apps/{number}/values.yaml"), &values);
        first.extend((0..size.applications).map(app));
        let later = |commit: usize| {
            vec![TreeChange::file(&format!("other/{}/{commit}.yaml", commit % 200), format!("commit: {commit}\n"))]
        };
        let commits: Vec<Vec<TreeChange>> = std::iter::once(first).chain((1..size.commits).map(later)).collect();
        repository.commit_all("main", &commits);
        repository.git(&["gc", "--quiet"]);
        let url = host.https().url("acme/deploy");
        let authority = json!({"127.0.0.1": Authority::of_this_process().ca});
        world.object(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-tls-certs-cm"}, "data": authority,
        }));
        for number in 0..size.applications {
            let (url, folder) = (url.clone(), format!("apps/{number}"));
            let application = Application::named(&format!("app-{number}"))
                .image_list("web=$REGISTRY/acme/web:~1.0")
                .annotation("write-back-method", "git")
                .annotation("write-back-target", "helmvalues")
                .annotation("web.helm.image-name", "image.repository")
                .annotation("web.helm.image-tag", "image.tag")
                .helm(&[])
                .images(&["$REGISTRY/acme/web:v1.0.0"])
                .with(|object| {
                    object["spec"]["source"]["repoURL"] = url.into();
                    object["spec"]["source"]["path"] = folder.into();
                });
            world.application(application);
        }
        let first = repository.head("main").expect("commits were made");
        Self { world, host, repository, first }
    }

    /// Lets the branch be as it was.
    fn reset(&self) {
        self.repository.git(&["update-ref", "refs/heads/main", &self.first]);
    }

    /// Runs the tool: how long, how many pushes, how many bytes the server sent.
    fn timed(&self, words: &[&str]) -> (Duration, usize, u64) {
        let https = self.host.https();
        https.clear_log();
        let mut invocation = self.world.invocation(words);
        invocation.arg("--argocd-namespace").arg(self.world.namespace()).env("PATH", search_path());
        for (flag, value) in [("--git-commit-user", "Robot"), ("--git-commit-email", "robot@example.com")] {
            invocation.arg(flag).arg(value);
        }
        let began = Instant::now();
        invocation.run().expect(0);
        let time = began.elapsed();
        let pushes = https.log().iter().filter(|exchange| exchange.request.path.ends_with("/git-receive-pack")).count();
        (time, pushes, https.sent())
    }

    /// A plain shallow clone: how long, and how many bytes.
    fn clone(&self) -> (Duration, u64) {
        let https = self.host.https();
        https.clear_log();
        let authority = self.world.file("ca.pem", &Authority::of_this_process().ca);
        let target = self.world.work().join("clone");
        let began = Instant::now();
        let status = Command::new(program("git"))
            .args(["clone", "--quiet", "--depth", "1", &https.url("acme/deploy")])
            .arg(&target)
            .env("GIT_SSL_CAINFO", authority)
            .env("HOME", self.world.work())
            .status()
            .expect("git starts");
        assert!(status.success());
        (began.elapsed(), https.sent())
    }
}

fn search_path() -> String {
    format!("{}:/usr/bin:/bin", program("git").parent().expect("a folder").display())
}
