//! The command to type next, with the flags that select the same Applications again.

use std::path::PathBuf;

use crate::cli::args::ARGOCD_NAMESPACE;
use crate::cli::args::ConnectionArgs;
use crate::cli::args::SelectionArgs;
use crate::cli::session::Session;
use crate::output::text::safe;

/// `kubectl image-update VERB` for the same selection, as a shell takes it.
pub(crate) fn command(session: &Session, verb: &str, selection: &SelectionArgs) -> String {
    let mut words = vec!["kubectl".to_owned(), "image-update".to_owned(), verb.to_owned()];
    let mut flag = |name: &str, value: &str| words.extend([name.to_owned(), quoted(value)]);
    for file in &selection.filename {
        flag("-f", file);
    }
    if let Some(selector) = &selection.selector {
        flag("-l", selector);
    }
    if let Some(namespace) = selection.scope.namespace() {
        flag("-n", namespace);
    }
    if let Some(shard) = &selection.shard {
        flag("--shard", shard);
    }
    if session.connection.argocd_namespace != ARGOCD_NAMESPACE {
        flag("--argocd-namespace", &session.connection.argocd_namespace);
    }
    words.extend(connection(&session.connection));
    words.extend(selection.recursive.then(|| "-R".to_owned()));
    words.extend(selection.scope.all_namespaces.then(|| "-A".to_owned()));
    words.extend(selection.applications.iter().map(|name| quoted(name)));
    words.join(" ")
}

/// The flags that lead to the same cluster as the same user, which kubectl has too. A token is not repeated: it would stand
/// in the history of a shell.
pub(crate) fn connection(args: &ConnectionArgs) -> Vec<String> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let (kubeconfig, authority) = (path(&args.kubeconfig), path(&args.certificate_authority));
    let groups = args.impersonate_groups.iter().map(|group| ("--as-group", Some(group.as_str())));
    [
        ("--kubeconfig", kubeconfig.as_deref()),
        ("--context", args.context.as_deref()),
        ("--cluster", args.cluster.as_deref()),
        ("--user", args.user.as_deref()),
        ("--server", args.server.as_deref()),
        ("--certificate-authority", authority.as_deref()),
        ("--tls-server-name", args.tls_server_name.as_deref()),
        ("--as", args.impersonate.as_deref()),
        ("--as-uid", args.impersonate_uid.as_deref()),
    ]
    .into_iter()
    .chain(groups)
    .filter_map(|(flag, value)| Some([flag.to_owned(), quoted(value?)]))
    .flatten()
    .collect()
}

/// A word as a POSIX shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", safe(word).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        for (word, expected) in [
            ("argocd/bookstore", "argocd/bookstore"),
            ("team=web,tier!=test", "'team=web,tier!=test'"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$(rm)", "'$(rm)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
