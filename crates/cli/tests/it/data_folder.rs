//! Where the data folder may be, and what is said where it cannot be used.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};

use crate::plimsoll::Home;

/// A user that owns nothing.
const NOBODY: u32 = 65534;

#[test]
fn a_data_folder_may_be_a_link_to_another_disk() {
    let home = Home::new();
    fs::create_dir(home.path("disk")).unwrap();
    symlink(home.path("disk"), home.path("data")).unwrap();
    let ended = home.run(&["db", "status"]).with(2);
    assert!(ended.stderr.contains("no advisory index at"), "{}", ended.stderr);
    if rustix::process::geteuid().is_root() {
        lchown(home.path("data"), Some(NOBODY), Some(NOBODY)).unwrap();
        let ended = home.run(&["db", "status"]).with(2);
        assert!(ended.stderr.contains("is a symbolic link of user 65534"), "{}", ended.stderr);
    }
}

#[test]
fn a_data_folder_that_its_owner_cannot_reach_is_an_error_that_says_so() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = Home::new();
    fs::create_dir_all(home.path("closed/data")).unwrap();
    fs::set_permissions(home.path("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    chown(home.path("closed/data"), Some(NOBODY), Some(NOBODY)).unwrap();
    let data = home.path("closed/data");
    let ended = home.run(&["--data", data.to_str().unwrap(), "db", "status"]).with(2);
    assert!(ended.stderr.contains("cannot be reached as user 65534"), "{}", ended.stderr);
}
