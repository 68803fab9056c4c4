//! Images made by the tests: Debian's database of packages in a layer, more layers over it.

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::source::{Document, Part, Request, SourceError, resolve};
use image::{Digest, Image, ImageSource, Verified};
use inventory::worker::Launcher;
use scan::{Advisories, Scanner};
use store::Store;

/// A scanner over a fresh data folder.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) scanner: Scanner,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(Launcher::unsealed_in_this_process()).await
    }

    pub(crate) async fn with(launcher: Launcher) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).await.unwrap();
        let scanner = Scanner::new(store.clone(), Advisories::in_folder(folder.path()), launcher);
        Self { folder, store, scanner }
    }

    /// Makes an index of one record: `name` of Debian 12 is fixed in `fixed`.
    pub(crate) fn advise(&self, name: &str, fixed: &str) {
        let record = serde_json::json!({
            "id": "DSA-1-1", "modified": "2026-01-01T00:00:00Z", "aliases": ["CVE-2026-1"], "summary": "a hole",
            "affected": [{
                "package": { "ecosystem": "Debian:12", "name": name },
                "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
            }],
        });
        let file = self.folder.path().join("record.json");
        std::fs::write(&file, record.to_string()).unwrap();
        let index = self.folder.path().join(advisory::Index::FILE);
        let input = advisory::sources::osv::Input::open(&file).unwrap();
        let limits = advisory::sources::Limits::default();
        let compiled = advisory::sources::import(input, "made", self.folder.path(), limits).unwrap();
        let mut writer = advisory::index::Writer::lock(&index, &|_: &Path| {}).unwrap();
        writer.commit(&[compiled], &[]).unwrap();
    }
}

/// A layer as a plain tar of these files.
pub(crate) fn layer(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

/// A layer of Debian 12 with these packages.
pub(crate) fn debian(packages: &[(&str, &str)]) -> Vec<u8> {
    let record = |(name, version): &(&str, &str)| {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
    };
    let status: String = packages.iter().map(record).collect();
    let release = "ID=debian\nVERSION_ID=\"12\"\n";
    layer(&[("usr/lib/os-release", release), ("etc/os-release", release), ("var/lib/dpkg/status", &status)])
}

/// An image in memory that counts how often its layers are opened.
pub(crate) struct Made {
    pub(crate) image: Image,
    pub(crate) blobs: Vec<Vec<u8>>,
    pub(crate) opened: AtomicUsize,
}

impl Made {
    pub(crate) fn new(layers: &[Vec<u8>]) -> Self {
        Self::claiming(layers, &layers.iter().map(|layer| Digest::sha256(layer)).collect::<Vec<_>>())
    }

    /// An image whose config claims these diff ids.
    pub(crate) fn claiming(layers: &[Vec<u8>], diff_ids: &[Digest]) -> Self {
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": diff_ids.iter().map(|_| serde_json::json!({ "created_by": "COPY" })).collect::<Vec<_>>(),
        });
        let config = Verified::name(config.to_string().into_bytes());
        let layer = |bytes: &Vec<u8>| {
            serde_json::json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": Digest::sha256(bytes), "size": bytes.len(),
            })
        };
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config.digest(), "size": config.len(),
            },
            "layers": layers.iter().map(layer).collect::<Vec<_>>(),
        });
        let top = Verified::name(manifest.to_string().into_bytes());
        assert!(Document::parse(&top, None, "made").is_ok());
        let fetch = |_: Part, _: &Digest, _: u64| Ok::<_, SourceError>(config.to_vec());
        let request = Request { name: "made", reference: None, platform: None };
        let image = resolve(request, top, None, &fetch).unwrap();
        Self { image, blobs: layers.to_vec(), opened: AtomicUsize::new(0) }
    }

    /// How often a layer was opened since the last time that this was asked.
    pub(crate) fn take_opened(&self) -> usize {
        self.opened.swap(0, Ordering::Relaxed)
    }
}

impl ImageSource for Made {
    fn image(&self) -> &Image {
        &self.image
    }

    fn open_layer(&self, index: usize) -> Result<Box<dyn Read + Send>, SourceError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Cursor::new(self.blobs[index].clone())))
    }
}
