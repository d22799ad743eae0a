//! Less than everything: entries that are not meant, and changes that are not wanted.

use std::collections::BTreeSet;

use crate::gather::Clients;
use crate::gather::Gatherer;
use crate::model::application::ApplicationKey;
use crate::model::decision::Decision;
use crate::model::plan::Change;
use crate::pipeline;
use crate::pipeline::Checked;
use crate::run::Options;
use crate::run::Selected;

/// The entries that are not meant this time.
pub(super) fn left_out(selected: &[Selected]) -> BTreeSet<(&ApplicationKey, usize)> {
    let mut left_out = BTreeSet::new();
    for Selected { application, rules } in selected {
        let of_list = rules.images.iter().filter(|rule| rule.wish.left_out);
        left_out.extend(of_list.map(|rule| (&application.key, rule.position)));
    }
    left_out
}

/// The changes that some of the decisions lead to, by Application and position in the image list.
pub(crate) async fn some_changes(
    clients: &Clients<'_>,
    selected: &[Selected],
    mut checked: Checked,
    wanted: &[(ApplicationKey, usize)],
    options: &Options,
) -> Vec<Change> {
    let is_wanted = |decision: &Decision| {
        wanted.iter().any(|(key, position)| *key == decision.application && *position == decision.position)
    };
    checked.decisions.retain(is_wanted);
    let mut changes = pipeline::changes(clients, selected, &checked, options).await.changes;
    // What could not be had was said when all of them were planned.
    Gatherer::record_digests(clients, selected, &mut changes).await;
    changes
}
