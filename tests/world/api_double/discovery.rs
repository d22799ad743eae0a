//! The documents by which kubectl finds out what the API double serves.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use super::State;
use crate::world::resources;
use crate::world::resources::Resource;

impl State {
    /// The document at a path, if there is one.
    pub(super) fn discovery(&self, path: &str) -> Option<Value> {
        let served = || resources::ALL.iter().filter(|resource| self.is_served(resource));
        let group_version =
            |resource: &Resource| json!({"groupVersion": resource.api_version(), "version": resource.version});
        match path {
            "/version" => Some(json!({"major": "1", "minor": "20", "gitVersion": "v1.20.2"})),
            "/readyz" | "/healthz" | "/livez" => Some(json!("ok")),
            "/api" => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
            "/apis" => {
                let groups: BTreeMap<&str, Value> = served()
                    .filter(|resource| !resource.group.is_empty())
                    .map(|resource| (resource.group, group_version(resource)))
                    .collect();
                let groups: Vec<Value> = groups
                    .into_iter()
                    .map(|(name, version)| json!({"name": name, "versions": [version], "preferredVersion": version}))
                    .collect();
                Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
            }
            _ => {
                let api_version = path.strip_prefix("/apis/").or_else(|| path.strip_prefix("/api/"))?;
                let resources: Vec<Value> = served()
                    .filter(|resource| resource.api_version() == api_version)
                    .map(|resource| {
                        json!({
                            "name": resource.plural, "singularName": resource.kind.to_lowercase(), "kind": resource.kind,
                            "namespaced": resource.namespaced,
                            "verbs": ["create", "delete", "get", "list", "patch", "update"],
                        })
                    })
                    .collect();
                let list = json!({
                    "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": resources,
                });
                (!resources.is_empty()).then_some(list)
            }
        }
    }

    fn is_served(&self, resource: &Resource) -> bool {
        !resource.custom || self.installed.contains(&resource.qualified())
    }
}
