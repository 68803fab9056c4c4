//! Bytes that others ask to have signed, read far enough to show of what they speak.
//!
//! Known are cosign's statement in DSSE's pre-authentication encoding (secure-systems-lab/dsse, protocol.md), cosign's
//! older simple signing, and notation's JWS signing input (RFC 7515 section 5.1). Whatever else there is, is unknown and
//! treated like a bare digest: so is anything that is nearly one of these.
//!
//! Whatever a verifier of ours would take from the bytes is shown: repository and tag in our annotations, too, which
//! whoever asks may have put there. What cannot be shown whole is unknown.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

const IN_TOTO: &str = "application/vnd.in-toto+json";
const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
const NOTATION: &str = "application/vnd.cncf.notary.payload.v1+json";
const SIMPLE_SIGNING: &str = "cosign container image signature";

/// The annotations by which a signature is bound to a name (the `trust` room writes and reads them).
const REPOSITORY: &str = "dev.plimsoll.repository";
const TAG: &str = "dev.plimsoll.tag";

/// Longer texts are no names and would push the digest off the screen.
const LONGEST: usize = 512;

/// What bytes say of themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The image's digest, `sha256:…`.
    pub digest: String,
    /// The repository that the bytes name, where they name one.
    pub repository: Option<String>,
    /// The tag, where they name one.
    pub tag: Option<String>,
    /// What kind of signature it becomes, in words.
    pub format: String,
}

/// Reads bytes that are about to be signed.
pub fn read(bytes: &[u8]) -> Option<Known> {
    dsse(bytes).or_else(|| simple_signing(bytes)).or_else(|| notation(bytes))
}

/// `DSSEv1 LEN TYPE LEN BODY`.
fn dsse(bytes: &[u8]) -> Option<Known> {
    let rest = bytes.strip_prefix(b"DSSEv1 ")?;
    let (kind, rest) = counted(rest)?;
    let (body, rest) = counted(rest.strip_prefix(b" ")?)?;
    if kind != IN_TOTO.as_bytes() || !rest.is_empty() {
        return None;
    }
    let statement: Statement = serde_json::from_slice(body).ok()?;
    let [subject] = statement.subject.as_slice() else { return None };
    // A second digest would be that of another image, for whoever names images by that kind.
    let (Some(hex), 1) = (subject.digest.get("sha256"), subject.digest.len()) else { return None };
    let digest = sha256(&format!("sha256:{hex}"))?;
    let format = match statement.predicate_type.as_str() {
        COSIGN_SIGN => "Sigstore bundle".to_owned(),
        other => format!("statement of the kind {}", short(other)?),
    };
    let Named { repository, tag } = named(&subject.annotations)?;
    Some(Known { digest, repository, tag, format })
}

/// What our annotations name.
struct Named {
    repository: Option<String>,
    tag: Option<String>,
}

fn named(annotations: &Map<String, Value>) -> Option<Named> {
    let text = |name: &str| match annotations.get(name) {
        None => Some(None),
        Some(value) => Some(Some(short(value.as_str()?)?.to_owned())),
    };
    Some(Named { repository: text(REPOSITORY)?, tag: text(TAG)? })
}

/// A text that can be shown whole.
fn short(text: &str) -> Option<&str> {
    (text.len() <= LONGEST).then_some(text)
}

/// A length in decimal without leading zeros, a space, so many bytes; and what follows.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = bytes.iter().take(12).position(|byte| *byte == b' ')?;
    let digits = std::str::from_utf8(&bytes[..space]).ok()?;
    let length: usize = digits.parse().ok()?;
    if digits != length.to_string() {
        return None;
    }
    let rest = &bytes[space + 1..];
    (length <= rest.len()).then(|| rest.split_at(length))
}

fn simple_signing(bytes: &[u8]) -> Option<Known> {
    let SimpleSigning { critical, optional } = serde_json::from_slice(bytes).ok()?;
    if critical.kind != SIMPLE_SIGNING {
        return None;
    }
    let reference = critical.identity.reference.filter(|reference| !reference.is_empty());
    Some(Known {
        digest: sha256(&critical.image.digest)?,
        repository: reference.as_deref().map(|name| short(name).ok_or(())).transpose().ok()?.map(str::to_owned),
        tag: named(&optional.unwrap_or_default())?.tag,
        format: "cosign signature (older form)".into(),
    })
}

/// `BASE64URL(protected) . BASE64URL(payload)`.
fn notation(bytes: &[u8]) -> Option<Known> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (protected, payload) = text.split_once('.')?;
    let protected: Protected = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(protected).ok()?).ok()?;
    if protected.content_type != NOTATION {
        return None;
    }
    let payload: Notation = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let Named { repository, tag } = named(&payload.target.annotations)?;
    Some(Known { digest: sha256(&payload.target.digest)?, repository, tag, format: "notation signature".into() })
}

/// A digest as it has to be, and nothing else: it is what a person compares.
fn sha256(text: &str) -> Option<String> {
    let digits = text.strip_prefix("sha256:")?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == 64 && digits.bytes().all(is_digit)).then(|| text.to_owned())
}

#[derive(Deserialize)]
struct Statement {
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Deserialize)]
struct Subject {
    digest: BTreeMap<String, String>,
    #[serde(default)]
    annotations: Map<String, Value>,
}

#[derive(Deserialize)]
struct SimpleSigning {
    critical: Critical,
    optional: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

#[derive(Deserialize)]
struct Protected {
    #[serde(rename = "cty")]
    content_type: String,
}

#[derive(Deserialize)]
struct Notation {
    #[serde(rename = "targetArtifact")]
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    digest: String,
    #[serde(default)]
    annotations: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn encoded(kind: &str, body: &str) -> Vec<u8> {
        format!("DSSEv1 {} {kind} {} {body}", kind.len(), body.len()).into_bytes()
    }

    fn statement(predicate: &str) -> String {
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{HEX}"}},"annotations":{{}}}}],"predicateType":"{predicate}","predicate":{{}}}}"#
        )
    }

    #[test]
    fn what_cosign_and_notation_sign_is_read() {
        let bundle = read(&encoded(IN_TOTO, &statement(COSIGN_SIGN))).unwrap();
        assert_eq!((bundle.digest.as_str(), bundle.format.as_str()), (&*format!("sha256:{HEX}"), "Sigstore bundle"));
        let other = read(&encoded(IN_TOTO, &statement("https://slsa.dev/provenance/v1"))).unwrap();
        assert!(other.format.contains("slsa.dev"), "{}", other.format);
        let older = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"r.io/app"}},"image":{{"docker-manifest-digest":"sha256:{HEX}"}},"type":"{SIMPLE_SIGNING}"}},"optional":null}}"#
        );
        assert_eq!(read(older.as_bytes()).unwrap().repository.as_deref(), Some("r.io/app"));
        let header = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256","cty":"{NOTATION}"}}"#));
        let body = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"targetArtifact":{{"digest":"sha256:{HEX}"}}}}"#));
        assert_eq!(read(format!("{header}.{body}").as_bytes()).unwrap().format, "notation signature");
    }

    #[test]
    fn names_that_a_verifier_will_read_are_shown_wherever_they_stand() {
        let names = r#""annotations":{"dev.plimsoll.repository":"r.io/prod","dev.plimsoll.tag":"v9"}"#;
        let bundle = encoded(IN_TOTO, &statement(COSIGN_SIGN).replace("\"annotations\":{}", names));
        let older = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"r.io/prod"}},"image":{{"docker-manifest-digest":"sha256:{HEX}"}},"type":"{SIMPLE_SIGNING}"}},"optional":{{"dev.plimsoll.tag":"v9"}}}}"#
        );
        let header = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256","cty":"{NOTATION}"}}"#));
        let body =
            BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"targetArtifact":{{"digest":"sha256:{HEX}",{names}}}}}"#));
        for bytes in [bundle, older.into_bytes(), format!("{header}.{body}").into_bytes()] {
            let known = read(&bytes).unwrap();
            assert_eq!((known.repository.as_deref(), known.tag.as_deref()), (Some("r.io/prod"), Some("v9")));
        }
    }

    #[test]
    fn what_is_nearly_such_is_unknown() {
        let good = statement(COSIGN_SIGN);
        let mut more = encoded(IN_TOTO, &good);
        more.push(b'x');
        let two = good.replace("}],", &format!("}},{{\"digest\":{{\"sha256\":\"{HEX}\"}}}}],"));
        for bytes in [
            more,
            encoded("text/plain", &good),
            encoded(IN_TOTO, &two),
            encoded(IN_TOTO, &good.replace("\"sha256\":", "\"sha512\":\"00\",\"sha256\":")),
            encoded(IN_TOTO, &good.replace("\"annotations\":{}", "\"annotations\":{\"dev.plimsoll.tag\":7}")),
            encoded(IN_TOTO, &statement(&"https://example.com/".repeat(100))),
            encoded(IN_TOTO, &good.replace(HEX, "0123")),
            encoded(IN_TOTO, &good.replace(HEX, &HEX.to_uppercase())),
            String::from_utf8(encoded(IN_TOTO, &good)).unwrap().replace("v1 28", "v1 028").into_bytes(),
            b"DSSEv1 99999999999999999999 x".to_vec(),
            Vec::new(),
        ] {
            assert_eq!(read(&bytes), None, "{}", String::from_utf8_lossy(&bytes));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(read(&bytes), None);
        }
    }
}
