//! A Kubernetes API server in this process: enough of it for the tool, in the words of the real one.
//!
//! Serves the resources of [`super::resources`] over TLS with bearer tokens, rules, paging, selectors, JSON and merge
//! patches with the optimistic lock, dry run, and a log. The smoke tests hold its answers against a real API server.

mod discovery;
mod list;
mod objects;
mod selector;
mod status;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use http::Response;
use http::StatusCode;
use serde_json::Value;
use serde_json::json;

use self::objects::Key;
use self::objects::Objects;
use self::objects::WriteOptions;
use self::status::Failure;
use super::access::ADMIN;
use super::access::Grant;
use super::access::User;
use super::fault::Fault;
use super::http::Answer;
use super::http::Exchange;
use super::http::HttpServer;
use super::http::Request;
use super::resources;
use super::resources::Resource;
use super::tls::Authority;

/// The server, which ends with this value.
pub(crate) struct ApiDouble {
    server: HttpServer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: Objects,
    /// The custom resources that are defined.
    installed: BTreeSet<String>,
    users: Vec<User>,
    grants: Vec<(String, Grant)>,
}

impl ApiDouble {
    /// Starts with the custom resources of the table defined, and the usual namespaces.
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let tls = Authority::of_this_process().acceptor();
        let server = HttpServer::start(Some(tls), move |request| answer(&mut shared.lock().unwrap(), request));
        let double = Self { server, state };
        for resource in resources::ALL.iter().filter(|resource| resource.custom) {
            double.install(resource);
        }
        let options = WriteOptions { dry_run: false, manager: "kube-apiserver".to_owned() };
        for name in ["default", "kube-system"] {
            let namespace = json!({"metadata": {"name": name}, "status": {"phase": "Active"}});
            let namespaces = resources::named("namespaces");
            double.state().objects.create(namespaces, "", namespace, &options).expect("a legal namespace");
        }
        double
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.server.authority())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Defines a custom resource.
    pub(crate) fn install(&self, resource: &Resource) {
        self.state().installed.insert(resource.qualified());
    }

    /// Removes the definition of a custom resource, and with it the objects.
    pub(crate) fn uninstall(&self, resource: &Resource) {
        let mut state = self.state();
        state.installed.remove(&resource.qualified());
        state.objects.clear(resource);
    }

    pub(crate) fn add_user(&self, user: &User) {
        self.state().users.push(user.clone());
    }

    pub(crate) fn grant(&self, user: &User, grant: Grant) {
        self.state().grants.push((user.name.clone(), grant));
    }

    /// Lets `controller` change an Application after each write, as Argo CD would a moment later.
    pub(crate) fn set_controller(&self, controller: impl Fn(&mut Value) + Send + 'static) {
        self.state().objects.controller = Some(Box::new(controller));
    }

    /// Makes every continue token handed out so far expire.
    pub(crate) fn expire_continue_tokens(&self) {
        self.state().objects.snapshots.clear();
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.server.fault(fault);
    }

    pub(crate) fn heal(&self) {
        self.server.heal();
    }

    /// Every request so far, the harness's own among them.
    pub(crate) fn log(&self) -> Vec<Exchange> {
        self.server.log()
    }

    pub(crate) fn wait_for(&self, fits: impl Fn(&Exchange) -> bool) {
        self.server.wait_for(fits);
    }
}

/// What a path names, before it is known whether there is such a thing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) namespace: Option<String>,
    /// Empty for a collection.
    pub(crate) name: String,
}

impl Target {
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, plural, name) = match rest {
            ["namespaces", namespace, plural] => (Some(*namespace), *plural, ""),
            ["namespaces", namespace, plural, name] => (Some(*namespace), *plural, *name),
            [plural] => (None, *plural, ""),
            [plural, name] => (None, *plural, *name),
            _ => return None,
        };
        Some(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }

    /// An object of the core group outside all namespaces.
    fn cluster_wide(plural: &str, name: &str) -> Self {
        let (plural, name) = (plural.to_owned(), name.to_owned());
        Self { group: String::new(), version: "v1".to_owned(), plural, namespace: None, name }
    }

    fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// The verb by which rules and audit logs name a request.
pub(crate) fn verb(method: &str, target: &Target) -> &'static str {
    match (method, target.name.is_empty()) {
        ("GET", true) => "list",
        ("GET", false) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", false) => "delete",
        ("DELETE", true) => "deletecollection",
        _ => "unknown",
    }
}

/// A user as the server knows the sender of a request.
struct Caller {
    name: String,
    almighty: bool,
}

fn answer(state: &mut State, request: &Request) -> Answer {
    let caller = state.identify(request);
    let user = caller.as_ref().map(|caller| caller.name.clone()).ok();
    let (code, content_type, text) = match caller.and_then(|caller| state.serve(&caller, request)) {
        Ok((code, body)) => (code, "application/json", body.to_string()),
        Err(Failure { code, body }) => (code, body.content_type(), body.text()),
    };
    let response = Response::builder().status(code).header("Content-Type", content_type).body(text.into());
    Answer { response: response.expect("a legal answer"), user }
}

impl State {
    fn identify(&self, request: &Request) -> Result<Caller, Failure> {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let caller = match token {
            None => Caller { name: "system:anonymous".to_owned(), almighty: false },
            Some(ADMIN) => Caller { name: "admin".to_owned(), almighty: true },
            Some(token) => {
                let user = self.users.iter().find(|user| user.token == token).ok_or_else(Failure::unauthorized)?;
                Caller { name: user.name.clone(), almighty: false }
            }
        };
        let Some(user) = request.header("impersonate-user") else { return Ok(caller) };
        let wanted = request.headers.get_all("impersonate-group").iter().filter_map(|group| group.to_str().ok());
        let wanted = wanted.map(|group| ("groups", group)).chain([("users", user)]);
        for (kind, name) in wanted {
            if !self.allowed(&caller, "impersonate", &Target::cluster_wide(kind, name)) {
                return Err(Failure::cannot_impersonate(&caller.name, kind, name));
            }
        }
        Ok(Caller { name: user.to_owned(), almighty: false })
    }

    /// Whether a rule lets the caller do this to the target, which need not exist.
    fn allowed(&self, caller: &Caller, verb: &str, target: &Target) -> bool {
        let mut own = self.grants.iter().filter(|(user, _)| *user == caller.name);
        let namespace = target.namespace.as_deref();
        caller.almighty || own.any(|(_, grant)| grant.permits(verb, &target.plural, namespace, &target.name))
    }

    fn serve(&mut self, caller: &Caller, request: &Request) -> Result<(StatusCode, Value), Failure> {
        if let Some(document) = self.discovery(&request.path) {
            return Ok((StatusCode::OK, document));
        }
        let target = Target::parse(&request.path).ok_or_else(Failure::no_such_path)?;
        let verb = verb(&request.method, &target);
        let namespace = target.namespace.as_deref();
        if !self.allowed(caller, verb, &target) {
            return Err(Failure::forbidden(&caller.name, verb, &target));
        }
        let resource = self.resource(&target).ok_or_else(Failure::no_such_path)?;
        if resource.namespaced && namespace.is_none() && !target.name.is_empty() {
            return Err(Failure::no_such_path());
        }
        let key = (target.namespace.clone().unwrap_or_default(), target.name.clone());
        let options = write_options(request)?;
        match verb {
            "list" => self.list(resource, namespace, request).map(|list| (StatusCode::OK, list)),
            "get" => self.objects.get(resource, &key).map(|object| (StatusCode::OK, Value::clone(&object))),
            "create" => {
                let object = parse_body(request)?;
                self.check_namespace(resource, &key.0)?;
                let object = self.objects.create(resource, &key.0, object, &options)?;
                Ok((StatusCode::CREATED, object))
            }
            "update" => {
                let object = parse_body(request)?;
                let object = self.objects.update(resource, &key, object, &options)?;
                Ok((StatusCode::OK, object))
            }
            "patch" => self.patch(resource, &key, request, &options).map(|object| (StatusCode::OK, object)),
            "delete" => {
                let uid = self.objects.get(resource, &key)?["metadata"]["uid"].clone();
                let gone = json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                    "details": {"name": key.1, "group": resource.group, "kind": resource.plural, "uid": uid},
                });
                Ok((StatusCode::OK, self.objects.delete(resource, &key)?.unwrap_or(gone)))
            }
            _ => Err(Failure::method_not_allowed()),
        }
    }

    fn resource(&self, target: &Target) -> Option<&'static Resource> {
        let resource = resources::ALL.iter().find(|resource| {
            (resource.group, resource.version, resource.plural)
                == (target.group.as_str(), target.version.as_str(), target.plural.as_str())
        })?;
        (!resource.custom || self.installed.contains(&resource.qualified())).then_some(resource)
    }

    fn check_namespace(&self, resource: &Resource, namespace: &str) -> Result<(), Failure> {
        let key = (String::new(), namespace.to_owned());
        if resource.namespaced { self.objects.get(resources::named("namespaces"), &key).map(|_| ()) } else { Ok(()) }
    }

    fn patch(
        &mut self,
        resource: &Resource,
        key: &Key,
        request: &Request,
        options: &WriteOptions,
    ) -> Result<Value, Failure> {
        let content_type = request.header("content-type").unwrap_or_default();
        if !matches!(content_type, "application/json-patch+json" | "application/merge-patch+json") {
            return Err(Failure::unsupported_media_type());
        }
        let mut object = Value::clone(&*self.objects.get(resource, key)?);
        let patch = parse_body(request)?;
        if content_type == "application/merge-patch+json" {
            json_patch::merge(&mut object, &patch);
        } else {
            if !patch.is_array() {
                return Err(Failure::bad_request(
                    "json: cannot unmarshal object into Go value of type jsonpatch.Patch",
                ));
            }
            let patch: json_patch::Patch = serde_json::from_value(patch).map_err(|_| Failure::patch_failed())?;
            json_patch::patch(&mut object, &patch).map_err(|_| Failure::patch_failed())?;
        }
        self.objects.update(resource, key, object, options)
    }
}

fn parse_body(request: &Request) -> Result<Value, Failure> {
    serde_json::from_slice(&request.body).map_err(|_| {
        let first = request.body.first().map_or(' ', |&byte| char::from(byte));
        Failure::bad_request(&format!("invalid character '{first}' looking for beginning of value"))
    })
}

fn write_options(request: &Request) -> Result<WriteOptions, Failure> {
    let dry_run = request.parameter("dryRun").filter(|value| !value.is_empty());
    if let Some(value) = dry_run.as_deref().filter(|value| *value != "All") {
        return Err(Failure::bad_dry_run(value));
    }
    // Without the parameter the server names the writer after its User-Agent, up to the first slash.
    let agent = || request.header("user-agent").and_then(|agent| agent.split('/').next()).unwrap_or("unknown");
    let manager = request.parameter("fieldManager").unwrap_or_else(|| agent().to_owned());
    Ok(WriteOptions { dry_run: dry_run.is_some(), manager })
}
