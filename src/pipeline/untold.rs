//! Method `argocd`, and sources of which neither the Application nor its status says what renders them: as manifests are
//! that people keep in git. Their folders tell; where those cannot be looked into, the annotations of the image may.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::annotations::rule::ImageRule;
use crate::model::application::ApplicationKey;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;
use crate::pipeline::placing;
use crate::repositories::Trouble;
use crate::repositories::Want;
use crate::run::Selected;
use crate::writeback::Placement;

/// What has to be looked for; `None` if it is known what renders the source.
pub(super) fn want<'a>(selected: &'a Selected, placement: &'a Placement) -> Option<Want<'a>> {
    placement.telling_files().map(|files| placing::of_source(selected, files))
}

/// The Applications of which it stays unknown, by repository and why.
#[derive(Default)]
pub(super) struct Untold<'a>(BTreeMap<(&'a str, String), BTreeSet<&'a ApplicationKey>>);

impl<'a> Untold<'a> {
    /// The placement without a word from its folder. `found`: what came of looking, if anybody did.
    ///
    /// A manifest is evaluated all the same, and what would be written is left open; an Application of a cluster has a
    /// fact missing that its controller knows.
    pub(super) fn without_folder(
        &mut self,
        (selected, rule): (&'a Selected, &ImageRule),
        placement: &Placement,
        found: Option<Result<(), Trouble>>,
    ) -> Placement {
        if let Some(placement) = placement.told_by_targets(rule) {
            return placement;
        }
        let files = placement.telling_files();
        let revision = files.and_then(|files| files.revision.map(str::to_owned)).unwrap_or_else(|| "HEAD".to_owned());
        let was_asked = found.is_some();
        let Trouble { reason, message } = match found {
            None => Trouble { reason: Reason::UnsupportedSource, message: "nobody looked into its folder".to_owned() },
            Some(Ok(())) => {
                Trouble { reason: Reason::GitUnreachable, message: format!("its repository has no `{revision}`") }
            }
            Some(Err(trouble)) => trouble,
        };
        if selected.application.status.is_some() && was_asked {
            return placement.unread(reason, format!("what renders the source is not known: {message}"));
        }
        let repository = selected.application.sources.first().map_or("", |source| source.repo_url.as_str());
        self.0.entry((repository, message)).or_default().insert(&selected.application.key);
        placement.clone()
    }

    /// The warnings about what cannot be planned, one for all Applications of a repository.
    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        let warning = |((_, why), applications): (&(&str, String), &BTreeSet<&ApplicationKey>)| {
            let message = format!("what renders the source is not known, so that nothing is planned for it: {why}");
            let diagnostic = Diagnostic::warning("renderer-unknown", message);
            let way_out = "a `helm: {}` or `kustomize: {}` in the source says it";
            match applications.first() {
                Some(application) if applications.len() == 1 => diagnostic.about(application).hint(way_out),
                _ => diagnostic.hint(format!("this is about {} Applications; {way_out}", applications.len())),
            }
        };
        self.0.iter().map(warning).collect()
    }
}
