//! A command at a terminal of its own, with a person who reads and types.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// Long enough for a busy machine; nothing is asserted of it.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running command and its screen.
#[derive(Debug)]
pub(crate) struct Terminal {
    child: Child,
    screen: File,
    shown: Arc<Mutex<Vec<u8>>>,
    /// How much of it a person has read.
    seen: usize,
    reading: JoinHandle<()>,
}

impl Terminal {
    /// Starts a command whose controlling terminal this is.
    pub(crate) fn start(command: &Command) -> Self {
        Self::with(command, &["--ctty", "--wait"])
    }

    /// Starts a command that sees a terminal on its standard streams, and has none that it could ask at.
    pub(crate) fn start_without_control(command: &Command) -> Self {
        Self::with(command, &["--wait"])
    }

    fn with(command: &Command, options: &[&str]) -> Self {
        let screen = File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal"));
        grantpt(&screen).and_then(|()| unlockpt(&screen)).expect("a terminal");
        let name = ptsname(&screen, Vec::new()).expect("a terminal's name");
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY;
        let terminal = || File::from(rustix::fs::open(&*name, flags, rustix::fs::Mode::empty()).expect("a terminal"));
        let mut session = Command::new("setsid");
        session.args(options).arg(command.get_program()).args(command.get_args());
        session.env("TERM", "dumb");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => session.env(name, value),
                None => session.env_remove(name),
            };
        }
        session.stdin(terminal()).stdout(terminal()).stderr(terminal());
        let child = session.spawn().expect("setsid");
        // The command holds the terminal open, too, and so would keep the screen from ever ending.
        drop(session);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut from, into) = (screen.try_clone().expect("the screen"), Arc::clone(&shown));
        let reading = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // A terminal that everybody has left ends with an error.
            while let Ok(read @ 1..) = from.read(&mut piece) {
                into.lock().expect("the screen").extend_from_slice(&piece[..read]);
            }
        });
        Self { child, screen, shown, seen: 0, reading }
    }

    /// What is on the screen.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("the screen")).into_owned()
    }

    /// Waits until this is shown, after what was waited for before.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let began = Instant::now();
        loop {
            let place = self.shown().get(self.seen..).and_then(|rest| rest.find(text));
            if let Some(place) = place {
                self.seen += place + text.len();
                return;
            }
            // What a command says last may be read after it ended.
            let is_over = self.reading.is_finished() && !self.shown().get(self.seen..).unwrap_or("").contains(text);
            assert!(began.elapsed() < PATIENCE && !is_over, "no {text:?} in:\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types a secret and Enter, once nothing that is typed is shown any more.
    pub(crate) fn type_secret(&mut self, prompt: &str, secret: &str) {
        self.wait_for(prompt);
        self.wait_until_quiet();
        writeln!(self.screen, "{secret}").expect("typing");
    }

    /// Answers questions as they come, until the command has ended: each prompt with what is typed there. A prompt whose
    /// answer is `None` gets the last secret again.
    pub(crate) fn converse(mut self, answers: &[(&str, Option<&str>)]) -> (Option<i32>, String) {
        let (began, mut last) = (Instant::now(), "");
        while !self.reading.is_finished() {
            let shown = self.shown();
            let rest = shown.get(self.seen..).unwrap_or_default();
            let next = answers.iter().filter_map(|(prompt, answer)| Some((rest.find(prompt)?, prompt, answer))).min();
            let Some((place, prompt, answer)) = next else {
                assert!(began.elapsed() < PATIENCE, "the command waits for something:\n{shown}");
                std::thread::sleep(Duration::from_millis(10));
                continue;
            };
            self.seen += place + prompt.len();
            last = answer.unwrap_or(last);
            self.wait_until_quiet();
            writeln!(self.screen, "{last}").expect("typing");
        }
        self.end()
    }

    /// Presses Ctrl-C where a secret is asked for.
    pub(crate) fn interrupt_at(&mut self, prompt: &str) {
        self.wait_for(prompt);
        self.wait_until_quiet();
        self.press(b"\x03");
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &[u8]) {
        self.screen.write_all(keys).expect("typing");
    }

    fn wait_until_quiet(&mut self) {
        let began = Instant::now();
        while tcgetattr(&self.screen).expect("the terminal").local_modes.contains(LocalModes::ECHO) {
            assert!(began.elapsed() < PATIENCE, "what is typed would be shown:\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end, and finds the terminal as it was left: exit code and screen.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the state of the command") {
                break status;
            }
            if began.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("the command does not end:\n{}", self.shown());
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let modes = tcgetattr(&self.screen).expect("the terminal").local_modes;
        let is_as_before = modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        assert!(is_as_before, "the terminal is left in another state ({modes:?}):\n{}", self.shown());
        drop(self.screen);
        self.reading.join().expect("the screen's reader");
        let shown = String::from_utf8_lossy(&self.shown.lock().expect("the screen")).into_owned();
        (status.code(), shown)
    }
}
