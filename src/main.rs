//! `kubectl image-update`: see, plan and apply image updates for Argo CD Applications.
#![allow(dead_code, unused_imports)]

mod annotations;
mod cluster;
mod decide;
mod document;
mod error;
mod manifests;
mod model;
mod output;
mod process;
mod registry;
mod strategy;
mod writeback;

fn main() {}
