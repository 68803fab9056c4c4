//! One worker process and the two pipes to it, seen from the side that asks.
//!
//! Requests are written without waiting for answers, and answers are taken up whenever writing would block or
//! everything is asked, all in the caller's own thread: both pipes are non-blocking on this side, and each wait has a
//! limit.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use super::protocol::{Answer, Carried, FILE_DESCRIPTOR, PROTOCOL, Ready, Reply, Request, decode, frame};
use super::{Bounds, WorkerError};
use crate::cataloguers::VERSION;

/// Bytes that are read from an answer pipe at once, and of a member at once: a pipe's own size.
const CHUNK: usize = 64 << 10;

/// A running worker. Dropping it ends the process.
pub(super) struct Process {
    child: Child,
    requests: OwnedFd,
    replies: OwnedFd,
    received: Vec<u8>,
    ready: Option<Ready>,
    asked: VecDeque<Asked>,
    answers: Vec<(Answer, usize)>,
    silence: Duration,
    patience: Duration,
    answer_bytes: usize,
}

/// A member that no answer came for yet.
pub(super) struct Asked {
    pub(super) ticket: u32,
    pub(super) path: String,
    readers: Vec<u8>,
    carried: Carried,
}

/// What kept a member from being sent.
pub(super) enum SendError {
    /// The member's own bytes could not be read: the layer is broken.
    Content(io::Error),
    /// The worker is of no use any more.
    Worker(WorkerError),
}

impl From<WorkerError> for SendError {
    fn from(error: WorkerError) -> Self {
        Self::Worker(error)
    }
}

impl Process {
    /// Starts a worker without waiting for it. `file` is where large members will be.
    pub(super) fn start(
        program: &Path,
        arguments: &[OsString],
        bounds: &Bounds,
        file: Option<&File>,
    ) -> Result<Self, WorkerError> {
        let failed = |source| WorkerError::Start { program: program.display().to_string(), source };
        // Without a file only large members cannot be read, and descriptor 3 is then something that is empty.
        let passed = match file {
            Some(file) => file.try_clone(),
            None => File::open("/dev/null"),
        };
        let mapping = FdMapping { parent_fd: passed.map_err(failed)?.into(), child_fd: FILE_DESCRIPTOR };
        let mut command = Command::new(program);
        command.arg0("plimsoll").args(arguments).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.fd_mappings(vec![mapping]).map_err(|error| failed(io::Error::other(error)))?;
        let mut child = command.spawn().map_err(failed)?;
        let pipes = child.stdin.take().map(OwnedFd::from).zip(child.stdout.take().map(OwnedFd::from));
        let (requests, replies) = pipes.ok_or_else(|| failed(io::Error::other("it has no pipes")))?;
        let process = Self {
            child,
            requests,
            replies,
            received: Vec::new(),
            ready: None,
            asked: VecDeque::new(),
            answers: Vec::new(),
            silence: bounds.silence,
            patience: bounds.patience,
            answer_bytes: bounds.answer_bytes,
        };
        for pipe in [&process.requests, &process.replies] {
            let set = fcntl_getfl(pipe).and_then(|flags| fcntl_setfl(pipe, flags | OFlags::NONBLOCK));
            set.map_err(|error| WorkerError::Pipe(error.into()))?;
        }
        Ok(process)
    }

    /// Sends one member. What is left unread of `content` on an error is the caller's to skip.
    pub(super) fn send(&mut self, request: Request, content: &mut dyn Read) -> Result<(), SendError> {
        let mut buffer = frame(&request).map_err(WorkerError::Pipe)?;
        let mut left = if request.carried == Carried::InPipe { request.size } else { 0 };
        let Request { ticket, readers, path, carried, .. } = request;
        self.asked.push_back(Asked { ticket, path, readers, carried });
        loop {
            let part = left.min((CHUNK - buffer.len().min(CHUNK)) as u64);
            let start = buffer.len();
            buffer.resize(start + part as usize, 0);
            content.read_exact(&mut buffer[start..]).map_err(SendError::Content)?;
            left -= part;
            self.write(&buffer)?;
            buffer.clear();
            if left == 0 {
                return Ok(());
            }
        }
    }

    /// Whether the worker may still read the file.
    pub(super) fn reads_file(&self) -> bool {
        self.asked.iter().any(|asked| matches!(asked.carried, Carried::InFile { .. }))
    }

    /// Waits until the worker has read all that is in the file.
    pub(super) fn finish_file(&mut self) -> Result<(), WorkerError> {
        while self.reads_file() {
            self.wait(false)?;
        }
        Ok(())
    }

    /// Waits for everything that was asked.
    pub(super) fn finish(&mut self) -> Result<(), WorkerError> {
        while !self.asked.is_empty() {
            self.wait(false)?;
        }
        Ok(())
    }

    /// Waits for the worker's first words.
    pub(super) fn wait_until_ready(&mut self) -> Result<Ready, WorkerError> {
        loop {
            if let Some(ready) = &self.ready {
                return Ok(ready.clone());
            }
            self.wait(false)?;
        }
    }

    /// The answers that came since the last call, each with its size in bytes.
    pub(super) fn take_answers(&mut self) -> Vec<(Answer, usize)> {
        std::mem::take(&mut self.answers)
    }

    /// What was asked and not answered.
    pub(super) fn take_unanswered(&mut self) -> VecDeque<Asked> {
        std::mem::take(&mut self.asked)
    }

    /// What is left of the time that may be waited for the workers of this layer.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), WorkerError> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.requests, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::AGAIN) => self.wait(true)?,
                Err(Errno::INTR) => {}
                Err(Errno::PIPE) => {
                    // It may have said why before it went.
                    self.receive()?;
                    return Err(self.died());
                }
                Err(error) => return Err(WorkerError::Pipe(error.into())),
            }
        }
        Ok(())
    }

    /// Waits until answers can be read, or also until something can be written, and takes up the answers.
    fn wait(&mut self, or_writable: bool) -> Result<(), WorkerError> {
        let limit = self.silence.min(self.patience);
        let timeout = limit.try_into().map_err(|_| WorkerError::Silent(limit))?;
        let started = Instant::now();
        let readable = {
            let mut pipes = [PollFd::new(&self.replies, PollFlags::IN), PollFd::new(&self.requests, PollFlags::OUT)];
            let watched = if or_writable { &mut pipes[..] } else { &mut pipes[..1] };
            match poll(watched, Some(&timeout)) {
                Ok(0) => {
                    self.patience = self.patience.saturating_sub(started.elapsed());
                    return Err(WorkerError::Silent(limit));
                }
                Ok(_) => !pipes[0].revents().is_empty(),
                Err(Errno::INTR) => false,
                Err(error) => return Err(WorkerError::Pipe(error.into())),
            }
        };
        self.patience = self.patience.saturating_sub(started.elapsed());
        if readable { self.receive() } else { Ok(()) }
    }

    /// Takes up what the worker said, without waiting.
    fn receive(&mut self) -> Result<(), WorkerError> {
        let mut chunk = vec![0; CHUNK];
        loop {
            match rustix::io::read(&self.replies, &mut chunk) {
                Ok(0) => return Err(self.died()),
                Ok(read) => self.received.extend_from_slice(&chunk[..read]),
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(WorkerError::Pipe(error.into())),
            }
            self.understand()?;
        }
    }

    /// Takes whole frames off what was received.
    fn understand(&mut self) -> Result<(), WorkerError> {
        let mut start = 0;
        while let Some((length, rest)) = self.received[start..].split_first_chunk() {
            let length = u32::from_le_bytes(*length) as usize;
            if length > self.answer_bytes {
                return Err(WorkerError::Nonsense(format!("an answer of {length} bytes")));
            }
            let Some(body) = rest.get(..length) else { break };
            let reply = decode(body).map_err(|error| WorkerError::Nonsense(error.to_string()))?;
            start += 4 + length;
            self.take(reply, length)?;
        }
        self.received.drain(..start);
        Ok(())
    }

    fn take(&mut self, reply: Reply, size: usize) -> Result<(), WorkerError> {
        let nonsense = |reason: &str| Err(WorkerError::Nonsense(reason.to_owned()));
        match reply {
            Reply::Refused(reason) => {
                Err(WorkerError::Refused(crate::cataloguers::clip(&reason, crate::cataloguers::Told::WARNING_LENGTH)))
            }
            Reply::Ready(_) if self.ready.is_some() => nonsense("it got ready twice"),
            Reply::Ready(ready) if (ready.protocol, ready.cataloguers) != (PROTOCOL, VERSION) => {
                Err(WorkerError::Refused("it is of another version than this program; start this one again".into()))
            }
            Reply::Ready(ready) => {
                tell_what_is_missing(&ready);
                self.ready = Some(ready);
                Ok(())
            }
            Reply::Answer(_) if self.ready.is_none() => nonsense("it answered before it was sealed"),
            Reply::Answer(answer) => {
                let Some(asked) = self.asked.pop_front() else { return nonsense("it answered more than was asked") };
                if let Err(reason) = answer.check(asked.ticket, &asked.readers) {
                    self.asked.push_front(asked);
                    return nonsense(reason);
                }
                self.answers.push((answer, size));
                Ok(())
            }
        }
    }

    /// How the worker ended, after it closed its pipe. One that closed it and lives on is ended.
    fn died(&mut self) -> WorkerError {
        let deadline = Instant::now() + Duration::from_secs(1);
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
                _ => break None,
            }
        };
        WorkerError::Died(status.map_or_else(|| "closed its pipe".to_owned(), how_it_ended))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has nothing to tidy up, and one that does not read would not see its pipe closed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn how_it_ended(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(31), _) => "was killed for a system call that its seal forbids".into(),
        (Some(9), _) => "was killed (signal 9; the machine may be out of memory)".into(),
        (Some(signal), _) => format!("crashed (signal {signal})"),
        (None, Some(code)) => format!("ended with exit code {code}"),
        (None, None) => "ended".into(),
    }
}

/// Says once what this system cannot do for the seal.
fn tell_what_is_missing(ready: &Ready) {
    static TOLD: Once = Once::new();
    if let Some(missing) = ready.seal.missing() {
        TOLD.call_once(|| tracing::warn!("layers are parsed in a worker that is not wholly sealed: {missing}"));
    }
}
