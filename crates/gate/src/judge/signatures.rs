//! Is it signed by enough of the signers that a rule demands, in the way that it demands?

use std::fmt::Write as _;

use image::Digest;
use keys::{Attestation, PublicKey, TouchPolicy};
use trust::{Format, Signature};

use super::{Facts, Requirement, count, plain};
use crate::{Bind, Hardware, Signers, normalise};

/// Most signatures that are named among the details.
const MOST_NAMED: usize = 8;

pub(super) fn judge(signers: &Signers, facts: &Facts<'_>) -> Requirement {
    let wanted = signers.wanted();
    let unmet = |found: String, details: Vec<String>, mend: String| Requirement {
        wanted: wanted.clone(),
        met: false,
        found,
        details,
        mend: Some(mend),
    };
    let image = facts.image();
    let signatures = match &facts.signatures {
        None => {
            return unmet(
                "nobody looked for signatures".into(),
                vec![],
                format!("look with `plimsoll verify {image}`"),
            );
        }
        Some(Err(error)) => {
            return unmet(
                format!("its signatures could not be read: {}", plain(error)),
                vec![],
                format!("see whether the registry answers with `plimsoll verify {image}`"),
            );
        }
        Some(Ok(signatures)) => signatures,
    };
    // Counted by the rule's own signers: one who signed twice, or one whom the rule does not name, adds nothing.
    // A key is one signer, however many certificates it has.
    let mut by: Vec<(Signer<'_>, &PublicKey)> = Vec::new();
    let mut short: Vec<String> = Vec::new();
    let mut revoked = 0;
    for signature in signatures {
        let Some(signer) = Signer::of(signature, signers) else { continue };
        match lacks(signature, signers, facts) {
            None if by.iter().any(|(_, key)| **key == signature.key) => {}
            None => by.push((signer, &signature.key)),
            Some(reason) => {
                revoked += usize::from(facts.revoked(signature).is_some());
                short.push(format!("{}: {reason}", plain(signer.name())));
            }
        }
    }
    if by.len() >= signers.threshold {
        let names: Vec<String> = by.iter().map(|(signer, _)| plain(signer.name())).collect();
        return Requirement {
            wanted,
            met: true,
            found: format!("signed by {}", names.join(", ")),
            details: vec![],
            mend: None,
        };
    }
    let names = by.iter().map(|(signer, _)| plain(signer.name())).collect::<Vec<_>>().join(", ");
    let found = match (by.len(), short.is_empty()) {
        (0, true) if signers.certificates.is_empty() => "it has no valid signature by such a key".to_owned(),
        (0, true) => "it has no valid signature by such a signer".to_owned(),
        (0, false) => "its signatures are not of the wanted kind".to_owned(),
        (some, _) => format!("only {some} of {} signed: {names}", signers.threshold),
    };
    let lacking = short.len();
    short.dedup();
    short.truncate(MOST_NAMED);
    unmet(found, short, mend(signers, facts, revoked > 0 && revoked == lacking))
}

/// What would make it signed as it is wanted: a command that does so, where one can.
fn mend(signers: &Signers, facts: &Facts<'_>, all_revoked: bool) -> String {
    if facts.revokes_image().is_some() {
        return "use another image: this one is revoked, whoever signs it".to_owned();
    }
    if signers.bind == Bind::Tag && facts.tag.is_none() {
        return "ask for it by the tag that was signed".to_owned();
    }
    let with = match (&signers.hardware, all_revoked) {
        (_, true) => "with a key that is not revoked, ",
        (Some(_), false) => "with a key on a device, ",
        (None, false) => "",
    };
    // Of what counts, the first that is made by itself; certificates alone count in notation's signatures only.
    let counts = |format: Format| signers.formats.is_empty() || signers.formats.contains(&format);
    let format = match &signers.formats[..] {
        _ if signers.keys.is_empty() && counts(Format::Notation) => Format::Notation,
        [first, ..] if !counts(Format::default()) => *first,
        _ => Format::default(),
    };
    let format = if format == Format::default() { String::new() } else { format!("--format {format} ") };
    format!("sign it {with}with `plimsoll sign {format}{}`", facts.to_sign())
}

/// Who signed, as the rule knows them.
#[derive(Clone, Copy)]
enum Signer<'a> {
    /// A key that the rule names.
    Key(&'a str),
    /// The holder of a key that an authority certified.
    Certified(&'a str),
}

impl<'a> Signer<'a> {
    fn of(signature: &'a Signature, signers: &'a Signers) -> Option<Self> {
        if let Some(trusted) = signers.keys.iter().find(|trusted| trusted.key == signature.key) {
            return Some(Self::Key(&trusted.name));
        }
        let authority = signature.authority.as_deref()?;
        let trusted = signers.certificates.iter().find(|trusted| trusted.der == authority)?;
        Some(Self::Certified(&trusted.name))
    }

    fn name(&self) -> &'a str {
        match self {
            Self::Key(name) | Self::Certified(name) => name,
        }
    }
}

/// What a signature by one of the signers lacks, where it does.
fn lacks(signature: &Signature, signers: &Signers, facts: &Facts<'_>) -> Option<String> {
    if !signers.formats.is_empty() && !signers.formats.contains(&signature.format) {
        return Some(format!("the signature is a {}", noun(signature.format)));
    }
    if let Some(reason) = bound(signature, signers.bind, facts) {
        return Some(reason);
    }
    if let Some(age) = signers.not_older_than {
        match signature.signed_at {
            None => return Some("the signature does not say when it was made".into()),
            Some(made) if facts.now - made > age.duration() => {
                return Some(format!("the signature is older than {age}: it was made on {}", made.date()));
            }
            // A signer's clock may be a little ahead; a date far ahead would stay young for ever.
            Some(made) if made - facts.now > time::Duration::minutes(10) => {
                return Some(format!("the signature says that it was made in the future, on {}", made.date()));
            }
            Some(_) => {}
        }
    }
    // Who says when it was signed is each demand's own choice.
    let outlives = |authority: &Vec<u8>| signers.timestamps.iter().any(|believed| believed.der == *authority);
    if !signature.outlived_by.is_empty() && !signature.outlived_by.iter().any(outlives) {
        return Some(
            "the signer's certificate has ended, and no authority that is believed says when it was signed".into(),
        );
    }
    if let Some(revoked) = facts.revoked(signature) {
        return Some(revoked);
    }
    signers.hardware.as_ref().and_then(|hardware| attested(signature, hardware, facts))
}

fn bound(signature: &Signature, bind: Bind, facts: &Facts<'_>) -> Option<String> {
    if bind == Bind::Digest {
        return None;
    }
    match &signature.repository {
        None => return Some("the signature names no repository".into()),
        Some(signed) if normalise(signed) != normalise(facts.repository) => {
            return Some(format!("the signature is for {}", plain(signed)));
        }
        Some(_) => {}
    }
    if bind == Bind::Repository {
        return None;
    }
    match (&signature.tag, facts.tag) {
        (None, _) => Some("the signature names no tag".into()),
        (Some(_), None) => Some("the image was asked for by digest, and the rule wants its tag signed".into()),
        (Some(signed), Some(asked)) if signed != asked => {
            Some(format!("the signature is for the tag {}", plain(signed)))
        }
        (Some(_), Some(_)) => None,
    }
}

/// What no attestation of the signer's key proves.
fn attested(signature: &Signature, hardware: &Hardware, facts: &Facts<'_>) -> Option<String> {
    let mut reason = "nothing attests that the key was made inside a device".to_owned();
    for attestation in &signature.attestations {
        match unproved(attestation, signature, hardware, facts) {
            None => return None,
            Some(other) => reason = other,
        }
    }
    Some(reason)
}

/// What one attestation does not prove.
fn unproved(
    attestation: &Attestation,
    signature: &Signature,
    hardware: &Hardware,
    facts: &Facts<'_>,
) -> Option<String> {
    let roots: Vec<Vec<u8>> = hardware.roots.iter().map(|root| root.der.clone()).collect();
    let proved = match keys::attestation::verify(attestation, &roots, facts.now.into()) {
        Ok(proved) => proved,
        Err(error) => return Some(format!("the attestation of the key does not hold: {}", plain(&error.to_string()))),
    };
    if proved.key != signature.key {
        return Some("the attestation is of another key".into());
    }
    if proved.touch < hardware.touch {
        return Some(format!("the key asks for a touch {}", often(proved.touch)));
    }
    match hardware.firmware {
        Some(least) if proved.firmware < least => {
            Some(format!("the device's firmware is {}, below {least}", proved.firmware))
        }
        _ => None,
    }
}

fn often(touch: TouchPolicy) -> &'static str {
    match touch {
        TouchPolicy::Never => "never",
        TouchPolicy::Cached => "once in 15 s (cached) and not always",
        TouchPolicy::Always => "always",
    }
}

fn noun(format: Format) -> &'static str {
    match format {
        Format::Bundle => "Sigstore bundle",
        Format::CosignTag => "signature under cosign's older tag",
        Format::Notation => "notation signature",
    }
}

impl Signers {
    /// The demand as a noun phrase: `a signature by release.pub`, `2 signatures by a.pub and b.pub, with a key made
    /// inside a device`.
    pub fn wanted(&self) -> String {
        wanted(self)
    }
}

fn wanted(signers: &Signers) -> String {
    let mut names: Vec<String> = signers.keys.iter().map(|trusted| plain(&trusted.name)).collect();
    for certificate in &signers.certificates {
        let name = format!("a holder of {}", plain(&certificate.name));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut text = match (&names[..], signers.threshold, &signers.team) {
        (_, 1, Some(team)) => format!("a signature by the team {}", plain(team)),
        (_, some, Some(team)) => {
            format!("{} by different members of the team {}", count(some, "signature"), plain(team))
        }
        ([only], 1, None) => format!("a signature by {only}"),
        (_, 1, None) => format!("a signature by one of {}", names.join(", ")),
        (_, all, None) if all == names.len() => format!("{} by {}", count(all, "signature"), names.join(" and ")),
        (_, some, None) => format!("{} by different ones of {}", count(some, "signature"), names.join(", ")),
    };
    // Writing to a string cannot fail.
    if !signers.formats.is_empty() {
        let words: Vec<&str> = signers.formats.iter().map(|format| noun(*format)).collect();
        let _ = write!(text, ", as {}", words.join(" or "));
    }
    match signers.bind {
        Bind::Digest => {}
        Bind::Repository => text.push_str(", for this repository"),
        Bind::Tag => text.push_str(", for this repository and tag"),
    }
    if let Some(hardware) = &signers.hardware {
        text.push_str(", with a key made inside a device");
        match hardware.touch {
            TouchPolicy::Never => {}
            TouchPolicy::Cached => text.push_str(" that wants a touch"),
            TouchPolicy::Always => text.push_str(" that wants a touch for each signature"),
        }
        if let Some(least) = hardware.firmware {
            let _ = write!(text, " (firmware {least} or newer)");
        }
    }
    if let Some(age) = signers.not_older_than {
        let _ = write!(text, ", not older than {age}");
    }
    text
}

impl Facts<'_> {
    /// Why a signature no longer counts, by the list of what was revoked: its key, one that certified it, or the image.
    fn revoked(&self, signature: &Signature) -> Option<String> {
        let Some(Ok(list)) = &self.revocation else { return None };
        let mut keys = std::iter::once(&signature.key).chain(&signature.vouching);
        let by_key = keys.find_map(|key| list.key(&key.fingerprint()));
        let reason = by_key.or_else(|| self.digests().find_map(|digest| list.image(digest)))?;
        Some(format!("revoked: {}", plain(reason)))
    }

    /// The digests under which the image was reached.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        std::iter::once(self.digest).chain(self.index)
    }
}
