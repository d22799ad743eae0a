//! The Kubernetes API server: reads Applications, `ImageUpdater`s, nodes, and what else says how registries are asked:
//! a `ConfigMap` and Secrets; patches Applications, and tells of it in Events.
//!
//! One place sends requests ([`Cluster::send`]); what is asked is a value (`request`), and what the objects mean is
//! read by pure code (`application`, `image_updater`, `owner`). Nothing here decides about images, and nothing but
//! `patch_application` and `events` writes.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use serde_json::Value;

use crate::cluster::connection::Connection;
use crate::cluster::error::ClusterError;
use crate::cluster::error::ClusterErrorKind;
use crate::cluster::image_updater::ImageUpdater;
use crate::cluster::request::APPLICATION_SETS;
use crate::cluster::request::APPLICATIONS;
use crate::cluster::request::Asked;
use crate::cluster::request::CONFIG_MAPS;
use crate::cluster::request::DEPLOYMENTS;
use crate::cluster::request::IMAGE_UPDATERS;
use crate::cluster::request::NODES;
use crate::cluster::request::Page;
use crate::cluster::request::SECRETS;
use crate::cluster::request::Scope;
use crate::cluster::settings::ConnectionSettings;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::image::Platform;

mod answer;
pub(crate) mod application;
mod connection;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod image_updater;
mod kubeconfig;
pub(crate) mod names;
pub(crate) mod owner;
#[cfg(test)]
mod properties;
pub(crate) mod request;
#[cfg(test)]
mod scripted;
pub(crate) mod selector;
pub(crate) mod settings;
#[cfg(test)]
mod tests;
pub(crate) mod tolerance;
mod transport;
mod watch;

/// How many objects one page of a list holds, as in kubectl.
const PAGE: u32 = 500;

/// The most pages of one list that are read: more is a server that never ends its list.
const MOST_PAGES: usize = 10_000;

/// How long to wait before a request that the server was too busy for is sent again.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// The Applications of a list.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) applications: Vec<Application>,
    /// What is to be said of each that cannot be read.
    pub(crate) unreadable: Vec<String>,
}

/// A connection to one API server, with one login.
#[derive(Debug)]
pub(crate) struct Cluster {
    connection: Connection,
    request_timeout: Option<Duration>,
    pauses: [Duration; 3],
}

impl Cluster {
    /// Finds the server and the login; it does not talk to the server.
    ///
    /// rustls must have a process-wide provider by then.
    pub(crate) async fn connect(settings: &ConnectionSettings) -> Result<Self, ClusterError> {
        Ok(Self {
            connection: connection::connect(settings).await?,
            request_timeout: settings.request_timeout.filter(|limit| !limit.is_zero()),
            pauses: PAUSES,
        })
    }

    /// The namespace of `-n`, else of the context, else `default`.
    pub(crate) fn namespace(&self) -> &str {
        &self.connection.namespace
    }

    /// The server's address, for messages.
    pub(crate) fn server(&self) -> &str {
        &self.connection.server
    }

    /// Who sends the requests, as far as flags and kubeconfig tell: the impersonated user, else the kubeconfig's.
    pub(crate) fn user(&self) -> Option<&str> {
        self.connection.user.as_deref()
    }

    /// All Applications of `scope` that the label selector matches, by namespace and name. One that cannot be read hides
    /// no other.
    pub(crate) async fn applications(&self, scope: &Scope, selector: Option<&str>) -> Result<Listed, ClusterError> {
        let objects = self.list(&Asked::list(&APPLICATIONS, scope.clone()), selector).await?;
        let mut listed = Listed::default();
        for (index, object) in objects.into_iter().enumerate() {
            let name = object["metadata"]["name"].as_str().map(|name| format!("Application `{name}` in {scope}"));
            match application::application(object) {
                Ok(application) => listed.applications.push(application),
                Err(why) => {
                    let name = name.unwrap_or_else(|| format!("object {} of the Applications in {scope}", index + 1));
                    listed.unreadable.push(format!("{name} cannot be read: {why}"));
                }
            }
        }
        listed.applications.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(listed)
    }

    /// One Application, as it is now.
    pub(crate) async fn application(&self, key: &ApplicationKey) -> Result<Application, ClusterError> {
        let asked = Asked::application("get", key);
        let object = self.object(&asked).await?;
        self.read(&asked, object)
    }

    /// Whether `namespace` has any Application, for a hint.
    pub(crate) async fn any_applications(&self, namespace: &str) -> Result<bool, ClusterError> {
        let asked = Asked::list(&APPLICATIONS, Scope::Namespace(namespace.to_owned()));
        legal(&asked)?;
        let page = Page { limit: Some(1), ..Page::default() };
        let (objects, _) = self.page(&asked, &page).await?;
        Ok(!objects.is_empty())
    }

    /// Changes an Application by JSON Patch operations, or lets the server try it, and returns what came of it.
    pub(crate) async fn patch_application(
        &self,
        key: &ApplicationKey,
        operations: &Value,
        dry_run: bool,
    ) -> Result<Application, ClusterError> {
        let asked = Asked::application("patch", key);
        let object = self.send_named(&asked, || asked.patch(operations, dry_run)).await?;
        self.read(&asked, object)
    }

    /// Every ImageUpdater of `scope`; none if the cluster does not know that kind of object.
    pub(crate) async fn image_updaters(&self, scope: &Scope) -> Result<Vec<ImageUpdater>, ClusterError> {
        let asked = Asked::list(&IMAGE_UPDATERS, scope.clone());
        match self.list(&asked, None).await {
            Ok(objects) => {
                let mut updaters: Vec<_> = objects.iter().filter_map(image_updater::image_updater).collect();
                updaters.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
                Ok(updaters)
            }
            Err(error) if error.kind == ClusterErrorKind::NoSuchResource => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The distinct platforms of the nodes of this cluster.
    pub(crate) async fn node_platforms(&self) -> Result<Vec<Platform>, ClusterError> {
        let nodes = self.list(&Asked::list(&NODES, Scope::All), None).await?;
        let mut platforms: Vec<Platform> = nodes.iter().filter_map(platform_of_node).collect();
        platforms.sort();
        platforms.dedup();
        Ok(platforms)
    }

    /// One value of a ConfigMap; `None` if it has no such key.
    pub(crate) async fn config_map_value(
        &self,
        namespace: &str,
        name: &str,
        key: &str,
    ) -> Result<Option<String>, ClusterError> {
        Ok(self.config_map(namespace, name).await?.remove(key))
    }

    /// All values of a ConfigMap.
    pub(crate) async fn config_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<BTreeMap<String, String>, ClusterError> {
        let object = self.object(&Asked::object(&CONFIG_MAPS, namespace, name)).await?;
        let values = object["data"].as_object().into_iter().flatten();
        Ok(values.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
    }

    /// The images of the containers of a Deployment.
    pub(crate) async fn deployment_images(&self, namespace: &str, name: &str) -> Result<Vec<String>, ClusterError> {
        let object = self.object(&Asked::object(&DEPLOYMENTS, namespace, name)).await?;
        let containers = object["spec"]["template"]["spec"]["containers"].as_array().into_iter().flatten();
        Ok(containers.filter_map(|container| Some(container["image"].as_str()?.to_owned())).collect())
    }

    /// An ApplicationSet, as it stands.
    pub(crate) async fn application_set(&self, namespace: &str, name: &str) -> Result<Value, ClusterError> {
        self.object(&Asked::object(&APPLICATION_SETS, namespace, name)).await
    }

    async fn object(&self, asked: &Asked) -> Result<Value, ClusterError> {
        self.send_named(asked, || asked.get()).await
    }

    /// Sends a request about one object. A 404 that does not name it may as well be about the whole kind of object:
    /// whether that can be listed tells the two apart.
    async fn send_named(
        &self,
        asked: &Asked,
        request: impl Fn() -> http::Request<Vec<u8>>,
    ) -> Result<Value, ClusterError> {
        legal(asked)?;
        let error = match self.send(asked, request).await {
            Err(error) if error.kind == ClusterErrorKind::NoSuchResource => error,
            answer => return answer,
        };
        let all = Asked::list(asked.resource, asked.scope.clone());
        match self.page(&all, &Page { limit: Some(1), ..Page::default() }).await {
            Err(list) if list.kind == ClusterErrorKind::NoSuchResource => Err(error),
            _ => Err(ClusterError::not_found(asked)),
        }
    }

    /// The fields of a Secret that are text.
    pub(crate) async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<BTreeMap<String, SecretString>, ClusterError> {
        let object = self.object(&Asked::object(&SECRETS, namespace, name)).await?;
        Ok(secret_fields(&object))
    }

    /// The fields of all Secrets of a namespace with a label, by name.
    pub(crate) async fn secrets(
        &self,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<BTreeMap<String, SecretString>>, ClusterError> {
        let asked = Asked::list(&SECRETS, Scope::Namespace(namespace.to_owned()));
        let mut objects = self.list(&asked, Some(selector)).await?;
        objects.sort_by_key(|object| object["metadata"]["name"].as_str().unwrap_or_default().to_owned());
        Ok(objects.iter().map(secret_fields).collect())
    }

    /// Reads a list page by page; one whose pages expired meanwhile is read once more, in one piece, as client-go does.
    async fn list(&self, asked: &Asked, selector: Option<&str>) -> Result<Vec<Value>, ClusterError> {
        legal(asked)?;
        let selector = selector.map(str::to_owned);
        let mut page = Page { selector: selector.clone(), limit: Some(PAGE), ..Page::default() };
        let mut objects = Vec::new();
        for _ in 0..MOST_PAGES {
            match self.page(asked, &page).await {
                Ok((more, after)) => {
                    objects.extend(more);
                    if after.is_none() {
                        return Ok(objects);
                    }
                    page.after = after;
                }
                Err(error) if error.kind == ClusterErrorKind::Expired && page.after.is_some() => {
                    let whole = Page { selector: selector.clone(), ..Page::default() };
                    return Ok(self.page(asked, &whole).await?.0);
                }
                Err(error) => return Err(error),
            }
        }
        Err(ClusterError::unreadable(asked, self.server(), format!("a list of more than {MOST_PAGES} pages")))
    }

    async fn page(&self, asked: &Asked, page: &Page) -> Result<(Vec<Value>, Option<String>), ClusterError> {
        let mut list = self.send(asked, || asked.page(page)).await?;
        let after = list["metadata"]["continue"].as_str().filter(|after| !after.is_empty()).map(str::to_owned);
        match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => Ok((items.into_iter().map(|item| placed(asked, item)).collect(), after)),
            // A list of nothing may be null in Go's JSON.
            Some(Value::Null) => Ok((Vec::new(), after)),
            _ => Err(ClusterError::unreadable(asked, self.server(), "it has no `items`")),
        }
    }

    fn read(&self, asked: &Asked, object: Value) -> Result<Application, ClusterError> {
        application::application(placed(asked, object))
            .map_err(|why| ClusterError::unreadable(asked, self.server(), why))
    }

    /// Sends a request, and again a few times if the server was too busy to look at it.
    ///
    /// A write is repeated only after a 429, which says that nothing was done.
    async fn send(&self, asked: &Asked, request: impl Fn() -> http::Request<Vec<u8>>) -> Result<Value, ClusterError> {
        let mut pauses = self.pauses.iter();
        loop {
            let error = match self.send_once(request()).await {
                Ok(object) => return Ok(object),
                Err(Sent::TimedOut) => {
                    return Err(ClusterError::timed_out(asked, self.server(), self.request_timeout));
                }
                Err(Sent::Failed(error)) => error,
            };
            let busy = match &error {
                kube::Error::Api(status) => {
                    status.code == 429 || (status.code == 503 && !matches!(asked.verb, "patch" | "create"))
                }
                _ => false,
            };
            match pauses.next().filter(|_| busy) {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(ClusterError::of_request(error, asked, self.server())),
            }
        }
    }

    async fn send_once(&self, request: http::Request<Vec<u8>>) -> Result<Value, Sent> {
        let answer = answer::text(&self.connection.client, request);
        let answer = match self.request_timeout {
            Some(limit) => tokio::time::timeout(limit, answer).await.map_err(|_| Sent::TimedOut)?,
            None => answer.await,
        };
        let text = answer.map_err(Sent::Failed)?;
        serde_json::from_str(&text).map_err(|error| Sent::Failed(kube::Error::SerdeError(error)))
    }
}

/// What became of a request that did not succeed.
enum Sent {
    TimedOut,
    Failed(kube::Error),
}

/// Turns a name that no object can have into the answer that the server would give.
fn legal(asked: &Asked) -> Result<(), ClusterError> {
    match asked.illegal_name() {
        None => Ok(()),
        Some(_) if asked.name.is_some() => Err(ClusterError::not_found(asked)),
        Some(name) => {
            let what = format!("`{}` is not the name of a namespace", name.escape_debug());
            Err(ClusterError::new(ClusterErrorKind::Config, asked.to_string(), what))
        }
    }
}

/// What was asked for in one namespace is in it, also where the answer leaves that out.
fn placed(asked: &Asked, mut object: Value) -> Value {
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let (Scope::Namespace(namespace), Some(metadata)) = (&asked.scope, metadata)
        && metadata.get("namespace").and_then(Value::as_str).unwrap_or_default().is_empty()
    {
        metadata.insert("namespace".to_owned(), Value::from(namespace.as_str()));
    }
    object
}

/// The fields of a Secret that are text.
fn secret_fields(object: &Value) -> BTreeMap<String, SecretString> {
    let fields = object["data"].as_object().into_iter().flatten();
    let text = |value: &Value| String::from_utf8(BASE64_STANDARD.decode(value.as_str()?).ok()?).ok();
    fields.filter_map(|(key, value)| Some((key.clone(), SecretString::from(text(value)?)))).collect()
}

/// `status.nodeInfo` of a node; it does not tell the variant of an architecture.
fn platform_of_node(node: &Value) -> Option<Platform> {
    let fact = |name: &str| node["status"]["nodeInfo"][name].as_str().filter(|text| !text.is_empty());
    let (os, architecture) = (fact("operatingSystem")?, fact("architecture")?);
    Some(Platform { os: os.to_owned(), architecture: architecture.to_owned(), variant: None })
}
