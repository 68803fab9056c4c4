//! Where the agent's user is, for each request anew.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use keys::agent::{Asker, People};
use keys::{Intent, KeyError, Passphrase, Person, Pin, PinAsk, TouchMoment};

use crate::person::{Desktop, Onlooker, Terminal};

/// The user: at the terminal of the program that asks, else at the agent's own, else at their desktop. Where there is
/// none of them, what happens is said on stderr and nothing can be asked.
#[derive(Debug)]
pub(super) struct User;

impl People for User {
    fn meet(&self, asker: &Asker, key: &str, cancelled: &Arc<AtomicBool>) -> Box<dyn Person> {
        let places = [asker.terminal.as_deref(), Some(Path::new("/dev/tty"))];
        for place in places.into_iter().flatten() {
            if let Ok(mut terminal) = Terminal::at(place, Arc::clone(cancelled)) {
                if !is_ours(asker) {
                    terminal.share();
                }
                terminal.name_key(key);
                return Box::new(terminal);
            }
        }
        match Desktop::at_hand(key, Arc::clone(cancelled)) {
            Some(desktop) => Box::new(desktop),
            None => Box::new(Unreached(Onlooker { key: Some(key.to_owned()) })),
        }
    }
}

/// Whether this program asks, which keeps still meanwhile.
fn is_ours(asker: &Asker) -> bool {
    let own = std::env::current_exe().ok();
    own.is_some_and(|own| asker.program.as_deref().map(Path::new) == Some(&own))
}

/// A user who is at no terminal of theirs and at no desktop. The agent they can reach from one.
struct Unreached(Onlooker);

/// How they do.
const UNLOCK: &str = "unlock the key at a terminal that is yours (su and sudo keep theirs): plimsoll agent unlock";

impl Person for Unreached {
    fn show(&self, intent: &Intent) {
        self.0.show(intent);
    }

    fn is_there(&self) -> bool {
        self.0.is_there()
    }

    fn passphrase(&self, name: &str) -> Result<Passphrase, KeyError> {
        self.0.passphrase(name).map_err(|error| error.or_instead(UNLOCK))
    }

    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError> {
        self.0.pin(ask).map_err(|error| error.or_instead(UNLOCK))
    }

    fn choose(&self, question: &str, choices: &[String]) -> Result<usize, KeyError> {
        self.0.choose(question, choices)
    }

    fn waits(&self, device: &str, by: &[String]) {
        self.0.waits(device, by);
    }

    fn touch(&self, moment: TouchMoment) {
        self.0.touch(moment);
    }
}
