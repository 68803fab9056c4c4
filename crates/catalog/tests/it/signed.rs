//! A signature that lies in the server's own store is held against the policy's keys.

use gate::Policy;
use image::Digest;
use keys::{FileSigner, Nobody, Passphrase, Signer as _};
use tempfile::TempDir;
use trust::{Bundle, Envelope, Statement, statement};

use super::browse::get;
use super::html;
use super::material::{Shelf, report};
use super::pages::text;

/// What `plimsoll sign` and cosign attach.
fn bundle(image: &Digest, signer: &FileSigner) -> Vec<u8> {
    let statement = Statement::of_image(image, &"registry.example.com/team/app:1".parse().unwrap()).to_json();
    let envelope = Envelope::sign(statement::PAYLOAD_TYPE, statement, signer, &Nobody).unwrap();
    Bundle::new(envelope, &signer.public_key()).to_json()
}

fn key(folder: &TempDir, name: &str) -> FileSigner {
    let passphrase = Passphrase::new("test", "the test").unwrap();
    FileSigner::generate(&folder.path().join(name), &passphrase).unwrap().0
}

/// Wants a signature by `trusted.pub`.
fn policy(folder: &TempDir) -> Policy {
    let rule = "[[rule]]\nimages = \"registry.example.com/team/**\"\nmode = \"enforce\"\n\
                signers = { keys = [\"trusted.pub\"] }\n";
    Policy::parse(rule, "policy.toml", folder.path()).unwrap()
}

#[tokio::test]
async fn a_signature_by_a_key_of_the_policy_counts_and_another_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (trusted, other) = (key(&folder, "trusted.key"), key(&folder, "other.key"));
    let policy = policy(&folder);

    let shelf = Shelf::new().await;
    let allowed = "Allowed by policy Rule registry.example.com/team/**, mode enforce. ✓ Met: a signature by \
                   trusted.pub; signed by trusted.pub";
    let refused = "Refused by policy Rule registry.example.com/team/**, mode enforce. ✗ Not met: a signature by \
                   trusted.pub; it has no valid signature by such a key";
    for (repository, signer, words) in [
        ("team/good", Some(&trusted), allowed),
        ("team/bad", Some(&other), refused),
        ("team/none", None, refused),
        ("else/where", None, "No policy holds here"),
    ] {
        let image = shelf.push(repository, Some("1"), repository, "2026-11-25T08:00:00Z").await;
        shelf.report(&report(&image, vec![], vec![])).await;
        if let Some(signer) = signer {
            shelf.attach(repository, &image, &bundle(&image, signer)).await;
        }
        let page = get(&shelf.catalog(vec![], policy.clone()), &format!("/r/{repository}/-/images/{image}")).await;
        html::check(&page.body);
        assert!(text(&page.body).contains(words), "{repository}: {}", text(&page.body));
    }
    // Lists say the same; an attached signature that nobody asked about is not called trusted.
    shelf.attach("else/where", &shelf.store.tag("else/where", "1").await.unwrap().unwrap(), b"{}").await;
    let catalog = shelf.catalog(vec![], policy);
    for (repository, words) in [
        ("team/good", "trusted"),
        ("team/bad", "not trusted"),
        ("team/none", "not trusted"),
        ("else/where", "1 attached"),
    ] {
        let list = text(&get(&catalog, &format!("/r/{repository}")).await.body);
        assert!(list.contains(&format!("0 0 0 0 0 0 0 {words} 2026-11-25 08:00")), "{repository}: {list}");
        let all = text(&get(&catalog, "/").await.body);
        assert!(all.contains(&format!("{repository} 1 nothing found 0 0 0 0 0 0 0 {words}")), "{repository}: {all}");
    }
}

#[tokio::test]
async fn a_signature_of_an_index_is_one_of_each_of_its_platforms() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = key(&folder, "trusted.key");
    let shelf = Shelf::new().await;
    let amd64 = shelf.push("team/app", None, "amd64", "2026-11-25T08:00:00Z").await;
    let arm64 = shelf.push("team/app", None, "arm64", "2026-11-25T08:00:00Z").await;
    let index =
        shelf.push_index("team/app", "1", &[(&amd64, "amd64"), (&arm64, "arm64")], "2026-11-25T08:00:00Z").await;
    let alone = shelf.push("team/app", Some("alone"), "alone", "2026-11-25T08:00:00Z").await;
    for image in [&amd64, &arm64, &alone] {
        shelf.report(&report(image, vec![], vec![])).await;
    }
    shelf.attach("team/app", &index, &bundle(&index, &trusted)).await;
    let catalog = shelf.catalog(vec![], policy(&folder));
    for (image, words) in [
        (&amd64, "team/app : 1 System"),
        (&amd64, "Allowed by policy"),
        (&arm64, "Allowed by policy"),
        (&arm64, "1 signature attached"),
        (&alone, "Refused by policy"),
    ] {
        let page = text(&get(&catalog, &format!("/r/team/app/-/images/{image}")).await.body);
        assert!(page.contains(words), "{words}: {page}");
    }
    let list = text(&get(&catalog, "/r/team/app").await.body);
    for words in ["1 linux/amd64", "1 linux/arm64"] {
        let (_, row) = list.split_once(words).unwrap();
        assert!(row.contains("0 0 0 0 0 0 0 trusted"), "{words}: {list}");
    }
}

#[tokio::test]
async fn a_tag_that_the_policy_holds_is_given_once_its_image_is_signed() {
    use registry::Holds as _;

    let folder = tempfile::tempdir().unwrap();
    let (trusted, other) = (key(&folder, "trusted.key"), key(&folder, "other.key"));
    let rule = "[[rule]]\nimages = \"registry.example.com/team/**\"\nmode = \"enforce\"\nhold = true\n\
                signers = { keys = [\"trusted.pub\"] }\n";
    let policy = Policy::parse(rule, "policy.toml", folder.path()).unwrap();
    let shelf = Shelf::new().await;
    let image = shelf.push("team/app", Some("1"), "team/app", "2026-11-25T08:00:00Z").await;
    let catalog = shelf.catalog(vec![], policy);
    let reason = catalog.reason("team/app", "1", &image).await.unwrap();
    assert!(reason.contains("pending") && reason.contains("plimsoll sign"), "{reason}");
    shelf.attach("team/app", &image, &bundle(&image, &other)).await;
    assert!(catalog.reason("team/app", "1", &image).await.is_some());
    shelf.attach("team/app", &image, &bundle(&image, &trusted)).await;
    assert_eq!(catalog.reason("team/app", "1", &image).await, None);
    // What no rule holds, and where signatures themselves lie.
    assert_eq!(catalog.reason("else/where", "1", &image).await, None);
    let unsigned = Digest::sha256(b"unsigned");
    assert!(catalog.reason("team/app", "2", &unsigned).await.is_some());
    assert_eq!(catalog.reason("team/app", &format!("sha256-{}.sig", image.hex()), &unsigned).await, None);
}
