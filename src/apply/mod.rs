//! Carrying out a plan: every precondition is checked before the first write, then each change is written, and for
//! each there is a receipt. Nothing is decided here.
//!
//! To add a destination: a file beside `application` that reads, checks and writes it, and an arm in [`execute`].

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use futures::StreamExt as _;
use jiff::Timestamp;

use crate::annotations;
use crate::annotations::rule::AppRules;
use crate::cluster::Cluster;
use crate::document::receipts::DryRun;
use crate::logins;
use crate::logins::Logins;
use crate::model::application::ApplicationKey;
use crate::model::image::Digest;
use crate::model::image::Tag;
use crate::model::plan::Change;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::registry::Registries;

mod application;

/// How many destinations are worked on at a time.
const AT_A_TIME: usize = 8;

/// What changes are carried out with.
pub(crate) struct Executor<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) registries: &'a Registries,
    pub(crate) logins: &'a Logins,
    pub(crate) now: Timestamp,
    pub(crate) dry_run: DryRun,
    /// Set when the user wants to stop: the write in hand is finished, no other is begun.
    pub(crate) interrupted: &'a AtomicBool,
    /// Applications that must not be written, with the reason.
    pub(crate) refused: BTreeMap<ApplicationKey, String>,
}

/// A change that was checked, or what became of it already.
enum Checked {
    Ready(Box<application::Ready>),
    Ended(Outcome, String),
}

impl Executor<'_> {
    /// Carries out changes, in the order of their Applications, and returns one receipt for each.
    pub(crate) async fn execute(&self, changes: &[Change]) -> Vec<Receipt> {
        let groups = by_application(changes);
        let checked: Vec<Vec<Checked>> =
            futures::stream::iter(groups.iter().map(|group| self.check(group))).buffered(AT_A_TIME).collect().await;
        let stale = checked.iter().flatten().any(|checked| matches!(checked, Checked::Ended(Outcome::Stale, _)));
        if stale {
            return groups.iter().zip(checked).flat_map(|(group, checked)| untouched(group, checked)).collect();
        }
        let written = groups.iter().zip(checked).map(|(group, checked)| self.write(group, checked));
        futures::stream::iter(written).buffered(AT_A_TIME).collect::<Vec<_>>().await.into_iter().flatten().collect()
    }

    /// Checks every precondition of the changes of one Application.
    async fn check(&self, changes: &[&Change]) -> Vec<Checked> {
        let key = &changes[0].application;
        if let Some(why) = self.refused.get(key) {
            return changes.iter().map(|_| Checked::Ended(Outcome::Rejected, why.clone())).collect();
        }
        let read = application::read(self.cluster, key).await;
        let rules = read.as_ref().ok().and_then(annotations::parse).map(|(rules, _)| rules);
        let mut checked = Vec::with_capacity(changes.len());
        for change in changes {
            let fit = match &read {
                Ok(found) => application::check(found, change, self.now),
                Err((outcome, why)) => Checked::Ended(*outcome, why.clone()),
            };
            checked.push(match fit {
                Checked::Ready(ready) => match self.moved_digest(change, rules.as_ref()).await {
                    Ok(()) => Checked::Ready(ready),
                    Err((outcome, why)) => Checked::Ended(outcome, why),
                },
                ended @ Checked::Ended(..) => ended,
            });
        }
        checked
    }

    /// Checks that every tag still has the digest that it had when the plan was made. A pin says itself which digest
    /// it wants, whatever its tag stands for by now.
    async fn moved_digest(&self, change: &Change, rules: Option<&AppRules>) -> Result<(), (Outcome, String)> {
        if change.is_pin() {
            return Ok(());
        }
        for image in &change.images {
            let (Some(tag), Some(expected)) = (&image.to.tag, image.to.digest.as_deref().and_then(Digest::new)) else {
                continue;
            };
            let Some(tag) = Tag::new(tag) else { continue };
            let world = logins::World { cluster: Some(self.cluster), registries: self.registries };
            let logins::Found { remote, diagnostics } =
                self.logins.of_change(world, (&change.application, rules), image).await;
            let remote = remote.map_err(|diagnostic| (Outcome::Failed, diagnostic.message))?;
            match self.registries.digest_now(&remote, &tag).await {
                Ok(found) if found == expected => {}
                Ok(found) => {
                    let what =
                        format!("{}:{tag} is {found} now, and was {expected} when the plan was made", image.reference);
                    return Err((Outcome::Stale, what));
                }
                Err(error) => {
                    // Perhaps for want of the login that should have been used.
                    let passed_over = diagnostics.iter().map(|diagnostic| format!(" ({})", diagnostic.message));
                    return Err((Outcome::Failed, format!("{error}{}", passed_over.collect::<String>())));
                }
            }
        }
        Ok(())
    }

    async fn write(&self, changes: &[&Change], checked: Vec<Checked>) -> Vec<Receipt> {
        let mut receipts = Vec::with_capacity(changes.len());
        let mut latest = None;
        for (change, checked) in changes.iter().zip(checked) {
            let receipt = match checked {
                Checked::Ended(outcome, message) => receipt(change, outcome, message),
                Checked::Ready(_) if self.interrupted.load(Ordering::Relaxed) => {
                    receipt(change, Outcome::Failed, "interrupted before it was written")
                }
                Checked::Ready(ready) => match self.dry_run {
                    DryRun::Client => receipt(change, Outcome::Applied, "nothing was written"),
                    dry_run => {
                        // Of several changes to one Application, each is made to what the one before left behind.
                        let ready = match latest.take() {
                            Some(object) if dry_run == DryRun::None => application::Ready { object },
                            _ => *ready,
                        };
                        let server = dry_run == DryRun::Server;
                        let (receipt, left) = application::write(self.cluster, change, ready, self.now, server).await;
                        latest = left;
                        receipt
                    }
                },
            };
            receipts.push(receipt);
        }
        receipts
    }
}

fn by_application(changes: &[Change]) -> Vec<Vec<&Change>> {
    let mut groups: BTreeMap<&ApplicationKey, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        groups.entry(&change.application).or_default().push(change);
    }
    groups.into_values().collect()
}

/// The receipts when nothing is written because some change is stale.
fn untouched(changes: &[&Change], checked: Vec<Checked>) -> Vec<Receipt> {
    changes
        .iter()
        .zip(checked)
        .map(|(change, checked)| match checked {
            Checked::Ended(outcome, message) => receipt(change, outcome, message),
            Checked::Ready(_) => {
                receipt(change, Outcome::Failed, "not written, because another change of the plan is stale")
            }
        })
        .collect()
}

fn receipt(change: &Change, outcome: Outcome, message: impl Into<String>) -> Receipt {
    Receipt { change: change.clone(), outcome, at: None, message: message.into() }
}
