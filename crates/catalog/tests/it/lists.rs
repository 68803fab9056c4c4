//! Long lists are cut into pages that together miss nothing.

use gate::Policy;
use image::Digest;

use super::browse::get;
use super::material::Shelf;

#[tokio::test]
async fn long_lists_are_cut_into_pages_that_miss_nothing() {
    let shelf = Shelf::new().await;
    for number in 0..120 {
        let name = format!("team/app-{number:03}");
        shelf.push(&name, Some("1"), &name, "2026-11-25T08:00:00Z").await;
    }
    for number in 0..70 {
        shelf.push("many/tags", Some(&format!("v{number:03}")), "one", "2026-11-25T08:00:00Z").await;
        // What carries signatures is no tag of anybody's.
        let carrier = format!("sha256-{}", Digest::sha256(&[number]).hex());
        shelf.push("many/tags", Some(&carrier), "one", "2026-11-25T08:00:00Z").await;
    }
    let catalog = shelf.catalog(vec![], Policy::default());
    for (start, key, expected) in
        [("/api/v1/repositories", "repositories", 121), ("/api/v1/repositories/many/tags", "tags", 70)]
    {
        let mut found = 0;
        let mut address = start.to_owned();
        loop {
            let json = get(&catalog, &address).await.json();
            found += json[key].as_array().unwrap().len();
            match json["next"].as_str() {
                Some(next) => address = format!("{start}?after={}", next.replace('/', "%2F")),
                None => break,
            }
        }
        assert_eq!(found, expected, "{start}");
    }
    let page = get(&catalog, "/").await.body;
    assert!(page.contains("href=\"/?after="), "{page}");
}
