//! Asking registries for what a decision needs, and nothing else; what could not be had is said, never left out.

use std::collections::HashMap;

use futures::StreamExt as _;
use tokio::sync::OnceCell;

use crate::annotations::rule::Invalid;
use crate::annotations::rule::Settings;
use crate::cluster::Cluster;
use crate::decide;
use crate::decide::Evidence;
use crate::decide::Facts;
use crate::decide::Survey;
use crate::gather::narrow::Asked;
use crate::logins;
use crate::logins::Found;
use crate::logins::Logins;
use crate::model::application::ApplicationKey;
use crate::model::candidate::Candidate;
use crate::model::candidate::Rejected;
use crate::model::candidate::Rejection;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;
use crate::model::image::Platforms;
use crate::model::image::Tag;
use crate::model::plan::Change;
use crate::model::progress::Watch;
use crate::registry::Build;
use crate::registry::Description;
use crate::registry::Registries;
use crate::registry::RegistryError;
use crate::registry::RegistryErrorKind;
use crate::registry::conf::TagOrder;
use crate::repositories::Repositories;
use crate::run::Options;
use crate::run::Selected;
use crate::strategy::Needs;

mod dates;
mod narrow;

/// What a run talks to.
pub(crate) struct Clients<'a> {
    /// `None` with `-f`.
    pub(crate) cluster: Option<&'a Cluster>,
    pub(crate) registries: &'a Registries,
    pub(crate) logins: &'a Logins,
    pub(crate) repositories: &'a Repositories,
    /// Who is told what the run is at.
    pub(crate) watch: &'a dyn Watch,
}

impl<'a> Clients<'a> {
    pub(crate) fn world(&self) -> logins::World<'a> {
        logins::World { cluster: self.cluster, registries: self.registries }
    }
}

/// How many tags of one repository are described at a time; the registry client bounds what one host gets.
const TAGS_AT_A_TIME: usize = 32;

/// Asks registries, and the cluster for its nodes, at most once each.
pub(crate) struct Gatherer<'a> {
    clients: &'a Clients<'a>,
    options: &'a Options,
    node_platforms: OnceCell<(Platforms, Option<Diagnostic>)>,
}

/// Something that could not be had, as the reason of an undetermined image.
struct Missing {
    reason: Reason,
    message: String,
}

impl<'a> Gatherer<'a> {
    pub(crate) fn new(clients: &'a Clients<'a>, options: &'a Options) -> Self {
        Self { clients, options, node_platforms: OnceCell::new() }
    }

    /// Everything that the decision about an image needs to know from its registry.
    pub(crate) async fn evidence(&self, survey: &Survey<'_>) -> (Evidence, Vec<Diagnostic>) {
        let (Ok(settings), true) = (&survey.rule.settings, survey.asks_registry()) else {
            return (Evidence::NotAsked, Vec::new());
        };
        let clients = self.clients;
        let found = clients.logins.of_rule(clients.world(), &survey.application.key, survey.rule).await;
        let Some(Found { remote, mut diagnostics }) = found else { return (Evidence::NotAsked, Vec::new()) };
        let remote = match remote {
            Ok(remote) => remote,
            Err(diagnostic) => {
                let invalid = Invalid::new(Reason::BadValue, diagnostic.message.clone());
                diagnostics.push(diagnostic);
                return (Evidence::Unusable(invalid), diagnostics);
            }
        };
        let order = clients.registries.entry(&remote).and_then(|(entry, _)| entry.order);
        let needs = match settings.strategy.needs {
            // The order says which was built last, as somebody wrote it down: no image is asked (spec section 3.3).
            Needs::BuildDates if order.is_some() => Needs::Tags,
            needs => needs,
        };
        let platforms = match needs {
            _ if survey.rule.wish.version.is_some() => self.options.check_platforms,
            Needs::BuildDates => true,
            Needs::Tags => self.options.check_platforms,
            Needs::OneDigest => self.options.check_platforms || settings.platforms.is_some(),
        };
        let platforms = if platforms { Some(self.platforms(survey, settings, &mut diagnostics).await) } else { None };
        let asked = Asked { survey, settings, remote: &remote, needs, order, platforms };
        let facts = self.facts(&asked, &mut diagnostics).await;
        let evidence = match facts {
            Ok(facts) if self.options.dates => {
                Evidence::Facts(dates::dated(clients, &asked, facts, &mut diagnostics).await)
            }
            Ok(facts) => Evidence::Facts(facts),
            Err(Missing { reason, message }) => Evidence::Missing { reason, message },
        };
        (evidence, diagnostics)
    }

    async fn tags(&self, asked: &Asked<'_>) -> Result<Facts, Missing> {
        let tags = self.clients.registries.tags(asked.remote).await.map_err(|error| missing(&error))?;
        let (tags, rejected) = decide::filter(&tags.names, asked.settings);
        let (seen, allowed) = (tags.len() + rejected.len(), tags.len());
        let candidates = tags.into_iter().map(Candidate::of_tag).collect();
        Ok(Facts { seen, allowed, candidates, rejected, ..Facts::default() })
    }

    /// The same with the places in the list, where its order says which tag is the latest.
    async fn ordered_tags(&self, asked: &Asked<'_>, diagnostics: &mut Vec<Diagnostic>) -> Result<Facts, Missing> {
        let mut facts = self.tags(asked).await?;
        let Some(order) = asked.order.filter(|_| asked.settings.strategy.needs == Needs::BuildDates) else {
            return Ok(facts);
        };
        let tags = self.clients.registries.tags(asked.remote).await.map_err(|error| missing(&error))?;
        let places = places(&tags.names, order);
        for candidate in &mut facts.candidates {
            candidate.place = places.get(candidate.tag.as_str()).copied();
        }
        if let Some(tag) = decide::needs_current_date(asked.survey, &facts.candidates) {
            facts.current_place = places.get(tag.as_str()).copied();
            if facts.current_place.is_none() {
                diagnostics.push(gone(asked, &tag));
            }
        }
        Ok(facts)
    }

    async fn facts(&self, asked: &Asked<'_>, diagnostics: &mut Vec<Diagnostic>) -> Result<Facts, Missing> {
        if let Some(version) = &asked.survey.rule.wish.version {
            return self.requested(asked, version).await;
        }
        let facts = match asked.needs {
            Needs::Tags => self.ordered_tags(asked, diagnostics).await?,
            Needs::BuildDates => self.build_dates(asked, diagnostics).await?,
            Needs::OneDigest => self.one_digest(asked).await?,
        };
        self.narrowed(asked, facts).await
    }

    async fn build_dates(&self, asked: &Asked<'_>, diagnostics: &mut Vec<Diagnostic>) -> Result<Facts, Missing> {
        let mut facts = self.tags(asked).await?;
        let tags = facts.candidates.drain(..).map(|candidate| candidate.tag).collect();
        self.date(asked, tags, &mut facts).await?;
        if let Some(tag) = decide::needs_current_date(asked.survey, &facts.candidates) {
            match self.clients.registries.describe(asked.remote, &tag, &Platforms::Any).await {
                Ok(Description::Image { created, .. }) => facts.current_created = Some(created),
                Ok(Description::OtherPlatform) => {}
                Err(error) if error.kind() == RegistryErrorKind::TagNotFound => diagnostics.push(gone(asked, &tag)),
                Err(error) => return Err(missing(&error)),
            }
        }
        Ok(facts)
    }

    /// Dates these tags, as far as it takes to know which was built last, and adds them to the facts.
    async fn date(&self, asked: &Asked<'_>, tags: Vec<Tag>, facts: &mut Facts) -> Result<(), Missing> {
        let any = Platforms::Any;
        let platforms = asked.platforms.as_ref().unwrap_or(&any);
        let builds = self.clients.registries.builds(asked.remote, &tags, platforms).await;
        for (tag, build) in builds.map_err(|error| missing(&error))? {
            match build {
                Build::Dated(at) => {
                    facts.candidates.push(Candidate { created: Some(at), ..Candidate::of_tag(tag) });
                }
                Build::Pushed(at) => facts.candidates.push(Candidate { pushed: Some(at), ..Candidate::of_tag(tag) }),
                Build::OtherPlatform => {
                    facts.rejected.push(Rejected { tag: tag.to_string(), why: Rejection::WrongPlatform });
                }
            }
        }
        Ok(())
    }

    async fn one_digest(&self, asked: &Asked<'_>) -> Result<Facts, Missing> {
        let Asked { settings, remote, platforms, .. } = asked;
        let Some(tag) = settings.policy.followed_tag() else {
            return Err(Missing { reason: Reason::BadConstraint, message: "no tag to follow".to_owned() });
        };
        let mut facts = Facts { seen: 1, ..Facts::default() };
        if let Err(why) = settings.filter.verdict(tag.as_str()) {
            facts.rejected.push(Rejected { tag: tag.to_string(), why });
            return Ok(facts);
        }
        facts.allowed = 1;
        let registries = self.clients.registries;
        let answer = match platforms {
            // What it has to run on, if that matters.
            Some(platforms) => registries.serves(remote, tag, platforms).await,
            None => registries.digest(remote, tag).await.map(|digest| (digest, true)),
        };
        match answer {
            Ok((digest, true)) => {
                facts.candidates.push(Candidate { digest: Some(digest), ..Candidate::of_tag(tag.clone()) });
            }
            Ok((_, false)) => facts.rejected.push(Rejected { tag: tag.to_string(), why: Rejection::WrongPlatform }),
            Err(error) if error.kind() == RegistryErrorKind::TagNotFound => {
                facts = Facts::default();
            }
            Err(error) => return Err(missing(&error)),
        }
        Ok(facts)
    }

    /// The platforms that an image must be built for.
    async fn platforms(
        &self,
        survey: &Survey<'_>,
        settings: &Settings,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Platforms {
        match &settings.platforms {
            Some(platforms) => platforms.clone(),
            None => self.platforms_of_nodes(survey, diagnostics).await,
        }
    }

    /// The platforms that an image must be built for when no annotation says so: those of the nodes, if the
    /// Application deploys to this cluster and they can be listed; otherwise any. Never the caller's own machine.
    async fn platforms_of_nodes(&self, survey: &Survey<'_>, diagnostics: &mut Vec<Diagnostic>) -> Platforms {
        let (Some(cluster), true) = (self.clients.cluster, survey.application.destination.is_in_cluster()) else {
            return Platforms::Any;
        };
        let (platforms, diagnostic) = self
            .node_platforms
            .get_or_init(|| async {
                match cluster.node_platforms().await {
                    Ok(nodes) if nodes.is_empty() => (Platforms::Any, None),
                    Ok(nodes) => (Platforms::OneOf(nodes), None),
                    Err(error) => {
                        let message = format!("the platforms of the nodes are not known: {error}");
                        let diagnostic = Diagnostic::warning("platforms-unknown", message)
                            .hint("an image for any platform will do; `<alias>.platforms` says which are wanted");
                        (Platforms::Any, Some(diagnostic))
                    }
                }
            })
            .await;
        diagnostics.extend(diagnostic.clone());
        platforms.clone()
    }

    /// Records in each change the digest behind every tag it writes, and returns the ones that could not be had.
    pub(crate) async fn record_digests(
        clients: &Clients<'_>,
        selected: &[Selected],
        changes: &mut [Change],
    ) -> Vec<(ApplicationKey, String, String)> {
        let wanted: Vec<_> = changes
            .iter()
            .enumerate()
            .flat_map(|(change, value)| {
                value.images.iter().enumerate().filter_map(move |(image, value)| {
                    let tag = value.to.tag.as_deref().filter(|_| value.to.digest.is_none()).and_then(Tag::new)?;
                    Some((change, image, tag))
                })
            })
            .collect();
        let answers: Vec<_> = futures::stream::iter(wanted)
            .map(|(change, image, tag)| {
                let (key, wanted) = (changes[change].application.clone(), changes[change].images[image].clone());
                async move {
                    let rules = selected.iter().find(|selected| selected.application.key == key);
                    let rules = rules.map(|selected| &selected.rules);
                    // What was passed over was said when the decision was made.
                    let found = clients.logins.of_change(clients.world(), (&key, rules), &wanted).await;
                    let answer = match found.remote {
                        Ok(remote) => clients.registries.digest(&remote, &tag).await.map_err(|error| error.to_string()),
                        Err(diagnostic) => Err(diagnostic.message),
                    };
                    (change, image, format!("{}:{tag}", wanted.reference), answer)
                }
            })
            .buffered(TAGS_AT_A_TIME)
            .collect()
            .await;
        let mut failures = Vec::new();
        for (change, image, name, answer) in answers {
            match answer {
                Ok(digest) => changes[change].images[image].to.digest = Some(digest.to_string()),
                Err(error) => failures.push((changes[change].application.clone(), name, error)),
            }
        }
        failures
    }
}

/// Where each tag stands in a list, the latest one the highest.
fn places(names: &[String], order: TagOrder) -> HashMap<&str, usize> {
    let place = |at| match order {
        TagOrder::LatestFirst => names.len() - at,
        TagOrder::LatestLast => at,
    };
    names.iter().enumerate().map(|(at, name)| (name.as_str(), place(at))).collect()
}

fn gone(asked: &Asked<'_>, tag: &Tag) -> Diagnostic {
    let message = format!("{}:{tag} is no longer in the registry", asked.remote.repository);
    Diagnostic::warning("current-tag-gone", message)
        .about(&asked.survey.application.key)
        .hint("whether the newest build is newer than it cannot be said")
}

fn missing(error: &RegistryError) -> Missing {
    let reason = match error.kind() {
        RegistryErrorKind::RepositoryNotFound => Reason::RepositoryNotFound,
        RegistryErrorKind::Denied => Reason::RegistryDenied,
        RegistryErrorKind::RateLimited { .. } => Reason::RateLimited,
        RegistryErrorKind::Truncated => Reason::TruncatedTagList,
        RegistryErrorKind::TagNotFound | RegistryErrorKind::Protocol | RegistryErrorKind::Undated => {
            Reason::MetadataUnreadable
        }
        RegistryErrorKind::Unreachable | RegistryErrorKind::Settings => Reason::RegistryUnreachable,
    };
    let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
    Missing { reason, message: format!("{error}{hint}") }
}
