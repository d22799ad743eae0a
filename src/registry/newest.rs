//! Which of many tags was built last, with as few images asked as that takes.
//!
//! An image is built before it is pushed. Where the registry tells when tags were pushed, they are asked from the last
//! push backwards, and no more once one was built after all that are left were pushed. Where it does not, or the images'
//! dates do not fit the registry's, every tag is asked.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use futures::StreamExt as _;
use jiff::Timestamp;

use crate::model::candidate::latest_build;
use crate::model::image::Platforms;
use crate::model::image::Tag;
use crate::registry::Description;
use crate::registry::Outcome;
use crate::registry::Registries;
use crate::registry::Remote;
use crate::registry::dates::Pushes;

/// So few tags are asked themselves: that costs no more than to ask when they were pushed.
const FEW: usize = 4;
/// How many tags of one repository are asked at a time; one host gets no more than the transport lets through.
const AT_A_TIME: usize = 32;

/// What is known of a tag once it is known which was built last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// Nothing that runs on a wanted platform.
    OtherPlatform,
    Dated(Timestamp),
    /// Not asked: it was pushed then, and another was built later.
    Pushed(Timestamp),
}

/// The search through the tags of one repository.
struct Search<'a> {
    registries: &'a Registries,
    remote: &'a Remote,
    platforms: &'a Platforms,
    left: Vec<Tag>,
    found: Vec<(Tag, Build)>,
    newest: Option<Timestamp>,
    /// An image claims to be built after it was pushed: no conclusions are drawn from when others were.
    distrusted: bool,
}

/// What to do next.
enum Step {
    /// Ask these, and no others at the same time.
    Ask(Vec<Tag>),
    /// See who else was pushed since.
    NextPage,
    Done,
}

pub(super) async fn builds(
    registries: &Registries,
    remote: &Remote,
    tags: &[Tag],
    platforms: &Platforms,
) -> Outcome<Vec<(Tag, Build)>> {
    let (left, found) = (tags.to_vec(), Vec::with_capacity(tags.len()));
    let mut search = Search { registries, remote, platforms, left, found, newest: None, distrusted: false };
    let pushes = if tags.len() > FEW { registries.pushes(remote).await } else { None };
    match pushes {
        Some(pushes) => search.backwards(&pushes).await?,
        None => search.ask(tags.to_vec(), &Pushes::default()).await?,
    }
    Ok(search.found)
}

impl Search<'_> {
    /// Asks from the last push backwards.
    async fn backwards(&mut self, pushes: &tokio::sync::Mutex<Pushes>) -> Outcome<()> {
        let mut wave = 1;
        // Whoever searches the same repository reads the same pages.
        let mut pushes = pushes.lock().await;
        loop {
            match self.step(&pushes, wave) {
                Step::Ask(tags) => {
                    wave = (wave * 2).min(AT_A_TIME);
                    self.ask(tags, &pushes).await?;
                }
                Step::NextPage => self.registries.more_pushes(self.remote, &mut pushes).await,
                Step::Done => break,
            }
        }
        let rest = std::mem::take(&mut self.left);
        self.found.extend(rest.into_iter().map(|tag| {
            let at = pushes.bound(tag.as_str()).expect("a tag without bound is asked");
            (tag, Build::Pushed(at))
        }));
        Ok(())
    }

    fn step(&self, pushes: &Pushes, wave: usize) -> Step {
        // A page costs one request and a tag at least one: more pages than tags are never worth it.
        let more = pushes.goes_on() && pushes.pages() < self.left.len();
        let (listed, others): (Vec<&Tag>, Vec<&Tag>) = self.left.iter().partition(|tag| pushes.lists(tag.as_str()));
        let mut open: Vec<_> = listed.into_iter().filter(|tag| self.may_be_newest(pushes, tag)).collect();
        if self.distrusted {
            return if self.left.is_empty() { Step::Done } else { Step::Ask(self.left.clone()) };
        }
        if open.is_empty() {
            let others: Vec<_> = others.into_iter().filter(|tag| self.may_be_newest(pushes, tag)).collect();
            return match (others.is_empty(), more) {
                (true, _) => Step::Done,
                (false, true) => Step::NextPage,
                (false, false) => Step::Ask(others.into_iter().cloned().collect()),
            };
        }
        open.sort_by_key(|tag| std::cmp::Reverse(pushes.bound(tag.as_str()).unwrap_or(Timestamp::MAX)));
        Step::Ask(open.into_iter().take(wave).cloned().collect())
    }

    fn may_be_newest(&self, pushes: &Pushes, tag: &Tag) -> bool {
        match (self.newest, pushes.bound(tag.as_str())) {
            (Some(newest), Some(at)) => latest_build(at) >= newest,
            _ => true,
        }
    }

    async fn ask(&mut self, tags: Vec<Tag>, pushes: &Pushes) -> Outcome<()> {
        // After a failure no other tag is asked, but what is being asked is waited for.
        let failed = AtomicBool::new(false);
        let answers: Vec<_> = futures::stream::iter(tags)
            .map(|tag| self.build_unless(&failed, tag))
            .buffered(AT_A_TIME)
            .filter_map(std::future::ready)
            .collect()
            .await;
        for answer in answers {
            let (tag, build) = answer?;
            if let Build::Dated(created) = build {
                self.newest = self.newest.max(Some(created));
                let latest = pushes.bound(tag.as_str()).map(latest_build);
                self.distrusted |= latest.is_some_and(|latest| created > latest);
            }
            self.left.retain(|left| *left != tag);
            self.found.push((tag, build));
        }
        Ok(())
    }

    async fn build_unless(&self, failed: &AtomicBool, tag: Tag) -> Option<Outcome<(Tag, Build)>> {
        if failed.load(Ordering::Relaxed) {
            return None;
        }
        let outcome = self.build(tag).await;
        failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
        Some(outcome)
    }

    async fn build(&self, tag: Tag) -> Outcome<(Tag, Build)> {
        match self.registries.describe(self.remote, &tag, self.platforms).await {
            Ok(Description::Image { created, .. }) => Ok((tag, Build::Dated(created))),
            Ok(Description::OtherPlatform) => Ok((tag, Build::OtherPlatform)),
            Err(error) => Err(error.of_listed(&tag)),
        }
    }
}
