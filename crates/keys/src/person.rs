//! The person whose key it is: shown what will be signed, asked for passphrase, PIN and touch.

use std::fmt;
use std::time::Duration;

use crate::{KeyError, Passphrase, Pin, Unasked};

/// How a passphrase is given where nobody can be asked, as an order.
pub const PASSPHRASE_BEFOREHAND: &str =
    "give it with --passphrase-fd N, as systemd credential plimsoll-passphrase or, weakest, in PLIMSOLL_PASSPHRASE";
/// How a PIN is.
const PIN: &str = "give it with --pin-fd N, as systemd credential plimsoll-pin or, weakest, in PLIMSOLL_PIN";
/// How often a passphrase may be mistyped.
const TRIES: u32 = 3;

/// Who is shown and asked. A terminal, a desktop, an agent's client; [`Nobody`] where a program runs alone.
pub trait Person: Send + Sync {
    /// What is going to be signed. Told before the key is asked for anything.
    fn show(&self, intent: &Intent);

    /// Whether what is shown is seen by somebody, as far as that can be known.
    fn is_there(&self) -> bool {
        true
    }

    /// The passphrase of a file.
    fn passphrase(&self, name: &str) -> Result<Passphrase, KeyError>;

    /// What was typed does not open it, `left` more tries are given. Whether it will be asked for once more.
    fn mistyped(&self, name: &str, left: u32) -> bool {
        let _ = (name, left);
        false
    }

    /// A secret of a device.
    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError>;

    /// Which of several devices or keys, by its place in `choices`.
    fn choose(&self, question: &str, choices: &[String]) -> Result<usize, KeyError>;

    /// How the wait for a touch goes.
    fn touch(&self, moment: TouchMoment);

    /// Another program has the device, which is waited for. Told once, after 300 ms; `by` are the programs that may be
    /// the one, as `name (process 42)`.
    fn waits(&self, device: &str, by: &[String]) {
        let _ = (device, by);
    }

    /// Whether the person no longer wants it (Ctrl-C). A touch that comes later is thrown away.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Opens something with the passphrase that a person types, which they may mistype now and then.
pub fn typed<T>(
    person: &dyn Person,
    name: &str,
    open: impl Fn(&Passphrase) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    let mut left = TRIES;
    loop {
        left -= 1;
        let opened = person.passphrase(name).and_then(|passphrase| open(&passphrase));
        match opened {
            Err(KeyError::WrongPassphrase(_) | KeyError::EmptyPassphrase(_))
                if left > 0 && person.mistyped(name, left) => {}
            opened => return opened,
        }
    }
}

/// What is going to be signed, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Intent {
    /// The repository with its registry; `None` where nobody told (cosign's and notation's plugins).
    pub repository: Option<String>,
    /// The tag, where one was named.
    pub tag: Option<String>,
    /// The digest of what is signed, `sha256:…`; `None` for bytes of which nothing is known.
    pub digest: Option<String>,
    /// What is made: `Sigstore bundle`, `notation signature`.
    pub formats: Vec<String>,
    /// Who asks, where it is not the person at this terminal: `cosign`, `runner 7 by registry.example.com`.
    pub asked_by: Option<String>,
}

/// A device wants one of its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinAsk {
    /// The device as people know it: `YubiKey 12345678`.
    pub device: String,
    /// Which secret.
    pub kind: PinKind,
    /// How often it may still be wrong, where the device tells.
    pub tries_left: Option<u8>,
}

/// What is asked for, as part of a sentence: `the PUK of YubiKey 12345678`.
impl fmt::Display for PinAsk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            PinKind::Pin => "the PIN of",
            PinKind::Puk => "the PUK of",
            PinKind::NewPin => "a new PIN for",
            PinKind::NewPuk => "a new PUK for",
            PinKind::Token => "the user PIN of",
        };
        write!(formatter, "{what} {}", self.device)
    }
}

/// The secrets of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinKind {
    /// The PIN.
    Pin,
    /// What unblocks the PIN.
    Puk,
    /// A PIN that is about to be set; asked for twice.
    NewPin,
    /// A PUK that is about to be set; asked for twice.
    NewPuk,
    /// A PKCS#11 token's user PIN.
    Token,
}

/// A moment in the wait for a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TouchMoment {
    /// The device has not answered for 300 ms: it waits for a finger. Told about once a second.
    Awaited {
        /// Which touch of how many that are needed, from 1.
        number: u32,
        /// How many are needed in all.
        of: u32,
        /// The time left before the device gives up, as far as it is known.
        left: Duration,
    },
    /// It was touched, or needed no touch after all.
    Touched,
    /// Nobody touched it in time.
    TimedOut,
    /// The person gave up; what the device still signs is thrown away.
    Cancelled,
    /// The device was pulled out.
    Removed,
}

/// No one to ask: a program that runs alone. Secrets must come from its surroundings; a touch is waited for in
/// silence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Person for Nobody {
    fn show(&self, _: &Intent) {}

    fn is_there(&self) -> bool {
        false
    }

    fn passphrase(&self, name: &str) -> Result<Passphrase, KeyError> {
        Err(KeyError::NobodyToAsk(Unasked::or(format!("the passphrase of {name}"), PASSPHRASE_BEFOREHAND)))
    }

    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError> {
        Err(KeyError::NobodyToAsk(match ask.kind {
            PinKind::Pin | PinKind::Token => Unasked::or(ask.to_string(), PIN),
            PinKind::Puk | PinKind::NewPin | PinKind::NewPuk => Unasked::new(ask.to_string()),
        }))
    }

    fn choose(&self, question: &str, _: &[String]) -> Result<usize, KeyError> {
        Err(KeyError::NobodyToAsk(Unasked::new(question)))
    }

    fn touch(&self, _: TouchMoment) {}
}
