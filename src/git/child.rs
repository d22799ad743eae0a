//! One run of git, from start to end: bounded in time and output, and never outlived by what it started.
//!
//! The only place that starts git. What is run, and with which environment, `program` decides.
#![expect(clippy::disallowed_methods, reason = "the git program is a child process; this starts it")]

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;
use tokio::process::Command;

/// Most that is kept of standard error; the rest is read and dropped.
const STDERR: usize = 32 * 1024;
/// How long output is waited for after git ended: a helper that stays behind, such as the master of a shared ssh
/// connection, may hold the pipe open for ever.
const STRAGGLERS: Duration = Duration::from_millis(500);

/// What to run. Arguments never hold a secret: other users of the machine can read them.
pub(super) struct Invocation<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: Vec<OsString>,
    /// The whole environment.
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) folder: &'a Path,
    pub(super) stdin: Vec<u8>,
    /// Most bytes that may come on standard output.
    pub(super) limit: usize,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) success: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

/// Why it did not end as a program does.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It could not be started or spoken to.
    Io(io::Error),
    TimedOut(Duration),
    /// More came on standard output than may.
    TooMuch(usize),
}

/// Runs a program to its end, or for as long as `time` allows. Dropping the future ends it too.
pub(super) async fn run(invocation: Invocation<'_>, time: Duration) -> Result<Ended, Trouble> {
    let Invocation { program, arguments, environment, folder, stdin, limit } = invocation;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // Its own group: what it starts ends with it, and Ctrl-C at the terminal reaches it through this program only.
    #[cfg(unix)]
    command.process_group(0);
    let mut group = Group::of(command.spawn().map_err(Trouble::Io)?);
    let ended = tokio::time::timeout(time, talk(&mut group.child, stdin, limit)).await;
    match ended {
        Err(_) => Err(Trouble::TimedOut(time)),
        Ok(Err(trouble)) => Err(trouble),
        Ok(Ok(ended)) => {
            group.ended = true;
            Ok(ended)
        }
    }
}

/// A child and everything it started, ended when dropped before its time.
struct Group {
    child: Child,
    ended: bool,
}

impl Group {
    fn of(child: Child) -> Self {
        Self { child, ended: false }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        #[cfg(unix)]
        if let Some(group) = self.child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
            // It fails if all are gone already.
            let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _gone = self.child.start_kill();
    }
}

async fn talk(child: &mut Child, input: Vec<u8>, limit: usize) -> Result<Ended, Trouble> {
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let stdout = child.stdout.take().expect("stdout is piped");
    let stderr = child.stderr.take().expect("stderr is piped");
    let (out, err) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let streams = async {
        let write = async {
            // A program that does not read, or that closes early, is judged by how it ends.
            let _written = stdin.write_all(&input).await;
            drop(stdin);
        };
        let ((), over, _) = tokio::join!(write, collect(stdout, &out, Some(limit)), collect(stderr, &err, None));
        over
    };
    let mut streams = std::pin::pin!(streams);
    let mut over = None;
    let status = loop {
        tokio::select! {
            too_much = &mut streams, if over.is_none() => {
                let too_much = too_much.map_err(Trouble::Io)?;
                over = Some(too_much);
                if too_much {
                    return Err(Trouble::TooMuch(limit));
                }
            }
            status = child.wait() => break status.map_err(Trouble::Io)?,
        }
    };
    if over.is_none()
        && let Ok(too_much) = tokio::time::timeout(STRAGGLERS, &mut streams).await
        && too_much.map_err(Trouble::Io)?
    {
        return Err(Trouble::TooMuch(limit));
    }
    let take =
        |pipe: &Mutex<Vec<u8>>| std::mem::take(&mut *pipe.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    let stderr = String::from_utf8_lossy(&take(&err)).into_owned();
    Ok(Ended { success: status.success(), stdout: take(&out), stderr })
}

/// Reads a pipe to its end. With a limit, stops when more came: true. Without one, drops what is too much.
async fn collect(mut pipe: impl AsyncRead + Unpin, kept: &Mutex<Vec<u8>>, limit: Option<usize>) -> io::Result<bool> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = pipe.read(&mut piece).await?;
        if count == 0 {
            return Ok(false);
        }
        let mut kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match limit {
            Some(limit) if kept.len() + count > limit => return Ok(true),
            Some(_) => kept.extend_from_slice(&piece[..count]),
            None => {
                let room = STDERR.saturating_sub(kept.len()).min(count);
                kept.extend_from_slice(&piece[..room]);
            }
        }
    }
}
