//! TLS: whose certificate is trusted, by which way, and what is said when it is not.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use image::Digest;
use image::client::{Client, Credentials, Proxies, Settings};

use super::fake::Fake;
use super::registry::{Kind, Registry};
use super::{reference, settings};

const NAME: &str = "registry.example.com";

/// A CA and a certificate for `NAME` by it.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn make() -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        let (ca, ca_key, key) = (made.path("ca.crt"), made.path("ca.key"), made.path("key.pem"));
        let (request, certificate, extensions) = (made.path("request"), made.path("cert.pem"), made.path("extensions"));
        fs::write(&extensions, format!("subjectAltName=DNS:{NAME}\nbasicConstraints=CA:FALSE\n")).unwrap();
        let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let openssl = |arguments: &[&[&str]], files: &[(&str, &Path)]| {
            let mut command = Command::new("openssl");
            command.args(arguments.concat());
            for (flag, file) in files {
                command.arg(flag).arg(file);
            }
            let output = command.output().expect("openssl is installed");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        openssl(&[&["req", "-x509", "-subj", "/CN=test CA"], &new_key], &[("-keyout", &ca_key), ("-out", &ca)]);
        openssl(&[&["req", "-subj", "/CN=test"], &new_key], &[("-keyout", &key), ("-out", &request)]);
        openssl(
            &[&["x509", "-req", "-days", "30", "-CAcreateserial"]],
            &[("-in", &request), ("-CA", &ca), ("-CAkey", &ca_key), ("-extfile", &extensions), ("-out", &certificate)],
        );
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A proxy that leads every `CONNECT` to one place, and says which were asked for.
fn proxy(target: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (listener.local_addr().unwrap().to_string(), Arc::new(Mutex::new(Vec::new())));
    let log = asked.clone();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (log, target) = (log.clone(), target.clone());
            thread::spawn(move || tunnel(client, &target, &log));
        }
    });
    (address, asked)
}

fn tunnel(mut client: TcpStream, target: &str, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    log.lock().unwrap().push(first.trim_end().to_owned());
    let mut line = String::from("x");
    while !line.trim_end().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let mut server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let (mut back, mut forth) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || io::copy(&mut back, &mut forth));
    io::copy(&mut reader, &mut server)?;
    Ok(())
}

#[test]
fn a_registrys_own_ca_is_trusted_for_that_registry_through_a_proxy() {
    let certificates = Certificates::make();
    let kind = Kind::Tls(&certificates.path("cert.pem"), &certificates.path("key.pem"));
    let Some(registry) = Registry::start(kind) else { return };
    let (proxy, asked) = proxy(registry.host().to_owned());
    let folder = tempfile::tempdir().unwrap();
    let through = |folders: Vec<PathBuf>| {
        let proxies = Proxies { https: Some(format!("http://{proxy}")), ..Proxies::default() };
        Client::new(Credentials::none(), Settings { proxies, certificate_folders: folders, ..settings() })
    };
    let place = reference(NAME, "team/image", "v1");
    let (content, digest) = (b"content", Digest::sha256(b"content"));

    let error = through(vec![]).head_blob(&place, &digest).unwrap_err().to_string();
    assert!(error.contains("certificate is not trusted") && error.contains("certs.d"), "{error}");

    fs::create_dir(folder.path().join(NAME)).unwrap();
    fs::copy(certificates.path("ca.crt"), folder.path().join(NAME).join("ca.crt")).unwrap();
    let client = through(vec![folder.path().to_owned()]);
    client.push_blob(&place, &digest, 7, &mut content.as_slice()).unwrap();
    assert_eq!(client.head_blob(&place, &digest).unwrap(), Some(7));
    let asked = asked.lock().unwrap();
    assert!(asked.iter().all(|line| line == &format!("CONNECT {NAME}:443 HTTP/1.1")), "{asked:?}");

    fs::write(folder.path().join(NAME).join("ca.crt"), "no certificate").unwrap();
    let error = through(vec![folder.path().to_owned()]).head_blob(&place, &digest).unwrap_err().to_string();
    assert!(error.contains("ca.crt holds no certificate"), "{error}");
}

#[test]
fn on_loopback_any_certificate_will_do() {
    let certificates = Certificates::make();
    let kind = Kind::Tls(&certificates.path("cert.pem"), &certificates.path("key.pem"));
    let Some(registry) = Registry::start(kind) else { return };
    let client = Client::new(Credentials::none(), settings());
    let place = reference(registry.host(), "team/image", "v1");
    assert_eq!(client.head_blob(&place, &Digest::sha256(b"x")).unwrap(), None);
}

#[test]
fn a_registry_that_speaks_plain_http_is_not_spoken_to_unless_it_is_named() {
    let fake = Fake::start(|_, peer| peer.head(200, &[], 7));
    let (proxy, _) = proxy(fake.host());
    let through = |insecure: &[&str]| {
        let proxies = Proxies {
            http: Some(format!("http://{proxy}")),
            https: Some(format!("http://{proxy}")),
            ..Proxies::default()
        };
        let insecure_registries = insecure.iter().map(|name| (*name).to_owned()).collect();
        Client::new(Credentials::none(), Settings { proxies, insecure_registries, attempts: 1, ..settings() })
    };
    let (place, digest) = (reference(NAME, "team/image", "v1"), Digest::sha256(b"content"));
    let error = through(&[]).head_blob(&place, &digest).unwrap_err().to_string();
    assert!(error.contains("cannot be reached"), "{error}");
    assert!(fake.requests().is_empty(), "nothing was sent in the open");
    assert_eq!(through(&[NAME]).head_blob(&place, &digest).unwrap(), Some(7));
}
