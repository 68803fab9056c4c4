//! Making a container: mounts, user, specification, libcontainer.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Mutex;

use libcontainer::container::Container;
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags};
use sandbox::protocol::ShimAnswer;

use super::executor::{self, Program};
use super::{Failure, Job, Stdio, mounts, network, spec, user};
use crate::cgroup::Making;
use crate::{leftovers, system};

/// A container whose process waits to be started.
pub(super) struct Created {
    pub(super) container: Container,
    pub(super) pid: Pid,
    /// Readable when its process has ended.
    pub(super) ended: OwnedFd,
    /// Says why its program could not be executed, or ends when it could.
    pub(super) failure: File,
    /// Its terminal's master, to tell it a new size.
    pub(super) terminal: Option<OwnedFd>,
}

/// Makes it and tells the daemon.
pub(super) fn create(job: &mut Job) -> Result<Created, Failure> {
    let folder = leftovers::folder(&job.order.run, &job.order.request.id);
    let log = folder.join("log");
    start_logging(&log).map_err(|error| Failure::of("write the container's log", error))?;
    let mounts = mounts::mount_all(job)?;
    let (request, range) = (&job.order.request, job.order.range);
    let user = user::look_up(&mounts.root, range.first, &request.user, &request.cwd)?;
    for (name, text) in spec::files(request) {
        let file = mounts.files.join(name);
        let written =
            fs::write(&file, text).and_then(|()| std::os::unix::fs::chown(&file, Some(range.first), Some(range.first)));
        written.map_err(|error| Failure::of(&format!("make the container's /etc/{name}"), error))?;
    }
    let specification =
        spec::spec(&job.order, &user, &mounts).map_err(|error| Failure::of("describe the container", error))?;
    specification.save(spec::bundle(&folder)).map_err(|error| Failure::of("describe the container", error))?;
    let owner = (range.first + user.uid, range.first + user.gid);
    give_stdio(job, owner)?;
    let console = console(&folder, job.order.stdio)?;
    let (failure, failed) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| Failure::of("make a pipe", error))?;
    let making = Making::begin(&job.order.run).map_err(|error| Failure::of("make the container's cgroups", error))?;
    let built = build(job, &folder, failed).map_err(|error| explain(&error, &log));
    making.done().map_err(|error| Failure::of("make the container's cgroups", error))?;
    let mut container = built?;
    // An error from here on must not leave the process waiting: it ends when the shim does, and the cgroup with it.
    let pid = container.pid().and_then(|pid| Pid::from_raw(pid.as_raw()));
    let pid = pid.ok_or_else(|| Failure::of("find the container's process", "it has none"))?;
    let ended = rustix::process::pidfd_open(pid, PidfdFlags::empty())
        .map_err(|error| Failure::of("watch the container's process", error))?;
    network::prepare(pid)?;
    let terminal = console.map(|console| receive_terminal(&console)).transpose();
    let terminal = terminal.map_err(|error| Failure::of("take the container's terminal", error))?;
    if let (Some(terminal), Some(size)) = (&terminal, job.order.request.terminal) {
        super::supervise::resize(terminal, size);
    }
    let created = ShimAnswer::Created { pid: pid.as_raw_nonzero().get(), range };
    let descriptors: Vec<_> = terminal.iter().map(AsFd::as_fd).collect();
    job.daemon.send(&created, &descriptors).map_err(|error| Failure::of("tell that the container is made", error))?;
    container.set_systemd(false);
    Ok(Created { container, pid, ended, failure: failure.into(), terminal })
}

/// The pipes belong to the user that runs, so that it can open `/dev/stdout` anew.
fn give_stdio(job: &Job, (user, group): (u32, u32)) -> Result<(), Failure> {
    for end in &job.stdio {
        system::give(end, user, group).map_err(|error| Failure::of("give the container its pipes", error))?;
    }
    Ok(())
}

/// Calls libcontainer. The container's ends of the pipes are gone from this process afterwards, so that they end
/// when the container's own are closed.
fn build(job: &mut Job, folder: &Path, failed: OwnedFd) -> Result<Container, libcontainer::error::LibcontainerError> {
    let mut builder = ContainerBuilder::new(job.order.request.id.as_str().to_owned(), SyscallType::default())
        .with_root_path(folder.join("state"))?
        .with_executor(Program::new(failed))
        .validate_id()?;
    let mut ends = std::mem::take(&mut job.stdio).into_iter();
    match job.order.stdio {
        Stdio::Terminal => builder = builder.with_console_socket(Some(folder.join("console"))),
        Stdio::Pipes => {
            if let Some(end) = ends.next() {
                builder = builder.with_stdin(end);
            }
        }
        Stdio::Outputs => {}
    }
    if let Some(end) = ends.next() {
        builder = builder.with_stdout(end);
    }
    if let Some(end) = ends.next() {
        builder = builder.with_stderr(end);
    }
    builder.as_init(folder).with_systemd(false).with_detach(true).build()
}

/// The socket that libcontainer sends the terminal's master to.
fn console(folder: &Path, stdio: Stdio) -> Result<Option<UnixListener>, Failure> {
    if stdio != Stdio::Terminal {
        return Ok(None);
    }
    // A socket's path may have 107 bytes only, which an id of 64 digits leaves room for.
    let listener = UnixListener::bind(folder.join("console"));
    listener.map(Some).map_err(|error| Failure::of("make a socket for the container's terminal", error))
}

fn receive_terminal(console: &UnixListener) -> io::Result<OwnedFd> {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
    let (stream, _) = console.accept()?;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut name = [0; 256];
    let into = &mut [io::IoSliceMut::new(&mut name)];
    rustix::net::recvmsg(&stream, into, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let master = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    master.ok_or_else(|| io::Error::other("none was sent"))
}

/// What libcontainer logs goes to a file, since its errors name only the step that failed. The file is opened once
/// and written by its children too.
fn start_logging(path: &Path) -> io::Result<()> {
    let file = File::create(path)?;
    let level = tracing_subscriber::filter::LevelFilter::ERROR;
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_level(false)
        .with_writer(Mutex::new(file))
        .log_internal_errors(false);
    log.try_init().map_err(io::Error::other)
}

/// What went wrong while libcontainer made a container: its own message, the message of the process that it made,
/// and the first line of its log, which names the cause.
fn explain(error: &dyn std::error::Error, log: &Path) -> Failure {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    if let Some(code) = executor::code_of(&text) {
        return Failure { code, reason: executor::message_of(&text).to_owned() };
    }
    let mut logged = String::new();
    let read = File::open(log).and_then(|file| file.take(16 << 10).read_to_string(&mut logged));
    if let (Ok(_), Some(first)) = (read, logged.lines().next()) {
        text = format!("{text} ({first})");
    }
    Failure::of("make the container", text)
}
