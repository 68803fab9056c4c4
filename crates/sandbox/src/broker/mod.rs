//! The broker: root, and the only one whom the daemon may ask.
//!
//! One thread waits for requests, for layers that are being unpacked and for shims that end. Whatever the daemon
//! sends that is no request of its protocol is answered by an error, or ends the connection; when the connection
//! has ended, everything that was made over it is taken away.

mod binds;
mod caller;
mod containers;
mod program;
mod unpacking;

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags};
use sandbox::Settings;
use sandbox::channel::{Channel, ChannelError};
use sandbox::protocol::{Answer, MAX_LAYERS, Request, VERSION};

pub(crate) use self::binds::is_taken;
use self::caller::Caller;
use self::containers::Running;
use self::program::Program;
use self::unpacking::Unpacking;
use crate::ranges::Blocks;
use crate::store::LayerStore;
use crate::{leftovers, ranges};

/// Most layers that are unpacked and most containers that run at a time, for one daemon. Bounds what a daemon that
/// was taken over can make this process hold.
const MAX_UNPACKING: usize = 32;
const MAX_RUNNING: usize = 1024;

/// What every request needs.
#[derive(Debug)]
struct House {
    settings: Settings,
    caller: Caller,
    program: Program,
    blocks: Blocks,
    locks: OwnedFd,
}

/// Answers until the other side has gone.
pub(crate) fn serve(channel: &Channel) -> Result<(), String> {
    start_logging();
    if !rustix::process::geteuid().is_root() {
        return Err("the broker must be started as root".into());
    }
    // Its own session: no terminal's signals reach it or the shims.
    let _ = rustix::process::setsid();
    let _ = rustix::thread::set_name(c"plimsoll-broker");
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let settings = match channel.receive::<Request>() {
        Ok((Request::Hello { version: VERSION, settings }, _)) => settings,
        Ok((Request::Hello { version, .. }, _)) => {
            let reason = format!(
                "plimsoll speaks version {version} of the sandbox's protocol and plimsoll-sandbox version {VERSION}; install both from the same build"
            );
            return channel.send(&Answer::Refused { reason }, &[]).map_err(|error| error.to_string());
        }
        Ok(_) => return Err("the first message was no greeting".into()),
        Err(ChannelError::Closed) => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    let house = match House::open(settings) {
        Ok(house) => house,
        Err(reason) => return channel.send(&Answer::Refused { reason }, &[]).map_err(|error| error.to_string()),
    };
    channel.send(&Answer::Welcome { version: VERSION }, &[]).map_err(|error| error.to_string())?;
    house.answer(channel)
}

impl House {
    fn open(settings: Settings) -> Result<Self, String> {
        let run = settings.run.as_path();
        let prepared = || -> io::Result<OwnedFd> {
            make_run_folder(run)?;
            let locks = ranges::open(run)?;
            leftovers::sweep(run)?;
            Ok(locks)
        };
        let locks = prepared().map_err(|error| format!("cannot prepare {}: {error}", run.display()))?;
        let program = Program::seal().map_err(|error| format!("cannot copy plimsoll-sandbox into memory: {error}"))?;
        let blocks = Blocks::of_machine(&settings.subordinate_user).map_err(|error| error.to_string())?;
        Ok(Self { caller: Caller::of_environment(), settings, program, blocks, locks })
    }

    /// The loop.
    fn answer(&self, channel: &Channel) -> Result<(), String> {
        // Opened when first needed: the daemon makes its data folder after it has started this process.
        let store = std::cell::OnceCell::new();
        let mut unpacking: Vec<Unpacking<'_>> = Vec::new();
        let mut running: Vec<Running> = Vec::new();
        loop {
            let asked = wait(channel, &unpacking, &running).map_err(|error| format!("cannot wait: {error}"))?;
            // What has ended is taken out; each looks for itself whether it was what woke this loop.
            unpacking.retain_mut(|layer| !layer.advance());
            let (ended, still) = running.drain(..).partition(Running::has_ended);
            running = still;
            let ended: Vec<Running> = ended;
            for container in ended {
                container.finish(&self.settings.run);
            }
            if !asked {
                continue;
            }
            let request = match channel.receive::<Request>() {
                Ok((request, descriptors)) => {
                    // No request has any; whatever came is closed.
                    drop(descriptors);
                    request
                }
                Err(ChannelError::Nonsense(_) | ChannelError::TooLarge) => {
                    refuse(channel, "the request is not one of the sandbox's protocol".into())?;
                    continue;
                }
                Err(_) => break,
            };
            if let Err(reason) = self.act(request, channel, &store, &mut unpacking, &mut running) {
                refuse(channel, reason)?;
            }
        }
        drop(unpacking);
        for container in running {
            container.abandon(&self.settings.run);
        }
        self.sweep();
        Ok(())
    }

    /// Cleans up after others. At a start whoever was killed may not be dead yet and hold its locks; so it is done
    /// at the end, and before each container, too.
    fn sweep(&self) {
        if let Err(error) = leftovers::sweep(&self.settings.run) {
            tracing::warn!("cannot look for what crashes left behind: {error}");
        }
    }

    /// Does one request and answers it; an error is answered by the caller.
    fn act<'store>(
        &self,
        request: Request,
        channel: &Channel,
        store: &'store std::cell::OnceCell<LayerStore>,
        unpacking: &mut Vec<Unpacking<'store>>,
        running: &mut Vec<Running>,
    ) -> Result<(), String> {
        let send = |answer: &Answer, descriptors: &[BorrowedFd<'_>]| {
            channel.send(answer, descriptors).map_err(|error| format!("cannot answer: {error}"))
        };
        match request {
            Request::Hello { .. } => Err("a connection is greeted once".into()),
            Request::Layers { diff_ids } => {
                if diff_ids.len() > MAX_LAYERS {
                    return Err(format!(
                        "{} layers were asked for, but at most {MAX_LAYERS} are possible",
                        diff_ids.len()
                    ));
                }
                let store = self.store(store)?;
                let kept = diff_ids.iter().map(|layer| store.has(layer)).collect::<Result<_, _>>();
                let kept = kept.map_err(|error| format!("cannot look for layers: {error}"))?;
                send(&Answer::Layers { kept }, &[])
            }
            Request::Unpack { diff_id } => {
                if unpacking.len() >= MAX_UNPACKING {
                    return Err(format!("{MAX_UNPACKING} layers are being unpacked; wait for one of them"));
                }
                let store = self.store(store)?;
                let started = Unpacking::start(store, &self.program, self.blocks.store(), diff_id.clone());
                let (started, theirs, pipe) =
                    started.map_err(|error| format!("cannot unpack layer {diff_id}: {error}"))?;
                unpacking.push(started);
                send(&Answer::Unpacking, &[theirs.as_fd(), pipe.as_fd()])
            }
            Request::Create { container } => {
                if running.len() >= MAX_RUNNING {
                    return Err(format!("{MAX_RUNNING} containers run already; stop one of them"));
                }
                self.sweep();
                let store = self.store(store)?;
                let (started, theirs) = self.create(store, &container)?;
                running.push(started);
                let descriptors: Vec<BorrowedFd<'_>> = theirs.iter().map(AsFd::as_fd).collect();
                send(&Answer::Creating, &descriptors)
            }
            Request::Remove { id } => {
                if running.iter().any(|container| *container.id() == id)
                    || leftovers::folder(&self.settings.run, &id).exists()
                {
                    return Err(format!("container {id} runs; stop it first"));
                }
                let store = self.store(store)?;
                if !store.has_container(&id) {
                    return Err(format!("there is no container {id}"));
                }
                store.remove_container(&id).map_err(|error| format!("cannot remove container {id}: {error}"))?;
                send(&Answer::Removed, &[])
            }
        }
    }

    fn store<'store>(&self, cell: &'store std::cell::OnceCell<LayerStore>) -> Result<&'store LayerStore, String> {
        if let Some(store) = cell.get() {
            return Ok(store);
        }
        let data = &self.settings.data;
        let failed = |error| format!("cannot open the layers in {}: {error}", data.display());
        let store = LayerStore::open(data).map_err(failed)?;
        store.sweep().map_err(failed)?;
        Ok(cell.get_or_init(|| store))
    }
}

/// Waits until the connection, a layer or a container has something to say; whether it was the connection.
fn wait(channel: &Channel, unpacking: &[Unpacking<'_>], running: &[Running]) -> io::Result<bool> {
    let mut watched = vec![PollFd::new(channel, PollFlags::IN)];
    let layers = unpacking.iter().flat_map(Unpacking::watched);
    watched.extend(layers.map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN)));
    watched.extend(running.iter().map(|container| PollFd::from_borrowed_fd(container.watched(), PollFlags::IN)));
    loop {
        match rustix::event::poll(&mut watched, None) {
            Ok(_) => return Ok(!watched[0].revents().is_empty()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn refuse(channel: &Channel, reason: String) -> Result<(), String> {
    match channel.send(&Answer::Refused { reason }, &[]) {
        // The next wait sees it and ends.
        Ok(()) | Err(ChannelError::Closed) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// `/run/plimsoll`: passable, since containers' roots are mounted below it and a container's first process goes
/// there with the container's ids; what is in it is root's.
fn make_run_folder(run: &Path) -> io::Result<()> {
    let (Some(parent), Some(name)) = (run.parent(), run.file_name().and_then(|name| name.to_str())) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = crate::store::open_root_folder(fs::File::open(parent)?, name, 0o711)?;
    crate::store::open_root_folder(&folder, "containers", 0o700)?;
    crate::store::open_root_folder(&folder, "mount", 0o711)?;
    Ok(())
}

/// Logs to stderr what the daemon's own `--log` lets through.
fn start_logging() {
    let filter = std::env::var("PLIMSOLL_LOG").unwrap_or_default();
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .unwrap_or_default()
        .add_directive(tracing_subscriber::filter::LevelFilter::WARN.into());
    // A line that cannot be written costs itself, and not the process.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    let _ = log.try_init();
}
