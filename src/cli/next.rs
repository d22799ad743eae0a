//! The command to type next, with the flags that select the same Applications again.

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
    if let Some(namespace) = &selection.scope.namespace {
        flag("-n", namespace);
    }
    if let Some(context) = &session.connection.context {
        flag("--context", context);
    }
    if let Some(kubeconfig) = &session.connection.kubeconfig {
        flag("--kubeconfig", &kubeconfig.display().to_string());
    }
    words.extend(selection.recursive.then(|| "-R".to_owned()));
    words.extend(selection.scope.all_namespaces.then(|| "-A".to_owned()));
    words.extend(selection.applications.iter().map(|name| quoted(name)));
    words.join(" ")
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
