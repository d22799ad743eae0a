//! What is live: `lst`, `mdu`, `liv` and `upd` where they say which running image an entry means.
//!
//! Overruled by decisions.md ("which live image an entry means", normalized): liv-07 and liv-09 are live. liv-10 takes
//! the first of several, here they are ambiguous. liv-03 to liv-05 put an image that is forced into the list of live
//! ones; here it is written without one. mdu-01 picks the stale one of two with one tag, which is what `AmbiguousLive`
//! comes to. lst-20 and lst-22 are about writing a list, which this tool never does.

use super::*;
use crate::model::tests::digest;

/// The live versions of the first image, and what is current.
fn live(annotations: &str, images: &[&str]) -> (Vec<String>, Option<String>, CurrentFrom) {
    let images: Vec<_> = images.iter().map(|image| format!("'{image}'")).collect();
    let source = if annotations.contains("kustomize") { "kustomize" } else { "helm" };
    let short = format!(
        "{{annotations: {{{annotations}}}, source: {{{source}: {{}}}}, status: {{images: [{}]}}}}",
        images.join(", ")
    );
    let decision = decide(&short, &["9.9"]);
    let texts = decision.live.iter().map(ToString::to_string).collect();
    (texts, decision.current.map(|current| current.to_string()), decision.current_from)
}

#[test]
fn an_entry_means_the_image_with_the_same_normalized_name() {
    let list = &["a/a:0.1", "a/b:1.2", "foo.bar/a/c:0.23"][..];
    let status = &["nginx:1.12.2", "that/image", "quay.io/dexidp/dex:v1.23.0"][..];
    for (id, entry, images, expected) in [
        ("lst-01", "a/a", list, Some("0.1")),
        ("lst-02", "a/b", list, Some("1.2")),
        ("lst-03", "x/y=foo.bar/a/c", list, Some("0.23")),
        ("lst-04", "foo/bar", list, None),
        ("lst-11", "x/foo:1.x", &["x/foo:2"], Some("2")),
        ("lst-13", "x/foo:1.x", &["x/bar:1"], None),
        ("liv-01 nginx", "nginx", status, Some("1.12.2")),
        ("liv-01 that", "that/image", status, Some("<none>")),
        ("liv-01 dex", "quay.io/dexidp/dex", status, Some("v1.23.0")),
        ("liv-01 without the registry", "dexidp/dex", status, None),
        ("liv-02", "nginx", &[], None),
        ("liv-07 overruled", "nginx:~1", &["docker.io/library/nginx:1.0"], Some("1.0")),
        ("liv-08", "docker.io/nginx:~1", &["docker.io/library/nginx:1.0"], Some("1.0")),
        ("liv-09 overruled", "docker.io/library/nginx:~1", &["docker.io/library/nginx:1.0"], Some("1.0")),
        ("library elsewhere", "harbor.io/library/x", &["harbor.io/x:1"], None),
        ("upd-16", "jannfis/barbar", &["jannfis/foobar:1.0.0"], None),
        ("twice the same", "nginx", &["nginx:1", "docker.io/nginx:1"], Some("1")),
        ("port", "reg:5000/x", &["reg:5000/x:1", "reg:5001/x:2", "reg/x:3"], Some("1")),
        ("what is no image", "nginx", &["", "::", "@", "nginx:1", "Nginx:2"], Some("1")),
    ] {
        let (versions, current, from) = live(&format!("image-list: '{entry}'"), images);
        assert_eq!(versions, expected.into_iter().collect::<Vec<_>>(), "{id}");
        assert_eq!(
            (current.as_deref(), from),
            (expected, if expected.is_some() { CurrentFrom::Status } else { CurrentFrom::None }),
            "{id}"
        );
    }
}

#[test]
fn several_live_versions_are_ambiguous() {
    let (versions, current, from) = live("image-list: 'nginx:~1'", &["nginx:2.0", "nginx:1.0", "redis:1"]);
    assert_eq!(
        (versions, current, from),
        (vec!["1.0".to_owned(), "2.0".to_owned()], None, CurrentFrom::None),
        "liv-10"
    );
    let decide = |images: &str, tags: &[&str]| {
        let short = format!(
            "{{annotations: {{image-list: 'nginx:~1'}}, source: {{helm: {{}}}}, status: {{images: [{images}]}}}}"
        );
        let decision = decide(&short, tags);
        (decision.status, decision.reason)
    };
    let d = digest('d');
    let twice = format!("'nginx:1.2', 'nginx:1.2@{d}'");
    for (id, images, tags, expected) in [
        (
            "an update for one",
            "'nginx:1.1', 'nginx:1.2'",
            &["1.2"],
            (ImageStatus::UpdateAvailable, Reason::AmbiguousLive),
        ),
        ("older than one", "'nginx:1.1', 'nginx:1.3'", &["1.2"], (ImageStatus::Downgrade, Reason::OlderThanCurrent)),
        ("one tag, with and without digest", &twice, &["1.2"], (ImageStatus::UpToDate, Reason::SameTag)),
        ("not comparable", "'nginx:a', 'nginx:b'", &["1.2"], (ImageStatus::UpdateAvailable, Reason::AmbiguousLive)),
    ] {
        assert_eq!(decide(images, tags), expected, "{id}");
    }
}

#[test]
fn a_followed_tag_is_compared_with_its_own_containers() {
    let [n, o, b] = ['a', 'b', 'c'].map(digest);
    let r = "registry.example.com/org/app";
    let of = |tag: &str, digest: &str| format!("{r}:{tag}@{digest}");
    for (id, followed, latest, images, expected) in [
        (
            "mdu-01",
            "develop",
            &n,
            vec![of("develop", &n), of("develop", &o)],
            (ImageStatus::UpdateAvailable, Reason::AmbiguousLive),
        ),
        ("mdu-03", "tag-b", &b, vec![of("tag-a", &n), of("tag-b", &b)], (ImageStatus::UpToDate, Reason::SameDigest)),
        ("mdu-04", "develop", &n, vec![format!("{r}@{o}")], (ImageStatus::UpdateAvailable, Reason::DigestMoved)),
        (
            "mdu-05",
            "develop",
            &n,
            vec![format!("registry.example.com/org/other:develop@{o}")],
            (ImageStatus::NotDeployed, Reason::CurrentUnknown),
        ),
        ("mdu-06", "develop", &n, vec![of("other", &n)], (ImageStatus::UpToDate, Reason::SameDigest)),
    ] {
        let images: Vec<_> = images.iter().map(|image| format!("'{image}'")).collect();
        let short = format!(
            "{{annotations: {{image-list: '{r}:{followed}', update-strategy: digest}}, source: {{helm: {{}}}}, status: {{images: [{}]}}}}",
            images.join(", ")
        );
        let decision = decide(&short, &[&format!("{followed}@{latest}")]);
        assert_eq!((decision.status, decision.reason), expected, "{id}");
    }
}

#[test]
fn an_image_that_kustomize_puts_in_place_of_another_is_live_as_either() {
    let named = |rest: &str| format!("image-list: 'a=my.reg/a/a:~0', a.kustomize.image-name: {rest}");
    let (versions, current, from) = live(&named("a/a"), &["a/a:0.1", "k1/k2:k3"]);
    assert_eq!(
        (versions, current.as_deref(), from),
        (vec!["0.1".to_owned()], Some("0.1"), CurrentFrom::Status),
        "lst-05"
    );
    let decide = |images: &str| {
        let annotations = named("a/a");
        let short =
            format!("{{annotations: {{{annotations}}}, source: {{kustomize: {{}}}}, status: {{images: [{images}]}}}}");
        let decision = decide(&short, &["0.1"]);
        (decision.status, decision.reason)
    };
    let update = |reason| (ImageStatus::UpdateAvailable, reason);
    for (id, images, expected) in [
        // The tag is right, but it is another image: spec section 3.7.
        ("from the other repository", "'a/a:0.1'", update(Reason::NewestMatch)),
        ("from its own", "'my.reg/a/a:0.1'", (ImageStatus::UpToDate, Reason::SameTag)),
        ("from both", "'my.reg/a/a:0.1', 'a/a:0.1'", update(Reason::NewestMatch)),
        (
            "from both, with digests",
            &format!("'my.reg/a/a:0.1', 'a/a:0.1@{}'", digest('a')),
            update(Reason::AmbiguousLive),
        ),
        ("older in the other", "'a/a:0.2'", (ImageStatus::Downgrade, Reason::OlderThanCurrent)),
    ] {
        assert_eq!(decide(images), expected, "{id}");
    }
}
