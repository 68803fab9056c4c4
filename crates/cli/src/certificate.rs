//! The certificate beside a key's file (`NAME.crt`), which notation's signatures carry and its trust store wants.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use keys::KeyUri;

use crate::output;

/// Where a certificate that is made now is kept.
#[derive(Debug)]
pub(crate) enum Place {
    /// In this file, opened as the calling user.
    Beside(PathBuf, File),
    /// Nowhere: the file cannot be written.
    Closed(PathBuf, io::Error),
    /// Nowhere: there is one already, or the key is in no file.
    None,
}

/// The file for a certificate beside a key's file. One that holds something else is in the way, and is told: what is signed
/// with a certificate that nobody can have is of no use.
pub(crate) fn beside(uri: Option<&KeyUri>) -> Result<Place> {
    let Some(path) = uri.and_then(KeyUri::path).map(|path| path.with_extension("crt")) else { return Ok(Place::None) };
    let is_missing = path.metadata().map_or(true, |about| about.is_file() && about.len() == 0);
    if !is_missing {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if !keys::pem::certificates(&text).is_ok_and(|found| !found.is_empty()) {
            bail!("{} holds no certificate; move it away, and one is made for the key", path.display());
        }
        return Ok(Place::None);
    }
    Ok(match File::options().create(true).append(true).open(&path) {
        Ok(file) => Place::Beside(path, file),
        Err(error) => Place::Closed(path, error),
    })
}

/// Keeps a certificate beside the file of its key. One is signed with in any case: whoever trusts notation's signatures
/// by certificate needs this very file. Says whether it is kept.
pub(crate) fn keep(place: Place, der: &[u8]) -> bool {
    let (text, is_kept) = match place {
        Place::Beside(path, mut file) => {
            let pem = trust::certified::to_pem(der).map_err(io::Error::other);
            match pem.and_then(|text| file.write_all(text.as_bytes())) {
                Ok(()) => (format!("made {}, for notation's trust store", path.display()), true),
                Err(error) => (lost(&path, &error), false),
            }
        }
        Place::Closed(path, error) => (lost(&path, &error), false),
        Place::None => {
            let text = "warning: the key has no certificate and no place for one: each notation signature gets another";
            (text.to_owned(), false)
        }
    };
    eprintln!("{}", output::plain(&text));
    is_kept
}

fn lost(path: &std::path::Path, error: &io::Error) -> String {
    format!(
        "warning: the certificate was used and could not be kept in {}: {error}; each notation signature gets another until it \
         can be",
        path.display()
    )
}
