//! Finding the policy file, and opening it as the user who called.
//!
//! A program that was started as root opens the file first, then becomes the owner of its data folder, and only then
//! parses ([`PolicyFile::parse`]). The folder stays open between the two, so that the key files beside a policy are
//! found whatever the way to them allows; they are public keys, and must be readable for that owner.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use crate::{Policy, PolicyError};

/// A thousand rules with exceptions are some 300 KiB.
const LONGEST: u64 = 4 * 1024 * 1024;

/// A policy's text, read and not yet parsed, and the folder that it was found in.
#[derive(Debug)]
pub struct PolicyFile {
    name: String,
    text: String,
    folder: PathBuf,
    open_folder: Option<File>,
}

impl PolicyFile {
    /// Opens a file that somebody named: it must be there.
    pub fn open(path: &Path) -> Result<Self, PolicyError> {
        let name = path.display().to_string();
        Self::read(path, &name).map_err(|error| {
            let message = match error.kind() {
                io::ErrorKind::NotFound => "no such file; name the policy file, or leave --policy out".to_owned(),
                _ => format!("cannot read the policy: {error}"),
            };
            PolicyError::whole(&name, message)
        })
    }

    /// Opens the first of `candidates` that is there; `None` where none is. The machine's own (`/etc/plimsoll`) should
    /// stand before the calling user's, who could else undo it. One that is there and cannot be read is an
    /// error: passing over it would switch off what it demands.
    pub fn open_first(candidates: &[PathBuf]) -> Result<Option<Self>, PolicyError> {
        for path in candidates {
            let name = path.display().to_string();
            match Self::read(path, &name) {
                Ok(file) => return Ok(Some(file)),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => {
                    let message = format!("cannot read the policy: {error}; make it readable, or take it away");
                    return Err(PolicyError::whole(&name, message));
                }
            }
        }
        Ok(None)
    }

    /// The file, as errors and reasons name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads the rules and the keys that they name.
    pub fn parse(&self) -> Result<Policy, PolicyError> {
        // Where the system allows it, through the descriptor rather than the path: the way to the folder may be closed
        // to who we are by now.
        let through =
            self.open_folder.as_ref().map(|open| PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd())));
        let folder = through.filter(|path| path.is_dir()).unwrap_or_else(|| self.folder.clone());
        Policy::parse(&self.text, &self.name, &folder)
    }

    fn read(path: &Path, name: &str) -> io::Result<Self> {
        // Opening a pipe would wait for its writer, and a device may never end.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let mut text = String::new();
        File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
        if text.len() as u64 > LONGEST {
            return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
        }
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let open_folder = File::open(&folder).ok();
        Ok(Self { name: name.to_owned(), text, folder, open_folder })
    }
}
