//! What a container is from inside and from outside.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use sandbox::Exit;

use crate::house::{House, can_run, finish};

#[test]
fn a_process_is_root_inside_and_an_unprivileged_user_outside() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let request = house.request(&[], "id -u; cat /proc/self/uid_map; hostname; cat /etc/hosts");
    let mut container = house.broker.create(&request).unwrap();
    let outside = fs::read_to_string(format!("/proc/{}/status", container.pid())).unwrap();
    let first = container.range().first;
    assert!(first >= 2_000_224_256 + 65_536, "the store's own range is no container's");
    assert!(outside.contains(&format!("Uid:\t{first}\t{first}\t{first}\t{first}")), "{outside}");
    container.start().unwrap();
    let outcome = finish(&mut container);
    assert_eq!(outcome.exit, Exit::Code(0), "{outcome:?}");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[0], "0");
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["0", &first.to_string(), "65536"]);
    assert_eq!(lines[2], "quay");
    assert!(outcome.stdout.contains("127.0.0.1\tlocalhost quay"));
}

#[test]
fn seccomp_no_new_privileges_and_few_capabilities_hold_inside() {
    if !can_run() {
        return;
    }
    let outcome = House::new().run(&[], "cat /proc/self/status");
    let field = |name: &str| {
        let line = outcome.stdout.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(field("Seccomp:"), "2");
    assert_eq!(field("NoNewPrivs:"), "1");
    // chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, sys_chroot.
    let ten = "00000000000405fb";
    assert_eq!((field("CapEff:").as_str(), field("CapPrm:").as_str(), field("CapBnd:").as_str()), (ten, ten, ten));
    assert_eq!((field("CapInh:").as_str(), field("CapAmb:").as_str()), ("0000000000000000", "0000000000000000"));
}

#[test]
fn what_reaches_the_machine_is_refused_masked_or_read_only() {
    if !can_run() {
        return;
    }
    let house = House::new();
    for attack in [
        "mount -t tmpfs x /tmp",
        "unshare -U true",
        "unshare -m true",
        "mknod /tmp/disk b 8 0",
        "echo x > /proc/sys/kernel/core_pattern",
        "echo b > /proc/sysrq-trigger",
        "head -c 1 /proc/kcore | wc -c | { read n; test $n -gt 0; }",
        "head -c 1 /proc/keys | wc -c | { read n; test $n -gt 0; }",
        "ls /sys/firmware/* ",
        "mkdir /sys/fs/cgroup/x",
        "touch /sys/x",
        "kill -0 2",
        "ip link add dummy0 type dummy",
    ] {
        let outcome = house.run(&[], attack);
        assert_ne!(outcome.exit, Exit::Code(0), "{attack}: {outcome:?}");
    }
    // The control: the shell itself works, and so do the devices that programs need.
    let outcome = house.run(&[], "echo x > /dev/null && head -c 4 /dev/urandom | wc -c && touch /tmp/x /dev/shm/x");
    assert_eq!((outcome.exit, outcome.stdout.trim()), (Exit::Code(0), "4"), "{outcome:?}");
}

#[test]
fn a_container_has_loopback_and_no_other_network() {
    if !can_run() {
        return;
    }
    let outcome =
        House::new().run(&[], "ls /sys/class/net; ip addr show lo; cat /proc/sys/net/ipv4/ip_unprivileged_port_start");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[0], "lo");
    assert!(lines[1].contains("UP"), "{outcome:?}");
    assert_eq!(*lines.last().unwrap(), "0");
}

#[test]
fn two_running_containers_share_no_user_and_one_copy_of_the_layers() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let line = "echo mine > /mine; touch /bin/changed; sleep 60";
    let first = house.request(&[], line);
    let before = size_of_layers(&house);
    let second = house.request(&[], line);
    let one = house.broker.create(&first).unwrap();
    let two = house.broker.create(&second).unwrap();
    one.start().unwrap();
    two.start().unwrap();
    assert_ne!(one.range(), two.range());
    assert_eq!(size_of_layers(&house), before);
    // At rest nothing belongs to a container's range: what they wrote belongs to the store's.
    for request in [&first, &second] {
        let upper = house.data.path().join("sandbox/containers").join(request.id.as_str()).join("upper");
        let written = wait_for(&upper.join("bin/changed"));
        assert_eq!(written.uid(), 2_000_224_256);
    }
    assert_eq!(size_of_layers(&house), before);
}

/// Bytes on the disk, as `du` counts them.
fn size_of_layers(house: &House) -> String {
    let layers = house.data.path().join("sandbox/layers");
    let output = std::process::Command::new("du").arg("-s").arg(layers).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Waits for a file of a running container.
fn wait_for(path: &std::path::Path) -> fs::Metadata {
    for _ in 0..500 {
        if let Ok(found) = fs::symlink_metadata(path) {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{} did not come", path.display());
}

#[test]
fn a_limit_on_processes_holds() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let mut request = house.request(&[], "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; echo all");
    request.limits.pids = 6;
    let outcome = house.run_request(&request).unwrap();
    assert!(!outcome.stdout.contains("all"), "{outcome:?}");
}
