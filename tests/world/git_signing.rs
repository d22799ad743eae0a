//! Keys that sign commits, and git's own word for it that they did.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::git_repository::GitRepository;
use super::git_ssh::generate_key;
use super::servers::program;

/// Who signs.
pub(crate) const SIGNER: &str = "robot@example.com";

/// A key of `gpg`'s, in a folder of its own.
pub(crate) struct GpgKey {
    home: TempDir,
    /// The long name of the key.
    pub(crate) id: String,
}

impl GpgKey {
    pub(crate) fn generate() -> Self {
        // gpg talks to its agent by a socket in the folder, whose path may not be long.
        let home = TempDir::with_prefix("gpg-").expect("a temporary folder");
        let key = Self { home, id: String::new() };
        let name = format!("Robot <{SIGNER}>");
        let options = ["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""];
        key.gpg(&[&options[..], &["--quick-generate-key", &name, "ed25519", "sign", "never"]].concat());
        let listed = key.gpg(&["--batch", "--with-colons", "--list-secret-keys"]);
        let id = listed.lines().find_map(|line| line.strip_prefix("fpr:")).expect("a fingerprint");
        let id = id.trim_matches(':').to_owned();
        Self { id, ..key }
    }

    /// What a git that signs or verifies needs in its environment.
    pub(crate) fn environment(&self) -> [(&'static str, String); 1] {
        [("GNUPGHOME", self.home.path().display().to_string())]
    }

    /// The line of a git configuration file that says which program is `gpg`.
    pub(crate) fn configuration() -> String {
        format!("[gpg]\n\tprogram = \"{}\"\n", program("gpg").display())
    }

    /// What git says when it verifies a commit; fails the test if the signature is not good.
    #[track_caller]
    pub(crate) fn verify(&self, repository: &GitRepository, commit: &str) -> String {
        let mut git = repository.command(&[
            "-c",
            &format!("gpg.program={}", program("gpg").display()),
            "verify-commit",
            "--raw",
            commit,
        ]);
        let output = git.envs(self.environment()).output().expect("git starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("GOODSIG"), "no good signature: {said}");
        said
    }

    fn gpg(&self, arguments: &[&str]) -> String {
        let output = Command::new(program("gpg"))
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .envs(self.environment())
            .output()
            .expect("gpg starts");
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// An SSH key that signs commits.
pub(crate) struct SshSigner {
    folder: TempDir,
}

impl SshSigner {
    pub(crate) fn generate() -> Self {
        let folder = TempDir::with_prefix("kubectl-image-update-signer-").expect("a temporary folder");
        generate_key(&folder.path().join("key"));
        let public = fs::read_to_string(folder.path().join("key.pub")).expect("a key just made");
        fs::write(folder.path().join("allowed"), format!("{SIGNER} {public}")).expect("a file of our own");
        Self { folder }
    }

    /// The file of the private key.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// What git says when it verifies a commit; fails the test if the signature is not good.
    #[track_caller]
    pub(crate) fn verify(&self, repository: &GitRepository, commit: &str) -> String {
        let allowed = format!("gpg.ssh.allowedSignersFile={}", self.folder.path().join("allowed").display());
        let mut git = repository.command(&["-c", &allowed, "verify-commit", "--raw", commit]);
        let output = git.output().expect("git starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("Good \"git\" signature"), "no good signature: {said}");
        said
    }
}
