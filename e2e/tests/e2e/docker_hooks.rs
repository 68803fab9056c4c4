//! `docker push`, then a signature: docker's own clients, a real engine, two registries, a person at a terminal.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{command, run, succeed};
use crate::docker::{Certificates, DebianRegistry, Developer, Engine, PASSPHRASE};
use crate::machine;
use crate::pipeline::work;
use crate::server::Server;
use crate::ssh::{HOST, Ssh};
use crate::terminal::Terminal;

const PROGRAMS: [&str; 6] = ["dockerd", "docker-registry", "busybox", "curl", "tar", "setsid"];
const PROMPT: &str = "Passphrase for";

/// The clients to try; none where the test cannot run here.
fn clients() -> Vec<(String, PathBuf)> {
    if machine::able(&PROGRAMS) { machine::docker_clients() } else { Vec::new() }
}

fn one_client() -> Option<PathBuf> {
    clients().pop().map(|(_, client)| client)
}

/// The real cosign 3, where it is here.
fn assert_cosign_verifies(key: &Path, reference: &str) {
    let Some(cosign) = machine::cosign() else { return };
    let mut verify = command(cosign, ["verify", "--insecure-ignore-tlog", "--allow-http-registry", "--key"]);
    verify.arg(key).arg(reference);
    succeed(verify);
}

/// A push at a terminal by somebody who types the passphrase.
fn push_and_sign(developer: &Developer, arguments: &[&str]) -> String {
    let mut terminal = Terminal::start(&developer.docker(arguments));
    terminal.type_secret(PROMPT, PASSPHRASE);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("signed ") && !shown.contains("NOT signed"), "{shown}");
    assert!(!shown.contains(PASSPHRASE), "{shown}");
    shown
}

#[test]
fn a_push_is_signed_at_the_terminal_and_cosign_verifies_it() {
    let clients = clients();
    if clients.is_empty() {
        return;
    }
    let work = work();
    let engine = Engine::start(work.path());
    let server = Server::start(work.path());
    let debian = DebianRegistry::start(work.path());
    for (version, client) in &clients {
        let home = work.path().join(format!("home-{version}"));
        let developer = Developer::new(&home, client, &engine);
        let ours = server.reference(&format!("team/app:{version}"));
        // A tag that is not written is `latest`.
        let theirs = debian.reference(&format!("team/app-{version}"));
        developer.make_image(version, &[&ours, &theirs]);

        let shown = push_and_sign(&developer, &["push", &ours]);
        for told in
            [&format!("tag         {version}"), "digest      sha256:", "findings   ", "/r/team/app/-/images/sha256:"]
        {
            assert!(shown.contains(told), "no {told:?} in:\n{shown}");
        }
        assert!(developer.has_signed(&ours));
        assert_cosign_verifies(&developer.public_key(), &ours);

        let shown = push_and_sign(&developer, &["image", "push", "-q", &theirs]);
        assert!(shown.contains("tag         latest") && shown.contains("plimsoll scan"), "{shown}");
        assert!(developer.has_signed(&theirs));
        assert_cosign_verifies(&developer.public_key(), &theirs);
    }
}

#[test]
fn docker_plimsoll_is_plimsoll_with_docker_s_choice_of_configuration() {
    let work = work();
    let clients = clients();
    if clients.is_empty() {
        return;
    }
    let engine = Engine::start(work.path());
    for (version, client) in &clients {
        let developer = Developer::new(&work.path().join(version), client, &engine);
        let shown = succeed(developer.docker(&["plimsoll", "key", "show"]));
        assert_eq!(shown, succeed(developer.plimsoll(&["key", "show"])));
        let help = succeed(developer.docker(&["--help"]));
        assert!(help.contains("plimsoll*") && help.contains("Sign, scan and contain images"), "{help}");
        let status = run(developer.docker(&["plimsoll", "docker-plugin", "status"]));
        assert!(status.stdout.contains("on by features.hooks"), "{}", status.said());

        // Its own configuration folder, in which nothing is installed but the plugin itself.
        let other = work.path().join(format!("other-{version}"));
        fs::create_dir_all(other.join("cli-plugins")).expect("a folder");
        std::os::unix::fs::symlink(machine::plimsoll(), other.join("cli-plugins/docker-plimsoll")).expect("a link");
        let status =
            run(developer.docker(&["--config", &other.display().to_string(), "plimsoll", "docker-plugin", "status"]));
        assert!(status.stdout.contains("features.hooks is not set"), "{}", status.said());

        succeed(developer.docker(&["plimsoll", "docker-plugin", "remove"]));
        let gone = run(developer.docker(&["plimsoll", "key", "show"]));
        assert_ne!(gone.code, Some(0), "{}", gone.said());
    }
}

#[test]
fn ctrl_c_leaves_the_push_and_says_that_it_is_unsigned() {
    let clients = clients();
    if clients.is_empty() {
        return;
    }
    let work = work();
    let engine = Engine::start(work.path());
    let registry = DebianRegistry::start(work.path());
    for (version, client) in &clients {
        let developer = Developer::new(&work.path().join(version), client, &engine);
        let reference = registry.reference(&format!("app:{version}"));
        developer.make_image(version, &[&reference]);
        let mut terminal = Terminal::start(&developer.docker(&["push", &reference]));
        terminal.interrupt_at(PROMPT);
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(0), "the push itself went well:\n{shown}");
        assert!(shown.contains("What's next:"), "{shown}");
        assert!(shown.contains("is pushed and NOT signed"), "{shown}");
        assert!(shown.contains(&format!("plimsoll sign {reference}@sha256:")), "{shown}");
        assert!(!developer.has_signed(&reference));
    }
}

#[test]
fn a_failed_push_and_hooks_that_are_turned_off_are_left_alone() {
    let clients = clients();
    if clients.is_empty() {
        return;
    }
    let work = work();
    let engine = Engine::start(work.path());
    let registry = DebianRegistry::start(work.path());
    for (version, client) in &clients {
        let developer = Developer::new(&work.path().join(version), client, &engine);
        let (nowhere, there) = ("127.0.0.1:1/app:v1".to_owned(), registry.reference(&format!("app:{version}")));
        developer.make_image(version, &[&nowhere, &there]);
        let (code, shown) = Terminal::start(&developer.docker(&["push", &nowhere])).end();
        assert_eq!(code, Some(1), "{shown}");
        assert!(shown.contains("127.0.0.1:1") && !shown.contains("sign"), "{shown}");

        let mut push = developer.docker(&["push", &there]);
        push.env("DOCKER_CLI_HOOKS", "false");
        let (code, shown) = Terminal::start(&push).end();
        assert_eq!(code, Some(0), "{shown}");
        assert!(!shown.contains("sign"), "{shown}");
    }
}

#[test]
fn an_engine_elsewhere_is_asked_over_tls_as_docker_s_context_says() {
    let clients = clients();
    if clients.is_empty() || !machine::able(&["openssl"]) {
        return;
    }
    let work = work();
    let certificates = Certificates::make(&work.path().join("certificates"));
    let address =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").to_string();
    let engine = Engine::start_with_tls(work.path(), &certificates, &address);
    let registry = DebianRegistry::start(work.path());
    for (version, client) in &clients {
        let developer = Developer::new(&work.path().join(version), client, &engine);
        let reference = registry.reference(&format!("app:{version}"));
        developer.make_image(version, &[&reference]);
        let [ca, cert, key] = ["ca.pem", "client.pem", "client.key"].map(|name| certificates.file(name));
        let endpoint = format!("host=tcp://{address},ca={ca},cert={cert},key={key}");
        succeed(developer.without_variables(&["context", "create", "elsewhere", "--docker", &endpoint]));
        let mut terminal =
            Terminal::start(&developer.without_variables(&["--context", "elsewhere", "push", &reference]));
        terminal.type_secret(PROMPT, PASSPHRASE);
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(0), "{shown}");
        assert!(developer.has_signed(&reference), "{shown}");

        // Without the client's certificate the engine says nothing.
        let bare = format!("host=tcp://{address},ca={ca}");
        succeed(developer.without_variables(&["context", "create", "stranger", "--docker", &bare]));
        let mut look =
            developer.plimsoll(&["docker-look", "pushed", "--client", "{\"context\":\"stranger\"}", &reference]);
        look.env_remove("DOCKER_HOST");
        let refused = run(look);
        assert_eq!(refused.code, Some(2), "{}", refused.said());
        assert!(refused.stderr.contains(&address), "{}", refused.said());
    }
}

#[test]
fn an_engine_behind_ssh_is_asked_as_docker_asks_it() {
    let (Some(client), Some(ssh)) = (one_client(), Ssh::new()) else { return };
    let work = work();
    let engine = Engine::start(work.path());
    let registry = DebianRegistry::start(work.path());
    let developer = Developer::new(&work.path().join("home"), &client, &engine);
    let reference = registry.reference("app:v1");
    developer.make_image("one", &[&reference]);
    let endpoint = format!("host=ssh://{HOST}{}", engine.socket().display());
    succeed(developer.without_variables(&["context", "create", "builder", "--docker", &endpoint]));
    let mut push = developer.without_variables(&["--context", "builder", "push", &reference]);
    push.env("PATH", ssh.way());
    let mut terminal = Terminal::start(&push);
    terminal.type_secret(PROMPT, PASSPHRASE);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(developer.has_signed(&reference), "{shown}");

    // A machine that lets nobody in says nothing of what it recorded.
    fs::remove_file(ssh.there("authorized")).expect("it is there");
    let mut look = developer.plimsoll(&["docker-look", "pushed", "--client", "{\"context\":\"builder\"}", &reference]);
    look.env_remove("DOCKER_HOST").env("PATH", ssh.way());
    let refused = run(look);
    assert_eq!(refused.code, Some(2), "{}", refused.said());
    assert!(refused.stderr.contains("Permission denied") && refused.stderr.contains(HOST), "{}", refused.said());
}

#[test]
fn without_a_terminal_to_ask_at_the_command_is_named() {
    let Some(client) = one_client() else { return };
    let work = work();
    let engine = Engine::start(work.path());
    let registry = DebianRegistry::start(work.path());
    let developer = Developer::new(&work.path().join("home"), &client, &engine);
    let reference = registry.reference("app:v1");
    developer.make_image("one", &[&reference]);
    let (code, shown) = Terminal::start_without_control(&developer.docker(&["push", &reference])).end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains(&format!("sign it with: plimsoll sign {reference}")), "{shown}");
    assert!(!developer.has_signed(&reference));
}

#[test]
fn two_pushes_at_once_are_signed_each_for_itself_and_all_tags_of_a_repository_together() {
    let Some(client) = one_client() else { return };
    let work = work();
    let engine = Engine::start(work.path());
    let registry = DebianRegistry::start(work.path());
    let developer = Developer::new(&work.path().join("home"), &client, &engine);
    let [one, two] = ["app:one", "app:two"].map(|name| registry.reference(name));
    developer.make_image("1", &[&one]);
    developer.make_image("2", &[&two]);
    let mut first = Terminal::start(&developer.docker(&["push", &one]));
    let mut second = Terminal::start(&developer.docker(&["push", &two]));
    // Both stand at their prompts before either is answered.
    first.wait_for("digest      sha256:");
    second.wait_for("digest      sha256:");
    second.type_secret(PROMPT, PASSPHRASE);
    first.type_secret(PROMPT, PASSPHRASE);
    for (terminal, tag) in [(first, "one"), (second, "two")] {
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains(&format!("tag         {tag}")) && shown.contains("\nsigned "), "{shown}");
    }
    assert!(developer.has_signed(&one) && developer.has_signed(&two));

    let [three, four] = ["more:three", "more:four"].map(|name| registry.reference(name));
    developer.make_image("3", &[&three, &four]);
    let mut terminal = Terminal::start(&developer.docker(&["push", "--all-tags", &registry.reference("more")]));
    // Both are shown before the key is asked for, once.
    for tag in ["tag         four", "tag         three"] {
        terminal.wait_for(tag);
    }
    terminal.type_secret(PROMPT, PASSPHRASE);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown.matches(PROMPT).count(), 1, "{shown}");
    assert!(developer.has_signed(&three) && developer.has_signed(&four), "{shown}");
}

#[test]
fn what_the_engine_did_not_push_and_a_tag_that_moved_are_not_signed() {
    let Some(client) = one_client() else { return };
    let work = work();
    let engine = Engine::start(work.path());
    let registry = DebianRegistry::start(work.path());
    let reference = registry.reference("app:v1");
    let other = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let lies = [
        // As if somebody else had pushed under the same tag meanwhile.
        (
            "moved",
            format!(r#"{{"RepoDigests":["{}@{other}"]}}"#, registry.reference("app")),
            "somebody has pushed since",
        ),
        // The digest of another repository is none of this one.
        ("elsewhere", format!(r#"{{"RepoDigests":["{}@{other}"]}}"#, registry.reference("b")), "recorded no digest"),
        ("none", r#"{"Id":"sha256:1"}"#.to_owned(), "recorded no digest"),
    ];
    for (name, says, wanted) in lies {
        let socket = work.path().join(format!("{name}.sock"));
        engine.lying(&socket, move |_| says.clone());
        let developer = Developer::new(&work.path().join(name), &client, &engine).at(&socket);
        developer.make_image("one", &[&reference]);
        let (code, shown) = Terminal::start(&developer.docker(&["push", &reference])).end();
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains("NOT signed") && shown.contains(wanted), "no {wanted:?} in:\n{shown}");
        assert!(!shown.contains(PROMPT) && !developer.has_signed(&reference), "{shown}");
    }
}

#[test]
fn a_pull_and_a_run_are_reported_where_a_policy_wants_signatures_and_nowhere_else() {
    let clients = clients();
    if clients.is_empty() {
        return;
    }
    let work = work();
    let engine = Engine::start(work.path());
    let registry = DebianRegistry::start(work.path());
    for (version, client) in &clients {
        let developer = Developer::new(&work.path().join(version), client, &engine);
        let [signed, unsigned] = ["signed", "unsigned"].map(|name| registry.reference(&format!("{name}:{version}")));
        developer.make_image(version, &[&signed]);
        developer.make_program(&unsigned);
        push_and_sign(&developer, &["push", &signed]);
        succeed(developer.docker(&["push", &unsigned]));

        let at_terminal = |arguments: &[&str]| {
            let (code, shown) = Terminal::start(&developer.docker(arguments)).end();
            assert_eq!(code, Some(0), "{shown}");
            shown
        };
        let pull = |reference: &str| at_terminal(&["pull", reference]);
        let silent = pull(&unsigned);
        assert!(!silent.contains("signed as") && !silent.contains("What's next"), "{silent}");

        // Where whoever reads the policy may read it, too.
        let key = work.path().join(format!("{version}.pub"));
        fs::copy(developer.public_key(), &key).expect("the public key");
        let policy = developer.public_key().with_file_name("../policy.toml");
        let rule = format!(
            "[[rule]]\nimages = \"127.0.0.1:*/**\"\nmode = \"enforce\"\nsigners = {{ keys = [\"{}\"], threshold = 1 }}\n",
            key.display()
        );
        fs::write(policy, rule).expect("a policy");
        let good = pull(&signed);
        assert!(good.contains("is signed as the policy wants it") && good.contains("signed by"), "{good}");
        let bad = pull(&unsigned);
        assert!(bad.contains("is not signed") && bad.contains("docker pulled it all the same"), "{bad}");
        let run = ["run", "--rm", "--network", "none", &unsigned, "/bin/busybox", "echo", "it", "ran"];
        let ran = at_terminal(&run);
        for told in ["it ran", "is not signed", "docker ran it all the same: a hook can report and not refuse"] {
            assert!(ran.contains(told), "no {told:?} in:\n{ran}");
        }
        let quiet = at_terminal(&["pull", "-q", &signed]);
        assert!(!quiet.contains("plimsoll"), "{quiet}");
    }
}
