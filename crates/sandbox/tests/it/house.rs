//! What the tests need: a broker over a data folder of its own, layers, and a way to run something in them.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use sandbox::{
    Bind, Broker, BrokerError, Container, ContainerId, ContainerRequest, DiffId, Exit, Limits, Settings, Stdio,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// A broker with its data folder, which is deleted after it.
pub(crate) struct House {
    pub(crate) broker: Broker,
    pub(crate) data: TempDir,
    /// Where it has its running containers; the machine's own place but in tests that another broker would disturb.
    pub(crate) run: PathBuf,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Skips the test with a word, unless `PLIMSOLL_REQUIRE` says that nothing may be skipped.
pub(crate) fn can_run() -> bool {
    let missing = if !rustix::process::geteuid().is_root() {
        "not root"
    } else if !Path::new("/bin/busybox").exists() {
        "busybox-static is not installed"
    } else {
        return true;
    };
    assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "PLIMSOLL_REQUIRE is set, but: {missing}");
    eprintln!("skipped: {missing}");
    false
}

/// Gives user `plimsoll` its usual line where the machine has none yet, as the installation does.
fn ensure_subordinate_ids() {
    static LOCK: Mutex<()> = Mutex::new(());
    let _one_at_a_time = LOCK.lock().unwrap();
    for path in ["/etc/subuid", "/etc/subgid"] {
        let text = fs::read_to_string(path).unwrap_or_default();
        if !text.lines().any(|line| line.starts_with("plimsoll:")) {
            let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
            file.write_all(b"plimsoll:2000224256:147259392\n").unwrap();
        }
    }
}

/// The program that is tested.
pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_plimsoll-sandbox")
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with_binds(Vec::new())
    }

    /// As if the caller had named these files and folders.
    pub(crate) fn with_binds(binds: Vec<Bind>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let settings = Settings { binds, ..Settings::new(data.path()) };
        Self { broker: try_start(&settings).unwrap(), data, run: settings.run }
    }

    /// With running containers that no other broker sweeps up after.
    pub(crate) fn alone() -> Self {
        let data = tempfile::tempdir().unwrap();
        let run = Path::new("/run").join(format!("plimsoll-test-{}", unique_id()));
        let broker = try_start(&Settings { run: run.clone(), ..Settings::new(data.path()) }).unwrap();
        Self { broker, data, run }
    }

    /// The next start over the same folders, after the broker has ended.
    pub(crate) fn again(self) -> Self {
        let Self { broker, data, run } = self;
        drop(broker);
        let broker = try_start(&Settings { run: run.clone(), ..Settings::new(data.path()) }).unwrap();
        Self { broker, data, run }
    }

    /// Keeps a layer; its name is the digest of its tar, as everywhere.
    pub(crate) fn keep(&self, tar: &[u8]) -> Result<DiffId, BrokerError> {
        let name = diff_id(tar);
        let mut unpacking = self.broker.unpack(&name)?;
        if unpacking.write_all(tar).is_err() {
            return Err(unpacking.failure());
        }
        unpacking.keep().map(|_| name)
    }

    /// The folder of a kept layer.
    pub(crate) fn layer(&self, name: &DiffId) -> std::path::PathBuf {
        self.data.path().join("sandbox/layers").join(name.folder())
    }

    /// A container of busybox and further layers that runs a line of shell.
    pub(crate) fn request(&self, above: &[DiffId], line: &str) -> ContainerRequest {
        let mut layers = vec![self.keep(&BUSYBOX).unwrap()];
        layers.extend_from_slice(above);
        ContainerRequest {
            id: unique_id(),
            name: None,
            hostname: "quay".into(),
            layers,
            args: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
            env: vec!["PATH=/bin".into()],
            cwd: "/".into(),
            user: String::new(),
            binds: Vec::new(),
            terminal: None,
            open_stdin: false,
            remove: true,
            limits: Limits::default(),
        }
    }

    /// Runs a line of shell to its end.
    pub(crate) fn run(&self, above: &[DiffId], line: &str) -> Outcome {
        self.run_request(&self.request(above, line)).unwrap()
    }

    pub(crate) fn run_request(&self, request: &ContainerRequest) -> Result<Outcome, BrokerError> {
        let mut container = self.broker.create(request)?;
        container.start()?;
        Ok(finish(&mut container))
    }
}

pub(crate) fn start(data: &Path) -> Broker {
    try_start(&Settings::new(data)).unwrap()
}

pub(crate) fn try_start(settings: &Settings) -> Result<Broker, BrokerError> {
    ensure_subordinate_ids();
    Broker::start_program(Path::new(program()), settings)
}

/// Reads everything, then waits.
pub(crate) fn finish(container: &mut Container) -> Outcome {
    let Some(Stdio::Pipes { stdin, mut stdout, mut stderr }) = container.take_stdio() else { panic!("no pipes") };
    drop(stdin);
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    Outcome { exit: container.wait().unwrap(), stdout: text, stderr: errors.join().unwrap() }
}

pub(crate) fn bind(source: &Path, destination: &str, read_only: bool) -> Bind {
    Bind { source: source.to_owned(), destination: destination.into(), read_only }
}

pub(crate) fn diff_id(tar: &[u8]) -> DiffId {
    format!("sha256:{}", hex::encode(Sha256::digest(tar))).parse().unwrap()
}

pub(crate) fn unique_id() -> ContainerId {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    hex::encode(bytes).parse().unwrap()
}

/// A layer with busybox and what a shell expects.
pub(crate) static BUSYBOX: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut tar = Tar::default();
    for folder in ["", "bin", "etc", "tmp", "root"] {
        tar.folder(folder, if folder == "tmp" { 0o1777 } else { 0o755 });
    }
    tar.file("bin/busybox", 0o755, &fs::read("/bin/busybox").unwrap());
    for name in [
        "sh", "id", "cat", "ls", "stat", "true", "mkdir", "rm", "mount", "touch", "chmod", "sleep", "stty", "hostname",
        "ln", "mv", "chown", "find", "kill", "ip", "mknod", "unshare", "head", "wc", "dd", "readlink",
    ] {
        tar.symlink(&format!("bin/{name}"), "busybox");
    }
    tar.file("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001::/home/alice:/bin/sh\n");
    tar.file("etc/group", 0o644, b"root:x:0:\nalice:x:1001:\ncrew:x:1002:bob,alice\n");
    tar.finish()
});

/// A tar that is written by hand, so that hostile names get into it as they are.
#[derive(Default)]
pub(crate) struct Tar(Vec<u8>);

impl Tar {
    pub(crate) fn folder(&mut self, path: &str, mode: u32) -> &mut Self {
        self.member(path, b'5', mode, "", b"", (0, 0))
    }

    pub(crate) fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> &mut Self {
        self.member(path, b'0', mode, "", content, (0, 0))
    }

    pub(crate) fn symlink(&mut self, path: &str, target: &str) -> &mut Self {
        self.member(path, b'2', 0o777, target, b"", (0, 0))
    }

    pub(crate) fn hard_link(&mut self, path: &str, target: &str) -> &mut Self {
        self.member(path, b'1', 0o644, target, b"", (0, 0))
    }

    /// An extended attribute of the next member.
    pub(crate) fn attribute(&mut self, name: &str, value: &str) -> &mut Self {
        self.pax(&[(&format!("SCHILY.xattr.{name}"), value)])
    }

    /// An extended header of the next member.
    pub(crate) fn pax(&mut self, records: &[(&str, &str)]) -> &mut Self {
        use std::fmt::Write as _;
        let mut all = String::new();
        for (name, value) in records {
            let body = format!("{name}={value}\n");
            let mut length = body.len() + 2;
            while format!("{length} {body}").len() != length {
                length += 1;
            }
            write!(all, "{length} {body}").unwrap();
        }
        self.member("pax", b'x', 0o644, "", all.as_bytes(), (0, 0))
    }

    pub(crate) fn member(
        &mut self,
        path: &str,
        kind: u8,
        mode: u32,
        target: &str,
        content: &[u8],
        (uid, gid): (u32, u32),
    ) -> &mut Self {
        let mut header = [0_u8; 512];
        let path = if path.is_empty() { "./" } else { path };
        header[..path.len()].copy_from_slice(path.as_bytes());
        let mut put = |at: usize, text: String| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(100, format!("{mode:07o}\0"));
        put(108, format!("{uid:07o}\0"));
        put(116, format!("{gid:07o}\0"));
        put(124, format!("{:011o}\0", content.len()));
        put(136, format!("{:011o}\0", 1_000_000_000));
        put(148, " ".repeat(8));
        put(156, char::from(kind).to_string());
        put(157, target.to_owned());
        put(257, "ustar\x0000".to_owned());
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&header);
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        std::mem::take(&mut self.0)
    }
}
