//! The list of what was revoked, as the gate wants it told.

use std::path::Path;

use gate::Revoked;
use image::client::Client;
use keys::PublicKey;
use time::OffsetDateTime;
use trust::revocation::{Known, Revocations, Seen, State};

use crate::output;

/// Where the newest lists that were seen are kept, in the data folder.
pub(crate) fn seen(data: &Path) -> Seen {
    Seen::in_folder(data.join("revocation"))
}

/// The newest list of a registry that one of `keys` signed; what is odd about it is told on stderr. Whether it has ended
/// is for the gate to judge.
pub(crate) fn current(client: Client, registry: &str, keys: Vec<PublicKey>, data: &Path) -> Result<Revoked, String> {
    let reader = Revocations::new(client, registry, keys).remembering(seen(data));
    let Known { list, state, .. } = reader.current(OffsetDateTime::now_utc()).map_err(|error| error.to_string())?;
    let warning = match state {
        State::Fresh | State::Stale => None,
        State::Older(served) => Some(format!(
            "{registry} serves version {served} of its revocation list, and version {} was seen before; somebody may be \
             putting back what was revoked. The newer one holds",
            list.version
        )),
        State::Rivals => Some(format!(
            "{registry} serves another list of version {} than was seen before, and both are signed; what either revokes is \
             revoked. Have whoever keeps it sign a new one with plimsoll revoke --renew",
            list.version
        )),
        State::Remembered(reason) => {
            Some(format!("{reason}; version {} of the revocation list, seen before, holds", list.version))
        }
    };
    if let Some(warning) = warning {
        eprintln!("plimsoll: warning: {}", output::plain(&warning));
    }
    Ok(list.into())
}
