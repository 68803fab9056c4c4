//! A layer is read once, and what was learned of it is kept.

use std::sync::Arc;

use image::{Digest, ImageSource};
use inventory::worker::Launcher;
use inventory::{LayerRecord, cataloguers};
use scan::{Advisories, Options, ScanError, Scanner, Silent};

use crate::made::{House, Made, debian, layer};

async fn scan(house: &House, made: &Arc<Made>, options: Options) -> findings::Report {
    let source: Arc<dyn ImageSource> = made.clone();
    house.scanner.scan(source, options, Arc::new(Silent)).await.unwrap()
}

#[tokio::test]
async fn a_second_scan_opens_no_layer_and_finds_the_same() {
    let house = House::new().await;
    let made = Arc::new(Made::new(&[debian(&[("curl", "7.88.1-10")]), layer(&[("app/x", "1")])]));
    let cold = scan(&house, &made, Options::default()).await;
    assert_eq!((made.take_opened(), cold.layers_read), (2, 2));
    let warm = scan(&house, &made, Options::default()).await;
    assert_eq!((made.take_opened(), warm.layers_read), (0, 0));
    assert_eq!(cold.inventory, warm.inventory);
    assert_eq!(warm.inventory.packages.len(), 1);
    scan(&house, &made, Options { rehash: true, ..Options::default() }).await;
    assert_eq!(made.take_opened(), 2, "--rehash reads all of them");
}

#[tokio::test]
async fn a_layer_that_an_image_has_twice_is_read_once() {
    let house = House::new().await;
    let empty = layer(&[]);
    let made = Arc::new(Made::new(&[empty.clone(), debian(&[("curl", "7")]), empty]));
    let report = scan(&house, &made, Options::default()).await;
    assert_eq!(made.take_opened(), 2);
    assert_eq!(report.inventory.layers.len(), 3);
    assert_eq!(report.inventory.packages[0].layer, 1);
}

#[tokio::test]
async fn an_image_of_another_name_with_the_same_layer_does_not_read_it_again() {
    let house = House::new().await;
    let base = debian(&[("curl", "7")]);
    scan(&house, &Arc::new(Made::new(std::slice::from_ref(&base))), Options::default()).await;
    let derived = Arc::new(Made::new(&[base, layer(&[("app/x", "1")])]));
    scan(&house, &derived, Options::default()).await;
    assert_eq!(derived.take_opened(), 1);
}

#[tokio::test]
async fn a_kept_record_that_is_damaged_is_made_anew() {
    let house = House::new().await;
    let base = debian(&[("curl", "7")]);
    let first = scan(&house, &Arc::new(Made::new(std::slice::from_ref(&base))), Options::default()).await;
    let digest = Digest::sha256(&base);
    house.store.put_layer_record(&digest, cataloguers::VERSION, b"not a record", Some(&digest)).await.unwrap();
    // Another image over the same layer, since the first one's report is there already.
    let derived = Arc::new(Made::new(&[base, layer(&[])]));
    let second = scan(&house, &derived, Options::default()).await;
    assert_eq!(derived.take_opened(), 2);
    assert_eq!(first.inventory.packages, second.inventory.packages);
    let kept = house.store.layer_record(&digest, cataloguers::VERSION).await.unwrap().unwrap();
    assert!(LayerRecord::from_bytes(&kept).is_ok(), "the good record replaced the damaged one");
}

#[tokio::test]
async fn a_worker_that_dies_costs_the_scan_and_leaves_what_was_known_as_it_was() {
    let house = House::new().await;
    let made = Arc::new(Made::new(&[debian(&[("curl", "7")])]));
    let whole = scan(&house, &made, Options::default()).await;
    let dying = Launcher::program("/bin/false", Vec::<String>::new());
    let dying = Scanner::new(house.store.clone(), Advisories::in_folder(house.folder.path()), dying);
    let source: Arc<dyn ImageSource> = made.clone();
    let error =
        dying.scan(source.clone(), Options { rehash: true, ..Options::default() }, Arc::new(Silent)).await.unwrap_err();
    assert!(
        matches!(&error, ScanError::Incomplete { layer: 0, reason, .. } if reason.contains("dpkg/status")),
        "{error}"
    );
    let warm = dying.scan(source, Options::default(), Arc::new(Silent)).await.unwrap();
    assert_eq!((warm.layers_read, warm.inventory), (0, whole.inventory));
}

#[tokio::test]
async fn a_layer_whose_worker_died_is_read_again_by_the_next_scan() {
    let house = House::with(Launcher::program("/bin/false", Vec::<String>::new())).await;
    let made = Arc::new(Made::new(&[debian(&[("curl", "7")])]));
    for _ in 0..2 {
        let source: Arc<dyn ImageSource> = made.clone();
        assert!(house.scanner.scan(source, Options::default(), Arc::new(Silent)).await.is_err());
        assert_eq!(made.take_opened(), 1);
    }
    assert_eq!(house.store.report(&made.image.digest).await.unwrap(), None);
}

/// A layer in which pnpm's store comes before the package that is a hard link into it.
fn pnpm() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let content = br#"{"name": "left-pad", "version": "1.3.0"}"#;
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "root/.local/share/pnpm/store/v3/files/ab/cdef", &content[..]).unwrap();
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Link);
    link.set_size(0);
    let path = "usr/src/app/node_modules/left-pad/package.json";
    tar.append_link(&mut link, path, "root/.local/share/pnpm/store/v3/files/ab/cdef").unwrap();
    tar.into_inner().unwrap()
}

#[tokio::test]
async fn what_a_hard_link_names_is_found_though_it_came_before_it_was_known_to_be_wanted() {
    let house = House::new().await;
    let made = Arc::new(Made::new(&[pnpm()]));
    let source: Arc<dyn ImageSource> = made.clone();
    let report = house.scanner.scan(source, Options::default(), Arc::new(Silent)).await.unwrap();
    let found: Vec<_> =
        report.inventory.packages.iter().map(|found| (found.package.name.as_str(), found.path.as_str())).collect();
    assert_eq!(found, [("left-pad", "/usr/src/app/node_modules/left-pad/package.json")]);
    assert!(report.inventory.unread.is_empty(), "{:?}", report.inventory.unread);
    assert_eq!(made.take_opened(), 2, "the layer is read a second time");
}
