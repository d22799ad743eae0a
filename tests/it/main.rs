//! The integration tests: one binary, a module per subject.
#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect fails")]

#[path = "../world/mod.rs"]
mod world;

mod parity_api;
mod parity_registry;
mod world_itself;
