//! Docker Hub's own API: `GET hub.docker.com/v2/repositories/<namespace>/<repository>/tags`, which is no pull and
//! needs no login for public repositories (docs.docker.com, "Docker Hub API", list repository tags).

use jiff::Timestamp;
use serde::Deserialize;

use crate::registry::dates::DateApi;
use crate::registry::dates::Lend;
use crate::registry::dates::More;
use crate::registry::dates::Page;
use crate::registry::dates::Row;
use crate::registry::wire;

pub(in crate::registry) static DOCKER_HUB: DateApi = DateApi {
    name: "Docker Hub",
    // A login for the registry is none for this API, which has tokens of its own.
    login: Lend::Elsewhere("hub.docker.com"),
    page: |path, number| {
        let (namespace, repository) = path.split_once('/').filter(|(_, repository)| !repository.contains('/'))?;
        // 100 is the most that it gives.
        let query = format!("page_size=100&ordering=last_updated&page={number}");
        Some(format!("/v2/repositories/{namespace}/{repository}/tags?{query}"))
    },
    read,
};

fn read(body: &[u8]) -> Result<Page, serde_json::Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        next: Option<String>,
        results: Vec<Tag>,
    }
    #[derive(Deserialize)]
    struct Tag {
        name: String,
        #[serde(default, rename = "last_updated")]
        updated: Option<String>,
        #[serde(default, rename = "tag_last_pushed")]
        pushed: Option<String>,
    }
    let answer: Answer = wire::object(body)?;
    let rows = answer.results.into_iter().map(|tag| {
        let read = |text: Option<String>| text.and_then(|text| text.parse::<Timestamp>().ok());
        let at = read(tag.updated).max(read(tag.pushed));
        Row { at, tags: vec![tag.name] }
    });
    Ok(Page { rows: rows.collect(), more: if answer.next.is_some() { More::Number } else { More::None } })
}
