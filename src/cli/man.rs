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
    let man = clap_mangen::Man::new(command.clone().display_name(file.to_owned()));
    let mut text = Vec::new();
    man.render(&mut text).map_err(failed)?;
    let text = String::from_utf8_lossy(&text);
    // The generator leaves an empty date out, and takes what comes next for one; a real one would differ in every build.
    let heading = format!(".TH {file} 1 \"\" \"kubectl-image-update {}\" \"User Commands\"", env!("CARGO_PKG_VERSION"));
    let lines = text.lines().map(|line| if line.starts_with(".TH ") { heading.as_str() } else { line });
    let page: String = lines.flat_map(|line| [line, "\n"]).collect();
    std::fs::write(&path, page).map_err(failed)
}
