//! Kustomizations: spec section 6.7, cases 13.

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn check_kustomization(cases: &[Case<'_>]) {
    check(FileKind::Kustomization, &Options::default(), cases);
}

#[test]
fn an_entry_becomes_an_element_and_back() {
    let element = |rest: &str| format!("images:\n- name: {rest}\n");
    for (id, image, expected) in [
        ("pio-02", "ghcr.io:1234/foo/foo=ghcr.io:1234/bar", "ghcr.io:1234/foo/foo\n  newName: ghcr.io:1234/bar"),
        (
            "pio-03",
            "ghcr.io:1234/foo/foo=1234.foo.com:9876/bar:123",
            "ghcr.io:1234/foo/foo\n  newName: 1234.foo.com:9876/bar\n  newTag: \"123\"",
        ),
        ("pio-09", "docker.io/nginx:1", "docker.io/nginx\n  newTag: \"1\""),
        ("imf-02", "foo:bar", "foo\n  newTag: bar"),
        ("imf-04", "baz=foo@sha12345", "baz\n  newName: foo\n  digest: sha12345"),
        ("imf-05", "foo@sha12345", "foo\n  digest: sha12345"),
    ] {
        let name = image.split(['=', '@']).next().expect("a name");
        let name = if image.contains('=') { name } else { crate::writeback::kustomize::name(image) };
        assert_eq!(edited(FileKind::Kustomization, "", &[(name, image)], &CREATE), Ok(element(expected)), "{id}");
    }
    for (id, name, image, expected) in [
        ("pio-07", "acme/app", format!("acme/app@{DIGEST}"), format!("acme/app\n  digest: {DIGEST}")),
        ("pio-08", "nginx", format!("nginx:1.2@{DIGEST}"), format!("nginx\n  newTag: \"1.2\"\n  digest: {DIGEST}")),
    ] {
        let found = edited(FileKind::Kustomization, "", &[(name, image.as_str())], &CREATE);
        assert_eq!(found, Ok(element(&expected)), "{id}");
    }
    let several = edited(
        FileKind::Kustomization,
        "",
        &[("foo", "foo=bar:123"), ("baz", "baz@sha12345"), ("bar", "bar:123")],
        &Options::default(),
    );
    let expected = "images:\n- name: foo\n  newName: bar\n  newTag: \"123\"\n- name: baz\n  digest: sha12345\n- name: bar\n  newTag: \"123\"\n";
    assert_eq!(several.as_deref(), Ok(expected), "imf-06, each name once");
    let found = entries(FileKind::Kustomization, &expected.as_bytes().into()).map(|entries| entries.kustomize);
    assert_eq!(found, Ok(Some(["foo=bar:123", "baz@sha12345", "bar:123"].map(str::to_owned).to_vec())));
}

#[test]
fn only_what_changes_is_written() {
    check_kustomization(&[
        (
            "kcm-01",
            "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nreplacements: []\n",
            &[("foo", "foo=bar"), ("bar", "bar=baz:123")],
            Ok(
                "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nreplacements: []\nimages:\n- name: foo\n  newName: bar\n- name: bar\n  newName: baz\n  newTag: \"123\"\n",
            ),
        ),
        (
            "kcm-02",
            "images:\n- name: foo\n  newName: bar\n- name: bar\n  newName: baz\n  newTag: \"123\"\n",
            &[("foo", "foo:123"), ("bar", "bar=qux")],
            Ok("images:\n- name: foo\n  newTag: \"123\"\n- name: bar\n  newName: qux\n"),
        ),
        (
            "ukf-02",
            "images:\n- name: foo\n  digest: sha12345\n",
            &[("foo", "foo@sha23456")],
            Ok("images:\n- name: foo\n  digest: sha23456\n"),
        ),
        (
            "ukf-03",
            "images:\n  - name: foo\n    digest: sha12345\n",
            &[("foo", "foo@sha23456")],
            Ok("images:\n  - name: foo\n    digest: sha23456\n"),
        ),
        (
            "ukf-07",
            "apiVersion: kustomize.config.k8s.io/v1beta1\n\nimages:\n- name: foo\n  digest: sha12345\n",
            &[("foo", "foo@sha23456")],
            Ok("apiVersion: kustomize.config.k8s.io/v1beta1\n\nimages:\n- name: foo\n  digest: sha23456\n"),
        ),
        // Overruled (values.yaml, kustomization.yaml): the comment is at risk there.
        (
            "ukf-17",
            "images:\n- name: foo # keep me\n  newTag: old # me too\n  # and me\n  custom: x\n",
            &[("foo", "foo:new")],
            Ok("images:\n- name: foo # keep me\n  newTag: new # me too\n  # and me\n  custom: x\n"),
        ),
        (
            "number",
            "images:\n- {name: foo, newTag: 1.20}\n",
            &[("foo", "foo:1.30")],
            Ok("images:\n- {name: foo, newTag: \"1.30\"}\n"),
        ),
        (
            "single",
            "images:\n- name: foo\n  newTag: '1.20'\n",
            &[("foo", "foo:1.30")],
            Ok("images:\n- name: foo\n  newTag: '1.30'\n"),
        ),
        (
            "a registry with a port",
            "images:\n- name: r.io:5000/a\n  newTag: v1\n- name: r.io:5000/b\n  newTag: v1\n",
            &[("r.io:5000/b", "r.io:5000/b:v2")],
            Ok("images:\n- name: r.io:5000/a\n  newTag: v1\n- name: r.io:5000/b\n  newTag: v2\n"),
        ),
        (
            "an alias",
            "x-tag: &tag v1\nimages:\n- name: a\n  newTag: *tag\n- name: b\n  newTag: *tag\n",
            &[("a", "a:v2"), ("b", "b:v2")],
            Ok("x-tag: &tag v2\nimages:\n- name: a\n  newTag: *tag\n- name: b\n  newTag: *tag\n"),
        ),
    ]);
    for head in [
        "---\n",
        "# leading comment\n---\n",
        "# leading comment\n",
        "\n",
        "\n---\n",
        "%YAML 1.2\n---\n",
        "--- # header\n",
    ] {
        let file = format!("{head}images:\n- name: foo\n  digest: sha12345\n");
        let found = edited(FileKind::Kustomization, &file, &[("foo", "foo@sha23456")], &Options::default());
        assert_eq!(found, Ok(file.replace("12345", "23456")), "ukf-08 to ukf-14: {head:?}");
    }
}

#[test]
fn what_is_missing_is_added() {
    check_kustomization(&[
        (
            "a new element, dashes as they are",
            "resources:\n  - a.yaml\nimages:\n  - name: a\n    newTag: v1\n\n# tail\n",
            &[("b", "b:v2")],
            Ok("resources:\n  - a.yaml\nimages:\n  - name: a\n    newTag: v1\n  - name: b\n    newTag: v2\n\n# tail\n"),
        ),
        (
            "a new list, dashes as elsewhere",
            "resources:\n  - a.yaml",
            &[("b", "b:v2")],
            Ok("resources:\n  - a.yaml\nimages:\n  - name: b\n    newTag: v2"),
        ),
        (
            "CRLF",
            "resources:\r\n- a.yaml\r\n",
            &[("b", "b:v2")],
            Ok("resources:\r\n- a.yaml\r\nimages:\r\n- name: b\r\n  newTag: v2\r\n"),
        ),
        (
            "nothing in the list",
            "images:\nresources: [a]\n",
            &[("b", "b:v2")],
            Ok("images:\n- name: b\n  newTag: v2\nresources: [a]\n"),
        ),
        ("an empty list", "images: []\n", &[("b", "b:v2")], Ok("images: [{name: b, newTag: v2}]\n")),
        (
            "a flow list",
            "images: [{name: a}]\n",
            &[("b", "b:1")],
            Ok("images: [{name: a}, {name: b, newTag: \"1\"}]\n"),
        ),
        (
            "JSON",
            "{\"images\": [{\"name\": \"a\", \"newTag\": \"1\"}]}",
            &[("b", "b:v2"), ("a", "a:2")],
            Ok("{\"images\": [{\"name\": \"a\", \"newTag\": \"2\"}, {\"name\": \"b\", \"newTag\": \"v2\"}]}"),
        ),
        (
            "a tag beside nothing",
            "images:\n- name: a\n  # c\n- name: b\n",
            &[("a", "a:v2")],
            Ok("images:\n- name: a\n  newTag: v2\n  # c\n- name: b\n"),
        ),
    ]);
}

#[test]
fn what_is_left_over_is_removed() {
    check_kustomization(&[
        (
            "a tag for a digest",
            "images:\n- name: a\n  digest: sha256:1 # c\n- name: b\n",
            &[("a", "a:v2")],
            Ok("images:\n- name: a\n  newTag: v2\n- name: b\n"),
        ),
        (
            "a tag for a digest that stands at the dash",
            "images:\n- digest: sha256:1\n  name: a\n  newTag: v1\n",
            &[("a", "a:v2")],
            Ok("images:\n- name: a\n  newTag: v2\n"),
        ),
        (
            "with a comment there",
            "images:\n- digest: sha256:1 # why\n  name: a\n",
            &[("a", "a:v2")],
            Err("line 2, column 3: this entry does not stand on lines of its own"),
        ),
        (
            "in flow",
            "images: [{name: a, digest: 'sha256:1', x: 1}]\n",
            &[("a", "a:v2")],
            Ok("images: [{name: a, x: 1, newTag: v2}]\n"),
        ),
        (
            "in flow, the last",
            "images: [{name: a, digest: 'sha256:1'}]\n",
            &[("a", "a:v2")],
            Ok("images: [{name: a, newTag: v2}]\n"),
        ),
        (
            "an empty tag is none",
            "images:\n- name: a\n  newTag: \"\"\n",
            &[("a", "a:v2")],
            Ok("images:\n- name: a\n  newTag: \"v2\"\n"),
        ),
        (
            "an element goes",
            "images:\n- name: a\n  newTag: v1\n# of b\n- name: b\n",
            &[("a", GONE)],
            Ok("images:\n# of b\n- name: b\n"),
        ),
        ("the only one", "images:\n- name: a\n", &[("a", GONE)], Err("nothing would be left")),
        (
            "another comes for it",
            "images:\n  - name: a\n",
            &[("a", GONE), ("b", "b=a:1")],
            Ok("images:\n  - name: b\n    newName: a\n    newTag: \"1\"\n"),
        ),
    ]);
}

#[test]
fn what_does_not_belong_to_kustomize_is_refused() {
    check_kustomization(&[
        ("ukf-15", "images:\n- name: a\n---\nimages: []\n", &[("a", "a:v2")], Err("more than one document")),
        (
            "twice",
            "images:\n- name: a\n- name: a\n",
            &[("a", "a:v2")],
            Err("line 3, column 3: `images` names `a` twice"),
        ),
        ("a suffix", "images:\n- name: a\n  tagSuffix: -x\n", &[("a", "a:v2")], Err("the image has `tagSuffix`")),
        ("no list", "images:\n  a: 1\n", &[("a", "a:v2")], Err("`images` is a mapping, not a list")),
        (
            "no scalar",
            "images:\n- name: a\n  newTag: [v1]\n",
            &[("a", "a:v2")],
            Err("`newTag` is a list, not a scalar"),
        ),
        ("no mapping", "- images\n", &[("a", "a:v2")], Err("the file holds a list, not a mapping")),
        ("another image", "images:\n- name: a\n", &[("a", "b:v2")], Err("`b:v2` is no image for `a`")),
        ("an empty name", "images:\n- name: a\n", &[("a", "a=:v2")], Err("is no image for `a`")),
    ]);
    let edits = [Edit { field: field(FileKind::Kustomization, "a"), from: None, to: Some("a:1".to_owned()) }];
    assert_eq!(edit(FileKind::Kustomization, None, &edits, &CREATE), Err(FileError::NoFile), "ukf-05, ukf-16");
}
