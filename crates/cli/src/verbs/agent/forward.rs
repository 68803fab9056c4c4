//! `plimsoll agent forward`: let another machine ask, through ssh.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use keys::agent::{Asker, Limits, Narrow, Origin, Performer, Progress, Reply, Request, Server, place};

use rustix::process::{Pid, Signal, kill_process};

use super::afar::Afar;
use super::connect;
use crate::output;
use crate::person::{SECRETS, interrupts};

/// How long what ssh said is waited for after its end.
const LAST_WORDS: Duration = Duration::from_secs(1);

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

    let mut connection = Connection::open(host, remote_socket, &socket.0)?;
    let (process, file) = (Arc::clone(&connection.process), socket.0.clone());
    interrupts::at_end(move || {
        if let Some(process) = *process.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = kill_process(process, Signal::TERM);
        }
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
            if let Some(status) = connection.ended()? {
                is_over.store(true, Ordering::SeqCst);
                return Ok::<_, anyhow::Error>(Some(status));
            }
            if way.is_over() {
                connection.close()?;
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
        Some(status) => bail!(
            "ssh to {host} ended ({status}); nobody can ask from there any more. Where it could not make {}, something that is \
             no socket, or is another user's, lies there: name another place with --remote-socket",
            remote_socket.display()
        ),
    }
}

/// A running ssh that forwards the socket.
struct Connection<'a> {
    host: &'a str,
    /// The socket there, and here.
    there: &'a Path,
    here: &'a Path,
    child: Child,
    /// Its process, for whoever ends it when this program is told to end.
    process: Arc<Mutex<Option<Pid>>>,
    /// Hears it when ssh says that the socket could not be made there, and ends when ssh says no more.
    in_the_way: Receiver<()>,
    /// Whether what lay there was taken away once already.
    is_cleared: bool,
}

impl<'a> Connection<'a> {
    fn open(host: &'a str, there: &'a Path, here: &'a Path) -> Result<Self> {
        let (child, in_the_way) = forwarding(host, there, here)?;
        let process = Arc::new(Mutex::new(Some(Pid::from_child(&child))));
        Ok(Self { host, there, here, child, process, in_the_way, is_cleared: false })
    }

    /// Whether it has ended, and how. A socket that an earlier connection left there is taken away, and ssh started once
    /// more: sshd neither takes it away at the end nor takes its place.
    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let Some(status) = self.child.try_wait().context("cannot wait for ssh")? else { return Ok(None) };
        // One that shares its connection leaves a process behind that keeps the pipe open.
        let is_in_the_way = self.in_the_way.recv_timeout(LAST_WORDS).is_ok();
        if !is_in_the_way || std::mem::replace(&mut self.is_cleared, true) {
            self.set_process(None);
            return Ok(Some(status));
        }
        let path = quoted(self.there);
        let mut ssh = ssh();
        ssh.args(["-T", "--", self.host]).arg(format!("test -S {path} && rm -f -- {path}"));
        if !ssh.stdin(Stdio::null()).stdout(Stdio::null()).status().context("cannot start ssh")?.success() {
            return Ok(Some(status));
        }
        (self.child, self.in_the_way) = forwarding(self.host, self.there, self.here)?;
        self.set_process(Some(Pid::from_child(&self.child)));
        Ok(None)
    }

    fn close(&mut self) -> Result<()> {
        self.child.kill().and_then(|()| self.child.wait()).context("cannot end ssh")?;
        self.set_process(None);
        Ok(())
    }

    fn set_process(&self, process: Option<Pid>) {
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = process;
    }
}

/// The user's ssh, without what unlocks keys.
fn ssh() -> Command {
    let mut ssh = Command::new("ssh");
    for secret in SECRETS {
        ssh.env_remove(secret);
    }
    ssh
}

/// Starts ssh with the socket forwarded. What it says is said on, and looked through for the one failure that can be mended.
fn forwarding(host: &str, there: &Path, here: &Path) -> Result<(Child, Receiver<()>)> {
    let mut ssh = ssh();
    // Nothing could be asked where the forwarding failed.
    ssh.args(["-N", "-T", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindMask=0177"]);
    ssh.args(["-o", "ServerAliveInterval=15", "-R"]).arg(format!("{}:{}", there.display(), here.display()));
    ssh.arg("--").arg(host);
    let child = ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.context("cannot start ssh")?;
    let said = child.stderr.take().context("ssh has no standard error")?;
    let (tells, in_the_way) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            if line.contains("remote port forwarding failed for listen path") {
                let _ = tells.send(());
            } else {
                eprintln!("{}", output::plain(&line));
            }
        }
    });
    Ok((child, in_the_way))
}

/// A path for the other machine's shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
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
