//! A full disk: a clear error, and nothing lost that was there.

use image::{Digest, Verified};
use store::Store;

use crate::fixtures::{SmallDisk, digest, manifest};

#[tokio::test]
async fn a_full_disk_refuses_the_upload_and_keeps_what_was_stored() {
    let Some(disk) = SmallDisk::mount(4 << 20) else { return };
    let store = Store::open(disk.folder.path(), None).await.unwrap();
    let kept = Verified::name(b"kept".to_vec());
    store.blobs().put(&kept).unwrap();
    store.put_manifest("app", &manifest("m", 1), Some("v1")).await.unwrap();

    let mut incoming = store.blobs().create().unwrap();
    let chunk = vec![1_u8; 64 << 10];
    let error = std::iter::repeat_with(|| incoming.append(&chunk)).find_map(Result::err).unwrap();
    assert!(error.is_disk_full(), "{error}");
    assert!(error.to_string().contains("free some space"), "{error}");

    // The database has no room either, and says so.
    let record = vec![2_u8; 1 << 20];
    let error = store.put_layer_record(&digest("tar"), 1, &record, None).await.unwrap_err();
    assert!(error.is_disk_full(), "{error}");

    // With the upload given up there is room again, and all is as before.
    drop(incoming);
    assert_eq!(store.blobs().size(kept.digest()).unwrap(), Some(4));
    assert_eq!(store.tag("app", "v1").await.unwrap(), Some(digest("m")));
    let mut incoming = store.blobs().create().unwrap();
    incoming.append(&chunk).unwrap();
    incoming.commit(&Digest::sha256(&chunk)).unwrap();
    store.put_layer_record(&digest("tar"), 1, &record, None).await.unwrap();
}

#[tokio::test]
async fn an_upload_goes_on_when_a_full_disk_has_room_again() {
    let Some(disk) = SmallDisk::mount(4 << 20) else { return };
    let store = Store::open(disk.folder.path(), None).await.unwrap();
    let ballast = disk.folder.path().join("uploads/ballast");
    std::fs::write(&ballast, vec![0; 3 << 20]).unwrap();
    let bytes: Vec<u8> = (0..500_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut incoming = store.blobs().create().unwrap();
    assert!(incoming.append(&bytes).unwrap_err().is_disk_full());
    std::fs::remove_file(&ballast).unwrap();
    let written = usize::try_from(incoming.len()).unwrap();
    incoming.append(&bytes[written..]).unwrap();
    incoming.commit(&Digest::sha256(&bytes)).unwrap();
}
