//! Lists that show something of each repository and image.

use store::reports::ReportRow;
use store::repositories::ManifestRow;

use crate::fixtures::{Fixture, digest, manifest};

#[tokio::test]
async fn a_repository_is_summed_up_by_the_tag_that_was_moved_last() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        store.put_manifest("b/app", &manifest("two", 2), Some("z-old")).await.unwrap();
        store.put_manifest("b/app", &manifest("nine", 9), Some("a-new")).await.unwrap();
        store.put_manifest("b/app", &manifest("last", 10), Some("sha256-0123.sig")).await.unwrap();
        store.put_manifest("a/untagged", &manifest("two", 2), None).await.unwrap();
        store.put_manifest("c", &manifest("two", 2), Some("1")).await.unwrap();

        let all = store.repository_summaries(None, 10).await.unwrap();
        let names: Vec<_> = all.iter().map(|one| (one.name.as_str(), one.tags)).collect();
        assert_eq!(names, [("a/untagged", 0), ("b/app", 2), ("c", 1)]);
        assert_eq!(all[0].newest, None);
        let newest = all[1].newest.clone().unwrap();
        assert_eq!((newest.tag.as_str(), newest.digest), ("a-new", digest("nine")));

        assert_eq!(store.repository_summaries(Some("a/untagged"), 1).await.unwrap(), all[1..2]);
        assert_eq!(store.repository_summary("b/app").await.unwrap().as_ref(), Some(&all[1]));
        assert_eq!(store.repository_summary("b").await.unwrap(), None);
        // Without a manifest there is no repository.
        store.delete_manifest("c", &digest("two")).await.unwrap();
        assert_eq!(store.repository_summary("c").await.unwrap(), None);
    }
}

#[tokio::test]
async fn reports_are_summed_up_for_a_list_of_images() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        let report = ReportRow {
            image: digest("one"),
            index_id: "index".into(),
            scanned_at: "2026-11-25T09:00:00Z".into(),
            counts: [1, 2, 3, 4, 5, 6],
            fixable: 7,
            uncovered: 8,
            report: b"{}".to_vec(),
        };
        store.put_report(&report, &[], &[]).await.unwrap();
        let mut asked: Vec<_> = (0..2500).map(|number| digest(&format!("none {number}"))).collect();
        asked.push(digest("one"));
        let found = store.report_summaries(&asked).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0].image, found[0].counts, found[0].fixable), (&digest("one"), [1, 2, 3, 4, 5, 6], 7));
        assert!(store.report_summaries(&[]).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn referrers_are_counted_by_subject_and_type_within_a_repository() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        let refers = |text: &str, kind: &str| ManifestRow {
            subject: Some(digest("image")),
            artifact_type: Some(kind.into()),
            ..manifest(text, 3)
        };
        for (repository, text, kind) in
            [("app", "s1", "bundle"), ("app", "s2", "bundle"), ("app", "sbom", "sbom"), ("other", "s3", "bundle")]
        {
            store.put_manifest(repository, &refers(text, kind), None).await.unwrap();
        }
        let asked = [digest("image"), digest("unsigned")];
        assert_eq!(store.referrer_counts("app", &asked, "bundle").await.unwrap(), [(digest("image"), 2)]);
        assert_eq!(store.referrer_counts("app", &[], "bundle").await.unwrap(), []);
    }
}

#[tokio::test]
async fn tags_that_point_to_an_index_are_told_apart() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        let index = |text: &str, second| ManifestRow {
            media_type: "application/vnd.oci.image.index.v1+json".into(),
            ..manifest(text, second)
        };
        store.put_manifest("app", &manifest("image", 1), Some("image")).await.unwrap();
        store.put_manifest("app", &index("old", 2), Some("old")).await.unwrap();
        store.put_manifest("app", &index("new", 3), Some("new")).await.unwrap();
        store.put_manifest("app", &index("untagged", 4), None).await.unwrap();
        store.put_manifest("other", &index("other", 5), Some("other")).await.unwrap();
        let tags = |rows: Vec<store::repositories::TagRow>| rows.into_iter().map(|row| row.tag).collect::<Vec<_>>();
        assert_eq!(tags(store.tagged_indexes("app", 10).await.unwrap()), ["new", "old"]);
        assert_eq!(tags(store.tagged_indexes("app", 1).await.unwrap()), ["new"]);
    }
}
