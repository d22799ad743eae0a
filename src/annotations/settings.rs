//! Reads the settings of one image: its own annotation, else the Application's.

use crate::annotations::effective::Effective;
use crate::annotations::image_list::Entry;
use crate::annotations::keys;
use crate::annotations::lint;
use crate::annotations::reader::Found;
use crate::annotations::reader::Reader;
use crate::annotations::reader::quoted;
use crate::annotations::rule::Invalid;
use crate::annotations::rule::PullSecret;
use crate::annotations::rule::Settings;
use crate::annotations::rule::Targets;
use crate::annotations::tag_filter::AllowTags;
use crate::annotations::tag_filter::IgnoreTags;
use crate::annotations::tag_filter::TagFilter;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;
use crate::model::diagnostic::TextError;
use crate::model::image::Platform;
use crate::model::image::Platforms;
use crate::model::login_source::LoginSource;
use crate::strategy;
use crate::strategy::Policy;
use crate::strategy::Strategy;

impl Reader<'_> {
    /// Reads every setting of an image, so that all that is wrong is reported at once; the first problem is why the
    /// image is invalid.
    /// `entries`: how many the list has.
    pub(super) fn settings(&mut self, entry: &Entry, entries: usize) -> Result<Settings, Invalid> {
        let alias = entry.alias.as_deref();
        let strategy = self.strategy(alias);
        let policy = match &strategy {
            Ok(strategy) => self.policy(entry, strategy),
            Err(invalid) => Err(invalid.clone()),
        };
        let extract = self.extract(alias, entries, strategy.as_ref().ok().copied());
        let allow = self.allow_tags(alias);
        let ignore = self.ignore_tags(alias);
        let platforms = self.platforms(alias);
        let force_update = self.force_update(alias);
        let targets = self.targets(alias);
        let pull_secret = self.pull_secret(alias);
        let pin_digest = self.pin_digest(alias, entries);
        let min_age = self.min_age(alias, entries);
        let policy = match extract? {
            Some(extract) => policy.map(|policy| strategy::extracted(policy, extract)),
            None => policy,
        };
        Ok(Settings {
            strategy: strategy?,
            policy: policy?,
            filter: TagFilter { allow: allow?, ignore },
            platforms: platforms?,
            force_update: force_update?,
            pin_digest: pin_digest?,
            min_age: min_age?,
            targets: targets?,
            pull_secret: pull_secret?,
        })
    }

    /// What stands where a strategy should be named.
    pub(super) fn strategy_text(&self, alias: Option<&str>) -> String {
        match find(self.effective, alias, keys::UPDATE_STRATEGY) {
            None => strategy::ALL[0].name.to_owned(),
            Some(found) => strategy::by_name(found.trimmed())
                .map_or_else(|| quoted(found.trimmed()), |strategy| strategy.name.to_owned()),
        }
    }

    fn strategy(&mut self, alias: Option<&str>) -> Result<&'static Strategy, Invalid> {
        let Some(found) = find(self.effective, alias, keys::UPDATE_STRATEGY) else { return Ok(strategy::ALL[0]) };
        let name = found.trimmed();
        if let Some(strategy) = strategy::by_name(name) {
            if !strategy.name.eq_ignore_ascii_case(name) {
                let message = format!("`{name}` is an old name");
                let diagnostic = Diagnostic::warning("deprecated-strategy", message).at(found.place());
                self.report(diagnostic.hint(format!("write `{}`", strategy.name)));
            }
            return Ok(strategy);
        }
        let valid = strategy::ALL.map(|strategy| strategy.name);
        let meant = lint::nearest(name, valid).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        let hint = format!("{meant}valid: {}; Argo CD Image Updater uses semver", valid.join(", "));
        let message = format!("`{}` is not an update strategy", quoted(name));
        let diagnostic = Diagnostic::error("unknown-strategy", message).at(found.place()).hint(hint);
        Err(self.invalid(Reason::BadStrategy, diagnostic))
    }

    fn policy(&mut self, entry: &Entry, strategy: &Strategy) -> Result<Box<dyn Policy>, Invalid> {
        if !strategy.reads_constraint && entry.constraint.is_some() {
            let message = format!("the update strategy `{}` ignores a constraint", strategy.name);
            let diagnostic = Diagnostic::warning("constraint-not-read", message)
                .at(self.place_in_list(entry.constraint_span.clone()));
            self.report(diagnostic.hint(format!("`{}` says which tags it may choose from", keys::ALLOW_TAGS)));
        }
        (strategy.parse)(entry.constraint.as_deref()).map_err(|bad| {
            let span = match (&bad.span, &entry.constraint_span) {
                (_, constraint) if constraint.is_empty() => entry.span.clone(),
                (Some(span), constraint) => constraint.start + span.start..constraint.start + span.end,
                (None, constraint) => constraint.clone(),
            };
            let diagnostic = Diagnostic::error("bad-constraint", bad.message).at(self.place_in_list(span));
            self.invalid(Reason::BadConstraint, Diagnostic { hint: bad.hint, ..diagnostic })
        })
    }

    fn allow_tags(&mut self, alias: Option<&str>) -> Result<AllowTags, Invalid> {
        let Some(found) = find(self.effective, alias, keys::ALLOW_TAGS) else { return Ok(AllowTags::default()) };
        if let Some(read) = self.filters.allow.get(found.key) {
            return read.clone();
        }
        let read = match AllowTags::parse(found.value) {
            Ok((allow, doubts)) => {
                for doubt in doubts {
                    self.report(found.warning("doubtful-allow-tags", doubt));
                }
                Ok(allow)
            }
            Err(error) => Err(self.invalid(Reason::BadTagFilter, found.error("bad-allow-tags", error))),
        };
        self.filters.allow.insert(found.key.to_owned(), read.clone());
        read
    }

    /// A malformed pattern ignores nothing, as Go's `filepath.Match` and Image Updater have it; it is said.
    fn ignore_tags(&mut self, alias: Option<&str>) -> IgnoreTags {
        let Some(found) = find(self.effective, alias, keys::IGNORE_TAGS) else { return IgnoreTags::default() };
        if let Some(read) = self.filters.ignore.get(found.key) {
            return read.clone();
        }
        let (ignore, doubts) = IgnoreTags::parse(found.value);
        for doubt in doubts {
            self.report(found.warning("bad-ignore-tags", doubt));
        }
        self.filters.ignore.insert(found.key.to_owned(), ignore.clone());
        ignore
    }

    fn platforms(&mut self, alias: Option<&str>) -> Result<Option<Platforms>, Invalid> {
        let effective = self.effective;
        let Some(found) = alias.and_then(|alias| effective.of_image(alias, keys::PLATFORMS)) else { return Ok(None) };
        let mut platforms = Vec::new();
        let mut start = 0;
        for piece in found.value.split(',') {
            let text = piece.trim();
            let Some(platform) = Platform::parse(text) else {
                let text_start = start + (piece.len() - piece.trim_start().len());
                let error = TextError::new(format!("`{}` is not a platform", quoted(text)))
                    .at(text_start..text_start + text.len());
                let diagnostic = found.error("bad-platform", error);
                return Err(self.invalid(Reason::BadValue, diagnostic));
            };
            platforms.push(platform);
            start += piece.len() + 1;
        }
        Ok(Some(Platforms::OneOf(platforms)))
    }

    /// Go's `strconv.ParseBool`, as Image Updater 1.x reads it; an empty value is an error there too (`acs-16`).
    fn force_update(&mut self, alias: Option<&str>) -> Result<bool, Invalid> {
        let effective = self.effective;
        let found = alias
            .and_then(|alias| effective.of_image_even_empty(alias, keys::FORCE_UPDATE))
            .or_else(|| effective.of_application_even_empty(keys::FORCE_UPDATE));
        let Some(found) = found else { return Ok(false) };
        match found.trimmed() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            text => {
                let message = format!("`{}` is not a boolean", quoted(text));
                let diagnostic = Diagnostic::error("bad-boolean", message).at(found.place());
                Err(self.invalid(Reason::BadValue, diagnostic))
            }
        }
    }

    fn targets(&mut self, alias: Option<&str>) -> Result<Targets, Invalid> {
        let effective = self.effective;
        let Some(alias) = alias else { return Ok(Targets::default()) };
        let read = |key| effective.of_image(alias, key).map(|found| found.trimmed().to_owned());
        let targets = Targets {
            helm_name: read(keys::HELM_IMAGE_NAME),
            helm_tag: read(keys::HELM_IMAGE_TAG),
            helm_spec: read(keys::HELM_IMAGE_SPEC),
            kustomize_name: read(keys::KUSTOMIZE_IMAGE_NAME),
        };
        match effective.of_image(alias, keys::KUSTOMIZE_IMAGE_NAME) {
            Some(found) if targets.wants_helm() => {
                let message = format!("`{}` has both Helm parameters and a Kustomize image name", quoted(alias));
                let diagnostic = Diagnostic::error("conflicting-targets", message).at(found.place());
                Err(self.invalid(Reason::BadValue, diagnostic))
            }
            _ => Ok(targets),
        }
    }

    fn pull_secret(&mut self, alias: Option<&str>) -> Result<Option<PullSecret>, Invalid> {
        let Some(found) = find(self.effective, alias, keys::PULL_SECRET) else { return Ok(None) };
        match LoginSource::parse(found.trimmed()) {
            Ok(source) => Ok(Some(PullSecret { source, place: found.place() })),
            Err(error) => {
                let diagnostic = found.error("bad-pull-secret", error.shifted(found.place().span.start));
                Err(self.invalid(Reason::BadValue, diagnostic))
            }
        }
    }
}

/// The value of a setting: the image's own, else the Application's; an empty one hides nothing (spec section 1.5).
fn find<'a>(effective: &'a Effective, alias: Option<&str>, key: &str) -> Option<Found<'a>> {
    alias.and_then(|alias| effective.of_image(alias, key)).or_else(|| effective.of_application(key))
}
