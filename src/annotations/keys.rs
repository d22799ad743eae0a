//! Every annotation that is read or written, one constant each (spec section 1.1).

/// What all annotations of Argo CD Image Updater start with.
pub(crate) const PREFIX: &str = "argocd-image-updater.argoproj.io/";

/// What this tool's own annotations start with. Nothing of ours is ever written under [`PREFIX`] except the hold.
pub(crate) const OWN_PREFIX: &str = "kubectl-image-update/";

/// The images of an Application: `[alias=]image[:constraint]`, separated by commas.
pub(crate) const IMAGE_LIST: &str = "image-list";

/// `argocd`, `git`, `git:repocreds` or `git:secret:[namespace/]name`.
pub(crate) const WRITE_BACK_METHOD: &str = "write-back-method";
/// `kustomization[:path]`, `helmvalues[:path]` or a path; method `git` only.
pub(crate) const WRITE_BACK_TARGET: &str = "write-back-target";
/// `base`, `base:template` or `:template`; method `git` only.
pub(crate) const GIT_BRANCH: &str = "git-branch";
/// The repository to write to, if it is not the source's; method `git` only.
pub(crate) const GIT_REPOSITORY: &str = "git-repository";

/// One of the update strategies.
pub(crate) const UPDATE_STRATEGY: &str = "update-strategy";
/// A boolean: write the image although no workload runs it.
pub(crate) const FORCE_UPDATE: &str = "force-update";
/// `any` or `regexp:<RE2>`.
pub(crate) const ALLOW_TAGS: &str = "allow-tags";
/// Globs, separated by commas.
pub(crate) const IGNORE_TAGS: &str = "ignore-tags";
/// Where the login for the registry stands.
pub(crate) const PULL_SECRET: &str = "pull-secret";
/// `os/arch[/variant]`, separated by commas.
pub(crate) const PLATFORMS: &str = "platforms";
/// Name of the Helm parameter that takes the image name.
pub(crate) const HELM_IMAGE_NAME: &str = "helm.image-name";
/// Name of the Helm parameter that takes the tag.
pub(crate) const HELM_IMAGE_TAG: &str = "helm.image-tag";
/// Name of the Helm parameter that takes name and tag in one.
pub(crate) const HELM_IMAGE_SPEC: &str = "helm.image-spec";
/// The image name as the manifests that Kustomize edits write it.
pub(crate) const KUSTOMIZE_IMAGE_NAME: &str = "kustomize.image-name";

/// The record of a pin, under [`OWN_PREFIX`], followed by `.` and the alias unless it is the sole entry's.
pub(crate) const PIN: &str = "pin";
/// How old a tag must be; under [`OWN_PREFIX`], as for pins.
pub(crate) const MIN_AGE: &str = "min-age";
/// `never`, `if-present` or `always`; under [`OWN_PREFIX`], as for pins.
pub(crate) const PIN_DIGEST: &str = "pin-digest";
/// Which part of a tag is compared; under [`OWN_PREFIX`], as for pins.
pub(crate) const EXTRACT: &str = "extract";

/// The settings under [`OWN_PREFIX`] that people write: name, value, default.
pub(crate) const OWN: [(&str, &str, &str); 3] = [
    (MIN_AGE, "how old a tag must be: `7d`, `36h`", "however young"),
    (PIN_DIGEST, "`never`, `if-present`, `always`: write `tag@digest`", "`never`"),
    (EXTRACT, "`<RE2>` for whole tags; its group `version`, or the first, is compared", "the whole tag"),
];

/// One row of the table of annotations.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
    pub(crate) value: &'static str,
    pub(crate) default: &'static str,
}

/// For what a key can be set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// For the Application only.
    Application,
    /// For the Application, and for one image as `<alias>.<key>`, which wins.
    Both,
    /// For one image only, as `<alias>.<key>`.
    Image,
}

/// Every key under [`PREFIX`], in the order shown to people.
pub(crate) const ALL: [Key; 15] = [
    key(IMAGE_LIST, Scope::Application, "`[alias=]image[:constraint]`, separated by commas", "none: passed over"),
    key(UPDATE_STRATEGY, Scope::Both, "`semver`, `newest-build`, `digest`, `alphabetical`", "`semver`"),
    key(ALLOW_TAGS, Scope::Both, "`any` or `regexp:<RE2>`, not anchored", "`any`"),
    key(IGNORE_TAGS, Scope::Both, "globs, separated by commas", "none"),
    key(FORCE_UPDATE, Scope::Both, "`true` or `false`", "`false`"),
    key(
        PULL_SECRET,
        Scope::Both,
        "`pullsecret:ns/name` or `secret:ns/name#field`",
        "`registries.conf`, then your docker config",
    ),
    key(PLATFORMS, Scope::Image, "`os/arch[/variant]`, separated by commas", "the cluster's nodes, or any"),
    key(HELM_IMAGE_NAME, Scope::Image, "Helm parameter for the image name", "`image.name`"),
    key(HELM_IMAGE_TAG, Scope::Image, "Helm parameter for the tag", "`image.tag`"),
    key(HELM_IMAGE_SPEC, Scope::Image, "Helm parameter for name and tag in one", "none"),
    key(KUSTOMIZE_IMAGE_NAME, Scope::Image, "image name as the manifests write it", "the image itself"),
    key(WRITE_BACK_METHOD, Scope::Application, "`argocd`, `git`, `git:repocreds`, `git:secret:[ns/]name`", "`argocd`"),
    key(
        WRITE_BACK_TARGET,
        Scope::Application,
        "`kustomization[:path]`, `helmvalues[:path]`, a path",
        "`.argocd-source-<app>.yaml`",
    ),
    key(GIT_BRANCH, Scope::Application, "`base`, `base:template`, `:template`", "the source's targetRevision"),
    key(GIT_REPOSITORY, Scope::Application, "repository URL", "the source's repoURL"),
];

const fn key(name: &'static str, scope: Scope, value: &'static str, default: &'static str) -> Key {
    Key { name, scope, value, default }
}

/// Keys of earlier generations of Image Updater, and what replaced them.
pub(crate) const DEPRECATED: [(&str, &str); 4] = [
    ("tag-match", ALLOW_TAGS),
    ("image-name", HELM_IMAGE_NAME),
    ("image-tag", HELM_IMAGE_TAG),
    ("image-spec", HELM_IMAGE_SPEC),
];

/// The name that an alias has in a key: `/`, which no annotation name may hold, is written `_`.
pub(crate) fn of_alias(alias: &str) -> String {
    alias.replace('/', "_")
}

/// Whether Kubernetes takes `name` as the part of an annotation key behind the `/`: at most 63 letters, digits, `-`,
/// `_` and `.`, with a letter or digit at both ends.
fn is_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let ends = |name: &str| name.starts_with(end_character) && name.ends_with(end_character);
    name.len() <= 63 && name.bytes().all(legal) && ends(name)
}

fn end_character(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// Whether an annotation can be named after an alias, for the longest of the keys.
pub(crate) fn can_be_set(alias: &str) -> bool {
    is_name(&format!("{}.{KUSTOMIZE_IMAGE_NAME}", of_alias(alias)))
}

/// Whether a pin can be named after an alias: its record and its hold are legal annotations.
pub(crate) fn can_be_pinned(alias: &str) -> bool {
    let alias = of_alias(alias);
    is_name(&alias) && is_name(&format!("{PIN}.{alias}")) && is_name(&format!("{alias}.{IGNORE_TAGS}"))
}

/// Whether an annotation is one that a pin writes its hold to.
pub(crate) fn is_hold(annotation: &str) -> bool {
    let name = annotation.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(IGNORE_TAGS));
    name.is_some_and(|alias| alias.is_empty() || alias.ends_with('.'))
}

/// The annotation that holds one image, or with no alias the sole one.
pub(crate) fn for_hold(alias: Option<&str>) -> String {
    alias.map_or_else(|| for_application(IGNORE_TAGS), |alias| for_alias(alias, IGNORE_TAGS))
}

/// The full key of a setting for one image.
pub(crate) fn for_alias(alias: &str, key: &str) -> String {
    format!("{PREFIX}{}.{key}", of_alias(alias))
}

/// The full key of a setting for the whole Application.
pub(crate) fn for_application(key: &str) -> String {
    format!("{PREFIX}{key}")
}

/// The full key of the pin of one image; `None`: of the sole entry.
pub(crate) fn for_pin(alias: Option<&str>) -> String {
    for_own(PIN, alias)
}

/// The full key of something of ours for one image; `None`: for the sole entry.
pub(crate) fn for_own(key: &str, alias: Option<&str>) -> String {
    match alias {
        Some(alias) => format!("{OWN_PREFIX}{key}.{}", of_alias(alias)),
        None => format!("{OWN_PREFIX}{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_legal_annotation_names_can_hold_a_pin() {
        for (alias, set, pinned) in [
            ("web", true, true),
            ("org/app", true, true),
            ("a.b-c_D9", true, true),
            ("web-", true, false),
            ("-web", false, false),
            ("", false, false),
            ("w b", false, false),
            ("w:b", false, false),
            (&"a".repeat(42), true, true),
            // The hold is the longer of the two: `<alias>.ignore-tags`.
            (&"a".repeat(51), false, true),
            (&"a".repeat(52), false, false),
        ] {
            assert_eq!((can_be_set(alias), can_be_pinned(alias)), (set, pinned), "{alias}");
        }
        assert_eq!(for_pin(Some("org/app")), "kubectl-image-update/pin.org_app");
    }

    #[test]
    fn a_hold_is_an_annotation_for_ignored_tags() {
        for (annotation, expected) in [
            ("argocd-image-updater.argoproj.io/ignore-tags", true),
            ("argocd-image-updater.argoproj.io/web.ignore-tags", true),
            ("argocd-image-updater.argoproj.io/webignore-tags", false),
            ("argocd-image-updater.argoproj.io/web.allow-tags", false),
            ("example.com/web.ignore-tags", false),
        ] {
            assert_eq!(is_hold(annotation), expected, "{annotation}");
        }
    }
}
