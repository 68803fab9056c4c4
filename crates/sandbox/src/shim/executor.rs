//! The last steps inside the container: which program, and its execution.

use std::collections::HashMap;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use libcontainer::oci_spec::runtime::Spec;
use libcontainer::workload::{Executor, ExecutorError, ExecutorSetEnvsError, ExecutorValidationError};

use crate::system;

/// What starts the message of a program that is not there; the shim makes 127 of it.
pub(super) const NOT_FOUND: &str = "there is no program ";

/// What starts the message of a program that cannot be executed; the shim makes 126 of it.
pub(super) const NOT_EXECUTABLE: &str = "cannot execute ";

/// Where programs are looked for when the image sets no PATH.
pub(super) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs in the container's first process, at the end of its making and when it is started.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// Closed by a successful `execve`; says why where it failed.
    failure: Arc<OwnedFd>,
}

impl Program {
    pub(super) fn new(failure: OwnedFd) -> Self {
        Self { failure: Arc::new(failure) }
    }
}

impl Executor for Program {
    /// Called when all else is made: finds the program early, so that a missing one is told before anything runs.
    fn validate(&self, spec: &Spec) -> Result<(), ExecutorValidationError> {
        // Whatever becomes of the shim, no container outlives it.
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).map_err(|error| {
            ExecutorValidationError::ArgValidationError(format!("cannot be bound to its shim: {error}"))
        })?;
        resolve(spec).map(drop).map_err(ExecutorValidationError::ArgValidationError)
    }

    /// The environment is handed to `execve` as it is; this process' own is not touched.
    fn setup_envs(&self, _variables: HashMap<String, String>) -> Result<(), ExecutorSetEnvsError> {
        Ok(())
    }

    /// Called when the container is started. Comes back by no way.
    fn exec(&self, spec: &Spec) -> Result<(), ExecutorError> {
        // What the shim had open is closed on exec, but the kernel looks the program up before that: by
        // `/proc/self/fd/N/…` an image could name one of the host's, or of another image (CVE-2024-21626).
        let Ok(failure) = system::close_all_but_stdio_and(self.failure.as_fd()) else { system::exit_now(125) };
        let reason = match resolve(spec) {
            Ok(program) => {
                let texts = |texts: Option<&Vec<String>>| -> Vec<CString> {
                    texts.into_iter().flatten().filter_map(|text| CString::new(text.as_str()).ok()).collect()
                };
                let process = spec.process().as_ref();
                let arguments = texts(process.and_then(|process| process.args().as_ref()));
                let environment = texts(process.and_then(|process| process.env().as_ref()));
                system::default_signals();
                match CString::new(program.as_str()) {
                    Ok(path) => explain(&program, &system::execute(&path, &arguments, &environment)),
                    Err(_) => format!("{NOT_EXECUTABLE}{program:?}: its name holds a zero byte"),
                }
            }
            Err(reason) => reason,
        };
        let _ = rustix::io::write(failure, reason.as_bytes());
        system::exit_now(code_of(&reason).unwrap_or(125))
    }
}

/// Docker's exit code for a message of this executor, wherever in a longer one it stands.
pub(super) fn code_of(message: &str) -> Option<u8> {
    if message.contains(NOT_FOUND) {
        Some(127)
    } else if message.contains(NOT_EXECUTABLE) {
        Some(126)
    } else {
        None
    }
}

/// The part of a longer message that this executor wrote.
pub(super) fn message_of(message: &str) -> &str {
    let start = message.find(NOT_FOUND).or_else(|| message.find(NOT_EXECUTABLE)).unwrap_or(0);
    &message[start..]
}

fn explain(program: &str, error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOENT) => {
            format!("{NOT_FOUND}{program:?} in the container, or what it needs to be interpreted by is missing")
        }
        Some(libc::ENOEXEC) => {
            format!("{NOT_EXECUTABLE}{program:?}: it is no program of this processor, nor a script with #!")
        }
        _ => format!("{NOT_EXECUTABLE}{program:?}: {error}"),
    }
}

/// The path of the program: as it is written where it has a slash, else the first in PATH that can be executed.
fn resolve(spec: &Spec) -> Result<String, String> {
    let process = spec.process().as_ref();
    let name = process.and_then(|process| process.args().as_ref()?.first()).map_or("", String::as_str);
    if name.contains('/') {
        return match executable(name) {
            Ok(()) => Ok(name.to_owned()),
            Err(error) => Err(explain(name, &error)),
        };
    }
    let variables = process.and_then(|process| process.env().as_ref());
    // The last one holds, as for the program itself.
    let path = variables.into_iter().flatten().rev().find_map(|variable| variable.strip_prefix("PATH="));
    let path = path.unwrap_or(DEFAULT_PATH);
    let mut denied = false;
    for folder in path.split(':').filter(|folder| !folder.is_empty()) {
        let candidate = format!("{}/{name}", folder.trim_end_matches('/'));
        match executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => denied = true,
            Err(_) => {}
        }
    }
    if denied {
        Err(format!("{NOT_EXECUTABLE}{name:?}: permission denied"))
    } else {
        Err(format!("{NOT_FOUND}{name:?} in the container's PATH ({path})"))
    }
}

/// Whether a file can be executed at all; `execve` has the last word.
fn executable(path: &str) -> io::Result<()> {
    let about = Path::new(path).metadata()?;
    if about.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::EISDIR));
    }
    if about.permissions().mode() & 0o111 == 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(())
}
