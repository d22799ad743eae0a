//! `KUBECTL_EXTERNAL_DIFF`, honored as kubectl honors it: the program is called with two folders.
#![expect(clippy::disallowed_methods, reason = "the user's own diff program is started here")]

use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::output::diff::TargetDiff;
use crate::process::Process;

/// The program and its arguments; kubectl lets only letters, digits, `-` and `=` through after the name.
pub(crate) fn command(process: &Process) -> Option<Vec<String>> {
    let text = process.variable("KUBECTL_EXTERNAL_DIFF")?;
    let mut words = text.split_whitespace().map(str::to_owned);
    let program = words.next()?;
    let plain = |word: &String| word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '='));
    Some(std::iter::once(program).chain(words.filter(plain)).collect())
}

/// Runs the program on `LIVE` and `MERGED` folders with one file a target, and returns what it printed.
///
/// # Errors
/// It cannot be started, or fails; exit code 1 means that it found differences.
pub(crate) fn run(command: &[String], targets: &[TargetDiff], process: &Process) -> Result<String, Error> {
    let failed = |error: std::io::Error| Error::failed("failed to run KUBECTL_EXTERNAL_DIFF").source(error);
    let (program, arguments) = command.split_first().expect("a command has a program");
    let folder = tempfile::tempdir().map_err(failed)?;
    let (before, after) = (folder.path().join("LIVE"), folder.path().join("MERGED"));
    for side in [&before, &after] {
        std::fs::create_dir(side).map_err(failed)?;
    }
    let write = |side: &Path, target: &TargetDiff, text: &str| {
        let name: String = target.file.chars().map(|c| if c == '/' { '_' } else { c }).collect();
        std::fs::write(side.join(name), text).map_err(failed)
    };
    for target in targets {
        write(&before, target, &target.before)?;
        write(&after, target, &target.after)?;
    }
    let output = Command::new(program).args(arguments).arg(&before).arg(&after).envs(&process.environment).output();
    let output = output.map_err(failed)?;
    match output.status.code() {
        Some(0 | 1) => Ok(crate::output::text::safe_lines(&String::from_utf8_lossy(&output.stdout))),
        _ => Err(Error::failed(format!("KUBECTL_EXTERNAL_DIFF failed: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}
