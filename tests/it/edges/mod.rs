//! Where things end: connections that fail, streams that close, signals, hostile text, secrets.

mod connection;
mod hostile;
mod interrupts;
mod secrets;
mod streams;
