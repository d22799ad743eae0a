//! The walk through a repository's tag list, page by page, to its end or to an honest "could not see it all".

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use http::Method;
use jiff::Timestamp;

use crate::registry::Remote;
use crate::registry::error::Failure;
use crate::registry::error::RegistryErrorKind;
use crate::registry::error::one_line;
use crate::registry::links;
use crate::registry::links::Next;
use crate::registry::quirks::PAGE_SIZE;
use crate::registry::requests;
use crate::registry::session::Question;
use crate::registry::session::Session;
use crate::registry::wire;
use crate::registry::wire::TagPage;

/// Most bytes of one page.
const PAGE: usize = 8 * 1024 * 1024;

/// How far a walk goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) bytes: usize,
    pub(super) pages: usize,
    pub(super) tags: usize,
    /// Pages in a row that bring nothing new.
    pub(super) idle_pages: usize,
}

pub(super) const BOUNDS: Bounds = Bounds { bytes: 64 * 1024 * 1024, pages: 5_000, tags: 1_000_000, idle_pages: 3 };

/// What a repository has.
#[derive(Debug)]
pub(crate) struct TagList {
    /// As the registry spells them, each once, in its order.
    pub(crate) names: Vec<String>,
    /// When what a tag points at was uploaded, where the list says so.
    pub(super) pushed: HashMap<String, Timestamp>,
}

/// Lists every tag of a repository.
pub(super) async fn list(session: &Session, remote: &Remote, bounds: Bounds) -> Result<Arc<TagList>, Failure> {
    let endpoint = session.endpoint(remote)?;
    let mut walk = Walk::new(bounds);
    let mut url = requests::tags(&endpoint.base, &endpoint.path, PAGE_SIZE);
    loop {
        walk.visited.insert(url.to_string());
        let question = Question {
            method: Method::GET,
            url,
            accept: Some("application/json"),
            limit: PAGE,
            missing: RegistryErrorKind::RepositoryNotFound,
        };
        let answer = session.ask(remote, &endpoint, &question).await.map_err(|failure| walk.broken_off(failure))?;
        let page = walk.take(&answer.body)?;
        url = match links::next_tags(&answer.headers, &answer.url) {
            Next::Page(next) => next,
            // Some registries forget the link. A page that is exactly full may not be the last: one more question tells.
            Next::None if page.tags == PAGE_SIZE && page.new > 0 => {
                requests::tags_after(&question.url, walk.tags.last().map_or("", String::as_str))
            }
            Next::None => return Ok(Arc::new(TagList { names: walk.tags, pushed: walk.pushed })),
            Next::Refused(target) => {
                return Err(Failure::truncated(format!(
                    "after {} tags the list goes on elsewhere, `{}`",
                    walk.tags.len(),
                    one_line(&target)
                )));
            }
        };
        walk.may_go_on(url.as_str())?;
    }
}

/// What was seen so far.
struct Walk {
    bounds: Bounds,
    tags: Vec<String>,
    known: HashSet<String>,
    pushed: HashMap<String, Timestamp>,
    visited: HashSet<String>,
    bytes: usize,
    idle: usize,
}

/// What one page held.
struct Page {
    tags: usize,
    new: usize,
}

impl Walk {
    fn new(bounds: Bounds) -> Self {
        let (tags, known, pushed, visited) = Default::default();
        Self { bounds, tags, known, pushed, visited, bytes: 0, idle: 0 }
    }

    fn take(&mut self, body: &[u8]) -> Result<Page, Failure> {
        self.bytes += body.len();
        let TagPage { tags, pushed } = wire::tag_list(body)
            .map_err(|error| Failure::protocol("the registry's tag list is not readable").because(error))?;
        let (count, before) = (tags.len(), self.tags.len());
        for tag in tags {
            if self.known.insert(tag.clone()) {
                self.tags.push(tag);
            }
        }
        for (tag, at) in pushed {
            let known = self.pushed.entry(tag).or_insert(at);
            *known = at.max(*known);
        }
        let new = self.tags.len() - before;
        self.idle = if new == 0 { self.idle + 1 } else { 0 };
        Ok(Page { tags: count, new })
    }

    fn may_go_on(&self, next: &str) -> Result<(), Failure> {
        let seen = self.tags.len();
        let what = if self.visited.contains(next) || self.idle >= self.bounds.idle_pages {
            format!("after {seen} tags the list goes in circles")
        } else if self.visited.len() >= self.bounds.pages {
            format!("the list does not end after {} pages and {seen} tags", self.visited.len())
        } else if seen >= self.bounds.tags || self.bytes >= self.bounds.bytes {
            format!("the list is too long: {seen} tags, {} bytes, and more to come", self.bytes)
        } else {
            return Ok(());
        };
        Err(Failure::truncated(what))
    }

    /// A walk that began well and broke off has not seen the whole list, whatever the reason.
    fn broken_off(&self, failure: Failure) -> Failure {
        if self.visited.len() <= 1 {
            return failure;
        }
        Failure { message: format!("after {} tags: {}", self.tags.len(), failure.message), ..failure }
    }
}
