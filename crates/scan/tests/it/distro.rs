//! An image judged as of another release than it says.

use std::sync::Arc;

use inventory::Release;
use scan::{Options, Silent};

use crate::made::{House, Made, debian};

#[tokio::test]
async fn an_image_is_judged_as_of_the_release_that_is_named_and_its_own_report_stays() {
    let house = House::new().await;
    house.advise("curl", "7.88.1-11");
    let made = Arc::new(Made::new(&[debian(&[("curl", "7.88.1-10")])]));
    let scan = async |distro: Option<&str>| {
        let distro = distro.map(|text| Release::parse_override(text).unwrap());
        let options = Options { distro, ..Options::default() };
        house.scanner.scan(made.clone(), options, Arc::new(Silent)).await.unwrap()
    };
    let own = scan(None).await;
    assert_eq!((own.findings.len(), own.inventory.release_told), (1, false));
    let other = scan(Some("debian:13")).await;
    assert!(other.findings.is_empty() && other.inventory.release_told);
    assert_eq!(other.uncovered.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Debian:13"]);
    assert!(other.inventory.packages[0].purl.ends_with("distro=debian-13"));
    let again = scan(None).await;
    assert_eq!((again.findings.len(), again.inventory.release_told), (1, false));
    assert_eq!(house.store.report(&made.image.digest).await.unwrap().unwrap().counts.iter().sum::<i64>(), 1);
}
