//! A virtual YubiKey beside a person: a real PC/SC daemon, the virtual reader, a card, a finger.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::command::{command, run, succeed};
use crate::machine;

/// Long enough for a busy machine; nothing is asserted of it.
const PATIENCE: Duration = Duration::from_mins(2);

/// The PIN that every new card has.
pub(crate) const PIN: &str = "123456";

/// A card in a reader. Both end with the test.
#[derive(Debug)]
pub(crate) struct VirtualCard {
    child: Child,
    person: Option<ChildStdin>,
    told: Receiver<String>,
    variable: (String, String),
    serial: String,
}

impl VirtualCard {
    /// Starts it with what the finger does when the card blinks; `None` where there is no PC/SC daemon to be had.
    pub(crate) fn start(serial: &str, finger: &str) -> Option<Self> {
        if !machine::able(&["pcscd", "yubico-piv-tool", "unshare"]) {
            return None;
        }
        let program = machine::plimsoll().with_file_name("virtual-card");
        assert!(program.is_file(), "no {}; `cargo build --workspace --all-targets` makes it", program.display());
        let mut child = Command::new(program)
            .args(["--serial", serial, "--finger", finger])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starting virtual-card");
        let person = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (tell, told) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let mut card =
            Self { child, person, told, variable: (String::new(), String::new()), serial: serial.to_owned() };
        let first = card.next();
        let (name, value) = first.split_once('=').unwrap_or_else(|| panic!("virtual-card says {first:?}"));
        card.variable = (name.to_owned(), value.to_owned());
        card.wait_for("ready");
        Some(card)
    }

    fn next(&self) -> String {
        self.told.recv_timeout(PATIENCE).expect("virtual-card says what happens")
    }

    /// Waits until the card has come so far.
    pub(crate) fn wait_for(&self, text: &str) {
        while !self.next().contains(text) {}
    }

    /// What a person does: `touch`, `eject`, `finger absent`.
    pub(crate) fn act(&mut self, what: &str) {
        writeln!(self.person.as_mut().expect("a person"), "{what}").expect("telling the person");
    }

    /// Lets a program find this card and no other.
    pub(crate) fn shown_to(&self, mut program: Command) -> Command {
        program.env(&self.variable.0, &self.variable.1);
        program
    }

    /// `piv:serial=…;slot=9c`.
    pub(crate) fn key(&self) -> String {
        format!("piv:serial={};slot=9c", self.serial)
    }

    /// A key that somebody made before, with Yubico's own tool; its public half goes to `public`. It wants a touch each
    /// time, so that no test waits for a window to pass.
    pub(crate) fn has_a_key(&self, public: &Path) {
        let mut generate = command(
            "yubico-piv-tool",
            ["-a", "generate", "-s", "9c", "-A", "ECCP256", "--touch-policy=always", "--pin-policy=once", "-o"],
        );
        generate.arg(public);
        succeed(self.shown_to(generate));
    }
}

impl Drop for VirtualCard {
    fn drop(&mut self) {
        // The end of its input is its end, and the daemon's.
        drop(self.person.take());
        run(command("kill", ["-TERM", &self.child.id().to_string()]));
        let _ = self.child.wait();
    }
}
