//! What is written comes back, and a broken connection is taken up again.

use std::io::{Cursor, Read as _};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::client::{Client, ClientError, Credentials, RegistrySource};
use image::{Digest, ImageSource as _, Platform};

use super::fake::Fake;
use super::registry::{Kind, Registry};
use super::sample::{self, push_bytes, push_image};
use super::{reference, settings};

fn client() -> Client {
    Client::new(Credentials::none(), settings())
}

struct NeverRead;

impl std::io::Read for NeverRead {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("the blob is there already")
    }
}

#[test]
fn what_is_pushed_to_a_real_registry_comes_back_and_skopeo_agrees() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let client = client();
    let place = reference(registry.host(), "team/image", "v1");
    let layers = [vec![1; 3_000_000], vec![2; 10]];
    let index = push_image(&client, &place, &layers);

    for (architecture, platform) in [("amd64", "linux/amd64"), ("arm64", "linux/arm64")] {
        let platform: Platform = platform.parse().unwrap();
        let source = RegistrySource::open(&client, &place, Some(&platform)).unwrap();
        let image = source.image();
        assert_eq!(image.index_digest.as_ref(), Some(&index));
        assert_eq!(image.config.architecture().to_string(), architecture);
        for (number, layer) in layers.iter().enumerate() {
            let mut bytes = Vec::new();
            source.open_layer(number).unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(&bytes, layer);
        }
        source.open_layer(2).err().expect("there is no third layer");
    }
    let raw = Command::new("skopeo")
        .args(["inspect", "--raw", "--tls-verify=false"])
        .arg(format!("docker://{place}"))
        .output()
        .expect("skopeo is installed");
    assert_eq!(Digest::sha256(&raw.stdout), index);
}

#[test]
fn a_blob_that_is_there_is_not_sent_again_and_one_that_is_not_is_none() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let client = client();
    let place = reference(registry.host(), "team/image", "v1");
    let digest = push_bytes(&client, &place, b"content");
    assert_eq!(client.head_blob(&place, &digest).unwrap(), Some(7));
    client.push_blob(&place, &digest, 7, &mut NeverRead).unwrap();
    let other = Digest::sha256(b"other");
    assert_eq!(client.head_blob(&place, &other).unwrap(), None);
    assert!(client.small_blob(&place, &other, 100).unwrap_err().is_not_found());
    assert!(client.tagged(&place, "none").unwrap_err().is_not_found());
}

#[test]
fn bytes_that_are_not_what_they_were_said_to_be_are_not_stored() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let client = client();
    let place = reference(registry.host(), "team/image", "v1");
    let digest = Digest::sha256(b"content");
    let error = client.push_blob(&place, &digest, 7, &mut Cursor::new(b"CONTENT".to_vec())).unwrap_err();
    assert!(error.to_string().contains("DIGEST_INVALID"), "{error}");
    let short = client.push_blob(&place, &digest, 7, &mut Cursor::new(b"con".to_vec())).unwrap_err();
    assert!(matches!(&short, ClientError::Local { .. }), "{short}");
    assert!(short.to_string().contains("ended after 3 of 7"), "{short}");
    assert_eq!(client.head_blob(&place, &digest).unwrap(), None);
}

#[test]
fn a_broken_download_is_taken_up_where_it_broke() {
    let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let served = content.clone();
    let fake = Fake::start(move |request, peer| {
        // Each connection breaks after some bytes, until the last one.
        let start = request
            .header("range")
            .map_or(0, |range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<usize>().unwrap());
        let (rest, total) = (&served[start..], served.len());
        let range = format!("bytes {start}-{}/{total}", total - 1);
        let status = if start > 0 { 206 } else { 200 };
        peer.head(status, &[("Content-Range", &range)], rest.len() as u64);
        peer.raw(&rest[..rest.len().min(300_001)]);
    });
    let place = reference(&fake.host(), "image", "v1");
    let digest = Digest::sha256(&content);
    let mut reader = client().blob(&place, &digest, content.len() as u64).unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(bytes == content, "the pieces fit");
    let ranges: Vec<_> = fake.requests().iter().filter_map(|r| r.header("range").map(str::to_owned)).collect();
    assert_eq!(ranges, ["bytes=300001-", "bytes=600002-"]);
}

#[test]
fn a_registry_without_ranges_is_read_from_the_start_again() {
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let served = content.clone();
    let count = AtomicUsize::new(0);
    let fake = Fake::start(move |_, peer| {
        peer.head(200, &[], served.len() as u64);
        let is_first = count.fetch_add(1, Ordering::SeqCst) == 0;
        peer.raw(if is_first { &served[..150_000] } else { &served });
    });
    let place = reference(&fake.host(), "image", "v1");
    let mut reader = client().blob(&place, &Digest::sha256(&content), content.len() as u64).unwrap();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(bytes == content, "the pieces fit");
}

#[test]
fn a_registry_that_is_busy_is_asked_again() {
    let count = AtomicUsize::new(0);
    let fake = Fake::start(move |_, peer| match count.fetch_add(1, Ordering::SeqCst) {
        0 => peer.answer(503, &[], b"busy"),
        _ => peer.answer(200, &[("Content-Type", sample::MANIFEST)], b"{}"),
    });
    let manifest = client().resolve(&reference(&fake.host(), "image", "v1")).unwrap();
    assert_eq!(manifest.bytes.digest(), &Digest::sha256(b"{}"));
}
