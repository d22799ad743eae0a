//! Over ssh, with OpenSSH's own server.

use super::*;
use crate::git::tests::world::git_ssh::GitSsh;

fn open(caller: &Caller, server: &GitSsh, login: GitLogin, known_hosts: &str) -> Result<GitClone, GitError> {
    let trust = GitTrust { known_hosts: known_hosts.to_owned(), ..GitTrust::default() };
    wait(caller.git().open(Remote { url: GitUrl::parse(&server.url("acme/deploy")).unwrap(), login, trust }))
}

fn key(server: &GitSsh) -> GitLogin {
    GitLogin::ssh_key(secret(&server.key()))
}

#[test]
fn a_key_lets_in_and_a_known_host_is_believed() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let server = host.ssh();
    // As a Secret may have it: without the newline at the end, or with those of another system.
    let bare = GitLogin::ssh_key(secret(server.key().trim()));
    let foreign = GitLogin::ssh_key(secret(&server.key().replace('\n', "\r\n")));
    for (n, login) in [key(server), bare, foreign].into_iter().enumerate() {
        let mut clone = open(&Caller::new(), server, login, &server.known_hosts()).unwrap();
        let parent = fetch(&mut clone, "main");
        assert!(read(&mut clone, &parent, "apps/web/values.yaml").contains("v1.0.0"));
        let made = commit(&mut clone, &parent, &[file("a", &n.to_string())]);
        assert_eq!(push(&mut clone, &made, "main").unwrap(), PushOutcome::Pushed);
        assert_eq!(repository.head("main").unwrap(), made.as_str());
    }
    let commands = server.commands();
    assert_eq!(commands.iter().filter(|line| line.starts_with("git-receive-pack ")).count(), 3, "{commands:?}");
    repository.check();
}

#[test]
fn an_unknown_or_wrong_host_key_ends_it() {
    let host = GitHost::new(GitAuth::Basic);
    bookstore(&host);
    let server = host.ssh();
    let caller = Caller::new();
    for known_hosts in ["", &server.wrong_known_hosts()] {
        let error = open(&caller, server, key(server), known_hosts).unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::HostKey, "{error}");
        assert!(error.hint().unwrap().contains("~/.ssh/known_hosts"), "{error}");
    }
    caller.file(".ssh/known_hosts", &server.known_hosts());
    open(&caller, server, key(server), "").unwrap();
    open(&caller, server, key(server), &server.wrong_known_hosts()).expect("the caller's word counts");
    caller.file(".ssh/known_hosts", &server.wrong_known_hosts());
    let error = open(&caller, server, key(server), &server.known_hosts()).unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::HostKey, "nobody's word stands against the caller's: {error}");
    assert_eq!(server.commands().len(), 2);
}

#[test]
fn another_key_does_not_let_in() {
    let host = GitHost::new(GitAuth::Basic);
    bookstore(&host);
    let server = host.ssh();
    for (login, expected) in
        [(server.unknown_key(), "Permission denied (publickey)"), ("no key".to_owned(), "Permission denied")]
    {
        let error = open(&Caller::new(), server, GitLogin::ssh_key(secret(&login)), &server.known_hosts()).unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::Denied, "{error}");
        assert!(error.message().contains(expected), "{error}");
    }
    assert_eq!(server.commands(), [""; 0]);
}

#[test]
fn the_callers_own_ssh_is_used_and_made_strict() {
    let host = GitHost::new(GitAuth::Basic);
    bookstore(&host);
    let server = host.ssh();
    let mut caller = Caller::new();
    let key = server.key_file().display().to_string();
    let known = caller.file("known", "");
    let options = format!("-F none -i {key} -o UserKnownHostsFile={known} -o IdentityAgent=none");
    let careless = format!("ssh {options} -o StrictHostKeyChecking=no");
    caller.set("GIT_SSH_COMMAND", careless.clone());
    let error = open(&caller, server, GitLogin::caller(), "").unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::HostKey, "{error}");
    open(&caller, server, GitLogin::caller(), &server.known_hosts()).expect("a given key, for a host not known");
    caller.file("known", &server.wrong_known_hosts());
    open(&caller, server, GitLogin::caller(), &server.known_hosts()).unwrap_err();
    caller.file("known", &server.known_hosts());
    open(&caller, server, GitLogin::caller(), "").unwrap();

    caller.environment.remove("GIT_SSH_COMMAND");
    caller.file(".gitconfig", &format!("[core]\n\tsshCommand = {careless}\n"));
    open(&caller, server, GitLogin::caller(), "").expect("the same by configuration");
}

#[test]
fn a_repository_that_is_not_there_is_not_found() {
    let host = GitHost::new(GitAuth::Basic);
    let server = host.ssh();
    let error = open(&Caller::new(), server, key(server), &server.known_hosts()).unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::NotFound, "{error}");
}
