//! An HTTP/1.1 server on loopback in this process, with a log of requests and faults on demand.
//!
//! Knows neither Kubernetes nor registries: the doubles give it a handler.

use std::convert::Infallible;
use std::fmt::Write;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::time::Duration;

use futures::StreamExt;
use http::HeaderMap;
use http::Response;
use http::StatusCode;
use http_body_util::BodyExt;
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::body::Bytes;
use hyper::body::Frame;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::fault::Effect;
use super::fault::Fault;
use super::fault::Faults;

/// The runtime that every double and the tests' own client share.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("world")
            .enable_all()
            .build()
            .expect("a runtime for the doubles")
    })
}

/// One request as a handler sees it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// As sent, without the question mark.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The decoded value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).next()
    }

    pub(crate) fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        self.query.split('&').filter_map(move |pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key, true) == name).then(|| percent_decode(value, true))
        })
    }

    /// Path and query, as on the request line.
    pub(crate) fn uri(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

/// A request that was answered, or was left without an answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    /// Who the handler took the caller for.
    pub(crate) user: Option<String>,
    /// `None`: hung or cut off by a fault.
    pub(crate) status: Option<u16>,
}

/// What a handler gives back.
pub(crate) struct Answer {
    pub(crate) response: Response<Bytes>,
    pub(crate) user: Option<String>,
}

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    faults: Mutex<Faults>,
    log: Mutex<Vec<Exchange>>,
    logged: Condvar,
    /// Requests being answered now, and the most there ever were.
    in_flight: Mutex<(usize, usize)>,
}

impl Shared {
    fn begin(self: &Arc<Self>) -> InFlight {
        let mut counts = self.in_flight.lock().unwrap();
        counts.0 += 1;
        counts.1 = counts.1.max(counts.0);
        InFlight(Arc::clone(self))
    }
}

/// Counts a request for as long as it is being answered.
struct InFlight(Arc<Shared>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.lock().unwrap().0 -= 1;
    }
}

/// A server that ends with this value.
pub(crate) struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

impl HttpServer {
    pub(crate) fn start(
        tls: Option<TlsAcceptor>,
        handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_on(IpAddr::V4(Ipv4Addr::LOCALHOST), tls, handler)
    }

    /// Listens on another loopback address, which to a client is another host.
    pub(crate) fn start_on(
        host: IpAddr,
        tls: Option<TlsAcceptor>,
        handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            faults: Mutex::default(),
            log: Mutex::default(),
            logged: Condvar::new(),
            in_flight: Mutex::default(),
        });
        let listener = runtime().block_on(TcpListener::bind((host, 0))).expect("a free port on loopback");
        let address = listener.local_addr().expect("the address just bound");
        let accepting = runtime().spawn(accept(listener, tls, Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    /// `IP:PORT`.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.shared.faults.lock().unwrap().add(fault);
    }

    pub(crate) fn heal(&self) {
        *self.shared.faults.lock().unwrap() = Faults::default();
    }

    pub(crate) fn log(&self) -> Vec<Exchange> {
        self.shared.log.lock().unwrap().clone()
    }

    pub(crate) fn clear_log(&self) {
        self.shared.log.lock().unwrap().clear();
    }

    /// The largest number of requests that were being answered at one time.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.shared.in_flight.lock().unwrap().1
    }

    /// Blocks until a request that fits has come in; hanging ones count.
    pub(crate) fn wait_for(&self, fits: impl Fn(&Exchange) -> bool) {
        let log = self.shared.log.lock().unwrap();
        let wait = self.shared.logged.wait_timeout_while(log, Duration::from_secs(30), |log| !log.iter().any(&fits));
        let (log, timeout) = wait.unwrap();
        assert!(!timeout.timed_out(), "no such request came within 30 s; those that came: {:#?}", *log);
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // Connections end with the server: dropping the set aborts its tasks.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        connections.spawn(async move {
            match tls {
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, shared).await;
                    }
                }
                None => serve(stream, shared).await,
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let service = hyper::service::service_fn(|request| exchange(Arc::clone(&shared), request));
    // A client that goes away in the middle is no concern of the double's.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

type Body = BoxBody<Bytes, io::Error>;

/// One request and its answer. An error makes hyper drop the connection without an answer, which is what `Close` asks for.
fn exchange(
    shared: Arc<Shared>,
    request: http::Request<Incoming>,
) -> Pin<Box<dyn Future<Output = Result<Response<Body>, io::Error>> + Send>> {
    Box::pin(async move {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let request = Request {
            method: head.method.to_string(),
            path: percent_decode(head.uri.path(), false),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
        };
        let _in_flight = shared.begin();
        let effect = shared.faults.lock().unwrap().next(&request);
        let log = |user: Option<String>, status: Option<StatusCode>| {
            let status = status.map(|status| status.as_u16());
            shared.log.lock().unwrap().push(Exchange { request: request.clone(), user, status });
            shared.logged.notify_all();
        };
        match &effect {
            Some(Effect::Hang) => {
                log(None, None);
                std::future::pending().await
            }
            Some(Effect::Close) => {
                log(None, None);
                Err(io::Error::other("closed by a fault"))
            }
            Some(Effect::Answer { status, headers, body }) => {
                log(None, Some(*status));
                let mut response = Response::new(full(body.clone()));
                *response.status_mut() = *status;
                response.headers_mut().extend(headers.clone());
                Ok(response)
            }
            Some(Effect::Long { bytes, announced }) => {
                log(None, Some(StatusCode::OK));
                let mut response = Response::new(long(*bytes));
                if let Some(bytes) = bytes.filter(|_| *announced) {
                    response.headers_mut().insert(http::header::CONTENT_LENGTH, bytes.into());
                }
                Ok(response)
            }
            Some(Effect::Delay(time)) => {
                tokio::time::sleep(*time).await;
                let answer = (shared.handler)(&request);
                log(answer.user, Some(answer.response.status()));
                Ok(answer.response.map(full))
            }
            Some(Effect::Wait(gate)) => {
                gate.pass().await;
                let answer = (shared.handler)(&request);
                log(answer.user, Some(answer.response.status()));
                Ok(answer.response.map(full))
            }
            Some(Effect::Truncate) => {
                let answer = (shared.handler)(&request);
                log(answer.user, Some(answer.response.status()));
                Ok(truncated(answer.response))
            }
            Some(Effect::Headers { set, remove }) => {
                let answer = (shared.handler)(&request);
                log(answer.user, Some(answer.response.status()));
                let mut response = answer.response.map(full);
                for name in remove {
                    response.headers_mut().remove(name);
                }
                response.headers_mut().extend(set.clone());
                Ok(response)
            }
            None => {
                let answer = (shared.handler)(&request);
                log(answer.user, Some(answer.response.status()));
                Ok(answer.response.map(full))
            }
        }
    })
}

fn full(bytes: Bytes) -> Body {
    http_body_util::Full::new(bytes).map_err(|never: Infallible| match never {}).boxed()
}

/// Announces the whole body, sends half of it, and cuts the connection.
fn truncated(response: Response<Bytes>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    head.headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    let half = body.slice(..body.len() / 2);
    let pieces = futures::stream::once(async move { Ok(Frame::data(half)) }).chain(futures::stream::once(async {
        // Gives hyper the turn to send the first piece before it meets the error.
        tokio::task::yield_now().await;
        Err(io::Error::other("cut by a fault"))
    }));
    Response::from_parts(head, BodyExt::boxed(StreamBody::new(pieces)))
}

/// A body of spaces, for readers that must have a limit; without a length it has no end.
fn long(bytes: Option<u64>) -> Body {
    const PIECE: u64 = 64 * 1024;
    let piece = Bytes::from(vec![b' '; PIECE as usize]);
    let mut left = bytes.unwrap_or(u64::MAX);
    let pieces = std::iter::from_fn(move || {
        let size = left.min(PIECE);
        left -= if bytes.is_some() { size } else { 0 };
        (size > 0).then(|| Ok(Frame::data(piece.slice(..size as usize))))
    });
    BodyExt::boxed(StreamBody::new(futures::stream::iter(pieces)))
}

/// Decodes `%XX`, and in a query `+`; what is not valid stays as it is.
fn percent_decode(text: &str, query: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, code.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) if query => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Encodes everything but unreserved characters, for a query value.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => write!(encoded, "%{byte:02X}").expect("a string takes text"),
        }
    }
    encoded
}
