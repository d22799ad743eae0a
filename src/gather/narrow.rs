//! From the candidates to the one that will do: those that would win are asked one after the other, the newest first,
//! whether they run where they have to and are old enough, and only as many as it takes.

use jiff::Timestamp;

use crate::annotations;
use crate::annotations::rule::Settings;
use crate::decide;
use crate::decide::Facts;
use crate::decide::Survey;
use crate::gather::Gatherer;
use crate::gather::Missing;
use crate::gather::missing;
use crate::model::candidate::Candidate;
use crate::model::candidate::Rejected;
use crate::model::candidate::Rejection;
use crate::model::choosing::MinAge;
use crate::model::decision::Reason;
use crate::model::image::Digest;
use crate::model::image::Platforms;
use crate::model::image::Tag;
use crate::model::image::Version;
use crate::registry::Age;
use crate::registry::RegistryErrorKind;
use crate::registry::Remote;
use crate::registry::conf::TagOrder;
use crate::strategy::Needs;

/// How many tags that would win are asked for their platforms before it is given up.
const WINNERS: usize = 32;
/// How many tags that would win are asked for their age before it is given up.
const AGED: usize = 256;
/// How many tags are named to whoever named one that is not there.
const NEAR: usize = 3;

/// An image that is asked about.
pub(super) struct Asked<'a> {
    pub(super) survey: &'a Survey<'a>,
    pub(super) settings: &'a Settings,
    pub(super) remote: &'a Remote,
    /// What has to be asked: less than the strategy needs, where the order of the list says it.
    pub(super) needs: Needs,
    pub(super) order: Option<TagOrder>,
    /// The platforms wanted, where they matter to the strategy.
    pub(super) platforms: Option<Platforms>,
}

impl Gatherer<'_> {
    /// The facts, without the tags that would win but will not do, and with the digest of the one that does if that is
    /// going to be written.
    pub(super) async fn narrowed(&self, asked: &Asked<'_>, mut facts: Facts) -> Result<Facts, Missing> {
        let found = self.winner(asked, &mut facts).await;
        // Also where none will do, or it was given up: the next run need not learn it again.
        if asked.settings.min_age.is_some() {
            self.clients.registries.remember(asked.remote).await;
        }
        let Some(winner) = found? else { return Ok(facts) };
        if asked.survey.pins_digest() && winner.digest.is_none() {
            let digest = self.digest_to_write(asked, &winner).await?;
            for candidate in facts.candidates.iter_mut().filter(|candidate| candidate.tag == winner.tag) {
                candidate.digest = Some(digest.clone());
            }
        }
        Ok(facts)
    }

    /// The candidate that wins and will do; those that will not are moved to the rejected ones.
    async fn winner(&self, asked: &Asked<'_>, facts: &mut Facts) -> Result<Option<Candidate>, Missing> {
        let (mut elsewhere, mut aged) = (0, 0);
        loop {
            let Some(winner) = asked.settings.policy.choose(&facts.candidates).winner else { return Ok(None) };
            let Some(why) = self.turned_down(asked, &winner).await? else { return Ok(Some(winner)) };
            facts.candidates.retain(|candidate| candidate.tag != winner.tag);
            facts.rejected.push(Rejected { tag: winner.tag.to_string(), why });
            let by_age = matches!(why, Rejection::TooYoung | Rejection::UnknownAge);
            *(if by_age { &mut aged } else { &mut elsewhere }) += 1;
            if elsewhere == WINNERS || aged == AGED {
                return Err(given_up(asked, by_age));
            }
            if asked.needs == Needs::BuildDates {
                // The dates of the others were asked only as far as it took to know this winner.
                let tags = facts.candidates.drain(..).map(|candidate| candidate.tag).collect();
                self.date(asked, tags, facts).await?;
            }
        }
    }

    /// Why a tag that would win will not do.
    async fn turned_down(&self, asked: &Asked<'_>, winner: &Candidate) -> Result<Option<Rejection>, Missing> {
        if let (Needs::Tags, Some(platforms)) = (asked.needs, &asked.platforms)
            && !self.serves(asked, &winner.tag, platforms).await?
        {
            return Ok(Some(Rejection::WrongPlatform));
        }
        match &asked.settings.min_age {
            // What is there already is not kept waiting.
            Some(age) if !asked.survey.is_current(winner) => self.kept_waiting(asked.remote, &winner.tag, age).await,
            _ => Ok(None),
        }
    }

    /// Whether a tag that the list names has an image for a wanted platform.
    async fn serves(&self, asked: &Asked<'_>, tag: &Tag, platforms: &Platforms) -> Result<bool, Missing> {
        let found = self.clients.registries.serves(asked.remote, tag, platforms).await;
        found.map(|(_, serves)| serves).map_err(|error| missing(&error.of_listed(tag)))
    }

    async fn kept_waiting(&self, remote: &Remote, tag: &Tag, age: &MinAge) -> Result<Option<Rejection>, Missing> {
        let before = age.before(self.time_of(remote));
        let found = self.clients.registries.age(remote, tag, before).await.map_err(|error| missing(&error))?;
        Ok(match found {
            Age::Old => None,
            Age::Young => Some(Rejection::TooYoung),
            Age::Unknown => Some(Rejection::UnknownAge),
        })
    }

    /// The time by the registry's own clock where it tells, unless the clock is fixed.
    fn time_of(&self, remote: &Remote) -> Timestamp {
        let own = self.clients.registries.time_of(remote).filter(|_| !self.options.clock_is_fixed);
        own.unwrap_or(self.options.now)
    }

    /// The digest that is written with a tag: the one behind it now. Where the tag stays and moved just now, it is the one
    /// that is there until the new one is old enough.
    async fn digest_to_write(&self, asked: &Asked<'_>, winner: &Candidate) -> Result<Digest, Missing> {
        let found = self.clients.registries.digest(asked.remote, &winner.tag).await.map_err(|error| missing(&error))?;
        let Some(age) = &asked.settings.min_age else { return Ok(found) };
        let current = asked.survey.own_version().filter(|version| version.tag.as_deref() == Some(winner.tag.as_str()));
        let standing = current.and_then(|version| Digest::new(version.digest.as_deref()?));
        match standing.filter(|standing| *standing != found) {
            Some(standing) if self.kept_waiting(asked.remote, &winner.tag, age).await?.is_some() => Ok(standing),
            _ => Ok(found),
        }
    }

    /// What the registry says to a version that is asked for by name: it is there, or it is not known what is.
    pub(super) async fn requested(&self, asked: &Asked<'_>, version: &Version) -> Result<Facts, Missing> {
        let no = |message: String| Missing { reason: Reason::NoTagMatches, message };
        let repository = &asked.remote.repository;
        let Some(tag) = version.tag.as_deref().and_then(Tag::new) else {
            return Err(no(format!("`{version}` names no tag")));
        };
        let wanted = version.digest.as_deref();
        let writes_digest = wanted.is_some() || asked.survey.pins_digest();
        let found = match self.clients.registries.digest(asked.remote, &tag).await {
            Ok(found) => Some(found),
            Err(error) if matches!(error.kind(), RegistryErrorKind::TagNotFound | RegistryErrorKind::Protocol) => {
                let list = self.clients.registries.tags(asked.remote).await;
                match list {
                    Ok(list) if list.names.iter().any(|name| name == tag.as_str()) => {
                        // It is there, and what it stands for is not needed to write it.
                        if writes_digest || asked.platforms.is_some() {
                            return Err(missing(&error.of_listed(&tag)));
                        }
                        None
                    }
                    list if error.kind() == RegistryErrorKind::TagNotFound => {
                        let near = list.map_or_else(|_| String::new(), |list| near(asked, &list.names, &tag));
                        return Err(no(format!("{repository} has no tag `{tag}`{near}")));
                    }
                    _ => return Err(missing(&error)),
                }
            }
            Err(error) => return Err(missing(&error)),
        };
        if let (Some(wanted), Some(found)) = (wanted, &found)
            && wanted != found.as_str()
        {
            return Err(no(format!("{repository}:{tag} is {found}, not {wanted}")));
        }
        if let Some(platforms) = &asked.platforms
            && !self.serves(asked, &tag, platforms).await?
        {
            return Err(no(format!("{repository}:{tag} has no image for the platforms wanted")));
        }
        let candidates = vec![Candidate { digest: found.filter(|_| writes_digest), ..Candidate::of_tag(tag) }];
        Ok(Facts { seen: 1, allowed: 1, candidates, ..Facts::default() })
    }
}

/// `; did you mean …?`: tags that are called nearly so, or the one that the strategy chooses.
fn near(asked: &Asked<'_>, names: &[String], tag: &Tag) -> String {
    let (mut allowed, _) = decide::filter(names, asked.settings);
    let mut near: Vec<String> = Vec::new();
    while near.len() < NEAR {
        let Some(next) = annotations::nearest(tag.as_str(), allowed.iter().map(Tag::as_str)) else { break };
        let next = next.to_owned();
        allowed.retain(|other| other.as_str() != next);
        near.push(format!("`{next}`"));
    }
    if !near.is_empty() {
        return format!("; did you mean {}?", near.join(" or "));
    }
    let candidates: Vec<_> = allowed.into_iter().map(Candidate::of_tag).collect();
    let winner = asked.settings.policy.choose(&candidates).winner;
    winner.map_or_else(String::new, |winner| format!("; `{}` would be chosen", winner.tag))
}

fn given_up(asked: &Asked<'_>, by_age: bool) -> Missing {
    let message = match &asked.settings.min_age {
        Some(age) if by_age => {
            format!("the newest {AGED} tags are younger than {age}, or of unknown age, and no more were asked")
        }
        _ => format!("the newest {WINNERS} tags have no image for the platforms wanted, and no more were asked"),
    };
    Missing { reason: Reason::MetadataUnreadable, message }
}
