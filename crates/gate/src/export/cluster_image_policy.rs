//! Sigstore's ClusterImagePolicy (policy.sigstore.dev/v1beta1), for the policy-controller in Kubernetes.
//!
//! Within one policy any authority is enough; of several policies that match an image each must hold. So each demand
//! becomes a policy of its own.

use serde_json::{Value, json};
use trust::Format;

use super::{Exported, Gaps, before, combinations, living, spellings, yaml};
use crate::{Bind, Mode, Policy, Rule, Signers};

pub(super) fn export(policy: &Policy) -> Exported {
    let mut gaps = Gaps::default();
    let mut documents = Vec::new();
    for rule in living(policy) {
        gaps.beyond_signatures(rule);
        if rule.mode == Mode::Off || rule.signers.is_empty() {
            continue;
        }
        if before(policy, rule).any(|earlier| earlier.images.meets(&rule.images)) {
            gaps.add(rule, "there it holds also for images that an earlier rule is about: policies have no order");
        }
        for (number, signers) in rule.signers.iter().enumerate() {
            gaps.beyond_keys(rule, signers);
            for (part, authorities) in alternatives(rule, signers, &mut gaps).into_iter().enumerate() {
                let name = format!("plimsoll-line-{}-{}-{}", rule.line, number + 1, part + 1);
                documents.push(document(&name, rule, &authorities));
            }
        }
    }
    gaps.of_names(policy);
    gaps.of_policy(policy);
    Exported { text: yaml::documents(&documents), unsaid: gaps.0 }
}

fn document(name: &str, rule: &Rule, authorities: &[Value]) -> Value {
    json!({
        "apiVersion": "policy.sigstore.dev/v1beta1",
        "kind": "ClusterImagePolicy",
        "metadata": { "name": name },
        "spec": {
            "mode": if rule.mode == Mode::Warn { "warn" } else { "enforce" },
            "images": globs(rule.images.as_str()).iter().map(|glob| json!({ "glob": glob })).collect::<Vec<_>>(),
            "authorities": authorities,
        },
    })
}

/// A glob is compared with the name, its tag or digest included; `**` stands for any characters.
fn globs(pattern: &str) -> Vec<String> {
    let hub = pattern.strip_prefix("docker.io/").map(|path| format!("index.docker.io/{path}"));
    let is_hub = hub.is_some();
    let pattern = hub.unwrap_or_else(|| pattern.to_owned());
    if pattern == "**" {
        return vec![pattern];
    }
    // `**` within a pattern stands for no segment, too, which a glob between two slashes does not.
    let mut globs = vec![pattern.clone()];
    if pattern.contains("/**/") {
        globs.push(pattern.replace("/**/", "/"));
    }
    globs
        .iter()
        .flat_map(|glob| if is_hub { vec![glob.clone()] } else { spellings(glob) })
        .flat_map(|glob| match glob.strip_suffix("/**") {
            Some(prefix) => vec![format!("{prefix}/**"), format!("{prefix}:*"), format!("{prefix}@*")],
            None => vec![format!("{glob}:*"), format!("{glob}@*")],
        })
        .collect()
}

/// Lists of authorities, each list a policy: any of a list, and each list.
fn alternatives(rule: &Rule, signers: &Signers, gaps: &mut Gaps) -> Vec<Vec<Value>> {
    if !signers.certificates.is_empty() {
        gaps.add(rule, "certificates are notation's and not read there; only its keys count");
    }
    if signers.bind != Bind::Digest {
        gaps.add(rule, format!("`bind = {:?}` is not asked there", signers.bind.as_str()));
    }
    if signers.formats == [Format::Notation] {
        gaps.add(rule, "notation's signatures are not read there: everything is refused");
    }
    let formats: Vec<&str> = [(Format::Bundle, "bundle"), (Format::CosignTag, "legacy")]
        .into_iter()
        .filter(|(format, _)| signers.formats.is_empty() || signers.formats.contains(format))
        .map(|(_, word)| word)
        .collect();
    let authorities_of = |place: usize| -> Vec<Value> {
        let pem = signers.keys[place].key.to_pem();
        let authority = |format: &&str| {
            json!({
                "name": format!("key-{}-{format}", place + 1),
                "key": { "data": pem, "hashAlgorithm": "sha256" },
                "signatureFormat": format,
            })
        };
        formats.iter().map(authority).collect()
    };
    let count = signers.keys.len();
    if count == 0 || formats.is_empty() {
        return refusing(rule);
    }
    match signers.threshold {
        1 => vec![(0..count).flat_map(authorities_of).collect()],
        all if all == count => (0..count).map(authorities_of).collect(),
        some => {
            // k of n: whichever n-k+1 are taken, one of them has signed.
            let lists = combinations(count, count - some + 1);
            if lists.is_empty() {
                gaps.add(rule, format!("\"{some} of {count}\" would take too many policies: everything is refused"));
                return refusing(rule);
            }
            lists.into_iter().map(|places| places.into_iter().flat_map(authorities_of).collect()).collect()
        }
    }
}

fn refusing(rule: &Rule) -> Vec<Vec<Value>> {
    let message = format!("the rule on line {} of the policy accepts no signature that is read here", rule.line);
    vec![vec![json!({ "name": "none", "static": { "action": "fail", "message": message } })]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_the_same_names_as_a_glob() {
        assert_eq!(
            globs("r.example.com/a/**"),
            [
                "r.example.com/a/**",
                "r.example.com/a:*",
                "r.example.com/a@*",
                "r.example.com:443/a/**",
                "r.example.com:443/a:*",
                "r.example.com:443/a@*"
            ]
        );
        assert_eq!(globs("r.example.com:5000/a"), ["r.example.com:5000/a:*", "r.example.com:5000/a@*"]);
        assert_eq!(
            globs("docker.io/library/debian"),
            ["index.docker.io/library/debian:*", "index.docker.io/library/debian@*"]
        );
        assert_eq!(globs("**"), ["**"]);
    }
}
