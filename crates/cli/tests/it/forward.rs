//! `plimsoll agent forward`: a machine that ssh leads to asks the developer's own agent.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use image::Reference;
use image::client::{Client, Credentials, Settings};

use crate::agent::Agent;
use crate::plimsoll::{Ended, Home};
use crate::registry::{Kind, Registry};
use crate::sample::push_image;
use crate::ssh::{HOST, Ssh};

/// The other machine: a home without keys, and the socket that ssh puts there.
struct Runner {
    home: Home,
    socket: String,
}

impl Runner {
    fn of(ssh: &Ssh) -> Self {
        Self { home: Home::new(), socket: ssh.there("agent.sock").display().to_string() }
    }

    fn ask(&self, arguments: &[&str]) -> Ended {
        let mut words = vec!["agent"];
        words.extend(arguments);
        self.home.run_with(&words, &[("PLIMSOLL_AGENT_SOCK", &self.socket)])
    }

    /// Whether somebody answers, if only that this is not to be asked.
    fn is_there(&self) -> bool {
        self.ask(&["list"]).with(2).stderr.contains("only images can be signed")
    }

    /// Waits until the way is there.
    fn wait(&self) {
        for _ in 0..600 {
            if self.is_there() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("nobody answers at {}", self.socket);
    }
}

fn pushed(registry: &Registry, name: &str) -> String {
    let client = Client::new(Credentials::none(), Settings::default());
    let place: Reference = format!("{}/{name}", registry.host()).parse().unwrap();
    push_image(&client, &place, &[name.as_bytes().repeat(20), vec![2; 10]]);
    place.to_string()
}

#[test]
fn a_runner_has_images_of_the_named_repositories_signed_and_nothing_else() {
    let (Some(registry), Some(ssh)) = (Registry::start(Kind::Open), Ssh::new()) else { return };
    let (agent, runner) = (Agent::start(&[]), Runner::of(&ssh));
    let (ours, other) = (pushed(&registry, "team/app:v1"), pushed(&registry, "other/app:v1"));
    let pattern = format!("{}/team/**", registry.host());
    let forward = ["agent", "forward", "--ssh", HOST, "--remote-socket", &runner.socket, "--repository", &pattern];
    let way = ssh.way();
    let asked = [("Number (1-2)", "1"), ("Number (1-2)", "2")];
    thread::scope(|scope| {
        let forwarding = scope.spawn(|| agent.home.type_into_with(&forward, &asked, &[("PATH", &way)]));
        runner.wait();
        runner.ask(&["sign", &ours]).with(0);
        agent.home.run(&["verify", "--key", &agent.public(), &ours]).with(0);
        let no = runner.ask(&["sign", &ours]).with(2).stderr;
        assert!(no.contains("said no"), "{no}");
        // Nobody is asked for what is not among the repositories, nor for anything but images.
        let elsewhere = runner.ask(&["sign", &other]).with(2).stderr;
        assert!(elsewhere.contains("other/app"), "{elsewhere}");
        for verb in [&["allow", "raw"][..], &["lock"], &["stop"], &["add", "/tmp/other.key"]] {
            let refused = runner.ask(verb).with(2).stderr;
            assert!(refused.contains("only images can be signed"), "{verb:?}: {refused}");
        }
        ssh.cut();
        let ended = forwarding.join().unwrap().with(2).stdout;
        assert!(ended.contains(&format!("{HOST} may ask for {pattern}")), "{ended}");
        assert!(ended.contains(&format!("somebody at {HOST}, through ssh")), "the owner is told who asks: {ended}");
        assert!(ended.contains("nobody can ask from there any more"), "{ended}");
    });
    assert!(!runner.is_there());
    let log = agent.run(&["log"]).with(0).stdout;
    assert!(log.contains("signed     ") && log.contains("refused    "), "{log}");
    // The agent itself goes on.
    agent.run(&["list"]).with(0);
}

#[test]
fn the_way_ends_at_its_time_and_a_machine_that_lets_nobody_in_is_told() {
    let (Some(registry), Some(ssh)) = (Registry::start(Kind::Open), Ssh::new()) else { return };
    let (agent, runner) = (Agent::start(&[]), Runner::of(&ssh));
    let pattern = format!("{}/**", registry.host());
    let way = ssh.way();
    let forward = |until: &str| {
        let arguments = ["agent", "forward", "--ssh", HOST, "--remote-socket", &runner.socket];
        let limits = ["--repository", &pattern, "--until", until];
        agent.home.run_with(&[&arguments[..], &limits].concat(), &[("PATH", &way)])
    };
    // A connection that was cut leaves its socket there, which is no obstacle for the next.
    thread::scope(|scope| {
        let first = scope.spawn(|| forward("1h"));
        runner.wait();
        ssh.cut();
        first.join().unwrap().with(2);
    });
    assert!(!runner.is_there() && Path::new(&runner.socket).exists());
    let over = thread::scope(|scope| {
        let second = scope.spawn(|| forward("20s"));
        runner.wait();
        second.join().unwrap().with(0).stderr
    });
    assert!(over.contains("the time is over"), "{over}");
    assert!(!runner.is_there());
    fs::remove_file(ssh.there("authorized")).unwrap();
    let refused = forward("1h").with(2).stderr;
    assert!(refused.contains("Permission denied"), "ssh says why: {refused}");
    assert!(refused.contains(&format!("ssh to {HOST} ended")), "{refused}");
    agent.run(&["stop"]).with(0);
    let none = forward("1h").with(2).stderr;
    assert!(none.contains("no agent answers"), "{none}");
}
