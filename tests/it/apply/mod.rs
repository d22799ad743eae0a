//! `apply`: what was planned is written, or nothing; and a receipt says what became of it.

mod guards;
mod people;
mod plan_file;
mod prompt;
mod races;
mod rights;
mod stages;
mod wait;
