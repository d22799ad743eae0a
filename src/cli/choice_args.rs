//! Flags about which images are meant, and what is asked of a version beside the update strategy.

use clap::Args;
use clap::ValueEnum;

use crate::model::choosing::PinDigest;

/// What a version has to be.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Decision")]
pub(crate) struct ChoiceArgs {
    /// Only these images of the Applications, by alias or, without one, by image text (repeatable)
    #[arg(long = "alias", value_name = "ALIAS")]
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
