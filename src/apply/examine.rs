//! Whether a plan still fits: every precondition is checked as before a write, and nothing is written.

use futures::StreamExt as _;

use crate::apply::AT_A_TIME;
use crate::apply::Checked;
use crate::apply::Executor;
use crate::apply::by_application;
use crate::model::plan::Change;
use crate::model::plan::Finding;

impl Executor<'_> {
    /// Says for each change whether it still fits, in the order of their Applications.
    pub(crate) async fn examine(&self, changes: &[Change]) -> Vec<Finding> {
        let groups = by_application(changes);
        let checked: Vec<Vec<Checked>> =
            futures::stream::iter(groups.iter().map(|group| self.check(group))).buffered(AT_A_TIME).collect().await;
        // What goes into a file is taken out of `checked`, and comes back among the jobs if it fits.
        let (checked, _) = self.jobs(&groups, checked).await;
        let finding = |(change, checked): (&&Change, Checked)| {
            let (outcome, message) = match checked {
                Checked::Ended(outcome, message) => (Some(outcome), message),
                Checked::Ready(_) | Checked::ToFile(_) => (None, String::new()),
            };
            Finding { change: (*change).clone(), outcome, message }
        };
        groups.iter().zip(checked).flat_map(|(group, checked)| group.iter().zip(checked).map(finding)).collect()
    }
}
