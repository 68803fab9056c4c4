//! A second, narrower way to an agent.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use super::asker::{Asker, Origin};
use super::client::{Client, ClientError};
use super::core::Progress;
use super::protocol::{Code, Reply, Request};
use super::server::Performer;
use crate::ImageRequest;

/// How often one who waits for the agent looks whether they still want to.
const LOOK: Duration = Duration::from_millis(100);

const OVER: &str = "the time for which this way was opened is over";

/// Which images may be asked for, and until when.
#[derive(Clone)]
pub struct Scope {
    /// Whether a repository (with its registry) is one of them.
    pub repositories: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    /// The end.
    pub until: SystemTime,
}

/// Asks the user's agent for others, and lets through what is in a scope.
#[derive(Debug)]
pub struct Narrow {
    /// The agent's socket.
    pub agent: PathBuf,
    /// The terminal where its user is asked.
    pub terminal: Option<String>,
    /// What is let through.
    pub scope: Scope,
    /// For whom.
    pub origin: Origin,
}

impl Scope {
    /// `Err` says why not.
    pub fn allows(&self, image: &ImageRequest, now: SystemTime) -> Result<(), String> {
        if now >= self.until {
            return Err(OVER.into());
        }
        if (self.repositories)(&image.repository) {
            return Ok(());
        }
        Err(format!("this way was not opened for the repository {}", image.repository))
    }
}

impl Narrow {
    /// Has an image signed for somebody, if that is in the scope.
    pub fn sign_image(
        &self,
        key: Option<String>,
        image: ImageRequest,
        origin: Origin,
        cancelled: &Arc<AtomicBool>,
        progress: Progress<'_>,
    ) -> Reply {
        if let Err(reason) = self.scope.allows(&image, SystemTime::now()) {
            return Reply::Refused { code: Code::NotAllowed, reason };
        }
        self.ask(Request::SignImage { key, image }, origin, cancelled, progress)
    }

    fn ask(&self, request: Request, origin: Origin, cancelled: &Arc<AtomicBool>, progress: Progress<'_>) -> Reply {
        let client = match Client::connect(&self.agent) {
            Ok(client) => client.at_terminal(self.terminal.clone()).on_behalf_of(origin),
            Err(error) => return Reply::Refused { code: Code::Failed, reason: error.to_string() },
        };
        let is_done = AtomicBool::new(false);
        let answered = thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::SeqCst) {
                    // What was asked before the end and is looked at after it is too late as well.
                    if cancelled.load(Ordering::SeqCst) || SystemTime::now() >= self.scope.until {
                        return client.hang_up();
                    }
                    thread::sleep(LOOK);
                }
            });
            let answered = client.ask(request, &mut |text| progress(text.to_owned()));
            is_done.store(true, Ordering::SeqCst);
            answered
        });
        match answered {
            Ok(reply) => reply,
            Err(ClientError::Refused { code, reason }) => Reply::Refused { code, reason },
            Err(_) if SystemTime::now() >= self.scope.until => {
                Reply::Refused { code: Code::NotAllowed, reason: OVER.into() }
            }
            Err(_) if cancelled.load(Ordering::SeqCst) => {
                Reply::Refused { code: Code::Cancelled, reason: "cancelled; nothing was signed".into() }
            }
            Err(error) => Reply::Refused { code: Code::Failed, reason: error.to_string() },
        }
    }
}

impl Performer for Narrow {
    fn perform(&self, _: &Asker, request: Request, cancelled: &Arc<AtomicBool>, progress: Progress<'_>) -> Reply {
        match request {
            Request::SignImage { key, image } => self.sign_image(key, image, self.origin.clone(), cancelled, progress),
            Request::List if SystemTime::now() < self.scope.until => {
                self.ask(Request::List, self.origin.clone(), cancelled, progress)
            }
            _ => Reply::Refused {
                code: Code::NotAllowed,
                reason: "over this way only images can be signed, one at a time".into(),
            },
        }
    }

    fn is_over(&self) -> bool {
        SystemTime::now() >= self.scope.until
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scope").field("until", &self.until).finish_non_exhaustive()
    }
}
