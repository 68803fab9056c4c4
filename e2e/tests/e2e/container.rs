//! A container that waits, seen from the host.

use std::io::Read as _;
use std::process::{Child, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::command::{command, run};
use crate::processes::Process;
use crate::server::Server;

/// Long enough for a busy machine; nothing is asserted of it.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running `plimsoll run` whose program sleeps.
#[derive(Debug)]
pub(crate) struct Container {
    child: Child,
    /// The program inside, as the host sees it.
    pub(crate) inside: Process,
}

impl Container {
    /// Runs `script` and then a `sleep` that nobody else on this machine runs. `options` go to `plimsoll run`.
    pub(crate) fn start(server: &Server, options: &[&str], reference: &str, script: &str) -> Self {
        // Tests of one binary run at once, and so may two binaries.
        static STARTED: AtomicU32 = AtomicU32::new(1000);
        let mark = format!("sleep {}{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let script = format!("{script}; exec {mark}");
        let arguments = [&["run", "--rm"], options, &[reference, "sh", "-c", &script]].concat();
        let mut plimsoll = server.plimsoll(&arguments);
        let mut child = plimsoll.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("plimsoll run");
        let began = Instant::now();
        loop {
            if let Some(inside) = Process::all().into_iter().find(|process| process.arguments == mark) {
                return Self { child, inside };
            }
            let ended = child.try_wait().expect("the state of plimsoll run");
            if ended.is_some() || began.elapsed() > PATIENCE {
                let _ = child.kill();
                let mut said = String::new();
                let _ = child.stderr.as_mut().expect("a pipe").read_to_string(&mut said);
                panic!("no process `{mark}` is seen from the host ({ended:?}):\n{said}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// `plimsoll run` itself.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the program inside, and waits for `plimsoll run` to tell of it.
    pub(crate) fn kill(self) -> Output {
        run(command("kill", ["-KILL", &self.inside.pid.to_string()]));
        self.child.wait_with_output().expect("the end of plimsoll run")
    }
}
