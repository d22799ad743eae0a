//! Reads the entries of an image list one by one, and collects what is wrong with them.
//!
//! What an entry is called and where its pin stands is read here; its settings are read in `settings`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::annotations::advice;
use crate::annotations::effective::Effective;
use crate::annotations::effective::UnreadablePin;
use crate::annotations::image_list::Entry;
use crate::annotations::keys;
use crate::annotations::rule::ImageRule;
use crate::annotations::rule::Invalid;
use crate::annotations::tag_filter::AllowTags;
use crate::annotations::tag_filter::IgnoreTags;
use crate::model::choosing::Wish;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;
use crate::model::diagnostic::Place;
use crate::model::diagnostic::TextError;
use crate::model::image::Repository;
use crate::model::pin::Pin;

/// More images than any Application has; an annotation with more of them is an accident, or an attack.
const MOST_IMAGES: usize = 1000;

/// How much of a user's text is quoted in a sentence; the place that is pointed at shows more.
const QUOTED: usize = 80;

/// A value of an annotation, with the key it was found under.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a Arc<str>,
}

impl<'a> Found<'a> {
    pub(super) fn trimmed(self) -> &'a str {
        self.value.trim()
    }

    /// The place of the value without the space around it.
    pub(super) fn place(self) -> Place {
        let start = self.value.len() - self.value.trim_start().len();
        self.place_of(start..start + self.trimmed().len())
    }

    pub(super) fn place_of(self, span: Range<usize>) -> Place {
        Place { annotation: self.key.to_owned(), value: Arc::clone(self.value), span }
    }

    /// What is wrong with a piece of the value.
    pub(super) fn error(self, code: &'static str, error: TextError) -> Diagnostic {
        self.locate(Diagnostic::error(code, error.message), error.span, error.hint)
    }

    /// What is doubtful in a piece of the value.
    pub(super) fn warning(self, code: &'static str, error: TextError) -> Diagnostic {
        self.locate(Diagnostic::warning(code, error.message), error.span, error.hint)
    }

    fn locate(self, diagnostic: Diagnostic, span: Option<Range<usize>>, hint: Option<String>) -> Diagnostic {
        let place = self.place_of(span.unwrap_or(0..self.value.len()));
        Diagnostic { hint, ..diagnostic.at(place) }
    }
}

pub(super) struct Reader<'a> {
    pub(super) effective: &'a Effective,
    list: Arc<str>,
    diagnostics: Vec<Diagnostic>,
    /// What was reported already: code, annotation, span and message.
    reported: BTreeSet<(&'static str, String, usize, usize, String)>,
    pub(super) filters: Filters,
}

/// What was read of `allow-tags` and `ignore-tags`, by annotation: a thousand images may share one that takes long to
/// read and much to keep.
#[derive(Default)]
pub(super) struct Filters {
    pub(super) allow: BTreeMap<String, Result<AllowTags, Invalid>>,
    pub(super) ignore: BTreeMap<String, IgnoreTags>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(effective: &'a Effective, list: &str) -> Self {
        let (diagnostics, reported, filters) = Default::default();
        Self { effective, list: list.into(), diagnostics, reported, filters }
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }

    /// Adds a diagnostic once, however many images share the value it is about.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if let Some(place) = &diagnostic.place {
            let Range { start, end } = place.span;
            let known = (diagnostic.code, place.annotation.clone(), start, end, diagnostic.message.clone());
            if !self.reported.insert(known) {
                return;
            }
        }
        self.diagnostics.push(diagnostic);
    }

    /// Reports an error and returns it as the reason why an image is invalid.
    pub(super) fn invalid(&mut self, reason: Reason, diagnostic: Diagnostic) -> Invalid {
        let invalid = Invalid::new(reason, diagnostic.message.clone());
        self.report(advice::completed(diagnostic));
        invalid
    }

    pub(super) fn place_in_list(&self, span: Range<usize>) -> Place {
        Place { annotation: keys::for_application(keys::IMAGE_LIST), value: Arc::clone(&self.list), span }
    }

    /// The entries that are read: all of them, unless there are absurdly many.
    pub(super) fn usable(&mut self, mut entries: Vec<Entry>) -> Vec<Entry> {
        if entries.is_empty() {
            let place = self.place_in_list(0..self.list.len());
            self.report(Diagnostic::warning("empty-image-list", "the image list names no image").at(place));
        }
        if let Some(first) = entries.get(MOST_IMAGES) {
            let message = format!("the image list has {} images; only the first {MOST_IMAGES} are read", entries.len());
            let place = self.place_in_list(first.span.clone());
            self.report(Diagnostic::error("too-many-images", message).at(place));
            entries.truncate(MOST_IMAGES);
        }
        entries
    }

    /// Reads one of so many entries.
    pub(super) fn image(&mut self, position: usize, entry: &Entry, entries: usize) -> ImageRule {
        if let Some(misread) = entry.misread {
            let message = format!("`{}` is read as meant here, but not everywhere", quoted(self.text_of(entry)));
            let place = self.place_in_list(entry.span.clone());
            self.report(Diagnostic::warning("read-differently", message).at(place).hint(misread));
        }
        let (repository, settings) = match self.repository(entry) {
            Ok(repository) => (Some(repository), self.settings(entry, entries)),
            Err(invalid) => (None, Err(invalid)),
        };
        let strategy_text = match &settings {
            Ok(settings) => settings.strategy.name.to_owned(),
            Err(_) => self.strategy_text(entry.alias.as_deref()),
        };
        let (pin, settings) = match self.pin(entry, entries) {
            Ok(pin) => (pin, settings),
            Err(invalid) => (None, Err(invalid)),
        };
        ImageRule {
            position,
            alias: entry.alias.clone(),
            image: entry.image.clone(),
            name: entry.name.clone(),
            strategy_text,
            repository,
            constraint: entry.constraint.clone(),
            settings,
            pin,
            wish: Wish::default(),
        }
    }

    fn text_of(&self, entry: &Entry) -> &str {
        &self.list[entry.span.clone()]
    }

    fn repository(&mut self, entry: &Entry) -> Result<Repository, Invalid> {
        entry.name.repository().map_err(|why| {
            let message = match entry.image.as_str() {
                "" => format!("`{}` names no image", quoted(self.text_of(entry))),
                _ => why,
            };
            let mut diagnostic = Diagnostic::error("bad-image", message).at(self.place_in_list(entry.span.clone()));
            if entry.image.starts_with(['<', '>', '=', '!', '~', '^']) {
                diagnostic =
                    diagnostic.hint("a comma always starts a new image: write a space between two constraints");
            } else if entry.image.is_empty() {
                diagnostic = diagnostic.hint("write `image`, `alias=image` or `alias=image:constraint`");
            } else if entry.image.contains(char::is_whitespace) {
                diagnostic = diagnostic.hint("images are separated by commas, not by spaces or lines");
            } else {
                diagnostic = diagnostic.hint("write a name such as `nginx` or `registry.example.com:5000/team/app`");
            }
            self.invalid(Reason::BadImage, diagnostic)
        })
    }

    fn pin(&mut self, entry: &Entry, entries: usize) -> Result<Option<Pin>, Invalid> {
        self.effective.pin(entry.alias.as_deref(), entries).map_err(|UnreadablePin { key, text, why }| {
            let place = Place { annotation: key, span: 0..text.len(), value: text.into() };
            let message = format!("the record of a pin cannot be read: {}", quoted(&why));
            let diagnostic = Diagnostic::error("unreadable-pin", message)
                .at(place)
                .hint("the image stays where it is until the annotation is removed, or holds the record again");
            self.invalid(Reason::BadValue, diagnostic)
        })
    }
}

/// The beginning of a text, as much as a sentence bears.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
