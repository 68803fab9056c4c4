//! The facts held against the rule.

mod findings;
mod revocation;
mod signatures;
mod verdict;

use ::findings::Report;
use image::Digest;
use trust::Signature;

use crate::{Mode, Policy, Revoked, normalise};

pub use findings::Excepted;
pub use verdict::Verdict;

/// What is known of an image when it is judged.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Registry and repository that it came from (`registry.example.com/payments/api`).
    pub repository: &'a str,
    /// Its platform manifest.
    pub digest: &'a Digest,
    /// The index through which it was reached, where it was.
    pub index: Option<&'a Digest>,
    /// The tag that it was asked for by.
    pub tag: Option<&'a str>,
    /// Valid signatures; an error text where they could not be fetched.
    pub signatures: Option<Result<Vec<Signature>, String>>,
    /// What was revoked; an error text where there is no list that can be believed. `None` where nobody looked.
    pub revocation: Option<Result<Revoked, String>>,
    /// Its findings; an error text where there are none (pending, no index).
    pub report: Option<Result<&'a Report, String>>,
    /// The time to judge by.
    pub now: time::OffsetDateTime,
}

/// Everything that can be said of an image under a policy: which rule held, and how each of its requirements fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The repository, in the spelling that patterns are compared with.
    pub repository: String,
    /// The platform manifest that was judged.
    pub digest: Digest,
    /// The rule that held; `None` where none matched, which means off.
    pub rule: Option<RuleName>,
    /// How it is meant.
    pub mode: Mode,
    /// What it demands, in the order in which people ask: signed, known, of which day.
    pub requirements: Vec<Requirement>,
    /// Findings that an exception let through.
    pub excepted: Vec<Excepted>,
}

/// Which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleName {
    /// Its pattern.
    pub pattern: String,
    /// The policy file.
    pub file: String,
    /// The line on which its `[[rule]]` stands.
    pub line: usize,
}

/// One thing that a rule demands, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// What is wanted, as a noun phrase: `a signature by release.pub`.
    pub wanted: String,
    /// Whether it is so.
    pub met: bool,
    /// What was found: `no valid signature`.
    pub found: String,
    /// Single things behind `found`, such as findings; at most a handful.
    pub details: Vec<String>,
    /// What would mend it, where it is not met: a command first.
    pub mend: Option<String>,
}

impl Policy {
    /// Judges, and tells all of it.
    ///
    /// A fact that the rule needs and that is missing, failed or too old is a requirement not met.
    pub fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let mut judgement = self.judge_signatures(facts);
        if let Some(rule) = self.rule_for(facts.repository).filter(|rule| rule.mode != Mode::Off)
            && let Some(limit) = &rule.findings
        {
            let (requirements, excepted) = findings::judge(limit, &rule.exceptions, facts, self.name());
            judgement.requirements.extend(requirements);
            judgement.excepted = excepted;
        }
        judgement
    }

    /// Judges by signatures alone, for the moment before an image's layers are fetched: what needs no layer may be
    /// refused before a byte of one is read. Whatever this lets through is still to be judged whole.
    pub fn judge_signatures(&self, facts: &Facts<'_>) -> Judgement {
        let mut judgement = self.unjudged(facts);
        let Some(rule) = self.rule_for(facts.repository).filter(|rule| rule.mode != Mode::Off) else {
            return judgement;
        };
        let signed: Vec<_> = rule.signers.iter().map(|signers| signatures::judge(signers, facts)).collect();
        // Whoever asks for no signature is held up by no list, but by what is on one.
        let unrevoked = self.revocation().and_then(|revocation| {
            if rule.signers.is_empty() {
                revocation::judge_image(facts)
            } else {
                Some(revocation::judge(revocation, facts))
            }
        });
        // What no signature mends is said before what wants one.
        if facts.revokes_image().is_some() {
            judgement.requirements.extend(unrevoked.into_iter().chain(signed));
        } else {
            judgement.requirements.extend(signed.into_iter().chain(unrevoked));
        }
        judgement
    }

    /// Judges.
    pub fn decide(&self, facts: &Facts<'_>) -> Verdict {
        self.judge(facts).verdict()
    }

    /// Which rule holds, before anything is held against it.
    fn unjudged(&self, facts: &Facts<'_>) -> Judgement {
        let rule = self.rule_for(facts.repository);
        Judgement {
            repository: normalise(facts.repository),
            digest: facts.digest.clone(),
            rule: rule.map(|rule| RuleName {
                pattern: rule.images.to_string(),
                file: self.name().to_owned(),
                line: rule.line,
            }),
            mode: rule.map_or(Mode::Off, |rule| rule.mode),
            requirements: Vec::new(),
            excepted: Vec::new(),
        }
    }
}

impl Facts<'_> {
    /// The image as a command takes it.
    fn image(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }

    /// The image as it is to be signed: with its tag, and one for several platforms whole.
    fn to_sign(&self) -> String {
        let tag = self.tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        format!("{}{tag}@{}", self.repository, self.index.unwrap_or(self.digest))
    }
}

/// `1 finding`, `3 findings`.
fn count(number: usize, singular: &str) -> String {
    if number == 1 { format!("1 {singular}") } else { format!("{number} {singular}s") }
}

/// Text from images and advisories in a line for people: nothing in it can move the cursor or begin a new line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_bidi_control(c) { '\u{fffd}' } else { c }).take(200).collect()
}

/// Characters that turn the direction of writing can make a line read as another one (CVE-2021-42574).
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
