//! kubectl image-update
#![allow(dead_code)]

mod model;
mod strategy;

fn main() {}
