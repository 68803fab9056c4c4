//! A socket and those who come to it.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::asker::Asker;
use super::core::{Agent, Progress};
use super::frame::{self, FrameError};
use super::process;
use super::protocol::{Call, Code, Reply, Request};

/// What those who come may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; each is a thread.
    pub connections: usize,
    /// How long a message may take to begin, and then to come; and an answer to be taken.
    pub patience: Duration,
    /// How often is looked whether somebody has gone, the agent is to end, or has been idle.
    pub look: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 32, patience: Duration::from_secs(10), look: Duration::from_millis(100) }
    }
}

/// Who does what is asked at a socket.
pub trait Performer: Send + Sync + 'static {
    /// Does what `asker` wants. `cancelled` is set when they have gone.
    fn perform(&self, asker: &Asker, request: Request, cancelled: &Arc<AtomicBool>, progress: Progress<'_>) -> Reply;

    /// Whether the socket is to be served no longer.
    fn is_over(&self) -> bool;

    /// Something to do now and then.
    fn look_around(&self) {}
}

/// One socket of an agent.
#[derive(Debug)]
pub struct Server<P> {
    /// Who does what is asked.
    pub performer: Arc<P>,
    /// What those who come may take.
    pub limits: Limits,
}

impl Performer for Agent {
    fn perform(&self, asker: &Asker, request: Request, cancelled: &Arc<AtomicBool>, progress: Progress<'_>) -> Reply {
        Self::perform(self, asker, request, cancelled, progress)
    }

    fn is_over(&self) -> bool {
        self.is_stopping()
    }

    fn look_around(&self) {
        self.lock_when_idle();
    }
}

impl<P: Performer> Server<P> {
    /// Serves until that is over.
    pub fn serve(self, listener: &UnixListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let server = Arc::new(self);
        let open = Arc::new(AtomicUsize::new(0));
        while !server.performer.is_over() {
            server.performer.look_around();
            let mut waiting = [PollFd::new(listener, PollFlags::IN)];
            match poll(&mut waiting, Some(&timespec(server.limits.look))) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            let Ok((stream, _)) = listener.accept() else {
                // Gone again, or no descriptor left for a moment: the others go on.
                thread::sleep(server.limits.look);
                continue;
            };
            // Whoever is somebody else is told nothing.
            let Some(asker) = Asker::of(&stream) else { continue };
            if stream.set_nonblocking(false).is_err() {
                continue;
            }
            if open.fetch_add(1, Ordering::SeqCst) >= server.limits.connections {
                open.fetch_sub(1, Ordering::SeqCst);
                let reason = format!("{} connections are open already; try again later", server.limits.connections);
                let _ = say(&stream, &Reply::Refused { code: Code::Busy, reason }, server.limits.look);
                continue;
            }
            let place = Place(Arc::clone(&open));
            let each = Arc::clone(&server);
            // Where no thread can be had, the connection is closed, which its client is told by that.
            let _ = thread::Builder::new().name("asked".into()).spawn(move || {
                each.converse(&stream, &asker);
                drop(place);
            });
        }
        Ok(())
    }

    /// Serves one connection that is there already, until its other side closes it.
    pub fn serve_one(self, stream: &UnixStream) {
        if let Some(asker) = Asker::of(stream) {
            self.converse(stream, &asker);
        }
    }

    /// One request after the other, until the client goes, or says something that is none.
    fn converse(&self, stream: &UnixStream, asker: &Asker) {
        loop {
            let reply = match frame::read(stream, self.limits.patience) {
                Ok(bytes) => match Call::read(&bytes) {
                    Ok(call) => self.perform(stream, asker, call),
                    Err(error) => Reply::Refused { code: Code::Malformed, reason: error.to_string() },
                },
                Err(FrameError::Closed | FrameError::Cut | FrameError::Broken(_)) => return,
                Err(error) => Reply::Refused { code: Code::Malformed, reason: error.to_string() },
            };
            let is_last = matches!(&reply, Reply::Refused { code: Code::Malformed, .. });
            if say(stream, &reply, self.limits.patience).is_err() || is_last {
                return;
            }
        }
    }

    /// Does it on a thread of its own, while this one notices when the client goes.
    fn perform(&self, stream: &UnixStream, asker: &Asker, call: Call) -> Reply {
        let cancelled = Arc::new(AtomicBool::new(false));
        let asker = asker.clone().at_terminal(call.terminal.as_deref()).for_another(call.origin);
        let (done, result) = mpsc::sync_channel(1);
        thread::scope(|scope| {
            let flag = Arc::clone(&cancelled);
            let started = thread::Builder::new().name("doing".into()).spawn_scoped(scope, move || {
                let mut progress = |text: String| {
                    if say(stream, &Reply::Progress { text }, self.limits.patience).is_err() {
                        flag.store(true, Ordering::SeqCst);
                    }
                };
                let reply = self.performer.perform(&asker, call.request, &flag, &mut progress);
                let _ = done.send(reply);
            });
            if let Err(error) = started {
                return Reply::Refused { code: Code::Busy, reason: format!("cannot start a thread: {error}") };
            }
            loop {
                match result.recv_timeout(self.limits.look) {
                    Ok(reply) => return reply,
                    Err(mpsc::RecvTimeoutError::Timeout) => {
                        if process::has_gone(stream) || self.performer.is_over() {
                            cancelled.store(true, Ordering::SeqCst);
                        }
                    }
                    Err(mpsc::RecvTimeoutError::Disconnected) => {
                        return Reply::Refused { code: Code::Failed, reason: "the agent failed at it".into() };
                    }
                }
            }
        })
    }
}

/// A place among the connections.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn say(stream: &UnixStream, reply: &Reply, patience: Duration) -> Result<(), FrameError> {
    let bytes = serde_json::to_vec(reply).map_err(io::Error::from)?;
    frame::write(stream, &bytes, patience)
}

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), tv_nsec: duration.subsec_nanos().into() }
}
