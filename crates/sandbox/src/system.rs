//! System calls that no safe crate wraps. All of this program's `unsafe` stands here, a function each.

use std::ffi::CString;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::process::Pid;
use rustix::thread::UnshareFlags;

/// What `mount_setattr` is to set on a mount (`MOUNT_ATTR_*` of mount_setattr(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MountFlags(u64);

impl MountFlags {
    pub(crate) const NODEV: Self = Self(libc::MOUNT_ATTR_NODEV);
    pub(crate) const NOSUID: Self = Self(libc::MOUNT_ATTR_NOSUID);
    pub(crate) const READ_ONLY: Self = Self(libc::MOUNT_ATTR_RDONLY);

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Maps the ids of a detached mount by a user namespace, and sets flags on it.
#[allow(unsafe_code)]
pub(crate) fn map_mount(mount: impl AsFd, namespace: BorrowedFd<'_>, flags: MountFlags) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP | flags.0,
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: namespace.as_raw_fd().cast_unsigned().into(),
    };
    // SAFETY: the descriptors are open for the length of the call, the path is a C string, and the kernel reads
    // `size_of` bytes of a structure that is exactly as large and initialised whole.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Runs `work` in a child process and gives its number. What `work` returns is the child's exit code.
///
/// Only for single-threaded processes, which all of this program's are: another thread could hold a lock (of the
/// allocator) at the time of the fork, and the child would wait for it for ever.
#[allow(unsafe_code)]
pub(crate) fn fork(work: impl FnOnce() -> u8) -> io::Result<Pid> {
    // SAFETY: the process has one thread, so the child's memory is whole; it leaves by `_exit` only, without running
    // the parent's destructors or flushing its buffers a second time.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // A panic must not unwind into the parent's frames.
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(101);
            exit_now(code)
        }
        child => Pid::from_raw(child).ok_or_else(|| io::Error::other("fork gave an impossible process number")),
    }
}

/// Ends this process without running anything that was registered for its end.
#[allow(unsafe_code)]
pub(crate) fn exit_now(code: u8) -> ! {
    // SAFETY: takes no pointer and does not return.
    unsafe { libc::_exit(code.into()) }
}

/// Closes all descriptors but stdin, stdout and stderr. Only at the start of the process.
#[allow(unsafe_code)]
pub(crate) fn close_inherited() {
    // SAFETY: nothing of this process owns a descriptor yet, so none is closed under its owner. That of an older
    // kernel (before 5.9) which lacks the call is none that idmapped mounts work on.
    unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
}

/// Closes all descriptors but stdin, stdout, stderr and one more, which is given back under another number. Only for
/// a process that executes another program or ends: whatever owned the others must not use or close them any more.
#[allow(unsafe_code)]
pub(crate) fn close_all_but_stdio_and(kept: BorrowedFd<'_>) -> io::Result<BorrowedFd<'static>> {
    const LOWEST: i32 = 3;
    // SAFETY: these take numbers. What they close has owners that never run again, as the caller promises; the
    // descriptor that is left has none, so that it is open for as long as this process is.
    unsafe {
        if kept.as_raw_fd() != LOWEST && libc::dup3(kept.as_raw_fd(), LOWEST, libc::O_CLOEXEC) < 0 {
            return Err(io::Error::last_os_error());
        }
        if libc::syscall(libc::SYS_close_range, LOWEST.cast_unsigned() + 1, u32::MAX, 0_u32) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(BorrowedFd::borrow_raw(LOWEST))
    }
}

/// Leaves namespaces. `FILES` is not among the flags that are possible here.
#[allow(unsafe_code)]
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    let flags = flags.difference(UnshareFlags::FILES);
    // SAFETY: only `CLONE_FILES` can make descriptors mean something else to another thread, and it was taken out.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Sets the ids that files are reached and made by, and no others, for the length of `work`.
///
/// Needs `SECBIT_NO_SETUID_FIXUP` to be set: without it the kernel takes the file capabilities away meanwhile.
#[allow(unsafe_code)]
pub(crate) fn with_file_ids<Result>(id: u32, work: impl FnOnce() -> Result) -> Result {
    // SAFETY: these take numbers, no pointers. They tell no errors; the caller sees one by what it does meanwhile.
    unsafe {
        libc::setfsgid(id);
        libc::setfsuid(id);
    }
    let result = work();
    // SAFETY: as above.
    unsafe {
        libc::setfsuid(0);
        libc::setfsgid(0);
    }
    result
}

/// Brings the loopback interface of this process' network namespace up.
#[allow(unsafe_code)]
pub(crate) fn loopback_up() -> io::Result<()> {
    use rustix::net::{AddressFamily, SocketType, socket};
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let mut name = [0; libc::IFNAMSIZ];
    for (place, byte) in name.iter_mut().zip(b"lo") {
        // A C character is signed on x86-64 and unsigned on arm64; these are ASCII.
        #[allow(clippy::cast_possible_wrap)]
        let byte = *byte as libc::c_char;
        *place = byte;
    }
    let request = libc::ifreq {
        ifr_name: name,
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short },
    };
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, whose name ends with a zero byte.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The groups of a user, as the system's databases have them; only `group` where the user has no name.
#[allow(unsafe_code)]
pub(crate) fn groups_of(user: u32, group: u32) -> Vec<u32> {
    let mut buffer = vec![0_u8; 16 << 10];
    // SAFETY: all zeros is a valid `passwd`: numbers and null pointers.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are to live memory of the size that is told with them.
    let result =
        unsafe { libc::getpwuid_r(user, &raw mut entry, buffer.as_mut_ptr().cast(), buffer.len(), &raw mut found) };
    if result != 0 || found.is_null() {
        return vec![group];
    }
    // SAFETY: on success `pw_name` is a C string within `buffer`, which lives on.
    let name: CString = unsafe { std::ffi::CStr::from_ptr(entry.pw_name) }.to_owned();
    let mut groups = vec![0; 1024];
    let mut count = 1024;
    // SAFETY: at most `count` ids are written to `groups`, which holds as many.
    let result = unsafe { libc::getgrouplist(name.as_ptr(), group, groups.as_mut_ptr(), &raw mut count) };
    if result < 0 {
        return vec![group];
    }
    groups.truncate(usize::try_from(count).unwrap_or_default());
    groups
}

/// Gives every signal its default meaning and blocks none, as a program expects to be started. Rust's runtime
/// ignores SIGPIPE, and what is ignored stays ignored across `execve`.
#[allow(unsafe_code)]
pub(crate) fn default_signals() {
    for signal in 1..=64 {
        // SAFETY: SIG_DFL is no handler; for SIGKILL, SIGSTOP and the C library's own two this fails and changes
        // nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: an all-zero set is made an empty set first, and lives through both calls.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Replaces this process' program. Returns only when that failed.
#[allow(unsafe_code)]
pub(crate) fn execute(program: &CString, arguments: &[CString], environment: &[CString]) -> io::Error {
    let list = |texts: &[CString]| -> Vec<*const libc::c_char> {
        texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (list(arguments), list(environment));
    // SAFETY: both lists end with null and point to C strings that outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Sends a signal by Linux' number.
#[allow(unsafe_code)]
pub(crate) fn kill(process: Pid, signal: i32) -> io::Result<()> {
    // SAFETY: takes numbers only.
    if unsafe { libc::kill(process.as_raw_nonzero().get(), signal) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Gives a pipe or terminal to a user.
pub(crate) fn give(descriptor: impl AsFd, user: u32, group: u32) -> io::Result<()> {
    let (user, group) = (rustix::fs::Uid::from_raw(user), rustix::fs::Gid::from_raw(group));
    Ok(rustix::fs::fchown(descriptor, Some(user), Some(group))?)
}
