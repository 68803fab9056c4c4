//! Who holds which privilege while the server works: read from the running processes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::command::{command, succeed};
use crate::container::Container;
use crate::debian::Base;
use crate::layout::Layout;
use crate::machine;
use crate::pipeline::work;
use crate::processes::{Process, internet_sockets, uid_of};
use crate::server::Server;

const PROGRAMS: [&str; 5] = ["skopeo", "umoci", "mmdebstrap", "curl", "tar"];

/// What belongs to whoever speaks HTTP or parses.
fn assert_unprivileged(process: &Process, user: u32) {
    let shown = format!("{} ({})", process.pid, process.arguments);
    assert_eq!(process.uids(), [user; 4], "{shown}: real, effective, saved and file system uid");
    assert_eq!(process.capabilities(), [0; 4], "{shown}: permitted, effective, inheritable, ambient capabilities");
    assert_eq!(process.field("NoNewPrivs"), "1", "{shown}: could gain privileges by executing a program");
}

#[test]
fn whoever_speaks_http_or_parses_layers_has_no_privilege() {
    if !machine::able(&PROGRAMS) {
        return;
    }
    let work = work();
    let base = Base::made(work.path());
    let image = Layout::of(&work.path().join("image"), &[&base.tar]);
    let server = Server::start(work.path());
    let user = uid_of("plimsoll");

    let pushing = {
        let reference = server.reference("team/debian:1.0");
        std::thread::spawn(move || image.push(&reference))
    };
    let mut workers = 0;
    while !pushing.is_finished() {
        let internet = internet_sockets();
        for process in Process::family(server.pid()) {
            let online = process.sockets().iter().any(|socket| internet.contains(socket));
            assert_unprivileged(&process, user);
            if process.arguments.split(' ').nth(1) == Some("worker") && process.field("Seccomp") == "2" {
                workers += 1;
                assert!(!online, "a worker has a socket of the internet: {process:?}");
            }
        }
    }
    pushing.join().expect("the push");
    assert!(workers > 0, "no worker under a filter of system calls was seen while a layer was pushed");

    let serving = Process::family(server.pid());
    assert!(serving.iter().any(|process| process.pid == server.pid()), "the server is gone:\n{}", server.said());
}

#[test]
fn who_runs_a_container_has_no_privilege_and_who_has_privileges_has_no_network() {
    if !machine::able(&PROGRAMS) {
        return;
    }
    let work = work();
    let base = Base::made(work.path());
    let server = Server::start(work.path());
    let reference = server.reference("team/debian:1.0");
    Layout::of(&work.path().join("image"), &[&base.tar]).push(&reference);
    let container = Container::start(&server, &[], &reference, "true");
    let family = Process::family(container.pid());
    let internet = internet_sockets();
    container.kill();

    let user = uid_of("plimsoll");
    let client = family.first().expect("plimsoll run");
    assert_unprivileged(client, user);
    let privileged: Vec<&Process> = family.iter().filter(|process| process.uids()[1] == 0).collect();
    assert!(!privileged.is_empty(), "no broker was seen: {family:#?}");
    for process in privileged {
        assert!(process.arguments.contains("plimsoll-sandbox"), "root, and not the sandbox's: {process:?}");
        let online = process.sockets().iter().any(|socket| internet.contains(socket));
        assert!(!online, "root, with a socket of the internet: {process:?}");
    }
    for shim in family.iter().filter(|process| process.arguments.ends_with(" shim")) {
        assert_eq!(shim.field("Threads"), "1", "{shim:?}");
    }
}

#[test]
fn verbs_by_root_beside_a_running_server_leave_no_file_that_it_cannot_write() {
    if !machine::able(&PROGRAMS) {
        return;
    }
    let work = work();
    let base = Base::made(work.path());
    let server = Server::start(work.path());
    let advisories = work.path().join("advisories");
    crate::advisories::record(&advisories, "TEST-1", &base.ecosystem, "bash", "0", None);
    let import = server.ask(&["db", "import", &advisories.display().to_string()]);
    assert_eq!(import.code, Some(0), "{}", import.said());
    let reference = server.reference("team/debian:1.0");
    Layout::of(&work.path().join("image"), &[&base.tar]).push(&reference);
    let scan = server.ask(&["scan", "--offline", "--format", "json", &reference]);
    assert_eq!(scan.code, Some(0), "{}", scan.said());

    let user = uid_of("plimsoll");
    assert_owned(server.data(), user);
}

/// Every file and folder below belongs to `user`.
fn assert_owned(path: &Path, user: u32) {
    let about = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(about.uid(), user, "the owner of {}", path.display());
    if about.is_dir() {
        for entry in fs::read_dir(path).expect("a folder of the data folder") {
            assert_owned(&entry.expect("an entry of it").path(), user);
        }
    }
}

#[test]
fn a_scan_by_root_parses_as_the_owner_of_the_data_folder() {
    if !machine::able(&PROGRAMS) {
        return;
    }
    let work = work();
    let base = Base::made(work.path());
    let folder = work.path().join("image");
    let _image = Layout::of(&folder, &[&base.tar]);
    let data = work.path().join("data");
    let advisories = work.path().join("advisories");
    crate::advisories::record(&advisories, "TEST-1", &base.ecosystem, "bash", "0", None);
    let mut import = command(machine::plimsoll(), ["db", "import"]);
    import.arg(&advisories).env("PLIMSOLL_DATA", &data);
    succeed(import);
    let mut scan = command(machine::plimsoll(), ["scan", "--offline", "--format", "json"]);
    scan.arg(format!("oci:{}:1.0", folder.display())).env("PLIMSOLL_DATA", &data);
    let mut scan = scan.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().expect("plimsoll scan");

    let user = uid_of("plimsoll");
    let (mut parsing, mut sealed) = (0, 0);
    while scan.try_wait().expect("the scan's state").is_none() {
        for process in Process::family(scan.id()) {
            // It gives root up before it opens the image; the worker exists only after that.
            if process.arguments.split(' ').nth(1) == Some("worker") {
                assert_unprivileged(&process, user);
                parsing += 1;
                sealed += u32::from(process.field("Seccomp") == "2");
            }
        }
    }
    assert!(parsing > 0 && sealed > 0, "no worker was seen: {parsing}, sealed {sealed}");
    succeed(command("test", ["-d", &data.display().to_string()]));
    assert_owned(&data, user);
}
