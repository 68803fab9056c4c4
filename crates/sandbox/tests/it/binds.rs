//! Files of the host in a container: the calling user's rights, and never more.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use sandbox::Exit;

use crate::house::{House, bind, can_run};

/// A user who is not in any database of the machine.
const ALICE: u32 = 41_000;

/// Runs this test program again as if `sudo` had been called by [`ALICE`], and says whether it is that run.
fn as_alice(test: &str) -> bool {
    if std::env::var_os("SUDO_UID").is_some() {
        return true;
    }
    let id = ALICE.to_string();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .envs([("SUDO_UID", &id), ("SUDO_GID", &id)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    false
}

/// A folder that anyone can pass through, with a file of root's and a folder of the caller's.
fn shared() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let work = place.path().join("work");
    fs::create_dir(&work).unwrap();
    fs::write(work.join("roots"), "root's").unwrap();
    fs::set_permissions(work.join("roots"), PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(work.join("mine"), "mine").unwrap();
    for path in [work.clone(), work.join("mine")] {
        chown(path, Some(ALICE), Some(ALICE)).unwrap();
    }
    place
}

#[test]
fn the_containers_root_acts_as_the_caller() {
    if !can_run() || !as_alice("binds::the_containers_root_acts_as_the_caller") {
        return;
    }
    let place = shared();
    let work = place.path().join("work");
    let binds = vec![bind(&work, "/work", false)];
    let house = House::with_binds(binds.clone());
    let line = "cat /work/mine; echo new > /work/made; stat -c '%u %g' /work/made /work/mine /work/roots; \
        cat /work/roots; chown 5 /work/made; chmod 4755 /work/made; stat -c %a /work/made; mknod /work/disk b 8 0";
    let mut request = house.request(&[], line);
    request.binds = binds;
    let outcome = house.run_request(&request).unwrap();
    assert_eq!(outcome.stdout, "mine0 0\n0 0\n65534 65534\n644\n", "{outcome:?}");
    let made = fs::metadata(work.join("made")).unwrap();
    assert_eq!((made.uid(), made.gid(), made.mode() & 0o7777), (ALICE, ALICE, 0o644));
    assert!(!work.join("disk").exists());
}

#[test]
fn what_the_caller_may_not_reach_is_not_mounted() {
    if !can_run() || !as_alice("binds::what_the_caller_may_not_reach_is_not_mounted") {
        return;
    }
    let place = shared();
    let closed = place.path().join("closed");
    fs::create_dir_all(closed.join("inner")).unwrap();
    fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
    let binds = vec![bind(&closed.join("inner"), "/inner", false)];
    let house = House::with_binds(binds.clone());
    let mut request = house.request(&[], "true");
    request.binds = binds;
    let error = house.run_request(&request).unwrap_err().to_string();
    assert!(error.contains("may not reach it"), "{error}");
}

#[test]
fn a_read_only_bind_cannot_be_written_nor_made_writable() {
    if !can_run() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("file"), "old").unwrap();
    let binds = vec![bind(place.path(), "/work", true), bind(&place.path().join("file"), "/etc/one-file", true)];
    let house = House::with_binds(binds.clone());
    let mut request =
        house.request(&[], "echo new > /work/file; mount -o remount,rw /work; touch /work/x; cat /work/file");
    request.binds = binds;
    let outcome = house.run_request(&request).unwrap();
    assert_eq!(
        (outcome.stdout.as_str(), fs::read_to_string(place.path().join("file")).unwrap().as_str()),
        ("old", "old")
    );
    assert!(!place.path().join("x").exists());
}

#[test]
fn the_machine_itself_is_given_to_no_container() {
    if !can_run() {
        return;
    }
    let links = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/", links.path().join("root")).unwrap();
    std::os::unix::fs::symlink("/proc", links.path().join("proc")).unwrap();
    std::os::unix::fs::symlink("/proc/self/root", links.path().join("magic")).unwrap();
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let sources = [
        "/".into(),
        "/proc".into(),
        "/proc/self/root".into(),
        "/sys/fs/cgroup".into(),
        "/dev".into(),
        "/dev/null".into(),
        "/run".into(),
        "/run/plimsoll".into(),
        "/tmp/../".into(),
        links.path().join("root"),
        links.path().join("proc"),
        links.path().join("magic"),
        data.to_owned(),
        data.join("sandbox/layers"),
        data.parent().unwrap().to_owned(),
    ];
    let destinations = ["/", "/proc", "/proc/1", "/sys/kernel", "/dev", "/tmp/../proc"];
    let binds: Vec<_> = sources
        .iter()
        .map(|source| bind(source, "/host", false))
        .chain(destinations.iter().map(|destination| bind(links.path(), destination, false)))
        .collect();
    // Over the data folder that is asked for, and all of it named by the caller.
    let settings = sandbox::Settings { binds: binds.clone(), ..sandbox::Settings::new(data) };
    let broker = crate::house::try_start(&settings).unwrap();
    let other = House::new();
    let mut request = other.request(&[], "true");
    let mut unpacking = broker.unpack(&request.layers[0]).unwrap();
    std::io::Write::write_all(&mut unpacking, &crate::house::BUSYBOX).unwrap();
    unpacking.keep().unwrap();
    for bind in binds {
        request.binds = vec![bind];
        let error = broker.create(&request).unwrap_err();
        assert_eq!(error.exit_code(), 125, "{:?}", request.binds);
    }
    request.binds = Vec::new();
    broker.create(&request).unwrap().give_up();
}

#[test]
fn the_daemon_cannot_ask_for_more_than_the_caller_named() {
    if !can_run() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let named = bind(place.path(), "/work", true);
    let house = House::with_binds(vec![named.clone()]);
    let mut request = house.request(&[], "true");
    for bind in
        [bind(place.path(), "/work", false), bind(place.path(), "/bin", true), bind(Path::new("/home"), "/work", true)]
    {
        request.binds = vec![bind];
        let error = house.broker.create(&request).unwrap_err().to_string();
        assert!(error.contains("was not named by the caller"), "{error}");
    }
    request.binds = vec![named];
    assert_eq!(house.run_request(&request).unwrap().exit, Exit::Code(0));
}

#[test]
fn a_destination_that_is_a_link_stays_in_the_container() {
    if !can_run() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let binds = vec![bind(place.path(), "/work/plimsoll", false)];
    let house = House::with_binds(binds.clone());
    let tar = crate::house::Tar::default().symlink("work", "../../../../../../../../etc").finish();
    let layer = house.keep(&tar).unwrap();
    let mut request = house.request(&[layer], "touch /work/here");
    request.binds = binds;
    assert_eq!(house.run_request(&request).unwrap().exit, Exit::Code(0));
    assert!(!Path::new("/etc/plimsoll/here").exists() && !Path::new("/etc/here").exists());
}

#[test]
fn an_image_cannot_lead_a_bind_to_what_the_runtime_makes() {
    if !can_run() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::set_permissions(outside.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    std::os::unix::fs::symlink(outside.path(), place.path().join("dev")).unwrap();
    let binds: Vec<_> = ["/work", "/work/dev", "/work/sys/inner"].map(|at| bind(place.path(), at, false)).to_vec();
    let house = House::with_binds(binds.clone());
    for (target, bind) in [("/", 0), ("dev", 0), ("../proc", 0), ("/", 1), ("tmp/..", 1), ("/", 2), ("/nowhere", 0)] {
        let layer = house.keep(&crate::house::Tar::default().symlink("work", target).finish()).unwrap();
        let mut request = house.request(&[layer], "true");
        request.binds = vec![binds[bind].clone()];
        let error = house.run_request(&request).unwrap_err().to_string();
        assert!(error.contains("cannot mount at /work"), "{target}: {error}");
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn a_bind_in_a_users_own_folder_is_mounted() {
    if !can_run() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let binds = vec![bind(place.path(), "/home/alice/.cache/new", false)];
    let house = House::with_binds(binds.clone());
    let tar = crate::house::Tar::default().member("home/alice", b'5', 0o700, "", b"", (1000, 1001)).finish();
    let layer = house.keep(&tar).unwrap();
    let mut request = house.request(&[layer], "touch /home/alice/.cache/new/here");
    request.binds = binds;
    assert_eq!(house.run_request(&request).unwrap().exit, Exit::Code(0));
    assert!(place.path().join("here").exists());
}
