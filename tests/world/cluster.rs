//! A Kubernetes API server, in this process or real, under the same calls; the objects in it, and who asked for what.

use std::sync::MutexGuard;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::access::ADMIN;
use super::access::Grant;
use super::access::Scope;
use super::access::User;
use super::api_double;
use super::api_double::ApiDouble;
use super::api_double::Target;
use super::api_real::RealApi;
use super::client;
use super::client::Reply;
use super::http::Exchange;
use super::resources;
use super::resources::Resource;
use super::servers::eventually;

/// The server a world talks to.
pub(crate) enum Cluster {
    Double(ApiDouble),
    /// Shared with other worlds.
    Shared(&'static RealApi),
    /// For this world alone.
    Alone(MutexGuard<'static, RealApi>),
}

/// A request that the server received from a user of the world.
#[derive(Clone, Debug)]
pub(crate) struct ApiRequest {
    /// `list`, `get`, `create`, `update`, `patch`, `delete`, or the method for paths that name no resource.
    pub(crate) verb: String,
    /// Path and query.
    pub(crate) uri: String,
    pub(crate) resource: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    /// Whose token it was.
    pub(crate) user: String,
    /// Whom the user asked to be.
    pub(crate) impersonated: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) body: Option<Value>,
}

impl ApiRequest {
    /// Whether this changed something: a writing verb, no dry run, success.
    pub(crate) fn is_write(&self) -> bool {
        self.asks_to_write() && self.status.is_none_or(|status| status < 300)
    }

    /// Whether this would have changed something had it been allowed. Events only tell of changes.
    pub(crate) fn asks_to_write(&self) -> bool {
        self.resource != "events"
            && matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
            && !self.uri.contains("dryRun=All")
    }
}

impl Cluster {
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Double(api) => api.url(),
            Self::Shared(api) => api.url(),
            Self::Alone(api) => api.url(),
        }
    }

    /// The real server, if it is one.
    pub(crate) fn real(&self) -> Option<&RealApi> {
        match self {
            Self::Double(_) => None,
            Self::Shared(api) => Some(api),
            Self::Alone(api) => Some(api),
        }
    }

    /// One request as the holder of `token`, with headers such as `Content-Type`.
    pub(crate) fn call(&self, token: &str, method: &str, path: &str, extra: (&[(&str, &str)], &str)) -> Reply {
        let authorization = format!("Bearer {token}");
        let mut headers = vec![("Authorization", authorization.as_str())];
        headers.extend_from_slice(extra.0);
        client::send(method, &format!("{}{path}", self.url()), &headers, extra.1)
    }

    /// One request of the harness, which must succeed.
    fn admin(&self, method: &str, path: &str, body: &str) -> Reply {
        let headers: &[_] = if body.is_empty() { &[] } else { &[("Content-Type", "application/json")] };
        let reply = self.call(ADMIN, method, path, (headers, body));
        assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.text());
        reply
    }

    /// Creates an object; `namespace` counts if the object names none.
    pub(crate) fn create(&self, namespace: &str, object: &Value) -> Value {
        let resource = resources::named(object["kind"].as_str().expect("an object has a kind"));
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or(namespace);
        let mut object = object.clone();
        if resource.namespaced {
            object["metadata"]["namespace"] = namespace.into();
        }
        self.admin("POST", &resource.path(Some(namespace)), &object.to_string()).json()
    }

    pub(crate) fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Value {
        self.admin("GET", &resource.object_path(namespace, name), "").json()
    }

    pub(crate) fn list(&self, resource: &Resource) -> Vec<Value> {
        let list = self.admin("GET", &resource.path(None), "").json();
        let mut items = list["items"].as_array().cloned().unwrap_or_default();
        // Lists of built-in types leave out what every item is.
        for item in &mut items {
            item["kind"] = resource.kind.into();
        }
        items
    }

    /// Changes an object as a second person would, whatever happens to it meanwhile.
    pub(crate) fn edit(&self, resource: &Resource, namespace: &str, name: &str, mut change: impl FnMut(&mut Value)) {
        let path = resource.object_path(namespace, name);
        let written = eventually(Duration::from_secs(10), || {
            let mut object = self.get(resource, namespace, name);
            change(&mut object);
            let headers = [("Content-Type", "application/json")];
            let reply = self.call(ADMIN, "PUT", &path, (&headers, &object.to_string()));
            assert!(matches!(reply.status, 200 | 409), "PUT {path}: {}", reply.text());
            (reply.status == 200).then_some(())
        });
        written.expect("an edit finds its moment");
    }

    pub(crate) fn delete(&self, resource: &Resource, namespace: &str, name: &str) {
        self.admin("DELETE", &resource.object_path(namespace, name), "");
    }

    pub(crate) fn create_namespace(&self, name: &str) {
        if let Some(api) = self.real() {
            api.create_namespace(name);
        } else {
            self.create("", &json!({"kind": "Namespace", "metadata": {"name": name}}));
        }
    }

    /// A user nobody had before, without any rights.
    pub(crate) fn add_user(&self) -> User {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("user-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let user = User { token: format!("token-{name}"), name };
        if let Self::Double(api) = self {
            api.add_user(&user);
        }
        user
    }

    /// Gives a user these rights; returns when they are in force.
    pub(crate) fn grant(&self, user: &User, grant: Grant) {
        match self {
            Self::Double(api) => api.grant(user, grant),
            _ => self.bind(user, &grant),
        }
    }

    /// Makes a role of the grant, binds the user to it, and waits until the authorizer has noticed.
    fn bind(&self, user: &User, grant: &Grant) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{}-{}", user.name, NEXT.fetch_add(1, Ordering::Relaxed));
        let (prefix, namespace) = match &grant.scope {
            Scope::Cluster => ("Cluster", ""),
            Scope::Namespace(namespace) => ("", namespace.as_str()),
            Scope::Home => panic!("a world says which namespace is its home"),
        };
        let known = resources::ALL.iter().find(|resource| resource.plural == grant.resource);
        let group = known.map_or("", |resource| resource.group);
        let rule = json!({
            "apiGroups": [group], "resources": [grant.resource], "verbs": grant.verbs, "resourceNames": grant.names,
        });
        let api_version = "rbac.authorization.k8s.io/v1";
        let kind = format!("{prefix}Role");
        self.create(
            namespace,
            &json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "rules": [rule]}),
        );
        self.create(
            namespace,
            &json!({
                "apiVersion": api_version, "kind": format!("{kind}Binding"), "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name}],
            }),
        );
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": user.name, "resourceAttributes": {
                "verb": grant.verbs.first(), "group": group, "resource": grant.resource, "namespace": namespace,
                "name": grant.names.first(),
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let allowed = || self.admin("POST", path, &review.to_string()).json()["status"]["allowed"] == true;
        eventually(Duration::from_secs(30), || allowed().then_some(())).expect("the role is in force");
    }

    /// A place in the log of requests, to read from later.
    pub(crate) fn mark(&self) -> u64 {
        match self {
            Self::Double(api) => api.log().len() as u64,
            Self::Shared(api) => api.audit_end(),
            Self::Alone(api) => api.audit_end(),
        }
    }

    /// What these users asked for since `mark`, in the order it was finished.
    pub(crate) fn requests(&self, mark: u64, users: &[User]) -> Vec<ApiRequest> {
        let api = match self {
            Self::Double(api) => {
                let log = api.log().into_iter().skip(usize::try_from(mark).expect("a length"));
                let log = log.filter_map(|exchange| Some(from_exchange(&exchange, sender(&exchange, users)?)));
                return log.collect();
            }
            Self::Shared(api) => *api,
            Self::Alone(api) => api,
        };
        api.audit(mark, |name| users.iter().any(|user| user.name == name)).iter().map(from_audit).collect()
    }

    /// Takes away whatever a world left, so that the next one finds nothing.
    pub(crate) fn clean(&self) {
        let Self::Alone(api) = self else { return };
        for resource in resources::ALL.iter().filter(|resource| resource.custom) {
            api.install(resource);
        }
        let kinds = resources::ALL
            .iter()
            .filter(|resource| resource.custom || matches!(resource.plural, "nodes" | "secrets" | "configmaps"));
        for resource in kinds {
            for object in self.list(resource) {
                let metadata = &object["metadata"];
                let namespace = metadata["namespace"].as_str().unwrap_or_default();
                if namespace.starts_with("kube-") {
                    continue;
                }
                let name = metadata["name"].as_str().expect("an object has a name");
                if metadata["finalizers"].is_array() {
                    self.edit(resource, namespace, name, |object| object["metadata"]["finalizers"] = json!([]));
                }
                self.call(ADMIN, "DELETE", &resource.object_path(namespace, name), (&[], ""));
            }
        }
    }
}

/// Whose token a request carried, whether the double got to look at it or a fault came first.
fn sender<'a>(exchange: &Exchange, users: &'a [User]) -> Option<&'a User> {
    let token = exchange.request.header("authorization")?.strip_prefix("Bearer ")?;
    users.iter().find(|user| user.token == token)
}

fn from_exchange(exchange: &Exchange, user: &User) -> ApiRequest {
    let request = &exchange.request;
    let target = Target::parse(&request.path);
    let verb = target.as_ref().map_or(request.method.as_str(), |target| api_double::verb(&request.method, target));
    ApiRequest {
        verb: verb.to_owned(),
        uri: request.uri(),
        resource: target.as_ref().map(|target| target.plural.clone()).unwrap_or_default(),
        namespace: target.as_ref().and_then(|target| target.namespace.clone()),
        name: target.map(|target| target.name).unwrap_or_default(),
        user: user.name.clone(),
        impersonated: request.header("impersonate-user").map(str::to_owned),
        status: exchange.status,
        body: serde_json::from_slice(&request.body).ok(),
    }
}

fn from_audit(event: &Value) -> ApiRequest {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["objectRef"];
    ApiRequest {
        verb: text(&event["verb"]),
        uri: text(&event["requestURI"]),
        resource: text(&object["resource"]),
        namespace: object["namespace"].as_str().map(str::to_owned),
        name: text(&object["name"]),
        user: text(&event["user"]["username"]),
        impersonated: event["impersonatedUser"]["username"].as_str().map(str::to_owned),
        status: event["responseStatus"]["code"].as_u64().and_then(|code| u16::try_from(code).ok()),
        body: event.get("requestObject").cloned(),
    }
}
