//! The git servers of the integration tests, under the same names.
#![allow(dead_code, reason = "these tests use a part of them")]

#[path = "../../../tests/world/fault.rs"]
pub(super) mod fault;
#[path = "../../../tests/world/git_host.rs"]
pub(super) mod git_host;
#[path = "../../../tests/world/git_repository.rs"]
pub(super) mod git_repository;
#[path = "../../../tests/world/git_signing.rs"]
pub(super) mod git_signing;
#[path = "../../../tests/world/git_ssh.rs"]
pub(super) mod git_ssh;
#[path = "../../../tests/world/http.rs"]
pub(super) mod http;
#[path = "../../../tests/world/servers.rs"]
pub(super) mod servers;
#[path = "../../../tests/world/tls.rs"]
pub(super) mod tls;
