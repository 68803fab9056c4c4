//! Credential helpers: `docker-credential-NAME get`, the server's address on its stdin, JSON on its stdout.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Login;
use super::secret::Secret;

const ANSWER_BYTES: u64 = 64 << 10;
/// A helper may ask a person to unlock something.
const PATIENCE: Duration = Duration::from_mins(2);
/// What all of docker's helpers print when they have nothing.
const NOTHING: &str = "credentials not found";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    username: String,
    secret: Secret,
}

/// Asks a helper; `None` where it knows no login for the server.
pub(super) fn get(name: &str, server: &str, folders: &[PathBuf]) -> Result<Option<Login>, String> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !is_plain || name.is_empty() {
        return Err(format!("{name:?} is no name of a credential helper"));
    }
    let program = format!("docker-credential-{name}");
    let path = folders.iter().map(|folder| folder.join(&program)).find(|path| path.exists());
    let (is_success, output) = run(path.as_deref().unwrap_or(Path::new(&program)), server)
        .map_err(|error| format!("credential helper {program} could not be asked: {error}"))?;
    let text = std::str::from_utf8(&output).unwrap_or_default();
    if !is_success {
        if text.contains(NOTHING) {
            return Ok(None);
        }
        let said = super::super::error::escaped(text.lines().next().unwrap_or_default().trim());
        return Err(format!("credential helper {program} failed: {said}"));
    }
    let found: Found =
        serde_json::from_str(text).map_err(|_| format!("credential helper {program} did not answer as one"))?;
    let Some(secret) = found.secret.given() else { return Ok(None) };
    Ok(Some(match found.username.as_str() {
        "<token>" => Login::IdentityToken(secret),
        _ => Login::Basic { user: found.username, password: secret },
    }))
}

fn run(program: &Path, server: &str) -> io::Result<(bool, Zeroizing<Vec<u8>>)> {
    let mut child = Command::new(program)
        .arg("get")
        // What unlocks a key is none of a helper's business.
        .env_remove("PLIMSOLL_PASSPHRASE")
        .env_remove("PLIMSOLL_PIN")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::new(error.kind(), "it is not on the PATH"),
            _ => error,
        })?;
    let output = exchange(&mut child, server);
    if output.is_err() {
        // It may be gone already; what counts is that it does not stay.
        let _ = child.kill();
    }
    let status = child.wait();
    Ok((status?.success(), output?))
}

fn exchange(child: &mut Child, server: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("its pipes are missing"));
    };
    match input.write_all(server.as_bytes()) {
        // One that does not read what it is asked may still answer.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    drop(input);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
        let read = output.take(ANSWER_BYTES).read_to_end(&mut bytes);
        // Nobody listens any more when time was up.
        let _ = sender.send(read.map(|_| bytes));
    });
    receiver.recv_timeout(PATIENCE).map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time"))?
}
