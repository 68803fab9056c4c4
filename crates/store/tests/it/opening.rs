//! Opening a store.

use store::{Store, StoreError};

use crate::fixtures::{Fixture, digest, manifest};

#[tokio::test]
async fn what_was_kept_is_there_when_the_folder_is_opened_again() {
    for fixture in Fixture::on_both().await {
        fixture.store.put_manifest("app", &manifest("m", 1), Some("v1")).await.unwrap();
        fixture.store.close().await;
        assert_eq!(fixture.again().await.tag("app", "v1").await.unwrap(), Some(digest("m")));
    }
}

#[tokio::test]
async fn many_may_open_a_new_folder_at_the_same_time() {
    for fixture in Fixture::on_both().await {
        let folder = tempfile::tempdir().unwrap();
        let opening = (0..8).map(|_| {
            let (path, database) = (folder.path().to_owned(), fixture.database.clone());
            tokio::spawn(async move { Store::open(&path, database.as_deref()).await })
        });
        for opened in opening.collect::<Vec<_>>() {
            opened.await.unwrap().unwrap().repositories(None, 1).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_and_left_as_it_is() {
    let fixture = Fixture::embedded().await;
    fixture.store.close().await;
    let changed = std::process::Command::new("sqlite3")
        .arg(fixture.folder.path().join("plimsoll.db"))
        .arg("UPDATE schema_version SET version = 99")
        .status();
    if !changed.is_ok_and(|status| status.success()) {
        return crate::fixtures::skipped("no sqlite3");
    }
    let error = Store::open(fixture.folder.path(), None).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn a_database_that_is_no_database_is_an_error_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plimsoll.db"), vec![b'x'; 8192]).unwrap();
    let error = Store::open(folder.path(), None).await.unwrap_err().to_string();
    assert!(error.contains("not a database"), "{error}");
}

#[tokio::test]
async fn the_folder_may_have_any_name() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("a b?c#d%20é;--");
    let store = Store::open(&folder, None).await.unwrap();
    store.put_manifest("app", &manifest("m", 1), None).await.unwrap();
    assert!(folder.join("plimsoll.db").is_file());
}

#[tokio::test]
async fn debug_text_does_not_hold_the_address() {
    for fixture in Fixture::on_both().await {
        assert!(!format!("{:?}", fixture.store).contains("localhost"));
    }
}

#[tokio::test]
async fn an_unreachable_server_is_an_error_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let address = "postgres://user:hunter2@127.0.0.1:1/plimsoll";
    let error = Store::open(folder.path(), Some(address)).await.unwrap_err().to_string();
    assert!(error.contains("Connection refused") && !error.contains("hunter2"), "{error}");
    let error = Store::open(folder.path(), Some("mysql://root:hunter2@x/y")).await.unwrap_err().to_string();
    assert!(error.contains("postgres://") && !error.contains("hunter2"), "{error}");
}
