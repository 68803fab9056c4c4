//! What a worker gives up before it reads its first byte.
//!
//! None of it needs a privilege or a user namespace: `no_new_privs` lets any process install a filter on itself, as
//! root in a container without CAP_SYS_ADMIN too. Descriptors, capabilities, limits and the filter of system calls
//! must hold, or the worker refuses to parse; landlock is a second lock where the kernel has it, and its absence is
//! told.

use std::fs::File;
use std::io;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What holds of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Descriptors closed, capabilities given up, limits set, system calls filtered.
    pub filtered: bool,
    /// The version of landlock's ABI that denies it all files, ports and signals; none where the kernel has none.
    pub landlock: Option<u32>,
}

/// All that a sealed worker still has open.
#[derive(Debug)]
pub struct Opened {
    /// Requests come here.
    pub input: File,
    /// Answers go here.
    pub output: File,
    /// Large members are here; it can only be read.
    pub file: Option<File>,
    /// What holds.
    pub seal: Seal,
}

/// Why a worker cannot seal itself.
#[derive(Debug, Error)]
#[error("{doing}: {source}")]
pub struct SealError {
    doing: &'static str,
    source: io::Error,
}

impl Seal {
    /// What this system cannot do, for people.
    pub fn missing(&self) -> Option<&'static str> {
        match self {
            Self { filtered: false, .. } => Some("only Linux has the filters for it; it is an ordinary child process"),
            Self { landlock: None, .. } => Some("this kernel has no landlock; the filter of system calls holds alone"),
            _ => None,
        }
    }
}

#[cfg(target_os = "linux")]
pub use linux::seal;

/// Nothing but standard input and output on systems that have no such filters.
#[cfg(not(target_os = "linux"))]
pub fn seal() -> Result<Opened, SealError> {
    use std::os::fd::AsFd;
    let failed = |source| SealError { doing: "taking over the pipes", source };
    let input = io::stdin().as_fd().try_clone_to_owned().map_err(failed)?.into();
    let output = io::stdout().as_fd().try_clone_to_owned().map_err(failed)?.into();
    let file = File::open("/dev/fd/3").ok();
    Ok(Opened { input, output, file, seal: Seal { filtered: false, landlock: None } })
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, RawFd};

    use landlock::{ABI, Access, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr, RulesetStatus, Scope};
    use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
    use rustix::thread::{CapabilitySet, CapabilitySets};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };

    use super::{Opened, Seal, SealError};
    use crate::worker::protocol::FILE_DESCRIPTOR;

    /// Address space: eight MiB of a member, what it tells, and the program itself.
    const MEMORY: u64 = 1 << 30;
    /// Seconds on the processor, against a worker whose parent has gone while it was in an endless loop.
    const SECONDS: u64 = 600;

    /// Seals this process. It must have one thread: landlock holds for the calling one only.
    pub fn seal() -> Result<Opened, SealError> {
        // Everything that is read under /proc comes first: a process that may not be dumped may not read there.
        step("counting this process's threads", only_thread())?;
        // Duplicates, so that nothing that `std` keeps for the three standard descriptors reads ahead of us.
        let input = step("taking over standard input", duplicate(io::stdin()))?;
        let output = step("taking over standard output", duplicate(io::stdout()))?;
        // Opened anew for reading: what was passed can also be written.
        let file = File::open(format!("/proc/self/fd/{FILE_DESCRIPTOR}")).ok();
        // Whoever starts a worker otherwise than `Launcher` may have something else there.
        let file = file.filter(|file| file.metadata().is_ok_and(|metadata| metadata.is_file()));
        let kept = [Some(&input), Some(&output), file.as_ref()].map(|file| file.map(AsRawFd::as_raw_fd));
        step("closing inherited descriptors", close_all_but(&kept))?;

        step(
            "asking to die with the parent",
            io(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))),
        )?;
        step("forbidding core files", io(rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)))?;
        step("forbidding new privileges", io(rustix::thread::set_no_new_privs(true)))?;
        step("giving up capabilities", give_up_capabilities())?;
        let filter = step("making the filter of system calls", filter())?;
        let landlock = step("restricting itself by landlock", deny_all_files())?;
        step("setting limits", set_limits())?;
        step("filtering system calls", seccompiler::apply_filter(&filter).map_err(io::Error::other))?;
        Ok(Opened { input, output, file, seal: Seal { filtered: true, landlock } })
    }

    fn step<T>(doing: &'static str, outcome: io::Result<T>) -> Result<T, SealError> {
        outcome.map_err(|source| SealError { doing, source })
    }

    fn io<T>(outcome: rustix::io::Result<T>) -> io::Result<T> {
        outcome.map_err(io::Error::from)
    }

    fn only_thread() -> io::Result<()> {
        match std::fs::read_dir("/proc/self/task")?.count() {
            1 => Ok(()),
            threads => Err(io::Error::other(format!("there are {threads}, and only the first one would be sealed"))),
        }
    }

    fn duplicate(stream: impl AsFd) -> io::Result<File> {
        Ok(stream.as_fd().try_clone_to_owned()?.into())
    }

    fn close_all_but(kept: &[Option<RawFd>]) -> io::Result<()> {
        let mut open = Vec::new();
        for entry in std::fs::read_dir("/proc/self/fd")? {
            open.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
        }
        for descriptor in open.into_iter().filter(|descriptor| !kept.contains(&Some(*descriptor))) {
            match nix::unistd::close(descriptor) {
                // The folder that was just read is closed already.
                Ok(()) | Err(nix::errno::Errno::EBADF) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn give_up_capabilities() -> io::Result<()> {
        let none = CapabilitySet::empty();
        io(rustix::thread::set_capabilities(
            None,
            CapabilitySets { effective: none, permitted: none, inheritable: none },
        ))
    }

    fn set_limits() -> io::Result<()> {
        let limits = [
            (Resource::Core, 0),
            (Resource::Fsize, 0),
            (Resource::Nofile, 0),
            (Resource::Nproc, 0),
            (Resource::Memlock, 0),
            (Resource::Cpu, SECONDS),
            (Resource::As, MEMORY),
        ];
        for (resource, limit) in limits {
            // Somebody may have set a lower one, which only root could raise.
            let most = rustix::process::getrlimit(resource).maximum.map_or(limit, |maximum| maximum.min(limit));
            io(rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }))?;
        }
        Ok(())
    }

    /// Allows nothing of all that landlock knows of, as far as the kernel knows it too.
    fn deny_all_files() -> io::Result<Option<u32>> {
        let abi = ABI::V6;
        let restricted = Ruleset::default()
            .handle_access(AccessFs::from_all(abi))
            .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(abi)))
            .and_then(|ruleset| ruleset.scope(Scope::from_all(abi)))
            .and_then(Ruleset::create)
            .and_then(landlock::RulesetCreated::restrict_self)
            .map_err(io::Error::other)?;
        Ok(match (restricted.ruleset, restricted.landlock) {
            (RulesetStatus::NotEnforced, _) => None,
            (_, LandlockStatus::Available { effective_abi, .. }) => Some(effective_abi as u32),
            _ => None,
        })
    }

    /// What reading pipes, allocating memory and ending needs. Everything else kills the process.
    fn filter() -> io::Result<BpfProgram> {
        let plain = [
            libc::SYS_read,
            libc::SYS_pread64,
            libc::SYS_write,
            libc::SYS_close,
            libc::SYS_brk,
            libc::SYS_munmap,
            libc::SYS_mremap,
            libc::SYS_madvise,
            libc::SYS_futex,
            libc::SYS_getrandom,
            libc::SYS_clock_gettime,
            libc::SYS_restart_syscall,
            libc::SYS_rt_sigreturn,
            libc::SYS_rt_sigprocmask,
            libc::SYS_sigaltstack,
            libc::SYS_getpid,
            libc::SYS_gettid,
            libc::SYS_exit,
            libc::SYS_exit_group,
        ];
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = plain.into_iter().map(|call| (call, vec![])).collect();
        // Memory that can be run never appears after the seal.
        let not_executable = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
        for call in [libc::SYS_mmap, libc::SYS_mprotect] {
            rules.insert(call, vec![rule(2, SeccompCmpArgLen::Dword, not_executable.clone(), 0)?]);
        }
        // Where this program is built for tests, `std` asks whether a descriptor is open before it closes it.
        let asks = SeccompCmpOp::Eq;
        rules.insert(libc::SYS_fcntl, vec![rule(1, SeccompCmpArgLen::Dword, asks, libc::F_GETFD as u64)?]);
        // abort() sends itself a signal; no other process gets one.
        let own = u64::from(std::process::id());
        rules.insert(libc::SYS_tgkill, vec![rule(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, own)?]);
        let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
        SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, architecture)
            .and_then(BpfProgram::try_from)
            .map_err(io::Error::other)
    }

    fn rule(argument: u8, length: SeccompCmpArgLen, compare: SeccompCmpOp, with: u64) -> io::Result<SeccompRule> {
        SeccompCondition::new(argument, length, compare, with)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(io::Error::other)
    }
}
