//! The grammar of `image-list`: entries with their place in the text, so that a finding can point at it.

use std::ops::Range;

use crate::model::image::Reference;
use crate::model::image::Tag;

/// One entry of an image list, read but not yet judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Without an empty one (`=nginx`), which reads no settings of its own (case `ail-20`).
    pub(crate) alias: Option<String>,
    /// The text without alias and constraint.
    pub(crate) image: String,
    pub(crate) name: Reference,
    /// The text after the name: constraint, or tag to follow.
    pub(crate) constraint: Option<String>,
    /// Where the entry stands in the annotation.
    pub(crate) span: Range<usize>,
    /// Where its constraint stands; empty, behind the entry, without one.
    pub(crate) constraint_span: Range<usize>,
    /// How Image Updater reads the entry, if not as it was meant.
    pub(crate) misread: Option<&'static str>,
}

/// Splits a list at its commas; entries without content are dropped (spec section 1.2).
pub(crate) fn parse(list: &str) -> Vec<Entry> {
    let mut start = 0;
    let mut entries = Vec::new();
    for piece in list.split(',') {
        let span = trimmed(list, start..start + piece.len());
        start += piece.len() + 1;
        if !span.is_empty() {
            entries.push(entry(list, span));
        }
    }
    entries
}

/// Narrows a range of `text` to what is not white space at its ends.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let piece = &text[range.clone()];
    let start = range.start + (piece.len() - piece.trim_start().len());
    start..start.max(range.start + piece.trim_end().len())
}

fn entry(list: &str, span: Range<usize>) -> Entry {
    let text = &list[span.clone()];
    let (alias, rest, in_constraint) = match alias_length(text) {
        Alias::None => (None, span.clone(), false),
        Alias::Before(at) => (Some(text[..at].trim()), trimmed(list, span.start + at + 1..span.end), false),
        Alias::InConstraint => (None, span.clone(), true),
    };
    let body = &list[rest.clone()];
    let name = Reference::parse(body);
    let name_end = rest.start + Reference::name_length(body);
    let constraint_span = match &name.suffix {
        Some(_) => trimmed(list, name_end + 1..rest.start + body.find('@').unwrap_or(body.len())),
        None => rest.end..rest.end,
    };
    let image = list[rest.start..name_end].trim().to_owned();
    let misread = misread(in_constraint, &name, &image);
    Entry {
        alias: alias.filter(|alias| !alias.is_empty()).map(str::to_owned),
        constraint: name.suffix.clone(),
        image,
        name,
        span,
        constraint_span,
        misread,
    }
}

/// Where the alias of an entry ends.
enum Alias {
    None,
    /// The `=` after it stands here.
    Before(usize),
    /// There is none: the first `=` belongs to the constraint.
    InConstraint,
}

fn alias_length(text: &str) -> Alias {
    // The piece behind the comma in `nginx:>=1, <2` or `nginx:<2, >=1` is part of a constraint, not an alias `>`.
    if text.starts_with(['<', '>', '!', '~', '^']) {
        return Alias::None;
    }
    match text.find('=') {
        None => Alias::None,
        // `nginx:>=1.25`: no alias holds what follows the `:` behind a name.
        Some(at) if Reference::name_length(&text[..at]) < at => Alias::InConstraint,
        Some(at) => Alias::Before(at),
    }
}

/// How Image Updater mistakes an entry, where its second parser (used when the text is not a plain image reference)
/// or its split at the first `=` reads something else than what is meant (spec sections 1.2 and 2.1).
fn misread(in_constraint: bool, name: &Reference, image: &str) -> Option<&'static str> {
    if in_constraint {
        return Some("Argo CD Image Updater takes what stands before `=` for an alias");
    }
    let constraint = name.suffix.as_deref()?;
    if Tag::new(constraint).is_some() {
        return None;
    }
    if image.starts_with("docker.io/library/") || image.starts_with("index.docker.io/") {
        return Some(
            "Argo CD Image Updater never finds this image among the running ones; as `docker.io/<name>` it does",
        );
    }
    let dotless = name.registry.as_deref().is_some_and(|registry| !registry.contains('.'));
    dotless.then_some("Argo CD Image Updater sees no registry in a host without a dot before such a constraint")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_parsed_as_image_updater_parses_them() {
        // Cases img-01 … img-50: text, alias, registry, name, tag, digest. Overruled by the decision that name and
        // constraint are read apart as meant: img-36, img-38, img-40, img-41, img-43, img-46 (see the next test).
        let digest = "sha256:1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef";
        let with_digest = format!("gcr.io/jannfis/test-image:latest-bookworm@{digest}");
        for (id, text, alias, registry, name, tag) in [
            ("img-01", "jannfis/test-image:0.1", None, None, "jannfis/test-image", Some("0.1")),
            ("img-02", "test-image", None, None, "test-image", None),
            ("img-03", "library/test-image", None, None, "library/test-image", None),
            (
                "img-04",
                "harbor.example.com/library/test-image:0.1",
                None,
                Some("harbor.example.com"),
                "library/test-image",
                Some("0.1"),
            ),
            (
                "img-05",
                "harbor.example.com/library/nested/test-image:0.1",
                None,
                Some("harbor.example.com"),
                "library/nested/test-image",
                Some("0.1"),
            ),
            ("img-06", "gcr.io/jannfis/test-image:0.1", None, Some("gcr.io"), "jannfis/test-image", Some("0.1")),
            ("img-07", "docker.io/jannfis/test-image:0.1", None, Some("docker.io"), "jannfis/test-image", Some("0.1")),
            ("img-11", &with_digest, None, Some("gcr.io"), "jannfis/test-image", Some("latest-bookworm")),
            (
                "img-13",
                "jannfis/orig-image=gcr.io/jannfis/test-image:0.1",
                Some("jannfis/orig-image"),
                Some("gcr.io"),
                "jannfis/test-image",
                Some("0.1"),
            ),
            (
                "img-15",
                "jannfis/orig-image=gcr.io/jannfis/test-image",
                Some("jannfis/orig-image"),
                Some("gcr.io"),
                "jannfis/test-image",
                None,
            ),
            (
                "img-16",
                "classic-web=registry:5000/classic-web",
                Some("classic-web"),
                Some("registry:5000"),
                "classic-web",
                None,
            ),
            ("img-30", "nginx:1.25", None, None, "nginx", Some("1.25")),
            ("img-31", "docker.io/nginx:1.25", None, Some("docker.io"), "nginx", Some("1.25")),
            ("img-32", "docker.io/library/nginx:1.25", None, Some("docker.io"), "nginx", Some("1.25")),
            ("img-33", "index.docker.io/library/nginx:1.25", None, None, "nginx", Some("1.25")),
            ("img-34", "library/nginx:1.25", None, None, "library/nginx", Some("1.25")),
            ("img-37", "docker.io/nginx:~1.25", None, Some("docker.io"), "nginx", Some("~1.25")),
            ("img-39", "registry:5000/app:1.0", None, Some("registry:5000"), "app", Some("1.0")),
            ("img-44", "my.reg:5000/a/b:>=1.0 <2.0", None, Some("my.reg:5000"), "a/b", Some(">=1.0 <2.0")),
            ("img-45", "x=my.reg/a/b:>=1.0 <2.0", Some("x"), Some("my.reg"), "a/b", Some(">=1.0 <2.0")),
            ("img-47", "nginx:1.x", None, None, "nginx", Some("1.x")),
            ("img-49", "Org/App:1.0", None, None, "Org/App", Some("1.0")),
            ("img-50", "=nginx:1", None, None, "nginx", Some("1")),
        ] {
            let entries = parse(text);
            let [entry] = entries.as_slice() else { panic!("{id}: {entries:?}") };
            assert_eq!(entry.alias.as_deref(), alias, "{id}");
            assert_eq!(entry.name.registry.as_deref(), registry, "{id}");
            assert_eq!(entry.name.path, name, "{id}");
            assert_eq!(entry.constraint.as_deref(), tag, "{id}");
            // In a list, without an alias, the `=` of img-44 makes Image Updater read an alias.
            assert_eq!(entry.misread.is_some(), id == "img-44", "{id}");
            assert_eq!(&text[entry.constraint_span.clone()], tag.unwrap_or(""), "{id}");
        }
        let entry = &parse(&with_digest)[0];
        assert_eq!(entry.name.digest.as_deref(), Some(digest), "img-11");
        assert_eq!(entry.name.name(), "gcr.io/jannfis/test-image", "img-11");
    }

    #[test]
    fn entries_that_image_updater_misreads_are_read_as_meant() {
        for (id, text, registry, name, constraint) in [
            ("img-36", "docker.io/library/nginx:~1.25", Some("docker.io"), "nginx", "~1.25"),
            ("img-38", "index.docker.io/library/nginx:~1.25", None, "nginx", "~1.25"),
            ("img-40", "registry:5000/app:~1.0", Some("registry:5000"), "app", "~1.0"),
            ("img-41", "localhost:5000/app:^1.0", Some("localhost:5000"), "app", "^1.0"),
            ("img-43", "localhost/app:^1.0", Some("localhost"), "app", "^1.0"),
            ("img-46", "nginx:>=1.0", None, "nginx", ">=1.0"),
        ] {
            let entry = &parse(text)[0];
            assert_eq!(entry.alias, None, "{id}");
            assert_eq!(entry.name.registry.as_deref(), registry, "{id}");
            assert_eq!(entry.name.path, name, "{id}");
            assert_eq!(entry.constraint.as_deref(), Some(constraint), "{id}");
            assert!(entry.misread.is_some(), "{id}");
        }
    }

    #[test]
    fn lists_are_split_as_image_updater_splits_them() {
        // Cases ail-02 … ail-25: list, then alias and image with constraint of each entry.
        type Expected = &'static [(Option<&'static str>, &'static str, Option<&'static str>)];
        let cases: [(&str, &str, Expected); 19] = [
            ("ail-02", "", &[]),
            ("ail-03", "  ,  ,  ", &[]),
            ("ail-05", "web=docker.io/library/nginx:1.21", &[(Some("web"), "docker.io/library/nginx", Some("1.21"))]),
            (
                "ail-07",
                "web=docker.io/library/nginx:1.21,api=quay.io/myorg/api:v2.0",
                &[
                    (Some("web"), "docker.io/library/nginx", Some("1.21")),
                    (Some("api"), "quay.io/myorg/api", Some("v2.0")),
                ],
            ),
            (
                "ail-09",
                "  web = docker.io/library/nginx:1.21  ,  api = quay.io/myorg/api:v2.0  ",
                &[
                    (Some("web"), "docker.io/library/nginx", Some("1.21")),
                    (Some("api"), "quay.io/myorg/api", Some("v2.0")),
                ],
            ),
            (
                "ail-10",
                "web=nginx:1.21,,api=quay.io/myorg/api:v2.0",
                &[(Some("web"), "nginx", Some("1.21")), (Some("api"), "quay.io/myorg/api", Some("v2.0"))],
            ),
            ("ail-11", "web=", &[(Some("web"), "", None)]),
            (
                "ail-17",
                "my-app=docker.io/library/nginx:1.21",
                &[(Some("my-app"), "docker.io/library/nginx", Some("1.21"))],
            ),
            (
                "ail-18",
                "quay.io/prometheus/node-exporter:v1.5.0",
                &[(None, "quay.io/prometheus/node-exporter", Some("v1.5.0"))],
            ),
            ("ail-20", "  =docker.io/library/nginx:1.21", &[(None, "docker.io/library/nginx", Some("1.21"))]),
            (
                "ail-22",
                "a=x/y:~1.0,\n  b=x/z:~2.0\n",
                &[(Some("a"), "x/y", Some("~1.0")), (Some("b"), "x/z", Some("~2.0"))],
            ),
            ("ail-23", "a=x/y:~1.0\nb=x/z:~2.0", &[(Some("a"), "x/y:~1.0\nb=x/z", Some("~2.0"))]),
            // A comma always separates; the stray piece is judged later, as an image it cannot be.
            ("ail-25", "n=nginx:>=1.0, <2.0", &[(Some("n"), "nginx", Some(">=1.0")), (None, "<2.0", None)]),
            ("stray >=", "nginx:<2, >=1.0", &[(None, "nginx", Some("<2")), (None, ">=1.0", None)]),
            ("stray !=", "nginx:1.x,!=1.3", &[(None, "nginx", Some("1.x")), (None, "!=1.3", None)]),
            ("port in alias", "reg:5000/a=b:1", &[(Some("reg:5000/a"), "b", Some("1"))]),
            ("digest", "a=b:1@sha256:x", &[(Some("a"), "b", Some("1"))]),
            ("digest only", "a=b@sha256:x", &[(Some("a"), "b", None)]),
            ("no constraint", "a=b:", &[(Some("a"), "b", None)]),
        ];
        for (id, list, expected) in cases {
            let entries = parse(list);
            let found: Vec<_> = entries
                .iter()
                .map(|entry| (entry.alias.as_deref(), entry.image.as_str(), entry.constraint.as_deref()))
                .collect();
            assert_eq!(found, expected, "{id}");
            for entry in &entries {
                assert_eq!(list[entry.span.clone()].trim(), &list[entry.span.clone()], "{id}");
            }
        }
    }
}
