//! Which Applications a command is about: from a cluster by name, namespace and label, or from manifests.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::annotations::keys;
use crate::cli::args::SelectionArgs;
use crate::cli::session::Session;
use crate::cli::session::cluster_error;
use crate::cli::shard::Shard;
use crate::cluster::Cluster;
use crate::cluster::Listed;
use crate::cluster::error::ClusterErrorKind;
use crate::cluster::image_updater::ImageUpdater;
use crate::cluster::request::Scope;
use crate::cluster::selector::Selector;
use crate::error::Error;
use crate::error::ExitCode;
use crate::gather::Clients;
use crate::manifests;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::diagnostic::Diagnostic;
use crate::model::diagnostic::Severity;
use crate::model::progress::Step;
use crate::pipeline;
use crate::run::Selected;

mod missing;

/// The Applications of a run, and where they came from.
pub(crate) struct Selection {
    /// `None` with `-f`.
    pub(crate) cluster: Option<Cluster>,
    pub(crate) selected: Vec<Selected>,
    pub(crate) updaters: Vec<ImageUpdater>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Applications of several namespaces can be among them.
    pub(crate) namespaces: bool,
    /// Something that was asked for could not be read.
    pub(crate) partial: bool,
    /// With `-f`: the file of each Application that is in one.
    pub(crate) files: BTreeMap<ApplicationKey, PathBuf>,
}

impl Selection {
    pub(crate) fn clients<'a>(&'a self, session: &'a Session) -> Clients<'a> {
        Clients {
            cluster: self.cluster.as_ref(),
            registries: &session.registries,
            logins: &session.logins,
            repositories: &session.repositories,
            watch: &session.printer,
        }
    }

    /// Leaves only the part of the work that `--shard` says. `source` is what `--source` says.
    ///
    /// # Errors
    /// The flag has a value that it cannot have.
    pub(crate) fn keep_shard(
        &mut self,
        session: &Session,
        args: &SelectionArgs,
        source: Option<&str>,
    ) -> Result<(), Error> {
        let Some(shard) = shard(session, args)? else { return Ok(()) };
        let all = self.selected.len();
        let mut members = shard.members(&self.selected, source).into_iter();
        self.selected.retain(|_| members.next().unwrap_or(false));
        let kept: BTreeSet<&ApplicationKey> = self.selected.iter().map(|selected| &selected.application.key).collect();
        self.diagnostics.retain(|diagnostic| diagnostic.application.as_ref().is_none_or(|key| kept.contains(key)));
        session.printer.note(&format!("shard {shard}: {} of {all} Applications", self.selected.len()));
        Ok(())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.partial { ExitCode::Partial } else { ExitCode::Done }
    }
}

/// Finds the Applications that a command is about.
///
/// # Errors
/// The flags contradict each other, a named Application is not there or has no image list, or they cannot be read.
pub(crate) async fn select(session: &Session, args: &SelectionArgs) -> Result<Selection, Error> {
    let names = names(args)?;
    shard(session, args)?;
    if !args.filename.is_empty() {
        return from_manifests(session, args, &names).await;
    }
    let cluster = session.cluster(args.scope.namespace().map(str::to_owned)).await?;
    let reading = Step::begin(&session.printer, format!("Applications from {}", cluster.server()));
    let at = (&cluster, session.connection.argocd_namespace.as_str());
    let (Listed { applications, unreadable }, scope) = from_cluster(at, args, &names).await?;
    drop(reading);
    let mut diagnostics = not_read(unreadable);
    let partial = !diagnostics.is_empty();
    must_be_any(session, &applications, &diagnostics)?;
    let namespaces = args.scope.all_namespaces || distinct_namespaces(&applications) > 1;
    let wanted: Vec<ApplicationKey> = names.iter().map(|name| name.key(cluster.namespace())).collect();
    for application in applications.iter().filter(|application| wanted.contains(&application.key)) {
        must_have_image_list(application)?;
    }
    let found =
        missing::Found { number: applications.len(), first: applications.first().map(|first| first.key.clone()) };
    let (selected, more) = pipeline::read(of_argo_cd(session, applications));
    diagnostics.extend(more);
    if selected.is_empty() {
        missing::say_nothing_found(session, &cluster, args, (&scope, found)).await;
    }
    if !selected.is_empty() {
        session.configure_registries(&cluster).await?;
    }
    let updaters = updaters(session, &cluster, &selected, &scope).await;
    Ok(Selection {
        selected,
        updaters,
        diagnostics,
        namespaces,
        partial,
        cluster: Some(cluster),
        files: BTreeMap::new(),
    })
}

/// The Applications that are named, or in manifests, whether they have an image list or not.
///
/// # Errors
/// The flags contradict each other, or one is not there or cannot be read.
pub(crate) async fn applications(session: &Session, args: &SelectionArgs) -> Result<Vec<Application>, Error> {
    let names = names(args)?;
    if args.filename.is_empty() {
        let cluster = session.cluster(args.scope.namespace().map(str::to_owned)).await?;
        let at = (&cluster, session.connection.argocd_namespace.as_str());
        let (Listed { applications, unreadable }, _) = from_cluster(at, args, &names).await?;
        session.diagnose(&not_read(unreadable));
        return Ok(of_argo_cd(session, applications));
    }
    let read = read_manifests(session, args).await?;
    session.diagnose(&read.diagnostics);
    Ok(of_argo_cd(session, narrowed(read.applications, args, &names)?))
}

/// A name as typed on the command line.
struct Name {
    namespace: Option<String>,
    name: String,
}

impl Name {
    fn key(&self, default: &str) -> ApplicationKey {
        let namespace = self.namespace.clone().unwrap_or_else(|| default.to_owned());
        ApplicationKey { namespace, name: self.name.clone() }
    }
}

/// Reads `NAME`, `NAMESPACE/NAME` or `application.argoproj.io/NAME`.
fn name(text: &str, namespace: Option<&str>) -> Result<Name, Error> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if name.is_empty() || name.contains('/') || prefix == Some("") {
        return Err(Error::usage(format!("`{text}` is not the name of an Application"))
            .hint("write NAME, NAMESPACE/NAME or application.argoproj.io/NAME"));
    }
    let prefix = prefix.filter(|prefix| *prefix != "application.argoproj.io");
    if let (Some(prefix), Some(namespace)) = (prefix, namespace)
        && prefix != namespace
    {
        return Err(Error::usage(format!("`{text}` is not in the namespace `{namespace}` of -n")));
    }
    Ok(Name { namespace: prefix.map(str::to_owned), name: name.to_owned() })
}

/// Reads `--shard`.
fn shard(session: &Session, args: &SelectionArgs) -> Result<Option<Shard>, Error> {
    let index = session.process.variable(Shard::variable());
    args.shard.as_deref().map(|text| Shard::parse(text, index)).transpose()
}

fn names(args: &SelectionArgs) -> Result<Vec<Name>, Error> {
    if !args.applications.is_empty() {
        if args.selector.is_some() {
            return Err(Error::usage("names and -l cannot be given together"));
        }
        if args.scope.all_namespaces {
            return Err(Error::usage("names and -A cannot be given together").hint("write NAMESPACE/NAME"));
        }
    }
    if args.recursive && args.filename.is_empty() {
        return Err(Error::usage("-R needs -f"));
    }
    selector(args)?;
    args.applications.iter().map(|text| name(text, args.scope.namespace())).collect()
}

/// Reads `-l`, so that a slip in it costs no request.
fn selector(args: &SelectionArgs) -> Result<Option<Selector>, Error> {
    let parsed = args.selector.as_deref().map(Selector::parse).transpose();
    parsed.map_err(|why| Error::usage(format!("-l: {why}")))
}

async fn from_cluster(
    (cluster, argocd): (&Cluster, &str),
    args: &SelectionArgs,
    names: &[Name],
) -> Result<(Listed, Scope), Error> {
    let scope = if args.scope.all_namespaces { Scope::All } else { Scope::Namespace(cluster.namespace().to_owned()) };
    if names.is_empty() {
        let listed = cluster.applications(&scope, args.selector.as_deref()).await.map_err(cluster_error)?;
        return Ok((listed, scope));
    }
    let keys: BTreeSet<ApplicationKey> = names.iter().map(|name| name.key(cluster.namespace())).collect();
    let mut listed = Listed::default();
    for key in &keys {
        match cluster.application(key).await {
            Ok(application) => listed.applications.push(application),
            Err(error) if error.kind == ClusterErrorKind::NotFound => {
                return Err(missing::not_found(cluster, key, argocd).await);
            }
            Err(error) => return Err(cluster_error(error)),
        }
    }
    Ok((listed, scope))
}

/// What is said of Applications that cannot be read.
fn not_read(unreadable: Vec<String>) -> Vec<Diagnostic> {
    unreadable.into_iter().map(|what| Diagnostic::error("unreadable-application", what)).collect()
}

/// Ends a run that could read none of the Applications there are.
fn must_be_any(session: &Session, read: &[Application], diagnostics: &[Diagnostic]) -> Result<(), Error> {
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    if read.is_empty() && failed {
        session.diagnose(diagnostics);
        return Err(Error::failed("no Application could be read"));
    }
    Ok(())
}

fn must_have_image_list(application: &Application) -> Result<(), Error> {
    let key = keys::for_application(keys::IMAGE_LIST);
    match application.annotations.get(&key) {
        Some(list) if list.chars().any(|c| c != ',' && !c.is_whitespace()) => Ok(()),
        _ => Err(Error::failed(format!("the Application `{}` has no image list", application.key))
            .hint(format!("add the annotation {key}, for example: web=ghcr.io/acme/web:~1.0"))
            .hint(format!("`kubectl image-update check {} --suggest` prints what to add", application.key))),
    }
}

/// Notes where Argo CD runs, for Applications whose status does not say so.
fn of_argo_cd(session: &Session, mut applications: Vec<Application>) -> Vec<Application> {
    for application in &mut applications {
        application.argocd_namespace = Some(session.connection.argocd_namespace.clone());
    }
    applications
}

fn distinct_namespaces(applications: &[Application]) -> usize {
    applications.iter().map(|application| &application.key.namespace).collect::<BTreeSet<_>>().len()
}

/// The ImageUpdater resources that may rule over the selection; none if they may not be listed.
async fn updaters(session: &Session, cluster: &Cluster, selected: &[Selected], scope: &Scope) -> Vec<ImageUpdater> {
    let scopes: BTreeSet<&str> = selected.iter().map(|selected| selected.application.key.namespace.as_str()).collect();
    let scopes: Vec<Scope> = match (scope, scopes.len()) {
        (_, 0) => Vec::new(),
        (Scope::All, _) => vec![Scope::All],
        _ => scopes.into_iter().map(|namespace| Scope::Namespace(namespace.to_owned())).collect(),
    };
    let mut updaters = Vec::new();
    for scope in scopes {
        match cluster.image_updaters(&scope).await {
            Ok(found) => updaters.extend(found),
            // Whoever may not see them cannot be told about them; that is said where it can matter, at -v.
            Err(error) if session.general.verbose > 0 => session.printer.note(&format!("note: {error}")),
            Err(_) => {}
        }
    }
    updaters
}

async fn read_manifests(session: &Session, args: &SelectionArgs) -> Result<manifests::Manifests, Error> {
    let (filenames, recursive) = (args.filename.clone(), args.recursive);
    let namespace = args.scope.namespace().unwrap_or(&session.connection.argocd_namespace).to_owned();
    // Whoever writes to a pipe may take his time, and may never end.
    let reading = tokio::task::spawn_blocking(move || {
        let selection = manifests::Selection { filenames: &filenames, recursive, namespace: &namespace };
        manifests::read(selection, &mut std::io::stdin())
    });
    let read = reading.await.map_err(|stopped| Error::failed("failed to read the manifests").source(stopped))?;
    read.map_err(|error| Error::failed(error.to_string()).maybe_hint(error.hint().map(str::to_owned)))
}

async fn from_manifests(session: &Session, args: &SelectionArgs, names: &[Name]) -> Result<Selection, Error> {
    let read = read_manifests(session, args).await?;
    let mut diagnostics = read.diagnostics;
    let files = read.files;
    let partial = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    must_be_any(session, &read.applications, &diagnostics)?;
    let applications = narrowed(read.applications, args, names)?;
    applications.iter().filter(|_| !names.is_empty()).try_for_each(must_have_image_list)?;
    let namespaces = distinct_namespaces(&applications) > 1;
    let all = applications.len();
    let (selected, more) = pipeline::read(of_argo_cd(session, applications));
    diagnostics.extend(more);
    if selected.is_empty() {
        let found = crate::decide::count(all, "Application");
        session.printer.note(&format!("no image list to check in {found} of the manifests"));
    }
    Ok(Selection { cluster: None, selected, updaters: Vec::new(), diagnostics, namespaces, partial, files })
}

/// The Applications of manifests that labels, namespace and names select.
fn narrowed(
    mut applications: Vec<Application>,
    args: &SelectionArgs,
    names: &[Name],
) -> Result<Vec<Application>, Error> {
    if let Some(selector) = selector(args)? {
        applications.retain(|application| selector.matches(&application.labels));
    }
    if let Some(namespace) = args.scope.namespace() {
        applications.retain(|application| application.key.namespace == namespace);
    }
    if names.is_empty() {
        return Ok(applications);
    }
    let is = |wanted: &Name, application: &Application| {
        application.key.name == wanted.name
            && wanted.namespace.as_ref().is_none_or(|namespace| application.key.namespace == *namespace)
    };
    for wanted in names {
        if !applications.iter().any(|application| is(wanted, application)) {
            let near = missing::near_names(&wanted.name, &applications);
            let error = Error::failed(format!("the manifests have no Application `{}`", wanted.name));
            return Err(if near.is_empty() {
                error
            } else {
                error.hint(format!("did you mean {}?", near.join(" or ")))
            });
        }
    }
    applications.retain(|application| names.iter().any(|wanted| is(wanted, application)));
    Ok(applications)
}
