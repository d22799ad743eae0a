//! The client against a scripted server: every exchange is spelled out, so that a fault is exactly the fault meant.

mod conf;
mod documents;
mod faults;
mod logins;
mod newest;
mod paging;
mod scopes;
mod server;
mod tls;

use std::sync::Arc;

use jiff::Timestamp;

use server::Server;

use crate::model::image::Digest;
use crate::model::image::Platform;
use crate::model::image::Platforms;
use crate::model::image::Repository;
use crate::model::image::Tag;
use crate::registry::DockerConfig;
use crate::registry::Registries;
use crate::registry::RegistrySettings;
use crate::registry::Remote;
use crate::registry::clock::Clock;
use crate::registry::clock::ManualClock;
use crate::registry::guard::Names;
use crate::registry::transport::Outside;

/// A client whose time stands still but for its own sleeping.
struct Client {
    registries: Registries,
    clock: Arc<ManualClock>,
}

impl Client {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with_docker_config(text: &str) -> Self {
        Self::with(|settings| settings.docker_config = Ok(DockerConfig::parse(text).unwrap()))
    }

    fn with(change: impl FnOnce(&mut RegistrySettings)) -> Self {
        Self::among(Names::System, change)
    }

    fn among(names: Names, change: impl FnOnce(&mut RegistrySettings)) -> Self {
        // Whichever test comes first installs it.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let mut settings = RegistrySettings::new("test/0".to_owned());
        change(&mut settings);
        let clock = ManualClock::new();
        let outside = Outside { clock: Clock::Manual(Arc::clone(&clock)), names };
        let registries = Registries::within(settings, outside);
        Self { registries, clock }
    }

    async fn tags(&self, server: &Server, path: &str) -> Result<String, String> {
        let tags = self.registries.tags(&remote(server, path)).await;
        tags.map(|tags| tags.names.join(" ")).map_err(|error| shown(&error, server))
    }

    async fn digest(&self, server: &Server, tag: &str) -> Result<Digest, String> {
        let digest = self.registries.digest(&remote(server, "acme/web"), &Tag::new(tag).unwrap()).await;
        digest.map_err(|error| shown(&error, server))
    }
}

fn remote(server: &Server, path: &str) -> Remote {
    Remote::from(Repository::new(Some(&server.authority()), path).unwrap())
}

/// An error as a test reads it: kind, text and hint, with the server's address replaced.
fn shown(error: &crate::registry::RegistryError, server: &Server) -> String {
    let mut text = format!("{:?}: {error}", error.kind());
    if let Some(hint) = error.hint() {
        text = format!("{text} [{hint}]");
    }
    text.replace(&server.authority(), "HOST")
}

fn platforms(text: &str) -> Platforms {
    match text {
        "any" => Platforms::Any,
        list => Platforms::OneOf(list.split(',').filter_map(Platform::parse).collect()),
    }
}

/// The client is used from many tasks at once; a lock held while waiting would not compile here.
#[test]
fn questions_may_move_between_threads() {
    fn check<T: Send>(_: T) {}
    let client = Client::new();
    let remote = Remote::from(Repository::new(None, "nginx").unwrap());
    let tag = Tag::new("1").unwrap();
    check(client.registries.tags(&remote));
    check(client.registries.digest(&remote, &tag));
    check(client.registries.describe(&remote, &tag, &Platforms::Any));
    check(client.registries.serves(&remote, &tag, &Platforms::Any));
}
