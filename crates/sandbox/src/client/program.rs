//! Where `plimsoll-sandbox` is. It is started as root, so it is never searched for.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::BrokerError;

/// The program's name.
const NAME: &str = "plimsoll-sandbox";

/// The variable that names it (tests, unusual installations). `sudo` does not hand it on, so that only root's own
/// environment can set it.
const VARIABLE: &str = "PLIMSOLL_SANDBOX";

/// The program: as the variable says, else beside the running executable.
pub(super) fn find() -> Result<PathBuf, BrokerError> {
    let path = match std::env::var_os(VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe()
            .and_then(|path| path.canonicalize())
            .map_err(|source| BrokerError::Io { doing: "find this program's own folder", source })?
            .with_file_name(NAME),
    };
    if !path.is_file() {
        return Err(BrokerError::NoProgram(path));
    }
    check(&path)?;
    Ok(path)
}

/// Refuses a program that others could have put there: one that is writable by all, or in a folder that is.
/// Its owner may be another than root, as that of `plimsoll` itself may be (a developer's build).
fn check(path: &Path) -> Result<(), BrokerError> {
    let untrusted = |path: &Path, reason| Err(BrokerError::UntrustedProgram { path: path.to_owned(), reason });
    if !path.is_absolute() {
        return untrusted(path, "PLIMSOLL_SANDBOX must be an absolute path");
    }
    for part in path.ancestors() {
        let metadata = part.metadata().map_err(|source| BrokerError::Start { path: part.to_owned(), source })?;
        let sticky_folder = metadata.is_dir() && metadata.mode() & 0o1000 != 0;
        if metadata.mode() & 0o002 != 0 && !sticky_folder {
            return untrusted(part, "everybody may write to it");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_program_that_others_could_have_put_there_is_not_started() {
        let place = tempfile::tempdir().unwrap();
        let program = place.path().join(NAME);
        std::fs::write(&program, "").unwrap();
        set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        assert!(check(&program).is_ok());
        set_permissions(&program, Permissions::from_mode(0o757)).unwrap();
        assert!(matches!(check(&program), Err(BrokerError::UntrustedProgram { .. })));
        set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(check(&program), Err(BrokerError::UntrustedProgram { .. })));
        assert!(matches!(check(Path::new("target/plimsoll-sandbox")), Err(BrokerError::UntrustedProgram { .. })));
    }
}
