//! Pushed and pulled by the docker client through a real dockerd (Debian's, 20.10), started by hand.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::image::Digest;
use serde_json::json;

use crate::http::get;
use crate::image::TestImage;
use crate::server::{Server, skipped};

struct Dockerd {
    folder: tempfile::TempDir,
    process: Child,
}

impl Dockerd {
    /// Starts one with everything of its own; `None` where that cannot be.
    fn start() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            skipped("dockerd is started as root");
            return None;
        }
        let Some(program) =
            ["/usr/sbin/dockerd", "/usr/bin/dockerd"].map(PathBuf::from).into_iter().find(|it| it.exists())
        else {
            skipped("no dockerd");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("plimsoll-dockerd-").tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let log = fs::File::create(path("log")).unwrap();
        let process = Command::new(program)
            .arg("--data-root")
            .arg(path("data"))
            .arg("--exec-root")
            .arg(path("exec"))
            .arg("--pidfile")
            .arg(path("pid"))
            .arg("--host")
            .arg(format!("unix://{}", path("socket").display()))
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"])
            // Its own configuration is not this test's.
            .arg("--config-file")
            .arg({
                fs::write(path("config.json"), "{}").unwrap();
                path("config.json")
            })
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut dockerd = Self { folder, process };
        let deadline = Instant::now() + Duration::from_mins(1);
        while dockerd.run(&["version"]).is_err() {
            let ended = dockerd.process.try_wait().unwrap();
            let log = || fs::read_to_string(dockerd.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < deadline, "dockerd does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
        Some(dockerd)
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("docker")
            .arg("--host")
            .arg(format!("unix://{}", self.folder.path().join("socket").display()))
            .env("DOCKER_CONFIG", self.folder.path())
            .args(arguments)
            .output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn docker(&self, arguments: &[&str]) -> String {
        self.run(arguments).unwrap_or_else(|error| panic!("docker {arguments:?}: {error}"))
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // With SIGTERM it ends its containerd, too.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(20);
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What `docker load` takes.
fn archive(image: &TestImage, name: &str) -> Vec<u8> {
    let config = format!("{}.json", Digest::sha256(&image.config).hex());
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes).unwrap();
    };
    add(&config, &image.config);
    let layers: Vec<String> = (0..image.layers.len()).map(|number| format!("{number}.tar")).collect();
    for (name, bytes) in layers.iter().zip(&image.layers) {
        add(name, bytes);
    }
    let manifest = json!([{ "Config": config, "RepoTags": [name], "Layers": layers }]);
    add("manifest.json", manifest.to_string().as_bytes());
    builder.into_inner().unwrap()
}

#[test]
fn docker_pushes_and_pulls() {
    let Some(dockerd) = Dockerd::start() else { return };
    let server = Server::start();
    let name = format!("127.0.0.1:{}/team/app:v1", server.address.port());
    let file = dockerd.folder.path().join("image.tar");
    fs::write(&file, archive(&TestImage::new("amd64"), &name)).unwrap();
    dockerd.docker(&["load", "--input", file.to_str().unwrap()]);
    let id = dockerd.docker(&["image", "inspect", "--format", "{{.Id}}", &name]);

    let pushed = dockerd.docker(&["push", &name]);
    let manifest = get(server.address, "/v2/team/app/manifests/v1");
    assert_eq!(manifest.status, 200);
    let digest = Digest::sha256(&manifest.body);
    assert!(pushed.contains(digest.as_str()), "{pushed}");
    assert!(server.wait(server.store.report(&digest)).unwrap().is_some());

    // Pushed again under another repository: the layers are mounted, not sent.
    let second = name.replace("team/app", "team/again");
    dockerd.docker(&["tag", &name, &second]);
    let pushed = dockerd.docker(&["push", &second]);
    assert!(pushed.contains("Mounted from team/app"), "{pushed}");

    dockerd.docker(&["rmi", &name, &second]);
    dockerd.docker(&["pull", &name]);
    assert_eq!(dockerd.docker(&["image", "inspect", "--format", "{{.Id}}", &name]), id);
    let by_digest = format!("127.0.0.1:{}/team/app@{digest}", server.address.port());
    dockerd.docker(&["pull", &by_digest]);

    let error = dockerd.run(&["pull", &name.replace(":v1", ":nosuch")]).unwrap_err();
    assert!(error.contains("nosuch") && error.contains("manifest"), "{error}");
}
