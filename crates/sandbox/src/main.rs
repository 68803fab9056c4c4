//! The privileged side of Plimsoll, an executable of its own so that what runs as root stays small.
//!
//! `plimsoll-sandbox` has three parts, each a process of its own: `broker` (root; answers the daemon), `unpack`
//! (in a user namespace; the only one that reads a tar) and `shim` (root, single-threaded; one for each container).
//! None is meant to be started by hand: each wants a socket as its stdin.

mod broker;
mod cgroup;
mod confined;
mod leftovers;
mod ranges;
mod shim;
mod store;
mod system;
mod tree;
mod unpack;
mod user_namespace;

use std::io::Write as _;
use std::process::ExitCode;

use rustix::fd::AsFd;
use sandbox::channel::Channel;

fn main() -> ExitCode {
    // Whatever whoever started this left open is none of its, and would be a container's before its program runs.
    system::close_inherited();
    let part = std::env::args().nth(1).unwrap_or_default();
    let result = match part.as_str() {
        "broker" => channel().and_then(|channel| broker::serve(&channel)),
        "unpack" => channel().and_then(|channel| unpack::serve(&channel)),
        "shim" => channel().and_then(shim::serve),
        _ => Err("it is started by plimsoll and does nothing when started by hand".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            let _ = writeln!(std::io::stderr(), "plimsoll-sandbox: {reason}");
            ExitCode::from(125)
        }
    }
}

/// The socket that whoever started this process left as its stdin.
fn channel() -> Result<Channel, String> {
    let stdin = std::io::stdin();
    let no_socket = |_| "its stdin is no socket; it is started by plimsoll, not by hand".to_owned();
    rustix::net::sockopt::socket_type(&stdin).map_err(no_socket)?;
    // Above 2, so that no later change of stdin touches it.
    let socket = stdin.as_fd().try_clone_to_owned().map_err(|error| format!("cannot keep its socket: {error}"))?;
    let null = std::fs::File::open("/dev/null").map_err(|error| format!("cannot open /dev/null: {error}"))?;
    rustix::stdio::dup2_stdin(&null).map_err(|error| format!("cannot close its stdin: {error}"))?;
    Ok(Channel::from(socket))
}
