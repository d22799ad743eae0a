//! What is not read: files that are made to harm, or cannot be understood in one way only.

use super::*;

fn refusal(bytes: &[u8]) -> String {
    let field = field(FileKind::HelmValues, "a");
    let found = value(FileKind::HelmValues, &bytes.into(), &field);
    let edits = [Edit { field, from: None, to: Some("x".to_owned()) }];
    let made = edit(FileKind::HelmValues, Some(&bytes.into()), &edits, &CREATE);
    let (found, made) = (found.expect_err("no value"), made.expect_err("no edit"));
    assert_eq!(found, made, "reading and editing refuse alike");
    for kind in [FileKind::Override, FileKind::Kustomization, FileKind::HelmValues] {
        assert!(entries(kind, &bytes.into()).is_err(), "{kind:?}");
    }
    found.to_string()
}

#[test]
fn a_file_that_could_harm_is_refused() {
    let nested = |open: &str, count: usize| format!("a: {}", open.repeat(count));
    let blocks = (0..100).map(|depth| " ".repeat(depth) + "a:\n").collect();
    let bomb: String = (1..30)
        .fold("a0: &a0 x\n".to_owned(), |text, n| text + &format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1));
    for (what, text, part) in [
        ("large", format!("a: {}", "x".repeat(3 << 20)), "larger than 2 MiB"),
        ("deep", nested("[", 100_000), "it is not YAML"),
        ("deep mappings", nested("{a: ", 100), "it is not YAML"),
        ("deep blocks", blocks, "it is not YAML"),
        ("dashes", "- ".repeat(1000), "it is not YAML"),
        ("aliases without end", bomb, "repe"),
        ("an alias in its own anchor", "a: &a [*a]\n".to_owned(), "stands inside its own anchor"),
        ("an alias for a key", "a: &a x\n*a : y\n".to_owned(), "a key is no scalar"),
        ("a key that is a list", "a: 1\n? [x]\n: y\n".to_owned(), "a key is no scalar"),
        (
            "one key twice, written differently",
            "a: 1\n\"a\": 2\n".to_owned(),
            "line 2, column 1: the key `a` comes twice",
        ),
        ("deep inside", "b: [{c: {d: 1, 'd': 2}}]\na: 1\n".to_owned(), "the key `d` comes twice"),
        ("in a later document", "a: 1\n---\nb: 1\nb: 2\n".to_owned(), "the key `b` comes twice"),
        ("two merge keys", "x: &x {}\na:\n  <<: *x\n  <<: *x\n".to_owned(), "the key `<<` comes twice"),
        ("a control character", "a: \u{1}\n".to_owned(), "line 1"),
        ("a NUL", "a: 1\0\n".to_owned(), "line 1"),
        ("an unclosed quote", "a: \"1\n".to_owned(), "it is not YAML"),
        ("a line break of YAML 1.1", "a: x\u{85}b: y\n".to_owned(), ""),
        ("two values", "a: b: c\n".to_owned(), "line 1, column 5: it is not YAML"),
        ("an anchor that ends in `:`", "a:\n- &b:\n  x: y\n".to_owned(), "two YAML readers take this for"),
        ("a terminal's escapes in a key", "\"\\e[2J\\n\": [{a: &b: [x]}]\na: 1\n".to_owned(), ""),
        ("an unknown version", "%YAML 3.0\n---\na: 1\n".to_owned(), ""),
    ] {
        let found = refusal(text.as_bytes());
        assert!(found.contains(part) && found.len() < 200 && !found.contains('\n'), "{what}: {found}");
    }
    assert_eq!(refusal(b"a: \xff\n"), "the file is not UTF-8");
    assert_eq!(refusal(b"\xff\xfea\0:\0 \0b\0"), "the file is not UTF-8");
}

#[test]
fn an_error_says_what_to_do() {
    let hint = |file: &str| {
        let error = edited(FileKind::HelmValues, file, &[("a", "x")], &Options::default()).unwrap_err();
        error.hint().map(str::to_owned)
    };
    assert!(hint("{{- if .x }}\na: 1\n").is_some_and(|hint| hint.contains("template")));
    assert!(hint("a: {{ .x }}\n").is_some_and(|hint| hint.contains("template")));
    assert!(hint("a: 1\na: 1\n").is_some());
    assert!(hint("a: |\n  x\n").is_some());
    assert!(hint("a: !!int 1\n").is_some());
    assert!(hint("{a}").is_some());
}

#[test]
fn a_value_that_changed_meanwhile_is_named() {
    let field = field(FileKind::HelmValues, "image.tag");
    let edits =
        |from: Option<&str>| [Edit { field: field.clone(), from: from.map(str::to_owned), to: Some("v2".to_owned()) }];
    let made = |file: &str, from| edit(FileKind::HelmValues, Some(&file.as_bytes().into()), &edits(from), &CREATE);
    assert_eq!(made("image: {tag: v2}\n", Some("v1")), Ok(b"image: {tag: v2}\n".to_vec()), "already");
    let error = made("image: {tag: v3}\n", Some("v1")).unwrap_err();
    assert_eq!(error.to_string(), "Helm value `image.tag` is `v3` now, not `v1`");
    assert!(error.is_changed());
    assert_eq!(
        made("image: {}\n", Some("v1")).unwrap_err().to_string(),
        "Helm value `image.tag` is not set now, not `v1`"
    );
    assert_eq!(
        made("image: {tag: v1}\n", None).unwrap_err().to_string(),
        "Helm value `image.tag` is `v1` now, not not set"
    );
    let wrong = Edit { field: Field::Annotation("a".to_owned()), from: None, to: None };
    assert!(edit(FileKind::HelmValues, Some(&[].into()), &[wrong], &CREATE).is_err());
}
