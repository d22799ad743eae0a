//! Registries that tell when tags were pushed, so that only a few images have to be asked when they were built.
//!
//! Beside the list of tags, some registries have an API of their own with dates. Each is a [`DateApi`] row in a file of
//! its own: where a page is, and how it reads. Which registry has which is said in `quirks`. All give pages with the
//! tags that were pushed last in front, which is checked, not believed; what they say is only ever used to leave out
//! images that cannot have been built last ([`Pushes::bound`]). Without an answer, every image is asked. To add one:
//! write `src/registry/dates/<name>.rs`, declare it here, and name its row in `quirks`.

mod acr;
mod docker_hub;
mod harbor;
#[cfg(test)]
mod properties;
mod quay;

use std::collections::HashMap;

use http::Method;
use jiff::Timestamp;
use reqwest::Url;

use crate::registry::Remote;
use crate::registry::endpoint::Endpoint;
use crate::registry::error::RegistryErrorKind;
use crate::registry::links;
use crate::registry::links::Next;
use crate::registry::session::Question;
use crate::registry::session::Session;

pub(super) use crate::registry::dates::acr::ACR;
pub(super) use crate::registry::dates::docker_hub::DOCKER_HUB;
pub(super) use crate::registry::dates::harbor::HARBOR;
pub(super) use crate::registry::dates::quay::QUAY;

/// Most bytes of one page.
const PAGE: usize = 8 * 1024 * 1024;
/// Most pages of one repository: what is older than so many pages is asked itself.
const PAGES: usize = 100;

/// An API that tells when tags were pushed, as one registry, or a family of them, has it.
#[derive(Debug)]
pub(super) struct DateApi {
    pub(super) name: &'static str,
    pub(super) login: Lend,
    /// Path and query of a page, counted from 1; `None` if the repository's name cannot be one of this registry.
    pub(super) page: fn(path: &str, number: usize) -> Option<String>,
    /// Reads a page.
    pub(super) read: fn(body: &[u8]) -> Result<Page, serde_json::Error>,
}

impl PartialEq for DateApi {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for DateApi {}

/// Who is asked, and with which login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lend {
    /// Another host, which gets no login.
    Elsewhere(&'static str),
    /// The registry's own host, without a login: that API has other logins than the registry.
    Nothing,
    /// The registry's own host, with name and password.
    Password,
    /// The registry's own host, as for any other question.
    Token,
}

/// One page of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    pub(super) more: More,
}

/// What was pushed at one time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// `None`: the registry does not say, or not in a way that can be read.
    pub(super) at: Option<Timestamp>,
    pub(super) tags: Vec<String>,
}

/// Whether there is another page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum More {
    #[default]
    None,
    /// The one with the next number.
    Number,
    /// As the answer's `Link` says.
    Link,
}

/// When the tags of a repository were pushed, as far as it was asked for.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    known: HashMap<String, Option<Timestamp>>,
    /// No tag that is not known yet was pushed later than this; `None`: they may have been.
    others: Option<Timestamp>,
    /// Some page was not in order: nothing follows for the tags that are not known.
    unordered: bool,
    pages: usize,
    next: Option<Url>,
}

impl Pushes {
    /// What a tag list said that has the dates in it.
    pub(super) fn of_list(dates: &HashMap<String, Timestamp>) -> Self {
        let known = dates.iter().map(|(tag, at)| (tag.clone(), Some(*at))).collect();
        Self { known, ..Self::default() }
    }

    /// The latest that a tag can have been pushed.
    pub(super) fn bound(&self, tag: &str) -> Option<Timestamp> {
        self.known.get(tag).map_or(self.others, |at| *at)
    }

    /// Whether some page showed the tag.
    pub(super) fn lists(&self, tag: &str) -> bool {
        self.known.contains_key(tag)
    }

    /// Whether there is another page to ask for.
    pub(super) fn goes_on(&self) -> bool {
        self.next.is_some()
    }

    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    fn take(&mut self, page: Page, next: Option<Url>) {
        self.pages += 1;
        let before = self.known.len();
        let mut last = self.others;
        for Row { at, tags } in page.rows {
            if let Some(at) = at {
                self.unordered |= last.is_some_and(|last| at > last);
                last = Some(at);
            }
            for tag in tags {
                // Of two rows for one tag the later push is the safe one to believe.
                let known = self.known.entry(tag).or_insert(at);
                *known = known.and_then(|known| Some(known.max(at?)));
            }
        }
        let repeats = self.known.len() == before;
        self.next = next.filter(|_| !repeats && self.pages < PAGES);
        // After the last page, a tag that no page showed is one that the API does not know.
        self.others = last.filter(|_| !self.unordered && self.next.is_some());
    }
}

/// Begins to ask; `None` if the registry has no such API, or does not answer.
pub(super) async fn begin(session: &Session, remote: &Remote, endpoint: &Endpoint) -> Option<Pushes> {
    let api = session.date_api(endpoint)?;
    let mut pushes = Pushes { next: first(api, endpoint), ..Pushes::default() };
    go_on(session, remote, endpoint, &mut pushes).await;
    (pushes.pages > 0).then_some(pushes)
}

/// Asks for the next page. If it cannot be had, there is no other: what was seen so far stays true.
pub(super) async fn go_on(session: &Session, remote: &Remote, endpoint: &Endpoint, pushes: &mut Pushes) {
    let (Some(api), Some(url)) = (session.date_api(endpoint), pushes.next.take()) else { return };
    let question = Question {
        method: Method::GET,
        url,
        accept: Some("application/json"),
        limit: PAGE,
        missing: RegistryErrorKind::RepositoryNotFound,
    };
    let answer = match session.ask_date_api(remote, endpoint, &question, api.login).await {
        Ok(answer) => answer,
        Err(failure) => {
            tracing::debug!(target: "registry", api = api.name, failure = failure.message, "no push dates");
            return;
        }
    };
    let page = match (api.read)(&answer.body) {
        Ok(page) => page,
        Err(error) => {
            let at = (error.line(), error.column());
            tracing::debug!(target: "registry", api = api.name, ?at, "push dates that cannot be read");
            return;
        }
    };
    let next = match page.more {
        More::None => None,
        More::Number => numbered(api, endpoint, pushes.pages + 2),
        More::Link => match links::next_page(&answer.headers, &answer.url) {
            Next::Page(url) => Some(url),
            Next::None | Next::Refused(_) => None,
        },
    };
    pushes.take(page, next);
}

fn first(api: &DateApi, endpoint: &Endpoint) -> Option<Url> {
    numbered(api, endpoint, 1)
}

fn numbered(api: &DateApi, endpoint: &Endpoint, number: usize) -> Option<Url> {
    let page = (api.page)(&endpoint.path, number)?;
    match api.login {
        Lend::Elsewhere(host) => Url::parse(&format!("https://{host}{page}")).ok(),
        // A registry below a path of its own is a proxy, which passes on the registry API alone.
        _ if endpoint.base.path() != "/" => None,
        _ => endpoint.base.join(&page).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(page: &Page) -> String {
        let rows = page.rows.iter().map(|row| {
            let at = row.at.map_or_else(|| "-".to_owned(), |at| at.to_string());
            format!("{at} {}", row.tags.join("+"))
        });
        format!("{} {:?}", rows.collect::<Vec<_>>().join(", "), page.more)
    }

    #[test]
    fn every_api_has_its_way_of_saying_it() {
        let none = "(unreadable)";
        for (api, body, expected) in [
            (
                &DOCKER_HUB,
                r#"{"count":1,"next":null,"results":[{"name":"1","last_updated":"2024-05-01T10:00:00.5Z","tag_last_pushed":"2024-05-01T10:00:01Z"}]}"#,
                "2024-05-01T10:00:01Z 1 None",
            ),
            (
                &DOCKER_HUB,
                r#"{"next":"x","results":[{"name":"1","last_updated":null},{"name":"2","last_updated":"soon"}]}"#,
                "- 1, - 2 Number",
            ),
            (&DOCKER_HUB, r#"{"results":[{"name":1}]}"#, none),
            (&DOCKER_HUB, r#"{"message":"object not found","errinfo":{}}"#, none),
            (
                &QUAY,
                r#"{"tags":[{"name":"1","start_ts":1700000000,"last_modified":"x"}],"page":1,"has_additional":true}"#,
                "2023-11-14T22:13:20Z 1 Number",
            ),
            (
                &QUAY,
                r#"{"tags":[{"name":"1","start_ts":"1700000000"},{"name":"2","start_ts":99999999999999}]}"#,
                "- 1, - 2 None",
            ),
            (&QUAY, "[]", none),
            (
                &HARBOR,
                r#"[{"push_time":"2024-05-01T10:00:00.000Z","tags":[{"name":"1"},{"name":"latest"}]},{"push_time":"x","tags":null}]"#,
                "2024-05-01T10:00:00Z 1+latest, -  Number",
            ),
            (&HARBOR, "[]", " None"),
            (&HARBOR, "[[]]", none),
            (&HARBOR, r#"{"errors":[]}"#, none),
            (
                &ACR,
                r#"{"registry":"a","imageName":"b","tags":[{"name":"1","createdTime":"x","lastUpdateTime":"2018-09-06T06:17:20.9983915Z"}]}"#,
                "2018-09-06T06:17:20.9983915Z 1 Link",
            ),
            (&ACR, r#"{"tags":null}"#, " Link"),
        ] {
            let page = (api.read)(body.as_bytes());
            assert_eq!(page.map_or_else(|_| none.to_owned(), |page| shown(&page)), expected, "{} {body}", api.name);
        }
    }

    #[test]
    fn repositories_have_their_place_in_each_api() {
        let part =
            "/api/v2.0/projects/a/repositories/b%252Fc/artifacts?with_tag=true&sort=-push_time&page=2&page_size=100";
        for (api, path, expected) in [
            (
                &DOCKER_HUB,
                "library/nginx",
                Some("/v2/repositories/library/nginx/tags?page_size=100&ordering=last_updated&page=2"),
            ),
            (&DOCKER_HUB, "nginx", None),
            (&DOCKER_HUB, "a/b/c", None),
            (&QUAY, "a/b", Some("/api/v1/repository/a/b/tag/?limit=100&onlyActiveTags=true&page=2")),
            (&HARBOR, "a/b/c", Some(part)),
            (&HARBOR, "a", None),
            (&ACR, "a/b", Some("/acr/v1/a/b/_tags?n=100&orderby=timedesc")),
        ] {
            assert_eq!((api.page)(path, 2).as_deref(), expected, "{} {path}", api.name);
        }
    }

    #[test]
    fn an_unknown_tag_was_not_pushed_after_the_last_known_one() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let page = |rows: &[(i64, &str)]| Page {
            rows: rows
                .iter()
                .map(|(second, tag)| Row { at: Some(at(*second)), tags: vec![(*tag).to_owned()] })
                .collect(),
            more: More::Number,
        };
        let url = || Url::parse("https://r.io/next").ok();
        let mut pushes = Pushes::default();
        pushes.take(page(&[(9, "a"), (7, "b")]), url());
        assert_eq!([pushes.bound("a"), pushes.bound("b"), pushes.bound("c")], [9, 7, 7].map(|at_| Some(at(at_))));
        pushes.take(page(&[(7, "c"), (3, "d")]), url());
        assert_eq!((pushes.bound("e"), pushes.goes_on(), pushes.pages()), (Some(at(3)), true, 2));
        // Not in order: what was said of the unknown ones does not hold, what was said of known ones does.
        pushes.take(page(&[(8, "e"), (2, "f")]), url());
        assert_eq!((pushes.bound("d"), pushes.bound("e"), pushes.bound("g")), (Some(at(3)), Some(at(8)), None));
        // The same page again is the end of it, and so is the last.
        pushes.take(page(&[(8, "e"), (2, "f")]), url());
        assert!(!pushes.goes_on());
        let mut pushes = Pushes::default();
        pushes.take(page(&[(9, "a")]), None);
        assert_eq!((pushes.bound("a"), pushes.bound("b")), (Some(at(9)), None), "the API does not know `b`");
        // A tag that comes twice may be the later of the two, and one without a date may be anything.
        let twice = Row { at: Some(at(1)), tags: vec!["a".to_owned()] };
        let undated = Row { at: None, tags: vec!["b".to_owned()] };
        pushes.take(Page { rows: vec![twice, undated], more: More::None }, None);
        assert_eq!((pushes.bound("a"), pushes.bound("b")), (Some(at(9)), None));
    }
}
