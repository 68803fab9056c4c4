//! Opening paths that an image names, links and all, so that none leads out of it.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use rustix::path::Arg;

/// Opens a path as if `root` were the root of everything (openat2(2), RESOLVE_IN_ROOT): `..` ends at it, absolute
/// links begin at it.
pub(crate) fn open_in_root(root: impl AsFd, path: impl Arg + Copy, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    loop {
        match openat2(&root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            // The kernel could not tell whether `..` stayed inside, since something was renamed or mounted meanwhile,
            // anywhere on the machine.
            Err(Errno::AGAIN) => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_path_with_dots_is_opened_while_others_rename() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("root/a/b")).unwrap();
        fs::write(place.path().join("root/here"), "").unwrap();
        fs::write(place.path().join("here"), "").unwrap();
        let root = fs::File::open(place.path().join("root")).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let names = ["one", "other"].map(|name| place.path().join(name));
                fs::write(&names[0], "").unwrap();
                while !done.load(Ordering::Relaxed) {
                    fs::rename(&names[0], &names[1]).unwrap();
                    fs::rename(&names[1], &names[0]).unwrap();
                }
            });
            let opened: Vec<_> = (0..20_000)
                .map(|_| open_in_root(&root, "a/b/../../../../a/../here", OFlags::PATH))
                .filter_map(Result::err)
                .collect();
            done.store(true, Ordering::Relaxed);
            assert_eq!(opened, []);
        });
    }
}
