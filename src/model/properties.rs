//! What holds for every name of an image, whoever wrote it.

use std::sync::LazyLock;

use proptest::prelude::*;
use regex::Regex;

use crate::model::hostile;
use crate::model::image::Digest;
use crate::model::image::Platform;
use crate::model::image::Platforms;
use crate::model::image::Reference;
use crate::model::image::Repository;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::model::login_source::LoginSource;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const IMAGES: [&str; 12] = [
    "nginx",
    "nginx:1.25",
    "library/nginx",
    "docker.io/library/nginx:~1.25",
    "index.docker.io/library/nginx@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "registry-1.docker.io/acme/web",
    "ghcr.io/acme/web:v1.0.0@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "registry:5000/app:>=1.0 <2",
    "[::1]:5000/a-b/c_d/e__f.g:x",
    "localhost/x",
    "127.0.0.1:443/x",
    "REG.example.com:8443/Some/App",
];

const IMAGE_PIECES: [&str; 32] = [
    "docker.io",
    "index.docker.io",
    "library",
    "localhost",
    "ghcr.io",
    "[::1]",
    "[",
    "]",
    "/",
    "/",
    ":",
    ":",
    "@",
    ".",
    "..",
    "-",
    "--",
    "_",
    "__",
    "___",
    "a",
    "B",
    "0",
    "9",
    "5000",
    "443",
    "+443",
    "00080",
    "65536",
    "sha256",
    " ",
    "%2f",
];

static COMPONENTS: LazyLock<Regex> = LazyLock::new(|| {
    let component = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*";
    Regex::new(&format!("^{component}(?:/{component})*$")).unwrap()
});
static HOST: LazyLock<Regex> = LazyLock::new(|| {
    let label = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?";
    Regex::new(&format!(r"^(?:{label}(?:\.{label})*|\[[0-9a-f:.]+\])(?::[0-9]{{1,5}})?$")).unwrap()
});
static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$").unwrap());
static HEX: LazyLock<Regex> = LazyLock::new(|| Regex::new("^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$").unwrap());

proptest! {
    #![proptest_config(hostile::cases(128))]

    #[test]
    fn a_repository_is_legal_and_read_as_it_is_shown(image in hostile::hostile(&IMAGES, &IMAGE_PIECES, 12)) {
        let reference = Reference::parse(&image);
        let Ok(repository) = reference.repository() else { return Ok(()) };
        prop_assert!(HOST.is_match(repository.registry()), "{}", repository.registry());
        prop_assert!(COMPONENTS.is_match(repository.path()), "{}", repository.path());
        prop_assert!(repository.path().len() <= 255 + "library/".len());
        let shown = repository.to_string();
        let again = Reference::parse(&shown);
        prop_assert_eq!(again.repository(), Ok(repository.clone()));
        prop_assert_eq!((again.suffix, again.digest), (None, None));
        // What is written into a parameter names the same place.
        prop_assert_eq!(Reference::parse(&reference.name()).repository(), Ok(repository));
    }

    #[test]
    fn a_reference_keeps_every_part_of_its_text(image in hostile::hostile(&IMAGES, &IMAGE_PIECES, 12)) {
        let reference = Reference::parse(&image);
        let text = image.trim();
        let length = Reference::name_length(text);
        prop_assert!(text.is_char_boundary(length));
        prop_assert!(!text[..length].contains('@'));
        let rest = &text[length..];
        prop_assert!(rest.is_empty() || rest.starts_with(['@', ':']), "{}", rest);
        prop_assert!(reference.suffix.iter().chain(&reference.digest).all(|part| rest.contains(part.as_str())));
        prop_assert_eq!(reference.digest.as_deref(), text.split_once('@').map(|(_, digest)| digest));
        prop_assert!(text.contains(reference.path.as_str()));
        prop_assert!(reference.registry.iter().all(|registry| text.starts_with(registry.as_str())));
    }

    #[test]
    fn registries_and_paths_follow_the_grammars(
        registry in hostile::hostile(&["ghcr.io", "[::1]:5000", "reg.example.com:8443", "DOCKER.io"], &IMAGE_PIECES, 6),
        path in hostile::hostile(&["acme/web", "a-b/c_d/e__f.g"], &IMAGE_PIECES, 8),
    ) {
        let built = Repository::new(Some(&registry), &path);
        let lower = registry.to_ascii_lowercase();
        if !COMPONENTS.is_match(&path) || path.len() > 255 || !HOST.is_match(&lower) {
            prop_assert!(built.is_err(), "{:?}", built);
        } else if !lower.contains(['[', ':']) && lower.len() < 200 {
            prop_assert!(built.is_ok(), "{:?}", built);
        }
    }

    #[test]
    fn tags_and_digests_are_what_their_specifications_say(
        tag in hostile::hostile(&["v1.2.3", "_", "latest-2024.01", "a"], &["a", "Z", "0", ".", "-", "_", "é", "/", ":"], 140),
        digest in hostile::damaged(&[DIGEST], &["sha512:", "sha256", ":", "a", "F", "g"]),
    ) {
        prop_assert_eq!(Tag::new(&tag).map(|t| t.to_string()), TAG.is_match(&tag).then(|| tag.clone()));
        prop_assert_eq!(Digest::new(&digest).map(|d| d.to_string()), HEX.is_match(&digest).then(|| digest.clone()));
    }

    #[test]
    fn a_version_is_read_as_it_is_shown(text in hostile::hostile(
        &["1.2", DIGEST, "1.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
        &["@", "sha256:", "1.2", "<none>", "v", "0123456789abcdef"],
        6,
    )) {
        let version = Version::parse(&text);
        prop_assert_eq!(version.is_empty(), text.is_empty() || text == "@");
        prop_assert!(version.tag.iter().all(|tag| !tag.is_empty() && !tag.contains('@')));
        prop_assert!(version.digest.iter().all(|digest| !digest.is_empty()));
        // A digest that is none has to keep its `@` to be told from a tag, and loses it where people read it.
        let bare = version.tag.is_none() && version.digest.as_deref().is_some_and(|digest| Digest::new(digest).is_none());
        if !version.is_empty() && !bare {
            prop_assert_eq!(Version::parse(&version.to_string()), version);
        }
    }

    #[test]
    fn a_platform_is_read_as_it_is_shown(
        text in hostile::hostile(&["linux/amd64", "linux/arm/v7", "windows/amd64"], &["linux", "/", "arm", "v7", "unknown", " "], 7),
    ) {
        let Some(platform) = Platform::parse(&text) else { return Ok(()) };
        prop_assert_eq!(platform.to_string(), text.trim());
        prop_assert_eq!(Platform::parse(&platform.to_string()), Some(platform.clone()));
        prop_assert!(platform.accepts(&platform));
        let wider = Platform { variant: None, ..platform.clone() };
        prop_assert!(wider.accepts(&platform));
        prop_assert_eq!(platform.accepts(&wider), platform.variant.is_none());
        prop_assert!(Platforms::OneOf(vec![wider, platform.clone()]).accept(&platform));
        prop_assert!(!Platforms::OneOf(Vec::new()).accept(&platform));
    }

    #[test]
    fn a_login_source_names_a_place_and_an_error_points_into_the_text(text in hostile::hostile(
        &["pullsecret:argocd/creds", "secret:argocd/creds#field", "env:VAR", "ext:/opt/login.sh", "gcr.io=secret:a/b#c"],
        &["pullsecret:", "secret:", "Secret:", "env:", "ext:", "/", "#", "=", ":", "ns", "name", "é"],
        7,
    )) {
        match LoginSource::parse(&text) {
            Ok(source) => {
                let shown = source.to_string();
                let part = match &source {
                    LoginSource::PullSecret(secret) | LoginSource::SecretField { secret, .. } => {
                        prop_assert!(!secret.namespace.is_empty() && !secret.name.is_empty());
                        prop_assert!(!secret.namespace.contains('/') && !secret.name.contains('/'));
                        secret.to_string()
                    }
                    LoginSource::Environment(name) => name.clone(),
                    LoginSource::Script(path) => path.clone(),
                };
                prop_assert!(!part.is_empty() && text.contains(&part));
                // In front of an `=` there would be a registry.
                if !shown.contains('=') {
                    prop_assert_eq!(LoginSource::parse(&shown), Ok(source));
                }
            }
            Err(error) => prop_assert!(hostile::is_inside(&error.span.clone().expect("a place"), &text), "{:?}", error),
        }
    }
}
