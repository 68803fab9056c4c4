//! The payload of cosign's signatures before version 3: "simple signing" (containers/image, `atomic-signature.md`).

use image::{Digest, Reference};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::error::short;
use crate::statement::{NotSaid, SIGNED_AT, Said, TAG, annotation, rfc3339};

/// What a layer with such a payload is.
pub const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation of that layer that holds the signature, as base64.
pub const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The type that cosign writes, and the one that says that it is a signature.
const TYPE: &str = "cosign container image signature";

/// Most bytes of a payload that are read; cosign's have some 250.
pub const LIMIT: u64 = 64 << 10;

#[derive(Serialize, Deserialize)]
struct Payload {
    critical: Critical,
    optional: Option<Map<String, Value>>,
}

#[derive(Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// The bytes to sign: that `image` is signed, as what `reference` names.
pub fn payload(image: &Digest, reference: &Reference, now: OffsetDateTime) -> Vec<u8> {
    let mut optional = Map::new();
    if let Some(tag) = &reference.tag {
        optional.insert(TAG.to_owned(), tag.clone().into());
    }
    optional.insert(SIGNED_AT.to_owned(), rfc3339(now).into());
    let payload = Payload {
        critical: Critical {
            identity: Identity { docker_reference: reference.repository_name() },
            image: Image { docker_manifest_digest: image.to_string() },
            kind: TYPE.to_owned(),
        },
        optional: Some(optional),
    };
    // Texts alone: there is nothing in it that could fail.
    serde_json::to_vec(&payload).unwrap_or_default()
}

/// What a payload whose signature holds says of `image` in `repository`. cosign leaves the check of the name to whoever
/// reads it; a signature that was made for another repository is none here, since the payload binds it.
pub fn said_of(payload: &[u8], image: &Digest, repository: Option<&str>) -> Result<Said, NotSaid> {
    let malformed = |reason: String| NotSaid::Malformed(reason);
    if payload.len() as u64 > LIMIT {
        return Err(malformed(format!("it is larger than {LIMIT} bytes")));
    }
    let Payload { critical, optional } = serde_json::from_slice(payload).map_err(|error| malformed(short(error)))?;
    if critical.kind != TYPE {
        return Err(NotSaid::Predicate(short(&critical.kind)));
    }
    if critical.image.docker_manifest_digest != image.as_str() {
        return Err(NotSaid::OtherImage);
    }
    let named = critical.identity.docker_reference;
    let (signed, tag) = parted(&named);
    // cosign writes `index.docker.io/library/debian` where docker says `debian`.
    let whole = signed.parse::<Reference>().map_or_else(|_| short(signed), |name| name.repository_name());
    if repository.is_some_and(|repository| whole != repository) {
        return Err(NotSaid::OtherRepository(short(&named)));
    }
    let optional = optional.unwrap_or_default();
    Ok(Said {
        repository: Some(whole),
        tag: annotation(&optional, TAG).or(tag),
        signed_at: crate::statement::time_of(&optional),
    })
}

/// Repository and tag of a name; cosign's names have no tag unless somebody asked for one.
fn parted(named: &str) -> (&str, Option<String>) {
    let from = named.rfind('/').map_or(0, |slash| slash + 1);
    match named[from..].find([':', '@']) {
        Some(at) if named.as_bytes()[from + at] == b':' => {
            (&named[..from + at], Some(named[from + at + 1..].chars().take(128).collect()))
        }
        Some(at) => (&named[..from + at], None),
        None => (named, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = time::macros::datetime!(2026-11-25 12:00 UTC);

    fn text() -> (Digest, String) {
        let image = Digest::sha256(b"an image");
        let payload = payload(&image, &"example.com:5000/team/app:v1".parse().unwrap(), NOW);
        (image, String::from_utf8(payload).unwrap())
    }

    #[test]
    fn the_payload_has_the_fields_and_order_of_cosigns() {
        let (image, text) = text();
        assert_eq!(
            text,
            format!(
                r#"{{"critical":{{"identity":{{"docker-reference":"example.com:5000/team/app"}},"image":{{"docker-manifest-digest":"{image}"}},"type":"cosign container image signature"}},"optional":{{"dev.plimsoll.signed-at":"2026-11-25T12:00:00Z","dev.plimsoll.tag":"v1"}}}}"#
            )
        );
    }

    #[test]
    fn what_it_says_is_read_back_and_holds_for_its_repository_alone() {
        let (image, text) = text();
        let said = said_of(text.as_bytes(), &image, Some("example.com:5000/team/app")).unwrap();
        assert_eq!(said.repository.as_deref(), Some("example.com:5000/team/app"));
        assert_eq!((said.tag.as_deref(), said.signed_at), (Some("v1"), Some(NOW)));
        let other = said_of(text.as_bytes(), &image, Some("example.com:5000/team/other"));
        assert!(matches!(other, Err(NotSaid::OtherRepository(_))), "{other:?}");
        assert_eq!(said_of(text.as_bytes(), &Digest::sha256(b"x"), None), Err(NotSaid::OtherImage));
        let atomic = text.replace("cosign container image signature", "atomic container signature");
        assert!(matches!(said_of(atomic.as_bytes(), &image, None), Err(NotSaid::Predicate(_))));
    }

    #[test]
    fn a_name_is_parted_at_its_tag_and_not_at_its_port() {
        assert_eq!(parted("localhost:5000/app"), ("localhost:5000/app", None));
        assert_eq!(parted("localhost:5000/app:v1"), ("localhost:5000/app", Some("v1".into())));
        assert_eq!(parted("example.com/app@sha256:00"), ("example.com/app", None));
        assert_eq!(parted(""), ("", None));
    }
}
