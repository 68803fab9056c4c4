//! Admission to the engine, as the policy says.

use std::path::PathBuf;
use std::sync::Arc;

use engine::admission::{Admission, Admitted, Moment, Refusal};
use gate::evidence::{judge, judge_signatures};
use gate::{Mode, Policy};
use image::client::Client;
use scan::{Scanner, Silent};
use time::OffsetDateTime;
use tokio::runtime::Runtime;

use crate::admission::{ImageEvidence, subject};
use crate::output;

/// Admission to the engine, as the policy says.
pub(super) struct ByPolicy {
    policy: Policy,
    scanner: Scanner,
    client: Option<Client>,
    data: PathBuf,
    runtime: Arc<Runtime>,
}

impl ByPolicy {
    /// `client` is the registry's that images come from, where they come from one.
    pub(super) fn new(
        policy: Policy,
        scanner: Scanner,
        client: Option<Client>,
        data: PathBuf,
        runtime: Arc<Runtime>,
    ) -> Self {
        Self { policy, scanner, client, data, runtime }
    }
}

impl Admission for ByPolicy {
    fn admit(&self, moment: Moment, image: &Admitted<'_>) -> Result<(), Refusal> {
        let origin = self.client.clone().zip(image.reference.cloned());
        let progress = Arc::new(Silent);
        let evidence = ImageEvidence::new(self.scanner.clone(), image.source.clone(), origin, &self.data, progress);
        let subject = subject(image.source.image(), image.reference);
        let now = OffsetDateTime::now_utc();
        let judgement = match moment {
            Moment::Pull => self.runtime.block_on(judge_signatures(&self.policy, &subject, &evidence, now)),
            Moment::Create | Moment::Start => self.runtime.block_on(judge(&self.policy, &subject, &evidence, now)),
        };
        let verdict = judgement.verdict();
        if !verdict.allowed {
            return Err(Refusal { image: image.source.image().name.clone(), reasons: verdict.reasons });
        }
        // Told once, when all of it is known.
        if verdict.mode == Mode::Warn && moment == Moment::Create {
            for reason in &verdict.reasons {
                eprintln!("plimsoll: warning: {}", output::plain(reason));
            }
        }
        Ok(())
    }
}
