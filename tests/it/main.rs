//! The integration tests: one binary, a module per subject.
#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect fails")]

#[path = "../world/mod.rs"]
mod world;

#[path = "../demo/story.rs"]
mod story;

#[path = "../bench/work.rs"]
mod work;

mod apply;
mod architecture;
mod bookstore;
mod check;
mod choose;
mod conformance;
mod documentation;
mod edges;
mod git;
mod logins;
mod page;
mod parity_api;
mod parity_registry;
mod pin;
mod progress;
mod readme;
mod registry;
mod ship;
mod suggest;
mod world_itself;
