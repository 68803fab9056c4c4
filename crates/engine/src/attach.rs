//! A container's stdio, signals and size, joined to those of this process, as `docker run` does it.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal as _, Read, Write};
use std::sync::mpsc;
use std::thread::JoinHandle;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use sandbox::{Controls, Exit, Stdio, TerminalSize};
use tokio::signal::unix::{SignalKind, signal};

use crate::EngineError;
use crate::run::Made;

/// Signals that are handed on. SIGCHLD and SIGPIPE are this process' own; a size has its own message.
const HANDED_ON: [i32; 8] = [SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGCONT];

// Linux' numbers, the same on all processors that this is built for.
const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGQUIT: i32 = 3;
const SIGKILL: i32 = 9;
const SIGUSR1: i32 = 10;
const SIGUSR2: i32 = 12;
const SIGALRM: i32 = 14;
const SIGTERM: i32 = 15;
const SIGCONT: i32 = 18;

/// After so many interrupts the container is killed: its first process may ignore them all.
const PATIENCE: u32 = 3;

/// The size of the terminal that stdin or stdout is, if one is.
pub fn terminal_size() -> Option<TerminalSize> {
    let size = tcgetwinsize(rustix::stdio::stdin()).or_else(|_| tcgetwinsize(rustix::stdio::stdout())).ok()?;
    Some(TerminalSize { rows: size.ws_row, columns: size.ws_col })
}

/// Handlers that are set before a container is started, so that no signal finds none.
#[derive(Debug)]
pub struct Signals {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Signals {
    /// Hands signals on to a container until this is dropped.
    pub fn hand_on(controls: Controls) -> Result<Self, EngineError> {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
                match runtime {
                    Ok(runtime) => runtime.block_on(watch(&controls, stopped, &ready)),
                    Err(error) => drop(ready.send(Err(error))),
                }
            })
            .map_err(|source| EngineError::Io { doing: "start a thread for signals".into(), source })?;
        let started = is_ready.recv().unwrap_or_else(|_| Err(io::Error::other("its thread ended")));
        started.map_err(|source| EngineError::Io { doing: "handle signals".into(), source })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing left to say.
            let _ = thread.join();
        }
    }
}

/// Waits for signals until told to stop.
async fn watch(
    controls: &Controls,
    mut stopped: tokio::sync::oneshot::Receiver<()>,
    ready: &mpsc::Sender<io::Result<()>>,
) {
    let (sent, mut received) = tokio::sync::mpsc::unbounded_channel();
    let local = tokio::task::LocalSet::new();
    for number in HANDED_ON.into_iter().chain([SignalKind::window_change().as_raw_value()]) {
        let mut stream = match signal(SignalKind::from_raw(number)) {
            Ok(stream) => stream,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let sent = sent.clone();
        local.spawn_local(async move {
            while stream.recv().await.is_some() {
                if sent.send(number).is_err() {
                    break;
                }
            }
        });
    }
    drop(ready.send(Ok(())));
    let mut interrupts = 0;
    local
        .run_until(async {
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    Some(number) = received.recv() => hand_on(controls, number, &mut interrupts),
                }
            }
        })
        .await;
}

fn hand_on(controls: &Controls, number: i32, interrupts: &mut u32) {
    let outcome = if number == SignalKind::window_change().as_raw_value() {
        terminal_size().map_or(Ok(()), |size| controls.resize(size))
    } else {
        if matches!(number, SIGINT | SIGTERM) {
            *interrupts += 1;
        }
        if *interrupts >= PATIENCE {
            tracing::warn!("interrupted {PATIENCE} times; the container is killed");
            controls.signal(SIGKILL)
        } else {
            controls.signal(number)
        }
    };
    if let Err(error) = outcome {
        tracing::warn!("cannot hand signal {number} on to the container: {error}");
    }
}

/// What a terminal was set to before it was handed to a container; set again when this is dropped.
#[derive(Debug)]
struct RawTerminal(Termios);

impl RawTerminal {
    /// Makes stdin's terminal hand on every key as it is.
    fn enter() -> io::Result<Self> {
        let before = tcgetattr(rustix::stdio::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self(before))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // Whoever sees a terminal that is still raw has `reset`; there is nobody to tell.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Drain, &self.0);
    }
}

/// Joins a container's stdio to this process', starts it by `start`, and waits for its end.
///
/// `forward_stdin` is docker's `-i`. Stdin's end closes the container's, and nothing else.
pub fn attach(
    made: &mut Made,
    forward_stdin: bool,
    start: impl FnOnce(&Made) -> Result<(), EngineError>,
) -> Result<Exit, EngineError> {
    let signals = Signals::hand_on(made.container.controls()?)?;
    let stdio = made.container.take_stdio();
    let is_terminal = matches!(stdio, Some(Stdio::Terminal(_)));
    // Before the start, so that no key is shown twice.
    let raw = if is_terminal && forward_stdin && io::stdin().is_terminal() {
        let raw = RawTerminal::enter();
        Some(raw.map_err(|source| EngineError::Io { doing: "hand the terminal to the container".into(), source })?)
    } else {
        None
    };
    start(made)?;
    let outputs = match stdio {
        Some(Stdio::Terminal(master)) => {
            let output = duplicate(&master)?;
            if forward_stdin {
                forward(master)?;
            }
            vec![copy("output", output, io::stdout())?]
        }
        Some(Stdio::Pipes { stdin, stdout, stderr }) => {
            if let Some(stdin) = stdin.filter(|_| forward_stdin) {
                forward(stdin)?;
            }
            vec![copy("stdout", stdout, io::stdout())?, copy("stderr", stderr, io::stderr())?]
        }
        None => Vec::new(),
    };
    let exit = made.container.wait();
    for output in outputs {
        // Its reading ended with the container, or its writing with whoever read.
        let _ = output.join();
    }
    drop(raw);
    drop(signals);
    Ok(exit?)
}

fn duplicate(file: &File) -> Result<File, EngineError> {
    file.try_clone().map_err(|source| EngineError::Io { doing: "duplicate the container's terminal".into(), source })
}

/// Copies this process' stdin to the container until either ends. The thread is left behind when the container has
/// ended: nothing wakes a read of a terminal, and the process ends soon.
fn forward(into: File) -> Result<(), EngineError> {
    copy("stdin", Stdin, into).map(drop)
}

fn copy(
    name: &str,
    mut from: impl Read + Send + 'static,
    mut into: impl Write + Send + 'static,
) -> Result<JoinHandle<()>, EngineError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let mut buffer = vec![0; 32 << 10];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    // Each piece at once: it may be a prompt.
                    if into.write_all(&buffer[..read]).and_then(|()| into.flush()).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The master of a terminal whose other side has gone answers EIO: its end.
                Err(_) => break,
            }
        }
    });
    thread.map_err(|source| EngineError::Io { doing: format!("start a thread for the container's {name}"), source })
}

/// Stdin without the standard library's buffer, which would wait for more than was typed.
#[derive(Debug)]
struct Stdin;

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(rustix::stdio::stdin(), buffer)?)
    }
}
