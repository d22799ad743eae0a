//! How ssh is started for git: host keys are always checked, nothing is asked, and a key that was given is the only one
//! that is tried.

use std::path::Path;
use std::path::PathBuf;

use secrecy::ExposeSecret as _;

use crate::git::Remote;
use crate::git::access::write_secret;
use crate::git::error::Failure;
use crate::git::login::Way;
use crate::git::program::Program;

/// What holds for every connection, whatever the caller's configuration says: ssh takes the first value it reads.
const STRICT: &str = "-o StrictHostKeyChecking=yes -o UpdateHostKeys=no -o BatchMode=yes";
/// What makes a given key the only login: no configuration, no agent, no other key, no password.
const KEY_ONLY: &str = "-F none -o IdentitiesOnly=yes -o IdentityAgent=none -o PreferredAuthentications=publickey \
                        -o ControlPath=none";

/// The text for `GIT_SSH_COMMAND`, which git gives to a shell.
pub(super) async fn command(program: &Program, remote: &Remote, folder: &Path) -> Result<String, Failure> {
    let given = &remote.trust.known_hosts;
    let ours = match given.trim() {
        "" => None,
        _ => Some(write_secret(folder, "known_hosts", format!("{given}\n").as_bytes())?),
    };
    match remote.login.way() {
        Way::SshKey(key) => {
            // OpenSSH takes no key without a newline at its end, and none with carriage returns.
            let text = format!("{}\n", key.expose_secret().replace("\r\n", "\n").trim());
            let key = write_secret(folder, "ssh-key", text.as_bytes())?;
            let name = known_name(remote.url.host(), remote.url.port());
            let callers = callers_files(program);
            let hosts = hosts_option(program, &callers, &name, ours.as_deref()).await?;
            Ok(format!("ssh {KEY_ONLY} -i {} {STRICT} {hosts}", quoted(&key)))
        }
        _ => callers(program, remote, ours.as_deref()).await,
    }
}

/// The caller's own way to start ssh, made strict.
async fn callers(program: &Program, remote: &Remote, ours: Option<&Path>) -> Result<String, Failure> {
    let configured = match program.variable("GIT_SSH_COMMAND") {
        Some(command) => Some(command.to_owned()),
        None => configured_command(program).await?,
    };
    let command = configured
        .or_else(|| program.variable("GIT_SSH").map(|path| quoted(Path::new(path))))
        .unwrap_or_else(|| "ssh".to_owned());
    // What is not OpenSSH by its name takes other options, or none; it is the caller's own program.
    let Some((first, rest)) = openssh(&command) else { return Ok(command) };
    let hosts = if ours.is_some() {
        let (name, files) = effective(program, remote, &format!("{first} {STRICT}{rest}")).await?;
        hosts_option(program, &files, &name, ours).await?
    } else {
        String::new()
    };
    Ok(format!("{first} {STRICT} {hosts}{rest}"))
}

async fn configured_command(program: &Program) -> Result<Option<String>, Failure> {
    let answer = program.git("config").with_callers_config().args(["--get", "core.sshCommand"]).run().await?;
    let command = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    Ok((answer.success && !command.is_empty()).then_some(command))
}

/// The program and the rest of a command, if the program is OpenSSH's `ssh` and nothing else is done before it.
fn openssh(command: &str) -> Option<(&str, &str)> {
    let command = command.trim_start();
    let (first, rest) = match command.strip_prefix('\'') {
        Some(inside) => command.split_at(inside.find('\'')? + 2),
        None => command.split_at(command.find(char::is_whitespace).unwrap_or(command.len())),
    };
    let path = first.trim_matches('\'');
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let plain = !path.contains(['$', '`', ';', '&', '|', '=', '"', '\'', '(', '<', '>']);
    (plain && matches!(name, "ssh" | "ssh.exe")).then_some((first, rest))
}

/// Under which name ssh looks the server up, and in which files.
async fn effective(program: &Program, remote: &Remote, command: &str) -> Result<(String, Vec<PathBuf>), Failure> {
    let url = &remote.url;
    let plain = (known_name(url.host(), url.port()), callers_files(program));
    let Some(shell) = program.other("sh") else { return Ok(plain) };
    let host = url.user().map_or_else(|| url.host().to_owned(), |user| format!("{user}@{}", url.host()));
    let port = url.port().map(|port| ["-p".to_owned(), port.to_string()]);
    let asked = shell.arg("-c").arg(format!("{command} \"$@\"")).args(["ssh", "-G"]);
    let answer = asked.args(port.into_iter().flatten()).arg(host).run().await?;
    if !answer.success {
        return Ok(plain);
    }
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let files = |key: &str| value(key).into_iter().flat_map(str::split_whitespace).map(|file| home(program, file));
    let port = value("port").and_then(|port| port.parse().ok()).filter(|port| *port != 22);
    let name = value("hostkeyalias").filter(|alias| *alias != "none").map(str::to_owned);
    let name = name.unwrap_or_else(|| known_name(value("hostname").unwrap_or(url.host()), port));
    Ok((name, files("userknownhostsfile").chain(files("globalknownhostsfile")).collect()))
}

/// As `known_hosts` files name a server.
fn known_name(host: &str, port: Option<u16>) -> String {
    port.map_or_else(|| host.to_owned(), |port| format!("[{host}]:{port}"))
}

fn home(program: &Program, file: &str) -> PathBuf {
    match (file.strip_prefix("~/"), program.variable("HOME")) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(file),
    }
}

fn callers_files(program: &Program) -> Vec<PathBuf> {
    ["~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts"].map(|file| home(program, file)).into()
}

/// Says which files vouch for host keys: the caller's, and what was given only where the caller's do not know the host,
/// so that nobody else's word stands against the caller's.
async fn hosts_option(
    program: &Program,
    callers: &[PathBuf],
    name: &str,
    given: Option<&Path>,
) -> Result<String, Failure> {
    let present: Vec<&PathBuf> = callers.iter().filter(|file| file.is_file()).collect();
    let mut files: Vec<String> = present.iter().map(|file| format!("\"{}\"", file.display())).collect();
    if let Some(given) = given {
        let mut known = false;
        for file in &present {
            let Some(keygen) = program.other("ssh-keygen") else { break };
            known |= keygen.args(["-F", name, "-f"]).arg(file.as_os_str()).run().await?.success;
        }
        if !known {
            files.push(format!("\"{}\"", given.display()));
        }
    }
    let files = if files.is_empty() { "none".to_owned() } else { files.join(" ") };
    Ok(format!("-o {}", quoted(Path::new(&format!("UserKnownHostsFile={files}")))))
}

/// As one word of a shell.
fn quoted(text: &Path) -> String {
    format!("'{}'", text.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_openssh_is_given_options() {
        for (command, expected) in [
            ("ssh", Some(("ssh", ""))),
            ("ssh -i ~/key", Some(("ssh", " -i ~/key"))),
            ("/usr/bin/ssh -v", Some(("/usr/bin/ssh", " -v"))),
            ("'/opt/my ssh/ssh' -v", Some(("'/opt/my ssh/ssh'", " -v"))),
            ("FOO=1 ssh", None),
            ("plink -batch", None),
            ("$(which ssh)", None),
            ("\"/opt/ssh\"", None),
        ] {
            assert_eq!(openssh(command), expected, "{command}");
        }
    }

    #[test]
    fn a_path_is_one_word() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
