//! OpenSSH's server on a loopback port, which lets one key in and runs git with it.
//!
//! It runs as this user, under the name `git`; the superuser's server would need an account and folders of the machine,
//! so it runs as nobody then. A library stands between the server and the machine's list of users (`nss_wrapper`).

use std::cell::Cell;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::git_repository::SERVER_ENVIRONMENT;
use super::servers::Server;
use super::servers::free_port;
use super::servers::program;

/// The user that a superuser's server runs as: nobody.
const NOBODY: u32 = 65534;

/// The server, which ends with this value.
pub(crate) struct GitSsh {
    server: Server,
    port: u16,
    root: PathBuf,
    keys: TempDir,
    read: Cell<usize>,
}

impl GitSsh {
    /// Serves the repositories in a folder.
    pub(crate) fn start(root: &Path) -> Self {
        let keys = TempDir::with_prefix("kubectl-image-update-keys-").expect("a temporary folder");
        for name in ["client", "other", "host", "other-host"] {
            generate_key(&keys.path().join(name));
        }
        // Somebody else may take a port that was free a moment ago.
        for _ in 0..20 {
            let port = free_port();
            let server = serve(root, keys.path(), port);
            let ready = server.wait_until("start", || {
                let listens = server.log().contains("Server listening on");
                (listens && TcpStream::connect(("127.0.0.1", port)).is_ok()).then_some(())
            });
            match ready {
                Ok(()) => {
                    let read = Cell::new(0);
                    return Self { server, port, root: root.to_owned(), keys, read };
                }
                Err(problem) if problem.contains("Address already in use") => {}
                Err(problem) => panic!("{problem}"),
            }
        }
        panic!("no port stays free");
    }

    /// `ssh://git@127.0.0.1:PORT/…/acme/deploy.git`.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("ssh://git@127.0.0.1:{}{}/{name}.git", self.port, self.root.display())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The private key that the server lets in.
    pub(crate) fn key(&self) -> String {
        self.text("client")
    }

    /// The file of that key.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.keys.path().join("client")
    }

    /// A private key that nobody knows.
    pub(crate) fn unknown_key(&self) -> String {
        self.text("other")
    }

    /// The line for `known_hosts` that vouches for the server.
    pub(crate) fn known_hosts(&self) -> String {
        format!("[127.0.0.1]:{} {}", self.port, self.text("host.pub"))
    }

    /// A line for the same server with a key that is not its own.
    pub(crate) fn wrong_known_hosts(&self) -> String {
        format!("[127.0.0.1]:{} {}", self.port, self.text("other-host.pub"))
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.keys.path().join(name)).expect("a key of our own")
    }

    /// The commands that were run since the last call.
    pub(crate) fn commands(&self) -> Vec<String> {
        let log = fs::read_to_string(self.server.folder().join("commands")).unwrap_or_default();
        let lines: Vec<String> = log.lines().skip(self.read.get()).map(str::to_owned).collect();
        self.read.set(self.read.get() + lines.len());
        lines
    }
}

fn serve(root: &Path, keys: &Path, port: u16) -> Server {
    Server::start("sh", |folder| {
        let owner = fs::metadata(folder).expect("a folder of our own").uid();
        let user = if owner == 0 { NOBODY } else { owner };
        let [sshd, wrapper, git] = ["sshd", "libnss_wrapper.so", "git"].map(|name| within_reach(name, folder, owner));
        let write = |name: &str, text: &str, mode: u32| {
            let file = folder.join(name);
            fs::write(&file, text).expect("a file in a folder of our own");
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a file of our own");
            file.display().to_string()
        };
        let place = folder.display();
        let read = |name: &str| fs::read_to_string(keys.join(name)).expect("a key of our own");
        let passwd =
            format!("root:x:0:0::/:/bin/sh\nsshd:x:65533:65533::/:/bin/false\ngit:x:{user}:{user}::{place}:/bin/sh\n");
        let passwd = write("passwd", &passwd, 0o644);
        let group = write("group", &format!("root:x:0:\ngit:x:{user}:\n"), 0o644);
        let environment = SERVER_ENVIRONMENT.map(|(name, value)| format!("export {name}='{value}'\n")).concat();
        let git_folder = git.parent().expect("a program is in a folder").display();
        // git's own programs, in the folder of repositories, and nothing else.
        let shell = format!(
            "{environment}export PATH='{git_folder}:/usr/local/bin:/usr/bin:/bin'\n\
             echo \"$SSH_ORIGINAL_COMMAND\" >>'{place}/commands'\ncd '{root}' || exit 1\n\
             case $SSH_ORIGINAL_COMMAND in\n\
             git-upload-pack\\ *|git-receive-pack\\ *) eval \"git ${{SSH_ORIGINAL_COMMAND#git-}}\" ;;\n\
             *) echo 'only git is served here' >&2; exit 1 ;;\nesac\n",
            root = root.display(),
        );
        let shell = write("shell", &shell, 0o755);
        let host = write("host", &read("host"), 0o600);
        let allowed = write("authorized_keys", &read("client.pub"), 0o644);
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nPidFile none\nAuthorizedKeysFile {allowed}\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             LogLevel VERBOSE\nMaxStartups 100\nAcceptEnv GIT_PROTOCOL\nForceCommand /bin/sh {shell}\n"
        );
        let config = write("sshd_config", &config, 0o644);
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("a folder of our own");
        let drop_rights = if owner == 0 {
            for name in ["", "host"] {
                std::os::unix::fs::chown(folder.join(name), Some(NOBODY), Some(NOBODY)).expect("the superuser may");
            }
            format!("setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups ")
        } else {
            String::new()
        };
        let script = format!(
            "exec {drop_rights}env LD_PRELOAD='{}' NSS_WRAPPER_PASSWD='{passwd}' NSS_WRAPPER_GROUP='{group}' \
             '{}' -D -e -f '{config}'",
            wrapper.display(),
            sshd.display(),
        );
        vec!["-c".to_owned(), script]
    })
}

/// A program where the user of the server can reach it: the superuser's cache is in a folder that nobody else may enter.
fn within_reach(name: &str, folder: &Path, owner: u32) -> PathBuf {
    let file = program(name);
    let contents = fs::read(&file).expect("a program can be read");
    let script = contents.starts_with(b"#!").then(|| String::from_utf8_lossy(&contents).into_owned());
    let tree =
        script.as_ref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("tree='")?.strip_suffix('\'')));
    if owner != 0 || (tree.is_none() && !file.starts_with("/root")) {
        return file;
    }
    let copy = folder.join(name);
    match (&script, tree) {
        (Some(text), Some(tree)) => {
            let place = folder.join(format!("{name}-files"));
            let copied = Command::new("cp").arg("-r").arg(tree).arg(&place).status().expect("cp starts");
            assert!(copied.success(), "{tree} was not copied");
            fs::write(&copy, text.replace(tree, &place.display().to_string())).expect("a file of our own");
        }
        _ => fs::write(&copy, contents).expect("a file of our own"),
    }
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("a file of our own");
    copy
}

/// Makes a key pair without a passphrase: `path`, `path.pub`.
pub(crate) fn generate_key(path: &Path) {
    keygen(path, &["-q", "-t", "ed25519", "-N", "", "-C", "test"]);
}

/// Runs ssh-keygen on the file of a key, and gives what it prints.
pub(crate) fn keygen(path: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program("ssh-keygen")).args(arguments).arg("-f").arg(path).output();
    let output = output.expect("ssh-keygen starts");
    assert!(output.status.success(), "ssh-keygen {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
