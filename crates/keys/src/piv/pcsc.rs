//! Readers of this machine, through PC/SC (pcsc-lite on Linux, the system's own on macOS).

use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pcsc::{Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};
use zeroize::Zeroizing;

use super::reader::{Line, LineError, Reader, Readers};

/// An answer to a short APDU has at most 256 bytes and the status word.
const ANSWER: usize = 258;

/// How long a card is given to settle that the daemon resets, or powers again, since the program that held it was killed.
const SETTLING: Duration = Duration::from_secs(3);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// The readers that the smart card service knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct PcscReaders;

/// One of them.
struct PcscReader {
    id: CString,
    name: String,
}

impl Readers for PcscReaders {
    fn with_card(&self) -> Result<Vec<Arc<dyn Reader>>, LineError> {
        let context = match Context::establish(Scope::User) {
            Ok(context) => context,
            Err(error) => return Err(LineError::NoService(error.to_string())),
        };
        let names = match context.list_readers_owned() {
            Ok(names) => names,
            Err(Error::NoReadersAvailable) => return Ok(Vec::new()),
            Err(error) => return Err(told(error)),
        };
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut states: Vec<ReaderState> =
            names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
        match context.get_status_change(Duration::ZERO, &mut states) {
            Ok(()) | Err(Error::Timeout) => {}
            Err(error) => return Err(told(error)),
        }
        let present = states.iter().filter(|state| state.event_state().contains(State::PRESENT));
        Ok(present.map(|state| Arc::new(PcscReader::new(state.name().to_owned())) as Arc<dyn Reader>).collect())
    }
}

impl PcscReader {
    fn new(id: CString) -> Self {
        let name = id.to_string_lossy().into_owned();
        Self { id, name }
    }
}

impl Reader for PcscReader {
    fn name(&self) -> &str {
        &self.name
    }

    fn hold(&self, taken: &mut dyn FnMut(), body: &mut dyn FnMut(&mut dyn Line)) -> Result<(), LineError> {
        let context = Context::establish(Scope::User).map_err(|error| LineError::NoService(error.to_string()))?;
        let until = Instant::now() + SETTLING;
        loop {
            let mut begun = false;
            let held = self.hold_once(&context, taken, &mut |line| {
                begun = true;
                body(line);
            });
            match held {
                Err(error) if !begun && is_passing(error) && Instant::now() < until => std::thread::sleep(PAUSE),
                held => return held.map_err(told),
            }
        }
    }
}

impl PcscReader {
    fn hold_once(
        &self,
        context: &Context,
        taken: &mut dyn FnMut(),
        body: &mut dyn FnMut(&mut dyn Line),
    ) -> Result<(), Error> {
        // Shared, so that others wait for the transaction's end instead of failing, and we for theirs. Who holds the
        // card exclusively (scdaemon does) is answered with Busy at once.
        let mut card = context.connect(&self.id, ShareMode::Shared, Protocols::ANY)?;
        let mut transaction = match card.transaction2() {
            Ok(transaction) => transaction,
            // Whoever held it before left it reset, as we do; that is told once, and cured by connecting again.
            Err((card, Error::ResetCard)) => {
                card.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::LeaveCard)?;
                card.transaction()?
            }
            Err((_, error)) => return Err(error),
        };
        taken();
        transaction.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::ResetCard)?;
        body(&mut PcscLine(&transaction));
        let ended = transaction.end(Disposition::ResetCard).map_err(|(_, error)| error);
        match ended {
            Ok(()) => {
                // As it is: to reset it once more would disturb whoever waited for it and has it now.
                let _ = card.disconnect(Disposition::LeaveCard);
                Ok(())
            }
            Err(error) => {
                // What cannot be reset loses its power, and with it PIN and window; pulled out it has lost them.
                let _ = card.disconnect(Disposition::UnpowerCard);
                Err(error)
            }
        }
    }
}

struct PcscLine<'a>(&'a pcsc::Card);

impl Line for PcscLine<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, LineError> {
        let mut room = Zeroizing::new([0; ANSWER]);
        let answer = self.0.transmit(command, room.as_mut()).map_err(told)?;
        if answer.is_empty() {
            // A card answers with a status word at least: some drivers say so that it is gone.
            return Err(LineError::Removed);
        }
        Ok(Zeroizing::new(answer.to_vec()))
    }
}

/// What the daemon says of a card that it is just resetting: no protocol was agreed on yet, or it has no power.
fn is_passing(error: Error) -> bool {
    matches!(
        error,
        Error::ProtoMismatch
            | Error::ResetCard
            | Error::UnpoweredCard
            | Error::UnresponsiveCard
            | Error::NotReady
            | Error::CommError
    )
}

fn told(error: Error) -> LineError {
    match error {
        // Pulled out in the middle of a command, some drivers only know that nothing comes any more.
        Error::RemovedCard
        | Error::NoSmartcard
        | Error::ReaderUnavailable
        | Error::UnknownReader
        | Error::UnpoweredCard
        | Error::UnresponsiveCard
        | Error::NotTransacted
        | Error::CommError => LineError::Removed,
        Error::ResetCard => LineError::Reset,
        Error::SharingViolation => LineError::Busy,
        Error::NoService | Error::ServiceStopped | Error::Shutdown => LineError::NoService(error.to_string()),
        other => LineError::Other(other.to_string()),
    }
}
