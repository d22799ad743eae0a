//! What is asked from outside while a command runs: Ctrl-C, and on Unix SIGTERM and SIGHUP, which mean the same.
//!
//! Work that listens is told. While nobody listens, as at a prompt or when a full pipe is written to, the process ends
//! at once, unless it has written: then a report is still owed, and the first signal is kept for whoever listens next.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use crate::error::Error;
use crate::error::ExitCode;
use crate::git;
use crate::output::Printer;
use crate::output::diagnostics;
use crate::process;

/// How long it may take to say why the process ends.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The signals of a run.
pub(crate) struct Signals(Arc<Inner>);

struct Inner {
    /// How many came.
    count: watch::Sender<usize>,
    /// How many somebody was told of.
    told: AtomicUsize,
    listeners: AtomicUsize,
    /// Set from the first write on.
    writing: Arc<AtomicBool>,
}

impl Signals {
    /// Begins to listen, for as long as the process lives.
    ///
    /// # Errors
    /// The system does not let us.
    pub(crate) fn listen(writing: Arc<AtomicBool>, printer: Printer) -> std::io::Result<Self> {
        let (count, told, listeners) = (watch::channel(0).0, AtomicUsize::new(0), AtomicUsize::new(0));
        let inner = Arc::new(Inner { count, told, listeners, writing });
        let terminal = process::Terminal::as_it_is();
        let (shared, mut source) = (Arc::clone(&inner), Source::new()?);
        tokio::spawn(async move {
            while source.next().await {
                if let Some(words) = shared.last_words() {
                    git::remove_temporary_folders();
                    terminal.restore();
                    // Standard error may be the very pipe that is full.
                    let told = tokio::task::spawn_blocking(move || printer.alert(&words));
                    let _told = tokio::time::timeout(LAST_WORDS, told).await;
                    process::end(ExitCode::Interrupted.number());
                }
                shared.count.send_modify(|count| *count += 1);
            }
        });
        Ok(Self(inner))
    }

    /// Waits for the next signal that nobody was told of.
    pub(crate) async fn next(&self) {
        let _listening = Listening::new(&self.0.listeners);
        let mut count = self.0.count.subscribe();
        loop {
            if self.take(*count.borrow_and_update()) {
                return;
            }
            // The other end is in this very value.
            let _changed = count.changed().await;
        }
    }

    /// Whether a signal is kept for whoever listens next.
    pub(crate) fn is_kept(&self) -> bool {
        *self.0.count.borrow() > self.0.told.load(Ordering::SeqCst)
    }

    /// Whether a signal came that nobody was told of; it counts as told then.
    fn take(&self, count: usize) -> bool {
        let told = self.0.told.load(Ordering::SeqCst);
        told < count && self.0.told.compare_exchange(told, told + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

impl Inner {
    /// What to say if the process has to end here; `None`: it goes on, and somebody will be told of the signal.
    fn last_words(&self) -> Option<String> {
        let untold = *self.count.borrow() - self.told.load(Ordering::SeqCst);
        let ended = if self.listeners.load(Ordering::SeqCst) > 0 {
            return None;
        } else if !self.writing.load(Ordering::SeqCst) {
            interrupted()
        } else if untold > 0 {
            Error::failed("interrupted before the report of what was written was printed")
        } else {
            return None;
        };
        Some(diagnostics::error(&ended))
    }
}

/// The end of a run that has written nothing.
pub(crate) fn interrupted() -> Error {
    Error::failed("interrupted; nothing was written").with_code(ExitCode::Interrupted)
}

/// What a question without an answer ends in: Ctrl-C at a prompt is no signal, the terminal hands it over as a key.
pub(crate) fn unanswered(error: dialoguer::Error) -> Error {
    let dialoguer::Error::IO(error) = error;
    if error.kind() == std::io::ErrorKind::Interrupted {
        return interrupted();
    }
    Error::failed("failed to ask").source(error)
}

/// Somebody who waits for a signal.
struct Listening<'a>(&'a AtomicUsize);

impl<'a> Listening<'a> {
    fn new(listeners: &'a AtomicUsize) -> Self {
        listeners.fetch_add(1, Ordering::SeqCst);
        Self(listeners)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Where signals come from.
#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None`: who started the process wants it to outlive the terminal (`nohup`).
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Source {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::SignalKind;
        use tokio::signal::unix::signal;

        let hangup = if process::ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    /// Waits for the next one; `false`: there are no more.
    async fn next(&mut self) -> bool {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            came = self.interrupt.recv() => came.is_some(),
            came = self.terminate.recv() => came.is_some(),
            came = hangup => came.is_some(),
        }
    }
}

#[cfg(not(unix))]
struct Source;

#[cfg(not(unix))]
impl Source {
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
