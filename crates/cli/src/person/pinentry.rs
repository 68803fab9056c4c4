//! Secrets that are asked for in a window: GnuPG's `pinentry`, which every desktop has one of (pinentry-gnome3, -qt, -mac).
//!
//! It speaks Assuan (www.gnupg.org/documentation/manuals/assuan): a line each way, commands and `OK`, `ERR` or `D DATA`, with
//! percent-escapes. What it answers is bounded and wiped.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use keys::{KeyError, Unasked};
use zeroize::Zeroizing;

use super::SECRETS;

/// The name under which a system has the one that fits it.
const PROGRAM: &str = "pinentry";
/// Names another.
const VARIABLE: &str = "PLIMSOLL_PINENTRY";
/// Longest line (Assuan's own bound is 1,000 bytes).
const LONGEST: u64 = 4096;
/// How often it is looked whether the request was given up.
const LOOK: Duration = Duration::from_millis(100);
/// `GPG_ERR_CANCELED` and `GPG_ERR_FULLY_CANCELED`, without the part that says who speaks.
const CANCELLED: [u32; 2] = [99, 198];

/// The program.
#[derive(Clone, Debug)]
pub(super) struct Pinentry {
    program: PathBuf,
}

/// A running one.
struct Talk {
    child: Child,
    input: ChildStdin,
    lines: Receiver<Zeroizing<String>>,
}

impl Pinentry {
    /// The one on this process' way, where there is one.
    pub(super) fn at_hand() -> Option<Self> {
        if let Some(named) = std::env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
            return Some(Self { program: named.into() });
        }
        let ways = std::env::var_os("PATH")?;
        let program = std::env::split_paths(&ways).map(|way| way.join(PROGRAM)).find(|path| path.is_file())?;
        Some(Self { program })
    }

    /// Asks for a secret. `description` says what for, `prompt` stands before the field, `refused` what was wrong with what was
    /// typed before. [`KeyError::Cancelled`] where the
    /// person, or whoever asked, gave up; [`KeyError::NobodyToAsk`] where no window could be shown.
    pub(super) fn ask(
        &self,
        description: &str,
        prompt: &str,
        refused: Option<&str>,
        cancelled: &AtomicBool,
    ) -> Result<Zeroizing<String>, KeyError> {
        let nobody = |reason: &str| {
            KeyError::NobodyToAsk(Unasked::new(format!("{prompt} ({}: {reason})", self.program.display())))
        };
        let mut talk = Talk::start(self).map_err(|error| nobody(&error.to_string()))?;
        let mut told = vec![
            "SETTITLE plimsoll".to_owned(),
            format!("SETDESC {}", escaped(description)),
            format!("SETPROMPT {}", escaped(prompt)),
        ];
        told.extend(refused.map(|refused| format!("SETERROR {}", escaped(refused))));
        // It greets first.
        talk.answer(cancelled).and_then(Answer::done).map_err(|failed| failed.told(&nobody))?;
        for line in told {
            talk.say(&line).map_err(|error| nobody(&error.to_string()))?;
            talk.answer(cancelled).and_then(Answer::done).map_err(|failed| failed.told(&nobody))?;
        }
        talk.say("GETPIN").map_err(|error| nobody(&error.to_string()))?;
        let mut secret = None;
        loop {
            match talk.answer(cancelled).map_err(|failed| failed.told(&nobody))? {
                Answer::Data(data) => secret = Some(data),
                // What was typed is empty where no data came.
                Answer::Ok => return Ok(secret.unwrap_or_default()),
                Answer::Failed(failed) => return Err(failed.told(&nobody)),
            }
        }
    }
}

/// What it says.
enum Answer {
    Ok,
    Data(Zeroizing<String>),
    Failed(Failed),
}

/// Why there is no secret.
enum Failed {
    Cancelled,
    Otherwise(String),
}

impl Answer {
    /// A line; none where it is a comment or a status that nobody asked for.
    fn read(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Some(match word {
            "OK" => Self::Ok,
            "D" => Self::Data(unescaped(rest)?),
            "ERR" => {
                let code = rest.split(' ').next().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default();
                // The lowest 16 bits are the error, what is above says whose it is.
                let is_cancelled = CANCELLED.contains(&(code & 0xffff));
                let text = crate::output::plain(rest).chars().take(200).collect();
                Self::Failed(if is_cancelled { Failed::Cancelled } else { Failed::Otherwise(text) })
            }
            _ => return None,
        })
    }

    fn done(self) -> Result<(), Failed> {
        match self {
            Self::Ok | Self::Data(_) => Ok(()),
            Self::Failed(failed) => Err(failed),
        }
    }
}

impl Failed {
    fn told(self, nobody: &dyn Fn(&str) -> KeyError) -> KeyError {
        match self {
            Self::Cancelled => KeyError::Cancelled,
            Self::Otherwise(reason) => nobody(&reason),
        }
    }
}

impl Talk {
    fn start(Pinentry { program }: &Pinentry) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        for secret in SECRETS {
            command.env_remove(secret);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("it has no pipes"));
        };
        let (said, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut line = Zeroizing::new(String::with_capacity(LONGEST as usize));
                match (&mut output).take(LONGEST).read_line(&mut line) {
                    Ok(1..) if line.ends_with('\n') => {
                        let end = line.trim_end_matches(['\n', '\r']).len();
                        line.truncate(end);
                        if said.send(line).is_err() {
                            return;
                        }
                    }
                    // Ended, cut off, no text, or endless.
                    _ => return,
                }
            }
        });
        Ok(Self { child, input, lines })
    }

    fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.input.write_all(format!("{line}\n").as_bytes())
    }

    fn answer(&self, cancelled: &AtomicBool) -> Result<Answer, Failed> {
        loop {
            if cancelled.load(Ordering::SeqCst) {
                return Err(Failed::Cancelled);
            }
            match self.lines.recv_timeout(LOOK) {
                Ok(line) => match Answer::read(&line) {
                    Some(Answer::Failed(failed)) => return Err(failed),
                    Some(answer) => return Ok(answer),
                    None => {}
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failed::Otherwise("it ended without an answer".into()));
                }
            }
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // With it goes its window.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A text in one line.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn unescaped(text: &str) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let [high, low, after @ ..] = rest else { return None };
        bytes.push(digit(*high)? << 4 | digit(*low)?);
        rest = after;
    }
    Some(Zeroizing::new(std::str::from_utf8(&bytes).ok()?.to_owned()))
}

#[cfg(test)]
mod tests;
