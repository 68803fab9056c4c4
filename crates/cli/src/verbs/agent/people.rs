//! Where the agent's user is, for each request anew.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use keys::Person;
use keys::agent::{Asker, People};

use crate::person::{Desktop, Onlooker, Terminal};

/// The user: at the terminal of the program that asks, else at the agent's own, else at their desktop. Where there is
/// none of them, what happens is said on stderr and nothing can be asked.
#[derive(Debug)]
pub(super) struct User;

impl People for User {
    fn meet(&self, asker: &Asker, key: &str, cancelled: &Arc<AtomicBool>) -> Box<dyn Person> {
        let places = [asker.terminal.as_deref(), Some(Path::new("/dev/tty"))];
        for place in places.into_iter().flatten() {
            if let Ok(terminal) = Terminal::at(place, Arc::clone(cancelled)) {
                terminal.name_key(key);
                return Box::new(terminal);
            }
        }
        match Desktop::at_hand(key, Arc::clone(cancelled)) {
            Some(desktop) => Box::new(desktop),
            None => Box::new(Onlooker { key: Some(key.to_owned()) }),
        }
    }
}
