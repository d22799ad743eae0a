//! Values to complete with: from the kubeconfig, the cluster, registries. Nothing is written, nobody is asked a
//! question, nothing is said; what does not come in time does not come.

use std::time::Duration;

use clap::Arg;
use clap::FromArgMatches as _;

use crate::annotations;
use crate::annotations::keys;
use crate::annotations::rule::ImageRule;
use crate::cli::args::Cli;
use crate::cli::complete::Candidate;
use crate::cli::complete::line::Line;
use crate::cli::complete::possible;
use crate::cli::complete::shared_flags;
use crate::cli::session::Session;
use crate::cli::settings;
use crate::cluster::Cluster;
use crate::cluster::names::EntryKind;
use crate::cluster::request::Scope;
use crate::decide::count;
use crate::logins::World;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::output::Printer;
use crate::process::Process;
use crate::strategy::newest_first;

/// The prefix that `kubectl get -o name` writes before a name.
const KIND: &str = "application.argoproj.io";

/// Where the values of an argument come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A list in the definition of the argument.
    List,
    Files,
    Folders,
    /// Names in the kubeconfig.
    Kubeconfig(EntryKind),
    Namespaces,
    Applications,
    /// Images of the Application that is named before; `pinned`: only those.
    Aliases {
        pinned: bool,
    },
    /// `ALIAS=TAG`; `bare`: `ALIAS` will do.
    Tags {
        bare: bool,
    },
    Unknown,
}

/// The word of `pin` and `unpin` that comes next: Applications first, unless flags select them.
fn next_word(line: &Line<'_>) -> Source {
    let flagged = ["selector", "all", "all_namespaces"].into_iter().any(|flag| line.has(flag));
    match line.command.get_name() {
        _ if !flagged && line.values("words").next().is_none() => Source::Applications,
        "unpin" => Source::Aliases { pinned: true },
        _ => Source::Tags { bare: true },
    }
}

/// The Applications that are named before.
fn named(line: &Line<'_>) -> Vec<String> {
    let flagged = ["selector", "all", "all_namespaces"].into_iter().any(|flag| line.has(flag));
    let first = line.values("words").next().filter(|_| !flagged).into_iter().flat_map(|names| names.split(','));
    line.values("applications").chain(first).map(str::to_owned).collect()
}

/// Where the values of an argument come from, by what it is called.
pub(super) fn source(line: &Line<'_>, argument: &Arg) -> Source {
    let placeholder = argument.get_value_names().and_then(|names| names.first()).map(clap::builder::Str::as_str);
    match argument.get_id().as_str() {
        "applications" => Source::Applications,
        "words" => next_word(line),
        "sets" => Source::Tags { bare: false },
        "context" => Source::Kubeconfig(EntryKind::Context),
        "cluster" => Source::Kubeconfig(EntryKind::Cluster),
        "user" => Source::Kubeconfig(EntryKind::User),
        _ if !argument.get_possible_values().is_empty() => Source::List,
        _ => match placeholder {
            Some("NAMESPACE") => Source::Namespaces,
            Some("FILE" | "PATH") => Source::Files,
            Some("DIR") => Source::Folders,
            _ => Source::Unknown,
        },
    }
}

/// What can be offered for an argument, within a time.
pub(super) async fn offered(
    process: Process,
    line: &Line<'_>,
    (argument, source): (&Arg, Source),
    limit: Duration,
) -> Vec<Candidate> {
    let wanted = match source {
        Source::List => return possible(argument),
        Source::Files | Source::Folders | Source::Unknown => return Vec::new(),
        source => Wanted {
            source,
            typed: line.typed.clone(),
            namespace: line.value("namespace").map(str::to_owned),
            everywhere: line.has("all_namespaces"),
            selector: line.value("selector").map(str::to_owned),
            named: named(line),
        },
    };
    let words = ["", "version"].map(str::to_owned).into_iter().chain(shared_flags(line));
    let command = <Cli as clap::CommandFactory>::command();
    let Ok(cli) = command.try_get_matches_from(words).and_then(|matches| Cli::from_arg_matches(&matches)) else {
        return Vec::new();
    };
    let Cli { connection, mut general, .. } = cli;
    // What a registry does not say by then is not worth waiting for.
    general.timeout = Some(format!("{}ms", limit.as_millis()));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // A thread of its own: a program that hands out logins blocks the thread that waits for it.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) = runtime else { return };
        let found = runtime.block_on(async {
            let session = Session::new(process, Printer::silent(), connection, general).ok()?;
            wanted.find(&session).await
        });
        let _ = sender.send(found);
    });
    match tokio::time::timeout(limit, receiver).await {
        Ok(Ok(candidates)) => candidates.unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// What is looked for, and what the line says about it.
struct Wanted {
    source: Source,
    typed: String,
    namespace: Option<String>,
    everywhere: bool,
    selector: Option<String>,
    /// The Applications that were named.
    named: Vec<String>,
}

impl Wanted {
    /// `None`: it could not be had, for whatever reason.
    async fn find(&self, session: &Session) -> Option<Vec<Candidate>> {
        if let Source::Kubeconfig(kind) = self.source {
            let settings = settings::connection(session.connection.clone(), &session.process, None).ok()?;
            let names = crate::cluster::names::in_kubeconfig(&settings, kind).ok()?;
            return Some(names.into_iter().map(|name| Candidate::new(name, "")).collect());
        }
        let cluster = session.cluster(self.namespace.clone()).await.ok()?;
        match self.source {
            Source::Namespaces => {
                let names = cluster.namespaces().await.ok()?;
                Some(names.into_iter().map(|name| Candidate::new(name, "")).collect())
            }
            Source::Applications => self.applications(&cluster).await,
            Source::Aliases { pinned } => self.aliases(&cluster, pinned).await,
            Source::Tags { bare } => match self.typed.split_once('=') {
                Some((alias, tag)) => self.tags(session, &cluster, (alias, tag)).await,
                None => self.images(&cluster, bare).await,
            },
            _ => None,
        }
    }

    /// Names of Applications with an image list, in the form that is being typed.
    async fn applications(&self, cluster: &Cluster) -> Option<Vec<Candidate>> {
        let (prefix, scope) = match self.typed.split_once('/') {
            Some((KIND, _)) => (format!("{KIND}/"), Scope::Namespace(cluster.namespace().to_owned())),
            Some((namespace, _)) => (format!("{namespace}/"), Scope::Namespace(namespace.to_owned())),
            None => (String::new(), Scope::Namespace(cluster.namespace().to_owned())),
        };
        let mut found = named_in(cluster, &scope).await?;
        let mut candidates: Vec<_> =
            found.iter().map(|(key, about)| Candidate::new(format!("{prefix}{}", key.name), about)).collect();
        if candidates.is_empty() && prefix.is_empty() && self.namespace.is_none() {
            found = named_in(cluster, &Scope::All).await?;
            candidates = found.iter().map(|(key, about)| Candidate::new(key.to_string(), about)).collect();
        }
        candidates.retain(|candidate| !self.named.contains(&candidate.value));
        Some(candidates)
    }

    /// The Applications that the line is about: the named ones, else those that its flags select.
    async fn meant(&self, cluster: &Cluster) -> Option<Vec<Application>> {
        if self.named.is_empty() {
            let scope = if self.everywhere { Scope::All } else { Scope::Namespace(cluster.namespace().to_owned()) };
            return Some(cluster.applications(&scope, self.selector.as_deref()).await.ok()?.applications);
        }
        let mut applications = Vec::new();
        for text in &self.named {
            let (namespace, name) = match text.split_once('/') {
                Some((KIND, name)) => (cluster.namespace(), name),
                Some((namespace, name)) => (namespace, name),
                None => (cluster.namespace(), text.as_str()),
            };
            let key = ApplicationKey { namespace: namespace.to_owned(), name: name.to_owned() };
            applications.extend(cluster.application(&key).await.ok());
        }
        Some(applications)
    }

    async fn rules(&self, cluster: &Cluster) -> Option<Vec<(ApplicationKey, ImageRule)>> {
        let mut rules = Vec::new();
        for application in self.meant(cluster).await? {
            if let Some((found, _)) = annotations::parse(&application) {
                rules.extend(found.images.into_iter().map(|rule| (application.key.clone(), rule)));
            }
        }
        Some(rules)
    }

    async fn aliases(&self, cluster: &Cluster, pinned: bool) -> Option<Vec<Candidate>> {
        let rules = self.rules(cluster).await?;
        let wanted = rules.iter().filter(|(_, rule)| !pinned || rule.pin.is_some());
        Some(wanted.map(|(_, rule)| Candidate::new(rule.label(), &rule.image)).collect())
    }

    async fn images(&self, cluster: &Cluster, bare: bool) -> Option<Vec<Candidate>> {
        let aliases = self.aliases(cluster, false).await?;
        let with_tag = |alias: Candidate| {
            let equals = Candidate::new(format!("{}=", alias.value), alias.description.clone());
            bare.then_some(alias).into_iter().chain([equals])
        };
        Some(aliases.into_iter().flat_map(with_tag).collect())
    }

    /// The tags of an image, newest version first.
    async fn tags(&self, session: &Session, cluster: &Cluster, (alias, typed): (&str, &str)) -> Option<Vec<Candidate>> {
        let rules = self.rules(cluster).await?;
        let (key, rule) = rules.iter().find(|(_, rule)| rule.label() == alias)?;
        session.configure_registries(cluster).await.ok()?;
        let world = World { cluster: Some(cluster), registries: &session.registries };
        let remote = session.logins.of_rule(world, key, rule).await?.remote.ok()?;
        let tags = session.registries.tags(&remote).await.ok()?;
        let mut tags: Vec<&str> = tags.names.iter().map(String::as_str).filter(|tag| tag.starts_with(typed)).collect();
        newest_first(&mut tags);
        Some(tags.into_iter().map(|tag| Candidate::new(format!("{alias}={tag}"), "")).collect())
    }
}

/// The Applications of a scope that have an image list, each with what there is to say about it.
async fn named_in(cluster: &Cluster, scope: &Scope) -> Option<Vec<(ApplicationKey, String)>> {
    let list = keys::for_application(keys::IMAGE_LIST);
    let found = cluster.application_names(scope).await.ok()?;
    let about = |images: &str| count(images.split(',').filter(|image| !image.trim().is_empty()).count(), "image");
    Some(found.into_iter().filter_map(|(key, annotations)| Some((key, about(annotations.get(&list)?)))).collect())
}
