//! What a container is from inside and from outside.

use std::fs;

use sandbox::Exit;

use crate::house::{House, can_run, finish};

#[test]
fn a_process_is_root_inside_and_an_unprivileged_user_outside() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let request = house.request(&[], "id -u; cat /proc/self/uid_map; cat /proc/self/status; hostname; cat /etc/hosts");
    let mut container = house.broker.create(&request).unwrap();
    let outside = fs::read_to_string(format!("/proc/{}/status", container.pid())).unwrap();
    let first = container.range().first;
    assert!(outside.contains(&format!("Uid:\t{first}\t{first}\t{first}\t{first}")), "{outside}");
    container.start().unwrap();
    let outcome = finish(&mut container);
    assert_eq!(outcome.exit, Exit::Code(0), "{outcome:?}");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[0], "0");
    let map: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(map, ["0", &first.to_string(), "65536"]);
    assert!(outcome.stdout.contains("Seccomp:\t2"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("NoNewPrivs:\t1"));
    assert!(outcome.stdout.contains("quay"));
}
