//! Debian's docker-registry answers the same requests: statuses and headers agree, but where we mean to differ.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::image::Digest;

use crate::http::{Answer, get, request};
use crate::image::{MANIFEST, TestImage, put_manifest};
use crate::server::{Server, skipped};

struct Peer {
    address: SocketAddr,
    process: Child,
    _folder: tempfile::TempDir,
}

impl Peer {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let configuration = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: \
             true}}\nhttp: {{addr: '{address}'}}\n",
            folder.path().display()
        );
        let file = folder.path().join("config.yml");
        fs::write(&file, configuration).unwrap();
        let process =
            Command::new("docker-registry").arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = match process {
            Ok(process) => process,
            Err(error) => {
                skipped(&format!("no docker-registry: {error}"));
                return None;
            }
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "docker-registry does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self { address, process, _folder: folder })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What clients go by.
fn essence(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let names =
        ["docker-content-digest", "docker-distribution-api-version", "content-length", "range", "content-range"];
    let headers = names.iter().filter_map(|name| Some(((*name).to_owned(), answer.headers.get(*name)?.clone())));
    let code = if answer.status >= 400 && !answer.body.is_empty() { answer.error().1 } else { String::new() };
    // Lengths of what is written anew for each answer differ (they end it with a line break); a 201 says 0 or nothing.
    let stored = answer.status == 200 && !answer.header("content-type").starts_with("application/json");
    let headers = headers.filter(|(name, _)| name != "content-length" || stored).collect();
    (answer.status, headers, code)
}

#[test]
fn answers_agree_with_those_of_docker_registry() {
    let Some(peer) = Peer::start() else { return };
    let server = Server::start();
    let image = TestImage::new("amd64");
    let digest = image.digest();
    let blob = Digest::sha256(&image.layers[1]);
    let unknown = Digest::sha256(b"unknown");
    let both = |what: &str, ask: &dyn Fn(SocketAddr) -> Answer| {
        let (ours, theirs) = (ask(server.address), ask(peer.address));
        assert_eq!(essence(&ours), essence(&theirs), "{what}: ours, theirs");
    };
    both("base", &|at| get(at, "/v2/"));
    both("no repository", &|at| get(at, "/v2/app/tags/list"));
    for bytes in image.blobs() {
        // docker-registry has no POST with ?digest=.
        both("upload", &|at| {
            let started = request(at, "POST", "/v2/app/blobs/uploads/", &[], b"");
            assert_eq!((started.status, started.header("range")), (202, "0-0"));
            let location = local(started.header("location"));
            let patched = request(at, "PATCH", &location, &[("Content-Type", "application/octet-stream")], bytes);
            assert_eq!((patched.status, patched.header("range")), (202, &*format!("0-{}", bytes.len() - 1)));
            let location = local(patched.header("location"));
            let joint = if location.contains('?') { '&' } else { '?' };
            request(at, "PUT", &format!("{location}{joint}digest={}", Digest::sha256(bytes)), &[], b"")
        });
    }
    both("manifest", &|at| put_manifest(at, "app", "v1", MANIFEST, &image.manifest));
    both("manifest by tag", &|at| request(at, "GET", "/v2/app/manifests/v1", &[("Accept", MANIFEST)], b""));
    both("manifest by digest", &|at| {
        request(at, "HEAD", &format!("/v2/app/manifests/{digest}"), &[("Accept", MANIFEST)], b"")
    });
    both("blob", &|at| get(at, &format!("/v2/app/blobs/{blob}")));
    both("head of blob", &|at| request(at, "HEAD", &format!("/v2/app/blobs/{blob}"), &[], b""));
    both("part of blob", &|at| request(at, "GET", &format!("/v2/app/blobs/{blob}"), &[("Range", "bytes=5-9")], b""));
    both("tags", &|at| get(at, "/v2/app/tags/list"));
    assert_eq!(get(server.address, "/v2/app/tags/list").json(), get(peer.address, "/v2/app/tags/list").json());
    both("no blob", &|at| get(at, &format!("/v2/app/blobs/{unknown}")));
    both("no manifest", &|at| get(at, "/v2/app/manifests/nosuch"));
    both("no upload", &|at| {
        let started = request(at, "POST", "/v2/app/blobs/uploads/", &[], b"");
        let location = local(started.header("location"));
        assert_eq!(request(at, "DELETE", &location, &[], b"").status, 204);
        request(at, "DELETE", &location, &[], b"")
    });
    both("mount", &|at| request(at, "POST", &format!("/v2/two/blobs/uploads/?mount={blob}&from=app"), &[], b""));
    both("delete", &|at| request(at, "DELETE", &format!("/v2/app/manifests/{digest}"), &[], b""));
    both("deleted", &|at| get(at, "/v2/app/manifests/v1"));
}

/// docker-registry answers with absolute locations.
fn local(location: &str) -> String {
    location.find("/v2/").map_or(String::new(), |start| location[start..].to_owned())
}
