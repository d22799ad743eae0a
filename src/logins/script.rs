//! Programs that print a login: `ext:` in a `registries.conf` that the caller named.
//!
//! Run as Image Updater runs them: by absolute path, no shell, no arguments, the whole environment, a limit in time.
//! What one prints is a secret, on either stream, and goes nowhere but to the caller.
#![expect(clippy::disallowed_methods, reason = "the caller's own file names this program")]

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

/// Most that is read of what it prints.
const ANSWER: u64 = 64 * 1024;

/// What the program prints, without the newline at the end.
///
/// # Errors
/// Completes "the program `…`".
pub(super) async fn run(
    path: &str,
    environment: &BTreeMap<String, String>,
    limit: Duration,
) -> Result<SecretString, String> {
    match tokio::time::timeout(limit, talk(path, environment)).await {
        Ok(Ok(Ok(text))) => Ok(text),
        Ok(Ok(Err(what))) => Err(what),
        Ok(Err(error)) => Err(format!("could not be run: {error}")),
        Err(_) => Err(format!("did not end within {limit:?}")),
    }
}

async fn talk(path: &str, environment: &BTreeMap<String, String>) -> std::io::Result<Result<SecretString, String>> {
    let mut child = Command::new(path)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdout = child.stdout.take().expect("stdout is piped").take(ANSWER + 1);
    let mut answer = Vec::new();
    stdout.read_to_end(&mut answer).await?;
    if answer.len() as u64 > ANSWER {
        return Ok(Err("printed too much".to_owned()));
    }
    let status = child.wait().await?;
    if !status.success() {
        return Ok(Err(format!("failed ({status})")));
    }
    Ok(match String::from_utf8(answer) {
        Ok(text) => Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(_) => Err("did not print text".to_owned()),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn programs_are_run_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, script: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            path.display().to_string()
        };
        let environment = BTreeMap::from([("MARK".to_owned(), "m".to_owned()), ("PATH".to_owned(), "/bin".to_owned())]);
        let patient = Duration::from_secs(60);
        for (name, script, limit, expected) in [
            ("login", "echo username:password", patient, Ok("username:password")), // case crf-14
            ("environment", "printf \"u:$MARK$#\"", patient, Ok("u:m0")),
            ("fails", "echo u:hunter2; echo hunter2 >&2; exit 3", patient, Err("failed (exit status: 3)")),
            ("slow", "exec sleep 100", Duration::from_millis(20), Err("did not end within 20ms")),
            ("long", "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaa; done", patient, Err("printed too much")),
        ] {
            let said = run(&write(name, script), &environment, limit).await;
            let said = said.as_ref().map(secrecy::ExposeSecret::expose_secret).map_err(String::as_str);
            assert_eq!(said, expected, "{name}");
        }
        let missing = folder.path().join("missing").display().to_string();
        let error = run(&missing, &environment, patient).await.unwrap_err(); // case crf-16
        assert!(error.starts_with("could not be run: "), "{error}");
    }
}
