//! `plimsoll up` on a data folder and a port of its own.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::{Ended, command, run, succeed};
use crate::machine;

/// Long enough for a busy machine; nothing is asserted of it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that ends with its test.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    data: PathBuf,
    address: String,
    log: PathBuf,
}

impl Server {
    /// Starts it as root, as `make demo` does.
    pub(crate) fn start(work: &Path) -> Self {
        let data = work.join("data");
        let log = work.join("server.log");
        // Freed again before the server takes it; nobody else on loopback asks for it in between.
        let address =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").to_string();
        let output = File::create(&log).expect("the server's log");
        let child = Command::new(machine::plimsoll())
            .args(["--log", "info", "up", "--listen", &address, "--data"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the server's log"))
            .stderr(output)
            .spawn()
            .expect("starting plimsoll up");
        let mut server = Self { child, data, address, log };
        server.wait_until_it_answers();
        server
    }

    fn wait_until_it_answers(&mut self) {
        let began = Instant::now();
        while run(command("curl", ["-fsS", "--max-time", "5", &format!("http://{}/v2/", self.address)])).code != Some(0)
        {
            let ended = self.child.try_wait().expect("the server's state");
            let late = began.elapsed() > PATIENCE;
            assert!(ended.is_none() && !late, "the server did not start ({ended:?}):\n{}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// `127.0.0.1:PORT/NAME`.
    pub(crate) fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// `plimsoll` with this server's data folder.
    pub(crate) fn plimsoll(&self, arguments: &[&str]) -> Command {
        let mut plimsoll = command(machine::plimsoll(), arguments);
        plimsoll.env("PLIMSOLL_DATA", &self.data);
        plimsoll
    }

    /// Runs it to its end.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Ended {
        run(self.plimsoll(arguments))
    }

    /// A page or its JSON.
    pub(crate) fn get(&self, path: &str) -> String {
        succeed(command("curl", ["-fsS", "--max-time", "30", &format!("http://{}{path}", self.address)]))
    }

    /// What it logged, for messages.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM, as a service manager would: it must end its broker and its workers too.
        run(command("kill", ["-TERM", &self.child.id().to_string()]));
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                assert!(std::thread::panicking(), "the server did not end on SIGTERM:\n{}", self.said());
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
