//! What can go wrong with an answer, on demand: values that a double's HTTP server consults before it answers.

use std::io::Write;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::StatusCode;
use hyper::body::Bytes;
use serde_json::json;
use tokio::sync::Semaphore;

use super::http::Request;

/// One fault: what happens, to which requests, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    effect: Effect,
    method: Option<String>,
    path: String,
    remaining: Option<usize>,
    passing: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// No answer, the connection stays open.
    Hang,
    /// No answer, the connection is closed.
    Close,
    /// This answer instead of the real one.
    Answer { status: StatusCode, headers: HeaderMap, body: Bytes },
    /// An answer whose body has no end, or one that comes after so many bytes, which `Content-Length` may announce.
    Long { bytes: Option<u64>, announced: bool },
    /// The real answer, later.
    Delay(Duration),
    /// The real answer, once the test opens the gate.
    Wait(Gate),
    /// The first half of the real body, under the length of the whole.
    Truncate,
    /// The real answer with other headers.
    Headers { set: HeaderMap, remove: Vec<HeaderName> },
}

impl Fault {
    fn new(effect: Effect) -> Self {
        Self { effect, method: None, path: String::new(), remaining: None, passing: 0 }
    }

    pub(crate) fn hang() -> Self {
        Self::new(Effect::Hang)
    }

    pub(crate) fn close() -> Self {
        Self::new(Effect::Close)
    }

    pub(crate) fn delay(time: Duration) -> Self {
        Self::new(Effect::Delay(time))
    }

    /// Keeps matching requests back until the gate is opened.
    pub(crate) fn wait(gate: &Gate) -> Self {
        Self::new(Effect::Wait(gate.clone()))
    }

    pub(crate) fn truncate() -> Self {
        Self::new(Effect::Truncate)
    }

    pub(crate) fn endless() -> Self {
        Self::new(Effect::Long { bytes: None, announced: false })
    }

    /// A body of so many bytes, none of which means anything.
    pub(crate) fn long(bytes: u64) -> Self {
        Self::new(Effect::Long { bytes: Some(bytes), announced: false })
    }

    /// The same, and the answer says so before it begins.
    pub(crate) fn long_as_announced(bytes: u64) -> Self {
        Self::new(Effect::Long { bytes: Some(bytes), announced: true })
    }

    /// A small body in gzip that unpacks to so many MiB of nothing.
    pub(crate) fn bomb(mebibytes: usize) -> Self {
        Self::status(200).header("Content-Encoding", "gzip").body(bomb(mebibytes))
    }

    /// This status, with an empty body; see [`Fault::header`] and [`Fault::body`].
    pub(crate) fn status(code: u16) -> Self {
        let status = StatusCode::from_u16(code).expect("a status code");
        Self::new(Effect::Answer { status, headers: HeaderMap::new(), body: Bytes::new() })
    }

    /// A failure as an API server words it.
    pub(crate) fn kubernetes(code: u16, reason: &str, message: &str) -> Self {
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code,
        });
        Self::status(code).header("Content-Type", "application/json").body(body.to_string())
    }

    /// Status 200 with this body instead of the real one.
    pub(crate) fn garbage(body: impl Into<Bytes>) -> Self {
        Self::status(200).body(body)
    }

    pub(crate) fn without_header(name: &'static str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        Self::new(Effect::Headers { set: HeaderMap::new(), remove: vec![name] })
    }

    pub(crate) fn with_header(name: &str, value: &str) -> Self {
        Self::new(Effect::Headers { set: HeaderMap::new(), remove: Vec::new() }).header(name, value)
    }

    /// Adds a header to the answer; only for faults that answer.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        let value = HeaderValue::from_str(value).expect("a header value");
        match &mut self.effect {
            Effect::Answer { headers, .. } => headers.insert(name, value),
            Effect::Headers { set, .. } => set.insert(name, value),
            other => panic!("{other:?} has no headers of its own"),
        };
        self
    }

    /// Sets the body; only for [`Fault::status`].
    pub(crate) fn body(mut self, text: impl Into<Bytes>) -> Self {
        match &mut self.effect {
            Effect::Answer { body, .. } => *body = text.into(),
            other => panic!("{other:?} has no body of its own"),
        }
        self
    }

    /// Only requests with this method, at this path; see [`Fault::at`].
    pub(crate) fn on(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.to_owned());
        path.clone_into(&mut self.path);
        self
    }

    /// Only requests at this path, or, if it ends in a slash, at any path that begins like this.
    pub(crate) fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Only the next `count` matching requests; otherwise all of them.
    pub(crate) fn times(mut self, count: usize) -> Self {
        self.remaining = Some(count);
        self
    }

    /// Lets the first `count` matching requests pass.
    pub(crate) fn after(mut self, count: usize) -> Self {
        self.passing = count;
        self
    }

    fn fits(&self, request: &Request) -> bool {
        self.remaining != Some(0)
            && self.method.as_ref().is_none_or(|method| *method == request.method)
            && (request.path == self.path || (request.path.starts_with(&self.path) && is_prefix(&self.path)))
    }
}

/// One MiB of spaces, packed once and repeated: blocks of a gzip stream that were flushed stand for themselves.
fn bomb(mebibytes: usize) -> Bytes {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.flush().expect("memory takes bytes");
    let header = packed.get_ref().len();
    packed.write_all(&vec![b' '; 1024 * 1024]).expect("memory takes bytes");
    packed.flush().expect("memory takes bytes");
    let (header, block) = packed.get_ref().split_at(header);
    // No last block and no checksum: whoever reads so far has read too far.
    [header, &block.repeat(mebibytes)].concat().into()
}

fn is_prefix(path: &str) -> bool {
    path.is_empty() || path.ends_with('/')
}

/// A place where requests wait until the test lets them go on: what it does meanwhile happens in between.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    arrived: Mutex<bool>,
    somebody_arrived: Condvar,
    open: Semaphore,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let (arrived, somebody_arrived) = (Mutex::new(false), Condvar::new());
        Self(Arc::new(Inner { arrived, somebody_arrived, open: Semaphore::new(0) }))
    }

    /// Returns when a request waits.
    pub(crate) fn wait_for_arrival(&self) {
        let arrived = self.0.arrived.lock().unwrap();
        let limit = Duration::from_secs(30);
        let waited = self.0.somebody_arrived.wait_timeout_while(arrived, limit, |arrived| !*arrived).unwrap();
        assert!(!waited.1.timed_out(), "no request came to the gate within 30 s");
    }

    /// Forgets who arrived so far, to wait for somebody else.
    pub(crate) fn forget(&self) {
        *self.0.arrived.lock().unwrap() = false;
    }

    /// Lets the waiting requests, and all later ones, go on.
    pub(crate) fn open(&self) {
        self.0.open.close();
    }

    /// Waits as a request.
    pub(super) async fn pass(&self) {
        *self.0.arrived.lock().unwrap() = true;
        self.0.somebody_arrived.notify_all();
        // An error says that the gate was opened.
        let _ = self.0.open.acquire().await;
    }
}

/// The faults in force, in the order they were asked for; the first that fits is the one that happens.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn next(&mut self, request: &Request) -> Option<Effect> {
        for fault in self.0.iter_mut().filter(|fault| fault.fits(request)) {
            if fault.passing > 0 {
                fault.passing -= 1;
                continue;
            }
            if let Some(remaining) = &mut fault.remaining {
                *remaining -= 1;
            }
            return Some(fault.effect.clone());
        }
        None
    }
}
