//! An API server for tests that plays a script: one answer for each request, in order, and a record of what was asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use http::Request;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::cluster::Cluster;
use crate::cluster::settings::ConnectionSettings;

pub(super) enum Answer {
    Json(u16, Value),
    Text(u16, &'static str),
    /// Takes the request and says nothing.
    Silence,
}

/// A request as the server saw it.
#[derive(Debug)]
pub(super) struct Seen {
    /// `GET /path?query`
    pub(super) line: String,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Value,
}

pub(super) struct Scripted {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    script: Arc<Mutex<VecDeque<Answer>>>,
}

impl Scripted {
    pub(super) async fn start(script: impl IntoIterator<Item = Answer>) -> Self {
        Self::start_with(script, None).await
    }

    /// Starts one that speaks TLS, if there is a way to.
    pub(super) async fn start_with(script: impl IntoIterator<Item = Answer>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
        let (record, answers) = (Arc::clone(&seen), Arc::clone(&script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (record, answers) = (Arc::clone(&record), Arc::clone(&answers));
                let service = service_fn(move |request| answer(request, Arc::clone(&record), Arc::clone(&answers)));
                let tls = tls.clone();
                tokio::spawn(async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    // Whoever does not trust the certificate hangs up.
                    let _ = match tls {
                        None => http.serve_connection(TokioIo::new(stream), service).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await,
                            Err(_) => Ok(()),
                        },
                    };
                });
            }
        });
        Self { url, seen, script }
    }

    /// A cluster at this server, without kubeconfig and without waiting between attempts.
    pub(super) async fn cluster(&self, settings: ConnectionSettings) -> Cluster {
        // A second test finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings = ConnectionSettings { server: Some(self.url.clone()), ..settings };
        let cluster = Cluster::connect(&settings).await.unwrap();
        Cluster { pauses: [Duration::ZERO; 3], ..cluster }
    }

    /// What was asked; panics if the script was not played to its end.
    pub(super) fn seen(&self) -> Vec<Seen> {
        assert!(self.script.lock().unwrap().is_empty(), "the script has answers that nobody asked for");
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

async fn answer(
    request: Request<Incoming>,
    record: Arc<Mutex<Vec<Seen>>>,
    script: Arc<Mutex<VecDeque<Answer>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    record.lock().unwrap().push(Seen {
        line: format!("{} {}", head.method, head.uri),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    });
    let next = script.lock().unwrap().pop_front();
    let (status, content_type, body) = match next {
        Some(Answer::Json(status, value)) => (status, "application/json", value.to_string()),
        Some(Answer::Text(status, text)) => (status, "text/plain; charset=utf-8", text.to_owned()),
        Some(Answer::Silence) => std::future::pending().await,
        None => (500, "text/plain", "this request is not in the script".to_owned()),
    };
    let response = Response::builder().status(status).header("content-type", content_type);
    Ok(response.body(Full::from(body)).unwrap())
}

/// A `Status` with the fields that the API server fills in.
pub(super) fn status(code: u16, reason: &str, message: &str, details: &Value) -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": details, "code": code
    });
    Answer::Json(code, body)
}

pub(super) fn web(resource_version: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "web", "namespace": "argocd", "uid": "u-1", "resourceVersion": resource_version},
        "spec": {"source": {"repoURL": "https://git/x", "path": "p"}}
    })
}
