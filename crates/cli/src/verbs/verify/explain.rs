//! `plimsoll verify --explain`: the chain from the keys that are pinned to this digest, step by step.

use std::fmt::Write as _;

use gate::Judgement;
use image::{Digest, Reference};
use keys::PublicKey;
use time::format_description::well_known::Rfc3339;
use trust::{Examination, Signature};

use super::{custody, signed_as};

/// Everything that was looked at.
pub(super) struct Chain<'a> {
    /// The image, as it was asked for.
    pub(super) image: &'a Reference,
    /// What it is.
    pub(super) digest: &'a Digest,
    /// The index through which it was reached.
    pub(super) index: Option<&'a Digest>,
    /// Where trust begins.
    pub(super) pins: &'a [Pin],
    /// The roots by which attestations are checked.
    pub(super) roots: &'a [Vec<u8>],
    /// What lies beside the image.
    pub(super) found: &'a Examination,
    /// What the policy makes of it, where one was asked.
    pub(super) judgement: Option<&'a Judgement>,
}

/// Something that is trusted because a person wrote it down.
pub(super) struct Pin {
    /// The file.
    pub(super) name: String,
    /// The team that the policy has it in.
    pub(super) team: Option<String>,
    /// What it is.
    pub(super) what: Pinned,
}

/// What is pinned.
pub(super) enum Pinned {
    /// A key.
    Key(PublicKey),
    /// A certificate, by SHA-256 of its DER.
    Certificate(Vec<u8>),
}

impl Chain<'_> {
    /// The steps in words, numbered; the last says how it ends.
    pub(super) fn told(&self) -> String {
        let mut text = format!("{}, step by step\n", self.image.familiar());
        let mut number = 0;
        // Writing to a string cannot fail.
        let mut step = |title: &str, lines: &[String]| {
            number += 1;
            let _ = writeln!(text, "\n{number}. {title}");
            for line in lines {
                let _ = writeln!(text, "   {line}");
            }
        };
        if let Some(judgement) = self.judgement {
            let rule = judgement.rule.as_ref();
            let line = rule.map_or_else(
                || format!("no rule matches {}", judgement.repository),
                |rule| format!("{} on line {} of {}, mode {}", rule.pattern, rule.line, rule.file, judgement.mode),
            );
            step("The rule that holds", &[line]);
        }
        step("Trust begins with what is pinned", &self.pins.iter().map(Pin::told).collect::<Vec<_>>());
        step("The name is resolved, and the bytes match the digest", &self.resolved());
        step("What lies beside it", &[self.counted()]);
        for signature in &self.found.signatures {
            step(&format!("A {} that holds", signature.format.title()), &self.held(signature));
        }
        for rejection in &self.found.rejected {
            step("One that does not count", &[rejection.to_string()]);
        }
        for requirement in self.judgement.iter().flat_map(|judgement| &judgement.requirements) {
            let mark = if requirement.met { "✓" } else { "✗" };
            let mut lines = vec![format!("{mark} {}", requirement.found)];
            lines.extend(requirement.details.iter().map(|detail| format!("  {detail}")));
            lines.extend(requirement.mend.iter().map(|mend| format!("  to mend it, {mend}")));
            step(&format!("Wanted: {}", requirement.wanted), &lines);
        }
        text
    }

    fn resolved(&self) -> Vec<String> {
        let asked = match (&self.image.tag, &self.image.digest) {
            (_, Some(digest)) => format!("asked for by digest: {digest}"),
            (Some(tag), None) => format!("the tag {tag} points there now; a tag is a claim and no proof"),
            (None, None) => "asked for without a tag".to_owned(),
        };
        match self.index {
            Some(index) => {
                vec![asked, format!("index     {index}"), format!("manifest  {}, which the index names", self.digest)]
            }
            None => vec![asked, format!("digest    {}", self.digest)],
        }
    }

    fn counted(&self) -> String {
        let (valid, rejected) = (self.found.signatures.len(), self.found.rejected.len());
        match (valid, rejected) {
            (0, 0) => format!("nothing; sign it with: plimsoll sign {}", super::signable(self.image)),
            _ => format!("{valid} by somebody who is pinned, {rejected} that do not count"),
        }
    }

    fn held(&self, signature: &Signature) -> Vec<String> {
        let fingerprint = signature.key.fingerprint();
        let by = self.pins.iter().find(|pin| match &pin.what {
            Pinned::Key(key) => signature.authority.is_none() && *key == signature.key,
            Pinned::Certificate(der) => signature.authority.as_ref() == Some(der),
        });
        let by = match (by, &signature.authority) {
            (Some(pin), Some(_)) => format!("the key {fingerprint}, whose certificate leads to {}", pin.name),
            (Some(pin), None) => format!("{} ({fingerprint})", pin.name),
            (None, _) => fingerprint,
        };
        let time = match signature.signed_at.and_then(|time| time.format(&Rfc3339).ok()) {
            Some(time) => time,
            None => "not said".into(),
        };
        vec![
            format!("by     {by}"),
            format!("names  {}", signed_as(signature, self.image)),
            format!("made   {time}"),
            format!("key    {}", custody(signature, self.roots)),
        ]
    }
}

impl Pin {
    fn told(&self) -> String {
        let team = self.team.as_ref().map(|team| format!(", of the team {team}")).unwrap_or_default();
        match &self.what {
            Pinned::Key(key) => format!("{}: the key {} ({}){team}", self.name, key.fingerprint(), key.algorithm()),
            Pinned::Certificate(der) => {
                format!("{}: the certificate {}{team}", self.name, Digest::sha256(der).hex())
            }
        }
    }
}
