//! The data folder, entered: from here on this process is its owner and nobody else.

use std::ffi::CStr;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::fs::{Gid, Mode, OFlags, Uid};

use crate::arguments::General;
use crate::caller::Caller;
use crate::privileges::{self, User};
use crate::settings::Settings;

/// The user whose name the data folder bears on a machine that serves.
const SERVICE_USER: &str = "plimsoll";

/// What a verb needs of the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Only a place to give up root in; a folder that root owns will do.
    Folder,
    /// A folder that belongs to the service user when started as root, since it serves or runs containers.
    OwnFolder,
}

/// An entered data folder.
#[derive(Debug)]
pub(crate) struct House {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The configuration file's settings.
    pub(crate) settings: Settings,
}

impl House {
    /// Where the data folder is: flag or variable, else configuration, else the usual place.
    pub(crate) fn place(general: &General, settings: &Settings, caller: &Caller) -> Result<PathBuf> {
        let place = general.data.clone().or_else(|| settings.data.clone()).or_else(|| caller.default_data_folder());
        let place = place.ok_or_else(|| anyhow!("no data folder: HOME is not set; name one with --data DIR"))?;
        let place =
            std::path::absolute(&place).with_context(|| format!("cannot make {} an absolute path", place.display()))?;
        followed(place, caller)
    }

    /// Makes the folder where it is missing and becomes its owner, for good. Must run before any other thread.
    pub(crate) fn enter(folder: PathBuf, caller: &Caller, settings: Settings, needs: Needs) -> Result<Self> {
        let service = if caller.is_root() { User::named(SERVICE_USER)? } else { None };
        let owner = owner_of(&folder, caller, needs, service)?;
        match owner {
            Some(owner) => {
                privileges::become_user(owner).with_context(|| format!("cannot become user {}", owner.uid))?;
            }
            None if caller.is_root() => privileges::give_up_capabilities()?,
            None => {}
        }
        std::fs::read_dir(&folder).with_context(|| {
            let uid = rustix::process::geteuid().as_raw();
            format!(
                "data folder {} cannot be reached as user {uid}; let that user into it and into the folders above it, or \
                 name another with --data",
                folder.display()
            )
        })?;
        privileges::no_core_files();
        Ok(Self { folder, settings })
    }
}

/// Where a folder that is a symbolic link leads. Root does not follow a link that somebody else made: where it leads
/// decides whom root becomes, and so whose files are written.
fn followed(folder: PathBuf, caller: &Caller) -> Result<PathBuf> {
    match std::fs::symlink_metadata(&folder) {
        Ok(about) if about.is_symlink() => {
            if caller.is_root() && about.uid() != 0 {
                let link = folder.display();
                bail!(
                    "data folder {link} is a symbolic link of user {}; name the folder itself with --data",
                    about.uid()
                )
            }
            std::fs::canonicalize(&folder).with_context(|| format!("cannot follow data folder {}", folder.display()))
        }
        // What else is wrong with it is told when it is entered.
        _ => Ok(folder),
    }
}

/// Whom to become: nobody else where the caller is no root, or where root itself owns the folder.
fn owner_of(folder: &Path, caller: &Caller, needs: Needs, service: Option<User>) -> Result<Option<User>> {
    let found = match std::fs::symlink_metadata(folder) {
        Ok(about) if !about.is_dir() => {
            bail!("data folder {} is not a folder; name another with --data", folder.display())
        }
        Ok(about) => Some(User { uid: about.uid(), gid: about.gid() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot look at data folder {}", folder.display())),
    };
    if !caller.is_root() {
        if found.is_none() {
            make(folder)?;
        }
        return Ok(None);
    }
    let owner = match (found, service) {
        (Some(owner), _) if owner.uid != 0 => Some(owner),
        (Some(_), Some(_)) if needs == Needs::OwnFolder => bail!(
            "data folder {0} belongs to root; give it to the service user with: chown -R {SERVICE_USER}: {0}",
            folder.display()
        ),
        // Before a folder is made that would belong to root, and be in the way when the user is there.
        (_, None) if needs == Needs::OwnFolder => bail!(
            "there is no user {SERVICE_USER} to give root up to; make it with: \
             useradd --system --home-dir /var/lib/plimsoll --shell /usr/sbin/nologin {SERVICE_USER}"
        ),
        (Some(_), _) => None,
        // Where another process was faster, it is looked at as one that was there.
        (None, service) if !make(folder)? => return owner_of(folder, caller, needs, service),
        (None, service) => {
            if let Some(service) = service {
                give(folder, service)
                    .with_context(|| format!("cannot give data folder {} to {SERVICE_USER}", folder.display()))?;
            }
            service
        }
    };
    Ok(owner)
}

/// Makes the folder; false where something is there by now.
fn make(folder: &Path) -> Result<bool> {
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot make folder {}", parent.display()))?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot make data folder {}", folder.display())),
    }
}

/// Gives a folder that was just made to a user. Where others may write to the folder above, they may have put something
/// else there meanwhile: no link is followed, and nothing is given away but what root owns alone.
fn give(folder: &Path, user: User) -> std::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty())?;
    let mut entries = rustix::fs::Dir::read_from(&opened)?;
    let about = rustix::fs::fstat(&opened)?;
    let for_others = Mode::from_raw_mode(about.st_mode).intersects(Mode::RWXG | Mode::RWXO);
    let is_new = !for_others && entries.all(|entry| entry.is_ok_and(|entry| is_dots(entry.file_name())));
    if !is_new {
        return Err(std::io::Error::other("it is no longer the folder that was made there"));
    }
    Ok(rustix::fs::fchown(&opened, Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))?)
}

fn is_dots(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_user_to_give_root_up_to_no_folder_is_made() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("data");
        let root = Caller { uid: 0, home: None };
        let error = owner_of(&folder, &root, Needs::OwnFolder, None).unwrap_err();
        assert!(error.to_string().contains("useradd"), "{error}");
        assert!(!folder.exists());
    }

    /// Oneself, so that the test needs no privilege.
    fn myself() -> User {
        User { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
    }

    #[test]
    fn several_that_make_it_at_once_all_have_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("data");
        let caller = Caller { uid: 1000, home: None };
        std::thread::scope(|scope| {
            let each = || owner_of(&folder, &caller, Needs::Folder, None).map(drop);
            let all: Vec<_> = (0..8).map(|_| scope.spawn(each)).collect();
            for one in all {
                one.join().unwrap().unwrap();
            }
        });
        assert!(make(&place.path().join("other")).unwrap() && !make(&folder).unwrap());
    }

    #[test]
    fn a_folder_that_was_just_made_is_given_away() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("above/data");
        make(&folder).unwrap();
        give(&folder, myself()).unwrap();
    }

    #[test]
    fn what_was_put_in_its_place_is_not_given_away() {
        let place = tempfile::tempdir().unwrap();
        let etc = place.path().join("etc");
        make(&etc).unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&etc, &link).unwrap();
        assert!(give(&link, myself()).is_err());
        std::fs::write(etc.join("passwd"), "").unwrap();
        assert!(give(&etc, myself()).is_err());
    }
}
