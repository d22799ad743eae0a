//! Carrying out a plan: every precondition is checked before the first write, then each change is written, and for
//! each there is a receipt. Nothing is decided here.
//!
//! `application` writes Applications, `git` and `batch` files in repositories. To add a destination: a file beside them
//! that reads, checks and writes it, and an arm in [`Executor::execute`].

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
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
use crate::model::application::Application;
use crate::model::application::ApplicationKey;
use crate::model::image::Digest;
use crate::model::image::Tag;
use crate::model::plan::Change;
use crate::model::plan::Outcome;
use crate::model::plan::Receipt;
use crate::model::progress::Step;
use crate::model::progress::Watch;
use crate::registry::Registries;
use crate::registry::RegistryErrorKind;
use crate::repositories::Repositories;
use crate::repositories::commits::CommitWishes;
use crate::repositories::worktree;
use crate::writeback::files::manifest;
use crate::writeback::files::manifest::Target;

mod application;
mod batch;
mod destination;
mod examine;
mod git;
mod labels;

pub(crate) use batch::CommitPer;

/// How many destinations are worked on at a time.
const AT_A_TIME: usize = 8;

/// What changes are carried out with.
pub(crate) struct Executor<'a> {
    /// `None` with `-f`.
    pub(crate) cluster: Option<&'a Cluster>,
    /// The Applications with `-f`.
    pub(crate) manifests: Vec<Manifest<'a>>,
    pub(crate) registries: &'a Registries,
    pub(crate) logins: &'a Logins,
    pub(crate) now: Timestamp,
    pub(crate) dry_run: DryRun,
    /// Set when the user wants to stop: the write in hand is finished, no other is begun.
    pub(crate) interrupted: &'a AtomicBool,
    /// Set before the first write: until then everything may simply be dropped.
    pub(crate) writing: &'a AtomicBool,
    /// Applications that must not be written, with the reason.
    pub(crate) refused: BTreeMap<ApplicationKey, String>,
    pub(crate) repositories: &'a Repositories,
    pub(crate) commits: Commits,
    /// The changes are pins: they say themselves which digest they want, whatever their tags stand for by now.
    pub(crate) pinning: bool,
    /// Who is told what it is at.
    pub(crate) watch: &'a dyn Watch,
}

/// An Application as a manifest has it.
#[derive(Clone, Copy)]
pub(crate) struct Manifest<'a> {
    pub(crate) application: &'a Application,
    /// `None`: standard input.
    pub(crate) file: Option<&'a Path>,
}

/// How changes to files in repositories are committed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commits {
    pub(crate) wishes: CommitWishes,
    pub(crate) per: CommitPer,
    /// A branch whose changes are all in the base branch is begun anew there.
    pub(crate) restart_branch: bool,
    pub(crate) create_keys: bool,
}

/// A change that was checked, or what became of it already.
enum Checked {
    Ready(Box<application::Ready>),
    /// It goes into a file, which is checked beside all others of its repository.
    ToFile(Option<Box<(Application, AppRules)>>),
    Ended(Outcome, String),
}

impl Executor<'_> {
    /// Carries out changes, in the order of their Applications, and returns one receipt for each.
    pub(crate) async fn execute(&self, changes: &[Change]) -> Vec<Receipt> {
        let groups = by_application(changes);
        let checking = Step::begin(self.watch, "the checks before the first write");
        let checked: Vec<Vec<Checked>> =
            futures::stream::iter(groups.iter().map(|group| self.check(group))).buffered(AT_A_TIME).collect().await;
        let (mut checked, jobs) = self.jobs(&groups, checked).await;
        drop(checking);
        let stale = checked.iter().flatten().any(|checked| matches!(checked, Checked::Ended(Outcome::Stale, _)));
        if stale {
            return groups.iter().zip(checked).flat_map(|(group, checked)| untouched(group, checked)).collect();
        }
        let (places, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
        let in_files: BTreeSet<(usize, usize)> = places.iter().copied().collect();
        for (group, index) in &in_files {
            checked[*group][*index] = Checked::Ended(Outcome::Failed, "it was not written".to_owned());
        }
        let written = groups.iter().zip(checked).map(|(group, checked)| self.write(group, checked));
        let written = futures::stream::iter(written).buffered(AT_A_TIME).collect::<Vec<_>>();
        let (mut receipts, files) = futures::future::join(written, self.write_files(jobs)).await;
        for ((group, index), receipt) in places.into_iter().zip(files) {
            receipts[group][index] = receipt;
        }
        receipts.into_iter().flatten().collect()
    }

    /// Checks the changes for files against what stands in them; returns the ones that fit, with their places.
    async fn jobs<'b>(
        &self,
        groups: &[Vec<&'b Change>],
        mut checked: Vec<Vec<Checked>>,
    ) -> (Vec<Vec<Checked>>, Vec<((usize, usize), git::Job<'b>)>) {
        let mut places = Vec::new();
        let mut jobs = Vec::new();
        for (group, (changes, checked)) in groups.iter().zip(&mut checked).enumerate() {
            for (index, (change, checked)) in changes.iter().zip(checked).enumerate() {
                let Checked::ToFile(file) = checked else { continue };
                let Some((application, rules)) = file.take().map(|file| *file) else { continue };
                match git::Job::new(change, application, rules) {
                    Ok(job) => {
                        places.push((group, index));
                        jobs.push(job);
                    }
                    Err((outcome, why)) => *checked = Checked::Ended(outcome, why),
                }
            }
        }
        let verdicts = self.check_files(&jobs).await;
        let mut fit = Vec::new();
        for ((place, job), verdict) in places.into_iter().zip(jobs).zip(verdicts) {
            match verdict {
                Some((outcome, why)) => checked[place.0][place.1] = Checked::Ended(outcome, why),
                None => fit.push((place, job)),
            }
        }
        (checked, fit)
    }

    /// From here on what is in hand is finished, not dropped.
    fn begin_write(&self) {
        if self.dry_run == DryRun::None {
            self.writing.store(true, Ordering::Relaxed);
        }
    }

    fn world(&self) -> logins::World<'_> {
        logins::World { cluster: self.cluster, registries: self.registries }
    }

    /// The Application as it is now: in the cluster, or in the manifest that was read.
    async fn read(&self, key: &ApplicationKey) -> Result<Application, (Outcome, String)> {
        if let Some(manifest) = self.manifest(key) {
            return Ok(manifest.application.clone());
        }
        match self.cluster {
            Some(cluster) => {
                let mut found = application::read(cluster, key).await?;
                found.argocd_namespace = Some(self.logins.argocd_namespace().to_owned());
                Ok(found)
            }
            None => Err((Outcome::Failed, "there is no cluster to read it from".to_owned())),
        }
    }

    /// Checks every precondition of the changes of one Application.
    async fn check(&self, changes: &[&Change]) -> Vec<Checked> {
        let key = &changes[0].application;
        if let Some(why) = self.refused.get(key) {
            return changes.iter().map(|_| Checked::Ended(Outcome::Rejected, why.clone())).collect();
        }
        if self.interrupted.load(Ordering::Relaxed) {
            let ended = || Checked::Ended(Outcome::Failed, "interrupted before it was written".to_owned());
            return changes.iter().map(|_| ended()).collect();
        }
        let read = self.read(key).await;
        let mut checked = Vec::with_capacity(changes.len());
        for change in changes {
            let fit = match &read {
                Ok(found) => application::check(found, change, self.now, self.pinning),
                Err((outcome, why)) => Checked::Ended(*outcome, why.clone()),
            };
            if let Checked::Ended(..) = fit {
                checked.push(fit);
                continue;
            }
            let rules = read.as_ref().ok().and_then(annotations::parse).map(|(rules, _)| rules);
            checked.push(match self.moved_digest(change, rules.as_ref()).await {
                Ok(()) => fit,
                Err((outcome, why)) => Checked::Ended(outcome, why),
            });
        }
        checked
    }

    /// Checks that every tag still has the digest that it had when the plan was made. A pin says itself which digest
    /// it wants, whatever its tag stands for by now.
    async fn moved_digest(&self, change: &Change, rules: Option<&AppRules>) -> Result<(), (Outcome, String)> {
        if self.pinning || change.is_pin() {
            return Ok(());
        }
        for image in &change.images {
            let (Some(tag), Some(expected)) = (&image.to.tag, image.to.digest.as_deref().and_then(Digest::new)) else {
                continue;
            };
            let Some(tag) = Tag::new(tag) else { continue };
            let logins::Found { remote, diagnostics } =
                self.logins.of_change(self.world(), (&change.application, rules), image).await;
            let remote = remote.map_err(|diagnostic| (Outcome::Failed, diagnostic.message))?;
            match self.registries.digest_now(&remote, &tag).await {
                Ok(found) if found == expected => {}
                Ok(found) => {
                    let what =
                        format!("{}:{tag} is {found} now, and was {expected} when the plan was made", image.reference);
                    return Err((Outcome::Stale, what));
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        RegistryErrorKind::TagNotFound | RegistryErrorKind::RepositoryNotFound
                    ) =>
                {
                    let what = format!("{}:{tag} is gone, and was {expected} when the plan was made", image.reference);
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

    fn manifest(&self, key: &ApplicationKey) -> Option<&Manifest<'_>> {
        self.manifests.iter().find(|manifest| manifest.application.key == *key)
    }

    /// Edits the manifest of an Application in place.
    fn write_manifest(&self, change: &Change) -> Receipt {
        let Some(file) = self.manifest(&change.application).and_then(|manifest| manifest.file) else {
            return receipt(change, Outcome::Failed, "the manifest is not in a file that could be edited");
        };
        let place = file.display();
        // Edited through a link, a file elsewhere would change; replaced, the link would be gone.
        if file.is_symlink() {
            let message = format!("{place} is a link, and is not edited: give the file that it points at");
            return receipt(change, Outcome::Failed, message);
        }
        if self.dry_run != DryRun::None {
            return receipt(change, Outcome::Applied, format!("{place} was not written"));
        }
        let target = Target {
            application: &change.application,
            default_namespace: &change.application.namespace,
            destination: &change.destination,
        };
        let edited = std::fs::read(file).map_err(|error| (Outcome::Failed, error.to_string())).and_then(|bytes| {
            match manifest::edit(&bytes, target, &change.edits) {
                Ok(after) if after == bytes => Ok(Outcome::AlreadyApplied),
                Ok(after) => worktree::replace(file, &after)
                    .map(|()| Outcome::Applied)
                    .map_err(|error| (Outcome::Failed, error.to_string())),
                Err(error) if error.is_changed() => Err((Outcome::Stale, error.to_string())),
                Err(error) => Err((Outcome::Failed, error.to_string())),
            }
        });
        match edited {
            Ok(outcome) => receipt(change, outcome, format!("edited {place}")),
            Err((outcome, why)) => receipt(change, outcome, format!("{place}: {why}")),
        }
    }

    async fn write(&self, changes: &[&Change], checked: Vec<Checked>) -> Vec<Receipt> {
        let mut receipts = Vec::with_capacity(changes.len());
        let mut latest = None;
        for (change, checked) in changes.iter().zip(checked) {
            let receipt = match checked {
                Checked::Ended(outcome, message) => receipt(change, outcome, message),
                Checked::ToFile(_) => receipt(change, Outcome::Failed, "it was not written"),
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
                        self.begin_write();
                        match self.cluster {
                            Some(cluster) => {
                                let (receipt, left) =
                                    application::write(cluster, change, ready, self.now, server).await;
                                latest = left;
                                receipt
                            }
                            None => self.write_manifest(change),
                        }
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
            Checked::Ready(_) | Checked::ToFile(_) => {
                receipt(change, Outcome::Failed, "not written, because another change of the plan is stale")
            }
        })
        .collect()
}

fn receipt(change: &Change, outcome: Outcome, message: impl Into<String>) -> Receipt {
    Receipt { change: change.clone(), outcome, at: None, message: message.into() }
}
