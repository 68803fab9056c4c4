//! The virtual reader of `vsmartcard-vpcd`: two slots, each a TCP port that a card connects to.
//!
//! Frames both ways are two bytes of length, big endian, and so many bytes. A frame of one byte from the reader is a
//! control code; any other is a command APDU, answered with one frame. A closed connection is a card pulled out.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::card::Card;
use crate::finger::Finger;

/// How long a new card is offered to the reader. It looks every 400 ms.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the slot stays empty between two cards. A daemon that does not find it empty once takes the second card for
/// the first, and does not power it.
const A_HAND: Duration = Duration::from_secs(1);

/// How long the daemon may take to power a card that it has seen.
const TO_POWER: Duration = Duration::from_secs(4);

/// Control codes of the reader.
const POWER_OFF: u8 = 0;
const POWER_ON: u8 = 1;
const RESET: u8 = 2;
const SEND_ATR: u8 = 4;

/// A card did not get into its slot.
#[derive(Debug, Error)]
pub enum ReaderError {
    /// Nothing listens there.
    #[error("putting a card into the reader on port {port}: nobody answers ({source}); is pcscd running with vpcd?")]
    NoReader {
        /// The slot's port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The reader took the connection and did nothing with it.
    #[error("putting a card into the reader on port {port}: pcscd did not power it within {} s", PATIENCE.as_secs())]
    NotPowered {
        /// The slot's port.
        port: u16,
    },
    /// There is one.
    #[error("putting a card into the reader on port {port}: there is one in it; eject that first")]
    Occupied {
        /// The slot's port.
        port: u16,
    },
}

/// One slot of the reader. A card in it is pulled out when the slot is dropped.
pub struct Slot {
    port: u16,
    inside: Option<Inside>,
    /// When a card was last pulled out.
    emptied: Option<Instant>,
}

/// A card in a slot, served by a thread.
struct Inside {
    stream: TcpStream,
    finger: Finger,
    thread: JoinHandle<Card>,
}

impl Slot {
    /// The slot that waits on this port of this machine.
    pub fn new(port: u16) -> Self {
        Self { port, inside: None, emptied: None }
    }

    /// Plugs a card in, and returns when programs can find it.
    pub fn insert(&mut self, card: Card) -> Result<(), ReaderError> {
        let port = self.port;
        if self.inside.is_some() {
            return Err(ReaderError::Occupied { port });
        }
        let start = Instant::now();
        let mut card = Some(card);
        while let Some(next) = card.take().filter(|_| start.elapsed() < PATIENCE) {
            if let Some(since) = self.emptied {
                std::thread::sleep(A_HAND.saturating_sub(since.elapsed()));
            }
            let controls = self.serve(next)?;
            if seen(&controls) {
                return Ok(());
            }
            card = self.eject();
        }
        Err(ReaderError::NotPowered { port })
    }

    fn serve(&mut self, card: Card) -> Result<Receiver<u8>, ReaderError> {
        let refused = |source| ReaderError::NoReader { port: self.port, source };
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        let served = stream.try_clone().map_err(refused)?;
        let finger = card.finger();
        finger.power(true);
        let (tell, controls) = mpsc::channel();
        let thread = std::thread::spawn(move || serve(card, served, &tell));
        self.inside = Some(Inside { stream, finger, thread });
        Ok(controls)
    }

    /// Pulls the card out, at once, whatever it is doing: a command under way gets no answer.
    pub fn eject(&mut self) -> Option<Card> {
        let Inside { stream, finger, thread } = self.inside.take()?;
        // First the line, so that a card that waits for a touch cannot answer that none came. The reader may have gone
        // before.
        let _ = stream.shutdown(Shutdown::Both);
        finger.power(false);
        let card = thread.join().ok();
        finger.power(true);
        self.emptied = Some(Instant::now());
        card
    }

    /// Whether there is a card in it.
    pub fn is_occupied(&self) -> bool {
        self.inside.is_some()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.eject();
    }
}

/// Waits until pcscd has told its clients of the card. It asks whether one is there, powers it, tells, and asks again
/// after a while: the next question after the power is the sign.
fn seen(controls: &Receiver<u8>) -> bool {
    let start = Instant::now();
    let mut powered = false;
    let mut asked = 0;
    while let Ok(control) = controls.recv_timeout(TO_POWER.saturating_sub(start.elapsed())) {
        match control {
            POWER_ON => (powered, asked) = (true, 0),
            // The first is part of the power.
            SEND_ATR if powered => asked += 1,
            _ => {}
        }
        if asked == 2 {
            return true;
        }
    }
    false
}

/// Answers the reader until the connection ends.
fn serve(mut card: Card, mut stream: TcpStream, tell: &Sender<u8>) -> Card {
    while let Ok(frame) = receive(&mut stream) {
        let answer = match frame[..] {
            [control] => {
                // Nobody listens any more once the card was seen.
                let _ = tell.send(control);
                match control {
                    POWER_OFF | POWER_ON | RESET => {
                        card.reset();
                        continue;
                    }
                    SEND_ATR => card.atr().to_vec(),
                    _ => continue,
                }
            }
            _ => card.transmit(&frame),
        };
        if send(&mut stream, &answer).is_err() {
            break;
        }
    }
    card.reset();
    card
}

fn receive(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    // The driver sends some frames that nobody answers; it may not send the next before they are acknowledged, and the
    // system would take 40 ms over that. The option does not last, so it is set again and again.
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_quickack(&*stream, true)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}

fn send(stream: &mut TcpStream, frame: &[u8]) -> io::Result<()> {
    let length = u16::try_from(frame.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), frame].concat())
}
