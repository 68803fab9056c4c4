use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::*;

/// A program of shell that answers as a pinentry would, for what no real one can be made to do.
fn scripted(folder: &Path, script: &str) -> Pinentry {
    let program = folder.join("scripted-pinentry");
    // Written by another program: a child that some other test forks at this moment would hold the script open for
    // writing, and then it cannot be executed.
    let mut writer = Command::new("sh");
    writer.args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\""]);
    assert!(writer.args([program.as_os_str(), script.as_ref()]).status().unwrap().success());
    Pinentry { program }
}

fn ask(pinentry: &Pinentry) -> Result<Zeroizing<String>, KeyError> {
    pinentry.ask(
        "about to sign\n  100% sure",
        "PIN of YubiKey 1 (3 tries left):",
        Some("wrong"),
        &AtomicBool::new(false),
    )
}

/// GnuPG's own, on a terminal of its own: what is typed there comes back, and its third field cancels.
#[test]
fn the_real_one_gives_what_is_typed_and_tells_of_a_cancel() {
    if !Path::new("/usr/bin/pinentry-curses").is_file() {
        assert!(
            std::env::var_os("PLIMSOLL_REQUIRE").is_none(),
            "no pinentry-curses; scripts/install.sh test installs it"
        );
        println!("skipped: no pinentry-curses; scripts/install.sh test installs it");
        return;
    }
    for (typed, expected) in [("24%6810\r", Some("24%6810")), ("\t\t\r", None)] {
        let folder = tempfile::tempdir().unwrap();
        let mut screen = File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap());
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap().into_string().unwrap();
        let line = format!("exec /usr/bin/pinentry-curses --ttyname {name} --ttytype vt100 --lc-ctype C.UTF-8");
        let pinentry = scripted(folder.path(), &line);
        // Kept open, so that the screen does not end before it is drawn.
        let _terminal = File::options().read(true).write(true).open(&name).unwrap();
        let asking = thread::spawn(move || ask(&pinentry));
        let mut shown = Vec::new();
        while !String::from_utf8_lossy(&shown).contains("YubiKey 1") {
            // It may have failed before it drew anything, and then the screen stays as it is.
            assert!(!asking.is_finished(), "{:?}", asking.join());
            let mut look = [PollFd::new(&screen, PollFlags::IN)];
            if poll(&mut look, Some(&Timespec { tv_sec: 0, tv_nsec: 100_000_000 })).unwrap() == 0 {
                continue;
            }
            let mut byte = [0; 256];
            let read = screen.read(&mut byte).unwrap();
            shown.extend_from_slice(&byte[..read]);
        }
        screen.write_all(typed.as_bytes()).unwrap();
        let answer = asking.join().unwrap();
        match expected {
            Some(expected) => assert_eq!(answer.unwrap().as_str(), expected),
            None => assert!(matches!(answer, Err(KeyError::Cancelled)), "{answer:?}"),
        }
    }
}

#[test]
fn what_is_asked_for_is_said_in_one_line_each() {
    let folder = tempfile::tempdir().unwrap();
    let heard = folder.path().join("heard");
    let script = format!(
        "echo OK Pleased to meet you; while read -r line; do echo \"$line\" >> {}; \
         case $line in GETPIN) echo 'S PASSWORD_FROM_CACHE'; echo 'D a%25b%0Ac';; esac; echo OK; done",
        heard.display()
    );
    assert_eq!(ask(&scripted(folder.path(), &script)).unwrap().as_str(), "a%b\nc");
    assert_eq!(
        fs::read_to_string(heard).unwrap(),
        "SETTITLE plimsoll\nSETDESC about to sign%0A  100%25 sure\nSETPROMPT PIN of YubiKey 1 (3 tries left):\nSETERROR wrong\nGETPIN\n"
    );
}

#[test]
fn whatever_else_it_does_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let greets = "echo OK; while read -r line; do case $line in GETPIN)";
    for (script, said) in [
        ("exit 1".to_owned(), "ended without an answer"),
        ("echo ERR 83886340 no display".to_owned(), "no display"),
        (format!("{greets} echo 'D %zz'; echo OK;; *) echo OK;; esac; done"), ""),
        (
            format!("{greets} head -c 100000 /dev/zero | tr '\\0' D;; *) echo OK;; esac; done"),
            "ended without an answer",
        ),
    ] {
        match ask(&scripted(folder.path(), &script)) {
            Err(KeyError::NobodyToAsk(unasked)) => {
                let text = unasked.to_string();
                assert!(text.contains("scripted-pinentry") && text.contains(said), "{script}: {text}");
            }
            // An escape that is none is no data.
            other => {
                assert!(said.is_empty() && other.as_ref().is_ok_and(|text| text.is_empty()), "{script}: {other:?}");
            }
        }
    }
    let missing = Pinentry { program: folder.path().join("missing") };
    assert!(matches!(ask(&missing), Err(KeyError::NobodyToAsk(_))));
}

#[test]
fn who_asked_and_went_away_takes_the_window_along() {
    let folder = tempfile::tempdir().unwrap();
    let process = folder.path().join("process");
    let script = format!(
        "echo $$ > {}; echo OK; while read -r line; do case $line in GETPIN) sleep 600;; *) echo OK;; esac; done",
        process.display()
    );
    let pinentry = scripted(folder.path(), &script);
    let cancelled = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let until = Instant::now() + Duration::from_secs(20);
            while !process.exists() && Instant::now() < until {
                thread::sleep(Duration::from_millis(10));
            }
            cancelled.store(true, Ordering::SeqCst);
        });
        assert!(matches!(pinentry.ask("x", "PIN:", None, &cancelled), Err(KeyError::Cancelled)));
    });
    let number = fs::read_to_string(&process).unwrap();
    assert!(!Path::new(&format!("/proc/{}", number.trim())).exists());
}
