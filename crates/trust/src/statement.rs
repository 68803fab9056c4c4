//! What is said of an image (in-toto attestation framework, statement v1).

use std::collections::BTreeMap;

use image::{Digest, Reference};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::short;

/// What an envelope's payload type must be.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The only predicate type that is a signature of an image.
pub const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
/// Still written by builders for provenance.
const STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";

/// Our annotations of the signed subject.
pub const REPOSITORY: &str = "dev.plimsoll.repository";
/// The tag under which it was signed.
pub const TAG: &str = "dev.plimsoll.tag";
/// When, as the signer's clock says (RFC 3339).
pub const SIGNED_AT: &str = "dev.plimsoll.signed-at";

/// Annotations are short; what is longer is not shown to anybody.
const LONGEST_ANNOTATION: usize = 512;

/// A statement about one or more things that are named by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<SubjectEntry>,
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SubjectEntry {
    #[serde(default)]
    digest: BTreeMap<String, String>,
    #[serde(default)]
    annotations: Map<String, Value>,
}

/// What a statement says of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The repository that the signer named.
    pub repository: Option<String>,
    /// The tag that the signer named.
    pub tag: Option<String>,
    /// When it was signed, as the signer said.
    pub signed_at: Option<OffsetDateTime>,
}

/// Why a statement is no signature of an image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotSaid {
    /// Not a statement.
    #[error("what is signed is no in-toto statement ({0})")]
    Malformed(String),
    /// A statement of another kind: provenance, an SBOM.
    #[error("it is no signature but a statement of type {0:?}")]
    Predicate(String),
    /// About another image.
    #[error("it was made for another image")]
    OtherImage,
    /// About the image in another repository.
    #[error("it was made for the image as {0:?}, and not for it here")]
    OtherRepository(String),
}

impl Statement {
    /// That `image` is signed, as what `reference` names.
    pub fn of_image(image: &Digest, reference: &Reference) -> Self {
        let mut annotations = Map::new();
        annotations.insert(REPOSITORY.to_owned(), reference.repository_name().into());
        if let Some(tag) = &reference.tag {
            annotations.insert(TAG.to_owned(), tag.clone().into());
        }
        let digest = BTreeMap::from([(image.algorithm().name().to_owned(), image.hex().to_owned())]);
        Self {
            kind: STATEMENT_V1.into(),
            subject: vec![SubjectEntry { digest, annotations }],
            predicate_type: COSIGN_SIGN.into(),
            predicate: Value::Object(Map::new()),
        }
    }

    /// Something else about an image than that it is signed.
    pub fn about(image: &Digest, predicate_type: &str, predicate: Value) -> Self {
        let digest = BTreeMap::from([(image.algorithm().name().to_owned(), image.hex().to_owned())]);
        Self {
            kind: STATEMENT_V1.into(),
            subject: vec![SubjectEntry { digest, annotations: Map::new() }],
            predicate_type: predicate_type.into(),
            predicate,
        }
    }

    /// Whether a payload is a statement about `image`, of whatever type (statement v1 or v0.1).
    pub fn is_about(payload: &[u8], image: &Digest) -> bool {
        let Ok(statement) = serde_json::from_slice::<Self>(payload) else { return false };
        let algorithm = image.algorithm().name();
        matches!(statement.kind.as_str(), STATEMENT_V1 | STATEMENT_V01)
            && statement.subject.iter().any(|entry| entry.digest.get(algorithm).is_some_and(|hex| hex == image.hex()))
    }

    /// Whether a payload is a statement of this type about `image`.
    pub(crate) fn states(payload: &[u8], image: &Digest, predicate_type: &str) -> bool {
        let Ok(statement) = serde_json::from_slice::<Self>(payload) else { return false };
        statement.predicate_type == predicate_type && Self::is_about(payload, image)
    }

    /// The same, with the time at which it is signed.
    #[must_use]
    pub fn signed_at(mut self, time: OffsetDateTime) -> Self {
        for entry in &mut self.subject {
            entry.annotations.insert(SIGNED_AT.to_owned(), rfc3339(time).into());
        }
        self
    }

    /// The bytes to sign.
    pub fn to_json(&self) -> Vec<u8> {
        // Maps with text for keys and values that came from JSON: there is nothing in it that could fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What a payload whose signature holds says of `image`.
    pub fn said_of(payload: &[u8], image: &Digest) -> Result<Said, NotSaid> {
        let statement: Self = serde_json::from_slice(payload).map_err(|error| NotSaid::Malformed(short(error)))?;
        if statement.kind != STATEMENT_V1 {
            return Err(NotSaid::Malformed(format!("its type is {:?}", short(&statement.kind))));
        }
        if statement.predicate_type != COSIGN_SIGN {
            return Err(NotSaid::Predicate(short(&statement.predicate_type)));
        }
        let algorithm = image.algorithm().name();
        let entry = statement
            .subject
            .iter()
            .find(|entry| entry.digest.get(algorithm).is_some_and(|hex| hex == image.hex()))
            .ok_or(NotSaid::OtherImage)?;
        Ok(Said {
            repository: annotation(&entry.annotations, REPOSITORY),
            tag: annotation(&entry.annotations, TAG),
            signed_at: time_of(&entry.annotations),
        })
    }
}

/// A signed annotation, where it is there and not absurdly long.
pub(crate) fn annotation(all: &Map<String, Value>, name: &str) -> Option<String> {
    let text = all.get(name)?.as_str()?;
    (text.len() <= LONGEST_ANNOTATION).then(|| text.to_owned())
}

/// When the signer says that it was signed.
pub(crate) fn time_of(annotations: &Map<String, Value>) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&annotation(annotations, SIGNED_AT)?, &Rfc3339).ok()
}

/// A time to the second, in UTC.
pub(crate) fn rfc3339(time: OffsetDateTime) -> String {
    let whole = time.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(time);
    whole.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(text: &str) -> Reference {
        text.parse().unwrap()
    }

    #[test]
    fn a_statement_is_written_as_cosign_writes_it_with_our_annotations_in_it() {
        let image = Digest::sha256(b"an image");
        let statement = Statement::of_image(&image, &reference("example.com/team/app:v1"));
        let expected = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{}"}},"annotations":{{"dev.plimsoll.repository":"example.com/team/app","dev.plimsoll.tag":"v1"}}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{{}}}}"#,
            image.hex()
        );
        assert_eq!(String::from_utf8(statement.to_json()).unwrap(), expected);
        let said = Statement::said_of(&statement.to_json(), &image).unwrap();
        assert_eq!(said.repository.as_deref(), Some("example.com/team/app"));
        assert_eq!(said.tag.as_deref(), Some("v1"));
    }

    #[test]
    fn what_is_no_signature_of_the_image_is_none() {
        let image = Digest::sha256(b"an image");
        let good = String::from_utf8(Statement::of_image(&image, &reference("example.com/app:v1")).to_json()).unwrap();
        assert!(Statement::said_of(good.as_bytes(), &image).is_ok());
        assert_eq!(Statement::said_of(good.as_bytes(), &Digest::sha256(b"other")), Err(NotSaid::OtherImage));
        let provenance = good.replace("https://sigstore.dev/cosign/sign/v1", "https://slsa.dev/provenance/v1");
        assert!(matches!(Statement::said_of(provenance.as_bytes(), &image), Err(NotSaid::Predicate(_))));
        for (from, to) in [
            ("Statement/v1", "Statement/v0.1"),
            ("\"subject\":[", "\"subject\":{\"x\":["),
            ("\"sha256\"", "7"),
            (image.hex(), "x"),
            ("\"sha256\"", "\"sha512\""),
            ("\"subject\"", "\"subjects\""),
            ("\"predicateType\"", "\"subject\":[],\"predicateType\""),
        ] {
            assert!(Statement::said_of(good.replacen(from, to, 1).as_bytes(), &image).is_err(), "{from} {to}");
        }
    }
}
