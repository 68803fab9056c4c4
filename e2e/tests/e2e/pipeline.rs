//! What the demo shows, asserted: a Debian image pushed, scanned, signed, judged and run.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::advisories::record;
use crate::command::{command, run, succeed};
use crate::container::Container;
use crate::debian::Base;
use crate::layout::{Layout, tar_of_one_file};
use crate::machine;
use crate::processes::Process;
use crate::server::Server;
use crate::signing::Key;

const PROGRAMS: [&str; 6] = ["skopeo", "umoci", "mmdebstrap", "dpkg-query", "curl", "tar"];

/// The first id that a container may have, by the line that `scripts/install.sh user` writes.
const FIRST_ID: u32 = 2_000_224_256;

/// A folder that the server's user may walk through, as a data folder's parent must be.
pub(crate) fn work() -> TempDir {
    let work = tempfile::Builder::new().prefix("plimsoll-e2e.").tempdir().expect("a temporary folder");
    fs::set_permissions(work.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
    work
}

/// Package, installed version and advisory of a finding.
type Found = BTreeSet<(String, String, String)>;

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The findings of a report by `plimsoll scan --format json`.
fn of_scan(report: &str) -> Found {
    let report = parsed(report);
    let findings = report["findings"].as_array().expect("findings").iter();
    findings.map(|one| (text(&one["package"]["name"]), text(&one["package"]["version"]), text(&one["id"]))).collect()
}

/// The findings that an image's page publishes as JSON.
fn of_page(page: &str) -> Found {
    let page = parsed(page);
    assert_eq!(page["state"], "scanned", "{page}");
    let findings = page["report"]["findings"].as_array().expect("findings").iter();
    findings.map(|one| (text(&one["package"]), text(&one["version"]), text(&one["id"]))).collect()
}

#[test]
fn a_push_finds_exactly_what_the_advisories_say_of_the_installed_versions() {
    if !machine::able(&PROGRAMS) {
        return;
    }
    let work = work();
    let base = Base::made(work.path());
    let installed = |name: &str| &base.packages[name];
    let advisories = work.path().join("advisories");
    let write = |id, name, introduced: &str, fixed: Option<&str>| {
        record(&advisories, id, &base.ecosystem, name, introduced, fixed);
    };
    write("TEST-affected", "bash", "0", Some(&format!("{}+e2e1", installed("bash").source_version)));
    write("TEST-fixed", "coreutils", "0", Some(&installed("coreutils").source_version));
    write("TEST-not-yet", "sed", &format!("{}+e2e1", installed("sed").source_version), None);
    // By the source package's name, where Debian speaks of vulnerabilities: each binary built from it is affected.
    write("TEST-source", "glibc", "0", None);
    record(&advisories, "TEST-other-release", "Debian:99", "bash", "0", None);
    record(&advisories, "TEST-other-world", "PyPI", "bash", "0", None);
    fs::write(advisories.join("TEST-broken.json"), "{ \"id\": \"TEST-broken\", ").expect("a broken record");

    let server = Server::start(work.path());
    let import = server.ask(&["db", "import", &advisories.display().to_string()]);
    assert_eq!(import.code, Some(0), "{}", import.said());
    assert!(import.said().contains("TEST-broken"), "the broken record is not named:\n{}", import.said());

    let reference = server.reference("team/debian:1.0");
    Layout::of(&work.path().join("image"), &[&base.tar]).push(&reference);

    let finding = |name: &str, version: &str, id: &str| (name.to_owned(), version.to_owned(), id.to_owned());
    let mut expected = BTreeSet::from([finding("bash", &installed("bash").version, "TEST-affected")]);
    let from_glibc = base.built_from("glibc");
    assert!(from_glibc.len() > 1, "{from_glibc:?}");
    expected.extend(from_glibc.iter().map(|(name, installed)| finding(name, &installed.version, "TEST-source")));

    // Published when the push returns: nobody has asked for a scan yet.
    let digest = digest(&reference);
    let page = server.get(&format!("/api/v1/repositories/team/debian/-/images/{digest}"));
    assert_eq!(of_page(&page), expected);
    let overview = server.get("/");
    assert!(overview.contains("team/debian"), "the pages do not list the repository:\n{overview}");
    let vulnerability = server.get("/cve/TEST-affected");
    assert!(vulnerability.contains("team/debian"), "its page does not name the image:\n{vulnerability}");

    let scan = server.ask(&["scan", "--offline", "--format", "json", &reference]);
    assert_eq!(scan.code, Some(0), "{}", scan.said());
    assert_eq!(of_scan(&scan.stdout), expected);
    assert_eq!(parsed(&scan.stdout)["layers_read"], 0, "the push catalogued the layers, and the scan read them again");
}

#[test]
fn a_push_whose_worker_is_killed_goes_on_and_is_catalogued_again() {
    if !machine::able(&PROGRAMS) {
        return;
    }
    let work = work();
    let base = Base::made(work.path());
    let advisories = work.path().join("advisories");
    let fixed = format!("{}+e2e1", base.packages["bash"].source_version);
    record(&advisories, "TEST-affected", &base.ecosystem, "bash", "0", Some(&fixed));
    let server = Server::start(work.path());
    let import = server.ask(&["db", "import", &advisories.display().to_string()]);
    assert_eq!(import.code, Some(0), "{}", import.said());

    let reference = server.reference("team/debian:1.0");
    let image = Layout::of(&work.path().join("image"), &[&base.tar]);
    let pushing = {
        let reference = reference.clone();
        std::thread::spawn(move || image.push(&reference))
    };
    let mut killed = None;
    while killed.is_none() && !pushing.is_finished() {
        let sealed = |process: &Process| {
            process.arguments.split(' ').nth(1) == Some("worker") && process.field("Seccomp") == "2"
        };
        killed = Process::family(server.pid()).into_iter().find(sealed);
        if let Some(worker) = &killed {
            run(command("kill", ["-KILL", &worker.pid.to_string()]));
        }
    }
    pushing.join().expect("the push goes on");
    assert!(killed.is_some(), "no worker was seen while the layer was pushed");

    let scan = server.ask(&["scan", "--offline", "--format", "json", &reference]);
    assert_eq!(scan.code, Some(0), "{}", scan.said());
    let expected = ("bash".to_owned(), base.packages["bash"].version.clone(), "TEST-affected".to_owned());
    assert_eq!(of_scan(&scan.stdout), BTreeSet::from([expected]), "{}", server.said());
    assert_eq!(parsed(&scan.stdout)["layers_read"], 0, "the server catalogued it again by itself");
}

/// The digest that a tag points to.
fn digest(reference: &str) -> String {
    let inspect = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &format!("docker://{reference}")];
    succeed(command("skopeo", inspect)).trim().to_owned()
}

#[test]
fn an_unsigned_image_is_refused_and_the_signed_one_runs_with_a_root_that_is_not_the_hosts() {
    if !machine::able(&PROGRAMS) {
        return;
    }
    let work = work();
    let base = Base::made(work.path());
    let server = Server::start(work.path());
    let reference = server.reference("team/debian:1.0");
    Layout::of(&work.path().join("image"), &[&base.tar]).push(&reference);
    let key = Key::generate(&server, work.path());
    let policy = key.policy(work.path()).display().to_string();

    let refused = server.ask(&["run", "--rm", "--policy", &policy, &reference, "true"]);
    assert_eq!(refused.code, Some(125), "{}", refused.said());
    assert!(
        refused.stderr.contains("no valid signature"),
        "the refusal does not say what is missing:\n{}",
        refused.said()
    );
    let explained = server.ask(&["policy", "test", "--policy", &policy, &reference]);
    assert_eq!(explained.code, Some(1), "{}", explained.said());

    key.sign(&server, &reference);
    let explained = server.ask(&["policy", "test", "--policy", &policy, &reference]);
    assert_eq!(explained.code, Some(0), "{}", explained.said());

    let container = Container::start(&server, &["--policy", &policy], &reference, "id -u");
    let ids = container.inside.uids();
    let seccomp = container.inside.field("Seccomp").to_owned();
    let privileges = container.inside.field("NoNewPrivs").to_owned();
    let ended = container.kill();

    assert_eq!(String::from_utf8_lossy(&ended.stdout).trim(), "0", "what `id -u` says inside");
    assert!(ids.iter().all(|id| (FIRST_ID..1 << 31).contains(id)), "uids seen from the host: {ids:?}");
    assert_eq!(seccomp, "2", "a filter of system calls");
    assert_eq!(privileges, "1", "no new privileges");
    assert_eq!(ended.status.code(), Some(137), "killed: 128 and the number of SIGKILL, as docker has it");
}

#[test]
fn a_signed_image_of_which_one_byte_was_changed_on_the_servers_disk_is_refused() {
    if !machine::able(&PROGRAMS) {
        return;
    }
    let work = work();
    let base = Base::made(work.path());
    let server = Server::start(work.path());
    let reference = server.reference("team/changed:1.0");
    let small = tar_of_one_file(work.path(), "greeting", "hello from the layer on top\n");
    let image = Layout::of(&work.path().join("image"), &[&base.tar, &small]);
    image.push(&reference);
    let key = Key::generate(&server, work.path());
    let policy = key.policy(work.path()).display().to_string();
    key.sign(&server, &reference);

    let digest = top_layer(&reference);
    let blob = blob(server.data(), &digest);
    let whole = fs::read(&blob).expect("the layer's blob");
    // In the gzip header's time stamp: it inflates to the same layer, so that only the digest can tell. And in the
    // middle, among the compressed bytes.
    for at in [4, whole.len() / 2] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        write_over(&blob, &changed);
        let refused = server.ask(&["run", "--rm", "--policy", &policy, &reference, "cat", "/srv/greeting"]);
        assert_eq!(refused.code, Some(125), "byte {at}: {}", refused.said());
        assert!(refused.stderr.contains("layer sha256:"), "byte {at}: no layer is named: {}", refused.said());
        assert!(refused.stdout.is_empty(), "byte {at}: something ran: {}", refused.said());
    }

    // It was the byte, and nothing else: put back, the same command runs.
    write_over(&blob, &whole);
    let runs = server.ask(&["run", "--rm", "--policy", &policy, &reference, "cat", "/srv/greeting"]);
    assert_eq!((runs.code, runs.stdout.as_str()), (Some(0), "hello from the layer on top\n"), "{}", runs.said());
}

/// The digest of the layer on top of an image, as the registry's manifest names it.
fn top_layer(reference: &str) -> String {
    let raw = succeed(command("skopeo", ["inspect", "--raw", "--tls-verify=false", &format!("docker://{reference}")]));
    let manifest = parsed(&raw);
    let layers = manifest["layers"].as_array().expect("layers");
    layers.last().expect("a layer")["digest"].as_str().expect("a digest").to_owned()
}

/// The one file of the data folder that holds a blob.
fn blob(data: &Path, digest: &str) -> PathBuf {
    let hex = digest.trim_start_matches("sha256:");
    let found = succeed(command("find", [&data.display().to_string(), "-type", "f", "-name", &format!("*{hex}*")]));
    let paths: Vec<&str> = found.lines().collect();
    let [path] = paths[..] else { panic!("{digest} lies in {paths:?}") };
    PathBuf::from(path)
}

/// In place, so that owner and mode stay.
fn write_over(path: &Path, content: &[u8]) {
    let mut mode = fs::metadata(path).expect("the blob").permissions();
    let was = mode.clone();
    mode.set_mode(0o600);
    fs::set_permissions(path, mode).expect("its mode");
    fs::write(path, content).expect("the blob");
    fs::set_permissions(path, was).expect("its mode");
}

#[test]
fn cosign_verifies_what_plimsoll_signed_and_refuses_another_key() {
    if !machine::able(&PROGRAMS) {
        return;
    }
    let Some(cosign) = machine::cosign() else { return };
    let work = work();
    let server = Server::start(work.path());
    let reference = server.reference("team/small:1.0");
    let small = tar_of_one_file(work.path(), "greeting", "hello\n");
    Layout::of(&work.path().join("image"), &[&small]).push(&reference);
    let key = Key::generate(&server, work.path());
    key.sign(&server, &reference);

    let verify = |public: &Path| {
        let public = public.display().to_string();
        let arguments = ["verify", "--key", &public, "--insecure-ignore-tlog", "--allow-http-registry", &reference];
        let mut cosign = command(&cosign, arguments);
        cosign.env("HOME", work.path());
        run(cosign)
    };
    let ours = verify(key.public());
    assert_eq!(ours.code, Some(0), "{}", ours.said());

    let other = work.path().join("other");
    fs::create_dir(&other).expect("a folder");
    let other = Key::generate(&server, &other);
    let refused = verify(other.public());
    assert_ne!(refused.code, Some(0), "cosign takes a signature for another's: {}", refused.said());
}
