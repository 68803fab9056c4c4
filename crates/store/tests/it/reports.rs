//! Reports with their rows, and the images that wait for theirs.

use store::reports::{FindingRow, PackageRow, PendingRow, ReportRow};

use crate::fixtures::{Fixture, digest, manifest};

fn report(image: &str, index: &str) -> ReportRow {
    ReportRow {
        image: digest(image),
        index_id: index.into(),
        scanned_at: "2026-11-25T09:00:00Z".into(),
        counts: [1, 2, 3, 4, 5, 6],
        fixable: 7,
        uncovered: 8,
        report: br#"{"name":"x"}"#.to_vec(),
    }
}

fn finding(id: &str, cve: &str, package: &str) -> FindingRow {
    FindingRow {
        id: id.into(),
        cve: cve.into(),
        severity: "high".into(),
        package: package.into(),
        version: "1.0".into(),
        fixed: Some("1.1".into()),
        purl: format!("pkg:pypi/{package}@1.0"),
    }
}

fn package(name: &str) -> PackageRow {
    PackageRow {
        kind: "deb".into(),
        name: name.into(),
        version: "1.0".into(),
        source: Some("source".into()),
        purl: format!("pkg:deb/debian/{name}@1.0"),
        layer: 2,
    }
}

#[tokio::test]
async fn a_report_comes_back_as_it_was_kept_and_is_replaced_whole() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        let old = [finding("PYSEC-1", "CVE-1", "a"), finding("PYSEC-2", "CVE-2", "a")];
        store.put_report(&report("image", "index-1"), &[package("a"), package("b")], &old).await.unwrap();
        assert_eq!(store.report(&digest("image")).await.unwrap(), Some(report("image", "index-1")));

        let new = [finding("PYSEC-2", "CVE-2", "a")];
        store.put_report(&report("image", "index-2"), &[package("a")], &new).await.unwrap();
        assert_eq!(store.report(&digest("image")).await.unwrap(), Some(report("image", "index-2")));
        assert!(store.images_with("CVE-1").await.unwrap().is_empty());
        assert_eq!(store.images_with("CVE-2").await.unwrap(), [(digest("image"), new[0].clone())]);
    }
}

#[tokio::test]
async fn images_are_found_once_each_by_id_or_cve() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        let both = [finding("DSA-1", "CVE-9", "libx"), finding("DSA-1", "CVE-9", "libx-dev")];
        store.put_report(&report("one", "i"), &[], &both).await.unwrap();
        store.put_report(&report("two", "i"), &[], &[finding("CVE-9", "CVE-9", "libx")]).await.unwrap();
        let images = |found: Vec<(image::Digest, FindingRow)>| {
            let mut images: Vec<_> = found.into_iter().map(|(image, _)| image).collect();
            images.sort();
            images
        };
        let mut expected = vec![digest("one"), digest("two")];
        expected.sort();
        assert_eq!(images(store.images_with("CVE-9").await.unwrap()), expected);
        assert_eq!(images(store.images_with("DSA-1").await.unwrap()), [digest("one")]);
        assert!(store.images_with("CVE-9\0").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn thousands_of_rows_and_text_with_nul_are_kept() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        let packages: Vec<_> = (0..2500).map(|number| package(&format!("p{number}"))).collect();
        let mut findings: Vec<_> = (0..2500).map(|number| finding(&format!("id-{number}"), "CVE", "p")).collect();
        findings[2400].package = "nul\0inside".into();
        store.put_report(&report("image", "i"), &packages, &findings).await.unwrap();
        let found = store.images_with("id-2400").await.unwrap();
        assert_eq!(found[0].1.package, "nul\u{fffd}inside");
        assert_eq!(store.images_with("id-2499").await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn reports_of_another_index_are_stale() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        store.put_report(&report("old", "index-1"), &[], &[]).await.unwrap();
        store.put_report(&report("new", "index-2"), &[], &[]).await.unwrap();
        assert_eq!(store.stale_reports("index-2", 9).await.unwrap(), [digest("old")]);
        assert_eq!(store.stale_reports("index-3", 1).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_image_waits_until_it_has_a_report() {
    for Fixture { store, folder: _folder, .. } in Fixture::on_both().await {
        store.put_manifest("app", &manifest("image", 1), None).await.unwrap();
        let mut index = manifest("index", 1);
        index.media_type = "application/vnd.oci.image.index.v1+json".into();
        store.put_manifest("app", &index, None).await.unwrap();
        let mut signature = manifest("signature", 1);
        signature.artifact_type = Some("application/vnd.dev.sigstore.bundle.v0.3+json".into());
        store.put_manifest("app", &signature, None).await.unwrap();
        assert_eq!(store.images_without_report(None, 9).await.unwrap(), [digest("image")]);
        assert!(store.images_without_report(Some(&digest("image")), 9).await.unwrap().is_empty());

        let first = PendingRow { image: digest("image"), reason: "worker died\0".into(), since: "2026-01-01".into() };
        store.put_pending(&first).await.unwrap();
        let later = PendingRow { reason: "disk full".into(), since: "2026-02-02".into(), ..first.clone() };
        store.put_pending(&later).await.unwrap();
        let expected = PendingRow { since: first.since, ..later };
        assert_eq!(store.pending(&digest("image")).await.unwrap(), Some(expected));

        store.put_report(&report("image", "i"), &[], &[]).await.unwrap();
        assert_eq!(store.pending(&digest("image")).await.unwrap(), None);
        assert!(store.images_without_report(None, 9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn reports_that_were_kept_as_json_are_made_anew() {
    for fixture in Fixture::on_both().await {
        fixture.store.put_manifest("app", &manifest("image", 1), None).await.unwrap();
        fixture.store.put_report(&report("image", "1"), &[package("a")], &[finding("D", "C", "a")]).await.unwrap();
        fixture.store.close().await;
        let before = "ALTER TABLE reports RENAME COLUMN report TO json; DROP TABLE layer_parts; UPDATE schema_version SET version = 1";
        if !fixture.run_sql(before) {
            return crate::fixtures::skipped("no sqlite3");
        }
        let store = fixture.again().await;
        assert_eq!(store.report(&digest("image")).await.unwrap(), None);
        assert!(store.images_with("C").await.unwrap().is_empty());
        assert_eq!(store.images_without_report(None, 9).await.unwrap(), [digest("image")]);
        store.put_report(&report("image", "2"), &[package("a")], &[]).await.unwrap();
        assert_eq!(store.report(&digest("image")).await.unwrap(), Some(report("image", "2")));
    }
}
