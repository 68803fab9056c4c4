//! Deleting a tree that somebody hostile has built.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Deletes `folder/name` with all that is in it; it is no error where it is not there.
///
/// Folders below are moved up until none has any in it, rather than being walked into: a tree may be deeper than
/// any stack, path or table of descriptors. Symbolic links are deleted, never followed. The tree must not be changed
/// by others meanwhile, which holds for what root owns above and no running container has.
pub(crate) fn remove(folder: impl AsFd, name: impl rustix::path::Arg + Copy) -> io::Result<()> {
    let folder = folder.as_fd();
    let top = match open(folder, name) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?),
        Err(error) => return Err(error.into()),
    };
    let mut moved = 0_u64;
    loop {
        let folders = empty_of_files(top.as_fd())?;
        if folders.is_empty() {
            break;
        }
        for below in folders {
            let lower = open(top.as_fd(), &below)?;
            for deeper in empty_of_files(lower.as_fd())? {
                // A name that no tree of an image has on its top: its members are never named so by chance, and a
                // clash with a hostile one is an error of `renameat_with` here, tried again with the next number.
                loop {
                    moved += 1;
                    let place = format!(".plimsoll-removed-{moved}");
                    match rustix::fs::renameat_with(&lower, &deeper, &top, &place, rustix::fs::RenameFlags::NOREPLACE) {
                        Ok(()) => break,
                        Err(Errno::EXIST) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            rustix::fs::unlinkat(&top, &below, AtFlags::REMOVEDIR)?;
        }
    }
    Ok(rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?)
}

/// Deletes all but the folders in a folder and gives the names of these.
fn empty_of_files(folder: BorrowedFd<'_>) -> io::Result<Vec<std::ffi::CString>> {
    let mut folders = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let about = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(about.st_mode)
            }
            kind => kind,
        };
        if kind == FileType::Directory {
            folders.push(name.to_owned());
        } else {
            rustix::fs::unlinkat(folder, name, AtFlags::empty())?;
        }
    }
    Ok(folders)
}

fn open(folder: BorrowedFd<'_>, name: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_tree_deeper_than_any_path_is_deleted() {
        let place = tempfile::tempdir().unwrap();
        let top = fs::File::open(place.path()).unwrap();
        rustix::fs::mkdirat(&top, "deep", Mode::RWXU).unwrap();
        let mut below = open(top.as_fd(), "deep").unwrap();
        let name = "n".repeat(50);
        for _ in 0..300 {
            rustix::fs::mkdirat(&below, name.as_str(), Mode::RWXU).unwrap();
            rustix::fs::mkdirat(&below, "beside", Mode::RWXU).unwrap();
            below = open(below.as_fd(), name.as_str()).unwrap();
        }
        remove(&top, "deep").unwrap();
        assert!(!place.path().join("deep").exists());
    }

    #[test]
    fn a_link_is_deleted_and_what_it_points_to_stays() {
        let place = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "kept").unwrap();
        fs::create_dir(place.path().join("tree")).unwrap();
        std::os::unix::fs::symlink(outside.path(), place.path().join("tree/link")).unwrap();
        std::os::unix::fs::symlink(outside.path(), place.path().join("link")).unwrap();
        let top = fs::File::open(place.path()).unwrap();
        for name in ["tree", "link", "missing"] {
            remove(&top, name).unwrap();
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        assert!(outside.path().join("kept").exists());
    }
}
