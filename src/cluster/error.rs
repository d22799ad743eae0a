//! What can go wrong between this tool and the API server, told apart by what the caller can do about it.
//!
//! An error says what was being done, what happened in the server's own words, and, where it is known, what helps.
//! Words from outside are shortened here; making them safe for a terminal is for the printer.

use std::error::Error;
use std::fmt;
use std::io;

use kube::client::AuthError;
use kube::core::Status;

use crate::cluster::request::APPLICATIONS;
use crate::cluster::request::Asked;
use crate::cluster::request::NODES;
use crate::cluster::request::Scope;

/// The longest message of a server that is repeated, in characters.
const LONGEST_WORDS: usize = 600;

/// What may help when the answers are not those of the Kubernetes API.
const NO_API_SERVER: &str = "is this address a Kubernetes API server?";

/// A request that failed, or a connection that could not be made.
#[derive(Debug)]
pub(crate) struct ClusterError {
    pub(crate) kind: ClusterErrorKind,
    /// Completes "cannot".
    doing: String,
    what: String,
    hint: Option<String>,
    cause: Option<Box<Cause>>,
}

/// What kind of failure it is; one variant for each different reaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClusterErrorKind {
    /// The kubeconfig or the login cannot be used; no request was sent.
    Config,
    Unreachable,
    TimedOut,
    Unauthorized,
    /// The caller's RBAC, or another authorizer, does not allow it.
    Forbidden(Box<Denied>),
    /// The object is not there.
    NotFound,
    /// The cluster does not serve this kind of object: the CRD is absent.
    NoSuchResource,
    /// The object was changed since its resourceVersion was read.
    Conflict,
    /// The object, or the patch, is not accepted (422). The server does not tell operations of a patch that cannot be
    /// applied from a change made meanwhile, so the object has to be read again.
    Invalid,
    /// An admission plug-in or webhook turned it down.
    Refused,
    /// The `continue` token of a list is too old (410).
    Expired,
    /// Any other answer, by its HTTP status; 0 if it was no answer that can be read.
    Other(u16),
}

/// What the caller may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) verb: String,
    /// `applications.argoproj.io`
    pub(crate) resource: String,
    /// `None`: in the whole cluster.
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
}

impl ClusterError {
    /// A kubeconfig, flag or login that cannot be used.
    pub(super) fn config(what: impl Into<String>) -> Self {
        Self::new(ClusterErrorKind::Config, "connect to a cluster".to_owned(), what.into())
    }

    pub(super) fn new(kind: ClusterErrorKind, doing: String, what: String) -> Self {
        Self { kind, doing, what, hint: None, cause: None }
    }

    #[must_use]
    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(super) fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(Box::new(Cause(cause.into())));
        self
    }

    /// What is likely to help.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// An object that is not there.
    pub(super) fn not_found(asked: &Asked) -> Self {
        Self::new(ClusterErrorKind::NotFound, asked.to_string(), "it does not exist".to_owned())
    }

    /// An answer that is no Kubernetes object.
    pub(super) fn unreadable(asked: &Asked, server: &str, cause: impl fmt::Display) -> Self {
        let what = format!("the answer of {server} is not the Kubernetes object that was asked for");
        Self::new(ClusterErrorKind::Other(0), asked.to_string(), what)
            .with_cause(shortened(&cause.to_string()))
            .with_hint(NO_API_SERVER)
    }

    /// A request that took longer than it may.
    pub(super) fn timed_out(asked: &Asked, server: &str, within: Option<std::time::Duration>) -> Self {
        let within = within.map(|limit| format!(" within {limit:?}")).unwrap_or_default();
        Self::new(ClusterErrorKind::TimedOut, asked.to_string(), format!("{server} did not answer{within}"))
            .with_hint("check the network, or give it longer with `--request-timeout`")
    }

    /// Sorts what the client library reports by what can be done about it.
    pub(super) fn of_request(error: kube::Error, asked: &Asked, server: &str) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(&status, asked, server),
            kube::Error::SerdeError(error) => Self::unreadable(asked, server, error),
            kube::Error::FromUtf8(error) => Self::unreadable(asked, server, error),
            error => Self::of_transport(&error, asked, server),
        }
    }

    fn of_status(status: &Status, asked: &Asked, server: &str) -> Self {
        let words = shortened(&without_object(&status.message));
        let error = |kind, what: String| Self::new(kind, asked.to_string(), what);
        let details = status.details.as_ref();
        match status.code {
            401 => error(ClusterErrorKind::Unauthorized, format!("{server} does not accept the login (401 {words})"))
                .with_hint("log in again, or check which user `kubectl config view --minify` names"),
            403 => match Denied::read(&status.message, asked) {
                Some(denied) => {
                    let hint = denied.hint(asked);
                    error(ClusterErrorKind::Forbidden(Box::new(denied)), words).with_hint(hint)
                }
                // Admission plug-ins answer 403 too; they speak about the object, not about the user.
                None => error(ClusterErrorKind::Refused, words),
            },
            // The server names the object that is missing. Without a name the path itself may be unknown to it.
            404 if details.is_some_and(|d| !d.name.is_empty()) => Self::not_found(asked),
            404 if asked.name.is_some() && asked.resource.is_built_in() => Self::not_found(asked),
            404 => error(ClusterErrorKind::NoSuchResource, format!("{server} does not serve `{}`", asked.resource))
                .with_hint(no_such_resource_hint(asked)),
            409 => error(ClusterErrorKind::Conflict, words),
            410 => error(ClusterErrorKind::Expired, words),
            422 => error(ClusterErrorKind::Invalid, words),
            400..500 if words.contains("denied the request") => error(ClusterErrorKind::Refused, words),
            code => error(ClusterErrorKind::Other(code), format!("{server} answered {code}: {words}")),
        }
    }

    fn of_transport(error: &kube::Error, asked: &Asked, server: &str) -> Self {
        if let Some(auth) = chain(error).find_map(|e| e.downcast_ref::<AuthError>()) {
            return of_login(auth, None);
        }
        if chain(error).filter_map(|e| e.downcast_ref::<io::Error>()).any(|e| e.kind() == io::ErrorKind::TimedOut) {
            return Self::timed_out(asked, server, None);
        }
        let cause = root_cause(error);
        let (what, hint) = if cause.contains("certificate") {
            (
                format!("the certificate of {server} is not accepted"),
                "`--certificate-authority` names the authority to check it against, `--tls-server-name` the name",
            )
        } else {
            (
                format!("{server} cannot be reached"),
                "check the address with `kubectl cluster-info`, and whether a VPN or proxy is needed",
            )
        };
        Self::new(ClusterErrorKind::Unreachable, asked.to_string(), what).with_cause(shortened(&cause)).with_hint(hint)
    }
}

/// `cannot list Applications in namespace `argocd`: …`
impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.doing, self.what)
    }
}

impl Error for ClusterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// The root cause, in its own words: what lies between it and us only repeats it.
#[derive(Debug)]
struct Cause(String);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Cause {}

impl Denied {
    /// Reads the words of a Kubernetes authorizer; `None` if somebody else refused.
    ///
    /// They read `User "bob" cannot list resource "applications" in API group "argoproj.io" in the namespace "argocd"`
    /// (k8s.io/apiserver, `RBACAuthorizer` and others), and what was refused may be the impersonation instead.
    fn read(words: &str, asked: &Asked) -> Option<Self> {
        let (_, rest) = words.split_once(" cannot ")?;
        let (verb, rest) = rest.split_once(" resource \"")?;
        let (plural, rest) = rest.split_once("\" in API group \"")?;
        let (group, _) = rest.split_once('"')?;
        if verb == "impersonate" {
            let name = words.split('"').nth(1).map(str::to_owned);
            return Some(Self { verb: verb.to_owned(), resource: plural.to_owned(), namespace: None, name });
        }
        let resource = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
        let namespace = match &asked.scope {
            Scope::Namespace(namespace) => Some(namespace.clone()),
            Scope::All => None,
        };
        Some(Self { verb: verb.to_owned(), resource, namespace, name: asked.name.clone() })
    }

    fn hint(&self, asked: &Asked) -> String {
        let Self { verb, resource, namespace, .. } = self;
        if verb == "impersonate" {
            return format!("`--as` needs the verb `impersonate` on `{resource}`");
        }
        let place = match namespace {
            Some(namespace) => format!("in namespace `{namespace}`"),
            None => "in the whole cluster".to_owned(),
        };
        let argo_cd = if asked.resource == &APPLICATIONS { "; Argo CD's own RBAC is not enough" } else { "" };
        let narrower =
            if namespace.is_none() && asked.resource != &NODES { ", or select one namespace with `-n`" } else { "" };
        format!("ask for the verb `{verb}` on `{resource}` {place}{argo_cd}{narrower}")
    }
}

fn no_such_resource_hint(asked: &Asked) -> &'static str {
    if asked.resource == &APPLICATIONS {
        "Argo CD is not installed in this cluster: `kubectl config get-contexts` lists the others, `--context` selects one"
    } else if asked.resource.is_built_in() {
        NO_API_SERVER
    } else {
        "its CustomResourceDefinition is not installed in this cluster"
    }
}

/// A login that could not be had: a credential plug-in, a token file.
///
/// The library's own words hold the whole command line and output of a plug-in, either of which may hold a secret.
pub(super) fn of_login(error: &AuthError, install_hint: Option<&str>) -> ClusterError {
    let what = match error {
        AuthError::AuthExecStart(_) => "the credential plug-in of the kubeconfig cannot be started".to_owned(),
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = if said.trim().is_empty() { String::new() } else { format!(": {}", shortened(said.trim())) };
            format!("the credential plug-in of the kubeconfig failed ({}){said}", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the credential plug-in of the kubeconfig did not answer with an ExecCredential".to_owned()
        }
        AuthError::ReadTokenFile(_, path) => format!("the token file `{}` cannot be read", path.display()),
        other => shortened(&other.to_string()),
    };
    let failed = ClusterError::config(what);
    let failed = match error {
        AuthError::AuthExecStart(io) | AuthError::ReadTokenFile(io, _) => failed.with_cause(io.to_string()),
        _ => failed,
    };
    match install_hint {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}

/// An error and everything below it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| below(*error)).take(32)
}

fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // An io::Error hides the error it wraps from `source`, and shows only what is below that.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// Drops the object that the server repeats inside its message, whole and in parts: it is long, and annotations may
/// hold secrets.
fn without_object(words: &str) -> String {
    const OPENS: &str = "Invalid value: \"{";
    // How the server's JSON parser goes on to show what surrounds an error.
    let words = words.split(", error found in #").next().unwrap_or_default();
    match (words.find(OPENS), words.rfind("}\"")) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{{…{}", &words[..start + OPENS.len() - 1], &words[end..])
        }
        _ => words.to_owned(),
    }
}

/// The beginning of a text, in one line.
pub(super) fn shortened(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST_WORDS) {
        line.truncate(end);
        line.push('…');
    }
    line
}
