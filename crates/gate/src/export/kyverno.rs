//! Kyverno's ImageValidatingPolicy (policies.kyverno.io/v1).
//!
//! Which images a policy is about is said by a regular expression, so that the order of rules can be kept: an image
//! that an earlier rule is about is left out. Signatures are counted by attestor.

use std::fmt::Write as _;

use serde_json::{Value, json};
use trust::Format;

use super::{Exported, Gaps, before, has_port, living, pem, yaml};
use crate::{Bind, Mode, Policy, Rule, Signers};

pub(super) fn export(policy: &Policy) -> Exported {
    let mut gaps = Gaps::default();
    let mut documents = Vec::new();
    for rule in living(policy) {
        gaps.beyond_signatures(rule);
        if rule.mode == Mode::Off || rule.signers.is_empty() {
            continue;
        }
        documents.push(document(policy, rule, &mut gaps));
    }
    gaps.of_policy(policy);
    Exported { text: yaml::documents(&documents), unsaid: gaps.0 }
}

fn document(policy: &Policy, rule: &Rule, gaps: &mut Gaps) -> Value {
    let (mut attestors, mut validations) = (Vec::new(), Vec::new());
    for (number, signers) in rule.signers.iter().enumerate() {
        gaps.beyond_keys(rule, signers);
        if signers.bind == Bind::Repository {
            gaps.add(rule, "`bind = \"repository\"` is not asked there");
        }
        let own = attestors_of(signers, number + 1, gaps, rule);
        let names: Vec<String> = own
            .iter()
            .filter_map(|attestor| attestor["name"].as_str())
            .map(|name| format!("attestors.{name}"))
            .collect();
        for containers in ["containers", "initContainers", "ephemeralContainers"] {
            validations.push(json!({
                "expression": format!(
                    "images.{containers}.map(image, verifyImageSignatures(image, [{}])).all(count, count >= {})",
                    names.join(", "),
                    signers.threshold
                ),
                "message": format!("the image lacks {}", signers.wanted()),
            }));
        }
        attestors.extend(own);
    }
    json!({
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ImageValidatingPolicy",
        "metadata": { "name": format!("plimsoll-line-{}", rule.line) },
        "spec": {
            "failurePolicy": if rule.mode == Mode::Warn { "Ignore" } else { "Fail" },
            "validationActions": [if rule.mode == Mode::Warn { "Warn" } else { "Deny" }],
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["pods"],
            }] },
            "matchImageReferences": [{ "expression": matching(policy, rule) }],
            "attestors": attestors,
            "validations": validations,
        },
    })
}

fn attestors_of(signers: &Signers, number: usize, gaps: &mut Gaps, rule: &Rule) -> Vec<Value> {
    let counts = |format: Format| signers.formats.is_empty() || signers.formats.contains(&format);
    let mut attestors = Vec::new();
    if counts(Format::Bundle) || counts(Format::CosignTag) {
        for (place, trusted) in signers.keys.iter().enumerate() {
            attestors.push(json!({
                "name": format!("key{number}x{}", place + 1),
                "cosign": {
                    "key": { "data": trusted.key.to_pem() },
                    "ctlog": { "insecureIgnoreTlog": true, "insecureIgnoreSCT": true },
                },
            }));
        }
    }
    if counts(Format::Notation) {
        for (place, certificate) in signers.certificates.iter().enumerate() {
            attestors.push(json!({
                "name": format!("certificate{number}x{}", place + 1),
                "notary": { "certs": { "value": pem::certificate(&certificate.der) } },
            }));
        }
        if signers.certificates.is_empty() && !counts(Format::Bundle) && !counts(Format::CosignTag) {
            gaps.add(rule, "keys without certificates do not count for notation there: everything is refused");
        }
    }
    if !signers.formats.is_empty() && counts(Format::Bundle) != counts(Format::CosignTag) {
        gaps.add(rule, "bundles and cosign's older tag are not told apart there");
    }
    if !signers.certificates.is_empty() && signers.threshold > 1 {
        gaps.add(rule, "several signers under one authority count there as one");
    }
    attestors
}

/// The rule's images, without those of earlier rules.
fn matching(policy: &Policy, rule: &Rule) -> String {
    let mut expression = format!("ref.matches({})", literal(&regex(rule.images.as_str())));
    for earlier in before(policy, rule).filter(|earlier| earlier.images.meets(&rule.images)) {
        let _ = write!(expression, " && !ref.matches({})", literal(&regex(earlier.images.as_str())));
    }
    expression
}

/// A pattern as RE2, over a name as a pod has it: with tag or digest, and Docker Hub's in its short form as well.
fn regex(pattern: &str) -> String {
    const END: &str = "(:[^/@]+)?(@[^/]+)?$";
    if pattern == "**" {
        return "^.*$".into();
    }
    let (start, path) = match pattern.strip_prefix("docker.io/") {
        Some(path) => match path.strip_prefix("library/") {
            Some(path) => ("^((index\\.)?docker\\.io/)?(library/)?", path),
            None => ("^((index\\.)?docker\\.io/)?", path),
        },
        None => ("^", pattern),
    };
    let mut text = String::from(start);
    for (place, segment) in path.split('/').enumerate() {
        match (segment, place) {
            ("**", 0) => text.push_str("([^/@]+/)*[^/:@]+"),
            ("**", _) => text.push_str("(/[^/:@]+)*"),
            (segment, place) => {
                if place > 0 {
                    text.push('/');
                }
                let is_registry = place == 0 && start == "^";
                // A host has no capitals, however it is written.
                text.push_str(if is_registry { "(?i:" } else { "" });
                for character in segment.chars() {
                    match character {
                        '*' => text.push_str("[^/:@]*"),
                        c if c.is_ascii_alphanumeric() || c == '_' || c == '-' => text.push(c),
                        c => {
                            text.push('\\');
                            text.push(c);
                        }
                    }
                }
                text.push_str(match (is_registry, has_port(segment)) {
                    (false, _) => "",
                    (true, true) => ")",
                    (true, false) => ")(:443)?",
                });
            }
        }
    }
    text.push_str(END);
    text
}

/// A CEL text that is taken as it stands.
fn literal(text: &str) -> String {
    format!("r'{text}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_becomes_an_expression_over_names_with_tags() {
        assert_eq!(regex("r.example.com/a/**"), "^(?i:r\\.example\\.com)(:443)?/a(/[^/:@]+)*(:[^/@]+)?(@[^/]+)?$");
        assert_eq!(
            regex("docker.io/library/debian"),
            "^((index\\.)?docker\\.io/)?(library/)?debian(:[^/@]+)?(@[^/]+)?$"
        );
        assert_eq!(
            regex("*.example.com:5000/t-*/x"),
            "^(?i:[^/:@]*\\.example\\.com\\:5000)/t-[^/:@]*/x(:[^/@]+)?(@[^/]+)?$"
        );
    }
}
