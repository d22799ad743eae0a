//! Where a git repository is: the few forms of address that this tool talks to, and a reason for every other.
//!
//! A refused address is refused here, before any program sees it: git itself would run a command for `ext::…`, read
//! the disk for a path, and take an option for a name that begins with `-`.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

/// How a repository is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scheme {
    Https,
    Ssh,
    /// Without encryption: to this machine, or without a login.
    Http,
}

impl Scheme {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Ssh => "ssh",
            Self::Http => "http",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Ssh => 22,
            Self::Http => 80,
        }
    }
}

/// The address of a repository, without a password: `https://…`, `ssh://…`, `user@host:path` or `http://…`.
///
/// Two are equal if they are written alike; see [`GitUrl::same_repository`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GitUrl {
    text: String,
    scheme: Scheme,
    user: Option<String>,
    /// Lower case; an IPv6 address without its brackets.
    host: String,
    port: Option<u16>,
    /// With the slash in front, which the form `host:path` may not have.
    path: String,
}

impl GitUrl {
    /// Reads an address as `repoURL` and `git-repository` write it.
    ///
    /// # Errors
    /// Says what is wrong with it; completes "`…` …".
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_matches(' ');
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("has a space or a control character in it".to_owned());
        }
        if text.contains(['\\', '?', '#', '"', '\'', '`', '<', '>']) {
            return Err("has a character in it that no repository's address has".to_owned());
        }
        match text.split_once("://") {
            Some((scheme, rest)) => Self::with_scheme(scheme, rest),
            None => Self::scp_like(text),
        }
    }

    fn with_scheme(scheme: &str, rest: &str) -> Result<Self, String> {
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => Scheme::Https,
            "ssh" => Scheme::Ssh,
            "http" => Scheme::Http,
            _ => return Err("is neither https nor ssh".to_owned()),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = split_user(authority, scheme == Scheme::Ssh)?;
        let (host, port) = match place.strip_prefix('[') {
            Some(inside) => {
                let (address, after) = inside.split_once(']').ok_or("has no host")?;
                (address, after.strip_prefix(':').or(if after.is_empty() { None } else { Some(after) }))
            }
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = match port.filter(|port| !port.is_empty()) {
            Some(port) => Some(port.parse().ok().filter(|port| *port > 0).ok_or("has a port that is none")?),
            None => None,
        };
        let place = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let userinfo = user.map(|user| format!("{user}@")).unwrap_or_default();
        let shown = port.map(|port| format!(":{port}")).unwrap_or_default();
        let text = format!("{}://{userinfo}{place}{shown}/{path}", scheme.name());
        Self::checked(Self {
            text,
            scheme,
            user: user.map(str::to_owned),
            host: host.to_ascii_lowercase(),
            port: port.filter(|port| *port != scheme.default_port()),
            path: format!("/{path}"),
        })
    }

    fn scp_like(text: &str) -> Result<Self, String> {
        let no_address = "is neither an https nor an ssh address";
        let (authority, path) = match text.find('[').filter(|at| *at == 0 || text[..*at].ends_with('@')) {
            Some(_) => text.split_once("]:").map(|(start, path)| (format!("{start}]"), path)).ok_or(no_address)?,
            None => text.split_once(':').map(|(start, path)| (start.to_owned(), path)).ok_or(no_address)?,
        };
        // `ext::…` runs a program, `c:…` is a disk, `./a:b` is a file.
        if path.starts_with(':') || authority.contains('/') || authority.len() == 1 {
            return Err(no_address.to_owned());
        }
        if path.starts_with('-') {
            return Err("has a path that begins with `-`".to_owned());
        }
        let (user, place) = split_user(&authority, true)?;
        let host = place.trim_start_matches('[').trim_end_matches(']');
        Self::checked(Self {
            text: text.to_owned(),
            scheme: Scheme::Ssh,
            user: user.map(str::to_owned),
            host: host.to_ascii_lowercase(),
            port: None,
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
        })
    }

    fn checked(self) -> Result<Self, String> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_address = self.host.contains(':') && self.host.parse::<IpAddr>().is_ok();
        if self.host.is_empty() {
            return Err("has no host".to_owned());
        }
        if !is_address && (!self.host.chars().all(legal) || self.host.starts_with('-')) {
            return Err("has a host that is neither a name nor an address".to_owned());
        }
        if self.path.trim_matches('/').is_empty() {
            return Err("has no path".to_owned());
        }
        // A client would resolve them, and a login given for one folder would be sent for another.
        let dots = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        if self.path.split('/').any(dots) {
            return Err("has `..` in its path".to_owned());
        }
        Ok(self)
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// In lower case; an IPv6 address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port, if it is not the scheme's own.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// With a slash in front.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Host and path.
    pub(crate) fn shown(&self) -> String {
        format!("{}{}", self.host, self.path)
    }

    /// Host and path, the same for all ways to write and to ask for one repository; rather one for two than two for one.
    pub(crate) fn place(&self) -> String {
        let place = format!("{}/{}", self.host, self.path.trim_matches('/')).to_lowercase();
        place.strip_suffix(".git").map(str::to_owned).unwrap_or(place)
    }

    /// Whether it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// `scheme://host[:port]/`, of everything at the same server.
    pub(crate) fn origin(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}/", self.scheme.name())
    }

    /// Whether both name one repository for Argo CD: user, case, `.git`, a slash at the end, and the two ways to write ssh
    /// do not count (cases `nrm-*`, `sam-*`).
    pub(crate) fn same_repository(&self, other: &Self) -> bool {
        let key = |url: &Self| {
            let path = url.path.trim_matches('/').to_ascii_lowercase();
            (url.scheme, url.host.clone(), url.port, path.strip_suffix(".git").unwrap_or(&path).to_owned())
        };
        key(self) == key(other)
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// User and host, with no password among them. Only ssh takes a user with an `@` in it: of an https address, git and its transport would each send the
/// login to another host (cases `ssh-08`, `ssh-09`).
fn split_user(authority: &str, ssh: bool) -> Result<(Option<&str>, &str), String> {
    let Some((user, place)) = authority.rsplit_once('@') else { return Ok((None, authority)) };
    if user.contains(':') || (!ssh && is_token(user)) {
        return Err("has a password in it: use a Secret, or your own git credentials".to_owned());
    }
    let legal =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | '+' | '%') || (ssh && c == '@');
    if user.is_empty() || user.starts_with('-') || !user.chars().all(legal) {
        return Err("has a user name that is none".to_owned());
    }
    Ok((Some(user), place))
}

/// Host and path of a repository, as people are told of it: never a login that stands in the text.
pub(crate) fn shown(text: &str) -> String {
    match GitUrl::parse(text) {
        Ok(url) => url.shown(),
        Err(_) => "a repository".to_owned(),
    }
}

/// A text with the logins hidden in every address in it: `https://ada:***@host`, and of a token, which needs no user,
/// `https://***@host`.
pub(crate) fn hidden(text: &str) -> Cow<'_, str> {
    const SIGN: &str = "://";
    if !text.contains(SIGN) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(SIGN) {
        let (scheme, after) = rest.split_at(at + SIGN.len());
        shown.push_str(scheme);
        rest = after;
        if let Some((login, place)) = split_login(after) {
            let is_ssh = scheme.ends_with("ssh://");
            let (user, password) = login.split_once(':').map_or((login, ""), |(user, _)| (user, ":***"));
            shown.push_str(if !is_ssh && is_token(user) { "***" } else { user });
            shown.push_str(password);
            rest = place;
        }
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// What stands before the `@` of an address without its scheme, and the rest, with the `@`.
fn split_login(address: &str) -> Option<(&str, &str)> {
    // No address goes on behind these, while the text around it may: JSON in a message, a line break that is written `\n`.
    let is_end = |c: char| c.is_whitespace() || c.is_control() || "\"\\<>{}`".contains(c);
    let word = address.split(is_end).next().unwrap_or_default();
    let authority = word.split(['/', '?', '#']).next().unwrap_or_default();
    // A slash in a password ends the authority too soon; what is left then ends in no port.
    let is_port = |port: &str| !port.contains(char::is_alphabetic);
    let is_cut_off = !authority.starts_with('[') && authority.rsplit_once(':').is_some_and(|(_, port)| !is_port(port));
    let within = if authority.contains('@') || !is_cut_off { authority } else { word };
    let (login, place) = address.split_at(within.rfind('@')?);
    let is_digest = ["@sha256:", "@sha512:"].iter().any(|algorithm| place.starts_with(algorithm));
    (!is_digest).then_some((login, place))
}

/// Whether what stands where a user belongs is a token: hosts make theirs known by how they begin, or it is long and
/// has nothing in it that parts words.
fn is_token(user: &str) -> bool {
    const BEGINNINGS: [&str; 12] =
        ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glrt-", "glcbt-", "ATBB", "ATCTT"];
    const LONG: usize = 32;
    BEGINNINGS.iter().any(|beginning| user.starts_with(beginning))
        || (user.len() >= LONG && user.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With cases `ssh-*`, `hp-*`, `hts-*`. Overruled: ssh-05, since git takes `host:path` behind `ssh://` for a host
    /// and a port that is none; hts-01, since a password in an address is refused.
    #[test]
    fn addresses_are_read() {
        for (text, expected) in [
            ("git@GITHUB.com:argoproj/test.git", "ssh git github.com - /argoproj/test.git"), // ssh-02, hp-01
            ("git@github.com:test", "ssh git github.com - /test"),                           // ssh-03
            ("ssh://git@github.com/argoproj/test.git", "ssh git github.com - /argoproj/test.git"), // hp-02, hts-03
            ("ssh://git@github.com:2222/argoproj/test.git", "ssh git github.com 2222 /argoproj/test.git"), // hp-03
            ("ssh://john@john-server.org:29418/project", "ssh john john-server.org 29418 /project"), // hp-04
            // In this form git takes no port, only a path.
            ("john@john-server.org:29418/project", "ssh john john-server.org - /29418/project"), // ssh-07
            ("john@doe.org@john-server.org:29418/project", "ssh john@doe.org john-server.org - /29418/project"), // ssh-08
            ("ssh://john@doe.org@john-server.org:29418/project", "ssh john@doe.org john-server.org 29418 /project"), // ssh-09
            ("https://github.com/acme/deploy.git", "https - github.com - /acme/deploy.git"),
            ("HTTPS://GitHub.com:443/acme/deploy", "https - github.com - /acme/deploy"),
            ("https://acme@dev.azure.com/acme/_git/x%20y", "https acme dev.azure.com - /acme/_git/x%20y"),
            ("https://git.example.com:8443/a", "https - git.example.com 8443 /a"),
            ("http://127.0.0.1:3000/a/b.git", "http - 127.0.0.1 3000 /a/b.git"),
            ("ssh://git@host:2222/~/a", "ssh git host 2222 /~/a"),
            ("ssh://git@[::1]:2222/a", "ssh git ::1 2222 /a"),
            ("git@github.com:acme/deploy.git", "ssh git github.com - /acme/deploy.git"),
            ("git@[fe80::1]:/srv/a", "ssh git fe80::1 - /srv/a"),
            ("host:a", "ssh - host - /a"),
        ] {
            let url = GitUrl::parse(text).unwrap();
            let port = url.port().map_or("-".to_owned(), |port| port.to_string());
            let user = url.user().unwrap_or("-");
            let read = format!("{} {user} {} {port} {}", url.scheme().name(), url.host(), url.path());
            assert_eq!(read, expected, "{text}");
        }
        assert_eq!(GitUrl::parse("HTTPS://GitHub.com/a").unwrap().to_string(), "https://GitHub.com/a");
        assert_eq!(GitUrl::parse("git@[::1]:a").unwrap().origin(), "ssh://[::1]/");
        assert_eq!(GitUrl::parse("https://h:8443/a/b").unwrap().origin(), "https://h:8443/");
    }

    #[test]
    fn everything_else_is_refused_with_a_reason() {
        for (text, expected) in [
            ("", "is neither an https nor an ssh address"), // hts-04
            (
                "https://user:pass@github.com/org/repo",
                "has a password in it: use a Secret, or your own git credentials",
            ), // hts-01
            ("ssh://git@GITHUB.com:argoproj/test", "has a port that is none"), // ssh-05
            ("https://a@b@host/x", "has a user name that is none"),
            ("unknown://example.com/repo.git", "is neither https nor ssh"), // gcs-05
            ("/srv/git/a", "is neither an https nor an ssh address"),
            ("../a", "is neither an https nor an ssh address"),
            ("./a:b", "is neither an https nor an ssh address"),
            ("c:/repositories/a", "is neither an https nor an ssh address"),
            ("ext::sh", "is neither an https nor an ssh address"),
            ("ext::sh -c 'id'", "has a space or a control character in it"),
            ("file:///srv/git/a", "is neither https nor ssh"),
            ("git://host/a", "is neither https nor ssh"),
            ("ssh://-oProxyCommand=id/a", "has a host that is neither a name nor an address"),
            ("ssh://-x@host/a", "has a user name that is none"),
            ("-oProxyCommand=id:a", "has a host that is neither a name nor an address"),
            ("host:-a", "has a path that begins with `-`"),
            ("https://user:secret@host/a", "has a password in it: use a Secret, or your own git credentials"),
            ("https://ghp_x@host/a", "has a password in it: use a Secret, or your own git credentials"),
            ("https://host", "has no path"),
            ("https://host/", "has no path"),
            ("https:///a", "has no host"),
            ("https://ho%73t/a", "has a host that is neither a name nor an address"),
            ("https://host:0/a", "has a port that is none"),
            ("https://host:x/a", "has a port that is none"),
            ("https://[::1]x/a", "has a port that is none"),
            ("https://[::g]/a", "has a host that is neither a name nor an address"),
            ("https://host/a/../b", "has `..` in its path"),
            ("https://host/a/%2E%2e/b", "has `..` in its path"),
            ("https://host/a?b=c", "has a character in it that no repository's address has"),
            ("https://host/a\n", "has a space or a control character in it"),
        ] {
            assert_eq!(GitUrl::parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn one_repository_has_many_spellings() {
        let url = |text| GitUrl::parse(text).unwrap();
        for (one, other, same) in [
            ("https://h/a/b.git", "https://H/a/b", true),
            ("https://h/a/b/", "https://u@h:443/a/b", true),
            ("git@h:a/b.git", "ssh://git@h/a/b", true),
            ("git@h:a/b", "ssh://h:2222/a/b", false),
            ("https://h/a/b", "ssh://h/a/b", false),
            ("git@github.com:argoproj/argo-cd.git", "  git@GITHUB.COM:argoproj/argo-cd.git  ", true), // nrm-01, nrm-02
            ("git@github.com:argoproj/argo-cd.git", "ssh://git@github.com/argoproj/argo-cd.git", true), // nrm-03
            ("https://GITHUB.COM/argoproj/argo-cd.git", "https://github.com/argoproj/argo-cd", true), // nrm-04
            ("https://github.com:4443/argoproj/argo-cd.git", "https://github.com/argoproj/argo-cd", false), // nrm-05
            ("https://dev.azure.com/org/proj/_git/repo", "https://dev.azure.com/org/proj/_git/repo/", true), // nrm-06
            ("https://github.com/FOO", "https://github.com/foo", true),                               // sam-01
            ("ssh://git@GITHUB.com/argoproj/test", "git@github.com:argoproj/test.git", true),         // sam-02
        ] {
            assert_eq!(url(one).same_repository(&url(other)), same, "{one} {other}");
        }
    }

    #[test]
    fn no_login_is_shown() {
        let long = "0123456789abcdef0123456789abcdef01234567";
        for (text, expected) in [
            ("https://h/a/b", "https://h/a/b"),
            ("https://ada@h/a", "https://ada@h/a"),
            ("https://ada:s3cret@h/a", "https://ada:***@h/a"),
            ("https://ada:@h/a", "https://ada:***@h/a"),
            ("https://:s3cret@h/a", "https://:***@h/a"),
            ("https://ada:s3:cr@t@h:8443/a@b", "https://ada:***@h:8443/a@b"),
            ("https://ada:s3/cret@h/a", "https://ada:***@h/a"),
            ("https://ada:s3'c,(@h/a", "https://ada:***@h/a"),
            (r#"{"reason":"see https://h","by":"ada@h"}"#, r#"{"reason":"see https://h","by":"ada@h"}"#),
            (r"see https://h\nowner:ada@h", r"see https://h\nowner:ada@h"),
            ("oci://web:1.2@sha256:abc", "oci://web:1.2@sha256:abc"),
            ("https://ghp_s3cret@h/a", "https://***@h/a"),
            ("https://ghp_s3cret:x-oauth-basic@h/a", "https://***:***@h/a"),
            (&format!("https://{long}@h/a"), "https://***@h/a"),
            (&format!("ssh://{long}@h/a"), &format!("ssh://{long}@h/a")),
            (
                "https://some-long-user-of-a-team-at-123456789012@h/a",
                "https://some-long-user-of-a-team-at-123456789012@h/a",
            ),
            ("ssh://git:s3cret@h:22/a", "ssh://git:***@h:22/a"),
            ("oci://ada:s3cret@h", "oci://ada:***@h"),
            ("git@h:a/b", "git@h:a/b"),
            ("of https://a:b@h/x, and `http://c:d@i/y`", "of https://a:***@h/x, and `http://c:***@i/y`"),
            ("http://127.0.0.1:3000/a@b", "http://127.0.0.1:3000/a@b"),
            ("`https://h:8443`: ask ada@h", "`https://h:8443`: ask ada@h"),
            ("http://[fe80::a]/a@b", "http://[fe80::a]/a@b"),
            ("://", "://"),
            ("https://ada:***@h/a", "https://ada:***@h/a"),
            ("https://***@h/a", "https://***@h/a"),
        ] {
            assert_eq!(hidden(text), expected, "{text}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        for (text, loopback) in
            [("http://localhost/a", true), ("http://127.1.2.3/a", true), ("ssh://[::1]/a", true), ("http://h/a", false)]
        {
            assert_eq!(GitUrl::parse(text).unwrap().is_loopback(), loopback, "{text}");
        }
    }
}
