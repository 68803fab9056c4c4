//! The certificate beside a key's file (`NAME.crt`), which notation's signatures carry and its trust store wants.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use keys::KeyUri;

use crate::output;

/// The file for a certificate beside a key's file, opened as the calling user; none where there is one already, where it
/// cannot be written, or where the key is in no file.
pub(crate) fn beside(uri: Option<&KeyUri>) -> Option<(PathBuf, File)> {
    let path = uri?.path()?.with_extension("crt");
    let is_missing = path.metadata().map_or(true, |about| about.is_file() && about.len() == 0);
    let file = is_missing.then(|| File::options().create(true).append(true).open(&path))?;
    file.ok().map(|file| (path, file))
}

/// Keeps a certificate beside the file of its key. One is signed with in any case: whoever trusts notation's signatures
/// by certificate needs this very file. Says whether it is kept.
pub(crate) fn keep(place: Option<(PathBuf, File)>, der: &[u8]) -> bool {
    let written = match place {
        Some((path, mut file)) => trust::certified::to_pem(der)
            .map_err(std::io::Error::other)
            .and_then(|text| file.write_all(text.as_bytes()))
            .map(|()| path),
        None => Err(std::io::Error::other(
            "there is no file for it beside the key, or one that holds no certificate (NAME.crt beside NAME.key); each signature \
             gets another until there is one that can be written or read",
        )),
    };
    let text = match &written {
        Ok(path) => format!("made {}, for notation's trust store", path.display()),
        Err(error) => format!("warning: the certificate was used and could not be kept: {error}"),
    };
    eprintln!("{}", output::plain(&text));
    written.is_ok()
}
