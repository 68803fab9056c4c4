//! Collecting what a rule needs to know of an image, from `trust` and `scan`.
//!
//! `plimsoll policy test`, `plimsoll verify`, the pages and the engine's admission all come through [`judge`], so that
//! they ask the same things in the same way. What no rule wants is not asked for.

use std::future::Future;
use std::sync::Arc;

use findings::Report;
use image::Digest;
use keys::PublicKey;
use time::OffsetDateTime;
use trust::{Signature, SignatureSource, Verifier};

use crate::{Facts, Judgement, Needs, Policy, Revocation, Revoked, Signers, TrustedCertificate};

/// The image that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Registry and repository that it came from.
    pub repository: String,
    /// Its platform manifest.
    pub digest: Digest,
    /// The index that names the platform manifest, where it was reached through one whose bytes were verified. A
    /// signature of the index is one of each manifest that it names by digest: what `cosign sign` of a tag makes.
    pub index: Option<Digest>,
    /// The tag that it was asked for by, where it was.
    pub tag: Option<String>,
}

/// Where the facts about an image come from.
pub trait Evidence: Send + Sync {
    /// Where the signature bundles lie. Reading them may block on the network; it happens on a thread for that.
    fn signatures(&self) -> Arc<dyn SignatureSource + Send + Sync>;

    /// The newest list of what was revoked, signed by one of `keys`; an error text where there is none that can be
    /// believed.
    fn revoked(&self, keys: Vec<PublicKey>) -> impl Future<Output = Result<Revoked, String>> + Send;

    /// The image's findings; an error text (pending, no index, unreadable) where there are none.
    fn report(&self, image: &Digest) -> impl Future<Output = Result<Report, String>> + Send;
}

/// Judges an image by a policy, collecting what its rule needs and nothing else.
///
/// A failure to collect is a fact, not an error: the rule's mode decides what follows from it.
pub async fn judge(policy: &Policy, subject: &Subject, evidence: &impl Evidence, now: OffsetDateTime) -> Judgement {
    let needs = policy.needs(&subject.repository);
    let report = if needs.findings { Some(evidence.report(&subject.digest).await) } else { None };
    let facts = collect(needs, subject, evidence, now).await;
    policy.judge(&Facts { report: report.as_ref().map(|report| report.as_ref().map_err(Clone::clone)), ..facts })
}

/// Judges by signatures alone, before layers are fetched: see [`Policy::judge_signatures`].
pub async fn judge_signatures(
    policy: &Policy,
    subject: &Subject,
    evidence: &impl Evidence,
    now: OffsetDateTime,
) -> Judgement {
    let facts = collect(policy.needs(&subject.repository), subject, evidence, now).await;
    policy.judge_signatures(&facts)
}

/// All but the findings.
async fn collect<'a>(needs: Needs, subject: &'a Subject, evidence: &impl Evidence, now: OffsetDateTime) -> Facts<'a> {
    let Needs { signers, revocation, .. } = needs;
    let signatures = signatures(&signers, subject, evidence, now).await;
    let revocation = match revocation {
        Some(Revocation { keys, .. }) => {
            Some(evidence.revoked(keys.into_iter().map(|trusted| trusted.key).collect()).await)
        }
        None => None,
    };
    Facts {
        repository: &subject.repository,
        digest: &subject.digest,
        index: subject.index.as_ref(),
        tag: subject.tag.as_deref(),
        signatures,
        revocation,
        report: None,
        now,
    }
}

/// Valid signatures by the signers that the rule names, where it has some.
async fn signatures(
    signers: &[Signers],
    subject: &Subject,
    evidence: &impl Evidence,
    now: OffsetDateTime,
) -> Option<Result<Vec<Signature>, String>> {
    if signers.is_empty() {
        return None;
    }
    let (verifier, source) = (verifier(signers, now), evidence.signatures());
    let (digest, index) = (subject.digest.clone(), subject.index.clone());
    let examine = move || verifier.examine_image(&digest, index.as_ref(), source.as_ref());
    Some(match tokio::task::spawn_blocking(examine).await {
        Ok(Ok(found)) => Ok(found.signatures),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("reading them ended unexpectedly".to_owned()),
    })
}

/// Whoever a rule's demands trust, all of them: which demand a signature serves is told when it is judged.
pub fn verifier(signers: &[Signers], now: OffsetDateTime) -> Verifier {
    let mut keys = Vec::new();
    for trusted in signers.iter().flat_map(|signers| &signers.keys) {
        if !keys.contains(&trusted.key) {
            keys.push(trusted.key.clone());
        }
    }
    let ders = |of: fn(&Signers) -> &[TrustedCertificate]| {
        let mut ders: Vec<Vec<u8>> = Vec::new();
        for trusted in signers.iter().flat_map(of) {
            if !ders.contains(&trusted.der) {
                ders.push(trusted.der.clone());
            }
        }
        ders
    };
    Verifier::new(keys)
        .trusting(ders(|signers| &signers.certificates))
        .believing(ders(|signers| &signers.timestamps))
        .at(now)
}
