//! Layers as they are kept, and as a container sees them stacked.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use sandbox::Exit;

use crate::house::{House, Tar, can_run};

const STORE: u32 = 2_000_224_256;

#[test]
fn whiteouts_and_opaque_folders_hide_what_is_below() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let below = Tar::default()
        .file("gone", 0o644, b"x")
        .folder("opaque", 0o755)
        .file("opaque/old", 0o644, b"x")
        .folder("merged", 0o755)
        .file("merged/old", 0o644, b"x")
        .folder("again", 0o755)
        .file("again/old", 0o644, b"x")
        .finish();
    let above = Tar::default()
        .file(".wh.gone", 0, b"")
        .folder("opaque", 0o755)
        .file("opaque/new", 0o644, b"x")
        .file("opaque/.wh..wh..opq", 0, b"")
        .file("merged/new", 0o644, b"x")
        // Deleted and made anew in one layer: whichever comes first in the tar.
        .file(".wh.again", 0, b"")
        .folder("again", 0o755)
        .file("again/new", 0o644, b"x")
        .finish();
    let layers = [house.keep(&below).unwrap(), house.keep(&above).unwrap()];
    assert!(fs::symlink_metadata(house.layer(&layers[1]).join("gone")).unwrap().file_type().is_char_device());
    let outcome = house.run(&layers, "ls -d /gone; ls /opaque /merged /again; rm /merged/old; ls /merged");
    assert_eq!(outcome.stdout, "/again:\nnew\n\n/merged:\nnew\nold\n\n/opaque:\nnew\nnew\n", "{outcome:?}");
    assert!(outcome.stderr.contains("/gone"), "{outcome:?}");
}

#[test]
fn a_setuid_file_keeps_its_mode_and_owner_and_is_nobodys_on_the_host() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let tar = Tar::default()
        .member("bin/su", b'0', 0o4755, "", b"#!/bin/sh\n", (0, 0))
        .member("bin/postdrop", b'0', 0o2755, "", b"#!/bin/sh\n", (33, 1000))
        .finish();
    let layer = house.keep(&tar).unwrap();
    let stored = fs::metadata(house.layer(&layer).join("bin/su")).unwrap();
    assert_eq!((stored.mode() & 0o7777, stored.uid(), stored.gid()), (0o4755, STORE, STORE));
    let outcome = house.run(&[layer], "stat -c '%a %u %g' /bin/su /bin/postdrop");
    assert_eq!(outcome.stdout, "4755 0 0\n2755 33 1000\n", "{outcome:?}");
}

#[test]
fn links_times_and_attributes_are_kept_and_devices_left_out() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let tar = Tar::default()
        .folder("usr", 0o750)
        .attribute("user.note", "kept")
        .file("usr/file", 0o640, b"content")
        .hard_link("usr/linked", "usr/file")
        .symlink("link", "/usr/file")
        .member("pipe", b'6', 0o622, "", b"", (0, 0))
        .member("disk", b'4', 0o660, "", b"", (0, 0))
        .member("null", b'3', 0o666, "", b"", (0, 0))
        .finish();
    let name = crate::house::diff_id(&tar);
    let mut unpacking = house.broker.unpack(&name).unwrap();
    std::io::Write::write_all(&mut unpacking, &tar).unwrap();
    let unpacked = unpacking.keep().unwrap();
    assert_eq!((unpacked.devices_left_out, unpacked.attributes_left_out), (2, 0));
    let folder = house.layer(&name);
    let (file, linked) =
        (fs::metadata(folder.join("usr/file")).unwrap(), fs::metadata(folder.join("usr/linked")).unwrap());
    assert_eq!(file.ino(), linked.ino());
    assert_eq!((file.mtime(), fs::metadata(folder.join("usr")).unwrap().mtime()), (1_000_000_000, 1_000_000_000));
    assert_eq!(fs::read_link(folder.join("link")).unwrap().to_str(), Some("/usr/file"));
    let mut value = [0; 16];
    let length = rustix::fs::getxattr(folder.join("usr/file"), "user.note", &mut value).unwrap();
    assert_eq!(&value[..length], b"kept");
    assert!(fs::symlink_metadata(folder.join("pipe")).unwrap().file_type().is_fifo());
    assert!(!folder.join("disk").exists() && !folder.join("null").exists());
}

#[test]
fn what_is_written_goes_to_the_writable_layer_alone() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let layer = house.keep(&Tar::default().folder("srv", 0o755).file("srv/file", 0o600, b"old").finish()).unwrap();
    let line = "echo new > /srv/file; chown 5:6 /srv/file; ln /srv/file /srv/linked; mv /srv/linked /srv/moved; \
        chmod 4711 /srv/moved; stat -c '%a %u %g %h' /srv/file; rm -r /root; ls -d /root";
    let outcome = house.run(std::slice::from_ref(&layer), line);
    assert_eq!(outcome.stdout, "4711 5 6 2\n", "{outcome:?}");
    assert_eq!(fs::read(house.layer(&layer).join("srv/file")).unwrap(), b"old");
    // And the next container sees nothing of it.
    assert_eq!(house.run(&[layer], "cat /srv/file; ls -d /root").stdout, "old/root\n");
}

#[test]
fn a_hundred_and_more_layers_are_stacked() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let layers: Vec<_> = (0..130)
        .map(|at| house.keep(&Tar::default().file(&format!("file-{at}"), 0o644, b"x").finish()).unwrap())
        .collect();
    let outcome = house.run(&layers, "ls -d /file-* | wc -l");
    assert_eq!((outcome.exit, outcome.stdout.trim()), (Exit::Code(0), "130"), "{outcome:?}");
    let mut request = house.request(&layers, "true");
    request.layers = layers.iter().cycle().take(501).cloned().collect();
    let error = house.run_request(&request).unwrap_err().to_string();
    assert!(error.contains("501 layers") && error.contains("500"), "{error}");
}

#[test]
fn a_layer_that_is_kept_is_known_and_one_that_was_given_up_is_not() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let tar = Tar::default().file("file", 0o644, b"x").finish();
    let name = crate::house::diff_id(&tar);
    let mut unpacking = house.broker.unpack(&name).unwrap();
    std::io::Write::write_all(&mut unpacking, &tar).unwrap();
    drop(unpacking);
    assert_eq!(house.broker.layers(std::slice::from_ref(&name)).unwrap(), [false]);
    house.keep(&tar).unwrap();
    assert_eq!(house.broker.layers(std::slice::from_ref(&name)).unwrap(), [true]);
    // What was given up is deleted, at the latest with the broker.
    let incoming = house.data.path().join("sandbox/incoming");
    drop(house.broker);
    assert_eq!(fs::read_dir(incoming).unwrap().count(), 0);
}

#[test]
fn a_setuid_program_of_a_layer_is_no_program_of_the_hosts_users() {
    if !can_run() {
        return;
    }
    let house = House::new();
    // A data folder may be one that everybody can pass through.
    fs::set_permissions(house.data.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let layer = house.keep(&Tar::default().file("id", 0o4755, &fs::read("/usr/bin/id").unwrap()).finish()).unwrap();
    let program = house.layer(&layer).join("id");
    assert_eq!(fs::metadata(&program).unwrap().permissions().mode() & 0o7777, 0o4755);
    let ran = Command::new(program).uid(65_534).gid(65_534).output();
    assert_eq!(ran.unwrap_err().kind(), ErrorKind::PermissionDenied);
}
