//! The local engine is asked over its socket: a fake one for its moods, the real one for its ways.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use image::source::{Engine, SourceError, engine_socket};
use image::{Digest, ImageSource, Reference};
use tempfile::TempDir;

use crate::made::{self, Parts, image_of, saved, tar_of};
use crate::outside;

/// Answers each request line with the bytes that `answer` gives, then hangs up.
struct FakeEngine {
    folder: TempDir,
    requests: JoinHandle<Vec<String>>,
}

impl FakeEngine {
    fn start(connections: usize, answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let requests = std::thread::spawn(move || {
            let mut requests = Vec::new();
            // Connections are made beforehand and used in any order, or not at all.
            let streams: Vec<UnixStream> = (0..connections).map(|_| listener.accept().unwrap().0).collect();
            for stream in streams.into_iter().rev() {
                let mut lines = BufReader::new(&stream).lines();
                let Some(Ok(request)) = lines.next() else { continue };
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let bytes = answer(&request);
                requests.push(request);
                // A client that has heard enough may hang up.
                drop((&stream).write_all(&bytes));
            }
            requests
        });
        Self { folder, requests }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }
}

fn parts() -> Parts {
    image_of(&[tar_of(&[("etc/name", b"one")]), tar_of(&[("b", &vec![7; 100_000])])], "amd64")
}

fn response(status: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(30_000) {
        write!(bytes, "{:x}\r\n", chunk.len()).unwrap();
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn ask(engine: &FakeEngine, name: &str) -> Result<Option<image::source::DockerArchive>, SourceError> {
    Engine::connect(&engine.socket()).unwrap().image(&reference(name), None, &std::env::temp_dir())
}

fn assert_layers(source: &dyn ImageSource, parts: &Parts) {
    for (index, tar) in parts.tars.iter().enumerate() {
        let (walked, _) = made::see(source.open_layer(index).unwrap()).unwrap();
        assert_eq!(walked.diff_id, Digest::sha256(tar));
    }
}

#[test]
fn an_image_that_the_engine_has_is_copied_out_of_it() {
    let parts = parts();
    let tar = saved(&[("localhost:5000/team/app:1", &parts)]);
    let engine = FakeEngine::start(2, move |request| match request {
        request if request.contains("/json") => response("200 OK", br#"{"Id":"sha256:1"}"#),
        _ => chunked(&tar),
    });
    let source = ask(&engine, "localhost:5000/team/app:1").unwrap().unwrap();
    assert_eq!(source.image().reference, Some(reference("localhost:5000/team/app:1")));
    assert_layers(&source, &parts);
    let requests = engine.requests.join().unwrap();
    assert_eq!(
        requests,
        ["GET /images/localhost:5000/team/app:1/json HTTP/1.1", "GET /images/localhost:5000/team/app:1/get HTTP/1.1"]
    );
}

#[test]
fn an_image_that_the_engine_does_not_have_is_none() {
    let engine = FakeEngine::start(2, |_| response("404 Not Found", br#"{"message":"No such image: debian:12"}"#));
    assert!(ask(&engine, "debian:12").unwrap().is_none());
}

#[test]
fn a_digest_in_the_name_is_held_against_what_the_engine_gives() {
    let parts = parts();
    let manifest = parts.manifest.digest();
    let index = made::index_of(&[parts.manifest.descriptor_for("amd64")]);
    let ask_for = |wanted: &Digest, id: &Digest, tar: Vec<u8>| {
        let inspected = format!(r#"{{"Id":"{id}"}}"#);
        let engine = FakeEngine::start(2, move |request| match request {
            request if request.contains("/json") => response("200 OK", inspected.as_bytes()),
            _ => chunked(&tar),
        });
        let answer = ask(&engine, &format!("app:1@{wanted}"));
        (answer, engine.requests.join().unwrap())
    };
    // An engine with the containerd image store gives out manifests and indexes.
    let modern = |entry| made::saved_by_25(&parts, &[entry], &[&index]);
    for (wanted, entry) in [(&manifest, parts.manifest.descriptor()), (&index.digest(), index.descriptor())] {
        let (answer, requests) = ask_for(wanted, wanted, modern(entry));
        assert_eq!(answer.unwrap().unwrap().image().digest, manifest);
        assert_eq!(requests[0], format!("GET /images/app@{wanted}/json HTTP/1.1"));
    }
    // One without knows the config's digest only, and is not asked for the image.
    let (answer, requests) = ask_for(&manifest, &parts.config.digest(), saved(&[("app:1", &parts)]));
    insta::assert_snapshot!(answer.unwrap_err().to_string().replace(manifest.as_str(), "DIGEST"), @"app@DIGEST: the docker engine cannot show the manifest of that digest, so that nothing proves what it gives out; name the image with registry:");
    assert_eq!(requests.len(), 1);
    // One that says the right thing and gives out another is found out.
    let (answer, _) = ask_for(&manifest, &manifest, saved(&[("app:1", &parts)]));
    assert!(matches!(answer, Err(SourceError::Unsupported { .. })));
}

#[test]
fn an_engine_that_fails_is_quoted() {
    let engine =
        FakeEngine::start(2, |_| response("500 Internal Server Error", b"{\"message\":\"disk \\u001b[31mbroken\"}"));
    insta::assert_snapshot!(ask(&engine, "debian:12").unwrap_err(), @r#"the docker engine refused to look for debian:12: 500, "disk \u{1b}[31mbroken""#);
}

#[test]
fn an_export_that_breaks_off_is_refused() {
    let tar = saved(&[("app:1", &parts())]);
    for cut in [100, 5_000, 40_000] {
        let tar = tar.clone();
        let engine = FakeEngine::start(2, move |request| match request {
            request if request.contains("/json") => response("200 OK", br#"{"Id":"sha256:1"}"#),
            _ => chunked(&tar)[..cut].to_vec(),
        });
        let error = ask(&engine, "app:1").unwrap_err();
        assert!(matches!(error, SourceError::Archive { .. }), "{cut}: {error}");
    }
}

#[test]
fn an_answer_that_is_no_http_is_an_error() {
    let engine = FakeEngine::start(2, |_| b"SSH-2.0-OpenSSH\r\n".to_vec());
    assert!(matches!(ask(&engine, "app:1"), Err(SourceError::Remote(_))));
}

#[test]
fn without_an_engine_the_error_says_so_and_tells_that_it_is_absent() {
    let error = Engine::connect(Path::new("/nonexistent/docker.sock")).unwrap_err();
    assert!(error.is_absent());
    insta::assert_snapshot!(error, @"could not connect to the docker engine at /nonexistent/docker.sock: No such file or directory (os error 2); start it, ask as a user who may, or name the image with registry:");
    assert_eq!(engine_socket(None).unwrap(), Path::new("/var/run/docker.sock"));
    assert_eq!(engine_socket(Some("unix:///run/user/1/docker.sock")).unwrap(), Path::new("/run/user/1/docker.sock"));
    let remote = engine_socket(Some("tcp://10.0.0.1:2375")).unwrap_err();
    assert!(remote.is_absent());
    insta::assert_snapshot!(remote, @r#"DOCKER_HOST is "tcp://10.0.0.1:2375"; only an engine on this machine (unix://…) is asked, name the image with registry:"#);
}

/// A dockerd of this test's own.
struct Dockerd {
    process: Child,
    folder: TempDir,
}

impl Dockerd {
    /// Needs root, and a kernel that lets it; otherwise skipped.
    fn start() -> Option<Self> {
        if !outside::has_program("dockerd") || !outside::is_root() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let process = Command::new("dockerd")
            .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
            .args(["--host", &format!("unix://{}", at("docker.sock")), "--storage-driver", "vfs"])
            .args(["--iptables=false", "--ip6tables=false", "--bridge", "none"])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut dockerd = Self { process, folder };
        for _ in 0..600 {
            if UnixStream::connect(dockerd.socket()).is_ok() {
                return Some(dockerd);
            }
            if dockerd.process.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = std::fs::read_to_string(dockerd.folder.path().join("log")).unwrap();
        panic!("dockerd does not come up: {log}");
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // SIGTERM, so that it takes its containerd with it.
        if let Some(process) = rustix::process::Pid::from_raw(self.process.id().cast_signed()) {
            let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
        drop(self.process.wait());
    }
}

#[test]
fn the_real_engine_gives_out_an_image_that_was_loaded() {
    let Some(dockerd) = Dockerd::start() else { return };
    let parts = parts();
    let file = dockerd.folder.path().join("app.tar");
    std::fs::write(&file, saved(&[("app:1", &parts)])).unwrap();
    let host = format!("unix://{}", dockerd.socket().display());
    outside::run(Command::new("docker").args(["--host", &host, "load", "--input"]).arg(&file));

    let engine = Engine::connect(&dockerd.socket()).unwrap();
    let source = engine.image(&reference("app:1"), None, &std::env::temp_dir()).unwrap().unwrap();
    assert_layers(&source, &parts);
    assert_eq!(source.image().config_bytes.digest(), &parts.config.digest());
    assert!(engine.image(&reference("app:2"), None, &std::env::temp_dir()).unwrap().is_none());
}

/// A manifest's digest made of one letter.
fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

#[test]
fn what_the_engine_recorded_is_told_of_this_repository_alone() {
    // `GET /images/NAME/json?manifests=1` of docker 28 with the containerd image store, shortened.
    let said = serde_json::json!({
        "Id": digest('1'),
        "RepoTags": ["localhost:5000/team/app:v1"],
        "RepoDigests": [
            format!("localhost:5000/team/app@{}", digest('1')),
            format!("other/app@{}", digest('2')),
            "localhost:5000/team/app@sha256:short",
        ],
        "Manifests": [
            { "ID": digest('3'), "Descriptor": { "digest": digest('3'), "size": 480 }, "Available": true, "Kind": "image" },
            { "ID": digest('4'), "Descriptor": { "digest": digest('4'), "size": 480 }, "Available": false, "Kind": "image" },
            { "ID": digest('5'), "Descriptor": { "digest": digest('5'), "size": 480 }, "Available": true, "Kind": "attestation" },
        ],
    });
    let engine = FakeEngine::start(2, move |_| response("200 OK", said.to_string().as_bytes()));
    let record = Engine::connect(&engine.socket()).unwrap().record(&reference("localhost:5000/team/app:v1"));
    let record = record.unwrap().unwrap();
    assert_eq!(record.digests, [digest('1').parse().unwrap()]);
    assert_eq!(
        record.platforms,
        [digest('3').parse().unwrap()],
        "attestations and what is not here whole were not pushed"
    );
    let requests = engine.requests.join().unwrap();
    assert_eq!(requests, ["GET /images/localhost:5000/team/app:v1/json?manifests=1 HTTP/1.1"]);

    // Docker 20.10 says less, and `null` for nothing.
    let built = FakeEngine::start(2, |_| response("200 OK", br#"{"Id":"sha256:1","RepoDigests":null}"#));
    let record = Engine::connect(&built.socket()).unwrap().record(&reference("app")).unwrap().unwrap();
    assert_eq!(record, image::source::EngineRecord::default());
    let none = FakeEngine::start(2, |_| response("404 Not Found", br#"{"message":"no such image"}"#));
    assert_eq!(Engine::connect(&none.socket()).unwrap().record(&reference("app")).unwrap(), None);
}

#[test]
fn every_tag_of_a_repository_is_told_in_order() {
    let said = serde_json::json!([
        { "RepoTags": ["team/app:b", "team/other:a"], "RepoDigests": [format!("team/app@{}", digest('2'))] },
        { "RepoTags": ["team/app:a"], "RepoDigests": [format!("team/app@{}", digest('1'))] },
        { "RepoTags": null, "RepoDigests": null },
    ]);
    let engine = FakeEngine::start(2, move |_| response("200 OK", said.to_string().as_bytes()));
    let records = Engine::connect(&engine.socket()).unwrap().records(&reference("team/app")).unwrap();
    let told: Vec<(String, String)> =
        records.iter().map(|(name, record)| (name.familiar(), record.digests[0].to_string())).collect();
    assert_eq!(told, [("team/app:a".to_owned(), digest('1')), ("team/app:b".to_owned(), digest('2'))]);
}

#[test]
fn registries_without_tls_are_those_that_the_engine_was_told_of() {
    let said = serde_json::json!({ "RegistryConfig": { "IndexConfigs": {
        "docker.io": { "Name": "docker.io", "Secure": true },
        "registry.lan:5000": { "Name": "registry.lan:5000", "Secure": false },
    } } });
    let engine = FakeEngine::start(2, move |_| response("200 OK", said.to_string().as_bytes()));
    let told = Engine::connect(&engine.socket()).unwrap().insecure_registries().unwrap();
    assert_eq!(told, ["registry.lan:5000"]);
}

#[test]
fn an_engine_that_talks_nonsense_of_an_image_is_an_error() {
    for said in ["", "[", "7", "{\"RepoDigests\":7}", "{\"Manifests\":{}}"] {
        let engine = FakeEngine::start(2, move |_| response("200 OK", said.as_bytes()));
        let error = Engine::connect(&engine.socket()).unwrap().record(&reference("app")).unwrap_err();
        assert!(error.to_string().contains("look for app"), "{said}: {error}");
    }
}

#[test]
fn an_engine_elsewhere_is_asked_over_tcp() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(&stream).lines();
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let said = format!(r#"{{"RepoDigests":["app@{}"]}}"#, digest('1'));
        (&stream).write_all(&response("200 OK", said.as_bytes())).unwrap();
    });
    let record = Engine::remote(&address, None).unwrap().record(&reference("app")).unwrap().unwrap();
    assert_eq!(record.digests, [digest('1').parse().unwrap()]);
    answering.join().unwrap();
    let nobody = Engine::remote(&address, None).unwrap().record(&reference("app")).unwrap_err().to_string();
    assert!(nobody.contains(&format!("tcp://{address}")), "{nobody}");
}
