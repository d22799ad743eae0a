//! Lists of the API double: selectors, pages of one moment, continue tokens.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use serde_json::json;

use super::State;
use super::objects::Key;
use super::selector::Selector;
use super::status::Failure;
use crate::world::http::Request;
use crate::world::resources::Resource;

impl State {
    pub(super) fn list(
        &mut self,
        resource: &Resource,
        namespace: Option<&str>,
        request: &Request,
    ) -> Result<Value, Failure> {
        let selector = request.parameter("labelSelector").unwrap_or_default();
        let selector = Selector::parse(&selector).map_err(|problem| Failure::bad_request(&problem))?;
        let limit = match request.parameter("limit").filter(|limit| !limit.is_empty()) {
            Some(limit) => limit
                .parse::<usize>()
                .map_err(|_| Failure::bad_request(&format!("strconv.ParseInt: parsing \"{limit}\": invalid syntax")))?,
            None => 0,
        };
        let page = match request.parameter("continue").filter(|token| !token.is_empty()) {
            Some(token) => Continue::decode(&token)?,
            None => Continue { version: self.objects.version, start: (String::new(), String::new()) },
        };
        let now = self.objects.collection(resource);
        let all = match self.objects.snapshots.get(&(resource.qualified(), page.version)) {
            _ if page.version == self.objects.version => &now,
            Some(snapshot) => snapshot,
            None if page.version == Continue::NOW => &now,
            None => return Err(Failure::expired(&Continue { version: Continue::NOW, ..page }.encode(namespace))),
        };
        let fits = |key: &Key, object: &Value| {
            namespace.is_none_or(|namespace| namespace == key.0)
                && *key >= page.start
                && selector.matches(&labels(object))
        };
        let matching: Vec<_> = all.iter().filter(|(key, object)| fits(key, object)).collect();
        let taken = if limit == 0 { matching.len() } else { limit.min(matching.len()) };
        let items: Vec<&Value> = matching[..taken].iter().map(|(_, object)| &***object).collect();
        let mut metadata = json!({"continue": "", "resourceVersion": page.version.to_string()});
        let mut list = json!({
            "apiVersion": resource.api_version(), "items": items, "kind": format!("{}List", resource.kind),
        });
        if let Some((next, _)) = matching.get(taken) {
            let version = if page.version == Continue::NOW { self.objects.version } else { page.version };
            metadata["continue"] = Continue { version, start: Key::clone(next) }.encode(namespace).into();
            metadata["resourceVersion"] = version.to_string().into();
            if request.parameter("labelSelector").is_none_or(|selector| selector.is_empty()) {
                metadata["remainingItemCount"] = (matching.len() - taken).into();
            }
            let snapshot = all.clone();
            self.objects.snapshots.insert((resource.qualified(), version), snapshot);
        }
        list["metadata"] = metadata;
        Ok(list)
    }
}

fn labels(object: &Value) -> BTreeMap<String, String> {
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// A continue token, in the real server's form: where the next page begins, in the list as it was at a version.
struct Continue {
    version: u64,
    start: Key,
}

impl Continue {
    /// The list as it is when the page is asked for; the real token says -1.
    const NOW: u64 = u64::MAX;

    fn encode(&self, namespace: Option<&str>) -> String {
        let version = if self.version == Self::NOW { json!(-1) } else { json!(self.version) };
        let (own, name) = &self.start;
        let start = if namespace.is_some() { name.clone() } else { format!("{own}/{name}") };
        let token = json!({"v": "meta.k8s.io/v1", "rv": version, "start": start, "namespace": own});
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn decode(token: &str) -> Result<Self, Failure> {
        let invalid = || {
            let why = "invalid character '\\u0081' looking for beginning of value";
            Failure::bad_request(&format!("invalid continue token: continue key is not valid: {why}"))
        };
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
        let token: Value = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
        let start = token["start"].as_str().ok_or_else(invalid)?;
        let name = start.rsplit('/').next().unwrap_or(start);
        let namespace = token["namespace"].as_str().unwrap_or_default();
        let version = if token["rv"] == -1 { Self::NOW } else { token["rv"].as_u64().ok_or_else(invalid)? };
        Ok(Self { version, start: (namespace.to_owned(), name.to_owned()) })
    }
}
