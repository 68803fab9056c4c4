//! The short form of a judgement: yes or no.

use super::{Judgement, Requirement};
use crate::Mode;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may be used.
    pub allowed: bool,
    /// The mode of the rule that held.
    pub mode: Mode,
    /// The pattern of the rule that held; `None` where none matched.
    pub rule: Option<String>,
    /// What was missing or wrong, one sentence each with what would mend it. Not empty with `allowed` in mode warn.
    pub reasons: Vec<String>,
}

impl Judgement {
    /// Whether everything that the rule demands is so.
    pub fn all_met(&self) -> bool {
        self.requirements.iter().all(|requirement| requirement.met)
    }

    /// Yes or no, with reasons.
    pub fn verdict(&self) -> Verdict {
        Verdict {
            allowed: self.mode != Mode::Enforce || self.all_met(),
            mode: self.mode,
            rule: self.rule.as_ref().map(|rule| rule.pattern.clone()),
            reasons: self.requirements.iter().filter(|wanted| !wanted.met).map(|wanted| self.reason(wanted)).collect(),
        }
    }

    /// One sentence on one line: it ends up in the docker client's own error line.
    fn reason(&self, requirement: &Requirement) -> String {
        let rule = match &self.rule {
            Some(rule) => format!("rule \"{}\" ({}:{})", rule.pattern, rule.file, rule.line),
            None => "the policy".to_owned(),
        };
        let Requirement { wanted, found, details, mend, .. } = requirement;
        let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join("; ")) };
        let mend = mend.as_ref().map(|mend| format!("; {mend}")).unwrap_or_default();
        format!("{rule} wants {wanted}, but {found}{details}{mend}")
    }
}
