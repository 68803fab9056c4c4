//! Who a container's process is, by the image's own files.

use crate::house::{House, Tar, can_run};

#[test]
fn names_and_numbers_are_looked_up_in_the_image() {
    if !can_run() {
        return;
    }
    let house = House::new();
    for (user, expected) in [
        ("", "0 0 0"),
        ("alice", "1000 1001 1001 1002"),
        ("1000", "1000 1001 1001 1002"),
        ("alice:crew", "1000 1002 1002"),
        ("4242", "4242 0 0"),
        ("4242:77", "4242 77 77"),
        (":crew", "0 1002 1002"),
    ] {
        let mut request =
            house.request(&[], "echo $(id -u) $(id -g) $(id -G); grep CapEff /proc/self/status; echo $HOME");
        request.user = user.into();
        let outcome = house.run_request(&request).unwrap();
        assert_eq!(outcome.stdout.lines().next(), Some(expected), "{user:?}: {outcome:?}");
        if user == "alice" {
            assert!(outcome.stdout.ends_with("/home/alice\n"), "{outcome:?}");
        }
    }
}

#[test]
fn a_user_who_is_not_root_has_no_capability() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let mut request = house.request(&[], "cat /proc/self/status");
    request.user = "alice".into();
    let outcome = house.run_request(&request).unwrap();
    assert!(outcome.stdout.contains("CapEff:\t0000000000000000"), "{outcome:?}");
}

#[test]
fn a_user_that_the_image_does_not_have_is_an_error_before_anything_runs() {
    if !can_run() {
        return;
    }
    let house = House::new();
    for user in ["bob", "alice:nobody", "70000"] {
        let mut request = house.request(&[], "true");
        request.user = user.into();
        let error = house.run_request(&request).unwrap_err();
        assert_eq!(error.exit_code(), 125);
        assert!(error.to_string().contains("/etc/"), "{error}");
    }
}

#[test]
fn an_images_passwd_that_is_no_file_is_not_waited_for() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let tar = Tar::default()
        .member("etc/passwd", b'6', 0o644, "", b"", (0, 0))
        .symlink("etc/group", "/proc/1/environ")
        .finish();
    let layer = house.keep(&tar).unwrap();
    // Without `id`, which would read the FIFO itself.
    let mut request =
        house.request(&[layer], "while read name id rest; do test $name = Uid: && echo $id; done < /proc/self/status");
    request.user = "7:8".into();
    let outcome = house.run_request(&request).unwrap();
    assert_eq!(outcome.stdout, "7\n", "{outcome:?}");
}
