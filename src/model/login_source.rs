//! Where a registry login stands, as Argo CD Image Updater writes it: in a `pull-secret` annotation, and in the
//! `credentials` of `registries.conf`.

use std::fmt;

use crate::model::diagnostic::TextError;

/// A place that a login is read from; never the login itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LoginSource {
    /// A Secret of type `kubernetes.io/dockerconfigjson`.
    PullSecret(SecretName),
    /// A field of a Secret that holds `user:password`.
    SecretField { secret: SecretName, field: String },
    /// An environment variable that holds `user:password`.
    Environment(String),
    /// A program, by absolute path, that prints `user:password`.
    Script(String),
}

/// A Secret of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SecretName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What a source looks like, for hints.
const FORMS: &str =
    "write `pullsecret:NAMESPACE/NAME`, `secret:NAMESPACE/NAME#FIELD`, `env:VARIABLE` or `ext:/absolute/path`";

impl LoginSource {
    /// Reads `[registry=]type:definition` (spec section 5.1); the registry is not looked at, as there.
    ///
    /// # Errors
    /// Says which piece is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, TextError> {
        let wrong = |message: String, part: &str| {
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            Err(TextError::new(message).at(start..start + part.len()).hint(FORMS))
        };
        let source = match text.split_once('=') {
            Some(("", _)) => return wrong("there is no registry before `=`".to_owned(), text),
            Some((_, source)) => source,
            None => text,
        };
        let parts: Vec<&str> = source.split(':').collect();
        let [kind, definition] = parts[..] else {
            return wrong(format!("`{source}` must have exactly one `:`"), source);
        };
        match kind.to_ascii_lowercase().as_str() {
            "pullsecret" => match secret_name(definition) {
                Some(secret) => Ok(Self::PullSecret(secret)),
                None => wrong(format!("`{definition}` is not NAMESPACE/NAME"), definition),
            },
            "secret" => match definition.split_once('#').map(|(secret, field)| (secret_name(secret), field)) {
                Some((Some(secret), field)) if !field.is_empty() && !field.contains('#') => {
                    Ok(Self::SecretField { secret, field: field.to_owned() })
                }
                _ => wrong(format!("`{definition}` is not NAMESPACE/NAME#FIELD"), definition),
            },
            "env" if !definition.is_empty() => Ok(Self::Environment(definition.to_owned())),
            "env" => wrong("`env:` names no variable".to_owned(), source),
            "ext" if definition.starts_with('/') => Ok(Self::Script(definition.to_owned())),
            "ext" => wrong("the path to the script must be absolute".to_owned(), source),
            _ => wrong(format!("`{kind}` is not a kind of login source"), kind),
        }
    }
}

/// As people write it.
impl fmt::Display for LoginSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PullSecret(secret) => write!(f, "pullsecret:{secret}"),
            Self::SecretField { secret, field } => write!(f, "secret:{secret}#{field}"),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Script(path) => write!(f, "ext:{path}"),
        }
    }
}

fn secret_name(text: &str) -> Option<SecretName> {
    let (namespace, name) = text.split_once('/')?;
    let legal = !namespace.is_empty() && !name.is_empty() && !name.contains(['/', '#']) && !namespace.contains('#');
    legal.then(|| SecretName { namespace: namespace.to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases `crd-*`; 03 is overruled, since no place that is read here must name the registry.
    #[test]
    fn sources_are_read_as_image_updater_reads_them() {
        for (id, text, expected) in [
            ("crd-01", "gcr.io=secret:mynamespace/mysecret#anyfield", Ok("secret:mynamespace/mysecret#anyfield")),
            ("crd-02", "gcr.io=pullsecret:mynamespace/mysecret", Ok("pullsecret:mynamespace/mysecret")),
            ("crd-04", "=secret:mynamespace/mysecret#anyfield", Err("there is no registry before `=`")),
            ("crd-05", "gcr.io=secrets:mynamespace/mysecret#anyfield", Err("`secrets` is not a kind of login source")),
            (
                "crd-06",
                "gcr.io=secret:mynamespace/mysecret#",
                Err("`mynamespace/mysecret#` is not NAMESPACE/NAME#FIELD"),
            ),
            ("crd-07", "gcr.io=secret:/mysecret#anyfield", Err("`/mysecret#anyfield` is not NAMESPACE/NAME#FIELD")),
            (
                "crd-08",
                "gcr.io=secret:mynamespace/#anyfield",
                Err("`mynamespace/#anyfield` is not NAMESPACE/NAME#FIELD"),
            ),
            ("crd-09", "gcr.io=secret:", Err("`` is not NAMESPACE/NAME#FIELD")),
            ("crd-10", "gcr.io=pullsecret:/mysecret", Err("`/mysecret` is not NAMESPACE/NAME")),
            ("crd-11", "gcr.io=pullsecret:mynamespace", Err("`mynamespace` is not NAMESPACE/NAME")),
            ("crd-12", "env:DUMMY_SECRET", Ok("env:DUMMY_SECRET")),
            ("crd-13", "ext:/tmp/a.sh", Ok("ext:/tmp/a.sh")),
            ("crd-14", "secret:mynamespace/mysecret#anyfield", Ok("secret:mynamespace/mysecret#anyfield")),
            ("crd-15", "gcr.io=pullsecret:mynamespace/mysecret", Ok("pullsecret:mynamespace/mysecret")),
            ("crd-16", "=secret:mynamespace/mysecret#anyfield", Err("there is no registry before `=`")),
            ("crd-17", "PullSecret:ns/n", Ok("pullsecret:ns/n")),
            ("crd-20", "secret:a/b#f#g", Err("`a/b#f#g` is not NAMESPACE/NAME#FIELD")),
            ("crd-22", "env:A=B", Err("`B` must have exactly one `:`")),
            ("cre-10", "invalid-ref", Err("`invalid-ref` must have exactly one `:`")),
            ("crf-17", "ext:a.sh", Err("the path to the script must be absolute")),
            ("two colons", "ext:/a:b.sh", Err("`ext:/a:b.sh` must have exactly one `:`")),
            ("no name", "env:", Err("`env:` names no variable")),
            ("hash", "pullsecret:ns/n#x", Err("`ns/n#x` is not NAMESPACE/NAME")),
            ("deep", "secret:a/b/c#f", Err("`a/b/c#f` is not NAMESPACE/NAME#FIELD")),
            ("empty", "", Err("`` must have exactly one `:`")),
        ] {
            let read = LoginSource::parse(text);
            if let Err(TextError { span, .. }) = &read {
                assert!(text.get(span.clone().unwrap()).is_some(), "{id}");
            }
            let shown = read.map(|source| source.to_string()).map_err(|error| error.message);
            assert_eq!(shown, expected.map(str::to_owned).map_err(str::to_owned), "{id}");
        }
    }
}
