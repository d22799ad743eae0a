//! `apply`: what was planned is written, or nothing; and a receipt says what became of it.

mod events;
mod guards;
mod owners;
mod people;
mod plan_file;
mod plan_status;
mod preconditions;
mod prompt;
mod races;
mod rights;
mod stages;
mod ticks;
mod wait;
