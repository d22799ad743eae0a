//! A git host: a folder of repositories, served over https by git's own `http-backend` and over ssh by OpenSSH.
//!
//! Both are real git; the https side runs it behind the HTTP server of the doubles, which adds logins, a log of requests
//! and faults.

use std::cell::OnceCell;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use hyper::body::Bytes;
use tempfile::TempDir;

use super::fault::Fault;
use super::git_repository::GitRepository;
use super::git_repository::server_git;
use super::git_ssh::GitSsh;
use super::http::Answer;
use super::http::Exchange;
use super::http::HttpServer;
use super::http::Request;
use super::tls::Authority;

/// A user who may read and write, with a password that a careless program would trip over.
pub(crate) const MAINTAINER: (&str, &str) = ("maintainer", "pa ss'$(touch /tmp/x)\\\"%41ü");
/// A user who may read.
pub(crate) const READER: (&str, &str) = ("reader", "look-but-do-not-touch");

/// What GitHub calls the user of an App's token, and a token; may read and write.
pub(crate) const APP: (&str, &str) = ("x-access-token", "ghs_16C7e42F292c6912E7710c838347Ae178B4a");

/// Who may do what over https.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum GitAuth {
    /// [`MAINTAINER`], [`APP`] and [`READER`], by HTTP Basic authentication.
    #[default]
    Basic,
    /// Everybody may do everything.
    None,
}

/// A folder of repositories and its servers, which start when they are first asked for.
pub(crate) struct GitHost {
    folder: TempDir,
    auth: GitAuth,
    https: OnceCell<GitHttp>,
    http: OnceCell<GitHttp>,
    ssh: OnceCell<GitSsh>,
}

impl GitHost {
    pub(crate) fn new(auth: GitAuth) -> Self {
        let folder = TempDir::with_prefix("kubectl-image-update-git-").expect("a temporary folder");
        // Its servers may run as another user.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a folder of our own");
        Self { folder, auth, https: OnceCell::new(), http: OnceCell::new(), ssh: OnceCell::new() }
    }

    /// Makes an empty repository, named like `acme/deploy`.
    pub(crate) fn repository(&self, name: &str) -> GitRepository {
        GitRepository::create(&self.folder.path().join(format!("{name}.git")))
    }

    /// The server over https; its certificate is of the CA of this process.
    pub(crate) fn https(&self) -> &GitHttp {
        self.https.get_or_init(|| {
            let acceptor = Authority::of_this_process().acceptor();
            GitHttp::start(self.folder.path(), self.auth, Some(acceptor))
        })
    }

    /// The same over https for clients that show a certificate of the CA of this process.
    pub(crate) fn https_for_certificates(&self) -> GitHttp {
        let acceptor = Authority::of_this_process().acceptor_of_clients();
        GitHttp::start(self.folder.path(), GitAuth::None, Some(acceptor))
    }

    /// The server over plain http.
    pub(crate) fn http(&self) -> &GitHttp {
        self.http.get_or_init(|| GitHttp::start(self.folder.path(), self.auth, None))
    }

    /// The server over ssh.
    pub(crate) fn ssh(&self) -> &GitSsh {
        self.ssh.get_or_init(|| GitSsh::start(self.folder.path()))
    }
}

/// A server over http or https.
pub(crate) struct GitHttp {
    scheme: &'static str,
    server: HttpServer,
    sent: Arc<AtomicU64>,
}

impl GitHttp {
    fn start(folder: &Path, auth: GitAuth, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let sent = Arc::new(AtomicU64::new(0));
        let (folder, counter) = (folder.to_owned(), Arc::clone(&sent));
        let server = HttpServer::start(tls, move |request| {
            // git takes its time, and this is one of few threads.
            let answer = tokio::task::block_in_place(|| answer(&folder, auth, request));
            counter.fetch_add(answer.response.body().len() as u64, Ordering::Relaxed);
            answer
        });
        Self { scheme, server, sent }
    }

    /// `https://127.0.0.1:PORT/acme/deploy.git`.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}://{}/{name}.git", self.scheme, self.server.authority())
    }

    /// `IP:PORT`.
    pub(crate) fn authority(&self) -> String {
        self.server.authority()
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.server.fault(fault);
    }

    pub(crate) fn heal(&self) {
        self.server.heal();
    }

    pub(crate) fn log(&self) -> Vec<Exchange> {
        self.server.log()
    }

    pub(crate) fn clear_log(&self) {
        self.server.clear_log();
        self.sent.store(0, Ordering::Relaxed);
    }

    /// Blocks until a request that fits has come in; hanging ones count.
    pub(crate) fn wait_for(&self, fits: impl Fn(&Exchange) -> bool) {
        self.server.wait_for(fits);
    }

    /// Bytes of all answers, headers not counted.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The requests so far: `POST /acme/deploy.git/git-upload-pack 200`.
    pub(crate) fn requests(&self) -> Vec<String> {
        let line = |exchange: &Exchange| {
            let status = exchange.status.map_or("-".to_owned(), |status| status.to_string());
            format!("{} {} {status}", exchange.request.method, exchange.request.uri())
        };
        self.log().iter().map(line).collect()
    }
}

fn answer(folder: &Path, auth: GitAuth, request: &Request) -> Answer {
    let user = user(request);
    let writes = request.uri().contains("git-receive-pack");
    let status = match (auth, user.as_deref()) {
        (GitAuth::None, _) => None,
        (GitAuth::Basic, None) => Some(401),
        (GitAuth::Basic, Some(name)) => (writes && name == READER.0).then_some(403),
    };
    let response = match status {
        None => backend(folder, request, user.as_deref().unwrap_or("anybody")),
        Some(status) => {
            let response = Response::builder().status(status).header("WWW-Authenticate", "Basic realm=\"git\"");
            response.body(Bytes::new()).expect("an answer")
        }
    };
    Answer { response, user }
}

/// The user of a right password.
fn user(request: &Request) -> Option<String> {
    let encoded = request.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let login = text.split_once(':')?;
    [MAINTAINER, READER, APP].contains(&login).then(|| login.0.to_owned())
}

/// git's own server, by the Common Gateway Interface (RFC 3875).
fn backend(folder: &Path, request: &Request, user: &str) -> Response<Bytes> {
    let mut command = server_git();
    command.arg("http-backend").env("GIT_PROJECT_ROOT", folder);
    command.env("REQUEST_METHOD", &request.method).env("QUERY_STRING", &request.query);
    command.env("PATH_INFO", &request.path).env("REMOTE_USER", user).env("REMOTE_ADDR", "127.0.0.1");
    command.env("CONTENT_LENGTH", request.body.len().to_string());
    for (header, variable) in [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ] {
        if let Some(value) = request.header(header) {
            command.env(variable, value);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("git starts");
    let mut stdin = child.stdin.take().expect("a pipe was asked for");
    let body = request.body.clone();
    // A git that fails closes the pipe; its answer says so.
    let writing = std::thread::spawn(move || drop(stdin.write_all(&body)));
    let output = child.wait_with_output().expect("git ends").stdout;
    writing.join().expect("a pipe is written");
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(output.len());
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        response = match name {
            "Status" => response.status(value.split(' ').next().unwrap_or(value)),
            _ => response.header(name, value),
        };
    }
    let body = output.get(end + 4..).unwrap_or_default().to_owned();
    response.body(Bytes::from(body)).expect("an answer of git's")
}

/// Where a repository of a host is on disk, for those who make one there by other means.
pub(crate) fn place(host: &GitHost, name: &str) -> PathBuf {
    host.folder.path().join(format!("{name}.git"))
}
