//! Docker's command line as a place to sign at: `docker push`, then a touch.
//!
//! Docker's clients from 26 on let a plugin have a word after other commands (docker/cli, `cli-plugins/hooks` and
//! `cli-plugins/manager/hooks.go`, read in 28.5 and 29.9). What they promise is little:
//!
//! - only where docker's standard output is a terminal and `features.hooks` in `config.json` (or `DOCKER_CLI_HOOKS`, or
//!   the older `DOCKER_CLI_HINTS`) turns hooks on, which are off otherwise;
//! - after failed commands too, with the error's text in the request, but not after an interrupted one;
//! - the request, JSON as last argument, names the hook and the flags that were set (values only of flags that are true
//!   or false), not the image: that is read from the command line of the parent process, which is docker;
//! - standard input is `/dev/null`, standard error goes nowhere, standard output is read as `{"Type": 0, "Template": …}`
//!   and printed under "What's next:", as a Go template where it has `{{` (at most ten lines from 29 on);
//! - the exit code decides nothing, so that a hook can report and not refuse; there is no time limit but the patience of
//!   whoever waits, and Ctrl-C makes docker kill the hook at once.
//!
//! So a push is signed at `/dev/tty`, in a process group of its own that holds the terminal's foreground: Ctrl-C
//! is then for the signature and not for docker.
//!
//! 1. [`plugin`] is the program under its other name, `docker-plimsoll`; [`install`] the verb that puts it there.
//! 2. [`hook`] reads the request, [`calling`] and [`command_line`] what docker was told.
//! 3. [`look`] asks engine and registry, as a verb of its own in two halves, since what they say comes from outside.
//! 4. [`push`] has the digest signed on which both agree; [`report`] tells of an image that was pulled or run.

mod calling;
mod client_config;
mod command_line;
mod engine;
mod hook;
pub(crate) mod install;
pub(crate) mod look;
pub(crate) mod plugin;
mod push;
mod report;
mod ssh;
mod terminal;
