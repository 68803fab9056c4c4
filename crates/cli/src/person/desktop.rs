//! A person at a desktop without a terminal: told by notifications, asked by buttons under them, and for secrets in the
//! window of a [pinentry](super::pinentry): a notification is no place to type one.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keys::{Intent, KeyError, Passphrase, Person, Pin, PinAsk, PinKind, TouchMoment, Unasked};

use super::pinentry::Pinentry;
use super::{SECRETS, words};
use crate::output::plain;

/// libnotify's command (package `libnotify-bin`), which every desktop's notifications understand.
const PROGRAM: &str = "notify-send";
/// How a secret is given where no window can be shown for it.
const UNLOCK: &str = "unlock the key at one with: plimsoll agent unlock";

/// A person at a desktop.
#[derive(Debug)]
pub(crate) struct Desktop {
    program: PathBuf,
    key: String,
    cancelled: Arc<AtomicBool>,
    /// Which touch was told of last: they are told of about once a second, and a notification is shown once.
    told: AtomicU32,
    /// What was shown last, for the window that asks for a secret.
    shown: Mutex<String>,
    /// What was wrong with the passphrase that was typed last.
    refused: Mutex<Option<String>>,
}

impl Desktop {
    /// The desktop of this process' user, where there is one and something to notify with.
    pub(crate) fn at_hand(key: &str, cancelled: Arc<AtomicBool>) -> Option<Self> {
        let has = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !(has("DBUS_SESSION_BUS_ADDRESS") && (has("DISPLAY") || has("WAYLAND_DISPLAY"))) {
            return None;
        }
        let ways = std::env::var_os("PATH")?;
        let program = std::env::split_paths(&ways).map(|way| way.join(PROGRAM)).find(|path| path.is_file())?;
        Some(Self {
            program,
            key: key.to_owned(),
            cancelled,
            told: AtomicU32::new(0),
            shown: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    fn notify(&self, title: &str, body: &str, more: &[String]) -> Option<Child> {
        let mut command = Command::new(&self.program);
        command
            .args(["--app-name=plimsoll", "--icon=dialog-password"])
            .args(more)
            .arg("--")
            .arg(title)
            .arg(escaped(body));
        for secret in SECRETS {
            command.env_remove(secret);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()
    }

    fn ask(&self, pinentry: &Pinentry, prompt: &str) -> Result<zeroize::Zeroizing<String>, KeyError> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let description = if shown.is_empty() { format!("plimsoll unlocks {}", self.key) } else { shown };
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        pinentry.ask(&description, prompt, refused.as_deref(), &self.cancelled)
    }

    fn tell(&self, title: &str, body: &str) {
        if let Some(mut child) = self.notify(title, body, &[]) {
            let _ = child.wait();
        }
    }
}

impl Person for Desktop {
    fn show(&self, intent: &Intent) {
        let text = words::intent(intent, Some(&self.key), usize::MAX);
        self.tell("About to sign", &text);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    fn passphrase(&self, name: &str) -> Result<Passphrase, KeyError> {
        let Some(pinentry) = Pinentry::at_hand() else {
            self.tell(
                "A key is locked",
                &format!("{}: unlock it at a terminal with: plimsoll agent unlock", plain(name)),
            );
            return Err(KeyError::NobodyToAsk(Unasked::or(format!("the passphrase of {name}"), UNLOCK)));
        };
        let text = self.ask(&pinentry, &format!("Passphrase for {}:", plain(name)))?;
        Passphrase::new(&text, "the window")
    }

    fn mistyped(&self, _: &str, left: u32) -> bool {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(words::mistyped(left));
        true
    }

    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError> {
        let device = plain(&ask.device);
        // A new secret is typed twice, so that who mistypes unseen does not lock themselves out: at a terminal.
        let pinentry = Pinentry::at_hand().filter(|_| !matches!(ask.kind, PinKind::NewPin | PinKind::NewPuk));
        let Some(pinentry) = pinentry else {
            self.tell("A key wants its PIN", &format!("{device}: unlock it at a terminal with: plimsoll agent unlock"));
            return Err(KeyError::NobodyToAsk(Unasked::or(ask.to_string(), UNLOCK)));
        };
        self.ask(&pinentry, words::pin(ask).trim_end()).map(|text| Pin::new(&text))
    }

    fn choose(&self, question: &str, choices: &[String]) -> Result<usize, KeyError> {
        let nobody = || KeyError::NobodyToAsk(Unasked::new(question));
        let mut buttons = vec!["--wait".to_owned(), "--urgency=critical".to_owned()];
        buttons.extend(choices.iter().enumerate().map(|(place, choice)| format!("--action={place}={}", plain(choice))));
        let mut child = self.notify("plimsoll", question, &buttons).ok_or_else(nobody)?;
        while child.try_wait().map_err(|_| nobody())?.is_none() {
            if self.is_cancelled() {
                let _ = child.kill();
                let _ = child.wait();
                return Err(KeyError::Cancelled);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let output = child.wait_with_output().map_err(|_| nobody())?;
        let pressed = String::from_utf8_lossy(&output.stdout).trim().parse::<usize>().ok();
        // Put away without an answer is no yes to anything.
        pressed.filter(|place| *place < choices.len()).ok_or(KeyError::Cancelled)
    }

    fn waits(&self, device: &str, by: &[String]) {
        self.tell("plimsoll", &words::waits(device, by));
    }

    fn touch(&self, moment: TouchMoment) {
        match moment {
            TouchMoment::Awaited { number, of, left } => {
                if self.told.swap(number, Ordering::SeqCst) != number {
                    self.tell("Touch your key", &words::awaited(number, of, left, false));
                }
            }
            TouchMoment::Touched => {}
            ended => self.tell("plimsoll", words::ended(ended)),
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

/// Bodies of notifications are read as markup (desktop notifications specification, "Markup").
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
