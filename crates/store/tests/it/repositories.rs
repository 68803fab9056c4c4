//! Repositories, manifests, tags, referrers.

use store::repositories::ManifestRow;

use crate::fixtures::{Fixture, digest, manifest};

#[tokio::test]
async fn a_manifest_and_its_tag_come_back_as_they_were_kept() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        let row = ManifestRow {
            subject: Some(digest("subject")),
            artifact_type: Some("application/vnd.example".into()),
            annotations: Some(r#"{"a":"\u0000é"}"#.into()),
            ..manifest("m", 1)
        };
        store.put_manifest("team/app", &row, Some("v1")).await.unwrap();
        assert_eq!(store.manifest("team/app", &row.digest).await.unwrap(), Some(row.clone()));
        assert_eq!(store.tag("team/app", "v1").await.unwrap(), Some(row.digest.clone()));
        assert_eq!(store.manifest("team/other", &row.digest).await.unwrap(), None);
        assert_eq!(store.tag("team/other", "v1").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_tag_moves_and_remembers_since_when_it_points_where_it_does() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        store.put_manifest("app", &manifest("one", 1), Some("latest")).await.unwrap();
        store.put_manifest("app", &manifest("one", 2), Some("latest")).await.unwrap();
        assert_eq!(store.tags("app", None, 9).await.unwrap()[0].updated_at, "2026-11-25T09:00:01Z");
        store.put_manifest("app", &manifest("two", 3), Some("latest")).await.unwrap();
        let tags = store.tags("app", None, 9).await.unwrap();
        assert_eq!((tags[0].digest.clone(), tags[0].updated_at.as_str()), (digest("two"), "2026-11-25T09:00:03Z"));
        assert_eq!(store.manifest("app", &digest("one")).await.unwrap().unwrap().pushed_at, "2026-11-25T09:00:01Z");
    }
}

#[tokio::test]
async fn tags_and_repositories_are_listed_by_bytes_and_by_page() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        let row = manifest("m", 1);
        for tag in ["b", "a", "B", "_", "a.1", "a-1", "10", "9"] {
            store.put_manifest("app", &row, Some(tag)).await.unwrap();
        }
        let names = |tags: Vec<store::repositories::TagRow>| tags.into_iter().map(|row| row.tag).collect::<Vec<_>>();
        let first = names(store.tags("app", None, 5).await.unwrap());
        assert_eq!(first, ["10", "9", "B", "_", "a"]);
        assert_eq!(names(store.tags("app", Some("a"), 5).await.unwrap()), ["a-1", "a.1", "b"]);
        for repository in ["z", "a/b", "a-b", "a_b"] {
            store.put_manifest(repository, &row, None).await.unwrap();
        }
        assert_eq!(store.repositories(None, 3).await.unwrap(), ["a-b", "a/b", "a_b"]);
        assert_eq!(store.repositories(Some("a_b"), 3).await.unwrap(), ["app", "z"]);
    }
}

#[tokio::test]
async fn deleting_a_manifest_takes_its_tags_along_and_no_others() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        store.put_manifest("app", &manifest("one", 1), Some("one")).await.unwrap();
        store.put_manifest("app", &manifest("one", 1), Some("also-one")).await.unwrap();
        store.put_manifest("app", &manifest("two", 1), Some("two")).await.unwrap();
        store.put_manifest("other", &manifest("one", 1), Some("one")).await.unwrap();
        assert!(store.delete_manifest("app", &digest("one")).await.unwrap());
        assert!(!store.delete_manifest("app", &digest("one")).await.unwrap());
        let left: Vec<String> = store.tags("app", None, 9).await.unwrap().into_iter().map(|row| row.tag).collect();
        assert_eq!(left, ["two"]);
        assert_eq!(store.places_of(&digest("one")).await.unwrap(), [("other".to_owned(), Some("one".to_owned()))]);
        assert!(store.delete_tag("app", "two").await.unwrap());
        assert!(!store.delete_tag("app", "two").await.unwrap());
        assert_eq!(store.places_of(&digest("two")).await.unwrap(), [("app".to_owned(), None)]);
    }
}

#[tokio::test]
async fn a_repository_without_manifests_is_not_listed() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        store.link_blob("empty", &digest("blob")).await.unwrap();
        store.put_manifest("was", &manifest("m", 1), None).await.unwrap();
        store.delete_manifest("was", &digest("m")).await.unwrap();
        assert!(store.repositories(None, 9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_blob_is_in_the_repositories_that_it_was_put_into() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        store.link_blob("one", &digest("blob")).await.unwrap();
        store.link_blob("one", &digest("blob")).await.unwrap();
        assert!(store.has_blob("one", &digest("blob")).await.unwrap());
        assert!(!store.has_blob("two", &digest("blob")).await.unwrap());
        assert!(store.unlink_blob("one", &digest("blob")).await.unwrap());
        assert!(!store.unlink_blob("one", &digest("blob")).await.unwrap());
        assert!(!store.has_blob("one", &digest("blob")).await.unwrap());
    }
}

#[tokio::test]
async fn referrers_are_those_of_the_repository_oldest_first_and_filtered_by_type() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        let about = |text: &str, second, kind: &str| ManifestRow {
            subject: Some(digest("image")),
            artifact_type: Some(kind.into()),
            ..manifest(text, second)
        };
        store.put_manifest("app", &about("late", 9, "sig"), None).await.unwrap();
        store.put_manifest("app", &about("early", 1, "sig"), None).await.unwrap();
        store.put_manifest("app", &about("sbom", 5, "sbom"), None).await.unwrap();
        store.put_manifest("other", &about("elsewhere", 5, "sig"), None).await.unwrap();
        let digests = |rows: Vec<ManifestRow>| rows.into_iter().map(|row| row.digest).collect::<Vec<_>>();
        let all = digests(store.referrers("app", &digest("image"), None).await.unwrap());
        assert_eq!(all, [digest("early"), digest("sbom"), digest("late")]);
        let signatures = digests(store.referrers("app", &digest("image"), Some("sig")).await.unwrap());
        assert_eq!(signatures, [digest("early"), digest("late")]);
        assert!(store.referrers("app", &digest("image"), Some("\0' OR 1=1")).await.unwrap().is_empty());
    }
}
