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
        .map(|((rule, placement), version)| Intent {
            application: &case.application.key,
            rule,
            placement,
            version: version.as_ref(),
            is_written: true,
        })
        .collect();
    let images = conflicts(&intents, false).into_iter().flat_map(|conflict| conflict.images);
    images.map(|(_, position)| position).collect()
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
            .map(|(rule, placement)| Intent {
                application: &case.application.key,
                rule,
                placement,
                version: None,
                is_written: false,
            })
            .collect();
        let conflicts = conflicts(&intents, false);
        assert_eq!(conflicts.len(), 1, "name and tag are one: {conflicts:?}");
        conflicts[0].invalid().message
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

/// Which of these Applications, written to files in git, would overwrite each other with these versions.
fn at_odds(applications: &[(&str, &str, &str)], one_folder: bool) -> Vec<String> {
    at_odds_if(applications, one_folder, |_| true)
}

/// The same where only some of them, by number, are written.
fn at_odds_if(applications: &[(&str, &str, &str)], one_folder: bool, is_written: fn(usize) -> bool) -> Vec<String> {
    let cases: Vec<_> = applications
        .iter()
        .enumerate()
        .map(|(number, (repository, annotations, version))| {
            let mut case = case(&format!(
                "{{annotations: {{image-list: 'a=nginx', write-back-method: git, {annotations}}},
                  source: {{repoURL: '{repository}', path: p, targetRevision: main, helm: {{}}}}}}"
            ));
            case.application.key.name = format!("app-{number}");
            let placement = case.placement(0, None).expect("a place");
            (case, placement, Version::parse(version))
        })
        .collect();
    let intents: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(number, (case, placement, version))| Intent {
            application: &case.application.key,
            rule: &case.rules.images[0],
            placement,
            version: Some(version),
            is_written: is_written(number),
        })
        .collect();
    conflicts(&intents, one_folder).into_iter().map(|conflict| conflict.invalid().message).collect()
}

#[test]
fn applications_that_share_a_file_conflict() {
    const KEYS: &str = "a.helm.image-tag: t, write-back-target: 'helmvalues:/v.yaml'";
    const OTHER: &str = "a.helm.image-name: n, a.helm.image-tag: u, write-back-target: 'helmvalues:/v.yaml'";
    let branch = format!("{KEYS}, git-branch: 'main:updates'");
    let dev = format!("{KEYS}, git-branch: dev");
    let message = "Helm value `t` of v.yaml would be written for `a` of argocd/app-0 and `a` of argocd/app-1, each with \
                   another value; let each Application have a file or keys of its own";
    for (id, applications, one_folder, expected) in [
        ("different", [("https://h/r", KEYS, "1"), ("https://h/r", KEYS, "2")], false, &[message][..]),
        ("equal", [("https://h/r", KEYS, "1"), ("https://h/r", KEYS, "1")], false, &[]),
        ("spelled otherwise", [("https://h/r", KEYS, "1"), ("https://H/R.git/", KEYS, "2")], false, &[message]),
        (
            "pushed elsewhere, read there",
            [("https://h/r", KEYS, "1"), ("https://h/r", &branch, "2")],
            false,
            &[message],
        ),
        ("keys apart", [("https://h/r", KEYS, "1"), ("https://h/r", OTHER, "2")], false, &[]),
        ("branches apart", [("https://h/r", KEYS, "1"), ("https://h/r", &dev, "2")], false, &[]),
        ("repositories apart", [("https://h/r", KEYS, "1"), ("https://h/s", KEYS, "2")], false, &[]),
        ("in one folder", [("https://h/r", KEYS, "1"), ("https://h/s", &dev, "2")], true, &[message]),
    ] {
        assert_eq!(at_odds(&applications, one_folder), expected, "{id}");
    }
    let both = [("https://h/r", KEYS, "1"), ("https://h/r", KEYS, "2")];
    assert_eq!(at_odds_if(&both, false, |number| number == 1), [message], "one is written");
    assert_eq!(at_odds_if(&both, false, |_| false), [""; 0], "both are held where they are");
    let own = [("https://h/r", "", "1"), ("https://h/r", "", "2")];
    assert_eq!(at_odds(&own, false), [""; 0], "override files of their own");
}
