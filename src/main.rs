//! `kubectl image-update`: see, plan and apply image updates for Argo CD Applications.
#![allow(dead_code, unused_imports)]

mod annotations;
mod cluster;
mod error;
mod manifests;
mod model;
mod process;
mod registry;
mod strategy;

fn main() {}
