//! The nouns of the tool, as the field names them: an Argo CD [`application::Application`], an image
//! [`image::Reference`], a [`candidate::Candidate`] tag, a [`decision::Decision`], a [`plan::Change`].
//!
//! Constructors, `Display` and parsing only. Nothing here reads the network, the clock or the environment, and
//! nothing here knows how a value is written as JSON: that is `output::json` and `plan_file`.

pub(crate) mod application;
pub(crate) mod candidate;
pub(crate) mod choosing;
pub(crate) mod decision;
pub(crate) mod diagnostic;
pub(crate) mod git;
pub(crate) mod git_url;
pub(crate) mod image;
pub(crate) mod login_source;
pub(crate) mod nesting;
pub(crate) mod pin;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod words;

#[cfg(test)]
pub(crate) mod hostile;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod tests;
