//! Two images that would be written to one place.

use super::*;

/// The positions that conflict when the images get these versions, `-` standing for one that is not known.
fn conflicting(short: &str, versions: &[&str]) -> Vec<usize> {
    let case = case(short);
    let versions: Vec<_> = versions.iter().map(|text| (*text != "-").then(|| Version::parse(text))).collect();
    let placements: Vec<_> =
        (0..versions.len()).map(|position| case.placement(position, None).expect("a place")).collect();
    let intents: Vec<_> = case
        .rules
        .images
        .iter()
        .zip(&placements)
        .zip(&versions)
        .map(|((rule, placement), version)| Intent { rule, placement, version: version.as_ref() })
        .collect();
    conflicts(&intents).into_keys().collect()
}

#[test]
fn different_values_for_one_place_conflict() {
    let helm = "source: {helm: {}}";
    let kustomize = "source: {kustomize: {}}";
    let own = "a.helm.image-name: a.n, b.helm.image-name: b.n";
    let shared = format!("{own}, a.helm.image-tag: t, b.helm.image-tag: t");
    for (id, list, annotations, source, versions, expected) in [
        ("default names", "a=nginx, b=redis", "", helm, &["1", "1"][..], &[0, 1][..]),
        ("no aliases", "nginx, redis", "", helm, &["1", "2"], &[0, 1]),
        ("default tag", "a=nginx, b=redis", own, helm, &["1", "2"], &[0, 1]),
        ("one tag, equal", "a=nginx, b=redis", &shared, helm, &["1", "1"], &[]),
        ("one tag, different", "a=nginx, b=redis", &shared, helm, &["1", "2"], &[0, 1]),
        ("one tag, not known", "a=nginx, b=redis", &shared, helm, &["1", "-"], &[]),
        ("the same image twice", "a=nginx, b=docker.io/library/nginx", "", helm, &["1", "1"], &[]),
        ("the same image, other versions", "a=nginx, b=nginx", "", helm, &["1", "2"], &[0, 1]),
        ("name and spec", "a=nginx, b=redis", "b.helm.image-spec: image.tag", helm, &["1", "1"], &[0, 1]),
        ("spec and spec", "a=nginx, b=redis", "a.helm.image-spec: s, b.helm.image-spec: s", helm, &["-", "-"], &[0, 1]),
        ("one spec, equal", "a=nginx, b=nginx", "a.helm.image-spec: s, b.helm.image-spec: s", helm, &["1", "1"], &[]),
        ("specs apart", "a=nginx, b=redis", "a.helm.image-spec: s, b.helm.image-spec: z", helm, &["1", "1"], &[]),
        ("two of three", "a=nginx, b=redis, c=redis", "a.helm.image-spec: s", helm, &["1", "1", "2"], &[1, 2]),
        ("three", "a=nginx, b=redis, c=mongo", "", helm, &["1", "-", "2"], &[0, 1, 2]),
        ("images apart", "a=nginx, b=redis", "", kustomize, &["1", "2"], &[]),
        ("one image", "a=nginx, b=docker.io/nginx", "", kustomize, &["1", "2"], &[0, 1]),
        ("one image, one version", "a=nginx, b=nginx", "", kustomize, &["1", "1"], &[]),
        (
            "one image, names apart",
            "a=nginx, b=nginx",
            "a.kustomize.image-name: x, b.kustomize.image-name: y",
            kustomize,
            &["1", "2"],
            &[],
        ),
        (
            "one name",
            "a=nginx, b=redis",
            "a.kustomize.image-name: x, b.kustomize.image-name: x",
            kustomize,
            &["1", "1"],
            &[0, 1],
        ),
        (
            "a name that is another's image",
            "a=my.reg/nginx, b=nginx",
            "a.kustomize.image-name: docker.io/library/nginx",
            kustomize,
            &["1", "1"],
            &[0, 1],
        ),
    ] {
        let short = format!("{{annotations: {{image-list: '{list}', {annotations}}}, {source}}}");
        assert_eq!(conflicting(&short, versions), expected, "{id}");
    }
}

#[test]
fn images_in_different_sources_do_not_conflict() {
    let short = "{annotations: {image-list: 'a=nginx, b=redis', a.helm.image-tag: t, b.kustomize.image-name: redis},
                  sources: [{path: a, helm: {}}, {path: b, kustomize: {}}]}";
    assert_eq!(conflicting(short, &["1", "2"]), [0; 0]);
}

#[test]
fn a_conflict_names_the_place_all_images_and_the_way_out() {
    let message = |short: &str| {
        let case = case(short);
        let placements = [0, 1].map(|position| case.placement(position, None).unwrap());
        let intents: Vec<_> = case
            .rules
            .images
            .iter()
            .zip(&placements)
            .map(|(rule, placement)| Intent { rule, placement, version: None })
            .collect();
        conflicts(&intents).remove(&1).expect("a conflict").message
    };
    let helm = message("{annotations: {image-list: 'a=nginx, redis'}, source: {helm: {}}}");
    assert_eq!(
        helm,
        "Helm parameter `image.name` would be written for `a`, `redis`, each with another value; \
         give each its own `<alias>.helm.image-name` and `<alias>.helm.image-tag`"
    );
    let kustomize = message(
        "{annotations: {image-list: 'a=nginx, b=redis', a.kustomize.image-name: x, b.kustomize.image-name: x},
          source: {kustomize: {}}}",
    );
    assert!(kustomize.contains("`x`") && kustomize.contains("kustomize.image-name"), "{kustomize}");
}
