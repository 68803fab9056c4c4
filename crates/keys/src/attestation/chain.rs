//! From a key's certificate up to a vendor's root.

use std::time::SystemTime;

use super::link::Link;
use super::statement::Statement;
use super::{Attestation, AttestationError, Attested};

/// Yubico's longest chain has two between the device's certificate and the root.
const LONGEST: usize = 6;
/// More than a device and its maker have together.
const MOST: usize = 16;

pub(super) fn verify(
    attestation: &Attestation,
    roots: &[Vec<u8>],
    now: SystemTime,
) -> Result<Attested, AttestationError> {
    if roots.is_empty() {
        return Err(AttestationError::NoRoots);
    }
    if attestation.intermediates.len() > MOST {
        return Err(AttestationError::Bounds(format!("{} certificates", attestation.intermediates.len())));
    }
    let leaf = Link::read(&attestation.leaf, "the attestation's certificate")?;
    let statement = Statement::of(&leaf)?;
    let offered = all(&attestation.intermediates, "a certificate of the attestation")?;
    let trusted = all(roots, "a configured root")?;
    let root = climb(&leaf, &offered, &trusted, now)?;
    Ok(Attested {
        key: statement.key,
        serial: statement.serial,
        firmware: statement.firmware,
        touch: statement.touch,
        pin: statement.pin,
        slot: statement.slot,
        root: top(root, &trusted).name().to_owned(),
    })
}

/// The configured certificate that the chain ends in.
fn climb<'a>(
    leaf: &'a Link<'a>,
    offered: &'a [Link<'a>],
    trusted: &'a [Link<'a>],
    now: SystemTime,
) -> Result<&'a Link<'a>, AttestationError> {
    let mut at = leaf;
    at.check_time(now)?;
    for below in 0..LONGEST {
        if let Some(root) = trusted.iter().find(|root| at.is_issued_by(root)) {
            root.check_time(now)?;
            root.check_authority(below)?;
            return Ok(root);
        }
        let above = offered.iter().find(|link| link.der() != at.der() && at.is_issued_by(link));
        let above = above.ok_or_else(|| no_root(at))?;
        above.check_time(now)?;
        above.check_authority(below)?;
        at = above;
    }
    Err(no_root(at))
}

/// Vendors publish intermediates beside their root, and all of them may be configured: the name is the root's.
fn top<'a>(from: &'a Link<'a>, trusted: &'a [Link<'a>]) -> &'a Link<'a> {
    let mut at = from;
    for _ in 0..LONGEST {
        match trusted.iter().find(|root| !at.is_self_issued() && at.is_issued_by(root)) {
            Some(above) => at = above,
            None => break,
        }
    }
    at
}

fn no_root(at: &Link<'_>) -> AttestationError {
    AttestationError::NoRoot { which: at.name().to_owned(), issuer: at.issuer() }
}

fn all<'a>(certificates: &'a [Vec<u8>], what: &str) -> Result<Vec<Link<'a>>, AttestationError> {
    certificates.iter().map(|der| Link::read(der, what)).collect()
}
