//! `check` and `plan`: what is deployed, what is newest, and why; nothing is written.

mod cache;
mod departures;
mod diagnostics;
mod manifests;
mod output;
mod selection;
mod sources;
mod status;
mod story;
mod trouble;
