//! Signatures that are asked for from afar: through a registry, by its pushes, and through ssh.

use std::process::Command;
use std::thread;
use std::time::Duration;

use image::Reference;
use image::client::{Client, Credentials, Settings};

use crate::agent::Agent;
use crate::sample::push_image;
use crate::serving::Up;

fn push(up: &Up, tag: &str, byte: u8) -> (Reference, image::Digest) {
    let client = Client::new(Credentials::none(), Settings::default());
    let place: Reference = format!("{}/team/app:{tag}", up.address).parse().unwrap();
    let digest = push_image(&client, &place, &[vec![byte; 100], vec![2; 10]]);
    (place, digest)
}

/// Ends the process whose arguments hold both.
fn interrupt(verb: &str, address: &str) {
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let program = line.split(' ').next().unwrap_or_default();
        if program.ends_with("plimsoll") && line.contains(verb) && line.contains(address) {
            let process = entry.file_name();
            assert!(Command::new("kill").arg("-TERM").arg(process).status().unwrap().success());
        }
    }
}

#[test]
fn a_runner_asks_the_owners_own_agent_through_the_registry() {
    let (up, agent) = (Up::unheard(&[]), Agent::start(&[]));
    let (place, digest) = push(&up, "v1", 1);
    let url = format!("http://{}", up.address);
    let pattern = format!("{}/team/**", up.address);
    let serve = ["agent", "serve-requests", "--registry", &url, "--repository", &pattern];
    thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let answers = [("Number (1-2)", "1"), ("Number (1-2)", "2")];
            let end = || interrupt("serve-requests", &up.address);
            agent.home.type_and_await(&serve, &answers, &[], &["\nnot signed: "], end)
        });
        let public = agent.public();
        let sign = ["sign", "--via", &url, "--by", &public, &place.to_string()];
        let signed = agent.run(&sign).with(0);
        assert!(signed.stdout.contains(digest.as_str()), "{}", signed.stdout);
        agent.home.run(&["verify", "--key", &public, &place.to_string()]).with(0);
        let refused = agent.run(&sign).with(2).stderr;
        assert!(refused.contains("said no"), "{refused}");
        let shown = serving.join().unwrap().stdout;
        for said in ["team/app", "v1", &digest.as_str()[..39], "asked by    a caller on this machine, through"] {
            assert!(shown.contains(said), "{said}: {shown}");
        }
        assert!(shown.contains("signed: ") && shown.contains("not signed: "), "{shown}");
    });
    let log = agent.run(&["log"]).with(0).stdout;
    assert!(log.contains("signed     ") && log.contains("refused    "), "{log}");
}

#[test]
fn what_was_pushed_is_signed_after_a_yes_and_left_unsigned_after_a_no() {
    let (up, agent) = (Up::unheard(&[]), Agent::start(&[]));
    let url = format!("http://{}", up.address);
    let pattern = format!("{}/team/*", up.address);
    let watch = ["agent", "watch", "--registry", &url, "--repository", &pattern];
    thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let answers = [("Number (1-2)", "1"), ("Number (1-2)", "2")];
            let end = || interrupt("watch", &up.address);
            agent.home.type_and_await(&watch, &answers, &[], &["left unsigned: "], end)
        });
        // Before it follows, nobody is asked: pushed until somebody was.
        let (mut pushed, mut log) = (Vec::new(), String::new());
        while !(log.contains("signed     ") && log.contains("refused    ")) {
            let number = u8::try_from(pushed.len()).unwrap();
            pushed.push(push(&up, &format!("v{number}"), number).0);
            thread::sleep(Duration::from_millis(500));
            log = agent.run(&["log", "-n", "1000"]).with(0).stdout;
        }
        let shown = watching.join().unwrap().stdout;
        let codes: Vec<_> = pushed
            .iter()
            .map(|place| agent.home.run(&["verify", "--key", &agent.public(), &place.to_string()]).code)
            .collect();
        assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1, "{codes:?} {log}");
        assert!(shown.contains("asked by    a push by a caller on this machine to"), "{shown}");
        assert!(shown.contains("left unsigned: ") && shown.contains("said no"), "{shown}");
        assert!(shown.contains("signed: "), "{shown}");
    });
}

#[test]
fn nobody_is_asked_for_a_repository_that_was_not_named() {
    let (up, agent) = (Up::unheard(&[]), Agent::start(&[]));
    push(&up, "v1", 1);
    let url = format!("http://{}", up.address);
    let none = agent.run(&["serve-requests", "--registry", &url]).with(2).stderr;
    assert!(none.contains("--repository"), "{none}");
    let over = ["serve-requests", "--registry", &url, "--repository", "**", "--until", "2020-01-01T00:00:00Z"];
    assert!(agent.run(&over).with(2).stderr.contains("over already"));
    let far = ["forward", "--ssh=-oProxyCommand=x", "--repository", "**"];
    let name = agent.run(&far).with(2).stderr;
    assert!(name.contains("no name of a machine"), "{name}");
    let open = ["watch", "--registry", "http://registry.example.com", "--repository", "**"];
    assert!(agent.run(&open).with(2).stderr.contains("without TLS"));
}
