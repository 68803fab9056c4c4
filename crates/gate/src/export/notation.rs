//! notation's `trustpolicy.json` (Notary Project specifications, "Trust Store and Trust Policy" 1.0).
//!
//! Scopes are whole repositories or everything, and who is trusted are certificates in named trust stores, which are
//! folders beside the policy.

use serde_json::{Value, json};
use trust::Format;

use super::{Exported, Gaps, living, spellings};
use crate::{Bind, Mode, Policy, Rule};

pub(super) fn export(policy: &Policy) -> Exported {
    let mut gaps = Gaps::default();
    let (mut statements, mut named_stores) = (Vec::new(), Stores::default());
    for rule in living(policy) {
        gaps.beyond_signatures(rule);
        statements.extend(statement(rule, statements.len() + 1, &mut named_stores, &mut gaps));
    }
    let is_global = |statement: &Value| statement["registryScopes"] == json!(["*"]);
    if !statements.iter().any(is_global) {
        statements.push(json!({
            "name": "others",
            "registryScopes": ["*"],
            "signatureVerification": { "level": "skip" },
        }));
    }
    gaps.of_names(policy);
    gaps.of_policy(policy);
    let document = json!({ "version": "1.0", "trustPolicies": statements });
    let text = serde_json::to_string_pretty(&document).unwrap_or_default() + "\n";
    Exported { text, unsaid: gaps.0 }
}

fn statement(rule: &Rule, number: usize, named_stores: &mut Stores, gaps: &mut Gaps) -> Option<Value> {
    let pattern = rule.images.as_str();
    let scope = if pattern == "**" { "*" } else { pattern };
    if scope.contains('*') && scope != "*" {
        gaps.add(rule, format!("the pattern {pattern:?} cannot be said there, where scopes are whole repositories or `*`: nothing is demanded of these images"));
        return None;
    }
    let scopes = if scope == "*" { vec![scope.to_owned()] } else { spellings(scope) };
    let name = format!("line-{}", rule.line);
    let level = match rule.mode {
        Mode::Off => "skip",
        // Logs what it finds and lets through.
        Mode::Warn => "audit",
        Mode::Enforce => "strict",
    };
    let skip = || Some(json!({ "name": name, "registryScopes": scopes, "signatureVerification": { "level": "skip" } }));
    if rule.mode == Mode::Off || rule.signers.is_empty() {
        return skip();
    }
    let mut stores = Vec::new();
    for signers in &rule.signers {
        gaps.beyond_keys(rule, signers);
        if signers.bind == Bind::Repository {
            gaps.add(rule, "`bind = \"repository\"` is not asked there");
        }
        if signers.threshold > 1 {
            gaps.add(
                rule,
                format!("`threshold = {}` cannot be said there: one signature is enough", signers.threshold),
            );
        }
        if !signers.keys.is_empty() {
            gaps.add(rule, "keys without certificates do not count there; list their certificates in `certificates`");
        }
        if !signers.formats.is_empty() && !signers.formats.contains(&Format::Notation) {
            gaps.add(rule, "its formats leave notation out, which is all that is read there: everything is refused");
        }
        for certificate in &signers.certificates {
            let store = named_stores.of(&certificate.name);
            let named = format!("ca:{store}");
            if !stores.contains(&named) {
                gaps.add(rule, format!("put {:?} into notation's truststore/x509/ca/{store}/", certificate.name));
                stores.push(named);
            }
        }
    }
    if rule.signers.len() > 1 {
        gaps.add(rule, "several demands cannot be said there: a signature by any of them is enough");
    }
    if stores.is_empty() {
        // A statement must name a store; one that is empty trusts nobody.
        stores.push(format!("ca:plimsoll-none-{number}"));
    }
    Some(json!({
        "name": name,
        "registryScopes": scopes,
        "signatureVerification": { "level": level },
        "trustStores": stores,
        "trustedIdentities": ["*"],
    }))
}

/// Trust stores by the files that go there. Each file has one of its own: in a common one, what one rule trusts would be
/// trusted by the other.
#[derive(Default)]
struct Stores(Vec<(String, String)>);

impl Stores {
    fn of(&mut self, file: &str) -> String {
        if let Some((_, store)) = self.0.iter().find(|(known, _)| known == file) {
            return store.clone();
        }
        let plain = store_of(file);
        let free = |name: &String| self.0.iter().all(|(_, store)| store != name);
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        let store = std::iter::once(plain.clone()).chain(numbered).find(free).unwrap_or_default();
        self.0.push((file.to_owned(), store.clone()));
        store
    }
}

/// A trust store's name for a file: letters, digits, `.`, `_` and `-`.
fn store_of(file: &str) -> String {
    let stem = file.rsplit('/').next().unwrap_or(file);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let name: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    if name.is_empty() { "plimsoll".into() } else { name }
}
