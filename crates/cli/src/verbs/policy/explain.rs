//! A judgement in words that are understood without colour.

use std::fmt::Write as _;

use gate::{Judgement, Mode, Policy, Requirement};
use image::Reference;

use super::check::short;
use crate::output::plain;

/// The whole of it, for a terminal or a file.
pub(super) fn explain(image: &Reference, policy: &Policy, judgement: &Judgement, colour: bool) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "image   {}", plain(&image.familiar()));
    let _ = writeln!(text, "digest  {}", judgement.digest);
    let _ = writeln!(text, "policy  {} (version {})", plain(policy.name()), short(policy));
    match &judgement.rule {
        Some(rule) => {
            let _ = writeln!(text, "rule    {} (line {}), mode {}", rule.pattern, rule.line, judgement.mode);
        }
        None => {
            let _ = writeln!(text, "rule    none matches {}", plain(&judgement.repository));
        }
    }
    text.push('\n');
    for requirement in &judgement.requirements {
        text.push_str(&told(requirement, colour));
    }
    for excepted in &judgement.excepted {
        let until = excepted.until.map(|day| format!(" (through {day}, UTC)")).unwrap_or_default();
        let packages = excepted.packages.join(", ");
        let line = format!("- excepted  {} in {packages}: {}{until}", excepted.id, excepted.reason);
        let _ = writeln!(text, "{}", plain(&line));
    }
    if !judgement.requirements.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{}", conclusion(judgement));
    text
}

fn told(requirement: &Requirement, colour: bool) -> String {
    let (mark, word, code) = if requirement.met { ("✓", "met     ", "32") } else { ("✗", "not met ", "31") };
    let (on, off) = if colour { (format!("\u{1b}[{code}m"), "\u{1b}[0m") } else { (String::new(), "") };
    let sentence = plain(&format!("{}: {}", requirement.wanted, requirement.found));
    let mut text = format!("{on}{mark} {word}{off}  {sentence}\n");
    for detail in &requirement.details {
        let _ = writeln!(text, "              {}", plain(detail));
    }
    if let Some(mend) = &requirement.mend {
        let _ = writeln!(text, "            to mend it, {}", plain(mend));
    }
    text
}

fn conclusion(judgement: &Judgement) -> String {
    let unmet = judgement.requirements.iter().filter(|requirement| !requirement.met).count();
    let of = judgement.requirements.len();
    match (judgement.mode, unmet) {
        (Mode::Off, _) => "allowed: nothing is demanded of this image".to_owned(),
        (_, 0) => format!("allowed: all that is demanded is so ({of} of {of})"),
        (Mode::Warn, unmet) => format!("allowed with a warning: {unmet} of {of} demands not met"),
        (Mode::Enforce, unmet) => format!("refused: {unmet} of {of} demands not met"),
    }
}

#[cfg(test)]
mod tests {
    use gate::Facts;
    use image::Digest;
    use time::macros::datetime;

    use super::*;

    fn explained(text: &str, colour: bool) -> String {
        let policy = Policy::parse(text, "policy.toml", std::path::Path::new("/")).unwrap();
        let reference: Reference = "registry.example.com/payments/api:2".parse().unwrap();
        let (repository, digest) = (reference.repository_name(), Digest::sha256(b"image"));
        let facts = Facts {
            repository: &repository,
            digest: &digest,
            index: None,
            tag: None,
            signatures: None,
            revocation: None,
            report: Some(Err("pending: 1 of 2 layers\u{1b}[2J is catalogued".into())),
            now: datetime!(2026-11-25 12:00 UTC),
        };
        explain(&reference, &policy, &policy.judge(&facts), colour)
    }

    fn rule(mode: &str) -> String {
        format!("[[rule]]\nimages = \"**\"\nmode = \"{mode}\"\nfindings = {{ at-most = \"low\" }}\n")
    }

    #[test]
    fn every_mode_is_understood_without_colour() {
        let all = [explained("", false), explained(&rule("warn"), false), explained(&rule("enforce"), false)];
        insta::assert_snapshot!(all.join("\n----\n\n"));
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let coloured = explained(&rule("enforce"), true);
        let without = coloured.replace("\u{1b}[31m", "").replace("\u{1b}[0m", "");
        assert_ne!(coloured, without);
        assert_eq!(without, explained(&rule("enforce"), false));
    }
}
