//! Who is let in, who is believed, and who is not told.

use super::*;
use crate::git::login::ClientCertificate;
use crate::git::tests::world::fault::Fault;
use crate::git::tests::world::git_host::READER;

fn failure(caller: &Caller, url: &str, login: GitLogin) -> String {
    let error = caller.open(url, login).expect_err("it is refused");
    let text = format!("{error} {:?}", error.hint());
    assert!(!text.contains("pa ss") && !text.contains(READER.1), "{text}");
    shown(&error, &GitUrl::parse(url).unwrap().to_string())
}

const HINT: &str = "[check the login: Argo CD's repository Secret, or your own git credentials]";

#[test]
fn without_the_right_login_nothing_is_told() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let url = host.https().url("acme/deploy");
    let caller = Caller::new();
    let wrong = GitLogin::password(MAINTAINER.0, secret("hunter2"));
    let expected = format!("Denied: failed to open HOST: Authentication failed for 'HOST/' {HINT}");
    assert_eq!(failure(&caller, &url, wrong), expected);
    let unasked = GitLogin::password_unasked(MAINTAINER.0, secret("hunter2"));
    let said = failure(&caller, &url, unasked);
    assert!(said.starts_with("Denied: "), "{said}");
    for login in [GitLogin::anonymous(), GitLogin::caller()] {
        assert!(failure(&caller, &url, login).starts_with("Denied: failed to open HOST: could not read Username"));
    }
    let missing = failure(&caller, &host.https().url("acme/none"), maintainer());
    assert!(missing.starts_with("NotFound: failed to open HOST: repository 'HOST/' not found"), "{missing}");

    let mut clone = caller.open(&url, GitLogin::password(READER.0, secret(READER.1))).unwrap();
    let parent = fetch(&mut clone, "main");
    let made = commit(&mut clone, &parent, &[file("a", "1")]);
    let error = push(&mut clone, &made, "main").unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Denied, "{error}");
    assert_eq!(repository.subjects("main"), ["first"]);
}

#[test]
fn a_password_is_sent_unasked_only_if_told_so() {
    let host = GitHost::new(GitAuth::Basic);
    bookstore(&host);
    let url = host.https().url("acme/deploy");
    // A line break at the end is no part of a password.
    let unasked = GitLogin::password_unasked(MAINTAINER.0, secret(&format!("{}\n", MAINTAINER.1)));
    for (login, first) in [(maintainer(), None), (unasked, Some("maintainer"))] {
        host.https().clear_log();
        let mut clone = Caller::new().open(&url, login).unwrap();
        fetch(&mut clone, "main");
        assert_eq!(host.https().log()[0].user.as_deref(), first);
    }
    let broken = GitLogin::password("a\nb", secret("c"));
    assert!(failure(&Caller::new(), &url, broken).ends_with("the user name or password has a line break in it"));
}

#[test]
fn a_password_does_not_follow_a_redirect() {
    let (host, thief) = (GitHost::new(GitAuth::Basic), GitHost::new(GitAuth::Basic));
    bookstore(&host);
    bookstore(&thief);
    let location = thief.https().url("acme/deploy") + "/info/refs?service=git-upload-pack";
    host.https().fault(Fault::status(302).header("Location", &location).at("/acme/deploy.git/info/refs"));
    let url = host.https().url("acme/deploy");
    let unasked = GitLogin::password_unasked(MAINTAINER.0, secret(MAINTAINER.1));
    for (login, asked) in [(maintainer(), true), (unasked, false)] {
        thief.https().clear_log();
        Caller::new().open(&url, login).expect_err("the other server lets nobody in");
        let log = thief.https().log();
        assert_eq!(!log.is_empty(), asked);
        assert!(log.iter().all(|exchange| exchange.request.header("authorization").is_none()));
    }

    // At the same server it is followed, as renamed repositories want it.
    host.https().heal();
    let location = url.clone() + "/info/refs?service=git-upload-pack";
    host.https().fault(Fault::status(301).header("Location", &location).at("/acme/old.git/info/refs"));
    let mut clone = Caller::new().open(&host.https().url("acme/old"), maintainer()).unwrap();
    let parent = fetch(&mut clone, "main");
    assert_eq!(read(&mut clone, &parent, "README.md"), "bookstore\n");
}

#[test]
fn a_certificate_is_believed_for_a_reason() {
    let host = GitHost::new(GitAuth::Basic);
    bookstore(&host);
    let url = host.https().url("acme/deploy");
    let open = |caller: &Caller, trust: GitTrust| {
        let remote = Remote { url: GitUrl::parse(&url).unwrap(), login: maintainer(), trust };
        wait(caller.git().open(remote)).map(|_| ()).map_err(|error| error.kind())
    };
    let caller = Caller::new();
    assert_eq!(open(&caller, GitTrust::default()), Err(GitErrorKind::Certificate));
    assert_eq!(open(&caller, trust()), Ok(()));
    assert_eq!(open(&caller, GitTrust { insecure: true, ..GitTrust::default() }), Ok(()));
    let ca = caller.file("ca.pem", &Authority::of_this_process().ca);
    for variable in ["SSL_CERT_FILE", "GIT_SSL_CAINFO"] {
        let mut caller = Caller::new();
        caller.set(variable, ca.clone());
        assert_eq!(open(&caller, GitTrust::default()), Ok(()), "{variable}");
    }
    let mut caller = Caller::new();
    caller.file(".gitconfig", &format!("[http]\n\tsslCAInfo = {ca}\n"));
    assert_eq!(open(&caller, GitTrust::default()), Ok(()), "the caller's configuration of servers is in force");
    caller.set("GIT_SSL_NO_VERIFY", "1");
    caller.file(".gitconfig", "[http]\n\tsslVerify = false\n");
    assert_eq!(open(&caller, GitTrust::default()), Err(GitErrorKind::Certificate), "not to trust nobody");
}

#[test]
fn a_client_shows_its_certificate() {
    let host = GitHost::new(GitAuth::Basic);
    bookstore(&host);
    let server = host.https_for_certificates();
    let authority = Authority::of_this_process();
    let certificate =
        ClientCertificate { certificate: authority.client_certificate.clone(), key: secret(&authority.client_key) };
    let url = server.url("acme/deploy");
    let mut clone = Caller::new().open(&url, GitLogin::anonymous().with_client_certificate(certificate)).unwrap();
    let parent = fetch(&mut clone, "main");
    assert_eq!(read(&mut clone, &parent, "README.md"), "bookstore\n");
    Caller::new().open(&url, GitLogin::anonymous()).expect_err("no certificate, no connection");
}

#[test]
fn logins_go_where_they_belong() {
    let caller = Caller::new();
    for (url, login, expected) in [
        ("https://h/a", GitLogin::ssh_key(secret("k")), "an SSH key is no login for an http address"),
        ("ssh://h/a", maintainer(), "a password or token is no login for an ssh address"),
        ("http://git.example.com/a", maintainer(), "a login is not sent over http: use the https address"),
    ] {
        assert_eq!(failure(&caller, url, login), format!("Refused: failed to open HOST: {expected}"));
    }
    // To this machine it may be sent in the clear.
    let host = GitHost::new(GitAuth::Basic);
    bookstore(&host);
    let mut clone = caller.open(&host.http().url("acme/deploy"), maintainer()).unwrap();
    fetch(&mut clone, "main");
}

#[test]
fn the_callers_own_credentials_are_used_only_when_asked_for() {
    let host = GitHost::new(GitAuth::Basic);
    bookstore(&host);
    let url = host.https().url("acme/deploy");
    let mut caller = Caller::new();
    let marker = caller.home.path().join("asked");
    let helper =
        format!("#!/bin/sh\ntouch '{}'\necho username={}\necho \"password=$SECRET\"\n", marker.display(), MAINTAINER.0);
    let helper = caller.file("helper", &helper);
    world::git_repository::executable(helper.as_ref());
    caller.file(".gitconfig", &format!("[credential]\n\thelper = {helper}\n"));
    caller.set("SECRET", MAINTAINER.1);
    caller.open(&url, GitLogin::caller()).unwrap();
    assert!(marker.exists());
    std::fs::remove_file(&marker).unwrap();
    caller.open(&url, GitLogin::anonymous()).unwrap_err();
    caller.open(&url, maintainer()).unwrap();
    assert!(!marker.exists(), "the helper was asked");

    let mut caller = Caller::new();
    let askpass = format!("#!/bin/sh\ncase $1 in User*) echo {} ;; *) echo \"$SECRET\" ;; esac\n", MAINTAINER.0);
    let askpass = caller.file("askpass", &askpass);
    world::git_repository::executable(askpass.as_ref());
    caller.set("GIT_ASKPASS", askpass).set("SECRET", MAINTAINER.1);
    caller.open(&url, GitLogin::caller()).unwrap();
    caller.open(&url, GitLogin::anonymous()).unwrap_err();
}
