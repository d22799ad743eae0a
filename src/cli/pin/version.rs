//! Which version is held: the one an image has, one that was typed, or one that ran earlier.

use crate::annotations::rule::ImageRule;
use crate::cli::pin_args::TermsArgs;
use crate::cli::select::Selection;
use crate::cli::session::Session;
use crate::decide;
use crate::decide::history;
use crate::decide::history::Deployments;
use crate::error::Error;
use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::image::Digest;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::registry::RegistryErrorKind;
use crate::run::Selected;
use crate::writeback::Placement;

/// The deployment whose version is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Earlier {
    /// The newest one with another version than now.
    Previous,
    Id(i64),
}

impl Earlier {
    pub(super) fn of(terms: &TermsArgs) -> Option<Self> {
        terms.history_id.map(Self::Id).or(terms.previous.then_some(Self::Previous))
    }

    /// The flag that asks for it.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Previous => "--previous",
            Self::Id(_) => "--history-id",
        }
    }

    /// The version of that deployment.
    ///
    /// # Errors
    /// There is none, or what it set cannot be told; the deployments are listed then.
    pub(super) fn version(
        self,
        (application, rule): (&Application, &ImageRule),
        versions: &Deployments,
        now: Option<&Version>,
    ) -> Result<Version, Error> {
        let entries = history::entries(application);
        let label = rule.label();
        let fail = |what: String| {
            let error = Error::failed(what).hint(format!("say which version is meant: {label}=TAG"));
            listed(application, versions).into_iter().fold(error, Error::detail)
        };
        match self {
            Self::Id(id) => match entries.iter().position(|entry| entry.id == Some(id)) {
                None => Err(fail(format!("the history of {} has no deployment {id}", application.key))),
                Some(index) => versions[index]
                    .clone()
                    .map_err(|why| fail(format!("what deployment {id} set for `{label}` is not known: {why}"))),
            },
            Self::Previous => {
                let Some(now) = now else {
                    return Err(fail(format!("what `{label}` is at now is not known, so neither is what was before")));
                };
                // The first that is not known may be the one that is meant.
                match versions.iter().rev().find(|version| version.as_ref() != Ok(now)) {
                    Some(Ok(version)) => Ok(version.clone()),
                    Some(Err(why)) => Err(fail(format!("what `{label}` was before {now} is not known: {why}"))),
                    None => Err(fail(format!(
                        "the history of {} has no other version of `{label}` than {now}",
                        application.key
                    ))),
                }
            }
        }
    }
}

/// The deployments, the newest first, with what each set.
fn listed(application: &Application, versions: &Deployments) -> Vec<String> {
    let entries = history::entries(application).iter().zip(versions).rev();
    let line = |(entry, version): (&crate::model::application::HistoryEntry, &Result<Version, String>)| {
        let id = entry.id.map_or_else(|| "?".to_owned(), |id| id.to_string());
        let at = entry.deployed_at.as_deref().unwrap_or("at an unknown time");
        let by = entry.initiated_by.as_ref().map_or_else(String::new, |by| format!("  by {by}"));
        let what = match version {
            Ok(version) => version.to_string(),
            Err(why) => format!("not known: {why}"),
        };
        format!("deployment {id}  {at}{by}  {what}")
    };
    entries.map(line).collect()
}

/// The version that an image has now: the configured one, else the only live one. Where they differ, only the user
/// can say which is meant.
pub(super) fn standing(selected: &Selected, rule: &ImageRule, placement: &Placement) -> Result<Version, Error> {
    let live = live(selected, rule, placement);
    let label = rule.label();
    let ask = |what: String| Err(Error::failed(what).hint(format!("say which version is meant: {label}=TAG")));
    match (&placement.configured, live.as_slice()) {
        (Some(configured), live) => match live.iter().find(|live| *live != configured) {
            Some(live) => ask(format!("`{label}` is configured as {configured}, but {live} is live")),
            None => Ok(configured.clone()),
        },
        (None, [live]) if !live.is_empty() => Ok(live.clone()),
        (None, []) => ask(format!("`{label}` is neither configured nor live")),
        (None, _) => ask(format!("several versions of `{label}` are live")),
    }
}

/// The distinct versions that run.
pub(super) fn live(selected: &Selected, rule: &ImageRule, placement: &Placement) -> Vec<Version> {
    decide::survey(&selected.application, rule, Ok(placement.clone())).live_versions()
}

/// What an image is at, whatever else is true: the configured version, else the only live one.
pub(super) fn now(selected: &Selected, rule: &ImageRule, placement: &Placement) -> Option<Version> {
    let live = live(selected, rule, placement);
    match live.as_slice() {
        _ if placement.configured.is_some() => placement.configured.clone(),
        [only] => Some(only.clone()),
        _ => None,
    }
}

/// Makes sure that a version exists.
pub(super) async fn verify(
    session: &Session,
    selection: &Selection,
    (application, rule): (&ApplicationKey, &ImageRule),
    version: &Version,
) -> Result<(), Error> {
    let world = selection.clients(session).world();
    let found = session.logins.of_rule(world, application, rule).await;
    let (Some(found), Some(repository)) = (found, &rule.repository) else {
        return Err(Error::failed(format!("`{}` is not an image", rule.label())));
    };
    let registries = &session.registries;
    session.diagnose(&found.diagnostics);
    let remote = found.remote.map_err(|diagnostic| {
        Error::failed(diagnostic.message).hint("`--no-verify` pins it without asking the registry")
    })?;
    let tag = version.tag.as_deref().and_then(Tag::new);
    let digest = version.digest.as_deref().and_then(Digest::new);
    let answer = match (&digest, &tag) {
        (None, None) => Ok(false),
        (Some(digest), None) => registries.exists(&remote, digest).await,
        (None, Some(tag)) => registries.digest(&remote, tag).await.map(|_| true),
        // The tag may stand for another digest by now, but it is a tag, and the digest is there.
        (Some(digest), Some(tag)) => match registries.digest(&remote, tag).await {
            Ok(_) => registries.exists(&remote, digest).await,
            Err(error) => Err(error),
        },
    };
    let missing = || Error::failed(format!("{repository} has no {version}")).hint("`--no-verify` pins it all the same");
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(missing()),
        Err(error) if error.kind() == RegistryErrorKind::TagNotFound => Err(missing()),
        Err(error) => Err(Error::failed(error.to_string())
            .maybe_hint(error.hint().map(str::to_owned))
            .hint("`--no-verify` pins it without asking the registry")),
    }
}
