//! `kubectl image-update`: see, plan and apply image updates for Argo CD Applications.
//!
//! # Codemap
//!
//! In reading order. *Pure* modules decide and never touch the world; *shell* modules touch it and decide nothing.
//!
//! | module | | what it is for |
//! |---|---|---|
//! | `model` | pure | the nouns: Application, image reference, candidate, decision, plan, receipt |
//! | `annotations` | pure | annotations to rules, with diagnostics that point into them |
//! | `strategy` | pure | which candidate wins; one file an update strategy, and the table of them |
//! | `decide` | pure | rule and facts to decision |
//! | `writeback` | pure | where an image is written, what stands there, how an object is edited |
//! | `run` | pure | what a run is about: the Applications of its selection, and how it decides |
//! | `propose` | pure | decisions to the changes of a plan |
//! | `pinning` | pure | a pin, and what takes it back, as changes |
//! | `suggest` | pure | the annotations to begin with, from what runs |
//! | `templates` | pure | branch names and commit messages from Go templates |
//! | `tls` | shell | whose certificates are believed |
//! | `registry` | shell | OCI distribution client |
//! | `git` | shell | git repositories at their servers: read a few files, commit, push |
//! | `cluster` | shell | Kubernetes client: Applications, nodes, Image Updater's own resources |
//! | `manifests` | shell | Applications from files, folders and standard input |
//! | `logins` | shell | which login an image's registry, or a git repository, is asked with |
//! | `repositories` | shell | what stands in the repositories that Applications are written to, or in a checkout |
//! | `gather` | shell | asks registries for the facts that decisions need |
//! | `pipeline` | shell | the one conductor: read, gather, decide, propose |
//! | `apply` | shell | carries out a plan: every precondition first, then the writes |
//! | `follow` | shell | after a write: waits for Argo CD to make it true |
//! | `document` | pure | the JSON and YAML documents that scripts read |
//! | `output` | pure | tables, diffs, diagnostics; `Printer` is the only writer to the two streams |
//! | `cli` | shell | arguments, settings, one file a command |
//! | `process` | shell | environment, arguments, clock, terminals |
//! | `error` | pure | exit codes, and the error that ends a run |
//!
//! # What is never so
//!
//! A strategy knows no registry, and the registry client knows no strategy. Nothing below `cli` knows clap or prints.
//! Only `document`, `pin_record`, `writeback::files` and the wire files of `registry`, `cluster` and `manifests` know how
//! a value is serialized. Only `process` reads the environment or the clock. A fact that could not be had is in the value
//! (`Evidence::Missing`), never a quietly smaller list. A test holds the imports to this (`tests/it/architecture.rs`).

mod annotations;
mod apply;
mod cli;
mod cluster;
mod decide;
#[cfg(test)]
mod docs;
mod document;
mod error;
mod follow;
mod gather;
mod git;
mod logins;
mod manifests;
mod model;
mod output;

mod pinning;
mod pipeline;
mod process;
mod propose;
mod registry;
mod repositories;
mod run;
mod strategy;
mod suggest;
mod templates;
mod tls;
mod writeback;

fn main() -> std::process::ExitCode {
    // Both HTTP clients take the process-wide provider; it can be set once, and this is before anything else.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let process = process::Process::current();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let code = match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(cli::run(process));
            // What is still running was given up: nobody waits for it.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            let printer = output::Printer::new(output::Colors::NEVER, false);
            printer.alert(&format!("error: failed to start: {error}"));
            error::ExitCode::Failed
        }
    };
    std::process::ExitCode::from(code.number())
}
