//! Who vouches for the card: roots that stand in for Yubico's, with keys that everybody has.
//!
//! Their private keys are in this file, so they prove nothing about any device. They are the same in each run, so that
//! a verifier can be configured with [`roots_pem`] before a card exists. Names of subjects follow Yubico's where a
//! verifier could look at them (the slot certificates and F9), and say `Virtual` and `Test` elsewhere.

use crate::algorithm::Algorithm;
use crate::apdu::Status;
use crate::certificate::{Certificate, Extension};
use crate::der;
use crate::firmware::Firmware;
use crate::key::PrivateKey;
use crate::rsa_key::RsaKey;

const OLD_ROOT: &str = "Virtual PIV Test Root CA";
const NEW_ROOT: &str = "Virtual Attestation Test Root 1";
const INTERMEDIATE: &str = "Virtual Attestation Test Intermediate B 1";
const PIV_INTERMEDIATE: &str = "Virtual PIV Attestation Test B 1";
/// The subject of F9, as Yubico's.
const DEVICE: &str = "Yubico PIV Attestation";

/// Primes of the older root.
const ROOT_PRIMES: [&str; 2] = [
    "f481a07c1d10b95d27cfa0e9602a2f84b0926606768d70e1c34c2799d75efb475f8e0ca1bf890fa8830710edad08f70bdf9a3e718cd8740197a785a044c8ac218953e3a11b8fe2a85a0b02ed8ac2bae9dddf765f7a83a5888688afbc8ac1015b2b5204a54737f928a8966780b7fff2b3434879d224e046fa2f7a1d8778f96273",
    "bfd9336e23c7c6bfc611afaa53a678840b6c2067d03d0c4cff836f2e7eb856f1333182d99db02fba5ccd161b428c3f054a882848342a5d43104d046a7fc03fbdbf9ca8e7f8d1eb9917f7cbbb03cf239dda32fb044c10fcf7d3d16a040b7e37836f03d67df34611e8c0941e1c8259c474001b3764024a50956b1a39f265ca30ad",
];

/// Primes of the attestation key of cards under the older root. Each real device has its own.
const DEVICE_PRIMES: [&str; 2] = [
    "d0867725cd99831fc9ae23a5c0c5e78d6e6270077b78282b40ced97a9b8b1c4ece2ba3ce6af316b6d9e91c451c2fafa046a94690f181137e91b351857a67a5c35880f2012752df09bd210c06d9062008391f17cc889bff807155ca240fda2b063ae7ed944fd617ca26930bc3f1c87d36120663e1937a06315dbcf94b28997dc7",
    "ca7740c0fcc734c96850b82801fc414ca24d955c0dcf2ff95ab15ef3dc2e70d5a2ffbd739a6b8d560f70c439dda0e7ce0b0c04dae76436467b16748c8efc0d48db7360c5fd750061790f395448f4c86ad3ec7d509ce9ad4ba524b6d73af6f89bc8a460138ea5f48b2281b21e706bf3242331ce52a81e3c3c6deba5bae720a773",
];

/// The roots, DER: the one of firmware before 5.7.4 (RSA 2048, as Yubico's of that time), and the one since (P-384;
/// what Yubico's newer chain is made of was not seen).
pub fn roots() -> Vec<Vec<u8>> {
    [old_root(), authority(1).and_then(|key| certify(NEW_ROOT, NEW_ROOT, &key, &key, 3))]
        .into_iter()
        .flatten()
        .collect()
}

/// The intermediates of firmware 5.7.4, DER. A real device does not hold them either: the vendor publishes them.
pub fn intermediates() -> Vec<Vec<u8>> {
    let chain = || -> Result<Vec<Vec<u8>>, Status> {
        let (root, upper, lower) = (authority(1)?, authority(2)?, authority(3)?);
        Ok(vec![
            certify(NEW_ROOT, INTERMEDIATE, &root, &upper, 2)?,
            certify(INTERMEDIATE, PIV_INTERMEDIATE, &upper, &lower, 1)?,
        ])
    };
    chain().unwrap_or_default()
}

/// [`roots`] as PEM.
pub fn roots_pem() -> String {
    roots().iter().map(|root| pem(root)).collect()
}

/// [`intermediates`] as PEM.
pub fn intermediates_pem() -> String {
    intermediates().iter().map(|intermediate| pem(intermediate)).collect()
}

/// One certificate as PEM (RFC 7468).
pub fn pem(certificate: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in certificate.chunks(48) {
        for group in line.chunks(3) {
            let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
            for place in 0..4 {
                let index = (bits >> (18 - 6 * place)) & 0x3f;
                text.push(if place > group.len() { '=' } else { char::from(ALPHABET[index as usize]) });
            }
        }
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

/// The attestation key that a card leaves the factory with, and its certificate.
pub(crate) fn device(firmware: Firmware) -> Result<(PrivateKey, Vec<u8>), Status> {
    if firmware.has_intermediates() {
        let (key, issuer) = (authority(4)?, authority(3)?);
        let certificate = certify(PIV_INTERMEDIATE, DEVICE, &issuer, &key, 0)?;
        return Ok((key, certificate));
    }
    let (root, key) = (rsa(ROOT_PRIMES)?, rsa(DEVICE_PRIMES)?);
    // Devices of generation 4 have a certificate here that does not say that it is an authority's, which is why
    // OpenSSL since 1.1.0 does not accept chains through it.
    let extensions = if firmware < Firmware::V5_2 { Vec::new() } else { vec![Extension::authority(0)] };
    let certificate = Certificate {
        serial: &[0x51],
        issuer: der::common_name(OLD_ROOT),
        subject: DEVICE,
        public: key.public_info(),
        extensions,
    };
    Ok((key.clone(), certificate.sign(&root)?))
}

fn old_root() -> Result<Vec<u8>, Status> {
    let key = rsa(ROOT_PRIMES)?;
    certify(OLD_ROOT, OLD_ROOT, &key, &key, 1)
}

/// An authority's certificate; `depth` is how many authorities may stand below it.
fn certify(issuer: &str, subject: &str, by: &PrivateKey, key: &PrivateKey, depth: u8) -> Result<Vec<u8>, Status> {
    let extensions = vec![Extension::authority(depth)];
    let issuer = der::common_name(issuer);
    Certificate { serial: &[0x50, depth], issuer, subject, public: key.public_info(), extensions }.sign(by)
}

/// The P-384 keys of the newer chain, by number.
fn authority(number: u8) -> Result<PrivateKey, Status> {
    PrivateKey::import(Algorithm::P384, &[(6, &[number; 48])])
}

fn rsa(primes: [&str; 2]) -> Result<PrivateKey, Status> {
    let [p, q] = primes.map(|prime| {
        let digits = prime.as_bytes().chunks(2);
        digits.filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect::<Vec<u8>>()
    });
    Ok(PrivateKey::Rsa(Algorithm::Rsa2048, RsaKey::from_primes(&p, &q)?))
}
