//! What is written stays a text for every reader.

use super::*;

/// What a values file gets for a text, in place of a plain one.
fn written(text: &str) -> String {
    let edited = edited(FileKind::HelmValues, "a: x\n", &[("a", text)], &Options::default()).expect(text);
    edited.strip_prefix("a: ").and_then(|rest| rest.strip_suffix('\n')).expect("one line").to_owned()
}

/// Texts for every reader, separated by blanks: case sps-01, and the tags of registries.
const PLAIN: &str = "v1.0.0 myapp 1.2.3 sha256-abc release-2024 \
    latest 1.2.3-alpine 16.1.0-debian-11-r25 v1 2024-01-31-1f2e 20240131-1 1.2.3.4 1.x main_1 _1 1e e5 7c9a3d1 \
    1.0.0-rc.1 2024-1 nightly nope yes1 on-call null-1 1.2. v1:x a/b:1.2@sha256:0f r.io:5000/a/b größe \
    https://a/b?c=d";

/// Texts that some reader takes for something else: cases sps-02 and sps-03, then numbers of YAML 1.1 and 1.2 and of
/// Go, booleans and nothing in any case, dates.
const QUOTED: &str = "1.20 16 0755 true false yes no on off y n null ~ -latest *anchor &anchor @ref \
    x: 1e5 0x1f 2024-01-01 .5 [a] {a} %x `x !x ?x | > ,x #x 'x \"x \
    0 -1 +1 1_000 1__0 0o17 0b101 0B1 0X1F 0x1p-2 08 0899 1. 1.5e3 1E5 1e+5 1.5E-10 1_0.2 0_1 1_ .5e1 -.5 +.5 \
    0_x1f 0_o17 0_X_48 1_e5 1_.5 .inf -.INF .Inf .nan .NaN inf NaN infinity 12e4567 9e99999 123e456 1234567 \
    190:20:30 12:30:45 12:30 -1:30 1:30.5 \
    Yes YES True TRUE False Off OFF Null NULL Y N oN << = \
    2024-1-1 2001-12-14t21:59:43.10-05:00 2024-01-01T00:00:00Z \
    a,b a] ... a\\b a'b \u{1f600}";

#[test]
fn a_text_that_a_reader_takes_for_something_else_is_quoted() {
    for text in PLAIN.split(' ').chain(["two words"]) {
        assert_eq!(written(text), text);
    }
    let with_blanks = ["", "a: b", "tag #1", " x", "x ", "2001-12-14 21:59:43.10 -5", "a: ", "- a", "--- a", "... a"];
    let odd = ["a\tb", "a\nb", "\u{feff}a", "a\u{2028}b", "a\u{85}b", "\u{7}", "\r", "\u{0}"];
    for text in QUOTED.split(' ').chain(with_blanks).chain(odd) {
        let found = written(text);
        assert!(found.starts_with('"') && found.ends_with('"'), "{text:?}: {found}");
    }
    assert_eq!(written("a\u{2028}\"\\\t\u{7}\u{feff}😀\u{85}"), r#""a\u2028\"\\\t\x07\ufeff😀\x85""#);
}

#[test]
fn the_quotes_that_are_there_are_kept() {
    for (file, text, expected) in [
        ("a: 'x'\n", "1.20", "a: '1.20'\n"),
        ("a: \"x\"\n", "v1", "a: \"v1\"\n"),
        ("a: 'x'\n", "it's", "a: 'it''s'\n"),
        ("a: 'x'\n", "a\nb", "a: \"a\\nb\"\n"),
        ("a: \"x\"\n", "a\"\\", "a: \"a\\\"\\\\\"\n"),
        ("{a: x}\n", "r:1", "{a: \"r:1\"}\n"),
        ("{a: x:1}\n", "x:2", "{a: x:2}\n"),
        ("{a: x}\n", "a/b", "{a: a/b}\n"),
    ] {
        let found = edited(FileKind::HelmValues, file, &[("a", text)], &Options::default());
        assert_eq!(found.as_deref(), Ok(expected));
    }
}
