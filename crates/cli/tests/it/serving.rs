//! `plimsoll up`: one server a folder, gone when told to.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

pub(crate) struct Up {
    process: Child,
    pub(crate) address: String,
    _folder: tempfile::TempDir,
    data: PathBuf,
}

impl Up {
    /// A server on a port of its own. Started as root it becomes the folder's owner: nobody.
    fn start() -> Self {
        // Nobody reads on: the server must not stop for that.
        let (up, told) = Self::told(&[], &[]);
        drop(told);
        up
    }

    /// The same with more arguments.
    pub(crate) fn unheard(arguments: &[&str]) -> Self {
        Self::told(arguments, &[]).0
    }

    /// The same with more arguments and variables.
    pub(crate) fn with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (up, mut told) = Self::told(arguments, variables);
        std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        up
    }

    fn told(arguments: &[&str], variables: &[(&str, &str)]) -> (Self, BufReader<ChildStderr>) {
        let (folder, data) = own_folder();
        let mut command = plimsoll(&data);
        command.args(["up", "--listen", "127.0.0.1:0"]).args(arguments).envs(variables.iter().copied());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut told = BufReader::new(process.stderr.take().unwrap());
        while !line.starts_with("plimsoll serves") {
            line.clear();
            assert!(told.read_line(&mut line).unwrap() > 0, "it ended before it served");
        }
        let address = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        (Self { process, address, _folder: folder, data }, told)
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        write!(connection, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    fn end(&mut self, signal: &str) -> Option<i32> {
        let sent = Command::new("kill").arg(signal).arg(self.process.id().to_string()).status().unwrap();
        assert!(sent.success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A data folder of its own: nobody's, where root will give itself up to them.
fn own_folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&data, Some(65534), Some(65534)).unwrap();
    }
    (folder, data)
}

fn plimsoll(data: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("--data").arg(data).env_remove("PLIMSOLL_DATA").current_dir("/");
    command.env("XDG_CONFIG_HOME", data.join("no-configuration"));
    command
}

#[test]
fn registry_and_pages_are_served_on_one_port_and_end_with_the_signal() {
    for signal in ["-INT", "-TERM"] {
        let mut up = Up::start();
        let registry = up.get("/v2/");
        assert!(registry.starts_with("HTTP/1.1 200 OK"), "{registry}");
        let pages = up.get("/");
        assert!(pages.starts_with("HTTP/1.1 200 OK") && pages.contains("<!doctype html>"), "{pages}");
        assert!(up.get("/nowhere").starts_with("HTTP/1.1 404"));
        assert_eq!(up.end(signal), Some(0), "{signal}");
    }
}

/// A server that runs for months without a statement is found out about too late.
#[test]
fn a_key_that_does_not_open_is_told_when_the_server_starts() {
    let keys = crate::plimsoll::Home::new();
    keys.run_with(&["key", "generate", "registry"], &[("PLIMSOLL_PASSPHRASE", "right")]).with(0);
    let (_folder, data) = own_folder();
    let mut up = plimsoll(&data);
    up.args(["up", "--listen", "127.0.0.1:0", "--state-with"]).arg(keys.path("work/registry.key"));
    let ended = up.env("PLIMSOLL_PASSPHRASE", "wrong").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("the registry's own key") && said.contains("does not open"), "{said}");
}

#[test]
fn a_second_server_on_the_folder_is_told_who_holds_it() {
    let up = Up::start();
    let second = plimsoll(&up.data).args(["up", "--listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(2), "{said}");
    let holder = format!("process {} at {}", up.process.id(), up.address);
    assert!(said.contains(&holder), "{said}");
    assert!(up.get("/v2/").starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn a_server_does_not_listen_beyond_loopback_unless_told_twice() {
    let up = Up::start();
    let folder = up.data.join("other");
    fs::create_dir(&folder).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&folder, Some(65534), Some(65534)).unwrap();
    }
    let open = plimsoll(&folder).args(["up", "--listen", "0.0.0.0:0"]).output().unwrap();
    let said = String::from_utf8_lossy(&open.stderr).into_owned();
    assert_eq!(open.status.code(), Some(2), "{said}");
    assert!(said.contains("--insecure-open"), "{said}");
}

#[test]
fn started_as_root_the_server_is_nobody_in_particular() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can give up root");
        return;
    }
    let up = Up::start();
    let status = fs::read_to_string(format!("/proc/{}/status", up.process.id())).unwrap();
    let line = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert_eq!(line("Uid:"), "Uid:\t65534\t65534\t65534\t65534");
    assert_eq!(line("CapEff:"), "CapEff:\t0000000000000000");
    assert_eq!(line("NoNewPrivs:"), "NoNewPrivs:\t1");
}

/// Lets everybody read a folder and what is in it: the server gives up its caller's rights.
pub(crate) fn open_to_all(folder: &std::path::Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    for file in fs::read_dir(folder).unwrap() {
        fs::set_permissions(file.unwrap().path(), fs::Permissions::from_mode(0o644)).unwrap();
    }
}
