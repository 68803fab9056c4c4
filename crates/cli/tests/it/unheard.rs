//! Nobody reads standard error or output any more: what is done is done all the same.

use std::process::{Command, Stdio};

use crate::plimsoll::Home;
use crate::serving::Up;

/// A pipe whose other end is closed.
fn unread() -> Stdio {
    std::io::pipe().unwrap().1.into()
}

fn plimsoll(home: &Home, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(arguments).env("HOME", home.path("")).env_remove("XDG_CONFIG_HOME").current_dir(home.path(""));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn a_verb_ends_as_it_would_when_somebody_read() {
    let home = Home::new();
    let made = ["key", "generate", "k.key", "--passphrase-fd", "0"];
    let cases: [(&[&str], i32); 4] = [
        (&["scan", "no such thing"], 2),
        (&["verify", "--key", "missing.pub", "127.0.0.1:1/app:1"], 2),
        (&["nonsense"], 2),
        (&made, 2),
    ];
    for (arguments, code) in cases {
        assert_eq!(plimsoll(&home, arguments).stderr(unread()).status().unwrap().code(), Some(code), "{arguments:?}");
        assert_eq!(plimsoll(&home, arguments).stdout(unread()).status().unwrap().code(), Some(code), "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["key", "list"], &["man"]] {
        assert_eq!(plimsoll(&home, arguments).stdout(unread()).status().unwrap().code(), Some(0), "{arguments:?}");
        assert_eq!(plimsoll(&home, arguments).stderr(unread()).status().unwrap().code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_server_goes_on_when_its_log_is_read_no_more() {
    let up = Up::unheard(&["--log", "trace"]);
    for _ in 0..3 {
        assert!(up.get("/v2/").starts_with("HTTP/1.1 200"));
    }
}
