//! `cargo demo`: the main job, on an embedded API server and registry. No network, no cluster.
//!
//! Run by `cargo test` it plays the story once and checks what is said. `--keep` leaves the world running afterwards;
//! `--real` plays it on the real servers that `tests/run` provides, through kubectl.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "the demo speaks to a person, and takes arguments")]

#[path = "../world/mod.rs"]
mod world;

mod story;

use std::io::IsTerminal;
use std::io::Read;

use world::Backend;
use world::World;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let told = |word: &str| arguments.iter().any(|argument| argument == word);
    let world = World::alone(if told("--real") { Backend::Real } else { Backend::Double });
    story::set_the_scene(&world);
    let show = told("--demo");
    let options: &[&str] = if show && std::io::stdout().is_terminal() { &["--color=always"] } else { &[] };
    for step in &story::STEPS {
        if show {
            println!("# {}\n$ {}", step.about, story::typed(step.words));
        }
        let output = story::play(&world, step, if show { options } else { &["--color=never"] });
        if show {
            println!("{}{}", output.stdout, output.stderr);
        }
    }
    if told("--keep") {
        keep(&world);
    }
    if !show {
        println!("the demo plays: {} passed, 0 failed", story::STEPS.len());
    }
}

/// Says how to reach the world, and keeps it until standard input ends or the user interrupts.
fn keep(world: &World) {
    let folder = std::path::Path::new(world::BINARY).parent().expect("the binary is in a folder");
    println!("The world stays up until Enter or Ctrl-C. In another terminal:\n");
    println!("  export KUBECONFIG={}", world.kubeconfig(world.user()).display());
    println!("  export PATH=\"{}:$PATH\"", folder.display());
    println!("  kubectl image-update check");
    println!("  kubectl get applications.argoproj.io bookstore -o yaml");
    println!("\nIts registry is http://{}/v2/.", world.registry().host());
    let _ = std::io::stdin().read(&mut [0]);
}
