//! Requests to the API server, as values: which resource, which URL, which body.
//!
//! Pure: nothing is sent here. The groups and versions are fixed, so that no discovery call is needed.

use std::fmt;

use kube::api::ListParams;
use kube::api::WatchParams;
use serde_json::Value;

use crate::model::application::ApplicationKey;

/// The name under which the API server records what this tool wrote.
pub(super) const FIELD_MANAGER: &str = "kubectl-image-update";

/// Asks for `metadata` alone (Kubernetes API concepts, "Receiving resources as Tables" and `PartialObjectMetadata`).
const METADATA: http::HeaderValue =
    http::HeaderValue::from_static("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json");

/// One kind of object, as the API server and as people name it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// Empty for the core group.
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    pub(super) kind: &'static str,
}

pub(super) static APPLICATIONS: Resource =
    Resource { group: "argoproj.io", version: "v1alpha1", plural: "applications", kind: "Application" };

pub(super) static IMAGE_UPDATERS: Resource = Resource {
    group: "argocd-image-updater.argoproj.io",
    version: "v1alpha1",
    plural: "imageupdaters",
    kind: "ImageUpdater",
};

pub(super) static NODES: Resource = Resource { group: "", version: "v1", plural: "nodes", kind: "Node" };

pub(super) static NAMESPACES: Resource = Resource { group: "", version: "v1", plural: "namespaces", kind: "Namespace" };

pub(super) static CONFIG_MAPS: Resource =
    Resource { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };

pub(super) static DEPLOYMENTS: Resource =
    Resource { group: "apps", version: "v1", plural: "deployments", kind: "Deployment" };

pub(super) static APPLICATION_SETS: Resource =
    Resource { group: "argoproj.io", version: "v1alpha1", plural: "applicationsets", kind: "ApplicationSet" };

pub(super) static EVENTS: Resource = Resource { group: "", version: "v1", plural: "events", kind: "Event" };

pub(super) static SECRETS: Resource = Resource { group: "", version: "v1", plural: "secrets", kind: "Secret" };

impl Resource {
    /// Whether every API server serves it; the group of everything that has to be installed is a domain.
    pub(super) fn is_built_in(&self) -> bool {
        !self.group.contains('.')
    }

    fn base(&self) -> String {
        match self.group {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        }
    }

    fn path(&self, scope: &Scope) -> String {
        match scope {
            Scope::All => format!("{}/{}", self.base(), self.plural),
            Scope::Namespace(namespace) => format!("{}/namespaces/{namespace}/{}", self.base(), self.plural),
        }
    }
}

/// `applications.argoproj.io`, as RBAC rules and `kubectl get` take it.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.plural)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

/// Where objects are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Namespace(String),
    /// All namespaces of the cluster.
    All,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace(namespace) => write!(f, "namespace `{namespace}`"),
            Self::All => f.write_str("all namespaces"),
        }
    }
}

/// What is asked of the API server, in the words of RBAC; it names the request in every error.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) verb: &'static str,
    pub(super) resource: &'static Resource,
    pub(super) scope: Scope,
    pub(super) name: Option<String>,
}

impl Asked {
    pub(super) fn list(resource: &'static Resource, scope: Scope) -> Self {
        Self { verb: "list", resource, scope, name: None }
    }

    pub(super) fn application(verb: &'static str, key: &ApplicationKey) -> Self {
        let scope = Scope::Namespace(key.namespace.clone());
        Self { verb, resource: &APPLICATIONS, scope, name: Some(key.name.clone()) }
    }

    pub(super) fn object(resource: &'static Resource, namespace: &str, name: &str) -> Self {
        let scope = Scope::Namespace(namespace.to_owned());
        Self { verb: "get", resource, scope, name: Some(name.to_owned()) }
    }

    /// The first name that no object can have, so that it can be said without asking the server.
    ///
    /// It also keeps `../` and `?` out of the URL.
    pub(super) fn illegal_name(&self) -> Option<&str> {
        let namespace = match &self.scope {
            Scope::Namespace(namespace) => Some(namespace),
            Scope::All => None,
        };
        namespace.into_iter().chain(&self.name).map(String::as_str).find(|name| !is_object_name(name))
    }

    /// A GET of one page of a list, or of all of it without `limit`.
    pub(super) fn page(&self, page: &Page) -> http::Request<Vec<u8>> {
        let parameters = ListParams {
            label_selector: page.selector.clone(),
            limit: page.limit,
            continue_token: page.after.clone(),
            ..ListParams::default()
        };
        let mut request = kube::core::Request::new(self.resource.path(&self.scope))
            .list(&parameters)
            .expect("the path holds checked names only, and the query is encoded");
        if page.metadata_only {
            request.headers_mut().insert(http::header::ACCEPT, METADATA);
        }
        request
    }

    /// A GET of one object.
    pub(super) fn get(&self) -> http::Request<Vec<u8>> {
        http::Request::get(self.object_path()).body(Vec::new()).expect("the path holds checked names only")
    }

    /// A watch of one object, from a version of it on.
    pub(super) fn watch(&self, from: Option<&str>) -> http::Request<Vec<u8>> {
        let name = self.name.as_deref().unwrap_or_default();
        let parameters = WatchParams::default().fields(&format!("metadata.name={name}"));
        kube::core::Request::new(self.resource.path(&self.scope))
            .watch(&parameters, from.unwrap_or("0"))
            .expect("the path holds checked names only, and the query is encoded")
    }

    /// A PATCH of one object by JSON Patch operations (RFC 6902).
    pub(super) fn patch(&self, operations: &Value, dry_run: bool) -> http::Request<Vec<u8>> {
        let dry_run = if dry_run { "&dryRun=All" } else { "" };
        http::Request::patch(format!("{}?fieldManager={FIELD_MANAGER}{dry_run}", self.object_path()))
            .header(http::header::CONTENT_TYPE, "application/json-patch+json")
            .body(operations.to_string().into_bytes())
            .expect("the path holds checked names only")
    }

    /// A POST that makes an object.
    pub(super) fn create(&self, object: &Value) -> http::Request<Vec<u8>> {
        http::Request::post(format!("{}?fieldManager={FIELD_MANAGER}", self.resource.path(&self.scope)))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(object.to_string().into_bytes())
            .expect("the path holds checked names only")
    }

    fn object_path(&self) -> String {
        format!("{}/{}", self.resource.path(&self.scope), self.name.as_deref().unwrap_or_default())
    }
}

/// `list Applications in namespace `argocd``, `read Application `argocd/web``.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.verb == "get" { "read" } else { self.verb };
        match (&self.name, &self.scope) {
            (Some(name), Scope::Namespace(namespace)) => {
                write!(f, "{verb} {} `{namespace}/{name}`", self.resource.kind)
            }
            (Some(name), Scope::All) => write!(f, "{verb} {} `{name}`", self.resource.kind),
            (None, _) if self.resource == &NODES => write!(f, "{verb} the nodes of the cluster"),
            (None, scope) => write!(f, "{verb} {}s in {scope}", self.resource.kind),
        }
    }
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    pub(super) selector: Option<String>,
    pub(super) limit: Option<u32>,
    /// The server's `continue` token of the page before.
    pub(super) after: Option<String>,
    /// Spec and status are not wanted; a server that cannot leave them out sends them all the same.
    pub(super) metadata_only: bool,
}

/// Whether an object or namespace can have this name: an RFC 1123 subdomain, as the API server demands.
fn is_object_name(name: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            label.bytes().all(|b| alphanumeric(b) || b == b'-')
                && label.bytes().next().is_some_and(alphanumeric)
                && label.bytes().next_back().is_some_and(alphanumeric)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, name: &str) -> ApplicationKey {
        ApplicationKey { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn urls_are_those_of_the_kubernetes_api() {
        let argocd = Scope::Namespace("argocd".to_owned());
        for (asked, expected) in [
            (Asked::list(&APPLICATIONS, Scope::All), "/apis/argoproj.io/v1alpha1/applications"),
            (Asked::list(&APPLICATIONS, argocd.clone()), "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"),
            (
                Asked::list(&IMAGE_UPDATERS, argocd),
                "/apis/argocd-image-updater.argoproj.io/v1alpha1/namespaces/argocd/imageupdaters",
            ),
            (Asked::list(&NODES, Scope::All), "/api/v1/nodes"),
        ] {
            let page = Page {
                limit: Some(500),
                after: Some("a+b=".to_owned()),
                selector: Some("env in (a,b)".to_owned()),
                metadata_only: false,
            };
            let uri = asked.page(&page).uri().to_string();
            let (path, query) = uri.split_once('?').unwrap();
            assert_eq!(path, expected);
            assert_eq!(query.trim_start_matches('&'), "labelSelector=env+in+%28a%2Cb%29&limit=500&continue=a%2Bb%3D");
        }
    }

    #[test]
    fn a_patch_says_who_writes_and_how() {
        let asked = Asked::application("patch", &key("argocd", "web"));
        let request = asked.patch(&serde_json::json!([{"op": "remove", "path": "/x"}]), true);
        assert_eq!(request.method(), "PATCH");
        assert_eq!(
            request.uri(),
            "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/web\
             ?fieldManager=kubectl-image-update&dryRun=All"
        );
        assert_eq!(request.headers()["content-type"], "application/json-patch+json");
        assert_eq!(request.body(), br#"[{"op":"remove","path":"/x"}]"#);
        assert!(!asked.patch(&Value::Null, false).uri().to_string().contains("dryRun"));
    }

    #[test]
    fn a_watch_is_of_one_object() {
        let uri = Asked::application("watch", &key("argocd", "web")).watch(Some("7")).uri().to_string();
        let (path, query) = uri.split_once('?').unwrap();
        assert_eq!(path, "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications");
        for part in ["watch=true", "fieldSelector=metadata.name%3Dweb", "resourceVersion=7"] {
            assert!(query.split('&').any(|own| own == part), "{part}: {query}");
        }
    }

    #[test]
    fn names_that_no_object_can_have_never_reach_a_url() {
        for (namespace, name, illegal) in [
            ("argocd", "web", None),
            ("argocd", "web.v2-x", None),
            ("argocd", "..", Some("..")),
            ("argocd", "a/b", Some("a/b")),
            ("argocd", "a?x", Some("a?x")),
            ("argocd", "Web", Some("Web")),
            ("argocd", "-a", Some("-a")),
            ("argocd", "", Some("")),
            ("../x", "web", Some("../x")),
        ] {
            assert_eq!(Asked::application("get", &key(namespace, name)).illegal_name(), illegal, "{namespace} {name}");
        }
        assert_eq!(Asked::list(&APPLICATIONS, Scope::All).illegal_name(), None);
        assert!(Asked::application("get", &key("a", &"x".repeat(254))).illegal_name().is_some());
    }

    #[test]
    fn every_request_can_be_named_in_a_sentence() {
        for (asked, expected) in [
            (Asked::list(&APPLICATIONS, Scope::All), "list Applications in all namespaces"),
            (Asked::list(&IMAGE_UPDATERS, Scope::Namespace("a".to_owned())), "list ImageUpdaters in namespace `a`"),
            (Asked::list(&NODES, Scope::All), "list the nodes of the cluster"),
            (Asked::application("get", &key("a", "b")), "read Application `a/b`"),
            (Asked::application("patch", &key("a", "b")), "patch Application `a/b`"),
            (Asked::object(&SECRETS, "a", "b"), "read Secret `a/b`"),
            (Asked::object(&CONFIG_MAPS, "a", "b"), "read ConfigMap `a/b`"),
        ] {
            assert_eq!(asked.to_string(), expected);
        }
    }
}
