//! How few requests an answer costs, counted in the registry's own log: the least possible, and never one more.

use serde_json::json;

use crate::bookstore;
use crate::bookstore::Form;
use crate::work;
use crate::work::Requests;
use crate::work::Work;
use crate::world::Backend;
use crate::world::Image;
use crate::world::ROBOT;
use crate::world::RegistryAuth;
use crate::world::RegistryDouble;
use crate::world::World;

/// A world with a registry that is filled for a work, its users, and the Applications in a file.
struct Bench {
    winner: String,
    world: World,
    registry: RegistryDouble,
}

impl Bench {
    fn of(work: &Work) -> Self {
        let world = World::new(Backend::Double);
        let registry = RegistryDouble::start(work.auth);
        registry.tokens.add_user(ROBOT);
        work.publish(&registry);
        world.file("applications.json", &work.manifest(&registry.host()));
        if work.auth != RegistryAuth::None {
            world.docker_login(&registry.host(), ROBOT);
        }
        Self { winner: work.winner(), world, registry }
    }

    /// Checks all of them, and counts what the registry was asked meanwhile.
    #[track_caller]
    fn check(&self, flags: &[&str]) -> Requests {
        self.registry.clear_log();
        let words = [&["check", "-f", "applications.json", "-o", "json", "-v"], flags].concat();
        let output = self.world.run(&words).expect(0);
        let counts = Requests::of(&self.registry.log());
        for item in output.json()["items"].as_array().unwrap() {
            let candidate = item["candidate"]["tag"].as_str().unwrap_or_default();
            assert!(candidate.ends_with(&self.winner), "{item}");
        }
        assert!(self.registry.most_in_flight() <= work::IN_FLIGHT, "{}", self.registry.most_in_flight());
        // What people are told is what was sent.
        let said = format!("{}: {} requests", self.registry.host(), counts.sum());
        assert!(output.stderr.contains(&said), "`{said}`: {}", output.stderr);
        counts
    }
}

#[test]
fn tags_cost_one_walk_however_many_share_them() {
    for work in [work::LISTS, work::NAMES] {
        assert_eq!(Bench::of(&work).check(&[]), work.least, "{}", work.name);
    }
}

#[test]
fn a_digest_costs_a_head() {
    for work in [work::DIGESTS, work::DIGESTS_WITH_TOKEN] {
        assert_eq!(Bench::of(&work).check(&[]), work.least, "{}", work.name);
    }
}

/// Where nothing else tells the dates, every image is asked once, and from then on only whether its tag has moved.
#[test]
fn a_build_date_costs_a_manifest_and_a_config_once() {
    let bench = Bench::of(&work::BUILDS);
    assert_eq!(bench.check(&[]), work::BUILDS.least, "cold");
    assert_eq!(bench.check(&[]), Requests { lists: 6, heads: 600, ..Requests::NONE }, "warm");
}

#[test]
fn the_cache_is_asked_for_what_has_not_moved() {
    let work = work::FEWER_BUILDS;
    let bench = Bench::of(&work);
    assert_eq!(bench.check(&[]), work.least, "cold");
    assert_eq!(bench.check(&["--no-cache"]), work.least, "cold again");
    // One tag moves: what is new is asked for, and nothing else.
    let (repository, tags) = &work.repositories()[0];
    bench.registry.push(repository, &tags[7], &Image::built("2026-10-01T07:00:00Z").content("rebuilt"));
    let warm = Requests { lists: 2, heads: 120, ..Requests::NONE };
    assert_eq!(bench.check(&[]), Requests { manifests: 1, configs: 1, ..warm }, "one moved");
    assert_eq!(bench.check(&[]), warm, "warm");
}

/// What a plan writes down beside the tags costs one HEAD for each change; nothing is asked twice, and applying asks
/// again only what may have changed.
#[test]
fn a_plan_costs_one_head_for_each_change() {
    let world = World::new(Backend::Double);
    bookstore::open(&world, Form::Helm);
    let registry = world.registry().double();
    let list = Requests { lists: 1, ..Requests::NONE };
    let head = Requests { heads: 1, ..Requests::NONE };
    for (words, expected) in [
        (&["check"][..], list),
        (&["plan", "--out", "plan.json"], Requests { heads: 1, ..list }),
        (&["apply", "--plan", "plan.json"], head),
        (&["plan"], list),
    ] {
        registry.clear_log();
        world.run(words).expect(0);
        assert_eq!(Requests::of(&registry.log()), expected, "{words:?}");
    }
    assert_eq!(world.get("bookstore")["spec"]["source"]["helm"]["parameters"][1]["value"], json!("v1.0.1"));
}
