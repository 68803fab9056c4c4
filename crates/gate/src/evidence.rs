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

use crate::{Facts, Judgement, Needs, Policy};

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
}

/// Where the facts about an image come from.
pub trait Evidence: Send + Sync {
    /// Where the signature bundles lie. Reading them may block on the network; it happens on a thread for that.
    fn signatures(&self) -> Arc<dyn SignatureSource + Send + Sync>;

    /// The image's findings; an error text (pending, no index, unreadable) where there are none.
    fn report(&self, image: &Digest) -> impl Future<Output = Result<Report, String>> + Send;
}

/// Judges an image by a policy, collecting what its rule needs and nothing else.
///
/// A failure to collect is a fact, not an error: the rule's mode decides what follows from it.
pub async fn judge(policy: &Policy, subject: &Subject, evidence: &impl Evidence, now: OffsetDateTime) -> Judgement {
    let Needs { signers, findings } = policy.needs(&subject.repository);
    let signatures = signatures(signers, subject, evidence).await;
    let report = if findings { Some(evidence.report(&subject.digest).await) } else { None };
    policy.judge(&Facts {
        repository: &subject.repository,
        digest: &subject.digest,
        signatures,
        report: report.as_ref().map(|report| report.as_ref().map_err(Clone::clone)),
        now,
    })
}

/// Judges by signatures alone, before layers are fetched: see [`Policy::judge_signatures`].
pub async fn judge_signatures(
    policy: &Policy,
    subject: &Subject,
    evidence: &impl Evidence,
    now: OffsetDateTime,
) -> Judgement {
    let signatures = signatures(policy.needs(&subject.repository).signers, subject, evidence).await;
    policy.judge_signatures(&Facts {
        repository: &subject.repository,
        digest: &subject.digest,
        signatures,
        report: None,
        now,
    })
}

/// Valid signatures by the rule's keys, where it has some.
async fn signatures(
    signers: Option<Vec<PublicKey>>,
    subject: &Subject,
    evidence: &impl Evidence,
) -> Option<Result<Vec<Signature>, String>> {
    let (verifier, source) = (Verifier::new(signers?), evidence.signatures());
    let (digest, index) = (subject.digest.clone(), subject.index.clone());
    let examine = move || verifier.examine_image(&digest, index.as_ref(), source.as_ref());
    Some(match tokio::task::spawn_blocking(examine).await {
        Ok(Ok(found)) => Ok(found.signatures),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("reading them ended unexpectedly".to_owned()),
    })
}
