//! Through a pseudo-terminal: what a person sees, and what the terminal is like afterwards.

use std::io::Read as _;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::*;

/// A screen of 80 columns with somebody in front of it, who types each text when a prompt has shown.
struct Screen {
    master: File,
    terminal: Terminal,
}

impl Screen {
    fn new() -> Self {
        let master = File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap());
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let terminal = Terminal::at(Path::new(name.to_str().unwrap()), Arc::default()).unwrap();
        Self { master, terminal }
    }

    fn typist(&self, lines: &'static [(&'static str, &'static str)]) -> JoinHandle<String> {
        let mut master = self.master.try_clone().unwrap();
        let is_quiet = {
            let tty = Arc::clone(&self.terminal.tty);
            move || !tcgetattr(&*tty).unwrap().local_modes.contains(LocalModes::ECHO)
        };
        thread::spawn(move || {
            let mut shown = String::new();
            for (prompt, line) in lines {
                let from = shown.len();
                while !shown[from..].ends_with(prompt) {
                    let mut byte = [0];
                    assert_eq!(master.read(&mut byte).unwrap(), 1);
                    shown.push(char::from(byte[0]));
                }
                assert!(is_quiet(), "what is typed would be seen");
                master.write_all(line.as_bytes()).unwrap();
            }
            shown
        })
    }

    /// What is on the screen from here on, as a terminal shows it: a carriage return begins the line anew.
    fn rest(mut self) -> String {
        let tty = Arc::clone(&self.terminal.tty);
        assert!(
            tcgetattr(&*tty).unwrap().local_modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
        );
        drop((self.terminal, tty));
        let mut shown = Vec::new();
        // A terminal that everybody has left ends with an error.
        let _ = self.master.read_to_end(&mut shown);
        seen(&String::from_utf8(shown).unwrap())
    }
}

fn seen(shown: &str) -> String {
    let line = |line: &str| line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default().trim_end().to_owned();
    shown.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn asked() -> Intent {
    Intent {
        repository: Some("registry.example.com/payments/api".into()),
        tag: Some("1.2".into()),
        digest: Some(format!("sha256:{}", "0123456789abcdef".repeat(4))),
        formats: vec!["Sigstore bundle".into(), "notation signature".into()],
        asked_by: None,
    }
}

#[test]
fn what_is_signed_stands_before_the_touch_and_the_countdown_ends_as_one_line() {
    let screen = Screen::new();
    let person = &screen.terminal;
    person.name_key("piv:serial=12345678;slot=9c");
    person.show(&asked());
    for left in [15, 14, 9] {
        person.touch(TouchMoment::Awaited { number: 1, of: 2, left: Duration::from_secs(left) });
    }
    person.touch(TouchMoment::Touched);
    person.touch(TouchMoment::Awaited { number: 2, of: 2, left: Duration::from_secs(15) });
    person.touch(TouchMoment::TimedOut);
    insta::assert_snapshot!(screen.rest(), @r"
    about to sign
      repository  registry.example.com/payments/api
      tag         1.2
      digest      sha256:0123456789abcdef0123456789abcdef
                         0123456789abcdef0123456789abcdef
      makes       Sigstore bundle, notation signature
      key         piv:serial=12345678;slot=9c
    touched
    not touched in time; nothing was signed
    ");
}

#[test]
fn what_nobody_told_is_said_to_be_unknown() {
    let screen = Screen::new();
    screen.terminal.show(&Intent {
        digest: Some("sha256:0123".into()),
        asked_by: Some("cosign (process 12)".into()),
        ..Intent::default()
    });
    screen.terminal.show(&Intent { asked_by: Some("something (process 13)".into()), ..Intent::default() });
    insta::assert_snapshot!(screen.rest(), @r"
    about to sign
      repository  (not told by cosign)
      tag         (not told)
      digest      sha256:0123
      makes       a bare signature
      asked by    cosign (process 12)
    about to sign
      repository  (not told by something)
      tag         (not told)
      digest      UNKNOWN: bytes of which nothing can be said
      makes       a bare signature
      asked by    something (process 13)
    ");
}

#[test]
fn each_end_of_the_wait_has_its_words_and_the_countdown_shows_what_is_left() {
    let screen = Screen::new();
    let person = &screen.terminal;
    for end in [TouchMoment::Touched, TouchMoment::Cancelled, TouchMoment::Removed] {
        person.touch(TouchMoment::Awaited { number: 1, of: 1, left: Duration::from_millis(14_200) });
        person.touch(end);
    }
    // Nothing was awaited: nothing to say of it.
    person.touch(TouchMoment::Touched);
    person.touch(TouchMoment::Removed);
    person.touch(TouchMoment::Awaited { number: 1, of: 1, left: Duration::from_millis(14_200) });
    insta::assert_snapshot!(words::awaited(1, 1, Duration::from_millis(14_200), true), @"touch your key: 15 s left, Ctrl-C cancels");
    drop(person.waiting.lock().unwrap().take());
    insta::assert_snapshot!(screen.rest(), @r"
    touched
    cancelled; nothing was signed, and a touch that comes now is thrown away
    the key was removed; nothing was signed
    the key was removed; nothing was signed
    touch your key: 15 s left, Ctrl-C cancels
    ");
}

#[test]
fn a_pin_is_typed_unseen_with_the_tries_left_said_before() {
    let screen = Screen::new();
    let typist = screen.typist(&[("(3 tries left): ", "12x\u{7f}34\u{1b}[D56\r"), ("blocks it): ", "wrong\u{15}1\n")]);
    let ask = |tries_left| PinAsk { device: "YubiKey 12345678".into(), kind: PinKind::Pin, tries_left };
    assert_eq!(screen.terminal.pin(&ask(Some(3))).unwrap().as_bytes(), b"123456");
    assert_eq!(screen.terminal.pin(&ask(Some(1))).unwrap().as_bytes(), b"1");
    insta::assert_snapshot!(seen(&typist.join().unwrap()), @r"
    PIN of YubiKey 12345678 (3 tries left):
    PIN of YubiKey 12345678 (LAST try: a wrong one blocks it):
    ");
    assert_eq!(screen.rest().trim(), "");
}

#[test]
fn a_new_pin_is_typed_twice_and_asked_for_again_when_the_two_differ() {
    let screen = Screen::new();
    let typist = screen.typist(&[
        ("New PIN for YubiKey 1: ", "111111\n"),
        ("The same again: ", "222222\n"),
        ("New PIN for YubiKey 1: ", "333333\n"),
        ("The same again: ", "333333\n"),
    ]);
    let ask = PinAsk { device: "YubiKey 1".into(), kind: PinKind::NewPin, tries_left: None };
    assert_eq!(screen.terminal.pin(&ask).unwrap().as_bytes(), b"333333");
    let shown = typist.join().unwrap();
    assert!(shown.contains("the two differ") && !shown.contains("333"), "{shown}");
    screen.rest();
}

#[test]
fn one_of_several_is_chosen_by_number_and_by_nothing_else() {
    let screen = Screen::new();
    let typist = screen.typist(&[("(1-2): ", "0\n"), ("(1-2): ", "two\n"), ("(1-2): ", "2\n")]);
    let choices = ["YubiKey 1, slot 9c".to_owned(), "YubiKey 2, slot 9c".to_owned()];
    assert_eq!(screen.terminal.choose("Which key signs?", &choices).unwrap(), 1);
    let rest = typist.join().unwrap() + &screen.rest();
    insta::assert_snapshot!(seen(&rest), @r"
    Which key signs?
       1  YubiKey 1, slot 9c
       2  YubiKey 2, slot 9c
    Number (1-2): 0
    that is none of them; Ctrl-C cancels
    Number (1-2): two
    that is none of them; Ctrl-C cancels
    Number (1-2): 2
    ");
}

#[test]
fn control_c_cancels_the_question_and_all_that_comes_after_it() {
    let screen = Screen::new();
    let typist = screen.typist(&[("release.key: ", "half\u{3}")]);
    assert!(matches!(screen.terminal.passphrase("release.key"), Err(KeyError::Cancelled)));
    assert!(screen.terminal.is_cancelled());
    assert!(matches!(screen.terminal.passphrase("release.key"), Err(KeyError::Cancelled)));
    typist.join().unwrap();
    screen.rest();
}

#[test]
fn a_terminal_that_goes_away_ends_the_question() {
    let Screen { master, terminal } = Screen::new();
    let asking = thread::spawn(move || terminal.passphrase("release.key"));
    drop(master);
    assert!(matches!(asking.join().unwrap(), Err(KeyError::NobodyToAsk(_))));
}

/// What stands in the last line is written over there, so nothing of ours stands in it.
#[test]
fn where_another_program_draws_all_that_is_said_ends_its_line() {
    let mut screen = Screen::new();
    screen.terminal.share();
    let typist = screen.typist(&[("release.key:\r\n", "a secret\r")]);
    assert!(screen.terminal.passphrase("release.key").is_ok());
    typist.join().unwrap();
    for left in [15, 14] {
        let left = Duration::from_secs(left);
        screen.terminal.touch(TouchMoment::Awaited { number: 1, of: 1, left });
    }
    screen.terminal.touch(TouchMoment::Touched);
    let rest = screen.rest();
    let lines: Vec<&str> = rest.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["touch your key: 15 s left, Ctrl-C cancels", "touched"]);
    assert!(rest.ends_with('\n'), "{rest:?}");
}
