//! The runtime specification of every container: what they may do is the same for all and decided here.

use std::path::{Path, PathBuf};

use libcontainer::oci_spec::OciSpecError;
use libcontainer::oci_spec::runtime::{
    Capabilities, Capability, Linux, LinuxBuilder, LinuxCapabilitiesBuilder, LinuxDeviceCgroup,
    LinuxDeviceCgroupBuilder, LinuxDeviceType, LinuxIdMapping, LinuxIdMappingBuilder, LinuxMemoryBuilder,
    LinuxNamespaceBuilder, LinuxNamespaceType, LinuxPidsBuilder, LinuxResourcesBuilder, Mount, MountBuilder, Process,
    ProcessBuilder, RootBuilder, Spec, SpecBuilder, UserBuilder,
};
use sandbox::{ContainerRequest, Range};

use super::Order;
use super::mounts::Mounts;
use super::seccomp;
use super::user::User;
use crate::cgroup;

/// What a container's root may do beyond any user, within its own user namespace.
///
/// Docker's fourteen without six: `MKNOD` (no device can be made in a user namespace anyway), `NET_RAW` (packets
/// with others' addresses; ping works by `ping_group_range`), `SETFCAP` (no-new-privileges makes file capabilities
/// mean nothing), `AUDIT_WRITE` (the host's log). Kept is what package managers and daemons that change their user
/// need: changing owners and ignoring modes of the container's own files, sending signals, changing user and group,
/// dropping capabilities, low ports, `chroot`.
const CAPABILITIES: [Capability; 10] = [
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fowner,
    Capability::Fsetid,
    Capability::Kill,
    Capability::Setgid,
    Capability::Setuid,
    Capability::Setpcap,
    Capability::NetBindService,
    Capability::SysChroot,
];

/// Files of `/proc` and `/sys` that tell of the machine or its keys, hidden as docker does.
const MASKED: [&str; 13] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/kernel/debug",
];

/// Parts of `/proc` through which the machine is set.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Makes the specification.
pub(super) fn spec(order: &Order, user: &User, mounts: &Mounts) -> Result<Spec, OciSpecError> {
    let request = &order.request;
    SpecBuilder::default()
        .version("1.0.2")
        .root(RootBuilder::default().path(mounts.root.clone()).readonly(false).build()?)
        .hostname(request.hostname.clone())
        .process(process(request, user)?)
        .mounts(all_mounts(request, mounts)?)
        .linux(linux(request, order.range)?)
        .build()
}

fn process(request: &ContainerRequest, user: &User) -> Result<Process, OciSpecError> {
    let all: Capabilities = CAPABILITIES.into_iter().collect();
    // A user who is not root starts without any, as with docker; the bounding set holds what setuid programs could
    // still give, which no-new-privileges forbids them.
    let held = if user.uid == 0 { all.clone() } else { Capabilities::new() };
    let capabilities = LinuxCapabilitiesBuilder::default()
        .bounding(all)
        .permitted(held.clone())
        .effective(held)
        .inheritable(Capabilities::new())
        .ambient(Capabilities::new())
        .build()?;
    let mut env = request.env.clone();
    let names = |env: &[String], name: &str| env.iter().any(|variable| variable.starts_with(name));
    if !names(&env, "PATH=") {
        env.push(format!("PATH={}", super::executor::DEFAULT_PATH));
    }
    if !names(&env, "HOME=") {
        env.push(format!("HOME={}", user.home));
    }
    ProcessBuilder::default()
        .terminal(request.terminal.is_some())
        .user(UserBuilder::default().uid(user.uid).gid(user.gid).additional_gids(user.groups.clone()).build()?)
        .args(request.args.clone())
        .env(env)
        .cwd(&request.cwd)
        .capabilities(capabilities)
        .no_new_privileges(true)
        .build()
}

fn all_mounts(request: &ContainerRequest, mounts: &Mounts) -> Result<Vec<Mount>, OciSpecError> {
    let plain = [
        ("/proc", "proc", "proc", "nosuid,noexec,nodev"),
        ("/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
        ("/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"),
        ("/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"),
        ("/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"),
        ("/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"),
    ];
    let mut all = plain
        .into_iter()
        .map(|(destination, kind, source, options)| mount(destination, kind, Path::new(source), options))
        .collect::<Result<Vec<_>, _>>()?;
    // Programs read their limits there. On a v1 machine each hierarchy would be a mount of its own; left out.
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        all.push(mount("/sys/fs/cgroup", "cgroup", Path::new("cgroup"), "nosuid,noexec,nodev,relatime,ro")?);
    }
    for name in ["hosts", "hostname", "resolv.conf"] {
        all.push(mount(&format!("/etc/{name}"), "bind", &mounts.files.join(name), "bind,nosuid,nodev")?);
    }
    for (bind, source) in request.binds.iter().zip(&mounts.binds) {
        let options = if bind.read_only { "bind,nosuid,nodev,ro" } else { "bind,nosuid,nodev" };
        all.push(mount(&bind.destination.to_string_lossy(), "bind", source, options)?);
    }
    Ok(all)
}

fn mount(destination: &str, kind: &str, source: &Path, options: &str) -> Result<Mount, OciSpecError> {
    MountBuilder::default()
        .destination(destination)
        .typ(kind)
        .source(source)
        .options(options.split(',').map(str::to_owned).collect::<Vec<_>>())
        .build()
}

fn linux(request: &ContainerRequest, range: Range) -> Result<Linux, OciSpecError> {
    let namespaces = [
        LinuxNamespaceType::User,
        LinuxNamespaceType::Mount,
        LinuxNamespaceType::Pid,
        LinuxNamespaceType::Ipc,
        LinuxNamespaceType::Uts,
        LinuxNamespaceType::Network,
        LinuxNamespaceType::Cgroup,
    ];
    let namespaces = namespaces
        .into_iter()
        .map(|kind| LinuxNamespaceBuilder::default().typ(kind).build())
        .collect::<Result<Vec<_>, _>>()?;
    let mut resources = LinuxResourcesBuilder::default()
        .pids(LinuxPidsBuilder::default().limit(i64::from(request.limits.pids)).build()?)
        .devices(devices()?);
    if let Some(memory) = request.limits.memory {
        let memory = i64::try_from(memory).unwrap_or(i64::MAX);
        resources = resources.memory(LinuxMemoryBuilder::default().limit(memory).build()?);
    }
    LinuxBuilder::default()
        .namespaces(namespaces)
        .uid_mappings(vec![mapping(range)?])
        .gid_mappings(vec![mapping(range)?])
        .cgroups_path(cgroup::path(&request.id))
        .resources(resources.build()?)
        .seccomp(seccomp::profile(request.binds.iter().any(|bind| !bind.read_only))?)
        .masked_paths(MASKED.map(str::to_owned).to_vec())
        .readonly_paths(READ_ONLY.map(str::to_owned).to_vec())
        .build()
}

fn mapping(range: Range) -> Result<LinuxIdMapping, OciSpecError> {
    LinuxIdMappingBuilder::default().container_id(0_u32).host_id(range.first).size(range.count).build()
}

/// No device, and then those that the runtime itself adds (`/dev/null` and its like, terminals).
fn devices() -> Result<Vec<LinuxDeviceCgroup>, OciSpecError> {
    Ok(vec![LinuxDeviceCgroupBuilder::default().allow(false).typ(LinuxDeviceType::A).access("rwm").build()?])
}

/// The text of the files that are made for a container.
pub(super) fn files(request: &ContainerRequest) -> [(&'static str, String); 3] {
    let host = &request.hostname;
    [
        ("hosts", format!("127.0.0.1\tlocalhost {host}\n::1\tlocalhost ip6-localhost ip6-loopback {host}\n")),
        ("hostname", format!("{host}\n")),
        ("resolv.conf", "# This container has no network but its own loopback.\n".to_owned()),
    ]
}

/// Where the specification is written for libcontainer to read.
pub(super) fn bundle(folder: &Path) -> PathBuf {
    folder.join("config.json")
}
