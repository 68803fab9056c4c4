//! An OCI layout with a small real image, a store, and a broker.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::admission::{Admission, Everything};
use engine::pull::Silent;
use engine::{EngineError, Made, Run, Wishes};
use flate2::Compression;
use flate2::write::GzEncoder;
use image::source::{LayoutFolder, OciLayout};
use image::{Digest, ImageSource};
use sandbox::{Broker, Exit, Settings, Stdio};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::Store;
use tempfile::TempDir;

/// Everything that a run needs, and a layout to run from.
pub(crate) struct Harbour {
    pub(crate) broker: Broker,
    pub(crate) store: Store,
    pub(crate) layout: TempDir,
    pub(crate) data: TempDir,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
}

/// Skips the test with a word, unless `PLIMSOLL_REQUIRE` says that nothing may be skipped.
pub(crate) fn can_run() -> bool {
    let missing = if !rustix::process::geteuid().is_root() {
        "not root".to_owned()
    } else if !Path::new("/bin/busybox").exists() {
        "busybox-static is not installed".into()
    } else if !program().exists() {
        format!("{} is not built; cargo build -p sandbox", program().display())
    } else {
        return true;
    };
    assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "PLIMSOLL_REQUIRE is set, but: {missing}");
    eprintln!("skipped: {missing}");
    false
}

/// The sandbox's binary, in the folder where cargo puts binaries: above that of this test program.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().and_then(Path::parent).unwrap().join("plimsoll-sandbox")
}

/// Gives user `plimsoll` its usual line where the machine has none yet, as the installation does.
fn ensure_subordinate_ids() {
    static LOCK: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one_at_a_time = LOCK.lock().unwrap();
    for path in ["/etc/subuid", "/etc/subgid"] {
        if !fs::read_to_string(path).unwrap_or_default().lines().any(|line| line.starts_with("plimsoll:")) {
            let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
            file.write_all(b"plimsoll:2000224256:147259392\n").unwrap();
        }
    }
}

impl Harbour {
    pub(crate) fn new() -> Self {
        ensure_subordinate_ids();
        let data = tempfile::tempdir().unwrap();
        let layout = tempfile::tempdir().unwrap();
        let broker = Broker::start_program(&program(), &Settings::new(data.path())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = runtime.block_on(Store::open(data.path(), None)).unwrap();
        write_layout(layout.path());
        Self { broker, store, layout, data }
    }

    pub(crate) fn source(&self) -> Arc<dyn ImageSource> {
        let folder = LayoutFolder::open(self.layout.path()).unwrap();
        Arc::new(OciLayout::open(folder, "quay", None, None).unwrap())
    }

    pub(crate) fn create(&self, admission: &dyn Admission, wishes: &Wishes) -> Result<Made, EngineError> {
        self.with(admission).create(self.source(), wishes)
    }

    pub(crate) fn with<'run>(&'run self, admission: &'run dyn Admission) -> Run<'run> {
        Run { broker: &self.broker, blobs: self.store.blobs(), admission, progress: &Silent }
    }

    pub(crate) fn run(&self, line: &str, wishes: Wishes) -> Outcome {
        let wishes = Wishes { command: ["-c", line].map(str::to_owned).to_vec(), remove: true, ..wishes };
        let mut made = self.create(&Everything, &wishes).unwrap();
        self.with(&Everything).start(&made).unwrap();
        let Some(Stdio::Pipes { mut stdout, .. }) = made.container.take_stdio() else { panic!("no pipes") };
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        let exit = made.container.wait().unwrap();
        made.container.gone();
        Outcome { exit, stdout: text }
    }

    /// The blobs of the layout, as paths.
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.layout.path().join("blobs/sha256").join(digest.hex())
    }
}

/// Two layers, gzipped: busybox, and a file over it.
fn write_layout(folder: &Path) {
    fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    let layers = [
        tar(&[
            ("bin/busybox", 0o755, &fs::read("/bin/busybox").unwrap()),
            ("etc/passwd", 0o644, b"root:x:0:0::/root:/bin/sh\nsailor:x:1000:1000::/home/sailor:/bin/sh\n"),
            ("etc/motd", 0o644, b"below\n"),
        ]),
        tar(&[("etc/motd", 0o644, b"above\n")]),
    ];
    let (mut descriptors, mut diff_ids) = (Vec::new(), Vec::new());
    for layer in layers {
        diff_ids.push(digest(&layer));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&layer).unwrap();
        descriptors.push(blob(folder, &encoder.finish().unwrap(), "application/vnd.oci.image.layer.v1.tar+gzip"));
    }
    let config = json!({
        "architecture": image::Platform::host().architecture, "os": "linux",
        "config": {"Entrypoint": ["/bin/busybox", "sh"], "Cmd": ["-c", "cat /etc/motd"], "Env": ["PATH=/bin", "COLOUR=red"],
            "WorkingDir": "/srv", "User": "sailor"},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = blob(folder, config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": descriptors,
    });
    let manifest = blob(folder, manifest.to_string().as_bytes(), "application/vnd.oci.image.manifest.v1+json");
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(folder.join("index.json"), json!({"schemaVersion": 2, "manifests": [manifest]}).to_string()).unwrap();
}

fn blob(folder: &Path, bytes: &[u8], media_type: &str) -> Value {
    let digest = digest(bytes);
    fs::write(folder.join("blobs/sha256").join(&digest["sha256:".len()..]), bytes).unwrap();
    json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// A plain tar of files.
fn tar(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut all = Vec::new();
    for (path, mode, content) in files {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, path);
        put(100, &format!("{mode:07o}\0{0:07o}\0{0:07o}\0{1:011o}\0{2:011o}\0", 0, content.len(), 1_000_000_000));
        put(148, "        0");
        put(257, "ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        all.extend_from_slice(&header);
        all.extend_from_slice(content);
        all.resize(all.len().next_multiple_of(512), 0);
    }
    all.resize(all.len() + 1024, 0);
    all
}
