//! What holds for every file: for generated ones, whose places the generator knows, and for soups of YAML's own
//! characters, most of which are refused.

use proptest::collection;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_yaml::Value;

use super::*;

/// A value of a generated file, and how it is written.
#[derive(Clone, Debug)]
enum Tree {
    Leaf { text: String, style: Style },
    List { items: Vec<Tree>, flow: bool },
    Map { entries: Vec<(String, Tree)>, flow: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    /// Nothing is written.
    Nothing,
    /// `|-`
    Block,
}

fn leaf() -> impl Strategy<Value = Tree> {
    let text = prop_oneof![
        "[a-z]{1,3}[0-9.-]{0,3}[a-z]",
        "[0-9]{1,2}\\.[0-9]{1,2}",
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("v1.2.3".to_owned()),
        Just("größe".to_owned()),
    ];
    let styles = [Style::Plain, Style::Plain, Style::Single, Style::Double, Style::Nothing, Style::Block];
    (text, prop::sample::select(styles.to_vec())).prop_map(|(text, style)| Tree::Leaf { text, style })
}

fn tree() -> impl Strategy<Value = Tree> {
    leaf().prop_recursive(5, 60, 5, |inner| {
        let entries = collection::vec(("[a-z]{1,4}", inner.clone()), 1..5);
        prop_oneof![
            (collection::vec(inner, 1..4), prop::bool::weighted(0.3))
                .prop_map(|(items, flow)| Tree::List { items, flow }),
            (entries, prop::bool::weighted(0.2)).prop_map(|(entries, flow)| Tree::Map { entries, flow }),
        ]
    })
}

fn file() -> impl Strategy<Value = File> {
    let root = collection::vec(("[a-z]{1,4}", tree()), 1..5);
    (root, 1..5_usize, any::<bool>(), collection::vec(0..12_u8, 1..40)).prop_map(|(entries, step, dashes, noise)| {
        let mut file = File { step, dashes, noise, ..File::default() };
        file.map(&entries, 0, "");
        file
    })
}

/// A file while it is written.
#[derive(Clone, Debug, Default)]
struct File {
    text: String,
    /// Each value that a key path leads to: the path, where it stands, and how it is written.
    places: Vec<(String, std::ops::Range<usize>, Style)>,
    step: usize,
    /// Lists are indented in their mapping.
    dashes: bool,
    noise: Vec<u8>,
    told: usize,
}

impl File {
    fn push(&mut self, text: impl AsRef<str>) {
        self.text += text.as_ref();
    }

    /// Something that YAML does not care about, before a line.
    fn noise(&mut self, column: usize) {
        self.told += 1;
        match self.noise[self.told % self.noise.len()] {
            0 => self.text.push('\n'),
            1 => self.push(format!("{}# a: comment\n", " ".repeat(column))),
            2 => self.text.push_str("# - another\n\n"),
            _ => {}
        }
    }

    /// Behind a value.
    fn end_line(&mut self) {
        self.told += 1;
        self.text.push_str(match self.noise[self.told % self.noise.len()] {
            3 => " # beside: it\n",
            4 => "  \n",
            _ => "\n",
        });
    }

    fn map(&mut self, entries: &[(String, Tree)], column: usize, path: &str) {
        for (number, entry) in entries.iter().enumerate() {
            self.noise(column);
            self.entry(number, entry, column, path);
        }
    }

    fn entry(&mut self, number: usize, (key, tree): &(String, Tree), column: usize, path: &str) {
        // The number keeps keys apart.
        let path = format!("{path}{}{key}{number}", if path.is_empty() { "" } else { "." });
        self.text.push_str(&" ".repeat(column));
        let quote = ["", "", "'", "\""][number % 4];
        self.push(format!("{quote}{key}{number}{quote}:"));
        self.value(tree, column, &path, self.step);
    }

    /// A value behind its key or dash.
    fn value(&mut self, tree: &Tree, column: usize, path: &str, step: usize) {
        match tree {
            Tree::Leaf { text, style: Style::Block } => {
                self.push(format!(" |-\n{}", " ".repeat(column + step)));
                self.leaf(text, Style::Block, path);
                self.text.push('\n');
            }
            Tree::Map { entries, flow: false } => {
                self.end_line();
                self.map(entries, column + step, path);
            }
            Tree::List { items, flow: false } => {
                self.end_line();
                let column = if self.dashes || path.ends_with(']') { column + step } else { column };
                for (number, item) in items.iter().enumerate() {
                    self.noise(column);
                    self.push(format!("{}-", " ".repeat(column)));
                    self.item(number, item, column, path);
                }
            }
            Tree::Leaf { text, style: Style::Nothing } => {
                self.leaf(text, Style::Nothing, path);
                self.end_line();
            }
            flow => {
                self.text.push(' ');
                self.flow(flow, path);
                self.end_line();
            }
        }
    }

    /// An item behind its dash; the first entry of a mapping stands on the same line.
    fn item(&mut self, number: usize, item: &Tree, column: usize, path: &str) {
        let path = format!("{path}[{number}]");
        match item {
            Tree::Map { entries, flow: false } => {
                let [first, rest @ ..] = entries.as_slice() else { return };
                self.text.push(' ');
                let at = self.text.len();
                self.entry(0, first, column + 2, &path);
                // The dash stands where the indentation would.
                self.text.replace_range(at..at + column + 2, "");
                for place in self.places.iter_mut().filter(|(_, range, _)| range.start > at) {
                    place.1 = place.1.start - column - 2..place.1.end - column - 2;
                }
                for (number, entry) in rest.iter().enumerate() {
                    self.noise(column + 2);
                    self.entry(number + 1, entry, column + 2, &path);
                }
            }
            // An item without a value has no place of its own.
            Tree::Leaf { style: Style::Nothing, .. } => self.text.push_str(" ''\n"),
            other => self.value(other, column, &path, self.step.max(2)),
        }
    }

    fn flow(&mut self, tree: &Tree, path: &str) {
        match tree {
            Tree::Leaf { text, style: Style::Block | Style::Nothing } => self.leaf(text, Style::Double, path),
            Tree::Leaf { text, style } => self.leaf(text, *style, path),
            Tree::List { items, .. } => {
                self.text.push('[');
                for (number, item) in items.iter().enumerate() {
                    self.text.push_str(if number == 0 { "" } else { ", " });
                    self.flow(item, &format!("{path}[{number}]"));
                }
                self.text.push(']');
            }
            Tree::Map { entries, .. } => {
                self.text.push('{');
                for (number, (key, value)) in entries.iter().enumerate() {
                    self.text.push_str(if number == 0 { " " } else { " , " });
                    self.push(format!("{key}{number}: "));
                    self.flow(value, &format!("{path}.{key}{number}"));
                }
                self.text.push('}');
            }
        }
    }

    fn leaf(&mut self, text: &str, style: Style, path: &str) {
        let quote = match style {
            Style::Single => "'",
            Style::Double => "\"",
            _ => "",
        };
        let start = self.text.len();
        if style != Style::Nothing {
            self.push(format!("{quote}{text}{quote}"));
        }
        // A path has one index a part: it cannot lead into a list in a list.
        if !path.contains("][") {
            self.places.push((path.to_owned(), start..self.text.len(), style));
        }
    }
}

/// A new value, and whether it needs quotes.
fn new_value() -> impl Strategy<Value = (String, bool)> {
    prop_oneof![
        "v[0-9]{1,2}\\.[0-9]{1,2}(-[a-z]{1,4})?".prop_map(|text| (text, false)),
        "[0-9]\\.[0-9]\\.[0-9]".prop_map(|text| (text, false)),
        "[0-9]{1,2}\\.[0-9]{1,2}".prop_map(|text| (text, true)),
        prop::sample::select(vec!["0755", "1e5", "true", "null", "2024-01-01", "yes", "1_000", "~"])
            .prop_map(|text| (text.to_owned(), true)),
    ]
}

/// How a value is written in a style.
fn written(text: &str, needs_quotes: bool, style: Style) -> String {
    match style {
        Style::Single => format!("'{text}'"),
        Style::Double => format!("\"{text}\""),
        Style::Plain if needs_quotes => format!("\"{text}\""),
        Style::Plain | Style::Block => text.to_owned(),
        Style::Nothing if needs_quotes => format!(" \"{text}\""),
        Style::Nothing => format!(" {text}"),
    }
}

/// The leaves that differ between two values, as (before, after); `None` if more than leaves differ.
fn differences(before: &Value, after: &Value) -> Option<Vec<(Value, Value)>> {
    match (before, after) {
        (Value::Sequence(a), Value::Sequence(b)) if a.len() == b.len() => {
            a.iter().zip(b).map(|(a, b)| differences(a, b)).collect::<Option<Vec<_>>>().map(|all| all.concat())
        }
        (Value::Mapping(a), Value::Mapping(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).map(|((ka, va), (kb, vb))| (ka == kb).then(|| differences(va, vb)).flatten());
            pairs.collect::<Option<Vec<_>>>().map(|all| all.concat())
        }
        (Value::Tagged(a), Value::Tagged(b)) if a.tag == b.tag => differences(&a.value, &b.value),
        (a, b) if a == b => Some(Vec::new()),
        (Value::Sequence(_) | Value::Mapping(_), _) | (_, Value::Sequence(_) | Value::Mapping(_)) => None,
        (a, b) => Some(vec![(a.clone(), b.clone())]),
    }
}

/// Pieces of which soups are made.
const PIECES: &[&str] = &[
    "a",
    "b",
    "tag",
    "image",
    "images",
    "name",
    "x1",
    "1.20",
    "v1",
    "~",
    "null",
    ": ",
    ":",
    ":\n",
    "\n",
    "\n",
    "\n  ",
    "\n    ",
    "\n- ",
    "\n  - ",
    "- ",
    "a: ",
    "b: ",
    "tag: ",
    "image:\n  ",
    "images:\n- name: a\n  newTag: ",
    "newTag",
    "\nimages: ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ",",
    "'",
    "\"",
    "&x ",
    "*x",
    "<<: *x",
    "!!str ",
    "!t ",
    "|",
    ">",
    "|-\n  ",
    ">-\n  ",
    "|+\n",
    "# c",
    " # c\n",
    "#",
    "? ",
    "---\n",
    "\n---\n",
    "...\n",
    "%YAML 1.2\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "  ",
    "\\",
    "é",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "helm:\n  parameters:\n  - ",
    "value: ",
    "kustomize: {images: [",
    "forceString: ",
];

fn soup() -> impl Strategy<Value = String> {
    collection::vec(prop::sample::select(PIECES), 1..40).prop_map(|pieces| pieces.concat())
}

fn config(cases: u32) -> Config {
    // PROPTEST_CASES asks for more.
    let asked = Config::default().cases;
    Config {
        cases: if asked == 256 { cases } else { asked },
        failure_persistence: None,
        max_global_rejects: u32::MAX,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config(150))]

    /// Every value of a generated file can be edited, and no byte but its own differs.
    #[test]
    fn only_the_value_changes(
        file in file(),
        place in any::<prop::sample::Index>(),
        (to, needs_quotes) in new_value(),
        crlf in any::<bool>(),
        cut in any::<bool>(),
    ) {
        prop_assume!(!file.places.is_empty());
        let (path, range, style) = file.places[place.index(file.places.len())].clone();
        // What is there already is left as it is written, whatever its type.
        prop_assume!(file.text[range.clone()].trim_matches(['"', '\'']) != to && (style != Style::Nothing || to != "~"));
        let (before, old, after) = (&file.text[..range.start], &file.text[range.clone()], &file.text[range.end..]);
        let after = if cut { after.strip_suffix('\n').unwrap_or(after) } else { after };
        let native = |text: String| if crlf { text.replace('\n', "\r\n") } else { text };
        let expected = native(format!("{before}{}{after}", written(&to, needs_quotes, style)));
        let found = edited(FileKind::HelmValues, &native(format!("{before}{old}{after}")), &[(&path, &to)], &Options::default());
        prop_assert_eq!(found, Ok(expected));
    }

    /// Two values at once are the two one after the other.
    #[test]
    fn edits_do_not_disturb_each_other(file in file(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        prop_assume!(file.places.len() > 1);
        let [a, b] = [a, b].map(|place| file.places[place.index(file.places.len())].0.clone());
        prop_assume!(a != b);
        let options = Options::default();
        let once = edited(FileKind::HelmValues, &file.text, &[(&a, "v9.9"), (&b, "8.8")], &options);
        let first = edited(FileKind::HelmValues, &file.text, &[(&b, "8.8")], &options).unwrap();
        prop_assert_eq!(once, edited(FileKind::HelmValues, &first, &[(&a, "v9.9")], &options));
    }

    /// A key that is made is one more entry, and what was there stays as it was, byte for byte.
    #[test]
    fn a_new_key_only_adds(file in file(), place in any::<prop::sample::Index>(), crlf in any::<bool>()) {
        prop_assume!(!file.places.is_empty());
        let path = &file.places[place.index(file.places.len())].0;
        let parent = path.rsplit_once('.').map_or(String::new(), |(parent, _)| format!("{parent}."));
        let path = format!("{parent}new.tag");
        let text = if crlf { file.text.replace('\n', "\r\n") } else { file.text.clone() };
        let found = edited(FileKind::HelmValues, &text, &[(&path, "v1")], &CREATE).unwrap();
        // Nothing was taken away: the old bytes are all there, in order.
        let mut new = found.bytes();
        prop_assert!(text.bytes().all(|byte| new.any(|found| found == byte)), "{}", found);
        prop_assert!(found.len() - text.len() <= 40 + path.len() + 2 * parent.len() + file.text.len() / 2);
        prop_assert_eq!(found.matches("\r\n").count(), if crlf { found.matches('\n').count() } else { 0 });
    }

    /// Whatever text is written is read again as that text, by the parser of another family too.
    #[test]
    fn any_text_stays_a_text(text in "\\PC{0,12}|[ -~\\n\\t]{0,12}|[0-9._:eExXobT+-]{1,10}", style in 0..6_usize) {
        // Of these there is nothing to write: the old value, and the one that is read where none is.
        prop_assume!(text != "x" && !text.is_empty());
        let file = ["a: x\n", "a: 'x'\n", "a: \"x\"\n", "{a: x}\n", "a:\n", "l: [{a: x, b: y}]\n"][style];
        let path = if style == 5 { "l[0].a" } else { "a" };
        let found = edited(FileKind::HelmValues, file, &[(path, &text)], &Options::default()).unwrap();
        let read: Value = serde_yaml::from_str(&found).unwrap();
        let read = if style == 5 { &read["l"][0]["a"] } else { &read["a"] };
        prop_assert_eq!(read, &Value::String(text));
    }
}

proptest! {
    #![proptest_config(config(600))]

    /// Of a file that nobody would write, an edit changes what was asked for, or it is refused.
    #[test]
    fn a_soup_is_edited_right_or_refused(
        soup in soup(),
        path in prop::sample::select(vec!["a", "tag", "image.tag", "images[0].newTag", "b.a", "a[0]", "image.a.b"]),
        to in prop::sample::select(vec!["v2", "1.20", "x: y"]),
    ) {
        if let Ok(found) = edited(FileKind::HelmValues, &soup, &[(path, to)], &Options::default()) {
            let values = |text: &str| -> Vec<Value> {
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                serde_yaml::Deserializer::from_str(text).map(|d| serde::Deserialize::deserialize(d).unwrap()).collect()
            };
            let (before, after) = (Value::Sequence(values(&soup)), Value::Sequence(values(&found)));
            if let Some(differences) = differences(&before, &after) {
                prop_assert!(differences.iter().all(|(_, after)| *after == Value::String(to.to_owned())), "{:?}", differences);
            } else {
                // A key that a merge key brought in is written where it is merged.
                prop_assert!(soup.contains("<<"), "{:?} {:?}", soup, found);
            }
        }
        for (kind, at, to) in [
            (FileKind::HelmValues, path, to),
            (FileKind::Kustomization, "a", "a:1.20"),
            (FileKind::Override, "a", "1.20"),
            (FileKind::Override, "image a", "a:1.20"),
            (FileKind::Override, "image a", GONE),
            (FileKind::Kustomization, "a", GONE),
        ] {
            // It must not panic, and what is written must be read.
            let _ = edited(kind, &soup, &[(at, to)], &CREATE);
            let _ = entries(kind, &soup.as_bytes().into());
        }
    }
}
