//! `kubectl image-update`: see, plan and apply image updates for Argo CD Applications.
#![allow(dead_code, unused_imports)]

mod annotations;
mod apply;
mod cluster;
mod decide;
mod document;
mod error;
mod gather;
mod logins;
mod manifests;
mod model;
mod output;
mod pinning;
mod pipeline;
mod process;
mod propose;
mod registry;
mod strategy;
mod writeback;

fn main() {}
