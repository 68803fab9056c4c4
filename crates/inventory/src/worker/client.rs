//! The workers of one layer, one after the other where one fails.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::time::Duration;

use super::launcher::Start;
use super::process::{Process, SendError};
use super::protocol::{Answer, Carried, Request, ToldTo};
use super::serve::answer;
use super::spool::{Room, Spool};
use super::{Bounds, Launcher, WorkerError};

/// Asks about one layer's members. The process is started with the first of them.
pub struct Worker<'a> {
    launcher: &'a Launcher,
    bounds: &'a Bounds,
    process: Option<Process>,
    spool: Spool,
    patience: Duration,
    starts_left: usize,
    next_ticket: u32,
    bytes: usize,
    answers: Answers,
}

/// What the members of a layer told.
#[derive(Debug, Default)]
pub struct Answers {
    /// By the ticket that [`Worker::ask`] gave; none where the member could not be read.
    pub told: BTreeMap<u32, Vec<ToldTo>>,
    /// Members that were left out by a bound, and why. They would be left out again.
    pub left_out: Vec<String>,
    /// Members that were lost with a worker, and why. Another try may read them.
    pub lost: Vec<String>,
}

impl<'a> Worker<'a> {
    /// Nothing is started yet.
    pub fn new(launcher: &'a Launcher, bounds: &'a Bounds) -> Self {
        Self {
            launcher,
            bounds,
            process: None,
            spool: Spool::default(),
            patience: bounds.patience,
            starts_left: bounds.restarts + 1,
            next_ticket: 0,
            bytes: 0,
            answers: Answers::default(),
        }
    }

    /// Asks what a member tells to the cataloguers `readers`, and gives the ticket for the answer. Only an error of
    /// `content` itself is an error; what a worker does not do stands in [`Answers`].
    pub fn ask(&mut self, path: &str, readers: Vec<u8>, size: u64, content: &mut dyn Read) -> io::Result<u32> {
        if size > self.bounds.in_memory {
            let outcome = match self.room(size) {
                Ok(room) => room.fill(content)?.map(|()| room),
                Err(error) => Err(error),
            };
            return Ok(match outcome {
                Ok(room) => self.ask_in(path, readers, &room),
                Err(error) => {
                    self.lost_file(path, &error);
                    self.ticket()
                }
            });
        }
        let request = self.request(path, readers, size, Carried::InPipe);
        let ticket = request.ticket;
        if !self.has_told_too_much(path) {
            if let Start::Unsealed = self.launcher.0 {
                let mut bytes = Vec::new();
                content.take(size).read_to_end(&mut bytes)?;
                self.keep(answer(&request, &mut Cursor::new(bytes)), 0);
            } else {
                self.send(request, content)?;
            }
        }
        Ok(ticket)
    }

    /// A place for a large member of which it is not known yet whether it will be asked about.
    pub(crate) fn room(&mut self, size: u64) -> io::Result<Room> {
        if !self.spool.has_room(size, self.bounds.in_file) {
            let outcome = self.process.as_mut().map_or(Ok(()), Process::finish_file);
            self.take_answers();
            if let Err(error) = outcome {
                self.lose(&error);
            }
        }
        if self.process.as_ref().is_none_or(|process| !process.reads_file()) {
            self.spool.clear();
        }
        self.spool.room(size)
    }

    /// Asks about the member in that room, as [`Worker::ask`] does.
    pub(crate) fn ask_in(&mut self, path: &str, readers: Vec<u8>, room: &Room) -> u32 {
        let carried = Carried::InFile { offset: room.offset };
        let request = self.request(path, readers, room.size, carried);
        let ticket = request.ticket;
        if self.has_told_too_much(path) {
            return ticket;
        }
        let outcome = match self.spool.keep(room) {
            Err(error) => Err(error),
            Ok(()) if matches!(self.launcher.0, Start::Unsealed) => {
                room.bytes().map(|bytes| self.keep(answer(&request, &mut Cursor::new(bytes)), 0))
            }
            Ok(()) => self.send(request, &mut io::empty()),
        };
        if let Err(error) = outcome {
            self.lost_file(path, &error);
        }
        ticket
    }

    /// A member could not be put into the file.
    pub(crate) fn lost_file(&mut self, path: &str, error: &io::Error) {
        self.answers.lost.push(format!("/{path}: writing it to a temporary file for the worker: {error}"));
    }

    fn ticket(&mut self) -> u32 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }

    fn request(&mut self, path: &str, readers: Vec<u8>, size: u64, carried: Carried) -> Request {
        Request { ticket: self.ticket(), readers, path: path.to_owned(), size, carried }
    }

    fn has_told_too_much(&mut self, path: &str) -> bool {
        let limit = self.bounds.layer_bytes;
        let too_much = self.bytes > limit;
        if too_much {
            self.answers.left_out.push(format!("/{path}: left out, since the files before it told {limit} bytes"));
        }
        too_much
    }

    /// Whether a worker is there, started if need be.
    fn start(&mut self, path: &str) -> bool {
        let Start::Program { program, arguments } = &self.launcher.0 else { return false };
        if self.process.is_some() {
            return true;
        }
        if self.starts_left == 0 {
            self.answers.lost.push(format!("/{path}: not read, since workers failed before"));
            return false;
        }
        self.starts_left -= 1;
        let bounds = Bounds { patience: self.patience, ..self.bounds.clone() };
        let file = self.spool.file().ok();
        match Process::start(program, arguments, &bounds, file.as_deref()) {
            Ok(process) => self.process = Some(process),
            Err(error) => {
                self.starts_left = 0;
                self.answers.lost.push(format!("/{path}: {error}"));
            }
        }
        self.process.is_some()
    }

    /// Waits for all answers.
    pub fn finish(mut self) -> Answers {
        if let Some(process) = &mut self.process {
            let outcome = process.finish();
            self.take_answers();
            if let Err(error) = outcome {
                self.lose(&error);
            }
        }
        self.answers
    }

    fn send(&mut self, request: Request, content: &mut dyn Read) -> io::Result<()> {
        if !self.start(&request.path) {
            return Ok(());
        }
        let Some(process) = &mut self.process else { return Ok(()) };
        let outcome = process.send(request, content);
        self.take_answers();
        match outcome {
            Ok(()) => Ok(()),
            Err(SendError::Content(error)) => Err(error),
            Err(SendError::Worker(error)) => {
                self.lose(&error);
                Ok(())
            }
        }
    }

    fn take_answers(&mut self) {
        let answers = self.process.as_mut().map(Process::take_answers).unwrap_or_default();
        for (answer, size) in answers {
            self.keep(answer, size);
        }
    }

    fn keep(&mut self, answer: Answer, size: usize) {
        self.bytes += size;
        self.answers.told.insert(answer.ticket, answer.told);
    }

    /// Ends a worker that failed. The member that it was about to answer is the one that it failed at, as far as can
    /// be told; those behind it were on their way and are lost with it.
    fn lose(&mut self, error: &WorkerError) {
        let Some(mut process) = self.process.take() else { return };
        self.patience = process.patience();
        if self.patience.is_zero() || matches!(error, WorkerError::Refused(_)) {
            self.starts_left = 0;
        }
        let mut unanswered = process.take_unanswered().into_iter();
        let first = unanswered.next().map(|asked| asked.path).unwrap_or_default();
        self.answers.lost.push(format!("/{first}: {error}"));
        self.answers.lost.extend(unanswered.map(|asked| format!("/{}: lost with the worker", asked.path)));
    }
}
