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
