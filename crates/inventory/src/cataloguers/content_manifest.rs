//! The content manifests of Red Hat's images: which content sets, and so which repositories, an image's packages may have come from
//! (github.com/containerbuildsystem/atomic-reactor, "Image Content Manifest").
//!
//! Each image that is built on another adds a file of its own, and all of them count. What they list besides is left alone: packages of
//! languages are found where they are.

use serde::Deserialize;

use super::{Cataloguer, Member, Told, Wanted};

/// Reads which content sets an image is made of.
pub(super) struct ContentManifest;

/// Longest file that is read; it may list every package of the languages in the image.
const LONGEST: u64 = 64 << 20;

impl Cataloguer for ContentManifest {
    fn id(&self) -> &'static str {
        "content-manifest"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[Wanted::In("root/buildinfo/content_manifests"), Wanted::In("usr/share/buildinfo")]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        // Labels and Dockerfiles lie beside them.
        if member.name().rsplit_once('.').is_none_or(|(_, ending)| ending != "json") {
            return;
        }
        let bytes = match member.bytes(LONGEST) {
            Ok(bytes) => bytes,
            Err(error) => return told.warn(error),
        };
        match serde_json::from_slice::<Manifest>(&bytes) {
            Ok(manifest) => told.content_sets(manifest.content_sets.unwrap_or_default()),
            Err(error) => told.warn(format!("it is no content manifest: {error}")),
        }
    }
}

#[derive(Deserialize)]
struct Manifest {
    content_sets: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::record::Fact;

    fn told(name: &str, text: &str) -> (Vec<Fact>, Vec<String>) {
        let mut told = Told::default();
        let path = format!("root/buildinfo/content_manifests/{name}");
        ContentManifest.catalogue(&mut Member::new(&path, text.len() as u64, &mut Cursor::new(text)), &mut told);
        told.into_parts()
    }

    #[test]
    fn a_manifest_tells_its_content_sets() {
        let text = r#"{"metadata": {"icm_version": 1, "image_layer_index": 3}, "from_dnf_hint": true,
            "content_sets": ["rhel-8-for-x86_64-appstream-rpms", "rhel-8-for-x86_64-baseos-rpms", "rhel-8-for-x86_64-baseos-rpms"],
            "image_contents": [{"purl": "pkg:golang/a@1"}]}"#;
        let sets = ["rhel-8-for-x86_64-appstream-rpms", "rhel-8-for-x86_64-baseos-rpms"].map(str::to_owned);
        assert_eq!(told("ubi8-container-8.6-754.json", text), (vec![Fact::ContentSets(sets.to_vec())], vec![]));
        assert_eq!(told("labels.json", r#"{"name": "ubi8"}"#), (vec![], vec![]));
        assert_eq!(told("Dockerfile-ubi8", "FROM scratch"), (vec![], vec![]));
    }

    #[test]
    fn what_is_none_or_has_hostile_names_is_said() {
        assert_eq!(told("a.json", "[").1.len(), 1);
        assert_eq!(told("a.json", r#"{"content_sets": "x"}"#).1.len(), 1);
        assert_eq!(told("a.json", r#"{"content_sets": ["\u001b[31m"]}"#).0, []);
        let many: Vec<String> = (0..5000).map(|number| format!("set-{number}")).collect();
        let (facts, warnings) = told("a.json", &serde_json::json!({ "content_sets": many }).to_string());
        assert_eq!((facts.len(), warnings.len()), (0, 1));
    }
}
