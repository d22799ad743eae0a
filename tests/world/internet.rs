//! The Internet as far as the tool gets to see it: a proxy on loopback that leads public names to doubles in this process.
//!
//! Nothing leaves the machine: a name that no double was put at is refused, and the test that let it be asked for fails.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

use super::command::Invocation;
use super::http::Exchange;
use super::http::HttpServer;
use super::http::runtime;
use super::registry_double::Dialect;
use super::registry_double::RegistryDouble;
use super::tls::Authority;
pub(crate) use super::tls::NAMES;
use super::token_server::TokenServer;

#[derive(Default)]
struct State {
    /// Where a name leads.
    places: BTreeMap<String, SocketAddr>,
    /// Whatever else was asked for.
    strays: Vec<String>,
}

/// The proxy, which ends with this value.
pub(crate) struct Internet {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: tokio::task::JoinHandle<()>,
    folder: TempDir,
}

/// A public registry, with its token service and its API where they have hosts of their own.
pub(crate) struct Site {
    pub(crate) registry: RegistryDouble,
    tokens: Option<TokenServer>,
    api: Option<HttpServer>,
}

impl Internet {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let listener = runtime().block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let address = listener.local_addr().expect("the address just bound");
        let accepting = runtime().spawn(accept(listener, Arc::clone(&state)));
        let folder = TempDir::with_prefix("kubectl-image-update-internet-").expect("a temporary folder");
        fs::write(folder.path().join("ca.pem"), &Authority::of_this_process().ca)
            .expect("a file in a folder of our own");
        Self { address, state, accepting, folder }
    }

    /// Has a program reach these names, and no others, and trust them.
    pub(crate) fn connect(&self, invocation: &mut Invocation) {
        invocation
            .env("HTTPS_PROXY", format!("http://{}", self.address))
            .env("SSL_CERT_FILE", self.folder.path().join("ca.pem"));
    }

    /// `IP:PORT` of the proxy.
    pub(crate) fn proxy(&self) -> String {
        self.address.to_string()
    }

    /// Puts a server, which speaks TLS at `IP:PORT`, at a name.
    pub(crate) fn place(&self, name: &str, address: &str) {
        assert!(NAMES.contains(&name), "`{name}` is not in the table of this file");
        let address = address.parse().expect("IP:PORT");
        self.state.lock().unwrap().places.insert(name.to_owned(), address);
    }

    /// Puts up a public registry.
    pub(crate) fn open(&self, dialect: Dialect) -> Site {
        let registry = RegistryDouble::start_dialect(dialect);
        self.place(dialect.host(), &registry.host());
        if dialect != Dialect::DockerHub {
            return Site { registry, tokens: None, api: None };
        }
        let tokens = TokenServer::start_tls(Arc::clone(&registry.tokens));
        self.place("auth.docker.io", &tokens.address());
        let api = registry.start_api();
        self.place("hub.docker.com", &api.authority());
        Site { registry, tokens: Some(tokens), api: Some(api) }
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        self.accepting.abort();
        let strays = std::mem::take(&mut self.state.lock().unwrap().strays);
        // A second panic would hide the first.
        assert!(strays.is_empty() || std::thread::panicking(), "asked for beyond the doubles: {strays:#?}");
    }
}

impl Site {
    /// Every request, whichever host got it.
    pub(crate) fn log(&self) -> Vec<Exchange> {
        let elsewhere = [self.tokens.as_ref().map(TokenServer::log), self.api.as_ref().map(HttpServer::log)];
        self.registry.log().into_iter().chain(elsewhere.into_iter().flatten().flatten()).collect()
    }

    /// What a registry's API about tags was asked that has a host of its own.
    pub(crate) fn api(&self) -> &HttpServer {
        self.api.as_ref().expect("an API with a host of its own")
    }

    pub(crate) fn clear_log(&self) {
        self.registry.clear_log();
        if let (Some(tokens), Some(api)) = (&self.tokens, &self.api) {
            tokens.clear_log();
            api.clear_log();
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    // Tunnels end with the proxy: dropping the set aborts its tasks.
    let mut tunnels = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        tunnels.spawn(tunnel(stream, Arc::clone(&state)));
        while tunnels.try_join_next().is_some() {}
    }
}

/// One `CONNECT` (RFC 9110 section 9.3.6), and what goes through it.
async fn tunnel(mut client: TcpStream, state: Arc<Mutex<State>>) {
    let Some(head) = read_head(&mut client).await else { return };
    let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let place = target.strip_suffix(":443").and_then(|name| state.lock().unwrap().places.get(name).copied());
    let Some(place) = place else {
        let line = head.lines().next().unwrap_or_default().to_owned();
        state.lock().unwrap().strays.push(line);
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await;
        return;
    };
    let Ok(mut server) = TcpStream::connect(place).await else { return };
    if client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_ok() {
        // Who hangs up in the middle is no concern of the proxy's.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

/// Reads up to the empty line, and not a byte further.
async fn read_head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}
