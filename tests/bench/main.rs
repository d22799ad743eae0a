//! `cargo bench --bench registry`: what checking costs, in requests, time and memory, beside the least that is possible
//! and beside skopeo.
//!
//! The registry is the tests' double, which answers each request after a delay that stands for the network. The least
//! possible time is the number of requests that must follow each other, with 16 in flight, times that delay. Arguments
//! after `--` choose parts: `requests`, `time`, `memory`. Nothing fails for being slow: people read the tables.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark speaks to people, and takes arguments"
)]

#[path = "../world/mod.rs"]
mod world;

mod skopeo;
mod work;

use std::time::Duration;
use std::time::Instant;

use work::Requests;
use work::Work;
use world::Backend;
use world::Dialect;
use world::Fault;
use world::Internet;
use world::Invocation;
use world::ROBOT;
use world::RegistryAuth;
use world::RegistryDouble;
use world::World;

/// Delays of the network.
const DELAYS: [u64; 3] = [0, 20, 100];
/// How often the tool is timed, and skopeo; the shortest time counts, as the one that was disturbed least.
const TIMES: usize = 5;
const TIMES_OF_SKOPEO: usize = 2;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        let stage = Stage::of(&work::DIGESTS);
        let (requests, _) = stage.counted(&[]);
        assert_eq!(requests, work::DIGESTS.least);
        println!("the benchmark can count: {requests}");
        return;
    }
    let parts: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|other| *other == part);
    if wanted("requests") {
        requests();
    }
    if wanted("time") {
        time();
    }
    if wanted("memory") {
        memory();
    }
}

/// A registry that is filled for a work, and somebody who checks it.
struct Stage {
    world: World,
    registry: RegistryDouble,
}

impl Stage {
    fn of(work: &Work) -> Self {
        let world = World::new(Backend::Double);
        let registry = RegistryDouble::start(work.auth);
        registry.tokens.add_user(ROBOT);
        work.publish(&registry);
        world.file("applications.json", &work.manifest(&registry.host()));
        if work.auth != RegistryAuth::None {
            world.docker_login(&registry.host(), ROBOT);
        }
        Self { world, registry }
    }

    fn invocation(&self, flags: &[&str]) -> Invocation {
        self.world.invocation(&[&["check", "-f", "applications.json", "-o", "json"], flags].concat())
    }

    /// Runs the tool, and returns what it asked for, and how long that took.
    fn counted(&self, flags: &[&str]) -> (Requests, Duration) {
        self.registry.clear_log();
        let invocation = self.invocation(flags);
        let begun = Instant::now();
        let output = invocation.run().expect(0);
        let took = begun.elapsed();
        assert_eq!(output.json()["summary"]["undetermined"], 0);
        (Requests::of(&self.registry.log()), took)
    }
}

/// What each kind of question costs in requests.
fn requests() {
    println!("\nRequests\n");
    println!("| work | state | requests | least possible |\n|---|---|---|---|");
    let row = |work: &str, state: &str, requests: Requests, least: Requests| {
        println!("| {work} | {state} | {requests} | {least} |");
    };
    for work in [work::LISTS, work::NAMES, work::DIGESTS, work::DIGESTS_WITH_TOKEN, work::BUILDS] {
        let stage = Stage::of(&work);
        row(work.name, "cold", stage.counted(&[]).0, work.least);
        if work.least.configs > 0 {
            let warm = Requests { lists: work.least.lists, heads: work.least.manifests, ..Requests::NONE };
            row(work.name, "warm", stage.counted(&[]).0, warm);
        }
    }
    for dialect in [Dialect::DockerHub, Dialect::Quay, Dialect::Azure, Dialect::Google, Dialect::Harbor] {
        let (world, internet) = (World::new(Backend::Double), Internet::start());
        let site = internet.open(dialect);
        work::BUILDS.publish(&site.registry);
        site.registry.tokens.publish(&work::BUILDS.repositories()[0].0);
        let host = if dialect == Dialect::DockerHub { "docker.io" } else { dialect.host() };
        world.file("applications.json", &work::BUILDS.manifest(host));
        // Whose token service is not known is asked for it first.
        let challenges = usize::from(!matches!(dialect, Dialect::DockerHub | Dialect::Quay));
        let list = Requests { lists: 6, tokens: 1, challenges, ..Requests::NONE };
        let dates = usize::from(dialect != Dialect::Google);
        for (state, least) in [
            ("cold", Requests { dates, manifests: 1, configs: 1, ..list }),
            ("warm", Requests { dates, heads: 1, ..list }),
        ] {
            site.clear_log();
            let words = ["check", "-f", "applications.json", "-o", "json"];
            world.run_with(&words, |invocation| internet.connect(invocation)).expect(0);
            row(&format!("{}, {dialect:?}", work::BUILDS.name), state, Requests::of(&site.log()), least);
        }
    }
}

/// How long it takes, at several delays, beside the least possible and beside skopeo.
fn time() {
    let version = skopeo::version();
    println!(
        "\nTime (goal: at most 1.5 times the ideal; 5 times as fast as skopeo without delay, 2.5 times with 100 ms)\n"
    );
    match &version {
        Ok(version) => println!("Beside {version}, {} at a time.\n", skopeo::AT_A_TIME),
        Err(why) => println!("NOT COMPARED: {why}\n"),
    }
    println!(
        "| work | delay | time | ideal | times the ideal | skopeo | times as fast |\n|---|---|---|---|---|---|---|"
    );
    for work in [work::LISTS, work::DIGESTS, work::FEWER_BUILDS] {
        let stage = Stage::of(&work);
        for delay in DELAYS.map(Duration::from_millis) {
            stage.registry.heal();
            if !delay.is_zero() {
                stage.registry.fault(Fault::delay(delay));
            }
            let took = shortest(TIMES, || stage.counted(&["--no-cache"]).1);
            let ideal = delay * u32::try_from(work.trips).expect("few");
            let ratio = if ideal.is_zero() { "-".to_owned() } else { format!("{:.2}", took.div_duration_f64(ideal)) };
            let (other, faster) = match &version {
                Ok(_) => {
                    let other = shortest(TIMES_OF_SKOPEO, || skopeo::time(&work, &stage.registry.host()));
                    (format!("{:.2} s", other.as_secs_f64()), format!("{:.1}", other.div_duration_f64(took)))
                }
                Err(_) => ("-".to_owned(), "-".to_owned()),
            };
            println!(
                "| {} | {} ms | {:.2} s | {:.2} s | {ratio} | {other} | {faster} |",
                work.name,
                delay.as_millis(),
                took.as_secs_f64(),
                ideal.as_secs_f64(),
            );
        }
    }
}

fn shortest(times: usize, take: impl Fn() -> Duration) -> Duration {
    (0..times).map(|_| take()).min().expect("it is timed once at least")
}

/// How much memory many Applications take, read from the cluster.
fn memory() {
    let work = work::CROWD;
    let stage = Stage::of(&work);
    for application in work.applications(&stage.registry.host()) {
        let mut application = application;
        application["metadata"]["namespace"] = stage.world.namespace().into();
        stage.world.application(application);
    }
    let begun = Instant::now();
    let (output, peak) = stage.world.invocation(&["check", "-o", "json"]).run_measured();
    let took = begun.elapsed();
    assert_eq!(output.json()["summary"]["updateAvailable"], 1000, "{}", output.stderr);
    println!("\nMemory (goal: under 150 MB)\n");
    println!("{}: {:.0} MB, {:.2} s", work.name, peak as f64 * 1024.0 / 1e6, took.as_secs_f64());
}
