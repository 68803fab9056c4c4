//! Chains of certificates (RFC 5280), for signing code and for timestamps.

use keys::PublicKey;
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::certificate::{Certificate, Version};
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage as Usage, KeyUsages};

use crate::error::short;

/// What a certificate must be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Signing images.
    CodeSigning,
    /// Saying when something was there.
    TimeStamping,
}

/// Most bytes of one certificate that are looked at.
const LIMIT: usize = 64 << 10;

// RFC 5280 section 4.2.1.12.
const ANY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const EMAIL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");

/// Where a chain ends.
#[derive(Clone, Debug)]
pub(crate) struct Anchored<'a> {
    /// The trusted certificate.
    pub(crate) certificate: &'a [u8],
    /// The keys of the certificates above the first one, up to the trusted one's. Empty where the first one is trusted
    /// itself.
    pub(crate) keys: Vec<PublicKey>,
}

/// The one of `anchors` that vouches for the first certificate of `chain` at a time: itself, or above it. An error in
/// words where none does.
pub(crate) fn anchor<'a>(
    chain: &[Vec<u8>],
    anchors: &'a [Vec<u8>],
    at: OffsetDateTime,
    purpose: Purpose,
) -> Result<Anchored<'a>, String> {
    let (leaf, rest) = chain.split_first().ok_or("there is no certificate")?;
    check_leaf(leaf, at, purpose)?;
    if let Some(own) = anchors.iter().find(|anchor| *anchor == leaf) {
        return Ok(Anchored { certificate: own, keys: Vec::new() });
    }
    let seconds = u64::try_from(at.unix_timestamp()).map_err(|_| "the time is before 1970".to_owned())?;
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let der = CertificateDer::from(leaf.as_slice());
    let leaf = EndEntityCert::try_from(&der).map_err(|error| format!("its certificate cannot be read: {error}"))?;
    let above: Vec<_> = rest.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let usage = match purpose {
        // id-kp-codeSigning and id-kp-timeStamping without tag and length, as webpki wants them.
        Purpose::CodeSigning => KeyUsage::required_if_present(&[0x2b, 6, 1, 5, 5, 7, 3, 3]),
        Purpose::TimeStamping => KeyUsage::required(&[0x2b, 6, 1, 5, 5, 7, 3, 8]),
    };
    let mut reason = "no certificate is trusted for that".to_owned();
    for trusted in anchors {
        let trusted_der = CertificateDer::from(trusted.as_slice());
        // A trusted certificate that is no authority vouches for itself alone.
        let (Ok(anchor), Some(most)) = (anchor_from_trusted_cert(&trusted_der), most_below(trusted)) else { continue };
        let anchors = [anchor];
        let found = leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &above, time, usage, None, None);
        match found {
            Ok(path) => {
                let between: Vec<_> = path.intermediate_certificates().map(|link| link.der().to_vec()).collect();
                match authorities(&between, trusted, most, at) {
                    Ok(keys) => return Ok(Anchored { certificate: trusted, keys }),
                    Err(error) => reason = error,
                }
            }
            Err(error) => {
                // webpki's own words for this one are those of a program.
                let told = match &error {
                    webpki::Error::RequiredEkuNotFoundContext(_) => "it is not made for that use".to_owned(),
                    other => short(other),
                };
                reason = format!("its certificate leads to none that is trusted ({told})");
            }
        }
    }
    Err(reason)
}

/// What webpki leaves to whoever configures it: key usages, and how long and how deep the trusted certificate itself
/// vouches. Gives the keys.
fn authorities(between: &[Vec<u8>], trusted: &[u8], most: usize, at: OffsetDateTime) -> Result<Vec<PublicKey>, String> {
    if between.len() > most {
        return Err("the trusted certificate allows fewer authorities below it".into());
    }
    let mut keys = Vec::new();
    for der in between.iter().map(Vec::as_slice).chain([trusted]) {
        let certificate = parsed(der)?;
        check_time(&certificate, at, "the certificate of an authority above it")?;
        let usage = certificate.tbs_certificate().get_extension::<Usage>().map_err(unreadable)?;
        if usage.is_some_and(|(_, usage)| !usage.0.contains(KeyUsages::KeyCertSign)) {
            return Err("an authority above its certificate has a key that is not for certificates".into());
        }
        keys.push(keys::certificate::key_of(der).map_err(|error| format!("an authority above it: {error}"))?);
    }
    Ok(keys)
}

fn parsed(der: &[u8]) -> Result<Certificate, String> {
    if der.len() > LIMIT {
        return Err(format!("a certificate is larger than {LIMIT} bytes"));
    }
    Certificate::from_der(der).map_err(|error| format!("a certificate cannot be read: {error}"))
}

/// How many authorities may stand between this one and a signer; none where it is no authority.
fn most_below(der: &[u8]) -> Option<usize> {
    let certificate = parsed(der).ok()?;
    let tbs = certificate.tbs_certificate();
    match tbs.get_extension::<BasicConstraints>().ok()? {
        Some((_, constraints)) => {
            constraints.ca.then(|| constraints.path_len_constraint.map_or(usize::MAX, usize::from))
        }
        // One of version 1 has no extensions and was put into the policy by somebody who means it. Of version 3 it would
        // be a signer's own (RFC 5280 section 4.2.1.9), who could else certify others.
        None => (tbs.version() != Version::V3).then_some(usize::MAX),
    }
}

fn unreadable(error: x509_cert::der::Error) -> String {
    format!("its certificate has an unreadable extension: {error}")
}

fn check_time(certificate: &Certificate, at: OffsetDateTime, what: &str) -> Result<(), String> {
    let validity = certificate.tbs_certificate().validity();
    let seconds = |time: &x509_cert::time::Time| time.to_unix_duration().as_secs();
    let now = u64::try_from(at.unix_timestamp()).unwrap_or(0);
    if now < seconds(&validity.not_before) || now > seconds(&validity.not_after) {
        return Err(format!("{what} was valid from {} to {} only", validity.not_before, validity.not_after));
    }
    Ok(())
}

/// What the specification wants of a signer's own certificate ("Certificate Requirements"; RFC 3161 section 2.3).
fn check_leaf(der: &[u8], at: OffsetDateTime, purpose: Purpose) -> Result<(), String> {
    let certificate = parsed(der)?;
    let tbs = certificate.tbs_certificate();
    check_time(&certificate, at, "its certificate")?;
    if let Some((_, constraints)) = tbs.get_extension::<BasicConstraints>().map_err(unreadable)?
        && constraints.ca
        && purpose == Purpose::CodeSigning
    {
        return Err("its certificate is an authority's, which must not sign images itself".into());
    }
    match tbs.get_extension::<Usage>().map_err(unreadable)? {
        Some((_, usage)) if usage.0.contains(KeyUsages::DigitalSignature) => {}
        None if purpose == Purpose::TimeStamping => {}
        _ => return Err("its certificate is not for signatures".into()),
    }
    let extended = tbs.get_extension::<ExtendedKeyUsage>().map_err(unreadable)?;
    match (purpose, extended) {
        (Purpose::CodeSigning, None) => Ok(()),
        (Purpose::CodeSigning, Some((_, usages))) => {
            let is_foreign =
                [ANY, SERVER_AUTH, EMAIL, TIME_STAMPING, OCSP].iter().any(|usage| usages.0.contains(usage));
            if usages.0.contains(&CODE_SIGNING) && !is_foreign {
                return Ok(());
            }
            Err("its certificate is not for signing code alone".into())
        }
        (Purpose::TimeStamping, Some((true, usages))) if usages.0 == [TIME_STAMPING] => Ok(()),
        (Purpose::TimeStamping, _) => Err("its certificate is not for timestamps alone".into()),
    }
}
