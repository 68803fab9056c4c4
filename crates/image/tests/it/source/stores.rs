//! Stores of other engines, put together by hand, whole and damaged; the real ones are in `cli`'s tests.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::source::{
    BoltDatabase, BoltError, Containerd, ContainerdPlace, ContainersStorage, SourceError, StoragePlace, TarSplit,
};
use image::{Digest, ImageSource};
use proptest::prelude::*;
use serde_json::json;

use crate::made::{self, gzip, image_of, tar_of};

// ---- tar-split ----

fn segment(bytes: &[u8]) -> String {
    json!({ "type": 2, "payload": STANDARD.encode(bytes), "position": 0 }).to_string() + "\n"
}

fn file(name: &str, size: usize) -> String {
    json!({ "type": 1, "name": name, "size": size, "payload": null, "position": 0 }).to_string() + "\n"
}

/// The parts of a tar that [`tar_of`] made.
fn parts_of(tar: &[u8], files: &[(&str, &[u8])]) -> String {
    let (mut list, mut at) = (String::new(), 0);
    for (name, content) in files {
        list += &segment(&tar[at..at + 512]);
        list += &file(name, content.len());
        at += 512 + content.len();
        let padding = content.len().next_multiple_of(512) - content.len();
        list += &segment(&tar[at..at + padding]);
        at += padding;
    }
    list + &segment(&tar[at..])
}

fn rebuilt(list: &str, folder: &Path) -> io::Result<Vec<u8>> {
    let files = |name: &[u8]| fs::File::open(folder.join(std::str::from_utf8(name).unwrap()));
    let mut bytes = Vec::new();
    TarSplit::new(list.as_bytes(), files).read_to_end(&mut bytes).map(|_| bytes)
}

#[test]
fn a_tar_comes_out_as_it_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 3] = [("a", b"one"), ("empty", b""), ("b", &[7; 2000])];
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let tar = tar_of(&files);
    assert_eq!(rebuilt(&parts_of(&tar, &files), folder.path()).unwrap(), tar);
    let raw = parts_of(&tar, &files).replace("\"name\":\"a\"", &format!("\"name_raw\":\"{}\"", STANDARD.encode("a")));
    assert_eq!(rebuilt(&raw, folder.path()).unwrap(), tar);
}

#[test]
fn a_list_that_is_damaged_says_how() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "abc").unwrap();
    let refusal = |list: &str| rebuilt(list, folder.path()).unwrap_err().to_string();
    assert!(refusal("{").contains("damaged"));
    assert!(refusal(r#"{"type": 7}"#).contains("kind 7"));
    assert!(refusal(r#"{"type": 1, "size": 3}"#).contains("no name"));
    assert!(refusal(r#"{"type": 1, "name": "a", "size": -3}"#).contains("negative"));
    assert!(refusal(r#"{"type": 2, "payload": "!"}"#).contains("damaged"));
    assert!(refusal(&file("a", 2)).contains("has 3 bytes"), "one that grew is not the layer's");
    assert!(refusal(&file("gone", 2)).contains("/gone"));
    // A line without an end must not be taken in whole.
    let mut endless = io::repeat(b' ');
    let mut reader = TarSplit::new(io::BufReader::new(&mut endless), |_: &[u8]| fs::File::open("/dev/null"));
    assert!(reader.read(&mut [0]).unwrap_err().to_string().contains("longer than"));
}

proptest! {
    #[test]
    fn a_list_of_any_bytes_ends(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut out = Vec::new();
        let _ = TarSplit::new(bytes.as_slice(), |_: &[u8]| fs::File::open("/dev/null")).read_to_end(&mut out);
    }
}

// ---- containers/storage ----

/// A store with one image of one layer, `app:1`.
struct Storage {
    root: tempfile::TempDir,
    tar: Vec<u8>,
}

const LAYER: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const FILES: [(&str, &[u8]); 2] = [("etc-name", b"one"), ("b", &[7; 900])];

impl Storage {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let tar = tar_of(&FILES);
        let storage = Self { root, tar };
        let parts = image_of(std::slice::from_ref(&storage.tar), "amd64");
        let config = Digest::sha256(&parts.config.bytes);
        let layer = json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": Digest::sha256(b"as pulled"), "size": 9 });
        let manifest = json!({ "schemaVersion": 2, "layers": [layer], "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": parts.config.bytes.len() } });
        let diff = storage.at(&format!("overlay/{LAYER}/diff"));
        fs::create_dir_all(&diff).unwrap();
        for (name, content) in FILES {
            fs::write(diff.join(name), content).unwrap();
        }
        storage.write("overlay-images/abc/manifest", manifest.to_string().as_bytes());
        storage.write(&format!("overlay-images/abc/={}", STANDARD.encode(config.as_str())), &parts.config.bytes);
        storage.list(LAYER, None);
        let images = json!([{ "id": "abc", "names": ["localhost/app:1"], "layer": LAYER,
            "big-data-digests": { "manifest": Digest::sha256(manifest.to_string().as_bytes()), config.as_str(): config } }]);
        storage.write("overlay-images/images.json", images.to_string().as_bytes());
        let list = parts_of(&storage.tar, &FILES);
        storage.write(&format!("overlay-layers/{LAYER}.tar-split.gz"), &gzip(list.as_bytes()));
        storage
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), bytes).unwrap();
    }

    fn list(&self, layer: &str, parent: Option<&str>) {
        let layers = json!([{ "id": layer, "parent": parent, "diff-digest": Digest::sha256(&self.tar) }]);
        self.write("overlay-layers/layers.json", layers.to_string().as_bytes());
    }

    fn open(&self, name: &str) -> Result<Option<impl ImageSource + use<>>, SourceError> {
        let places = StoragePlace::open(self.root.path(), None).unwrap();
        ContainersStorage::read(places)?.image(&name.parse().unwrap(), name, None)
    }

    fn refusal(&self) -> String {
        match self.open("app:1") {
            Err(error) => error.to_string(),
            Ok(Some(image)) => image.open_layer(0).map(|_| ()).unwrap_err().to_string(),
            Ok(None) => "none".to_owned(),
        }
    }
}

#[test]
fn an_image_in_podmans_store_is_its_layers_again() {
    let storage = Storage::new();
    let image = storage.open("app:1").unwrap().unwrap();
    let (walked, _) = made::see(image.open_layer(0).unwrap()).unwrap();
    image.image().layers[0].check(&walked).unwrap();
    assert_eq!(walked.diff_id, Digest::sha256(&storage.tar));
    assert!(!image.unpacked(0).unwrap().unwrap().is_all);
    assert!(storage.open("app:2").unwrap().is_none() && storage.open("docker.io/library/app:1").unwrap().is_none());
    let digest = image.image().digest.clone();
    assert!(storage.open(&format!("app@{digest}")).unwrap().is_some());
    assert!(storage.open(&format!("app@{}", Digest::sha256(b""))).unwrap().is_none());
}

#[test]
fn a_layer_whose_parts_are_gone_is_only_a_folder() {
    let storage = Storage::new();
    fs::remove_file(storage.at(&format!("overlay-layers/{LAYER}.tar-split.gz"))).unwrap();
    assert!(storage.open("app:1").unwrap().unwrap().unpacked(0).unwrap().unwrap().is_all);
    assert!(storage.refusal().contains("what is kept of the tar"));
}

#[test]
fn a_store_that_was_tampered_with_gives_no_image() {
    let storage = Storage::new();
    storage.list(LAYER, Some(LAYER));
    assert!(storage.refusal().contains("in a circle"), "{}", storage.refusal());
    storage.list("other", None);
    assert!(storage.refusal().contains("not listed"));
    storage.write("overlay-layers/layers.json", br#"[{"id": "../../../etc"}]"#);
    assert!(storage.refusal().contains("not listed"));
    storage.write("overlay-layers/layers.json", b"[{");
    assert!(storage.refusal().contains("layers.json is malformed"));
    let other = Storage::new();
    other.write(
        "overlay-layers/layers.json",
        json!([{ "id": LAYER, "diff-digest": Digest::sha256(b"") }]).to_string().as_bytes(),
    );
    assert!(other.refusal().contains("where the config names"));
    let manifest = Storage::new();
    manifest.write("overlay-images/abc/manifest", &vec![b' '; 5 << 20]);
    assert!(manifest.refusal().contains("larger than"));
    let config = Storage::new();
    for entry in fs::read_dir(config.at("overlay-images/abc")).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with('=') {
            let mut bytes = fs::read(entry.path()).unwrap();
            *bytes.last_mut().unwrap() = b' ';
            fs::write(entry.path(), bytes).unwrap();
        }
    }
    assert!(config.refusal().contains("has digest"), "{}", config.refusal());
}

#[test]
fn an_image_whose_id_leads_out_of_the_store_is_refused() {
    let storage = Storage::new();
    storage.write("secret/manifest", b"{}");
    let images = json!([{ "id": "../secret", "names": ["localhost/app:1"], "layer": LAYER }]);
    storage.write("overlay-images/images.json", images.to_string().as_bytes());
    assert!(storage.refusal().contains("is no id"), "{}", storage.refusal());
}

// ---- containerd ----

enum Made<'a> {
    Bytes(Vec<u8>),
    Bucket(Vec<(&'a str, Made<'a>)>),
}

/// A leaf page with these elements, inline buckets inside of it.
fn page(number: u64, elements: &[(&str, Made<'_>)]) -> Vec<u8> {
    let mut head = Vec::new();
    head.extend(number.to_le_bytes());
    head.extend(2_u16.to_le_bytes());
    head.extend(u16::try_from(elements.len()).unwrap().to_le_bytes());
    head.extend(0_u32.to_le_bytes());
    let (mut table, mut data) = (Vec::new(), Vec::new());
    for (index, (key, value)) in elements.iter().enumerate() {
        let (flags, value) = match value {
            Made::Bytes(bytes) => (0_u32, bytes.clone()),
            Made::Bucket(inside) => (1, [vec![0; 16], page(0, inside)].concat()),
        };
        let position = 16 * (elements.len() - index) + data.len();
        for word in [flags, position as u32, key.len() as u32, value.len() as u32] {
            table.extend(word.to_le_bytes());
        }
        data.extend(key.as_bytes());
        data.extend(value);
    }
    [head, table, data].concat()
}

fn meta(number: u64, transaction: u64) -> Vec<u8> {
    let mut meta = Vec::new();
    for word in [0xED0C_DAED_u32, 2, 4096, 0] {
        meta.extend(word.to_le_bytes());
    }
    for word in [3, 0, 2, 9, transaction] {
        meta.extend(u64::to_le_bytes(word));
    }
    let sum = meta
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let mut page = [number.to_le_bytes().to_vec(), 4_u16.to_le_bytes().to_vec(), vec![0; 6], meta].concat();
    page.extend(sum.to_le_bytes());
    page
}

/// A database whose root is page 3.
fn database(root: &[(&str, Made<'_>)]) -> Vec<u8> {
    let mut bytes = vec![0; 3 * 4096];
    let put = |bytes: &mut Vec<u8>, at: usize, page: &[u8]| bytes[at..at + page.len()].copy_from_slice(page);
    put(&mut bytes, 0, &meta(0, 1));
    put(&mut bytes, 4096, &meta(1, 2));
    let mut root = page(3, root);
    let pages = root.len().div_ceil(4096);
    root[12..16].copy_from_slice(&u32::try_from(pages - 1).unwrap().to_le_bytes());
    root.resize(pages * 4096, 0);
    [bytes, root].concat()
}

fn target(digest: &Digest, size: usize) -> Made<'static> {
    let mut varint = Vec::new();
    let mut left = (size as u64) << 1;
    while left >= 0x80 {
        varint.push(left as u8 | 0x80);
        left >>= 7;
    }
    varint.push(left as u8);
    Made::Bucket(vec![(
        "target",
        Made::Bucket(vec![
            ("digest", Made::Bytes(digest.as_str().as_bytes().to_vec())),
            ("mediatype", Made::Bytes(b"application/vnd.oci.image.manifest.v1+json".to_vec())),
            ("size", Made::Bytes(varint)),
        ]),
    )])
}

/// A store whose namespaces have `docker.io/library/app:1`, each for a manifest of its own or the same.
fn containerd(namespaces: &[(&str, u8)]) -> (tempfile::TempDir, Vec<Digest>) {
    let root = tempfile::tempdir().unwrap();
    let blobs = root.path().join("io.containerd.content.v1.content/blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::create_dir_all(root.path().join("io.containerd.metadata.v1.bolt")).unwrap();
    let write = |bytes: &[u8]| {
        let digest = Digest::sha256(bytes);
        fs::write(blobs.join(digest.hex()), bytes).unwrap();
        digest
    };
    let (mut buckets, mut digests) = (Vec::new(), Vec::new());
    for (namespace, content) in namespaces {
        let parts = image_of(&[tar_of(&[("a", &[*content])])], "amd64");
        let blob = gzip(&parts.tars[0]);
        let layer = json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": write(&blob), "size": blob.len() });
        let manifest = json!({ "schemaVersion": 2, "layers": [layer], "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": write(&parts.config.bytes), "size": parts.config.bytes.len() } });
        let manifest = manifest.to_string();
        let digest = write(manifest.as_bytes());
        let images = Made::Bucket(vec![("docker.io/library/app:1", target(&digest, manifest.len()))]);
        buckets.push((*namespace, Made::Bucket(vec![("images", images)])));
        digests.push(digest);
    }
    let bytes = database(&[("v1", Made::Bucket(buckets))]);
    fs::write(root.path().join("io.containerd.metadata.v1.bolt/meta.db"), bytes).unwrap();
    (root, digests)
}

fn find(root: &Path, name: &str, namespace: Option<&str>) -> Result<Option<impl ImageSource + use<>>, SourceError> {
    let places = ContainerdPlace::open(root, None).unwrap().into_iter().collect();
    Containerd::image(places, &name.parse().unwrap(), namespace, name, None)
}

#[test]
fn an_image_in_containerds_store_is_found_by_name_and_digest() {
    let (root, digests) = containerd(&[("default", 1), ("k8s.io", 1)]);
    let image = find(root.path(), "app:1", None).unwrap().unwrap();
    assert_eq!(image.image().digest, digests[0]);
    let (walked, _) = made::see(image.open_layer(0).unwrap()).unwrap();
    image.image().layers[0].check(&walked).unwrap();
    assert!(find(root.path(), &format!("app@{}", digests[0]), None).unwrap().is_some());
    assert!(find(root.path(), &format!("app@{}", Digest::sha256(b"")), None).unwrap().is_none());
    assert!(find(root.path(), "app:2", None).unwrap().is_none());
    assert!(find(root.path(), "app:1", Some("moby")).unwrap().is_none());
}

#[test]
fn a_name_that_namespaces_have_for_different_images_asks_for_one() {
    let (root, digests) = containerd(&[("default", 1), ("k8s.io", 2)]);
    let error = find(root.path(), "app:1", None).err().unwrap().to_string();
    assert!(error.contains("containerd:app:1@k8s.io"), "{error}");
    assert_eq!(find(root.path(), "app:1", Some("k8s.io")).unwrap().unwrap().image().digest, digests[1]);
}

#[test]
fn content_that_containerd_threw_away_is_said() {
    let (root, _) = containerd(&[("default", 1)]);
    let image = find(root.path(), "app:1", None).unwrap().unwrap();
    let blob = image.image().layers[0].blob.clone().unwrap();
    fs::remove_file(root.path().join("io.containerd.content.v1.content/blobs/sha256").join(blob.hex())).unwrap();
    assert!(image.open_layer(0).map(|_| ()).unwrap_err().to_string().contains("discard_unpacked_layers"));
}

fn keys(bytes: &[u8]) -> Result<usize, BoltError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    BoltDatabase::new(file).read(|root| {
        let mut count = 0;
        for key in root.keys(1000)? {
            if let Some(bucket) = root.bucket(&key)? {
                count += bucket.keys(1000)?.len();
                bucket.get(b"images")?;
            }
        }
        Ok(count)
    })
}

#[test]
fn a_database_that_is_damaged_is_refused() {
    let whole = database(&[("v1", Made::Bucket(vec![("a", Made::Bytes(vec![1]))]))]);
    assert_eq!(keys(&whole).unwrap(), 1);
    // The newer state is broken: the older counts. Both are: nothing does.
    let mut broken = whole.clone();
    broken[4096 + 20] ^= 1;
    assert_eq!(keys(&broken).unwrap(), 1);
    broken[20] ^= 1;
    assert!(keys(&broken).unwrap_err().to_string().contains("damaged"));
    assert!(keys(b"").is_err() && keys(&[0; 100]).is_err());
    for length in [4096, 3 * 4096, whole.len() - 1] {
        assert!(keys(&whole[..length]).is_err(), "{length}");
    }
    // A page that leads to itself, and one that is everywhere.
    let mut circle = whole.clone();
    let branch = [
        3_u64.to_le_bytes().to_vec(),
        1_u16.to_le_bytes().to_vec(),
        1_u16.to_le_bytes().to_vec(),
        vec![0; 4],
        16_u32.to_le_bytes().to_vec(),
        vec![0; 4],
        3_u64.to_le_bytes().to_vec(),
    ]
    .concat();
    circle[3 * 4096..3 * 4096 + branch.len()].copy_from_slice(&branch);
    assert!(keys(&circle).unwrap_err().to_string().contains("circle"));
    let mut vast = whole;
    vast[3 * 4096 + 12..3 * 4096 + 16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(keys(&vast).unwrap_err().to_string().contains("larger"));
}

proptest! {
    #[test]
    fn a_database_of_any_bytes_is_read_or_refused(changes in prop::collection::vec((0_usize..400, any::<u8>()), 1..8)) {
        let mut bytes = database(&[("v1", Made::Bucket(vec![("ns", Made::Bucket(vec![("images", Made::Bucket(vec![]))]))]))]);
        for (at, byte) in changes {
            bytes[3 * 4096 + at] = byte;
        }
        let _ = keys(&bytes);
    }
}
