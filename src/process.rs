//! The process around the tool: arguments, environment, clock, terminals. The only reader of them.
#![expect(clippy::disallowed_methods, reason = "this is the module that reads the process")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use jiff::Timestamp;

/// Fixes the clock, as an RFC 3339 time, so that tests and demonstrations print the same every time.
pub(crate) const NOW: &str = "KUBECTL_IMAGE_UPDATE_NOW";

/// What the process was started with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    pub(crate) arguments: Vec<OsString>,
    /// Variables whose name and value are Unicode; others cannot mean anything to this tool.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) stdin_is_terminal: bool,
    pub(crate) stdout_is_terminal: bool,
    pub(crate) stderr_is_terminal: bool,
}

impl Process {
    /// Reads the process that this is.
    pub(crate) fn current() -> Self {
        Self {
            arguments: std::env::args_os().collect(),
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// The name of the file that was started, without folder and `.exe`; empty if nobody said.
    pub(crate) fn program(&self) -> String {
        let file = self.arguments.first().map(PathBuf::from);
        let name = file.as_ref().and_then(|file| file.file_name()).map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        name.strip_suffix(".exe").map(str::to_owned).unwrap_or(name)
    }

    /// The value of a variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The caller's home folder.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").or_else(|| self.variable("USERPROFILE")).map(PathBuf::from)
    }

    /// The time now in whole seconds, or the one that [`NOW`] fixes.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.variable(NOW).and_then(|fixed| fixed.parse().ok()).unwrap_or_else(Timestamp::now);
        now.round(jiff::Unit::Second).unwrap_or(now)
    }

    /// Whether a question can be asked: standard input answers it, standard error shows it.
    pub(crate) fn can_ask(&self) -> bool {
        self.stdin_is_terminal && self.stderr_is_terminal
    }
}

/// How the terminal is set up, to be put back if the process ends in the middle of a question.
pub(crate) struct Terminal {
    #[cfg(unix)]
    settings: Option<rustix::termios::Termios>,
}

impl Terminal {
    #[cfg(unix)]
    pub(crate) fn as_it_is() -> Self {
        Self { settings: rustix::termios::tcgetattr(std::io::stdin()).ok() }
    }

    #[cfg(not(unix))]
    pub(crate) fn as_it_is() -> Self {
        Self {}
    }

    /// Puts it back, as far as there is one.
    pub(crate) fn restore(&self) {
        #[cfg(unix)]
        if let Some(settings) = &self.settings {
            // A terminal that is gone needs nothing.
            let _gone = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, settings);
        }
    }
}

/// Whether whoever started the process wants it to go on when the terminal is gone, as `nohup` does.
///
/// Only Linux tells without unsafe code; elsewhere it is taken to be so, and a hangup does what it does by itself.
#[cfg(unix)]
pub(crate) fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is signal 1, the lowest bit (proc(5)).
    ignored.is_none_or(|mask| mask & 1 == 1)
}

/// Ends the process at once, without dropping anything.
#[expect(clippy::exit, reason = "a question at the terminal, or a full pipe, cannot be waited for")]
pub(crate) fn end(code: u8) -> ! {
    std::process::exit(code.into())
}
