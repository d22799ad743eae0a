//! Who may be asked, and who may be told a login: pure rules, and the name resolver that holds one of them.
//!
//! A registry names other hosts: the realm of its token service, the target of a redirect. None of them is trusted for
//! being named. (Decisions, "Registries and logins": realm on another host; redirect, next page.)

use std::collections::HashMap;
use std::collections::HashSet;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use reqwest::Url;
use reqwest::dns::Addrs;
use reqwest::dns::Name;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;

use crate::registry::endpoint::Endpoint;
use crate::registry::memo::locked;
use crate::registry::requests;

/// Whether a registry's token service may be told the login for that registry.
///
/// Its host must be the registry's own, of the same registrable domain (public suffix list), known for this registry,
/// or trusted by the user as `host` or `host:port`.
pub(super) fn may_receive_login(endpoint: &Endpoint, realm: &Url, trusted: &[String]) -> bool {
    let (Some(registry), Some(host)) = (endpoint.base.host_str(), realm.host_str()) else { return false };
    let authority = requests::authority(realm);
    let mut known = endpoint.quirk.realm_hosts.iter().copied().chain(trusted.iter().map(String::as_str));
    host == registry
        || same_domain(&endpoint.base, realm)
        || known.any(|name| name.eq_ignore_ascii_case(host) || name.eq_ignore_ascii_case(&authority))
}

fn same_domain(a: &Url, b: &Url) -> bool {
    let domain = |url: &Url| match requests::address(url) {
        Some(_) => None,
        None => url.host_str().and_then(psl::domain_str).map(str::to_owned),
    };
    domain(a).is_some_and(|a| domain(b) == Some(a))
}

/// Whether an address is one of the Internet, as opposed to this machine, its link or a private network.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let carrier_nat = a == 100 && (64..128).contains(&b); // RFC 6598
    let protocols = (a, b, c) == (192, 0, 0); // RFC 6890; a cloud keeps its metadata there
    let benchmarks = a == 198 && b & 0xfe == 18; // RFC 2544
    !(a == 0
        || a >= 240 // RFC 1112, reserved
        || carrier_nat
        || protocols
        || benchmarks
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, .., y, z] = address.segments();
    let embedded = |high: u16, low: u16| is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    match (a, b) {
        (0x64, 0xff9b) => address.segments()[2..6] == [0; 4] && embedded(y, z), // NAT64, RFC 6052; others are local, RFC 8215
        (0x2002, high) => embedded(high, address.segments()[2]),                // 6to4, RFC 3056
        _ => {
            let unique_local = a & 0xfe00 == 0xfc00;
            let link_local = a & 0xff80 == 0xfe80; // with the site-local ones that RFC 3879 deprecates
            let deprecated = address.segments()[..6] == [0; 6]; // ::, ::1 and IPv4-compatible
            !(unique_local || link_local || deprecated || address.is_multicast())
        }
    }
}

/// Whether a URL has a name that means nothing on the Internet: one label, or below a domain set aside for hosts and
/// networks of one's own (RFC 6761, RFC 6762, RFC 8375; `internal` by ICANN's resolution of 2024).
fn is_private_name(url: &Url) -> bool {
    let Some(host) = url.host_str().filter(|_| requests::address(url).is_none()) else { return false };
    let name = host.trim_end_matches('.');
    let below = |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || ["localhost", "local", "internal", "home.arpa"].into_iter().any(below)
}

/// Who says where names lead.
#[derive(Clone, Debug, Default)]
pub(super) enum Names {
    #[default]
    System,
    /// A table, in which a name can pretend to be anywhere while a test serves it here.
    #[cfg(test)]
    Table(Arc<HashMap<String, Place>>),
}

/// Where a name leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// What it is judged by.
    pub(super) address: IpAddr,
    /// Where it is reached.
    pub(super) socket: SocketAddr,
}

impl Names {
    async fn lookup(&self, host: &str) -> std::io::Result<Vec<Place>> {
        match self {
            Self::System => {
                let found = tokio::net::lookup_host((host, 0)).await?;
                Ok(found.map(|socket| Place { address: socket.ip(), socket }).collect())
            }
            #[cfg(test)]
            Self::Table(table) => {
                table.get(host).map(|place| vec![*place]).ok_or_else(|| std::io::Error::other("no such name"))
            }
        }
    }
}

/// Resolves names as the system does, but some of them only to public addresses.
///
/// The check belongs here and not before the request: between a check and a use, a name can change its address.
#[derive(Clone, Default)]
pub(super) struct Resolver {
    names: Names,
    /// Whether this one refuses; what it learns, it shares with those that do not.
    refuses: bool,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Names that must not lead to this machine or a private network.
    guarded: Mutex<HashSet<String>>,
    /// Whether a name led to a public address when it was last resolved.
    public: Mutex<HashMap<String, bool>>,
}

impl Resolver {
    pub(super) fn new(names: Names) -> Self {
        Self { names, ..Self::default() }
    }

    /// One that refuses guarded names where they do not lead to public addresses.
    pub(super) fn refusing(&self) -> Self {
        Self { refuses: true, ..self.clone() }
    }

    /// Admits a URL that must be public, and from now on its name is resolved to public addresses only, by resolvers
    /// that refuse. Behind a proxy they are not asked: there, what is known here has to do.
    ///
    /// # Errors
    /// Its address is not public, or its name is not one of the Internet or leads elsewhere.
    pub(super) async fn admit(&self, url: &Url) -> Result<(), NotPublic> {
        if is_private_name(url) || !self.leads_to_public(url).await {
            return Err(NotPublic(requests::authority(url)));
        }
        locked(&self.shared.guarded).extend(url.host_str().map(str::to_owned));
        Ok(())
    }

    /// Whether the host of a URL is public: by its address, or by what its name leads to.
    ///
    /// A name that cannot be resolved here (behind a proxy) counts as public: what it names must then be public too.
    pub(super) async fn leads_to_public(&self, url: &Url) -> bool {
        if let Some(address) = requests::address(url) {
            return is_public(address);
        }
        let Some(host) = url.host_str() else { return true };
        let known = locked(&self.shared.public).get(host).copied();
        if let Some(public) = known {
            return public;
        }
        let found = self.lookup(host).await;
        found.map_or(true, |places| any_public(&places))
    }

    async fn lookup(&self, host: &str) -> std::io::Result<Vec<Place>> {
        let found = self.names.lookup(host).await;
        let public = found.as_ref().map_or(true, |places| any_public(places));
        locked(&self.shared.public).insert(host.to_owned(), public);
        found
    }
}

fn any_public(places: &[Place]) -> bool {
    places.iter().any(|place| is_public(place.address))
}

/// A name was refused for where it leads.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` leads to this machine or a private network, where a public registry must not send anybody")]
pub(super) struct NotPublic(pub(super) String);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let mut found = resolver.lookup(host).await?;
            if resolver.refuses && locked(&resolver.shared.guarded).contains(host) {
                found.retain(|place| is_public(place.address));
                if found.is_empty() {
                    return Err(NotPublic(host.to_owned()).into());
                }
            }
            Ok(Box::new(found.into_iter().map(|place| place.socket)) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image::Repository;

    #[test]
    fn a_login_goes_to_the_registry_and_its_own_token_service() {
        let trusted = ["tokens.example.net".to_owned(), "other.example.net:8443".to_owned()];
        for (registry, realm, expected) in [
            ("ghcr.io", "https://ghcr.io/token", true),
            ("docker.io", "https://auth.docker.io/token", true),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth", true),
            ("registry.example.co.uk", "https://auth.example.co.uk/", true),
            ("registry.example.co.uk", "https://auth.evil.co.uk/", false),
            ("a.github.io", "https://b.github.io/", false),
            ("lscr.io", "https://ghcr.io/token", false),
            ("ghcr.io", "https://ghcr.io.evil.com/token", false),
            ("ghcr.io", "https://evil-ghcr.io/token", false),
            ("reg.corp:5000", "https://reg.corp:8443/auth", true),
            ("reg.corp", "https://tokens.example.net:9000/auth", true),
            ("reg.corp", "https://other.example.net:8443/auth", true),
            ("reg.corp", "https://other.example.net/auth", false),
            ("127.0.0.1:5000", "http://127.0.0.1:5001/auth", true),
            ("127.0.0.1:5000", "http://localhost:5001/auth", false),
            ("10.0.0.1", "https://10.0.0.2/auth", false),
            ("localhost:5000", "http://localhost:5001/auth", true),
        ] {
            let endpoint = Endpoint::of(&Repository::new(Some(registry), "a/b").unwrap()).unwrap();
            let realm = Url::parse(realm).unwrap();
            assert_eq!(may_receive_login(&endpoint, &realm, &trusted), expected, "{registry} {realm}");
        }
    }

    #[test]
    fn addresses_of_the_internet_are_told_from_the_others() {
        for (address, expected) in [
            ("1.1.1.1", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("192.0.0.192", false),
            ("192.0.1.1", true),
            ("198.18.0.1", false),
            ("198.19.255.255", false),
            ("198.20.0.1", true),
            ("240.0.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700::1111", true),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("fc00::1", false),
            ("fd12::1", false),
            ("ff02::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:1.1.1.1", true),
            ("::127.0.0.1", false),
            ("64:ff9b::a00:1", false),
            ("64:ff9b::101:101", true),
            ("64:ff9b:1:0:a00:1:101:101", false),
            ("2002:7f00:1::", false),
            ("2002:101:101::", true),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn names_of_the_internet_are_told_from_the_others() {
        for (name, private) in [
            ("example.com", false),
            ("example.com.", false),
            ("local.example.com", false),
            ("mylocalhost.com", false),
            ("203.0.113.7", false),
            ("localhost", true),
            ("LOCALHOST.", true),
            ("x.localhost", true),
            ("registry", true),
            ("printer.local", true),
            ("metadata.google.internal", true),
            ("nas.home.arpa", true),
        ] {
            assert_eq!(is_private_name(&Url::parse(&format!("https://{name}/")).unwrap()), private, "{name}");
        }
    }

    #[tokio::test]
    async fn a_guarded_name_does_not_lead_to_this_machine() {
        let resolver = Resolver::default();
        assert!(resolver.resolve("localhost".parse().unwrap()).await.is_ok());
        assert!(!resolver.leads_to_public(&Url::parse("https://localhost/").unwrap()).await);
        assert!(resolver.admit(&Url::parse("https://localhost/").unwrap()).await.is_err());
        locked(&resolver.shared.guarded).insert("localhost".to_owned());
        assert!(resolver.resolve("localhost".parse().unwrap()).await.is_ok());
        let error = resolver.refusing().resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(error.downcast_ref::<NotPublic>().is_some(), "{error}");
    }
}
