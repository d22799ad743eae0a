//! What images say about themselves, for commit messages that want to know (spec section 6.3, `.Labels`).

use std::collections::BTreeMap;

use futures::StreamExt as _;

use crate::apply::AT_A_TIME;
use crate::apply::Executor;
use crate::apply::git::Job;
use crate::model::image::Repository;
use crate::model::image::Version;
use crate::model::plan::Receipt;
use crate::templates;
use crate::templates::ImageLabels;

/// The labels of images, and why those of others are not known.
#[derive(Default)]
pub(super) struct Read {
    pub(super) labels: ImageLabels,
    missing: BTreeMap<(Repository, Version), String>,
}

impl Executor<'_> {
    /// Reads the labels of all images of jobs, each once; nothing is asked unless the message says something about them.
    pub(super) async fn labels(&self, jobs: &[Job<'_>]) -> Read {
        let mut read = Read::default();
        if !self.commits.wishes.template.as_deref().is_some_and(templates::asks_for_labels) {
            return read;
        }
        let mut wanted = BTreeMap::new();
        for job in jobs {
            for image in &job.change.images {
                wanted.entry((image.reference.clone(), image.to.clone())).or_insert((job, image));
            }
        }
        let answers = wanted.into_iter().map(|(key, (job, image))| async move {
            let application = (&job.change.application, Some(&job.rules));
            let found = self.logins.of_change(self.world(), application, image).await;
            let labels = match found.remote {
                Ok(remote) => self.registries.labels(&remote, &image.to).await.map_err(|error| error.to_string()),
                Err(diagnostic) => Err(diagnostic.message),
            };
            (key, labels)
        });
        for (key, labels) in futures::stream::iter(answers).buffered(AT_A_TIME).collect::<Vec<_>>().await {
            match labels {
                Ok(labels) => {
                    read.labels.insert(key, labels);
                }
                Err(why) => {
                    read.missing.insert(key, why);
                }
            }
        }
        read
    }
}

impl Read {
    /// Says in a receipt that its commit was made without knowing the labels.
    pub(super) fn tell(&self, receipt: &mut Receipt) {
        let keys = receipt.change.images.iter().map(|image| (image.reference.clone(), image.to.clone()));
        let Some(why) = keys.into_iter().find_map(|key| self.missing.get(&key)) else { return };
        let before = if receipt.message.is_empty() { String::new() } else { format!("{}; ", receipt.message) };
        receipt.message = format!("{before}the commit's message is without labels: {why}");
    }
}
