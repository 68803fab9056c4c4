//! The agent itself.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use keys::agent::journal::Journal;
use keys::agent::{Agent, Limits, Parts, Server, place};
use keys::{Algorithm, FileSigner, KeyError, KeyUri, NamedKey, Nobody, Person, Signer, Surroundings, folder};
use time::OffsetDateTime;
use trust::Certified;

use super::author::EachRegistry;
use super::house::House;
use super::people::User;
use super::span::Span;
use crate::holder;
use crate::person::{self, interrupts};
use crate::registries::Registries;
use crate::verbs::Start;
use crate::verbs::key::modules;
use crate::{certificate, output};

/// Arguments of the agent itself.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub(super) struct Serving {
    /// A key to hold: a path, file:PATH, piv:serial=…;slot=9c or pkcs11:…; may be repeated
    /// [default: the single key in $XDG_CONFIG_HOME/plimsoll/keys, else that of the only card]
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<KeyUri>,
    /// Read the passphrase from the first line of this open file descriptor
    ///
    /// Without it, it is looked for in the systemd credential plimsoll-passphrase, then in PLIMSOLL_PASSPHRASE (the weakest
    /// way: other programs of yours can read it), and then asked for on the terminal. After the agent was locked it is asked
    /// for in any case.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
    /// Read a device's PIN from the first line of this open file descriptor
    #[arg(long, value_name = "N")]
    pin_fd: Option<u32>,
    /// Leave the terminal once the keys are open
    #[arg(long)]
    background: bool,
    /// Forget what unlocks the keys after this time without a signature; 0s is never
    #[arg(long, value_name = "TIME", default_value = "10m")]
    lock_after: Span,
    /// Ask before each signature, whatever the key
    #[arg(long)]
    confirm: bool,
    /// Say when it is ready, and leave the terminal then; what --background starts
    #[arg(long, hide = true)]
    detach: bool,
    /// Serve the socket that standard input is, and nobody else; what `plimsoll sign` starts as root
    #[arg(long, hide = true)]
    on_stdin: bool,
    #[command(flatten)]
    registries: Registries,
}

/// What the process that goes into the background says when it is ready.
const READY: &[u8] = b"ready\n";

pub(super) fn perform(arguments: Serving, start: &Start) -> Result<ExitCode> {
    if arguments.background {
        return in_background();
    }
    let state = place::state_folder()?;
    place::private(&state)?;
    let house = if arguments.on_stdin { None } else { Some(House::take(place::socket()?)?) };
    // What was locked is not unlocked by what the surroundings held when the agent was started.
    let without_secrets = Surroundings { modules: modules(start), ..Surroundings::default() };
    let agent = Arc::new(Agent::new(Parts {
        opener: Box::new(move |uri: &KeyUri, person: &dyn Person| open(uri, &without_secrets, person)),
        author: Box::new(EachRegistry(arguments.registries.clone())),
        people: Box::new(User),
        journal: Journal::at(state.join("agent.log")),
        idle: Some(arguments.lock_after.0).filter(|idle| *idle > Duration::ZERO),
        confirms: arguments.confirm,
    }));
    // Before a key is open: whatever ends the program from here on locks it and leaves no socket.
    let (dying, path) = (Arc::clone(&agent), house.as_ref().map(|house| house.path.clone()));
    interrupts::at_end(move || {
        dying.lock();
        if let Some(path) = &path {
            let _ = std::fs::remove_file(path);
        }
    });
    let keys = if arguments.keys.is_empty() { usual_key()? } else { arguments.keys };
    let person = person::at_hand();
    let surroundings = Surroundings::look(arguments.passphrase_fd, arguments.pin_fd, modules(start))?;
    for uri in &keys {
        let uri = absolute(uri)?;
        agent.hold(&uri, open(&uri, &surroundings, &*person)?)?;
    }
    drop(person);
    let Some(house) = house else { return on_stdin(&agent) };
    let held = keys.len();
    let text = format!("the agent holds {held} key{} at {}", if held == 1 { "" } else { "s" }, house.path.display());
    eprintln!("{}", output::plain(&text));
    if arguments.detach {
        leave_terminal(&state.join("agent.out"))?;
    }
    let server = Server { performer: Arc::clone(&agent), limits: Limits::default() };
    let ended = server.serve(&house.listener).context("cannot serve the agent's socket");
    agent.lock();
    ended.map(|()| ExitCode::SUCCESS)
}

/// Answers whoever started this process, until they close the connection. They may take their time between two requests.
fn on_stdin(agent: &Arc<Agent>) -> Result<ExitCode> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().context("cannot take over the socket")?;
    let limits = Limits { patience: Duration::from_hours(1), ..Limits::default() };
    Server { performer: Arc::clone(agent), limits }.serve_one(&socket.into());
    agent.lock();
    Ok(ExitCode::SUCCESS)
}

/// Opens a key that is named: a file now, so that whoever says "unlock" is asked then and not later; a device when it
/// signs, for it is locked after each batch anyway.
fn open(uri: &KeyUri, surroundings: &Surroundings, person: &dyn Person) -> Result<Arc<dyn Signer>, KeyError> {
    match NamedKey::read(uri)? {
        NamedKey::File(file) => {
            let signer = file.unlocked(surroundings.passphrase.clone(), person)?;
            Ok(Arc::new(if certify(uri, &signer) { signer.with_certificate_beside() } else { signer }))
        }
        device => device.open(surroundings, person).map(Arc::from),
    }
}

/// Makes a certificate beside a key's file that has none, since notation's plugin has to give one with each signature;
/// whether one was made.
fn certify(uri: &KeyUri, signer: &FileSigner) -> bool {
    let is_for_notation = matches!(signer.public_key().algorithm(), Algorithm::EcdsaP256 | Algorithm::EcdsaP384);
    if !is_for_notation || signer.certificate().is_ok_and(|certificate| certificate.is_some()) {
        return false;
    }
    // What cannot be kept is of no use to notation: its plugin says so when it is asked.
    let Ok(place @ certificate::Place::Beside(..)) = certificate::beside(Some(uri)) else { return false };
    // Nobody is asked: the key is open.
    let made = Certified::make(signer, &Nobody, OffsetDateTime::now_utc());
    made.is_ok_and(|made| certificate::keep(place, made.der()))
}

/// A file's name that means the same in any folder.
pub(super) fn absolute(uri: &KeyUri) -> Result<KeyUri> {
    let Some(path) = uri.path() else { return Ok(uri.clone()) };
    let whole = std::path::absolute(path).with_context(|| format!("cannot tell where {} is", path.display()))?;
    Ok(KeyUri::File(whole))
}

/// The key that `sign` would take.
fn usual_key() -> Result<Vec<KeyUri>> {
    if let Some(card) = holder::default_card()? {
        return Ok(vec![card]);
    }
    Ok(vec![KeyUri::File(folder::single_key(&folder::of_user()?, " with --key")?)])
}

/// Starts this program once more with the same arguments, and stays until it is ready or has failed. Meanwhile it asks at
/// the terminal that it is still at.
fn in_background() -> Result<ExitCode> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let words = std::env::args_os().skip(1).map(|word| if word == "--background" { "--detach".into() } else { word });
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start the agent")?;
    let mut told = [0; READY.len()];
    let mut stdout = child.stdout.take().context("the agent has no output")?;
    if stdout.read_exact(&mut told).is_ok() && told == READY {
        return Ok(ExitCode::SUCCESS);
    }
    let status = child.wait().context("cannot wait for the agent")?;
    // It has said why.
    if status.success() {
        bail!("the agent ended before it was ready");
    }
    Ok(ExitCode::from(crate::exit::FAILED))
}

/// Becomes a process without a terminal.
fn leave_terminal(out: &Path) -> Result<()> {
    rustix::process::setsid().context("cannot leave the terminal")?;
    let mut options = File::options();
    let file = options.create(true).append(true).mode(0o600).open(out);
    let file = file.with_context(|| format!("cannot open {}", out.display()))?;
    let mut stdout = std::io::stdout();
    stdout.write_all(READY).and_then(|()| stdout.flush()).context("cannot say that the agent is ready")?;
    rustix::stdio::dup2_stdout(&file).context("cannot leave the terminal")?;
    rustix::stdio::dup2_stderr(&file).context("cannot leave the terminal")?;
    Ok(())
}
