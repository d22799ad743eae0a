//! Credential helpers: programs that keep logins, asked by the docker-credential protocol.
//!
//! Starts `docker-credential-<name> get` as docker does. The name comes from the caller's own docker configuration and
//! from nowhere else; an annotation or a cluster can never name a program.
#![expect(clippy::disallowed_methods, reason = "a credential helper is a program; docker's own protocol starts it")]

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::registry::credentials::Login;
use crate::registry::error::one_line;

/// Most that is read of a helper's answer.
const ANSWER: u64 = 64 * 1024;

/// How helpers are started.
#[derive(Clone, Debug)]
pub(crate) struct HelperSettings {
    /// The whole environment of a helper; `PATH` in it says where helpers are.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// How long a helper may take; it may have to ask a cloud service.
    pub(crate) timeout: Duration,
}

impl Default for HelperSettings {
    fn default() -> Self {
        Self { environment: Vec::new(), timeout: Duration::from_secs(30) }
    }
}

/// Asks a helper for the login it keeps for `server`; `None` if it keeps none.
///
/// # Errors
/// Says what went wrong, with the helper's words but never with its answer.
pub(super) async fn get(settings: &HelperSettings, name: &str, server: &str) -> Result<Option<Login>, String> {
    let program = format!("docker-credential-{name}");
    let legal = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if !legal {
        return Err(format!("`{}` is not the name of a credential helper", one_line(name)));
    }
    let path = find(settings, &program).ok_or_else(|| format!("credential helper `{program}` is not on PATH"))?;
    let talk = talk(settings, &path, server);
    let (success, answer) = match tokio::time::timeout(settings.timeout, talk).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(format!("credential helper `{program}` could not be asked: {error}")),
        Err(_) => return Err(format!("credential helper `{program}` did not answer within {:?}", settings.timeout)),
    };
    read(success, &answer).map_err(|what| format!("credential helper `{program}` {what}"))
}

fn find(settings: &HelperSettings, program: &str) -> Option<PathBuf> {
    let (_, path) = settings.environment.iter().find(|(name, _)| name.eq_ignore_ascii_case("PATH"))?;
    let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    // A relative entry would mean whatever folder the caller stands in.
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|p| p.is_file())
}

async fn talk(settings: &HelperSettings, path: &PathBuf, server: &str) -> std::io::Result<(bool, Vec<u8>)> {
    let mut child = Command::new(path)
        .arg("get")
        .env_clear()
        .envs(settings.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let mut stdout = child.stdout.take().expect("stdout is piped").take(ANSWER + 1);
    // A helper that does not read, or that closes early, is judged by what it answers.
    let _written = stdin.write_all(format!("{server}\n").as_bytes()).await;
    drop(stdin);
    let mut answer = Vec::new();
    stdout.read_to_end(&mut answer).await?;
    if answer.len() as u64 > ANSWER {
        return Err(std::io::Error::other("its answer is too long"));
    }
    Ok((child.wait().await?.success(), answer))
}

pub(super) fn read(success: bool, answer: &[u8]) -> Result<Option<Login>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        #[serde(default)]
        username: String,
        secret: SecretString,
    }
    if !success {
        let words = one_line(&String::from_utf8_lossy(answer));
        // The protocol has only this text to tell "none" from "failed".
        return if words.contains("credentials not found") { Ok(None) } else { Err(format!("failed: {words}")) };
    }
    // serde would read a list too, as the fields in their order.
    let object = Some(answer).filter(|answer| !answer.trim_ascii_start().starts_with(b"["));
    let answer: Answer = object
        .and_then(|answer| serde_json::from_slice(answer).ok())
        .ok_or("gave an answer that is not its protocol's")?;
    let empty = secrecy::ExposeSecret::expose_secret(&answer.secret).is_empty();
    Ok((!empty && !answer.username.is_empty()).then(|| Login::of(&answer.username, answer.secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        for (success, answer, expected) in [
            (true, r#"{"ServerURL":"x","Username":"u","Secret":"p"}"#, Ok(Some("u:p"))),
            (true, r#"{"Username":"<token>","Secret":"t"}"#, Ok(Some("<token>:t"))),
            (true, r#"{"Username":"","Secret":""}"#, Ok(None)),
            (true, r#"{"Username":"u","Secret":5}"#, Err("gave an answer that is not its protocol's")),
            (true, r#"["u","p"]"#, Err("gave an answer that is not its protocol's")),
            (true, "hunter2", Err("gave an answer that is not its protocol's")),
            (false, "credentials not found in native keychain\n", Ok(None)),
            (false, "exit status 1:\n  no session", Err("failed: exit status 1: no session")),
        ] {
            let shown = read(success, answer.as_bytes()).map(|login| login.map(|login| login.reveal()));
            assert_eq!(shown, expected.map(|e| e.map(str::to_owned)).map_err(str::to_owned), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_name_is_never_a_path() {
        for name in ["", "../x", "a/b", "a b", "a\u{1b}"] {
            let error = get(&HelperSettings::default(), name, "ghcr.io").await.unwrap_err();
            assert!(error.contains("is not the name of a credential helper"), "{error}");
        }
        let error = get(&HelperSettings::default(), "none", "ghcr.io").await.unwrap_err();
        assert_eq!(error, "credential helper `docker-credential-none` is not on PATH");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_helper_is_asked_by_its_protocol() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, script: &str| {
            let path = folder.path().join(format!("docker-credential-{name}"));
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        write("echo", r#"read s; printf '{"Username":"%s %s","Secret":"%s"}' "$s" "$1" "$MARK""#);
        write("deaf", r#"printf '{"Username":"u","Secret":"p"}'"#);
        write("slow", "exec sleep 100");
        write("long", "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done");
        let settings = |timeout| HelperSettings {
            environment: vec![
                ("PATH".into(), format!("relative:{}:/bin:/usr/bin", folder.path().display()).into()),
                ("MARK".into(), "m".into()),
            ],
            timeout,
        };
        let patient = settings(Duration::from_secs(60));
        assert_eq!(get(&patient, "echo", "ghcr.io").await.unwrap().unwrap().reveal(), "ghcr.io get:m");
        assert_eq!(get(&patient, "deaf", "ghcr.io").await.unwrap().unwrap().reveal(), "u:p");
        let error = get(&patient, "long", "ghcr.io").await.unwrap_err();
        assert_eq!(error, "credential helper `docker-credential-long` could not be asked: its answer is too long");
        let error = get(&settings(Duration::from_millis(20)), "slow", "ghcr.io").await.unwrap_err();
        assert_eq!(error, "credential helper `docker-credential-slow` did not answer within 20ms");
    }
}
