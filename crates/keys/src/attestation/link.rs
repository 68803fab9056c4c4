//! One certificate of a chain.

use std::time::SystemTime;

use x509_cert::certificate::{Certificate, Version};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage};

use super::AttestationError;
use crate::piv::tlv::Tlv;
use crate::{Hash, PublicKey, Scheme};

/// Yubico's are below 2 KiB.
const LIMIT: usize = 16 << 10;
/// Real ones have five.
const MOST_EXTENSIONS: usize = 32;

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");

/// The subject of F9's certificate, which says nothing of being an authority in devices of generation 4.
const OLD_DEVICE: &str = "CN=Yubico PIV Attestation";

/// A certificate that was read and not yet verified.
pub(crate) struct Link<'a> {
    der: &'a [u8],
    /// What the signature is over: the bytes as they came, not as they would be written anew.
    signed: &'a [u8],
    certificate: Certificate,
    name: String,
}

impl<'a> Link<'a> {
    /// Reads DER; `what` names it until its subject is known.
    pub(crate) fn read(der: &'a [u8], what: &str) -> Result<Self, AttestationError> {
        let malformed = |reason: String| AttestationError::Malformed { which: what.to_owned(), reason };
        if der.len() > LIMIT {
            return Err(AttestationError::Bounds(format!("a certificate of {} bytes", der.len())));
        }
        let certificate = Certificate::from_der(der).map_err(|error| malformed(error.to_string()))?;
        let tbs = certificate.tbs_certificate();
        let extensions = tbs.extensions().map_or(&[][..], Vec::as_slice);
        if extensions.len() > MOST_EXTENSIONS {
            return Err(malformed(format!("it has {} extensions", extensions.len())));
        }
        // RFC 5280 section 4.2: each at most once. Else two readers could read two things.
        for (place, extension) in extensions.iter().enumerate() {
            if extensions[..place].iter().any(|other| other.extn_id == extension.extn_id) {
                return Err(malformed(format!("it has extension {} twice", extension.extn_id)));
            }
        }
        if tbs.version() != Version::V3 && !extensions.is_empty() {
            return Err(malformed("it has extensions without being of version 3".to_owned()));
        }
        if tbs.signature() != certificate.signature_algorithm() {
            return Err(malformed("it names two algorithms for one signature".to_owned()));
        }
        let signed = signed_part(der).ok_or_else(|| malformed("it has no part that is signed".to_owned()))?;
        let name = printable(&tbs.subject().to_string());
        Ok(Self { der, signed, certificate, name })
    }

    /// The subject, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn der(&self) -> &[u8] {
        self.der
    }

    pub(crate) fn issuer(&self) -> String {
        printable(&self.certificate.tbs_certificate().issuer().to_string())
    }

    pub(crate) fn is_self_issued(&self) -> bool {
        let tbs = self.certificate.tbs_certificate();
        tbs.issuer() == tbs.subject()
    }

    pub(crate) fn key(&self) -> Result<PublicKey, AttestationError> {
        let wrong = |reason: String| AttestationError::Malformed { which: self.name.clone(), reason };
        let info = self.certificate.tbs_certificate().subject_public_key_info();
        let der = info.to_der().map_err(|error| wrong(error.to_string()))?;
        PublicKey::from_der(&der).map_err(|error| wrong(error.to_string()))
    }

    /// The bytes of an extension.
    pub(crate) fn extension(&self, id: ObjectIdentifier) -> Option<&[u8]> {
        self.extensions().iter().find(|extension| extension.extn_id == id).map(|found| found.extn_value.as_bytes())
    }

    pub(crate) fn check_time(&self, now: SystemTime) -> Result<(), AttestationError> {
        let validity = self.certificate.tbs_certificate().validity();
        if (validity.not_before.to_system_time()..=validity.not_after.to_system_time()).contains(&now) {
            return Ok(());
        }
        let reason = format!("from {} to {}", validity.not_before, validity.not_after);
        Err(AttestationError::Time { which: self.name.clone(), reason })
    }

    /// Whether `issuer` signed this one.
    pub(crate) fn is_issued_by(&self, issuer: &Link<'_>) -> bool {
        let names = self.certificate.tbs_certificate().issuer() == issuer.certificate.tbs_certificate().subject();
        let (Some(scheme), true) = (self.scheme(), names) else { return false };
        let Some(signature) = self.certificate.signature().as_bytes() else { return false };
        issuer.key().is_ok_and(|key| key.verify_with(scheme, self.signed, signature).is_ok())
    }

    /// Whether this one may stand above others, `below` of which are authorities themselves.
    ///
    /// The device's own certificate may lack basicConstraints: those of generation 4 do. Nothing else may. A certificate
    /// about a key that its owner signs with is never one: neither that of a slot, nor that of a key in the same device's
    /// OpenPGP application, which leads to the same root since firmware 5.7.4. Whoever has a device could else sign such
    /// statements with an attested key of their own.
    pub(crate) fn check_authority(&self, below: usize) -> Result<(), AttestationError> {
        let refused = |reason| Err(AttestationError::NoAuthority { which: self.name.clone(), reason });
        if super::statement::is_about_a_key(self) {
            return refused("it is itself about a key in a slot");
        }
        let known = [BASIC_CONSTRAINTS, KEY_USAGE];
        if self.extensions().iter().any(|extension| extension.critical && !known.contains(&extension.extn_id)) {
            return refused("it has a critical extension that is unknown here");
        }
        match self.parsed::<BasicConstraints>(BASIC_CONSTRAINTS)? {
            Some(BasicConstraints { ca: false, .. }) => return refused("it says that it is no authority"),
            Some(BasicConstraints { path_len_constraint: Some(most), .. }) if usize::from(most) < below => {
                return refused("it allows fewer authorities below it");
            }
            None if below > 0 || self.name != OLD_DEVICE => {
                return refused("it does not say that it is an authority");
            }
            _ => {}
        }
        match self.parsed::<KeyUsage>(KEY_USAGE)? {
            Some(usage) if !usage.key_cert_sign() => refused("its key is not for certificates"),
            _ => Ok(()),
        }
    }

    fn parsed<'b, T: x509_cert::der::Decode<'b, Error = x509_cert::der::Error>>(
        &'b self,
        id: ObjectIdentifier,
    ) -> Result<Option<T>, AttestationError> {
        let malformed = |error: x509_cert::der::Error| AttestationError::Malformed {
            which: self.name.clone(),
            reason: format!("extension {id}: {error}"),
        };
        self.extension(id).map(T::from_der).transpose().map_err(malformed)
    }

    fn extensions(&self) -> &[Extension] {
        self.certificate.tbs_certificate().extensions().map_or(&[], Vec::as_slice)
    }

    /// RFC 8017 appendix A.2.4, RFC 5758 section 3.2, RFC 8410 section 3. No SHA-1.
    fn scheme(&self) -> Option<Scheme> {
        Some(match self.certificate.signature_algorithm().oid.to_string().as_str() {
            "1.2.840.113549.1.1.11" => Scheme::RsaPkcs1(Hash::Sha256),
            "1.2.840.113549.1.1.12" => Scheme::RsaPkcs1(Hash::Sha384),
            "1.2.840.113549.1.1.13" => Scheme::RsaPkcs1(Hash::Sha512),
            "1.2.840.10045.4.3.2" => Scheme::Ecdsa(Hash::Sha256),
            "1.2.840.10045.4.3.3" => Scheme::Ecdsa(Hash::Sha384),
            "1.3.101.112" => Scheme::Ed25519,
            _ => return None,
        })
    }
}

/// The first field of the certificate's sequence, with its tag and length.
fn signed_part(der: &[u8]) -> Option<&[u8]> {
    let (outer, _) = Tlv::read(der).ok()?;
    let (_, rest) = Tlv::read(outer.value).ok()?;
    outer.value.get(..outer.value.len() - rest.len())
}

/// Names in certificates are other people's.
fn printable(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(120).collect()
}
