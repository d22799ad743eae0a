//! How commits are made: flags, then Image Updater's `ConfigMap`, then the caller's git configuration (decisions, "commit
//! author, signing").

use std::collections::BTreeMap;

use crate::git::CommitOptions;
use crate::git::Person;
use crate::git::SigningKey;
use crate::git::SigningMethod;
use crate::model::decision::Reason;
use crate::repositories::Repositories;
use crate::repositories::Trouble;

/// What somebody wants of commits; what is `None` is left to whoever comes next.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommitWishes {
    /// Name and address.
    pub(crate) author: Option<(String, String)>,
    /// Go template of the message.
    pub(crate) template: Option<String>,
    pub(crate) signing_key: Option<String>,
    pub(crate) signing_method: Option<SigningMethod>,
    pub(crate) sign_off: Option<bool>,
}

impl CommitWishes {
    /// Reads the keys of Image Updater's ConfigMap (spec section 9.4).
    ///
    /// # Errors
    /// Says which value is none.
    pub(crate) fn of_config_map(values: &BTreeMap<String, String>) -> Result<Self, String> {
        let text = |key: &str| values.get(key).filter(|value| !value.trim().is_empty());
        let trimmed = |key: &str| text(key).map(|value| value.trim().to_owned());
        let method = match trimmed("git.commit-signing-method").as_deref() {
            None => None,
            Some("openpgp") => Some(SigningMethod::OpenPgp),
            Some("ssh") => Some(SigningMethod::Ssh),
            Some(other) => {
                return Err(format!(
                    "`git.commit-signing-method`: `{}` is neither openpgp nor ssh",
                    other.escape_debug()
                ));
            }
        };
        Ok(Self {
            // Image Updater takes both or none.
            author: trimmed("git.user").zip(trimmed("git.email")),
            template: text("git.commit-message-template").cloned(),
            signing_key: trimmed("git.commit-signing-key"),
            signing_method: method,
            sign_off: trimmed("git.commit-sign-off").map(|value| value == "true"),
        })
    }

    /// These wishes, and where there is none the others.
    #[must_use]
    pub(crate) fn or(self, other: Self) -> Self {
        // A key belongs to its method.
        let (signing_key, signing_method) = match self.signing_key {
            Some(key) => (Some(key), self.signing_method),
            None => (other.signing_key, self.signing_method.or(other.signing_method)),
        };
        Self {
            author: self.author.or(other.author),
            template: self.template.or(other.template),
            signing_key,
            signing_method,
            sign_off: self.sign_off.or(other.sign_off),
        }
    }
}

impl Repositories {
    /// Everything about a commit but its message.
    ///
    /// # Errors
    /// It is not known who commits are by.
    pub(crate) async fn commit_options(&self, wishes: &CommitWishes) -> Result<CommitOptions, Trouble> {
        let git = self.git().await.map_err(Trouble::from)?;
        let trouble = |message: String| Trouble { reason: Reason::BadValue, message };
        let author = match &wishes.author {
            Some((name, email)) => {
                Person::new(name, email).map_err(|why| trouble(format!("the author `{name} <{email}>` {why}")))?
            }
            None => git.identity().await.map_err(|error| Trouble::from(&error))?.ok_or_else(|| {
                trouble(
                    "it is not known who commits are by: give --git-commit-user and --git-commit-email, or set \
                     user.name and user.email of git"
                        .to_owned(),
                )
            })?,
        };
        let signing = if let Some(key) = &wishes.signing_key {
            let method = wishes.signing_method.unwrap_or(SigningMethod::OpenPgp);
            Some(SigningKey::Named(method, key.clone()))
        } else {
            let signs = git.signs_commits().await.map_err(|error| Trouble::from(&error))?;
            signs.then_some(SigningKey::Configured)
        };
        Ok(CommitOptions { author, message: String::new(), sign_off: wishes.sign_off.unwrap_or(false), signing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<CommitWishes, String> {
        CommitWishes::of_config_map(
            &pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn the_config_map_is_read_as_image_updater_reads_it() {
        let wishes = of(&[
            ("git.user", "ada"),
            ("git.email", " ada@example.com\n"),
            ("git.commit-message-template", "x\n"),
            ("git.commit-signing-key", "K"),
            ("git.commit-signing-method", "ssh"),
            ("git.commit-sign-off", "true"),
        ])
        .unwrap();
        assert_eq!(wishes.author, Some(("ada".to_owned(), "ada@example.com".to_owned())));
        assert_eq!((wishes.template.as_deref(), wishes.sign_off), (Some("x\n"), Some(true)));
        assert_eq!((wishes.signing_key.as_deref(), wishes.signing_method), (Some("K"), Some(SigningMethod::Ssh)));
        assert_eq!(of(&[("git.user", "ada")]).unwrap().author, None, "both or none");
        assert!(of(&[("git.commit-signing-method", "x509")]).unwrap_err().contains("x509"));
    }

    #[test]
    fn flags_go_before_the_config_map() {
        let flags = CommitWishes { signing_key: Some("F".to_owned()), ..CommitWishes::default() };
        let cluster = of(&[
            ("git.user", "ada"),
            ("git.email", "a@b"),
            ("git.commit-signing-key", "K"),
            ("git.commit-signing-method", "ssh"),
        ])
        .unwrap();
        let both = flags.or(cluster);
        assert_eq!((both.signing_key.as_deref(), both.signing_method), (Some("F"), None), "a key has its own method");
        assert!(both.author.is_some());
    }
}
