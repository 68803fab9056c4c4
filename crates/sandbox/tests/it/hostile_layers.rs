//! Tars that were made to get out.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::house::{House, Tar, can_run};

/// Unpacks a tar and gives what is in the folder of the layer, or the error's text.
fn unpack(house: &House, tar: &[u8]) -> Result<Vec<String>, String> {
    let layer = house.keep(tar).map_err(|error| error.to_string())?;
    let mut names: Vec<String> = Vec::new();
    let folder = house.layer(&layer);
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            names.push(entry.path().strip_prefix(&folder).unwrap().to_string_lossy().into_owned());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    names.sort();
    Ok(names)
}

#[test]
fn paths_with_dots_and_absolute_paths_stay_inside() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let outside = tempfile::tempdir().unwrap();
    let absolute = outside.path().join("written").to_string_lossy().into_owned();
    let tar = Tar::default()
        .file("../../../../../../tmp/plimsoll-escape-1", 0o644, b"x")
        .file("a/../../../b", 0o644, b"x")
        .file(&absolute, 0o644, b"x")
        .finish();
    let names = unpack(&house, &tar).unwrap();
    assert!(names.contains(&"tmp/plimsoll-escape-1".to_owned()) && names.contains(&"b".to_owned()), "{names:?}");
    assert!(!std::path::Path::new("/tmp/plimsoll-escape-1").exists());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn symbolic_links_lead_nowhere_outside() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().to_string_lossy().into_owned();
    std::fs::set_permissions(outside.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let tar = Tar::default()
        .symlink("absolute", &target)
        .file("absolute/written", 0o644, b"x")
        .symlink("up", "../../../../../../../../../../../../../tmp")
        .file("up/plimsoll-escape-2", 0o644, b"x")
        .symlink("magic", "/proc/self/root")
        .file("magic/plimsoll-escape-3", 0o644, b"x")
        // The last part is a link: replaced, not followed.
        .symlink("last", &format!("{target}/last"))
        .file("last", 0o644, b"x")
        .symlink("hidden", &target)
        .file("hidden/.wh..wh..opq", 0, b"")
        .file("hidden/.wh.written", 0, b"")
        .finish();
    let names = unpack(&house, &tar).unwrap();
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(!std::path::Path::new("/tmp/plimsoll-escape-2").exists());
    assert!(!std::path::Path::new("/plimsoll-escape-3").exists());
    assert!(names.contains(&"tmp/plimsoll-escape-2".to_owned()), "{names:?}");
}

#[test]
fn hard_links_to_what_is_outside_are_refused() {
    if !can_run() {
        return;
    }
    let house = House::new();
    for target in ["/etc/passwd", "../../../../../etc/passwd", "missing"] {
        let error = unpack(&house, Tar::default().hard_link("stolen", target).finish().as_slice()).unwrap_err();
        assert!(error.contains("hard link to") && error.contains("stolen"), "{error}");
    }
    let through_link = Tar::default().symlink("etc", "/etc").hard_link("stolen", "etc/passwd").finish();
    assert!(unpack(&house, &through_link).is_err());
}

#[test]
fn attributes_that_speak_to_overlayfs_or_the_host_are_left_out() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let tar = Tar::default()
        .attribute("user.overlay.redirect", "/secret")
        .folder("a", 0o755)
        .attribute("user.overlay.opaque", "y")
        .folder("b", 0o755)
        .attribute("trusted.overlay.opaque", "y")
        .folder("c", 0o755)
        .attribute("security.selinux", "x")
        .folder("d", 0o755)
        .finish();
    let layer = house.keep(&tar).unwrap();
    for name in ["a", "b", "c", "d"] {
        let mut list = [0_u8; 1024];
        let length = rustix::fs::listxattr(house.layer(&layer).join(name), &mut list).unwrap();
        let list = String::from_utf8_lossy(&list[..length]).into_owned();
        assert!(!list.contains("overlay"), "{name}: {list}");
    }
}

#[test]
fn a_device_of_number_zero_is_no_way_to_delete_a_file() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let below = house.keep(&Tar::default().file("kept", 0o644, b"kept").finish()).unwrap();
    let above = house.keep(&Tar::default().member("kept", b'3', 0o644, "", b"", (0, 0)).finish()).unwrap();
    assert_eq!(house.run(&[below, above], "cat /kept").stdout, "kept");
}

#[test]
fn damaged_and_impossible_tars_are_errors_that_name_the_member() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let mut cut = Tar::default().file("file", 0o644, &[7; 4000]).finish();
    cut.truncate(2000);
    let mut changed = Tar::default().file("file", 0o644, b"x").finish();
    changed[150] ^= 1;
    let owner = Tar::default().member("file", b'0', 0o644, "", b"x", (70_000, 0)).finish();
    let below_file = Tar::default().file("file", 0o644, b"x").file("file/below", 0o644, b"x").finish();
    let root = Tar::default().symlink(".", "/etc").finish();
    for (tar, words) in [
        (cut, "\"file\""),
        (changed, "damaged"),
        (owner, "65535"),
        (below_file, "\"file/below\""),
        (root, "root of the image"),
        (Tar::default().member("what", b'Z', 0o644, "", b"", (0, 0)).finish(), "kind 'Z'"),
    ] {
        let error = unpack(&house, &tar).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    // And nothing of them is left, while the broker goes on.
    assert!(house.keep(&Tar::default().file("fine", 0o644, b"x").finish()).is_ok());
    let incoming = house.data.path().join("sandbox/incoming");
    assert_eq!(fs::read_dir(incoming).unwrap().count(), 0);
}

#[test]
fn a_name_of_gigabytes_ends_only_the_child_that_reads_it() {
    if !can_run() {
        return;
    }
    let house = House::new();
    // A GNU long name of 2 GiB, as far as its header says.
    let mut tar = Tar::default().member("././@LongLink", b'L', 0o644, "", b"", (0, 0)).finish();
    tar[124..136].copy_from_slice(b"20000000000\0");
    tar[148..156].copy_from_slice(b"        ");
    let sum: u32 = tar[..512].iter().map(|byte| u32::from(*byte)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut unpacking = house.broker.unpack(&crate::house::diff_id(b"bomb")).unwrap();
    let block = vec![b'n'; 1 << 20];
    let mut failed = std::io::Write::write_all(&mut unpacking, &tar[..512]).is_err();
    for _ in 0..2048 {
        if failed {
            break;
        }
        failed = std::io::Write::write_all(&mut unpacking, &block).is_err();
    }
    assert!(failed, "two gigabytes of name were taken");
    let error = unpacking.failure().to_string();
    assert!(error.contains("unpack"), "{error}");
    assert!(house.keep(&Tar::default().file("fine", 0o644, b"x").finish()).is_ok());
}

#[test]
fn members_that_two_readers_read_differently_are_refused() {
    if !can_run() {
        return;
    }
    let house = House::new();
    // A folder with content: one reader skips it, the other reads it as members.
    let inner = Tar::default().file("hidden", 0o755, b"x").finish();
    let mut with_content = Tar::default();
    with_content.member("folder", b'5', 0o755, "", &inner, (0, 0));
    let mut link_with_content = Tar::default();
    link_with_content.member("link", b'2', 0o777, "target", &inner[..512], (0, 0));
    let twice = Tar::default().pax(&[("path", "one"), ("path", "other")]).file("file", 0o644, b"x").finish();
    let nothing = Tar::default().pax(&[("path", "")]).file("file", 0o644, b"x").finish();
    let sized = Tar::default().pax(&[("size", "512")]).folder("folder", 0o755).finish();
    let sparse = Tar::default().pax(&[("GNU.sparse.major", "1")]).file("file", 0o644, b"x").finish();
    for (tar, words) in [
        (with_content.finish(), "no file"),
        (link_with_content.finish(), "no file"),
        (twice, "twice"),
        (nothing, "nothing by it"),
        (sized, "no file"),
        (sparse, "sparse"),
    ] {
        let error = unpack(&house, &tar).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let long = format!("{}/file", "folder".repeat(25));
    let names = unpack(&house, &Tar::default().pax(&[("path", &long)]).file("short", 0o644, b"x").finish()).unwrap();
    assert!(names.contains(&long), "{names:?}");
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    if !can_run() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let mount = |arguments: &[&str]| {
        assert!(
            std::process::Command::new(arguments[0])
                .args(&arguments[1..])
                .arg(place.path())
                .status()
                .unwrap()
                .success()
        );
    };
    mount(&["mount", "-t", "tmpfs", "-o", "size=4m", "small"]);
    let broker = crate::house::start(place.path());
    let large = Tar::default().file("large", 0o644, &vec![7; 8 << 20]).finish();
    let mut unpacking = broker.unpack(&crate::house::diff_id(&large)).unwrap();
    let error = match std::io::Write::write_all(&mut unpacking, &large) {
        Ok(()) => unpacking.keep().unwrap_err(),
        Err(_) => unpacking.failure(),
    };
    assert!(error.to_string().contains("No space left"), "{error}");
    let small = Tar::default().file("small", 0o644, &vec![7; 1 << 20]).finish();
    let mut unpacking = broker.unpack(&crate::house::diff_id(&small)).unwrap();
    std::io::Write::write_all(&mut unpacking, &small).unwrap();
    unpacking.keep().unwrap();
    drop(broker);
    assert_eq!(fs::read_dir(place.path().join("sandbox/incoming")).unwrap().count(), 0);
    mount(&["umount"]);
}

#[test]
fn a_folder_of_devices_that_is_a_link_leads_to_no_folder_of_the_host() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    let target = place.path().to_str().unwrap();
    let links = Tar::default().symlink("dev", target).folder(target.trim_start_matches('/'), 0o777).finish();
    let file = Tar::default().file("dev", 0o644, b"").finish();
    for layer in [links, file] {
        let layer = house.keep(&layer).unwrap();
        let error = house.run_request(&house.request(&[layer], "true")).unwrap_err().to_string();
        assert!(error.contains("/dev"), "{error}");
    }
    let made: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(made.is_empty(), "{made:?}");
}
