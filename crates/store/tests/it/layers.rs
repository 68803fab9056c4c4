//! Records of layers.

use crate::fixtures::{Fixture, digest};

#[tokio::test]
async fn a_record_lies_under_its_diff_id_and_version() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        let record = vec![0_u8, 255, 1, 0];
        store.put_layer_record(&digest("tar"), 3, &record, Some(&digest("gzip"))).await.unwrap();
        assert_eq!(store.layer_record(&digest("tar"), 3).await.unwrap(), Some(record));
        assert_eq!(store.layer_record(&digest("tar"), 4).await.unwrap(), None);
        assert_eq!(store.diff_id(&digest("gzip")).await.unwrap(), Some(digest("tar")));
        assert_eq!(store.diff_id(&digest("tar")).await.unwrap(), None);
        assert!(store.has_layer_record(&digest("gzip"), 3).await.unwrap());
        assert!(!store.has_layer_record(&digest("gzip"), 4).await.unwrap(), "of another version");
        assert!(!store.has_layer_record(&digest("tar"), 3).await.unwrap(), "no blob has that digest");
    }
}

#[tokio::test]
async fn a_record_made_anew_replaces_the_old_one() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        store.put_layer_record(&digest("tar"), 1, b"old", None).await.unwrap();
        store.put_layer_record(&digest("tar"), 1, b"new", Some(&digest("zstd"))).await.unwrap();
        assert_eq!(store.layer_record(&digest("tar"), 1).await.unwrap(), Some(b"new".to_vec()));
        assert_eq!(store.diff_id(&digest("zstd")).await.unwrap(), Some(digest("tar")));
    }
}

#[tokio::test]
async fn a_record_may_be_empty_or_of_many_megabytes() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        let large = vec![7_u8; 20 << 20];
        store.put_layer_record(&digest("large"), 1, &large, None).await.unwrap();
        store.put_layer_record(&digest("empty"), 1, b"", None).await.unwrap();
        assert!(store.layer_record(&digest("large"), 1).await.unwrap() == Some(large));
        assert_eq!(store.layer_record(&digest("empty"), 1).await.unwrap(), Some(Vec::new()));
    }
}
