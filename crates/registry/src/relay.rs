//! Requests for signatures, on their way from whoever wants one (a CI runner) to the agent of whoever has the key.
//!
//! The registry believes and signs nothing: it keeps a request in memory until it is answered, taken back or too old,
//! and hands the answer on. The agent fetches what it signs itself, and the one who asked verifies what comes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keys::ImageRequest;
use keys::agent::Reply;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{Code, Refusal};
use crate::events::random_name;

/// Requests that are open at once.
const MOST: usize = 64;
/// How long an answer is waited for.
const LIFETIME: Duration = Duration::from_mins(10);
/// One who has not looked for so long does not wait any more.
const FORGOTTEN: Duration = Duration::from_mins(1);
/// An agent that took a request and has said nothing for so long does not work at it. It says something every two seconds.
const SILENT: Duration = Duration::from_secs(20);

const WAITING: &str = "waiting for an agent to take it";

pub(crate) struct Relay {
    open: Mutex<HashMap<String, Open>>,
    changes: watch::Sender<u64>,
    /// [`SILENT`], but in tests.
    silence: Duration,
}

/// A request that is under way.
struct Open {
    image: ImageRequest,
    key: Option<String>,
    caller: String,
    /// What only the one who asked knows.
    token: String,
    /// What only the agent knows that took it.
    claim: Option<String>,
    /// When that agent was heard last.
    heard: Instant,
    text: String,
    answer: Option<Reply>,
    /// When it changed last, in the relay's own count.
    version: u64,
    until: Instant,
    looked: Instant,
}

/// A request as agents see it.
#[derive(Debug, Serialize)]
pub(crate) struct Waiting {
    id: String,
    image: ImageRequest,
    key: Option<String>,
    caller: String,
    seconds_left: u64,
}

impl Relay {
    pub(crate) fn new() -> Self {
        Self { open: Mutex::default(), changes: watch::Sender::new(0), silence: SILENT }
    }

    /// Takes a request; tells its name and the token of the one who asked.
    pub(crate) fn ask(&self, image: ImageRequest, key: Option<String>, caller: String) -> Result<Value, Refusal> {
        let mut open = self.open();
        if open.len() >= MOST {
            let reason = format!("{MOST} requests for signatures are open already; try again later");
            return Err(Refusal::new(Code::TooManyRequests, reason));
        }
        let (id, token, now) = (random_name(), random_name(), Instant::now());
        if id.is_empty() || token.is_empty() {
            return Err(Refusal::new(Code::Internal, "the system gave no random numbers"));
        }
        let request = Open {
            image,
            key,
            caller,
            token: token.clone(),
            claim: None,
            heard: now,
            text: WAITING.into(),
            answer: None,
            version: self.changed(),
            until: now + LIFETIME,
            looked: now,
        };
        open.insert(id.clone(), request);
        Ok(json!({ "id": id, "token": token, "seconds_left": LIFETIME.as_secs() }))
    }

    /// How a request does, for the one who asked: as soon as it is newer than `after`, or after so long.
    pub(crate) async fn state(&self, id: &str, token: &str, after: u64, wait: Duration) -> Result<Value, Refusal> {
        let mut changes = self.changes.subscribe();
        let end = Instant::now() + wait;
        loop {
            changes.mark_unchanged();
            {
                let mut open = self.open();
                let request = find(&mut open, id, |request| request.token == token)?;
                request.looked = Instant::now();
                if request.version > after || Instant::now() >= end {
                    return Ok(json!({
                        "version": request.version, "text": request.text, "answer": request.answer,
                        "taken": request.claim.is_some(),
                    }));
                }
            }
            let _ = tokio::time::timeout_at(end, changes.changed()).await;
        }
    }

    /// Takes a request back, or an answered one away.
    pub(crate) fn forget(&self, id: &str, token: &str) -> Result<(), Refusal> {
        let mut open = self.open();
        find(&mut open, id, |request| request.token == token)?;
        open.remove(id);
        self.changed();
        Ok(())
    }

    /// What waits to be taken, of what `visible` lets through; waits until there is something, or for so long.
    pub(crate) async fn waiting(&self, wait: Duration, visible: impl Fn(&ImageRequest) -> bool) -> Vec<Waiting> {
        let mut changes = self.changes.subscribe();
        let end = Instant::now() + wait;
        loop {
            changes.mark_unchanged();
            let waiting: Vec<Waiting> = self
                .open()
                .iter()
                .filter(|(_, request)| request.claim.is_none() && visible(&request.image))
                .map(|(id, request)| Waiting {
                    id: id.clone(),
                    image: request.image.clone(),
                    key: request.key.clone(),
                    caller: request.caller.clone(),
                    seconds_left: request.until.saturating_duration_since(Instant::now()).as_secs(),
                })
                .collect();
            if !waiting.is_empty() || tokio::time::timeout_at(end, changes.changed()).await.is_err() {
                return waiting;
            }
        }
    }

    /// Which image a request is about.
    pub(crate) fn image(&self, id: &str) -> Result<ImageRequest, Refusal> {
        find(&mut self.open(), id, |_| true).map(|request| request.image.clone())
    }

    /// An agent takes a request: it alone may answer from then on.
    pub(crate) fn claim(&self, id: &str) -> Result<Value, Refusal> {
        let mut open = self.open();
        let request = find(&mut open, id, |request| request.claim.is_none())?;
        let claim = random_name();
        if claim.is_empty() {
            return Err(Refusal::new(Code::Internal, "the system gave no random numbers"));
        }
        request.claim = Some(claim.clone());
        request.heard = Instant::now();
        request.text = "an agent has taken it".into();
        request.version = self.changed();
        Ok(json!({ "claim": claim }))
    }

    /// An agent tells how it goes on, or how it ended. An error tells the agent that nobody waits any more.
    pub(crate) fn answer(&self, id: &str, claim: &str, reply: Reply) -> Result<(), Refusal> {
        let mut open = self.open();
        let mine = |request: &Open| request.claim.as_deref() == Some(claim) && request.answer.is_none();
        let request = find(&mut open, id, mine)?;
        request.heard = Instant::now();
        match reply {
            // Said again and again, so that the agent hears whether somebody still waits.
            Reply::Progress { text } if text == request.text => return Ok(()),
            Reply::Progress { text } => request.text = text.chars().take(200).collect(),
            other => request.answer = Some(other),
        }
        request.version = self.changed();
        Ok(())
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        open.retain(|_, request| now < request.until && now < request.looked + FORGOTTEN);
        // Whoever takes a request and does nothing keeps it from no other agent.
        let is_left =
            |request: &Open| request.claim.is_some() && request.answer.is_none() && now > request.heard + self.silence;
        for request in open.values_mut().filter(|request| is_left(request)) {
            request.claim = None;
            request.text = WAITING.into();
            request.version = self.changed();
        }
        open
    }

    fn changed(&self) -> u64 {
        self.changes.send_modify(|count| *count += 1);
        *self.changes.borrow()
    }
}

fn find<'a>(
    open: &'a mut HashMap<String, Open>,
    id: &str,
    fits: impl Fn(&Open) -> bool,
) -> Result<&'a mut Open, Refusal> {
    let gone = || {
        let reason = "there is no such request: it was answered, taken by another agent, taken back, or is too old";
        Refusal::new(Code::NameUnknown, reason)
    };
    open.get_mut(id).filter(|request| fits(request)).ok_or_else(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ImageRequest {
        ImageRequest { repository: "r.io/app".into(), tag: None, digest: "sha256:00".into(), formats: Vec::new() }
    }

    fn text(value: &Value, name: &str) -> String {
        value[name].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn who_takes_a_request_and_does_nothing_keeps_it_from_no_other_agent() {
        let mut relay = Relay { silence: Duration::from_hours(1), ..Relay::new() };
        let asked = relay.ask(request(), None, "somebody".into()).unwrap();
        let (id, token) = (text(&asked, "id"), text(&asked, "token"));
        let first = text(&relay.claim(&id).unwrap(), "claim");
        assert!(relay.claim(&id).is_err(), "whoever took it was heard a moment ago");
        relay.silence = Duration::ZERO;
        assert_eq!(relay.waiting(Duration::ZERO, |_| true).await.len(), 1);
        relay.silence = Duration::from_hours(1);
        let second = text(&relay.claim(&id).unwrap(), "claim");
        assert!(relay.answer(&id, &first, Reply::Progress { text: "late".into() }).is_err());
        relay.answer(&id, &second, Reply::Progress { text: "shown".into() }).unwrap();
        let state = relay.state(&id, &token, 0, Duration::ZERO).await.unwrap();
        assert_eq!(state["text"], "shown");
    }
}
