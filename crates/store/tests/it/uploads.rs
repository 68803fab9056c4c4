//! Blobs on their way in.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use image::{Digest, Verified};
use store::StoreError;

use crate::fixtures::Fixture;

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[tokio::test]
async fn a_blob_is_visible_only_when_complete_and_matching() {
    let Fixture { store, folder, .. } = Fixture::embedded().await;
    let digest = Digest::sha256(b"hello world");
    let mut incoming = store.blobs().create().unwrap();
    incoming.write_all(b"hello ").unwrap();
    assert_eq!(store.blobs().size(&digest).unwrap(), None);
    incoming.append(b"world").unwrap();
    assert_eq!((incoming.len(), incoming.is_empty()), (11, false));
    incoming.commit(&digest).unwrap();
    assert_eq!(store.blobs().size(&digest).unwrap(), Some(11));
    let mut text = String::new();
    store.blobs().open(&digest).unwrap().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello world");
    assert_eq!(files_in(&folder.path().join("uploads")), 0);
}

#[tokio::test]
async fn a_blob_that_does_not_match_leaves_nothing() {
    let Fixture { store, folder, .. } = Fixture::embedded().await;
    let promised = Digest::sha256(b"promised");
    let mut incoming = store.blobs().create().unwrap();
    incoming.append(b"other").unwrap();
    let error = incoming.commit(&promised).unwrap_err();
    assert!(
        matches!(&error, StoreError::DigestMismatch { found, .. } if *found == Digest::sha256(b"other")),
        "{error}"
    );
    assert_eq!(store.blobs().size(&promised).unwrap(), None);
    assert_eq!(files_in(&folder.path().join("uploads")), 0);
    assert_eq!(files_in(&folder.path().join("blobs")), 0);
}

#[tokio::test]
async fn a_sha512_digest_is_checked_and_kept_apart() {
    let Fixture { store, folder, .. } = Fixture::embedded().await;
    let hex = concat!(
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a",
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    );
    let digest: Digest = format!("sha512:{hex}").parse().unwrap();
    let mut incoming = store.blobs().create().unwrap();
    incoming.append(b"abc").unwrap();
    incoming.commit(&digest).unwrap();
    assert!(folder.path().join("blobs/sha512/dd").join(hex).is_file());
    let mut wrong = store.blobs().create().unwrap();
    wrong.append(b"abd").unwrap();
    assert!(matches!(wrong.commit(&digest), Err(StoreError::DigestMismatch { .. })));
}

#[tokio::test]
async fn a_blob_that_went_bad_on_disk_is_mended_by_the_next_upload() {
    let Fixture { store, folder, .. } = Fixture::embedded().await;
    let bytes = Verified::name(b"good".to_vec());
    store.blobs().put(&bytes).unwrap();
    let hex = bytes.digest().hex();
    let path = folder.path().join("blobs/sha256").join(&hex[..2]).join(hex);
    fs::write(&path, "evil").unwrap();
    let mut incoming = store.blobs().create().unwrap();
    incoming.append(b"good").unwrap();
    incoming.commit(bytes.digest()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"good");
}

#[tokio::test]
async fn deleting_says_whether_it_was_there() {
    let Fixture { store, folder: _folder, .. } = Fixture::embedded().await;
    let bytes = Verified::name(b"x".to_vec());
    store.blobs().put(&bytes).unwrap();
    store.blobs().put(&bytes).unwrap();
    assert!(store.blobs().delete(bytes.digest()).unwrap());
    assert!(!store.blobs().delete(bytes.digest()).unwrap());
    assert!(store.blobs().open(bytes.digest()).unwrap().is_none());
}

#[tokio::test]
async fn followers_read_from_the_first_byte_to_the_end_while_it_is_written() {
    let Fixture { store, folder: _folder, .. } = Fixture::embedded().await;
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let digest = Digest::sha256(&bytes);
    let mut incoming = store.blobs().create().unwrap();
    let follow = |mut follower: store::blobs::Follower| {
        std::thread::spawn(move || {
            let mut read = Vec::new();
            follower.read_to_end(&mut read).map(|_| read)
        })
    };
    let early = follow(incoming.follow().unwrap());
    let (first, second) = bytes.split_at(500_001);
    incoming.append(first).unwrap();
    let late = follow(incoming.follow().unwrap());
    for chunk in second.chunks(70_001) {
        incoming.append(chunk).unwrap();
    }
    incoming.commit(&digest).unwrap();
    store.blobs().delete(&digest).unwrap();
    assert!(early.join().unwrap().unwrap() == bytes);
    assert!(late.join().unwrap().unwrap() == bytes);
}

#[tokio::test]
async fn followers_of_an_upload_that_is_given_up_or_does_not_match_get_an_error() {
    let Fixture { store, folder: _folder, .. } = Fixture::embedded().await;
    for mismatch in [false, true] {
        let mut incoming = store.blobs().create().unwrap();
        incoming.append(b"half").unwrap();
        let mut follower = incoming.follow().unwrap();
        let mut four = [0; 4];
        follower.read_exact(&mut four).unwrap();
        let waiting = std::thread::spawn(move || follower.read(&mut [0; 1]));
        if mismatch {
            incoming.commit(&Digest::sha256(b"whole")).unwrap_err();
        } else {
            drop(incoming);
        }
        assert_eq!(waiting.join().unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

#[tokio::test]
async fn uploads_of_the_dead_are_swept_and_those_of_the_living_are_not() {
    let fixture = Fixture::embedded().await;
    let uploads = fixture.folder.path().join("uploads");
    let mut living = fixture.store.blobs().create().unwrap();
    living.append(b"alive").unwrap();
    fs::write(uploads.join("0123456789abcdef"), "what a killed process left").unwrap();
    assert_eq!(fixture.again().await.blobs().sweep_uploads().unwrap(), 1);
    assert_eq!(files_in(&uploads), 1);
    living.commit(&Digest::sha256(b"alive")).unwrap();
}
