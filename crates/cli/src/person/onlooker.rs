//! Where there is no terminal: what happens is said, nothing can be asked.

use keys::{Intent, KeyError, Nobody, Passphrase, Person, Pin, PinAsk, TouchMoment};

use super::words;

/// Whoever reads stderr, a CI job's log for example.
#[derive(Clone, Debug, Default)]
pub(crate) struct Onlooker {
    /// The key that will sign, where it is to be named.
    pub(crate) key: Option<String>,
}

impl Person for Onlooker {
    fn show(&self, intent: &Intent) {
        eprint!("{}", words::intent(intent, self.key.as_deref(), usize::MAX));
    }

    fn is_there(&self) -> bool {
        false
    }

    fn passphrase(&self, name: &str) -> Result<Passphrase, KeyError> {
        Nobody.passphrase(name)
    }

    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError> {
        Nobody.pin(ask)
    }

    fn choose(&self, question: &str, choices: &[String]) -> Result<usize, KeyError> {
        Nobody.choose(question, choices)
    }

    fn waits(&self, device: &str, by: &[String]) {
        eprintln!("{}", words::waits(device, by));
    }

    fn touch(&self, moment: TouchMoment) {
        // A log has no line that changes: the wait is said once, and how it ended.
        match moment {
            TouchMoment::Awaited { number, of, left } if number == 1 => {
                eprintln!("{}", words::awaited(number, of, left, false));
            }
            TouchMoment::Awaited { .. } => {}
            ended => eprintln!("{}", words::ended(ended)),
        }
    }
}
