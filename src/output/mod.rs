//! Values to text: tables, diffs, diagnostics, and the two streams they go to.
//!
//! Renderers take values and return text; only [`Printer`] writes, and nothing in here asks or decides anything.

use std::borrow::Cow;
use std::io;
use std::io::Write as _;
use std::sync::Arc;

use anstream::AutoStream;
use anstream::ColorChoice;

use crate::error::Error;
use crate::model::git_url;
use crate::model::progress::Event;
use crate::model::progress::Watch;
use progress::Line;
use progress::Show;

pub(crate) mod diagnostics;
pub(crate) mod diff;
pub(crate) mod html;
pub(crate) mod markdown;
mod progress;
#[cfg(test)]
mod properties;
pub(crate) mod receipts;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;

/// What people type unless the file has another name; hints and help are written with it.
pub(crate) const USUAL: &str = "kubectl image-update";

/// The two streams: data on standard output, everything else on standard error. No password in an address passes.
#[derive(Clone)]
pub(crate) struct Printer {
    colors: Colors,
    quiet: bool,
    /// What people type to run the tool, where it is not what texts say.
    program: Option<&'static str>,
    silent: bool,
    telling: Telling,
    line: Arc<Line>,
}

/// Whether each of the two streams is colored: one may be a terminal while the other is a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colors {
    pub(crate) stdout: ColorChoice,
    pub(crate) stderr: ColorChoice,
}

impl Colors {
    pub(crate) const NEVER: Self = Self { stdout: ColorChoice::Never, stderr: ColorChoice::Never };
}

/// How it is told what a run is at while it works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Telling {
    #[default]
    Nothing,
    /// On one line that is gone in the end, for whoever sits at a terminal.
    Line,
    /// Line by line, as it comes.
    Lines,
}

impl Printer {
    pub(crate) fn new(colors: Colors, quiet: bool) -> Self {
        Self { colors, quiet, program: None, silent: false, telling: Telling::default(), line: Arc::default() }
    }

    /// Has hints and errors name the tool as it is typed.
    #[must_use]
    pub(crate) fn called(self, name: &'static str) -> Self {
        Self { program: (name != USUAL).then_some(name), ..self }
    }

    #[must_use]
    pub(crate) fn telling(self, telling: Telling) -> Self {
        Self { telling, ..self }
    }

    /// Says nothing at all on standard error.
    pub(crate) fn silent() -> Self {
        Self { silent: true, ..Self::new(Colors::NEVER, true) }
    }

    /// Shows what the run is at until the result is dropped, if that is wanted.
    pub(crate) fn show_progress(&self) -> Option<Show> {
        (self.telling == Telling::Line).then(|| self.line.show())
    }

    /// Writes data to standard output. A reader who has gone away has had enough: that is success.
    ///
    /// # Errors
    /// Standard output cannot be written to, for example because the disk is full.
    pub(crate) fn data(&self, text: &str) -> Result<(), Error> {
        let _clear = self.line.clear();
        let mut stream = AutoStream::new(io::stdout(), self.colors.stdout);
        match stream.write_all(git_url::hidden(text).as_bytes()).and_then(|()| stream.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::failed("failed to write to standard output").source(error))
            }
            _ => Ok(()),
        }
    }

    /// Says something about the run on standard error, unless it was asked to be quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.alert(text);
        }
    }

    /// Says something on standard error that must be seen. When even that fails there is nobody left to tell.
    pub(crate) fn alert(&self, text: &str) {
        if self.silent {
            return;
        }
        let _clear = self.line.clear();
        let text = match self.program {
            Some(name) => Cow::Owned(text.replace(USUAL, name)),
            None => Cow::Borrowed(text),
        };
        let mut stream = AutoStream::new(io::stderr(), self.colors.stderr);
        let _ = stream.write_all(git_url::hidden(&text).as_bytes());
        if !text.ends_with('\n') {
            let _ = stream.write_all(b"\n");
        }
    }
}

impl Watch for Printer {
    fn event(&self, event: Event<'_>) {
        match (self.telling, event) {
            (Telling::Line, event) => self.line.event(event),
            (Telling::Lines, Event::Began(what)) => self.note(&format!("waiting for {}", text::safe(what))),
            (Telling::Lines, Event::Asking { registry, repository }) => {
                self.note(&format!("asking {} about {}", text::safe(registry), text::safe(repository)));
            }
            (Telling::Lines | Telling::Nothing, _) => {}
        }
    }
}

#[cfg(test)]
mod tests;
