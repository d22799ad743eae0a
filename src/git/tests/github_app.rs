//! GitHub Apps: a double of GitHub's API gives the token that the git server lets in.

use std::sync::Arc;
use std::sync::Mutex;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::Response;
use rustls::SignatureScheme;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::git::login::GitHubApp;
use crate::git::tests::world::fault::Fault;
use crate::git::tests::world::git_host::APP;
use crate::git::tests::world::git_ssh::keygen;
use crate::git::tests::world::http::Answer;
use crate::git::tests::world::http::HttpServer;

/// An RSA key, as GitHub gives one to an App: the private key and the public one, PEM (PKCS #1).
fn rsa_key(caller: &Caller) -> (String, String) {
    let file = caller.home.path().join("app");
    keygen(&file, &["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""]);
    (std::fs::read_to_string(&file).unwrap(), keygen(&file, &["-e", "-m", "PEM"]))
}

/// The API: an installation of App 12 with number 34, whose token is [`APP`]'s. Keeps what callers prove.
fn api(proofs: &Arc<Mutex<Vec<String>>>) -> HttpServer {
    let proofs = Arc::clone(proofs);
    HttpServer::start(None, move |request| {
        let proof = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        proofs.lock().unwrap().extend(proof.map(str::to_owned));
        let (status, body) = match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api/v3/repos/acme/deploy/installation") => (200, json!({"id": 34, "app_id": 12})),
            ("POST", "/api/v3/app/installations/34/access_tokens") => {
                (201, json!({"token": APP.1, "expires_at": "2026-11-22T10:00:00Z"}))
            }
            _ => (404, json!({"message": "Not Found\u{1b}[2J"})),
        };
        let response = Response::builder().status(status).body(body.to_string().into()).unwrap();
        Answer { response, user: None }
    })
}

/// The claims of a token, whose signature is checked.
fn claims(proof: &str, public_key: &str) -> Value {
    let (signed, signature) = proof.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&decode(head)).unwrap(), json!({"alg": "RS256", "typ": "JWT"}));
    let der: String = public_key.lines().filter(|line| !line.starts_with('-')).collect();
    let der = BASE64_STANDARD.decode(der).unwrap();
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let rsa = algorithms.mapping.iter().find(|(scheme, _)| *scheme == SignatureScheme::RSA_PKCS1_SHA256).unwrap().1;
    assert!(rsa[0].verify_signature(&der, signed.as_bytes(), &decode(signature)).is_ok(), "the signature");
    serde_json::from_slice(&decode(claims)).unwrap()
}

#[test]
fn an_app_logs_in_with_a_token() {
    let host = GitHost::new(GitAuth::Basic);
    let repository = bookstore(&host);
    let caller = Caller::new();
    let (private_key, public_key) = rsa_key(&caller);
    let proofs = Arc::default();
    let server = api(&proofs);
    let url = host.https().url("acme/deploy");
    let login = |installation: Option<&str>| {
        GitLogin::github_app(GitHubApp {
            app_id: "12".to_owned(),
            installation_id: installation.map(str::to_owned),
            private_key: secret(&private_key),
            base_url: Some(format!("http://{}/api/v3/", server.authority())),
        })
    };
    for (installation, calls) in [(Some("34"), 1), (None, 2)] {
        proofs.lock().unwrap().clear();
        let mut clone = caller.open(&url, login(installation)).unwrap();
        let parent = fetch(&mut clone, "main");
        let made = commit(&mut clone, &parent, &[file("a", &format!("{installation:?}"))]);
        assert_eq!(push(&mut clone, &made, "main").unwrap(), PushOutcome::Pushed);
        let log = host.https().log();
        assert_eq!(log.last().unwrap().user.as_deref(), Some(APP.0));
        let proofs = proofs.lock().unwrap();
        assert_eq!(proofs.len(), calls);
        let now = 1_795_338_000;
        let expected = json!({"iat": now - 60, "exp": now + 540, "iss": "12"});
        assert!(proofs.iter().all(|proof| claims(proof, &public_key) == expected));
    }
    assert_eq!(repository.subjects("main").len(), 3);

    let error = caller.open(&url, login(Some("35"))).unwrap_err();
    let expected = "Denied: failed to open HOST: GitHub's API answers 404 Not Found to the GitHub App: Not Found [2J \
                    [check the App's id, installation id and private key]";
    assert_eq!(shown(&error, &url), expected);
    server.fault(Fault::hang());
    let patient = Caller { timeout: Duration::from_secs(1), ..Caller::new() };
    assert_eq!(patient.open(&url, login(Some("34"))).unwrap_err().kind(), GitErrorKind::TimedOut);
}

#[test]
fn an_app_must_be_well_described() {
    let caller = Caller::new();
    let (private_key, _) = rsa_key(&caller);
    let not_rsa = std::fs::read_to_string(GitHost::new(GitAuth::None).ssh().key_file()).unwrap();
    let https = Some("https://127.0.0.1:1/api/v3");
    for (key, base, id, expected) in [
        ("no key", https, "1", "the private key of the GitHub App is no PEM"),
        (not_rsa.as_str(), https, "1", "the private key of the GitHub App is no PEM"),
        (&Authority::of_this_process().key, https, "1", "the private key of the GitHub App is no RSA key"),
        (&private_key, Some("http://git.example.com/api"), "1", "the GitHub App's base URL is not https"),
        (&private_key, Some("::"), "1", "the GitHub App's base URL is no URL"),
        (&private_key, https, "1/../2", "the installation id of the GitHub App is no number"),
    ] {
        let login = GitLogin::github_app(GitHubApp {
            app_id: "12".to_owned(),
            installation_id: Some(id.to_owned()),
            private_key: secret(key),
            base_url: base.map(str::to_owned),
        });
        let error = caller.open("https://127.0.0.1:1/a", login).unwrap_err();
        assert_eq!((error.kind(), error.message()), (GitErrorKind::Refused, expected));
    }
}
