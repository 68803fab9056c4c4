//! `plimsoll agent forward`: let another machine ask, through ssh.

use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};
use keys::agent::{Asker, Limits, Narrow, Origin, Performer, Progress, Reply, Request, Server, place};

use rustix::process::{Pid, Signal, kill_process};

use super::afar::Afar;
use super::connect;
use crate::output;
use crate::person::{SECRETS, interrupts};

/// Arguments of `plimsoll agent forward`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Opens a second socket, over which images of the named repositories can be signed and nothing else, and hands it to the other machine \
by ssh -R. There: PLIMSOLL_AGENT_SOCK=PATH plimsoll agent sign IMAGE. Each signature is shown here and wants a yes here, or the \
key's touch. It ends at the named time, with Ctrl-C, and with the connection.")]
pub(super) struct Arguments {
    /// The other machine, as ssh names it
    #[arg(long = "ssh", value_name = "HOST")]
    host: String,
    /// Where the socket is put there
    #[arg(long, value_name = "PATH", default_value = "/tmp/plimsoll-agent.sock")]
    remote_socket: PathBuf,
    #[command(flatten)]
    afar: Afar,
}

pub(super) fn perform(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { host, remote_socket, afar } = arguments;
    if host.is_empty() || host.starts_with('-') {
        bail!("{host:?} is no name of a machine");
    }
    // Whoever has no agent should hear it now, and not at the first request.
    connect(None)?.keys()?;
    let folder = place::socket()?.with_file_name("forwarded");
    place::private(&folder)?;
    let path = folder.join(format!("{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).with_context(|| format!("cannot make the socket {}", path.display()))?;
    let socket = Socket(path);
    let is_over = Arc::new(AtomicBool::new(false));
    let way = afar.way(Origin::Forwarded { host: host.clone() })?;
    let way = Arc::new(Way { way, is_over: Arc::clone(&is_over) });

    let mut ssh = Command::new("ssh");
    // A remote socket that an earlier connection left would be in the way; the forwarding failing is an error.
    ssh.args(["-N", "-T", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes"]);
    ssh.args(["-o", "StreamLocalBindMask=0177", "-o", "ServerAliveInterval=15", "-R"]);
    ssh.arg(format!("{}:{}", remote_socket.display(), socket.0.display())).arg("--").arg(host);
    for secret in SECRETS {
        ssh.env_remove(secret);
    }
    let mut connection = ssh.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("cannot start ssh")?;
    let (process, file) = (Pid::from_child(&connection), socket.0.clone());
    interrupts::at_end(move || {
        let _ = kill_process(process, Signal::TERM);
        let _ = std::fs::remove_file(&file);
    });
    let text = format!(
        "{host} may ask {}\n  there: PLIMSOLL_AGENT_SOCK={} plimsoll agent sign IMAGE\nCtrl-C ends it.",
        afar.in_words(),
        remote_socket.display()
    );
    eprintln!("{}", output::plain(&text));
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            let served = Server { performer: Arc::clone(&way), limits: Limits::default() }.serve(&listener);
            if let Err(error) = served {
                eprintln!("plimsoll: cannot serve the socket any longer: {error}");
            }
            is_over.store(true, Ordering::SeqCst);
        });
        loop {
            if let Some(status) = connection.try_wait()? {
                is_over.store(true, Ordering::SeqCst);
                return Ok::<_, std::io::Error>(Some(status));
            }
            if way.is_over() {
                connection.kill()?;
                connection.wait()?;
                return Ok(None);
            }
            std::thread::sleep(Limits::default().look);
        }
    })
    .context("cannot wait for ssh")?;
    match ended {
        None => {
            eprintln!("the time is over; {host} can ask no more");
            Ok(ExitCode::SUCCESS)
        }
        Some(status) => bail!("ssh to {host} ended ({status}); nobody can ask from there any more"),
    }
}

/// A way that also ends when the connection does.
struct Way {
    way: Narrow,
    is_over: Arc<AtomicBool>,
}

impl Performer for Way {
    fn perform(&self, asker: &Asker, request: Request, cancelled: &Arc<AtomicBool>, progress: Progress<'_>) -> Reply {
        self.way.perform(asker, request, cancelled, progress)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst) || self.way.is_over()
    }
}

/// A socket's file, which goes when this is dropped.
struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
