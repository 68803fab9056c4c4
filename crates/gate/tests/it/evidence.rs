//! Only what a rule needs is asked for, and a failure to collect it closes the gate.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use findings::Report;
use gate::evidence::{Evidence, Subject, judge, judge_signatures};
use gate::{Policy, Revoked};
use image::Digest;
use keys::PublicKey;
use trust::{Found, SignatureSource, TrustError};

use super::material::{NOW, REPOSITORY, digest, enforce, report};

/// A source that counts how often it is asked.
#[derive(Default)]
struct Counting {
    signatures: Arc<AtomicUsize>,
    reports: AtomicUsize,
}

struct NoBundles(Arc<AtomicUsize>);

impl SignatureSource for NoBundles {
    fn found(&self, _image: &Digest) -> Result<Vec<Result<Found, TrustError>>, TrustError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(vec![])
    }
}

impl Evidence for Counting {
    fn signatures(&self) -> Arc<dyn SignatureSource + Send + Sync> {
        Arc::new(NoBundles(Arc::clone(&self.signatures)))
    }

    async fn revoked(&self, _keys: Vec<PublicKey>) -> Result<Revoked, String> {
        Err("there is none".into())
    }

    async fn report(&self, _image: &Digest) -> Result<Report, String> {
        self.reports.fetch_add(1, Ordering::SeqCst);
        Ok(report(vec![]))
    }
}

fn asked(policy: &Policy, index: Option<Digest>) -> (bool, usize, usize) {
    let evidence = Counting::default();
    let subject = Subject { repository: REPOSITORY.into(), digest: digest(), index, tag: None };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let judgement = runtime.block_on(judge(policy, &subject, &evidence, NOW));
    let (signatures, reports) = (evidence.signatures.load(Ordering::SeqCst), evidence.reports.load(Ordering::SeqCst));
    (judgement.verdict().allowed, signatures, reports)
}

#[test]
fn nothing_is_asked_for_without_a_rule() {
    assert_eq!(asked(&Policy::default(), None), (true, 0, 0));
}

#[test]
fn a_rule_about_findings_asks_for_no_signatures() {
    assert_eq!(asked(&enforce("findings = { at-most = \"low\" }"), None), (true, 0, 1));
}

#[test]
fn a_rule_about_signers_asks_for_the_image_and_the_index_above_it() {
    let policy = enforce("signers = { keys = [\"release.pub\"] }");
    assert_eq!(asked(&policy, None), (false, 1, 0));
    assert_eq!(asked(&policy, Some(Digest::sha256(b"an index"))), (false, 2, 0));
}

#[test]
fn before_layers_are_fetched_only_signatures_are_asked_for() {
    let policy = enforce("signers = { keys = [\"release.pub\"] }\nfindings = { at-most = \"low\" }");
    let evidence = Counting::default();
    let subject = Subject { repository: REPOSITORY.into(), digest: digest(), index: None, tag: None };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let judgement = runtime.block_on(judge_signatures(&policy, &subject, &evidence, NOW));
    assert!(!judgement.verdict().allowed);
    assert_eq!(judgement.requirements.len(), 1);
    assert_eq!(evidence.reports.load(Ordering::SeqCst), 0);
}
