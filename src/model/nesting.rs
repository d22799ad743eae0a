//! How deep the brackets of a YAML text are nested, before it is parsed.
//!
//! The parser takes time with the square of that depth, and finds out only afterwards that nobody reads so deep: 80 KB
//! of `[` would keep it busy for minutes.

/// Far deeper than any reader here follows.
const MOST: usize = 1000;

/// How often a character is looked at, on average, before a text counts as too deep: more than readers follow.
const LOOKS: usize = 256;

/// Why a text with too many brackets in one another is not parsed, as a fragment that follows a place.
pub(crate) const TOO_DEEP: &str = "brackets are nested too deep";

/// Whether brackets are nested so deep that the text must not be parsed.
///
/// Each place where a flow collection may begin is tried, since only a parser knows which of them stand in a text or a
/// comment. So a text is refused too if it has a thousand brackets that open and never close, each behind a blank.
pub(crate) fn is_too_deep(text: &str) -> bool {
    let mut before = ' ';
    let may_begin = |(_, c): &(usize, char)| {
        let begins = matches!(c, '[' | '{') && (is_space(before) || "[{,:?-".contains(before));
        before = *c;
        begins
    };
    let starts: Vec<usize> = text.char_indices().filter(may_begin).map(|(at, _)| at).collect();
    let mut looks = text.len().saturating_mul(LOOKS);
    starts.len() > MOST && starts.into_iter().any(|start| !ends(&text[start..], &mut looks))
}

/// Breaks are those of YAML 1.1.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Whether the flow collection that begins here ends, or the text does, before it is too deep.
fn ends(text: &str, looks: &mut usize) -> bool {
    let mut characters = text.chars().peekable();
    let (mut depth, mut before) = (0, ' ');
    // Whether a value may begin here; only there a quote is one. After a quoted one or a `]`, any `:` has a value.
    let (mut at_value, mut closed) = (true, false);
    while let Some(c) = characters.next() {
        *looks = looks.saturating_sub(1);
        if depth > MOST || *looks == 0 {
            return false;
        }
        match c {
            '[' | '{' => (depth, at_value, closed) = (depth + 1, true, false),
            ']' | '}' if depth == 1 => return true,
            ']' | '}' => (depth, at_value, closed) = (depth - 1, false, true),
            ',' => (at_value, closed) = (true, false),
            ':' if closed || characters.peek().is_none_or(|next| is_space(*next) || ",[]{}".contains(*next)) => {
                (at_value, closed) = (true, false);
            }
            '"' if at_value => {
                while let Some(c) = characters.next().filter(|c| *c != '"') {
                    *looks = looks.saturating_sub(1);
                    if c == '\\' {
                        characters.next();
                    }
                }
                (at_value, closed) = (false, true);
            }
            '\'' if at_value => {
                while characters.next().is_some_and(|c| c != '\'') || characters.next_if_eq(&'\'').is_some() {
                    *looks = looks.saturating_sub(1);
                }
                (at_value, closed) = (false, true);
            }
            // Where a token may begin it needs no blank before it.
            '#' if at_value || closed || is_space(before) => {
                while characters.next_if(|c| *c != '\n' && *c != '\r').is_some() {}
            }
            // An anchor, an alias or a tag goes before the value.
            '&' | '*' | '!' if at_value => {
                while characters.next_if(|c| !is_space(*c) && !",[]{}".contains(*c)).is_some() {}
            }
            '?' | '-' if at_value && characters.peek().is_none_or(|next| is_space(*next)) => {}
            c if is_space(c) => {}
            _ => (at_value, closed) = (false, false),
        }
        before = c;
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::model::hostile;

    #[test]
    fn what_no_reader_follows_is_not_parsed() {
        let deep = 1100;
        for (opening, expected) in [
            ("[", true),
            ("{a: ", true),
            ("{\"a\":", true),
            ("[\"]]\", ", true),
            ("[']]''', ", true),
            ("[a\"]\n, ", false),
            ("[ # ]\n", true),
            ("[# ]\n", true),
            ("['x'# ]\n, ", true),
            ("[x# ]\n, ", false),
            ("[&a ", true),
            ("[!!seq\n", true),
            ("[{?\u{85}", true),
            ("[a, ]", false),
            ("[a], ", false),
            ("- ", false),
            ("\\[", false),
            ("\u{1b}[31m", false),
        ] {
            let text = format!("x: {}", opening.repeat(deep));
            assert_eq!(is_too_deep(&text), expected, "{opening}");
            assert!(!is_too_deep(&format!("x: {}", opening.repeat(100))), "{opening}");
            let hidden = format!("x: |\n  [ \"\ny: {}", opening.repeat(deep));
            assert_eq!(is_too_deep(&hidden), expected, "behind a text that looks open: {opening}");
        }
    }

    proptest! {
        #![proptest_config(hostile::cases(32))]

        #[test]
        fn flat_collections_of_any_length_are_parsed(
            leaves in vec(select(vec!["a", "'[ it''s'", "\"]\\\"[\"", "b: \"[\"", "c'[", "1"]), 1..2000),
            depth in 0..60_usize,
        ) {
            let text = format!("x: {}{}{}", "[".repeat(depth + 1), leaves.join(", "), "]".repeat(depth + 1));
            prop_assert!(!is_too_deep(&text));
        }

        #[test]
        fn deep_ones_are_not_whatever_stands_between(
            between in select(vec!["'[ it''s', ", "\"]\\\"]\", ", "b: \"]\", ", "&x ", "!y ", "# ]\n", "\u{2028}", "c'\n, ", "{}, ", "a: "]),
            opening in select(vec!["[", "{a: ", "{\"]\":", "[[], "]),
            before in hostile::text(12),
        ) {
            let one = format!("{opening}{between}");
            prop_assert!(is_too_deep(&format!("{before}\nx: {}", one.repeat(1200))), "{}", one);
        }
    }
}
