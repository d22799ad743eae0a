//! What holds for every docker configuration: it is read or refused without a word of it, and a login is for its host.

use base64::prelude::BASE64_STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::model::hostile;

const FILES: [&str; 3] = [
    r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpodW50ZXIyaHVudGVyMg=="},"ghcr.io":{"username":"u","password":"hunter2hunter2"}}}"#,
    r#"{"auths":{"reg.io:5000/a":{"identitytoken":"hunter2hunter2"},"*.azurecr.io":{}},"credHelpers":{"gcr.io":"gcloud"},"credsStore":"desktop"}"#,
    r#"{"auths":{"ghcr.io":{"auth":"hunter2hunter2"}},"HttpHeaders":{"X":"y"}}"#,
];

const FILE_PIECES: [&str; 14] = [
    "{",
    "}",
    "\"",
    ",",
    ":",
    "[",
    "null",
    "hunter2hunter2",
    "\"auth\":",
    "\"auths\":",
    "5",
    "\\u0000",
    "\\ud800",
    "%",
];

const KEYS: [&str; 14] = [
    "ghcr.io",
    "https://ghcr.io/",
    "GHCR.io:443",
    "ghcr.io/acme",
    "http://reg.io:5000/v2/acme/",
    "*.azurecr.io",
    "k8s.*",
    "*",
    "https://index.docker.io/v1/",
    "registry-1.docker.io",
    "docker.io/library",
    "[::1]:5000",
    "ghcr.io.evil",
    "",
];

const KEY_PIECES: [&str; 20] = [
    "https://", "http://", "ghcr", "docker", "index", ".io", ".", "*", "?", "/", "/", "v1", "v2", "acme", "web", ":",
    "443", "5000", "[::1]", "@",
];

const IMAGES: [&str; 9] = [
    "ghcr.io/acme/web",
    "ghcr.io/acmeister/web",
    "docker.io/library/nginx",
    "reg.io:5000/acme/x",
    "a.azurecr.io/x",
    "k8s.io/x",
    "[::1]:5000/a",
    "ghcr.io.evil/acme",
    "evil/x",
];

fn repository(image: &str) -> Repository {
    let (registry, path) = image.split_once('/').expect("a registry");
    Repository::new(Some(registry), path).expect("an image")
}

/// Where a key leads by its letters alone, beside [`Key::parse`]: scheme and API version cut off, Docker Hub by any name.
fn plain_host(key: &str) -> String {
    let key = key.trim_start_matches("https://").trim_start_matches("http://");
    let authority = key.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let authority = authority.strip_suffix(":443").unwrap_or(&authority).to_owned();
    match authority.as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => DOCKER_HUB.to_owned(),
        _ => authority,
    }
}

fn glob(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|taken| glob(rest, &text[taken..])),
        Some((one, rest)) => text.first().is_some_and(|c| *one == '?' || one == c) && glob(rest, &text[1..]),
    }
}

proptest! {
    #![proptest_config(hostile::cases(128))]

    #[test]
    fn a_file_is_read_or_refused_without_a_word_of_it(text in hostile::hostile(&FILES, &FILE_PIECES, 12), image in select(&IMAGES[..])) {
        let config = match DockerConfig::parse(&text) {
            Ok(config) => config,
            Err(why) => {
                prop_assert!(why.starts_with("not a docker configuration at line ") && why.len() < 100, "{}", why);
                return Ok(());
            }
        };
        let debug = format!("{config:?}");
        // As part of a key it is none of the file's secrets.
        prop_assert!(!debug.contains("hunter2") || config.entries.iter().any(|(key, _)| key.text.contains("hunter2")));
        match config.login(&repository(image)) {
            Ok(login) => prop_assert_ne!(login.map(|login| format!("{login:?}") == "Login(…)"), Some(false)),
            Err(why) => prop_assert!(why.starts_with("entry `") && why.contains("` has an `auth` "), "{}", why),
        }
    }

    #[test]
    fn a_login_is_for_the_host_that_its_key_names(
        keys in vec(hostile::hostile(&KEYS, &KEY_PIECES, 6), 1..5),
        image in select(&IMAGES[..]),
    ) {
        let auths: serde_json::Map<_, _> = keys.iter().enumerate().map(|(index, key)| {
            (key.clone(), json!({"username": format!("u{index}"), "password": "p"}))
        }).collect();
        let config = DockerConfig::parse(&json!({ "auths": auths }).to_string()).expect("a configuration");
        let repository = repository(image);
        let login = config.login(&repository).expect("entries that can be read");
        let of = |key: &String| auths[key]["username"].as_str().map(str::to_owned);
        let host = repository.registry().trim_end_matches(":443").to_owned();
        if let Some(login) = login {
            let key = keys.iter().rev().find(|key| of(key).as_deref() == login.username()).expect("a key of the file");
            let pattern = plain_host(key);
            let labels = |text: &str| text.split('.').map(|label| label.chars().collect::<Vec<_>>()).collect::<Vec<_>>();
            let (patterns, labels) = (labels(&pattern), labels(&host));
            prop_assert_eq!(patterns.len(), labels.len(), "{} for {}", key, image);
            prop_assert!(patterns.iter().zip(&labels).all(|(pattern, label)| glob(pattern, label)), "{} for {}", key, image);
        } else {
            // The host itself as a key is never passed over.
            prop_assert!(keys.iter().all(|key| *key != host), "{:?} for {}", keys, image);
        }
    }

    #[test]
    fn a_label_matches_as_a_plain_walk_says(pattern in "[ab*?]{0,8}", label in "[ab]{0,8}") {
        let characters = |text: &str| text.chars().collect::<Vec<_>>();
        let expected = glob(&characters(&pattern), &characters(&label));
        prop_assert_eq!(label_matches(pattern.as_bytes(), label.as_bytes()), expected);
    }

    #[test]
    fn a_login_is_read_as_docker_writes_it(user in "[^:\u{0}]{1,8}", password in "[^\u{0}]{1,12}", padded in any::<bool>()) {
        let auth = BASE64_STANDARD.encode(format!("{user}:{password}"));
        let auth = if padded { auth } else { auth.trim_end_matches('=').to_owned() };
        let text = json!({"auths": {"ghcr.io": {"auth": auth}}}).to_string();
        let login = DockerConfig::parse(&text).expect("a configuration").login(&repository("ghcr.io/a"));
        prop_assert_eq!(login.expect("an entry").map(|login| login.reveal()), Some(format!("{user}:{password}")));
    }

    #[test]
    fn odd_shapes_are_refused_or_hold_no_login(file in hostile::damaged_json(serde_json::from_str(FILES[1]).expect("JSON"))) {
        if let Ok(config) = DockerConfig::parse(&file.to_string()) {
            let store = file.get("credsStore").and_then(Value::as_str).filter(|store| !store.is_empty());
            let repository = repository("evil/x");
            prop_assert_eq!(config.helper(&repository).map(|(program, _)| program), store);
        }
    }
}
