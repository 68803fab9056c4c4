//! `docker push`, then a touch: docker's own clients, a real engine and registry, a virtual YubiKey.

use std::path::PathBuf;
use std::time::Instant;

use crate::command::{command, succeed};
use crate::docker::{DebianRegistry, Developer, Engine};
use crate::machine;
use crate::pipeline::work;
use crate::server::Server;
use crate::terminal::Terminal;
use crate::virtual_card::{PIN, VirtualCard};

const PROGRAMS: [&str; 5] = ["dockerd", "docker-registry", "curl", "tar", "setsid"];
const PROMPT: &str = "PIN of YubiKey";

/// Whoever has a card with a key in slot 9C.
struct Desk {
    work: tempfile::TempDir,
    _engine: Engine,
    registry: DebianRegistry,
    card: VirtualCard,
    public: PathBuf,
    developers: Vec<Developer>,
}

impl Desk {
    fn set_up(serial: &str, finger: &str) -> Option<Self> {
        if !machine::able(&PROGRAMS) {
            return None;
        }
        let clients = machine::docker_clients();
        if clients.is_empty() {
            return None;
        }
        let card = VirtualCard::start(serial, finger)?;
        let work = work();
        let public = work.path().join("card.pub");
        card.has_a_key(&public);
        let engine = Engine::start(work.path());
        let registry = DebianRegistry::start(work.path());
        let mut developers = Vec::new();
        for (version, client) in &clients {
            let developer = Developer::new(&work.path().join(version), client, &engine);
            succeed(developer.plimsoll(&["docker-plugin", "install", "--key", &card.key()]));
            developers.push(developer);
        }
        Some(Self { work, _engine: engine, registry, card, public, developers })
    }

    /// A new image, pushed by one of the developers up to the prompt for the PIN.
    fn push(&self, developer: &Developer, name: &str) -> (Terminal, String) {
        let reference = self.registry.reference(name);
        developer.make_image(name, &[&reference]);
        let mut terminal = Terminal::start(&self.card.shown_to(developer.docker(&["push", &reference])));
        terminal.type_secret(PROMPT, PIN);
        (terminal, reference)
    }

    fn is_signed(&self, reference: &str) -> bool {
        let key = self.public.display().to_string();
        let ended = crate::command::run(self.developers[0].plimsoll(&["verify", "--key", &key, reference]));
        assert!(matches!(ended.code, Some(0 | 1)), "{}", ended.said());
        ended.code == Some(0)
    }
}

#[test]
fn a_touch_after_docker_push_signs_with_the_key_that_the_card_has_already() {
    let Some(mut desk) = Desk::set_up("1111", "ask") else { return };
    for place in 0..desk.developers.len() {
        let (mut terminal, reference) = desk.push(&desk.developers[place], &format!("app:{place}"));
        // A finger that is quicker than 300 ms is not asked for.
        terminal.wait_for("touch your key");
        desk.card.act("touch");
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains("touch your key") && shown.contains("signed "), "{shown}");
        assert!(!shown.contains(PIN) && !shown.contains("NOT signed"), "{shown}");
        assert!(desk.is_signed(&reference));
        // Pushed once more it is the same image, and nobody is asked.
        let again = Terminal::start(&desk.card.shown_to(desk.developers[place].docker(&["push", &reference])));
        let (code, shown) = again.end();
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains("signed already") && !shown.contains(PROMPT), "{shown}");
        if let Some(cosign) = machine::cosign() {
            let mut verify = command(cosign, ["verify", "--insecure-ignore-tlog", "--allow-http-registry", "--key"]);
            verify.arg(&desk.public).arg(&reference);
            succeed(verify);
        }
    }
    assert!(desk.work.path().is_dir());
}

#[test]
fn a_touch_that_does_not_come_and_a_card_that_is_pulled_out_leave_the_push_unsigned() {
    let Some(mut desk) = Desk::set_up("2222", "absent") else { return };
    let (terminal, late) = desk.push(&desk.developers[0], "late:v1");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("NOT signed") && shown.contains(&format!(" {late}@sha256:")), "{shown}");
    // Whoever types what is advised signs with the key that was named once.
    assert!(shown.contains("plimsoll sign --key 'piv:serial=2222;slot=9c' "), "{shown}");
    assert!(!desk.is_signed(&late));

    desk.card.act("finger ask");
    let (mut terminal, removed) = desk.push(&desk.developers[0], "removed:v1");
    terminal.wait_for("touch your key");
    desk.card.act("eject");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("NOT signed"), "{shown}");
    assert!(!desk.is_signed(&removed));
}

/// What the README writes between two of its lines, comments left out.
fn commands_of_the_readme(after: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(machine::root().join("README.md")).expect("the README");
    let (_, rest) = readme.split_once(after).unwrap_or_else(|| panic!("the README has no {after:?}"));
    let block = rest.lines().skip_while(|line| !line.starts_with("    ")).take_while(|line| line.starts_with("    "));
    block.map(|line| line.split(" #").next().unwrap_or(line).trim().to_owned()).collect()
}

#[test]
fn the_readme_s_commands_lead_from_nothing_to_a_touched_signature() {
    if !machine::able(&PROGRAMS) {
        return;
    }
    let Some((_, client)) = machine::docker_clients().pop() else { return };
    let Some(card) = VirtualCard::start("3333", "after=1s") else { return };
    let work = work();
    let engine = Engine::start(work.path());
    let server = Server::start(work.path());
    let developer = Developer::bare(&work.path().join("home"), &client, &engine);
    let reference = server.reference("app:1.0");
    developer.make_image("1.0", &[&reference]);

    let commands = commands_of_the_readme("ask for a touch of your YubiKey");
    assert!((1..=4).contains(&commands.len()), "{commands:?}");
    let answers = [
        // A new card has the PIN, PUK and management key of the factory, which are to be changed.
        ("Number (1-", Some("1")),
        ("New PIN for", Some("246810")),
        ("New PUK for", Some("13579135")),
        ("The same again", None),
        ("PIN of", Some("246810")),
    ];
    let began = Instant::now();
    for line in &commands {
        let line = line.replace("127.0.0.1:5150/app:1.0", &reference);
        let started = Instant::now();
        let shell = card.shown_to(developer.shell(&line));
        let (code, shown) = Terminal::start(&shell).converse(&answers);
        println!("$ {line}\n{shown}({:.1} s)\n", started.elapsed().as_secs_f64());
        assert_eq!(code, Some(0), "{line}\n{shown}");
    }
    println!("{} commands, {:.1} s", commands.len(), began.elapsed().as_secs_f64());

    let public = work.path().join("card.pub");
    std::fs::write(&public, succeed(card.shown_to(developer.plimsoll(&["key", "show", "piv:"]))))
        .expect("a public key");
    let key = public.display().to_string();
    succeed(developer.plimsoll(&["verify", "--key", &key, &reference]));
}
