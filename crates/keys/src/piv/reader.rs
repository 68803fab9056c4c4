//! A reader with a card in it, and the line to that card.

use std::sync::Arc;

use zeroize::Zeroizing;

/// The readers that are there.
pub trait Readers: Send + Sync {
    /// Those that have a card in them.
    fn with_card(&self) -> Result<Vec<Arc<dyn Reader>>, LineError>;
}

/// A reader.
pub trait Reader: Send + Sync {
    /// What it calls itself.
    fn name(&self) -> &str;

    /// Waits until no other program talks to the card, takes the card for this one alone and calls `taken`, resets it,
    /// lets `body` talk to it, and resets it again whatever came of it: who comes next finds neither a verified PIN nor an open window
    /// of a touch. Blocks as long as others hold the card.
    fn hold(&self, taken: &mut dyn FnMut(), body: &mut dyn FnMut(&mut dyn Line)) -> Result<(), LineError>;
}

/// The line to a card that is held.
pub trait Line {
    /// Carries one APDU to the card, and its answer back. Blocks until the card answers, also while it waits for a
    /// touch.
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, LineError>;
}

/// Why the line to a card broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The card or its reader was pulled out.
    #[error("it was pulled out")]
    Removed,
    /// Another program reset the card in between.
    #[error("another program reset it in the middle")]
    Reset,
    /// Another program has it for itself.
    #[error("another program holds it")]
    Busy,
    /// No smart card service runs.
    #[error("the smart card service does not answer ({0}); install pcscd and start it")]
    NoService(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}
