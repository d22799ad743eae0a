//! Files in the ways people write them (`tests/data/yaml`): one value is edited, and the bytes that differ are the ones
//! that are marked there. The marks are made by hand, so that no parser says what is right.

use super::*;

const VALUES: &str = include_str!("../../../../tests/data/yaml/values.txt");
const KUSTOMIZATIONS: &str = include_str!("../../../../tests/data/yaml/kustomization.txt");

/// One file of a corpus.
struct Shape<'a> {
    at: &'a str,
    to: &'a str,
    /// With marks.
    file: &'a str,
    expected: Expected<'a>,
}

enum Expected<'a> {
    /// What stands between the marks afterwards.
    Written(&'a str),
    Refused(&'a str),
}

fn shapes(corpus: &str) -> Vec<Shape<'_>> {
    let shapes = corpus.trim_end().split("\n=== ").skip(1).map(|shape| {
        let (head, body) = shape.split_once('\n').expect("a head");
        let (at, to) = head.split_once(" -> ").expect("a path and a value");
        // The last line break belongs to the next head.
        let (file, last) = match body.rsplit_once('\n') {
            Some((file, last)) if last.starts_with("=> ") || last.starts_with("!! ") => (&body[..=file.len()], last),
            _ => (body, ""),
        };
        let expected = match last.split_at_checked(3) {
            Some(("!! ", part)) => Expected::Refused(part),
            Some((_, written)) => Expected::Written(written),
            None => Expected::Written(to),
        };
        Shape { at, to, file, expected }
    });
    shapes.collect()
}

/// The same file as other editors write it.
fn variants(file: &str) -> Vec<(&'static str, String)> {
    let end = if file.ends_with('\n') { "" } else { "\n" };
    let whole = format!("{file}{end}");
    vec![
        ("CRLF", whole.replace('\n', "\r\n")),
        ("BOM", format!("\u{feff}{whole}")),
        ("BOM and CRLF", format!("\u{feff}{}", whole.replace('\n', "\r\n"))),
        ("no final newline", whole.strip_suffix('\n').unwrap_or_default().to_owned()),
        ("comments around it", format!("# before\n\n{whole}\n\n# after")),
        ("as it is", whole),
    ]
}

fn check(kind: FileKind, shapes: &[Shape<'_>]) -> (usize, Vec<String>) {
    let (mut edits, mut refusals) = (0, Vec::new());
    for Shape { at, to, file, expected } in shapes {
        match expected {
            Expected::Refused(part) => {
                let error = edited(kind, file, &[(at, to)], &Options::default()).expect_err(file);
                assert!(error.to_string().contains(part), "{error}\n{file}");
                refusals.push(error.to_string());
            }
            Expected::Written(written) => {
                for (name, file) in variants(file) {
                    if name == "comments around it" && file.contains("\n%YAML") {
                        continue;
                    }
                    let (before, rest) = file.split_once('«').expect("a first mark");
                    let (old, after) = rest.split_once('»').expect("a second mark");
                    let found = edited(kind, &format!("{before}{old}{after}"), &[(at, to)], &Options::default());
                    assert_eq!(found, Ok(format!("{before}{written}{after}")), "{name}: {at} -> {to}\n{file}");
                    edits += 1;
                }
            }
        }
    }
    (edits, refusals)
}

#[test]
fn the_bytes_that_differ_are_the_value() {
    let (values, kustomizations) = (shapes(VALUES), shapes(KUSTOMIZATIONS));
    let (edits, refusals) = check(FileKind::HelmValues, &values);
    let (more_edits, more_refusals) = check(FileKind::Kustomization, &kustomizations);
    let shapes = values.len() + kustomizations.len() - refusals.len() - more_refusals.len();
    let refusals = [refusals, more_refusals].concat();
    println!("{shapes} shapes, {} edits, {} refusals:", edits + more_edits, refusals.len());
    for refusal in &refusals {
        println!("  {refusal}");
    }
    assert!(shapes >= 130 && refusals.len() == 29, "{shapes} shapes, {} refusals", refusals.len());
}

#[test]
fn one_value_of_a_large_file_is_one_value() {
    let shape = &shapes(VALUES)[0];
    let unmarked = shape.file.replace(['«', '»'], "");
    let chart = |n: usize, file: &str| {
        let lines: String =
            file.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect();
        format!("# {n}\nchart{n}:\n{lines}")
    };
    let charts: Vec<_> = (0..150).map(|n| chart(n, &unmarked)).collect();
    let file = charts.concat();
    assert!(file.len() > 200_000, "{}", file.len());
    let mut expected = charts.clone();
    expected[77] = charts[77].replace("1.25.3", "1.25.4");
    expected[149] = charts[149].replace("1.25.3", "1.25.5");
    let to = [("chart149.image.tag", "1.25.5"), ("chart77.image.tag", "1.25.4")];
    assert_eq!(edited(FileKind::HelmValues, &file, &to, &Options::default()), Ok(expected.concat()));
}
