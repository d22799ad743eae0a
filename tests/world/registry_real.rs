//! Debian's docker-registry (CNCF distribution 2.8) as a child process, filled through its own HTTP API.

use std::fs;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::client::Reply;
use super::client::send;
use super::image;
use super::image::Content;
use super::image::Image;
use super::registry::ROBOT;
use super::registry::RegistryAuth;
use super::servers::Server;
use super::tls::Authority;
use super::token_server;
use super::token_server::TokenAuthority;
use super::token_server::TokenServer;

/// The users `ROBOT` and `VISITOR`, with bcrypt at its lowest cost.
const HTPASSWD: &str = "\
robot:$2y$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG
visitor:$2y$04$abcdefghijklmnopqrstuuaPHSGHCEIPlvvEGUFPyGVSdY.ymDgam
";

/// The registry, which ends with this value.
pub(crate) struct RealRegistry {
    // Before the token server, so that it ends first.
    server: Server,
    host: String,
    scheme: &'static str,
    auth: RegistryAuth,
    pub(crate) tokens: TokenServer,
}

impl RealRegistry {
    /// Plain HTTP.
    pub(crate) fn start(auth: RegistryAuth) -> Self {
        Self::start_with(auth, false)
    }

    /// HTTPS with the certificate of [`Authority`].
    pub(crate) fn start_tls(auth: RegistryAuth) -> Self {
        Self::start_with(auth, true)
    }

    fn start_with(auth: RegistryAuth, tls: bool) -> Self {
        let tokens = TokenServer::start(IpAddr::V4(Ipv4Addr::LOCALHOST), Arc::new(TokenAuthority::default()));
        let server = Server::start("docker-registry", |folder| {
            let file = folder.join("config.yml");
            fs::write(&file, configuration(folder, (auth, tls), &tokens.realm()))
                .expect("a file in a folder of our own");
            vec!["serve".into(), file]
        });
        // It takes any free port, and says which.
        let host = server.wait_until("start", || {
            let log = server.log();
            let address = log.split("listening on ").nth(1)?;
            Some(address.chars().take_while(|&c| c.is_ascii_digit() || c == '.' || c == ':').collect::<String>())
        });
        let host = host.unwrap_or_else(|problem| panic!("{problem}"));
        Self { server, host, scheme: if tls { "https" } else { "http" }, auth, tokens }
    }

    pub(crate) fn host(&self) -> String {
        self.host.clone()
    }

    pub(crate) fn push(&self, repository: &str, tag: &str, image: &Image) {
        let package = image.pack();
        for blob in &package.blobs {
            self.upload(repository, blob);
        }
        for manifest in &package.manifests {
            self.put_manifest(repository, &manifest.digest, manifest);
        }
        self.put_manifest(repository, tag, package.manifest());
    }

    /// The first tag is pushed; the others are copies of its folder in the registry's storage, as the registry itself
    /// would lay them out.
    pub(crate) fn fill(&self, repositories: &[(String, Vec<String>)], image: &Image) {
        let Some((first, tag)) = repositories.iter().find_map(|(name, tags)| Some((name, tags.first()?))) else {
            return;
        };
        self.push(first, tag, image);
        let folder = |name: &str| self.server.folder().join("storage/docker/registry/v2/repositories").join(name);
        let (template, template_tag) = (folder(first), folder(first).join("_manifests/tags").join(tag));
        for (name, tags) in repositories {
            for part in ["_layers", "_manifests/revisions"] {
                copy(&template.join(part), &folder(name).join(part));
            }
            for tag in tags {
                copy(&template_tag, &folder(name).join("_manifests/tags").join(tag));
            }
        }
    }

    pub(crate) fn delete(&self, repository: &str, tag: &str) {
        let manifests = format!("/v2/{repository}/manifests");
        let found = self.call(repository, ("HEAD", &format!("{manifests}/{tag}")), ("Accept", image::ACCEPT), "");
        let digest = found.header("docker-content-digest").expect("a tag to delete");
        let deleted = self.call(repository, ("DELETE", &format!("{manifests}/{digest}")), ("Accept", "*/*"), "");
        assert_eq!(deleted.status, 202, "delete {repository}:{tag}: {}", deleted.text());
    }

    fn upload(&self, repository: &str, blob: &Content) {
        let uploads = format!("/v2/{repository}/blobs/uploads/");
        let begun = self.call(repository, ("POST", &uploads), ("Accept", "*/*"), "");
        let location = begun.header("location").unwrap_or_else(|| panic!("begin an upload: {}", begun.text()));
        let path = location.strip_prefix(&format!("{}://{}", self.scheme, self.host)).unwrap_or(location);
        let path = format!("{path}&digest={}", blob.digest);
        let content_type = ("Content-Type", "application/octet-stream");
        let done = self.call(repository, ("PUT", &path), content_type, blob.bytes.clone());
        assert_eq!(done.status, 201, "upload to {repository}: {}", done.text());
    }

    fn put_manifest(&self, repository: &str, reference: &str, manifest: &Content) {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let content_type = ("Content-Type", manifest.media_type.as_str());
        let done = self.call(repository, ("PUT", &path), content_type, manifest.bytes.clone());
        assert_eq!(done.status, 201, "push {repository}:{reference}: {}", done.text());
    }

    /// Sends a request with the rights to write to the repository.
    fn call(&self, repository: &str, line: (&str, &str), header: (&str, &str), body: impl Into<Vec<u8>>) -> Reply {
        let (method, path) = line;
        let authorization = match self.auth {
            RegistryAuth::None => None,
            RegistryAuth::Basic => Some(format!("Basic {}", STANDARD.encode(format!("{}:{}", ROBOT.0, ROBOT.1)))),
            RegistryAuth::Token => Some(format!("Bearer {}", token_server::master_token(repository))),
        };
        let mut headers = vec![header];
        headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
        send(method, &format!("{}://{}{path}", self.scheme, self.host), &headers, body)
    }

    /// What the registry wrote about itself and its requests.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }
}

/// Copies a folder with everything in it; what is there already stays.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder in the registry's own");
    for entry in fs::read_dir(from).expect("a folder of the registry") {
        let entry = entry.expect("a file of the registry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else if !target.exists() {
            fs::copy(entry.path(), target).expect("a file in the registry's own folder");
        }
    }
}

fn configuration(folder: &Path, (auth, tls): (RegistryAuth, bool), realm: &str) -> String {
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        fs::write(&file, text).expect("a file in a folder of our own");
        file.display().to_string()
    };
    let auth = match auth {
        RegistryAuth::None => String::new(),
        RegistryAuth::Basic => {
            format!("auth: {{htpasswd: {{realm: test, path: {}}}}}", write("htpasswd", HTPASSWD))
        }
        RegistryAuth::Token => format!(
            "auth: {{token: {{realm: \"{realm}\", service: {}, issuer: {}, rootcertbundle: {}}}}}",
            token_server::SERVICE,
            token_server::ISSUER,
            write("ca.pem", &Authority::of_this_process().ca),
        ),
    };
    let tls = if tls {
        let authority = Authority::of_this_process();
        let (certificate, key) = (write("tls.crt", &authority.certificate), write("tls.key", &authority.key));
        format!(", tls: {{certificate: {certificate}, key: {key}}}")
    } else {
        String::new()
    };
    format!(
        "version: 0.1\n\
         storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
         http: {{addr: \"127.0.0.1:0\", secret: tests{tls}}}\n\
         {auth}\n",
        folder.join("storage").display()
    )
}
