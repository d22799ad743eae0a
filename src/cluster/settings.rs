//! kubectl's connection flags, and how they go over the entries of a kubeconfig, as client-go merges them.
//!
//! Pure.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use kube::config::AuthInfo;
use kube::config::Cluster;
use secrecy::SecretString;

use crate::cluster::endpoint::Proxies;
use crate::cluster::error::ClusterError;

/// kubectl's connection flags, and what its rules need to know of the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionSettings {
    pub(crate) kubeconfig: Option<PathBuf>,
    pub(crate) context: Option<String>,
    pub(crate) cluster: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) token: Option<SecretString>,
    pub(crate) certificate_authority: Option<PathBuf>,
    pub(crate) tls_server_name: Option<String>,
    pub(crate) insecure_skip_tls_verify: bool,
    pub(crate) impersonate: Option<String>,
    pub(crate) impersonate_groups: Vec<String>,
    pub(crate) impersonate_uid: Option<String>,
    /// For one request. `None`: not given; zero: for ever, as kubectl's `0`.
    pub(crate) request_timeout: Option<Duration>,
    pub(crate) namespace: Option<String>,
    /// The value of `KUBECONFIG`, a list of paths.
    pub(crate) kubeconfig_list: Option<OsString>,
    pub(crate) home: Option<PathBuf>,
    pub(crate) proxies: Proxies,
}

/// Refuses flags that exclude or need each other.
pub(super) fn check(settings: &ConnectionSettings) -> Result<(), ClusterError> {
    if settings.insecure_skip_tls_verify && settings.certificate_authority.is_some() {
        return Err(ClusterError::config(
            "`--certificate-authority` and `--insecure-skip-tls-verify` exclude each other",
        ));
    }
    let who = settings.impersonate.as_deref().unwrap_or_default();
    if who.is_empty() && (!settings.impersonate_groups.is_empty() || settings.impersonate_uid.is_some()) {
        return Err(ClusterError::config("`--as-group` and `--as-uid` need `--as`"));
    }
    let header = |text: &str| HeaderValue::from_str(text).is_ok();
    let texts = settings.impersonate.iter().chain(&settings.impersonate_groups).chain(&settings.impersonate_uid);
    match texts.into_iter().find(|text| !header(text)) {
        Some(text) => Err(ClusterError::config(format!("`{}` is not a name to impersonate", text.escape_debug()))),
        None => Ok(()),
    }
}

/// The cluster's entry with `--server`, `--certificate-authority` and the others over it, as client-go merges them.
pub(super) fn over_cluster(mut cluster: Cluster, settings: &ConnectionSettings) -> Cluster {
    if let Some(server) = &settings.server {
        cluster.server = Some(server.clone());
        // The name belonged to the other server.
        cluster.tls_server_name = None;
    }
    if let Some(name) = &settings.tls_server_name {
        cluster.tls_server_name = Some(name.clone());
    }
    if settings.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(true);
        cluster.certificate_authority = None;
        cluster.certificate_authority_data = None;
    }
    if let Some(file) = &settings.certificate_authority {
        cluster.certificate_authority = Some(file.to_string_lossy().into_owned());
        cluster.certificate_authority_data = None;
        cluster.insecure_skip_tls_verify = None;
    }
    cluster
}

/// `--token` takes the place of every other login but a client certificate.
pub(super) fn over_login(user: &mut AuthInfo, token: &SecretString) {
    user.token = Some(token.clone());
    user.token_file = None;
    user.username = None;
    user.password = None;
    user.exec = None;
    user.auth_provider = None;
}

/// `--as` and its companions take the place of those in the entry, all of them.
pub(super) fn impersonate(user: &mut AuthInfo, settings: &ConnectionSettings) {
    if let Some(who) = settings.impersonate.as_ref().filter(|who| !who.is_empty()) {
        user.impersonate = Some(who.clone());
        user.impersonate_groups = Some(settings.impersonate_groups.clone());
        user.impersonate_uid.clone_from(&settings.impersonate_uid);
        user.impersonate_user_extra = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ConnectionSettings {
        ConnectionSettings::default()
    }

    #[test]
    fn flags_that_exclude_each_other_are_refused() {
        for (settings, expected) in [
            (ConnectionSettings { impersonate_groups: vec!["g".to_owned()], ..settings() }, "need `--as`"),
            (ConnectionSettings { impersonate_uid: Some("7".to_owned()), ..settings() }, "need `--as`"),
            (
                ConnectionSettings {
                    impersonate: Some(String::new()),
                    impersonate_uid: Some("7".to_owned()),
                    ..settings()
                },
                "need `--as`",
            ),
            (
                ConnectionSettings { impersonate: Some("a\nb".to_owned()), ..settings() },
                "`a\\nb` is not a name to impersonate",
            ),
            (
                ConnectionSettings {
                    insecure_skip_tls_verify: true,
                    certificate_authority: Some("ca.crt".into()),
                    ..settings()
                },
                "exclude each other",
            ),
        ] {
            assert!(check(&settings).unwrap_err().to_string().ends_with(expected));
        }
        check(&ConnectionSettings {
            impersonate: Some("ada".to_owned()),
            impersonate_uid: Some("7".to_owned()),
            ..settings()
        })
        .unwrap();
    }

    #[test]
    fn flags_go_over_the_entry_of_the_cluster() {
        let entry = || Cluster {
            server: Some("https://entry".to_owned()),
            tls_server_name: Some("entry".to_owned()),
            certificate_authority: Some("entry.crt".to_owned()),
            certificate_authority_data: Some("AAEC".to_owned()),
            insecure_skip_tls_verify: Some(true),
            ..Cluster::default()
        };
        let merged =
            over_cluster(entry(), &ConnectionSettings { server: Some("https://flag".to_owned()), ..settings() });
        assert_eq!(
            (merged.server, merged.tls_server_name),
            (Some("https://flag".to_owned()), None),
            "the name was the other's"
        );
        let flags = ConnectionSettings {
            tls_server_name: Some("flag".to_owned()),
            server: Some("https://flag".to_owned()),
            ..settings()
        };
        assert_eq!(over_cluster(entry(), &flags).tls_server_name, Some("flag".to_owned()));
        let flags = ConnectionSettings { certificate_authority: Some("flag.crt".into()), ..settings() };
        let merged = over_cluster(entry(), &flags);
        assert_eq!(
            (merged.certificate_authority, merged.certificate_authority_data),
            (Some("flag.crt".to_owned()), None)
        );
        assert_eq!(merged.insecure_skip_tls_verify, None);
        let flags = ConnectionSettings { insecure_skip_tls_verify: true, ..settings() };
        assert_eq!(over_cluster(entry(), &flags).certificate_authority, None);
    }
}
