//! Harbor's own API, version 2: `GET /api/v2.0/projects/<project>/repositories/<repository>/artifacts` (Harbor's
//! swagger, `listArtifacts`). It takes the registry's logins, as name and password.

use jiff::Timestamp;
use serde::Deserialize;

use crate::registry::dates::DateApi;
use crate::registry::dates::Lend;
use crate::registry::dates::More;
use crate::registry::dates::Page;
use crate::registry::dates::Row;
use crate::registry::wire;

pub(in crate::registry) static HARBOR: DateApi = DateApi {
    name: "Harbor",
    login: Lend::Password,
    page: |path, number| {
        let (project, repository) = path.split_once('/')?;
        // The slashes of a repository's name are escaped twice (goharbor/harbor #8624).
        let repository = repository.replace('/', "%252F");
        // 100 is the most that it gives.
        let query = format!("with_tag=true&sort=-push_time&page={number}&page_size=100");
        Some(format!("/api/v2.0/projects/{project}/repositories/{repository}/artifacts?{query}"))
    },
    read,
};

fn read(body: &[u8]) -> Result<Page, serde_json::Error> {
    #[derive(Deserialize)]
    struct Artifact {
        #[serde(default)]
        push_time: Option<String>,
        /// `null` for an artifact without tags.
        #[serde(default)]
        tags: Option<Vec<Tag>>,
    }
    #[derive(Deserialize)]
    struct Tag {
        name: String,
    }
    let artifacts: Vec<Artifact> = wire::list(body)?;
    // It does not say which page is the last; one without anything is.
    let more = if artifacts.is_empty() { More::None } else { More::Number };
    let rows = artifacts.into_iter().map(|artifact| {
        let at = artifact.push_time.and_then(|text| text.parse::<Timestamp>().ok());
        Row { at, tags: artifact.tags.into_iter().flatten().map(|tag| tag.name).collect() }
    });
    Ok(Page { rows: rows.collect(), more })
}
