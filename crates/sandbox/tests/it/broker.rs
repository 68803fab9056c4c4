//! The broker against a daemon that was taken over, and against machines that are not ready for it.

use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};

use rustix::net::SendFlags;
use sandbox::Settings;
use sandbox::channel::{Channel, MAX_MESSAGE};
use sandbox::protocol::{Answer, Request, VERSION};

use crate::house::{House, can_run, program, try_start};

/// A broker that is talked to without the client.
struct Raw {
    channel: Channel,
    broker: Child,
}

impl Raw {
    fn start() -> Self {
        let (channel, theirs) = Channel::pair().unwrap();
        let broker = Command::new(program())
            .arg("broker")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { channel, broker }
    }

    fn greeted(data: &std::path::Path) -> Self {
        let raw = Self::start();
        let hello = Request::Hello { version: VERSION, settings: Settings::new(data) };
        raw.channel.send(&hello, &[]).unwrap();
        assert!(matches!(raw.answer(), Answer::Welcome { .. }));
        raw
    }

    fn say(&self, bytes: &[u8]) {
        rustix::net::send(&self.channel, bytes, SendFlags::NOSIGNAL).unwrap();
    }

    fn answer(&self) -> Answer {
        self.channel.receive::<Answer>().unwrap().0
    }

    /// Closes the connection; the broker ends by itself and without a crash.
    fn end(mut self) {
        drop(self.channel);
        let status = self.broker.wait().unwrap();
        assert!(status.code().is_some(), "{status}");
    }
}

#[test]
fn nonsense_is_answered_by_an_error_and_does_nothing() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let raw = Raw::greeted(house.data.path());
    let id = "a".repeat(64);
    let layer = format!("sha256:{id}");
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let container = |change: &str| {
        let whole = format!(
            r#"{{"id":"{id}","name":null,"hostname":"h","layers":["{layer}"],"args":["x"],"env":[],"cwd":"/","user":"","binds":[],"terminal":null,"open_stdin":false,"remove":true,"limits":{{"pids":1,"memory":null}}}}"#
        );
        let (from, to) = change.split_once("=>").unwrap_or(("", ""));
        format!(r#"{{"Create":{{"container":{}}}}}"#, whole.replacen(from, to, 1))
    };
    for nonsense in [
        "\0".to_owned(),
        "{}".into(),
        "null".into(),
        "\"Hello\"".into(),
        deep,
        "x".repeat(MAX_MESSAGE),
        format!(
            r#"{{"Hello":{{"version":{VERSION},"settings":{{"data":"/etc","subordinate_user":"root","run":"/etc"}}}}}}"#
        ),
        r#"{"Unpack":{"diff_id":"sha256:../../../../etc"}}"#.into(),
        format!(r#"{{"Unpack":{{"diff_id":"{layer}","into":"/etc"}}}}"#),
        r#"{"Remove":{"id":"../../../../../../etc"}}"#.into(),
        format!(r#"{{"Remove":{{"id":"{id}"}}}}"#),
        format!(r#"{{"Layers":{{"diff_ids":[{}]}}}}"#, vec![format!("\"{layer}\""); 501].join(",")),
        container("\"cwd\":\"/\"=>\"cwd\":\"../..\""),
        container("\"args\":[\"x\"]=>\"args\":[]"),
        container("\"args\":[\"x\"]=>\"args\":[\"a\\u0000b\"]"),
        container("\"layers\":=>\"privileged\":true,\"layers\":"),
        container("\"hostname\":\"h\"=>\"hostname\":\"a\\nb\""),
        container("\"pids\":1=>\"pids\":0"),
        container("\"user\":\"\"=>\"user\":\"root\\u0000\""),
        container("="),
    ] {
        raw.say(nonsense.as_bytes());
        let Answer::Refused { reason } = raw.answer() else { panic!("{nonsense:.200} was done") };
        assert!(!reason.is_empty());
    }
    // It still works.
    raw.channel.send(&Request::Layers { diff_ids: vec![layer.parse().unwrap()] }, &[]).unwrap();
    assert_eq!(raw.answer(), Answer::Layers { kept: vec![false] });
    raw.end();
}

#[test]
fn descriptors_that_nobody_asked_for_are_closed() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let raw = Raw::greeted(house.data.path());
    let open = || std::fs::read_dir(format!("/proc/{}/fd", raw.broker.id())).unwrap().count();
    let request = Request::Layers { diff_ids: Vec::new() };
    raw.channel.send(&request, &[]).unwrap();
    raw.answer();
    let before = open();
    let file = std::fs::File::open("/dev/null").unwrap();
    for _ in 0..50 {
        raw.channel.send(&request, &[file.as_fd(); 100]).unwrap();
        raw.answer();
    }
    assert_eq!(open(), before);
    raw.end();
}

#[test]
fn the_first_message_must_be_a_greeting_of_the_same_version() {
    if !can_run() {
        return;
    }
    let raw = Raw::start();
    raw.say(b"{\"Layers\":{\"diff_ids\":[]}}");
    assert!(raw.channel.receive::<Answer>().is_err());
    raw.end();
    let raw = Raw::start();
    raw.channel.send(&Request::Hello { version: VERSION + 1, settings: Settings::new("/nowhere") }, &[]).unwrap();
    assert!(matches!(raw.answer(), Answer::Refused { reason } if reason.contains("version")));
    raw.end();
}

#[test]
fn a_broker_that_is_started_by_hand_says_what_it_is() {
    let output = Command::new(program()).arg("broker").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    let output = Command::new(program()).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("started by plimsoll"));
}

#[test]
fn a_user_without_subordinate_ids_is_told_how_to_get_them() {
    if !can_run() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(data.path());
    settings.subordinate_user = "nobody-at-all".into();
    let error = try_start(&settings).unwrap_err().to_string();
    assert!(error.contains("usermod --add-subuids"), "{error}");
}

#[test]
fn a_folder_that_somebody_else_put_there_is_not_used() {
    if !can_run() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let sandbox = data.path().join("sandbox");
    std::fs::create_dir(&sandbox).unwrap();
    std::os::unix::fs::chown(&sandbox, Some(4242), Some(4242)).unwrap();
    let broker = crate::house::start(data.path());
    let error = broker.layers(&[]).unwrap_err().to_string();
    assert!(error.contains("does not belong to root"), "{error}");
    std::fs::remove_dir(&sandbox).unwrap();
    std::os::unix::fs::symlink("/etc", &sandbox).unwrap();
    assert!(broker.layers(&[]).is_err());
}

#[test]
fn the_client_works_after_its_process_has_given_up_root() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let request = house.request(&[], "id -u");
    let outcome = std::thread::spawn(move || {
        // Of this thread alone; what it calls has the rights of nobody from here on.
        let (nobody, group) = (rustix::thread::Uid::from_raw(65_534), rustix::thread::Gid::from_raw(65_534));
        rustix::thread::set_thread_groups(&[]).unwrap();
        rustix::thread::set_thread_res_gid(group, group, group).unwrap();
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        assert!(std::fs::read_dir(house.data.path().join("sandbox/layers")).is_err());
        // Its folder is root's to delete, in the thread that still is.
        (house.run_request(&request).unwrap(), house.data)
    });
    let (outcome, _folder) = outcome.join().unwrap();
    assert_eq!(outcome.stdout, "0\n");
}
