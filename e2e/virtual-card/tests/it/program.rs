//! The program, as a shell uses it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use virtual_card::pcscd::{self, Pcscd};

/// Long enough for any machine, and never waited for where all is well.
const LONG: Duration = Duration::from_mins(1);

#[test]
fn a_person_at_standard_input_touches_pulls_out_and_puts_back() {
    // Says why not, where no daemon can be had.
    let Some(probe) = Pcscd::start_for_test() else { return };
    drop(probe);
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    let mut program = Command::new(env!("CARGO_BIN_EXE_virtual-card"))
        .args(["--firmware", "5.4", "--serial", "7654321", "--roots"])
        .arg(&roots)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut person = program.stdin.take().unwrap();
    let (tell, told) = mpsc::channel();
    let output = BufReader::new(program.stdout.take().unwrap());
    thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let next = || told.recv_timeout(LONG).expect("a line from the program");
    let socket = next();
    let socket = socket.strip_prefix("PCSCLITE_CSOCK_NAME=").expect("where the daemon is").to_owned();
    assert_eq!(next(), "card 1: YubiKey 5.4.3 (virtual), serial 7654321, in the reader");
    assert_eq!(next(), "ready");
    assert!(std::fs::read_to_string(roots).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    let tool = |arguments: &[&str]| {
        let mut tool = Command::new("yubico-piv-tool");
        tool.args(arguments).env(pcscd::SOCKET_VARIABLE, &socket).current_dir(folder.path());
        tool.stdout(Stdio::null()).stderr(Stdio::null());
        tool
    };
    let generate = ["-a", "generate", "-s", "9a", "-A", "ECCP256", "--touch-policy=always", "-o", "public.pem"];
    assert!(tool(&generate).status().unwrap().success());
    let issue = ["x509", "-new", "-force_pubkey", "public.pem", "-subj", "/CN=Ada", "-signkey", "issuer.pem", "-out"];
    for arguments in [
        &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "issuer.pem"][..],
        &[&issue[..], &["certificate.pem"]].concat(),
    ] {
        assert!(Command::new("openssl").args(arguments).current_dir(folder.path()).status().unwrap().success());
    }
    let sign = ["-a", "verify-pin", "-P", "123456", "-a", "test-signature", "-s", "9a", "-i", "certificate.pem"];
    let mut signing = tool(&sign).spawn().unwrap();
    assert_eq!(next(), "card 1 waits for a touch");
    writeln!(person, "touch").unwrap();
    assert_eq!(next(), "card 1 was touched");
    assert!(signing.wait().unwrap().success());
    let mut signing = tool(&sign).spawn().unwrap();
    assert_eq!(next(), "card 1 waits for a touch");
    writeln!(person, "eject").unwrap();
    let mut ends = [next(), next()];
    ends.sort();
    assert_eq!(ends, ["card 1 is not in the reader", "card 1 was not touched in time"]);
    assert!(!signing.wait().unwrap().success());
    writeln!(person, "insert").unwrap();
    assert_eq!(next(), "card 1: YubiKey 5.4.3 (virtual), serial 7654321, in the reader");
    assert!(tool(&["-a", "status"]).status().unwrap().success());
    writeln!(person, "dance").unwrap();
    assert!(next().starts_with("not understood: dance"));
    drop(person);
    assert!(program.wait().unwrap().success());
}
