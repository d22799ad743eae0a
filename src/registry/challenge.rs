//! `WWW-Authenticate`: which ways to log in a registry offers (RFC 9110 section 11.6.1).
//!
//! Pure. Whether an offer is to be trusted is not decided here.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// One offer of a `WWW-Authenticate` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// Lower case.
    pub(super) scheme: String,
    /// Names in lower case; of a repeated name the first counts.
    pub(super) parameters: BTreeMap<String, String>,
}

impl Challenge {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// Every offer of an answer.
pub(super) fn of(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.flat_map(|value| parse(&String::from_utf8_lossy(value.as_bytes()))).collect()
}

/// Reads every offer of one header value; what cannot be read ends the list.
pub(super) fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = Cursor(header);
    loop {
        rest.skip(|c| c.is_ascii_whitespace() || c == ',');
        let word = rest.take(is_token);
        if word.is_empty() {
            return challenges;
        }
        rest.skip(|c| c == ' ' || c == '\t');
        if let (Some(current), Some(value)) = (challenges.last_mut(), rest.value()) {
            current.parameters.entry(word.to_ascii_lowercase()).or_insert(value);
            continue;
        }
        challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: BTreeMap::new() });
        rest.skip_token68();
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// What is left to read.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !wanted(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        self.0 = self.0.trim_start_matches(unwanted);
    }

    /// The value after `=`, quoted or not; `None` (and nothing read) if there is none.
    fn value(&mut self) -> Option<String> {
        let rest = self.0.strip_prefix('=')?.trim_start_matches([' ', '\t']);
        let Some(quoted) = rest.strip_prefix('"') else {
            let mut rest = Cursor(rest);
            let value = rest.take(|c| c != ',' && !c.is_ascii_whitespace());
            self.0 = rest.0;
            return Some(value.to_owned());
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return Some(value);
                }
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                c => value.push(c),
            }
        }
        // An open quote runs to the end: read what is there and stop.
        self.0 = "";
        Some(value)
    }

    /// Passes over the other form of a challenge, `Negotiate dG9rZW4=`, which names no parameters.
    fn skip_token68(&mut self) {
        let mut ahead = Cursor(self.0);
        ahead.take(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
        ahead.take(|c| c == '=');
        ahead.skip(|c| c == ' ' || c == '\t');
        if ahead.0.is_empty() || ahead.0.starts_with(',') {
            self.0 = ahead.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_read() {
        for (header, expected) in [
            ("", ""),
            (",, ,", ""),
            ("Basic realm=\"x\"", "basic{realm=x}"),
            ("Basic", "basic{}"),
            // Case chl-01 of the Image Updater tables.
            (
                r#"Bearer realm="https://auth.example.com/token",service="registry.example.com",other=fun,slashed="he\"\l\lo""#,
                r#"bearer{other=fun,realm=https://auth.example.com/token,service=registry.example.com,slashed=he"llo}"#,
            ),
            // Case tok-10: both at once.
            (r#"Bearer realm="https://a/t", Basic realm="b""#, "bearer{realm=https://a/t} basic{realm=b}"),
            (
                r#"Basic realm="b",Bearer realm="https://a/t",service=s"#,
                "basic{realm=b} bearer{realm=https://a/t,service=s}",
            ),
            (
                "BEARER Realm = \"r\" , SCOPE=\"repository:a/b:pull,push\"",
                "bearer{realm=r,scope=repository:a/b:pull,push}",
            ),
            ("Negotiate dG9rZW4=, Basic realm=b", "negotiate{} basic{realm=b}"),
            ("Negotiate, Basic realm=b", "negotiate{} basic{realm=b}"),
            ("Bearer realm=a,realm=b", "bearer{realm=a}"),
            ("Bearer realm=\"open, service=x", "bearer{realm=open, service=x}"),
            ("Bearer realm=\"a\\", "bearer{realm=a}"),
            ("Bearer realm=\"é\"", "bearer{realm=é}"),
            ("Bearer =x", "bearer{}"),
            ("@@@", ""),
        ] {
            let shown: Vec<_> = parse(header)
                .into_iter()
                .map(|c| {
                    let parameters: Vec<_> = c.parameters.iter().map(|(k, v)| format!("{k}={v}")).collect();
                    format!("{}{{{}}}", c.scheme, parameters.join(","))
                })
                .collect();
            assert_eq!(shown.join(" "), expected, "{header}");
        }
    }

    #[test]
    fn no_text_makes_it_panic_or_run_for_ever() {
        let pieces = ["Bearer", " ", "=", "\"", "\\", ",", "é", "realm", "\t", "=="];
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    for d in pieces {
                        parse(&format!("{a}{b}{c}{d}"));
                        parse(&format!("x y={a}{b}{c}{d}"));
                    }
                }
            }
        }
    }
}
