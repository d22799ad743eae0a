//! What a run tells of itself while it works: events, and whoever watches them. Telling changes nothing.

/// One thing that happened. Texts may be from outside: whoever shows them makes them safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// One more image will be decided about; with the registry that has to be asked for it, if one has to be.
    Planned { registry: Option<&'a str> },
    /// A registry is asked about a repository.
    Asking { registry: &'a str, repository: &'a str },
    /// One of the images planned is decided about.
    Decided { registry: Option<&'a str> },
    /// A step is being waited for.
    Began(&'a str),
    /// It is over, well or not.
    Ended(&'a str),
}

/// Who is told.
pub(crate) trait Watch: Sync {
    fn event(&self, event: Event<'_>);
}

/// A step that is being waited for until this is dropped.
pub(crate) struct Step<'a> {
    watch: &'a dyn Watch,
    what: String,
}

impl<'a> Step<'a> {
    pub(crate) fn begin(watch: &'a dyn Watch, what: impl Into<String>) -> Self {
        let what = what.into();
        watch.event(Event::Began(&what));
        Self { watch, what }
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.watch.event(Event::Ended(&self.what));
    }
}
