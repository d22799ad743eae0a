//! Sets of ASCII characters: what is left of a character class when it is matched against tags.

use regex_syntax::hir::Class;
use regex_syntax::hir::ClassUnicode;
use regex_syntax::hir::ClassUnicodeRange;
use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;

/// A set of ASCII characters, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AsciiSet(u128);

impl AsciiSet {
    pub(super) const ALL: Self = Self(u128::MAX);

    /// The ASCII characters from `from` to `to`, and with `fold` those that differ from a character in there in case
    /// only; two of these lie beyond ASCII.
    pub(super) fn range(from: u32, to: u32, fold: bool) -> Self {
        let mut set = Self((from..=to.min(127)).map(|c| 1 << c).sum());
        if fold {
            for (beyond, folded) in [('\u{17f}', *b"Ss"), ('\u{212a}', *b"Kk")] {
                if (from..=to).contains(&u32::from(beyond)) {
                    set = set.union(Self::of(&folded));
                }
            }
            set = set.folded();
        }
        set
    }

    pub(super) fn of(characters: &[u8]) -> Self {
        Self(characters.iter().filter(|c| c.is_ascii()).fold(0, |bits, c| bits | 1 << c))
    }

    pub(super) fn matching(accepts: impl Fn(&char) -> bool) -> Self {
        Self((0..128_u8).filter(|c| accepts(&char::from(*c))).fold(0, |bits, c| bits | 1 << c))
    }

    /// The characters of a Unicode general category or script, by a name that Go knows (`Lu`, `Greek`), or since Go
    /// 1.25 by its long name in any spelling (`uppercase letter`).
    pub(super) fn named(name: &str) -> Option<Self> {
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || starts_with_is(name) {
            return None;
        }
        if !name.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | ' ')) {
            return None;
        }
        // Rust's characters are never surrogates, so `regex-syntax` has no class of them.
        if matches!(letters_of(name).as_str(), "cs" | "surrogate") {
            return Some(Self::default());
        }
        let known = |property: &str| regex_syntax::parse(&format!(r"\p{{{property}={name}}}")).ok();
        let script = || known("sc").filter(|_| !is_script_code(name));
        known("gc").or_else(script).map(|hir| Self::of_hir(&hir))
    }

    fn of_hir(class: &Hir) -> Self {
        match class.kind() {
            HirKind::Class(Class::Unicode(class)) => class.iter().fold(Self::default(), |set, range| {
                set.union(Self::range(u32::from(range.start()), u32::from(range.end()), false))
            }),
            // A class of one character.
            HirKind::Literal(literal) => Self::of(&literal.0),
            _ => Self::default(),
        }
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn complement(self) -> Self {
        Self(!self.0)
    }

    /// The set with every letter in both cases.
    pub(super) fn folded(self) -> Self {
        let upper = self.0 & Self::matching(char::is_ascii_uppercase).0;
        let lower = self.0 & Self::matching(char::is_ascii_lowercase).0;
        // The cases of a letter are 32 apart.
        Self(self.0 | upper << 32 | lower >> 32)
    }

    /// An expression that matches one character of the set.
    pub(super) fn to_hir(self) -> Hir {
        let members = (0..128_u8).filter(|c| self.0 >> c & 1 == 1).map(char::from);
        Hir::class(Class::Unicode(ClassUnicode::new(members.map(|c| ClassUnicodeRange::new(c, c)))))
    }
}

/// `regex-syntax` drops a leading `is` from a name, Go does not.
fn starts_with_is(name: &str) -> bool {
    name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("is"))
}

/// Whether a script is named by its code, such as `Grek`, which Go does not know.
fn is_script_code(name: &str) -> bool {
    const CODES_THAT_ARE_NAMES: [&str; 9] = ["ahom", "cham", "kawi", "lisu", "miao", "modi", "newa", "thai", "toto"];
    let letters = letters_of(name);
    letters.len() == 4 && !CODES_THAT_ARE_NAMES.contains(&letters.as_str())
}

fn letters_of(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}
