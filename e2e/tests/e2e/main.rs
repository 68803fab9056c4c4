//! The programs as their users run them: real images, real clients, a server of their own on loopback.
//!
//! Each test needs root, for containers and for giving it up. Where root or a program is missing a test says
//! `skipped: …`, or fails when `PLIMSOLL_REQUIRE=1` says that everything is there.

#![allow(clippy::expect_used, clippy::unwrap_used)] // A step that cannot be taken has failed its test.

mod advisories;
mod changelogs;
mod command;
mod container;
mod corpus;
mod debian;
mod docker;
mod docker_hooks;
mod layout;
mod machine;
mod pipeline;
mod privileges;
mod processes;
mod server;
mod signing;
// The command line's own, so that there is one way to start an sshd.
#[path = "../../../crates/cli/tests/it/script.rs"]
mod script;
#[allow(dead_code, reason = "no connection is cut here")]
#[path = "../../../crates/cli/tests/it/ssh.rs"]
mod ssh;
mod terminal;
mod touch;
mod virtual_card;
