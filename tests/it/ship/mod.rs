//! What is around the tool: how it is installed, released, named, completed, and shared among workers.

mod complete;
mod install;
mod names;
mod release;
mod shard;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::world::executable;

/// The top of the project.
fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the project.
fn read(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Writes a program.
fn script(file: &Path, text: &str) -> PathBuf {
    fs::write(file, text).expect("a file in a folder of our own");
    executable(file);
    file.to_owned()
}
