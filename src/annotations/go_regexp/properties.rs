//! What holds for every regular expression, beside a matcher that walks its syntax tree with sets of places.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::model::hostile;

const EXPRESSIONS: [&str; 12] = [
    "^v[0-9]+\\.[0-9]+$",
    "(?i)(release|rc)-\\d{1,3}",
    "a{2,}b*c+?",
    "[^[:alpha:]\\-_]",
    "\\Qa.b\\E|x",
    "(?P<name>a|b)(?:c)",
    "\\pL\\p{Greek}\\P{Lu}",
    "\\x41\\x{10ffff}\\101",
    "(?s-i:.)\\b\\B\\A\\z",
    "(.{1000}){1}",
    "((((a*)*)*)*)*",
    "[a-z&&b]",
];

const PIECES: [&str; 44] = [
    "a",
    "v",
    "1",
    "(",
    ")",
    "(?:",
    "(?i",
    "(?",
    "P<n>",
    "<n>",
    ":",
    "[",
    "]",
    "^",
    "-",
    "[:digit:]",
    "[:^word:]",
    "[:",
    ":]",
    "\\",
    "\\d",
    "\\W",
    "\\p",
    "{",
    "}",
    "{2}",
    "{1,1000}",
    "{,2}",
    "*",
    "+",
    "?",
    "|",
    "$",
    ".",
    "\\Q",
    "\\E",
    "\\x",
    "\\x{",
    "Greek",
    "\\8",
    "\\b",
    "\n",
    "é",
    "\u{212a}",
];

/// The syntax tree of an expression.
#[derive(Clone, Debug)]
enum Node {
    One(u8),
    Dot,
    Set(bool, Vec<(u8, u8)>),
    Place(&'static str),
    All(Vec<Node>),
    Either(Vec<Node>),
    Repeat(Box<Node>, u32, Option<u32>),
    Fold(Box<Node>),
}

fn node() -> impl Strategy<Value = Node> {
    let letter = || select(b"abAB1.-_k{".to_vec());
    let leaf = prop_oneof![
        5 => letter().prop_map(Node::One),
        1 => Just(Node::Dot),
        2 => (any::<bool>(), vec((letter(), letter()), 1..3)).prop_map(|(negated, ranges)| {
            Node::Set(negated, ranges.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect())
        }),
        1 => select(vec!["^", "$", "\\A", "\\z", "\\b", "\\B"]).prop_map(Node::Place),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..4).prop_map(Node::All),
            2 => vec(inner.clone(), 1..4).prop_map(Node::Either),
            2 => (inner.clone(), 0..3_u32, of(0..3_u32))
                .prop_map(|(node, min, more)| Node::Repeat(Box::new(node), min, more.map(|more| min + more))),
            1 => inner.prop_map(|node| Node::Fold(Box::new(node))),
        ]
    })
}

impl Node {
    fn text(&self) -> String {
        let joined = |nodes: &[Self], by: &str| nodes.iter().map(Self::text).collect::<Vec<_>>().join(by);
        match self {
            Self::One(b'.') => "\\.".to_owned(),
            Self::One(b'-') => "\\x2d".to_owned(),
            Self::One(b'{') => "\\Q{\\E".to_owned(),
            Self::One(b) => char::from(*b).to_string(),
            Self::Dot => ".".to_owned(),
            Self::Set(negated, ranges) => {
                let ranges: Vec<_> = ranges.iter().map(|(from, to)| format!("\\x{from:02x}-\\x{{{to:x}}}")).collect();
                format!("[{}{}]", if *negated { "^" } else { "" }, ranges.concat())
            }
            Self::Place(text) => (*text).to_owned(),
            Self::All(nodes) => format!("(?:{})", joined(nodes, "")),
            Self::Either(nodes) => format!("({})", joined(nodes, "|")),
            Self::Repeat(node, min, max) => {
                let counts = match (min, max) {
                    (0, None) => "*".to_owned(),
                    (1, None) => "+?".to_owned(),
                    (0, Some(1)) => "?".to_owned(),
                    (min, Some(max)) if min == max => format!("{{{min}}}"),
                    (min, max) => format!("{{{min},{}}}", max.map_or_else(String::new, |max| max.to_string())),
                };
                format!("(?:{}){counts}", node.text())
            }
            Self::Fold(node) => format!("(?i:{})", node.text()),
        }
    }

    /// The places that are reached from some others.
    fn reach(&self, text: &[u8], from: &BTreeSet<usize>, fold: bool) -> BTreeSet<usize> {
        let equal = |a: u8, b: u8| a == b || fold && a.eq_ignore_ascii_case(&b);
        let step = |takes: &dyn Fn(u8) -> bool| {
            from.iter().filter(|at| text.get(**at).is_some_and(|b| takes(*b))).map(|at| at + 1).collect()
        };
        match self {
            Self::One(one) => step(&|b| equal(b, *one)),
            Self::Dot => step(&|b| b != b'\n'),
            Self::Set(negated, ranges) => step(&|b| {
                let inside = |b: u8| ranges.iter().any(|(low, high)| (*low..=*high).contains(&b));
                let other = if b.is_ascii_lowercase() { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() };
                (inside(b) || fold && inside(other)) != *negated
            }),
            Self::Place(place) => {
                let word = |at: Option<usize>| {
                    at.and_then(|at| text.get(at)).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
                };
                let border = |at: usize| word(at.checked_sub(1)) != word(Some(at));
                let here = |at: usize| match *place {
                    "^" | "\\A" => at == 0,
                    "$" | "\\z" => at == text.len(),
                    "\\b" => border(at),
                    _ => !border(at),
                };
                from.iter().copied().filter(|at| here(*at)).collect()
            }
            Self::All(nodes) => nodes.iter().fold(from.clone(), |from, node| node.reach(text, &from, fold)),
            Self::Either(nodes) => nodes.iter().flat_map(|node| node.reach(text, from, fold)).collect(),
            Self::Repeat(node, min, max) => {
                let mut at = (0..*min).fold(from.clone(), |from, _| node.reach(text, &from, fold));
                // Nothing new comes after as many rounds as there are places.
                let rounds = max.map_or(text.len() + 1, |max| (max - min) as usize);
                for _ in 0..rounds {
                    let next = node.reach(text, &at, fold);
                    at.extend(next);
                }
                at
            }
            Self::Fold(node) => node.reach(text, from, true),
        }
    }
}

proptest! {
    #![proptest_config(hostile::cases(128))]

    #[test]
    fn an_expression_matches_what_its_tree_matches(node in node(), tag in "[abAB1.\\-_k]{0,7}") {
        let everywhere = (0..=tag.len()).collect();
        let expected = !node.reach(tag.as_bytes(), &everywhere, false).is_empty();
        let pattern = node.text();
        let found = GoRegexp::new(&pattern).map(|expression| expression.is_match(&tag));
        prop_assert_eq!(found, Ok(expected), "{} {}", pattern, tag);
    }

    #[test]
    fn an_expression_is_read_or_the_mistake_is_pointed_at(
        pattern in hostile::hostile(&EXPRESSIONS, &PIECES, 16),
        tag in "[a-zA-Z0-9._\\-]{0,20}",
    ) {
        match GoRegexp::new(&pattern) {
            Ok(expression) => {
                let matched = expression.is_match(&tag);
                // In a group of its own, and as one of two, it means the same.
                for same in [format!("(?:{pattern})"), format!("({pattern})|[^\\x00-\\x{{10ffff}}]")] {
                    if pattern.contains("\\Q") || pattern.ends_with('\\') {
                        continue;
                    }
                    prop_assert_eq!(GoRegexp::new(&same).map(|same| same.is_match(&tag)), Ok(matched), "{}", same);
                }
            }
            Err(error) => {
                let span = error.span.clone().unwrap_or(0..0);
                prop_assert!(hostile::is_inside(&span, &pattern), "{:?}", error);
                prop_assert!(error.message.len() <= 200 + 3 * pattern.len(), "{:?}", error);
            }
        }
    }
}

proptest! {
    // Each is thousands of pieces long.
    #![proptest_config(hostile::cases(4))]

    #[test]
    fn no_depth_or_length_is_too_much(opening in select(&PIECES[..]), piece in select(&PIECES[..]), times in 1..3000_usize) {
        for pattern in [opening.repeat(times), format!("{opening}{piece}").repeat(times), format!("{}{}", opening.repeat(times), piece.repeat(times))] {
            if let Ok(expression) = GoRegexp::new(&pattern) {
                expression.is_match("v1.0.0-rc.1");
            }
        }
    }
}
