//! The story of a bookstore, told with the real commands: what README shows first, and what the demo plays.
#![allow(dead_code, reason = "README shows a part of it")]

use super::world::Application;
use super::world::Image;
use super::world::Output;
use super::world::World;
use super::world::deploy;

/// One command of the story, and what it is for.
pub(crate) struct Step {
    pub(crate) about: &'static str,
    /// The words after `kubectl image-update`.
    pub(crate) words: &'static [&'static str],
    /// What its output must say; the demo is a test too.
    pub(crate) says: &'static [&'static str],
}

/// The whole story.
pub(crate) const STEPS: [Step; 9] = [
    Step {
        about: "A bookstore runs v1.0.0. Its registry has v1.0.1 and v2.0.0 as well, and its annotation says ~1.0.",
        words: &["check"],
        says: &["v1.0.0", "v1.0.1", "UpdateAvailable", "newest of 2 tags that satisfy ~1.0"],
    },
    Step {
        about: "Why not v2.0.0?",
        words: &["check", "bookstore", "--explain"],
        says: &["3 seen → 3 allowed → 2 eligible → v1.0.1", "OutsideConstraint: v2.0.0"],
    },
    Step {
        about: "The exact edit, before anything is written; the plan is saved.",
        words: &["plan", "--out", "plan.json"],
        says: &["-        value: v1.0.0", "+        value: v1.0.1", "v1.0.0 → v1.0.1"],
    },
    Step { about: "Write what was planned, or nothing.", words: &["apply", "--plan", "plan.json"], says: &["Applied"] },
    Step { about: "Argo CD deploys it; all is well.", words: &["check"], says: &["v1.0.1", "UpToDate"] },
    Step {
        about: "v1.0.1 loses orders. Back to v1.0.0, and stay there, whatever else updates images here.",
        words: &["pin", "bookstore", "web=v1.0.0", "--reason", "v1.0.1 loses orders", "--until", "7d"],
        says: &["Applied", "pinned at v1.0.0 until 2026-11-29T09:00:00Z, was v1.0.1"],
    },
    Step { about: "The pin holds.", words: &["check"], says: &["Pinned", "v1.0.1 loses orders"] },
    Step { about: "Fixed elsewhere: let it move again.", words: &["unpin", "bookstore", "web"], says: &["unpinned"] },
    Step {
        about: "The update is there again, and it is known that it was left before.",
        words: &["check"],
        says: &["v1.0.1", "RolledBack"],
    },
];

/// Sets the scene: the Application, its images, and an Argo CD that deploys what the spec says.
pub(crate) fn set_the_scene(world: &World) {
    for (tag, built) in
        [("v1.0.0", "2026-10-01T08:00:00Z"), ("v1.0.1", "2026-11-02T08:00:00Z"), ("v2.0.0", "2026-11-20T08:00:00Z")]
    {
        world.publish("acme/bookstore", tag, &Image::built(built).content(tag));
    }
    let image = world.image("acme/bookstore");
    let live = format!("{image}:v1.0.0");
    world.application(
        Application::named("bookstore")
            .image_list(&format!("web={image}:~1.0"))
            .helm(&[("image.name", &image), ("image.tag", "v1.0.0"), ("replicas", "2")])
            .images(&[&live])
            .with(|application| {
                application["spec"]["syncPolicy"]["automated"] = serde_json::json!({});
                let source = application["spec"]["source"].clone();
                application["status"]["history"] =
                    serde_json::json!([{"id": 0, "deployedAt": "2026-10-01T09:00:00Z", "source": source}]);
            }),
    );
    if !world.is_real() {
        world.api_double().set_controller(deploy);
    }
}

/// Plays one step.
///
/// # Panics
/// The command fails, or does not say what it must.
pub(crate) fn play(world: &World, step: &Step, options: &[&str]) -> Output {
    let words: Vec<&str> = step.words.iter().chain(options).copied().collect();
    let output = if world.is_real() {
        let words: Vec<&str> = std::iter::once("image-update").chain(words.iter().copied()).collect();
        let output = world.run_kubectl(&words);
        // Nothing plays Argo CD beside a real API server.
        world.deploy("bookstore");
        output
    } else {
        world.run(&words)
    };
    let text = format!("{}{}", output.stdout, output.stderr);
    assert_eq!(output.code, 0, "{words:?} failed:\n{text}");
    for expected in step.says {
        assert!(text.contains(expected), "{words:?} does not say `{expected}`:\n{text}");
    }
    output
}

/// A command as somebody would type it.
pub(crate) fn typed(words: &[&str]) -> String {
    let words = words.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() });
    format!("kubectl image-update {}", words.collect::<Vec<_>>().join(" "))
}
