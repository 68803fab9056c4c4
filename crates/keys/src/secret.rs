//! One line that unlocks something, and the places it may come from without a person.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::KeyError;

/// The longest line.
pub(crate) const LIMIT: usize = 4096;

/// A secret and where it came from, for errors.
pub(crate) type Found = (Zeroizing<Vec<u8>>, String);

/// Where a secret of one kind is looked for, strongest place first.
pub(crate) struct Places {
    /// An open descriptor of this process, where one was named.
    pub(crate) descriptor: Option<u32>,
    /// The folder of systemd's credentials.
    pub(crate) credentials: Option<PathBuf>,
    /// The credential's name in it.
    pub(crate) credential: &'static str,
    /// The variable of the environment. The weakest way: every process of the same user can read it, and children
    /// inherit it.
    pub(crate) variable: &'static str,
    /// What that variable holds.
    pub(crate) value: Option<OsString>,
}

impl Places {
    /// The places of this process.
    pub(crate) fn here(descriptor: Option<u32>, credential: &'static str, variable: &'static str) -> Self {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Self { descriptor, credentials, credential, variable, value: std::env::var_os(variable) }
    }

    /// Looks. `None` means: ask a person.
    pub(crate) fn look(self) -> Result<Option<Found>, KeyError> {
        if let Some(number) = self.descriptor {
            return descriptor(number).map(Some);
        }
        if let Some(path) = self.credentials.map(|folder| folder.join(self.credential)) {
            match File::open(&path) {
                Ok(mut file) => {
                    let name = path.display().to_string();
                    return Ok(Some((first_line(&mut file, &name)?, name)));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(fail(&path.display().to_string(), source)),
            }
        }
        Ok(self.value.map(|value| (Zeroizing::new(value.into_encoded_bytes()), self.variable.to_owned())))
    }
}

/// Reads the first line of `input`, without its end.
pub(crate) fn first_line(input: &mut dyn Read, name: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // All room at once: a vector that grows leaves copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    let mut byte = Zeroizing::new([0_u8]);
    loop {
        match input.read(byte.as_mut()) {
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) if bytes.len() == LIMIT => {
                return Err(fail(name, io::Error::other(format!("its first line has more than {LIMIT} bytes"))));
            }
            Ok(_) => bytes.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(fail(name, error)),
        }
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(bytes)
}

/// Reads the first line of an open descriptor of this process.
pub(crate) fn descriptor(number: u32) -> Result<Found, KeyError> {
    let name = format!("file descriptor {number}");
    // By its name rather than by its number: taking over a number that somebody else owns needs `unsafe`.
    let mut file = File::open(format!("/dev/fd/{number}")).map_err(|source| {
        let source = match source.kind() {
            io::ErrorKind::NotFound => io::Error::new(source.kind(), "it is not open in this process"),
            _ => source,
        };
        fail(&name, source)
    })?;
    Ok((first_line(&mut file, &name)?, name))
}

/// Reads the first line of a file.
pub(crate) fn file(path: &Path) -> Result<Found, KeyError> {
    let name = path.display().to_string();
    let mut file = File::open(path).map_err(|source| fail(&name, source))?;
    Ok((first_line(&mut file, &name)?, name))
}

fn fail(name: &str, source: io::Error) -> KeyError {
    KeyError::Secret { name: name.to_owned(), source }
}
