//! Debian's docker-registry on a free port of loopback, its data in a temporary folder. It knows no referrers.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(crate) struct Registry {
    process: Child,
    host: String,
    _folder: tempfile::TempDir,
}

/// `user:swordfish`, as `htpasswd -B` writes it.
const USERS: &str = "user:$2y$05$abcdefghijklmnopqrstuupWDwJQeCHYIBQy8WvkVB6ImhZ476YYy\n";

/// What it wants of its clients.
#[derive(Clone, Copy)]
pub(crate) enum Kind<'a> {
    /// Nothing.
    Open,
    /// Nothing, and nothing that is there can be deleted, as it is where nobody says so.
    Undeletable,
    /// Name and password.
    WithLogin,
    /// TLS with this certificate and key.
    Tls(&'a Path, &'a Path),
}

impl Kind<'_> {
    /// Its lines in the section `http`, and its own sections.
    fn sections(&self, folder: &Path) -> (String, String) {
        match self {
            Self::Open | Self::Undeletable => (String::new(), String::new()),
            Self::WithLogin => {
                let users = folder.join("users");
                fs::write(&users, USERS).unwrap();
                (String::new(), format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", users.display()))
            }
            Self::Tls(certificate, key) => {
                let files = (certificate.display(), key.display());
                (format!("  tls:\n    certificate: {}\n    key: {}\n", files.0, files.1), String::new())
            }
        }
    }
}

impl Registry {
    /// `None` where the program is not installed, with a word to the tester; that fails where nothing may be skipped.
    pub(crate) fn start(kind: Kind) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let deletes = !matches!(kind, Kind::Undeletable);
        let (tls, login) = kind.sections(folder.path());
        let config = format!(
            "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: \
             {deletes}\nhttp:\n  addr: 127.0.0.1:0\n{tls}{login}",
            folder.path().join("data").display()
        );
        let path = folder.path().join("config.yml");
        fs::write(&path, config).unwrap();
        let started = Command::new("docker-registry")
            .arg("serve")
            .arg(&path)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) => {
                assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "docker-registry is required: {error}");
                eprintln!("skipped: docker-registry is not installed ({error})");
                return None;
            }
        };
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut said = String::new();
        let host = loop {
            let before = said.len();
            assert_ne!(log.read_line(&mut said).unwrap(), 0, "docker-registry ended: {said}");
            if let Some((_, rest)) = said[before..].split_once("listening on ") {
                break rest.split(['"', ',', ' ', '\n']).next().unwrap().to_owned();
            }
        };
        // Its log must go on being read, or it stops when the pipe is full.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Some(Self { process, host, _folder: folder })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
