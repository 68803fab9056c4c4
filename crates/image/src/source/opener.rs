//! Opening what only the caller may open, after this process has become somebody else.
//!
//! The files of an engine's store are owned by whom the image says, and some of them only root may read. The process
//! that parses manifests and layers is not root any more, so another one that still may opens them: it is told which
//! folders before the rights are given up, and takes no more from then on ([`Opener::seal`]): whoever takes over the process
//! that asks could else name `/`. It gives out descriptors, for reading only, of regular files and folders below these. It
//! reads no byte of any file, and nobody asks it but the process that started it.
//!
//! One message is one datagram of a SEQPACKET socket pair. A question is `[kind, root, length of at (2 bytes), at, path]`; the
//! answer is the number of an error (4 bytes, 0 for none), with the descriptor beside it.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};

use super::store_folder::{Links, open_file, open_folder};

/// Longest question: two paths as long as Linux can open.
const QUESTION_BYTES: usize = 4 + 2 * 4096;
/// Most folders that are opened below; several stores, three folders each.
const ROOTS: usize = 64;

/// How messages are sent and taken. Stores are opened on Linux only; elsewhere this is compiled and never asked.
#[cfg(target_os = "linux")]
const SEND: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_os = "linux")]
const RECEIVE: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const SEND: SendFlags = SendFlags::empty();
#[cfg(not(target_os = "linux"))]
const RECEIVE: RecvFlags = RecvFlags::empty();

const ADD: u8 = b'r';
const SEAL: u8 = b's';
const FILE: u8 = b'f';
const FOLDER: u8 = b'd';
const MEMBER: u8 = b'm';

/// The side that asks. Safe to use from several threads at once.
#[derive(Debug)]
pub struct Opener {
    socket: Mutex<OwnedFd>,
}

impl Opener {
    /// Over one end of a SEQPACKET socket pair; [`serve_opener`] has the other.
    pub fn over(socket: OwnedFd) -> Self {
        Self { socket: Mutex::new(socket) }
    }

    /// Tells of a folder below which things will be asked for; its number.
    pub(super) fn add(&self, root: BorrowedFd<'_>) -> io::Result<u8> {
        let (number, _) = self.ask(ADD, 0, b"", b"", Some(root))?;
        u8::try_from(number).map_err(|_| io::Error::other("the process that opens files numbers folders wrongly"))
    }

    /// Ends the naming of folders, for good. To be called while this process still has the rights that it will give up;
    /// the first thing that is asked for ends it as well.
    pub fn seal(&self) -> io::Result<()> {
        self.ask(SEAL, 0, b"", b"", None).map(drop)
    }

    pub(super) fn file(&self, root: u8, path: &str) -> io::Result<File> {
        self.opened(FILE, root, b"", path.as_bytes()).map(File::from)
    }

    pub(super) fn folder(&self, root: u8, path: &str) -> io::Result<OwnedFd> {
        self.opened(FOLDER, root, b"", path.as_bytes())
    }

    pub(super) fn member(&self, root: u8, at: &str, path: &[u8]) -> io::Result<File> {
        self.opened(MEMBER, root, at.as_bytes(), path).map(File::from)
    }

    fn opened(&self, kind: u8, root: u8, at: &[u8], path: &[u8]) -> io::Result<OwnedFd> {
        let (_, descriptor) = self.ask(kind, root, at, path, None)?;
        descriptor.ok_or_else(|| io::Error::other("the process that opens files answered without one"))
    }

    /// The number that was answered, and the descriptor.
    fn ask(
        &self,
        kind: u8,
        root: u8,
        at: &[u8],
        path: &[u8],
        with: Option<BorrowedFd<'_>>,
    ) -> io::Result<(u32, Option<OwnedFd>)> {
        let length = u16::try_from(at.len()).map_err(|_| too_long())?;
        let mut question = vec![kind, root];
        question.extend(length.to_le_bytes());
        question.extend(at);
        question.extend(path);
        if question.len() > QUESTION_BYTES {
            return Err(too_long());
        }
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        send(socket.as_fd(), &question, with)?;
        let mut answer = [0; 9];
        let (length, descriptor) = receive(socket.as_fd(), &mut answer)?;
        match (length, answer) {
            (8, [0, 0, 0, 0, a, b, c, d, _]) => Ok((u32::from_le_bytes([a, b, c, d]), descriptor)),
            (8, [a, b, c, d, ..]) => Err(io::Error::from_raw_os_error(i32::from_le_bytes([a, b, c, d]))),
            _ => Err(io::Error::other("the process that opens files has ended")),
        }
    }
}

/// Answers until the other side closes the socket.
pub fn serve_opener(socket: &OwnedFd) -> io::Result<()> {
    let mut roots = Roots::default();
    let mut question = vec![0; QUESTION_BYTES + 1];
    loop {
        let (length, with) = receive(socket.as_fd(), &mut question)?;
        if length == 0 {
            return Ok(());
        }
        let question = question.get(..length).filter(|question| question.len() <= QUESTION_BYTES).unwrap_or_default();
        let (error, number, descriptor) = match answer(&mut roots, question, with) {
            Ok((number, descriptor)) => (0, number, descriptor),
            // What the kernel has no number for is no regular file, or no question.
            Err(error) => (error.raw_os_error().unwrap_or(22), 0, None),
        };
        let mut answer = error.to_le_bytes().to_vec();
        answer.extend(number.to_le_bytes());
        send(socket.as_fd(), &answer, descriptor.as_ref().map(AsFd::as_fd))?;
    }
}

/// The folders that were named.
#[derive(Default)]
struct Roots {
    folders: Vec<OwnedFd>,
    is_sealed: bool,
}

fn answer(roots: &mut Roots, question: &[u8], with: Option<OwnedFd>) -> io::Result<(u32, Option<OwnedFd>)> {
    let nonsense = || io::Error::new(io::ErrorKind::InvalidInput, "no question");
    let [kind, root, low, high, rest @ ..] = question else { return Err(nonsense()) };
    if let (ADD, Some(folder)) = (*kind, with) {
        if roots.is_sealed {
            return Err(rustix::io::Errno::PERM.into());
        }
        if roots.folders.len() >= ROOTS {
            return Err(nonsense());
        }
        roots.folders.push(folder);
        return Ok((u32::try_from(roots.folders.len() - 1).map_err(|_| nonsense())?, None));
    }
    roots.is_sealed = true;
    if *kind == SEAL {
        return Ok((0, None));
    }
    let (at, path) = rest.split_at_checked(u16::from_le_bytes([*low, *high]).into()).ok_or_else(nonsense)?;
    let root = roots.folders.get(usize::from(*root)).ok_or_else(nonsense)?;
    let opened = match *kind {
        FILE => open_file(root.as_fd(), path, Links::None)?.into(),
        FOLDER => open_folder(root.as_fd(), path)?,
        MEMBER => open_file(open_folder(root.as_fd(), at)?.as_fd(), path, Links::Inside)?.into(),
        _ => return Err(nonsense()),
    };
    Ok((0, Some(opened)))
}

fn send(socket: BorrowedFd<'_>, message: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.as_ref().map(std::slice::from_ref);
    if let Some(descriptors) = descriptors
        && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors))
    {
        return Err(too_long());
    }
    rustix::io::retry_on_intr(|| rustix::net::sendmsg(socket, &[IoSlice::new(message)], &mut ancillary, SEND))?;
    Ok(())
}

/// Bytes of the message, 0 where the other side has gone, and the descriptor that came with it.
fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        let into = &mut [IoSliceMut::new(buffer)];
        rustix::net::recvmsg(socket, into, &mut ancillary, RECEIVE)
    });
    let bytes = match received {
        Ok(received) => received.bytes,
        Err(rustix::io::Errno::CONNRESET) => 0,
        Err(error) => return Err(error.into()),
    };
    let descriptors = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok((bytes, descriptors.flatten().last()))
}

fn too_long() -> io::Error {
    io::Error::from_raw_os_error(rustix::io::Errno::NAMETOOLONG.raw_os_error())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::Arc;

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;
    use crate::source::StoreFolder;

    #[test]
    fn what_is_below_a_named_folder_is_given_out_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("store/layer")).unwrap();
        std::fs::write(place.path().join("store/layer/a"), "content").unwrap();
        std::fs::write(place.path().join("secret"), "").unwrap();
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let serving = std::thread::spawn(move || serve_opener(&other));
        let opener = Arc::new(Opener::over(one));
        let store = StoreFolder::open(&place.path().join("store")).unwrap();
        let root = opener.add(
            rustix::fs::open(store.path(), rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty()).unwrap().as_fd(),
        );
        let root = root.unwrap();
        let mut text = String::new();
        opener.member(root, "layer", b"a").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
        opener.file(root, "layer/a").unwrap();
        opener.folder(root, "layer").unwrap();
        for path in ["../secret", "layer/../../secret", "no", ""] {
            assert!(opener.file(root, path).is_err(), "{path:?}");
        }
        assert!(opener.file(root, "layer").is_err() && opener.file(root + 1, "layer/a").is_err());
        assert!(opener.member(root, "..", b"secret").is_err());
        assert!(opener.file(root, &"x".repeat(10_000)).is_err());
        assert!(opener.ask(b'?', 0, b"", b"", None).is_err());
        drop(opener);
        serving.join().unwrap().unwrap();
    }

    /// The attack: whoever has taken over the process that asks names `/`, which anybody can open, and asks for what only
    /// root can read.
    #[test]
    fn no_folder_is_taken_once_the_naming_has_ended() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("a"), "").unwrap();
        let folder = |path: &std::path::Path| {
            let flags = rustix::fs::OFlags::DIRECTORY;
            rustix::fs::open(path, flags, rustix::fs::Mode::empty()).unwrap()
        };
        let (root, inside) = (folder(std::path::Path::new("/")), folder(place.path()));
        for seal in [true, false] {
            let kind = SocketType::SEQPACKET;
            let (one, other) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap();
            let serving = std::thread::spawn(move || serve_opener(&other));
            let opener = Opener::over(one);
            let number = opener.add(inside.as_fd()).unwrap();
            if seal {
                opener.seal().unwrap();
            }
            opener.file(number, "a").unwrap();
            let refused = opener.add(root.as_fd()).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
            assert!(opener.file(number + 1, "etc/passwd").is_err());
            drop(opener);
            serving.join().unwrap().unwrap();
        }
    }
}
