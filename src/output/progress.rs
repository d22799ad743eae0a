//! What a long run is at, on one line of a terminal: there while it works, gone when it is done.
//!
//! The line is drawn by a thread of its own, so that it moves on whatever the work waits for, and only after a moment:
//! a run that is quick shows nothing. It uses no color and moves no cursor but to the start of its own line.
//!
//! Not `indicatif`: one line needs none of its bars, and it must share a lock with everything else that is written to
//! the terminal, which [`Printer`](crate::output::Printer) holds.

use std::collections::BTreeMap;
use std::io;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::model::progress::Event;
use crate::output::text::safe;
use crate::output::text::width;

/// How often the line is drawn anew.
const TICK: Duration = Duration::from_millis(120);
/// The tick at which it is drawn first.
const PATIENCE: u32 = 4;
/// How wide a terminal is that does not say.
const DEFAULT_WIDTH: usize = 80;
/// How many registries are named that are waited for.
const NAMED: usize = 3;

/// The line, and what it is about.
#[derive(Default)]
pub(super) struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether the line stands on the terminal now.
    drawn: bool,
    /// How many shows of it have not ended.
    shows: usize,
    counts: Counts,
}

/// What has been told.
#[derive(Default)]
struct Counts {
    images: usize,
    decided: usize,
    /// Of each registry, how many images wait for it.
    waiting: BTreeMap<String, usize>,
    steps: Vec<String>,
}

/// The terminal without the line, for as long as this is held.
pub(super) struct Clear<'a> {
    _state: MutexGuard<'a, State>,
}

/// The line is shown until this is dropped.
pub(crate) struct Show {
    line: Arc<Line>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the line off the terminal, so that something else can be written there.
    pub(super) fn clear(&self) -> Clear<'_> {
        let mut state = self.lock();
        state.erase();
        Clear { _state: state }
    }

    pub(super) fn event(&self, event: Event<'_>) {
        self.lock().counts.take(event);
    }

    /// Shows the line while the work is done, unless that is quick.
    pub(super) fn show(self: &Arc<Self>) -> Show {
        self.lock().shows += 1;
        let line = Arc::clone(self);
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || line.draw_until_over());
        // Without a thread there is no line, which is all that is lost.
        Show { line: Arc::clone(self), thread: thread.ok() }
    }

    fn draw_until_over(&self) {
        let mut ticks = 0;
        let mut state = self.lock();
        while state.shows > 0 {
            let (waited, timeout) = self.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner);
            state = waited;
            if timeout.timed_out() && state.shows > 0 {
                ticks += 1;
                if ticks >= PATIENCE {
                    state.draw();
                }
            }
        }
        state.erase();
    }
}

impl State {
    fn draw(&mut self) {
        let columns = terminal_size::terminal_size_of(io::stderr()).map_or(DEFAULT_WIDTH, |(width, _)| width.0.into());
        // At its end there is room for the `^C` that a terminal echoes: a line that breaks could not be taken away.
        let Some(text) = self.counts.line(columns.saturating_sub(4)) else { return };
        self.drawn = true;
        put(&format!("\r{text}\u{1b}[K"));
    }

    fn erase(&mut self) {
        if std::mem::take(&mut self.drawn) {
            put("\r\u{1b}[K");
        }
    }
}

/// Writes to the terminal in one go: in pieces, what is typed meanwhile could be echoed inside a control sequence.
fn put(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

impl Drop for Show {
    fn drop(&mut self) {
        self.line.lock().shows -= 1;
        self.line.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Counts {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Planned { registry } => {
                self.images += 1;
                if let Some(registry) = registry {
                    *self.waiting.entry(registry.to_owned()).or_default() += 1;
                }
            }
            Event::Asking { .. } => {}
            Event::Decided { registry } => {
                self.decided += 1;
                if let Some(waiting) = registry.and_then(|registry| self.waiting.get_mut(registry)) {
                    *waiting = waiting.saturating_sub(1);
                }
            }
            Event::Began(what) => self.steps.push(what.to_owned()),
            Event::Ended(what) => {
                if let Some(place) = self.steps.iter().position(|step| step == what) {
                    self.steps.remove(place);
                }
            }
        }
    }

    /// `12/40 images, 2/3 registries answered, waiting for ghcr.io (5)`, cut to `columns`.
    fn line(&self, columns: usize) -> Option<String> {
        let mut parts = Vec::new();
        if self.decided < self.images {
            parts.push(format!("{}/{} images", self.decided, self.images));
            let answered = self.waiting.values().filter(|waiting| **waiting == 0).count();
            let asked = self.waiting.len();
            if asked > 0 {
                parts.push(format!("{answered}/{asked} registries answered"));
            }
        }
        let mut waiting: Vec<(&str, usize)> =
            self.waiting.iter().map(|(registry, waiting)| (registry.as_str(), *waiting)).collect();
        waiting.retain(|(_, waiting)| *waiting > 0);
        waiting.sort_by_key(|(_, waiting)| std::cmp::Reverse(*waiting));
        let busiest = waiting.iter().take(NAMED).map(|(registry, waiting)| format!("{registry} ({waiting})"));
        let mut names: Vec<String> = self.steps.iter().cloned().chain(busiest).collect();
        if waiting.len() > NAMED {
            names.push(format!("{} more", waiting.len() - NAMED));
        }
        if !names.is_empty() {
            parts.push(format!("waiting for {}", names.join(", ")));
        }
        (!parts.is_empty()).then(|| cut(&safe(&parts.join(", ")), columns))
    }
}

/// As much of a line as fits, with a sign that there is more.
fn cut(line: &str, columns: usize) -> String {
    if width(line) <= columns {
        return line.to_owned();
    }
    let mut cut = String::new();
    for character in line.chars() {
        cut.push(character);
        if width(&cut) + 1 > columns {
            cut.pop();
            break;
        }
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: &[Event<'_>]) -> Counts {
        let mut counts = Counts::default();
        for event in events {
            counts.take(*event);
        }
        counts
    }

    #[test]
    fn the_line_says_what_is_done_and_what_is_waited_for() {
        let planned = |registry| Event::Planned { registry };
        let decided = |registry| Event::Decided { registry };
        let (hub, ghcr) = (Some("docker.io"), Some("ghcr.io"));
        for (events, expected) in [
            (&[][..], None),
            (&[Event::Began("the API server")], Some("waiting for the API server")),
            (&[Event::Began("a"), Event::Began("b"), Event::Ended("a")], Some("waiting for b")),
            (&[planned(hub)], Some("0/1 images, 0/1 registries answered, waiting for docker.io (1)")),
            (
                &[planned(hub), planned(ghcr), planned(ghcr), planned(None), decided(None), decided(hub)],
                Some("2/4 images, 1/2 registries answered, waiting for ghcr.io (2)"),
            ),
            (&[planned(hub), decided(hub)], None),
            (&[planned(hub), decided(hub), decided(hub), Event::Ended("x")], None),
            (&[Event::Began("x\u{1b}[2J\r\n")], Some("waiting for x\\u{1b}[2J\\u{d}\\n")),
        ] {
            assert_eq!(told(events).line(200).as_deref(), expected, "{events:?}");
        }
        let many = ["a", "b", "c", "d", "e"].map(|registry| planned(Some(registry)));
        let line = told(&many).line(200).unwrap();
        assert!(line.ends_with("waiting for a (1), b (1), c (1), 2 more"), "{line}");
    }

    #[test]
    fn it_fits_the_terminal() {
        let counts = told(&[Event::Began("漢字 and a long name of something"), Event::Planned { registry: Some("r") }]);
        for columns in 0..100 {
            let line = counts.line(columns).unwrap();
            assert!(width(&line) <= columns, "{columns}: {line}");
        }
        assert!(counts.line(20).unwrap().ends_with('…'));
    }
}
