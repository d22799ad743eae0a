//! Runs programs for a test: with an environment that has nothing in it but what is said here, and a limit in time.

use std::ffi::OsString;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use super::servers::eventually;

/// No run of the tool takes longer than this.
const LIMIT: Duration = Duration::from_secs(60);

/// The plugin that cargo built for these tests.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-image_update");

/// A program to run, and how.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(String, OsString)>,
    pub(crate) folder: PathBuf,
    pub(crate) stdin: Option<Vec<u8>>,
}

impl Invocation {
    /// Sets a variable, in place of one of the same name.
    pub(crate) fn env(&mut self, name: &str, value: impl Into<OsString>) -> &mut Self {
        self.env_remove(name);
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn env_remove(&mut self, name: &str) -> &mut Self {
        self.environment.retain(|(own, _)| own != name);
        self
    }

    pub(crate) fn arg(&mut self, argument: impl Into<OsString>) -> &mut Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn current_dir(&mut self, folder: &Path) -> &mut Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// What standard input gives; without it, nothing.
    pub(crate) fn stdin(&mut self, text: impl Into<Vec<u8>>) -> &mut Self {
        self.stdin = Some(text.into());
        self
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().current_dir(&self.folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts the program and leaves it running.
    pub(crate) fn spawn(&self) -> Running {
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {}: {error}", self.program.display()));
        if let Some(text) = self.stdin.clone() {
            let mut pipe = child.stdin.take().expect("a pipe was asked for");
            // A program that does not read its input closes the pipe; that is not the test's concern.
            std::thread::spawn(move || pipe.write_all(&text));
        }
        let stdout = Stream::read(child.stdout.take().expect("a pipe was asked for"));
        let stderr = Stream::read(child.stderr.take().expect("a pipe was asked for"));
        Running { child, stdout, stderr }
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self) -> Output {
        self.spawn().wait()
    }

    /// The same, and the most memory that it had at one time, in KiB.
    pub(crate) fn run_measured(&self) -> (Output, u64) {
        let running = self.spawn();
        let status = format!("/proc/{}/status", running.child.id());
        let watching = std::thread::spawn(move || {
            let mut peak = 0;
            // The line is gone when the program has ended; until then the number only grows.
            while let Some(now) = std::fs::read_to_string(&status).ok().as_deref().and_then(peak_memory) {
                peak = now.max(peak);
                std::thread::sleep(Duration::from_millis(1));
            }
            peak
        });
        let output = running.wait();
        let peak = watching.join().expect("a file is read");
        assert!(peak > 0, "nothing is known of the memory of a program here: this test needs the /proc of Linux");
        (output, peak)
    }
}

/// `VmHWM` of a `/proc/PID/status`, in KiB (proc(5)).
fn peak_memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// What a program has written to one of its streams so far.
#[derive(Debug)]
struct Stream {
    written: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Stream {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let written = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&written);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let count @ 1.. = pipe.read(&mut buffer).expect("a pipe can be read") {
                shared.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self { written, reader }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    fn read_to_end(self) -> String {
        self.reader.join().expect("a stream is read");
        let bytes = std::mem::take(&mut *self.written.lock().unwrap());
        String::from_utf8(bytes).expect("programs write UTF-8")
    }
}

/// A program that has not ended.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

impl Running {
    /// Sends SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal("INT");
    }

    /// Sends a signal by its name, such as `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits until standard error says `text`.
    #[track_caller]
    pub(crate) fn wait_for_stderr(&self, text: &str) {
        let said = eventually(LIMIT, || self.stderr.so_far().contains(text).then_some(()));
        assert!(said.is_some(), "`{text}` is not said:\n{}", self.stderr.so_far());
    }

    pub(crate) fn wait(mut self) -> Output {
        let status = eventually(LIMIT, || self.child.try_wait().expect("a child of ours"));
        if status.is_none() {
            let _ = self.child.kill();
        }
        let (stdout, stderr) = (self.stdout.read_to_end(), self.stderr.read_to_end());
        let status = status.unwrap_or_else(|| panic!("still running after {LIMIT:?}\n{stdout}\n{stderr}"));
        Output { stdout, stderr, code: exit_code(status) }
    }
}

pub(crate) fn signal(child: &Child, name: &str) {
    // The shell's own: a small machine has no program of that name.
    let sent =
        Command::new("/bin/sh").args(["-c", "kill -\"$1\" \"$2\"", "kill", name, &child.id().to_string()]).status();
    assert!(sent.expect("sh starts").success(), "no signal was sent");
}

/// The exit code; a signal counts as shells count it.
pub(crate) fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).expect("a code or a signal")
}

/// What a program said, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Output {
    /// Fails the test, showing everything, unless the program ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code; the output:\n{self}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}\n{self}"))
    }
}

/// Both streams and the code together, as snapshots show them.
impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--- stdout\n{}--- stderr\n{}--- code {}\n", self.stdout, self.stderr, self.code)
    }
}
