//! `policy.json` of containers/image (containers-policy.json(5)): podman, skopeo, buildah, CRI-O.
//!
//! Scopes are prefixes of repositories and the longest that matches holds, so that a pattern with `*` inside cannot be
//! said. Signatures are cosign's under its older tag, where `use-sigstore-attachments` is set in registries.d.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::{Exported, Gaps, combinations, living, spellings};
use crate::{Bind, Mode, Policy, Rule, Signers};

pub(super) fn export(policy: &Policy) -> Exported {
    let mut gaps = Gaps::default();
    let mut scopes = Map::new();
    let mut default = accept();
    for rule in living(policy) {
        gaps.beyond_signatures(rule);
        let Some(scope) = scope(rule, &mut gaps) else { continue };
        let requirements = requirements(rule, &mut gaps);
        match scope {
            Scope::Everything => default = requirements,
            Scope::Named(names) => {
                for name in names {
                    scopes.entry(name).or_insert_with(|| requirements.clone());
                }
            }
        }
    }
    gaps.of_names(policy);
    gaps.of_policy(policy);
    let document = json!({
        "default": default,
        "transports": { "docker": scopes, "docker-daemon": { "": accept() } },
    });
    let text = serde_json::to_string_pretty(&document).unwrap_or_default() + "\n";
    Exported { text, unsaid: gaps.0 }
}

enum Scope {
    Everything,
    /// In each of its spellings.
    Named(Vec<String>),
}

fn scope(rule: &Rule, gaps: &mut Gaps) -> Option<Scope> {
    let pattern = rule.images.as_str();
    if pattern == "**" {
        return Some(Scope::Everything);
    }
    let prefix = pattern.strip_suffix("/**");
    if prefix.is_none() {
        gaps.add(rule, "there it holds for the repositories below this one as well: a scope is a prefix");
    }
    let name = prefix.unwrap_or(pattern);
    let (registry, path) = name.split_once('/').map_or((name, ""), |(registry, path)| (registry, path));
    // `*.example.com` alone is a scope; every other `*` is not.
    let wild_registry = registry.strip_prefix("*.").is_some_and(|rest| !rest.contains('*')) && path.is_empty();
    if path.contains('*') || (registry.contains('*') && !wild_registry) {
        gaps.add(
            rule,
            format!("the pattern {pattern:?} has a `*` that no scope can have: nothing is demanded of these images"),
        );
        return None;
    }
    // A wildcard stands for whole hosts there, and no port can follow it.
    let whole =
        |name: &str| spellings(&format!("{name}/")).into_iter().map(|name| name.trim_end_matches('/').to_owned());
    Some(Scope::Named(if wild_registry { vec![name.to_owned()] } else { whole(name).collect() }))
}

fn accept() -> Value {
    json!([{ "type": "insecureAcceptAnything" }])
}

fn requirements(rule: &Rule, gaps: &mut Gaps) -> Value {
    match rule.mode {
        Mode::Off => return accept(),
        Mode::Warn => {
            gaps.add(rule, "mode \"warn\" is not known there: everything is accepted");
            return accept();
        }
        Mode::Enforce => {}
    }
    let mut requirements = Vec::new();
    for signers in &rule.signers {
        gaps.beyond_keys(rule, signers);
        if !signers.keys.is_empty() {
            gaps.add(
                rule,
                "there only signatures under cosign's older tag are read, and none where registries.d does not say \
                 use-sigstore-attachments; sign with `plimsoll sign --format bundle,cosign-tag`",
            );
        }
        if !signers.certificates.is_empty() {
            gaps.add(rule, "certificates are notation's and not read there; only its keys count");
        }
        requirements.extend(by(rule, signers, gaps));
    }
    if requirements.is_empty() { accept() } else { Value::Array(requirements) }
}

/// All requirements of a list must hold; several keys in one requirement are alternatives.
fn by(rule: &Rule, signers: &Signers, gaps: &mut Gaps) -> Vec<Value> {
    let keys: Vec<String> = signers.keys.iter().map(|trusted| BASE64_STANDARD.encode(trusted.key.to_pem())).collect();
    let identity = match signers.bind {
        // The name in the signature must be the repository's: images that were copied need `remapIdentity`.
        Bind::Digest => {
            gaps.add(rule, "there a signature counts only under the repository that it names, whatever `bind` says");
            json!({ "type": "matchRepository" })
        }
        Bind::Repository | Bind::Tag => json!({ "type": "matchRepository" }),
    };
    match (keys.as_slice(), signers.threshold) {
        ([], _) => {
            gaps.add(rule, "it names no keys that could count there: everything is refused");
            vec![json!({ "type": "reject" })]
        }
        ([only], 1) => vec![signed("keyData", json!(only), &identity)],
        (all, 1) => {
            gaps.add(
                rule,
                "programs that know `keyData` alone refuse the file, since this rule accepts one of several keys",
            );
            vec![signed("keyDatas", json!(all), &identity)]
        }
        (all, threshold) if threshold == all.len() => {
            all.iter().map(|key| signed("keyData", json!(key), &identity)).collect()
        }
        (all, threshold) => {
            let lists = combinations(all.len(), all.len() - threshold + 1);
            if lists.is_empty() {
                gaps.add(
                    rule,
                    format!("\"{threshold} of {}\" would be too long there: everything is refused", all.len()),
                );
                return vec![json!({ "type": "reject" })];
            }
            gaps.add(
                rule,
                "programs that know `keyData` alone refuse the file, since this rule wants some of several keys",
            );
            let chosen = |places: Vec<usize>| places.into_iter().map(|place| all[place].clone()).collect::<Vec<_>>();
            lists.into_iter().map(|places| signed("keyDatas", json!(chosen(places)), &identity)).collect()
        }
    }
}

fn signed(name: &str, keys: Value, identity: &Value) -> Value {
    let mut requirement = Map::new();
    requirement.insert("type".into(), "sigstoreSigned".into());
    requirement.insert(name.into(), keys);
    requirement.insert("signedIdentity".into(), identity.clone());
    Value::Object(requirement)
}
