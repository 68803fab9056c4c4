//! What a rule can demand of signatures, and which words say that it is not met.

use std::collections::BTreeMap;

use gate::{Bind, Facts, Policy, Revoked, Verdict};
use image::Digest;
use time::Duration;
use trust::{Format, Signature};

use super::material::{NOW, digest, enforce, facts, policy, report, signature};

fn decide(policy: &Policy, signatures: Vec<Signature>) -> Verdict {
    let (digest, report) = (digest(), report(vec![]));
    policy.decide(&Facts { tag: Some("1.0"), signatures: Some(Ok(signatures)), ..facts(&digest, &report) })
}

fn bound(repository: &str, tag: Option<&str>) -> Signature {
    Signature { repository: Some(repository.into()), tag: tag.map(Into::into), ..signature("release.pub") }
}

fn teams(rule: &str) -> Policy {
    policy(&format!(
        "[teams]\npayments = {{ keys = [\"release.pub\", \"second.pub\"] }}\nsecurity = {{ keys = [\"third.pub\"] }}\n\
         [[rule]]\nimages = \"**\"\nmode = \"enforce\"\n{rule}\n"
    ))
}

#[test]
fn each_demand_must_be_met_by_its_own_team() {
    let policy = teams("signers = [{ team = \"payments\" }, { team = \"security\" }]");
    assert!(decide(&policy, vec![signature("second.pub"), signature("third.pub")]).allowed);
    let refused = [
        decide(&policy, vec![signature("release.pub"), signature("second.pub")]),
        decide(&policy, vec![signature("third.pub")]),
        decide(&teams("signers = { team = \"payments\", threshold = 2 }"), vec![signature("release.pub")]),
    ];
    insta::assert_snapshot!(
        refused.iter().flat_map(|verdict| &verdict.reasons).cloned().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn a_name_that_must_be_signed_is_compared_in_the_spelling_of_patterns() {
    let repository = "registry.example.com/payments/api";
    for (bind, signature, allowed) in [
        (Bind::Digest, signature("release.pub"), true),
        (Bind::Repository, signature("release.pub"), false),
        (Bind::Repository, bound(repository, None), true),
        (Bind::Repository, bound("registry.example.com/payments/web", None), false),
        (Bind::Tag, bound(repository, Some("1.0")), true),
        (Bind::Tag, bound(repository, Some("2.0")), false),
        (Bind::Tag, bound(repository, None), false),
    ] {
        let word = bind.as_str();
        let policy = enforce(&format!("signers = {{ keys = [\"release.pub\"], bind = \"{word}\" }}"));
        assert_eq!(decide(&policy, vec![signature.clone()]).allowed, allowed, "{word} {signature:?}");
    }
}

#[test]
fn a_tag_that_nobody_asked_for_cannot_be_compared() {
    let (digest, report) = (digest(), report(vec![]));
    let signatures = Some(Ok(vec![bound("registry.example.com/payments/api", Some("1.0"))]));
    let facts = Facts { tag: None, signatures, ..facts(&digest, &report) };
    let verdict = enforce("signers = { keys = [\"release.pub\"], bind = \"tag\" }").decide(&facts);
    assert!(!verdict.allowed && verdict.reasons[0].contains("asked for by digest"), "{verdict:?}");
}

/// Whoever types it and asks again must not be told the same.
#[test]
fn the_command_that_mends_makes_what_the_demand_counts() {
    let index = Digest::sha256(b"an index");
    let command = |signers: &str, tag, index| {
        let (digest, report) = (digest(), report(vec![]));
        let facts = Facts { tag, index, signatures: Some(Ok(vec![])), ..facts(&digest, &report) };
        let verdict = enforce(&format!("signers = {{ {signers} }}")).decide(&facts);
        let reason = verdict.reasons.into_iter().next().unwrap();
        reason.rsplit_once("; ").unwrap().1.replace(index.unwrap_or(&digest).as_str(), "DIGEST")
    };
    let place = "registry.example.com/payments/api";
    let keys = "keys = [\"release.pub\"]";
    for (signers, tag, index, wanted) in [
        (keys.to_owned(), None, None, format!("sign it with `plimsoll sign {place}@DIGEST`")),
        (keys.to_owned(), Some("1.0"), Some(&index), format!("sign it with `plimsoll sign {place}:1.0@DIGEST`")),
        (
            format!("{keys}, formats = [\"notation\", \"cosign-tag\"]"),
            Some("1.0"),
            None,
            format!("sign it with `plimsoll sign --format notation {place}:1.0@DIGEST`"),
        ),
        (
            "certificates = [\"root.pem\"]".to_owned(),
            None,
            None,
            format!("sign it with `plimsoll sign --format notation {place}@DIGEST`"),
        ),
        (format!("{keys}, bind = \"tag\""), None, None, "ask for it by the tag that was signed".to_owned()),
    ] {
        assert_eq!(command(&signers, tag, index), wanted, "{signers}");
    }
}

#[test]
fn old_undated_and_future_signatures_do_not_count() {
    let policy = enforce("signers = { keys = [\"release.pub\"], not-older-than = \"90d\" }");
    let made = |at| decide(&policy, vec![Signature { signed_at: at, ..signature("release.pub") }]);
    assert!(made(Some(NOW - Duration::days(90))).allowed);
    assert!(made(Some(NOW + Duration::minutes(5))).allowed);
    let refused = [None, Some(NOW - Duration::days(91)), Some(NOW + Duration::days(1))].map(made);
    insta::assert_snapshot!(
        refused.iter().flat_map(|verdict| &verdict.reasons).cloned().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn only_the_named_formats_count() {
    let policy = enforce("signers = { keys = [\"release.pub\"], formats = [\"bundle\", \"notation\"] }");
    for (format, allowed) in [(Format::Bundle, true), (Format::Notation, true), (Format::CosignTag, false)] {
        let verdict = decide(&policy, vec![Signature { format, ..signature("release.pub") }]);
        assert_eq!(verdict.allowed, allowed, "{format}: {verdict:?}");
    }
}

#[test]
fn a_key_that_nothing_attests_is_no_hardware() {
    let policy = enforce(
        "signers = { keys = [\"release.pub\"], hardware = true, roots = [\"root.pem\"], touch = \"always\", firmware = \"5.2\" }",
    );
    let attestations = vec![keys::Attestation { leaf: vec![0x30, 0x00], intermediates: vec![] }];
    let refused = [
        decide(&policy, vec![signature("release.pub")]),
        decide(&policy, vec![Signature { attestations, ..signature("release.pub") }]),
    ];
    assert!(refused.iter().all(|verdict| !verdict.allowed));
    let first = refused[0].reasons.join("\n");
    assert!(first.contains("nothing attests"), "{first}");
    assert!(refused[1].reasons[0].contains("does not hold"), "{:?}", refused[1]);
}

fn list() -> Revoked {
    Revoked {
        version: 7,
        issued: NOW - Duration::days(2),
        expires: NOW + Duration::days(5),
        keys: BTreeMap::new(),
        images: BTreeMap::new(),
    }
}

fn with_list(age: &str, list: Option<Result<Revoked, String>>) -> Verdict {
    let policy = policy(&format!(
        "[revocation]\nkeys = [\"third.pub\"]\n{age}\n[[rule]]\nimages = \"**\"\nmode = \"enforce\"\n\
         signers = {{ keys = [\"release.pub\"] }}\n"
    ));
    let (digest, report) = (digest(), report(vec![]));
    let signatures = Some(Ok(vec![signature("release.pub")]));
    policy.decide(&Facts { signatures, revocation: list, ..facts(&digest, &report) })
}

#[test]
fn a_list_of_what_was_revoked_that_is_missing_or_stale_closes_the_gate() {
    assert!(with_list("", Some(Ok(list()))).allowed);
    assert!(with_list("max-age = \"2d\"", Some(Ok(list()))).allowed);
    let refused = [
        with_list("", None),
        with_list("", Some(Err("the registry has no such list".into()))),
        with_list("", Some(Ok(Revoked { expires: NOW, ..list() }))),
        with_list("max-age = \"1d\"", Some(Ok(list()))),
        with_list("", Some(Ok(Revoked { issued: NOW + Duration::days(2), ..list() }))),
    ];
    assert!(refused.iter().all(|verdict| !verdict.allowed));
    insta::assert_snapshot!(
        refused.iter().flat_map(|verdict| &verdict.reasons).cloned().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn what_was_revoked_does_not_count_whoever_signed() {
    let key = signature("release.pub").key.fingerprint();
    let by_key = Revoked { keys: BTreeMap::from([(key, "laptop stolen".to_owned())]), ..list() };
    let by_image = Revoked { images: BTreeMap::from([(digest().to_string(), "has a backdoor".to_owned())]), ..list() };
    let other = Revoked {
        images: BTreeMap::from([(Digest::sha256(b"other").to_string(), "not this one".to_owned())]),
        ..list()
    };
    assert!(with_list("", Some(Ok(other))).allowed);
    let refused = [with_list("", Some(Ok(by_key))), with_list("", Some(Ok(by_image)))];
    assert!(refused.iter().all(|verdict| !verdict.allowed));
    insta::assert_snapshot!(
        refused.iter().flat_map(|verdict| &verdict.reasons).cloned().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn demands_that_could_have_no_effect_are_mistakes() {
    let wrong = [
        "signers = { keys = [\"release.pub\"], touch = \"always\" }",
        "signers = { keys = [\"release.pub\"], hardware = true }",
        "signers = { keys = [\"release.pub\"], hardware = true, roots = [\"missing.pem\"] }",
        "signers = { keys = [\"release.pub\"], hardware = true, roots = [\"root.pem\"], touch = \"sometimes\" }",
        "signers = { keys = [\"release.pub\"], hardware = true, roots = [\"root.pem\"], firmware = \"new\" }",
        "signers = { keys = [\"release.pub\"], formats = [] }",
        "signers = { keys = [\"release.pub\"], formats = [\"cosign\"] }",
        "signers = { keys = [\"release.pub\"], bind = \"name\" }",
        "signers = { keys = [\"release.pub\"], not-older-than = \"soon\" }",
        "signers = { team = \"payment\" }",
        "signers = { certificates = [\"release.pub\"] }",
        "signers = []",
        "findings = { at-most = \"low\" }\nhold = true",
    ];
    let told: Vec<String> = wrong
        .iter()
        .map(|lines| {
            let text = format!(
                "[teams]\npayments = {{ keys = [\"release.pub\"] }}\n[[rule]]\nimages = \"**\"\nmode = \"enforce\"\n{lines}\n"
            );
            let error = Policy::parse(&text, "policy.toml", &super::material::folder()).expect_err(lines);
            format!("{lines}\n  {}", error.to_string().replace('\n', "\n  "))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn every_certificate_of_a_demand_is_part_of_the_policys_version() {
    let of = |lines: &str| enforce(lines).version().clone();
    let plain = of("signers = { keys = [\"release.pub\"] }");
    let stamped = of("signers = { keys = [\"release.pub\"], timestamps = [\"root.pem\"] }");
    assert_ne!(plain, stamped);
}

#[test]
fn one_key_under_two_authorities_is_one_signer() {
    let folder = tempfile::tempdir().unwrap();
    let root = std::fs::read_to_string(super::material::folder().join("root.pem")).unwrap();
    let mut ders = vec![keys::pem::certificates(&root).unwrap().remove(0)];
    std::fs::write(folder.path().join("a.pem"), &root).unwrap();
    // The gate compares authorities and reads none: any other bytes are another one.
    let other = root.replacen(
        "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n",
        1,
    );
    std::fs::write(folder.path().join("b.pem"), other.split_inclusive("-----END CERTIFICATE-----").next().unwrap())
        .unwrap();
    ders.push(vec![0x30, 0x00]);
    let rule = "[[rule]]\nimages = \"**\"\nmode = \"enforce\"\n\
                signers = { certificates = [\"a.pem\", \"b.pem\"], threshold = 2 }\n";
    let policy = Policy::parse(rule, "policy.toml", folder.path()).unwrap();
    let by = |key: &str, authority: &Vec<u8>| Signature { authority: Some(authority.clone()), ..signature(key) };
    assert!(decide(&policy, vec![by("release.pub", &ders[0]), by("second.pub", &ders[1])]).allowed);
    assert!(!decide(&policy, vec![by("release.pub", &ders[0]), by("release.pub", &ders[1])]).allowed);
}

#[test]
fn what_a_revoked_authority_certified_does_not_count() {
    let policy = policy(
        "[revocation]\nkeys = [\"third.pub\"]\n[[rule]]\nimages = \"**\"\nmode = \"enforce\"\n\
         signers = { certificates = [\"root.pem\"] }\n",
    );
    let der = keys::pem::certificates(&std::fs::read_to_string(super::material::folder().join("root.pem")).unwrap());
    let authority = super::material::key("second.pub");
    let signed = Signature {
        authority: Some(der.unwrap().remove(0)),
        vouching: vec![authority.clone()],
        ..signature("release.pub")
    };
    let (digest, report) = (digest(), report(vec![]));
    let decide = |list: Revoked| {
        let signatures = Some(Ok(vec![signed.clone()]));
        policy.decide(&Facts { signatures, revocation: Some(Ok(list)), ..facts(&digest, &report) })
    };
    assert!(decide(list()).allowed);
    let keys = BTreeMap::from([(authority.fingerprint(), "the authority was broken into".to_owned())]);
    let refused = decide(Revoked { keys, ..list() });
    assert!(!refused.allowed && refused.reasons[0].contains("broken into"), "{refused:?}");
}

#[test]
fn a_demand_believes_its_own_timestamps_and_not_those_of_another_demand() {
    let root = keys::pem::certificates(&std::fs::read_to_string(super::material::folder().join("root.pem")).unwrap());
    let root = root.unwrap().remove(0);
    let ended = || Signature { outlived_by: vec![root.clone()], ..signature("release.pub") };
    let both =
        enforce("signers = [{ keys = [\"release.pub\"] }, { keys = [\"second.pub\"], timestamps = [\"root.pem\"] }]");
    let refused = decide(&both, vec![ended(), signature("second.pub")]);
    assert!(!refused.allowed && refused.reasons[0].contains("certificate has ended"), "{refused:?}");
    let own = enforce("signers = { keys = [\"release.pub\"], timestamps = [\"root.pem\"] }");
    assert!(decide(&own, vec![ended()]).allowed);
}

/// What `plimsoll revoke` says that it stops, it stops under each rule; a rule that asks for no signature wants no list.
#[test]
fn a_revoked_image_is_refused_by_a_rule_that_asks_for_no_signature_as_well() {
    let policy = policy(
        "[revocation]\nkeys = [\"third.pub\"]\n[[rule]]\nimages = \"**\"\nmode = \"enforce\"\n\
         findings = { at-most = \"critical\" }\n",
    );
    assert!(policy.needs("r.example.com/a").revocation.is_some());
    let (digest, report) = (digest(), report(vec![]));
    let decide = |revocation| policy.decide(&Facts { revocation, ..facts(&digest, &report) });
    let images = BTreeMap::from([(digest.to_string(), "has a backdoor".to_owned())]);
    let refused = decide(Some(Ok(Revoked { images, ..list() })));
    assert!(!refused.allowed && refused.reasons[0].contains("has a backdoor"), "{refused:?}");
    for nothing in [None, Some(Err("the registry has no such list".to_owned())), Some(Ok(list()))] {
        assert!(decide(nothing).allowed);
    }
}
