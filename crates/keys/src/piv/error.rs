//! Why a card did not do what it was asked.

use crate::Firmware;

use super::reader::LineError;
use super::status::Status;

/// Why a card did not do what it was asked. `device` is the card as people know it.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// No card is there.
    #[error("no PIV card is plugged in; plug in your key (plimsoll key list shows what is seen)")]
    NoCard,
    /// Another card than the wanted one.
    #[error("the card with serial number {wanted} is not plugged in; what is there: {there}")]
    WrongCard {
        /// The wanted serial number.
        wanted: u32,
        /// What is there, in words.
        there: String,
    },
    /// The card holds another key than it did.
    #[error(
        "slot {slot:02x} of {device} holds another key than the one that is wanted (by the fingerprint {wanted}); \
         it was replaced, or this is another card"
    )]
    WrongKey {
        /// The card.
        device: String,
        /// The slot.
        slot: u8,
        /// The fingerprint of the wanted key.
        wanted: String,
    },
    /// Another program has the card.
    #[error("{device} is held by another program{}; end it and try again", named(by))]
    Held {
        /// The card, or its reader.
        device: String,
        /// Programs that may be the one.
        by: Vec<String>,
    },
    /// The line to the card broke.
    #[error("{device}: {source}")]
    Line {
        /// The card, or its reader.
        device: String,
        /// What broke it.
        source: LineError,
    },
    /// The card broke the protocol.
    #[error("{device} gave an answer that makes no sense while {doing}: {reason}")]
    Protocol {
        /// The card.
        device: String,
        /// What was being done.
        doing: &'static str,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The card refused.
    #[error("{device} refused {doing}: {status}")]
    Refused {
        /// The card.
        device: String,
        /// What was being done.
        doing: &'static str,
        /// Its status word.
        status: Status,
    },
    /// A PIN or PUK is wrong.
    #[error("the {secret} is wrong; {left} {} left before {device} blocks it", if *left == 1 { "try is" } else { "tries are" })]
    Wrong {
        /// The card.
        device: String,
        /// `PIN` or `PUK`.
        secret: &'static str,
        /// How often it may still be wrong.
        left: u8,
    },
    /// The PIN is blocked.
    #[error(
        "the PIN of {device} is blocked: it was wrong too often. With the PUK a new one can be set: plimsoll key \
         unblock-pin. If the PUK is blocked or lost as well, only a reset of the PIV application helps (ykman piv \
         reset), which destroys all its keys"
    )]
    PinBlocked {
        /// The card.
        device: String,
    },
    /// The PUK is blocked.
    #[error(
        "the PUK of {device} is blocked: it was wrong too often, or was blocked on purpose. A PIN that still works goes \
         on working; once that is blocked as well, only a reset of the PIV application helps (ykman piv reset), which \
         destroys all its keys"
    )]
    PukBlocked {
        /// The card.
        device: String,
    },
    /// A PIN or PUK of a form that no card takes.
    #[error("a {secret} has 6 to 8 {}; this one was not sent to {device}", if *secret == "PIN" { "digits or letters" } else { "characters" })]
    Form {
        /// The card.
        device: String,
        /// `PIN` or `PUK`.
        secret: &'static str,
    },
    /// Nobody touched it.
    #[error("nobody touched {device} in time; nothing was signed")]
    NotTouched {
        /// The card.
        device: String,
    },
    /// The slot has no key.
    #[error("slot {slot:02x} of {device} holds no key; make one with plimsoll key generate piv:{slot:02x}")]
    Empty {
        /// The card.
        device: String,
        /// The slot.
        slot: u8,
    },
    /// The slot has a key, or may have one.
    #[error(
        "slot {slot:02x} of {device} is in use: {holds}; use that key as it is (--key '{uri}'), take another slot of 9a to 9e and \
         82 to 95 (plimsoll key list shows which are in use), or have it destroyed and made anew: --replace"
    )]
    Occupied {
        /// The card.
        device: String,
        /// The slot.
        slot: u8,
        /// What is in it.
        holds: String,
        /// The name of what is in it.
        uri: String,
    },
    /// The slot may have a key, and nobody is there to say.
    #[error(
        "slot {slot:02x} of {device} shows no key, but its firmware cannot show one that was imported without a certificate; run \
         this at a terminal, or say --replace where whatever is in it may go"
    )]
    Unsure {
        /// The card.
        device: String,
        /// The slot.
        slot: u8,
    },
    /// The key is in its slot and its certificate is not.
    #[error(
        "the key is in slot {slot:02x} of {device}, and its certificate is not: {source}; the same command once more makes \
         that"
    )]
    Unfinished {
        /// The card.
        device: String,
        /// The slot.
        slot: u8,
        /// Why.
        source: Box<crate::KeyError>,
    },
    /// There is no such slot.
    #[error("there is no slot {0:02x} for signing keys; there are 9a, 9c, 9d, 9e and 82 to 95")]
    NoSlot(u8),
    /// The key cannot sign here.
    #[error(
        "slot {slot:02x} of {device} holds a key for {algorithm}, which is listed and never used for signing here; make \
         one for ECDSA on P-256 or P-384 in another slot"
    )]
    NotForSigning {
        /// The card.
        device: String,
        /// The slot.
        slot: u8,
        /// Its algorithm.
        algorithm: String,
    },
    /// The firmware cannot do this.
    #[error("{device} has firmware {firmware}: {lack}")]
    Lacks {
        /// The card.
        device: String,
        /// Its firmware.
        firmware: Firmware,
        /// What it lacks, in words.
        lack: String,
    },
    /// Secrets are those from the factory.
    #[error(
        "{device} still has {which} from the factory, which everybody knows; change {} first: plimsoll key protect",
        if which.contains(" and ") { "them" } else { "it" }
    )]
    Factory {
        /// The card.
        device: String,
        /// Which of them.
        which: String,
    },
    /// The management key is unknown.
    #[error(
        "{device} wants its management key, and it is neither kept on the card under the PIN nor the one from the \
         factory; give it, or let the tool that set it store it on the card (ykman piv access change-management-key \
         --protect)"
    )]
    ManagementKey {
        /// The card.
        device: String,
    },
    /// What should go onto a card does not fit it.
    #[error("{device} cannot take {what}: {reason}")]
    Unfit {
        /// The card.
        device: String,
        /// What.
        what: &'static str,
        /// Why.
        reason: String,
    },
}

fn named(by: &[String]) -> String {
    if by.is_empty() { String::new() } else { format!(", probably {}", by.join(" or ")) }
}
