//! The same questions put to skopeo, a good client that looks at one image at a time.

use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use crate::work::Work;
use crate::world::ROBOT;
use crate::world::RegistryAuth;

/// How many of them run at the same time.
pub(crate) const AT_A_TIME: usize = 8;

/// Its version.
///
/// # Errors
/// It is not there; says how to get it.
pub(crate) fn version() -> Result<String, String> {
    let output = Command::new("skopeo").arg("--version").output();
    let output =
        output.map_err(|error| format!("skopeo cannot be run ({error}); on Debian: apt-get install skopeo"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// How long it takes to answer for every repository or tag of a work.
pub(crate) fn time(work: &Work, host: &str) -> Duration {
    let mut commands = Vec::new();
    for (repository, tags) in work.repositories() {
        let image = format!("docker://{host}/{repository}");
        let of_tag = |words: &[&str], tag: &String| {
            let words = words.iter().map(|&word| word.to_owned());
            words.chain([format!("{image}:{tag}")]).collect::<Vec<_>>()
        };
        match (work.least.configs, work.least.heads) {
            (0, 0) => commands.push(vec!["list-tags".to_owned(), image]),
            (0, _) => commands.extend(tags.iter().map(|tag| of_tag(&["inspect", "--raw"], tag))),
            // Without the list of tags, which it would show beside each.
            _ => commands.extend(tags.iter().map(|tag| of_tag(&["inspect", "--no-tags"], tag))),
        }
    }
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(words) = commands.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run(words, work.auth);
                }
            });
        }
    });
    begun.elapsed()
}

fn run(words: &[String], auth: RegistryAuth) {
    let mut command = Command::new("skopeo");
    command.args(words).arg("--tls-verify=false").stdin(Stdio::null()).stdout(Stdio::null());
    if auth != RegistryAuth::None {
        command.arg(format!("--creds={}:{}", ROBOT.0, ROBOT.1));
    }
    let output = command.stderr(Stdio::piped()).output().expect("skopeo was there a moment ago");
    assert!(output.status.success(), "skopeo {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}
