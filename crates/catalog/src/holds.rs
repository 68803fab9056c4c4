//! Images that the policy keeps back until they are signed (`hold = true`).

use std::future::Future;
use std::pin::Pin;

use gate::Mode;
use gate::evidence::{Subject, judge_signatures};
use image::Digest;
use registry::Holds;
use time::OffsetDateTime;

use crate::Catalog;
use crate::signatures::Known;

impl Holds for Catalog {
    fn reason<'a>(
        &'a self,
        repository: &'a str,
        tag: &'a str,
        digest: &'a Digest,
    ) -> Pin<Box<dyn Future<Output = Option<String>> + Send + 'a>> {
        Box::pin(async move {
            let name = self.full_name(repository);
            // Asked for every pull of a tag: most policies hold nothing back.
            let rule = self.policy.rule_for(&name).filter(|rule| rule.hold && rule.mode != Mode::Off)?;
            // Signatures of the older form are tags of their own; they are what is waited for.
            if is_signature(tag) {
                return None;
            }
            let subject =
                Subject { repository: name.clone(), digest: digest.clone(), index: None, tag: Some(tag.to_owned()) };
            let evidence = Known::new(self, repository, Err("not asked for".to_owned()));
            let judgement = judge_signatures(&self.policy, &subject, &evidence, OffsetDateTime::now_utc()).await;
            let unmet = judgement.requirements.into_iter().find(|requirement| !requirement.met)?;
            let mend = unmet.mend.map(|mend| format!("; {mend}")).unwrap_or_default();
            Some(format!(
                "{name}:{tag} is pending: rule {} keeps it back until it has {}, but {}{mend}",
                rule.images, unmet.wanted, unmet.found
            ))
        })
    }
}

/// `sha256-HEX`, with or without an ending: the tags under which signatures lie where a registry lists no referrers.
fn is_signature(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix("sha256-") else { return false };
    let hex = rest.split('.').next().unwrap_or(rest);
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}
