//! The list of what is no longer trusted, and the ways to make somebody believe another one.

use image::client::{Change, Client, ClientError};
use image::{Digest, Reference};
use keys::{Nobody, Signer as _};
use time::Duration;
use trust::TrustError;
use trust::revocation::{Keeper, RevocationError, Revocations, Seen, State, Target};

use super::material::{ALICE, MALLORY, NOW, client, image};
use super::registry::{Kind, Registry};

const MONTH: Duration = Duration::days(30);
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

struct Scene {
    registry: Registry,
    client: Client,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Option<Self> {
        let registry = Registry::start(Kind::Open)?;
        Some(Self { registry, client: client(), folder: tempfile::tempdir().unwrap() })
    }

    fn keeper(&self) -> Keeper {
        Keeper::new(self.client.clone(), self.registry.host())
    }

    fn reader(&self) -> Revocations {
        Revocations::new(self.client.clone(), self.registry.host(), vec![ALICE.public_key()])
    }

    fn seen(&self) -> Seen {
        Seen::in_folder(self.folder.path())
    }

    fn revoke(&self, target: Target) {
        let keeper = self.keeper();
        let next = keeper.next(&*ALICE, &[target], "it was lost", MONTH, NOW).unwrap();
        keeper.publish(&next, &*ALICE, &Nobody).unwrap();
    }

    fn place(&self) -> Reference {
        format!("{}/plimsoll/revocation:list", self.registry.host()).parse().unwrap()
    }

    fn put_back(&self, bytes: &[u8]) {
        let write = |present: Option<&image::client::Manifest>| -> Result<Change, ClientError> {
            let is_there = present.is_some_and(|present| present.bytes[..] == *bytes);
            Ok(if is_there { Change::Keep } else { Change::Write(MANIFEST, bytes.to_vec()) })
        };
        self.client.change_tag(&self.place(), "list", &image(), write).unwrap();
    }
}

#[test]
fn a_list_grows_by_versions_and_keeps_what_was_on_it() {
    let Some(scene) = Scene::new() else { return };
    let missing = scene.reader().current(NOW).unwrap_err();
    assert!(matches!(missing, RevocationError::Missing(_)), "{missing}");
    let (key, digest) = (Target::key(&MALLORY.public_key()), Target::Image(image()));
    scene.revoke(key.clone());
    scene.revoke(digest.clone());
    scene.revoke(digest.clone());
    let known = scene.reader().current(NOW).unwrap();
    assert_eq!((known.list.version, known.list.entries.len(), &known.state), (3, 2, &State::Fresh));
    assert!(known.list.revokes(&key) && known.list.revokes(&digest));
    assert_eq!(known.by, ALICE.public_key());
}

#[test]
fn a_list_by_another_key_is_not_believed_and_not_built_upon() {
    let Some(scene) = Scene::new() else { return };
    scene.revoke(Target::Image(image()));
    let stranger = Revocations::new(scene.client.clone(), scene.registry.host(), vec![MALLORY.public_key()]);
    assert!(matches!(stranger.current(NOW), Err(RevocationError::Refused { .. })));
    let refused = scene.keeper().next(&*MALLORY, &[], "", MONTH, NOW);
    assert!(matches!(refused, Err(RevocationError::Refused { .. })), "{refused:?}");
}

#[test]
fn a_list_that_has_ended_is_stale_and_is_renewed_with_all_that_was_on_it() {
    let Some(scene) = Scene::new() else { return };
    scene.revoke(Target::Image(image()));
    let later = NOW + MONTH + Duration::seconds(1);
    assert_eq!(scene.reader().current(later).unwrap().state, State::Stale);
    let next = scene.keeper().next(&*ALICE, &[], "", MONTH, later).unwrap();
    scene.keeper().publish(&next, &*ALICE, &Nobody).unwrap();
    let known = scene.reader().current(later).unwrap();
    assert_eq!((known.state, known.list.entries.len()), (State::Fresh, 1));
}

#[test]
fn a_list_from_a_clock_that_was_wrong_is_followed_by_one_that_is_right() {
    let Some(scene) = Scene::new() else { return };
    let ahead = NOW + Duration::days(400);
    let next = scene.keeper().next(&*ALICE, &[Target::Image(image())], "bad", MONTH, ahead).unwrap();
    scene.keeper().publish(&next, &*ALICE, &Nobody).unwrap();
    let next = scene.keeper().next(&*ALICE, &[], "", MONTH, NOW).unwrap();
    assert_eq!((next.list.version, next.list.issued, next.list.expires), (2, NOW, NOW + MONTH));
    let little = scene.keeper().next(&*ALICE, &[], "", MONTH, ahead - Duration::minutes(5)).unwrap();
    assert_eq!(little.list.issued, ahead, "a little is not gone back");
}

#[test]
fn an_older_list_that_is_put_back_brings_no_trust_back() {
    let Some(scene) = Scene::new() else { return };
    scene.revoke(Target::Image(Digest::sha256(b"first")));
    let old = scene.client.tagged(&scene.place(), "list").unwrap().bytes.to_vec();
    scene.revoke(Target::Image(image()));
    let reader = scene.reader().remembering(scene.seen());
    assert_eq!(reader.current(NOW).unwrap().state, State::Fresh);

    scene.put_back(&old);
    let forgetful = scene.reader().current(NOW).unwrap();
    assert_eq!((forgetful.list.version, forgetful.state), (1, State::Fresh), "who remembers nothing cannot tell");
    let known = reader.current(NOW).unwrap();
    assert_eq!((known.list.version, &known.state), (2, &State::Older(1)));
    assert!(known.list.revokes(&Target::Image(image())));
    // Whoever keeps it goes on from the newest that was seen.
    let next = scene.keeper().remembering(scene.seen()).next(&*ALICE, &[], "", MONTH, NOW).unwrap();
    assert_eq!((next.list.version, next.list.entries.len()), (3, 2));
}

#[test]
fn a_list_that_was_taken_away_or_replaced_by_rubbish_is_remembered_until_it_ends() {
    let Some(scene) = Scene::new() else { return };
    scene.revoke(Target::Image(image()));
    let reader = scene.reader().remembering(scene.seen());
    reader.current(NOW).unwrap();
    let digest = scene.client.tagged(&scene.place(), "list").unwrap().bytes.digest().clone();
    scene.client.delete_manifest(&scene.place(), &digest).unwrap();
    let known = reader.current(NOW).unwrap();
    assert!(matches!(known.state, State::Remembered(_)), "{known:?}");
    assert!(known.list.revokes(&Target::Image(image())));
    assert_eq!(reader.current(NOW + MONTH * 2).unwrap().state, State::Stale);
}

#[test]
fn two_that_change_the_list_at_once_do_not_overwrite_each_other() {
    let Some(scene) = Scene::new() else { return };
    let keeper = scene.keeper();
    let ours = keeper.next(&*ALICE, &[Target::Image(image())], "bad", MONTH, NOW).unwrap();
    scene.revoke(Target::key(&MALLORY.public_key()));
    let refused = keeper.publish(&ours, &*ALICE, &Nobody);
    assert!(matches!(refused, Err(RevocationError::Trust(TrustError::Contended { .. }))), "{refused:?}");
    assert!(scene.reader().current(NOW).unwrap().list.revokes(&Target::key(&MALLORY.public_key())));
}

/// The attack: whoever lost against another writer had signed a list already, and it lies in the registry.
#[test]
fn two_lists_of_one_version_take_nothing_from_each_other() {
    let Some(scene) = Scene::new() else { return };
    let (key, digest) = (Target::key(&MALLORY.public_key()), Target::Image(image()));
    scene.revoke(digest.clone());
    let first = scene.client.tagged(&scene.place(), "list").unwrap().bytes.to_vec();
    let written = scene.client.tagged(&scene.place(), "list").unwrap().bytes.digest().clone();
    scene.client.delete_manifest(&scene.place(), &written).unwrap();
    scene.revoke(key.clone());
    let reader = scene.reader().remembering(scene.seen());
    assert_eq!(reader.current(NOW).unwrap().state, State::Fresh);
    scene.put_back(&first);
    let known = reader.current(NOW).unwrap();
    assert_eq!((known.list.version, &known.state), (1, &State::Rivals));
    assert!(known.list.revokes(&key) && known.list.revokes(&digest));
    // Whoever keeps it ends that with the next.
    let keeper = scene.keeper().remembering(scene.seen());
    let next = keeper.next(&*ALICE, &[], "", MONTH, NOW).unwrap();
    assert_eq!((next.list.version, next.list.entries.len()), (2, 2));
    keeper.publish(&next, &*ALICE, &Nobody).unwrap();
    assert_eq!(reader.current(NOW).unwrap().state, State::Fresh);
}

#[test]
fn a_policy_that_names_one_key_more_remembers_what_was_seen_before() {
    let Some(scene) = Scene::new() else { return };
    scene.revoke(Target::Image(Digest::sha256(b"first")));
    let old = scene.client.tagged(&scene.place(), "list").unwrap().bytes.to_vec();
    scene.revoke(Target::Image(image()));
    scene.reader().remembering(scene.seen()).current(NOW).unwrap();
    scene.put_back(&old);
    let keys = vec![ALICE.public_key(), MALLORY.public_key()];
    let more = Revocations::new(scene.client.clone(), scene.registry.host(), keys).remembering(scene.seen());
    let known = more.current(NOW).unwrap();
    assert_eq!((known.list.version, &known.state), (2, &State::Older(1)));
    let without = Revocations::new(scene.client.clone(), scene.registry.host(), vec![MALLORY.public_key()]);
    assert!(without.remembering(scene.seen()).current(NOW).is_err(), "what was seen is believed by its own keys alone");
}

#[tokio::test]
async fn a_server_remembers_the_newest_list_in_its_own_store_as_well() {
    use image::Verified;
    use serde_json::json;
    use store::Store;
    use store::repositories::ManifestRow;
    use trust::Envelope;
    use trust::revocation::{self, Entry, RevocationList, stored};

    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).await.unwrap();
    let push = async |version: u64, target: Target| {
        let entries = vec![Entry { target, reason: "lost".into(), since: NOW }];
        let list = RevocationList { version, issued: NOW, expires: NOW + MONTH, entries };
        let envelope = Envelope::sign(revocation::PAYLOAD_TYPE, list.to_json(), &*ALICE, &Nobody).unwrap();
        let layer = Verified::name(serde_json::to_vec(&envelope).unwrap());
        store.blobs().put(&layer).unwrap();
        let media_type = revocation::MEDIA_TYPE;
        let config =
            json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::sha256(b"{}"), "size": 2 });
        let layers = json!([{ "mediaType": media_type, "digest": layer.digest(), "size": layer.len() }]);
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
        let manifest = Verified::name(manifest.to_string().into_bytes());
        store.blobs().put(&manifest).unwrap();
        let row = ManifestRow {
            digest: manifest.digest().clone(),
            media_type: MANIFEST.into(),
            size: manifest.len() as u64,
            subject: None,
            artifact_type: Some(media_type.into()),
            annotations: None,
            pushed_at: "2026-11-25T12:00:00Z".into(),
        };
        store.put_manifest(revocation::REPOSITORY, &row, Some(revocation::TAG)).await.unwrap();
    };
    let keys = [ALICE.public_key()];
    assert!(matches!(stored(&store, &keys, NOW).await, Err(RevocationError::Missing(_))));
    push(2, Target::Image(image())).await;
    assert_eq!(stored(&store, &keys, NOW).await.unwrap().state, State::Fresh);
    push(1, Target::key(&MALLORY.public_key())).await;
    let known = stored(&store, &keys, NOW).await.unwrap();
    assert_eq!((known.list.version, &known.state), (2, &State::Older(1)));
    assert!(known.list.revokes(&Target::Image(image())));
}
