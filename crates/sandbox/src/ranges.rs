//! Which ids of the host a container has while it runs, and which the store has.
//!
//! The line of `plimsoll` in `/etc/subuid` and `/etc/subgid` is cut into blocks of 65,536. The first is the store's
//! own; each running container holds another, by a lock on a file that bears the block's number. The lock is held
//! by open descriptors (of broker and shim), so that no crash can leave it behind.

use std::fs;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags};
use sandbox::{ContainerId, Range};
use thiserror::Error;

/// Ids in a block: what images expect to exist (0 to 65,535).
pub(crate) const BLOCK: u32 = 1 << 16;

/// What systemd-nspawn and `systemd`'s dynamic users take for themselves (systemd's UIDS-GIDS.md).
const SYSTEMD: std::ops::Range<u64> = 524_288..1_879_048_192;

/// The blocks of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocks {
    first: u32,
    count: u32,
}

/// A block that this process holds.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) range: Range,
    pub(crate) lock: OwnedFd,
}

/// Why there are no ids to be had.
#[derive(Debug, Error)]
pub(crate) enum RangesError {
    #[error("cannot read {path}: {source}")]
    Read { path: &'static str, source: io::Error },
    #[error(
        "{path} has no line for user {user}; add {user}:2000224256:147259392 to /etc/subuid and /etc/subgid \
         (usermod --add-subuids 2000224256-2147483647 --add-subgids 2000224256-2147483647 {user})"
    )]
    Missing { path: &'static str, user: String },
    #[error("the lines of {user} in /etc/subuid and /etc/subgid are not the same; both must name the same ids")]
    Different { user: String },
    #[error(
        "the ids of {user} in {path} cannot be used: they {reason}; \
         {user}:2000224256:147259392 is a line that is free on most machines"
    )]
    Unusable { path: &'static str, user: String, reason: String },
    #[error(
        "all {0} ranges of ids are in use by running containers; stop one, or give plimsoll a longer line in /etc/subuid and /etc/subgid"
    )]
    Exhausted(u32),
    #[error("cannot hold a range of ids in {folder}: {source}")]
    Hold { folder: String, source: io::Error },
}

impl Blocks {
    /// Reads the machine's lines.
    pub(crate) fn of_machine(user: &str) -> Result<Self, RangesError> {
        let read = |path| fs::read_to_string(path).map_err(|source| RangesError::Read { path, source });
        let users = line_of(&read("/etc/subuid")?, "/etc/subuid", user)?;
        let groups = line_of(&read("/etc/subgid")?, "/etc/subgid", user)?;
        if users == groups { Ok(users) } else { Err(RangesError::Different { user: user.to_owned() }) }
    }

    /// The store's own ids: files at rest belong to them, and no process ever runs with them but `unpack`.
    pub(crate) fn store(self) -> Range {
        Range { first: self.first, count: BLOCK }
    }

    /// Takes a block that no running container of this machine has. `stale` is asked to clean up after a container
    /// whose keepers have all died, and says whether nothing of it is left.
    pub(crate) fn hold(
        self,
        folder: impl AsFd,
        id: &ContainerId,
        mut stale: impl FnMut(&ContainerId) -> bool,
    ) -> Result<Held, RangesError> {
        let failed = |source: io::Error| RangesError::Hold { folder: "/run/plimsoll/ranges".into(), source };
        for block in 1..self.count {
            let Some(mut file) = lock(&folder, &block.to_string(), true).map_err(failed)? else { continue };
            let earlier = holder(&mut file).map_err(failed)?;
            if earlier.is_some_and(|earlier| !stale(&earlier)) {
                continue;
            }
            note(&mut file, id.as_str()).map_err(failed)?;
            let range = Range { first: self.first + block * BLOCK, count: BLOCK };
            return Ok(Held { range, lock: file.into() });
        }
        Err(RangesError::Exhausted(self.count - 1))
    }
}

/// Asks `stale` of every container that has a note but nobody who holds its lock, and clears the notes of those of
/// which nothing is left.
pub(crate) fn sweep(folder: impl AsFd, mut stale: impl FnMut(&ContainerId) -> bool) -> io::Result<()> {
    for entry in rustix::fs::Dir::read_from(&folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name.parse::<u32>().is_err() {
            continue;
        }
        let Some(mut file) = lock(&folder, name, false)? else { continue };
        if holder(&mut file)?.is_some_and(|id| stale(&id)) {
            file.set_len(0)?;
        }
    }
    Ok(())
}

/// Clears the note of a block, after nothing is left of the container that had it.
pub(crate) fn release(lock: &OwnedFd) -> io::Result<()> {
    Ok(rustix::fs::ftruncate(lock, 0)?)
}

/// Opens and locks a block's file; none where somebody holds it.
fn lock(folder: impl AsFd, name: &str, make: bool) -> io::Result<Option<fs::File>> {
    let mut flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    flags.set(OFlags::CREATE, make);
    let file = rustix::fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file.into())),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The container that a block was last given to and that was not cleaned up after.
fn holder(file: &mut fs::File) -> io::Result<Option<ContainerId>> {
    let mut text = String::new();
    file.rewind()?;
    file.take(256).read_to_string(&mut text)?;
    Ok(text.parse().ok())
}

fn note(file: &mut fs::File, text: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

/// The line of a user in a file as subuid(5) describes, once nobody else's overlaps it.
fn line_of(text: &str, path: &'static str, user: &str) -> Result<Blocks, RangesError> {
    let lines: Vec<(&str, u64, u64)> = text.lines().filter_map(line).collect();
    let own = lines.iter().position(|(name, ..)| *name == user);
    let own = own.ok_or_else(|| RangesError::Missing { path, user: user.to_owned() })?;
    let unusable = |reason| Err(RangesError::Unusable { path, user: user.to_owned(), reason });
    let (_, first, count) = lines[own];
    let end = first.saturating_add(count);
    for (at, (other, other_first, other_count)) in lines.iter().enumerate() {
        if at != own && first < other_first.saturating_add(*other_count) && *other_first < end {
            return unusable(format!("overlap those of {other} ({other_first}:{other_count})"));
        }
    }
    let block = u64::from(BLOCK);
    if first < block {
        return unusable(format!("begin below {BLOCK}, where the machine's own users are"));
    }
    if first < SYSTEMD.end && SYSTEMD.start < end {
        return unusable(format!("overlap what systemd takes for itself ({} to {})", SYSTEMD.start, SYSTEMD.end - 1));
    }
    if end > 1 << 31 {
        return unusable("reach beyond 2147483647, the last id that all programs can read".into());
    }
    if count < 2 * block {
        return unusable(format!("are only {count}; the store needs {BLOCK}, and each running container as many"));
    }
    match (u32::try_from(first), u32::try_from(count / block)) {
        (Ok(first), Ok(count)) => Ok(Blocks { first, count }),
        _ => unusable("are no 32-bit numbers".into()),
    }
}

fn line(text: &str) -> Option<(&str, u64, u64)> {
    let mut parts = text.trim().split(':');
    match (parts.next(), parts.next()?.parse(), parts.next()?.parse(), parts.next()) {
        (Some(name), Ok(first), Ok(count), None) if !name.is_empty() => Some((name, first, count)),
        _ => None,
    }
}

/// Opens the folder of locks, making it where it is missing. Only root may enter it: who could lock a file there
/// could keep others from running.
pub(crate) fn open(run: &Path) -> io::Result<OwnedFd> {
    crate::store::open_root_folder(&fs::File::open(run)?, "ranges", 0o700)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "plimsoll:2000224256:147259392\n";

    #[test]
    fn the_usual_line_gives_the_store_its_first_block() {
        let blocks = line_of(LINE, "/etc/subuid", "plimsoll").unwrap();
        assert_eq!(blocks.store(), Range { first: 2_000_224_256, count: 65_536 });
        assert_eq!(blocks.count, 2247);
    }

    #[test]
    fn a_line_that_overlaps_anothers_is_refused_by_name() {
        for other in ["alice:2000200000:65536\n", "bob:2147418112:65536\n", "plimsoll:2000224256:65536\n"] {
            let error = line_of(&format!("{LINE}{other}"), "/etc/subuid", "plimsoll").unwrap_err().to_string();
            assert!(error.contains("overlap those of"), "{error}");
        }
        assert!(line_of(&format!("alice:100000:65536\n{LINE}# a note\n"), "/etc/subuid", "plimsoll").is_ok());
    }

    #[test]
    fn ids_that_are_others_by_custom_are_refused() {
        for line in [
            "p:1000:655360",
            "p:524288:655360",
            "p:2147418112:655360",
            "p:2000224256:65536",
            "p:1:99999999999999999999",
        ] {
            assert!(line_of(line, "/etc/subuid", "p").is_err(), "{line}");
        }
    }

    #[test]
    fn no_two_hold_the_same_block_and_a_dead_holder_is_asked_about() {
        let place = tempfile::tempdir().unwrap();
        let folder = fs::File::open(place.path()).unwrap();
        let blocks = Blocks { first: 2_000_224_256, count: 4 };
        let id = |digit: char| digit.to_string().repeat(12).parse::<ContainerId>().unwrap();
        let never = |_: &ContainerId| panic!("nobody has died");
        let one = blocks.hold(&folder, &id('1'), never).unwrap();
        let two = blocks.hold(&folder, &id('2'), never).unwrap();
        let three = blocks.hold(&folder, &id('3'), never).unwrap();
        assert_eq!(one.range.first, 2_000_289_792);
        assert_ne!(one.range, two.range);
        assert_ne!(two.range, three.range);
        assert!(matches!(blocks.hold(&folder, &id('4'), never), Err(RangesError::Exhausted(3))));
        // Two ended well, one was killed.
        release(&two.lock).unwrap();
        let (dead, freed) = (one.range, two.range);
        drop((one, two));
        assert_eq!(blocks.hold(&folder, &id('5'), |_| false).unwrap().range, freed);
        let mut asked = Vec::new();
        sweep(&folder, |id| {
            asked.push(id.clone());
            true
        })
        .unwrap();
        assert!(asked.contains(&id('1')) && !asked.contains(&id('3')));
        assert_eq!(blocks.hold(&folder, &id('6'), never).unwrap().range, dead);
    }
}
