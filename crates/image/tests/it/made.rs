//! Tars, layers, layouts and archives, made for a test.

use std::io::{self, Read, Write};
use std::path::Path;

use image::Digest;
use image::layer::{Entry, LayerError, Limits, Visitor, Walked, walk};
use serde_json::{Value, json};

/// A tar with these files.
pub(crate) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        builder.append_data(&mut header(tar::EntryType::Regular, content.len() as u64), path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn header(kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header
}

/// One header as its 512 bytes with any name, also one that the `tar` crate would refuse to write.
pub(crate) fn raw_header(name: &[u8], kind: u8, size: u64) -> Vec<u8> {
    let mut header = header(tar::EntryType::new(kind), size);
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// The content of a member, filled up to whole blocks.
pub(crate) fn padded(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    bytes.resize(content.len().next_multiple_of(512), 0);
    bytes
}

/// A member of a pax header before another one.
pub(crate) fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut content = Vec::new();
    for (key, value) in records {
        let bare = key.len() + value.len() + 3;
        let mut length = bare + 1;
        while length != bare + length.to_string().len() {
            length = bare + length.to_string().len();
        }
        writeln!(content, "{length} {key}={value}").unwrap();
    }
    [raw_header(b"pax", b'x', content.len() as u64), padded(&content)].concat()
}

/// The two blocks that end a tar.
pub(crate) const END: [u8; 1024] = [0; 1024];

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// What a walk saw, contents included.
#[derive(Debug, Default)]
pub(crate) struct Seen(pub(crate) Vec<(Entry, Vec<u8>)>);

impl Seen {
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.0.iter().map(|(entry, _)| entry.path.as_str()).collect()
    }
}

impl Visitor for Seen {
    fn visit(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(LayerError::visitor)?;
        self.0.push((entry.clone(), bytes));
        Ok(())
    }
}

/// Walks a layer, reading all contents.
pub(crate) fn see(layer: impl Read + Send) -> Result<(Walked, Seen), LayerError> {
    let mut seen = Seen::default();
    let walked = walk(layer, &Limits::default(), &mut seen)?;
    Ok((walked, seen))
}

/// Gives bytes out in pieces of these sizes, over and over, interrupted now and then as by signals.
pub(crate) struct Pieces<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) sizes: Vec<usize>,
    pub(crate) reads: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.reads.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = self.sizes[self.reads % self.sizes.len()];
        let (now, later) = self.bytes.split_at(size.min(buffer.len()).min(self.bytes.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.bytes = later;
        Ok(now.len())
    }
}

pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A blob that a descriptor can name.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
}

impl Blob {
    pub(crate) fn new(media_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { media_type: media_type.to_owned(), bytes: bytes.into() }
    }

    pub(crate) fn json(media_type: &str, value: &Value) -> Self {
        Self::new(media_type, value.to_string())
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::sha256(&self.bytes)
    }

    pub(crate) fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest(), "size": self.bytes.len() })
    }

    pub(crate) fn descriptor_for(&self, architecture: &str) -> Value {
        let mut descriptor = self.descriptor();
        descriptor["platform"] = json!({ "os": "linux", "architecture": architecture });
        descriptor
    }
}

/// The parts of an image: config, manifest and layers.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) config: Blob,
    pub(crate) manifest: Blob,
    pub(crate) layers: Vec<Blob>,
    pub(crate) tars: Vec<Vec<u8>>,
}

/// An image of these layers' tars.
pub(crate) fn image_of(tars: &[Vec<u8>], architecture: &str) -> Parts {
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": tars.iter().map(|tar| Digest::sha256(tar)).collect::<Vec<_>>() },
        "history": tars.iter().enumerate().flat_map(|(index, _)| [
            json!({ "created_by": format!("ENV LAYER={index}"), "empty_layer": true }),
            json!({ "created_by": format!("COPY layer {index}") }),
        ]).collect::<Vec<_>>(),
    });
    let config = Blob::json(OCI_CONFIG, &config);
    let layers: Vec<_> = tars.iter().map(|tar| Blob::new(OCI_LAYER, gzip(tar))).collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.descriptor(),
        "layers": layers.iter().map(Blob::descriptor).collect::<Vec<_>>(),
    });
    Parts { config, manifest: Blob::json(OCI_MANIFEST, &manifest), layers, tars: tars.to_vec() }
}

pub(crate) fn index_of(manifests: &[Value]) -> Blob {
    Blob::json(OCI_INDEX, &json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests }))
}

impl Parts {
    pub(crate) fn blobs(&self) -> Vec<&Blob> {
        [&self.config, &self.manifest].into_iter().chain(&self.layers).collect()
    }

    pub(crate) fn write_to(&self, layout: &Path) {
        for blob in self.blobs() {
            write_blob(layout, blob);
        }
    }
}

pub(crate) fn write_blob(layout: &Path, blob: &Blob) {
    std::fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    std::fs::write(layout.join("blobs/sha256").join(blob.digest().hex()), &blob.bytes).unwrap();
}

pub(crate) fn write_layout(layout: &Path, entries: &[Value]) {
    std::fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    std::fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    std::fs::write(layout.join("index.json"), index_of(entries).bytes).unwrap();
}

pub(crate) fn tagged(mut descriptor: Value, tag: &str) -> Value {
    descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
    descriptor
}

/// A tar of the form that `docker save` wrote before version 25.
pub(crate) fn saved(images: &[(&str, &Parts)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |path: &str, bytes: &[u8]| {
        builder.append_data(&mut header(tar::EntryType::Regular, bytes.len() as u64), path, bytes).unwrap();
    };
    let mut list = Vec::new();
    for (name, parts) in images {
        let config = format!("{}.json", parts.config.digest().hex());
        add(&config, &parts.config.bytes);
        let mut layers = Vec::new();
        for tar in &parts.tars {
            let path = format!("{}/layer.tar", Digest::sha256(tar).hex());
            add(&path, tar);
            layers.push(path);
        }
        list.push(json!({ "Config": config, "RepoTags": [name], "Layers": layers }));
    }
    add("manifest.json", Value::from(list).to_string().as_bytes());
    builder.into_inner().unwrap()
}

/// A tar of the form that docker has saved since version 25: an OCI layout and `manifest.json` in one.
pub(crate) fn saved_by_25(parts: &Parts, entries: &[Value], more: &[&Blob]) -> Vec<u8> {
    let blob_path = |blob: &Blob| format!("blobs/sha256/{}", blob.digest().hex());
    let mut members = Vec::new();
    for blob in parts.blobs().into_iter().chain(more.iter().copied()) {
        members.push((blob_path(blob), blob.bytes.clone()));
    }
    let layers: Vec<_> = parts.layers.iter().map(blob_path).collect();
    let list = json!([{ "Config": blob_path(&parts.config), "RepoTags": ["app:1"], "Layers": layers }]);
    members.push(("manifest.json".into(), list.to_string().into_bytes()));
    members.push(("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
    members.push(("index.json".into(), index_of(entries).bytes));
    let members: Vec<_> = members.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    tar_of(&members)
}
