//! From a manifest to an image: what is taken, and what is refused before anything of it is used.

use std::collections::HashMap;

use image::source::{LayerMismatch, Part, Request, SourceError, resolve};
use image::{Digest, Image, Layer, Platform, Verified};
use serde_json::{Value, json};

use crate::made::{self, Blob, OCI_INDEX, OCI_MANIFEST, Parts, image_of, index_of, tar_of};

/// A registry in memory: blobs by the digest that they are asked for by.
#[derive(Default)]
struct Blobs(HashMap<Digest, Vec<u8>>);

impl Blobs {
    fn of<'a>(blobs: impl IntoIterator<Item = &'a Blob>) -> Self {
        Self(blobs.into_iter().map(|blob| (blob.digest(), blob.bytes.clone())).collect())
    }

    fn resolve(&self, top: &Blob, platform: Option<&str>) -> Result<Image, SourceError> {
        let platform: Option<Platform> = platform.map(|text| text.parse().unwrap());
        let request = Request { name: "app:1", reference: None, platform: platform.as_ref() };
        let fetch = |_: Part, digest: &Digest, limit: u64| match self.0.get(digest) {
            Some(bytes) => Ok(bytes.iter().copied().take(limit as usize).collect()),
            None => {
                Err(SourceError::NotFound { what: digest.to_string(), place: "memory".into(), hint: "none".into() })
            }
        };
        resolve(request, Verified::name(top.bytes.clone()), Some(&top.media_type), &fetch)
    }
}

fn amd64() -> Parts {
    image_of(&[tar_of(&[("a", b"1")]), tar_of(&[("b", b"2")])], "amd64")
}

fn arm64() -> Parts {
    image_of(&[tar_of(&[("a", b"arm")])], "arm64")
}

/// The refusal of a manifest that was changed so.
fn changed(parts: &Parts, change: impl FnOnce(&mut Value)) -> SourceError {
    let mut manifest: Value = serde_json::from_slice(&parts.manifest.bytes).unwrap();
    change(&mut manifest);
    let manifest = Blob::json(OCI_MANIFEST, &manifest);
    Blobs::of(parts.blobs()).resolve(&manifest, None).unwrap_err()
}

#[test]
fn a_manifest_becomes_an_image_with_layers_and_their_history() {
    let parts = amd64();
    let image = Blobs::of(parts.blobs()).resolve(&parts.manifest, None).unwrap();
    assert_eq!(image.digest, parts.manifest.digest());
    assert_eq!(image.index_digest, None);
    assert_eq!(image.manifest_bytes.as_deref().unwrap(), parts.manifest.bytes);
    assert_eq!(&*image.config_bytes, parts.config.bytes);
    for (index, layer) in image.layers.iter().enumerate() {
        assert_eq!(layer.blob, Some(parts.layers[index].digest()));
        assert_eq!(layer.diff_id, Digest::sha256(&parts.tars[index]));
        assert_eq!(layer.size, parts.layers[index].bytes.len() as u64);
        assert_eq!(layer.created_by.as_deref(), Some(&*format!("COPY layer {index}")), "empty layers are skipped");
    }
}

#[test]
fn a_history_that_does_not_fit_the_layers_says_nothing() {
    let mut parts = amd64();
    let mut config: Value = serde_json::from_slice(&parts.config.bytes).unwrap();
    config["history"].as_array_mut().unwrap().push(json!({ "created_by": "one too many" }));
    parts.config = Blob::json(&parts.config.media_type, &config);
    let mut manifest: Value = serde_json::from_slice(&parts.manifest.bytes).unwrap();
    manifest["config"] = parts.config.descriptor();
    parts.manifest = Blob::json(OCI_MANIFEST, &manifest);
    let image = Blobs::of(parts.blobs()).resolve(&parts.manifest, None).unwrap();
    assert!(image.layers.iter().all(|layer| layer.created_by.is_none()));
}

#[test]
fn an_index_gives_the_image_of_the_platform() {
    let (amd64, arm64) = (amd64(), arm64());
    let mut attestation = amd64.manifest.descriptor();
    attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    let index =
        index_of(&[attestation, arm64.manifest.descriptor_for("arm64"), amd64.manifest.descriptor_for("amd64")]);
    let blobs = Blobs::of(amd64.blobs().into_iter().chain(arm64.blobs()));
    for (platform, parts) in [("linux/amd64", &amd64), ("linux/arm64", &arm64), ("linux/arm64/v8", &arm64)] {
        let image = blobs.resolve(&index, Some(platform)).unwrap();
        assert_eq!(image.digest, parts.manifest.digest(), "{platform}");
        assert_eq!(image.index_digest, Some(index.digest()));
    }
    let error = blobs.resolve(&index, Some("linux/s390x")).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"app:1 has no image for linux/s390x; it has linux/amd64, linux/arm64; choose one with --platform");
}

#[test]
fn the_nearest_older_variant_of_a_platform_is_taken() {
    let parts = [amd64(), arm64()];
    let entry = |parts: &Parts, variant: &str| {
        let mut entry = parts.manifest.descriptor_for("arm");
        entry["platform"]["variant"] = json!(variant);
        entry
    };
    let index = index_of(&[entry(&parts[0], "v5"), entry(&parts[1], "v6")]);
    let blobs = Blobs::of(parts.iter().flat_map(Parts::blobs));
    assert_eq!(blobs.resolve(&index, Some("linux/arm/v7")).unwrap().digest, parts[1].manifest.digest());
    assert_eq!(blobs.resolve(&index, Some("linux/arm/v5")).unwrap().digest, parts[0].manifest.digest());
    assert!(matches!(blobs.resolve(&index, Some("linux/arm/v4")), Err(SourceError::Platform { .. })));
}

#[test]
fn an_image_for_one_platform_is_taken_unless_another_was_asked_for() {
    let parts = arm64();
    let blobs = Blobs::of(parts.blobs());
    assert!(blobs.resolve(&parts.manifest, None).is_ok());
    assert!(blobs.resolve(&parts.manifest, Some("linux/arm64")).is_ok());
    let error = blobs.resolve(&parts.manifest, Some("linux/amd64")).unwrap_err();
    assert!(matches!(error, SourceError::Platform { available, .. } if available == ["linux/arm64"]));
}

#[test]
fn entries_without_a_platform_are_looked_into() {
    let (amd64, arm64) = (amd64(), arm64());
    let index = index_of(&[amd64.manifest.descriptor(), arm64.manifest.descriptor()]);
    let blobs = Blobs::of(amd64.blobs().into_iter().chain(arm64.blobs()));
    assert_eq!(blobs.resolve(&index, Some("linux/arm64")).unwrap().digest, arm64.manifest.digest());
    assert!(matches!(blobs.resolve(&index, Some("linux/s390x")), Err(SourceError::Platform { .. })));
}

#[test]
fn an_index_in_an_index_is_followed_and_the_outer_one_is_named() {
    let parts = amd64();
    let inner = index_of(&[parts.manifest.descriptor_for("amd64")]);
    let outer = index_of(&[inner.descriptor()]);
    let blobs = Blobs::of(parts.blobs().into_iter().chain([&inner]));
    let image = blobs.resolve(&outer, Some("linux/amd64")).unwrap();
    assert_eq!((image.digest, image.index_digest), (parts.manifest.digest(), Some(outer.digest())));
}

#[test]
fn dockers_own_media_types_are_read() {
    let parts = amd64();
    let mut manifest: Value = serde_json::from_slice(&parts.manifest.bytes).unwrap();
    manifest["mediaType"] = json!("application/vnd.docker.distribution.manifest.v2+json");
    manifest["config"]["mediaType"] = json!("application/vnd.docker.container.image.v1+json");
    for layer in manifest["layers"].as_array_mut().unwrap() {
        layer["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar.gzip");
    }
    let manifest = Blob::json("application/vnd.docker.distribution.manifest.v2+json", &manifest);
    let mut list = index_of(&[manifest.descriptor_for("amd64")]);
    list.media_type = "application/vnd.docker.distribution.manifest.list.v2+json".into();
    list.bytes = String::from_utf8(list.bytes).unwrap().replace(OCI_INDEX, &list.media_type).into_bytes();
    let blobs = Blobs::of(parts.blobs().into_iter().chain([&manifest]));
    assert_eq!(blobs.resolve(&list, Some("linux/amd64")).unwrap().digest, manifest.digest());
}

#[test]
fn an_index_that_points_to_itself_is_refused_and_says_so() {
    // No honest index can hold its own digest; a registry that serves one under a digest that it holds lies.
    let lie = Digest::sha256(b"anything");
    let inner = index_of(&[json!({ "mediaType": OCI_INDEX, "digest": lie, "size": 1 })]);
    let outer = index_of(&[json!({ "mediaType": OCI_INDEX, "digest": lie, "size": inner.bytes.len() })]);
    let mut blobs = Blobs::default();
    blobs.0.insert(lie.clone(), inner.bytes);
    let error = blobs.resolve(&outer, None).unwrap_err();
    assert!(matches!(&error, SourceError::PointsToItself { digest, .. } if *digest == lie), "{error}");
    assert!(error.to_string().contains("points to itself"), "{error}");
}

#[test]
fn indexes_without_end_are_given_up() {
    let parts = amd64();
    let mut deep = vec![index_of(&[parts.manifest.descriptor()])];
    for _ in 0..10 {
        deep.push(index_of(&[deep[deep.len() - 1].descriptor()]));
    }
    let blobs = Blobs::of(parts.blobs().into_iter().chain(&deep));
    assert!(matches!(blobs.resolve(&deep[10], None), Err(SourceError::TooDeep { limit: 4, .. })));

    let wide: Vec<_> = (0..200)
        .map(|n| {
            Blob::json(
                OCI_INDEX,
                &json!({ "schemaVersion": 2, "manifests": [], "annotations": { "n": n.to_string() } }),
            )
        })
        .collect();
    let top = index_of(&wide.iter().map(Blob::descriptor).collect::<Vec<_>>());
    assert!(matches!(Blobs::of(&wide).resolve(&top, None), Err(SourceError::TooDeep { limit: 64, .. })));
}

#[test]
fn a_wrong_digest_or_size_is_refused() {
    let parts = amd64();
    for victim in [&parts.config, &parts.manifest] {
        let index = index_of(&[parts.manifest.descriptor_for("amd64")]);
        let mut blobs = Blobs::of(parts.blobs());
        let bytes = blobs.0.get_mut(&victim.digest()).unwrap();
        bytes[20] ^= 1;
        assert!(matches!(blobs.resolve(&index, Some("linux/amd64")), Err(SourceError::Digest(_))));
        let bytes = blobs.0.get_mut(&victim.digest()).unwrap();
        bytes.pop();
        assert!(matches!(blobs.resolve(&index, Some("linux/amd64")), Err(SourceError::Size { .. })));
    }
}

#[test]
fn documents_and_lists_have_bounds() {
    let parts = amd64();
    let huge = Blob::new(OCI_MANIFEST, [parts.manifest.bytes.clone(), vec![b' '; 4 << 20]].concat());
    assert!(matches!(Blobs::default().resolve(&huge, None), Err(SourceError::TooLarge { .. })));
    let error = changed(&parts, |manifest| manifest["config"]["size"] = json!(9 << 20));
    assert!(matches!(error, SourceError::TooLarge { .. }));
    let error = changed(&parts, |manifest| {
        let layer = manifest["layers"][0].clone();
        manifest["layers"] = json!(vec![layer; 1025]);
    });
    assert!(matches!(error, SourceError::TooMany { found: 1025, limit: 1024, .. }), "{error}");
}

#[test]
fn what_is_no_container_image_is_told_apart() {
    let parts = amd64();
    let kind = |error: SourceError| match error {
        SourceError::NotAnImage { kind, .. } => kind,
        other => panic!("{other}"),
    };
    // A Helm chart, a Sigstore bundle, a cosign signature in its old form, a BuildKit attestation.
    let chart = changed(&parts, |it| it["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json"));
    assert_eq!(kind(chart), "application/vnd.cncf.helm.config.v1+json");
    let bundle = changed(&parts, |it| {
        it["config"]["mediaType"] = json!("application/vnd.oci.empty.v1+json");
        it["artifactType"] = json!("application/vnd.dev.sigstore.bundle.v0.3+json");
    });
    assert_eq!(kind(bundle), "application/vnd.dev.sigstore.bundle.v0.3+json");
    for layer in ["application/vnd.dev.cosign.simplesigning.v1+json", "application/vnd.in-toto+json"] {
        assert_eq!(kind(changed(&parts, |it| it["layers"][0]["mediaType"] = json!(layer))), layer);
    }
}

#[test]
fn manifests_that_cannot_be_trusted_or_read_are_refused_with_the_reason() {
    let parts = amd64();
    let resolve = |media_type: &str, value: &Value| {
        Blobs::of(parts.blobs()).resolve(&Blob::json(media_type, value), None).unwrap_err().to_string()
    };
    let without_digest = |text: String| {
        let digests = text.split_inclusive(' ').map(|word| if word.starts_with("sha256:") { "DIGEST " } else { word });
        digests.collect::<String>()
    };
    let schema1 = json!({ "schemaVersion": 1, "name": "x", "fsLayers": [] });
    let both = json!({ "schemaVersion": 2, "manifests": [], "config": {}, "layers": [] });
    let refusals = [
        resolve("application/vnd.docker.distribution.manifest.v1+prettyjws", &schema1),
        resolve(OCI_INDEX, &both),
        resolve(OCI_INDEX, &serde_json::from_slice(&parts.manifest.bytes).unwrap()),
        resolve("application/json", &json!({ "schemaVersion": 2 })),
        resolve(OCI_INDEX, &json!({ "schemaVersion": 2, "manifests": [] })),
        changed(&parts, |it| it["layers"].as_array_mut().unwrap().truncate(1)).to_string(),
        changed(&parts, |it| it["layers"][0]["digest"] = json!("sha256:../../../etc/passwd")).to_string(),
        changed(&parts, |it| it["layers"][0]["digest"] = json!(format!("sha512:{}", "0".repeat(128)))).to_string(),
        changed(&parts, |it| {
            it["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+gzip+encrypted");
        })
        .to_string(),
        changed(&parts, |it| it["config"]["digest"] = json!(Digest::sha256(b"gone"))).to_string(),
    ];
    insta::assert_snapshot!(refusals.map(without_digest).join("\n").replace(&Platform::host().to_string(), "HOST"), @r#"
    manifest DIGEST of app:1: docker's image format of 2014 (manifest schema 1) names no config and cannot be verified; push the image again with any docker since 1.10
    manifest DIGEST of app:1 is malformed: it is an index and a manifest at once; the image must be built or pushed again
    manifest DIGEST of app:1 is malformed: it is called "application/vnd.oci.image.index.v1+json", but its content is that of the other kind; the image must be built or pushed again
    manifest DIGEST of app:1 is malformed: it lists neither manifests nor layers; the image must be built or pushed again
    app:1 has no image for HOST; it lists no image at all
    manifest DIGEST of app:1 is malformed: it lists 1 layers, but its config has 2 of them; the image must be built or pushed again
    manifest DIGEST of app:1 is malformed: Invalid encoded value ../../../etc/passwd at line 1 column 209; the image must be built or pushed again
    manifest DIGEST of app:1: a layer is named by sha512:00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000; only layers named by sha256 are read, as all tools write them
    layer DIGEST of manifest DIGEST of app:1: the layer is encrypted; decrypt the image first (skopeo copy --decryption-key)
    DIGEST was not found in memory; none
    "#);
}

#[test]
fn what_a_parser_repeats_cannot_reach_the_terminal() {
    let error = changed(&amd64(), |it| it["config"]["digest"] = json!("sha256:\u{1b}[31mred")).to_string();
    assert!(error.contains("[31mred") && !error.contains('\u{1b}'), "{error:?}");
}

#[test]
fn a_key_written_twice_is_refused() {
    let parts = amd64();
    let text = String::from_utf8(parts.manifest.bytes.clone()).unwrap();
    let twice = text.replacen('{', r#"{"layers":[],"#, 1);
    let error = Blobs::of(parts.blobs()).resolve(&Blob::new(OCI_MANIFEST, twice), None).unwrap_err();
    assert!(error.to_string().contains("duplicate"), "{error}");
}

#[test]
fn a_layer_is_what_the_image_says_or_is_refused() {
    let parts = amd64();
    let image = Blobs::of(parts.blobs()).resolve(&parts.manifest, None).unwrap();
    let walk = |bytes: &[u8]| made::see(bytes).unwrap().0;
    let (layer, honest) = (&image.layers[0], walk(&parts.layers[0].bytes));
    layer.check(&honest).unwrap();
    // The other layer's bytes, padding behind the stream, and a tar that the config does not know.
    assert!(matches!(layer.check(&walk(&parts.layers[1].bytes)), Err(LayerMismatch::Blob { .. })));
    let padded = walk(&[parts.layers[0].bytes.as_slice(), &[0]].concat());
    assert_eq!(padded.diff_id, honest.diff_id);
    assert!(matches!(layer.check(&padded), Err(LayerMismatch::Blob { .. })));
    let without_blob = Layer { blob: None, ..layer.clone() };
    assert!(matches!(without_blob.check(&padded), Err(LayerMismatch::Size { .. })));
    let other_tar = Layer { diff_id: Digest::sha256(b"other"), ..layer.clone() };
    assert!(matches!(other_tar.check(&honest), Err(LayerMismatch::DiffId { .. })));
}
