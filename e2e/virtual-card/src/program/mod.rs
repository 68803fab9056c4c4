//! The program: cards in a reader, and a person at standard input who moves them.

mod habit;

use std::fs;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use virtual_card::pcscd::{Pcscd, PcscdError, SOCKET_VARIABLE};
use virtual_card::reader::{ReaderError, Slot};
use virtual_card::{Card, Finger, Firmware, vendor};

use habit::Habit;

/// A virtual YubiKey, or two, for demonstrations and tests. It protects nothing: everybody knows its keys.
///
/// It starts a PC/SC daemon of its own (as root) and prints the variable by which programs find it:
///
///     PCSCLITE_CSOCK_NAME=/tmp/virtual-card-…/run/pcscd.comm
///     ready
///
/// Then it reads lines from standard input, and leaves at their end. N is 1 (where nothing is said) or 2:
///
///     touch [N]          touch the card now; lost unless it waits for that
///     finger HABIT [N]   what the finger does from now on, as --finger says it
///     eject [N]          pull the card out, whatever it is doing
///     insert [N]         put it back
#[derive(Debug, Parser)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// 4.2, 4.3, 5.2, 5.4, 5.7 or 5.7.4
    #[arg(long, default_value = "5.4")]
    firmware: Firmware,
    /// The card's serial number; given twice, there are two cards
    #[arg(long = "serial", default_value = "12345678", num_args = 1)]
    serials: Vec<u32>,
    /// What the finger does when the card blinks: `ask` (wait for the word `touch`), `down` (touch at once), `after=2s`,
    /// or `absent` (nobody is there, and the card's time is over at once)
    #[arg(long, default_value = "ask")]
    finger: Habit,
    /// How long the card waits for a touch
    #[arg(long, default_value = "15s", value_parser = habit::duration)]
    patience: Duration,
    /// How long a touch counts for keys of the policy `cached`
    #[arg(long, default_value = "15s", value_parser = habit::duration)]
    window: Duration,
    /// Use a pcscd that runs already, whose virtual reader waits on this port (35963 as its package installs it)
    #[arg(long)]
    port: Option<u16>,
    /// Write the roots that the cards' attestations chain to, as PEM
    #[arg(long)]
    roots: Option<PathBuf>,
    /// Write the intermediates that firmware 5.7.4 needs beside them, as PEM
    #[arg(long)]
    intermediates: Option<PathBuf>,
}

/// Why the program ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    #[error(transparent)]
    Daemon(#[from] PcscdError),
    #[error(transparent)]
    Reader(#[from] ReaderError),
    #[error("writing {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("reading commands from standard input: {0}")]
    Commands(io::Error),
    #[error("the reader has two slots; give --serial at most twice")]
    TooManyCards,
}

/// One card and its place.
struct Place {
    number: usize,
    slot: Slot,
    /// The card while it is not in the slot.
    outside: Option<Card>,
    finger: Finger,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), ProgramError> {
    if arguments.serials.len() > 2 {
        return Err(ProgramError::TooManyCards);
    }
    if let Some(path) = &arguments.roots {
        write(path, &vendor::roots_pem())?;
    }
    if let Some(path) = &arguments.intermediates {
        write(path, &vendor::intermediates_pem())?;
    }
    let daemon = if arguments.port.is_some() { None } else { Some(Pcscd::start()?) };
    if let Some(daemon) = &daemon {
        println!("{SOCKET_VARIABLE}={}", daemon.socket().display());
    }
    let mut places = Vec::new();
    for (number, serial) in (0..).zip(&arguments.serials) {
        let slot = match (&daemon, arguments.port) {
            (Some(daemon), _) => daemon.slot(number),
            (None, port) => Slot::new(port.unwrap_or_default().saturating_add(number)),
        };
        let card = Card::new(arguments.firmware, *serial).waiting_for(arguments.patience).with_window(arguments.window);
        let finger = card.finger();
        arguments.finger.teach(&finger);
        let mut place = Place { number: usize::from(number) + 1, slot, outside: Some(card), finger };
        place.insert()?;
        place.report_touches();
        places.push(place);
    }
    println!("ready");
    for line in io::stdin().lock().lines() {
        obey(&line.map_err(ProgramError::Commands)?, &mut places)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), ProgramError> {
    fs::write(path, text).map_err(|source| ProgramError::Write { path: path.to_path_buf(), source })
}

/// Does what one line says. What it cannot read it says, and goes on.
fn obey(line: &str, places: &mut [Place]) -> Result<(), ProgramError> {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let number = words.last().and_then(|word| word.parse::<usize>().ok());
    if number.is_some() {
        words.pop();
    }
    let number = number.unwrap_or(1);
    let Some(place) = number.checked_sub(1).and_then(|index| places.get_mut(index)) else {
        println!("there is no card {number}");
        return Ok(());
    };
    match words[..] {
        [] => {}
        ["touch"] => place.finger.touch(),
        ["eject"] => place.eject(),
        ["insert"] => place.insert()?,
        ["finger", habit] => match habit.parse::<Habit>() {
            Ok(habit) => habit.teach(&place.finger),
            Err(error) => println!("{error}"),
        },
        _ => println!("not understood: {line}; there are touch, finger HABIT, eject, insert"),
    }
    Ok(())
}

impl Place {
    fn insert(&mut self) -> Result<(), ProgramError> {
        let Some(card) = self.outside.take() else {
            println!("card {} is in the reader already", self.number);
            return Ok(());
        };
        let (firmware, serial) = (card.firmware(), card.serial());
        self.slot.insert(card)?;
        println!("card {}: YubiKey {firmware} (virtual), serial {serial}, in the reader", self.number);
        Ok(())
    }

    fn eject(&mut self) {
        if let Some(card) = self.slot.eject() {
            self.outside = Some(card);
        }
        println!("card {} is not in the reader", self.number);
    }

    /// Says on standard output when the card begins to wait and how that ends.
    fn report_touches(&self) {
        /// A wait of threads, not of cards.
        const LONG: Duration = Duration::from_hours(24);
        let (finger, number) = (self.finger.clone(), self.number);
        std::thread::spawn(move || {
            loop {
                if !finger.wait_until_awaited(LONG) {
                    continue;
                }
                let before = finger.touches();
                println!("card {number} waits for a touch");
                finger.wait_while_awaited(LONG);
                let touched = finger.touches() > before;
                println!("card {number} {}", if touched { "was touched" } else { "was not touched in time" });
            }
        });
    }
}
