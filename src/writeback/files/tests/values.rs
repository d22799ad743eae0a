//! Helm values files: spec section 6.6, cases 12.

use super::*;

fn check_values(options: &Options<'_>, cases: &[Case<'_>]) {
    check(FileKind::HelmValues, options, cases);
}

#[test]
fn what_is_there_is_edited_in_place() {
    let name_and_tag = &[("image.tag", "v1.0.0"), ("image.name", "nginx")][..];
    check_values(
        &Options::default(),
        &[
            (
                "hv-01",
                "\nimage.name: nginx\nimage.tag: v0.0.0\nreplicas: 1\n",
                name_and_tag,
                Ok("\nimage.name: nginx\nimage.tag: v1.0.0\nreplicas: 1\n"),
            ),
            (
                "hv-02",
                "\nimage.spec.foo: nginx:v0.0.0\nreplicas: 1\n",
                &[("image.spec.foo", "nginx:v1.0.0")],
                Ok("\nimage.spec.foo: nginx:v1.0.0\nreplicas: 1\n"),
            ),
            (
                "hv-04",
                "nginx.image.name: nginx\nnginx.image.tag: v0.0.0\nredis.image.name: redis\nredis.image.tag: v0.0.0\n",
                &[("nginx.image.tag", "v1.0.0"), ("redis.image.tag", "v1.0.0")],
                Ok(
                    "nginx.image.name: nginx\nnginx.image.tag: v1.0.0\nredis.image.name: redis\nredis.image.tag: v1.0.0\n",
                ),
            ),
            (
                "hv-20",
                "image:\n  name: docker.io/myorg/myapp\n  tag: v0.9.0\nreplicas: 3",
                &[("image.tag", "v1.0.0"), ("image.name", "docker.io/myorg/myapp")],
                Ok("image:\n  name: docker.io/myorg/myapp\n  tag: v1.0.0\nreplicas: 3"),
            ),
            // Overruled (values.yaml, kustomization.yaml): Image Updater writes the whole file anew for each of these.
            (
                "hvx-03: quoted",
                "config:\n\n    image:\n      repository: myapp\n      tag: \"v1.0.0\"   # x\n",
                &[("config.image.tag", "v2.0.0")],
                Ok("config:\n\n    image:\n      repository: myapp\n      tag: \"v2.0.0\"   # x\n"),
            ),
            (
                "hvx-04",
                "---\nconfig:\n  image:\n    tag: 'v1.0.0'\n",
                &[("config.image.tag", "v2.0.0")],
                Ok("---\nconfig:\n  image:\n    tag: 'v2.0.0'\n"),
            ),
            (
                "hvx-06: two on one line",
                "image: {tag: v1.0.0, name: nginx}\n",
                &[("image.tag", "v1.0.10"), ("image.name", "nginx-unprivileged")],
                Ok("image: {tag: v1.0.10, name: nginx-unprivileged}\n"),
            ),
            ("hvx-07: a number", "tag: v1.0.0\n", &[("tag", "1.20")], Ok("tag: \"1.20\"\n")),
            ("hvx-08: an alias", "a: &v v1.0.0\nb: *v\n", &[("b", "v2.0.0")], Ok("a: &v v2.0.0\nb: *v\n")),
            ("hvx-09: empty", "image:\n  tag: \"\"\n", &[("image.tag", "v1")], Ok("image:\n  tag: \"v1\"\n")),
            ("later documents", "a: v1\n---\n a:  v1\n", &[("a", "v2")], Ok("a: v2\n---\n a:  v1\n")),
            ("shv-22: a number stands there", "image.tag: 1.0", &[("image.tag", "v2")], Ok("image.tag: v2")),
        ],
    );
}

#[test]
fn image_updaters_example_keeps_every_other_byte() {
    // hvx-01, hvx-02: written for this test in the way of the original.
    let file = "\
# Top comment

x-common: &common   # shared
  pullPolicy: IfNotPresent

images:

  app:
    <<: *common
    repository: myapp
    tag: v1.0.0  # Current version

  sidecar:
    <<: *common
    tag:   v1.0.0
script: |
  #!/bin/sh

  echo tag: v1.0.0
";
    let to = [("images.app.tag", "v2.0.0"), ("images.app.repository", "myapp"), ("images.sidecar.tag", "v2.0.0")];
    let expected = file.replace("tag: v1.0.0  #", "tag: v2.0.0  #").replace("tag:   v1.0.0", "tag:   v2.0.0");
    assert_eq!(edited(FileKind::HelmValues, file, &to, &Options::default()), Ok(expected));
}

#[test]
fn a_missing_key_is_an_error_unless_it_may_be_made() {
    for (id, file, at) in [
        ("hv-03", "test-value1: one", "image.spec.foo"),
        ("hv-08", "image:\n  name: nginx\n", "image.tag"),
        ("hv-11", "random: yaml", "image.tag"),
        ("hv-15", "", "image.tag"),
        ("hv-16", "\n", "nginx.image.tag"),
        ("shv-05", "{}", "image.attributes.tag"),
    ] {
        let found = edited(FileKind::HelmValues, file, &[(at, "v1")], &Options::default());
        assert!(matches!(found, Err(FileError::MissingKey(_))), "{id}: {found:?}");
    }
    let edit_of_nothing = [Edit { field: field(FileKind::HelmValues, "a.b"), from: None, to: Some("v".to_owned()) }];
    let made = |create_keys| {
        edit(FileKind::HelmValues, None, &edit_of_nothing, &Options { create_keys, ..Options::default() })
    };
    assert_eq!(made(false), Err(FileError::NoFile));
    assert_eq!(made(true), Ok(b"a:\n  b: v\n".to_vec()));
}

#[test]
fn a_key_is_made_at_the_end_of_its_mapping() {
    check_values(
        &CREATE,
        &[
            (
                "hv-03",
                "test-value1: one",
                &[("image.spec.foo", "nginx:v1.0.0")],
                Ok("test-value1: one\nimage:\n  spec:\n    foo: nginx:v1.0.0"),
            ),
            (
                "hv-05",
                "test-value1: one\n",
                &[("nginx.image.tag", "v1"), ("nginx.image.name", "nginx"), ("redis.image.tag", "v1")],
                Ok("test-value1: one\nnginx:\n  image:\n    tag: v1\n    name: nginx\nredis:\n  image:\n    tag: v1\n"),
            ),
            (
                "hv-08",
                "\ntest-value1: one\nimage:\n  name: nginx\nreplicas: 1\n",
                &[("image.tag", "v1.0.0")],
                Ok("\ntest-value1: one\nimage:\n  name: nginx\n  tag: v1.0.0\nreplicas: 1\n"),
            ),
            (
                "hv-09",
                "\nimage:\n  tag: v0.0.0\nreplicas: 1\n",
                &[("image.tag", "v1.0.0"), ("image.name", "nginx")],
                Ok("\nimage:\n  tag: v1.0.0\n  name: nginx\nreplicas: 1\n"),
            ),
            ("hv-12", "random: yaml", &[("wrongimage.name", "nginx")], Ok("random: yaml\nwrongimage:\n  name: nginx")),
            // Image Updater writes a comment above it that says who made the file.
            (
                "hv-16",
                "\n",
                &[("nginx.image.tag", "v1.0.0"), ("nginx.image.name", "nginx")],
                Ok("\nnginx:\n  image:\n    tag: v1.0.0\n    name: nginx\n"),
            ),
            (
                "shv-03",
                "image:\n  attributes:\n    name: repo-name",
                &[("image.attributes.tag", "v2.0.0")],
                Ok("image:\n  attributes:\n    name: repo-name\n    tag: v2.0.0"),
            ),
            ("shv-05", "{}", &[("image.attributes.tag", "v2.0.0")], Ok("{image: {attributes: {tag: v2.0.0}}}")),
            // Image Updater makes a key that is spelled with its brackets.
            ("shv-20", "a: 1", &[("images[0].tag", "v2.0.0")], Err("the list `images` is not in the file")),
            ("no value", "image:   # c\nb: 1\n", &[("image.tag", "v2")], Ok("image:   # c\n  tag: v2\nb: 1\n")),
            (
                "comment below",
                "image:\n    # tag: x\nb: 1\n",
                &[("image.tag", "v2")],
                Ok("image:\n  tag: v2\n    # tag: x\nb: 1\n"),
            ),
            (
                "null",
                "image: null\n",
                &[("image.tag", "v2")],
                Err("line 1, column 8: `null` stands where a mapping is"),
            ),
        ],
    );
}

#[test]
fn a_key_is_made_as_the_file_is_written() {
    check_values(
        &CREATE,
        &[
            ("in {}", "image: { }\n", &[("image.tag", "v2")], Ok("image: { tag: v2 }\n")),
            ("in flow", "image: {repository: x}\n", &[("image.tag", "v2")], Ok("image: {repository: x, tag: v2}\n")),
            ("a comma", "image: {repository: x,}\n", &[("image.tag", "1")], Ok("image: {repository: x, tag: \"1\"}\n")),
            (
                "JSON",
                "{\n  \"image\": {\n    \"repository\": \"x\"\n  }\n}\n",
                &[("image.tag", "v2")],
                Ok("{\n  \"image\": {\n    \"repository\": \"x\",\n    \"tag\": \"v2\"\n  }\n}\n"),
            ),
            (
                "lines in flow",
                "image: {\n    repository: x, # c\n  }\n",
                &[("image.tag", "v2")],
                Ok("image: {\n    repository: x, # c\n    tag: v2,\n  }\n"),
            ),
            (
                "lines in flow, no comma",
                "image: {\r\n    repository: x # c\r\n  }\r\n",
                &[("image.tag", "v2")],
                Ok("image: {\r\n    repository: x, # c\r\n    tag: v2\r\n  }\r\n"),
            ),
            (
                "CRLF, BOM, four spaces",
                "\u{feff}a:\r\n    b: 1\r\n\r\n# c\r\nd: 1",
                &[("a.c.tag", "v2"), ("e.tag", "v3")],
                Ok("\u{feff}a:\r\n    b: 1\r\n    c:\r\n        tag: v2\r\n\r\n# c\r\nd: 1\r\ne:\r\n    tag: v3"),
            ),
            ("kept blank lines", "a: |+\n  x\n\n\n", &[("tag", "v")], Ok("a: |+\n  x\n\n\ntag: v\n")),
            ("other blank lines", "a: |\n  x\n\n\n", &[("tag", "v")], Ok("a: |\n  x\ntag: v\n\n\n")),
            ("comments only", "# c\n---\n# d\n", &[("a.tag", "v")], Ok("# c\n---\n# d\na:\n  tag: v\n")),
            ("before `...`", "a: 1\n...\n---\nb: 1\n", &[("tag", "v")], Ok("a: 1\ntag: v\n...\n---\nb: 1\n")),
            ("an odd key", "a: 1\n", &[("no.x y", "v")], Ok("a: 1\n\"no\":\n  x y: v\n")),
        ],
    );
}

#[test]
fn merge_keys_are_read_and_overridden_where_they_are_merged() {
    let file = "base: &base\n  tag: v1\n  image: {tag: v1}\nweb:\n  <<: *base\n  port: 1\nlist:\n  <<: [*base]\n";
    for (path, expected) in
        [("web.tag", Some("v1")), ("web.image.tag", Some("v1")), ("list.tag", Some("v1")), ("web.x", None)]
    {
        let found = value(FileKind::HelmValues, &file.as_bytes().into(), &field(FileKind::HelmValues, path));
        assert_eq!(found, Ok(expected.map(str::to_owned)), "{path}");
    }
    check_values(
        &Options::default(),
        &[
            ("local", file, &[("web.tag", "v2")], Ok(&file.replace("port: 1\n", "port: 1\n  tag: v2\n"))),
            ("deeper", file, &[("web.image.tag", "v2")], Err("comes from a merge key")),
            ("the anchor", file, &[("base.image.tag", "v2")], Ok(&file.replace("{tag: v1}", "{tag: v2}"))),
        ],
    );
    // A merge that goes around in a circle, or in all directions, is looked at once.
    let wide = (1..40).fold("a0: &a0 {x: 1}\n".to_owned(), |text, n| {
        text + &format!("a{n}: &a{n}\n  <<: [*a{0}, *a{0}, *a{0}]\n", n - 1)
    });
    let found = value(FileKind::HelmValues, &wide.as_bytes().into(), &field(FileKind::HelmValues, "a39.x"));
    assert!(found.is_err_and(|error| error.to_string().contains("repe")), "a bomb for other readers");
}

#[test]
fn aliases_are_followed_one_step() {
    let file = "v: &v v1\nattrs: &attrs\n  tag: v1\na: *attrs\nb: *v\nc: [*v, *attrs]\n";
    let options = Options::default();
    for path in ["a.tag", "c[1].tag", "attrs.tag"] {
        let expected = file.replace("  tag: v1", "  tag: v2");
        assert_eq!(edited(FileKind::HelmValues, file, &[(path, "v2")], &options), Ok(expected), "{path}");
    }
    for path in ["b", "v", "c[0]"] {
        let expected = file.replace("&v v1", "&v v2");
        assert_eq!(edited(FileKind::HelmValues, file, &[(path, "v2")], &options), Ok(expected), "{path}");
    }
    let both = [("b", "v2"), ("v", "v3")];
    let found = edited(FileKind::HelmValues, file, &both, &options).unwrap_err();
    assert!(found.to_string().contains("share this value"), "{found}");
    let same = [("b", "v2"), ("v", "v2")];
    assert!(edited(FileKind::HelmValues, file, &same, &options).is_ok());
}

#[test]
fn a_key_is_looked_up_as_image_updater_reads() {
    let attributes = "image:\n  attributes: &attrs\n    name: repo-name\n    tag: v1.0.0\nother:\n  attributes: *attrs";
    for (id, file, path, expected) in [
        ("ghv-02", "image.attributes.tag: v1.0.0", "image.attributes.tag", Ok(Some("v1.0.0"))),
        ("ghv-03", "name: repo-name\ntag: v1.0.0", "name", Ok(Some("repo-name"))),
        (
            "ghv-04: the nested one first",
            "image:\n  attributes:\n    tag: nested\nimage.attributes.tag: literal",
            "image.attributes.tag",
            Ok(Some("nested")),
        ),
        ("ghv-05", "image.attributes.tag: literal\nother:\n  field: x", "image.attributes.tag", Ok(Some("literal"))),
        ("ghv-06", attributes, "other.attributes.tag", Ok(Some("v1.0.0"))),
        ("ghv-08", "image:\n  attributes:\n    name: repo-name", "image.attributes.tag", Ok(None)),
        ("ghv-09", "", "key", Ok(None)),
        ("ghv-10", "scalar", "key", Err("the file holds a scalar, not a mapping")),
        ("ghv-11", "image.attributes.tag:\n  nested: x", "image.attributes.tag", Err("is a mapping, not a scalar")),
        ("ghv-12", "a:\n  b:\n    c:\n      d:\n        value: deep", "a.b.c.d.value", Ok(Some("deep"))),
        ("ghv-14", "foo:\n  tag: v1.0.0", "foo[2].tag", Err("`foo` is a mapping, not a list")),
        ("as written", "tag: 1.10\n", "tag", Ok(Some("1.10"))),
        ("empty", "image:\n  tag: # none\n", "image.tag", Ok(Some(""))),
        ("null", "image:\n  tag: ~\n", "image.tag", Ok(Some(""))),
        ("literal behind a dead end", "image: x\nimage.tag: v1\n", "image.tag", Ok(Some("v1"))),
        ("an index in the literal key", "images[0].tag: v1\n", "images[0].tag", Ok(Some("v1"))),
    ] {
        let found = value(FileKind::HelmValues, &file.as_bytes().into(), &field(FileKind::HelmValues, path));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.as_deref(), expected, "{id}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{id}: {error}"),
            (found, _) => panic!("{id}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn a_path_is_followed_through_lists() {
    let list = "images:\n- name: image-1\n  attributes:\n    name: repo-name\n    tag: 1.0.0\n";
    let two = format!("{list}- name: image-2\n  attributes:\n    tag: 1.0.0\n");
    let extra = "extraContainers:\n  images123:\n  - name: image-1\n    attributes:\n      tag: 1.0.0\n";
    let multiline = "image:\n  attributes:\n    name: &repo repo-name\n    tag: v1.0.0\n    # this is a comment\n    multiline: |\n      one\n      two\n      three\n    alias: *repo";
    let version = "image:\n  attributes:\n    name: repo-name\n    version: &ver v1.0.0\n    tag: *ver";
    let tag = "image.attributes.tag";
    check_values(
        &CREATE,
        &[
            ("shv-01", "image:\n  attributes:\n    tag: v1", &[(tag, "v2")], Ok("image:\n  attributes:\n    tag: v2")),
            ("shv-02", "image.attributes.tag: v1.0.0", &[(tag, "v2.0.0")], Ok("image.attributes.tag: v2.0.0")),
            (
                "shv-06",
                "image:\n  attributes: v1.0.0",
                &[(tag, "v2")],
                Err("line 2, column 15: a scalar stands where `tag`"),
            ),
            ("shv-07", multiline, &[(tag, "v2.0.0")], Ok(&multiline.replace("tag: v1.0.0", "tag: v2.0.0"))),
            ("shv-09", version, &[(tag, "v2.0.0")], Ok(&version.replace("&ver v1.0.0", "&ver v2.0.0"))),
            ("shv-10", list, &[("images[0].attributes.tag", "2.0.0")], Ok(&list.replace("1.0.0", "2.0.0"))),
            (
                "shv-11",
                &two,
                &[("images[1].attributes.tag", "2.0.0")],
                Ok(&format!("{list}- name: image-2\n  attributes:\n    tag: 2.0.0\n")),
            ),
            (
                "shv-13",
                extra,
                &[("extraContainers.images123[0].attributes.tag", "2.0.0")],
                Ok(&extra.replace("1.0.0", "2.0.0")),
            ),
            ("shv-14", list, &[("images[-1].attributes.tag", "v")], Err("an index that is no number")),
            (
                "shv-15",
                list,
                &[("images[1].attributes.tag", "v")],
                Err("the list `images` has 1 items; there is no [1]"),
            ),
            ("shv-17", list, &[("images.attributes.tag", "v")], Err("`images` is a list; write an index")),
            (
                "shv-18",
                "image:\n  a: 1\n",
                &[("image[0].attributes.tag", "v")],
                Err("`image` is a mapping, not a list"),
            ),
            ("shv-19", "image:\n  a: 1\n", &[("image[invalid].tag", "v")], Err("an index that is no number")),
            ("hv-14", "random content", &[("a", "v")], Err("the file holds a scalar, not a mapping")),
        ],
    );
}

#[test]
fn a_name_keeps_its_long_or_short_form() {
    for (id, current, name, expected) in [
        ("hv-17", Some("bitnami/nginx"), "docker.io/bitnami/nginx", "bitnami/nginx"),
        ("hv-18", Some("docker.io/bitnami/nginx"), "docker.io/bitnami/nginx", "docker.io/bitnami/nginx"),
        ("hv-19", Some("bitnami/nginx"), "bitnami/nginx", "bitnami/nginx"),
        ("no value", None, "quay.io/a/b", "quay.io/a/b"),
        ("empty value", Some(""), "quay.io/a/b", "quay.io/a/b"),
        ("hrp-05", Some("x"), "gcr.io/myproject/image", "myproject/image"),
        ("hrp-10", Some("x"), "192.168.1.1:5000/image", "image"),
        ("hrp-17", Some("x"), "localhost:5000/image", "localhost:5000/image"),
        ("hrp-18", Some("x"), "gcr.io/deep/nested/path/image", "deep/nested/path/image"),
    ] {
        assert_eq!(image_name_as_written(current, name), expected, "{id}");
    }
}
