//! The manual pages, made from what `--help` says.

use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use clap::Command;

use crate::cli::program;
use crate::error::Error;

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder, which must be there
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// Writes a page for the tool, and one for each command.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn write(mut command: Command, folder: &Path, name: &'static str) -> Result<(), Error> {
    command = command.disable_help_subcommand(true);
    command.build();
    let file = program::file(name);
    page(&command, folder, file)?;
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        page(command, folder, &format!("{file}-{}", command.get_name()))?;
    }
    Ok(())
}

fn page(command: &Command, folder: &Path, file: &str) -> Result<(), Error> {
    let path = folder.join(format!("{file}.1"));
    let failed = |error| Error::failed(format!("failed to write {}", path.display())).source(error);
    let man = clap_mangen::Man::new(command.clone().display_name(file.to_owned()))
        .title(file.to_owned())
        .date("")
        .source(concat!("kubectl-image-update ", env!("CARGO_PKG_VERSION")).to_owned())
        .manual("User Commands");
    let mut text = Vec::new();
    man.render(&mut text).and_then(|()| std::fs::write(&path, text)).map_err(failed)
}
