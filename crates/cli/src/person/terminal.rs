//! A person at a terminal.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use keys::{Intent, KeyError, Passphrase, Person, Pin, PinAsk, PinKind, TouchMoment, Unasked};
use rustix::fs::OFlags;
use rustix::process::getpgrp;
use rustix::termios::{isatty, tcgetpgrp, tcgetwinsize};

use super::interrupts::{self, Kept};
use super::typing::{self, Untyped};
use super::words;
use crate::output::plain;

/// How often a new PIN that was not typed the same twice is asked for anew.
const TRIES: usize = 3;

/// A person at a terminal.
pub(crate) struct Terminal {
    tty: Arc<File>,
    key: Mutex<Option<String>>,
    /// There while a touch is awaited: the terminal shows nothing that is typed, and its last line is ours.
    waiting: Mutex<Option<Kept>>,
    cancelled: Arc<AtomicBool>,
    /// Whether another program draws there meanwhile (cosign's spinner), over whatever stands in the last line.
    is_shared: bool,
}

impl Terminal {
    /// This process' own terminal, whatever standard input and output are.
    pub(crate) fn open() -> io::Result<Self> {
        let terminal = Self::at(Path::new("/dev/tty"), Arc::default())?;
        interrupts::watch();
        Ok(terminal)
    }

    /// The terminal at a path. What is asked there ends as cancelled when `cancelled` is set.
    pub(crate) fn at(path: &Path, cancelled: Arc<AtomicBool>) -> io::Result<Self> {
        let flags = OFlags::NOCTTY | OFlags::CLOEXEC;
        let tty = File::options().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(path)?;
        if !isatty(&tty) {
            return Err(io::Error::other(format!("{} is no terminal", path.display())));
        }
        // Only one's own terminal tells who is before it. Whoever reads there without being that is stopped (termios(3),
        // "job control"), and an agent that is stopped answers nobody.
        if tcgetpgrp(&tty).is_ok_and(|foreground| foreground != getpgrp()) {
            return Err(io::Error::other(format!("{} is in the hands of another program", path.display())));
        }
        Ok(Self { tty: Arc::new(tty), key: Mutex::default(), waiting: Mutex::default(), cancelled, is_shared: false })
    }

    /// Says that another program may draw over the last line: what is said stands in lines of its own then.
    pub(crate) fn share(&mut self) {
        self.is_shared = true;
    }

    /// Names the key that will sign, for what is shown.
    pub(crate) fn name_key(&self, name: &str) {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = Some(name.to_owned());
    }

    /// Says something.
    pub(crate) fn say(&self, text: &str) {
        // A terminal that has gone is noticed by whoever asks there.
        let _ = (&*self.tty).write_all(text.as_bytes());
    }

    /// What is typed unseen. `what` is asked for, in words.
    pub(crate) fn secret(&self, prompt: &str, what: &str) -> Result<zeroize::Zeroizing<String>, KeyError> {
        self.ask(prompt, true, what)
    }

    fn width(&self) -> usize {
        tcgetwinsize(&*self.tty).map(|size| usize::from(size.ws_col)).ok().filter(|width| *width > 0).unwrap_or(80)
    }

    fn ask(&self, prompt: &str, secret: bool, what: &str) -> Result<zeroize::Zeroizing<String>, KeyError> {
        let own_line = format!("\n{}\n", prompt.trim_end());
        let prompt = if self.is_shared { &own_line } else { prompt };
        typing::line(&self.tty, prompt, secret, &self.cancelled).map_err(|untyped| match untyped {
            Untyped::Cancelled => KeyError::Cancelled,
            Untyped::Gone => KeyError::NobodyToAsk(Unasked::new(format!("{what} (the terminal has gone)"))),
            Untyped::TooLong => KeyError::NobodyToAsk(Unasked::new(format!("{what} (more was typed than any has)"))),
        })
    }

    /// Writes over the last line, without any sequence that a terminal might not know.
    fn rewrite(&self, text: &str, end: &str) {
        let room = self.width().saturating_sub(1);
        let text: String = text.chars().take(room).collect();
        self.say(&format!("\r{text:room$}{end}"));
    }
}

impl Person for Terminal {
    fn show(&self, intent: &Intent) {
        interrupts::soften(&self.cancelled);
        let key = self.key.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.say(&words::intent(intent, key.as_deref(), self.width()));
    }

    fn passphrase(&self, name: &str) -> Result<Passphrase, KeyError> {
        let text = self.ask(&format!("Passphrase for {}: ", plain(name)), true, "the passphrase")?;
        Passphrase::new(&text, "the terminal")
    }

    fn mistyped(&self, _: &str, left: u32) -> bool {
        self.say(&format!("{}\n", words::mistyped(left)));
        true
    }

    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError> {
        let prompt = words::pin(ask);
        if !matches!(ask.kind, PinKind::NewPin | PinKind::NewPuk) {
            return self.ask(&prompt, true, "the PIN").map(|text| Pin::new(&text));
        }
        for _ in 0..TRIES {
            let first = self.ask(&prompt, true, "a new PIN")?;
            if first == self.ask("The same again: ", true, "the new PIN once more")? {
                return Ok(Pin::new(&first));
            }
            self.say("the two differ\n");
        }
        Err(KeyError::NobodyToAsk(Unasked::new("the new PIN (it was never typed the same twice)")))
    }

    fn choose(&self, question: &str, choices: &[String]) -> Result<usize, KeyError> {
        let mut text = format!("{}\n", plain(question));
        for (place, choice) in choices.iter().enumerate() {
            let _ = writeln!(text, "{:>4}  {}", place + 1, plain(choice));
        }
        self.say(&text);
        loop {
            let typed = self.ask(&format!("Number (1-{}): ", choices.len()), false, question)?;
            let word = typed.trim().to_lowercase();
            // A question that is answered by yes or no.
            if let [yes, no] = choices
                && yes.starts_with("yes")
                && no.starts_with("no")
                && let Some(place) = match word.as_str() {
                    "y" | "yes" => Some(0),
                    "n" | "no" => Some(1),
                    _ => None,
                }
            {
                return Ok(place);
            }
            match word.parse::<usize>() {
                Ok(number) if (1..=choices.len()).contains(&number) => return Ok(number - 1),
                _ => self.say("that is none of them; Ctrl-C cancels\n"),
            }
        }
    }

    fn waits(&self, device: &str, by: &[String]) {
        interrupts::soften(&self.cancelled);
        self.say(&format!("{}; Ctrl-C gives up\n", words::waits(device, by)));
    }

    fn touch(&self, moment: TouchMoment) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match moment {
            TouchMoment::Awaited { number, of, left } => {
                if waiting.is_none() {
                    interrupts::soften(&self.cancelled);
                    *waiting = typing::quiet(&self.tty, false).ok();
                    if self.is_shared {
                        self.say(&format!("\n{}\n", words::awaited(number, of, left, true)));
                    }
                }
                if self.is_shared {
                    return;
                }
                self.rewrite(&words::awaited(number, of, left, true), "");
            }
            // A key that needed no finger leaves nothing to say.
            TouchMoment::Touched if waiting.is_none() => {}
            ended => {
                if self.is_shared {
                    self.say(&format!("\n{}\n", words::ended(ended)));
                } else {
                    self.rewrite(words::ended(ended), "\n");
                }
                *waiting = None;
            }
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Terminal").finish_non_exhaustive()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let waiting = self.waiting.get_mut().unwrap_or_else(PoisonError::into_inner);
        if waiting.take().is_some() {
            let _ = (&*self.tty).write_all(b"\n");
        }
    }
}

#[cfg(test)]
mod tests;
