//! A worker as tests start it; in the product it is the hidden verb `worker` of the one program.
//!
//! With an argument it seals itself and then tries what a worker that was taken over would try.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None | Some("worker") => inventory::worker::serve(),
        Some("threads") => {
            std::thread::spawn(std::thread::park);
            inventory::worker::serve()
        }
        Some(attempt) => attempt_after_seal(attempt),
    }
}

/// Ends with 0 where the attempt worked; a seal that holds does not let it come so far.
fn attempt_after_seal(attempt: &str) -> ExitCode {
    if inventory::worker::seal::seal().is_err() {
        return ExitCode::from(2);
    }
    let worked = match attempt {
        "read" => true,
        "open" => std::fs::File::open("/etc/passwd").is_ok(),
        "stat" => std::fs::metadata("/etc/passwd").is_ok(),
        "create" => std::fs::File::create("/tmp/plimsoll-worker-was-here").is_ok(),
        "connect" => std::net::TcpStream::connect("127.0.0.1:1").is_ok(),
        "socket" => std::os::unix::net::UnixDatagram::unbound().is_ok(),
        "exec" => std::process::Command::new("/bin/true").status().is_ok(),
        "thread" => std::thread::Builder::new().spawn(|| ()).is_ok(),
        "memory" => Vec::<u8>::new().try_reserve_exact(2 << 30).is_ok(),
        "abort" => std::process::abort(),
        _ => return ExitCode::from(3),
    };
    if worked { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
