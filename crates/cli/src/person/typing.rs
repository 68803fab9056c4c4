//! Lines that a person types at a terminal, secret or not.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
use zeroize::{Zeroize as _, Zeroizing};

use super::interrupts::{self, Kept};

/// As long as a passphrase may be.
const LONGEST: usize = 4096;

/// How long a read waits before it looks whether it is still wanted, in tenths of a second.
const PATIENCE: u8 = 1;

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untyped {
    /// The person does not want to (Ctrl-C, Ctrl-D), or whoever asked has gone.
    Cancelled,
    /// The terminal has gone.
    Gone,
    /// More than anybody types.
    TooLong,
}

/// A terminal that shows nothing of what is typed, until this is dropped. Whatever was typed before is thrown away: it
/// was not meant for the question (a security key that is touched by mistake types, too).
pub(crate) fn quiet(tty: &Arc<File>, reads_keys: bool) -> rustix::io::Result<Kept> {
    let before = tcgetattr(&**tty)?;
    let mut modes = before.clone();
    modes.local_modes.remove(LocalModes::ECHO);
    if reads_keys {
        // Ctrl-C comes as a key, so that the question can be ended without the terminal staying as it is now.
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        modes.special_codes[SpecialCodeIndex::VMIN] = 0;
        modes.special_codes[SpecialCodeIndex::VTIME] = PATIENCE;
    }
    let kept = interrupts::keep(Arc::clone(tty), before);
    tcsetattr(&**tty, OptionalActions::Flush, &modes)?;
    Ok(kept)
}

/// Asks for a line; nothing of it is shown where it is `secret`.
pub(crate) fn line(
    tty: &Arc<File>,
    prompt: &str,
    secret: bool,
    cancelled: &AtomicBool,
) -> Result<Zeroizing<String>, Untyped> {
    let _quiet = quiet(tty, true).map_err(|_| Untyped::Gone)?;
    let mut screen: &File = tty;
    screen.write_all(prompt.as_bytes()).map_err(|_| Untyped::Gone)?;
    let typed = keys(tty, secret, cancelled);
    let _ = screen.write_all(b"\n");
    typed
}

fn keys(tty: &File, secret: bool, cancelled: &AtomicBool) -> Result<Zeroizing<String>, Untyped> {
    let (mut screen, mut keyboard) = (tty, tty);
    // All room at once: a vector that grows leaves copies behind that nobody wipes.
    let mut typed = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut escape = Escape::None;
    loop {
        if cancelled.load(Ordering::SeqCst) {
            return Err(Untyped::Cancelled);
        }
        let mut key = [0_u8];
        match keyboard.read(&mut key) {
            // Nothing within the patience, or nobody at the other end any more.
            Ok(0) => tcgetattr(tty).map(|_| ()).map_err(|_| Untyped::Gone)?,
            Ok(_) if escape.takes(key[0]) => {}
            Ok(_) => match key[0] {
                b'\n' | b'\r' => break,
                3 => {
                    cancelled.store(true, Ordering::SeqCst);
                    return Err(Untyped::Cancelled);
                }
                4 if typed.is_empty() => return Err(Untyped::Cancelled),
                8 | 127 => {
                    let start = last_character(&typed);
                    if start < typed.len() {
                        typed[start..].zeroize();
                        typed.truncate(start);
                        if !secret {
                            let _ = screen.write_all(b"\x08 \x08");
                        }
                    }
                }
                // Ctrl-U
                21 => {
                    if !secret {
                        let erase = "\u{8} \u{8}".repeat(String::from_utf8_lossy(&typed).chars().count());
                        let _ = screen.write_all(erase.as_bytes());
                    }
                    typed.zeroize();
                    typed.reserve(LONGEST);
                }
                0..32 => {}
                _ if typed.len() == LONGEST => return Err(Untyped::TooLong),
                byte => {
                    typed.push(byte);
                    if !secret {
                        let _ = screen.write_all(&[byte]);
                    }
                }
            },
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(Untyped::Gone),
        }
        key.zeroize();
    }
    // Not text in this encoding: as good as wrong, and said by whoever judges it.
    Ok(Zeroizing::new(std::str::from_utf8(&typed).unwrap_or_default().to_owned()))
}

/// Where the last character begins, in UTF-8.
fn last_character(typed: &[u8]) -> usize {
    let is_start = |byte: &u8| *byte & 0xc0 != 0x80;
    typed.iter().rposition(is_start).unwrap_or(0)
}

/// Keys that send more than one byte (arrows: `ESC [ … letter`), which nobody means to have in a secret.
#[derive(Clone, Copy)]
enum Escape {
    None,
    Begun,
    Sequence,
}

impl Escape {
    fn takes(&mut self, byte: u8) -> bool {
        let (next, taken) = match (*self, byte) {
            (Self::None | Self::Begun, 27) => (Self::Begun, true),
            (Self::Begun, b'[' | b'O') | (Self::Sequence, 0x20..=0x3f) => (Self::Sequence, true),
            (Self::Sequence, 0x40..=0x7e) => (Self::None, true),
            (Self::None | Self::Begun | Self::Sequence, _) => (Self::None, false),
        };
        *self = next;
        taken
    }
}
