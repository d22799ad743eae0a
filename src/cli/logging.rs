//! What `-vv` shows: every request as it is sent, on standard error.

use std::io;
use std::io::Write;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::output::text::safe_lines;

/// Starts to log; without `-vv` there is no logger at all, and libraries log into nothing.
pub(crate) fn start(verbosity: u8) {
    let level = match verbosity {
        0 | 1 => return,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter =
        Targets::new().with_target("registry", level).with_target("cluster", level).with_default(LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer().without_time().with_ansi(false).with_writer(|| SafeStderr);
    tracing_subscriber::registry().with(filter).with(lines).init();
}

/// Standard error, for lines that repeat what came from outside.
struct SafeStderr;

impl Write for SafeStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(safe_lines(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
