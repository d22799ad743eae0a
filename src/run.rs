//! What a run is about: the Applications of its selection, and how it decides.

use jiff::Timestamp;

use crate::annotations::rule::AppRules;
use crate::model::application::Application;

/// An Application of the selection, its annotations read.
pub(crate) struct Selected {
    pub(crate) application: Application,
    pub(crate) rules: AppRules,
}

/// How a run decides.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Options {
    pub(crate) now: Timestamp,
    /// `now` is the time whatever the clocks of registries say.
    pub(crate) clock_is_fixed: bool,
    /// The source to write to, where an Application has several.
    pub(crate) source: Option<String>,
    pub(crate) allow_downgrade: bool,
    pub(crate) include_rolled_back: bool,
    /// Strategies that go by names choose only images for the platforms wanted too.
    pub(crate) check_platforms: bool,
    /// When the current and the newest image were built is asked for too, where no decision needs it.
    pub(crate) dates: bool,
    /// How many images are worked on at a time.
    pub(crate) concurrency: usize,
    /// No repository is looked into.
    pub(crate) no_git: bool,
    /// Keys that a values file does not have are added.
    pub(crate) create_keys: bool,
    /// Branches of updates begin anew at their bases.
    pub(crate) restart_branch: bool,
}
