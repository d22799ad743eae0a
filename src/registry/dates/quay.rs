//! Quay's own API: `GET /api/v1/repository/<repository>/tag/` (docs.quay.io, `listRepoTags`), the tags that were moved
//! last in front. A login for the registry is none for this API, so it answers for public repositories.

use jiff::Timestamp;
use serde::Deserialize;

use crate::registry::dates::DateApi;
use crate::registry::dates::Lend;
use crate::registry::dates::More;
use crate::registry::dates::Page;
use crate::registry::dates::Row;
use crate::registry::wire;

pub(in crate::registry) static QUAY: DateApi = DateApi {
    name: "Quay",
    login: Lend::Nothing,
    page: |path, number| Some(format!("/api/v1/repository/{path}/tag/?limit=100&onlyActiveTags=true&page={number}")),
    read,
};

fn read(body: &[u8]) -> Result<Page, serde_json::Error> {
    #[derive(Deserialize)]
    struct Answer {
        tags: Vec<Tag>,
        #[serde(default)]
        has_additional: bool,
    }
    #[derive(Deserialize)]
    struct Tag {
        name: String,
        /// Since when the tag points where it does, in seconds since 1970.
        #[serde(default)]
        start_ts: serde_json::Value,
    }
    let answer: Answer = wire::object(body)?;
    let rows = answer.tags.into_iter().map(|tag| {
        let at = tag.start_ts.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
        Row { at, tags: vec![tag.name] }
    });
    Ok(Page { rows: rows.collect(), more: if answer.has_additional { More::Number } else { More::None } })
}
