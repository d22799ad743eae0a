//! Commits that are signed, and verified by git itself.

use super::*;
use crate::git::SigningKey;
use crate::git::SigningMethod;
use crate::git::tests::world::git_signing::GpgKey;
use crate::git::tests::world::git_signing::SshSigner;
use crate::git::tests::world::git_ssh::keygen;

/// Signs a commit with a key, and pushes it.
fn sign(caller: &Caller, host: &GitHost, key: SigningKey) -> Result<ObjectId, GitError> {
    let mut clone = caller.open(&host.https().url("acme/deploy"), maintainer()).unwrap();
    let parent = fetch(&mut clone, "main");
    let options = CommitOptions { signing: Some(key), sign_off: true, ..options("build: update of web") };
    let changes = [file("README.md", &format!("after {parent}\n"))];
    let made = wait(clone.commit(&parent, &changes, &options))?.unwrap();
    assert_eq!(push(&mut clone, &made, "main").unwrap(), PushOutcome::Pushed);
    Ok(made)
}

#[test]
fn gpg_signs() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let key = GpgKey::generate();
    let mut caller = Caller::new();
    for (name, value) in key.environment() {
        caller.set(name, value);
    }
    caller.file(".gitconfig", &GpgKey::configuration());
    let made = sign(&caller, &host, SigningKey::Named(SigningMethod::OpenPgp, key.id.clone())).unwrap();
    assert!(key.verify(&repository, made.as_str()).contains(&key.id));
    let message = "build: update of web\n\nSigned-off-by: Robot <robot@example.com>";
    assert_eq!(repository.message(made.as_str()).trim(), message);

    let config = format!("{}[user]\n\tsigningKey = {}\n", GpgKey::configuration(), key.id);
    caller.file(".gitconfig", &config);
    let made = sign(&caller, &host, SigningKey::Configured).unwrap();
    key.verify(&repository, made.as_str());

    let unknown = SigningKey::Named(SigningMethod::OpenPgp, "nobody@example.com".to_owned());
    let error = sign(&caller, &host, unknown).unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Signing, "{error}");
    assert!(error.message().contains("gpg failed to sign"), "{error}");
}

#[test]
fn an_ssh_key_signs() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let key = SshSigner::generate();
    let caller = Caller::new();
    let file = key.key_file().display().to_string();
    let made = sign(&caller, &host, SigningKey::Named(SigningMethod::Ssh, file.clone())).unwrap();
    key.verify(&repository, made.as_str());

    caller.file(".gitconfig", &format!("[user]\n\tsigningKey = {file}\n[gpg]\n\tformat = ssh\n"));
    let made = sign(&caller, &host, SigningKey::Configured).unwrap();
    key.verify(&repository, made.as_str());

    for (name, expected) in [("/nonexistent/key", "nonexistent"), ("--help", "the signing key's name is none")] {
        let error = sign(&caller, &host, SigningKey::Named(SigningMethod::Ssh, name.to_owned())).unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::Signing, "{error}");
        assert!(error.message().contains(expected), "{error}");
    }
}

#[test]
fn a_key_with_a_passphrase_is_an_error_and_no_question() {
    let host = GitHost::new(GitAuth::Basic);
    bookstore(&host);
    let caller = Caller::new();
    let key = caller.home.path().join("key");
    keygen(&key, &["-q", "-t", "ed25519", "-N", "locked"]);
    let error = sign(&caller, &host, SigningKey::Named(SigningMethod::Ssh, key.display().to_string())).unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Signing, "{error}");
}
