//! A worker that was taken over can do nothing but answer.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::layers::{Layer, status};
use crate::support::{catalogue_program, output_of, skip, worker_program};

const SIGSYS: i32 = 31;

fn attempt(what: &str) -> ExitStatus {
    let mut command = Command::new(worker_program());
    command.arg(what).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap()
}

#[test]
fn a_sealed_worker_that_behaves_ends_well() {
    assert_eq!(attempt("read").code(), Some(0));
}

#[test]
fn a_sealed_worker_is_killed_for_opening_a_file() {
    assert_eq!(attempt("open").signal(), Some(SIGSYS));
    assert_eq!(attempt("create").signal(), Some(SIGSYS));
    assert_eq!(attempt("stat").signal(), Some(SIGSYS));
}

#[test]
fn a_sealed_worker_is_killed_for_making_a_socket() {
    assert_eq!(attempt("connect").signal(), Some(SIGSYS));
    assert_eq!(attempt("socket").signal(), Some(SIGSYS));
}

#[test]
fn a_sealed_worker_is_killed_for_starting_a_program_or_a_thread() {
    assert_eq!(attempt("exec").signal(), Some(SIGSYS));
    assert_eq!(attempt("thread").signal(), Some(SIGSYS));
}

#[test]
fn a_sealed_worker_gets_no_more_memory_than_its_limit() {
    assert_eq!(attempt("memory").code(), Some(1));
}

#[test]
fn a_sealed_worker_that_gives_up_says_so_by_its_signal() {
    assert_eq!(attempt("abort").signal(), Some(6));
}

/// A worker that waits for its first request.
fn waiting(program: &Path, user: Option<u32>) -> Child {
    let mut command = Command::new(program);
    command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    let mut child = command.spawn().unwrap();
    // Its first words: it is sealed now.
    let mut first = [0; 4];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    child
}

fn field(status: &str, name: &str) -> String {
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_once(':').unwrap().1.trim().to_owned()
}

fn assert_sealed(child: &mut Child) {
    let folder = format!("/proc/{}", child.id());
    let status = fs::read_to_string(format!("{folder}/status")).unwrap();
    assert_eq!(field(&status, "Seccomp"), "2");
    assert_eq!(field(&status, "NoNewPrivs"), "1");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(field(&status, set), "0000000000000000", "{set}");
    }
    assert_eq!(field(&status, "Threads"), "1");
    let limits = fs::read_to_string(format!("{folder}/limits")).unwrap();
    for limit in ["Max core file size", "Max open files", "Max file size", "Max processes"] {
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap();
        assert_eq!(line[limit.len()..].split_whitespace().next(), Some("0"), "{line}");
    }
    // Root sees the descriptors of any process; others not even of their own one that may not be dumped.
    if let Ok(open) = fs::read_dir(format!("{folder}/fd")) {
        let mut targets: Vec<_> = open.map(|entry| fs::read_link(entry.unwrap().path()).unwrap()).collect();
        targets.sort();
        assert!(targets.iter().all(|target| target.to_str().unwrap().starts_with("pipe:")), "{targets:?}");
        assert_eq!(targets.len(), 2);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_worker_has_sealed_itself_before_its_first_word() {
    assert_sealed(&mut waiting(worker_program(), None));
}

#[test]
fn a_worker_seals_itself_for_any_user() {
    if !rustix::process::geteuid().is_root() {
        return skip("starting a process as another user needs root");
    }
    let (_folder, program) = for_everybody(worker_program());
    assert_sealed(&mut waiting(&program, Some(65534)));
}

/// A copy of a program where any user may start it.
fn for_everybody(program: &Path) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::Builder::new().prefix("inventory").tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("program");
    // By another program: a child that some other test forks at this moment would hold the copy open for writing, and
    // then it cannot be executed.
    assert!(Command::new("cp").args([program, &copy]).status().unwrap().success());
    (folder, copy)
}

#[test]
fn a_process_that_gave_up_root_and_hides_its_memory_can_start_a_worker() {
    if !rustix::process::geteuid().is_root() {
        return skip("becoming another user needs root");
    }
    let (folder, program) = for_everybody(&catalogue_program());
    let layer = folder.path().join("layer.tar");
    fs::write(&layer, Layer::new().file("var/lib/dpkg/status", status([("a", "1")])).tar()).unwrap();
    let mut scan = Command::new("setpriv");
    scan.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]).arg(program).arg(layer);
    let said = output_of(&mut scan);
    assert!(said.starts_with("0 pkg:deb/a@1?arch=amd64 /var/lib/dpkg/status"), "{said}");
}

#[test]
fn a_worker_is_sealed_in_a_container_without_capabilities() {
    if !rustix::process::geteuid().is_root() {
        return skip("dropping capabilities from root needs root");
    }
    // Root by number, nothing else: what a container without --privileged and with --cap-drop=ALL is.
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(worker_program()).arg("read");
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(0));
}
