//! `ImageUpdater` resources that rule over Applications, and what that means for what is written.

use std::collections::BTreeMap;

use crate::annotations;
use crate::cluster::image_updater;
use crate::cluster::image_updater::ImageUpdater;
use crate::cluster::image_updater::Ruling;
use crate::model::application::ApplicationKey;
use crate::model::decision::Decision;
use crate::model::decision::ImageStatus;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;
use crate::run::Selected;

/// How the ImageUpdater resources rule over each Application.
pub(super) struct Rulings<'a> {
    by_application: BTreeMap<&'a ApplicationKey, Vec<Ruling>>,
}

impl<'a> Rulings<'a> {
    pub(super) fn of(selected: &'a [Selected], updaters: &[ImageUpdater]) -> Self {
        let matches =
            |pattern: &str, name: &str| annotations::glob::Glob::new(pattern).ok().map(|glob| glob.matches(name));
        let by_application = selected
            .iter()
            .map(|selected| {
                let application = &selected.application;
                (&application.key, image_updater::rulings(updaters, application, matches))
            })
            .collect();
        Self { by_application }
    }

    /// The Applications whose annotations an ImageUpdater does not read, with its name.
    pub(super) fn managed(&self) -> impl Iterator<Item = (&ApplicationKey, &str)> {
        self.by_application.iter().flat_map(|(key, rulings)| {
            rulings.iter().filter(|ruling| !ruling.use_annotations).map(move |ruling| (*key, ruling.updater.as_str()))
        })
    }

    /// The ImageUpdater that demands a signature for an image.
    pub(super) fn verification(&self, decision: &Decision) -> Option<&str> {
        let repository = decision.reference.as_ref()?;
        let rulings = self.by_application.get(&decision.application)?;
        let ruling = rulings.iter().find(|ruling| ruling.verifies(decision.alias.as_deref(), repository))?;
        Some(&ruling.updater)
    }
}

/// The warning about an Application whose annotations a running Image Updater does not read.
pub(super) fn managed_by_updater(key: &ApplicationKey, updater: &str) -> Diagnostic {
    Diagnostic::warning(
        MANAGED_BY_UPDATER,
        format!("the ImageUpdater `{updater}` selects this Application without `useAnnotations`"),
    )
    .about(key)
    .hint("a running Image Updater does not read these annotations, and overwrites what is written; `--force` writes all the same")
}

/// Code of the warning that makes `apply` and `pin` ask for `--force`.
pub(crate) const MANAGED_BY_UPDATER: &str = "managed-by-image-updater-cr";

/// The Applications that an ImageUpdater selects without `useAnnotations`, and what to say about it.
pub(crate) fn managed(selected: &[Selected], updaters: &[ImageUpdater]) -> BTreeMap<ApplicationKey, String> {
    let rulings = Rulings::of(selected, updaters);
    let why = |updater: &str| {
        format!(
            "the ImageUpdater `{updater}` rules over it and would overwrite the change; `--force` writes all the same"
        )
    };
    rulings.managed().map(|(key, updater)| (key.clone(), why(updater))).collect()
}

pub(super) fn require_verification(decision: &mut Decision, updater: &str) {
    if matches!(decision.status, ImageStatus::UpdateAvailable | ImageStatus::Downgrade | ImageStatus::RolledBack) {
        decision.status = ImageStatus::Undetermined;
        decision.reason = Reason::VerificationRequired;
        decision.message =
            format!("the ImageUpdater `{updater}` demands a signature, which this version cannot verify");
        decision.candidate = None;
        decision.behind = None;
    }
}
