//! A PC/SC daemon of one's own over the virtual reader, so that tests do not meet each other, nor a real key.
//!
//! The daemon's paths are compiled in, so it runs in a mount namespace in which they are a private folder: its socket
//! (`/run/pcscd/pcscd.comm` to itself) lies there for everybody else, and `PCSCLITE_CSOCK_NAME` names it to clients.
//! The folder of USB drivers is empty to it: a YubiKey that somebody has plugged in is not seen by tests. It ends when
//! the process that started it ends, however that happens.
//!
//! The virtual reader listens on all addresses of the machine, as its driver does; nothing of value is behind it.

#![allow(clippy::missing_panics_doc, reason = "what is for tests fails them")]

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use thiserror::Error;

use crate::reader::Slot;

/// The variable by which PC/SC's client library finds another daemon than the system's.
pub const SOCKET_VARIABLE: &str = "PCSCLITE_CSOCK_NAME";

/// Names the ports to a test that was started again by [`within`].
const PORT_VARIABLE: &str = "PLIMSOLL_VIRTUAL_READER_PORT";

/// The reader's name. Programs for YubiKeys look for one that has `Yubico` or `YubiKey` in it.
pub const READER_NAME: &str = "Yubico YubiKey OTP+FIDO+CCID";

const DAEMON: &str = "/usr/sbin/pcscd";
const RUN: &str = "/run/pcscd";
const USB_DRIVERS: &str = "/usr/lib/pcsc/drivers";
/// Where the driver's package tells its place.
const DRIVER_CONFIGURATION: &str = "/etc/reader.conf.d/vpcd";

/// How long the daemon may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Run in the namespace: hides what is the system's, starts the daemon, and ends it when standard input ends, whoever
/// ended it. A daemon that would ask polkit about its clients (since 2.0) is told not to.
const SCRIPT: &str = r#"
folder=$1
mount --bind "$folder/run" "$2" && mount -t tmpfs none "$3" || exit 1
set -- "$4" --foreground --config "$folder/readers"
if "$1" --help | grep -q disable-polkit; then set -- "$@" --disable-polkit; fi
"$@" >"$folder/log" 2>&1 </dev/null &
trap 'kill "$!"; wait; rm -rf "$folder"' EXIT
cat >/dev/null
"#;

/// The daemon did not start.
#[derive(Debug, Error)]
pub enum PcscdError {
    /// Something is not installed, or this is not root.
    #[error("{0}")]
    NotHere(String),
    /// The system refused.
    #[error("starting pcscd: {0}")]
    System(#[from] io::Error),
    /// It ended, or does not listen.
    #[error("starting pcscd: it does not listen; it said: {0}")]
    Silent(String),
}

/// A running daemon with its reader of two slots, both empty. It ends when this is dropped.
pub struct Pcscd {
    process: Child,
    folder: TempDir,
    reader: Reader,
    /// Keeps the ports from others who start a daemon at the same time.
    _ports: File,
}

/// The reader of a daemon.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    port: u16,
}

impl Reader {
    /// Slot 0 or 1. Each handle may hold one card.
    pub fn slot(&self, number: u16) -> Slot {
        Slot::new(self.port + number.min(1))
    }
}

impl Pcscd {
    /// Starts one.
    pub fn start() -> Result<Self, PcscdError> {
        let driver = driver().map_err(PcscdError::NotHere)?;
        let folder = tempfile::Builder::new().prefix("virtual-card-").tempdir()?;
        let place = folder.path();
        for name in ["run", "readers"] {
            fs::create_dir(place.join(name))?;
        }
        // Clients may be other users than root.
        for path in [place.to_path_buf(), place.join("run")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        }
        fs::create_dir_all(RUN)?;
        fs::copy(driver, place.join("libifdvpcd.so"))?;
        let (port, ports) = ports()?;
        let library = place.join("libifdvpcd.so");
        let configuration = format!(
            "FRIENDLYNAME \"{READER_NAME}\"\nDEVICENAME /dev/null:{port}\nLIBPATH {}\nCHANNELID {port}\n",
            library.display()
        );
        fs::write(place.join("readers/vpcd"), configuration)?;
        let mut process = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--", "sh", "-c", SCRIPT, "sh"])
            .args([place, Path::new(RUN), Path::new(USB_DRIVERS), Path::new(DAEMON)])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(place.join("errors"))?)
            .spawn()?;
        let reader = Reader { port };
        if !listens(&place.join("run/pcscd.comm"), port, &mut process) {
            let said = ["errors", "log"].map(|name| fs::read_to_string(place.join(name)).unwrap_or_default());
            drop(process.stdin.take());
            let _ = process.wait();
            return Err(PcscdError::Silent(said.concat()));
        }
        Ok(Self { process, folder, reader, _ports: ports })
    }

    /// Starts one for a test; where that is impossible says why, and fails where everything should be there
    /// (`PLIMSOLL_REQUIRE=1`).
    pub fn start_for_test() -> Option<Self> {
        match Self::start() {
            Ok(pcscd) => Some(pcscd),
            Err(PcscdError::NotHere(reason)) => {
                skip(&reason);
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The value of [`SOCKET_VARIABLE`] for its clients.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("run/pcscd.comm")
    }

    /// The reader; see [`Reader::slot`].
    pub fn reader(&self) -> Reader {
        self.reader
    }

    /// Slot 0 or 1.
    pub fn slot(&self, number: u16) -> Slot {
        self.reader.slot(number)
    }

    /// A program that will talk to this daemon.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env(SOCKET_VARIABLE, self.socket());
        command
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// For tests that speak PC/SC in their own process: the client library finds its daemon by an environment variable, which
/// must be there before the process starts. So the test `name` (with its modules, as `cargo test` prints it) is run once
/// more, in a process of its own, with a daemon of its own, and `body` runs there.
///
/// Where the daemon cannot be had, it says `skipped: …` as [`Pcscd::start_for_test`] does.
pub fn within(name: &str, body: impl FnOnce(Reader)) {
    let inside = std::env::var(PORT_VARIABLE).ok().and_then(|port| port.parse().ok());
    if let Some(port) = inside {
        body(Reader { port });
        return;
    }
    let Some(pcscd) = Pcscd::start_for_test() else { return };
    let output = std::env::current_exe().and_then(|test| {
        Command::new(test)
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(SOCKET_VARIABLE, pcscd.socket())
            .env(PORT_VARIABLE, pcscd.reader.port.to_string())
            .output()
    });
    let output = output.unwrap_or_else(|error| panic!("running {name} again: {error}"));
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    print!("{said}");
    assert!(output.status.success(), "{name}, with a daemon of its own, failed; see above\n{}", pcscd.log());
    assert!(said.contains("1 passed"), "{name} is not the name of the test that calls this");
}

/// Says that a test is skipped, or fails where everything should be there.
pub fn skip(reason: &str) {
    assert!(std::env::var("PLIMSOLL_REQUIRE").as_deref() != Ok("1"), "{reason}");
    println!("skipped: {reason}");
}

/// The virtual reader's driver, when everything else is there as well; what is missing otherwise.
fn driver() -> Result<PathBuf, String> {
    let install = "scripts/install.sh test installs it";
    if !Path::new(DAEMON).is_file() {
        return Err(format!("no {DAEMON}; {install}"));
    }
    let Ok(configuration) = File::open(DRIVER_CONFIGURATION) else {
        return Err(format!("no {DRIVER_CONFIGURATION} (package vsmartcard-vpcd); {install}"));
    };
    let library = BufReader::new(configuration).lines().map_while(Result::ok).find_map(|line| {
        let path = line.strip_prefix("LIBPATH")?.trim();
        Some(PathBuf::from(path))
    });
    let library = library
        .filter(|path| path.is_file())
        .ok_or_else(|| format!("{DRIVER_CONFIGURATION} names no driver that is there; {install}"))?;
    // Whoever may make a mount namespace can start the daemon: root, and nobody else in most places.
    let able = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
    if able.is_ok_and(|status| status.success()) {
        Ok(library)
    } else {
        Err("a daemon of PC/SC for tests needs root (a mount namespace)".to_owned())
    }
}

/// Two ports in a row that are free, below those that the system gives to outgoing connections; and the lock that keeps
/// them for us.
fn ports() -> io::Result<(u16, File)> {
    let folder = std::env::temp_dir().join("virtual-card-ports");
    fs::create_dir_all(&folder)?;
    for port in (20_000..32_000).step_by(2) {
        let lock = File::create(folder.join(port.to_string()))?;
        let free = || [port, port + 1].iter().all(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok());
        if lock.try_lock().is_ok() && free() {
            return Ok((port, lock));
        }
    }
    Err(io::Error::other("no two ports in a row are free between 20000 and 32000"))
}

/// Waits until the daemon takes connections and its reader waits for cards.
fn listens(socket: &Path, port: u16, process: &mut Child) -> bool {
    let start = Instant::now();
    let taken = || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port + 1)).is_err();
    while start.elapsed() < PATIENCE {
        if UnixStream::connect(socket).is_ok() && taken() {
            return true;
        }
        if process.try_wait().is_ok_and(|status| status.is_some()) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
