//! What an image was at each deployment that Argo CD recorded, and whether a version ran before and was left.

use crate::annotations::rule::ImageRule;
use crate::decide::Survey;
use crate::model::application::Application;
use crate::model::application::HistoryEntry;
use crate::model::candidate::Candidate;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::decision::Reason;
use crate::model::image::Digest;
use crate::model::image::Version;
use crate::model::plan::Destination;
use crate::writeback;
use crate::writeback::Placement;

/// The version of an image at each deployment, the oldest first, or why it is not known.
pub(crate) type Deployments = Vec<Result<Version, String>>;

/// The deployments that Argo CD recorded, the oldest first.
pub(crate) fn entries(application: &Application) -> &[HistoryEntry] {
    application.status.as_ref().map(|status| status.history.as_slice()).unwrap_or_default()
}

/// What the recorded sources say about an image that is written to them.
pub(crate) fn deployments(application: &Application, rule: &ImageRule, placement: &Placement) -> Deployments {
    entries(application).iter().map(|entry| version_of(entry, rule, placement)).collect()
}

/// The version that a deployment set for the image, by the source it was made from.
fn version_of(entry: &HistoryEntry, rule: &ImageRule, placement: &Placement) -> Result<Version, String> {
    let Placement { destination: Destination::Application { source, renderer: Some(renderer) }, .. } = placement else {
        return Err("its repository was not looked into".to_owned());
    };
    let settings = rule.settings.as_ref().map_err(|invalid| invalid.message.clone())?;
    let mut sources = entry.sources.iter().filter(|found| source.as_ref().is_none_or(|wanted| wanted.matches(found)));
    match (sources.next(), sources.next()) {
        (Some(only), None) => writeback::configured(only, *renderer, rule, settings)
            .ok_or_else(|| "its source sets no version of the image".to_owned()),
        _ => Err("it was deployed from other sources".to_owned()),
    }
}

/// Says when the winner was deployed and left, if the history shows that it was left for what is current now.
pub(super) fn left_before(survey: &Survey<'_>, winner: &Candidate, current: &Version) -> Option<String> {
    let versions = deployments(survey.application, survey.rule, survey.placement.as_ref().ok()?);
    left(entries(survey.application), &versions, winner, current)
}

/// Holds an update whose version ran before and was left, once it is known what the deployments were.
pub(crate) fn recall(decision: &mut Decision, application: &Application, versions: &Deployments) {
    let (ImageStatus::UpdateAvailable, Some(winner), Some(current)) =
        (decision.status, &decision.candidate, &decision.current)
    else {
        return;
    };
    if let Some(message) = left(entries(application), versions, winner, current) {
        decision.status = ImageStatus::RolledBack;
        decision.reason = Reason::LeftBefore;
        decision.message = message;
    }
}

/// Entries that cannot be resolved say nothing; who decided it is not known, and not claimed.
fn left(
    history: &[HistoryEntry],
    versions: &[Result<Version, String>],
    winner: &Candidate,
    current: &Version,
) -> Option<String> {
    let is = |version: &Version, tag: Option<&str>, digest: Option<&str>| {
        version.tag.as_deref() == tag && digest.is_none_or(|digest| version.digest.as_deref() == Some(digest))
    };
    let newest = versions.last()?.as_ref().ok()?;
    if !is(newest, current.tag.as_deref(), current.digest.as_deref()) {
        return None;
    }
    let digest = winner.digest.as_ref().map(Digest::as_str);
    let deployed = versions
        .iter()
        .rposition(|version| version.as_ref().is_ok_and(|version| is(version, Some(winner.tag.as_str()), digest)))?;
    let left = history.iter().zip(versions).skip(deployed + 1).find(|(_, version)| version.is_ok())?.0;
    let when = left.deployed_at.as_ref().map_or_else(String::new, |at| format!(" on {at}"));
    let who = left.initiated_by.as_ref().map_or_else(String::new, |who| format!(", initiated by {who}"));
    // Where digests tell the two apart, both are named with theirs.
    let digest = winner.digest.as_ref().filter(|_| current.digest.is_some());
    let winner = Version::new(Some(&winner.tag), digest);
    Some(format!("{winner} was deployed before and left for {current}{when}{who}"))
}
