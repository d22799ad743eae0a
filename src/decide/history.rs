//! Whether a version ran before and was left, by the deployments that Argo CD recorded.

use crate::annotations::rule::Settings;
use crate::decide::Survey;
use crate::model::application::HistoryEntry;
use crate::model::candidate::Candidate;
use crate::model::image::Digest;
use crate::model::image::Version;
use crate::model::plan::Destination;
use crate::writeback;
use crate::writeback::Placement;

/// Says when the winner was deployed and left, if the history shows that it was left for what is current now.
///
/// Entries that cannot be resolved say nothing; who decided it is not known, and not claimed.
pub(super) fn left_before(
    survey: &Survey<'_>,
    settings: &Settings,
    winner: &Candidate,
    current: &Version,
) -> Option<String> {
    let history = &survey.application.status.as_ref()?.history;
    let versions: Vec<_> = history.iter().map(|entry| version_of(entry, survey, settings)).collect();
    let is = |version: &Version, tag: Option<&str>, digest: Option<&str>| {
        version.tag.as_deref() == tag && digest.is_none_or(|digest| version.digest.as_deref() == Some(digest))
    };
    let newest = versions.last()?.as_ref()?;
    if !is(newest, current.tag.as_deref(), current.digest.as_deref()) {
        return None;
    }
    let digest = winner.digest.as_ref().map(Digest::as_str);
    let deployed = versions
        .iter()
        .rposition(|version| version.as_ref().is_some_and(|version| is(version, Some(winner.tag.as_str()), digest)))?;
    let left = history.iter().zip(&versions).skip(deployed + 1).find(|(_, version)| version.is_some())?.0;
    let when = left.deployed_at.as_ref().map_or_else(String::new, |at| format!(" on {at}"));
    let who = left.initiated_by.as_ref().map_or_else(String::new, |who| format!(", initiated by {who}"));
    Some(format!("{} was deployed before and left for {current}{when}{who}", winner.tag))
}

/// The version that a deployment set for the image, by the source it was made from.
fn version_of(entry: &HistoryEntry, survey: &Survey<'_>, settings: &Settings) -> Option<Version> {
    let Ok(Placement { destination: Destination::Application { source, renderer: Some(renderer) }, .. }) =
        &survey.placement
    else {
        return None;
    };
    let mut sources = entry.sources.iter().filter(|found| source.as_ref().is_none_or(|wanted| wanted.matches(found)));
    match (sources.next(), sources.next()) {
        (Some(only), None) => writeback::configured(only, *renderer, survey.rule, settings),
        _ => None,
    }
}
