//! A scan beside a server: several stores over the same folder.

use crate::fixtures::{Fixture, digest, manifest};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_in_several_processes_wait_for_each_other() {
    for fixture in Fixture::on_both().await {
        let mut writers = Vec::new();
        for process in 0..4 {
            let store = fixture.again().await;
            writers.push(tokio::spawn(async move {
                for number in 0..25 {
                    let name = format!("{process}-{number}");
                    store.put_manifest("app", &manifest(&name, 1), Some(&name)).await.unwrap();
                    store.put_layer_record(&digest(&name), 1, b"record", Some(&digest("same"))).await.unwrap();
                }
            }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(fixture.store.tags("app", None, 1000).await.unwrap().len(), 100);
    }
}

#[tokio::test]
async fn what_one_has_kept_the_other_sees_at_once() {
    for fixture in Fixture::on_both().await {
        let other = fixture.again().await;
        assert_eq!(other.tag("app", "v1").await.unwrap(), None);
        fixture.store.put_manifest("app", &manifest("m", 1), Some("v1")).await.unwrap();
        assert_eq!(other.tag("app", "v1").await.unwrap(), Some(digest("m")));
    }
}
