//! X.509 certificates (RFC 5280), as attestation writes them.

use p256::ecdsa::signature::Signer as _;
use sha2::{Digest, Sha256, Sha384};

use crate::apdu::Status;
use crate::der;
use crate::key::PrivateKey;

/// What a certificate says before it is signed.
pub(crate) struct Certificate<'a> {
    pub(crate) serial: &'a [u8],
    /// A name, DER.
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: &'a str,
    /// `SubjectPublicKeyInfo`.
    pub(crate) public: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
}

/// One extension: its object identifier and the bytes inside its octet string.
pub(crate) struct Extension {
    oid: Vec<u8>,
    critical: bool,
    value: Vec<u8>,
}

/// `YYMMDDHHMMSSZ`: the span that Yubico's own attestation certificates have.
const VALID: [&str; 2] = ["160314000000Z", "20520417000000Z"];

impl Extension {
    /// Below Yubico's arc for PIV, 1.3.6.1.4.1.41482.3, with the bytes as they are.
    pub(crate) fn yubico(number: u64, value: &[u8]) -> Self {
        Self { oid: der::oid(&[1, 3, 6, 1, 4, 1, 41482, 3, number]), critical: false, value: value.to_vec() }
    }

    /// An authority with at most so many authorities below it.
    pub(crate) fn authority(path_length: u8) -> Self {
        let value = der::sequence(&[der::element(1, &[0xff]), der::unsigned(&[path_length])].concat());
        Self { oid: der::oid(&[2, 5, 29, 19]), critical: true, value }
    }
}

impl Certificate<'_> {
    /// The DER of the whole.
    pub(crate) fn sign(&self, by: &PrivateKey) -> Result<Vec<u8>, Status> {
        let algorithm = der::sequence(&algorithm(by));
        let validity =
            der::sequence(&[der::element(0x17, VALID[0].as_bytes()), der::element(0x18, VALID[1].as_bytes())].concat());
        let extensions: Vec<u8> = self.extensions.iter().flat_map(Extension::to_der).collect();
        let body = der::sequence(
            &[
                der::element(0xa0, &der::unsigned(&[2])),
                der::unsigned(self.serial),
                algorithm.clone(),
                self.issuer.clone(),
                validity,
                der::common_name(self.subject),
                self.public.clone(),
                der::element(0xa3, &der::sequence(&extensions)),
            ]
            .concat(),
        );
        let signature = sign(by, &body)?;
        Ok(der::sequence(&[body, algorithm, der::bit_string(&signature)].concat()))
    }
}

impl Extension {
    fn to_der(&self) -> Vec<u8> {
        let critical = if self.critical { der::element(1, &[0xff]) } else { Vec::new() };
        der::sequence(&[self.oid.clone(), critical, der::octet_string(&self.value)].concat())
    }
}

/// The name of whom a certificate is for, DER: what an attestation names as its issuer.
pub(crate) fn subject(certificate: &[u8]) -> Option<Vec<u8>> {
    let (whole, _) = der::split(certificate)?;
    let (mut body, _) = der::split(whole.value)?;
    // Version, serial number, algorithm, issuer, validity; the version may be absent.
    let skipped = if der::split(body.value)?.0.tag == 0xa0 { 5 } else { 4 };
    for _ in 0..skipped {
        body.value = der::split(body.value)?.1;
    }
    let (subject, _) = der::split(body.value)?;
    Some(der::element(subject.tag, subject.value))
}

/// What stands for the signature's algorithm (RFC 5758, RFC 4055, RFC 8410).
fn algorithm(key: &PrivateKey) -> Vec<u8> {
    match key {
        PrivateKey::P256(_) => der::oid(&[1, 2, 840, 10045, 4, 3, 2]),
        PrivateKey::P384(_) => der::oid(&[1, 2, 840, 10045, 4, 3, 3]),
        PrivateKey::Ed25519(_) | PrivateKey::X25519(_) => der::oid(&[1, 3, 101, 112]),
        PrivateKey::Rsa(..) => [der::oid(&[1, 2, 840, 113_549, 1, 1, 11]), der::null()].concat(),
    }
}

fn sign(key: &PrivateKey, body: &[u8]) -> Result<Vec<u8>, Status> {
    match key {
        PrivateKey::P256(_) => key.sign(&Sha256::digest(body)),
        PrivateKey::P384(_) => key.sign(&Sha384::digest(body)),
        PrivateKey::Ed25519(key) => Ok(key.sign(body).to_bytes().to_vec()),
        PrivateKey::X25519(_) => Err(Status::WRONG_DATA),
        PrivateKey::Rsa(_, key) => key.sign_sha256(Sha256::digest(body).into()),
    }
}
