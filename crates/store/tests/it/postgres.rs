//! A PostgreSQL of our own: Debian's server, as an unprivileged user, on a unix socket in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::fixtures::skipped;

/// One server for all tests. Its shell waits for the end of its standard input, which comes when this process ends,
/// then stops the server and takes its folder away.
struct Server {
    folder: PathBuf,
    _shell: Child,
}

const SERVE: &str = r#"
"$1/initdb" --pgdata="$2/data" --username=plimsoll --auth=trust --no-sync >"$2/log" 2>&1 || { cat "$2/log" >&2; exit 1; }
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c shared_buffers=16MB -c max_connections=60 >>"$2/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$2"
"#;

/// The address of a new and empty database; `None` where there is no PostgreSQL.
pub(crate) fn new_database() -> Option<String> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(start).as_ref()?;
    let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    assert!(psql(&server.folder, &format!("CREATE DATABASE {name}")), "cannot create database {name}");
    Some(format!("postgres://plimsoll@localhost/{name}?host={}", server.folder.display()))
}

fn start() -> Option<Server> {
    let Some(programs) = programs() else {
        skipped("no PostgreSQL under /usr/lib/postgresql");
        return None;
    };
    let folder = tempfile::Builder::new().prefix("plimsoll-postgres-").tempdir().unwrap().keep();
    // PostgreSQL does not run as root.
    let mut command = if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("postgres").unwrap().expect("Debian's postgresql makes the user");
        std::os::unix::fs::chown(&folder, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    command.args(["-c", SERVE, "serve"]).arg(programs).arg(&folder).current_dir("/").stdin(Stdio::piped());
    let mut shell = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(2);
    while !psql(&folder, "SELECT 1") {
        assert!(shell.try_wait().unwrap().is_none(), "PostgreSQL did not start");
        assert!(Instant::now() < deadline, "PostgreSQL does not answer in {}", folder.display());
        std::thread::sleep(Duration::from_millis(100));
    }
    Some(Server { folder, _shell: shell })
}

fn psql(folder: &Path, sql: &str) -> bool {
    Command::new("psql")
        .args(["-q", "-X", "-U", "plimsoll", "-d", "postgres", "-c", sql, "-h"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders: Vec<PathBuf> = versions.flatten().map(|entry| entry.path().join("bin")).collect();
    folders.retain(|folder| folder.join("initdb").exists());
    folders.pop()
}
