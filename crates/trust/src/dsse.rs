//! Signed envelopes (DSSE 1.0, secure-systems-lab/dsse).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use keys::{KeyError, Person, PublicKey, Signature, Signer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Signatures in one envelope that are looked at, at most.
pub const SIGNATURES: usize = 16;

/// A payload, what it is, and signatures over both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The signed bytes.
    pub payload: Base64,
    /// What the bytes are; signed together with them, so that they cannot be taken for something else.
    pub payload_type: String,
    /// The signatures.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature in an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    /// The signature as its algorithm writes it; for ECDSA ASN.1 DER.
    pub sig: Base64,
}

impl Envelope {
    /// Signs a payload.
    pub fn sign(
        payload_type: &str,
        payload: Vec<u8>,
        signer: &dyn Signer,
        person: &dyn Person,
    ) -> Result<Self, KeyError> {
        let signature = signer.sign_one(&pre_authentication_encoding(payload_type, &payload), person)?;
        Ok(Self::of(payload_type, payload, signature))
    }

    /// A payload and the signature over its [`pre_authentication_encoding`].
    pub fn of(payload_type: &str, payload: Vec<u8>, signature: Signature) -> Self {
        Self {
            payload: Base64(payload),
            payload_type: payload_type.to_owned(),
            signatures: vec![EnvelopeSignature { sig: Base64(signature.into_bytes()) }],
        }
    }

    /// The first of `keys` whose signature is in the envelope. Only then may the payload be looked at.
    pub fn signer<'a>(&self, keys: &'a [PublicKey]) -> Option<&'a PublicKey> {
        let message = pre_authentication_encoding(&self.payload_type, &self.payload.0);
        keys.iter().find(|key| {
            let schemes = key.algorithm().sigstore_schemes();
            let holds = |signature: &EnvelopeSignature| key.verify_any(schemes, &message, &signature.sig.0).is_ok();
            self.signatures.iter().take(SIGNATURES).any(holds)
        })
    }
}

/// What is signed: type and payload with their lengths before them, so that no byte can move from one into the other.
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

/// Bytes that are base64 in JSON. Written with padding; read with or without, as Go's protobuf does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes written as base64, with or without padding.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text.trim()).ok()
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64::prelude::BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        LENIENT.decode(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_specifications_example() {
        // secure-systems-lab/dsse, protocol.md, "Test vectors".
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
