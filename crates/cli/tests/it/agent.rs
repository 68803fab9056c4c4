//! `plimsoll agent`, and cosign and notation that sign with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::Reference;
use image::client::{Client, Credentials, Settings};
use keys::certificate::{self, Subject};
use keys::{FileSigner, KeyFile, Nobody, Passphrase};

use crate::plimsoll::{Ended, Home};
use crate::registry::{Kind, Registry};
use crate::sample::push_image;
use crate::script::script;

const SECRET: (&str, &str) = ("PLIMSOLL_PASSPHRASE", "correct horse battery");

/// An agent in the background with one key, `release`, in a home of its own.
pub(crate) struct Agent {
    pub(crate) home: Home,
}

impl Agent {
    pub(crate) fn start(more: &[&str]) -> Self {
        Self::start_in(Home::new(), more, &[])
    }

    /// The same with more in its environment.
    fn start_in(home: Home, more: &[&str], variables: &[(&str, &str)]) -> Self {
        home.run_with(&["key", "generate", "release"], &[SECRET]).with(0);
        let mut arguments = vec!["agent", "--key", "release.key", "--background"];
        arguments.extend(more);
        let started = home.run_with(&arguments, &[variables, &[SECRET]].concat()).with(0);
        assert!(started.stderr.contains("the agent holds 1 key"), "{}", started.stderr);
        Self { home }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let mut words = vec!["agent"];
        words.extend(arguments);
        self.home.run(&words)
    }

    pub(crate) fn public(&self) -> String {
        self.home.path("work/release.pub").display().to_string()
    }

    /// Somebody else's program, in the same home, with the plugins on its way.
    fn program(&self, program: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new("setsid");
        let ways = format!("{}:{}", self.home.path(".local/bin").display(), std::env::var("PATH").unwrap());
        command.arg("-w").arg(program).args(arguments).env_clear().env("PATH", ways).env("HOME", self.home.path(""));
        command.stdin(Stdio::null()).current_dir(self.home.path("work")).output().unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.home.run(&["agent", "stop"]);
    }
}

/// A program that is built for the tests, with a word to the tester where it is not there.
fn tool(name: &str) -> Option<PathBuf> {
    let tools = std::env::var_os("PLIMSOLL_TOOLS").map(PathBuf::from).or_else(|| {
        let home = std::env::home_dir()?;
        Some(home.join(".cache/plimsoll/tools"))
    });
    let path = tools.map(|folder| folder.join("bin").join(name)).filter(|path| path.is_file());
    if path.is_none() {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "{name} is required");
        println!("skipped: {name} is not there to be asked");
    }
    path
}

fn pushed(registry: &Registry) -> (Client, Reference, image::Digest) {
    let client = Client::new(Credentials::none(), Settings::default());
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    let digest = push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    (client, place, digest)
}

#[track_caller]
fn good(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn an_image_is_signed_by_the_agent_and_verified_and_stands_in_its_log() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let agent = Agent::start(&[]);
    let (_, place, digest) = pushed(&registry);
    let image = place.to_string();
    let signed = agent.run(&["sign", &image, "--format", "bundle", "--format", "cosign-tag"]).with(0);
    assert!(signed.stdout.contains(digest.as_str()), "{}", signed.stdout);
    agent.home.run(&["verify", "--key", &agent.public(), &image]).with(0);
    let log = agent.run(&["log"]).with(0).stdout;
    assert!(log.contains(&format!("signed     {image}@{digest}")) && log.contains("for plimsoll"), "{log}");
    let status = agent.run(&["status"]).with(0).stdout;
    assert!(status.contains("1 signatures") && status.contains("unlocked"), "{status}");
}

#[test]
fn one_agent_a_user_and_what_was_left_by_a_killed_one_is_no_obstacle() {
    let agent = Agent::start(&[]);
    let second = agent.home.run_with(&["agent", "--key", "release.key"], &[SECRET]).with(2).stderr;
    assert!(second.contains("runs already (process "), "{second}");
    let process = second.split("(process ").nth(1).unwrap().split(')').next().unwrap().to_owned();
    // Neither other programs of the user nor a core file see its memory.
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(core.split_whitespace().any(|word| word == "0"), "{core}");
    if !rustix::process::geteuid().is_root() {
        std::fs::read_link(format!("/proc/{process}/exe")).unwrap_err();
    }
    assert!(Command::new("kill").args(["-KILL", &process]).status().unwrap().success());
    while Path::new(&format!("/proc/{process}")).exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let none = agent.run(&["status"]).with(2).stderr;
    assert!(none.contains("plimsoll agent --background"), "{none}");
    agent.home.run_with(&["agent", "--key", "release.key", "--background"], &[SECRET]).with(0);
    agent.run(&["status"]).with(0);
}

#[test]
fn after_stop_there_is_no_agent_and_no_socket() {
    let agent = Agent::start(&[]);
    let socket = agent.home.path(".local/state/plimsoll/run/agent.sock");
    assert!(socket.exists());
    agent.run(&["stop"]).with(0);
    while socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    agent.run(&["lock"]).with(2);
}

#[test]
fn a_locked_agent_asks_at_the_terminal_of_whoever_asks_after_it_showed_what_for() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let agent = Agent::start(&[]);
    let (_, place, digest) = pushed(&registry);
    agent.run(&["lock"]).with(0);
    let nobody = agent.run(&["sign", &place.to_string()]).with(2).stderr;
    assert!(nobody.contains("nobody to ask"), "{nobody}");
    let shown = agent.home.type_into(&["agent", "sign", &place.to_string()], &[("Passphrase for", SECRET.1)]).with(0);
    let asked = shown.stdout.find("Passphrase for").unwrap();
    for said in [&place.repository_name(), "v1", &digest.as_str()[..39], "release.key", "asked by    plimsoll"] {
        assert!(shown.stdout.find(said).is_some_and(|place| place < asked), "{said}: {}", shown.stdout);
    }
    assert!(!shown.stdout.contains(SECRET.1));
    // Once is enough, until it is locked again.
    agent.run(&["sign", &place.to_string()]).with(0);
}

/// No desktop can be had here: the two programs that would show something are scripts, which write down what they are told.
#[test]
fn a_locked_agent_without_a_terminal_asks_in_a_window() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let home = Home::new();
    let folder = home.path("desktop");
    std::fs::create_dir(&folder).unwrap();
    let program = |name: &str, lines: String| {
        let path = folder.join(name);
        script(&path, &lines);
        path.display().to_string()
    };
    let told = folder.join("told").display().to_string();
    program("notify-send", format!("echo \"$@\" >> {told}"));
    let window = program(
        "window",
        format!(
            "echo OK; while read -r line; do echo \"$line\" >> {told}; \
             case $line in GETPIN) echo 'D {}';; esac; echo OK; done",
            SECRET.1
        ),
    );
    let ways = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let desktop = [
        ("DISPLAY", ":7"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere"),
        ("PATH", &ways),
        ("PLIMSOLL_PINENTRY", &window),
    ];
    let agent = Agent::start_in(home, &[], &desktop);
    let (_, place, digest) = pushed(&registry);
    agent.run(&["lock"]).with(0);
    agent.run(&["sign", &place.to_string()]).with(0);
    let told = std::fs::read_to_string(told).unwrap();
    let asked = told.find("GETPIN").unwrap();
    for said in ["About to sign", "SETDESC about to sign%0A", digest.as_str(), "SETPROMPT Passphrase for"] {
        assert!(told.find(said).is_some_and(|place| place < asked), "{said}: {told}");
    }
    agent.home.run(&["verify", "--key", &agent.public(), &place.to_string()]).with(0);
}

#[test]
fn a_key_that_is_not_the_agents_and_an_image_that_is_not_there_are_said() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let agent = Agent::start(&[]);
    let (_, place, _) = pushed(&registry);
    let other = agent.run(&["sign", "--key", "other", &place.to_string()]).with(2).stderr;
    assert!(other.contains("holds no key other") && other.contains("release.key"), "{other}");
    let missing = format!("{}/team/missing:v1", registry.host());
    agent.run(&["sign", &missing]).with(2);
    assert_eq!(agent.run(&["log"]).with(0).stdout, "");
}

#[test]
fn cosign_signs_with_the_agent_in_both_of_its_formats_and_verifies() {
    let (Some(registry), Some(cosign)) = (Registry::start(Kind::Open), tool("cosign")) else { return };
    let agent = Agent::start(&[]);
    let (_, place, digest) = pushed(&registry);
    agent.run(&["install-plugins"]).with(0);
    let image = format!("{}@{digest}", place.repository_name());
    let common = ["--use-signing-config=false", "--tlog-upload=false", "--allow-http-registry", "-y"];
    for more in [&[][..], &["--new-bundle-format=false"]] {
        let mut arguments = vec!["sign", "--key", "plimsoll://release"];
        arguments.extend(common);
        arguments.extend(more);
        arguments.push(&image);
        good(&agent.program(&cosign, &arguments));
        for key in [agent.public().as_str(), "plimsoll://"] {
            let mut arguments = vec!["verify", "--key", key, "--insecure-ignore-tlog", "--allow-http-registry"];
            arguments.extend(more);
            arguments.push(&image);
            good(&agent.program(&cosign, &arguments));
        }
    }
    agent.home.run(&["verify", "--key", &agent.public(), &place.to_string()]).with(0);
    let log = agent.run(&["log"]).with(0).stdout;
    assert!(log.contains(&format!("signed     {digest}")) && log.contains("for cosign ("), "{log}");
    assert!(!log.contains("unknown"), "{log}");
}

#[test]
fn what_cosign_cannot_say_is_signed_only_when_it_is_allowed() {
    let Some(cosign) = tool("cosign") else { return };
    let agent = Agent::start(&[]);
    agent.run(&["install-plugins"]).with(0);
    std::fs::write(agent.home.path("work/notes"), "notes").unwrap();
    let blob = ["sign-blob", "--key", "plimsoll://release", "--use-signing-config=false", "--tlog-upload=false", "-y"];
    let mut arguments = blob.to_vec();
    arguments.extend(["--bundle", "notes.bundle", "notes"]);
    let refused = agent.program(&cosign, &arguments);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("plimsoll agent allow raw"), "{said}");
    agent.run(&["allow", "raw", "--for", "5m"]).with(0);
    good(&agent.program(&cosign, &arguments));
    let log = agent.run(&["log"]).with(0).stdout;
    assert!(log.contains("refused    unknown bytes") && log.contains("signed     unknown bytes"), "{log}");
}

#[test]
fn notation_signs_with_the_agent_and_verifies() {
    let (Some(registry), Some(judge)) = (Registry::start(Kind::Open), tool("notation-judge")) else { return };
    let agent = Agent::start(&[]);
    let (_, place, digest) = pushed(&registry);
    agent.run(&["install-plugins"]).with(0);
    let image = format!("{}@{digest}", place.repository_name());
    let plugins = agent.home.path(".config/notation/plugins").display().to_string();
    // The certificate that the agent made beside the key.
    let told = good(&agent.program(&judge, &["sign-plugin", &plugins, "release", &image, "jws"]));
    assert!(told.contains("plugins: plimsoll"), "{told}");
    good(&agent.program(&judge, &["verify", "release.crt", &image]));
    // One of the user's own.
    let passphrase = Passphrase::new(SECRET.1, "the test").unwrap();
    let signer: FileSigner = KeyFile::read(&agent.home.path("work/release.key")).unwrap().unlock(&passphrase).unwrap();
    let validity = certificate::validity_from(SystemTime::now());
    let der = certificate::self_issued(&signer, &Subject::named("release"), validity, &Nobody).unwrap();
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    std::fs::write(agent.home.path("work/own.crt"), pem).unwrap();
    good(&agent.program(&judge, &["sign-plugin", &plugins, "release", &image, "jws", "own.crt"]));
    good(&agent.program(&judge, &["verify", "own.crt", &image]));
    // None, and no place for one.
    agent.home.run_with(&["key", "generate", "bare"], &[SECRET]).with(0);
    std::fs::create_dir(agent.home.path("work/bare.crt")).unwrap();
    let add = ["agent", "add", "bare.key"];
    agent.home.type_into(&add, &[("Passphrase for", SECRET.1)]).with(0);
    let without = agent.program(&judge, &["sign-plugin", &plugins, "bare", &image, "jws"]);
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(!without.status.success() && said.contains("--plugin-config certificate=FILE"), "{said}");
    let unknown = agent.program(&judge, &["sign-plugin", &plugins, "other", &image, "jws"]);
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(said.contains("holds no key other"), "{said}");
    // COSE's bytes are not read here: as good as a bare digest.
    let cose = agent.program(&judge, &["sign-plugin", &plugins, "release", &image, "cose"]);
    assert!(String::from_utf8_lossy(&cose.stderr).contains("plimsoll agent allow raw"));
    agent.run(&["allow", "raw"]).with(0);
    good(&agent.program(&judge, &["sign-plugin", &plugins, "release", &image, "cose"]));
}
