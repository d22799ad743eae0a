//! Who may do what: values that become rules of the double, or Roles and bindings on the real API server.

/// The token of the user whom everything is allowed: the tests themselves.
pub(crate) const ADMIN: &str = "admin-token";

/// A user of the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) token: String,
}

/// Verbs that a user has on a resource.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) verbs: Vec<String>,
    /// The plural, as in `applications`; `users` for impersonation.
    pub(crate) resource: String,
    pub(crate) scope: Scope,
    /// Only these objects; empty: all.
    pub(crate) names: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The namespace of the world the user lives in.
    Home,
    Namespace(String),
    Cluster,
}

/// `allow("get list", "applications")`: in the namespace of the world.
pub(crate) fn allow(verbs: &str, resource: &str) -> Grant {
    Grant {
        verbs: verbs.split_whitespace().map(str::to_owned).collect(),
        resource: resource.to_owned(),
        scope: Scope::Home,
        names: Vec::new(),
    }
}

impl Grant {
    pub(crate) fn in_namespace(self, namespace: &str) -> Self {
        Self { scope: Scope::Namespace(namespace.to_owned()), ..self }
    }

    pub(crate) fn everywhere(self) -> Self {
        Self { scope: Scope::Cluster, ..self }
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// The same grant with `Home` replaced by the namespace it stands for.
    pub(crate) fn at_home(self, namespace: &str) -> Self {
        if self.scope == Scope::Home { self.in_namespace(namespace) } else { self }
    }

    /// Whether this allows the verb; `namespace` is `None` for the whole cluster.
    pub(crate) fn permits(&self, verb: &str, resource: &str, namespace: Option<&str>, name: &str) -> bool {
        let in_scope = match &self.scope {
            Scope::Cluster => true,
            Scope::Namespace(own) => namespace == Some(own),
            Scope::Home => false,
        };
        in_scope
            && self.verbs.iter().any(|own| own == verb)
            && self.resource == resource
            && (self.names.is_empty() || self.names.iter().any(|own| own == name))
    }
}

/// What README asks an administrator to allow, without the parts it marks as optional.
pub(crate) fn usual_rights() -> Vec<Grant> {
    vec![
        allow("get list patch", "applications"),
        allow("create", "events"),
        allow("get list", "appprojects"),
        allow("get", "configmaps"),
        allow("get", "configmaps").in_namespace("argocd"),
        allow("get", "secrets"),
        allow("list", "imageupdaters").everywhere(),
    ]
}
