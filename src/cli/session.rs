//! What every command has in common: streams, settings, connections, and a way to be stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::cli::args::ConnectionArgs;
use crate::cli::args::GeneralArgs;
use crate::cli::args::Output;
use crate::cli::args::OutputArgs;
use crate::cli::registries_conf;
use crate::cli::settings;
use crate::cli::signals;
use crate::cli::signals::Signals;
use crate::cli::summary;
use crate::cluster::Cluster;
use crate::cluster::error::ClusterError;
use crate::document;
use crate::error::Error;
use crate::error::ExitCode;
use crate::git::GitSettings;
use crate::logins::LoginSettings;
use crate::logins::Logins;
use crate::model::decision::Decision;
use crate::model::diagnostic::Diagnostic;
use crate::output::Printer;
use crate::output::diagnostics;
use crate::output::table::Layout;
use crate::output::text;
use crate::process;
use crate::process::Process;
use crate::registry::Registries;
use crate::repositories::Repositories;
use crate::run::Options;

/// How long one run of git may take, as in Image Updater.
const GIT_TIMEOUT: Duration = Duration::from_secs(90);

/// One run of one command.
pub(crate) struct Session {
    pub(crate) process: Process,
    pub(crate) printer: Printer,
    pub(crate) connection: ConnectionArgs,
    pub(crate) general: GeneralArgs,
    pub(crate) registries: Registries,
    pub(crate) logins: Logins,
    pub(crate) repositories: Repositories,
    /// Set when no other write is to be begun.
    pub(crate) interrupted: Arc<AtomicBool>,
    /// It was the time of `--timeout` that ended it, and not the user.
    out_of_time: AtomicBool,
    /// Set from the first write on: what is in hand then is finished, not dropped, and a report is owed.
    pub(crate) writing: Arc<AtomicBool>,
    pub(crate) signals: Signals,
    began: Instant,
    /// `--timeout`
    pub(crate) limit: Option<Duration>,
}

impl Session {
    pub(crate) fn new(
        process: Process,
        printer: Printer,
        connection: ConnectionArgs,
        general: GeneralArgs,
    ) -> Result<Self, Error> {
        let limit = general.timeout.as_deref().map(|text| settings::duration("--timeout", text)).transpose()?;
        let registries = Registries::new(settings::registries(&general, &process)?);
        if let Some(file) = &general.registries_conf {
            registries.configure(registries_conf::of_file(file, &printer)?);
        }
        let logins = Logins::new(LoginSettings {
            environment: process.environment.clone(),
            allowed_namespaces: general.allow_secret_namespaces.clone(),
            argocd_namespace: connection.argocd_namespace.clone(),
            allow_insecure_git: general.allow_insecure_git,
            connection: settings::connection(connection.clone(), &process, None)?,
        });
        let repositories = Repositories::new(GitSettings {
            environment: process.environment.clone(),
            timeout: GIT_TIMEOUT,
            now: process.now(),
            user_agent: concat!("kubectl-image-update/", env!("CARGO_PKG_VERSION")).to_owned(),
        });
        let writing = Arc::new(AtomicBool::new(false));
        let signals = Signals::listen(Arc::clone(&writing), printer.clone())
            .map_err(|error| Error::failed("failed to listen for interrupts").source(error))?;
        Ok(Self {
            repositories,
            process,
            printer,
            connection,
            general,
            registries,
            logins,
            interrupted: Arc::default(),
            out_of_time: AtomicBool::new(false),
            writing,
            signals,
            began: Instant::now(),
            limit: limit.filter(|limit| !limit.is_zero()),
        })
    }

    /// Connects to the API server, which sends nothing yet.
    pub(crate) async fn cluster(&self, namespace: Option<String>) -> Result<Cluster, Error> {
        let settings = settings::connection(self.connection.clone(), &self.process, namespace)?;
        Cluster::connect(&settings).await.map_err(cluster_error)
    }

    /// Has the cluster's `registries.conf` say where registries are, unless a file was named.
    ///
    /// # Errors
    /// It is there, but broken.
    pub(crate) async fn configure_registries(&self, cluster: &Cluster) -> Result<(), Error> {
        if self.general.registries_conf.is_none()
            && let Some(conf) = registries_conf::of_cluster(self, cluster).await?
        {
            self.registries.configure(conf);
        }
        Ok(())
    }

    /// How the pipeline decides, with everything off that a command has no flag for.
    pub(crate) fn options(&self, source: Option<String>) -> Options {
        Options {
            now: self.process.now(),
            clock_is_fixed: self.process.variable(process::NOW).is_some(),
            source,
            allow_downgrade: false,
            include_rolled_back: false,
            no_git: false,
            create_keys: false,
            restart_branch: false,
            check_platforms: false,
            dates: false,
            concurrency: usize::from(self.general.concurrency),
        }
    }

    /// Runs work that may simply be dropped when the user interrupts it, since it writes nothing.
    pub(crate) async fn interruptible<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let work = Box::pin(work);
        let _progress = self.printer.show_progress();
        tokio::select! {
            done = work => Ok(done),
            () = self.signals.next() => Err(signals::interrupted()),
        }
    }

    /// When the time of `--timeout` is over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.limit.and_then(|limit| self.began.checked_add(limit))
    }

    /// Has no other write begun once the time of `--timeout` is over.
    pub(crate) fn notice_deadline(&self) {
        let is_over = self.deadline().is_some_and(|deadline| deadline <= Instant::now());
        if is_over && !self.interrupted.swap(true, Ordering::Relaxed) {
            self.out_of_time.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the user ended the run, be it when all was written and nobody listened any more.
    pub(crate) fn is_interrupted(&self) -> bool {
        let told = self.interrupted.load(Ordering::Relaxed) && !self.out_of_time.load(Ordering::Relaxed);
        told || self.signals.is_kept()
    }

    /// Runs work that writes: an interrupt before the first write ends it at once, one after that lets the write in hand
    /// finish, and starts no other; a second one ends it.
    ///
    /// # Errors
    /// The user ended it before it wrote, or insisted.
    pub(crate) async fn finishing<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let mut work = std::pin::pin!(work);
        let _progress = self.printer.show_progress();
        loop {
            tokio::select! {
                done = &mut work => {
                    self.writing.store(true, Ordering::Relaxed);
                    return Ok(done);
                }
                () = self.signals.next() => {
                    if !self.writing.load(Ordering::Relaxed) {
                        return Err(signals::interrupted());
                    }
                    if self.interrupted.swap(true, Ordering::Relaxed) {
                        let what = "interrupted in the middle of a write, which may have been made or not";
                        return Err(Error::failed(what).with_code(ExitCode::Interrupted));
                    }
                    self.printer.alert("interrupted: the write in hand is finished first; again to end at once");
                }
            }
        }
    }

    /// Prints diagnostics, warnings only if not quiet.
    pub(crate) fn diagnose(&self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            let text = diagnostics::diagnostic(diagnostic);
            match diagnostic.severity {
                crate::model::diagnostic::Severity::Error => self.printer.alert(&text),
                crate::model::diagnostic::Severity::Warning => self.printer.note(&text),
            }
        }
    }

    /// Has the files of a checkout read and written instead of repositories, if that is wanted.
    ///
    /// # Errors
    /// It is not a folder.
    pub(crate) fn use_worktree(&self, folder: Option<&PathBuf>) -> Result<(), Error> {
        let Some(folder) = folder else { return Ok(()) };
        if !folder.is_dir() {
            return Err(Error::usage(format!("--worktree: {} is not a folder", folder.display())));
        }
        self.repositories.use_worktree(folder.clone());
        Ok(())
    }

    /// Says what a plan leaves out, and why.
    pub(crate) fn left_out(&self, decisions: &[Decision]) {
        for line in summary::of_undecided(decisions) {
            self.printer.alert(&line);
        }
    }

    /// Prints a document in the machine-readable format asked for; `None` if the format is for people.
    pub(crate) fn document(output: Output, document: impl FnOnce() -> serde_json::Value) -> Option<String> {
        match output {
            Output::Json => Some(text::safe_json(&document::to_json(&document()))),
            Output::Yaml => {
                let document = document();
                let yaml = document::to_yaml(&document);
                // JSON is YAML too, and can spell out what must not reach a terminal.
                Some(if text::is_safe(&yaml) { yaml } else { text::safe_json(&document::to_json(&document)) })
            }
            _ => None,
        }
    }

    /// How tables are laid out on this terminal.
    pub(crate) fn layout(&self, output: &OutputArgs, namespaces: bool) -> Layout {
        let width = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0);
        Layout {
            wide: output.output == Output::Wide,
            headers: !output.no_headers,
            namespaces,
            color: settings::colored(self.general.color, self.process.stdout_is_terminal, &self.process),
            width: width.filter(|_| output.output != Output::Wide),
            grouped: self.process.stdout_is_terminal,
            now: Some(self.process.now()),
        }
    }

    /// Says which hosts were believed without verification, and what each registry was asked, at `-v`.
    pub(crate) fn spent(&self) {
        for host in self.registries.unverified() {
            let host = text::safe(&host);
            self.printer
                .alert(&format!("warning: the certificate of {host} was not verified (`insecure` in registries.conf)"));
        }
        for host in self.repositories.unverified() {
            let host = text::safe(&host);
            self.printer
                .alert(&format!("warning: the certificate of {host} was not verified (`insecure` in its Secret)"));
        }
        if self.general.verbose > 0 {
            for (host, requests) in self.registries.spent() {
                let requests = crate::decide::count(requests, "request");
                self.printer.note(&format!("{}: {requests}", text::safe(&host)));
            }
            for (host, left) in self.registries.left() {
                self.printer.note(&format!("{}: {left} pulls left", text::safe(&host)));
            }
        }
    }
}

/// What the API server, or the way to it, has to say, as the end of a run.
pub(crate) fn cluster_error(error: ClusterError) -> Error {
    let hint = error.hint().map(str::to_owned);
    let message = error.to_string();
    Error::failed(message).source(error).maybe_hint(hint)
}
