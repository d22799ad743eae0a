//! Real servers as child processes: where their programs are, and how they end when the tests do.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use tempfile::TempDir;

/// Finds a program that `tests/run` provides, or fails the test with what to do.
pub(crate) fn program(name: &str) -> PathBuf {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let assets = assets.filter(|_| matches!(name, "etcd" | "kube-apiserver"));
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .map(|cache| cache.join("kubectl-image-update/bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = assets.into_iter().chain(cache).chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file()).unwrap_or_else(|| {
        panic!(
            "`{name}` is missing: this test runs against the real server. \
             Run `tests/run`, which provides it and then runs the tests."
        )
    })
}

/// Ends the server when the pipe on its standard input closes, which happens however the test process ends.
const SUPERVISOR: &str = r#"
dir=$1; shift
exec 3<&0
"$@" >"$dir/log" 2>&1 </dev/null 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -KILL $server; } 2>/dev/null &
wait $server
echo "exit status $?" >"$dir/exited"
wait
rm -rf "$dir"
"#;

/// A server, its folder for data, and the shell that ends both with the tests.
pub(crate) struct Server {
    name: String,
    folder: PathBuf,
    supervisor: Child,
}

impl Server {
    /// Starts `program` in the background. `arguments` gets the folder, which is empty and the server's own.
    pub(crate) fn start<A: AsRef<OsStr>>(name: &str, arguments: impl FnOnce(&Path) -> Vec<A>) -> Self {
        let program = program(name);
        let folder = TempDir::with_prefix(format!("kubectl-image-update-{name}-")).expect("a temporary folder").keep();
        let supervisor = Command::new("/bin/sh")
            .args(["-c", SUPERVISOR, "supervisor"])
            .arg(&folder)
            .arg(program)
            .args(arguments(&folder))
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        Self { name: name.to_owned(), folder, supervisor }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn log(&self) -> String {
        fs::read(self.folder.join("log")).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Waits until `ready` gives a value. Gives up with the end of the log when the server ended or time ran out.
    pub(crate) fn wait_until<T>(&self, what: &str, mut ready: impl FnMut() -> Option<T>) -> Result<T, String> {
        let result = eventually(Duration::from_secs(90), || match ready() {
            Some(value) => Some(Ok(value)),
            None => fs::read_to_string(self.folder.join("exited")).ok().map(Err),
        });
        let problem = match result {
            Some(Ok(value)) => return Ok(value),
            Some(Err(status)) => status.trim().to_owned(),
            None => "time ran out".to_owned(),
        };
        let log = self.log();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        Err(format!("{}: {what}: {problem}; the end of its log:\n{}", self.name, tail.join("\n")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}

/// Asks again and again, for at most `time`, until there is an answer.
pub(crate) fn eventually<T>(time: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() > time {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A port that was free a moment ago. Who uses it must be ready to try another.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on loopback");
    listener.local_addr().expect("the address just bound").port()
}
