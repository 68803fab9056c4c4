//! The user's own keys: `keys/` in the configuration folder (`$XDG_CONFIG_HOME/plimsoll`, else `~/.config/plimsoll`).

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::KeyError;

/// The folder of the calling user's keys, whether it is there or not.
pub fn of_user() -> Result<PathBuf, KeyError> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))
        .map(|folder| folder.join("plimsoll").join("keys"))
        .ok_or_else(|| {
            KeyError::NoDefault("neither HOME nor XDG_CONFIG_HOME is set to a folder; name the key's file".into())
        })
}

/// The single private key in `folder`. `named_by` says how another is named, after "name one": ` with --key`, or nothing.
pub fn single_key(folder: &Path, named_by: &str) -> Result<PathBuf, KeyError> {
    let keys = list(folder)?;
    match keys.as_slice() {
        [key] => Ok(key.clone()),
        [] => Err(KeyError::NoDefault(format!(
            "there is no key in {}; make one with plimsoll key generate, or name one{named_by}",
            folder.display()
        ))),
        several => Err(KeyError::NoDefault(format!(
            "there are {} keys in {}; name one{named_by}: {}",
            several.len(),
            folder.display(),
            several.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// The private keys in `folder`, by name; none where the folder is not there.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, KeyError> {
    let fail = |source| KeyError::File { action: "read", path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry.map_err(fail)?.path();
        // A pipe of that name would keep whoever reads it waiting; what leads nowhere is told when it is read.
        let is_other = path.metadata().is_ok_and(|about| !about.is_file());
        if path.extension() == Some(OsStr::new("key")) && !is_other {
            keys.push(path);
        }
    }
    keys.sort();
    Ok(keys)
}

/// Makes the folder of a key's file where it is missing, open to its owner alone.
pub fn make(folder: &Path) -> Result<(), KeyError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|source| KeyError::File {
        action: "make the folder",
        path: folder.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_key_is_taken_and_more_or_none_are_said() {
        let folder = tempfile::tempdir().unwrap();
        let missing = single_key(&folder.path().join("none"), " with --key").unwrap_err().to_string();
        assert!(missing.contains("plimsoll key generate"), "{missing}");
        fs::write(folder.path().join("one.key"), "").unwrap();
        fs::write(folder.path().join("one.pub"), "").unwrap();
        assert_eq!(single_key(folder.path(), " with --key").unwrap(), folder.path().join("one.key"));
        fs::write(folder.path().join("two.key"), "").unwrap();
        let several = single_key(folder.path(), " with --key").unwrap_err().to_string();
        // What is told can be given to --key from anywhere.
        for name in ["one.key", "two.key"] {
            let path = folder.path().join(name).display().to_string();
            assert!(several.contains(&path) && several.contains("--key"), "{several}");
        }
    }
}
