//! The envelope: a flattened JWS (RFC 7515 section 7.2.2).

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use keys::{Algorithm, Hash, PublicKey, Scheme, Signature};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{CERTIFICATES, LIMIT};
use crate::error::short;
use crate::statement::rfc3339;

const CONTENT_TYPE: &str = "application/vnd.cncf.notary.payload.v1+json";
const SCHEME: &str = "notary.x509";
const SCHEME_HEADER: &str = "io.cncf.notary.signingScheme";
const EXPIRY_HEADER: &str = "io.cncf.notary.expiry";

/// An envelope whose shape is right; whether its signature holds and whose it is remains to be seen.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// What was signed: the encoded header and payload.
    message: Vec<u8>,
    payload: Vec<u8>,
    header: Protected,
    algorithm: Jwa,
    signature: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    timestamp: Option<Vec<u8>>,
}

/// The algorithms of RFC 7518 that the specification allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jwa {
    Es256,
    Es384,
    Ps256,
    Ps384,
    Ps512,
}

#[derive(Serialize, Deserialize)]
struct Written {
    payload: String,
    protected: String,
    header: Unprotected,
    signature: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Protected {
    alg: String,
    #[serde(default)]
    crit: Vec<String>,
    cty: String,
    #[serde(rename = "io.cncf.notary.signingScheme")]
    scheme: String,
    #[serde(rename = "io.cncf.notary.signingTime")]
    signing_time: Option<String>,
    #[serde(rename = "io.cncf.notary.expiry", skip_serializing_if = "Option::is_none")]
    expiry: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Unprotected {
    x5c: Vec<String>,
    #[serde(rename = "io.cncf.notary.signingAgent", default, skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(rename = "io.cncf.notary.timestampSignature", default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
}

/// What is about to be signed.
#[derive(Clone, Debug)]
pub struct Unsigned {
    message: Vec<u8>,
    hash: Hash,
    certificates: Vec<Vec<u8>>,
}

impl Jwa {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            _ => return None,
        })
    }

    /// How a key of this algorithm signs so; nothing where it cannot.
    fn scheme(self, key: Algorithm) -> Option<Scheme> {
        match (self, key) {
            (Self::Es256, Algorithm::EcdsaP256) => Some(Scheme::Ecdsa(Hash::Sha256)),
            (Self::Es384, Algorithm::EcdsaP384) => Some(Scheme::Ecdsa(Hash::Sha384)),
            (Self::Ps256, Algorithm::Rsa { .. }) => Some(Scheme::RsaPss(Hash::Sha256)),
            (Self::Ps384, Algorithm::Rsa { .. }) => Some(Scheme::RsaPss(Hash::Sha384)),
            (Self::Ps512, Algorithm::Rsa { .. }) => Some(Scheme::RsaPss(Hash::Sha512)),
            _ => None,
        }
    }
}

impl Unsigned {
    /// `certificates` are the signer's own first.
    pub(super) fn new(
        payload: &[u8],
        algorithm: Algorithm,
        certificates: Vec<Vec<u8>>,
        now: OffsetDateTime,
    ) -> Result<Self, String> {
        let (alg, hash) = match algorithm {
            Algorithm::EcdsaP256 => ("ES256", Hash::Sha256),
            Algorithm::EcdsaP384 => ("ES384", Hash::Sha384),
            Algorithm::Ed25519 => {
                return Err("notation knows no Ed25519; sign with a key on P-256 or P-384, or in another format".into());
            }
            other @ Algorithm::Rsa { .. } => return Err(format!("nothing is signed with {other} here")),
        };
        if certificates.is_empty() {
            return Err("notation wants a certificate of the key, and there is none".into());
        }
        let header = Protected {
            alg: alg.into(),
            crit: vec![SCHEME_HEADER.into()],
            cty: CONTENT_TYPE.into(),
            scheme: SCHEME.into(),
            signing_time: Some(rfc3339(now)),
            expiry: None,
        };
        let header = serde_json::to_vec(&header).map_err(|error| error.to_string())?;
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        Ok(Self { message: format!("{}.{}", encode(&header), encode(payload)).into_bytes(), hash, certificates })
    }

    /// The bytes that the key signs.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The hash that it signs them with.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// What the manifest says of the certificates: SHA-256 over each, as a list in JSON.
    pub fn thumbprints(&self) -> String {
        let hex = |der: &Vec<u8>| image::Digest::sha256(der).hex().to_owned();
        serde_json::json!(self.certificates.iter().map(hex).collect::<Vec<_>>()).to_string()
    }

    /// The envelope, once it is signed.
    pub fn signed(&self, signature: &Signature) -> Result<Vec<u8>, String> {
        let fixed = signature.fixed().ok_or("the key gave something that is no signature")?;
        let text = String::from_utf8_lossy(&self.message);
        let (protected, payload) = text.split_once('.').ok_or("what was signed has no header")?;
        let written = Written {
            payload: payload.to_owned(),
            protected: protected.to_owned(),
            header: Unprotected {
                x5c: self.certificates.iter().map(|der| BASE64_STANDARD.encode(der)).collect(),
                agent: Some(concat!("plimsoll/", env!("CARGO_PKG_VERSION")).into()),
                timestamp: None,
            },
            signature: BASE64_URL_SAFE_NO_PAD.encode(fixed),
        };
        serde_json::to_vec(&written).map_err(|error| error.to_string())
    }
}

impl Envelope {
    /// Reads an envelope, and checks no signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > LIMIT {
            return Err(format!("is larger than {LIMIT} bytes"));
        }
        let written: Written =
            serde_json::from_slice(bytes).map_err(|error| format!("is no JWS of notation: {}", short(error)))?;
        let url = |name: &str, text: &str| {
            BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("has a {name} that is no base64url"))
        };
        let header = url("protected header", &written.protected)?;
        let header: Protected =
            serde_json::from_slice(&header).map_err(|error| format!("has a malformed header: {}", short(error)))?;
        let algorithm = Jwa::named(&header.alg)
            .ok_or_else(|| format!("is signed with {:?}, which is not read here", short(&header.alg)))?;
        header.check()?;
        if written.header.x5c.is_empty() || written.header.x5c.len() > CERTIFICATES {
            return Err(format!("has {} certificates", written.header.x5c.len()));
        }
        let standard = |name: &str, text: &str| {
            BASE64_STANDARD.decode(text).map_err(|_| format!("has a {name} that is no base64"))
        };
        let certificates =
            written.header.x5c.iter().map(|text| standard("certificate", text)).collect::<Result<_, _>>()?;
        let timestamp = written.header.timestamp.filter(|text| !text.is_empty());
        Ok(Self {
            payload: url("payload", &written.payload)?,
            signature: url("signature", &written.signature)?,
            message: format!("{}.{}", written.protected, written.payload).into_bytes(),
            timestamp: timestamp.map(|text| standard("timestamp", &text)).transpose()?,
            header,
            algorithm,
            certificates,
        })
    }

    /// The key of the first certificate, where the signature is by it. That key is nobody's yet.
    pub fn check_signature(&self) -> Result<PublicKey, String> {
        let certificate = self.certificates.first().ok_or("has no certificate")?;
        let key = keys::certificate::key_of(certificate).map_err(|error| format!("cannot be checked: {error}"))?;
        let scheme = self.algorithm.scheme(key.algorithm()).ok_or_else(|| {
            format!("says {}, and its certificate is for {}", short(&self.header.alg), key.algorithm())
        })?;
        let signature = match scheme {
            Scheme::Ecdsa(_) => der_of_fixed(&self.signature).ok_or("has a signature of a wrong length")?,
            _ => self.signature.clone(),
        };
        key.verify_with(scheme, &self.message, &signature)
            .map_err(|_| "does not hold for the key of its own certificate: it was changed, or made up".to_owned())?;
        Ok(key)
    }

    /// The signed bytes. Look at them when the signature was checked.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signature's bytes: what a timestamp is about.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The certificates, the signer's first.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// The token of a timestamping authority (RFC 3161), unchecked.
    pub fn timestamp(&self) -> Option<&[u8]> {
        self.timestamp.as_deref()
    }

    /// When the signer says that it was signed.
    pub fn signing_time(&self) -> Result<OffsetDateTime, String> {
        let text = self.header.signing_time.as_deref().ok_or("does not say when it was made")?;
        OffsetDateTime::parse(text, &Rfc3339).map_err(|_| format!("was made at {:?}, which is no time", short(text)))
    }

    /// Until when it is to be used, where the signer said so.
    pub fn expiry(&self) -> Result<Option<OffsetDateTime>, String> {
        let Some(text) = self.header.expiry.as_deref() else { return Ok(None) };
        let time = OffsetDateTime::parse(text, &Rfc3339);
        time.map(Some).map_err(|_| format!("ends at {:?}, which is no time", short(text)))
    }
}

/// An envelope with an authority's timestamp put into it, where no signature covers.
pub(super) fn with_timestamp(envelope: &[u8], token: &[u8]) -> Result<Vec<u8>, String> {
    let mut written: Written = serde_json::from_slice(envelope).map_err(short)?;
    written.header.timestamp = Some(BASE64_STANDARD.encode(token));
    serde_json::to_vec(&written).map_err(|error| error.to_string())
}

impl Protected {
    fn check(&self) -> Result<(), String> {
        if self.cty != CONTENT_TYPE {
            return Err(format!("signs something of type {:?}, which is no image", short(&self.cty)));
        }
        if self.scheme != SCHEME {
            return Err(format!("is of the scheme {:?}; only {SCHEME} is read here", short(&self.scheme)));
        }
        // RFC 7515 section 4.1.11: what is critical and not understood refuses the whole.
        let is_understood = |name: &&String| name.as_str() == SCHEME_HEADER || name.as_str() == EXPIRY_HEADER;
        if let Some(foreign) = self.crit.iter().find(|name| !is_understood(name)) {
            return Err(format!("wants {:?} to be understood, which is not", short(foreign)));
        }
        if !self.crit.iter().any(|name| name == SCHEME_HEADER) {
            return Err("does not mark its scheme as critical".into());
        }
        if self.expiry.is_some() != self.crit.iter().any(|name| name == EXPIRY_HEADER) {
            return Err("has an expiry that is not marked as critical, or the other way round".into());
        }
        Ok(())
    }
}

/// Two numbers of one width, one after the other (RFC 7518 section 3.4), as the ASN.1 that keys verify (RFC 3279 section
/// 2.2.3). Nothing where the width is no curve's.
fn der_of_fixed(fixed: &[u8]) -> Option<Vec<u8>> {
    if !matches!(fixed.len(), 64 | 96) {
        return None;
    }
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let mut body = Vec::with_capacity(fixed.len() + 8);
    for number in [r, s] {
        let digits = &number[number.iter().position(|byte| *byte != 0).unwrap_or(number.len() - 1)..];
        let is_high = digits.first().is_some_and(|byte| *byte >= 0x80);
        body.extend([0x02, digits.len() as u8 + u8::from(is_high)]);
        body.extend(is_high.then_some(0));
        body.extend_from_slice(digits);
    }
    // At most 2 × (2 + 49) bytes: the short form of a length.
    let mut der = vec![0x30, body.len() as u8];
    der.extend(body);
    Some(der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_signature_and_its_der_are_the_same_two_numbers() {
        let mut fixed = [0_u8; 64];
        fixed[31] = 1;
        fixed[32] = 0x80;
        let der = der_of_fixed(&fixed).unwrap();
        assert_eq!(der[..7], [0x30, 3 + 2 + 33, 0x02, 1, 1, 0x02, 33]);
        assert_eq!(Signature::new(Algorithm::EcdsaP256, der).fixed().unwrap(), fixed);
        assert_eq!(der_of_fixed(&[0; 65]), None);
        assert_eq!(der_of_fixed(&[]), None);
    }
}
