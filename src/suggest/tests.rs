//! What is proposed for Applications of every form, and that it is read back without findings.

use super::*;
use crate::model::tests::application;

/// The annotations without prefix, one line each.
fn proposed(short: &str) -> (Vec<String>, Vec<String>) {
    let application = application(short);
    let suggestion = suggest(&application);
    let annotations = suggestion.annotations.iter();
    let lines = annotations.map(|(key, value)| format!("{}: {value}", key.strip_prefix(keys::PREFIX).unwrap()));
    let lines = lines.collect();
    let mut taken_over = application.clone();
    taken_over.annotations.extend(suggestion.annotations.iter().cloned());
    if !suggestion.annotations.is_empty() {
        let (rules, diagnostics) = annotations::parse(&taken_over).unwrap();
        assert_eq!(diagnostics, [], "{short}");
        for rule in &rules.images {
            writeback::placement(&taken_over, &rules, rule, None).unwrap();
        }
        assert!(suggest(&taken_over).images.is_empty(), "nothing is proposed twice: {short}");
    }
    (lines, suggestion.notes)
}

#[test]
fn helm_parameters_are_found_by_what_they_hold() {
    let (lines, notes) = proposed(
        "
source: {repoURL: r, path: p, helm: {parameters: [
  {name: image.name, value: ghcr.io/acme/web}, {name: image.tag, value: v1.0.0},
  {name: db.repository, value: postgres}, {name: db.version, value: '16.2'},
  {name: sidecar, value: 'quay.io/acme/proxy:2026-01-31'}]}}
status: {images: ['ghcr.io/acme/web:v1.0.0', 'postgres:16.2', 'quay.io/acme/proxy:2026-01-31']}",
    );
    assert_eq!(
        lines,
        [
            "image-list: web=ghcr.io/acme/web:~1.0, postgres=postgres:^16, proxy=quay.io/acme/proxy",
            "postgres.helm.image-name: db.repository",
            "postgres.helm.image-tag: db.version",
            "proxy.update-strategy: alphabetical",
            "proxy.allow-tags: regexp:^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            "proxy.helm.image-spec: sidecar",
        ]
    );
    assert_eq!(notes, [""; 0]);
}

#[test]
fn what_the_spec_does_not_say_is_said_to_be_a_guess() {
    let chart = "source: {repoURL: r, chart: c, targetRevision: '1'}";
    let (lines, notes) = proposed(&format!("{chart}\nstatus: {{images: ['nginx:latest']}}"));
    assert_eq!(
        lines,
        [
            "image-list: nginx=nginx:latest",
            "nginx.update-strategy: digest",
            "nginx.helm.image-name: image.repository",
            "nginx.helm.image-tag: image.tag",
        ]
    );
    assert!(notes.len() == 1 && notes[0].contains("is a guess"), "{notes:?}");
    let (lines, notes) = proposed(&format!("{chart}\nstatus: {{images: ['a/web:1.0.0', 'b/web:1.0.0']}}"));
    assert!(lines[0].ends_with("web=a/web:~1.0, b-web=b/web:~1.0") && notes.len() == 2, "{lines:?} {notes:?}");
    assert!(lines.contains(&"b-web.helm.image-tag: b-web.image.tag".to_owned()), "{lines:?}");
}

#[test]
fn kustomize_needs_a_name_only_where_one_takes_the_place_of_another() {
    let (lines, _) = proposed(
        "
source: {repoURL: r, path: p, kustomize: {images: ['ghcr.io/acme/web:v1.0.0', 'app=ghcr.io/acme/app:0.3.1']}}
status: {images: ['ghcr.io/acme/web:v1.0.0', 'ghcr.io/acme/app:0.3.1', 'ghcr.io/acme/job:main-3f2a1b9']}",
    );
    assert_eq!(
        lines,
        [
            "image-list: web=ghcr.io/acme/web:~1.0, app=ghcr.io/acme/app:~0.3, job=ghcr.io/acme/job",
            "app.kustomize.image-name: app",
            "job.update-strategy: newest-build",
            "job.allow-tags: regexp:^main-[0-9a-f]{7}$",
        ]
    );
}

#[test]
fn a_list_that_is_there_is_kept_and_completed() {
    let (lines, _) = proposed(
        "
annotations: {image-list: 'web=ghcr.io/acme/web:^1'}
source: {repoURL: r, path: p, kustomize: {}}
status: {images: ['ghcr.io/acme/web:v1.0.0', 'redis:7.2.1']}",
    );
    assert_eq!(lines, ["image-list: web=ghcr.io/acme/web:^1, redis=redis:~7.2"]);
    let (lines, notes) = proposed(
        "
annotations: {image-list: 'web=ghcr.io/acme/web:^1'}
source: {repoURL: r, path: p, kustomize: {}}
status: {images: ['ghcr.io/acme/web:v1.0.0']}",
    );
    assert_eq!((lines, notes), (Vec::new(), Vec::new()));
    // A list over several lines becomes one, and the keys of a new image are not those that one there is written to.
    let (lines, _) = proposed(
        "
annotations: {image-list: \"web=ghcr.io/acme/web:^1,\\n\"}
source: {repoURL: r, path: p, helm: {parameters: [{name: image.name, value: ghcr.io/acme/web}, {name: image.tag, value: v1.0.0}]}}
status: {images: ['ghcr.io/acme/web:v1.0.0', 'redis:7.2.1'], sourceType: Helm}",
    );
    assert_eq!(lines[0], "image-list: web=ghcr.io/acme/web:^1, redis=redis:~7.2");
    assert!(lines[1..].iter().all(|line| line.contains(": redis.image")), "{lines:?}");
}

#[test]
fn what_cannot_be_written_is_left_out_and_said() {
    let (lines, notes) = proposed(
        "
source: {repoURL: r, path: p}
status: {images: ['ghcr.io/acme/web:v1.0.0'], sourceType: Directory}",
    );
    assert!(lines.is_empty() && notes[0].contains("a source of type Directory"), "{lines:?} {notes:?}");
}

#[test]
fn hostile_names_end_in_no_annotation() {
    let (lines, _) = proposed(
        "
source: {repoURL: r, path: p, kustomize: {}}
status: {images: ['$(rm -rf /)', 'a,b=c', \"x'y:1\", '', 'ghcr.io/acme/web:</script>']}",
    );
    assert!(lines.iter().all(|line| !line.contains(['$', '(', '<'])), "{lines:?}");
}
