//! Azure Container Registry's own API: `GET /acr/v1/<repository>/_tags` (Azure REST reference, "Tag - Get List"), with
//! the registry's token, which has to allow `metadata_read`.

use jiff::Timestamp;
use serde::Deserialize;

use crate::registry::dates::DateApi;
use crate::registry::dates::Lend;
use crate::registry::dates::More;
use crate::registry::dates::Page;
use crate::registry::dates::Row;
use crate::registry::wire;

pub(in crate::registry) static ACR: DateApi = DateApi {
    name: "Azure Container Registry",
    login: Lend::Token,
    page: |path, _| Some(format!("/acr/v1/{path}/_tags?n=100&orderby=timedesc")),
    read,
};

fn read(body: &[u8]) -> Result<Page, serde_json::Error> {
    #[derive(Deserialize)]
    struct Answer {
        /// `null` for a repository without tags.
        #[serde(default)]
        tags: Option<Vec<Tag>>,
    }
    #[derive(Deserialize)]
    struct Tag {
        name: String,
        #[serde(default, rename = "lastUpdateTime")]
        last_update_time: Option<String>,
    }
    let answer: Answer = wire::object(body)?;
    let rows = answer.tags.into_iter().flatten().map(|tag| {
        let at = tag.last_update_time.and_then(|text| text.parse::<Timestamp>().ok());
        Row { at, tags: vec![tag.name] }
    });
    Ok(Page { rows: rows.collect(), more: More::Link })
}
