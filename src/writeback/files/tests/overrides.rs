//! Override files: spec section 6.5, cases 11.

use super::*;
use crate::model::application::HelmParameter;

fn check_override(cases: &[Case<'_>]) {
    check(FileKind::Override, &Options::default(), cases);
}

const HELM: &str = "helm:\n  parameters:\n  - name: image.name\n    value: nginx\n    forcestring: true\n  - name: image.tag\n    value: 1.2.3\n    forcestring: true\n";

#[test]
fn a_list_that_is_there_is_edited_in_place() {
    check_override(&[
        (
            "ovr-01",
            "kustomize:\n  images:\n  - baz\n",
            &[("image foo", "foo"), ("image bar", "bar")],
            Ok("kustomize:\n  images:\n  - baz\n  - foo\n  - bar\n"),
        ),
        (
            "ovr-02",
            "kustomize:\n  images:\n  - existing:latest\n  - updated:old\n",
            &[("image updated", "updated:latest"), ("image new", "new")],
            Ok("kustomize:\n  images:\n  - existing:latest\n  - updated:latest\n  - new\n"),
        ),
        // Overruled (decisions: the entry's own spelling is kept): Image Updater drops the registry.
        (
            "ovr-03, ovr-13",
            "kustomize:\n  images:\n  - docker.io/jannfis/foobar:1.0.0\n",
            &[("image docker.io/jannfis/foobar", "docker.io/jannfis/foobar:1.0.1")],
            Ok("kustomize:\n  images:\n  - docker.io/jannfis/foobar:1.0.1\n"),
        ),
        (
            "ovr-05",
            "helm:\n  parameters:\n  - name: baz\n    value: baz\n    forcestring: false\n",
            &[],
            Ok("helm:\n  parameters:\n  - name: baz\n    value: baz\n    forcestring: false\n"),
        ),
        // Overruled: nothing to write leaves the file as it is.
        ("ovr-04, ovr-06, ovr-09", "", &[], Ok("")),
        (
            "mko-01",
            "kustomize: {images: ['nginx:foo']}",
            &[("image nginx", "nginx:foo")],
            Ok("kustomize: {images: ['nginx:foo']}"),
        ),
        (
            "mko-03",
            "kustomize: {images: [nginx]}",
            &[("image nginx", "nginx:latest")],
            Ok("kustomize: {images: [\"nginx:latest\"]}"),
        ),
        (
            "mko-04",
            "kustomize: {images: [nginx:latest]}",
            &[("image nginx", "nginx:latest@sha256:1")],
            Ok("kustomize: {images: [nginx:latest@sha256:1]}"),
        ),
        (
            "mko-07",
            "kustomize:\n  images:\n  - quay.io/nginx:latest\n",
            &[("image docker.io/nginx", "docker.io/nginx:latest")],
            Ok("kustomize:\n  images:\n  - quay.io/nginx:latest\n  - docker.io/nginx:latest\n"),
        ),
        (
            "mko-14",
            "kustomize:\n  images:\n  - 123456.abc.ecr.us-east-1.amazonaws.com/myrepo:v1.0.0\n",
            &[(
                "image 123456.abc.ecr.us-east-1.amazonaws.com/myrepo",
                "123456.abc.ecr.us-east-1.amazonaws.com/myrepo:v1.0.1",
            )],
            Ok("kustomize:\n  images:\n  - 123456.abc.ecr.us-east-1.amazonaws.com/myrepo:v1.0.1\n"),
        ),
        // Overruled (kustomize images): matched by whole name; Image Updater corrupts the file.
        (
            "mko-15",
            "kustomize:\n  images:\n  - a=x/y:1\n  - b=x/y:2\n",
            &[("image a", "a=x/y:3"), ("image b", "b=x/y:4")],
            Ok("kustomize:\n  images:\n  - a=x/y:3\n  - b=x/y:4\n"),
        ),
    ]);
}

#[test]
fn what_else_is_in_the_file_is_kept() {
    check_override(&[
        // Overruled (override file): Image Updater sorts by name (shp-*), and loses the comments and the other keys.
        (
            "kept",
            "# ours\nhelm:\n    version: v3   # x\n    parameters:\n        - value: \"1.0\"\n          name: image.tag # tag\n\n        - {name: a, value: b, forceString: true}\nplugin: {env: []}\n",
            &[("image.tag", "1.1"), ("a", "c")],
            Ok(
                "# ours\nhelm:\n    version: v3   # x\n    parameters:\n        - value: \"1.1\"\n          name: image.tag # tag\n          forcestring: true\n\n        - {name: a, value: c, forceString: true}\nplugin: {env: []}\n",
            ),
        ),
        (
            "all of one name",
            "helm:\n  parameters:\n  - name: t\n    value: v1\n    forcestring: false\n  - name: t\n    value: v2\n    forcestring: \"true\"\n",
            &[("t", "v3")],
            Ok(
                "helm:\n  parameters:\n  - name: t\n    value: v3\n    forcestring: true\n  - name: t\n    value: v3\n    forcestring: true\n",
            ),
        ),
        (
            "no value",
            "helm:\n  parameters:\n  - name: t\n  - name: u\n    value:\n    forcestring: true\n",
            &[("t", "v1"), ("u", "v2")],
            Ok(
                "helm:\n  parameters:\n  - name: t\n    value: v1\n    forcestring: true\n  - name: u\n    value: v2\n    forcestring: true\n",
            ),
        ),
        (
            "one goes",
            "helm:\n  parameters:\n  - name: t\n    value: x\n  - name: u\n    value: y\n  - name: t\n    value: z\n",
            &[("t", GONE)],
            Ok("helm:\n  parameters:\n  - name: u\n    value: y\n"),
        ),
        (
            "an image goes",
            "kustomize:\n  images: [a:1, b:2]\n",
            &[("image a", GONE)],
            Ok("kustomize:\n  images: [b:2]\n"),
        ),
        ("no list", "helm:\n  parameters: x\n", &[("t", "v")], Err("`helm.parameters` is a scalar, not a list")),
        ("no mapping", "helm: x\n", &[("t", "v")], Err("`helm` is a scalar, not a mapping")),
        ("no image for it", "kustomize: {images: [a]}", &[("image a", "b:1")], Err("`b:1` is no image for `a`")),
    ]);
    for head in ["---\n", "---\t# header\n", "%YAML 1.2\n---\n", "# header\n", ""] {
        let file = format!("{head}kustomize:\n  images:\n  - baz\n");
        let found = edited(FileKind::Override, &file, &[("image foo", "foo")], &Options::default());
        assert_eq!(found, Ok(format!("{file}  - foo\n")), "dst-01 to dst-06: {head:?}");
    }
}

#[test]
fn a_new_list_takes_along_what_it_would_hide() {
    let carried = [
        Carried::Parameter { name: "replicas".to_owned(), value: "0".to_owned(), force_string: false },
        Carried::Parameter { name: "image.tag".to_owned(), value: "1.2.2".to_owned(), force_string: false },
        Carried::Parameter { name: "image.tag".to_owned(), value: "1.2.1".to_owned(), force_string: false },
        Carried::Image("other:1".to_owned()),
        Carried::Image("nginx:1".to_owned()),
    ];
    let options = Options { carried: &carried, ..Options::default() };
    let helm = &[("image.tag", "1.20"), ("image.name", "nginx")][..];
    let parameters = "  parameters:\n  - name: replicas\n    value: \"0\"\n    forcestring: false\n  - name: image.tag\n    value: \"1.20\"\n    forcestring: true\n  - name: image.name\n    value: nginx\n    forcestring: true\n";
    let images = "  images:\n  - other:1\n  - nginx:2\n";
    check(
        FileKind::Override,
        &options,
        &[
            // Overruled (override file): Image Updater writes the image parameters only, which hides `replicas`.
            ("ovr-08, ovr-14", "", helm, Ok(&format!("helm:\n{parameters}"))),
            // Of what the Application has twice, the edited one is written once.
            (
                "another order",
                "",
                &[("image.name", "nginx"), ("image.tag", "1.20")],
                Ok(&format!("helm:\n{parameters}")),
            ),
            ("comments only", "# ours\n", helm, Ok(&format!("# ours\nhelm:\n{parameters}"))),
            ("a block", "helm:\n  version: v3\n", helm, Ok(&format!("helm:\n  version: v3\n{parameters}"))),
            ("no list", "helm:\n  parameters:\n", helm, Ok(&format!("helm:\n{parameters}"))),
            ("nothing", "helm:\n", helm, Ok(&format!("helm:\n{parameters}"))),
            ("images", "helm: {}\n", &[("image nginx", "nginx:2")], Ok(&format!("helm: {{}}\nkustomize:\n{images}"))),
            // A list that is there, empty or not, hides the Application's already.
            (
                "an empty list",
                "helm:\n  parameters: []\n",
                &[("image.tag", "v1")],
                Ok("helm:\n  parameters: [{name: image.tag, value: v1, forcestring: true}]\n"),
            ),
        ],
    );
    let edits: Vec<_> = [("image.name", "nginx"), ("image.tag", "1.2.3")]
        .map(|(name, to)| Edit { field: field(FileKind::Override, name), from: None, to: Some(to.to_owned()) })
        .into();
    let made = edit(FileKind::Override, None, &edits, &Options::default());
    assert_eq!(made.as_deref(), Ok(HELM.as_bytes()), "ovr-11, and a file that is not there");
}

#[test]
fn what_a_file_sets_can_be_asked_for() {
    let found = |file: &str| entries(FileKind::Override, &file.as_bytes().into());
    let parameter = |name: &str, value: &str, force_string| HelmParameter {
        name: name.to_owned(),
        value: value.to_owned(),
        force_string,
    };
    let helm = Some(vec![parameter("image.name", "nginx", true), parameter("image.tag", "1.2.3", true)]);
    assert_eq!(found(HELM), Ok(Entries { helm, ..Entries::default() }));
    // "This is text" is what the file says, whatever the case of the key.
    let file = "helm:\n  parameters:\n  - {name: a, value: '1'}\n  - {name: b, value: '2', forceString: true}\n  - {name: c, value: '3', forcestring: false}\n";
    let helm = Some(vec![parameter("a", "1", false), parameter("b", "2", true), parameter("c", "3", false)]);
    assert_eq!(found(file), Ok(Entries { helm, ..Entries::default() }));
    // Argo CD reads booleans as YAML 1.1 has them; a text is none.
    for (text, expected) in [
        ("true", true),
        ("True", true),
        ("TRUE", true),
        ("yes", true),
        ("On", true),
        ("y", true),
        ("tRUE", false),
        ("no", false),
        ("False", false),
        ("'true'", false),
    ] {
        let file = format!("helm:\n  parameters:\n  - {{name: a, value: '1', forceString: {text}}}\n");
        let helm = Some(vec![parameter("a", "1", expected)]);
        assert_eq!(found(&file), Ok(Entries { helm, ..Entries::default() }), "{text}");
    }
    let images = Some(vec!["a:1".to_owned(), "b=c@sha256:1".to_owned()]);
    let file = "helm:\n  parameters:\nkustomize: {images: [a:1, b=c@sha256:1, [x]]}\n";
    assert_eq!(found(file), Ok(Entries { kustomize: images, ..Entries::default() }));
    assert_eq!(found(""), Ok(Entries::default()));
    assert!(found("a: [").is_err());
}
