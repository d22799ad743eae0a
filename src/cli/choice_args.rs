//! Flags about which images are meant, and what is asked of a version beside the update strategy.

use clap::Args;
use clap::ValueEnum;

use crate::error::Error;
use crate::model::choosing::PinDigest;

/// What a version has to be.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Decision")]
pub(crate) struct ChoiceArgs {
    /// Only these images of the Applications, by alias or, without one, by image text (repeatable)
    #[arg(long = "alias", value_name = "ALIAS", help_heading = "Selection")]
    pub(crate) aliases: Vec<String>,
    /// Choose only tags at least that old, such as 36h, 7d or 2w [default: each image's annotation, or any]
    #[arg(long, value_name = "DURATION")]
    pub(crate) min_age: Option<String>,
    /// Write the digest behind a tag with it [default: each image's annotation, or never]
    #[arg(long, value_name = "WHEN")]
    pub(crate) pin_digest: Option<PinDigestArg>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PinDigestArg {
    Never,
    IfPresent,
    Always,
}

impl PinDigestArg {
    pub(crate) fn value(self) -> PinDigest {
        match self {
            Self::Never => PinDigest::Never,
            Self::IfPresent => PinDigest::IfPresent,
            Self::Always => PinDigest::Always,
        }
    }
}

/// What is to be written whatever was chosen.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Decision")]
pub(crate) struct WishArgs {
    /// This version whatever the strategy says, also an older one (repeatable); APP/ALIAS where it is not clear
    #[arg(long = "set", value_name = "ALIAS=TAG[@DIGEST]")]
    pub(crate) sets: Vec<String>,
    /// Fail, and write nothing, if there are more changes than that
    #[arg(long, value_name = "N")]
    pub(crate) max_changes: Option<usize>,
}

/// What is decided differently on request.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Decision")]
pub(crate) struct DecisionArgs {
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    #[command(flatten)]
    pub(crate) wish: WishArgs,
    /// Also write versions that are older than the current ones
    #[arg(long)]
    pub(crate) allow_downgrade: bool,
    /// Also write versions that were deployed before and left
    #[arg(long)]
    pub(crate) include_rolled_back: bool,
    /// Choose only images that run on the platforms wanted, also by semver and alphabetical
    #[arg(long)]
    pub(crate) check_platforms: bool,
    /// The source to write to, by name or index, of Applications with several
    #[arg(long, value_name = "NAME|INDEX")]
    pub(crate) source: Option<String>,
}

impl DecisionArgs {
    /// Makes sure that nothing is to be decided anew about a plan that was saved.
    ///
    /// # Errors
    /// Names the flags that go without `--plan`.
    pub(crate) fn refuse_with_plan(&self) -> Result<(), Error> {
        let ChoiceArgs { aliases, min_age, pin_digest } = &self.choice;
        // A seat belt holds for a saved plan too.
        let WishArgs { sets, max_changes: _ } = &self.wish;
        let given = [
            ("--alias", !aliases.is_empty()),
            ("--set", !sets.is_empty()),
            ("--min-age", min_age.is_some()),
            ("--pin-digest", pin_digest.is_some()),
            ("--allow-downgrade", self.allow_downgrade),
            ("--include-rolled-back", self.include_rolled_back),
            ("--check-platforms", self.check_platforms),
            ("--source", self.source.is_some()),
        ];
        if let Some((flag, _)) = given.iter().find(|(_, is_given)| *is_given) {
            let error = Error::usage(format!("--plan decides nothing anew: it goes without {flag}"));
            return Err(error.hint(format!("give {flag} when the plan is made")));
        }
        Ok(())
    }
}
