//! The kinds of objects the tests handle: one row each, for the double's API and for the paths of requests to either server.

use serde_json::Value;

/// One resource of the API.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) namespaced: bool,
    /// Defined by a `CustomResourceDefinition`, hence gone when that is.
    pub(crate) custom: bool,
}

const ARGO: &str = "argoproj.io";
const RBAC: &str = "rbac.authorization.k8s.io";

#[rustfmt::skip]
pub(crate) static ALL: &[Resource] = &[
    custom(ARGO, "applications", "Application"),
    custom(ARGO, "applicationsets", "ApplicationSet"),
    custom(ARGO, "appprojects", "AppProject"),
    custom("argocd-image-updater.argoproj.io", "imageupdaters", "ImageUpdater"),
    built_in("", "v1", "configmaps", "ConfigMap", true),
    built_in("", "v1", "secrets", "Secret", true),
    built_in("", "v1", "events", "Event", true),
    built_in("apps", "v1", "deployments", "Deployment", true),
    built_in("", "v1", "namespaces", "Namespace", false),
    built_in("", "v1", "nodes", "Node", false),
    built_in(RBAC, "v1", "roles", "Role", true),
    built_in(RBAC, "v1", "rolebindings", "RoleBinding", true),
    built_in(RBAC, "v1", "clusterroles", "ClusterRole", false),
    built_in(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", false),
    built_in("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false),
];

const fn custom(group: &'static str, plural: &'static str, kind: &'static str) -> Resource {
    Resource { group, version: "v1alpha1", plural, kind, namespaced: true, custom: true }
}

const fn built_in(
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    kind: &'static str,
    namespaced: bool,
) -> Resource {
    Resource { group, version, plural, kind, namespaced, custom: false }
}

/// The resource with this plural name, or kind.
pub(crate) fn named(name: &str) -> &'static Resource {
    ALL.iter()
        .find(|resource| resource.plural == name || resource.kind == name)
        .unwrap_or_else(|| panic!("`{name}` is not in the table of tests/world/resources.rs"))
}

impl Resource {
    /// `applications.argoproj.io`, as the API server's messages name it.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The path of the collection, in a namespace or in all.
    pub(crate) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        let api_version = self.api_version();
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/{api_version}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}/{api_version}/{}", self.plural),
        }
    }

    pub(crate) fn object_path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.path(Some(namespace)))
    }

    /// The project's own small definition of a custom resource: whatever the real one allows, this one stores.
    pub(crate) fn definition(&self) -> Value {
        let anything = serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        serde_json::json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": self.qualified()},
            "spec": {
                "group": self.group,
                "scope": "Namespaced",
                "names": {
                    "kind": self.kind,
                    "listKind": format!("{}List", self.kind),
                    "plural": self.plural,
                    "singular": self.kind.to_lowercase(),
                },
                "versions": [{
                    "name": self.version,
                    "served": true,
                    "storage": true,
                    "schema": {"openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {"spec": anything, "status": anything},
                        "x-kubernetes-preserve-unknown-fields": true,
                    }},
                }],
            },
        })
    }
}
