//! What every error about an annotation says beside what is wrong: the valid choices, and what Image Updater does with
//! the same value.

use crate::model::diagnostic::Diagnostic;

/// What is said with an error of one code.
struct Advice {
    code: &'static str,
    /// Where the error itself gives no better hint.
    valid: &'static str,
    image_updater: &'static str,
}

/// By Image Updater 1.3 (spec sections 1.4, 3.2 and 6).
const ADVICE: [Advice; 8] = [
    Advice {
        code: "bad-allow-tags",
        valid: "valid are `any` and `regexp:` with an expression of Go's (RE2: no look-around, no back-references)",
        image_updater: "allows no tag at all",
    },
    Advice {
        code: "bad-constraint",
        valid: "valid are a version or a range such as `1.2.x`, `~1.2`, `^1.2`, `>=1.2 <2` and `1.2 - 1.4`, joined by \
                a space or `||`",
        image_updater: "passes over the image, with an error in its log",
    },
    Advice {
        code: "bad-platform",
        valid: "write `os/architecture` or `os/architecture/variant`, for example `linux/arm64`",
        image_updater: "finds no image for it",
    },
    Advice { code: "bad-boolean", valid: "write `true` or `false`", image_updater: "skips the whole Application" },
    Advice {
        code: "bad-pull-secret",
        valid: "valid are `pullsecret:NAMESPACE/NAME` and `secret:NAMESPACE/NAME#FIELD`",
        image_updater: "passes over the image, with an error in its log",
    },
    Advice {
        code: "conflicting-targets",
        valid: "keep the ones that fit the source, remove the others",
        image_updater: "skips the whole Application",
    },
    Advice {
        code: "bad-write-back-method",
        valid: "valid: argocd, git, git:repocreds, git:secret:NAME, git:secret:NAMESPACE/NAME",
        image_updater: "skips the whole Application",
    },
    Advice {
        code: "bad-git-branch",
        valid: "write `base`, `base:template` or `:template`",
        image_updater: "skips the whole Application",
    },
];

/// The error with a hint that is complete.
pub(super) fn completed(mut error: Diagnostic) -> Diagnostic {
    let Some(advice) = ADVICE.iter().find(|advice| advice.code == error.code) else { return error };
    let hint = error.hint.as_deref().unwrap_or(advice.valid);
    error.hint = Some(format!("{hint}; Argo CD Image Updater {}", advice.image_updater));
    error
}
