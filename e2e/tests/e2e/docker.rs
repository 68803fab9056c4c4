//! A docker engine of a test's own, Debian's registry beside it, and a person with docker's client.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::{command, run, succeed};
use crate::layout::tar_of_one_file;
use crate::machine;

/// Long enough for a busy machine; nothing is asserted of it.
const PATIENCE: Duration = Duration::from_mins(1);

/// The passphrase of this person's key; made for these tests and for nothing else.
pub(crate) const PASSPHRASE: &str = "a phrase that only this test knows";

/// A program that ends with its test.
#[derive(Debug)]
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        // With SIGTERM dockerd ends its containerd, too.
        run(command("kill", ["-TERM", &self.0.id().to_string()]));
        let began = Instant::now();
        while matches!(self.0.try_wait(), Ok(None)) && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A docker engine.
#[derive(Debug)]
pub(crate) struct Engine {
    _service: Service,
    socket: PathBuf,
}

impl Engine {
    /// Starts one with everything of its own.
    pub(crate) fn start(work: &Path) -> Self {
        Self::start_with(work, &[])
    }

    /// Starts one that is asked over TCP, too, by whoever shows the certificate in `certificates`.
    pub(crate) fn start_with_tls(work: &Path, certificates: &Certificates, address: &str) -> Self {
        let file = |name: &str| certificates.file(name);
        Self::start_with(
            work,
            &[
                "--host",
                &format!("tcp://{address}"),
                "--tlsverify",
                "--tlscacert",
                &file("ca.pem"),
                "--tlscert",
                &file("server.pem"),
                "--tlskey",
                &file("server.key"),
            ],
        )
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    fn start_with(work: &Path, arguments: &[&str]) -> Self {
        let folder = work.join("engine");
        fs::create_dir(&folder).expect("the engine's folder");
        let path = |name: &str| folder.join(name);
        fs::write(path("config.json"), "{}").expect("the engine's configuration");
        let socket = path("docker.sock");
        let log = File::create(path("log")).expect("the engine's log");
        let mut dockerd = Command::new("dockerd");
        dockerd.arg("--data-root").arg(path("data")).arg("--exec-root").arg(path("exec"));
        dockerd.arg("--pidfile").arg(path("pid")).arg("--config-file").arg(path("config.json"));
        dockerd.arg("--host").arg(format!("unix://{}", socket.display()));
        dockerd.args(["--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"]);
        dockerd.args(arguments);
        dockerd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut service = Service(dockerd.spawn().expect("starting dockerd"));
        let began = Instant::now();
        let ping =
            || run(command("curl", ["-fsS", "--unix-socket", &socket.display().to_string(), "http://docker/_ping"]));
        while ping().code != Some(0) {
            let ended = service.0.try_wait().expect("dockerd's state");
            let said = fs::read_to_string(path("log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "dockerd does not answer ({ended:?}):\n{said}");
            std::thread::sleep(Duration::from_millis(100));
        }
        Self { _service: service, socket }
    }

    /// A socket before this engine that tells of every image what `says` makes of its name, and hands everything else on.
    pub(crate) fn lying(&self, socket: &Path, says: impl Fn(&str) -> String + Send + Sync + 'static) {
        let listener = UnixListener::bind(socket).expect("a socket");
        let (engine, says) = (self.socket.clone(), Arc::new(says));
        // They end with the test's process; nobody else knows the socket.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (engine, says) = (engine.clone(), Arc::clone(&says));
                std::thread::spawn(move || lie(&client, &engine, &*says));
            }
        });
    }
}

/// One connection: a question about an image is answered here, anything else there.
fn lie(client: &UnixStream, engine: &Path, says: &dyn Fn(&str) -> String) -> Option<()> {
    let mut first = [0; 8192];
    let length = (&mut &*client).read(&mut first).ok().filter(|length| *length > 0)?;
    let head = String::from_utf8_lossy(first.get(..length)?).into_owned();
    // Docker's own client names a version of the API.
    if let Some(name) = head.strip_prefix("GET /images/").and_then(|rest| rest.split("/json").next()) {
        let body = says(name);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        return (&mut &*client).write_all(answer.as_bytes()).ok();
    }
    let engine = UnixStream::connect(engine).ok()?;
    (&mut &engine).write_all(first.get(..length)?).ok()?;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ = std::io::copy(&mut &*client, &mut &engine);
            let _ = engine.shutdown(Shutdown::Write);
        });
        let _ = std::io::copy(&mut &engine, &mut &*client);
        let _ = client.shutdown(Shutdown::Both);
    });
    Some(())
}

/// An authority, an engine's certificate and a client's, made by openssl.
#[derive(Debug)]
pub(crate) struct Certificates(PathBuf);

impl Certificates {
    /// Makes them.
    pub(crate) fn make(folder: &Path) -> Self {
        fs::create_dir(folder).expect("a folder of certificates");
        let openssl = |arguments: &[&str]| {
            let mut openssl = command("openssl", arguments);
            openssl.current_dir(folder);
            succeed(openssl);
        };
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
        let ca = ["req", "-x509", "-subj", "/CN=engine authority", "-keyout", "ca.key", "-out", "ca.pem"];
        openssl(&[&ca[..], &key].concat());
        for (name, usage) in [("server", "serverAuth"), ("client", "clientAuth")] {
            let extensions = format!("subjectAltName=IP:127.0.0.1\nextendedKeyUsage={usage}\n");
            fs::write(folder.join("extensions"), extensions).expect("extensions");
            let (secret, request, certificate) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
            let subject = format!("/CN={name}");
            let ask = ["req", "-new", "-subj", &subject, "-keyout", &secret, "-out", &request];
            openssl(&[&ask[..], key.get(..5).expect("a kind of key")].concat());
            openssl(&[
                "x509",
                "-req",
                "-days",
                "2",
                "-in",
                &request,
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
                "-extfile",
                "extensions",
                "-out",
                &certificate,
            ]);
        }
        Self(folder.to_owned())
    }

    /// `ca.pem`, `server.pem`, `server.key`, `client.pem`, `client.key`.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

/// Debian's docker-registry, which knows no referrers.
#[derive(Debug)]
pub(crate) struct DebianRegistry {
    _service: Service,
    address: String,
}

impl DebianRegistry {
    /// Starts one with everything of its own.
    pub(crate) fn start(work: &Path) -> Self {
        let address =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").to_string();
        let folder = work.join("debian-registry");
        fs::create_dir(&folder).expect("the registry's folder");
        let root = folder.display();
        let settings =
            format!("version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {root}\nhttp:\n  addr: {address}\n");
        let file = folder.join("config.yml");
        fs::write(&file, settings).expect("the registry's configuration");
        let mut registry = Command::new("docker-registry");
        registry.arg("serve").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let service = Service(registry.spawn().expect("starting docker-registry"));
        let began = Instant::now();
        while run(command("curl", ["-fsS", &format!("http://{address}/v2/")])).code != Some(0) {
            assert!(began.elapsed() < PATIENCE, "docker-registry does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { _service: service, address }
    }

    /// `127.0.0.1:PORT/NAME`.
    pub(crate) fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}

/// Someone with a home, a key, one of docker's clients and the plugin in it.
#[derive(Debug)]
pub(crate) struct Developer {
    home: PathBuf,
    client: PathBuf,
    socket: PathBuf,
}

impl Developer {
    /// A new home with a key and the plugin installed.
    pub(crate) fn new(home: &Path, client: &Path, engine: &Engine) -> Self {
        let developer = Self::bare(home, client, engine);
        let mut generate = developer.plimsoll(&["key", "generate"]);
        generate.env("PLIMSOLL_PASSPHRASE", PASSPHRASE);
        succeed(generate);
        succeed(developer.plimsoll(&["docker-plugin", "install"]));
        developer
    }

    /// A new home with nothing in it.
    pub(crate) fn bare(home: &Path, client: &Path, engine: &Engine) -> Self {
        fs::create_dir(home).expect("a home");
        Self { home: home.to_owned(), client: client.to_owned(), socket: engine.socket.clone() }
    }

    /// The same, at another engine's socket.
    pub(crate) fn at(mut self, socket: &Path) -> Self {
        socket.clone_into(&mut self.socket);
        self
    }

    /// The same, who chooses an engine by docker's contexts alone.
    pub(crate) fn without_variables(&self, arguments: &[&str]) -> Command {
        let mut docker = self.docker(arguments);
        docker.env_remove("DOCKER_HOST");
        docker
    }

    /// `docker …`
    pub(crate) fn docker(&self, arguments: &[&str]) -> Command {
        self.surrounded(&self.client, arguments)
    }

    /// `plimsoll …`
    pub(crate) fn plimsoll(&self, arguments: &[&str]) -> Command {
        self.surrounded(&machine::plimsoll(), arguments)
    }

    /// A line in a shell that finds this person's docker and plimsoll.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut shell = self.surrounded(Path::new("/bin/sh"), &["-c", line]);
        let program = machine::plimsoll();
        let folders = [self.client.parent(), program.parent()].into_iter().flatten().map(Path::to_owned);
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(folders.chain(std::env::split_paths(&others))).expect("a PATH");
        shell.env("PATH", path);
        shell
    }

    fn surrounded(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = command(program, arguments);
        command.env("HOME", &self.home).env("DOCKER_HOST", format!("unix://{}", self.socket.display()));
        for name in ["DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CLI_HOOKS", "DOCKER_CLI_HINTS", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        command.env("PLIMSOLL_DATA", self.home.join("data"));
        command
    }

    /// Makes an image of one file, and gives it these names.
    pub(crate) fn make_image(&self, contents: &str, names: &[&str]) {
        let tar = tar_of_one_file(&self.home, "release", contents);
        let (first, others) = names.split_first().expect("a name");
        succeed(self.docker(&["import", &tar.display().to_string(), first]));
        for other in others {
            succeed(self.docker(&["tag", first, other]));
        }
    }

    /// Makes an image with a program in it, `/bin/busybox`.
    pub(crate) fn make_program(&self, name: &str) {
        let tar = self.home.join("program.tar");
        let mut pack = command("tar", ["--create", "--dereference", "--directory", "/", "--file"]);
        pack.arg(&tar).arg("bin/busybox");
        succeed(pack);
        succeed(self.docker(&["import", &tar.display().to_string(), name]));
    }

    /// The public half of the key.
    pub(crate) fn public_key(&self) -> PathBuf {
        self.home.join(".config/plimsoll/keys/default.pub")
    }

    /// `plimsoll verify` by this person's own key.
    pub(crate) fn has_signed(&self, reference: &str) -> bool {
        let key = self.public_key().display().to_string();
        let ended = run(self.plimsoll(&["verify", "--key", &key, reference]));
        assert!(matches!(ended.code, Some(0 | 1)), "{}", ended.said());
        ended.code == Some(0)
    }
}
