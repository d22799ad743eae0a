//! A terminal for the tool to run in: keys go in, and what the screen shows comes out.

use std::io::Read;
use std::io::Write;
use std::num::NonZeroU16;
use std::process::Child;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use pty_process::Size;
use pty_process::blocking::Command;
use pty_process::blocking::Pty;

use super::command::Invocation;
use super::command::Output;
use super::command::exit_code;
use super::command::signal;
use super::servers::eventually;

const ROWS: NonZeroU16 = NonZeroU16::new(50).expect("a terminal has rows");
const LIMIT: Duration = Duration::from_secs(30);

/// A program in a terminal of 50 rows.
pub(crate) struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    shown: Arc<Mutex<Shown>>,
}

struct Shown {
    screen: vt100::Parser,
    /// Everything that was written, with its control sequences.
    raw: Vec<u8>,
    ended: bool,
}

impl Terminal {
    pub(crate) fn start(invocation: &Invocation, columns: u16) -> Self {
        let (pty, pts) = pty_process::blocking::open().expect("a terminal");
        let columns = NonZeroU16::new(columns).expect("a terminal has columns");
        pty.resize(Size::new(ROWS.get(), columns.get())).expect("a size for the terminal");
        let mut command = invocation.command();
        if invocation.environment.iter().all(|(name, _)| name != "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let child = Command::from(command).spawn(pts).expect("the program starts");
        let pty = Arc::new(pty);
        let screen = vt100::Parser::new(ROWS, columns, 1000);
        let shown = Arc::new(Mutex::new(Shown { screen, raw: Vec::new(), ended: false }));
        let (reader, screen) = (Arc::clone(&pty), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // When the last program closes the terminal, Linux answers a read with an error.
            while let Ok(count @ 1..) = (&*reader).read(&mut buffer) {
                let mut shown = screen.lock().unwrap();
                shown.raw.extend_from_slice(&buffer[..count]);
                shown.screen.process(&buffer[..count]);
            }
            screen.lock().unwrap().ended = true;
        });
        Self { child, pty, shown }
    }

    /// Types; Enter is `\r`, Ctrl-C is `\x03`, the arrows are `\x1b[A` and so on.
    pub(crate) fn send(&self, keys: &str) -> &Self {
        (&*self.pty).write_all(keys.as_bytes()).expect("the terminal takes keys");
        self
    }

    /// What the screen shows now, without trailing blanks.
    pub(crate) fn screen(&self) -> String {
        let shown = self.shown.lock().unwrap();
        let text = shown.screen.screen().contents();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// Everything that was written so far, with its control sequences.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap().raw).into_owned()
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> &Self {
        let seen = eventually(LIMIT, || self.screen().contains(text).then_some(()));
        assert!(seen.is_some(), "`{text}` did not appear; the screen:\n{}", self.screen());
        self
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for the end. `stdout` is the last screen: a terminal does not tell the streams apart.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Output {
        let status = eventually(LIMIT, || self.child.try_wait().expect("a child of ours"));
        let status = status.unwrap_or_else(|| panic!("still running; the screen:\n{}", self.screen()));
        eventually(LIMIT, || self.shown.lock().unwrap().ended.then_some(())).expect("the terminal closes");
        Output { stdout: self.screen(), stderr: String::new(), code: exit_code(status) }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
