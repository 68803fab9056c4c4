//! Clients that want to break it. Whatever they do, the next one is served.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use keys::agent::{Call, Code, Limits, Reply, Request, frame};
use proptest::prelude::*;

use super::{House, Wishes, image};

const PATIENCE: Duration = Duration::from_secs(20);

fn quick() -> House {
    let limits = Limits { patience: Duration::from_millis(60), look: Duration::from_millis(5), connections: 4 };
    House::with(&Wishes { limits, ..Wishes::default() })
}

fn is_served(house: &House) {
    house.client().sign_image(None, &image("r.io/app"), &mut |_| {}).unwrap();
}

fn answer(stream: &UnixStream) -> Reply {
    serde_json::from_slice(&frame::read(stream, PATIENCE).unwrap()).unwrap()
}

fn refusal(stream: &UnixStream) -> (Code, String) {
    match answer(stream) {
        Reply::Refused { code, reason } => (code, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn half_a_frame_and_a_slow_one_are_given_up() {
    let house = quick();
    for bytes in [&b"\0"[..], b"\0\0\0\x10", b"\0\0\0\x10{\"vers"] {
        let stream = UnixStream::connect(house.socket()).unwrap();
        (&stream).write_all(bytes).unwrap();
        let (code, reason) = refusal(&stream);
        assert!(code == Code::Malformed && reason.contains("came within"), "{reason}");
        assert_eq!((&stream).read(&mut [0]).unwrap(), 0, "and it hangs up");
    }
    // Cut in the middle: nobody is there to be told.
    let stream = UnixStream::connect(house.socket()).unwrap();
    (&stream).write_all(b"\0\0\0\x10{").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!((&stream).read(&mut [0]).unwrap(), 0);
    is_served(&house);
}

#[test]
fn one_who_drips_bytes_is_not_waited_for() {
    let house = quick();
    let stream = UnixStream::connect(house.socket()).unwrap();
    (&stream).write_all(b"\0\0\x0f\xff").unwrap();
    let mut drops = 0;
    while (&stream).write_all(b" ").is_ok() {
        drops += 1;
        assert!(drops < 4000, "it goes on waiting");
        std::thread::sleep(Duration::from_millis(5));
    }
    is_served(&house);
}

#[test]
fn a_frame_that_is_announced_as_huge_is_refused_before_it_comes() {
    let house = quick();
    for length in [u32::MAX, u32::try_from(frame::LARGEST).unwrap() + 1] {
        let stream = UnixStream::connect(house.socket()).unwrap();
        (&stream).write_all(&length.to_be_bytes()).unwrap();
        let (code, reason) = refusal(&stream);
        assert!(code == Code::Malformed && reason.contains(&length.to_string()), "{reason}");
    }
    is_served(&house);
}

#[test]
fn more_connections_than_there_is_room_for_are_told_so() {
    let house = House::with(&Wishes {
        limits: Limits { connections: 4, look: Duration::from_millis(5), ..Limits::default() },
        ..Wishes::default()
    });
    let held: Vec<_> = (0..4).map(|_| house.client()).collect();
    // Asked and answered: they are in, and stay.
    for client in &held {
        client.ask(Request::Status, &mut |_| {}).unwrap();
    }
    let more = UnixStream::connect(house.socket()).unwrap();
    let (code, reason) = refusal(&more);
    assert!(code == Code::Busy && reason.contains("4 connections"), "{reason}");
    drop(held);
    while let Err(error) = house.client().sign_image(None, &image("r.io/app"), &mut |_| {}) {
        assert!(error.to_string().contains("connections"), "{error}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn requests_that_are_none_are_refused_with_what_is_wrong() {
    let house = House::new();
    let long = "x".repeat(2000);
    let ask = |request: &str| format!(r#"{{"version":1,"request":{request}}}"#);
    let cases = [
        ("no json".to_owned(), "understood"),
        (r#"{"version":2,"request":{"anything":1}}"#.to_owned(), "version 2"),
        (r#"{"request":{"ask":"list"}}"#.to_owned(), "version"),
        (ask(r#"{"ask":"dance"}"#), "dance"),
        (ask(r#"{"ask":"lock","keys":"all"}"#), "keys"),
        (ask(&format!(r#"{{"ask":"unlock","key":"{long}"}}"#)), "key has 2000"),
        (ask(r#"{"ask":"allow-raw","seconds":99999999}"#), "time"),
        (ask(r#"{"ask":"sign-raw","key":null,"digest":"AAAA","hash":"sha256"}"#), "3 bytes"),
        (ask(r#"{"ask":"sign-raw","key":null,"digest":"AAAA","hash":"md5"}"#), "sha256"),
        (ask(r#"{"ask":"sign-payload","key":null,"payload":"!!"}"#), "understood"),
        (
            ask(
                r#"{"ask":"sign-image","key":null,"image":{"repository":"r","tag":null,"digest":"d","formats":["","","","","","","","",""]}}"#,
            ),
            "formats has 9",
        ),
        (format!(r#"{{"version":1,"terminal":"{long}","request":{{"ask":"list"}}}}"#), "terminal"),
        ("[".repeat(100_000), "understood"),
    ];
    for (bytes, said) in cases {
        let stream = UnixStream::connect(house.socket()).unwrap();
        frame::write(&stream, bytes.as_bytes(), PATIENCE).unwrap();
        let (code, reason) = refusal(&stream);
        assert!(code == Code::Malformed && reason.contains(said), "{said}: {reason}");
    }
    is_served(&house);
}

/// Loading a module runs its code where all unlocked keys are.
#[test]
fn a_module_that_the_asker_names_is_not_loaded_into_the_agent() {
    let house = House::new();
    let key = format!("pkcs11:token=x?module-path={}/mine.so", house.folder().display());
    let refused = house.client().ask(Request::Add { key }, &mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("pkcs11-modules"), "{refused}");
    is_served(&house);
}

#[test]
fn names_inside_the_bytes_are_shown_to_the_keys_owner() {
    let house = House::new();
    let text = String::from_utf8(super::statement()).unwrap();
    let body = &text[text.find('{').unwrap()..];
    let named =
        body.replace("}}]", r#"},"annotations":{"dev.plimsoll.repository":"r.io/prod","dev.plimsoll.tag":"1"}}]"#);
    let kind = "application/vnd.in-toto+json";
    let payload = format!("DSSEv1 {} {kind} {} {named}", kind.len(), named.len()).into_bytes();
    house.client().sign(Request::SignPayload { key: None, payload, hash: None }, &mut |_| {}).unwrap();
    let shown = house.owner.shown.lock().unwrap()[0].clone();
    assert_eq!((shown.repository.as_deref(), shown.tag.as_deref()), (Some("r.io/prod"), Some("1")));
}

/// Plugins are told as the program that started them: cosign, and not a plugin of ours. Any program can take their names.
#[test]
fn a_program_that_takes_a_plugins_name_is_told_as_what_it_is() {
    let house = House::new();
    let Some(python) = ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|path| Path::new(path).exists())
    else {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "python3 is required");
        return eprintln!("skipped: python3 is not there");
    };
    let call = serde_json::to_string(&Call::new(super::sign("r.io/app"))).unwrap();
    let script = "import socket, struct, sys\nopen('/proc/self/comm', 'w').write('notation-plimso')\n\
                  s = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\nb = sys.argv[2].encode()\n\
                  s.sendall(struct.pack('>I', len(b)) + b)\nassert s.recv(4)\ns.recv(65536)\ns.recv(65536)\n";
    let done = std::process::Command::new(python).args(["-c", script]).arg(house.socket()).arg(call).status().unwrap();
    assert!(done.success());
    while house.log().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let program = house.log()[0].program.clone().unwrap();
    assert!(program.contains("python"), "{program}");
}

#[test]
fn a_terminal_that_is_not_the_askers_own_is_not_asked_at() {
    use keys::agent::Asker;
    let asker = || {
        let (here, _there) = UnixStream::pair().unwrap();
        Asker::of(&here).unwrap()
    };
    assert_eq!(asker().process, Some(std::process::id()));
    for path in ["/dev/null", "/dev/ptmx", "/dev/../etc/passwd", "relative", "/nowhere", "/dev/tty"] {
        assert_eq!(asker().at_terminal(Some(path)).terminal, None, "{path}");
    }
    let master = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY).unwrap();
    rustix::pty::grantpt(&master).unwrap();
    rustix::pty::unlockpt(&master).unwrap();
    let other = rustix::pty::ptsname(&master, Vec::new()).unwrap();
    assert_eq!(asker().at_terminal(other.to_str().ok()).terminal, None, "a terminal, and not this process' own");
}

proptest! {
    #[test]
    fn any_bytes_are_a_call_or_none_and_a_call_is_written_and_read_as_the_same(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        if let Ok(call) = Call::read(&bytes) {
            prop_assert_eq!(Call::read(&serde_json::to_vec(&call).unwrap()).unwrap(), call);
        }
    }

    #[test]
    fn each_call_is_read_as_it_was_written(text in "[a-z:/=;]{0,40}", seconds in 0_u64..86_400, payload: Vec<u8>) {
        let requests = [
            Request::Status,
            Request::SignImage { key: Some(text.clone()), image: image(&text) },
            Request::SignImages { key: None, images: vec![image(&text), image("r.io/app")] },
            Request::SignPayload { key: None, payload, hash: Some(keys::Hash::Sha384) },
            Request::SignRaw { key: Some(text.clone()), digest: vec![7; 32], hash: keys::Hash::Sha256 },
            Request::Add { key: text.clone() },
            Request::AllowRaw { seconds },
        ];
        for request in requests {
            let call = Call::new(request);
            prop_assert_eq!(Call::read(&serde_json::to_vec(&call).unwrap()).unwrap(), call);
        }
    }
}
