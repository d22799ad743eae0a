//! Which page follows a page of a tag list, by its `Link` headers (RFC 8288; OCI distribution specification, "Listing
//! tags"). Pure.
//!
//! Registries write these headers in their own ways, and a list must not end early for that: what is no link at all, or
//! leads elsewhere, leaves the list unfinished.

use http::HeaderMap;
use http::header::LINK;
use reqwest::Url;

use crate::registry::requests::has_no_login;
use crate::registry::requests::same_origin;

/// What follows a page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It was the last.
    None,
    Page(Url),
    /// It is at another origin, or nowhere: with the text that said so.
    Refused(String),
}

/// One element of a `Link` header.
struct Link {
    target: String,
    relations: Option<String>,
}

/// The page after the one that `served` answered: the first link that calls itself the next one, or names no relation.
///
/// A page is followed on the origin that served this one, nowhere else: a login, and trust, go no further than that.
pub(super) fn next_page(headers: &HeaderMap, served: &Url) -> Next {
    links(headers).iter().find(|link| link.is_next()).map_or(Next::None, |link| link.page(served))
}

/// The same for a list of tags, where a link counts whatever it calls itself if none is better, as Image Updater has it
/// (case `pag-03`).
pub(super) fn next_tags(headers: &HeaderMap, served: &Url) -> Next {
    let links = links(headers);
    let link = links.iter().find(|link| link.is_next()).or(links.first());
    link.map_or(Next::None, |link| link.page(served))
}

fn links(headers: &HeaderMap) -> Vec<Link> {
    let values = headers.get_all(LINK).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.flat_map(|value| Reader { rest: &value }.links()).collect()
}

impl Link {
    fn is_next(&self) -> bool {
        let says_so = |relation: &str| relation.eq_ignore_ascii_case("next");
        self.relations.as_deref().is_none_or(|relations| relations.split_whitespace().any(says_so))
    }

    fn page(&self, served: &Url) -> Next {
        let refused = || Next::Refused(self.target.clone());
        if self.target.is_empty() || self.target.contains(char::is_whitespace) {
            return refused();
        }
        match served.join(&self.target) {
            Ok(url) if same_origin(&url, served) && has_no_login(&url) => Next::Page(keep_path(url, served)),
            _ => refused(),
        }
    }
}

/// Puts back the path prefix that a registry behind a virtual path forgets in its links (Artifactory, RTFACT-18971).
fn keep_path(mut next: Url, served: &Url) -> Url {
    if served.path() != next.path() && served.path().ends_with(next.path()) {
        next.set_path(served.path());
    }
    next
}

/// Reads a header from its front.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn links(mut self) -> Vec<Link> {
        let mut links = Vec::new();
        loop {
            self.skip(|c| c.is_whitespace() || c == ',');
            if self.rest.is_empty() {
                return links;
            }
            let target = self.target();
            let mut relations = None;
            while let Some((name, value)) = self.parameter() {
                // Of several the first counts (RFC 8288, section 3.3).
                if name.eq_ignore_ascii_case("rel") && relations.is_none() {
                    relations = Some(value);
                }
            }
            links.push(Link { target, relations });
        }
    }

    /// What stands between `<` and `>`; where one of them is forgotten, what stands before the parameters.
    fn target(&mut self) -> String {
        let bracket = self.eat('<');
        let parameters = self.rest.find(';').unwrap_or(self.rest.len());
        match self.rest.find('>').filter(|_| bracket) {
            Some(end) => {
                let target = self.take(end);
                self.eat('>');
                target
            }
            None => self.take(parameters),
        }
    }

    /// The next parameter of this link, its value without quotes; `None` at the comma or at the end.
    fn parameter(&mut self) -> Option<(String, String)> {
        // Whatever stands before it belongs to nothing.
        self.skip(|c| c != ';' && c != ',');
        if !self.eat(';') {
            return None;
        }
        self.skip(char::is_whitespace);
        let name = self.until(&['=', ';', ',']);
        if !self.eat('=') {
            return Some((name, String::new()));
        }
        self.skip(char::is_whitespace);
        let value = match self.rest.chars().next() {
            Some('"') => self.quoted('"'),
            // No quotes by the standard; some write them.
            Some('\'') if self.rest[1..].contains('\'') => self.quoted('\''),
            _ => self.until(&[';', ',']),
        };
        Some((name, value))
    }

    /// A quoted text, in which `\` stands before a character that is meant as it is.
    fn quoted(&mut self, quote: char) -> String {
        let mut value = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.rest = &self.rest[at + c.len_utf8()..];
                return value;
            }
            match if c == '\\' { chars.next() } else { Some((at, c)) } {
                Some((_, c)) => value.push(c),
                None => break,
            }
        }
        self.rest = "";
        value
    }

    fn until(&mut self, ends: &[char]) -> String {
        self.take(self.rest.find(ends).unwrap_or(self.rest.len()))
    }

    fn take(&mut self, bytes: usize) -> String {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken.trim().to_owned()
    }

    fn eat(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    type Find = fn(&HeaderMap, &Url) -> Next;

    fn found(find: Find, headers: &[&str], served: &str) -> String {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(LINK, value.parse().unwrap());
        }
        match find(&map, &url(served)) {
            Next::None => "none".to_owned(),
            Next::Page(url) => url.to_string(),
            Next::Refused(target) => format!("refused {target}"),
        }
    }

    #[test]
    fn the_next_page_is_on_the_same_origin() {
        let served = "https://r.example.com/v2/a/tags/list?n=2";
        let b = "https://r.example.com/v2/a/tags/list?last=b";
        for (headers, expected) in [
            (&[][..], "none"),
            (&[""], "none"),
            (&[" , "], "none"),
            // Case pag-01: relative and absolute.
            (&["</v2/a/tags/list?n=2&last=b>; rel=\"next\""], "https://r.example.com/v2/a/tags/list?n=2&last=b"),
            (&["<https://r.example.com:443/v2/a/tags/list?last=b>; rel=next"], b),
            (&["<?last=b>;rel=\"prev next\""], b),
            (&["</v2/a/tags/list?last=b>"], b),
            (&["</x>; title=\"a, b\"; rel=\"prev\", </y?c=1,2>; REL=\"NEXT\""], "https://r.example.com/y?c=1,2"),
            (&["</x>; rel=prev", "</y>; rel=next"], "https://r.example.com/y"),
            // Case pag-03: whatever it calls itself.
            (&["</x>; rel=\"prev\""], "https://r.example.com/x"),
            (&["</x>; rel=\"first\", </y>; rel=\"last\""], "https://r.example.com/x"),
            (&["<?last=b>; rel='next'"], b),
            (&["</x>; rel='prev', <?last=b>; rel='next last'"], b),
            (&["</x>; rel=first, <?last=b>; rel = next ;x"], b),
            // Quotes hide what ends a parameter, a link, and a quote.
            (&["</x>; title=\"a; rel=next\"; rel=first, <?last=b>; rel=next"], b),
            (&["</x>; title=\"a\\\", <y>; rel=next\"; rel=first, <?last=b>; rel=next"], b),
            (&["</x>; title=\"a, </y>\"; rel=first, <?last=b>; title=\"\\\\\"; rel=next"], b),
            (&["<?last=b>; title=\"never ends; rel=\\"], b),
            // A bracket is forgotten.
            (&["/v2/a/tags/list?last=b; rel=\"next\""], b),
            (&["</v2/a/tags/list?last=b; rel=\"next\""], b),
            (&["?last=b"], b),
            (&["not a link"], "refused not a link"),
            (&["; rel=next"], "refused "),
            (&["<>; rel=next"], "refused "),
            (&["</x y>; rel=next"], "refused /x y"),
            (&["/x, /y"], "refused /x, /y"),
            (&["<http://r.example.com/v2/a/tags/list>; rel=next"], "refused http://r.example.com/v2/a/tags/list"),
            (&["<https://r.example.com:8443/x>; rel=next"], "refused https://r.example.com:8443/x"),
            (&["<//evil.example.com/x>; rel=next"], "refused //evil.example.com/x"),
            (&["<https://u:p@r.example.com/x>; rel=next"], "refused https://u:p@r.example.com/x"),
            (&["<https://[/x>; rel=next"], "refused https://[/x"),
        ] {
            assert_eq!(found(next_tags, headers, served), expected, "{headers:?}");
        }
    }

    #[test]
    fn only_a_list_of_tags_goes_on_by_any_link() {
        let served = "https://r.example.com/api?page=2";
        for (header, expected) in [
            ("</api?page=1>; rel=\"prev\"", "none"),
            ("</api?page=1>; rel=\"prev\" , </api?page=3>; rel=\"next\"", "https://r.example.com/api?page=3"),
            ("</api?page=3>", "https://r.example.com/api?page=3"),
        ] {
            assert_eq!(found(next_page, &[header], served), expected, "{header}");
        }
    }

    #[test]
    fn a_forgotten_path_prefix_is_put_back() {
        let served = "https://a.example.com/artifactory/api/docker/virtual/v2/web/tags/list?n=2";
        assert_eq!(
            found(next_tags, &["</v2/web/tags/list?last=b>; rel=\"next\""], served),
            "https://a.example.com/artifactory/api/docker/virtual/v2/web/tags/list?last=b"
        );
    }
}
