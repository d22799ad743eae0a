//! Reads where the updates of an Application are written (spec sections 6.1 and 6.3).

use crate::annotations::keys;
use crate::annotations::reader::Reader;
use crate::annotations::reader::quoted;
use crate::annotations::rule::GitWriteBack;
use crate::annotations::rule::Invalid;
use crate::annotations::rule::WriteBack;
use crate::model::decision::Reason;
use crate::model::diagnostic::Diagnostic;

impl Reader<'_> {
    /// Method `argocd` reads no other key, also not a malformed one.
    pub(super) fn write_back(&mut self) -> Result<WriteBack, Invalid> {
        let effective = self.effective;
        let Some(found) = effective.of_application(keys::WRITE_BACK_METHOD) else { return Ok(WriteBack::Argocd) };
        let text = found.trimmed();
        let login = text.strip_prefix("git:");
        match (text, login) {
            ("argocd", _) => return Ok(WriteBack::Argocd),
            ("git", _) => {}
            (_, Some(login)) if is_git_login(login) => {}
            _ => {
                let message = format!("`{}` is not a write-back method", quoted(text));
                let diagnostic = Diagnostic::error("bad-write-back-method", message).at(found.place());
                return Err(self.invalid(Reason::BadValue, diagnostic));
            }
        }
        let (branch, push_branch) = self.branches()?;
        let read = |key| effective.of_application(key).map(|found| found.trimmed().to_owned());
        let (target, repository) = (read(keys::WRITE_BACK_TARGET), read(keys::GIT_REPOSITORY));
        Ok(WriteBack::Git(GitWriteBack { login: login.map(str::to_owned), target, branch, push_branch, repository }))
    }

    /// Base branch and branch to push, `base:template`; either may be absent.
    fn branches(&mut self) -> Result<(Option<String>, Option<String>), Invalid> {
        let effective = self.effective;
        let Some(found) = effective.of_application(keys::GIT_BRANCH) else { return Ok((None, None)) };
        let (base, template) = found.trimmed().split_once(':').unwrap_or((found.trimmed(), ""));
        if template.contains(':') {
            let diagnostic = Diagnostic::error("bad-git-branch", "a branch has more than one `:`").at(found.place());
            return Err(self.invalid(Reason::BadValue, diagnostic));
        }
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok((some(base), some(template)))
    }
}

/// `repocreds`, `secret:name` or `secret:namespace/name` (spec section 6.1).
fn is_git_login(text: &str) -> bool {
    match text.strip_prefix("secret:") {
        Some(secret) => {
            let parts: Vec<_> = secret.split('/').collect();
            parts.len() <= 2 && parts.iter().all(|part| !part.is_empty())
        }
        None => text == "repocreds",
    }
}
