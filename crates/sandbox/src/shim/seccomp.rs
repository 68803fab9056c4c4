//! Which system calls a container may make.
//!
//! A list of what is allowed, by what it is for. What is not named fails with ENOSYS, as on a kernel that does not
//! have it: programs and C libraries then take the older way (glibc asks for `clone3`, whose flags no filter can
//! read, and falls back to `clone`). What is left out on purpose:
//! - new namespaces and mounts (`unshare`, `setns`, `mount`, `fsopen`, `clone` with namespace flags): the way to
//!   most of the kernel's privileged code;
//! - `io_uring_*` (does what it does past every filter), `bpf`, `perf_event_open`, `userfaultfd`: rich in holes;
//! - `keyctl`, `add_key`, `request_key`: keyrings are not in namespaces;
//! - sockets of other families than unix, IP and netlink: `AF_VSOCK` reaches the machine that a virtual machine
//!   runs on, `AF_ALG` the kernel's crypto;
//! - modules, kexec, reboot, clocks, swap, quotas, `open_by_handle_at` (files of the host by number), `ioperm`.
//!
//! 32-bit programs are killed: their `socketcall` hides the family from the filter.

use libcontainer::oci_spec::OciSpecError;
use libcontainer::oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompArgBuilder, LinuxSeccompBuilder,
    LinuxSeccompOperator, LinuxSyscall, LinuxSyscallBuilder,
};

const FILES: &str = "access chdir chmod chown chroot close close_range copy_file_range creat dup dup2 dup3 faccessat \
    faccessat2 fadvise64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync \
    fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents \
    getdents64 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch lchown lgetxattr \
    link linkat listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat memfd_create memfd_secret mkdir \
    mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 \
    pwritev pwritev2 read readahead readlink readlinkat readv removexattr removexattrat rename renameat renameat2 \
    rmdir sendfile setxattr setxattrat splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee \
    truncate umask unlink unlinkat ustat utime utimensat utimes vmsplice write writev cachestat statmount listmount \
    lsm_get_self_attr lsm_list_modules";

const MEMORY: &str = "brk get_mempolicy madvise map_shadow_stack mbind membarrier mincore mlock mlock2 mlockall mmap \
    mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_madvise \
    process_mrelease remap_file_pages set_mempolicy set_mempolicy_home_node";

const PROCESSES: &str = "arch_prctl capget capset execve execveat exit exit_group fork futex futex_requeue futex_wait \
    futex_waitv futex_wake get_robust_list get_thread_area getcpu getegid geteuid getgid getgroups getpgid getpgrp \
    getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid getuid ioprio_get ioprio_set \
    kcmp kill landlock_add_rule landlock_create_ruleset landlock_restrict_self pidfd_getfd pidfd_open \
    pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev ptrace restart_syscall rseq rt_sigaction \
    rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo \
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler \
    sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp \
    set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups setpgid setpriority setregid \
    setresgid setresuid setreuid setrlimit setsid setuid sigaltstack sysinfo tgkill tkill uname vfork wait4 waitid";

const SOCKETS: &str = "accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg \
    sendmmsg sendmsg sendto setsockopt shutdown socketpair";

const TIME: &str = "alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep pause setitimer \
    time timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime \
    timerfd_settime times adjtimex clock_adjtime";

const WAITING: &str = "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait \
    epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit ioctl poll ppoll \
    pselect6 select signalfd signalfd4";

const SYSTEM_V: &str = "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv \
    msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget";

const RANDOM: &str = "getrandom";

/// All of clone(2)'s flags that make a namespace.
const NAMESPACES: u64 = 0x7e02_0000;

/// What the mode of a file that a bind could carry to the host must not have.
const SETUID_OR_SETGID: u64 = 0o6000;

/// Calls that set a mode, with the place of it among their arguments.
const MODES: [(&str, usize); 9] = [
    ("chmod", 1),
    ("fchmod", 1),
    ("fchmodat", 2),
    ("fchmodat2", 2),
    ("creat", 1),
    ("mknod", 1),
    ("mknodat", 2),
    ("open", 2),
    ("openat", 3),
];

/// Families of sockets: unix, IPv4, IPv6, netlink.
const FAMILIES: [u64; 4] = [1, 2, 10, 16];

/// Personalities: Linux, a 32-bit word in `uname`, an old version in it, both, and asking for the present one.
const PERSONALITIES: [u64; 5] = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// Refused by name with the error that programs know for it.
const NOT_PERMITTED: &str = "mount umount2 pivot_root setns unshare reboot swapon swapoff settimeofday clock_settime \
    sethostname setdomainname init_module finit_module delete_module kexec_load kexec_file_load acct \
    open_by_handle_at syslog quotactl";

/// The profile. With `writable_binds`, nothing can be made setuid or setgid: a file in a bind belongs to the calling
/// user on the host, and would lend that user's rights to everybody there.
pub(super) fn profile(writable_binds: bool) -> Result<LinuxSeccomp, OciSpecError> {
    let allow = LinuxSeccompAction::ScmpActAllow;
    let mut rules = Vec::new();
    let modes: &[_] = if writable_binds { &MODES } else { &[] };
    for names in [FILES, MEMORY, PROCESSES, SOCKETS, TIME, WAITING, SYSTEM_V, RANDOM] {
        let names = names.split_whitespace().filter(|name| !modes.iter().any(|(masked, _)| masked == name));
        // Its mode is in a structure that no filter can read; programs fall back to `openat`.
        let names = names.filter(|name| !(writable_binds && *name == "openat2")).map(str::to_owned);
        rules.push(rule(names.collect(), allow, None, Vec::new())?);
    }
    for (name, place) in modes {
        let name = vec![(*name).to_owned()];
        rules.push(rule(name.clone(), allow, None, vec![masked(*place, SETUID_OR_SETGID, 0)?])?);
        for bit in [0o4000, 0o2000] {
            let refuse = LinuxSeccompAction::ScmpActErrno;
            rules.push(rule(name.clone(), refuse, Some(libc::EPERM), vec![masked(*place, bit, bit)?])?);
        }
    }
    rules.push(rule(vec!["clone".into()], allow, None, vec![masked(0, NAMESPACES, 0)?])?);
    for (name, values) in [("socket", &FAMILIES[..]), ("personality", &PERSONALITIES[..])] {
        for value in values {
            let equal = LinuxSeccompOperator::ScmpCmpEq;
            let equal = LinuxSeccompArgBuilder::default().index(0_usize).op(equal).value(*value).build()?;
            rules.push(rule(vec![name.into()], allow, None, vec![equal])?);
        }
    }
    let refused = NOT_PERMITTED.split_whitespace().map(str::to_owned).collect();
    rules.push(rule(refused, LinuxSeccompAction::ScmpActErrno, Some(libc::EPERM), Vec::new())?);
    LinuxSeccompBuilder::default()
        .default_action(LinuxSeccompAction::ScmpActErrno)
        .default_errno_ret(libc::ENOSYS.cast_unsigned())
        .architectures(vec![native()])
        .syscalls(rules)
        .build()
}

/// The processor that this program was built for; there is no profile for others.
fn native() -> Arch {
    #[cfg(target_arch = "x86_64")]
    return Arch::ScmpArchX86_64;
    #[cfg(target_arch = "aarch64")]
    return Arch::ScmpArchAarch64;
}

fn rule(
    names: Vec<String>,
    action: LinuxSeccompAction,
    error: Option<i32>,
    arguments: Vec<LinuxSeccompArg>,
) -> Result<LinuxSyscall, OciSpecError> {
    let mut rule = LinuxSyscallBuilder::default().names(names).action(action);
    if let Some(error) = error {
        rule = rule.errno_ret(error.cast_unsigned());
    }
    if !arguments.is_empty() {
        rule = rule.args(arguments);
    }
    rule.build()
}

/// True where an argument has, of the bits in `mask`, exactly those in `value`.
///
/// libcontainer 0.7 reads the two numbers the other way round than the runtime specification (its `value_two` is
/// the mask). Should a later one turn them, no rule of this kind would match any more: nothing would be allowed
/// that is not now, and the tests that start threads in a container would fail.
fn masked(place: usize, mask: u64, value: u64) -> Result<LinuxSeccompArg, OciSpecError> {
    let operator = LinuxSeccompOperator::ScmpCmpMaskedEq;
    LinuxSeccompArgBuilder::default().index(place).op(operator).value(value).value_two(mask).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that a filter must never have allowed, each with what it was used for.
    const NEVER: [&str; 14] = [
        "keyctl",
        "add_key",
        "request_key",
        "io_uring_setup",
        "bpf",
        "userfaultfd",
        "perf_event_open",
        "mount",
        "unshare",
        "setns",
        "clone3",
        "open_by_handle_at",
        "init_module",
        "fsopen",
    ];

    #[test]
    fn what_was_used_to_break_out_is_not_allowed() {
        for writable in [true, false] {
            let profile = profile(writable).unwrap();
            assert_eq!(profile.default_action(), LinuxSeccompAction::ScmpActErrno);
            for rule in profile.syscalls().as_ref().unwrap() {
                if rule.action() == LinuxSeccompAction::ScmpActAllow {
                    for name in NEVER {
                        assert!(!rule.names().iter().any(|named| named == name), "{name} is allowed");
                    }
                }
            }
        }
    }

    #[test]
    fn no_name_is_allowed_twice() {
        let mut seen = std::collections::HashSet::new();
        for name in [FILES, MEMORY, PROCESSES, SOCKETS, TIME, WAITING, SYSTEM_V, RANDOM, NOT_PERMITTED]
            .iter()
            .flat_map(|names| names.split_whitespace())
        {
            assert!(seen.insert(name), "{name}");
        }
    }
}
