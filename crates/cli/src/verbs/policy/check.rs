//! `plimsoll policy check`: what a policy file demands, where nothing is wrong with it.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use gate::file::PolicyFile;
use gate::{Mode, Policy, Rule};
use time::{Date, OffsetDateTime};

use crate::output;

/// Parses the file; an error names each line that is wrong.
pub(super) fn check(file: &PolicyFile) -> Result<ExitCode> {
    let policy = file.parse()?;
    output::write(output::plain(&summary(&policy, OffsetDateTime::now_utc().date())).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn summary(policy: &Policy, today: Date) -> String {
    let mut text = format!("{} is sound (version {})\n", policy.name(), short(policy));
    if policy.rules().is_empty() {
        text.push_str("it has no rules: nothing is demanded of any image\n");
    }
    for rule in policy.rules() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\nline {}: {}, mode {}", rule.line, rule.images, rule.mode);
        for line in demands(rule, today) {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

fn demands(rule: &Rule, today: Date) -> Vec<String> {
    if rule.mode == Mode::Off {
        return vec!["nothing is demanded".into()];
    }
    let mut lines = Vec::new();
    lines.extend(rule.signers.iter().map(|signers| format!("wants {}", signers.wanted())));
    if rule.hold {
        lines.push("kept back in the registry until its signatures suffice".into());
    }
    if let Some(limit) = &rule.findings {
        let kind = if limit.only_fixable { "findings that have a fix" } else { "findings" };
        lines.push(format!("{kind}: at most {}", limit.at_most));
        if limit.allow_unknown {
            lines.push("packages of which nothing is known: allowed".to_owned());
        }
        if let Some(age) = limit.index_age {
            lines.push(format!("advisories: at most {age} old"));
        }
    }
    for exception in &rule.exceptions {
        let until = match exception.until {
            None => "without an end".to_owned(),
            Some(day) if day < today => format!("ended with {day}, take it out or renew it"),
            Some(day) => format!("through {day} (UTC)"),
        };
        lines.push(format!("except {}: {} ({until})", exception.id, exception.reason));
    }
    lines
}

/// As much of the policy's version as tells it from its neighbours.
pub(super) fn short(policy: &Policy) -> String {
    policy.version().hex().chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_sound_policy_is_told_rule_by_rule() {
        let text = "[[rule]]\nimages = \"docker.io/debian\"\nmode = \"off\"\n\
                    [[rule]]\nimages = \"**\"\nmode = \"enforce\"\n\
                    findings = { at-most = \"medium\", only-fixable = true, index-age = \"7d\" }\n\
                    [[rule.exceptions]]\nid = \"CVE-2026-1\"\nreason = \"not reachable\"\nuntil = 2026-11-24\n\
                    [[rule.exceptions]]\nid = \"CVE-2026-2\"\nreason = \"a test tool\"\nuntil = 2026-11-25\n";
        let policy = Policy::parse(text, "policy.toml", std::path::Path::new("/")).unwrap();
        insta::assert_snapshot!(summary(&policy, date!(2026 - 11 - 25)));
    }
}
