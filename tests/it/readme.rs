//! README starts with what the tool really prints.

use crate::story;
use crate::world::Backend;
use crate::world::World;

const README: &str = include_str!("../../README.md");

/// The steps of the story that README shows.
const SHOWN: [usize; 4] = [0, 2, 3, 5];

#[test]
fn the_transcript_is_what_the_commands_print() {
    let world = World::alone(Backend::Double);
    story::set_the_scene(&world);
    let mut transcript = String::from("<!-- transcript -->\n```console\n");
    for (index, step) in story::STEPS.iter().enumerate().take_while(|(index, _)| *index <= 5) {
        let output = story::play(&world, step, &[]);
        if SHOWN.contains(&index) {
            // README shows what a user sees whose registry is not on this machine.
            let printed = output.stdout.replace(&world.registry().host(), "ghcr.io");
            transcript.extend(["$ ", &story::typed(step.words), "\n", &printed]);
        }
    }
    transcript.push_str("```\n");
    assert!(README.contains(&transcript), "README.md should start with:\n\n{transcript}");
}
